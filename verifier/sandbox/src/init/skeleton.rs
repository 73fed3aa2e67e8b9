//! The topmost layer: mount points and small files, on a tmpfs of its own.
//!
//! A directory made here would hide a symlink of a layer below (`/bin -> usr/bin`), so every path is first resolved as the finished
//! root will resolve it, one component at a time, never following a symlink in the host's tree.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::clock;
use super::mounts::new_mount;
use crate::error::{Failure, Step};
use crate::spec::{SkeletonFile, SkeletonLink, Spec};
use crate::syscalls::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, set_mount};

/// The kernel's own limit on symlinks in one path.
const MAX_SYMLINKS: usize = 40;
/// Time of everything made here, so that it tells nothing of the run: 1980-01-01, which a zip can hold too.
const MADE_AT_SECS: i64 = 315_532_800;

/// What a mount point must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Directory,
    File,
}

/// The layer being made: a tmpfs that comes to lie above the layers, or a root into which they were merged before.
pub(super) struct Skeleton<'a> {
    pub(super) tmpfs: OwnedFd,
    layers: &'a [OwnedFd],
    made: Vec<PathBuf>,
    is_merged: bool,
}

impl<'a> Skeleton<'a> {
    pub(super) fn new(layers: &'a [OwnedFd], spec: &Spec) -> Result<Self, Failure> {
        let files = spec.files.iter().chain(&clock::files(spec)).map(|file| file.content.len() + 4096).sum::<usize>();
        let size = (files + 4 * 1024 * 1024).to_string();
        let tmpfs =
            new_mount("tmpfs", &[("size", size.as_str()), ("mode", "755")], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
                .step(|| "make the topmost layer".to_owned())?;
        Ok(Self { tmpfs, layers, made: Vec::new(), is_merged: false })
    }

    /// Makes everything in a merged root, in the place of what it has.
    pub(super) fn onto(root: &OwnedFd) -> Result<Self, Errno> {
        let tmpfs = rustix::io::fcntl_dupfd_cloexec(root, 3)?;
        Ok(Self { tmpfs, layers: &[], made: Vec::new(), is_merged: true })
    }

    /// Makes sure that something of this shape is at `path`, as the finished root resolves it; gives the resolved path.
    pub(super) fn mount_point(&mut self, path: &Path, shape: Shape) -> Result<PathBuf, Failure> {
        let step = || format!("make a mount point at {path:?}");
        let resolved = self.resolve(path).step(step)?;
        let (Some(parent), Some(name)) = (resolved.parent(), resolved.file_name()) else {
            return Err(Errno::INVAL).step(step);
        };
        let found = self.look(&resolved).step(step)?;
        if found.map(|found| found.is_directory()) == Some(shape == Shape::Directory) {
            return Ok(Path::new("/").join(resolved));
        }
        let directory = self.make_directories(parent).step(step)?;
        self.clear(&directory, name).step(step)?;
        match shape {
            Shape::Directory => rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(0o755)),
            Shape::File => create(&directory, name, 0o444).map(drop),
        }
        .step(step)?;
        self.made.push(resolved.clone());
        Ok(Path::new("/").join(resolved))
    }

    /// Writes a file, in the place of whatever the layers have there; gives it, open for writing.
    pub(super) fn file(&mut self, file: &SkeletonFile) -> Result<OwnedFd, Failure> {
        let step = || format!("write the file {:?}", file.path);
        let (Some(parent), Some(name)) = (file.path.parent(), file.path.file_name()) else {
            return Err(Errno::INVAL).step(step);
        };
        let parent = self.resolve(parent).step(step)?;
        let directory = self.make_directories(&parent).step(step)?;
        self.clear(&directory, name).step(step)?;
        let mut made = std::fs::File::from(create(&directory, name, file.mode & 0o777).step(step)?);
        std::io::Write::write_all(&mut made, &file.content).step(step)?;
        self.made.push(parent.join(name));
        Ok(made.into())
    }

    /// Makes a symlink, in the place of whatever the layers have there.
    pub(super) fn link(&mut self, link: &SkeletonLink) -> Result<(), Failure> {
        let step = || format!("make the symlink {:?}", link.path);
        let (Some(parent), Some(name)) = (link.path.parent(), link.path.file_name()) else {
            return Err(Errno::INVAL).step(step);
        };
        let parent = self.resolve(parent).step(step)?;
        let directory = self.make_directories(&parent).step(step)?;
        self.clear(&directory, name).step(step)?;
        rustix::fs::symlinkat(&link.target, &directory, name).step(step)?;
        self.made.push(parent.join(name));
        Ok(())
    }

