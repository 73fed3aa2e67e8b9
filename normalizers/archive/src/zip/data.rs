//! The contents of a zip member: stored or compressed, held against size and CRC-32.

use crate::archive::Member;
use crate::contents::Produce;
use crate::decode::{Decode, DecodeError};
use crate::deflate::Inflate;
use crate::error::ReadError;
use crate::limits::Limits;
use crate::source::Source;
use crate::zip::local::LOCAL_SIGNATURE;
use crate::zip::{FLAG_DESCRIPTOR, METHOD_STORED, ZipFault, ZipFields};

/// What one thread needs to expand one member after the other, in the same memory.
pub(super) struct Scratch<'a> {
    pub(super) buffer: Vec<u8>,
    pub(super) decoders: Decoders<'a>,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { buffer: Vec::new(), decoders: Decoders { source, inflate: None } }
    }
}

/// The decoders that can be used again.
pub(super) struct Decoders<'a> {
    source: Source<'a>,
    inflate: Option<Inflate<'a>>,
}

impl<'a> Decoders<'a> {
    /// A decoder for the range; `None` for what is stored.
    fn start(&mut self, method: u16, start: u64, end: u64) -> Option<&mut dyn Decode> {
        if method == METHOD_STORED {
            return None;
        }
        let source = self.source;
        let inflate = self.inflate.get_or_insert_with(|| Inflate::new(source, start, end));
        inflate.restart(start, end);
        Some(inflate)
    }
}

/// What one member may take of the limits.
#[derive(Clone, Copy)]
pub(super) struct Allowance<'a> {
    pub(super) limits: &'a Limits,
    /// Expanded bytes of the members in front of it. They are counted as declared, whichever thread reads them, so that
    /// the limit is met at the same byte in every reading.
    pub(super) before: u64,
}

/// Expands one member.
pub(super) struct Data<'a> {
    source: Source<'a>,
    member: &'a Member,
    fields: &'a ZipFields,
    allowance: Allowance<'a>,
    /// Expanded bytes so far.
    done: u64,
    decoder: Option<&'a mut (dyn Decode + 'a)>,
}

impl<'a> Data<'a> {
    pub(super) fn new(
        member: &'a Member,
        fields: &'a ZipFields,
        allowance: Allowance<'a>,
        decoders: &'a mut Decoders<'_>,
    ) -> Result<Self, ReadError> {
        let source = decoders.source;
        let (start, length) = (fields.data_offset, fields.compressed_size_bytes);
        let end = start.checked_add(length).filter(|end| *end <= source.size);
        let Some(end) = end else {
            let (path, end) = (member.path.clone(), source.size);
            return Err(ZipFault::DataRange { path, offset: start, length, end }.into());
        };
        let decoder = decoders.start(fields.central.method, start, end);
        Ok(Self { source, member, fields, allowance, done: 0, decoder })
    }

    /// Checks, after all declared bytes were expanded, that the stream ends there and that the sum is right. Returns how
    /// many compressed bytes follow the end of the stream.
    pub(super) fn finish(mut self, crc32: u32) -> Result<u64, ReadError> {
        let (declared, found) = (self.fields.central.crc32, crc32);
        let (path, offset) = (&self.member.path, self.fields.data_offset);
        let mut probe = [0; 1];
        let tail = match &mut self.decoder {
            None => 0,
            Some(decoder) => {
                if decoder.produce(&mut probe).map_err(|error| failure(error, self.member))? > 0 {
                    let declared = self.member.size_bytes;
                    let found = format!("at least {}", self.done + 1);
                    return Err(ZipFault::Size { path: path.clone(), offset, declared, found }.into());
                }
                offset + self.fields.compressed_size_bytes - decoder.offset()
            }
        };
        if declared != found {
            return Err(ZipFault::Crc { path: path.clone(), offset, declared, found }.into());
        }
        if tail > 0 {
            self.check_tail(tail)?;
        }
        Ok(tail)
    }

    /// Readers that stream find the end of a member with a descriptor by the stream alone, and look for the next header
    /// right there; Java's does so always. They see what the tail holds.
    fn check_tail(&self, length: u64) -> Result<(), ReadError> {
        let end = self.fields.data_offset + self.fields.compressed_size_bytes;
        let offset = end - length;
        let detail = if self.fields.central.flags & FLAG_DESCRIPTOR != 0 {
            "readers that stream expect the data descriptor there"
        } else if self.source.find(offset, end, &[LOCAL_SIGNATURE])?.is_some() {
            "they hold a local header"
        } else {
            return Ok(());
        };
        Err(ZipFault::DeflateTail { path: self.member.path.clone(), offset, length, detail }.into())
    }
}

impl Produce for Data<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let (count, compressed) = match &mut self.decoder {
            None => {
                self.source.fill(buffer, self.fields.data_offset + self.done)?;
                (buffer.len(), self.done + buffer.len() as u64)
            }
            Some(decoder) => {
                let count = decoder.produce(buffer).map_err(|error| failure(error, self.member))?;
                (count, decoder.compressed())
            }
        };
        if count == 0 {
            let (path, declared) = (self.member.path.clone(), self.member.size_bytes);
            let (offset, found) = (self.fields.data_offset, self.done.to_string());
            return Err(ZipFault::Size { path, offset, declared, found }.into());
        }
        self.done += count as u64;
        let Allowance { limits, before } = self.allowance;
        limits.check_expanded(before.saturating_add(self.done), self.done, compressed)?;
        Ok(count)
    }
}

fn failure(error: DecodeError, member: &Member) -> ReadError {
    let fault = |offset, detail| ZipFault::Deflate { path: member.path.clone(), offset, detail };
    error.into_read_error(fault, fault)
}
