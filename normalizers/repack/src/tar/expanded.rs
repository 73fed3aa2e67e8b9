//! The expanded bytes of a tar that was read, at any offset.

use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use twinbuild_archive::{Archive, Container, ReadAt};

use crate::members::Section;

/// Tars in gzip up to this size are kept once they are expanded, in bytes; larger ones are expanded again where they are
/// not read from front to back.
const KEPT_BYTES: u64 = if cfg!(test) { 64 << 10 } else { 32 << 20 };
/// How often a tar that is not kept may be expanded again: for another order of its folders, not for a reversed one.
const MOST_RESTARTS: usize = 64;

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
}

impl<'a> Expanded<'a> {
    /// The tar of an archive that was read from `bytes`; `None` for other formats.
    pub(crate) fn new(archive: &Archive, bytes: &'a dyn ReadAt) -> Option<Self> {
        match &archive.container {
            Container::Tar(tar) => Some(Self { bytes, size: tar.size_bytes, deflated: None }),
            Container::TarGz { gzip, tar } => {
                let section = Section { bytes, position: gzip.deflate_offset, end: gzip.trailer_offset };
                let progress = Progress { kept: Vec::new(), decoder: DeflateDecoder::new(section), position: 0 };
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

    /// Whether ranges that begin at these offsets can be read in this order without expanding the tar too often.
    pub(crate) fn takes(&self, starts: impl Iterator<Item = u64>) -> bool {
        let mut last = 0;
        let turns = starts.filter(|start| std::mem::replace(&mut last, *start) > *start).count();
        self.deflated.is_none() || self.size <= KEPT_BYTES || turns <= MOST_RESTARTS
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};
    use twinbuild_archive::{Format, Limits, read};

    use crate::error::Unfit;
    use crate::exact::{Exactness, is_exact};

    /// Files of this size in this order, in a tar in gzip that is larger than what is kept.
    fn tar_of(order: impl Iterator<Item = u8>, size: usize) -> Vec<u8> {
        let mut tar = Vec::new();
        for name in order {
            let mut block = vec![0; 512];
            let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
            put(0, &format!("demo/{name:03}"));
            put(100, "0000644\x000000000\x000000000\0");
            put(124, &format!("{size:011o}\x0000000000000\0        0"));
            put(257, "ustar\x0000");
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            let contents = (0..size).map(|at| at.to_le_bytes()[1] ^ name);
            tar.extend(block.into_iter().chain(contents));
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + 1024, 0);
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(6));
        gzip.write_all(&tar).unwrap();
        gzip.finish().unwrap()
    }

    fn exactness(published: &Vec<u8>, rebuilt: &Vec<u8>) -> Exactness {
        let [ours, theirs] = [published, rebuilt].map(|bytes| read(bytes, Format::TarGz, &Limits::default()).unwrap());
        is_exact(&ours, published, &theirs, rebuilt).unwrap()
    }

    #[test]
    fn large_tars_are_expanded_again_for_another_order_and_not_for_any() {
        let few = tar_of(0..3, 100_000);
        assert!(matches!(exactness(&few, &tar_of((0..3).rev(), 100_000)), Exactness::Exact(_)));
        let many = tar_of(0..100, 2_000);
        let outcome = exactness(&many, &tar_of((0..100).rev(), 2_000));
        assert!(matches!(outcome, Exactness::Unfit(Unfit::Reordered)), "{outcome:?}");
    }
}
