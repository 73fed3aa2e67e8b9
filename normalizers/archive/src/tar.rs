//! Tars: v7, ustar, PAX and GNU (POSIX pax and ustar interchange formats; GNU tar manual, "Basic Tar Format").
//!
//! Read from first to last byte in one pass. Where CPython's tarfile, GNU tar, libarchive and Go would go on at different
//! offsets, or give different names, the tar is refused.

mod fault;
mod header;
mod pax;
mod walk;

use crate::Visitor;
use crate::archive::{Anomaly, Archive, Container, Format, Member, Tile};
use crate::bzip2::Bzip2File;
use crate::error::ReadError;
use crate::gzip::Gunzip;
use crate::limits::{Budget, Limits};
use crate::names::NameRules;
use crate::source::Source;
use crate::stream::{Plain, Stream};
use crate::xz::Unxz;
use crate::zstd::ZstdFile;

pub use fault::TarFault;
pub use header::{TarDialect, TarHeader};
pub use pax::PaxRecord;

/// The unit of a tar.
const BLOCK_BYTES: usize = 512;

/// The header values of a tar member. Offsets count from the start of the expanded tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarFields {
    /// The member's own header.
    pub header: TarHeader,
    /// What stands in front of it: one PAX header, or GNU long name and long link headers.
    pub extensions: Vec<TarExtension>,
    /// Of the first header block, that of an extension where there is one.
    pub offset: u64,
    /// Of the contents.
    pub data_offset: u64,
}

/// A header that tells of the next member, or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarExtension {
    /// Its own header.
    pub header: TarHeader,
    /// Of its header.
    pub offset: u64,
    /// What it holds.
    pub body: TarExtensionBody,
}

/// What an extension header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarExtensionBody {
    /// `x` or `g`: PAX records.
    Pax(Vec<PaxRecord>),
    /// `L`: a long name, up to its NUL.
    GnuName(Vec<u8>),
    /// `K`: a long link target, up to its NUL.
    GnuLink(Vec<u8>),
}

/// A tar beside its members. Offsets count from the start of the expanded tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarStream {
    /// Global PAX headers, such as git archive's with the commit as `comment`.
    pub globals: Vec<TarExtension>,
    /// Where the blocks of zeros begin.
    pub end_offset: u64,
    /// Of the whole tar, the zeros included.
    pub size_bytes: u64,
}

/// What the walk over a tar gives.
pub(crate) struct Walked {
    pub(crate) members: Vec<Member>,
    pub(crate) anomalies: Vec<Anomaly>,
    /// In offsets of the expanded tar.
    pub(crate) tiles: Vec<Tile>,
    pub(crate) stream: TarStream,
}

pub(crate) fn walk(
    stream: &mut dyn Stream,
    budget: &mut Budget,
    rules: NameRules,
    visitor: &mut Visitor<'_>,
) -> Result<Walked, ReadError> {
    walk::Walk::new(stream, budget, rules).run(visitor)
}

/// Reads a tar, plain or compressed.
pub(crate) fn read(
    source: Source<'_>,
    format: Format,
    limits: &Limits,
    visitor: &mut Visitor<'_>,
) -> Result<Archive, ReadError> {
    let mut budget = Budget::new(limits);
    let (mut tiles, mut found) = (Vec::new(), Vec::new());
    let rules = NameRules::PortableOrRoot;
    let (walked, container) = match format {
        Format::TarGz => {
            let mut stream = Gunzip::new(source, 0, source.size, &mut budget)?;
            let walked = walk(&mut stream, &mut budget, rules, visitor)?;
            let gzip = stream.finish(&mut tiles, &mut found)?;
            let tar = walked.stream.clone();
            (walked, Container::TarGz { gzip, tar })
        }
        Format::TarXz => {
            let mut stream = Unxz::new(source, 0, source.size, limits);
            let walked = walk(&mut stream, &mut budget, rules, visitor)?;
            let xz = stream.finish(&mut tiles, &mut found)?;
            let tar = walked.stream.clone();
            (walked, Container::TarXz { xz, tar })
        }
        Format::TarBz2 => {
            let mut stream = Bzip2File::new(source, 0, source.size, limits);
            let walked = walk(&mut stream, &mut budget, rules, visitor)?;
            let bzip2 = stream.finish(&mut tiles, &mut found)?;
            let tar = walked.stream.clone();
            (walked, Container::TarBz2 { bzip2, tar })
        }
        Format::TarZst => {
            let mut stream = ZstdFile::new(source, 0, source.size, limits);
            let walked = walk(&mut stream, &mut budget, rules, visitor)?;
            let zstd = stream.finish(&mut tiles, &mut found)?;
            let tar = walked.stream.clone();
            (walked, Container::TarZst { zstd, tar })
        }
        _ => {
            let mut stream = Plain::new(source, 0, source.size);
            let walked = walk(&mut stream, &mut budget, rules, visitor)?;
            tiles.clone_from(&walked.tiles);
            let tar = walked.stream.clone();
            (walked, Container::Tar(tar))
        }
    };
    found.extend(walked.anomalies);
    Ok(Archive {
        format,
        size_bytes: source.size,
        members: walked.members,
        anomalies: found,
        tiles,
        container,
        limits: *limits,
    })
}
