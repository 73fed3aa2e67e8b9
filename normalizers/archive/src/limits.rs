//! How much an archive may make us do.

use twinbuild_subject::MemberPath;

use crate::archive::Anomaly;

/// What reading may cost. Going over one of them says nothing about the archive's honesty: the caller's verdict is
/// `inconclusive`, never `rejected`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Expanded bytes of one member.
    pub member_bytes: u64,
    /// Expanded bytes of the whole archive; for a compressed tar its headers and padding count too.
    pub total_bytes: u64,
    /// Expanded bytes for each compressed byte, counted once `ratio_floor_bytes` are expanded. DEFLATE reaches 1032.
    pub ratio: u64,
    /// Expanded bytes below which `ratio` does not count.
    pub ratio_floor_bytes: u64,
    /// Members, those of a `.deb`'s control archive included.
    pub members: u64,
    /// Bytes of one member's name, and of one link target.
    pub name_bytes: u64,
    /// Bytes of all headers that are kept as evidence: names, extra fields, PAX records, tar header blocks.
    pub header_bytes: u64,
    /// Anomalies. More of them are no help to anybody.
    pub anomalies: u64,
    /// Memory for one decoder of xz, LZMA or zstd, most of it the window, in KiB. `xz -9` needs 65 MiB, `zstd --ultra -22`
    /// 256 MiB, twice its window.
    pub decoder_memory_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            member_bytes: 4 << 30,
            total_bytes: 4 << 30,
            ratio: 300,
            ratio_floor_bytes: 512 << 20,
            members: 200_000,
            name_bytes: 4096,
            header_bytes: 64 << 20,
            anomalies: 5_000,
            decoder_memory_kib: 256 << 10,
        }
    }
}

impl Limits {
    /// Checks what was expanded: `total` bytes of the archive, of which `expanded` come from `compressed` bytes of the
    /// stream that is read.
    pub(crate) fn check_expanded(&self, total: u64, expanded: u64, compressed: u64) -> Result<(), LimitError> {
        at_most(LimitKind::TotalBytes, total, self.total_bytes, None)?;
        if expanded > self.ratio_floor_bytes {
            at_most(LimitKind::Ratio, expanded / compressed.max(1), self.ratio, None)?;
        }
        Ok(())
    }
}

/// The limits by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// [`Limits::member_bytes`].
    MemberBytes,
    /// [`Limits::total_bytes`].
    TotalBytes,
    /// [`Limits::ratio`].
    Ratio,
    /// [`Limits::members`].
    Members,
    /// [`Limits::name_bytes`].
    NameBytes,
    /// [`Limits::header_bytes`].
    HeaderBytes,
    /// [`Limits::anomalies`].
    Anomalies,
    /// [`Limits::decoder_memory_kib`].
    DecoderMemory,
    /// The `max_bytes` that the caller of [`crate::contents`] gave.
    Requested,
}

impl LimitKind {
    /// What is limited, with its unit.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::MemberBytes => "expanded bytes of one member",
            Self::TotalBytes => "expanded bytes of the archive",
            Self::Ratio => "expanded bytes for each compressed byte",
            Self::Members => "members",
            Self::NameBytes => "bytes of one name or link target",
            Self::HeaderBytes => "bytes of headers",
            Self::Anomalies => "anomalies",
            Self::DecoderMemory => "KiB of memory for a decoder",
            Self::Requested => "bytes that were asked for",
        }
    }
}

/// A limit was reached; the archive may be honest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{found} {}, and the limit is {allowed}", in_member(path.as_ref()), kind.describe())]
pub struct LimitError {
    /// Which limit.
    pub kind: LimitKind,
    /// Its value.
    pub allowed: u64,
    /// What the archive has or declares, as far as it was read.
    pub found: u64,
    /// The member that reached it, where one did.
    pub path: Option<MemberPath>,
}

fn in_member(path: Option<&MemberPath>) -> String {
    path.map(|path| format!("`{path}`: ")).unwrap_or_default()
}

/// What was used so far of the limits.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    members: u64,
    header_bytes: u64,
    expanded_bytes: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: *limits, members: 0, header_bytes: 0, expanded_bytes: 0 }
    }

    /// Counts `count` more members.
    pub(crate) fn members(&mut self, count: u64) -> Result<(), LimitError> {
        self.members = self.members.saturating_add(count);
        at_most(LimitKind::Members, self.members, self.limits.members, None)
    }

    /// Counts bytes of headers that will be held in memory; asked before they are allocated.
    pub(crate) fn headers(&mut self, bytes: u64) -> Result<(), LimitError> {
        self.header_bytes = self.header_bytes.saturating_add(bytes);
        at_most(LimitKind::HeaderBytes, self.header_bytes, self.limits.header_bytes, None)
    }

    /// Checks how many anomalies there are; asked after each header.
    pub(crate) fn anomalies(&self, anomalies: &[Anomaly]) -> Result<(), LimitError> {
        at_most(LimitKind::Anomalies, anomalies.len() as u64, self.limits.anomalies, None)
    }

    /// Checks the length of a name or link target.
    pub(crate) fn name(&self, bytes: u64) -> Result<(), LimitError> {
        at_most(LimitKind::NameBytes, bytes, self.limits.name_bytes, None)
    }

    /// Checks the size that a member declares.
    pub(crate) fn declared(&self, path: &MemberPath, bytes: u64) -> Result<(), LimitError> {
        at_most(LimitKind::MemberBytes, bytes, self.limits.member_bytes, Some(path))
    }

    /// Counts `grown` more expanded bytes of a stream that so far expanded to `expanded` from `compressed` bytes.
    pub(crate) fn expanded(&mut self, grown: u64, expanded: u64, compressed: u64) -> Result<(), LimitError> {
        self.expanded_bytes = self.expanded_bytes.saturating_add(grown);
        self.limits.check_expanded(self.expanded_bytes, expanded, compressed)
    }
}

fn at_most(kind: LimitKind, found: u64, allowed: u64, path: Option<&MemberPath>) -> Result<(), LimitError> {
    if found > allowed { Err(LimitError { kind, allowed, found, path: path.cloned() }) } else { Ok(()) }
}
