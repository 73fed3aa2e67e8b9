//! bzip2 streams, as the program bzip2 1.0.8 writes them.

use bzip2::{Decompress, Status};

use crate::archive::{Anomaly, Tile, TileKind};
use crate::decode::{Decode, DecodeError, Feed};
use crate::error::ReadError;
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::Source;
use crate::stream::Stream;

/// What a stream begins with, in front of the digit of its block size.
pub(crate) const MAGIC: [u8; 3] = *b"BZh";
/// What the largest block size needs, in KiB.
const MEMORY_KIB: u32 = 3700;

/// What makes a bzip2 file malformed or ambiguous. Offsets count from the start of the archive file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Bzip2Fault {
    /// The bytes are no bzip2 stream, a sum in it is wrong, or the file ends before it does.
    #[error("the bzip2 stream fails at offset {offset}: {detail}")]
    Corrupt {
        /// Of the first byte that was not decoded, to within one buffer.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// Bytes that are no stream follow: the program bzip2 ignores them, 7-Zip reports an error.
    #[error("{length} bytes that are no bzip2 stream follow the last one at offset {offset}")]
    TrailingBytes {
        /// Where the last stream ended.
        offset: u64,
        /// How many bytes follow.
        length: u64,
    },
}

impl Bzip2Fault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "bzip2-corrupt",
            Self::TrailingBytes { .. } => "bzip2-trailing-bytes",
        }
    }
}

/// The bzip2 streams of a file as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bzip2Fields {
    /// Of the first stream, in bytes from the start of the archive file.
    pub offset: u64,
    /// Of all streams, in bytes.
    pub length: u64,
    /// Size of the blocks of the first stream, in units of 100 000 bytes: 1 to 9.
    pub block_size: u8,
    /// How many streams there are; more than one is a finding.
    pub streams: u64,
    /// Size of the contents in bytes.
    pub size_bytes: u64,
}

/// Expands the streams between two offsets, one after the other, as every reader does.
pub(crate) struct Bzip2File<'a> {
    source: Source<'a>,
    limits: Limits,
    stream: Bunzip2<'a>,
    fields: Bzip2Fields,
    /// Of the second stream.
    second: Option<u64>,
    end: u64,
}

impl<'a> Bzip2File<'a> {
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let fields = Bzip2Fields { offset: start, length: 0, block_size: 0, streams: 1, size_bytes: 0 };
        let stream = Bunzip2::new(source, start, end, limits);
        Self { source, limits: *limits, stream, fields, second: None, end }
    }

    /// Checks, after all was expanded, that nothing follows.
    pub(crate) fn finish(
        mut self,
        tiles: &mut Vec<Tile>,
        anomalies: &mut Vec<Anomaly>,
    ) -> Result<Bzip2Fields, ReadError> {
        let (start, offset) = (self.fields.offset, self.stream.offset());
        if offset < self.end {
            return Err(Bzip2Fault::TrailingBytes { offset, length: self.end - offset }.into());
        }
        if let Some([_, _, _, digit]) = self.source.array::<4>(start)? {
            self.fields.block_size = digit.wrapping_sub(b'0');
        }
        self.fields.length = offset - start;
        tiles.push(Tile { offset: start, length: self.fields.length, kind: TileKind::Bzip2 });
        if let Some(second) = self.second {
            let detail =
                format!("{} bzip2 streams follow each other, the second at offset {second}", self.fields.streams);
            let (code, length) = ("bzip2-several-streams", offset - second);
            anomalies.push(Anomaly { code, offset: second, length, path: None, detail });
        }
        Ok(self.fields)
    }

    fn is_stream(&self, offset: u64) -> Result<bool, ReadError> {
        let head = if self.end - offset >= 4 { self.source.array::<4>(offset)? } else { None };
        Ok(matches!(head, Some([b'B', b'Z', b'h', b'1'..=b'9'])))
    }
}

impl Stream for Bzip2File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let fault = |offset, detail| Bzip2Fault::Corrupt { offset, detail };
        loop {
            let count = self.stream.produce(buffer).map_err(|error| error.into_read_error(fault, fault))?;
            if count > 0 {
                self.fields.size_bytes += count as u64;
                return Ok(count);
            }
            let offset = self.stream.offset();
            if !self.is_stream(offset)? {
                return Ok(0);
            }
            self.second.get_or_insert(offset);
            self.fields.streams += 1;
            self.stream = Bunzip2::new(self.source, offset, self.end, &self.limits);
        }
    }

    fn compressed(&self) -> u64 {
        self.stream.offset() - self.fields.offset
    }
}

/// Decodes one stream.
pub(crate) struct Bunzip2<'a> {
    feed: Feed<'a>,
    state: Decompress,
    memory_kib: u32,
    has_ended: bool,
}

impl<'a> Bunzip2<'a> {
    /// A decoder for the stream that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let (feed, memory_kib) = (Feed::new(source, start, end), limits.decoder_memory_kib);
        Self { feed, state: Decompress::new(false), memory_kib, has_ended: false }
    }
}

impl Decode for Bunzip2<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let no_memory = LimitError {
            kind: LimitKind::DecoderMemory,
            allowed: self.memory_kib.into(),
            found: MEMORY_KIB.into(),
            path: None,
        };
        if self.memory_kib < MEMORY_KIB {
            return Err(DecodeError::Limit(no_memory));
        }
        while !self.has_ended {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = self.feed.chunk().map_err(DecodeError::Read)?;
            let result = self.state.decompress(input, buffer);
            let used = usize::try_from(self.state.total_in() - before_in).unwrap_or(0);
            let produced = usize::try_from(self.state.total_out() - before_out).unwrap_or(0);
            self.feed.take(used);
            let offset = self.feed.offset();
            match result {
                Ok(Status::StreamEnd) => self.has_ended = true,
                Ok(Status::MemNeeded) => return Err(DecodeError::Limit(no_memory)),
                Ok(_) => {}
                Err(error) => return Err(DecodeError::Corrupt { offset, detail: detail(error).to_owned() }),
            }
            if produced > 0 {
                return Ok(produced);
            }
            if !self.has_ended && used == 0 {
                let is_cut = self.feed.is_last();
                return Err(if is_cut { DecodeError::Truncated { offset } } else { DecodeError::stands_still(offset) });
            }
        }
        Ok(0)
    }

    fn offset(&self) -> u64 {
        self.feed.offset()
    }

    fn compressed(&self) -> u64 {
        self.feed.taken()
    }
}

fn detail(error: bzip2::Error) -> &'static str {
    match error {
        bzip2::Error::DataMagic => "it begins with no bzip2 header",
        bzip2::Error::Data => "a block or its sum is wrong",
        bzip2::Error::Sequence | bzip2::Error::Param => "the decoder was used wrongly",
    }
}
