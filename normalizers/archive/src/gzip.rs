//! One gzip member (RFC 1952), and nothing after it.

use flate2::Crc;

use crate::archive::{Anomaly, Tile, TileKind};
use crate::decode::Decode as _;
use crate::deflate::Inflate;
use crate::error::ReadError;
use crate::limits::Budget;
use crate::source::{CHUNK_BYTES, Source, length};
use crate::stream::Stream;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const TRAILER_BYTES: u64 = 8;
const FLAG_TEXT: u8 = 1;
const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0b1110_0000;

/// What makes a gzip file malformed or ambiguous. Offsets count from the start of the archive file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GzipFault {
    /// No header (RFC 1952 2.3), another method than deflate, a reserved flag, or a field that does not end.
    #[error("the gzip header at offset {offset} {detail}")]
    Header {
        /// Of the header.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// The header's own CRC-16 is wrong: some readers check it, others do not.
    #[error("the gzip header that ends at offset {offset} declares the CRC-16 {declared:04x} and has {found:04x}")]
    HeaderCrc {
        /// Of the sum.
        offset: u64,
        /// The declared sum.
        declared: u16,
        /// The sum of the header.
        found: u16,
    },
    /// The contents are no deflate stream, or the file ends before it does.
    #[error("the deflate stream of the gzip file fails at offset {offset}: {detail}")]
    Deflate {
        /// Of the first byte that could not be decoded.
        offset: u64,
        /// What the decoder said.
        detail: String,
    },
    /// The file ends within the CRC-32 and size.
    #[error("the gzip trailer at offset {offset} needs 8 bytes, and {available} are left")]
    Trailer {
        /// Where it begins.
        offset: u64,
        /// The bytes left.
        available: u64,
    },
    /// The CRC-32 of the contents is not the declared one.
    #[error(
        "the gzip trailer at offset {offset} declares the CRC-32 {declared:08x}, and the contents have {found:08x}"
    )]
    Crc {
        /// Of the trailer.
        offset: u64,
        /// The declared sum.
        declared: u32,
        /// The sum of the contents.
        found: u32,
    },
    /// The size of the contents is not the declared one, modulo 2^32.
    #[error("the gzip trailer at offset {offset} declares {declared} bytes modulo 2^32, and the contents have {found}")]
    Size {
        /// Of the trailer.
        offset: u64,
        /// The declared size.
        declared: u32,
        /// The size of the contents.
        found: u32,
    },
    /// Another member follows: some readers append its contents, others stop.
    #[error("a second gzip member follows at offset {offset}")]
    SeveralMembers {
        /// Of the second member.
        offset: u64,
    },
    /// Bytes that are neither zero nor a member follow: CPython fails, gzip ignores them.
    #[error("{length} bytes that are not zero follow the gzip member at offset {offset}")]
    TrailingBytes {
        /// Where the member ended.
        offset: u64,
        /// How many bytes follow.
        length: u64,
    },
}

impl GzipFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header { .. } => "gzip-header",
            Self::HeaderCrc { .. } => "gzip-header-crc",
            Self::Deflate { .. } => "gzip-deflate",
            Self::Trailer { .. } => "gzip-trailer",
            Self::Crc { .. } => "gzip-crc",
            Self::Size { .. } => "gzip-size",
            Self::SeveralMembers { .. } => "gzip-several-members",
            Self::TrailingBytes { .. } => "gzip-trailing-bytes",
        }
    }
}

/// The header and trailer of a gzip member, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GzipFields {
    /// Of the header, in bytes from the start of the archive file.
    pub offset: u64,
    /// FLG.
    pub flags: u8,
    /// MTIME, Unix seconds; 0 where none is stored.
    pub modified: u32,
    /// XFL: 2 for the best compression, 4 for the fastest.
    pub extra_flags: u8,
    /// OS: 3 Unix, 255 unknown.
    pub system: u8,
    /// FEXTRA; a finding.
    pub extra: Option<Vec<u8>>,
    /// FNAME without its NUL.
    pub file_name: Option<Vec<u8>>,
    /// FCOMMENT without its NUL; a finding.
    pub comment: Option<Vec<u8>>,
    /// FHCRC, verified; a finding.
    pub header_crc16: Option<u16>,
    /// Of the deflate stream.
    pub deflate_offset: u64,
    /// Of the trailer, right after the deflate stream.
    pub trailer_offset: u64,
    /// CRC-32 of the contents, verified.
    pub crc32: u32,
    /// Size of the contents in bytes.
    pub size_bytes: u64,
}

