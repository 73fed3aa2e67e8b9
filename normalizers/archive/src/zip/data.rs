//! The contents of a zip member: stored or deflated, held against size and CRC-32.

use crate::archive::Member;
use crate::contents::Produce;
use crate::deflate::{Inflate, InflateError};
use crate::error::ReadError;
use crate::limits::Budget;
use crate::source::Source;
use crate::zip::local::LOCAL_SIGNATURE;
use crate::zip::{FLAG_DESCRIPTOR, METHOD_STORED, ZipFault, ZipFields};

/// Expands one member.
pub(super) struct Data<'a> {
    source: Source<'a>,
    member: &'a Member,
    fields: &'a ZipFields,
    budget: &'a mut Budget,
    /// Expanded bytes so far.
    done: u64,
    inflate: Option<Inflate<'a>>,
}

impl<'a> Data<'a> {
    pub(super) fn new(
        source: Source<'a>,
        member: &'a Member,
        fields: &'a ZipFields,
        budget: &'a mut Budget,
    ) -> Result<Self, ReadError> {
        let (start, length) = (fields.data_offset, fields.compressed_size_bytes);
        let end = start.checked_add(length).filter(|end| *end <= source.size);
        let Some(end) = end else {
            let (path, end) = (member.path.clone(), source.size);
            return Err(ZipFault::DataRange { path, offset: start, length, end }.into());
        };
        let is_stored = fields.central.method == METHOD_STORED;
        let inflate = (!is_stored).then(|| Inflate::new(source, start, end));
        Ok(Self { source, member, fields, budget, done: 0, inflate })
    }

    /// Checks, after all declared bytes were expanded, that the stream ends there and that the sum is right. Returns how
    /// many compressed bytes follow the end of the stream.
    pub(super) fn finish(mut self, crc32: u32) -> Result<u64, ReadError> {
        let (declared, found) = (self.fields.central.crc32, crc32);
        let (path, offset) = (&self.member.path, self.fields.data_offset);
        let mut probe = [0; 1];
        let tail = match &mut self.inflate {
            None => 0,
            Some(inflate) => {
                if inflate.produce(&mut probe).map_err(|error| failure(error, self.member))? > 0 {
                    let declared = self.member.size_bytes;
                    let found = format!("at least {}", self.done + 1);
                    return Err(ZipFault::Size { path: path.clone(), offset, declared, found }.into());
                }
                self.fields.compressed_size_bytes - inflate.compressed()
            }
        };
        if declared != found {
            return Err(ZipFault::Crc { path: path.clone(), offset, declared, found }.into());
        }
        self.check_tail(tail)?;
        Ok(tail)
    }

    /// Readers that stream find the end of a member with a descriptor by the stream alone, and look for the next header
    /// right there; Java's does so always. They see what the tail holds.
    fn check_tail(&self, length: u64) -> Result<(), ReadError> {
        let end = self.fields.data_offset + self.fields.compressed_size_bytes;
        let offset = end - length;
        let detail = if length > 0 && self.fields.central.flags & FLAG_DESCRIPTOR != 0 {
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
        let Some(inflate) = &mut self.inflate else {
            let offset = self.fields.data_offset + self.done;
            self.source.fill(buffer, offset)?;
            self.done += buffer.len() as u64;
            self.budget.expanded(buffer.len() as u64, self.done, self.done)?;
            return Ok(buffer.len());
        };
        let count = inflate.produce(buffer).map_err(|error| failure(error, self.member))?;
        if count == 0 {
            let (path, declared) = (self.member.path.clone(), self.member.size_bytes);
            let (offset, found) = (self.fields.data_offset, self.done.to_string());
            return Err(ZipFault::Size { path, offset, declared, found }.into());
        }
        self.done += count as u64;
        self.budget.expanded(count as u64, self.done, inflate.compressed())?;
        Ok(count)
    }
}

fn failure(error: InflateError, member: &Member) -> ReadError {
    let path = member.path.clone();
    match error {
        InflateError::Corrupt { offset, detail } => ZipFault::Deflate { path, offset, detail }.into(),
        InflateError::Truncated { offset } => {
            let detail = "the compressed bytes end before the stream does".to_owned();
            ZipFault::Deflate { path, offset, detail }.into()
        }
        InflateError::Read(error) => error,
    }
}
