//! One xz stream (the .xz file format 1.2.1), and nothing after it.

use std::io::ErrorKind;

use lzma_rust2::{Action, CheckType, Status, XzStream};

use crate::archive::{Anomaly, Tile, TileKind};
use crate::decode::{Decode, DecodeError, Feed};
use crate::error::{ReadError, Unsupported};
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::{CHUNK_BYTES, Source, length};
use crate::stream::Stream;

pub(crate) const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// What makes an xz file malformed or ambiguous. Offsets count from the start of the archive file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XzFault {
    /// The bytes are no xz stream, a sum in it is wrong, or the file ends before it does.
    #[error("the xz stream fails at offset {offset}: {detail}")]
    Corrupt {
        /// Of the first byte that was not decoded, to within one buffer.
        offset: u64,
        /// What the decoder said.
        detail: String,
    },
    /// Another stream follows (section 2): some readers append its contents, others stop.
    #[error("a second xz stream follows at offset {offset}")]
    SeveralStreams {
        /// Of the second stream.
        offset: u64,
    },
    /// Bytes that are neither zero nor a stream follow.
    #[error("{length} bytes that are not zero follow the xz stream at offset {offset}")]
    TrailingBytes {
        /// Where the stream ended.
        offset: u64,
        /// How many bytes follow.
        length: u64,
    },
}

impl XzFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "xz-corrupt",
            Self::SeveralStreams { .. } => "xz-several-streams",
            Self::TrailingBytes { .. } => "xz-trailing-bytes",
        }
    }
}

/// An xz stream as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XzFields {
    /// Of the stream, in bytes from the start of the archive file.
    pub offset: u64,
    /// Of the stream, in bytes.
    pub length: u64,
    /// The integrity check's name: `none`, `crc32`, `crc64` or `sha256`.
    pub check: &'static str,
    /// Size of the contents in bytes.
    pub size_bytes: u64,
}

/// Decodes one stream.
pub(crate) struct XzDecoder<'a> {
    feed: Feed<'a>,
    state: XzStream,
    has_ended: bool,
}

impl<'a> XzDecoder<'a> {
    /// A decoder for the stream that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let state = XzStream::new_mem_limit(false, limits.decoder_memory_kib);
        Self { feed: Feed::new(source, start, end), state, has_ended: false }
    }

    fn failure(&self, error: &std::io::Error) -> DecodeError {
        let (offset, detail) = (self.feed.offset(), error.to_string());
        match error.kind() {
            ErrorKind::OutOfMemory => DecodeError::Limit(LimitError {
                kind: LimitKind::DecoderMemory,
                allowed: self.state.mem_limit().into(),
                found: self.state.memory_usage().unwrap_or(u32::MAX).into(),
                path: None,
            }),
            ErrorKind::Unsupported | ErrorKind::InvalidInput => DecodeError::Unsupported { offset, detail },
            _ => DecodeError::Corrupt { offset, detail },
        }
    }
}

impl Decode for XzDecoder<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        while !self.has_ended {
            self.feed.chunk().map_err(DecodeError::Read)?;
            let is_last = self.feed.is_last();
            let action = if is_last { Action::Finish } else { Action::Run };
            let input = self.feed.chunk().map_err(DecodeError::Read)?;
            let result = match self.state.process(input, buffer, action) {
                Ok(result) => result,
                Err(error) => return Err(self.failure(&error)),
            };
            self.feed.take(result.bytes_consumed);
            self.has_ended = result.status == Status::StreamEnd;
            if result.bytes_produced > 0 {
                return Ok(result.bytes_produced);
            }
            if !self.has_ended && result.bytes_consumed == 0 {
                let offset = self.feed.offset();
                return Err(if is_last {
                    DecodeError::Truncated { offset }
                } else {
                    DecodeError::stands_still(offset)
                });
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

/// Expands the stream that begins at one offset and should end at another.
pub(crate) struct Unxz<'a> {
    source: Source<'a>,
    decoder: XzDecoder<'a>,
    start: u64,
    end: u64,
}

impl<'a> Unxz<'a> {
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        Self { source, decoder: XzDecoder::new(source, start, end, limits), start, end }
    }

    /// Checks, after all was expanded, that nothing but padding follows.
    pub(crate) fn finish(self, tiles: &mut Vec<Tile>, anomalies: &mut Vec<Anomaly>) -> Result<XzFields, ReadError> {
        let stream_end = self.decoder.offset();
        let rest = self.end - stream_end;
        let mut position = stream_end;
        let mut is_padding = true;
        while position < self.end {
            let left = usize::try_from(self.end - position).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let bytes = self.source.bytes(position, left)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            if zeros < bytes.len() && is_padding {
                let offset = position + zeros as u64;
                is_padding = false;
                if self.end - offset >= length(&MAGIC) && self.source.bytes(offset, MAGIC.len())? == MAGIC {
                    return Err(XzFault::SeveralStreams { offset }.into());
                }
            }
            position += length(&bytes);
        }
        if !is_padding {
            return Err(XzFault::TrailingBytes { offset: stream_end, length: rest }.into());
        }
        let check = match self.decoder.state.check_type() {
            Some(CheckType::Crc32) => "crc32",
            Some(CheckType::Crc64) => "crc64",
            Some(CheckType::Sha256) => "sha256",
            Some(CheckType::None) | None => "none",
        };
        let mut note = |code, offset, length, detail| {
            anomalies.push(Anomaly { code, offset, length, path: None, detail });
        };
        if check == "none" {
            note("xz-no-check", self.start, 12, "the xz stream has no integrity check".to_owned());
        }
        tiles.push(Tile { offset: self.start, length: stream_end - self.start, kind: TileKind::Xz });
        if rest > 0 {
            note("xz-trailing-zeros", stream_end, rest, format!("{rest} zero bytes follow the xz stream"));
            tiles.push(Tile { offset: stream_end, length: rest, kind: TileKind::Trailer });
        }
        let size_bytes = self.decoder.state.total_out();
        Ok(XzFields { offset: self.start, length: stream_end - self.start, check, size_bytes })
    }
}

impl Stream for Unxz<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.decoder.produce(buffer).map_err(|error| {
            error.into_read_error(
                |offset, detail| XzFault::Corrupt { offset, detail },
                |offset, detail| Unsupported::Xz { offset, detail },
            )
        })
    }

    fn compressed(&self) -> u64 {
        self.decoder.compressed()
    }
}
