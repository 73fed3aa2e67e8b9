//! The file system of the sandbox.
//!
//! Everything of the host is opened first, in the host's tree; then the overlay becomes the root and the host's tree is let
//! go; only then are the opened pieces attached, so that no symlink of a layer can lead an attachment astray.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, RawMode, Uid};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree, unmount,
};

use super::skeleton::{Shape, Skeleton};
use super::{Identity, clock, copy};
use crate::error::{Failure, Step};
use crate::limit::Limit;
use crate::spec::{Places, ScratchFileSystem, Spec};
use crate::syscalls::{MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, set_mount};

const NEW_MOUNT_REMEDY: &str = "use Linux 5.12 or newer, in a container with permission to mount";
const OVERLAY_REMEDY: &str = "use Linux 5.12 or newer with overlayfs (modprobe overlay), keep the cache on a local file system that is \
     not itself an overlay, and let the security module allow mounts in user namespaces";
pub(crate) const PROC_REMEDY: &str = "run in a container whose /proc has no masked paths (docker and podman: --security-opt systempaths=unconfined; \
     Kubernetes: procMount Unmasked; LXC: security.nesting=true)";

/// Where the host's tree is covered by what must be attached before it can be used. Every host has it, and it is not needed any more
/// then. Not `/`, because the old root is let go by its place, where what covers it would be found instead.
const STAGE: &str = "/dev";

pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
pub(super) const DEVICE_LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];
/// Of `/proc`: may be read, not written.
pub(super) const PROC_READ_ONLY: [&str; 2] = ["sys", "fs"];
/// Of `/proc`: directories shown empty, and files shown empty. Many exist only on some machines.
pub(super) const PROC_MASKED_DIRECTORIES: [&str; 6] = ["acpi", "scsi", "irq", "bus", "driver", "asound"];
pub(super) const PROC_MASKED_FILES: [&str; 13] = [
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kallsyms",
    "kpagecount",
    "kpageflags",
    "sysrq-trigger",
    "timer_list",
    "sched_debug",
    "latency_stats",
    "interrupts",
    "modules",
];

/// Scratch is short of what less than one in this many is left of.
const SHORT: u64 = 32;

/// The writable part of the sandbox: one tmpfs with a directory for each place, or a tmpfs for each.
pub(super) struct Scratch {
    file_systems: Vec<OwnedFd>,
    /// The directory of each place.
    roots: Vec<OwnedFd>,
    places: Places,
    /// What the file systems do not hold by themselves, all together: bytes and inodes.
    limits: Option<(u64, u64)>,
}

/// How full scratch is.
#[derive(Default)]
pub(super) struct Room {
    /// The limit that it has passed, where no file system holds it.
    pub(super) passed: Option<Limit>,
    pub(super) used_bytes: u64,
    /// So little is left that what could not be written any more may be why a command fails.
    pub(super) is_short_of_bytes: bool,
    pub(super) is_short_of_inodes: bool,
}

impl Scratch {
    /// Opens a directory of the sandbox that lies in scratch, following no symlink on the way. What is closed to its owner is opened for
    /// that, so the command must have ended.
    pub(super) fn open(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let (place, below) = self.places.locate(path).ok_or(Errno::NOENT)?;
        let root = self.roots.get(place).ok_or(Errno::NOENT)?;
        let mode = rustix::fs::fstat(root)?.st_mode;
        if mode & 0o700 != 0o700 {
            rustix::fs::fchmod(root, Mode::from_raw_mode(mode | 0o700))?;
        }
        let mut directory = open_directory(root, Path::new("."))?;
        for name in below {
            (directory, _) = open_closed(&directory, Path::new(name), DIRECTORY)?;
        }
        Ok(directory)
    }

    /// What bubblewrap has mounted; makes the directories of scratch in it.
    pub(super) fn found(spec: &Spec, places: Places, owner: (u32, u32)) -> Result<Self, Failure> {
        let open = |place: &PathBuf| {
            rustix::fs::openat(CWD, place, DIRECTORY, Mode::empty())
                .step(|| format!("open the scratch directory {place:?}"))
        };
        let all = || places.roots().iter().map(open).collect::<Result<Vec<_>, _>>();
        let (file_systems, roots) = (all()?, all()?);
        let limits = Some((spec.limits.scratch_bytes, spec.limits.scratch_inodes));
        let scratch = Self { file_systems, roots, places, limits };
        scratch.make_directories(spec, owner)?;
        Ok(scratch)
    }

