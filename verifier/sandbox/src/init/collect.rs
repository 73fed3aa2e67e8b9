//! Sending what the command left, after every process but this one is gone, so that nothing changes while it is read.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::mounts::{Scratch, open_closed};
use crate::error::{CollectReason, Failure, Refused, Step};
use crate::spec::{Collect, Limits};
use crate::wire::{Kind, write_frame};

/// One descriptor is open for each directory on the way, here and on the caller's side.
const MAX_DEPTH: usize = 128;

/// Sends one collected directory: first looks at all of it, then reads. Nothing of it is sent where an entry is refused.
pub(super) fn send(
    index: usize,
    wanted: &Collect,
    scratch: &Scratch,
    limits: &Limits,
    control: &mut UnixStream,
) -> Result<Option<Refused>, Failure> {
    let root = match scratch.open(&wanted.directory) {
        Ok(root) => root,
        Err(errno) => {
            let reason = match errno {
                Errno::NOENT | Errno::NOTDIR | Errno::LOOP => CollectReason::NoDirectory,
                errno => unreadable(errno),
            };
            return Ok(Some(Refused { directory: wanted.directory.clone(), path: PathBuf::new(), reason }));
        }
    };
    let mut audit = Audit {
        wanted,
        files_limit: limits.collect_files,
        files_left: limits.collect_files,
        bytes_left: limits.collect_bytes,
    };
    match audit.directory(&root, Path::new(""), 0) {
        Ok(()) => {}
        Err(Failure::Collect(refused)) => return Ok(Some(refused)),
        Err(failure) => return Err(failure),
    }
    let index = u32::try_from(index).map_err(|_| failure(wanted, Path::new(""), unreadable(Errno::OVERFLOW)))?;
    let mut sender = Sender { wanted, control };
    sender.frame(Kind::Root, &index.to_le_bytes())?;
    sender.directory(&root, Path::new(""))?;
    sender.frame(Kind::Up, &[])?;
    Ok(None)
}

/// The walk that decides whether all of it may be read.
struct Audit<'a> {
    wanted: &'a Collect,
    files_limit: u64,
    files_left: u64,
    bytes_left: u64,
}

impl Audit<'_> {
    fn directory(&mut self, directory: &OwnedFd, path: &Path, depth: usize) -> Result<(), Failure> {
        let wanted = self.wanted;
        if depth > MAX_DEPTH {
            return Err(failure(wanted, path, CollectReason::TooDeep { limit: MAX_DEPTH }));
        }
        for_each(directory, self.files_left, |name, found| {
            let path = path.join(name);
            let refuse = |reason| Err(failure(wanted, &path, reason));
            let Some(left) = self.files_left.checked_sub(1) else {
                return refuse(CollectReason::TooManyFiles { limit: self.files_limit });
            };
            self.files_left = left;
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => {
                    let below = open(directory, name, OFlags::DIRECTORY)
                        .map_err(|errno| failure(wanted, &path, unreadable(errno)))?;
                    self.directory(&below.fd, &path, depth + 1)
                }
                FileType::RegularFile => {
                    let size_bytes = size(found);
                    let Some(left_bytes) = self.bytes_left.checked_sub(size_bytes) else {
                        let left_bytes = self.bytes_left;
                        return refuse(CollectReason::TooManyBytes { size_bytes, left_bytes });
                    };
                    self.bytes_left = left_bytes;
                    Ok(())
                }
                FileType::Symlink if wanted.symlinks => Ok(()),
                FileType::Symlink => match target(directory, name) {
                    Ok(target) => refuse(CollectReason::Symlink { target: OsStr::from_bytes(&target).into() }),
                    Err(errno) => refuse(unreadable(errno)),
                },
                special => refuse(CollectReason::SpecialFile { kind: kind_name(special).to_owned() }),
            }
        })
        .map_err(|error| error.into_failure(wanted, path))
    }
}

/// The walk that reads, after an [`Audit`] of the same, unchanging tree.
struct Sender<'a> {
    wanted: &'a Collect,
    control: &'a mut UnixStream,
}

