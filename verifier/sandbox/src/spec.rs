//! What a sandbox is asked to be.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The most layers: what fits into one mount option.
const MAX_LAYERS: usize = 60;
const MAX_STDIN_BYTES: usize = 1024 * 1024;
const MAX_FILES_BYTES: usize = 8 * 1024 * 1024;
const GIB: u64 = 1 << 30;
/// What scratch has on a host with hardly any memory left, where a build is likely to meet its limits.
const MIN_SCRATCH_BYTES: u64 = 64 * 1024 * 1024;

/// One command, the file system it sees, and its limits. All paths must be UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Read-only directories of the host that make up the root, topmost first; 1 to 60.
    pub layers: Vec<PathBuf>,
    /// Further files and directories of the host, read-only.
    pub binds: Vec<Bind>,
    /// Small files, 8 MiB together, that stand above the layers.
    pub files: Vec<SkeletonFile>,
    /// Symlinks that stand above the layers.
    pub links: Vec<SkeletonLink>,
    /// Trees of the host, copied into scratch before the command runs.
    pub copies: Vec<Copy>,
    /// Writable directories, empty and owned by the inside user. `/tmp` and `/dev/shm` are always there as well.
    pub scratch: Vec<PathBuf>,
    /// The command. The first is a path with a slash: `PATH` is not searched.
    pub argv: Vec<String>,
    /// The whole environment, to which only `TWINBUILD_REPORT_FD=3` is added.
    pub env: Vec<(String, String)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Standard input, 1 MiB at most.
    pub stdin: Vec<u8>,
    /// The file mode creation mask, 0 to 0o777.
    pub umask: u32,
    /// The user id inside, never 0.
    pub uid: u32,
    /// The group id inside, never 0.
    pub gid: u32,
    /// The host name, 1 to 64 bytes.
    pub hostname: String,
    /// The NIS domain name, 0 to 64 bytes.
    pub domainname: String,
    /// The processors that the command is started on.
    pub processors: Processors,
    /// Whether addresses are randomized.
    pub randomize_addresses: bool,
    /// Seconds added to the monotonic and the boot-time clock (so to the uptime); 0 for none. The real-time clock is none of them.
    pub boot_offset_secs: i64,
    /// Seconds by which the real-time clock is ahead, for programs with a dynamic linker that ask the C library; file times and the
    /// other clocks stay true. A library, `/usr/lib/twinbuild/clock.so`, is preloaded for it by `/etc/ld.so.preload`, and needs the
    /// `libdl.so.2` that every glibc comes with. Where the dynamic linker does not find that one, it starts no program.
    pub clock_offset_secs: u32,
    /// What uname(2) says of the kernel.
    pub kernel_name: KernelName,
    /// The kind of file system that scratch, `/tmp` and `/dev/shm` show.
    pub scratch_file_system: ScratchFileSystem,
    /// The directories to collect when the command has exited with 0.
    pub collect: Vec<Collect>,
    /// The limits.
    pub limits: Limits,
    /// Whether limits may be held by control groups where the host lets them be made. Without, other mechanisms hold them.
    pub control_groups: bool,
    /// Whether it is noted what the command executes, what addresses it tries to reach and what it is refused, where the host can do so.
    pub evidence: bool,
    /// What there is of the network.
    pub network: Network,
}

/// What a command has of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A network of its own, with `lo` and nothing to reach by it.
    #[default]
    None,
    /// The host's network as a whole, its loopback too: for a program that fetches, and that runs nothing of what it fetches. No
    /// build may have it. Local sockets cannot be made, as those of the host without a path would be in reach; packets are not
    /// counted, and settings of the network are left alone.
    Host,
}

/// A host file or directory, mounted read-only, without set-user-id and devices, with what is mounted below it.
///
/// A socket in it could be connected to, and a fifo be written, if its mode allows: bind only what holds none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// On the host; symlinks are followed.
    pub source: PathBuf,
    /// Inside, outside of scratch.
    pub target: PathBuf,
}

/// A small file that stands above the layers, like `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkeletonFile {
    /// Inside, outside of scratch. Whatever a layer has there is hidden, a symlink too.
    pub path: PathBuf,
    /// The content.
    pub content: Vec<u8>,
    /// Permission bits, 0 to 0o777.
    pub mode: u32,
}

