//! Deflate streams (RFC 1951): ordinary ones, and such as no ordinary encoder writes.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// A stored block of no bytes, which is no end: it means nothing, and may stand anywhere between blocks.
pub(crate) const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// As an ordinary tool compresses, at its default level.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    deflate_at(bytes, 6)
}

/// At a level from 0 to 9.
pub(crate) fn deflate_at(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all bytes")
}

/// A repetition in two bits for every 258 bytes, which is as dense as deflate becomes: `prefix`, then
/// `count` times 258 bytes more of its last `period` bytes, over and over. The period is 1 to 4.
pub(crate) fn repetition(prefix: &[u8], period: usize, count: usize) -> Vec<u8> {
    assert!((1..=4).contains(&period) && period <= prefix.len(), "distances of 1 to 4 need no extra bits");
    let mut out = stored_block(prefix, false);
    let mut bits = Bits::default();
    // The last block, with codes of its own: 286 for literals and lengths, `period` for distances, 18 for code lengths.
    bits.put(1, 1);
    bits.put(0b10, 2);
    bits.put(29, 5);
    bits.put(period - 1, 5);
    bits.put(14, 4);
    // In the order 16, 17, 18, 0, 8, .., 14, 1: "18" (zeros by the dozen) has one bit, "0" and "1" have two.
    for length in [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] {
        bits.put(length, 3);
    }
    let (zero, one) = (0b01, 0b11);
    let zeros = |bits: &mut Bits, number: usize| {
        bits.put(0, 1);
        bits.put(number - 11, 7);
    };
    // 256 (end) and 285 (258 bytes) have one bit each, and so has the one distance.
    zeros(&mut bits, 138);
    zeros(&mut bits, 118);
    bits.put(one, 2);
    zeros(&mut bits, 28);
    bits.put(one, 2);
    for _ in 1..period {
        bits.put(zero, 2);
    }
    bits.put(one, 2);
    // 32 of them at a time.
    for _ in 0..count / 32 {
        bits.put(0x5555_5555, 32);
        bits.put(0x5555_5555, 32);
    }
    for _ in 0..count % 32 {
        bits.put(0b01, 2);
    }
    bits.put(0, 1);
    out.extend(bits.finish());
    out
}

/// What [`repetition`] expands to.
pub(crate) fn repeated(prefix: &[u8], period: usize, count: usize) -> Vec<u8> {
    let last = &prefix[prefix.len() - period..];
    prefix.iter().copied().chain(last.iter().copied().cycle().take(258 * count)).collect()
}

/// At most 65535 bytes as they are.
pub(crate) fn stored_block(bytes: &[u8], is_last: bool) -> Vec<u8> {
    let length = super::small(bytes.len());
    [&[u8::from(is_last)], &length.to_le_bytes()[..], &(!length).to_le_bytes(), bytes].concat()
}

/// Bits from the lowest to the highest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: usize,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: usize, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.extend(&self.held.to_le_bytes()[..1]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.count) % 8);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn repetitions_expand_as_told() {
        for (prefix, period) in [(&b"abc"[..], 1), (b"xyz\n", 4), (b"ab", 2)] {
            let mut read = Vec::new();
            flate2::read::DeflateDecoder::new(&*repetition(prefix, period, 70)).read_to_end(&mut read).unwrap();
            assert_eq!(read, repeated(prefix, period, 70));
        }
    }
}
