//! The time and the file name in the header of a gzip file (RFC 1952 2.3): MTIME becomes 0, FNAME is removed with its flag.
//!
//! The contents are the same without them. `gunzip -N` names what it writes by FNAME, so a name must be one: at most 255
//! bytes, no control characters, no separators. FTEXT, FEXTRA, FCOMMENT, XFL, OS and the deflate stream stay, byte by byte;
//! a header CRC is verified, and follows. The stream is decoded to its end, at most 1 GiB of it, and its CRC-32 and size are
//! checked, because a second member, or bytes after the end, are contents to some readers and nothing to others.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::error::Fault;
use crate::paths::is_data;
use crate::rule::{Effect, Rewrite, Rule, Stage, always, length};

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;
const FLAGS_RESERVED: u8 = 0b1110_0000;
const DEFLATE: u8 = 8;
const TRAILER_BYTES: usize = 8;
const NAME_BYTES: usize = 255;
const LIMIT_BYTES: u64 = 1 << 30;

pub(crate) const RULE: Rule = Rule {
    name: "gzip-header",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Passes,
    files: "`*.gz`",
    what: "MTIME becomes 0 and FNAME is removed; the compressed stream stays, and must be the only one.",
    concerns: |path| is_data(path, &[".gz"]),
    rewrite,
    agree: always,
};

/// What makes a gzip file malformed or ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GzipFault {
    /// The file ends within the header or the trailer.
    #[error("the gzip file ends at offset {offset}, within its {part}")]
    Truncated {
        /// The size of the file.
        offset: usize,
        /// What is cut.
        part: &'static str,
    },
    /// Another method than deflate, or a reserved flag.
    #[error(
        "the gzip header has the method {method} and the flags {flags:02x}; method 8 and flags below 20 are expected"
    )]
    Header {
        /// CM.
        method: u8,
        /// FLG.
        flags: u8,
    },
    /// The header's own CRC-16 is wrong.
    #[error("the gzip header declares the CRC-16 {declared:04x} and has {found:04x}")]
    HeaderCrc {
        /// The declared sum.
        declared: u16,
        /// The sum of the header.
        found: u16,
    },
    /// FNAME is too long, or has control characters or separators.
    #[error(
        "the gzip header has the file name `{found}`; at most 255 bytes without separators and controls are expected"
    )]
    Name {
        /// The beginning of the name, escaped.
        found: String,
    },
    /// The contents are no deflate stream, or the file ends before it does.
    #[error("the deflate stream of the gzip file fails at offset {offset}")]
    Deflate {
        /// Of the first byte that could not be decoded, or a little after.
        offset: u64,
    },
    /// The contents are larger than this version decodes.
    #[error("the gzip file has more than {limit} bytes of contents, and no more are decoded")]
    Limit {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The CRC-32 or the size of the contents is not the declared one.
    #[error(
        "the gzip trailer declares the CRC-32 {declared_crc:08x} and {declared_size} bytes, and the contents have {found_crc:08x} and {found_size}"
    )]
    Trailer {
        /// The declared sum.
        declared_crc: u32,
        /// The declared size, modulo 2^32.
        declared_size: u32,
        /// The sum of the contents.
        found_crc: u32,
        /// The size of the contents, modulo 2^32.
        found_size: u32,
    },
    /// Another member or other bytes follow.
    #[error("{length} bytes follow the gzip member that ends at offset {offset}")]
    Trailing {
        /// Where the member ends.
        offset: usize,
        /// How many bytes follow.
        length: usize,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let Some(header) = Header::of(content)? else { return Ok(None) };
    check_stream(content, header.end)?;
    let time = if header.time == [0; 4] { 0 } else { length(&header.time) };
    // With its NUL byte.
    let bytes = time + header.name.map_or(0, |name| length(name) + 1);
    if bytes == 0 {
        return Ok(None);
    }
    let [flags, extra_flags, system] = [header.flags & !FLAG_NAME, content[8], content[9]];
    let mut written = vec![0x1f, 0x8b, DEFLATE, flags, 0, 0, 0, 0, extra_flags, system];
    written.extend_from_slice(header.extra);
    written.extend_from_slice(header.comment);
    if flags & FLAG_HEADER_CRC != 0 {
        written.extend_from_slice(&crc_16(&written).to_le_bytes());
    }
    written.extend_from_slice(&content[header.end..]);
    Ok(Some(Rewrite { content: written, bytes }))
}

struct Header<'a> {
    flags: u8,
    time: [u8; 4],
    /// With its length.
    extra: &'a [u8],
    name: Option<&'a [u8]>,
    /// With its NUL byte.
    comment: &'a [u8],
    /// Where the deflate stream begins.
    end: usize,
}