/// Expands the member that begins at one offset and should end at another.
pub(crate) struct Gunzip<'a> {
    source: Source<'a>,
    fields: GzipFields,
    inflate: Inflate<'a>,
    crc: Crc,
    end: u64,
    anomalies: Vec<Anomaly>,
}

impl<'a> Gunzip<'a> {
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, budget: &mut Budget) -> Result<Self, ReadError> {
        let mut anomalies = Vec::new();
        let fields = header(&source, start, end, budget, &mut anomalies)?;
        let inflate = Inflate::new(source, fields.deflate_offset, end);
        Ok(Self { source, fields, inflate, crc: Crc::new(), end, anomalies })
    }

    /// Verifies sum and size, after all was expanded, and that nothing but zeros follows.
    pub(crate) fn finish(
        mut self,
        tiles: &mut Vec<Tile>,
        anomalies: &mut Vec<Anomaly>,
    ) -> Result<GzipFields, ReadError> {
        let offset = self.inflate.offset();
        let trailer_end = offset + TRAILER_BYTES;
        let trailer = if trailer_end <= self.end { self.source.array::<8>(offset)? } else { None };
        let Some([c0, c1, c2, c3, s0, s1, s2, s3]) = trailer else {
            return Err(GzipFault::Trailer { offset, available: self.end - offset }.into());
        };
        let (declared, found) = (u32::from_le_bytes([c0, c1, c2, c3]), self.crc.sum());
        if declared != found {
            return Err(GzipFault::Crc { offset, declared, found }.into());
        }
        let (declared, found) = (u32::from_le_bytes([s0, s1, s2, s3]), self.crc.amount());
        if declared != found {
            return Err(GzipFault::Size { offset, declared, found }.into());
        }
        self.fields.trailer_offset = offset;
        self.fields.crc32 = self.crc.sum();
        self.check_rest(trailer_end)?;
        for (from, to, kind) in [
            (self.fields.offset, self.fields.deflate_offset, TileKind::GzipHeader),
            (self.fields.deflate_offset, offset, TileKind::Deflate),
            (offset, trailer_end, TileKind::GzipTrailer),
            (trailer_end, self.end, TileKind::Trailer),
        ] {
            if to > from {
                tiles.push(Tile { offset: from, length: to - from, kind });
            }
        }
        anomalies.append(&mut self.anomalies);
        Ok(self.fields)
    }

    fn check_rest(&mut self, start: u64) -> Result<(), ReadError> {
        let total = self.end - start;
        let mut position = start;
        while position < self.end {
            let left = usize::try_from(self.end - position).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let bytes = self.source.bytes(position, left)?;
            if position == start && bytes.starts_with(&MAGIC) {
                return Err(GzipFault::SeveralMembers { offset: start }.into());
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(GzipFault::TrailingBytes { offset: start, length: total }.into());
            }
            position += length(&bytes);
        }
        if total > 0 {
            let detail = format!("{total} zero bytes follow the gzip member");
            self.anomalies.push(anomaly("gzip-trailing-zeros", start, total, detail));
        }
        Ok(())
    }
}

impl Stream for Gunzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.inflate.produce(buffer).map_err(|error| {
            let fault = |offset, detail| GzipFault::Deflate { offset, detail };
            error.into_read_error(fault, fault)
        })?;
        self.crc.update(&buffer[..count]);
        self.fields.size_bytes += count as u64;
        Ok(count)
    }

    fn compressed(&self) -> u64 {
        self.inflate.compressed()
    }
}

