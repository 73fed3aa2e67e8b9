//! What a result consists of.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::plain_file::{self, PlainFile};
use crate::{DepotError, ResultPath, ResultPathError};

/// The largest file of a result, in bytes: the largest published file that is judged, and so the largest that a twin of one has reason to be.
pub const MAX_FILE_BYTES: u64 = 2 << 30;
/// The largest result, in bytes: both twins and the source at their largest, and the same again for logs and lists of members.
pub const MAX_BYTES: u64 = 8 << 30;
/// The most files and empty folders of a result. One has a few dozen; each costs an object, and a request to send and to fetch.
pub const MAX_FILES: usize = 4096;
/// The largest manifest, in bytes: the most files, all with the longest paths, and each character of them escaped in two.
pub const MAX_MANIFEST_BYTES: u64 = 12 << 20;

/// The version of the form below.
const VERSION: u64 = 1;

/// The files of a result and its empty folders, by path. There is one sequence of bytes for it, and its digest stands for the whole result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    files: Vec<ManifestFile>,
    folders: Vec<ResultPath>,
    bytes: Vec<u8>,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its path.
    pub path: ResultPath,
    /// The SHA-256 of its content.
    pub sha256: Sha256,
    /// The size of its content, in bytes.
    pub size: u64,
}

/// What is wrong with a manifest, or with a folder that is to become a result.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not of the form of a manifest; a path that leads elsewhere is said here, too.
    #[error("it is no manifest: {reason}")]
    Form {
        /// What the parser says.
        reason: String,
    },
    /// It was written by a later version.
    #[error("it is of the version {found}, and this program reads {VERSION}: take a newer one")]
    Version {
        /// The version that it has.
        found: u64,
    },
    /// The same content is written in another way: white space, another order.
    #[error("it is not in its canonical form")]
    NotCanonical,
    /// It has a path that cannot stand in a result.
    #[error(transparent)]
    Path(#[from] ResultPathError),
    /// A path stands there twice.
    #[error("`{path}` stands there twice")]
    Twice {
        /// The path.
        path: ResultPath,
    },
    /// A path leads through what is a file, or a folder that is said to be empty.
    #[error("`{path}` is said to be in `{folder}`, which is a file or an empty folder")]
    Inside {
        /// The path.
        path: ResultPath,
        /// What it leads through.
        folder: String,
    },
    /// There are too many files and empty folders.
    #[error("it has more than {MAX_FILES} files and empty folders, which no result has")]
    TooMany,
    /// A file is too large.
    #[error("`{path}` has more than {MAX_FILE_BYTES} bytes, which no file of a result has")]
    FileTooLarge {
        /// The file.
        path: ResultPath,
    },
    /// All files together are too large.
    #[error("its files have more than {MAX_BYTES} bytes together, which no result has")]
    TooLarge,
}

/// As it is written: members in the order of RFC 8785, which is that of their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    files: Vec<ManifestFile>,
    folders: Vec<ResultPath>,
    version: u64,
}

impl Manifest {
    /// What `folder` would be as a result. Nothing is sent; every file is read.
    ///
    /// # Errors
    /// [`DepotError::NotPlain`] at whatever is neither a file nor a folder, [`DepotError::Unfit`] beyond a limit or at a path that is none,
    /// [`DepotError::Io`].
    pub fn of(folder: &Path) -> Result<Self, DepotError> {
        let unfit = |source| DepotError::Unfit { folder: folder.to_owned(), source };
        let (mut paths, mut folders) = (Vec::new(), Vec::new());
        let mut left = vec![PathBuf::new()];
        while let Some(below) = left.pop() {
            let (names, mut is_empty) = (folder.join(&below), true);
            let failed = |source| DepotError::Io { doing: "read", path: names.clone(), source };
            for entry in fs::read_dir(&names).map_err(failed)? {
                is_empty = false;
                let entry = entry.map_err(failed)?;
                let (path, kind) = (below.join(entry.file_name()), entry.file_type().map_err(failed)?);
                if kind.is_dir() {
                    // A folder has a path even where only what stands in it is listed.
                    ResultPath::of(&path).map_err(|error| unfit(error.into()))?;
                    left.push(path);
                } else if kind.is_file() {
                    paths.push(ResultPath::of(&path).map_err(|error| unfit(error.into()))?);
                } else {
                    return Err(DepotError::NotPlain { path: entry.path() });
                }
                if paths.len() + folders.len() + left.len() > MAX_FILES {
                    return Err(unfit(ManifestError::TooMany));
                }
            }
            if is_empty && !below.as_os_str().is_empty() {
                folders.push(ResultPath::of(&below).map_err(|error| unfit(error.into()))?);
            }
        }
        let mut files = Vec::new();
        for path in paths {
            let at = folder.join(path.as_str());
            let (sha256, size) =
                digest(&at)?.ok_or_else(|| unfit(ManifestError::FileTooLarge { path: path.clone() }))?;
            files.push(ManifestFile { path, sha256, size });
        }
        Self::new(files, folders).map_err(unfit)
    }

