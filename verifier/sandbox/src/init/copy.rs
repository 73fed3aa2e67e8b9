//! Copying a host tree into scratch.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use crate::error::{Failure, Step};
use crate::spec::{Copy, Insertion};

/// Two descriptors are open for each directory on the way, so this stays below the usual limit of 1024.
const MAX_DEPTH: usize = 256;

/// Copies the content, mode and time of one directory onto another, which belong to `owner` then.
pub(super) fn tree(source: &OwnedFd, target: &OwnedFd, copy: &Copy, owner: (u32, u32)) -> Result<(), Failure> {
    let copier = Copier { copy, owner };
    copier.directory(source, target, Path::new(""), 0)
}

struct Copier<'a> {
    copy: &'a Copy,
    owner: (u32, u32),
}

impl Copier<'_> {
    fn directory(&self, source: &OwnedFd, target: &OwnedFd, path: &Path, depth: usize) -> Result<(), Failure> {
        if depth > MAX_DEPTH {
            return Err(Errno::LOOP).step(|| format!("copy {:?}: it is nested deeper than {MAX_DEPTH}", self.at(path)));
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(source).step(|| format!("list {:?}", self.at(path)))? {
            let entry = entry.step(|| format!("list {:?}", self.at(path)))?;
            let name = entry.file_name();
            if ![&b"."[..], b".."].contains(&name.to_bytes()) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        if self.copy.order == Insertion::Reversed {
            names.reverse();
        }
        for name in names {
            let name = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
            let path = path.join(name);
            self.entry(source, target, name, &path, depth)?;
        }
        let found = rustix::fs::fstat(source).step(|| format!("look at {:?}", self.at(path)))?;
        self.finish(target, &found).step(|| format!("copy {:?}", self.at(path)))
    }

    fn entry(&self, source: &OwnedFd, target: &OwnedFd, name: &Path, path: &Path, depth: usize) -> Result<(), Failure> {
        let step = || format!("copy {:?}", self.at(path));
        let found = rustix::fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW).step(step)?;
        let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                let from = rustix::fs::openat(source, name, read | OFlags::DIRECTORY, Mode::empty()).step(step)?;
                rustix::fs::mkdirat(target, name, Mode::from_raw_mode(0o700)).step(step)?;
                let to = rustix::fs::openat(target, name, read | OFlags::DIRECTORY, Mode::empty()).step(step)?;
                self.directory(&from, &to, path, depth + 1)
            }
            FileType::RegularFile => {
                let from = rustix::fs::openat(source, name, read, Mode::empty()).step(step)?;
                let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let to = rustix::fs::openat(target, name, create, Mode::from_raw_mode(0o600)).step(step)?;
                let (mut from, mut to) = (File::from(from), File::from(to));
                io::copy(&mut from, &mut to).step(step)?;
                self.finish(&OwnedFd::from(to), &found).step(step)
            }
            FileType::Symlink => {
                let link = rustix::fs::readlinkat(source, name, Vec::new()).step(step)?;
                rustix::fs::symlinkat(&link, target, name).step(step)?;
                let (uid, gid) = self.owner();
                rustix::fs::chownat(target, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).step(step)?;
                rustix::fs::utimensat(target, name, &times(&found), AtFlags::SYMLINK_NOFOLLOW).step(step)
            }
            _ => Err(Errno::NOTSUP)
                .step(|| format!("copy {:?}: it is neither a file, a directory nor a symlink", self.at(path))),
        }
    }

    /// Owner before mode, because a change of owner clears bits of the mode; time last.
    fn finish(&self, target: &OwnedFd, found: &Stat) -> Result<(), Errno> {
        let (uid, gid) = self.owner();
        rustix::fs::fchown(target, uid, gid)?;
        rustix::fs::fchmod(target, Mode::from_raw_mode(found.st_mode & 0o7777))?;
        rustix::fs::futimens(target, &times(found))
    }

    fn owner(&self) -> (Option<Uid>, Option<Gid>) {
        (Some(Uid::from_raw(self.owner.0)), Some(Gid::from_raw(self.owner.1)))
    }

    fn at(&self, path: &Path) -> PathBuf {
        self.copy.source.join(path)
    }
}

fn times(found: &Stat) -> Timestamps {
    let time = Timespec {
        tv_sec: found.st_mtime,
        // The kernel gives 0 to 999999999.
        tv_nsec: i64::try_from(found.st_mtime_nsec).unwrap_or(0),
    };
    Timestamps { last_access: time, last_modification: time }
}