fn header(
    source: &Source<'_>,
    start: u64,
    end: u64,
    budget: &mut Budget,
    anomalies: &mut Vec<Anomaly>,
) -> Result<GzipFields, ReadError> {
    let fault = |detail: &str| ReadError::from(GzipFault::Header { offset: start, detail: detail.to_owned() });
    let fixed =
        if start.checked_add(10).is_some_and(|fixed_end| fixed_end <= end) { source.array::<10>(start)? } else { None };
    let Some([m0, m1, method, flags, t0, t1, t2, t3, extra_flags, system]) = fixed else {
        return Err(fault("needs 10 bytes, and the file ends before"));
    };
    if [m0, m1] != MAGIC {
        return Err(
            GzipFault::Header { offset: start, detail: format!("begins with {m0:02x}{m1:02x} and not 1f8b") }.into()
        );
    }
    if method != 8 {
        return Err(GzipFault::Header { offset: start, detail: format!("names the method {method} and not 8") }.into());
    }
    if flags & FLAGS_RESERVED != 0 {
        return Err(GzipFault::Header { offset: start, detail: format!("has reserved flags set: {flags:#04x}") }.into());
    }
    let modified = u32::from_le_bytes([t0, t1, t2, t3]);
    let mut fields = GzipFields { offset: start, flags, modified, extra_flags, system, ..GzipFields::default() };
    let mut at = start + 10;
    let mut note = |code, offset, length, what: &str| anomalies.push(anomaly(code, offset, length, what.to_owned()));
    if flags & FLAG_TEXT != 0 {
        note("gzip-text-flag", start + 3, 1, "the gzip header says that the contents are text");
    }
    if flags & FLAG_EXTRA != 0 {
        let size = if at + 2 <= end { source.array::<2>(at)? } else { None };
        let size = u16::from_le_bytes(size.ok_or_else(|| fault("ends within FEXTRA"))?);
        if at + 2 + u64::from(size) > end {
            return Err(fault("ends within FEXTRA"));
        }
        fields.extra = Some(source.bytes(at + 2, size.into())?);
        note("gzip-extra", at, 2 + u64::from(size), "the gzip header has an extra field");
        at += 2 + u64::from(size);
    }
    if flags & FLAG_NAME != 0 {
        let name = text(source, at, end, budget)?.ok_or_else(|| fault("has an FNAME that does not end"))?;
        at += length(&name) + 1;
        fields.file_name = Some(name);
    }
    if flags & FLAG_COMMENT != 0 {
        let comment = text(source, at, end, budget)?.ok_or_else(|| fault("has an FCOMMENT that does not end"))?;
        note("gzip-comment", at, length(&comment) + 1, "the gzip header has a comment");
        at += length(&comment) + 1;
        fields.comment = Some(comment);
    }
    if flags & FLAG_HEADER_CRC != 0 {
        let declared = if at + 2 <= end { source.array::<2>(at)? } else { None };
        let declared = u16::from_le_bytes(declared.ok_or_else(|| fault("ends within FHCRC"))?);
        let mut crc = Crc::new();
        crc.update(&source.bytes(start, usize::try_from(at - start).unwrap_or(usize::MAX))?);
        let [_, _, high, low] = crc.sum().to_be_bytes();
        let found = u16::from_be_bytes([high, low]);
        if declared != found {
            return Err(GzipFault::HeaderCrc { offset: at, declared, found }.into());
        }
        note("gzip-header-crc", at, 2, "the gzip header has a sum of its own");
        fields.header_crc16 = Some(declared);
        at += 2;
    }
    fields.deflate_offset = at;
    Ok(fields)
}

/// A text that ends with NUL; without the NUL.
fn text(source: &Source<'_>, start: u64, end: u64, budget: &Budget) -> Result<Option<Vec<u8>>, ReadError> {
    let mut text = Vec::new();
    loop {
        let at = start + length(&text);
        let left = usize::try_from(end - at).map_or(256, |left| left.min(256));
        let chunk = source.bytes(at, left)?;
        if let Some(nul) = chunk.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&chunk[..nul]);
            budget.name(length(&text))?;
            return Ok(Some(text));
        }
        if chunk.is_empty() {
            return Ok(None);
        }
        text.extend_from_slice(&chunk);
        budget.name(length(&text))?;
    }
}

fn anomaly(code: &'static str, offset: u64, length: u64, detail: String) -> Anomaly {
    Anomaly { code, offset, length, path: None, detail }
}
