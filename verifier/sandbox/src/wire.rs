//! What the caller and the sandbox's first process say to each other, over one socket.
//!
//! Down go one [`Order`] as length and JSON, and later at most one byte, which means stop. Up come frames: one byte of kind, four of
//! length (little-endian), the payload. A [`Kind::File`] frame is followed by the file's bytes, outside of any frame.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::error::Refused;
use crate::evidence::Evidence;
use crate::limit::{Held, Limit};
use crate::spec::Spec;

/// The first argument by which the program knows that it is a sandbox's init.
pub(crate) const FIRST_ARGUMENT: &str = "__twinbuild-sandbox-init";
/// The largest frame or order.
const MAX_BYTES: u32 = 256 * 1024 * 1024;

/// What the started program is to be.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    Run(Box<Spec>),
    Probe,
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
}

impl InForce {
    /// A limit by its name.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<&Held> {
        self.limits.iter().find(|held| held.name == name)
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