impl<'a> Header<'a> {
    /// `None` if the content does not begin like a gzip file.
    fn of(content: &'a [u8]) -> Result<Option<Self>, GzipFault> {
        if !content.starts_with(&[0x1f, 0x8b]) {
            return Ok(None);
        }
        let truncated = || GzipFault::Truncated { offset: content.len(), part: "header" };
        let Some(([_, _, method, flags, time @ .., _, _], mut rest)) = content.split_first_chunk::<10>() else {
            return Err(truncated());
        };
        let (method, flags, time) = (*method, *flags, *time);
        if method != DEFLATE || flags & FLAGS_RESERVED != 0 {
            return Err(GzipFault::Header { method, flags });
        }
        let mut extra: &[u8] = &[];
        if flags & FLAG_EXTRA != 0 {
            let size = rest.first_chunk::<2>().map(|size| usize::from(u16::from_le_bytes(*size)) + 2);
            (extra, rest) = size.and_then(|size| rest.split_at_checked(size)).ok_or_else(truncated)?;
        }
        let mut text = |flag: u8| -> Result<Option<&'a [u8]>, GzipFault> {
            if flags & flag == 0 {
                return Ok(None);
            }
            let nul = rest.iter().position(|byte| *byte == 0).ok_or_else(truncated)?;
            let (text, after) = rest.split_at(nul + 1);
            rest = after;
            Ok(Some(text))
        };
        let name = text(FLAG_NAME)?.map(|name| &name[..name.len() - 1]);
        let comment = text(FLAG_COMMENT)?.unwrap_or_default();
        if let Some(name) = name {
            check_name(name)?;
        }
        if flags & FLAG_HEADER_CRC != 0 {
            let found = crc_16(&content[..content.len() - rest.len()]);
            let Some((declared, after)) = rest.split_first_chunk::<2>() else { return Err(truncated()) };
            let declared = u16::from_le_bytes(*declared);
            if declared != found {
                return Err(GzipFault::HeaderCrc { declared, found });
            }
            rest = after;
        }
        Ok(Some(Self { flags, time, extra, name, comment, end: content.len() - rest.len() }))
    }
}

fn check_name(name: &[u8]) -> Result<(), GzipFault> {
    let is_plain = |byte: &u8| !byte.is_ascii_control() && !matches!(byte, b'/' | b'\\');
    if name.len() <= NAME_BYTES && name.iter().all(is_plain) {
        return Ok(());
    }
    Err(GzipFault::Name { found: name[..name.len().min(60)].escape_ascii().to_string() })
}