    pub(super) fn room(&self) -> Result<Room, Failure> {
        let mut room = Room::default();
        let mut used_inodes = 0_u64;
        for file_system in &self.file_systems {
            let found = rustix::fs::fstatvfs(file_system).step(|| "see how full scratch is".to_owned())?;
            let used_bytes = found.f_blocks.saturating_sub(found.f_bfree).saturating_mul(found.f_frsize);
            room.used_bytes = room.used_bytes.saturating_add(used_bytes);
            used_inodes = used_inodes.saturating_add(found.f_files.saturating_sub(found.f_ffree));
            // One who is refused room may make some before this is looked at, and has written up to the last page or so before.
            // A kind of file system that has no such limit says 0 of both.
            room.is_short_of_bytes |= found.f_blocks > 0 && found.f_bavail < (found.f_blocks / SHORT).max(4);
            room.is_short_of_inodes |= found.f_files > 0 && found.f_ffree < (found.f_files / SHORT).max(4);
        }
        if let Some((bytes, inodes)) = self.limits {
            // Each has its own root as well.
            let own = self.file_systems.len() as u64;
            let used =
                [(Limit::ScratchBytes, room.used_bytes, bytes), (Limit::ScratchInodes, used_inodes, inodes + own)];
            room.passed = used.iter().find(|(_, used, limit)| used > limit).map(|(limit, _, _)| *limit);
        }
        Ok(room)
    }

    /// The directory of the place that a path lies in, and the path below it.
    fn start<'a>(&self, path: &'a Path) -> Result<(OwnedFd, &'a Path), Errno> {
        let (place, below) = self.places.locate(path).ok_or(Errno::NOENT)?;
        let root = self.roots.get(place).ok_or(Errno::NOENT)?;
        Ok((open_directory(root, Path::new("."))?, below))
    }

    /// Makes the directories that were asked for.
    fn make_directories(&self, spec: &Spec, owner: (u32, u32)) -> Result<(), Failure> {
        for path in &spec.scratch {
            self.make(path, owner).step(|| format!("make the scratch directory {path:?}"))?;
        }
        Ok(())
    }

    /// Makes a directory below a place, with those on the way, owned by the command; opens it.
    pub(super) fn make(&self, path: &Path, owner: (u32, u32)) -> Result<OwnedFd, Errno> {
        let (mut directory, below) = self.start(path)?;
        for name in below {
            match rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(0o755)) {
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    chown(&directory, Path::new(name), owner)?;
                }
            }
            directory = open_directory(&directory, Path::new(name))?;
        }
        Ok(directory)
    }
}

