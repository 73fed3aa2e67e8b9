//! Why an archive has no parameters, why members do not fit them, and what else can fail.

use std::fmt;
use std::io;

use twinbuild_subject::MemberPath;

use crate::zlib::ZlibError;

/// Why [`crate::infer`] gives no parameters.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The archive has something that is no container parameter: it stays `normalized` at best.
    #[error(transparent)]
    NotRepackable(#[from] NotRepackable),
    /// It could not be read again, or zlib failed: says nothing about the archive.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why [`crate::repack`] wrote nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub enum RepackError {
    /// The parameters and the members do not belong together.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Reading, writing or compressing failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Something that neither the members nor the closed list of parameters explain; the first that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRepackable {
    /// The member that has it; `None` where it is the archive.
    pub path: Option<MemberPath>,
    /// What it is.
    pub reason: Reason,
}

impl fmt::Display for NotRepackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "the archive cannot be written again exactly: `{path}` {}", self.reason),
            None => write!(f, "the archive cannot be written again exactly: it {}", self.reason),
        }
    }
}

impl std::error::Error for NotRepackable {}

/// What is not on the closed list of container parameters. Offsets count from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// This version knows no parameters of xz and of Debian packages.
    #[error("is neither a zip file, nor a tar, nor a tar in gzip, and other containers are not written again")]
    Format,
    /// Something that an archive as its tool writes it does not have.
    #[error("has an anomaly at offset {offset}, `{code}`, which is no container parameter")]
    Anomaly {
        /// Its code.
        code: &'static str,
        /// As the anomaly says.
        offset: u64,
    },
    /// A value in the header of a tar member.
    #[error("has {field} that is no container parameter{}", shown(found))]
    TarField {
        /// What it is.
        field: &'static str,
        /// The first bytes of it, escaped; empty where there is no more to tell.
        found: String,
    },
    /// Global PAX headers say what they like.
    #[error("has other global PAX headers than the rebuild")]
    Globals,
    /// Fewer than two, or a great many.
    #[error("ends with {blocks} blocks of zeros; 2 to 8192 are parameters")]
    EndBlocks {
        /// How many.
        blocks: u64,
    },
    /// A value in the header of a gzip member.
    #[error("has {field} in its gzip header that is no container parameter: `{found}`")]
    GzipField {
        /// Which field.
        field: &'static str,
        /// What it holds, escaped.
        found: String,
    },
    /// The archive's comment.
    #[error("has a comment of {length} bytes at offset {offset}")]
    Comment {
        /// Of the comment.
        offset: u64,
        /// In bytes.
        length: u64,
    },
    /// Bytes in front of the first member.
    #[error("has {length} bytes in front of its first member")]
    Prefix {
        /// In bytes.
        length: u64,
    },
    /// Bytes that belong to no member.
    #[error("has a gap of {length} bytes at offset {offset}")]
    Gap {
        /// Of the gap.
        offset: u64,
        /// In bytes.
        length: u64,
    },
    /// Bytes after the end record.
    #[error("has {length} bytes after its end, at offset {offset}")]
    Trailer {
        /// Of the bytes.
        offset: u64,
        /// In bytes.
        length: u64,
    },
    /// The directory has another order than the file: one order is a parameter, two are not.
    #[error("is not at the place in the file that the directory's order gives it: offset {found}, not {expected}")]
    Order {
        /// Where its local header is.
        found: u64,
        /// Where it would be written.
        expected: u64,
    },
    /// The member's comment.
    #[error("has a comment of {length} bytes")]
    MemberComment {
        /// In bytes.
        length: u64,
    },
    /// Bytes after the end of the deflate stream.
    #[error("has {length} bytes after the end of its deflate stream")]
    DeflateTail {
        /// In bytes.
        length: u64,
    },
    /// General purpose bits other than 1, 2, 3 and 11.
    #[error("has the flags {flags:#06x}, of which bits 1, 2, 3 and 11 are parameters")]
    Flags {
        /// As stored.
        flags: u16,
    },
    /// A "made by" of an unusual system or version.
    #[error("was made by system {system}, version {version}; systems 0, 3, 10, 19 and versions to 63 are parameters")]
    Creator {
        /// The upper byte.
        system: u8,
        /// The lower byte.
        version: u8,
    },
    /// A version needed that neither stored nor deflated members can need.
    #[error("needs version {version} to be extracted; 10, 20 and 45 are parameters")]
    VersionNeeded {
        /// As stored.
        version: u16,
    },
    /// Type bits that are not those of the member's kind.
    #[error("has the type bits {type_bits:#o}, which are not those of its kind")]
    TypeBits {
        /// As stored.
        type_bits: u32,
    },
    /// The local header and the directory say different things.
    #[error("has another {field} in its local header than in the directory")]
    HeadersDiffer {
        /// Which value.
        field: &'static str,
    },
    /// An extra field other than times and zip64 sizes.
    #[error(
        "has the extra field {id:#06x} of {length} bytes; only 0x0001, 0x5455 and 0x000a as specified are parameters"
    )]
    ExtraField {
        /// Its header ID.
        id: u16,
        /// Of its data, in bytes.
        length: u64,
    },
    /// An extra field twice in one header, or one with values that its header cannot have.
    #[error("has an extra field twice in one header, or one that contradicts itself")]
    ExtraFields,
    /// Bytes after the last extra field.
    #[error("has {length} bytes after its last extra field")]
    ExtraRemainder {
        /// In bytes.
        length: u64,
    },
    /// No encoder that is known gives these compressed bytes.
    #[error("was compressed by an encoder that is not known, {compressed_bytes} bytes from {bytes}")]
    Encoder {
        /// Compressed size in bytes.
        compressed_bytes: u64,
        /// Expanded size in bytes.
        bytes: u64,
    },
    /// So many encoders gave nearly these bytes that no more were tried.
    #[error("has contents for which too many encoders would have to be tried")]
    Effort,
    /// `RECORD` is too large to be put in order in memory.
    #[error("has {size} bytes; up to {allowed} are put in order")]
    RecordSize {
        /// In bytes.
        size: u64,
        /// In bytes.
        allowed: u64,
    },
    /// More members, or lines of `RECORD`, than 32 bits count.
    #[error("has more members or lines than can be counted")]
    Count,
    /// A header that is not what its own values give: nothing that is known explains it.
    #[error("has bytes at offset {offset} that its values do not explain")]
    Unexplained {
        /// Of the header.
        offset: u64,
    },
}