    /// The manifest that has these bytes, which are anybody's.
    ///
    /// # Errors
    /// [`ManifestError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let form = |error: serde_json::Error| ManifestError::Form { reason: error.to_string() };
        let Versioned { version } = serde_json::from_slice(bytes).map_err(form)?;
        if version != VERSION {
            return Err(ManifestError::Version { found: version });
        }
        let Form { files, folders, .. } = serde_json::from_slice(bytes).map_err(form)?;
        let manifest = Self::new(files, folders)?;
        if manifest.bytes == bytes { Ok(manifest) } else { Err(ManifestError::NotCanonical) }
    }

    fn new(mut files: Vec<ManifestFile>, mut folders: Vec<ResultPath>) -> Result<Self, ManifestError> {
        if files.len() + folders.len() > MAX_FILES {
            return Err(ManifestError::TooMany);
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        folders.sort();
        let paths = || files.iter().map(|file| &file.path).chain(&folders);
        let mut ends = HashSet::new();
        if let Some(path) = paths().find(|path| !ends.insert(path.as_str())) {
            return Err(ManifestError::Twice { path: path.clone() });
        }
        for path in paths() {
            if let Some(folder) = path.folders().find(|folder| ends.contains(folder)) {
                return Err(ManifestError::Inside { path: path.clone(), folder: folder.to_owned() });
            }
        }
        if let Some(file) = files.iter().find(|file| file.size > MAX_FILE_BYTES) {
            return Err(ManifestError::FileTooLarge { path: file.path.clone() });
        }
        // Neither the count nor the sizes, as they were just checked, let the sum wrap.
        if files.iter().map(|file| file.size).sum::<u64>() > MAX_BYTES {
            return Err(ManifestError::TooLarge);
        }
        let form = Form { files, folders, version: VERSION };
        // serde_json escapes no more than RFC 8785 does, and all numbers are below 2^53.
        let bytes = serde_json::to_vec(&form).map_err(|error| ManifestError::Form { reason: error.to_string() })?;
        Ok(Self { files: form.files, folders: form.folders, bytes })
    }

    /// The files, in the order of their paths' bytes.
    #[must_use]
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// The folders in which there is nothing, in the order of their paths' bytes.
    #[must_use]
    pub fn empty_folders(&self) -> &[ResultPath] {
        &self.folders
    }

    /// The manifest in the one form that it has: JSON as of RFC 8785.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of these bytes: what a worker signs for all of its result.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }
}

