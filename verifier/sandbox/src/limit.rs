//! Limits by name, and what holds them.

use serde::{Deserialize, Serialize};

/// A limit of a sandbox.
///
/// The first three and a flood of output end the command at once. The others it meets as an error or a kill of one of its processes, and
/// may survive: it is said to have ended at such a limit only if it failed and the limit was reached meanwhile; else the limit is among
/// [`Run::limits_met`](crate::Run::limits_met).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::wall`](crate::Limits::wall): everything was killed.
    WallTime,
    /// [`Limits::cpu_secs`](crate::Limits::cpu_secs): everything was killed.
    CpuTime,
    /// [`Limits::memory_bytes`](crate::Limits::memory_bytes): the kernel killed or refused, or the watchdog killed everything.
    Memory,
    /// [`Limits::processes`](crate::Limits::processes): a process was refused.
    Processes,
    /// [`Limits::open_files`](crate::Limits::open_files): a process had all that it may have.
    OpenFiles,
    /// [`Limits::log_bytes`](crate::Limits::log_bytes): everything was killed.
    LogBytes,
    /// [`Limits::file_bytes`](crate::Limits::file_bytes): the command got SIGXFSZ.
    FileBytes,
    /// [`Limits::scratch_bytes`](crate::Limits::scratch_bytes): scratch was all but full.
    ScratchBytes,
    /// [`Limits::scratch_inodes`](crate::Limits::scratch_inodes): scratch had all but no inode left.
    ScratchInodes,
}

/// What holds a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Mechanism {
    /// A control group of version 2: exact, and tells when the limit was reached.
    CgroupV2,
    /// A control group of version 1: as exact.
    CgroupV1,
    /// A resource limit, setrlimit(2). That it was reached is seen when a process fails, and by sampling.
    Rlimit,
    /// The sandbox's process 1 samples, some ten times a second.
    Watchdog,
    /// The size of a file system.
    FileSystem,
    /// A setting of the kernel, for this sandbox.
    Kernel,
    /// Reading by the caller.
    Caller,
}

impl Mechanism {
    /// Its name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup-v2",
            Self::CgroupV1 => "cgroup-v1",
            Self::Rlimit => "rlimit",
            Self::Watchdog => "watchdog",
            Self::FileSystem => "file-system",
            Self::Kernel => "kernel-setting",
            Self::Caller => "caller",
        }
    }
}

/// A limit that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// What is limited, with its unit, in kebab case: `memory-bytes`.
    pub name: String,
    /// To how much.
    pub value: u64,
    /// By what.
    pub by: Mechanism,
}

impl Held {
    pub(crate) fn new(name: &str, value: u64, by: Mechanism) -> Self {
        Self { name: name.to_owned(), value, by }
    }
}
