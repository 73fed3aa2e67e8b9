//! The folder of a ledger: reading, and writing that a crash leaves whole.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write as _};
use std::marker::PhantomData;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock, syncfs};
use rustix::io::Errno;

/// Who writes.
const LOCK: &str = ".lock";
/// What is not whole yet. It is one file below the ledger itself, whichever it is to be: ext4 makes files where their first folder is, and to
/// look for room in each of hundreds of folders takes up to twice as long on a disk that has been in use for a while.
const UNFINISHED: &str = ".unfinished";
/// How much of the lock's file is shown, in bytes.
const SHOWN_BYTES: u64 = 300;

/// A folder that holds a ledger.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// The right to write to it, until it is dropped. The kernel takes it back however the process ends.
#[derive(Debug)]
#[must_use = "the lock is free again when it is dropped"]
pub struct Writer {
    folder: Folder,
    lock: File,
    /// There is one unfinished file, so threads cannot write at once.
    one_at_a_time: PhantomData<Cell<()>>,
}

/// Why a file of a ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system says no.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else writes.
    #[error("the ledger {} is being written by {holder}: wait for it to end", path.display())]
    Locked {
        /// The ledger.
        path: PathBuf,
        /// Who, as they said.
        holder: String,
    },
    /// A file is larger than what stands there can be.
    #[error("{} is larger than {limit_bytes} bytes, which no such file of a ledger is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// A name that leads elsewhere.
    #[error("{name:?} is no name of a file of a ledger")]
    Name {
        /// The name.
        name: String,
    },
}

impl Folder {
    /// That folder, which need not be there.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file's content; `None` where there is no such file.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.place(name)?;
        let failed = |source| FolderError::Io { doing: "reading", path: path.clone(), source };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut content = Vec::new();
        file.take(limit_bytes + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() as u64 > limit_bytes {
            return Err(FolderError::TooLarge { path, limit_bytes });
        }
        Ok(Some(content))
    }

    /// Makes the folder where it is not there, and takes the right to write to it.
    ///
    /// # Errors
    /// [`FolderError::Locked`], which says by whom, where somebody else has it.
    pub fn writer(&self) -> Result<Writer, FolderError> {
        let path = self.path.join(LOCK);
        let failed = |doing| {
            let path = path.clone();
            move |source| FolderError::Io { doing, path, source }
        };
        fs::create_dir_all(&self.path).map_err(failed("making the folder of"))?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("making"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // Whoever holds it may be writing its name just now.
                let _ = file.take(SHOWN_BYTES).read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                return Err(FolderError::Locked { path: self.path.clone(), holder: holder.to_owned() });
            }
            Err(error) => return Err(failed("locking")(error.into())),
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let holder = format!("process {} of {host}, since {}", std::process::id(), Timestamp::now().strftime("%FT%TZ"));
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(failed("writing"))?;
        Ok(Writer { folder: self.clone(), lock: file, one_at_a_time: PhantomData })
    }

    fn place(&self, name: &str) -> Result<PathBuf, FolderError> {
        let is_plain = !name.is_empty()
            && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
            && !name.split('/').any(|part| part.is_empty() || part == LOCK || part == UNFINISHED);
        if is_plain { Ok(self.path.join(name)) } else { Err(FolderError::Name { name: name.to_owned() }) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A child of this process that has not come to its own program yet has the file open, too. Where this fails, the kernel does it later.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl Writer {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Writes a file, whole or not at all for whoever reads it. It outlives a crash once [`Writer::sync`] or [`Writer::commit`] was called.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.folder.place(name)?;
        // What stands there already may be on the disk, and the same is not to be put at risk.
        let is_there = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == content.len() as u64);
        if is_there && fs::read(&path).is_ok_and(|old| old == content) {
            return Ok(());
        }
        self.put(content).and_then(|unfinished| finish(&unfinished, &path)).map_err(writing(&path))
    }

    /// Writes a file that nobody reads before the next [`Writer::commit`], in its place: what a crash leaves of it the next one writes over. Otherwise as
    /// [`Writer::write`].
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn write_unread(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.folder.place(name)?;
        let create = || File::options().write(true).create_new(true).open(&path);
        let file = match (create(), path.parent()) {
            (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(parent).and_then(|()| create())
            }
            (file, _) => file,
        };
        match file {
            Ok(mut file) => file.write_all(content).map_err(writing(&path)),
            // Somebody may read what is there.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.write(name, content),
            Err(error) => Err(writing(&path)(error)),
        }
    }

    /// All that was written so far outlives a crash from now on.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn sync(&self) -> Result<(), FolderError> {
        let path = &self.folder.path;
        let failed = |source| FolderError::Io { doing: "writing to the disk of", path: path.clone(), source };
        let folder = File::open(path).map_err(failed)?;
        syncfs(&folder).map_err(|error| failed(error.into()))
    }

    /// Writes a file behind all that was written before: after a crash there is the old one, or this and all of those. From now on it is this.
    ///
    /// # Errors
    /// [`FolderError`]
    pub fn commit(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.folder.place(name)?;
        let unfinished = self.put(content).map_err(writing(&path))?;
        self.sync()?;
        let parent = path.parent().unwrap_or(&self.folder.path);
        finish(&unfinished, &path).and_then(|()| File::open(parent)?.sync_all()).map_err(writing(&path))
    }

    /// Writes what is to be a file elsewhere, and gives where.
    fn put(&self, content: &[u8]) -> io::Result<PathBuf> {
        let unfinished = self.folder.path.join(UNFINISHED);
        File::create(&unfinished)?.write_all(content)?;
        Ok(unfinished)
    }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError::Io { doing: "writing", path: path.to_owned(), source }
}

/// Gives a file that is whole its path. Its folder is made where it is not there, which is seldom.
fn finish(unfinished: &Path, path: &Path) -> io::Result<()> {
    match (fs::rename(unfinished, path), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent)?;
            fs::rename(unfinished, path)
        }
        (renamed, _) => renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(&temporary.path().join("ledger"));
        assert_eq!(folder.read("checkpoint", 10).unwrap(), None);
        let writer = folder.writer().unwrap();
        writer.write("tile/0/000", b"hashes").unwrap();
        for content in [b"one".as_slice(), b"another"] {
            writer.write_unread("statements/0/a", content).unwrap();
            assert_eq!(folder.read("statements/0/a", 10).unwrap().as_deref(), Some(content));
        }
        writer.sync().unwrap();
        writer.commit("checkpoint", b"one").unwrap();
        writer.commit("checkpoint", b"two").unwrap();
        assert_eq!(folder.read("checkpoint", 10).unwrap().as_deref(), Some(b"two".as_slice()));
        assert!(matches!(folder.read("tile/0/000", 5), Err(FolderError::TooLarge { limit_bytes: 5, .. })));
        assert!(!folder.path().join(UNFINISHED).exists());
    }

    #[test]
    fn two_do_not_write_at_once_and_the_second_is_told_who_does() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let writer = folder.writer().unwrap();
        let error = folder.writer().unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(writer);
        assert!(folder.writer().is_ok());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        let writer = folder.writer().unwrap();
        for name in ["", "..", "../x", "/etc/passwd", "a/../../x", "./x", ".lock", ".unfinished", "a//b", "a/"] {
            assert!(matches!(folder.read(name, 1), Err(FolderError::Name { .. })), "{name:?}");
            assert!(matches!(writer.write(name, b""), Err(FolderError::Name { .. })), "{name:?}");
        }
    }
}
