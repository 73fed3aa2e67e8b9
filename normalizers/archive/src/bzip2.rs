//! bzip2 streams, as the program bzip2 1.0.8 writes them.

use bzip2::{Decompress, Status};

use crate::decode::{Decode, DecodeError, Feed};
use crate::limits::{LimitError, LimitKind, Limits};
use crate::source::Source;

/// What a stream begins with, in front of the digit of its block size.
pub(crate) const MAGIC: [u8; 3] = *b"BZh";
/// What the largest block size needs, in KiB.
const MEMORY_KIB: u32 = 3700;

/// Decodes one stream.
pub(crate) struct Bunzip2<'a> {
    feed: Feed<'a>,
    state: Decompress,
    memory_kib: u32,
    has_ended: bool,
}

impl<'a> Bunzip2<'a> {
    /// A decoder for the stream that begins at `start` and may reach to `end`, at most the source's size.
    pub(crate) fn new(source: Source<'a>, start: u64, end: u64, limits: &Limits) -> Self {
        let (feed, memory_kib) = (Feed::new(source, start, end), limits.decoder_memory_kib);
        Self { feed, state: Decompress::new(false), memory_kib, has_ended: false }
    }
}

impl Decode for Bunzip2<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        let no_memory = LimitError {
            kind: LimitKind::DecoderMemory,
            allowed: self.memory_kib.into(),
            found: MEMORY_KIB.into(),
            path: None,
        };
        if self.memory_kib < MEMORY_KIB {
            return Err(DecodeError::Limit(no_memory));
        }
        while !self.has_ended {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = self.feed.chunk().map_err(DecodeError::Read)?;
            let result = self.state.decompress(input, buffer);
            let used = usize::try_from(self.state.total_in() - before_in).unwrap_or(0);
            let produced = usize::try_from(self.state.total_out() - before_out).unwrap_or(0);
            self.feed.take(used);
            let offset = self.feed.offset();
            match result {
                Ok(Status::StreamEnd) => self.has_ended = true,
                Ok(Status::MemNeeded) => return Err(DecodeError::Limit(no_memory)),
                Ok(_) => {}
                Err(error) => return Err(DecodeError::Corrupt { offset, detail: detail(error).to_owned() }),
            }
            if produced > 0 {
                return Ok(produced);
            }
            if !self.has_ended && used == 0 {
                let is_cut = self.feed.is_last();
                return Err(if is_cut { DecodeError::Truncated { offset } } else { DecodeError::stands_still(offset) });
            }
        }
        Ok(0)
    }

    fn offset(&self) -> u64 {
        self.feed.offset()
    }

    fn compressed(&self) -> u64 {
        self.feed.taken()
    }
}

fn detail(error: bzip2::Error) -> &'static str {
    match error {
        bzip2::Error::DataMagic => "it begins with no bzip2 header",
        bzip2::Error::Data => "a block or its sum is wrong",
        bzip2::Error::Sequence | bzip2::Error::Param => "the decoder was used wrongly",
    }
}
