//! A root put together on disk, where no overlay can be mounted: layers merged by copying.
//!
//! Each sandbox has files of its own. Hard links would cost next to nothing, and sandboxes that share a file can talk through it, twins
//! too: by locks, by watches, and by who executes it. Where the file system can, a copy shares the blocks and so costs little more.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::error::{Failure, Step};

/// How the name of each folder begins.
const PREFIX: &str = "root-";
/// The root in it.
const ROOT: &str = "root";
/// How often another name is tried for a folder.
const ATTEMPTS: u32 = 8;
/// Several descriptors are open for each directory on the way.
const MAX_DEPTH: usize = 128;

/// A merged root in a folder of its own. A lock, which goes with the process that holds it, keeps the next sandbox from removing it.
pub(super) struct Root {
    folder: PathBuf,
    /// The root itself.
    pub(super) directory: OwnedFd,
    _lock: OwnedFd,
    directories: Vec<(PathBuf, Stat)>,
}

impl Root {
    /// Merges directories, topmost first, into a new folder below `roots`, after those that nobody uses any more are gone.
    pub(super) fn make(roots: &Path, layers: &[OwnedFd]) -> Result<Self, Failure> {
        let step = || format!("make a folder for the root in {roots:?}");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(roots).step(step)?;
        sweep(roots);
        let (folder, lock) = make_folder(roots).step(step)?;
        let directory = make_directory(&lock, OsStr::new(ROOT)).step(step)?;
        let mut root = Self { folder, directory, _lock: lock, directories: Vec::new() };
        let target = open(&root.directory, OsStr::new("."), OFlags::DIRECTORY).step(step)?;
        match root.merge(layers, &target, Path::new("")) {
            Ok(()) => Ok(root),
            Err(failure) => {
                root.remove();
                Err(failure)
            }
        }
    }

    /// Its path on the host.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(ROOT)
    }

    /// Gives the merged directories the modes and times of the topmost layer that has them.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        for (path, found) in self.directories.iter().rev() {
            let finish = || {
                let directory = rustix::fs::openat(&self.directory, path, directory_flags(), Mode::empty())?;
                rustix::fs::fchmod(&directory, Mode::from_raw_mode(found.st_mode & 0o1777))?;
                rustix::fs::futimens(&directory, &times(found))
            };
            finish().step(|| format!("finish {path:?} of the root"))?;
        }
        Ok(())
    }

    /// Removes it. What cannot be removed stays for the next sandbox to try.
    pub(super) fn remove(self) {
        remove(&self.folder);
    }

    fn merge(&mut self, layers: &[OwnedFd], target: &OwnedFd, path: &Path) -> Result<(), Failure> {
        let step = || format!("merge the layers at {path:?}");
        if path.components().count() > MAX_DEPTH {
            return Err(Errno::LOOP).step(step);
        }
        let mut names: BTreeMap<OsString, Vec<&OwnedFd>> = BTreeMap::new();
        for layer in layers {
            for entry in Dir::read_from(layer).step(step)? {
                let entry = entry.step(step)?;
                let name = entry.file_name().to_bytes();
                if ![&b"."[..], b".."].contains(&name) {
                    names.entry(OsStr::from_bytes(name).to_owned()).or_default().push(layer);
                }
            }
        }
        for (name, layers) in names {
            let path = path.join(&name);
            let step = || format!("merge the layers at {path:?}");
            let Some(topmost) = layers.first() else { continue };
            let found = stat(topmost, &name).step(step)?;
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => {
                    let mut below = Vec::new();
                    for layer in layers {
                        // A directory is merged with those below it, down to the first that is none.
                        if FileType::from_raw_mode(stat(layer, &name).step(step)?.st_mode) != FileType::Directory {
                            break;
                        }
                        below.push(open(layer, &name, OFlags::DIRECTORY).step(step)?);
                    }
                    let made = make_directory(target, &name).step(step)?;
                    self.directories.push((path.clone(), found));
                    self.merge(&below, &made, &path)?;
                }
                FileType::RegularFile | FileType::Symlink => put(topmost, target, &name, &found).step(step)?,
                _ => {
                    return Err(Errno::NOTSUP)
                        .step(|| format!("merge {path:?}: it is neither a file, a directory nor a symlink"));
                }
            }
        }
        Ok(())
    }
}

