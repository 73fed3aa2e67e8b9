//! Why an archive could not be read, by whose fault.

use std::io;

use twinbuild_subject::{MemberPath, Sha256};

use crate::ar::ArFault;
use crate::bzip2::Bzip2Fault;
use crate::deb::DebFault;
use crate::gzip::GzipFault;
use crate::limits::LimitError;
use crate::names::NameFault;
use crate::tar::TarFault;
use crate::xz::XzFault;
use crate::zip::{ZipFault, ZipMethod};
use crate::zstd::ZstdFault;

/// Why reading stopped. What was handed out before is void.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The archive is proven malformed, or two real readers would read it differently: `rejected`.
    #[error(transparent)]
    Malformed(#[from] Malformation),
    /// A limit was reached: `inconclusive`.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A feature of the format that this version does not read: `unsupported`.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The bytes could not be had.
    #[error("reading the archive at offset {offset} failed")]
    Io {
        /// Bytes from the start of the archive file.
        offset: u64,
        /// What the medium said.
        source: io::Error,
    },
    /// The caller's own function failed while it took a member.
    #[error("taking `{path}` failed")]
    Visitor {
        /// The member that was handed out.
        path: MemberPath,
        /// What the function returned.
        source: io::Error,
    },
    /// Contents asked for later are not what they were when the archive was read.
    #[error("`{path}` had the digest {expected} when the archive was read and has {found} now: the file was changed")]
    Changed {
        /// The member.
        path: MemberPath,
        /// The digest of the first reading.
        expected: Sha256,
        /// The digest now.
        found: Sha256,
    },
    /// Contents were asked of a member that is not there or that is no file.
    #[error("member {index} has no contents: the archive has {members} members, and only files have contents")]
    NoContents {
        /// The index asked for, from 0.
        index: usize,
        /// How many members there are.
        members: usize,
    },
}

/// A feature of a format that is lawful, and that this version does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// A compression method that [`crate::ZipMethod`] does not have; APPNOTE 4.4.5.
    #[error(
        "`{path}` at offset {offset} is compressed with method {method} ({name}); stored, deflate, bzip2, LZMA, zstd and \
         xz are supported"
    )]
    ZipMethod {
        /// The member.
        path: MemberPath,
        /// Of its central header.
        offset: u64,
        /// The number of the method.
        method: u16,
        /// What APPNOTE calls it.
        name: &'static str,
    },
    /// A compressed stream that uses what the decoder of its method does not have.
    #[error("`{path}`: the {method} stream at offset {offset} cannot be decoded: {detail}")]
    ZipStream {
        /// The member.
        path: MemberPath,
        /// Of the place where it stopped.
        offset: u64,
        /// The compression method.
        method: ZipMethod,
        /// What is missing.
        detail: String,
    },
    /// General purpose bit 5, compressed patched data; APPNOTE 4.4.4.
    #[error("`{path}` at offset {offset} is compressed patched data")]
    ZipPatch {
        /// The member.
        path: MemberPath,
        /// Of its central header.
        offset: u64,
    },
    /// A sparse file of GNU tar, in any of its dialects, or of star.
    #[error("`{path}` at offset {offset} of the tar is a sparse file ({detail})")]
    TarSparse {
        /// The member.
        path: MemberPath,
        /// Of its header in the expanded tar.
        offset: u64,
        /// By which sign.
        detail: &'static str,
    },
    /// A tar written in a dialect that lays out its header differently.
    #[error("the tar header at offset {offset} is of the {dialect} dialect; v7, ustar, PAX and GNU are supported")]
    TarDialect {
        /// Of the header in the expanded tar.
        offset: u64,
        /// Its name.
        dialect: &'static str,
    },
    /// A `.deb` of another major version, or with a compressor that is not read.
    #[error("the Debian archive has `{member}` at offset {offset}; {supported} supported")]
    Deb {
        /// The name of the ar member, or the version text.
        member: MemberPath,
        /// Of its ar header.
        offset: u64,
        /// What would be read, with its verb.
        supported: &'static str,
    },
    /// A zstd frame that needs a dictionary.
    #[error("the zstd frame at offset {offset} cannot be decoded: {detail}")]
    Zstd {
        /// Of the frame.
        offset: u64,
        /// What is missing.
        detail: String,
    },
    /// Two members of an ar file have the same name: lawful, and which of them is which no name tells.
    #[error("two members of the ar file are named `{member}`, the second at offset {offset}")]
    ArDuplicate {
        /// The name of both.
        member: MemberPath,
        /// Of the second header.
        offset: u64,
    },
    /// An xz stream with a filter or check that the decoder does not have.
    #[error("the xz stream at offset {offset} cannot be decoded: {detail}")]
    Xz {
        /// Of the stream.
        offset: u64,
        /// What the decoder said.
        detail: String,
    },
}

/// The ways an archive can lie, by format. Each is proof: either the format forbids it, or two readers in real use would
/// give other members or other contents. The message carries both values and the offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformation {
    /// Names that mean different files to different readers, or none.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// A lie of a zip file.
    #[error(transparent)]
    Zip(#[from] ZipFault),
    /// A lie of a tar.
    #[error(transparent)]
    Tar(#[from] TarFault),
    /// A lie of a gzip file.
    #[error(transparent)]
    Gzip(#[from] GzipFault),
    /// A lie of an xz file.
    #[error(transparent)]
    Xz(#[from] XzFault),
    /// A lie of a bzip2 file.
    #[error(transparent)]
    Bzip2(#[from] Bzip2Fault),
    /// A lie of a zstd file.
    #[error(transparent)]
    Zstd(#[from] ZstdFault),
    /// A lie of an ar file.
    #[error(transparent)]
    Ar(#[from] ArFault),
    /// A lie of a `.deb`.
    #[error(transparent)]
    Deb(#[from] DebFault),
}

impl Malformation {
    /// A stable kebab-case name of the variant, such as `zip-hidden-entry`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name(fault) => fault.code(),
            Self::Zip(fault) => fault.code(),
            Self::Tar(fault) => fault.code(),
            Self::Gzip(fault) => fault.code(),
            Self::Xz(fault) => fault.code(),
            Self::Bzip2(fault) => fault.code(),
            Self::Zstd(fault) => fault.code(),
            Self::Ar(fault) => fault.code(),
            Self::Deb(fault) => fault.code(),
        }
    }

    /// The member that is concerned, where one is.
    #[must_use]
    pub fn path(&self) -> Option<&MemberPath> {
        match self {
            Self::Name(fault) => Some(fault.path()),
            Self::Zip(fault) => fault.path(),
            Self::Tar(fault) => fault.path(),
            Self::Gzip(_) | Self::Xz(_) | Self::Bzip2(_) | Self::Zstd(_) | Self::Ar(_) | Self::Deb(_) => None,
        }
    }
}

macro_rules! malformed {
    ($($fault:ty),*) => {$(
        impl From<$fault> for ReadError {
            fn from(fault: $fault) -> Self {
                Self::Malformed(fault.into())
            }
        }
    )*};
}

malformed!(NameFault, ZipFault, TarFault, GzipFault, XzFault, Bzip2Fault, ZstdFault, ArFault, DebFault);
