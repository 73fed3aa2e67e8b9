//! Control groups: limits on all processes of a sandbox together.
//!
//! The warden makes them, one in each hierarchy that has a wanted controller and lets it, below its own group; so a limit on the caller's group
//! still binds. In version 2 a group with processes cannot have controllers for its children, so there the group may also lie beside
//! the caller's. A lock on a group's directory, which the kernel lets go with the last process that has it open, says that it is in use: whoever
//! makes a group first removes those that nobody uses.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::limit::{Limit, Mechanism};
use crate::spec::Limits;

/// How the name of each group begins.
const PREFIX: &str = "twinbuild-";
/// How often another name is tried for a group, where one was taken or cleaned away meanwhile.
const ATTEMPTS: u32 = 8;
/// How long a group may still be in use after its last process has ended.
const REMOVAL_ATTEMPTS: u32 = 200;
const REMOVAL_PAUSE: Duration = Duration::from_millis(5);
/// What buffers of TCP may take of a group of version 1; at the limit they are made smaller and wait.
const TCP_BYTES: u64 = 64 * 1024 * 1024;
/// The largest file of a group that is read.
const MAX_FILE_BYTES: usize = 4096;

/// What is limited or counted by a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Controller {
    Memory,
    Processes,
    CpuTime,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Processes, Self::CpuTime];

    /// Its name in version 1.
    fn old_name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "pids",
            Self::CpuTime => "cpuacct",
        }
    }
}

/// The groups of one sandbox. Both its warden and its process 1 hold them; only the warden removes them.
#[derive(Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    memory: Option<Counter>,
    processes: Option<Counter>,
    cpu: Option<Counter>,
}

/// One directory of a hierarchy.
struct Group {
    path: PathBuf,
    processes: File,
    _lock: OwnedFd,
}

/// A controller of a group that is in force.
struct Counter {
    by: Mechanism,
    /// Files that tell what happened, opened while they could be.
    files: Vec<File>,
}

impl Groups {
    /// Makes what groups the host lets this process make. What cannot be had is left to other mechanisms.
    pub(crate) fn make(limits: &Limits) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let own = Own::find(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
        let mut made = Self::default();
        for controller in Controller::ALL {
            for place in own.places(controller) {
                if made.add(controller, &place, limits).is_ok() {
                    break;
                }
            }
        }
        made
    }

    /// What holds each limit, where a group does.
    pub(crate) fn mechanism(&self, limit: Limit) -> Option<Mechanism> {
        let counter = match limit {
            Limit::Memory => &self.memory,
            Limit::Processes => &self.processes,
            Limit::CpuTime => &self.cpu,
            _ => &None,
        };
        counter.as_ref().map(|counter| counter.by)
    }

    /// Puts a process, by its id here, into all groups.
    pub(super) fn join(&self, id: c_int) -> io::Result<()> {
        self.groups.iter().try_for_each(|group| (&group.processes).write_all(id.to_string().as_bytes()))
    }

    /// Whether something may have been refused or killed at the limit of a group: memory that was full may have been had by letting
    /// files go that can be read again.
    pub(super) fn was_reached(&self, limit: Limit) -> bool {
        self.counted(limit, &["oom_kill", "oom", "max", ""])
    }

    /// Whether something was refused or killed at the limit of a group.
    pub(super) fn was_met(&self, limit: Limit) -> bool {
        self.counted(limit, &["oom_kill", "oom"])
    }

    fn counted(&self, limit: Limit, of_memory: &[&str]) -> bool {
        let (counter, keys): (_, &[&str]) = match limit {
            Limit::Memory => (&self.memory, of_memory),
            Limit::Processes => (&self.processes, &["max"]),
            _ => return false,
        };
        let files = counter.iter().flat_map(|counter| &counter.files);
        files.map(read_again).any(|text| keys.iter().any(|key| value(&text, key).is_some_and(|count| count > 0)))
    }

    /// Processor time of everything that was ever in the group.
    pub(super) fn cpu_used(&self) -> Option<Duration> {
        let counter = self.cpu.as_ref()?;
        let text = read_again(counter.files.first()?);
        match counter.by {
            Mechanism::CgroupV2 => value(&text, "usage_usec").map(Duration::from_micros),
            _ => value(&text, "").map(Duration::from_nanos),
        }
    }

