//! The expanded bytes of a tar that was read, at any offset.

use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use twinbuild_archive::{Archive, Container, ReadAt};

use crate::members::Section;

/// Tars in gzip up to this size are kept once they are expanded, in bytes; larger ones are expanded again where they are
/// not read from front to back.
const KEPT_BYTES: u64 = 32 << 20;
/// How often a tar that is not kept may be expanded again: for another order of its members, not for a reversed one.
const MOST_RESTARTS: u32 = 64;

/// A tar, plain or in gzip.
pub(crate) struct Expanded<'a> {
    bytes: &'a dyn ReadAt,
    size: u64,
    /// Where the deflate stream lies, and how far it was expanded.
    deflated: Option<(Section<'a>, Mutex<Progress<'a>>)>,
}

/// How far a deflate stream was expanded.
struct Progress<'a> {
    kept: Vec<u8>,
    decoder: DeflateDecoder<Section<'a>>,
    position: u64,
    restarts_left: u32,
}

impl<'a> Expanded<'a> {
    /// The tar of an archive that was read from `bytes`; `None` for other formats.
    pub(crate) fn new(archive: &Archive, bytes: &'a dyn ReadAt) -> Option<Self> {
        match &archive.container {
            Container::Tar(tar) => Some(Self { bytes, size: tar.size_bytes, deflated: None }),
            Container::TarGz { gzip, tar } => {
                let section = Section { bytes, position: gzip.deflate_offset, end: gzip.trailer_offset };
                let progress = Progress {
                    kept: Vec::new(),
                    decoder: DeflateDecoder::new(section),
                    position: 0,
                    restarts_left: MOST_RESTARTS,
                };
                Some(Self { bytes, size: tar.size_bytes, deflated: Some((section, Mutex::new(progress))) })
            }
            Container::Zip(_)
            | Container::TarXz { .. }
            | Container::TarBz2 { .. }
            | Container::TarZst { .. }
            | Container::Gzip(_)
            | Container::Xz(_)
            | Container::Bzip2(_)
            | Container::Zstd(_)
            | Container::Ar(_)
            | Container::Deb(_) => None,
        }
    }

    /// A range of the tar.
    pub(crate) fn section(&self, start: u64, length: u64) -> Section<'_> {
        Section { bytes: self, position: start, end: start.saturating_add(length) }
    }
}

impl ReadAt for Expanded<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let Some((section, progress)) = &self.deflated else { return self.bytes.read_at(buffer, offset) };
        // A reader that panicked left whole steps behind.
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.read(buffer, offset, self.size, *section)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl<'a> Progress<'a> {
    fn read(&mut self, buffer: &mut [u8], offset: u64, size: u64, section: Section<'a>) -> io::Result<usize> {
        if size <= KEPT_BYTES {
            if self.kept.is_empty() {
                (&mut self.decoder).take(size).read_to_end(&mut self.kept)?;
            }
            return self.kept.as_slice().read_at(buffer, offset);
        }
        if offset < self.position {
            let left = self.restarts_left.checked_sub(1);
            self.restarts_left = left.ok_or_else(|| io::Error::other("the tar would be expanded too often"))?;
            (self.decoder, self.position) = (DeflateDecoder::new(section), 0);
        }
        let skipped = io::copy(&mut (&mut self.decoder).take(offset - self.position), &mut io::sink())?;
        self.position += skipped;
        if self.position < offset {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = self.decoder.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}
