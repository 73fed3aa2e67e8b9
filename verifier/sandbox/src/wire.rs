//! What the caller and the sandbox's first process say to each other, over one socket.
//!
//! Down go one [`Order`] as length and JSON, and later at most one byte, which means stop. Up come frames: one byte of kind, four of
//! length (little-endian), the payload. A [`Kind::File`] frame is followed by the file's bytes, outside of any frame.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::bubblewrap::Bubblewrap;
use crate::error::Refused;
use crate::evidence::Evidence;
use crate::limit::{Held, Limit};
use crate::spec::Spec;

/// The first argument by which the program knows that it is a sandbox's init.
pub(crate) const FIRST_ARGUMENT: &str = "__twinbuild-sandbox-init";
/// The first argument by which it knows that bubblewrap has started it; the second is the number of the descriptor of its [`Inside`].
pub(crate) const FIRST_ARGUMENT_INSIDE: &str = "__twinbuild-sandbox-init-inside";
/// The largest frame or order.
const MAX_BYTES: u32 = 256 * 1024 * 1024;

/// What the started program is to be.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    Run(Box<Spec>),
    Probe,
    /// The same by bubblewrap.
    RunWithin(Box<Spec>, Bubblewrap),
    ProbeWithin(Bubblewrap),
}

/// What the program is to be that bubblewrap starts inside, with the numbers of the descriptors that it has.
#[derive(Serialize, Deserialize)]
pub(crate) struct Inside {
    /// The command; none where the host is checked.
    pub(crate) spec: Option<Box<Spec>>,
    pub(crate) bubblewrap: Bubblewrap,
    pub(crate) descriptors: Descriptors,
    /// The caller's namespaces.
    pub(crate) namespaces: Namespaces,
    /// How many processes and threads the caller's user had.
    pub(crate) user_processes: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Descriptors {
    pub(crate) control: i32,
    pub(crate) message: i32,
    pub(crate) log: i32,
    /// Takes a byte when the init has come up.
    pub(crate) hello: i32,
    /// The file that the dynamic linker reads the clock's library from, to be written: before the init it would load that, too.
    pub(crate) preload: Option<i32>,
    /// The trees to copy.
    pub(crate) copies: Vec<i32>,
}

/// Namespaces by their kinds, as /proc names them.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Namespaces(BTreeMap<String, String>);

impl Namespaces {
    const KINDS: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

    /// Those of this process, without what cannot be seen.
    pub(crate) fn of_this_process() -> Self {
        let name = |kind: &&str| {
            let link = std::fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
            Some(((*kind).to_owned(), link.to_string_lossy().into_owned()))
        };
        Self(Self::KINDS.iter().filter_map(name).collect())
    }

    /// Whether one is seen to be another than that of `others`.
    pub(crate) fn has_another(&self, kind: &str, others: &Self) -> bool {
        self.0.get(kind).is_some_and(|own| others.0.get(kind).is_some_and(|other| own != other))
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JSON of a [`Failure`](crate::error::Failure); nothing follows.
    Failed = 1,
    /// JSON of the [`InForce`]; the command runs.
    Started,
    /// Index in [`Spec::collect`] (4 bytes): a collected directory, whose entries follow up to its `Up`.
    Root,
    /// Mode (4 bytes) and name: a directory, whose entries follow up to its `Up`.
    Directory,
    /// The end of a directory.
    Up,
    /// Mode (4 bytes), size (8 bytes) and name: a regular file, whose bytes follow.
    File,
    /// Length of the name (4 bytes), name, target.
    Symlink,
    /// JSON of [`Ended`]; nothing follows.
    Ended,
    /// JSON of the host's checks; nothing follows.
    Probed,
}

impl Kind {
    fn from_byte(byte: u8) -> io::Result<Self> {
        [
            Self::Failed,
            Self::Started,
            Self::Root,
            Self::Directory,
            Self::Up,
            Self::File,
            Self::Symlink,
            Self::Ended,
            Self::Probed,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("unknown frame kind {byte}")))
    }
}

/// Which limits and conditions hold inside, after the host's own limits and abilities had their say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InForce {
    /// The limits.
    pub limits: Vec<Held>,
    /// Processors that the command was started on.
    pub processors: usize,
    /// Whether the command has its own time namespace, with the offset that was asked for.
    pub has_time_namespace: bool,
    /// Whether the command has its own cgroup namespace.
    pub has_cgroup_namespace: bool,
    /// Whether evidence is taken.
    pub has_evidence: bool,
    /// The bubblewrap that made the sandbox, by its name and version, where it is not this crate's own.
    pub bubblewrap: Option<String>,
    /// What this crate's own sandbox holds, and the one that bubblewrap made does not.
    pub weaker: Vec<Weaker>,
}