    /// Gives everything made a fixed time, and closes the layer to changes.
    pub(super) fn seal(&self) -> Result<(), Failure> {
        let times = made_at();
        for path in self.made.iter().map(PathBuf::as_path).chain([Path::new(".")]) {
            rustix::fs::utimensat(&self.tmpfs, path, &times, AtFlags::SYMLINK_NOFOLLOW)
                .step(|| format!("set the time of {path:?}"))?;
        }
        if self.is_merged {
            return Ok(());
        }
        set_mount(self.tmpfs.as_fd(), MOUNT_ATTR_RDONLY, 0, false).step(|| "seal the topmost layer".to_owned())
    }

    /// Takes from a merged root what stands in the way.
    fn clear(&self, directory: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
        if !self.is_merged {
            return Ok(());
        }
        match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            cleared => cleared,
        }
    }

    /// The path, relative to the root, without symlinks. Components that do not exist yet stay as they are.
    fn resolve(&self, path: &Path) -> Result<PathBuf, Errno> {
        let mut resolved = PathBuf::new();
        let mut left: VecDeque<OsString> = names(path);
        let mut symlinks = 0;
        while let Some(name) = left.pop_front() {
            if name == ".." {
                resolved.pop();
                continue;
            }
            let next = resolved.join(&name);
            let Some(Found::Symlink(target)) = self.look(&next)? else {
                resolved = next;
                continue;
            };
            symlinks += 1;
            if symlinks > MAX_SYMLINKS {
                return Err(Errno::LOOP);
            }
            if target.is_absolute() {
                resolved = PathBuf::new();
            }
            for name in names(&target).into_iter().rev() {
                left.push_front(name);
            }
        }
        Ok(resolved)
    }

    /// What the finished root will show at a path whose parent is resolved: the topmost entry.
    fn look(&self, path: &Path) -> Result<Option<Found>, Errno> {
        for layer in [&self.tmpfs].into_iter().chain(self.layers) {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let opened = match rustix::fs::openat2(layer, path, flags, Mode::empty(), resolve) {
                Ok(opened) => opened,
                // An entry of another shape on the way: hidden by the layer that gave the parent.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
                Err(errno) => return Err(errno),
            };
            let found = rustix::fs::fstat(&opened)?;
            return Ok(Some(match FileType::from_raw_mode(found.st_mode) {
                FileType::Symlink => {
                    let target = rustix::fs::readlinkat(&opened, "", Vec::new())?;
                    Found::Symlink(OsString::from_vec(target.into_bytes()).into())
                }
                FileType::Directory => Found::Directory(Mode::from_raw_mode(found.st_mode)),
                _ => Found::Other,
            }));
        }
        Ok(None)
    }

    /// Makes the directories of a resolved path, like those of the layers that they will cover; opens the last.
    fn make_directories(&mut self, resolved: &Path) -> Result<OwnedFd, Errno> {
        let open = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut directory = rustix::fs::openat(&self.tmpfs, ".", open, Mode::empty())?;
        let mut path = PathBuf::new();
        for name in resolved {
            path.push(name);
            let mode = match self.look(&path)? {
                Some(Found::Directory(mode)) => mode,
                Some(_) => return Err(Errno::NOTDIR),
                None => Mode::from_raw_mode(0o755),
            };
            match rustix::fs::mkdirat(&directory, name, mode) {
                Ok(()) => self.made.push(path.clone()),
                // What is made above the layers is as new as what is in it.
                Err(Errno::EXIST) if self.is_merged => self.made.push(path.clone()),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            directory = rustix::fs::openat(&directory, name, open, Mode::empty())?;
        }
        Ok(directory)
    }
}

enum Found {
    Directory(Mode),
    Symlink(PathBuf),
    Other,
}

impl Found {
    fn is_directory(&self) -> bool {
        matches!(self, Self::Directory(_))
    }
}

/// Gives an open file the time of everything made here.
pub(super) fn set_made_at(file: impl AsFd) -> Result<(), Errno> {
    rustix::fs::futimens(file, &made_at())
}

fn made_at() -> Timestamps {
    let made_at = Timespec { tv_sec: MADE_AT_SECS, tv_nsec: 0 };
    Timestamps { last_access: made_at, last_modification: made_at }
}

/// The components of a path that name something, and `..`.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir))
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

fn create(directory: &OwnedFd, name: &OsStr, mode: u32) -> Result<OwnedFd, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(mode))
}