/// A symlink that stands above the layers, like `/usr/bin/sh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkeletonLink {
    /// Inside, outside of scratch. Whatever a layer has there is hidden.
    pub path: PathBuf,
    /// Where it points.
    pub target: PathBuf,
}

/// A host directory copied into scratch, owned by the inside user.
///
/// It may hold regular files, directories and symlinks, 256 directories deep; anything else is an error. Modes and modification times
/// (nanoseconds) are kept, whatever the umask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// A directory of the host.
    pub source: PathBuf,
    /// The directory inside that gets the content of `source`; in scratch; made if missing.
    pub target: PathBuf,
    /// The order in which the entries of a directory are made, by the bytes of their names. `readdir` shows it on tmpfs.
    pub order: Insertion,
}

/// An order of making directory entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Insertion {
    /// Lowest name first.
    #[default]
    Sorted,
    /// Highest name first.
    Reversed,
}

/// The processors that a command is started on. It may choose others that the host allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Processors {
    /// All that the calling process may use.
    #[default]
    All,
    /// This many of them, at least 1, or all if there are fewer.
    Count(u32),
}

/// What uname(2) tells as the kernel's release. `/proc/version` tells the truth in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KernelName {
    /// The release that it is.
    #[default]
    Own,
    /// A release of 2.6, as the personality `UNAME26` makes it for programs that take no other.
    Linux26,
}

/// The kind of file system of what can be written. Both are kept in memory, under the same limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScratchFileSystem {
    /// A tmpfs as it is.
    #[default]
    Tmpfs,
    /// An overlay whose upper layer is that tmpfs. Where the kernel has none with an upper layer on a tmpfs, for an
    /// unprivileged user, it is a tmpfs all the same: statfs(2) inside tells.
    Overlay,
}

/// A directory whose content the caller gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// Inside, in scratch.
    pub directory: PathBuf,
    /// An empty directory of the host that gets the content, owned by the caller.
    pub into: PathBuf,
    /// Whether symlinks are recorded (they are never made on the host) or are an error.
    pub symlinks: bool,
}

/// What a command may use up, all its processes together where nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From the start of the command, then all is killed.
    pub wall: Duration,
    /// Processor seconds, then all is killed.
    pub cpu_secs: u64,
    /// Address space in bytes, each process.
    pub address_space_bytes: Option<u64>,
    /// Memory in bytes, with what is shared and what is in scratch, which is memory too; and System V shared memory besides.
    pub memory_bytes: u64,
    /// All that is written below scratch, `/tmp` and `/dev/shm`, in bytes of memory.
    pub scratch_bytes: u64,
    /// Files, directories and symlinks below scratch, `/tmp` and `/dev/shm`.
    pub scratch_inodes: u64,
    /// Processes and threads at once.
    pub processes: u64,
    /// Open files, each process.
    pub open_files: u64,
    /// Size of one file in bytes, holes too; `u64::MAX` for none. Nothing to hold where scratch has less room than that.
    pub file_bytes: u64,
    /// What the command may print, in bytes, then all is killed.
    pub log_bytes: u64,
    /// Collected bytes, by apparent size.
    pub collect_bytes: u64,
    /// Collected files, directories and symlinks.
    pub collect_files: u64,
}

impl Default for Spec {
    /// No layers and no command yet; user and group 1000 of `localhost` in `/`, umask 0o022, all processors, random addresses, no network.
    fn default() -> Self {
        Self {
            layers: Vec::new(),
            binds: Vec::new(),
            files: Vec::new(),
            links: Vec::new(),
            copies: Vec::new(),
            scratch: Vec::new(),
            argv: Vec::new(),
            env: Vec::new(),
            cwd: "/".into(),
            stdin: Vec::new(),
            umask: 0o022,
            uid: 1000,
            gid: 1000,
            hostname: "localhost".to_owned(),
            domainname: String::new(),
            processors: Processors::All,
            randomize_addresses: true,
            boot_offset_secs: 0,
            clock_offset_secs: 0,
            kernel_name: KernelName::Own,
            scratch_file_system: ScratchFileSystem::Tmpfs,
            collect: Vec::new(),
            limits: Limits::default(),
            control_groups: true,
            evidence: true,
            network: Network::None,
        }
    }
}

