//! One of the files that are compared.

use twinbuild_archive::{Archive, Member, ReadAt, ReadError, contents};
use twinbuild_subject::Sha256;

/// Contents up to this size are read into memory to normalize them, or to read `RECORD`, in bytes. The longest `RECORD`s of
/// real wheels have a tenth of it.
const PARSED_BYTES: u64 = 4 << 20;

/// A file, read and at hand.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The archive as it was read.
    pub archive: &'a Archive,
    /// The file's bytes.
    pub bytes: &'a dyn ReadAt,
    /// The digest of the whole file.
    pub sha256: Sha256,
}

/// Why two files could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One of them could not be read again.
    #[error("a file that was read once could not be read again to compare it")]
    Read(#[from] ReadError),
    /// The published file could not be written again from a rebuild's members.
    #[error("a file could not be written again to compare it")]
    Repack(#[from] twinbuild_repack::Failure),
}

impl Side<'_> {
    /// The member at `index`, which comes from this side's own list.
    pub(crate) fn member(&self, index: usize) -> &Member {
        &self.archive.members[index]
    }

    /// The content of a member, where it is a file that is not too large to be normalized or parsed.
    pub(crate) fn content(&self, index: usize) -> Result<Option<Vec<u8>>, CompareError> {
        self.content_up_to(index, PARSED_BYTES)
    }

    /// The content of a member, where it is a file of at most `most` bytes.
    pub(crate) fn content_up_to(&self, index: usize, most: u64) -> Result<Option<Vec<u8>>, CompareError> {
        let member = self.member(index);
        if !member.is_file() || member.size_bytes > most {
            return Ok(None);
        }
        Ok(Some(contents(self.bytes, self.archive, index, most)?))
    }

    /// The bytes of the file from `offset` on, all `length` of them, in pieces.
    pub(crate) fn pieces(&self, offset: u64, length: u64, mut take: impl FnMut(&[u8])) -> Result<(), CompareError> {
        let mut buffer = vec![0; usize::try_from(length.min(64 << 10)).unwrap_or(64 << 10)];
        let mut done = 0;
        while done < length {
            let wanted = usize::try_from((length - done).min(buffer.len() as u64)).unwrap_or(buffer.len());
            let error = |source| CompareError::Read(ReadError::Io { offset: offset + done, source });
            let count = self.bytes.read_at(&mut buffer[..wanted], offset + done).map_err(error)?;
            if count == 0 {
                return Err(error(std::io::ErrorKind::UnexpectedEof.into()));
            }
            take(&buffer[..count]);
            done += count as u64;
        }
        Ok(())
    }

    /// The digest of a range of the file.
    pub(crate) fn range_digest(&self, offset: u64, length: u64) -> Result<Sha256, CompareError> {
        let mut hasher = twinbuild_subject::Sha256Hasher::new();
        self.pieces(offset, length, |piece| hasher.update(piece))?;
        Ok(hasher.finish())
    }
}
