//! What reading an archive gives: its members, its anomalies and its byte map.

use jiff::civil::DateTime;
use twinbuild_subject::{MemberPath, Sha256};

use crate::ar::{ArFields, ArMember};
use crate::bzip2::Bzip2Fields;
use crate::deb::DebFields;
use crate::gzip::GzipFields;
use crate::limits::Limits;
use crate::tar::{TarFields, TarStream};
use crate::xz::XzFields;
use crate::zip::{ZipEnd, ZipFields};
use crate::zstd::{self, ZstdFields};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A zip file (APPNOTE 6.3.10): wheels, zipped sdists.
    Zip,
    /// A tar in one gzip member (RFC 1952): sdists, source archives.
    TarGz,
    /// A tar in one xz stream.
    TarXz,
    /// A tar in bzip2.
    TarBz2,
    /// A tar in zstd (RFC 8878).
    TarZst,
    /// A plain tar: v7, ustar, PAX or GNU.
    Tar,
    /// One compressed file in gzip. Its one member is named [`CONTENTS_NAME`], whatever the header says.
    Gzip,
    /// One compressed file in xz, as for gzip.
    Xz,
    /// One compressed file in bzip2, as for gzip.
    Bzip2,
    /// One compressed file in zstd, as for gzip.
    Zstd,
    /// A Unix `ar` file: static libraries.
    Ar,
    /// A binary package of Debian, deb(5).
    Deb,
}

/// The name of the one member of a compressed file.
pub const CONTENTS_NAME: &str = "contents";

impl Format {
    /// The format that the first bytes of a file tell, 512 of them or all there are. A compressed file is told as such,
    /// whether a tar is within it or not; a zip file with bytes in front of it is not told.
    #[must_use]
    pub fn of_magic(head: &[u8]) -> Option<Self> {
        Some(match head {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ if zstd::is_skippable(head) => Self::Zstd,
            _ if head.starts_with(b"!<arch>\ndebian-binary") => Self::Deb,
            _ if head.starts_with(b"!<arch>\n") => Self::Ar,
            _ if head.get(257..262) == Some(b"ustar") => Self::Tar,
            _ => return None,
        })
    }
}

/// An archive that was read to its last byte, with every checksum in it verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// As asked for.
    pub format: Format,
    /// Size of the archive file in bytes.
    pub size_bytes: u64,
    /// In the order of the archive's own index: the central directory for zip, else the order in the file. For a `.deb`
    /// the members of its data archive.
    pub members: Vec<Member>,
    /// In the order in which they were found.
    pub anomalies: Vec<Anomaly>,
    /// Every byte of the archive file in exactly one tile, from 0 to `size_bytes`, in order; none is empty.
    pub tiles: Vec<Tile>,
    /// What the container holds beside its members.
    pub container: Container,
    pub(crate) limits: Limits,
}

impl Archive {
    /// The index of the member of that name, by bytes.
    #[must_use]
    pub fn index_of(&self, name: &[u8]) -> Option<usize> {
        self.members.iter().position(|member| member.path.as_bytes() == name)
    }
}

/// What a container holds beside its members.
#[derive(Debug, Clone, PartialEq)]
pub enum Container {
    /// The end of a zip file.
    Zip(ZipEnd),
    /// A plain tar.
    Tar(TarStream),
    /// A tar in gzip.
    TarGz {
        /// Header and trailer of the gzip member.
        gzip: GzipFields,
        /// The expanded tar.
        tar: TarStream,
    },
    /// A tar in xz.
    TarXz {
        /// The stream.
        xz: XzFields,
        /// The expanded tar.
        tar: TarStream,
    },
    /// A tar in bzip2.
    TarBz2 {
        /// The streams.
        bzip2: Bzip2Fields,
        /// The expanded tar.
        tar: TarStream,
    },
    /// A tar in zstd.
    TarZst {
        /// The frames.
        zstd: ZstdFields,
        /// The expanded tar.
        tar: TarStream,
    },
    /// One compressed file.
    Gzip(GzipFields),
    /// One compressed file.
    Xz(XzFields),
    /// One compressed file.
    Bzip2(Bzip2Fields),
    /// One compressed file.
    Zstd(ZstdFields),
    /// An ar file.
    Ar(ArFields),
    /// The control archive and the rest of a `.deb`.
    Deb(Box<DebFields>),
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The name, safe by [`MemberPath::components`] but for the two cases that [`Member::components`] tells of.
    pub path: MemberPath,
    /// What it is.
    pub kind: MemberKind,
    /// The 12 permission bits; `None` where the archive has no Unix mode for it (zip with the upper half of the external
    /// attributes zero).
    pub mode: Option<u32>,
    /// The file type bits of the mode (mask 0o170000), as evidence; `None` where they are zero.
    pub type_bits: Option<u32>,
    /// Expanded size of the contents in bytes; 0 for directories and tar links.
    pub size_bytes: u64,
    /// The digest of the expanded contents: of files, and of symbolic links in zip files, whose contents are the target.
    /// `None` for all else, and in the member that [`crate::visit`] hands out, whose contents were not read yet.
    pub sha256: Option<Sha256>,
    /// When it was modified, as stored.
    pub modified: Modified,
    /// Every other header value.
    pub fields: Fields,
}

