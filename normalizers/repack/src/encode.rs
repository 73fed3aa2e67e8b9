//! Compressing one member.

use std::io::{self, Read, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

use crate::error::Failure;
use crate::fields::{Encoder, Feed, ZlibRsSettings, ZlibSettings};
use crate::zlib::Deflate;

const CHUNK_BYTES: usize = 64 * 1024;
/// The buffer of `std::io::copy`, through which Rust tools write files.
const COPY_BYTES: usize = 8 * 1024;
/// Contents that an encoder has to have all at once may be this large, in bytes.
const WHOLE_BYTES: u64 = 16 << 20;

/// What contents sum up to, before and after they were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) size: u64,
    pub(crate) compressed_size: u64,
    pub(crate) crc32: u32,
    pub(crate) sha256: Sha256,
}

impl Encoder {
    /// Whether contents of this size can be compressed within the memory that is allowed.
    pub(crate) fn takes(self, size: u64) -> bool {
        match self {
            Self::ZlibRs(ZlibRsSettings { feed: Feed::Whole, .. }) => size <= WHOLE_BYTES,
            Self::ZlibRs(ZlibRsSettings { feed: Feed::Copied, .. }) | Self::Stored | Self::Zlib(_) => true,
        }
    }

    /// Compresses the contents of `path`, which it [`Self::takes`], to `out`. The bytes depend on the contents and the
    /// encoder alone, not on how `contents` are cut: zlib decides with its look-ahead full, or at the end, and zlib-rs,
    /// which does not, is fed as its settings say.
    pub(crate) fn encode(
        self,
        path: &MemberPath,
        contents: &mut dyn Read,
        out: &mut dyn Write,
    ) -> Result<Sums, Failure> {
        let mut contents = Summed { contents, path, crc: Crc::new(), hasher: Sha256Hasher::new() };
        let mut out = Counted { out, written: 0 };
        match self {
            Self::Stored => contents.each(CHUNK_BYTES, &mut |chunk| out.write_all(chunk).map_err(Failure::Write))?,
            Self::Zlib(settings) => by_zlib(settings, &mut contents, &mut out)?,
            Self::ZlibRs(settings) => by_zlib_rs(settings, &mut contents, &mut out)?,
        }
        Ok(Sums {
            size: contents.hasher.size_bytes(),
            compressed_size: out.written,
            crc32: contents.crc.sum(),
            sha256: contents.hasher.finish(),
        })
    }
}

fn by_zlib(settings: ZlibSettings, contents: &mut Summed<'_>, out: &mut Counted<'_>) -> Result<(), Failure> {
    let mut deflate = Deflate::new(settings.level, settings.mem_level)?;
    let mut output = vec![0; CHUNK_BYTES];
    contents.each(CHUNK_BYTES, &mut |chunk| feed(&mut deflate, chunk, &mut output, false, out))?;
    feed(&mut deflate, &[], &mut output, true, out)
}

/// Hands a chunk to zlib and all that comes out to `out`.
fn feed(
    deflate: &mut Deflate,
    mut chunk: &[u8],
    output: &mut [u8],
    is_last: bool,
    out: &mut Counted<'_>,
) -> Result<(), Failure> {
    while !chunk.is_empty() || (is_last && !deflate.has_ended()) {
        let step = deflate.step(chunk, output, is_last)?;
        chunk = chunk.get(step.consumed..).unwrap_or_default();
        out.write_all(output.get(..step.produced).unwrap_or_default()).map_err(Failure::Write)?;
    }
    Ok(())
}

fn by_zlib_rs(settings: ZlibRsSettings, contents: &mut Summed<'_>, out: &mut Counted<'_>) -> Result<(), Failure> {
    let mut encoder = DeflateEncoder::new(out, Compression::new(settings.level.into()));
    let mut write = |chunk: &[u8]| encoder.write_all(chunk).map_err(Failure::Write);
    match settings.feed {
        Feed::Copied => contents.each(COPY_BYTES, &mut write)?,
        Feed::Whole => write(&contents.all()?)?,
    }
    if settings.has_flush {
        encoder.flush().map_err(Failure::Write)?;
    }
    encoder.finish().map_err(Failure::Write)?;
    Ok(())
}

/// Contents that are summed up while they are read.
struct Summed<'a> {
    contents: &'a mut dyn Read,
    path: &'a MemberPath,
    crc: Crc,
    hasher: Sha256Hasher,
}

impl Summed<'_> {
    /// Hands out the contents in chunks of this size, the last one as long as what is left.
    fn each(&mut self, chunk_bytes: usize, take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut chunk = Vec::with_capacity(chunk_bytes);
        loop {
            chunk.clear();
            self.read_to(&mut chunk, chunk_bytes as u64)?;
            if chunk.is_empty() {
                return Ok(());
            }
            take(&chunk)?;
        }
    }

    /// The contents at once, and no more of them than may be held in memory: what is left out shows in the sums.
    fn all(&mut self) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        self.read_to(&mut all, WHOLE_BYTES)?;
        Ok(all)
    }

    fn read_to(&mut self, bytes: &mut Vec<u8>, most: u64) -> Result<(), Failure> {
        let read = (&mut *self.contents).take(most).read_to_end(bytes);
        read.map_err(|error| Failure::read(self.path, error))?;
        self.crc.update(bytes);
        self.hasher.update(bytes);
        Ok(())
    }
}

