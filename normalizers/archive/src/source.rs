//! Where the bytes of an archive come from: random access to something of a known size.

use std::fs::File;
use std::io;

use crate::error::ReadError;

/// Random access to the bytes of one archive, which must not change while it is read. Several threads read at once.
pub trait ReadAt: Sync {
    /// Reads at most `buffer.len()` bytes that begin at `offset` (in bytes from the start); 0 only at the end.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The size in bytes.
    fn size(&self) -> u64;
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.get(start..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn size(&self) -> u64 {
        length(self)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        length(self)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        (**self).size()
    }
}

/// An already opened file; its size is taken once.
#[derive(Debug)]
pub struct ArchiveFile {
    file: File,
    size_bytes: u64,
}

impl ArchiveFile {
    /// Wraps an opened file.
    ///
    /// # Errors
    /// When the size of the file cannot be asked for.
    pub fn new(file: File) -> io::Result<Self> {
        let size_bytes = file.metadata()?.len();
        Ok(Self { file, size_bytes })
    }
}

impl ReadAt for ArchiveFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    fn size(&self) -> u64 {
        self.size_bytes
    }
}

/// Exact reads over a [`ReadAt`]. Callers stay within `size`; a source that has fewer bytes than it says fails the read.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    inner: &'a dyn ReadAt,
    pub(crate) size: u64,
}

impl<'a> Source<'a> {
    pub(crate) fn new(inner: &'a dyn ReadAt) -> Self {
        Self { inner, size: inner.size() }
    }

    /// Fills all of `buffer` from `offset` on.
    pub(crate) fn fill(&self, mut buffer: &mut [u8], mut offset: u64) -> Result<(), ReadError> {
        while !buffer.is_empty() {
            match self.inner.read_at(buffer, offset) {
                Ok(0) => return Err(ReadError::Io { offset, source: io::ErrorKind::UnexpectedEof.into() }),
                Ok(count) => {
                    offset = offset.saturating_add(count as u64);
                    buffer = buffer.get_mut(count..).unwrap_or_default();
                }
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { offset, source }),
            }
        }
        Ok(())
    }

    /// The bytes from `offset` to `offset + length`.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// The bytes at `offset`, where that many are left.
    pub(crate) fn array<const N: usize>(&self, offset: u64) -> Result<Option<[u8; N]>, ReadError> {
        if offset.checked_add(N as u64).is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        let mut bytes = [0; N];
        self.fill(&mut bytes, offset)?;
        Ok(Some(bytes))
    }

    /// The offset of the first of `signatures` that lies wholly between `start` and `end`.
    pub(crate) fn find(&self, start: u64, end: u64, signatures: &[[u8; 4]]) -> Result<Option<u64>, ReadError> {
        let mut position = start;
        let room = usize::try_from(end.saturating_sub(start)).map_or(CHUNK_BYTES, |range| range.min(CHUNK_BYTES));
        let mut buffer = vec![0; room];
        while end.saturating_sub(position) >= 4 {
            let wanted = usize::try_from(end - position).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
            let chunk = &mut buffer[..wanted];
            self.fill(chunk, position)?;
            let found = chunk.windows(4).position(|window| signatures.iter().any(|signature| window == signature));
            if let Some(found) = found {
                return Ok(Some(position + found as u64));
            }
            position += chunk.len() as u64 - 3;
        }
        Ok(None)
    }
}

/// How much is read, and decoded, at a time.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// The length of bytes in memory, as offsets count.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_across_two_chunks_is_found() {
        let mut bytes = vec![b'x'; 2 * CHUNK_BYTES];
        bytes[CHUNK_BYTES - 2..CHUNK_BYTES + 2].copy_from_slice(b"PK\x03\x04");
        let source = Source::new(&bytes);
        let found = source.find(0, source.size, &[*b"PK\x03\x04"]).unwrap();
        assert_eq!(found, Some(CHUNK_BYTES as u64 - 2));
        assert_eq!(source.find(0, CHUNK_BYTES as u64 + 1, &[*b"PK\x03\x04"]).unwrap(), None);
    }

    #[test]
    fn an_opened_file_is_a_source() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"twinbuild").unwrap();
        let file = ArchiveFile::new(file).unwrap();
        let source = Source::new(&file);
        assert_eq!(source.size, 9);
        assert_eq!(source.bytes(4, 5).unwrap(), b"build");
        assert!(source.bytes(5, 5).is_err());
    }
}