impl Default for Limits {
    /// Enough for most builds: an hour, 4 GiB, 1024 processes. Scratch is 2 GiB.
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(3600),
            cpu_secs: 3600,
            address_space_bytes: None,
            memory_bytes: 4 * GIB,
            scratch_bytes: 2 * GIB,
            scratch_inodes: 1_000_000,
            processes: 1024,
            open_files: 4096,
            file_bytes: u64::MAX,
            log_bytes: 64 * 1024 * 1024,
            collect_bytes: GIB,
            collect_files: 100_000,
        }
    }
}

impl Limits {
    /// The default limits, with a scratch of not more than a quarter of the memory that the host has available now.
    #[must_use]
    pub fn of_this_host() -> Self {
        let mut limits = Self::default();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        if let Some(available) = available_bytes(&meminfo) {
            limits.scratch_bytes = limits.scratch_bytes.min((available / 4).max(MIN_SCRATCH_BYTES));
        }
        limits
    }
}

/// `MemAvailable` of `/proc/meminfo`, which counts in KiB.
fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

impl Spec {
    /// Refuses what cannot work or would be unsound, before anything is started.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(Error::spec(what)) };
        expect(
            (1..=MAX_LAYERS).contains(&self.layers.len()),
            &format!("layers: {} given, 1 to {MAX_LAYERS} expected", self.layers.len()),
        )?;
        expect(
            ![0, u32::MAX].contains(&self.uid) && ![0, u32::MAX].contains(&self.gid),
            "uid and gid: 1 to 4294967294 expected",
        )?;
        expect(self.umask <= 0o777, "umask: 0 to 0o777 expected")?;
        expect((1..=64).contains(&self.hostname.len()), "hostname: 1 to 64 bytes expected")?;
        expect(self.domainname.len() <= 64, "domainname: at most 64 bytes expected")?;
        expect(self.processors != Processors::Count(0), "processors: at least 1 expected")?;
        expect(self.stdin.len() <= MAX_STDIN_BYTES, "stdin: at most 1 MiB expected")?;
        let files_bytes: usize = self.files.iter().map(|file| file.content.len()).sum();
        expect(files_bytes <= MAX_FILES_BYTES, "files: at most 8 MiB together expected")?;
        expect(
            self.limits.scratch_bytes >= 65_536 && self.limits.scratch_inodes >= 64,
            "limits: at least 65536 scratch bytes and 64 scratch inodes expected",
        )?;
        self.check_command()?;
        self.check_paths()
    }

    fn check_command(&self) -> Result<(), Error> {
        let program = self.argv.first().map_or("", String::as_str);
        if !program.contains('/') {
            return Err(Error::spec(format!("argv: a path with a slash expected, found {program:?}")));
        }
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            return Err(Error::spec("argv: a NUL byte in an argument"));
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(Error::spec(format!(
                    "env: {name:?} cannot be the name of a variable, or its value has a NUL byte"
                )));
            }
        }
        Ok(())
    }

    fn check_paths(&self) -> Result<(), Error> {
        let places = Places::of(&self.scratch);
        for layer in &self.layers {
            if !layer.is_absolute() {
                return Err(Error::spec(format!("layers: {layer:?} is not absolute")));
            }
        }
        for path in &self.scratch {
            absolute("scratch", path)?;
            if path == Path::new("/") || is_own(path) {
                return Err(Error::spec(format!("scratch: {path:?} cannot be writable")));
            }
        }
        absolute("cwd", &self.cwd)?;
        let targets = self.binds.iter().map(|bind| ("binds", &bind.target));
        let files = self.files.iter().map(|file| ("files", &file.path));
        let links = self.links.iter().map(|link| ("links", &link.path));
        for (field, path) in targets.chain(files).chain(links) {
            absolute(field, path)?;
            if path == Path::new("/") || is_own(path) || places.locate(path).is_some() {
                return Err(Error::spec(format!(
                    "{field}: {path:?} lies in scratch, /tmp, /proc or /dev, or is the root"
                )));
            }
        }
        let wanted = self.copies.iter().map(|copy| ("copies", &copy.target));
        for (field, path) in wanted.chain(self.collect.iter().map(|collect| ("collect", &collect.directory))) {
            absolute(field, path)?;
            if places.locate(path).is_none() {
                return Err(Error::spec(format!("{field}: {path:?} does not lie in scratch")));
            }
        }
        Ok(())
    }
}