/// The lower half of the CRC-32 of a header (RFC 1952 2.3.1, "CRC16").
fn crc_16(header: &[u8]) -> u16 {
    let mut crc = Crc::new();
    crc.update(header);
    let [low, high, ..] = crc.sum().to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Decodes the deflate stream at `start` and checks that the trailer is true and that nothing follows.
fn check_stream(content: &[u8], start: usize) -> Result<(), GzipFault> {
    let mut inflater = Decompress::new(false);
    let mut crc = Crc::new();
    let mut buffer = vec![0; 1 << 16];
    let mut rest = &content[start..];
    loop {
        let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
        let deflate_fault = || GzipFault::Deflate { offset: length(&content[..start]).saturating_add(before_in) };
        let status = inflater.decompress(rest, &mut buffer, FlushDecompress::None).map_err(|_| deflate_fault())?;
        let step = |before: u64, after: u64| usize::try_from(after - before).map_err(|_| deflate_fault());
        let (taken, given) = (step(before_in, inflater.total_in())?, step(before_out, inflater.total_out())?);
        crc.update(&buffer[..given]);
        rest = &rest[taken..];
        if inflater.total_out() > LIMIT_BYTES {
            return Err(GzipFault::Limit { limit: LIMIT_BYTES });
        }
        if status == Status::StreamEnd {
            break;
        }
        if taken == 0 && given == 0 {
            return Err(deflate_fault());
        }
    }
    let Some(([crc_0, crc_1, crc_2, crc_3, size @ ..], after)) = rest.split_first_chunk::<TRAILER_BYTES>() else {
        return Err(GzipFault::Truncated { offset: content.len(), part: "trailer" });
    };
    let (declared_crc, declared_size) =
        (u32::from_le_bytes([*crc_0, *crc_1, *crc_2, *crc_3]), u32::from_le_bytes(*size));
    let (found_crc, found_size) = (crc.sum(), crc.amount());
    if (declared_crc, declared_size) != (found_crc, found_size) {
        return Err(GzipFault::Trailer { declared_crc, declared_size, found_crc, found_size });
    }
    if after.is_empty() {
        return Ok(());
    }
    Err(GzipFault::Trailing { offset: content.len() - after.len(), length: after.len() })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{Equality, equal_after_rules};

    const TEXT: &[u8] = b"some contents, some contents, some contents";

    fn gz(time: u32, name: Option<&str>, comment: Option<&str>, extra: Option<&str>, level: u32) -> Vec<u8> {
        let mut builder = flate2::GzBuilder::new().mtime(time);
        for (text, set) in
            [(name, flate2::GzBuilder::filename::<&str> as fn(_, _) -> _), (comment, flate2::GzBuilder::comment)]
        {
            if let Some(text) = text {
                builder = set(builder, text);
            }
        }
        if let Some(extra) = extra {
            builder = builder.extra(extra);
        }
        let mut encoder = builder.write(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(TEXT).unwrap();
        encoder.finish().unwrap()
    }

    fn plain() -> Vec<u8> {
        gz(0, None, None, None, 6)
    }

    fn compare(a: &[u8], b: &[u8]) -> Equality {
        equal_after_rules(&"demo/data.gz".into(), a, b)
    }

    #[test]
    fn time_and_name_are_removed() {
        let rewrite = rewrite(&gz(7, Some("data.csv"), None, None, 6)).unwrap().unwrap();
        assert_eq!(rewrite, Rewrite { content: plain(), bytes: 13 });
        assert_eq!(super::rewrite(&plain()).unwrap(), None);
        let both = super::rewrite(&gz(7, Some("data.csv"), Some("c"), Some("e"), 6)).unwrap().unwrap();
        assert_eq!(both.content, gz(0, None, Some("c"), Some("e"), 6));
    }

    #[test]
    fn the_header_crc_follows() {
        let with_crc = |time: u8| {
            let header = [0x1f, 0x8b, 8, FLAG_HEADER_CRC, time, 0, 0, 0, 0, 255];
            [&header, crc_16(&header).to_le_bytes().as_slice(), &plain()[10..]].concat()
        };
        assert_eq!(rewrite(&with_crc(9)).unwrap(), Some(Rewrite { content: with_crc(0), bytes: 4 }));
        let mut wrong = with_crc(9);
        wrong[10] ^= 1;
        assert!(matches!(rewrite(&wrong), Err(Fault::Gzip(GzipFault::HeaderCrc { .. }))));
    }

    #[test]
    fn everything_else_still_differs() {
        assert!(compare(&gz(1, Some("a"), None, None, 6), &gz(2, None, None, None, 6)).is_equal());
        for other in [
            gz(2, Some("a"), Some("comment"), None, 6),
            gz(2, Some("a"), None, Some("extra"), 6),
            gz(2, Some("a"), None, None, 0),
        ] {
            assert_eq!(compare(&gz(1, Some("a"), None, None, 6), &other), Equality::Different);
        }
        let original = gz(1, Some("a"), None, None, 6);
        for at in 0..original.len() {
            for bit in 0..8 {
                let mut other = original.clone();
                other[at] ^= 1 << bit;
                // 4 to 8 is the time, and 10 the name.
                assert!(
                    !compare(&original, &other).is_equal() || (4..8).contains(&at) || at == 10,
                    "byte {at}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn more_than_one_member_is_a_fault() {
        for after in [plain(), b"\0".to_vec(), b"hidden".to_vec()] {
            let file = [plain(), after].concat();
            assert!(matches!(rewrite(&file), Err(Fault::Gzip(GzipFault::Trailing { .. }))));
        }
    }

    #[test]
    fn a_malformed_file_is_a_fault_and_another_format_is_none() {
        let original = gz(1, Some("a"), Some("b"), Some("c"), 6);
        for cut in 2..original.len() {
            assert!(matches!(rewrite(&original[..cut]), Err(Fault::Gzip(_))), "{cut} bytes");
        }
        for (at, value) in [(2, 7), (3, 0x28)] {
            let mut other = original.clone();
            other[at] = value;
            assert!(matches!(rewrite(&other), Err(Fault::Gzip(GzipFault::Header { .. }))));
        }
        let mut lies = original;
        *lies.last_mut().unwrap() ^= 1;
        assert!(matches!(rewrite(&lies), Err(Fault::Gzip(GzipFault::Trailer { .. }))));
        for name in ["../up", "a\\b", "a\x1b[2J", &"x".repeat(256)] {
            let file = gz(1, Some(name), None, None, 6);
            assert!(matches!(rewrite(&file), Err(Fault::Gzip(GzipFault::Name { .. }))), "{name:?}");
        }
        assert_eq!(rewrite(b"").unwrap(), None);
        assert_eq!(rewrite(b"version https://git-lfs").unwrap(), None);
    }
}
