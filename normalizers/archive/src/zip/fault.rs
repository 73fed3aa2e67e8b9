//! The ways a zip file can lie.

use twinbuild_subject::MemberPath;

use crate::zip::method::ZipMethod;

/// What makes a zip file malformed or ambiguous. Offsets count from the start of the file; numbers in brackets are sections
/// of APPNOTE 6.3.10.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipFault {
    /// No end of central directory record (4.3.16) where a reader looks for it.
    #[error("no end of central directory record in the last {searched} bytes of a file of {size}")]
    NoEnd {
        /// How many bytes were searched.
        searched: u64,
        /// The size of the file.
        size: u64,
    },
    /// Two end records, each of which some reader takes: the last signature, and one whose comment reaches the end.
    #[error("two end of central directory records, at offset {first} and at offset {second}, can be taken as the end")]
    SeveralEnds {
        /// Of the one in front.
        first: u64,
        /// Of the one behind.
        second: u64,
    },
    /// The comment is declared longer than the file.
    #[error(
        "the end record at offset {offset} declares a comment of {declared} bytes, and the file has {available} left"
    )]
    CommentLength {
        /// Of the end record.
        offset: u64,
        /// The declared length.
        declared: u64,
        /// The bytes left.
        available: u64,
    },
    /// A part of a split archive (4.4.1.5): some readers refuse it, others ignore the disk numbers.
    #[error("{record} at offset {offset} belongs to disk {disk} of a split archive; {expected} was expected")]
    Split {
        /// Which record.
        record: &'static str,
        /// Of the record.
        offset: u64,
        /// The number there.
        disk: u64,
        /// The number that a whole archive has.
        expected: u64,
    },
    /// The end record counts the members on this disk and in all differently.
    #[error("the end record at offset {offset} counts {here} members on this disk and {total} in all")]
    EndCounts {
        /// Of the end record.
        offset: u64,
        /// Members on this disk.
        here: u64,
        /// Members in all.
        total: u64,
    },
    /// The zip64 end record (4.3.14) is not where the locator (4.3.15) says, or not of the one size that all read.
    #[error("the zip64 end record should be {expected} at offset {offset}, and {found} was found")]
    Zip64End {
        /// Where it should be.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Readers use the zip64 values always, or only where the classic field is saturated; here that gives two readings.
    #[error("the end record at offset {offset} has {classic} as {field}, and its zip64 record has {zip64}")]
    Zip64EndDiffers {
        /// Of the end record.
        offset: u64,
        /// Which field.
        field: &'static str,
        /// In the end record.
        classic: u64,
        /// In the zip64 record.
        zip64: u64,
    },
    /// Readers that trust the directory's offset and readers that count back from the end find two directories.
    #[error(
        "the central directory is declared at offset {offset} with {size} bytes, and should end at offset {end}: \
        offsets are shifted, as by bytes put in front"
    )]
    DirectoryPosition {
        /// The declared offset.
        offset: u64,
        /// The declared size.
        size: u64,
        /// Of the record that follows it.
        end: u64,
    },
    /// Readers that count members and readers that go by the directory's size see different members.
    #[error("the end record counts {declared} members, and the directory holds {found} before offset {offset}")]
    DirectoryCount {
        /// As declared.
        declared: u64,
        /// As found.
        found: u64,
        /// Where the walk stopped.
        offset: u64,
    },
    /// Something other than a whole central header (4.3.12) within the directory.
    #[error("the central directory has no whole header at offset {offset}: {found}")]
    DirectoryRecord {
        /// Where one should begin.
        offset: u64,
        /// What is there.
        found: String,
    },
    /// No local header (4.3.7) where the central one says.
    #[error("`{path}` should have its local header at offset {offset}, and {found} was found")]
    LocalHeader {
        /// The member.
        path: MemberPath,
        /// Where it should be.
        offset: u64,
        /// What is there.
        found: String,
    },
    /// The local header has another name: readers that stream see that one.
    #[error("`{path}` is `{local}` in its local header at offset {offset}")]
    LocalName {
        /// The name in the central directory.
        path: MemberPath,
        /// The name in the local header.
        local: MemberPath,
        /// Of the local header.
        offset: u64,
    },
    /// Local and central header differ in a field that decides how the contents are read.
    #[error("`{path}` has {local} as {field} in its local header at offset {offset}, and {central} in the directory")]
    LocalDiffers {
        /// The member.
        path: MemberPath,
        /// Of the local header.
        offset: u64,
        /// Which field.
        field: &'static str,
        /// In the local header.
        local: u64,
        /// In the central directory.
        central: u64,
    },
    /// The contents would reach beyond the start of the central directory.
    #[error("`{path}` has {length} compressed bytes at offset {offset}, and the directory begins at offset {end}")]
    DataRange {
        /// The member.
        path: MemberPath,
        /// Of the contents.
        offset: u64,
        /// Their compressed size.
        length: u64,
        /// Of the central directory.
        end: u64,
    },
    /// Two members share bytes: a bomb, or a member hidden within another.
    #[error("`{path}` occupies bytes from offset {offset}, where what is in front reaches to offset {end}")]
    Overlap {
        /// The member behind.
        path: MemberPath,
        /// Where it begins.
        offset: u64,
        /// Where what is in front ends.
        end: u64,
    },
    /// A header that the central directory does not know: readers that stream or repair see it.
    #[error("a {record}{} that the central directory does not list is hidden at offset {offset}, in the {place}",
        path.as_ref().map(|path| format!(" of `{path}`")).unwrap_or_default())]
    HiddenEntry {
        /// The name in it, where it is a local or central header.
        path: Option<MemberPath>,
        /// Which signature was found.
        record: &'static str,
        /// Of the signature.
        offset: u64,
        /// Which kind of range it is in.
        place: &'static str,
    },
    /// The name is not in the encoding that its flag bit 11 says, or is not ASCII without it: readers decode it
    /// differently (CP437, UTF-8, the locale).
    #[error("the name `{path}` at offset {offset} is not {encoding}, as flag bit 11 says")]
    NameEncoding {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// The encoding that the flag declares.
        encoding: &'static str,
    },
    /// The Info-ZIP Unicode path (4.6.9) is another name: some readers use it.
    #[error("`{path}` is `{other}` in its Unicode path extra field at offset {offset}")]
    UnicodePath {
        /// The member.
        path: MemberPath,
        /// The name in the extra field.
        other: MemberPath,
        /// Of the header that has the field.
        offset: u64,
    },
    /// An extra field (4.5) runs over the end of the extra fields; some readers refuse that, others do not look.
    #[error("`{path}`: extra field {id:#06x} at offset {offset} declares {declared} bytes, and {available} are left")]
    ExtraField {
        /// The member.
        path: MemberPath,
        /// Of the extra field.
        offset: u64,
        /// Its header ID.
        id: u16,
        /// Its declared size.
        declared: u64,
        /// The bytes left.
        available: u64,
    },
    /// The zip64 extra field (4.5.3) does not hold exactly the values that are saturated in the header.
    #[error("`{path}`: the zip64 extra field of the header at offset {offset} {detail}")]
    Zip64Extra {
        /// The member.
        path: MemberPath,
        /// Of the header.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// The signs of what a member is contradict each other, or it is neither file, directory nor symbolic link.
    #[error("`{path}` at offset {offset} {detail}")]
    Kind {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// Which signs.
        detail: String,
    },
    /// A directory with contents.
    #[error("the directory `{path}` at offset {offset} has {size} bytes of contents")]
    DirectoryData {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// The declared size.
        size: u64,
    },
    /// Declared as encrypted (flag bits 0, 6, 13): some readers ask for a password, others read on.
    #[error("`{path}` at offset {offset} is declared as encrypted (flags {flags:#06x})")]
    Encrypted {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// The general purpose flags.
        flags: u16,
    },
    /// A stored member whose two sizes differ.
    #[error("`{path}` at offset {offset} is stored in {compressed} bytes and declared as {size}")]
    StoredSize {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// The compressed size.
        compressed: u64,
        /// The expanded size.
        size: u64,
    },
    /// A stored member with a data descriptor: readers that stream cannot know where it ends. libarchive looks for a
    /// descriptor in the contents, others refuse.
    #[error("`{path}` at offset {offset} is stored, and its size of {size} bytes is left to a descriptor")]
    StoredDescriptor {
        /// The member.
        path: MemberPath,
        /// Of the local header.
        offset: u64,
        /// The size in the central directory.
        size: u64,
    },
    /// The compressed bytes are no stream of their method, or end before it does.
    #[error("`{path}`: the {method} stream fails at offset {offset}: {detail}")]
    Stream {
        /// The member.
        path: MemberPath,
        /// Of the first byte that could not be decoded, to within one buffer.
        offset: u64,
        /// The compression method.
        method: ZipMethod,
        /// What the decoder said.
        detail: String,
    },
    /// The stream ends before the compressed size, and what follows is read by some readers.
    #[error("`{path}`: {length} bytes follow the end of the {method} stream at offset {offset}, and {detail}")]
    StreamTail {
        /// The member.
        path: MemberPath,
        /// Of the first byte after the stream.
        offset: u64,
        /// The compression method.
        method: ZipMethod,
        /// How many bytes.
        length: u64,
        /// Why readers differ.
        detail: &'static str,
    },
    /// The contents are shorter or longer than declared.
    #[error("`{path}` at offset {offset} declares {declared} bytes and has {found}")]
    Size {
        /// The member.
        path: MemberPath,
        /// Of the compressed contents.
        offset: u64,
        /// The declared size.
        declared: u64,
        /// `at least N`, or `N`.
        found: String,
    },
    /// The CRC-32 of the contents is not the declared one.
    #[error("`{path}` at offset {offset} declares the CRC-32 {declared:08x} and has {found:08x}")]
    Crc {
        /// The member.
        path: MemberPath,
        /// Of the compressed contents.
        offset: u64,
        /// The declared sum.
        declared: u32,
        /// The sum of the contents.
        found: u32,
    },
    /// The data descriptor (4.3.9) is missing or has other values than the central directory.
    #[error("`{path}`: the data descriptor at offset {offset} {detail}")]
    Descriptor {
        /// The member.
        path: MemberPath,
        /// Where it should begin.
        offset: u64,
        /// What was found and expected.
        detail: String,
    },
    /// A symbolic link without a target, or with a NUL in it.
    #[error("the symbolic link `{path}` at offset {offset} {detail}")]
    LinkTarget {
        /// The member.
        path: MemberPath,
        /// Of the central header.
        offset: u64,
        /// What is wrong.
        detail: &'static str,
    },
}

