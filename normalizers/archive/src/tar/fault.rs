//! The ways a tar can lie.

use twinbuild_subject::MemberPath;

/// What makes a tar malformed or ambiguous. Offsets count from the start of the expanded tar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarFault {
    /// Nothing at all: readers call that an empty archive or none.
    #[error("the tar is empty: not even a block of zeros was found")]
    Empty,
    /// The tar ends within something: CPython stops there without a word, others fail.
    #[error("the tar ends at offset {end} within {what} that begins at offset {offset}")]
    Truncated {
        /// Of what is cut.
        offset: u64,
        /// What is cut.
        what: &'static str,
        /// Where the tar ends.
        end: u64,
        /// The member, where it is known.
        path: Option<MemberPath>,
    },
    /// The header's checksum is wrong, so that it is none.
    #[error("the header at offset {offset} declares the checksum {declared} and has {found}")]
    Checksum {
        /// Of the header.
        offset: u64,
        /// The declared sum.
        declared: i64,
        /// The sum of its bytes.
        found: i64,
    },
    /// A number that readers parse differently or not at all.
    #[error("the header at offset {offset} has `{found}` as {field}")]
    Number {
        /// Of the header.
        offset: u64,
        /// Which field.
        field: &'static str,
        /// Its bytes, escaped.
        found: String,
    },
    /// Bytes in the prefix field of a header whose dialect has none: CPython and others use them in the name all the same.
    #[error("the header at offset {offset} has `{found}` as prefix, which its magic `{magic}` does not provide for")]
    Prefix {
        /// Of the header.
        offset: u64,
        /// The field, escaped.
        found: String,
        /// The magic, escaped.
        magic: String,
    },
    /// A device, fifo or socket.
    #[error("`{path}` at offset {offset} is a {what}")]
    Device {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// Which.
        what: &'static str,
    },
    /// A type that POSIX leaves to others: readers skip it, fail, or take it for a file.
    #[error("`{path}` at offset {offset} is of the type `{found}`, which readers treat differently")]
    TypeFlag {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// The type flag, escaped.
        found: String,
    },
    /// A file or link whose name ends in a slash: a directory to GNU tar, a file to CPython. So is what has the old type
    /// flag NUL and a ustar header: a file to the `tar` crate, a directory to the rest.
    #[error("`{path}` at offset {offset} {detail}")]
    Kind {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// Which signs.
        detail: &'static str,
    },
    /// Contents of something that has none: readers skip them or take them for the next header.
    #[error("`{path}` at offset {offset} is a {what} and declares {size} bytes of contents")]
    SizeWithoutContents {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// The declared size.
        size: u64,
    },
    /// The header's size and the PAX record's differ: readers without PAX go on at another offset.
    #[error("`{path}` at offset {offset} has {header} bytes by its header and {pax} by its PAX record")]
    Size {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// In the header.
        header: u64,
        /// In the PAX record.
        pax: u64,
    },
    /// A hard link to something that is no earlier file of the archive.
    #[error("`{path}` at offset {offset} is a hard link to `{target}`, which is no earlier file of the archive")]
    HardlinkTarget {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// The target.
        target: MemberPath,
    },
    /// A symbolic link without target, or with a NUL in it.
    #[error("`{path}` at offset {offset} is a symbolic link {detail}")]
    LinkTarget {
        /// The member.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// What is wrong.
        detail: &'static str,
    },
    /// A PAX record that is not `LENGTH KEY=VALUE\n` with its own exact length (POSIX pax, extended header).
    #[error("the PAX header at offset {offset} has a broken record after {at} bytes: {detail}")]
    PaxRecord {
        /// Of the extended header.
        offset: u64,
        /// Bytes from the start of its body.
        at: u64,
        /// What is wrong.
        detail: &'static str,
    },
    /// A PAX key twice in one header: readers take the first or the last.
    #[error("the PAX header at offset {offset} has the key `{key}` twice")]
    PaxDuplicate {
        /// Of the extended header.
        offset: u64,
        /// The key, escaped.
        key: String,
    },
    /// A PAX value that readers parse differently or not at all.
    #[error("the PAX header at offset {offset} has `{value}` as `{key}`")]
    PaxValue {
        /// Of the extended header.
        offset: u64,
        /// The key, escaped.
        key: String,
        /// The value, escaped.
        value: String,
    },
    /// A global PAX header that decides names, targets or sizes: some readers apply it to all members, others to none.
    #[error("the global PAX header at offset {offset} has the key `{key}`, which decides what members are")]
    PaxGlobal {
        /// Of the extended header.
        offset: u64,
        /// The key, escaped.
        key: String,
    },
    /// Bytes that are not zero after the body of an extension header: CPython reads the whole last block, others the
    /// declared size alone.
    #[error("the {what} header at offset {offset} has bytes that are not zero after its body, at offset {padding}")]
    ExtensionPadding {
        /// Of the extension header.
        offset: u64,
        /// Which kind.
        what: &'static str,
        /// Where its body ends.
        padding: u64,
    },
    /// An extension header that has neither the magic of ustar nor that of GNU: the `tar` crate, and cargo with it, takes it
    /// for a member, and the next member by the name in its own header.
    #[error("the {what} header at offset {offset} has the magic `{magic}`, with which some readers pass over it")]
    ExtensionDialect {
        /// Of the extension header.
        offset: u64,
        /// Which kind.
        what: &'static str,
        /// The magic and version, escaped.
        magic: String,
    },
    /// Two extension headers for one member that overrule each other, or a global one between an extension and its member.
    #[error("the {second} header at offset {offset} follows a {first} header of the same member")]
    StackedExtensions {
        /// Of the second header.
        offset: u64,
        /// Which kind stands in front.
        first: &'static str,
        /// Which kind follows.
        second: &'static str,
    },
    /// An extension header without a member after it.
    #[error("the {what} header at offset {offset} has no member after it")]
    DanglingExtension {
        /// Of the extension header.
        offset: u64,
        /// Which kind.
        what: &'static str,
    },
    /// One block of zeros in the midst: CPython and GNU tar stop, others fail or go on.
    #[error("a lone block of zeros stands at offset {offset}, with more after it")]
    LoneZeroBlock {
        /// Of the block.
        offset: u64,
    },
    /// A header after the end: readers that ignore zeros (`tar -i`) see it.
    #[error("a header is hidden at offset {offset}, after the end of the tar at offset {end}")]
    HiddenEntry {
        /// Of the hidden header.
        offset: u64,
        /// Of the end.
        end: u64,
    },
}

