//! LZMA streams as zip files have them (APPNOTE 5.8): a version, the properties, and a stream without a header.

use std::io::ErrorKind;

use lzma_rust2::{Action, LzmaStream, Status, lzma_get_memory_usage_by_props};

use crate::decode::{Decode, DecodeError, Feed};
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::Source;

/// Two bytes of version, two of the length of what follows, one of properties, four of the dictionary's size.
const HEADER_BYTES: u64 = 9;
const PROPERTIES_BYTES: u16 = 5;

/// Decodes one stream.
pub(crate) struct Unlzma<'a> {
    source: Source<'a>,
    start: u64,
    end: u64,
    /// Of the contents; `None` where a mark ends the stream.
    size: Option<u64>,
    memory_kib: u32,
    /// Once its header was read.
    stream: Option<Box<LzmaStream>>,
    feed: Feed<'a>,
    has_ended: bool,
}

impl<'a> Unlzma<'a> {
    /// A decoder for what begins at `start` and may reach to `end`, at most the source's size. It ends after `size` bytes,
    /// or with its end mark.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, size: Option<u64>, limits: &Limits) -> Self {
        let (feed, memory_kib) = (Feed::new(source, start, start), limits.decoder_memory_kib);
        Self { source, start, end, size, memory_kib, stream: None, feed, has_ended: false }
    }

    fn begin(&mut self) -> Result<Box<LzmaStream>, DecodeError> {
        let start = self.start;
        let header = if self.end.saturating_sub(start) < HEADER_BYTES {
            None
        } else {
            self.source.array::<9>(start).map_err(DecodeError::Read)?
        };
        let Some([_, _, l0, l1, properties, d0, d1, d2, d3]) = header else {
            return Err(DecodeError::Truncated { offset: start });
        };
        let length = u16::from_le_bytes([l0, l1]);
        if length != PROPERTIES_BYTES {
            let detail = format!("the properties have {length} bytes and not {PROPERTIES_BYTES}");
            return Err(DecodeError::Corrupt { offset: start + 2, detail });
        }
        let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
        let too_much = |found: u64| {
            let allowed = self.memory_kib.into();
            DecodeError::Limit(LimitError { kind: LimitKind::DecoderMemory, allowed, found, path: None })
        };
        let wrong = |error: &std::io::Error| DecodeError::Corrupt { offset: start + 4, detail: error.to_string() };
        if u64::from(dictionary) > u64::from(self.memory_kib) * 1024 {
            return Err(too_much(u64::from(dictionary) / 1024));
        }
        let needed = lzma_get_memory_usage_by_props(dictionary, properties).map_err(|error| wrong(&error))?;
        if needed > self.memory_kib {
            return Err(too_much(needed.into()));
        }
        let size = self.size.unwrap_or(u64::MAX);
        let stream = LzmaStream::new_with_props(size, properties, dictionary, None).map_err(|error| wrong(&error))?;
        self.feed.restart(start + HEADER_BYTES, self.end);
        Ok(Box::new(stream))
    }
}

impl Decode for Unlzma<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.begin()?,
        };
        while !self.has_ended {
            let input = self.feed.chunk().map_err(DecodeError::Read)?;
            // Run and not Finish: the decoder takes the byte that its last step is owed, so that the end is exact.
            let result = stream.process(input, buffer, Action::Run);
            let offset = self.feed.offset();
            let result = result.map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => DecodeError::Truncated { offset },
                _ => DecodeError::Corrupt { offset, detail: error.to_string() },
            })?;
            self.feed.take(result.bytes_consumed);
            self.has_ended = result.status == Status::StreamEnd;
            if result.bytes_produced > 0 {
                self.stream = Some(stream);
                return Ok(result.bytes_produced);
            }
            if !self.has_ended && result.bytes_consumed == 0 {
                let offset = self.feed.offset();
                let is_cut = self.feed.is_last();
                return Err(if is_cut { DecodeError::Truncated { offset } } else { DecodeError::stands_still(offset) });
            }
        }
        self.stream = Some(stream);
        Ok(0)
    }

    fn offset(&self) -> u64 {
        let unused = self.stream.as_ref().map_or(0, |stream| stream.unused_input().len() as u64);
        self.feed.offset().saturating_sub(unused).max(self.start)
    }

    fn compressed(&self) -> u64 {
        self.feed.taken()
    }
}
