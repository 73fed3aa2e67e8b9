//! Compressed files that are no archives: one member without a name of its own.
//!
//! How large the contents are is known only at the end, so a caller that takes them gets them in a second reading.

use std::io::{self, Read};

use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

use crate::Visitor;
use crate::archive::{Anomaly, Archive, CONTENTS_NAME, Container, Fields, Format, Member, MemberKind, Modified, Tile};
use crate::bzip2::Bzip2File;
use crate::contents::{Contents, Produce};
use crate::error::ReadError;
use crate::gzip::Gunzip;
use crate::limits::{Budget, Limits};
use crate::source::{CHUNK_BYTES, Source};
use crate::stream::Stream;
use crate::xz::Unxz;
use crate::zstd::ZstdFile;

/// Reads a compressed file.
pub(crate) fn read(source: Source<'_>, format: Format, limits: &Limits) -> Result<Archive, ReadError> {
    let mut budget = Budget::new(limits);
    budget.members(1)?;
    let (mut tiles, mut anomalies) = (Vec::new(), Vec::new());
    let mut counted = Counted { stream: open(source, format, &mut budget)?, budget, size_bytes: 0 };
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let count = counted.some(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let size_bytes = counted.size_bytes;
    let container = counted.stream.finish(&mut tiles, &mut anomalies)?;
    let modified = match &container {
        Container::Gzip(gzip) if gzip.modified != 0 => {
            Modified::Unix { seconds: i64::from(gzip.modified), nanoseconds: 0 }
        }
        _ => Modified::None,
    };
    let member = Member {
        path: MemberPath::new(CONTENTS_NAME),
        kind: MemberKind::File,
        mode: None,
        type_bits: None,
        size_bytes,
        sha256: Some(hasher.finish()),
        modified,
        fields: Fields::None,
    };
    let (members, size_bytes, limits) = (vec![member], source.size, *limits);
    Ok(Archive { format, size_bytes, members, anomalies, tiles, container, limits })
}

/// Reads a compressed file, and hands out its contents in a second reading.
pub(crate) fn visit(
    source: Source<'_>,
    format: Format,
    limits: &Limits,
    visitor: &mut Visitor<'_>,
) -> Result<Archive, ReadError> {
    let archive = read(source, format, limits)?;
    for member in &archive.members {
        let unread = Member { sha256: None, ..member.clone() };
        let found = stream(source, format, limits, member, |contents| visitor(&unread, contents))?;
        if let Some(expected) = member.sha256.filter(|expected| *expected != found) {
            return Err(ReadError::Changed { path: member.path.clone(), expected, found });
        }
    }
    Ok(archive)
}

/// Hands out the contents of the member that [`read`] has found, and returns their digest.
pub(crate) fn stream(
    source: Source<'_>,
    format: Format,
    limits: &Limits,
    member: &Member,
    take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<Sha256, ReadError> {
    let mut budget = Budget::new(limits);
    let mut counted = Counted { stream: open(source, format, &mut budget)?, budget, size_bytes: 0 };
    let contents = Contents::new(&mut counted, member.size_bytes);
    Ok(contents.hand(&member.path, &mut Vec::new(), take)?.sha256)
}

/// One of the compressed files.
enum Compressed<'a> {
    Gzip(Box<Gunzip<'a>>),
    Xz(Box<Unxz<'a>>),
    Bzip2(Box<Bzip2File<'a>>),
    Zstd(Box<ZstdFile<'a>>),
}

fn open<'a>(source: Source<'a>, format: Format, budget: &mut Budget) -> Result<Compressed<'a>, ReadError> {
    let (end, limits) = (source.size, budget.limits);
    Ok(match format {
        Format::Bzip2 => Compressed::Bzip2(Box::new(Bzip2File::new(source, 0, end, &limits))),
        Format::Zstd => Compressed::Zstd(Box::new(ZstdFile::new(source, 0, end, &limits))),
        Format::Xz => Compressed::Xz(Box::new(Unxz::new(source, 0, end, &limits))),
        _ => Compressed::Gzip(Box::new(Gunzip::new(source, 0, end, budget)?)),
    })
}

impl Compressed<'_> {
    fn stream(&mut self) -> &mut dyn Stream {
        match self {
            Self::Gzip(stream) => &mut **stream,
            Self::Xz(stream) => &mut **stream,
            Self::Bzip2(stream) => &mut **stream,
            Self::Zstd(stream) => &mut **stream,
        }
    }

    fn finish(self, tiles: &mut Vec<Tile>, anomalies: &mut Vec<Anomaly>) -> Result<Container, ReadError> {
        Ok(match self {
            Self::Gzip(stream) => Container::Gzip(stream.finish(tiles, anomalies)?),
            Self::Xz(stream) => Container::Xz(stream.finish(tiles, anomalies)?),
            Self::Bzip2(stream) => Container::Bzip2(stream.finish(tiles, anomalies)?),
            Self::Zstd(stream) => Container::Zstd(stream.finish(tiles, anomalies)?),
        })
    }
}

/// The expanded bytes, counted against the limits.
struct Counted<'a> {
    stream: Compressed<'a>,
    budget: Budget,
    size_bytes: u64,
}

impl Counted<'_> {
    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let stream = self.stream.stream();
        let count = stream.read(buffer)?;
        self.size_bytes += count as u64;
        self.budget.expanded(count as u64, self.size_bytes, stream.compressed())?;
        self.budget.declared(&MemberPath::new(CONTENTS_NAME), self.size_bytes)?;
        Ok(count)
    }
}

impl Produce for Counted<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let offset = self.size_bytes;
        match self.some(buffer)? {
            // The first reading found more.
            0 => Err(ReadError::Io { offset, source: io::ErrorKind::UnexpectedEof.into() }),
            count => Ok(count),
        }
    }
}