/// Counts what is written.
pub(crate) struct Counted<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) written: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contents that every level of zlib compresses otherwise: words and bytes by a linear congruential generator.
    fn contents(length: usize) -> Vec<u8> {
        const WORDS: [&[u8]; 9] =
            [b"twin", b"build", b"archive", b"\n", b" ", b"member", b"reproduced", b"the", b"source"];
        let (mut state, mut bytes) = (12_345_u64, Vec::new());
        while bytes.len() < length {
            state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
            bytes.extend(WORDS[usize::try_from((state >> 16) % 9).unwrap()]);
            if (state >> 8).is_multiple_of(5) {
                bytes.push((state >> 12).to_le_bytes()[0]);
            }
        }
        bytes.truncate(length);
        bytes
    }

    /// Gives at most as many bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.1);
            self.0.read(&mut buffer[..length])
        }
    }

    fn encode(encoder: Encoder, contents: &mut dyn Read) -> (Vec<u8>, Sums) {
        let mut out = Vec::new();
        let sums = encoder.encode(&MemberPath::from("a"), contents, &mut out).unwrap();
        assert_eq!(sums.compressed_size, out.len() as u64);
        (out, sums)
    }

    /// Digests of `zlib.compressobj(level, zlib.DEFLATED, -15, memLevel)` in CPython 3.11 with zlib 1.2.13.
    #[test]
    fn the_bytes_are_those_of_cpython() {
        let contents = contents(200_000);
        for (level, mem_level, expected) in [
            (1, 8, "a2c576ab95f915277bef02c9756b23213030982af811a0753c7aab76dfce1a16"),
            (1, 9, "ee777e15e467f018c88ef83997ee1973613bf94229e1faaf7339409d1ba43f11"),
            (2, 8, "4f57285f951ebaadf797d35f2a8cbb84022742e6f79a459d6cfbdc6350a6c656"),
            (3, 8, "a202718f54436ff144057d1f5ea4af9beab03ef543e387495756ccd19cea279d"),
            (4, 8, "13026e5f0da0e6fa7ebde07b36d069bbb768f5aeac7345e4cc37ff908c4997b6"),
            (5, 8, "960c454e6fb298d1752c425256e24a0dbe2af839a9653e542f0c0f92fce5f3c8"),
            (6, 8, "949ab3721f982af6728e2698dfbdfd43526fcdfdd74183d62f9bd3b964ca3385"),
            (6, 9, "b62cc3be13254940002e5cbd97fdd7081073804ec695f2748e08fcdd52d77fd4"),
            (7, 8, "63b99032dfa26e134ca5ad5558e4fe16c0e0ad1d492fd2d5e86971a0b806974d"),
            (9, 8, "f60e8b2162c6389625b7bd94472dee3a39b304bf5b00faa8b8e57e0c8661e331"),
            (9, 9, "1bbe1a307b77e82726144f9a9448b67377b95fcc84579e45d39a142010622451"),
        ] {
            let encoder = Encoder::Zlib(ZlibSettings { level, mem_level });
            let (bytes, _) = encode(encoder, &mut contents.as_slice());
            assert_eq!(Sha256::of(&bytes).to_string(), expected, "level {level}, memLevel {mem_level}");
        }
        let (bytes, sums) = encode(Encoder::DEFAULT, &mut b"hello hello hello".as_slice());
        assert_eq!(bytes, [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00]);
        assert_eq!(sums.size, 17);
        assert_eq!(encode(Encoder::DEFAULT, &mut io::empty()).0, [3, 0]);
    }

    #[test]
    fn zlib_rs_is_fed_as_it_is_told() {
        let contents = contents(200_000);
        let by = |feed, has_flush| {
            let encoder = Encoder::ZlibRs(ZlibRsSettings { level: 6, feed, has_flush });
            let (bytes, sums) = encode(encoder, &mut contents.as_slice());
            assert_eq!(encode(encoder, &mut Slowly(&contents, 100)).0, bytes);
            assert_eq!(sums.sha256, Sha256::of(&contents));
            bytes
        };
        let whole = by(Feed::Whole, false);
        assert_eq!(whole, {
            let mut encoder = DeflateEncoder::new(vec![], Compression::new(6));
            encoder.write_all(&contents).unwrap();
            encoder.finish().unwrap()
        });
        assert_ne!(whole, encode(Encoder::DEFAULT, &mut contents.as_slice()).0);
        assert!(by(Feed::Copied, true).ends_with(&[0, 0, 0xff, 0xff, 3, 0]));
    }

    #[test]
    fn how_contents_are_cut_does_not_change_the_bytes() {
        let contents = contents(200_000);
        for level in 1..=9 {
            let encoder = Encoder::Zlib(ZlibSettings { level, mem_level: 8 });
            let whole = encode(encoder, &mut contents.as_slice());
            for most in [1, 100, 8 * 1024, 50_000] {
                assert_eq!(encode(encoder, &mut Slowly(&contents, most)), whole, "level {level}, {most} at a time");
            }
        }
    }

    #[test]
    fn stored_contents_are_as_they_were() {
        let (bytes, sums) = encode(Encoder::Stored, &mut b"abc".as_slice());
        assert_eq!((bytes.as_slice(), sums.size, sums.crc32), (b"abc".as_slice(), 3, 0x3524_41c2));
    }
}
