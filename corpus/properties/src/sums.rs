//! Makes the sums of changed bytes true again, so that what lies behind them is reached, and puts bytes into containers.
//!
//! Shares no code with the readers. What cannot be understood stays as it is.

use std::io::Write as _;

use bzip2::write::BzEncoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::plain;

/// More than the readers may expand here.
const EXPANDED_BYTES: usize = 4 << 20;

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The contents of a deflate stream at the beginning of `bytes`, and its length.
pub(crate) fn inflate(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut inflater = Decompress::new(false);
    let mut contents = Vec::with_capacity(1 << 16);
    loop {
        let taken = usize::try_from(inflater.total_in()).ok()?;
        let before = contents.len();
        let status = inflater.decompress_vec(&bytes[taken..], &mut contents, FlushDecompress::None).ok()?;
        if status == Status::StreamEnd {
            return Some((contents, usize::try_from(inflater.total_in()).ok()?));
        }
        if contents.len() > EXPANDED_BYTES {
            return None;
        }
        if contents.len() == contents.capacity() {
            contents.reserve(contents.len());
        } else if contents.len() == before && taken == usize::try_from(inflater.total_in()).ok()? {
            return None;
        }
    }
}

/// A zip file in which both headers of each member have the CRC-32 and the size that its data have.
pub(crate) fn seal_zip(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    for member in plain::zip(bytes).unwrap_or_default() {
        let sums = [crc32(&member.content), u32::try_from(member.content.len()).unwrap_or(0)];
        for (header, crc_at, size_at) in [(member.central_offset, 16, 24), (member.local_offset, 14, 22)] {
            let is_left_to_descriptor = header == member.local_offset && member.flags & 8 != 0;
            if !is_left_to_descriptor {
                sealed[header + crc_at..][..4].copy_from_slice(&sums[0].to_le_bytes());
                sealed[header + size_at..][..4].copy_from_slice(&sums[1].to_le_bytes());
            }
        }
    }
    sealed
}

/// A tar in which each header block has its checksum (POSIX.1-2017 `pax`, "ustar Interchange Format").
pub(crate) fn seal_tar(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    for block in sealed.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    sealed
}

/// A gzip file whose trailer has the sums of its contents (RFC 1952).
pub(crate) fn seal_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    let sums = plain::gzip(bytes).map(|gzip| (gzip.trailer, crc32(&gzip.contents), gzip.contents.len()));
    if let Some((at, crc, size)) = sums
        && let Some(trailer) = sealed.get_mut(at..at + 8)
    {
        trailer[..4].copy_from_slice(&crc.to_le_bytes());
        trailer[4..].copy_from_slice(&u32::try_from(size).unwrap_or(0).to_le_bytes());
    }
    sealed
}

/// A PNG image whose chunks have their CRCs.
pub(crate) fn seal_png(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    for chunk in plain::png(bytes).unwrap_or_default() {
        let crc = crc32(&bytes[chunk.start + 4..chunk.end - 4]);
        sealed[chunk.end - 4..chunk.end].copy_from_slice(&crc.to_be_bytes());
    }
    sealed
}

/// Deflate blocks that hold `bytes` as they are (RFC 1951 3.2.4).
pub(crate) fn stored_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in bytes.chunks(0xffff) {
        let length = u16::try_from(piece.len()).unwrap_or(0);
        out.push(0);
        out.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        out.extend(piece);
    }
    out.extend([1, 0, 0, 0xff, 0xff]);
    out
}

/// A gzip file that holds `bytes` uncompressed.
pub(crate) fn in_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(stored_deflate(bytes));
    out.extend(crc32(bytes).to_le_bytes());
    out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    out
}

/// An xz stream of one block that holds `bytes` uncompressed (the .xz file format 1.2.1), checked by CRC-32.
pub(crate) fn in_xz(bytes: &[u8]) -> Vec<u8> {
    let with_crc = |part: &[u8]| [part, &crc32(part).to_le_bytes()].concat();
    let flags = [0, 1];
    let mut out = [b"\xfd7zXZ\0".as_slice(), &with_crc(&flags)].concat();
    let start = out.len();
    // One filter, LZMA2 with one byte of properties: a dictionary of 64 KiB; padded to 12 bytes with the CRC.
    out.extend(with_crc(&[2, 0, 0x21, 1, 8, 0, 0, 0]));
    for (index, piece) in bytes.chunks(1 << 16).enumerate() {
        out.push(if index == 0 { 1 } else { 2 });
        out.extend(u16::try_from(piece.len() - 1).unwrap_or(0).to_be_bytes());
        out.extend(piece);
    }
    out.push(0);
    let unpadded = out.len() - start + 4;
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    out.extend(crc32(bytes).to_le_bytes());
    let mut index = vec![0, 1];
    index.extend(variable(unpadded));
    index.extend(variable(bytes.len()));
    index.resize(index.len().next_multiple_of(4), 0);
    let index = with_crc(&index);
    out.extend(&index);
    let backward = u32::try_from(index.len() / 4 - 1).unwrap_or(0).to_le_bytes();
    let footer = [backward.as_slice(), &flags].concat();
    out.extend(crc32(&footer).to_le_bytes());
    out.extend(footer);
    out.extend(b"YZ");
    out
}