impl ZipFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoEnd { .. } => "zip-no-end",
            Self::SeveralEnds { .. } => "zip-several-ends",
            Self::CommentLength { .. } => "zip-comment-length",
            Self::Split { .. } => "zip-split",
            Self::EndCounts { .. } => "zip-end-counts",
            Self::Zip64End { .. } => "zip-zip64-end",
            Self::Zip64EndDiffers { .. } => "zip-zip64-end-differs",
            Self::DirectoryPosition { .. } => "zip-directory-position",
            Self::DirectoryCount { .. } => "zip-directory-count",
            Self::DirectoryRecord { .. } => "zip-directory-record",
            Self::LocalHeader { .. } => "zip-local-header",
            Self::LocalName { .. } => "zip-local-name",
            Self::LocalDiffers { .. } => "zip-local-differs",
            Self::DataRange { .. } => "zip-data-range",
            Self::Overlap { .. } => "zip-overlap",
            Self::HiddenEntry { .. } => "zip-hidden-entry",
            Self::NameEncoding { .. } => "zip-name-encoding",
            Self::UnicodePath { .. } => "zip-unicode-path",
            Self::ExtraField { .. } => "zip-extra-field-length",
            Self::Zip64Extra { .. } => "zip-zip64-extra",
            Self::Kind { .. } => "zip-kind",
            Self::DirectoryData { .. } => "zip-directory-data",
            Self::Encrypted { .. } => "zip-encrypted",
            Self::StoredSize { .. } => "zip-stored-size",
            Self::StoredDescriptor { .. } => "zip-stored-descriptor",
            Self::Stream { method, .. } => method.codes().0,
            Self::StreamTail { method, .. } => method.codes().1,
            Self::Size { .. } => "zip-size",
            Self::Crc { .. } => "zip-crc",
            Self::Descriptor { .. } => "zip-descriptor",
            Self::LinkTarget { .. } => "zip-link-target",
        }
    }

    /// The member that is concerned, where one is.
    #[must_use]
    pub fn path(&self) -> Option<&MemberPath> {
        match self {
            Self::NoEnd { .. }
            | Self::SeveralEnds { .. }
            | Self::CommentLength { .. }
            | Self::Split { .. }
            | Self::EndCounts { .. }
            | Self::Zip64End { .. }
            | Self::Zip64EndDiffers { .. }
            | Self::DirectoryPosition { .. }
            | Self::DirectoryCount { .. }
            | Self::DirectoryRecord { .. } => None,
            Self::HiddenEntry { path, .. } => path.as_ref(),
            Self::LocalHeader { path, .. }
            | Self::LocalName { path, .. }
            | Self::LocalDiffers { path, .. }
            | Self::DataRange { path, .. }
            | Self::Overlap { path, .. }
            | Self::NameEncoding { path, .. }
            | Self::UnicodePath { path, .. }
            | Self::ExtraField { path, .. }
            | Self::Zip64Extra { path, .. }
            | Self::Kind { path, .. }
            | Self::DirectoryData { path, .. }
            | Self::Encrypted { path, .. }
            | Self::StoredSize { path, .. }
            | Self::StoredDescriptor { path, .. }
            | Self::Stream { path, .. }
            | Self::StreamTail { path, .. }
            | Self::Size { path, .. }
            | Self::Crc { path, .. }
            | Self::Descriptor { path, .. }
            | Self::LinkTarget { path, .. } => Some(path),
        }
    }
}
