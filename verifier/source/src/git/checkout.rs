//! A snapshot laid out: the files of a checkout, and a repository of the one commit.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId, PackageName, Sha256, Sha256Hasher};

use super::object::{Kind, Mode, is_lfs_pointer};
use super::snapshot::Entry;
use super::{CheckoutError, Snapshot};
use crate::{Repository, SourceTree};

/// The largest link target, in bytes.
const TARGET_LIMIT_BYTES: u64 = 4096;
/// The most that is laid out, in bytes.
const CONTENT_LIMIT_BYTES: u64 = 2 << 30;
/// A pointer to what Git LFS keeps is smaller than this.
const POINTER_LIMIT_BYTES: u64 = 1024;

impl Snapshot {
    /// Lays the snapshot out in `folder`, which exists and is empty: the files as a checkout has them, below `folder/tree/TOP`, and
    /// beside them a repository that a build may be given. `subdirectory`, where it is not empty, is the folder of the project
    /// in a repository of several.
    ///
    /// Contents are as they are stored: neither filters nor line endings nor `ident` are applied, as attributes of a checkout are
    /// settings of whoever makes it; nothing is substituted and nothing left out (`export-subst`, `export-ignore`), as these are of
    /// archives. All files have the committer's date. A repository whose contents are kept by Git LFS cannot be laid out.
    ///
    /// # Errors
    /// See [`CheckoutError`]; what was written by then is of no use.
    pub fn lay_out(&self, top: &PackageName, subdirectory: &str, folder: &Path) -> Result<SourceTree, CheckoutError> {
        let [files, repository, texts] = ["tree", "repository", "texts"].map(|name| folder.join(name));
        let root = files.join(top.as_str());
        for folder in [&root, &repository, &texts] {
            fs::create_dir_all(folder).map_err(CheckoutError::write(folder))?;
        }
        let committed = self.committed()?;
        let entries = self.entries()?;
        let is_folder = |path: &str| {
            let below = format!("{path}/");
            entries.iter().any(|entry| entry.path.starts_with(below.as_bytes()))
        };
        if !subdirectory.is_empty() && !is_folder(subdirectory) {
            return Err(CheckoutError::Subdirectory { path: subdirectory.to_owned() });
        }
        self.check_size(&entries)?;
        let mut digests = Vec::new();
        let mut folders = BTreeSet::from([root.clone()]);
        for entry in &entries {
            let path = entry
                .path
                .split(|byte| *byte == b'/')
                .fold(root.clone(), |path, part| path.join(OsStr::from_bytes(part)));
            let parents = path.ancestors().skip(1).take_while(|parent| *parent != root);
            folders.extend(parents.map(Path::to_owned));
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(CheckoutError::write(parent))?;
            }
            match entry.mode {
                Mode::File => digests
                    .push((MemberPath::new(entry.path.as_slice()), self.write_file(entry, &path, 0o644, committed)?)),
                Mode::Executable => {
                    digests.push((
                        MemberPath::new(entry.path.as_slice()),
                        self.write_file(entry, &path, 0o755, committed)?,
                    ));
                }
                Mode::Symlink => self.write_link(entry, &path)?,
                Mode::Submodule => {
                    fs::create_dir_all(&path).map_err(CheckoutError::write(&path))?;
                    folders.insert(path);
                }
                Mode::Folder => {}
            }
        }
        // Deepest first, now that nothing is written into them any more.
        for folder in folders.iter().rev() {
            set_time(folder, committed).map_err(CheckoutError::write(folder))?;
        }
        for (name, id, kind) in self.texts()? {
            let path = texts.join(name);
            fs::write(&path, self.objects().text(&id, kind)?).map_err(CheckoutError::write(&path))?;
        }
        self.write_repository(&repository.join(".git"))?;
        // It is copied above the top folder, which is to keep its time.
        set_time(&repository, committed).map_err(CheckoutError::write(&repository))?;
        Ok(SourceTree {
            folder: files,
            top: top.to_string(),
            subdirectory: subdirectory.to_owned(),
            files: digests,
            repository: Some(Repository { folder: repository, texts }),
        })
    }

    /// Few objects can stand for very many bytes.
    pub(super) fn check_size(&self, entries: &[Entry]) -> Result<(), CheckoutError> {
        let mut total_bytes = 0_u64;
        for entry in entries.iter().filter(|entry| entry.mode != Mode::Submodule) {
            total_bytes = total_bytes.saturating_add(self.objects().size_bytes(&entry.id, Kind::Blob)?);
        }
        if total_bytes > CONTENT_LIMIT_BYTES {
            return Err(CheckoutError::limit(format!(
                "its files have {total_bytes} bytes, and {CONTENT_LIMIT_BYTES} are laid out at most"
            )));
        }
        Ok(())
    }

    /// The commit and its tags, which no file of a checkout holds.
    fn texts(&self) -> Result<Vec<(String, ObjectId, Kind)>, CheckoutError> {
        let tags = self.tags()?.into_iter().map(|tag| (tag, Kind::Tag));
        let all = tags.chain([(self.commit().clone(), Kind::Commit)]);
        Ok(all.map(|(id, kind)| (id.to_string(), id, kind)).collect())
    }

    fn write_file(&self, entry: &Entry, path: &Path, mode: u32, modified: Timestamp) -> Result<Sha256, CheckoutError> {
        if self.objects().size_bytes(&entry.id, Kind::Blob)? < POINTER_LIMIT_BYTES {
            let mut content = Vec::new();
            self.objects().copy(&entry.id, Kind::Blob, &mut content)?;
            if is_lfs_pointer(&content) {
                return Err(CheckoutError::Lfs { path: MemberPath::new(entry.path.as_slice()) });
            }
        }
        let file = File::options().write(true).create_new(true).mode(mode).open(path);
        let mut writer = Hashing { file: file.map_err(CheckoutError::write(path))?, hasher: Sha256Hasher::new() };
        self.objects().copy(&entry.id, Kind::Blob, &mut writer)?;
        let Hashing { file, hasher } = writer;
        // The mode of creation went through the umask of this process.
        file.set_permissions(fs::Permissions::from_mode(mode))
            .and_then(|()| file.set_modified(time(modified)))
            .map_err(CheckoutError::write(path))?;
        Ok(hasher.finish())
    }

    fn write_link(&self, entry: &Entry, path: &Path) -> Result<(), CheckoutError> {
        let shown = || MemberPath::new(entry.path.as_slice());
        if self.objects().size_bytes(&entry.id, Kind::Blob)? > TARGET_LIMIT_BYTES {
            return Err(CheckoutError::malformed(format!("its link {} has no target that a system takes", shown())));
        }
        let mut target = Vec::new();
        self.objects().copy(&entry.id, Kind::Blob, &mut target)?;
        if leads_out(&entry.path, &target) {
            let target = MemberPath::new(target);
            return Err(CheckoutError::malformed(format!(
                "it has a link, {}, that leads out of its tree, to {target}",
                shown()
            )));
        }
        symlink(OsStr::from_bytes(&target), path).map_err(CheckoutError::write(path))
    }

    /// A repository that has the commit as its only one and nothing that could be run: no hooks, and no settings but its form.
    fn write_repository(&self, git: &Path) -> Result<(), CheckoutError> {
        for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
            let folder = git.join(folder);
            fs::create_dir_all(&folder).map_err(CheckoutError::write(&folder))?;
        }
        let format = self.objects().format();
        let (version, extension) = match format {
            ObjectFormat::Sha1 => (0, ""),
            ObjectFormat::Sha256 => (1, "[extensions]\n\tobjectFormat = sha256\n"),
        };
        let config = format!(
            "[core]\n\trepositoryFormatVersion = {version}\n\tfileMode = true\n\tbare = false\n\tlogAllRefUpdates = false\n{extension}"
        );
        let commit = self.commit();
        let mut refs = String::new();
        if let Some(tag) = self.tag() {
            refs = format!("# pack-refs with: peeled fully-peeled sorted \n{} refs/tags/{}\n", tag.object, tag.name);
            if tag.object != *commit {
                refs.push_str(&format!("^{commit}\n"));
            }
        }
        let shallow = if self.read_commit()?.has_parents { format!("{commit}\n") } else { String::new() };
        for (name, content) in
            [("HEAD", format!("{commit}\n")), ("config", config), ("packed-refs", refs), ("shallow", shallow)]
        {
            let path = git.join(name);
            if !content.is_empty() {
                fs::write(&path, content).map_err(CheckoutError::write(&path))?;
            }
        }
        let tags = self.tags()?.into_iter().map(|tag| (tag, Kind::Tag));
        for (id, kind) in tags.chain(self.own_objects()?) {
            self.write_object(git, &id, kind)?;
        }
        let path = git.join("index");
        fs::write(&path, self.index()?).map_err(CheckoutError::write(&path))
    }

    /// A loose object.
    fn write_object(&self, git: &Path, id: &ObjectId, kind: Kind) -> Result<(), CheckoutError> {
        let name = id.to_string();
        let (folder, name) = name.split_at(2);
        let folder = git.join("objects").join(folder);
        fs::create_dir_all(&folder).map_err(CheckoutError::write(&folder))?;
        let path = folder.join(name);
        let file = File::options().write(true).create_new(true).mode(0o444).open(&path);
        let file = BufWriter::new(file.map_err(CheckoutError::write(&path))?);
        let mut encoder = ZlibEncoder::new(file, Compression::fast());
        write!(encoder, "{} {}\0", kind.name(), self.objects().size_bytes(id, kind)?)
            .map_err(CheckoutError::write(&path))?;
        self.objects().copy(id, kind, &mut encoder)?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(CheckoutError::write(&path))
    }

    /// The index of a checkout (git's `Documentation/gitformat-index`, version 2), which knows nothing of the files on disk yet.
    fn index(&self) -> Result<Vec<u8>, CheckoutError> {
        /// What is known of a file on disk: times, device, inode; owner, size.
        const UNKNOWN: ([u8; 24], [u8; 12]) = ([0; 24], [0; 12]);
        const LONGEST_NAME: usize = 0xfff;
        const HEADER_BYTES: usize = 12;
        let entries: Vec<Entry> = self.entries()?.into_iter().filter(|entry| entry.depth_in_submodules == 0).collect();
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let mut index = [b"DIRC".as_slice(), &2_u32.to_be_bytes(), &count.to_be_bytes()].concat();
        for Entry { path, mode, id, .. } in entries {
            let mode: u32 = match mode {
                Mode::File | Mode::Folder => 0o100_644,
                Mode::Executable => 0o100_755,
                Mode::Symlink => 0o120_000,
                Mode::Submodule => 0o160_000,
            };
            let start = index.len();
            index.extend(UNKNOWN.0);
            index.extend(mode.to_be_bytes());
            index.extend(UNKNOWN.1);
            index.extend(id.as_bytes());
            index.extend(u16::try_from(path.len().min(LONGEST_NAME)).unwrap_or(u16::MAX).to_be_bytes());
            index.extend(&path);
            // One to eight bytes, so that the name ends and each entry has a multiple of eight bytes.
            let length = (index.len() - start) / 8 * 8 + 8;
            index.resize(start + length, 0);
        }
        debug_assert!(index.len() >= HEADER_BYTES);
        let digest: Vec<u8> = match self.objects().format() {
            ObjectFormat::Sha1 => sha1_checked::Sha1::try_digest(&index).hash().to_vec(),
            ObjectFormat::Sha256 => Sha256::of(&index).as_bytes().to_vec(),
        };
        index.extend(digest);
        Ok(index)
    }
}

/// Writes and hashes.
struct Hashing {
    file: File,
    hasher: Sha256Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether a link leads out of the tree, as its text has it.
fn leads_out(path: &[u8], target: &[u8]) -> bool {
    if target.is_empty() || target.first() == Some(&b'/') || target.contains(&0) {
        return true;
    }
    let mut depth = path.split(|byte| *byte == b'/').count().saturating_sub(1);
    for component in target.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

fn set_time(folder: &PathBuf, modified: Timestamp) -> io::Result<()> {
    File::open(folder)?.set_modified(time(modified))
}

/// A time on disk; what is before 1970 as 1970.
fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_leave_the_tree_are_known_by_their_text() {
        for (path, target, expected) in [
            ("a", "b", false),
            ("a/b", "../c", false),
            ("a/b", "../../c", true),
            ("a", "..", true),
            ("a", "/etc/passwd", true),
            ("a", "", true),
            ("a", "b/../c", false),
            ("a/b/c", "x/../../../d", false),
        ] {
            assert_eq!(leads_out(path.as_bytes(), target.as_bytes()), expected, "{path} -> {target}");
        }
    }
}
