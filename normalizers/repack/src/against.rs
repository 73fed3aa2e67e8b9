//! A sink that keeps nothing: it holds what is written against bytes that are known.

use std::io::{self, Write};

use twinbuild_archive::ReadAt;

const CHUNK_BYTES: usize = 64 * 1024;

/// Takes bytes as long as they are those of a range of a file.
pub(crate) struct Against<'a> {
    bytes: &'a dyn ReadAt,
    position: u64,
    end: u64,
    difference: Option<u64>,
    failure: Option<io::Error>,
    buffer: Vec<u8>,
}

impl<'a> Against<'a> {
    /// For the range from `start` to `end`.
    pub(crate) fn new(bytes: &'a dyn ReadAt, start: u64, end: u64) -> Self {
        let length = usize::try_from(end.saturating_sub(start)).map_or(CHUNK_BYTES, |length| length.min(CHUNK_BYTES));
        Self { bytes, position: start, end, difference: None, failure: None, buffer: vec![0; length] }
    }

    /// The offset in the file of the first byte that differs, the end if too few bytes were written; `None` if all are
    /// the same.
    ///
    /// # Errors
    /// When the file could not be read.
    pub(crate) fn finish(self) -> io::Result<Option<u64>> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.difference.or_else(|| (self.position != self.end).then_some(self.position))),
        }
    }

    /// Whether something differed or failed, so that no more is taken.
    pub(crate) fn has_stopped(&self) -> bool {
        self.difference.is_some() || self.failure.is_some()
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left).min(self.buffer.len());
        if wanted == 0 {
            self.difference = Some(self.position);
            return Ok(0);
        }
        let count = self.bytes.read_at(&mut self.buffer[..wanted], self.position)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let theirs = &self.buffer[..count];
        let same = if bytes.starts_with(theirs) {
            count
        } else {
            bytes.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count()
        };
        self.position += same as u64;
        if same < count {
            self.difference = Some(self.position);
        }
        Ok(same)
    }
}

impl Write for Against<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.has_stopped() {
            match self.take(bytes) {
                Ok(count) if count > 0 => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.failure = Some(error),
                Ok(_) => {}
            }
        }
        Err(io::Error::other("the bytes differ"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"0123456789";

    fn difference(written: &[u8], start: u64, end: u64) -> Option<u64> {
        let mut against = Against::new(&BYTES, start, end);
        let result = against.write_all(written);
        assert_eq!(result.is_err(), against.has_stopped());
        against.finish().unwrap()
    }

    #[test]
    fn the_first_difference_is_told() {
        assert_eq!(difference(b"2345", 2, 6), None);
        assert_eq!(difference(b"23x5", 2, 6), Some(4));
        assert_eq!(difference(b"23", 2, 6), Some(4));
        assert_eq!(difference(b"23456", 2, 6), Some(6));
        assert_eq!(difference(b"", 2, 2), None);
        assert_eq!(difference(b"x", 2, 2), Some(2));
    }
}