/// A bzip2 stream that holds `bytes`. By an encoder, as the format has no uncompressed blocks.
pub(crate) fn in_bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

/// A zstd frame that holds `bytes` uncompressed and declares how many they are (RFC 8878 3.1.1), without a checksum.
pub(crate) fn in_zstd(bytes: &[u8]) -> Vec<u8> {
    // One segment, whose size has four bytes.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    let block = |piece: &[u8], last: u32| {
        let header = u32::try_from(piece.len()).unwrap_or(0) << 3 | last;
        [&header.to_le_bytes()[..3], piece].concat()
    };
    for piece in bytes.chunks(1 << 16) {
        out.extend(block(piece, 0));
    }
    out.extend(block(b"", 1));
    out
}

/// An integer in seven bits a byte (section 1.2).
fn variable(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return out;
        }
    }
}

/// A `.deb` with these archives (deb(5)); names end in what the archives are compressed with.
pub(crate) fn in_deb(control: (&str, &[u8]), data: (&str, &[u8])) -> Vec<u8> {
    in_ar(&[("debian-binary", b"2.0\n"), control, data])
}

/// A Unix `ar` file with these members, whose names are put down as they are.
pub(crate) fn in_ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, contents) in members {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", contents.len());
        out.extend(header.as_bytes());
        out.extend(*contents);
        if !contents.len().is_multiple_of(2) {
            out.push(b'\n');
        }
    }
    out
}

/// A tar of one entry: a header block with true sums, and the contents (POSIX.1-2017 `pax`).
pub(crate) fn tar_entry(name: &str, kind: u8, link: &str, contents: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, if kind == b'5' { b"0000755\0" } else { b"0000644\0" });
    put(108, b"0000000\x000000000\0");
    put(124, format!("{:011o}\0{:011o}\0", contents.len(), 1_700_000_000).as_bytes());
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let mut out = seal_tar(&block);
    out.extend(contents);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

#[cfg(test)]
mod tests {
    use twinbuild_archive::{Format, Limits, read};

    use super::*;

    fn tar() -> Vec<u8> {
        [tar_entry("control", b'0', "", b"Package: p\n"), vec![0; 1024]].concat()
    }

    #[test]
    fn what_is_put_into_containers_reads() {
        let tar = tar();
        let many = [tar.clone(), vec![0; 200_000]].concat();
        for (bytes, format) in [
            (tar.clone(), Format::Tar),
            (in_gzip(&tar), Format::TarGz),
            (in_xz(&tar), Format::TarXz),
            (in_xz(&many), Format::TarXz),
            (in_bzip2(&tar), Format::TarBz2),
            (in_zstd(&tar), Format::TarZst),
            (in_zstd(&many), Format::TarZst),
            (in_ar(&[("a.o/", &tar)]), Format::Ar),
            (in_deb(("control.tar", &tar), ("data.tar.xz", &in_xz(&tar))), Format::Deb),
            (in_deb(("control.tar", &tar), ("data.tar.zst", &in_zstd(&tar))), Format::Deb),
        ] {
            let archive = read(&bytes, format, &Limits::default()).unwrap();
            assert_eq!(archive.members.len(), 1, "{format:?}");
            // The padding of `many` is lawful, and longer than tools write it; a frame needs no checksum.
            let others = archive.anomalies.iter().filter(|anomaly| anomaly.code != "zstd-no-checksum");
            assert!(others.count() == 0 || bytes.len() > 200_000, "{format:?} {:?}", archive.anomalies);
        }
    }

    #[test]
    fn broken_sums_are_made_true() {
        let wheel = twinbuild_hostile_corpus::honest_wheel();
        assert_eq!(seal_zip(&wheel), wheel);
        let mut broken = wheel.clone();
        broken[14] ^= 1;
        assert_eq!(seal_zip(&broken), wheel);
        let gzip = in_gzip(b"twin");
        let mut broken = gzip.clone();
        let last = broken.len() - 1;
        broken[last] ^= 1;
        assert_eq!(seal_gzip(&broken), gzip);
        let mut broken = tar();
        broken[150] ^= 1;
        assert_eq!(seal_tar(&broken), tar());
    }
}