impl TarFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "tar-empty",
            Self::Truncated { .. } => "tar-truncated",
            Self::Checksum { .. } => "tar-checksum",
            Self::Number { .. } => "tar-number",
            Self::Prefix { .. } => "tar-prefix",
            Self::Device { .. } => "tar-device",
            Self::TypeFlag { .. } => "tar-type-flag",
            Self::Kind { .. } => "tar-kind",
            Self::SizeWithoutContents { .. } => "tar-size-without-contents",
            Self::Size { .. } => "tar-size",
            Self::HardlinkTarget { .. } => "tar-hardlink-target",
            Self::LinkTarget { .. } => "tar-link-target",
            Self::PaxRecord { .. } => "pax-record",
            Self::PaxDuplicate { .. } => "pax-duplicate",
            Self::PaxValue { .. } => "pax-value",
            Self::PaxGlobal { .. } => "pax-global",
            Self::ExtensionPadding { .. } => "tar-extension-padding",
            Self::ExtensionDialect { .. } => "tar-extension-dialect",
            Self::StackedExtensions { .. } => "tar-stacked-extensions",
            Self::DanglingExtension { .. } => "tar-dangling-extension",
            Self::LoneZeroBlock { .. } => "tar-lone-zero-block",
            Self::HiddenEntry { .. } => "tar-hidden-entry",
        }
    }

    /// The member that is concerned, where one is.
    #[must_use]
    pub fn path(&self) -> Option<&MemberPath> {
        match self {
            Self::Truncated { path, .. } => path.as_ref(),
            Self::Device { path, .. }
            | Self::TypeFlag { path, .. }
            | Self::Kind { path, .. }
            | Self::SizeWithoutContents { path, .. }
            | Self::Size { path, .. }
            | Self::HardlinkTarget { path, .. }
            | Self::LinkTarget { path, .. } => Some(path),
            Self::Empty
            | Self::Checksum { .. }
            | Self::Number { .. }
            | Self::Prefix { .. }
            | Self::PaxRecord { .. }
            | Self::PaxDuplicate { .. }
            | Self::PaxValue { .. }
            | Self::PaxGlobal { .. }
            | Self::ExtensionPadding { .. }
            | Self::ExtensionDialect { .. }
            | Self::StackedExtensions { .. }
            | Self::DanglingExtension { .. }
            | Self::LoneZeroBlock { .. }
            | Self::HiddenEntry { .. } => None,
        }
    }
}
