//! The expanded contents of one member, as they are handed to the caller: counted, hashed, and never more than declared.

use std::io::{self, Read};

use flate2::Crc;
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

use crate::error::ReadError;
use crate::source::CHUNK_BYTES;

/// Where expanded bytes come from.
pub(crate) trait Produce {
    /// Puts at least one byte into `buffer`, which is not empty, and returns how many. A producer that has no more, though
    /// more was declared, fails.
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError>;
}

/// Reads as many bytes as were declared, or fails.
pub(crate) struct Contents<'a> {
    producer: &'a mut dyn Produce,
    remaining: u64,
    hasher: Sha256Hasher,
    crc: Crc,
    failure: Option<ReadError>,
}

impl<'a> Contents<'a> {
    pub(crate) fn new(producer: &'a mut dyn Produce, declared: u64) -> Self {
        Self { producer, remaining: declared, hasher: Sha256Hasher::new(), crc: Crc::new(), failure: None }
    }

    /// Lets the caller read, then reads what it left. The buffer is as for [`Contents::drain`].
    pub(crate) fn hand(
        mut self,
        path: &MemberPath,
        buffer: &mut Vec<u8>,
        take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> Result<Sums, ReadError> {
        let taken = take(&mut self);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        taken.map_err(|source| ReadError::Visitor { path: path.clone(), source })?;
        self.drain(buffer)
    }

    /// Reads all that is left, through a buffer that grows to what is needed and can be used again.
    pub(crate) fn drain(mut self, buffer: &mut Vec<u8>) -> Result<Sums, ReadError> {
        let room = usize::try_from(self.remaining).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        while self.remaining > 0 {
            self.step(buffer)?;
        }
        Ok(Sums { sha256: self.hasher.finish(), crc32: self.crc.sum() })
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        // The same steps whatever buffer is at hand: a limit is met at the same byte in every reading.
        let room = buffer.len().min(CHUNK_BYTES);
        let wanted = usize::try_from(self.remaining).map_or(room, |left| left.min(room));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.producer.produce(&mut buffer[..wanted])?;
        let bytes = &buffer[..count];
        self.hasher.update(bytes);
        self.crc.update(bytes);
        self.remaining -= count as u64;
        Ok(count)
    }
}

impl Read for Contents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::new(io::ErrorKind::InvalidData, failure.to_string()));
        }
        self.step(buffer).map_err(|failure| {
            let shown = io::Error::new(io::ErrorKind::InvalidData, failure.to_string());
            self.failure = Some(failure);
            shown
        })
    }
}

/// What the contents of one member sum up to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) sha256: Sha256,
    pub(crate) crc32: u32,
}

/// Contents that the caller reads, hashed on the way.
pub(crate) struct Hashed<'a> {
    contents: &'a mut dyn Read,
    hasher: Sha256Hasher,
}

impl<'a> Hashed<'a> {
    pub(crate) fn new(contents: &'a mut dyn Read) -> Self {
        Self { contents, hasher: Sha256Hasher::new() }
    }

    /// The digest of what was read.
    pub(crate) fn finish(self) -> Sha256 {
        self.hasher.finish()
    }
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.contents.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
