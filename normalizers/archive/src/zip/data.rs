//! The contents of a zip member: stored or compressed, held against size and CRC-32.

use std::io::{self, Read};

use crate::archive::Member;
use crate::bzip2::{self, Bunzip2};
use crate::contents::Produce;
use crate::decode::{Decode, DecodeError};
use crate::deflate::Inflate;
use crate::error::{ReadError, Unsupported};
use crate::limits::{LimitError, Limits};
use crate::lzma::Unlzma;
use crate::source::Source;
use crate::stream::{Plain, Stream as _};
use crate::xz::XzDecoder;
use crate::zip::local::LOCAL_SIGNATURE;
use crate::zip::method::{self, ZipMethod};
use crate::zip::{FLAG_DESCRIPTOR, FLAG_LZMA_END, ZipFault, ZipFields};
use crate::zstd::{self, Unzstd};

/// What one thread needs to expand one member after the other, in the same memory.
pub(super) struct Scratch<'a> {
    pub(super) buffer: Vec<u8>,
    pub(super) decoders: Decoders<'a>,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        Self { buffer: Vec::new(), decoders: Decoders { source, inflate: None, other: None } }
    }
}

/// The decoder at work, and the one that can be used again.
pub(super) struct Decoders<'a> {
    source: Source<'a>,
    inflate: Option<Inflate<'a>>,
    other: Option<Box<dyn Decode + 'a>>,
}

impl<'a> Decoders<'a> {
    /// A decoder for a member's range; `None` for what is stored.
    fn start(
        &mut self,
        method: ZipMethod,
        (start, end): (u64, u64),
        size: Option<u64>,
        limits: &Limits,
    ) -> Option<&mut dyn Decode> {
        let source = self.source;
        if method == ZipMethod::Deflate {
            let inflate = self.inflate.get_or_insert_with(|| Inflate::new(source, start, end));
            inflate.restart(start, end);
            return Some(inflate);
        }
        self.other = decoder(source, method, (start, end), size, limits);
        self.other.as_deref_mut().map(|other| other as &mut dyn Decode)
    }
}

/// A decoder for a member's range; `None` for what is stored.
fn decoder<'a>(
    source: Source<'a>,
    method: ZipMethod,
    (start, end): (u64, u64),
    size: Option<u64>,
    limits: &Limits,
) -> Option<Box<dyn Decode + 'a>> {
    Some(match method {
        ZipMethod::Stored => return None,
        ZipMethod::Deflate => Box::new(Inflate::new(source, start, end)),
        ZipMethod::Bzip2 => Box::new(Bunzip2::new(source, start, end, limits)),
        ZipMethod::Lzma => Box::new(Unlzma::new(source, start, end, size, limits)),
        ZipMethod::Zstd => Box::new(Unzstd::new(source, start, end, limits)),
        ZipMethod::Xz => Box::new(XzDecoder::new(source, start, end, limits)),
    })
}

/// The size after which a member's LZMA stream ends; `None` where a mark does that.
fn size_of_stream(member: &Member, fields: &ZipFields) -> Option<u64> {
    let has_end_mark = fields.central.flags & FLAG_LZMA_END != 0;
    Some(member.size_bytes).filter(|_| !has_end_mark)
}

/// The expanded contents of one member as a caller reads them, at most one byte more than was declared. Nothing of them is
/// verified.
pub struct MemberReader<'a> {
    /// `None` where the contents are stored.
    decoder: Option<Box<dyn Decode + 'a>>,
    stored: Plain<'a>,
    left: u64,
}

impl<'a> MemberReader<'a> {
    pub(crate) fn new(source: Source<'a>, limits: &Limits, member: &Member, fields: &ZipFields) -> Option<Self> {
        let method = ZipMethod::of(fields.central.method)?;
        let start = fields.data_offset;
        let end = start.checked_add(fields.compressed_size_bytes).filter(|end| *end <= source.size)?;
        let decoder = decoder(source, method, (start, end), size_of_stream(member, fields), limits);
        Some(Self { decoder, stored: Plain::new(source, start, end), left: member.size_bytes.saturating_add(1) })
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..wanted];
        let count = match &mut self.decoder {
            None => self.stored.read(buffer),
            Some(decoder) => decoder.produce(buffer).map_err(|error| {
                let detail = |offset, detail| ReadError::Io { offset, source: io::Error::other(detail) };
                error.into_read_error(detail, detail)
            }),
        };
        let count = count.map_err(|error| match error {
            ReadError::Io { source, .. } => source,
            error => io::Error::other(error.to_string()),
        })?;
        self.left -= count as u64;
        Ok(count)
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
    method: ZipMethod,
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
        let Some(method) = ZipMethod::of(fields.central.method) else {
            let (path, offset, method) = (member.path.clone(), fields.central_offset, fields.central.method);
            return Err(Unsupported::ZipMethod { path, offset, method, name: method::foreign_name(method) }.into());
        };
        let decoder = decoders.start(method, (start, end), size_of_stream(member, fields), allowance.limits);
        Ok(Self { source, member, fields, method, allowance, done: 0, decoder })
    }

    pub(super) fn method(&self) -> ZipMethod {
        self.method
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
                if decoder.produce(&mut probe).map_err(|error| failure(error, self.member, self.method))? > 0 {
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
    /// right there; Java's does so always. They see what the tail holds. And some decoders append a second stream.
    fn check_tail(&self, length: u64) -> Result<(), ReadError> {
        let end = self.fields.data_offset + self.fields.compressed_size_bytes;
        let offset = end - length;
        let detail = if self.fields.central.flags & FLAG_DESCRIPTOR != 0 {
            "readers that stream expect the data descriptor there"
        } else if self.source.find(offset, end, &[LOCAL_SIGNATURE])?.is_some() {
            "they hold a local header"
        } else if self.has_second_stream(offset, end)? {
            "they hold a second stream, which some readers append"
        } else {
            return Ok(());
        };
        let (path, method) = (self.member.path.clone(), self.method);
        Err(ZipFault::StreamTail { path, offset, method, length, detail }.into())
    }

    fn has_second_stream(&self, start: u64, end: u64) -> Result<bool, ReadError> {
        let head = |magic: &[u8]| {
            let length = magic.len();
            Ok::<_, ReadError>(end - start >= length as u64 && self.source.bytes(start, length)? == magic)
        };
        Ok(match self.method {
            ZipMethod::Bzip2 => head(&bzip2::MAGIC)?,
            // Padding may stand in front of it.
            ZipMethod::Xz => self.source.find(start, end, &[[0xfd, b'7', b'z', b'X']])?.is_some(),
            ZipMethod::Zstd => {
                let array = if end - start >= 4 { self.source.array::<4>(start)? } else { None };
                array.is_some_and(|array| array == zstd::MAGIC || zstd::is_skippable(&array))
            }
            ZipMethod::Stored | ZipMethod::Deflate | ZipMethod::Lzma => false,
        })
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
                let count = decoder.produce(buffer).map_err(|error| failure(error, self.member, self.method))?;
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

fn failure(error: DecodeError, member: &Member, method: ZipMethod) -> ReadError {
    let path = member.path.clone();
    if let DecodeError::Limit(error) = error {
        return LimitError { path: Some(path), ..error }.into();
    }
    error.into_read_error(
        |offset, detail| ZipFault::Stream { path: path.clone(), offset, method, detail },
        |offset, detail| Unsupported::ZipStream { path: path.clone(), offset, method, detail },
    )
}
