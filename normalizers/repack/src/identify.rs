//! Which encoder gave compressed bytes: each that is known is tried, and its output held against them.

use std::io::{self, Read};

use twinbuild_archive::ReadAt;
use twinbuild_subject::MemberPath;

use crate::against::Against;
use crate::error::Failure;
use crate::fields::{Encoder, Feed, ZlibRsSettings, ZlibSettings};

/// Contents up to this size are expanded once for all encoders that are tried, in bytes.
const KEPT_BYTES: u64 = 16 << 20;
/// The most usual ones first: CPython's default, then what tools for small files take.
const LEVELS: [u8; 9] = [6, 9, 1, 5, 8, 7, 4, 3, 2];

/// Where compressed bytes lie in a file.
pub(crate) struct Range<'a> {
    pub(crate) bytes: &'a dyn ReadAt,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// How much may be compressed to find the encoders of one archive, in bytes: enough for all of it once with encoders that
/// are wrong to its last byte, which takes contents made for it.
pub(crate) struct Effort {
    left: u64,
}

impl Effort {
    /// For an archive that expands to `size` bytes.
    pub(crate) fn for_size(size: u64) -> Self {
        Self { left: size.saturating_mul(2).saturating_add(1 << 30) }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.left == 0
    }
}

/// Counts what is read as effort, and fails when that is used up.
struct Metered<'a> {
    inner: Box<dyn Read + 'a>,
    effort: &'a mut Effort,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.effort.left = self.effort.left.saturating_sub(count as u64);
        if self.effort.is_used_up() { Err(io::Error::other("too much was tried")) } else { Ok(count) }
    }
}

/// What was compressed.
pub(crate) struct Contents<'a> {
    /// Whose; for messages.
    pub(crate) path: &'a MemberPath,
    pub(crate) size_bytes: u64,
    /// Gives them from the first byte; called once for each encoder that is tried, unless they are small.
    pub(crate) open: &'a dyn Fn() -> io::Result<Box<dyn Read + 'a>>,
}

/// The encoder that gives the bytes of `range` from the contents. Those in `likely` are tried first,
/// and as several levels often give the same bytes, members get the same encoder where they can.
pub(crate) fn identify(
    contents: &Contents<'_>,
    range: &Range<'_>,
    likely: Option<Encoder>,
    effort: &mut Effort,
) -> Result<Option<Encoder>, Failure> {
    let open = || (contents.open)().map_err(|error| Failure::read(contents.path, error));
    let mut kept = Vec::new();
    let fits_memory = contents.size_bytes <= KEPT_BYTES;
    if fits_memory {
        open()?.read_to_end(&mut kept).map_err(|error| Failure::read(contents.path, error))?;
    }
    for encoder in likely.into_iter().chain(known().filter(|encoder| Some(*encoder) != likely)) {
        if !encoder.takes(contents.size_bytes) {
            continue;
        }
        let inner: Box<dyn Read> = if fits_memory { Box::new(kept.as_slice()) } else { open()? };
        let gives = gives(encoder, contents.path, &mut Metered { inner, effort }, range);
        if effort.is_used_up() {
            return Ok(None);
        }
        if gives? {
            return Ok(Some(encoder));
        }
    }
    Ok(None)
}

/// Each encoder that is known, the most usual ones first.
fn known() -> impl Iterator<Item = Encoder> {
    let zlib = [8, 9]
        .into_iter()
        .flat_map(|mem_level| LEVELS.into_iter().map(move |level| Encoder::Zlib(ZlibSettings { level, mem_level })));
    let zlib_rs = LEVELS.into_iter().flat_map(|level| {
        [(Feed::Copied, true), (Feed::Whole, false), (Feed::Whole, true), (Feed::Copied, false)]
            .map(|(feed, has_flush)| Encoder::ZlibRs(ZlibRsSettings { level, feed, has_flush }))
    });
    zlib.chain(zlib_rs)
}

fn gives(encoder: Encoder, path: &MemberPath, contents: &mut dyn Read, range: &Range<'_>) -> Result<bool, Failure> {
    let mut against = Against::new(range.bytes, range.start, range.end);
    let outcome = encoder.encode(path, contents, &mut against);
    let read = |error: io::Error| Failure::read(path, error);
    match outcome {
        Ok(_) => Ok(against.finish().map_err(read)?.is_none()),
        Err(_) if against.has_stopped() => against.finish().map_err(read).map(|_| false),
        Err(failure) => Err(failure),
    }
}