impl Sender<'_> {
    fn directory(&mut self, directory: &OwnedFd, path: &Path) -> Result<(), Failure> {
        let wanted = self.wanted;
        for_each(directory, u64::MAX, |name, found| {
            let path = path.join(name);
            self.entry(directory, name, found, &path)
        })
        .map_err(|error| error.into_failure(wanted, path))
    }

    fn entry(&mut self, directory: &OwnedFd, name: &Path, found: &Stat, path: &Path) -> Result<(), Failure> {
        let wanted = self.wanted;
        let cannot = |errno| failure(wanted, path, unreadable(errno));
        let bytes = name.as_os_str().as_bytes();
        let mut payload = (found.st_mode & 0o1777).to_le_bytes().to_vec();
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => {
                payload.extend(bytes);
                self.frame(Kind::Directory, &payload)?;
                let below = open(directory, name, OFlags::DIRECTORY).map_err(cannot)?;
                self.directory(&below.fd, path)?;
                self.frame(Kind::Up, &[])
            }
            FileType::RegularFile => {
                let size_bytes = size(found);
                payload.extend(size_bytes.to_le_bytes());
                payload.extend(bytes);
                let opened = open(directory, name, OFlags::empty()).map_err(cannot)?;
                let broken = |error| cannot(Errno::from_io_error(&error).unwrap_or(Errno::IO));
                let file = File::from(opened.fd.try_clone().map_err(broken)?);
                self.frame(Kind::File, &payload)?;
                let sent = io::copy(&mut file.take(size_bytes), self.control).map_err(broken)?;
                // Cannot be, as nothing else runs. The caller counts on every byte, so this must end the conversation.
                if sent == size_bytes { Ok(()) } else { Err(Errno::IO).step(|| format!("read all of {path:?}")) }
            }
            _ => {
                let target = target(directory, name).map_err(cannot)?;
                let length = u32::try_from(bytes.len()).map_err(|_| cannot(Errno::NAMETOOLONG))?;
                let mut payload = length.to_le_bytes().to_vec();
                payload.extend(bytes);
                payload.extend(target);
                self.frame(Kind::Symlink, &payload)
            }
        }
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Failure> {
        write_frame(self.control, kind, payload).step(|| "send what was collected".to_owned())
    }
}

/// An error of a walk: with the entry it is about, or of the directory itself.
enum WalkError {
    Told(Failure),
    List(Errno),
}

impl WalkError {
    fn into_failure(self, wanted: &Collect, path: &Path) -> Failure {
        match self {
            Self::Told(failure) => failure,
            Self::List(errno) => failure(wanted, path, unreadable(errno)),
        }
    }
}

/// Visits the entries of a directory by name order. Lists no more than one beyond `limit`, which is enough to find it passed.
fn for_each(
    directory: &OwnedFd,
    limit: u64,
    mut visit: impl FnMut(&Path, &Stat) -> Result<(), Failure>,
) -> Result<(), WalkError> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in Dir::read_from(directory).map_err(WalkError::List)? {
        let entry = entry.map_err(WalkError::List)?;
        let name = entry.file_name().to_bytes();
        if ![&b"."[..], b".."].contains(&name) {
            names.push(OsStr::from_bytes(name).into());
        }
        if names.len() as u64 > limit {
            break;
        }
    }
    names.sort();
    for name in names {
        let found = rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(WalkError::List)?;
        visit(&name, &found).map_err(WalkError::Told)?;
    }
    Ok(())
}

/// An entry that is open for reading. Where its mode had to be changed for that, it has its own again when this is dropped.
struct Opened {
    fd: OwnedFd,
    closed: Option<Mode>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(mode) = self.closed {
            // What is told of the entry was read before, or is read after this; and nobody else is there to read it.
            let _ = rustix::fs::fchmod(&self.fd, mode);
        }
    }
}

fn open(directory: &OwnedFd, name: &Path, flags: OFlags) -> Result<Opened, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (fd, closed) = open_closed(directory, name, flags)?;
    Ok(Opened { fd, closed })
}

fn target(directory: &OwnedFd, name: &Path) -> Result<Vec<u8>, Errno> {
    let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
    Ok(std::ffi::OsString::from_vec(target.into_bytes()).into_vec())
}

fn size(found: &Stat) -> u64 {
    // The kernel gives no negative size.
    u64::try_from(found.st_size).unwrap_or(u64::MAX)
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharacterDevice => "character device",
        FileType::BlockDevice => "block device",
        _ => "file of an unknown kind",
    }
}

fn unreadable(errno: Errno) -> CollectReason {
    CollectReason::Unreadable { errno: errno.raw_os_error() }
}

fn failure(wanted: &Collect, path: &Path, reason: CollectReason) -> Failure {
    Failure::Collect(Refused { directory: wanted.directory.clone(), path: path.to_owned(), reason })
}
