//! Zstandard frames (RFC 8878).

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::decode::{Decode, DecodeError, Feed};
use crate::error::ReadError;
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::Source;

/// What a frame begins with (section 3.1.1).
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest frame header.
const HEADER_BYTES: usize = 18;

/// Whether a skippable frame (section 3.1.2) begins so.
pub(crate) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What a frame says of itself (section 3.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) window_bytes: u64,
    pub(crate) content_bytes: Option<u64>,
    pub(crate) has_checksum: bool,
    dictionary: u32,
}

impl FrameHeader {
    /// Of the frame that begins at `start` and may reach to `end`.
    fn read(source: &Source<'_>, start: u64, end: u64) -> Result<Self, DecodeError> {
        let left = usize::try_from(end.saturating_sub(start)).map_or(HEADER_BYTES, |left| left.min(HEADER_BYTES));
        let bytes = source.bytes(start, left).map_err(DecodeError::Read)?;
        let corrupt = |detail: &str| DecodeError::Corrupt { offset: start, detail: detail.to_owned() };
        if bytes.len() < 5 {
            return Err(DecodeError::Truncated { offset: start });
        }
        let Some((descriptor, mut rest)) = bytes.strip_prefix(&MAGIC).and_then(<[u8]>::split_first) else {
            return Err(corrupt("it begins with no frame header"));
        };
        if descriptor & 0b1000 != 0 {
            return Err(corrupt("the reserved bit of the frame header is set"));
        }
        let is_single_segment = descriptor & 0b10_0000 != 0;
        let mut number = |length: usize| {
            let (bytes, after) = rest.split_at_checked(length).ok_or(DecodeError::Truncated { offset: start })?;
            rest = after;
            Ok::<_, DecodeError>(bytes.iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)))
        };
        let window = if is_single_segment { None } else { Some(number(1)?) };
        let dictionary = number([0, 1, 2, 4][usize::from(descriptor & 0b11)])?;
        let content_bytes = match descriptor >> 6 {
            0 if is_single_segment => Some(number(1)?),
            0 => None,
            1 => Some(number(2)? + 256),
            2 => Some(number(4)?),
            _ => Some(number(8)?),
        };
        let window_bytes = match window {
            Some(window) => {
                let base = 1_u64 << (10 + (window >> 3));
                base + base / 8 * (window & 7)
            }
            None => content_bytes.unwrap_or(0),
        };
        let dictionary = u32::try_from(dictionary).unwrap_or(u32::MAX);
        Ok(Self { window_bytes, content_bytes, has_checksum: descriptor & 0b100 != 0, dictionary })
    }
}

/// Decodes one frame.
pub(crate) struct Unzstd<'a> {
    source: Source<'a>,
    start: u64,
    end: u64,
    memory_kib: u32,
    feed: Feed<'a>,
    /// Once the header was read.
    frame: Option<(FrameHeader, Box<FrameDecoder>)>,
    produced: u64,
    has_ended: bool,
}

impl<'a> Unzstd<'a> {
    /// A decoder for the frame that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let (feed, memory_kib) = (Feed::new(source, start, end), limits.decoder_memory_kib);
        Self { source, start, end, memory_kib, feed, frame: None, produced: 0, has_ended: false }
    }

    /// What the frame says of itself, once some of it was decoded.
    pub(crate) fn header(&self) -> Option<FrameHeader> {
        self.frame.as_ref().map(|(header, _)| *header)
    }

    fn begin(&mut self) -> Result<(FrameHeader, Box<FrameDecoder>), DecodeError> {
        let header = FrameHeader::read(&self.source, self.start, self.end)?;
        let allowed = u64::from(self.memory_kib);
        if header.window_bytes > allowed * 1024 {
            let (kind, found) = (LimitKind::DecoderMemory, header.window_bytes / 1024);
            return Err(DecodeError::Limit(LimitError { kind, allowed, found, path: None }));
        }
        if header.dictionary != 0 {
            let detail = format!("it needs the dictionary {:#010x}", header.dictionary);
            return Err(DecodeError::Unsupported { offset: self.start, detail });
        }
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(allowed * 1024);
        let mut input = Input::new(&mut self.feed);
        match decoder.init(&mut input) {
            Ok(()) => Ok((header, decoder)),
            Err(error) => Err(input.failure(&error)),
        }
    }

    /// Checks what the frame declares, after its last block was handed out.
    fn finish(&self, header: FrameHeader, decoder: &FrameDecoder) -> Result<(), DecodeError> {
        let offset = self.feed.offset();
        if let Some(declared) = header.content_bytes.filter(|declared| *declared != self.produced) {
            let detail = format!("the frame declares {declared} bytes and has {}", self.produced);
            return Err(DecodeError::Corrupt { offset: self.start, detail });
        }
        let sums = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum());
        if let (Some(declared), found) = sums
            && Some(declared) != found
        {
            let found = found.unwrap_or(0);
            let detail = format!("the frame declares the sum {declared:08x} and has {found:08x}");
            return Err(DecodeError::Corrupt { offset: offset.saturating_sub(4), detail });
        }
        Ok(())
    }
}

impl Decode for Unzstd<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let (header, mut decoder) = match self.frame.take() {
            Some(frame) => frame,
            None => self.begin()?,
        };
        let mut count = 0;
        while !self.has_ended && count == 0 {
            let offset = self.feed.offset();
            count = decoder.read(buffer).map_err(|error| DecodeError::Corrupt { offset, detail: error.to_string() })?;
            self.produced += count as u64;
            if count > 0 {
                break;
            }
            if decoder.is_finished() {
                self.finish(header, &decoder)?;
                self.has_ended = true;
                break;
            }
            let mut input = Input::new(&mut self.feed);
            if let Err(error) = decoder.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
                return Err(input.failure(&error));
            }
        }
        self.frame = Some((header, decoder));
        Ok(count)
    }

    fn offset(&self) -> u64 {
        self.feed.offset()
    }

    fn compressed(&self) -> u64 {
        self.feed.taken()
    }
}

/// The compressed bytes as the decoder takes them, which keeps the cause of a failure.
struct Input<'a, 'b> {
    feed: &'a mut Feed<'b>,
    has_ended: bool,
    failure: Option<ReadError>,
}

impl<'a, 'b> Input<'a, 'b> {
    fn new(feed: &'a mut Feed<'b>) -> Self {
        Self { feed, has_ended: false, failure: None }
    }

    fn failure(self, error: &impl std::error::Error) -> DecodeError {
        let offset = self.feed.offset();
        match self.failure {
            Some(failure) => DecodeError::Read(failure),
            None if self.has_ended => DecodeError::Truncated { offset },
            None => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                DecodeError::Corrupt { offset, detail: format!("{error}{cause}") }
            }
        }
    }
}

impl Read for Input<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = match self.feed.chunk() {
            Ok(chunk) => chunk,
            Err(failure) => {
                self.failure = Some(failure);
                return Err(io::ErrorKind::Other.into());
            }
        };
        let count = chunk.len().min(buffer.len());
        self.has_ended |= chunk.is_empty() && !buffer.is_empty();
        buffer[..count].copy_from_slice(&chunk[..count]);
        self.feed.take(count);
        Ok(count)
    }
}
