//! Streams of bzip2, LZMA and xz by encoders of other crates, and zstd frames (RFC 8878) by hand.

use std::io::Write as _;

use bzip2::write::BzEncoder;
use lzma_rust2::{LzmaOptions, LzmaWriter, XzOptions, XzWriter};

use super::{crc32, wide};

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::new(9));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all bytes")
}

/// With the header that zip files have in front, and without a mark at the end.
pub(crate) fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::with_preset(1);
    let mut encoder = LzmaWriter::new_no_header(Vec::new(), &options, false).expect("the options are lawful");
    encoder.write_all(bytes).expect("memory takes all bytes");
    let properties = encoder.props();
    let stream = encoder.finish().expect("memory takes all bytes");
    [&[9, 20, 5, 0, properties], &options.dict_size.to_le_bytes()[..], &stream].concat()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).expect("the options are lawful");
    encoder.write_all(bytes).expect("memory takes all bytes");
    encoder.finish().expect("memory takes all bytes")
}

/// The same stream with another size of the dictionary, as its header codes it.
pub(crate) fn xz_with_dictionary(mut stream: Vec<u8>, size: u8) -> Vec<u8> {
    let (start, length) = (12, (usize::from(stream[12]) + 1) * 4);
    let filter =
        stream[start..start + length].windows(2).position(|pair| pair == [0x21, 1]).expect("LZMA2 is a filter");
    stream[start + filter + 2] = size;
    let sum = crc32(&stream[start..start + length - 4]);
    stream[start + length - 4..start + length].copy_from_slice(&sum.to_le_bytes());
    stream
}

/// One frame of raw blocks; the window as the header codes it.
pub(crate) fn zstd(bytes: &[u8], window: u8) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    let blocks: Vec<&[u8]> = bytes.chunks(1 << 10).collect();
    for (number, block) in blocks.iter().enumerate() {
        let is_last = u32::from(number + 1 == blocks.len());
        out.extend(&(wide(block.len()) << 3 | is_last).to_le_bytes()[..3]);
        out.extend(*block);
    }
    out
}

/// One frame of so many blocks of 128 KiB of one byte, each in four bytes.
pub(crate) fn zstd_repetition(byte: u8, count: usize) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    for number in 1..=count {
        let is_last = u32::from(number == count);
        out.extend(&((128 << 10) << 3 | 1 << 1 | is_last).to_le_bytes()[..3]);
        out.push(byte);
    }
    out
}
