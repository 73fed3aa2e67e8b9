//! Decoders of compressed streams: each decodes one stream within a range of the archive file and knows where it ended.

use std::ops::Range;

use crate::error::ReadError;
use crate::limits::LimitError;
use crate::source::{CHUNK_BYTES, Source};

/// Decodes one stream from first to last byte.
pub(crate) trait Decode {
    /// Decodes at least one byte into `buffer`, which is not empty; 0 once the stream has ended.
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError>;

    /// Of the first byte that does not belong to the stream, once it has ended; before that, of the first one that was
    /// not decoded.
    fn offset(&self) -> u64;

    /// Compressed bytes decoded so far.
    fn compressed(&self) -> u64;
}

/// Why a stream could not be decoded.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// Its bytes are no such stream.
    Corrupt { offset: u64, detail: String },
    /// The range ended before the stream did.
    Truncated { offset: u64 },
    /// It needs what this version does not have.
    Unsupported { offset: u64, detail: String },
    /// It needs more memory than it may have.
    Limit(LimitError),
    /// The file could not be read.
    Read(ReadError),
}

impl DecodeError {
    pub(crate) fn stands_still(offset: u64) -> Self {
        Self::Corrupt { offset, detail: "the decoder stands still".to_owned() }
    }

    /// As an error of the format that the stream is in: `fault` makes one from an offset and what is wrong there,
    /// `unsupported` one of what is lawful and not read.
    pub(crate) fn into_read_error<F: Into<ReadError>, U: Into<ReadError>>(
        self,
        fault: impl FnOnce(u64, String) -> F,
        unsupported: impl FnOnce(u64, String) -> U,
    ) -> ReadError {
        match self {
            Self::Corrupt { offset, detail } => fault(offset, detail).into(),
            Self::Truncated { offset } => {
                fault(offset, "the compressed bytes end before the stream does".to_owned()).into()
            }
            Self::Unsupported { offset, detail } => unsupported(offset, detail).into(),
            Self::Limit(error) => error.into(),
            Self::Read(error) => error,
        }
    }
}

/// The compressed bytes of one range, a buffer at a time.
pub(crate) struct Feed<'a> {
    source: Source<'a>,
    buffer: Vec<u8>,
    /// Of `buffer`: what is loaded and not yet decoded.
    loaded: Range<usize>,
    start: u64,
    /// Of the next byte that is not loaded.
    position: u64,
    end: u64,
}

impl<'a> Feed<'a> {
    /// The bytes from `start` to `end`, at most the source's size. Memory is taken when they are read.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64) -> Self {
        Self { source, buffer: Vec::new(), loaded: 0..0, start, position: start, end }
    }

    /// Goes on with another range, in the same memory.
    pub(crate) fn restart(&mut self, start: u64, end: u64) {
        (self.loaded, self.start, self.position, self.end) = (0..0, start, start, end);
    }

    /// The next bytes that were not taken, at least one; none at the end of the range.
    pub(crate) fn chunk(&mut self) -> Result<&[u8], ReadError> {
        if self.loaded.is_empty() {
            let left = self.end.saturating_sub(self.position);
            let length = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            if self.buffer.len() < length {
                self.buffer.resize(length, 0);
            }
            self.source.fill(&mut self.buffer[..length], self.position)?;
            self.position += length as u64;
            self.loaded = 0..length;
        }
        Ok(&self.buffer[self.loaded.clone()])
    }

    /// Takes so many bytes of the last chunk.
    pub(crate) fn take(&mut self, count: usize) {
        self.loaded.start = self.loaded.end.min(self.loaded.start + count);
    }

    /// Whether no byte follows the last chunk.
    pub(crate) fn is_last(&self) -> bool {
        self.position == self.end
    }

    /// Of the first byte that was not taken.
    pub(crate) fn offset(&self) -> u64 {
        self.position - self.loaded.len() as u64
    }

    /// How many bytes were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.offset() - self.start
    }
}