/// Makes the sandbox's file system the root of this process. Fills scratch with the copies.
pub(super) fn build(spec: &Spec, identity: &Identity) -> Result<Scratch, Failure> {
    // The mode of what is made here is what is asked for.
    rustix::process::umask(Mode::empty());
    let root = open_tree(CWD, "/", OpenTreeFlags::OPEN_TREE_CLOEXEC).step(|| "open the host's root".to_owned())?;
    set_mount(root.as_fd(), 0, libc::MS_PRIVATE, true)
        .or_host("make the mounts of the sandbox private", NEW_MOUNT_REMEDY)?;

    let layers = open_all(spec.layers.iter(), "layer", OFlags::PATH)?;
    let copies = open_all(spec.copies.iter().map(|copy| &copy.source), "tree to copy", OFlags::RDONLY)?;
    let binds = spec.binds.iter().map(|bind| clone_tree(&bind.source)).collect::<Result<Vec<_>, _>>()?;
    let devices = host_devices()?;
    // The kernel wants to see the host's own /proc for this, so it comes before the host's tree goes.
    let proc = new_mount("proc", &[], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
        .or_host("mount /proc", PROC_REMEDY)?;

    let mut skeleton = Skeleton::new(&layers, spec)?;
    attach(&skeleton.tmpfs, Path::new(STAGE))?;
    let places = Places::of(&spec.scratch);
    let mut targets = Vec::new();
    for path in ["/proc", "/dev"].map(Path::new) {
        targets.push(skeleton.mount_point(path, Shape::Directory)?);
    }
    for place in places.roots() {
        // /dev/shm is made in /dev.
        if !place.starts_with("/dev") {
            skeleton.mount_point(place, Shape::Directory)?;
        }
    }
    let mut bind_targets = Vec::new();
    for (bind, tree) in spec.binds.iter().zip(&binds) {
        let target = skeleton.mount_point(&bind.target, shape_of(tree, &bind.source)?)?;
        bind_targets.push((target, tree));
    }
    for file in spec.files.iter().chain(&clock::files(spec)) {
        skeleton.file(file)?;
    }
    for link in &spec.links {
        skeleton.link(link)?;
    }
    skeleton.seal()?;

    let owner = identity.owner(spec);
    let scratch = make_scratch(spec, places, owner)?;
    for (copy, source) in spec.copies.iter().zip(copies) {
        let target = scratch.make(&copy.target, owner).step(|| format!("make {:?} in scratch", copy.target))?;
        copy::tree(&source, &target, copy, owner)?;
    }
    let place_mounts = match spec.scratch_file_system {
        ScratchFileSystem::Tmpfs => mount_places(&scratch)?,
        // That it is none after all is seen inside.
        ScratchFileSystem::Overlay => match overlay_places(&scratch) {
            Ok(mounts) => mounts,
            Err(_) => mount_places(&scratch)?,
        },
    };

    let overlay = mount_overlay(&layers, &skeleton)?;
    attach(&overlay, Path::new(STAGE))?;
    swap_root(&overlay)?;

    attach(&proc, &targets[0])?;
    let dev = make_dev(&devices)?;
    attach(&dev, &targets[1])?;
    for (name, device) in &devices {
        attach(device, &targets[1].join(name))?;
    }
    for (target, mount) in &place_mounts {
        attach(mount, target)?;
    }
    // A directory comes before what is mounted in it.
    bind_targets.sort_by(|a, b| a.0.cmp(&b.0));
    for (target, tree) in bind_targets {
        attach(tree, &target)?;
    }
    set_mount(dev.as_fd(), MOUNT_ATTR_RDONLY, 0, false).step(|| "make /dev read-only".to_owned())?;
    Ok(scratch)
}

/// Takes from `/proc` what would show or change the host. Comes after the sandbox's own settings were written there.
pub(super) fn seal_proc() -> Result<(), Failure> {
    for name in PROC_READ_ONLY {
        let path = Path::new("/proc").join(name);
        if let Some(tree) = clone_if_there(&path)? {
            set_mount(tree.as_fd(), MOUNT_ATTR_RDONLY, 0, true).step(|| format!("make {path:?} read-only"))?;
            attach(&tree, &path)?;
        }
    }
    for name in PROC_MASKED_FILES {
        let path = Path::new("/proc").join(name);
        if rustix::fs::statat(CWD, &path, rustix::fs::AtFlags::empty()).is_ok()
            && let Some(null) = clone_if_there(Path::new("/dev/null"))?
        {
            attach(&null, &path)?;
        }
    }
    let mut first: Option<PathBuf> = None;
    for name in PROC_MASKED_DIRECTORIES {
        let path = Path::new("/proc").join(name);
        if rustix::fs::statat(CWD, &path, rustix::fs::AtFlags::empty()).is_err() {
            continue;
        }
        let empty = match &first {
            Some(first) => clone_if_there(first)?,
            None => None,
        };
        let empty = match empty {
            Some(empty) => empty,
            None => new_mount("tmpfs", &[("size", "4096"), ("nr_inodes", "1"), ("mode", "555")], MOUNT_ATTR_RDONLY)
                .step(|| "make an empty directory".to_owned())?,
        };
        attach(&empty, &path)?;
        first = Some(path);
    }
    Ok(())
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open_directory(at: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(at, path, DIRECTORY, Mode::empty())
}

/// Opens an entry, of which nobody else changes anything; one that is closed to its owner after opening its mode, which is given then.
pub(super) fn open_closed(at: &OwnedFd, name: &Path, flags: OFlags) -> Result<(OwnedFd, Option<Mode>), Errno> {
    match rustix::fs::openat(at, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {}
        opened => return Ok((opened?, None)),
    }
    let found = rustix::fs::statat(at, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
        return Err(Errno::LOOP);
    }
    let mode = Mode::from_raw_mode(found.st_mode & 0o7777);
    rustix::fs::chmodat(at, name, mode | Mode::RWXU, rustix::fs::AtFlags::empty())?;
    Ok((rustix::fs::openat(at, name, flags, Mode::empty())?, Some(mode)))
}

pub(super) fn open_all<'a>(
    paths: impl Iterator<Item = &'a PathBuf>,
    what: &str,
    flags: OFlags,
) -> Result<Vec<OwnedFd>, Failure> {
    paths
        .map(|path| {
            let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::openat(CWD, path, flags, Mode::empty()).step(|| format!("open the {what} {path:?}"))
        })
        .collect()
}

/// A detached, read-only copy of a host tree.
fn clone_tree(source: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(CWD, source, flags).step(|| format!("open {source:?} to be seen inside"))?;
    let attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    set_mount(tree.as_fd(), attributes, 0, true).step(|| format!("make {source:?} read-only inside"))?;
    Ok(tree)
}

fn clone_if_there(path: &Path) -> Result<Option<OwnedFd>, Failure> {
    match open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC) {
        Ok(tree) => Ok(Some(tree)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno).step(|| format!("open {path:?}")),
    }
}

