//! A folder that is held open, in which no link is followed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::DepotError;
use crate::plain_file::PlainFile;

/// How files begin that have no name yet by which others know them.
pub(crate) const UNFINISHED: &str = ".unfinished-";
/// How deep a tree is that is removed. Results have one folder; what others put there may have any number.
const MOST_DEPTH: usize = 64;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A folder that is open. Whoever may write to a shared folder may put a link in it at any time; what is done by names in a folder that is held cannot
/// be led out of it.
pub(crate) struct OpenFolder {
    folder: OwnedFd,
    path: PathBuf,
}

/// A file that has no name yet by which others know it. It is removed unless it gets one.
pub(crate) struct Unfinished<'a> {
    folder: &'a OpenFolder,
    name: String,
    file: File,
}

impl OpenFolder {
    /// The folder at `path`, which may be reached over links; `None` where there is none.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, DepotError> {
        Self::opened(rustix::fs::open(path, FOLDER, Mode::empty()), path.to_owned())
    }

    /// The folder at `path`, which is made where there is none, and stays.
    pub(crate) fn make(path: &Path) -> Result<Self, DepotError> {
        let failed = |source| DepotError::Io { doing: "make the folder", path: path.to_owned(), source };
        let Some(above) = path.parent() else { return Self::known(Self::open(path)?, path) };
        if let Some(found) = Self::open(path)? {
            return Ok(found);
        }
        Self::make(above)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.and_then(|()| File::open(above)?.sync_all()).map_err(failed)?,
        }
        Self::known(Self::open(path)?, path)
    }

    /// A folder in it; `None` where there is none.
    pub(crate) fn folder(&self, name: impl AsRef<OsStr>) -> Result<Option<Self>, DepotError> {
        let flags = FOLDER.union(OFlags::NOFOLLOW);
        let name = name.as_ref();
        Self::opened(rustix::fs::openat(&self.folder, name, flags, Mode::empty()), self.path.join(name))
    }

    /// A folder in it, which is made where there is none, and stays.
    pub(crate) fn make_folder(&self, name: impl AsRef<OsStr>) -> Result<Self, DepotError> {
        let name = name.as_ref();
        match rustix::fs::mkdirat(&self.folder, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.failed("make the folder", name, error)),
        }
        // Whoever made it may have been cut off before this.
        self.sync()?;
        Self::known(self.folder(name)?, &self.path.join(name))
    }

    fn opened(opened: Result<OwnedFd, Errno>, path: PathBuf) -> Result<Option<Self>, DepotError> {
        match opened {
            Ok(folder) => Ok(Some(Self { folder, path })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(DepotError::NotPlain { path }),
            Err(error) => Err(DepotError::Io { doing: "open the folder", path, source: error.into() }),
        }
    }

    fn known(found: Option<Self>, path: &Path) -> Result<Self, DepotError> {
        let source = io::ErrorKind::NotFound.into();
        found.ok_or_else(|| DepotError::Io { doing: "open the folder", path: path.to_owned(), source })
    }

    /// A file in it; `None` where there is none.
    pub(crate) fn file(&self, name: &str) -> Result<Option<PlainFile>, DepotError> {
        PlainFile::open_in(&self.folder, name, &self.path.join(name))
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, DepotError> {
        let this = OsStr::new("");
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(|error| self.failed("read", this, error))? {
            let entry = entry.map_err(|error| self.failed("read", this, error))?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push(OsStr::from_bytes(name).to_owned()),
            }
        }
        Ok(names)
    }

    /// When something in it was last written to, and whether it is a regular file; `None` where there is no such thing.
    pub(crate) fn written(&self, name: &OsStr) -> Result<Option<(Timestamp, bool)>, DepotError> {
        let found = match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("look at", name, error)),
        };
        let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        // A time beyond the year 9999 is nobody's; as it is later than any other, what has it is never old.
        let written = Timestamp::from_second(found.st_mtime).unwrap_or(Timestamp::MAX);
        Ok(Some((written, is_file)))
    }

    /// Begins a file in it.
    pub(crate) fn begin(&self) -> Result<Unfinished<'_>, DepotError> {
        let failed = |source| DepotError::Io { doing: "make a file in", path: self.path.clone(), source };
        // By such a name no two write to one file, on whichever machines they are.
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
        let name = format!("{UNFINISHED}{:032x}", u128::from_be_bytes(random));
        let file = rustix::fs::openat(&self.folder, &name, NEW_FILE, Mode::from_raw_mode(0o666));
        let file = File::from(file.map_err(|error| failed(error.into()))?);
        Ok(Unfinished { folder: self, name, file })
    }

    /// Removes whatever has this name, with all that is in it; that nothing has is fine.
    pub(crate) fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), DepotError> {
        self.remove_within(name.as_ref(), MOST_DEPTH)
    }

    fn remove_within(&self, name: &OsStr, depth: usize) -> Result<(), DepotError> {
        let failed = |error| self.failed("remove", name, error);
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            // It is a folder, as Linux says, or as POSIX does.
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(failed(error)),
        }
        let depth = depth.checked_sub(1).ok_or_else(|| failed(Errno::NAMETOOLONG))?;
        let Some(folder) = self.folder(name)? else { return Ok(()) };
        for below in folder.names()? {
            folder.remove_within(&below, depth)?;
        }
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// That things were made in it, or removed from it, outlives a crash from now on.
    pub(crate) fn sync(&self) -> Result<(), DepotError> {
        rustix::fs::fsync(&self.folder).map_err(|error| self.failed("write to the disk of", OsStr::new(""), error))
    }

    fn failed(&self, doing: &'static str, name: &OsStr, error: Errno) -> DepotError {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        DepotError::Io { doing, path, source: error.into() }
    }
}

impl Unfinished<'_> {
    /// Adds to it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        self.file.write_all(bytes).map_err(|source| self.failed(source))
    }

    /// Gives it the name `name`, which another file may have; with that it is whole on the disk, too, once the folder was synchronized.
    pub(crate) fn replace(self, name: &str) -> Result<(), DepotError> {
        self.file.sync_all().map_err(|source| self.failed(source))?;
        let folder = &self.folder.folder;
        rustix::fs::renameat(folder, &self.name, folder, name).map_err(|error| self.failed(error.into()))
    }

    /// The same, unless something has the name.
    pub(crate) fn place(self, name: &str) -> Result<(), DepotError> {
        self.file.sync_all().map_err(|source| self.failed(source))?;
        let folder = &self.folder.folder;
        // File systems have one of these or both: NFS and older FUSE the first, SMB and exFAT the second.
        let mut placed = rustix::fs::linkat(folder, &self.name, folder, name, AtFlags::empty());
        if !matches!(placed, Ok(()) | Err(Errno::EXIST)) {
            placed = rustix::fs::renameat_with(folder, &self.name, folder, name, RenameFlags::NOREPLACE);
        }
        match placed {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    fn failed(&self, source: io::Error) -> DepotError {
        DepotError::Io { doing: "write", path: self.folder.path.join(&self.name), source }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // It has another name by now, or is of no use. What cannot be removed is swept later.
        let _ = rustix::fs::unlinkat(&self.folder.folder, &self.name, AtFlags::empty());
    }
}