/// Why members cannot be written with these parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A parameter that is out of its range, or of another version.
    #[error("the container parameters are not valid: `{what}` is out of its range or does not cover all members")]
    Invalid {
        /// Its name in the parameters.
        what: &'static str,
    },
    /// There are more or fewer members.
    #[error("the parameters are for {parameters} members, and {found} were given")]
    Count {
        /// As the parameters say.
        parameters: u64,
        /// As given.
        found: u64,
    },
    /// As many members, and other names.
    #[error("the parameters are for members of other names")]
    Names,
    /// A member of the published archive that was not given.
    #[error("`{path}` is in the published archive and was not given")]
    Missing {
        /// The member.
        path: MemberPath,
    },
    /// A member that the published archive does not have.
    #[error("`{path}` was given and is not in the published archive")]
    Unexpected {
        /// The member.
        path: MemberPath,
    },
    /// The parameters are for another kind of archive.
    #[error("the members' archive is of another kind than the parameters are for")]
    Container,
    /// The rebuild has more or fewer global PAX headers.
    #[error("the members' archive has another number of global PAX headers than the parameters say")]
    Globals,
    /// The header that would be written is none.
    #[error("`{path}` has no header of the form that the parameters say")]
    TarHeader {
        /// The member.
        path: MemberPath,
    },
    /// A hard link that would stand in front of its file.
    #[error("`{path}` is another name of a file that would be written behind it")]
    HardlinkOrder {
        /// The member.
        path: MemberPath,
    },
    /// A large tar in gzip would be expanded again and again.
    #[error("the members are in another order, and the tar in gzip is too large to be expanded for each of them")]
    Reordered,
    /// The gzip header names a folder, and the members are not all in one.
    #[error("the gzip header would have the name of the one folder of the members, and there is none")]
    Folder,
    /// A member that zip files do not have.
    #[error("`{path}` is of a kind that a zip file does not have")]
    Kind {
        /// The member.
        path: MemberPath,
    },
    /// Mode bits that matter differ.
    #[error("`{path}` has the mode {} and would be written with {}: bits differ that matter", octal(*found), octal(*written))]
    Mode {
        /// The member.
        path: MemberPath,
        /// As given.
        found: Option<u32>,
        /// As the parameters say.
        written: Option<u32>,
    },
    /// What runs as its owner would be another's.
    #[error("`{path}` runs as its owner or group, and would be written with another one")]
    Owner {
        /// The member.
        path: MemberPath,
    },
    /// The system that made it decides whether readers believe the mode, and it would be read otherwise.
    #[error("`{path}` was made by system {found} and would be written as by {written}, where readers see another mode")]
    Creator {
        /// The member.
        path: MemberPath,
        /// As given.
        found: u8,
        /// As the parameters say.
        written: u8,
    },
    /// The parameters say that its compressed bytes are those of the members' archive, which has none.
    #[error("`{path}` would be written as its own archive has it compressed, and there it is not deflated")]
    NotDeflated {
        /// The member.
        path: MemberPath,
    },
    /// Contents that the encoder would have to have in memory at once.
    #[error("`{path}` is too large for an encoder that has to have it at once")]
    Encoder {
        /// The member.
        path: MemberPath,
    },
    /// There is a `RECORD` and no order for it, or the reverse.
    #[error("the parameters order the lines of a RECORD, and there is none, or the reverse")]
    Record,
    /// `RECORD` has another number of lines.
    #[error("the parameters order another number of lines than the {lines} of RECORD")]
    RecordLines {
        /// As given.
        lines: u64,
    },
    /// Only a `RECORD` that tells the truth may be put in another order.
    #[error("RECORD would be put in another order, and it does not tell the truth: {detail}")]
    RecordUntrue {
        /// What is wrong.
        detail: String,
    },
    /// A size or offset that needs 64 bits where the parameters have 32.
    #[error("`{path}` has a size or offset that needs 64 bits, and the parameters have 32")]
    TooLarge {
        /// The member; empty where it is the directory.
        path: MemberPath,
    },
}

fn shown(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!(": `{found}`") }
}

fn octal(mode: Option<u32>) -> String {
    mode.map_or_else(|| "none".to_owned(), |mode| format!("{mode:04o}"))
}

/// Something failed that says nothing about the archives.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Contents or headers could not be read.
    #[error("reading `{path}` again failed")]
    Read {
        /// The member; empty where it is the archive.
        path: MemberPath,
        /// What the medium said.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("writing the archive failed")]
    Write(#[source] io::Error),
    /// Contents are not what they were when the archive was read.
    #[error("`{path}` is not what it was when its archive was read: the file was changed")]
    Changed {
        /// The member.
        path: MemberPath,
    },
    /// zlib failed.
    #[error("compressing failed")]
    Zlib(#[from] ZlibError),
}

impl Failure {
    pub(crate) fn read(path: &MemberPath, source: io::Error) -> Self {
        Self::Read { path: path.clone(), source }
    }
}