fn host_devices() -> Result<Vec<(&'static str, OwnedFd)>, Failure> {
    let mut devices = Vec::new();
    for name in DEVICES {
        let path = Path::new("/dev").join(name);
        let is_device = |found: &rustix::fs::Stat| FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice;
        let found = rustix::fs::statat(CWD, &path, rustix::fs::AtFlags::empty());
        let device = match found.ok().filter(is_device) {
            Some(_) => clone_if_there(&path)?,
            None => None,
        };
        match device {
            Some(device) => {
                let attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY;
                set_mount(device.as_fd(), attributes, 0, false).step(|| format!("restrict {path:?}"))?;
                devices.push((name, device));
            }
            None if name == "tty" => {}
            None => {
                return Err(no_device(&path));
            }
        }
    }
    Ok(devices)
}

pub(super) fn no_device(path: &Path) -> Failure {
    Failure::Host {
        what: format!("it has no device {path:?}"),
        remedy: "mount a /dev with the standard devices".to_owned(),
    }
}

fn shape_of(tree: &OwnedFd, source: &Path) -> Result<Shape, Failure> {
    let found = rustix::fs::fstat(tree).step(|| format!("look at {source:?}"))?;
    Ok(match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => Shape::Directory,
        _ => Shape::File,
    })
}

/// A new file system that is not attached anywhere yet.
pub(crate) fn new_mount(kind: &str, options: &[(&str, &str)], attributes: u64) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(&context, *key)?;
        } else {
            fsconfig_set_string(&context, *key, *value)?;
        }
    }
    fsconfig_create(&context)?;
    let attributes = u32::try_from(attributes).map_err(|_| Errno::INVAL)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::from_bits_retain(attributes))
}