    /// Removes the groups, whose processes have ended.
    pub(crate) fn remove(self) {
        for group in self.groups {
            for _ in 0..REMOVAL_ATTEMPTS {
                match std::fs::remove_dir(&group.path) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => std::thread::sleep(REMOVAL_PAUSE),
                    // What is left, if anything, is removed when the next group is made.
                    _ => break,
                }
            }
        }
    }

    fn add(&mut self, controller: Controller, place: &Place, limits: &Limits) -> io::Result<()> {
        // In version 2 one group has all controllers, so that which was made for another is limited further.
        let held = self.groups.iter().find(|group| place.version == 2 && group.path.parent() == Some(&place.parent));
        let (path, made) = match held {
            Some(group) => (group.path.clone(), None),
            None => {
                let group = Group::make(&place.parent)?;
                (group.path.clone(), Some(group))
            }
        };
        let counter = counter(controller, place, &path, limits);
        match (counter, made) {
            (Ok(counter), made) => {
                self.groups.extend(made);
                *match controller {
                    Controller::Memory => &mut self.memory,
                    Controller::Processes => &mut self.processes,
                    Controller::CpuTime => &mut self.cpu,
                } = Some(counter);
                Ok(())
            }
            (Err(error), made) => {
                drop(made.map(|group| std::fs::remove_dir(group.path)));
                Err(error)
            }
        }
    }
}

/// Sets one limit of a group, and opens what tells of it.
fn counter(controller: Controller, place: &Place, path: &Path, limits: &Limits) -> io::Result<Counter> {
    let write = |name: &str, number: u64| {
        let mut file = File::options().write(true).open(path.join(name))?;
        file.write_all(number.to_string().as_bytes())
    };
    let open = |name: &str| File::open(path.join(name));
    let is_there = |name: &str| path.join(name).exists();
    // Process 1 is in the group too.
    let processes = limits.processes.saturating_add(1);
    let files = match (controller, place.version) {
        (Controller::Memory, 2) => {
            write("memory.max", place.capped("memory.max", limits.memory_bytes))?;
            if is_there("memory.swap.max") {
                write("memory.swap.max", 0)?;
            }
            vec![open("memory.events")?]
        }
        (Controller::Memory, _) => {
            write("memory.limit_in_bytes", limits.memory_bytes)?;
            if is_there("memory.memsw.limit_in_bytes") {
                write("memory.memsw.limit_in_bytes", limits.memory_bytes)?;
            }
            // Version 1 does not count these as memory. A kernel may be built without.
            if is_there("memory.kmem.tcp.limit_in_bytes") {
                write("memory.kmem.tcp.limit_in_bytes", limits.memory_bytes.min(TCP_BYTES))?;
            }
            vec![open("memory.oom_control")?, open("memory.failcnt")?]
        }
        (Controller::Processes, 2) => {
            write("pids.max", place.capped("pids.max", processes))?;
            vec![open("pids.events")?]
        }
        (Controller::Processes, _) => {
            write("pids.max", processes)?;
            vec![open("pids.events")?]
        }
        (Controller::CpuTime, 2) => vec![open("cpu.stat")?],
        (Controller::CpuTime, _) => vec![open("cpuacct.usage")?],
    };
    Ok(Counter { by: if place.version == 2 { Mechanism::CgroupV2 } else { Mechanism::CgroupV1 }, files })
}

impl Group {
    /// Makes and locks a group, after those that nobody uses are gone.
    fn make(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for attempt in 0..ATTEMPTS {
            let path = parent.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let made = lock(&path).map_err(io::Error::from).and_then(|lock| {
                let processes = File::options().write(true).open(path.join("cgroup.procs"))?;
                Ok(Self { path: path.clone(), processes, _lock: lock })
            });
            match made {
                Ok(group) => return Ok(group),
                // Another, sweeping, was quicker than the lock.
                Err(error) => last = error,
            }
            drop(std::fs::remove_dir(&path));
        }
        Err(last)
    }
}

