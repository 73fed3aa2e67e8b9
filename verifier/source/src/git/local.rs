//! A repository of this machine: where it keeps what is git's own, and what of that is taken along.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use twinbuild_subject::ObjectFormat;

use super::GitError;

/// The largest file of a repository's own folder that is taken along, in bytes.
const FILE_LIMIT_BYTES: u64 = 4 << 20;

/// The folder of git's own of a repository of this machine, and what of it is taken along.
pub(super) struct OwnFolder {
    pub(super) path: PathBuf,
    /// By name, with their contents.
    pub(super) files: Vec<(&'static str, Vec<u8>)>,
    pub(super) format: ObjectFormat,
}

impl OwnFolder {
    /// That of the repository in a folder.
    pub(super) fn of(path: &Path) -> Result<Self, GitError> {
        Self::at(&Self::find(path)?)
    }

    /// `.git` below the folder, or the folder itself where it is bare. What leads elsewhere is not followed.
    pub(super) fn find(path: &Path) -> Result<PathBuf, GitError> {
        let refuse = |reason: &str| GitError::NoRepository { path: path.to_owned(), reason: reason.to_owned() };
        let below = path.join(".git");
        match fs::symlink_metadata(&below) {
            Ok(metadata) if metadata.is_dir() => Ok(below),
            Ok(_) => Err(refuse("its .git leads to another place: give the repository that is there")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
                is_bare.then(|| path.to_owned()).ok_or_else(|| refuse("it has no .git, and is no bare repository"))
            }
            Err(error) => Err(refuse(&error.to_string())),
        }
    }

    /// That folder itself.
    pub(super) fn at(path: &Path) -> Result<Self, GitError> {
        let refuse = |reason: String| GitError::NoRepository { path: path.to_owned(), reason };
        for folder in ["objects", "refs"] {
            let is_folder = fs::symlink_metadata(path.join(folder)).is_ok_and(|metadata| metadata.is_dir());
            if !is_folder {
                return Err(refuse(format!("{folder} of it is no folder")));
            }
        }
        if path.join("objects/info/alternates").exists() {
            let reason = "it takes objects from another repository (objects/info/alternates), which is not followed";
            return Err(refuse(reason.to_owned()));
        }
        if path.join("reftable").is_dir() {
            return Err(refuse("its references are kept in the form reftable, which is not read".to_owned()));
        }
        let mut files = Vec::new();
        for name in ["packed-refs", "shallow"] {
            files.extend(read_plain(&path.join(name)).map_err(&refuse)?.map(|content| (name, content)));
        }
        let config = read_plain(&path.join("config")).map_err(&refuse)?.unwrap_or_default();
        Ok(Self { path: path.to_owned(), files, format: object_format(&config) })
    }
}

/// A file of at most 4 MiB, which is no link; `None` where there is none.
fn read_plain(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= FILE_LIMIT_BYTES => {
            fs::read(path).map(Some).map_err(|error| format!("its {shown} cannot be read: {error}"))
        }
        Ok(_) => Err(format!("its {shown} is no file of at most {FILE_LIMIT_BYTES} bytes")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("its {shown} cannot be read: {error}")),
    }
}

/// What a repository's settings say of its objects; nothing else of them is read.
fn object_format(config: &[u8]) -> ObjectFormat {
    let text = String::from_utf8_lossy(config).to_ascii_lowercase();
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<String>());
    if lines.any(|line| line == "objectformat=sha256") { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_settings_only_the_form_of_objects_is_read() {
        assert_eq!(object_format(b"[core]\n\tfsmonitor = x\n"), ObjectFormat::Sha1);
        assert_eq!(object_format(b"[extensions]\n\tobjectFormat = SHA256\n"), ObjectFormat::Sha256);
        assert_eq!(object_format(b"\xff"), ObjectFormat::Sha1);
    }

    #[test]
    fn what_leads_elsewhere_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let find = |path: &Path| OwnFolder::of(path).map(|own| own.path).map_err(|error| error.to_string());
        assert!(find(folder.path()).unwrap_err().contains("no bare repository"));
        let git = folder.path().join("real/.git");
        for below in ["objects/info", "refs"] {
            fs::create_dir_all(git.join(below)).unwrap();
        }
        assert_eq!(find(&folder.path().join("real")), Ok(git.clone()));
        let linked = folder.path().join("linked");
        fs::create_dir(&linked).unwrap();
        std::os::unix::fs::symlink(&git, linked.join(".git")).unwrap();
        assert!(find(&linked).unwrap_err().contains("leads to another place"));
        std::os::unix::fs::symlink("/etc/passwd", git.join("packed-refs")).unwrap();
        assert!(find(&folder.path().join("real")).unwrap_err().contains("packed-refs"));
        fs::remove_file(git.join("packed-refs")).unwrap();
        fs::write(git.join("objects/info/alternates"), "/").unwrap();
        assert!(find(&folder.path().join("real")).unwrap_err().contains("alternates"));
        fs::remove_dir_all(git.join("objects")).unwrap();
        std::os::unix::fs::symlink("/", git.join("objects")).unwrap();
        assert!(find(&folder.path().join("real")).unwrap_err().contains("objects"));
    }
}
