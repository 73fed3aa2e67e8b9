//! A sequence of expanded bytes: what a tar is read from.

use crate::error::ReadError;
use crate::source::Source;

/// Gives expanded bytes from first to last.
pub(crate) trait Stream {
    /// Puts at least one byte into `buffer`, which is not empty, and returns how many; 0 only at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// Compressed bytes read so far.
    fn compressed(&self) -> u64;
}

/// A range of the archive file as it is.
pub(crate) struct Plain<'a> {
    source: Source<'a>,
    start: u64,
    position: u64,
    end: u64,
}

impl<'a> Plain<'a> {
    /// The bytes from `start` to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64) -> Self {
        Self { source, start, position: start, end }
    }
}

impl Stream for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.end.saturating_sub(self.position);
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.source.fill(&mut buffer[..wanted], self.position)?;
        self.position += wanted as u64;
        Ok(wanted)
    }

    fn compressed(&self) -> u64 {
        self.position - self.start
    }
}
