//! The expanded contents of one member, as they are handed to the caller: counted, hashed, and never more than declared.

use std::io::{self, Read};

use flate2::Crc;
use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::Visitor;
use crate::archive::Member;
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

    /// Lets the caller read, then reads what it left.
    pub(crate) fn hand(mut self, member: &Member, visitor: &mut Visitor<'_>) -> Result<Sums, ReadError> {
        let taken = visitor(member, &mut self);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        taken.map_err(|source| ReadError::Visitor { path: member.path.clone(), source })?;
        self.drain()
    }

    /// Reads all that is left.
    pub(crate) fn drain(mut self) -> Result<Sums, ReadError> {
        let mut buffer = vec![0; usize::try_from(self.remaining).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))];
        while self.remaining > 0 {
            self.step(&mut buffer)?;
        }
        Ok(Sums { sha256: self.hasher.finish(), crc32: self.crc.sum() })
    }

    /// Reads all that is left into memory; the caller has checked that it is little enough.
    pub(crate) fn collect(mut self) -> Result<(Vec<u8>, Sums), ReadError> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; usize::try_from(self.remaining).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))];
        while self.remaining > 0 {
            let count = self.step(&mut buffer)?;
            bytes.extend_from_slice(&buffer[..count]);
        }
        Ok((bytes, Sums { sha256: self.hasher.finish(), crc32: self.crc.sum() }))
    }

    fn step(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = usize::try_from(self.remaining).map_or(buffer.len(), |left| left.min(buffer.len()));
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