fn attach(mount: &OwnedFd, target: &Path) -> Result<(), Failure> {
    move_mount(mount, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .step(|| format!("attach the mount for {target:?}"))
}

fn make_scratch(spec: &Spec, places: Places, owner: (u32, u32)) -> Result<Scratch, Failure> {
    let (uid, gid) = (owner.0.to_string(), owner.1.to_string());
    let (size, inodes) = (spec.limits.scratch_bytes.to_string(), spec.limits.scratch_inodes.to_string());
    let options = [
        ("size", size.as_str()),
        ("nr_inodes", inodes.as_str()),
        ("mode", "0700"),
        ("uid", uid.as_str()),
        ("gid", gid.as_str()),
    ];
    let tmpfs = new_mount("tmpfs", &options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
        .step(|| format!("make a scratch file system of {size} bytes and {inodes} inodes"))?;
    // Attached in the tree that will go, because only pieces of an attached mount can be attached elsewhere.
    attach(&tmpfs, Path::new(STAGE))?;
    let mut roots = Vec::new();
    for (index, place) in places.roots().iter().enumerate() {
        let name = index.to_string();
        let root = rustix::fs::mkdirat(&tmpfs, &name, Mode::from_raw_mode(mode_of_place(place)))
            .and_then(|()| chown(&tmpfs, Path::new(&name), owner))
            .and_then(|()| open_directory(&tmpfs, Path::new(&name)))
            .step(|| format!("make the scratch directory {place:?}"))?;
        roots.push(root);
    }
    let scratch = Scratch { file_systems: vec![tmpfs], roots, places, limits: None };
    scratch.make_directories(spec, owner)?;
    Ok(scratch)
}

pub(super) fn mode_of_place(place: &Path) -> RawMode {
    if place == Path::new("/tmp") || place.starts_with("/dev") { 0o1777 } else { 0o755 }
}

fn mount_places(scratch: &Scratch) -> Result<Vec<(PathBuf, OwnedFd)>, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let mut mounts = Vec::new();
    for (root, place) in scratch.roots.iter().zip(scratch.places.roots()) {
        let mount = open_tree(root, "", flags).step(|| format!("open the scratch directory {place:?}"))?;
        mounts.push((place.clone(), mount));
    }
    Ok(mounts)
}

/// The places as overlays above an empty directory; what is written goes to the places themselves.
fn overlay_places(scratch: &Scratch) -> Result<Vec<(PathBuf, OwnedFd)>, Errno> {
    const LOWER: &str = "lower";
    let closed = Mode::from_raw_mode(0o755);
    let tmpfs = scratch.file_systems.first().ok_or(Errno::NOENT)?;
    rustix::fs::mkdirat(tmpfs, LOWER, closed)?;
    let lower = open_directory(tmpfs, Path::new(LOWER))?;
    let mut mounts = Vec::new();
    for (index, (place, upper)) in scratch.places.roots().iter().zip(&scratch.roots).enumerate() {
        let work = format!("work-{index}");
        rustix::fs::mkdirat(tmpfs, &work, closed)?;
        let work = open_directory(tmpfs, Path::new(&work))?;
        rustix::process::chdir("/proc/self/fd")?;
        let [lower, upper, work] = [&lower, upper, &work].map(|fd| fd.as_raw_fd().to_string());
        let options = [
            ("source", "overlay"),
            ("lowerdir", &*lower),
            ("upperdir", &*upper),
            ("workdir", &*work),
            ("userxattr", ""),
        ];
        mounts.push((place.clone(), new_mount("overlay", &options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)?));
    }
    Ok(mounts)
}

fn chown(at: &OwnedFd, path: &Path, (uid, gid): (u32, u32)) -> Result<(), Errno> {
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    rustix::fs::chownat(at, path, uid, gid, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
}

fn mount_overlay(layers: &[OwnedFd], skeleton: &Skeleton<'_>) -> Result<OwnedFd, Failure> {
    // Layers are named by descriptor number, seen from /proc/self/fd: short enough for the kernel's 255 bytes, nothing to escape,
    // and /proc/self/mountinfo inside does not tell host paths.
    let names: Vec<String> = [&skeleton.tmpfs].into_iter().chain(layers).map(|fd| fd.as_raw_fd().to_string()).collect();
    rustix::process::chdir("/proc/self/fd").step(|| "enter /proc/self/fd".to_owned())?;
    let options = [("source", "overlay"), ("lowerdir", &*names.join(":")), ("userxattr", ""), ("ro", "")];
    let attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    new_mount("overlay", &options, attributes).or_host("mount the layers as an overlay", OVERLAY_REMEDY)
}

/// Makes the overlay the root and lets the host's tree go.
fn swap_root(overlay: &OwnedFd) -> Result<(), Failure> {
    // With both arguments the same directory, the old root comes to lie on top of the new one, see pivot_root(2).
    rustix::process::fchdir(overlay)
        .and_then(|()| rustix::process::pivot_root(".", "."))
        .and_then(|()| unmount(".", UnmountFlags::DETACH))
        .and_then(|()| rustix::process::chdir("/"))
        .step(|| "make the overlay the root".to_owned())
}

fn make_dev(devices: &[(&'static str, OwnedFd)]) -> Result<OwnedFd, Failure> {
    let options = [("size", "65536"), ("nr_inodes", "32"), ("mode", "755")];
    let dev = new_mount("tmpfs", &options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
        .step(|| "make /dev".to_owned())?;
    let file = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    for (name, _) in devices {
        rustix::fs::openat(&dev, *name, file, Mode::from_raw_mode(0o444)).step(|| format!("make /dev/{name}"))?;
    }
    for (name, target) in DEVICE_LINKS {
        rustix::fs::symlinkat(target, &dev, name).step(|| format!("make /dev/{name}"))?;
    }
    rustix::fs::mkdirat(&dev, "shm", Mode::from_raw_mode(0o755)).step(|| "make /dev/shm".to_owned())?;
    Ok(dev)
}
