//! Writers that write whatever they are told to: the bytes of deflate, gzip, zip and tar, true or not.

pub(crate) mod deflate;
pub(crate) mod gzip;
pub(crate) mod streams;
pub(crate) mod tar;
pub(crate) mod zip;

/// A number of this corpus in two bytes.
pub(crate) fn small(number: usize) -> u16 {
    u16::try_from(number).expect("the corpus's own numbers fit")
}

/// A number of this corpus in four bytes.
pub(crate) fn wide(number: usize) -> u32 {
    u32::try_from(number).expect("the corpus's own numbers fit")
}

/// CRC-32 as in zip and gzip.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Overwrites bytes at an offset.
pub(crate) fn patched(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// Puts bytes in at an offset.
pub(crate) fn inserted(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes.splice(at..at, new.iter().copied());
    bytes
}

/// Where a sequence of bytes begins for the first time.
pub(crate) fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("the corpus looks for what it wrote")
}