/// Copies a file or a symlink, with mode and time.
fn put(from: &OwnedFd, to: &OwnedFd, name: &OsStr, found: &Stat) -> Result<(), Errno> {
    if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
        let target = rustix::fs::readlinkat(from, name, Vec::new())?;
        rustix::fs::symlinkat(target, to, name)?;
    } else {
        let source = open(from, name, OFlags::empty())?;
        let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(to, name, create, Mode::from_raw_mode(0o600))?;
        let (mut source, mut made) = (File::from(source), File::from(made));
        io::copy(&mut source, &mut made).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(found.st_mode & 0o777))?;
    }
    rustix::fs::utimensat(to, name, &times(found), AtFlags::SYMLINK_NOFOLLOW)
}

fn make_folder(roots: &Path) -> Result<(PathBuf, OwnedFd), Errno> {
    let mut last = Errno::EXIST;
    for attempt in 0..ATTEMPTS {
        let folder = roots.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
        match lock(&folder) {
            // Another, sweeping, may have removed it before it was locked.
            Ok(lock) if folder.exists() => return Ok((folder, lock)),
            Ok(_) => {}
            Err(errno) => last = errno,
        }
    }
    Err(last)
}

/// Removes folders that a killed process has left.
pub(crate) fn sweep(roots: &Path) {
    let Ok(entries) = fs::read_dir(roots) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && let Ok(_lock) = lock(&entry.path()) {
            remove(&entry.path());
        }
    }
}

fn lock(folder: &Path) -> Result<OwnedFd, Errno> {
    let directory = rustix::fs::open(folder, directory_flags(), Mode::empty())?;
    rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

/// Removes a tree, of which directories may be closed to their owner.
fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut left = vec![folder.to_owned()];
    while let Some(directory) = left.pop() {
        let _ = fs::set_permissions(&directory, Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().filter_map(Result::ok);
        left.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    let _ = fs::remove_dir_all(folder);
}

fn make_directory(at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755))?;
    open(at, name, OFlags::DIRECTORY)
}

fn open(at: &OwnedFd, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn stat(at: &OwnedFd, name: &OsStr) -> Result<Stat, Errno> {
    rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
}

fn times(found: &Stat) -> Timestamps {
    // The kernel gives 0 to 999999999.
    let nanos = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
    let time = Timespec { tv_sec: found.st_mtime, tv_nsec: nanos };
    Timestamps { last_access: time, last_modification: time }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    fn merged(layers: &[&Path], roots: &Path) -> Root {
        let open = |path: &&Path| rustix::fs::open(*path, directory_flags(), Mode::empty()).unwrap();
        let root = Root::make(roots, &layers.iter().map(open).collect::<Vec<_>>());
        let root = root.unwrap_or_else(|failure| panic!("{failure:?}"));
        root.finish().unwrap_or_else(|failure| panic!("{failure:?}"));
        root
    }

    #[test]
    fn what_is_topmost_is_seen_and_directories_are_merged() {
        let all = tempfile::tempdir().unwrap();
        let (top, low) = (all.path().join("top"), all.path().join("low"));
        for (path, content) in [("top/d/a", "1"), ("low/d/a", "2"), ("low/d/b", "3"), ("low/x/y", "4"), ("top/x", "5")]
        {
            let path = all.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        symlink("b", top.join("d/link")).unwrap();
        fs::set_permissions(top.join("d"), Permissions::from_mode(0o555)).unwrap();
        let roots = all.path().join("roots");
        let root = merged(&[&top, &low], &roots);
        let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!([read("d/a"), read("d/b"), read("d/link"), read("x")], ["1", "3", "3", "5"]);
        let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
        assert_ne!(inode(root.path().join("d/b")), inode(low.join("d/b")), "it is another file");
        let found = [root.path().join("d"), top.join("d")].map(|path| fs::metadata(path).unwrap());
        assert_eq!([found[0].mode(), 0o40_555], [found[1].mode(); 2]);
        assert_eq!(found[0].modified().unwrap(), found[1].modified().unwrap());
        root.remove();
        assert_eq!(fs::read_dir(&roots).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(low.join("d/b")).unwrap(), "3", "the layer is as it was");
    }

    #[test]
    fn what_nobody_uses_is_removed_by_the_next() {
        let all = tempfile::tempdir().unwrap();
        let layer = all.path().join("layer");
        fs::create_dir(&layer).unwrap();
        let roots = all.path().join("roots");
        fs::create_dir_all(roots.join("root-1-0/root/d")).unwrap();
        fs::create_dir_all(roots.join("another's")).unwrap();
        let (first, second) = (merged(&[&layer], &roots), merged(&[&layer], &roots));
        assert_eq!(fs::read_dir(&roots).unwrap().count(), 3, "two in use, and what is none");
        first.remove();
        second.remove();
        assert!(roots.join("another's").exists());
    }
}
