//! Compressed streams, by encoders of other crates or by hand.

use std::io::Write as _;

use bzip2::write::BzEncoder;
use lzma_rust2::{LzmaOptions, LzmaWriter, XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

pub(crate) fn bzip2(contents: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::new(9));
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

/// As zip files have it, with or without a mark at its end.
pub(crate) fn lzma(contents: &[u8], has_end_mark: bool) -> Vec<u8> {
    let options = LzmaOptions::with_preset(1);
    let mut encoder = LzmaWriter::new_no_header(Vec::new(), &options, has_end_mark).unwrap();
    encoder.write_all(contents).unwrap();
    let properties = encoder.props();
    let stream = encoder.finish().unwrap();
    [&[9, 20, 5, 0, properties], &options.dict_size.to_le_bytes()[..], &stream].concat()
}

/// One frame with a checksum.
pub(crate) fn zstd(contents: &[u8]) -> Vec<u8> {
    compress_to_vec(contents, CompressionLevel::Fastest)
}

/// One frame of one raw block, with a window, and neither size nor sum.
pub(crate) fn zstd_raw(contents: &[u8], window: u8) -> Vec<u8> {
    let header = u32::try_from(contents.len()).unwrap() << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, window], &header.to_le_bytes()[..3], contents].concat()
}

pub(crate) fn xz(contents: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}