impl Member {
    /// The components of the path below the folder that the archive is laid out in: never empty ones, `.` or `..`. There
    /// are none for the root itself (`./` in a tar). A component has a backslash only in a `.deb`.
    #[must_use]
    pub fn components(&self) -> Vec<&[u8]> {
        let bytes = self.path.as_bytes();
        bytes.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b".")).collect()
    }

    /// Whether this is a symbolic link whose target, taken from the link's own folder, is absolute or leaves the tree.
    ///
    /// The target is resolved by its text alone. No member lies below a link ([`crate::NameFault::ParentIsNoDirectory`]),
    /// so writing the members never leads out; but *following* a link that passes through another link may, with each of
    /// both staying inside. Hard links name an earlier member and never escape.
    #[must_use]
    pub fn escapes(&self) -> bool {
        let MemberKind::Symlink { target } = &self.kind else { return false };
        if target.is_empty() || target.first() == Some(&b'/') || target.contains(&b'\\') || target.contains(&0) {
            return true;
        }
        if let [letter, b':', ..] = target.as_slice()
            && letter.is_ascii_alphabetic()
        {
            return true;
        }
        let mut depth = self.components().len().saturating_sub(1);
        for component in target.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => match depth.checked_sub(1) {
                    Some(above) => depth = above,
                    None => return true,
                },
                _ => depth += 1,
            }
        }
        false
    }

    /// Whether this is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == MemberKind::File
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Where it leads, as stored; never empty, without NUL.
        target: Vec<u8>,
    },
    /// Another name of an earlier file of the same archive. Tar only.
    Hardlink {
        /// The earlier member's name, as stored.
        target: MemberPath,
    },
}

/// A modification time, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modified {
    /// A zip member's: local time without zone in two-second steps, and what extra fields add.
    Dos {
        /// Bits 0–4 the day from 1, 5–8 the month from 1, 9–15 the years since 1980.
        date: u16,
        /// Bits 0–4 the seconds halved, 5–10 the minute, 11–15 the hour.
        time: u16,
        /// Unix seconds, from the extended timestamp (0x5455) of the central header, or else of the local one.
        unix_seconds: Option<i32>,
        /// Ticks of 100 ns since 1601-01-01 UTC, from the NTFS field (0x000a) of the central header, or else the local one.
        ntfs_ticks: Option<u64>,
    },
    /// A tar member's, since 1970-01-01 UTC.
    Unix {
        /// Whole seconds, rounded down.
        seconds: i64,
        /// Beyond them; below 1 000 000 000. Digits after the ninth are in the PAX record only.
        nanoseconds: u32,
    },
    /// The format has no time for it, or none is stored.
    None,
}

impl Modified {
    /// A zip member's local time as the calendar has it, without a zone. `None` for dates that do not exist, and for times
    /// of other formats, which are counted from an epoch.
    #[must_use]
    pub fn civil(self) -> Option<DateTime> {
        let Self::Dos { date, time, .. } = self else { return None };
        let part = |value: u16, shift: u32, mask: u16| i8::try_from(value >> shift & mask).ok();
        let year = i16::try_from(date >> 9).ok()? + 1980;
        let (month, day) = (part(date, 5, 15)?, part(date, 0, 31)?);
        let (hour, minute, second) = (part(time, 11, 31)?, part(time, 5, 63)?, part(time, 0, 31)? * 2);
        DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()
    }
}

/// The header values of a member that its format alone has.
#[derive(Debug, Clone, PartialEq)]
pub enum Fields {
    /// Of a zip member.
    Zip(Box<ZipFields>),
    /// Of a tar member.
    Tar(Box<TarFields>),
    /// Of a member of an ar file.
    Ar(Box<ArMember>),
    /// Of the one member of a compressed file, which has no header of its own.
    None,
}