/// Removes groups that a killed warden has left.
fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && lock(&entry.path()).is_ok() {
            drop(std::fs::remove_dir(entry.path()));
        }
    }
}

/// Locks a group's directory, unless another has.
fn lock(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
    Ok(directory)
}

fn read_again(file: &File) -> String {
    let mut bytes = vec![0; MAX_FILE_BYTES];
    let count = file.read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// The number behind a key, a line each; with an empty key that of a file that is one number.
fn value(text: &str, key: &str) -> Option<u64> {
    if key.is_empty() {
        return text.trim().parse().ok();
    }
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A directory that a group may be made in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    version: u8,
    parent: PathBuf,
    /// The caller's own group, where a group beside it would escape its limits.
    beside: Option<PathBuf>,
}

impl Place {
    /// A number, or the caller's own where that is lower.
    fn capped(&self, name: &str, number: u64) -> u64 {
        let own = self.beside.as_ref().and_then(|own| std::fs::read_to_string(own.join(name)).ok());
        own.and_then(|text| text.trim().parse().ok()).map_or(number, |own: u64| own.min(number))
    }
}

/// The caller's groups, by hierarchy: the directory of each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    old: Vec<(String, PathBuf)>,
    new: Option<PathBuf>,
}

impl Own {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo` (cgroups(7), proc(5)).
    fn find(groups: &str, mounts: &str) -> Self {
        let mut own = Self::default();
        for line in groups.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            if controllers.is_empty() {
                own.new = mounts.lines().find_map(|mount| directory(mount, "cgroup2", None, path));
                continue;
            }
            for controller in controllers.split(',') {
                let found = mounts.lines().find_map(|mount| directory(mount, "cgroup", Some(controller), path));
                own.old.extend(found.map(|found| (controller.to_owned(), found)));
            }
        }
        own
    }

    /// Where a group with a controller may be made, the best first.
    fn places(&self, controller: Controller) -> Vec<Place> {
        if let Some((_, parent)) = self.old.iter().find(|(name, _)| name == controller.old_name()) {
            return vec![Place { version: 1, parent: parent.clone(), beside: None }];
        }
        let Some(own) = &self.new else { return Vec::new() };
        let is_handed_down = |directory: &Path| {
            // Version 2 counts processor time without its controller.
            let name = if controller == Controller::CpuTime { "memory" } else { controller.old_name() };
            let text = std::fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
            text.split_ascii_whitespace().any(|handed| handed == name)
        };
        let below = Place { version: 2, parent: own.clone(), beside: None };
        // The root of what is mounted may have a parent in the file system, which is no group.
        let beside = own.parent().filter(|parent| parent.join("cgroup.procs").exists());
        let beside = beside.map(|parent| Place { version: 2, parent: parent.to_owned(), beside: Some(own.clone()) });
        [Some(below), beside].into_iter().flatten().filter(|place| is_handed_down(&place.parent)).collect()
    }
}

/// The directory of a group in one mount, if the mount is of this kind and shows it.
fn directory(mount: &str, kind: &str, controller: Option<&str>, path: &str) -> Option<PathBuf> {
    let (fields, rest) = mount.split_once(" - ")?;
    let mut rest = rest.split(' ');
    let (found_kind, options) = (rest.next()?, rest.nth(1)?);
    if found_kind != kind || controller.is_some_and(|name| !options.split(',').any(|option| option == name)) {
        return None;
    }
    let mut fields = fields.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let below = Path::new(path).strip_prefix(root).ok()?;
    let is_plain = below.components().all(|component| matches!(component, std::path::Component::Normal(_)));
    // Joining an empty path would end it with a slash, and then its parent would be itself.
    is_plain.then(|| if below == Path::new("") { point.into() } else { Path::new(point).join(below) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
27 22 0:24 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
28 27 0:25 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
29 27 0:26 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
30 27 0:27 /box /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
31 27 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_group_is_found_in_the_hierarchy_of_its_controller() {
        let own = Own::find("8:pids:/\n4:memory:/a/b\n2:cpu,cpuacct:/box/c\n0::/x\n", HYBRID);
        let parent = |controller| own.places(controller).first().unwrap().parent.clone();
        assert_eq!(parent(Controller::Memory), Path::new("/sys/fs/cgroup/memory/a/b"));
        assert_eq!(parent(Controller::Processes), Path::new("/sys/fs/cgroup/pids"));
        // The mount shows only what lies below /box.
        assert_eq!(parent(Controller::CpuTime), Path::new("/sys/fs/cgroup/cpu,cpuacct/c"));
        assert_eq!(own.new.as_deref(), Some(Path::new("/sys/fs/cgroup/unified/x")));
    }

    #[test]
    fn a_group_outside_of_what_is_mounted_is_not_guessed() {
        let own = Own::find("4:memory:/../up\n2:cpu,cpuacct:/elsewhere\n", HYBRID);
        assert_eq!(own, Own::default());
        assert_eq!(Own::find("", ""), Own::default());
    }

    #[test]
    fn in_version_2_a_group_is_made_where_controllers_are_handed_down() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("app.slice/run.scope");
        std::fs::create_dir_all(&own).unwrap();
        let slice = root.path().join("app.slice");
        for directory in [&slice, &own] {
            std::fs::write(directory.join("cgroup.procs"), "").unwrap();
            std::fs::write(directory.join("cgroup.subtree_control"), "").unwrap();
        }
        let mounts = format!("31 27 0:28 / {} rw - cgroup2 cgroup2 rw\n", root.path().display());
        let found = || Own::find("0::/app.slice/run.scope\n", &mounts).places(Controller::Memory);
        assert_eq!(found(), []);
        std::fs::write(slice.join("cgroup.subtree_control"), "memory pids\n").unwrap();
        assert_eq!(found(), [Place { version: 2, parent: slice, beside: Some(own.clone()) }]);
        // Beside the caller's group its own limit still holds.
        std::fs::write(own.join("memory.max"), "1000\n").unwrap();
        assert_eq!(found()[0].capped("memory.max", 5000), 1000);
        std::fs::write(own.join("memory.max"), "max\n").unwrap();
        assert_eq!(found()[0].capped("memory.max", 5000), 5000);
        std::fs::write(own.join("cgroup.subtree_control"), "memory\n").unwrap();
        assert_eq!(found()[0], Place { version: 2, parent: own, beside: None });
    }

    #[test]
    fn memory_that_was_full_and_then_had_was_not_met() {
        let folder = tempfile::tempdir().unwrap();
        let groups = |texts: &[&str]| {
            let open = |(index, text): (usize, &&str)| {
                let path = folder.path().join(index.to_string());
                std::fs::write(&path, text).unwrap();
                File::open(path).unwrap()
            };
            let files = texts.iter().enumerate().map(open).collect();
            Groups { memory: Some(Counter { by: Mechanism::CgroupV1, files }), ..Groups::default() }
        };
        let told = |texts: &[&str]| {
            let groups = groups(texts);
            (groups.was_reached(Limit::Memory), groups.was_met(Limit::Memory))
        };
        assert_eq!(told(&["low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n"]), (true, false));
        assert_eq!(told(&["low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\n"]), (true, true));
        assert_eq!(told(&["oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "77\n"]), (true, false));
        assert_eq!(told(&["oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", "77\n"]), (true, true));
        assert_eq!(told(&["oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "0\n"]), (false, false));
    }

    #[test]
    fn numbers_are_found_by_key() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n";
        assert_eq!(value(events, "max"), Some(12));
        assert_eq!(value(events, "oom"), Some(3));
        assert_eq!(value("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", "oom_kill"), Some(1));
        assert_eq!(value("77\n", ""), Some(77));
        assert_eq!(value("77\n", "max"), None);
    }

    #[test]
    fn what_nobody_uses_is_swept_and_what_is_used_is_not() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["twinbuild-1-0", "twinbuild-2-0", "other"] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
        }
        let held = lock(&parent.path().join("twinbuild-1-0")).unwrap();
        sweep(parent.path());
        let mut left: Vec<_> =
            std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["other", "twinbuild-1-0"]);
        drop(held);
        sweep(parent.path());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