/// The digest and size of a file; `None` where it is too large.
fn digest(path: &Path) -> Result<Option<(Sha256, u64)>, DepotError> {
    let mut file = PlainFile::open(path)?;
    if file.size_bytes()? > MAX_FILE_BYTES {
        return Ok(None);
    }
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; plain_file::BUFFER_BYTES];
    // It may grow.
    while hasher.size_bytes() <= MAX_FILE_BYTES {
        match file.read(&mut buffer)? {
            [] => return Ok(Some((hasher.clone().finish(), hasher.size_bytes()))),
            read => hasher.update(read),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn file(path: &str, size: u64) -> String {
        format!(r#"{{"path":"{path}","sha256":"{EMPTY}","size":{size}}}"#)
    }

    fn written(files: &[String], folders: &[&str]) -> String {
        let folders: Vec<_> = folders.iter().map(|folder| format!("{folder:?}")).collect();
        format!(r#"{{"files":[{}],"folders":[{}],"version":1}}"#, files.join(","), folders.join(","))
    }

    fn refused(files: &[String], folders: &[&str]) -> ManifestError {
        Manifest::parse(written(files, folders).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_folder_has_one_manifest_and_it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        for below in ["b c", "nothing/here", "full"] {
            fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        for path in ["b c/\"d\"", "a", "full/x"] {
            fs::write(folder.path().join(path), "").unwrap();
        }
        let manifest = Manifest::of(folder.path()).unwrap();
        let files = [file("a", 0), file(r#"b c/\"d\""#, 0), file("full/x", 0)];
        assert_eq!(String::from_utf8_lossy(manifest.as_bytes()), written(&files, &["nothing/here"]));
        assert_eq!(Manifest::parse(manifest.as_bytes()).unwrap(), manifest);
        assert_eq!(manifest.sha256(), Sha256::of(manifest.as_bytes()));
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in ["../a", "/etc/passwd", "a/../../b", "", "a//b", "./a", "a/", r"a\\b", r"a\u0000", r"a\nb"] {
            assert!(matches!(refused(&[file(path, 0)], &[]), ManifestError::Form { .. }), "{path}");
        }
        assert!(matches!(refused(&[], &["../a"]), ManifestError::Form { .. }));
    }

    #[test]
    fn two_things_at_one_path_are_refused() {
        assert!(matches!(refused(&[file("a", 0), file("a", 0)], &[]), ManifestError::Twice { .. }));
        assert!(matches!(refused(&[file("a", 0)], &["a"]), ManifestError::Twice { .. }));
        assert!(matches!(refused(&[file("a", 0), file("a/b/c", 0)], &[]), ManifestError::Inside { .. }));
        assert!(matches!(refused(&[file("a/b", 0)], &["a"]), ManifestError::Inside { .. }));
        assert!(matches!(refused(&[], &["a", "a/b"]), ManifestError::Inside { .. }));
    }

    #[test]
    fn what_is_larger_than_any_result_is_refused() {
        let most = |count| (0..count).map(|n| file(&format!("{n:04}"), 0)).collect::<Vec<_>>();
        assert!(Manifest::parse(written(&most(MAX_FILES), &[]).as_bytes()).is_ok());
        assert!(matches!(refused(&most(MAX_FILES + 1), &[]), ManifestError::TooMany));
        assert!(matches!(refused(&most(MAX_FILES), &["a"]), ManifestError::TooMany));
        assert!(matches!(refused(&[file("a", MAX_FILE_BYTES + 1)], &[]), ManifestError::FileTooLarge { .. }));
        assert!(matches!(refused(&[file("a", u64::MAX)], &[]), ManifestError::FileTooLarge { .. }));
        let large: Vec<_> = (0..5).map(|n| file(&n.to_string(), MAX_FILE_BYTES)).collect();
        assert!(Manifest::parse(written(&large[..4], &[]).as_bytes()).is_ok());
        assert!(matches!(refused(&large, &[]), ManifestError::TooLarge));
    }

    #[test]
    fn no_other_spelling_and_no_other_version_is_read() {
        let whole = written(&[file("a", 0), file("b", 0)], &[]);
        let upper = whole.replace(EMPTY, &EMPTY.to_uppercase());
        for other in
            [written(&[file("b", 0), file("a", 0)], &[]), format!("{whole}\n"), whole.replace(":0", ": 0"), upper]
        {
            assert!(matches!(Manifest::parse(other.as_bytes()).unwrap_err(), ManifestError::NotCanonical), "{other}");
        }
        let later = whole.replace(r#""version":1"#, r#""version":2,"links":[]"#);
        assert!(matches!(Manifest::parse(later.as_bytes()).unwrap_err(), ManifestError::Version { found: 2 }));
        let more = whole.replace(r#""size":0"#, r#""size":0,"mode":493"#);
        let negative = whole.replace(r#""size":0"#, r#""size":-1"#);
        for other in ["", "[]", "{}", &more, &negative, &whole.replace("\"a\"", "\"a\u{7f}\"")] {
            assert!(matches!(Manifest::parse(other.as_bytes()).unwrap_err(), ManifestError::Form { .. }), "{other}");
        }
    }

    #[test]
    fn links_and_sockets_become_no_result() {
        let folder = tempfile::tempdir().unwrap();
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let error = Manifest::of(folder.path()).unwrap_err();
        assert!(matches!(&error, DepotError::NotPlain { path } if path.ends_with("link")), "{error}");
        fs::remove_file(folder.path().join("link")).unwrap();
        let _listening = UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(matches!(Manifest::of(folder.path()).unwrap_err(), DepotError::NotPlain { .. }));
    }

    #[test]
    fn names_that_no_other_machine_can_have_become_no_result() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a\nb"), "").unwrap();
        assert!(matches!(Manifest::of(folder.path()).unwrap_err(), DepotError::Unfit { .. }));
    }
}
