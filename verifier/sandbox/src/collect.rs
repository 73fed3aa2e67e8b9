//! Writing down what a sandbox's first process sends of the directories to collect.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags};

use crate::Error;
use crate::spec::Collect;
use crate::wire::Kind;

/// One collected entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// [`Collect::directory`] that it was in.
    pub directory: PathBuf,
    /// Path below it, and below [`Collect::into`] on the host.
    pub path: PathBuf,
    /// What it is.
    pub kind: CollectedKind,
    /// Permission and sticky bits; set-user-id and set-group-id are dropped. 0o777 for symlinks. The host's file has them too, and
    /// one that nobody may read is readable by its owner there, the caller.
    pub mode: u32,
}

/// What a collected entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectedKind {
    /// A regular file, now on the host too.
    File {
        /// Its length.
        size_bytes: u64,
    },
    /// A directory, now on the host too.
    Directory,
    /// A symlink, which was not made on the host.
    Symlink {
        /// Where it points.
        target: PathBuf,
    },
}

/// Takes frames in and makes files of them.
pub(crate) struct Collector<'a> {
    wanted: &'a [Collect],
    roots: Vec<OwnedFd>,
    /// The open directories, outermost first, with the mode they get at the end.
    open: Vec<(OwnedFd, Option<u32>)>,
    directory: PathBuf,
    path: PathBuf,
    collected: Vec<Collected>,
}

impl<'a> Collector<'a> {
    /// Opens the directories to write into.
    ///
    /// # Errors
    /// When one does not exist or is not empty.
    pub(crate) fn new(wanted: &'a [Collect]) -> Result<Self, Error> {
        let mut roots = Vec::new();
        for collect in wanted {
            let into = &collect.into;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = rustix::fs::openat(CWD, into, flags, Mode::empty())
                .map_err(|errno| Error::io(format!("opening {into:?} to collect into"), errno))?;
            for entry in Dir::read_from(&root).map_err(|errno| Error::io(format!("listing {into:?}"), errno))? {
                let entry = entry.map_err(|errno| Error::io(format!("listing {into:?}"), errno))?;
                if ![&b"."[..], b".."].contains(&entry.file_name().to_bytes()) {
                    return Err(Error::spec(format!("collect: {into:?} is not empty")));
                }
            }
            roots.push(root);
        }
        Ok(Self {
            wanted,
            roots,
            open: Vec::new(),
            directory: PathBuf::new(),
            path: PathBuf::new(),
            collected: Vec::new(),
        })
    }

    /// Takes one frame in, and of `from` the bytes that follow it.
    pub(crate) fn take(&mut self, kind: Kind, payload: &[u8], from: &mut impl Read) -> Result<(), Error> {
        let outcome = match kind {
            Kind::Root => self.enter_root(payload),
            Kind::Directory => self.enter(payload),
            Kind::Up => self.leave(),
            Kind::File => self.file(payload, from),
            Kind::Symlink => self.symlink(payload),
            Kind::Failed | Kind::Started | Kind::Ended | Kind::Probed => Err(malformed()),
        };
        outcome.map_err(|source| {
            Error::io(format!("writing down {:?} of the sandbox", self.directory.join(&self.path)), source)
        })
    }

    pub(crate) fn finish(self) -> Vec<Collected> {
        self.collected
    }

    fn enter_root(&mut self, payload: &[u8]) -> io::Result<()> {
        let (index, _) = number(payload)?;
        let index = usize::try_from(index).map_err(|_| malformed())?;
        let (Some(wanted), Some(root), true) = (self.wanted.get(index), self.roots.get(index), self.open.is_empty())
        else {
            return Err(malformed());
        };
        self.directory.clone_from(&wanted.directory);
        self.open.push((root.try_clone()?, None));
        Ok(())
    }

    fn enter(&mut self, payload: &[u8]) -> io::Result<()> {
        let (mode, name) = number(payload)?;
        let name = plain(name)?;
        self.path.push(name);
        let here = self.here()?;
        rustix::fs::mkdirat(here, name, Mode::from_raw_mode(0o700))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(here, name, flags, Mode::empty())?;
        self.open.push((directory, Some(mode)));
        self.record(CollectedKind::Directory, mode);
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        let (directory, mode) = self.open.pop().ok_or_else(malformed)?;
        // Only now, because entries cannot be made in a directory that is closed to its owner.
        if let Some(mode) = mode {
            rustix::fs::fchmod(&directory, Mode::from_raw_mode(mode))?;
        }
        self.path.pop();
        Ok(())
    }

    fn file(&mut self, payload: &[u8], from: &mut impl Read) -> io::Result<()> {
        let (mode, rest) = number(payload)?;
        let (size, name) = rest.split_first_chunk().ok_or_else(malformed)?;
        let size_bytes = u64::from_le_bytes(*size);
        let name = plain(name)?;
        self.path.push(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.here()?, name, flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(file);
        if io::copy(&mut from.take(size_bytes), &mut file)? != size_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode | 0o400))?;
        self.record(CollectedKind::File { size_bytes }, mode);
        self.path.pop();
        Ok(())
    }

    fn symlink(&mut self, payload: &[u8]) -> io::Result<()> {
        let (length, rest) = number(payload)?;
        let length = usize::try_from(length).map_err(|_| malformed())?;
        let (name, target) = rest.split_at_checked(length).ok_or_else(malformed)?;
        self.path.push(plain(name)?);
        let target = OsStr::from_bytes(target).into();
        self.record(CollectedKind::Symlink { target }, 0o777);
        self.path.pop();
        Ok(())
    }

    fn here(&self) -> io::Result<rustix::fd::BorrowedFd<'_>> {
        self.open.last().map(|(fd, _)| fd.as_fd()).ok_or_else(malformed)
    }

    fn record(&mut self, kind: CollectedKind, mode: u32) {
        self.collected.push(Collected { directory: self.directory.clone(), path: self.path.clone(), kind, mode });
    }
}

fn number(payload: &[u8]) -> io::Result<(u32, &[u8])> {
    let (number, rest) = payload.split_first_chunk().ok_or_else(malformed)?;
    Ok((u32::from_le_bytes(*number), rest))
}

/// The name of an entry, which cannot lead elsewhere.
fn plain(name: &[u8]) -> io::Result<&Path> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0) {
        return Err(malformed());
    }
    Ok(Path::new(OsStr::from_bytes(name)))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the sandbox's first process sent what makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        for name in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b"] {
            assert!(plain(name).is_err(), "{name:?}");
        }
        assert!(plain(b"...").is_ok());
    }

    #[test]
    fn a_directory_that_is_not_empty_is_not_written_into() {
        let into = tempfile::tempdir().unwrap();
        std::fs::write(into.path().join("x"), "").unwrap();
        let wanted = [Collect { directory: "/build".into(), into: into.path().into(), symlinks: false }];
        assert!(matches!(Collector::new(&wanted), Err(Error::Spec { .. })));
    }
}
