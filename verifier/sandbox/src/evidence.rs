//! What a command was seen to do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The most entries of each list of [`Evidence`].
pub const MAX_EVIDENCE: usize = 256;

/// What a command and its descendants were seen to do, taken when they asked the kernel for it.
///
/// It is evidence and nothing is decided by it: what was read from the memory of a hostile process may have been another thing a
/// moment later. Each list has at most [`MAX_EVIDENCE`] entries; a count says how many more there were. Its text is hostile: escape it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Programs that were executed, in this order.
    pub executions: Vec<Execution>,
    /// How many executions are not listed.
    pub executions_dropped: u64,
    /// The distinct programs of the read-only root among all executions, sorted.
    pub programs: BTreeSet<String>,
    /// Whether `programs` lacks some.
    pub are_programs_cut: bool,
    /// Attempts to send or to connect to an address of IPv4 or IPv6, the sandbox's own loopback included; sorted.
    pub connections: Vec<Connection>,
    /// How many attempts are not listed.
    pub connections_dropped: u64,
    /// Privileged calls, all of which were refused; sorted.
    pub refusals: Vec<Refusal>,
    /// How many refused calls are not listed.
    pub refusals_dropped: u64,
}

/// A program by its path inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Program {
    /// The path; empty where it could not be read. Not more than 512 bytes of it.
    pub path: String,
    /// Whether it lies in the read-only root, so that it is the same whenever the command runs.
    pub is_of_root: bool,
}

/// A program that was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Execution {
    /// The program. A script is named itself, and its interpreter is not listed.
    pub program: Program,
    /// Its arguments, the first of which is by custom its name; 32 of them and 1 KiB together at most.
    pub arguments: Vec<String>,
    /// Whether arguments are missing, or are not whole.
    pub are_arguments_cut: bool,
    /// The execution, by its index, that this one's process came from; none for the command itself, or where that is not known.
    pub parent: Option<usize>,
}

/// Attempts to reach one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The program that tried.
    pub program: Program,
    /// How often.
    pub count: u64,
}

/// Attempts at one privileged call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The name of the call, such as `mount`. Of `clone`, `ioctl`, `personality`, `socket` and `socketpair` only some arguments are refused.
    pub call: String,
    /// The program that tried.
    pub program: Program,
    /// How often.
    pub count: u64,
}
