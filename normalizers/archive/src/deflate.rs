//! A raw deflate stream (RFC 1951).

use flate2::{Decompress, FlushDecompress, Status};

use crate::decode::{Decode, DecodeError, Feed};
use crate::source::Source;

/// Decodes one stream after the other, in the same memory.
pub(crate) struct Inflate<'a> {
    feed: Feed<'a>,
    state: Decompress,
    has_ended: bool,
}

impl<'a> Inflate<'a> {
    /// A decoder for the stream that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64) -> Self {
        Self { feed: Feed::new(source, start, end), state: Decompress::new(false), has_ended: false }
    }

    /// Goes on with another stream.
    pub(crate) fn restart(&mut self, start: u64, end: u64) {
        self.feed.restart(start, end);
        self.state.reset(false);
        self.has_ended = false;
    }
}

impl Decode for Inflate<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        while !self.has_ended {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = self.feed.chunk().map_err(DecodeError::Read)?;
            let result = self.state.decompress(input, buffer, FlushDecompress::None);
            let used = small(self.state.total_in() - before_in);
            let produced = small(self.state.total_out() - before_out);
            self.feed.take(used);
            let offset = self.feed.offset();
            let status = result.map_err(|error| DecodeError::Corrupt { offset, detail: error.to_string() })?;
            self.has_ended = status == Status::StreamEnd;
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

/// A count within one buffer.
fn small(count: u64) -> usize {
    usize::try_from(count).unwrap_or(0)
}