impl InForce {
    /// A limit by its name.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<&Held> {
        self.limits.iter().find(|held| held.name == name)
    }
}

/// What this crate's own sandbox holds, and one of bubblewrap's does not, or not as exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Weaker {
    /// The command has no user namespace: inside it has the caller's user and group id, not those that were asked for.
    UserIds,
    /// The NIS domain name is the host's.
    DomainName,
    /// The boot time is the host's.
    BootTime,
    /// The name of the control group is seen.
    CgroupNamespace,
    /// Scratch is several file systems, and their sum is held by the watchdog.
    ScratchBySum,
    /// Scratch was to be an overlay, and is a tmpfs.
    ScratchOverlay,
    /// `/proc/self/mountinfo` tells host paths of the root and of binds, and statfs(2) of the root how full its file system is.
    HostFileSystem,
    /// What a process does that hides its memory (`PR_SET_DUMPABLE`) is told without paths and addresses.
    HiddenProcesses,
    /// The capability bounding set is not empty. No capability is in any other set, and none can be gained.
    BoundingSet,
    /// Memory of message queues, of semaphore sets and of buffers of TCP is limited by the host's own settings alone.
    KernelMemory,
}

impl Weaker {
    /// Its name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UserIds => "user-ids",
            Self::DomainName => "domain-name",
            Self::BootTime => "boot-time",
            Self::CgroupNamespace => "cgroup-namespace",
            Self::ScratchBySum => "scratch-by-sum",
            Self::ScratchOverlay => "scratch-overlay",
            Self::HostFileSystem => "host-file-system",
            Self::HiddenProcesses => "hidden-processes",
            Self::BoundingSet => "bounding-set",
            Self::KernelMemory => "kernel-memory",
        }
    }
}

/// How it went, told after every process is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) status: Status,
    /// The limit at which everything was killed.
    pub(crate) stopped_at: Option<Limit>,
    /// Limits that were reached, and that a failure is put down to.
    pub(crate) reached: Vec<Limit>,
    /// Those of them at which something was refused or killed for certain.
    pub(crate) met: Vec<Limit>,
    /// What the command left and is not collected.
    pub(crate) refused: Option<Refused>,
    pub(crate) wall_micros: u64,
    pub(crate) cpu_micros: u64,
    pub(crate) network_attempts: u64,
    pub(crate) evidence: Option<Evidence>,
}

/// The command's wait status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Exited(i32),
    Signalled(i32),
}

pub(crate) fn order_bytes(order: &Order) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(order)?;
    let length = u32::try_from(json.len())
        .ok()
        .filter(|length| *length <= MAX_BYTES)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("an order of {} bytes", json.len())))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(json);
    Ok(bytes)
}

pub(crate) fn read_order(from: &mut impl Read) -> io::Result<Order> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    Ok(serde_json::from_slice(&read_bytes(from, u32::from_le_bytes(length))?)?)
}

pub(crate) fn write_frame(to: &mut impl Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut frame = vec![kind as u8];
    frame.extend(length.to_le_bytes());
    frame.extend(payload);
    to.write_all(&frame)
}

pub(crate) fn write_json(to: &mut impl Write, kind: Kind, value: &impl Serialize) -> io::Result<()> {
    write_frame(to, kind, &serde_json::to_vec(value)?)
}

/// The next frame, or `None` at the end.
pub(crate) fn read_frame(from: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut header = [0; 5];
    if from.read(&mut header[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut header[1..])?;
    let [kind, a, b, c, d] = header;
    let payload = read_bytes(from, u32::from_le_bytes([a, b, c, d]))?;
    Ok(Some((Kind::from_byte(kind)?, payload)))
}

fn read_bytes(from: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    if length > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes, more than {MAX_BYTES}"),
        ));
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != u64::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