fn absolute(field: &str, path: &Path) -> Result<(), Error> {
    let plain = path.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    if path.is_absolute() && plain && !path.as_os_str().as_encoded_bytes().contains(&0) {
        Ok(())
    } else {
        Err(Error::spec(format!("{field}: {path:?} is not an absolute path without `..`")))
    }
}

fn is_own(path: &Path) -> bool {
    path.starts_with("/proc") || path.starts_with("/dev")
}

/// The mounted scratch directories: `/tmp`, `/dev/shm`, and those that lie in no other.
pub(crate) struct Places(Vec<PathBuf>);

impl Places {
    pub(crate) fn of(scratch: &[PathBuf]) -> Self {
        let mut places: Vec<PathBuf> = scratch.to_vec();
        places.extend(["/tmp".into(), "/dev/shm".into()]);
        places.sort();
        // Sorted by components, a directory comes right before all that lies below it.
        places.dedup_by(|later, earlier| later.starts_with(earlier));
        Self(places)
    }

    pub(crate) fn roots(&self) -> &[PathBuf] {
        &self.0
    }

    /// The place that a path lies in, and the path below it.
    pub(crate) fn locate<'a>(&self, path: &'a Path) -> Option<(usize, &'a Path)> {
        self.0.iter().enumerate().find_map(|(index, root)| Some((index, path.strip_prefix(root).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Spec {
        Spec {
            layers: vec!["/l".into()],
            argv: vec!["/bin/true".into()],
            cwd: "/".into(),
            hostname: "h".into(),
            uid: 1000,
            gid: 1000,
            ..Spec::default()
        }
    }

    #[test]
    fn a_place_below_another_is_not_mounted_twice() {
        let places = Places::of(&["/b/c".into(), "/b".into(), "/b-c".into(), "/tmp/x".into()]);
        let expected: Vec<PathBuf> = vec!["/b".into(), "/b-c".into(), "/dev/shm".into(), "/tmp".into()];
        assert_eq!(places.roots(), expected);
        assert_eq!(places.locate(Path::new("/b/c/d")), Some((0, Path::new("c/d"))));
        assert_eq!(places.locate(Path::new("/bb")), None);
    }

    #[test]
    fn available_memory_is_found_by_name() {
        let meminfo = "MemTotal:       24684000 kB\nMemFree:         1000 kB\nMemAvailable:   2048 kB\n";
        assert_eq!(available_bytes(meminfo), Some(2048 * 1024));
        assert_eq!(available_bytes("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn impossible_requests_are_refused() {
        assert!(sound().check().is_ok());
        let refused: &[fn(&mut Spec)] = &[
            |spec| spec.uid = 0,
            |spec| spec.gid = 0,
            |spec| spec.layers.clear(),
            |spec| spec.argv[0] = "true".into(),
            |spec| spec.scratch = vec!["/".into()],
            |spec| spec.scratch = vec!["/a/../b".into()],
            |spec| spec.scratch = vec!["/proc/x".into()],
            |spec| spec.cwd = "build".into(),
            |spec| spec.env = vec![("A=B".into(), String::new())],
            |spec| {
                spec.collect = vec![Collect { directory: "/etc".into(), into: "/x".into(), symlinks: false }];
            },
            |spec| spec.binds = vec![Bind { source: "/x".into(), target: "/tmp/x".into() }],
            |spec| spec.processors = Processors::Count(0),
            |spec| spec.umask = 0o1000,
        ];
        for (index, spoil) in refused.iter().enumerate() {
            let mut spec = sound();
            spoil(&mut spec);
            assert!(matches!(spec.check(), Err(Error::Spec { .. })), "case {index}");
        }
    }
}
