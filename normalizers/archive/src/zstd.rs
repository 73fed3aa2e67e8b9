//! Zstandard frames (RFC 8878).

use std::io::{self, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use twinbuild_subject::Sha256Hasher;

use crate::archive::{Anomaly, Tile, TileKind};
use crate::decode::{Decode, DecodeError, Feed};
use crate::error::{ReadError, Unsupported};
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::{CHUNK_BYTES, Source, length};
use crate::stream::Stream;

/// What a frame begins with (section 3.1.1).
pub(crate) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The longest frame header.
const HEADER_BYTES: usize = 18;

/// Whether a skippable frame (section 3.1.2) begins so.
pub(crate) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What makes a zstd file malformed or ambiguous. Offsets count from the start of the archive file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZstdFault {
    /// The bytes are no frame, a size or sum in it is wrong, or the file ends before it does.
    #[error("the zstd frame fails at offset {offset}: {detail}")]
    Corrupt {
        /// Of the first byte that was not decoded, to within one buffer, or of the frame.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// Bytes that are no frame follow.
    #[error("{length} bytes that are no zstd frame follow the last one at offset {offset}")]
    TrailingBytes {
        /// Where the last frame ended.
        offset: u64,
        /// How many bytes follow.
        length: u64,
    },
}

impl ZstdFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "zstd-corrupt",
            Self::TrailingBytes { .. } => "zstd-trailing-bytes",
        }
    }
}

/// The zstd frames of a file as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZstdFields {
    /// Of the first frame, in bytes from the start of the archive file.
    pub offset: u64,
    /// Of all frames, in bytes.
    pub length: u64,
    /// How many frames hold contents; more than one is a finding.
    pub frames: u64,
    /// How many frames are skipped by every reader; a finding.
    pub skippable_frames: u64,
    /// The largest window that a frame declares.
    pub window_bytes: u64,
    /// The size that the first frame declares, verified.
    pub content_bytes: Option<u64>,
    /// Every frame has a sum of its contents, verified.
    pub has_checksum: bool,
    /// Size of the contents in bytes.
    pub size_bytes: u64,
}

/// Expands the frames between two offsets, one after the other, as every reader does.
pub(crate) struct ZstdFile<'a> {
    source: Source<'a>,
    limits: Limits,
    frame: Option<Unzstd<'a>>,
    fields: ZstdFields,
    /// Of the second frame with contents.
    second: Option<u64>,
    /// Of the first skippable frame, and the digest of what all of them hold.
    skipped: Option<(u64, Sha256Hasher)>,
    /// Of the next frame.
    position: u64,
    end: u64,
}

