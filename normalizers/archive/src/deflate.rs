//! A raw deflate stream (RFC 1951) within a range of the archive file.

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::ReadError;
use crate::source::{CHUNK_BYTES, Source};

/// Decodes one stream and knows at which byte of the file it ended.
pub(crate) struct Inflate<'a> {
    source: Source<'a>,
    state: Decompress,
    input: Vec<u8>,
    /// Of `input`: what is loaded and not yet decoded.
    loaded: std::ops::Range<usize>,
    /// Of the next byte that `input` has not loaded.
    position: u64,
    end: u64,
    start: u64,
    has_ended: bool,
}

/// Why a stream could not be decoded.
pub(crate) enum InflateError {
    /// Its bytes are no deflate stream.
    Corrupt { offset: u64, detail: String },
    /// The range ended before the stream did.
    Truncated { offset: u64 },
    /// The file could not be read.
    Read(ReadError),
}

impl<'a> Inflate<'a> {
    /// A decoder for the stream that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64) -> Self {
        let state = Decompress::new(false);
        let room = usize::try_from(end.saturating_sub(start)).map_or(CHUNK_BYTES, |length| length.min(CHUNK_BYTES));
        Self { source, state, input: vec![0; room], loaded: 0..0, position: start, end, start, has_ended: false }
    }

    /// Decodes at least one byte into `buffer`, which is not empty; 0 once the stream has ended.
    pub(crate) fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, InflateError> {
        while !self.has_ended {
            if self.loaded.is_empty() {
                self.load().map_err(InflateError::Read)?;
            }
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = self.input.get(self.loaded.clone()).unwrap_or_default();
            let is_last = self.position == self.end;
            let status = self
                .state
                .decompress(input, buffer, FlushDecompress::None)
                .map_err(|error| InflateError::Corrupt { offset: self.offset(), detail: error.to_string() })?;
            let used = small(self.state.total_in() - before_in);
            let produced = small(self.state.total_out() - before_out);
            self.loaded.start += used;
            self.has_ended = status == Status::StreamEnd;
            if produced > 0 {
                return Ok(produced);
            }
            if !self.has_ended && used == 0 {
                let offset = self.offset();
                return Err(if is_last {
                    InflateError::Truncated { offset }
                } else {
                    InflateError::Corrupt { offset, detail: "the decoder stands still".to_owned() }
                });
            }
        }
        Ok(0)
    }

    /// Of the first byte that was not decoded.
    pub(crate) fn offset(&self) -> u64 {
        self.start + self.state.total_in()
    }

    /// Compressed bytes decoded so far.
    pub(crate) fn compressed(&self) -> u64 {
        self.state.total_in()
    }

    fn load(&mut self) -> Result<(), ReadError> {
        let left = self.end.saturating_sub(self.position);
        let length = usize::try_from(left).map_or(self.input.len(), |left| left.min(self.input.len()));
        self.source.fill(&mut self.input[..length], self.position)?;
        self.position += length as u64;
        self.loaded = 0..length;
        Ok(())
    }
}

/// A count within one buffer.
fn small(count: u64) -> usize {
    usize::try_from(count).unwrap_or(0)
}