/// Something that every reader reads alike, and that an archive as its tool writes it does not have. A finding (law 7),
/// never a reason to reject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// A stable kebab-case name of the kind of anomaly.
    pub code: &'static str,
    /// Bytes from the start of the archive file; of the expanded tar for codes that begin with `tar-` or `pax-`, and for
    /// those of names in a tar. What an expanded tar holds there is in `detail`, as text or as SHA-256.
    pub offset: u64,
    /// Bytes that are concerned; 0 where it is a relation of two things.
    pub length: u64,
    /// The member that is concerned, where one is.
    pub path: Option<MemberPath>,
    /// One sentence without its stop.
    pub detail: String,
}

/// A range of the archive file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Bytes from the start of the archive file.
    pub offset: u64,
    /// In bytes, at least 1.
    pub length: u64,
    /// What lies there.
    pub kind: TileKind,
}

/// What a range of an archive file holds. Members are given by their index in [`Archive::members`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Zip: a local file header with name and extra fields.
    LocalHeader {
        /// Whose.
        member: usize,
    },
    /// Zip: compressed contents. Plain tar and ar: contents.
    Data {
        /// Whose.
        member: usize,
    },
    /// Zip: a data descriptor.
    DataDescriptor {
        /// Whose.
        member: usize,
    },
    /// Zip: a central directory header with name, extra fields and comment.
    CentralHeader {
        /// Whose.
        member: usize,
    },
    /// Zip: the zip64 end record and its locator.
    Zip64End,
    /// Zip: the end of central directory record without its comment.
    EndRecord,
    /// Zip: the archive's comment.
    Comment,
    /// Bytes in front of the first header.
    Prefix,
    /// Bytes between members that belong to none.
    Gap,
    /// Bytes after the end.
    Trailer,
    /// Plain tar: the header blocks of a member, its PAX and GNU extensions included. Ar: a member's header, and the name
    /// that BSD puts behind it.
    Header {
        /// Whose.
        member: usize,
    },
    /// Plain tar: the header and body of a PAX global header.
    GlobalHeader,
    /// Plain tar: what fills the last block of a member. Ar: the byte after a member of odd size.
    Padding,
    /// Plain tar: the blocks of zeros at the end.
    End,
    /// Gzip: the header with its optional fields (RFC 1952 2.3).
    GzipHeader,
    /// Gzip: the deflate stream (RFC 1951).
    Deflate,
    /// Gzip: CRC-32 and size (RFC 1952 2.3.1).
    GzipTrailer,
    /// Xz: a whole stream.
    Xz,
    /// Bzip2: all streams.
    Bzip2,
    /// Zstd: all frames.
    Zstd,
    /// Ar: the file's eight bytes of magic.
    ArMagic,
    /// Ar: the header of a member of a `.deb`, or of the table of names.
    ArHeader,
    /// Ar: the table of long names.
    ArNames,
    /// Ar: a member of a `.deb` that is neither compressed nor a tar.
    ArData,
    /// Ar: an uncompressed tar within a `.deb`.
    ArTar,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str, target: &str) -> bool {
        Member {
            path: path.into(),
            kind: MemberKind::Symlink { target: target.into() },
            mode: None,
            type_bits: None,
            size_bytes: 0,
            sha256: None,
            modified: Modified::Unix { seconds: 0, nanoseconds: 0 },
            fields: Fields::Zip(Box::default()),
        }
        .escapes()
    }

    #[test]
    fn dos_times_are_calendar_times() {
        let dos = |date, time| Modified::Dos { date, time, unix_seconds: None, ntfs_ticks: None }.civil();
        let expected: DateTime = "2020-02-02T14:18:16".parse().unwrap();
        assert_eq!(dos((40 << 9) | (2 << 5) | 2, (14 << 11) | (18 << 5) | 8), Some(expected));
        assert_eq!(dos(0, 0), None);
        assert_eq!(dos((40 << 9) | (2 << 5) | 30, 0), None, "there is no 30th of February");
        assert_eq!(Modified::Unix { seconds: 0, nanoseconds: 0 }.civil(), None);
    }

    #[test]
    fn links_that_leave_the_tree_escape() {
        for (path, target) in
            [("a", "/etc"), ("a", ".."), ("a/b", "../.."), ("a/b", "x/../../.."), ("a", "C:x"), ("a", "")]
        {
            assert!(link(path, target), "{path} -> {target}");
        }
    }

    #[test]
    fn links_within_the_tree_do_not_escape() {
        for (path, target) in [("a", "b"), ("a/b", ".."), ("./a/b", "../c"), ("a/b/c", "../../d/../e")] {
            assert!(!link(path, target), "{path} -> {target}");
        }
    }
}