impl<'a> ZstdFile<'a> {
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let fields = ZstdFields {
            offset: start,
            length: 0,
            frames: 0,
            skippable_frames: 0,
            window_bytes: 0,
            content_bytes: None,
            has_checksum: true,
            size_bytes: 0,
        };
        let limits = *limits;
        Self { source, limits, frame: None, fields, second: None, skipped: None, position: start, end }
    }

    /// Checks, after all was expanded, that nothing follows.
    pub(crate) fn finish(
        mut self,
        tiles: &mut Vec<Tile>,
        anomalies: &mut Vec<Anomaly>,
    ) -> Result<ZstdFields, ReadError> {
        let (start, offset) = (self.fields.offset, self.position);
        if self.fields.frames == 0 {
            return Err(ZstdFault::Corrupt { offset: start, detail: "there is no frame".to_owned() }.into());
        }
        if offset < self.end {
            return Err(ZstdFault::TrailingBytes { offset, length: self.end - offset }.into());
        }
        self.fields.length = offset - start;
        tiles.push(Tile { offset: start, length: self.fields.length, kind: TileKind::Zstd });
        let mut note = |code, offset, length, detail| {
            anomalies.push(Anomaly { code, offset, length, path: None, detail });
        };
        if let Some(second) = self.second {
            let detail = format!("{} zstd frames follow each other, the second at offset {second}", self.fields.frames);
            note("zstd-several-frames", second, offset - second, detail);
        }
        if let Some((first, hasher)) = self.skipped {
            let (count, digest) = (self.fields.skippable_frames, hasher.finish());
            let detail = format!("{count} skippable zstd frames, the first at offset {first}, SHA-256 {digest}");
            note("zstd-skippable-frame", first, 0, detail);
        }
        if !self.fields.has_checksum {
            note("zstd-no-checksum", start, 0, "a zstd frame has no checksum".to_owned());
        }
        Ok(self.fields)
    }

    /// Begins the next frame with contents, past those without; `None` where there is none.
    fn next(&mut self) -> Result<Option<Unzstd<'a>>, ReadError> {
        loop {
            let left = self.end.saturating_sub(self.position);
            let head = if left >= 4 { self.source.array::<4>(self.position)? } else { None };
            match head {
                Some(head) if head == MAGIC => {
                    let offset = self.position;
                    self.fields.frames += 1;
                    if self.fields.frames > 1 {
                        self.second.get_or_insert(offset);
                    }
                    return Ok(Some(Unzstd::new(self.source, offset, self.end, &self.limits)));
                }
                Some(head) if is_skippable(&head) => self.skip(left)?,
                _ => return Ok(None),
            }
        }
    }

    /// Passes a skippable frame (section 3.1.2), and keeps the digest of it.
    fn skip(&mut self, left: u64) -> Result<(), ReadError> {
        let offset = self.position;
        let size = if left >= 8 { self.source.array::<4>(offset + 4)?.map(u32::from_le_bytes) } else { None };
        let end = size.map(|size| offset + 8 + u64::from(size)).filter(|end| *end <= self.end);
        let Some(end) = end else {
            let detail = "the file ends within a skippable frame".to_owned();
            return Err(ZstdFault::Corrupt { offset, detail }.into());
        };
        let (_, hasher) = self.skipped.get_or_insert_with(|| (offset, Sha256Hasher::new()));
        while self.position < end {
            let wanted = usize::try_from(end - self.position).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let bytes = self.source.bytes(self.position, wanted)?;
            hasher.update(&bytes);
            self.position += length(&bytes);
        }
        self.fields.skippable_frames += 1;
        Ok(())
    }
}

impl Stream for ZstdFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            let frame = match &mut self.frame {
                Some(frame) => frame,
                None => match self.next()? {
                    Some(frame) => self.frame.insert(frame),
                    None => return Ok(0),
                },
            };
            let count = frame.produce(buffer).map_err(|error| {
                error.into_read_error(
                    |offset, detail| ZstdFault::Corrupt { offset, detail },
                    |offset, detail| Unsupported::Zstd { offset, detail },
                )
            })?;
            self.position = frame.offset();
            if count > 0 {
                self.fields.size_bytes += count as u64;
                return Ok(count);
            }
            if let Some(header) = frame.header() {
                self.fields.window_bytes = self.fields.window_bytes.max(header.window_bytes);
                self.fields.has_checksum &= header.has_checksum;
                if self.fields.frames == 1 {
                    self.fields.content_bytes = header.content_bytes;
                }
            }
            self.frame = None;
        }
    }

    fn compressed(&self) -> u64 {
        self.position - self.fields.offset
    }
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
        // The decoder's buffer doubles until it holds the window and a block.
        let needed = header.window_bytes.saturating_mul(2) / 1024;
        if needed > allowed {
            let kind = LimitKind::DecoderMemory;
            return Err(DecodeError::Limit(LimitError { kind, allowed, found: needed, path: None }));
        }
        if header.dictionary != 0 {
            let detail = format!("it needs the dictionary {:#010x}", header.dictionary);
            return Err(DecodeError::Unsupported { offset: self.start, detail });
        }
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(header.window_bytes);
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
