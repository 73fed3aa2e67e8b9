//! Times in PNG images: the chunk `tIME`, and the text chunks `tEXt`, `zTXt` and `iTXt` with the keywords `date:create` and
//! `date:modify` of ImageMagick and `Creation Time` (PNG specification, third edition, 5 "Datastream structure", 11.3.3
//! "Textual information", 11.3.6.1 "tIME"; RFC 2083).
//!
//! The chunk stays, in its place and of its kind; `tIME` becomes 1970-01-01 00:00:00, a text becomes empty. No image viewer
//! draws by them. A program could read them, so what they may carry is bounded: a time must be one, and a text must be 1 to
//! 64 letters, digits and ` ,:+-./()`, in a chunk of at most 256 bytes. Pixels, other chunks, other texts and the order of
//! chunks stay. The whole file is checked first: all CRCs, one `tIME`, and nothing after `IEND`, where another file could
//! hide.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::dates::is_date;
use crate::error::Fault;
use crate::paths::is_data;
use crate::rule::{Effect, Rewrite, Rule, Stage, always, length};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const KEYWORDS: [&[u8]; 3] = [b"date:create", b"date:modify", b"Creation Time"];
/// Year 1970, month, day, hour, minute, second.
const TIME: [u8; 7] = [0x07, 0xb2, 1, 1, 0, 0, 0];
/// A zlib stream of nothing (RFC 1950).
const EMPTY_ZLIB: &[u8] = &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
const TEXT_BYTES: usize = 64;
const CHUNK_BYTES: usize = 256;
/// Length, type and CRC.
const FRAME_BYTES: usize = 12;

pub(crate) const RULE: Rule = Rule {
    name: "png-time",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Passes,
    files: "`*.png`",
    what: "The chunk `tIME` becomes 1970-01-01 00:00:00, and the text of `tEXt`, `zTXt` and `iTXt` chunks with the keyword \
           `date:create`, `date:modify` or `Creation Time` becomes empty; CRCs are checked, and follow.",
    concerns: |path| is_data(path, &[".png"]),
    rewrite,
    agree: always,
};

/// What makes a PNG image malformed, or a time in it something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PngFault {
    /// The file ends within a chunk or before `IEND`.
    #[error("the PNG chunk at offset {offset} needs {needed} bytes, and {available} are left")]
    Truncated {
        /// Of the chunk.
        offset: usize,
        /// The chunk's size, at least.
        needed: u64,
        /// The bytes left.
        available: usize,
    },
    /// A type that is not four ASCII letters, or a first or last chunk that is not `IHDR` or an empty `IEND`.
    #[error("the PNG chunk at offset {offset} has the type `{found}` and {size} bytes of data, which cannot be there")]
    Chunk {
        /// Of the chunk.
        offset: usize,
        /// Its type, escaped.
        found: String,
        /// The size of its data.
        size: usize,
    },
    /// The CRC of a chunk is wrong.
    #[error("the PNG chunk at offset {offset} declares the CRC {declared:08x} and has {found:08x}")]
    Crc {
        /// Of the chunk.
        offset: usize,
        /// The declared sum.
        declared: u32,
        /// The sum of type and data.
        found: u32,
    },
    /// Bytes follow `IEND`.
    #[error("{length} bytes follow the end of the PNG image at offset {offset}")]
    Trailing {
        /// Where the image ends.
        offset: usize,
        /// How many bytes follow.
        length: usize,
    },
    /// A `tIME` that is no time, or the second one.
    #[error("the chunk tIME at offset {offset} is not one date and time of 7 bytes, or it is the second one")]
    Time {
        /// Of the chunk.
        offset: usize,
    },
    /// A text under a date's keyword that is no date.
    #[error("the text chunk at offset {offset} under the keyword of a date {detail}")]
    Text {
        /// Of the chunk.
        offset: usize,
        /// What is wrong.
        detail: &'static str,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    if !content.starts_with(SIGNATURE) {
        return Ok(None);
    }
    let mut written = Vec::with_capacity(content.len());
    written.extend_from_slice(SIGNATURE);
    let (mut offset, mut bytes, mut has_time) = (SIGNATURE.len(), 0, false);
    loop {
        let chunk = Chunk::at(content, offset)?;
        chunk.check(offset == SIGNATURE.len())?;
        let replaced = match &chunk.kind {
            b"tIME" if has_time => return Err(PngFault::Time { offset }.into()),
            b"tIME" => {
                has_time = true;
                chunk.without_time()?
            }
            b"tEXt" | b"zTXt" | b"iTXt" => chunk.without_date()?,
            _ => None,
        };
        match replaced {
            Some((data, rewritten)) => {
                chunk.write_with(&data, &mut written);
                bytes += rewritten;
            }
            None => written.extend_from_slice(chunk.bytes),
        }
        offset += chunk.bytes.len();
        if chunk.kind == *b"IEND" {
            break;
        }
    }
    if offset != content.len() {
        return Err(PngFault::Trailing { offset, length: content.len() - offset }.into());
    }
    Ok((bytes > 0).then_some(Rewrite { content: written, bytes }))
}

struct Chunk<'a> {
    offset: usize,
    kind: [u8; 4],
    data: &'a [u8],
    declared_crc: u32,
    /// All of it.
    bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn at(content: &'a [u8], offset: usize) -> Result<Self, PngFault> {
        let rest = &content[offset..];
        let truncated = |needed: u64| PngFault::Truncated { offset, needed, available: rest.len() };
        let Some((size, after_size)) = rest.split_first_chunk::<4>() else { return Err(truncated(12)) };
        let size = u32::from_be_bytes(*size);
        let needed = truncated(u64::from(size) + 12);
        let Some((kind, after_kind)) = after_size.split_first_chunk::<4>() else { return Err(needed) };
        let Some((data, after_data)) = usize::try_from(size).ok().and_then(|size| after_kind.split_at_checked(size))
        else {
            return Err(needed);
        };
        let Some((crc, _)) = after_data.split_first_chunk::<4>() else { return Err(needed) };
        let bytes = &rest[..data.len() + FRAME_BYTES];
        Ok(Self { offset, kind: *kind, data, declared_crc: u32::from_be_bytes(*crc), bytes })
    }

    /// The type, its place, and the CRC.
    fn check(&self, is_first: bool) -> Result<(), PngFault> {
        let Self { offset, kind, data, declared_crc, .. } = *self;
        let is_possible = kind.iter().all(u8::is_ascii_alphabetic)
            && is_first == (kind == *b"IHDR")
            && (kind != *b"IEND" || data.is_empty());
        if !is_possible {
            return Err(PngFault::Chunk { offset, found: kind.escape_ascii().to_string(), size: data.len() });
        }
        let found = crc(kind, data);
        if found == declared_crc { Ok(()) } else { Err(PngFault::Crc { offset, declared: declared_crc, found }) }
    }

    fn write_with(&self, data: &[u8], to: &mut Vec<u8>) {
        // At most as long as the fixed values.
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        to.extend_from_slice(&size.to_be_bytes());
        to.extend_from_slice(&self.kind);
        to.extend_from_slice(data);
        to.extend_from_slice(&crc(self.kind, data).to_be_bytes());
    }

    /// The data of a `tIME` with the fixed time, and how many bytes were rewritten.
    fn without_time(&self) -> Result<Option<(Vec<u8>, u64)>, PngFault> {
        match self.data {
            [_, _, month, day, hour, minute, second] if is_date(*month, *day, *hour, *minute, *second) => {
                Ok((self.data != TIME).then(|| (TIME.to_vec(), length(self.data))))
            }
            _ => Err(PngFault::Time { offset: self.offset }),
        }
    }

    /// The data of a text chunk with an empty text, and how many bytes were rewritten, if its keyword is that of a date.
    fn without_date(&self) -> Result<Option<(Vec<u8>, u64)>, PngFault> {
        let Some(keyword) = KEYWORDS
            .iter()
            .find(|keyword| self.data.strip_prefix(**keyword).is_some_and(|rest| rest.first() == Some(&0)))
        else {
            return Ok(None);
        };
        let fault = |detail| PngFault::Text { offset: self.offset, detail };
        if self.data.len() > CHUNK_BYTES {
            return Err(fault("has more than 256 bytes"));
        }
        let after_keyword = &self.data[keyword.len() + 1..];
        let (is_compressed, text) = match (&self.kind, after_keyword) {
            (b"tEXt", text) => (false, text),
            (b"zTXt", [0, stream @ ..]) => (true, stream),
            (b"iTXt", [flag @ (0 | 1), 0, rest @ ..]) => {
                // The language, and the keyword in that language.
                let mut parts = rest.splitn(3, |byte| *byte == 0).skip(2);
                (*flag == 1, parts.next().ok_or_else(|| fault("ends before its text"))?)
            }
            _ => return Err(fault("has an unknown compression")),
        };
        let plain = if is_compressed {
            inflate(text).ok_or_else(|| fault("has no zlib stream of at most 64 bytes"))?
        } else {
            text.to_vec()
        };
        if plain.is_empty() && (!is_compressed || text == EMPTY_ZLIB) {
            return Ok(None);
        }
        let is_date_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b" ,:+-./()".contains(byte);
        if plain.len() > TEXT_BYTES || !plain.iter().all(is_date_byte) {
            return Err(fault("is not 64 or fewer letters, digits and ` ,:+-./()`"));
        }
        let before_text = &self.data[..self.data.len() - text.len()];
        let empty = if is_compressed { EMPTY_ZLIB } else { &[] };
        Ok(Some(([before_text, empty].concat(), length(text))))
    }
}

fn crc(kind: [u8; 4], data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(data);
    crc.sum()
}

/// The contents of a zlib stream, if it is all of `stream` and has at most 64 bytes.
fn inflate(stream: &[u8]) -> Option<Vec<u8>> {
    let mut plain = vec![0; TEXT_BYTES + 1];
    let mut inflater = Decompress::new(true);
    let status = inflater.decompress(stream, &mut plain, FlushDecompress::Finish).ok()?;
    let is_whole = status == Status::StreamEnd && inflater.total_in() == length(stream);
    plain.truncate(usize::try_from(inflater.total_out()).ok()?);
    (is_whole && plain.len() <= TEXT_BYTES).then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{Equality, equal_after_rules};

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let size = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&size, kind.as_slice(), data, &crc(*kind, data).to_be_bytes()].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        let header = chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
        [SIGNATURE, &header, &chunks.concat(), &chunk(b"IDAT", b"pixels"), &chunk(b"IEND", b"")].concat()
    }

    fn time(second: u8) -> Vec<u8> {
        chunk(b"tIME", &[0x07, 0xe8, 2, 29, 12, 30, second])
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn compare(a: &[Vec<u8>], b: &[Vec<u8>]) -> Equality {
        equal_after_rules(&"demo/logo.png".into(), &png(a), &png(b))
    }

    fn fails(image: &[u8]) -> bool {
        matches!(rewrite(image), Err(Fault::Png(_)))
    }

    #[test]
    fn all_times_are_replaced() {
        let date = b"2024-02-29T12:30:01+00:00";
        let chunks = [
            time(1),
            chunk(b"tEXt", &[b"date:create\0", date.as_slice()].concat()),
            chunk(b"zTXt", &[b"date:modify\0\0", zlib(date).as_slice()].concat()),
            chunk(b"iTXt", &[b"Creation Time\0\0\0en\0\0", date.as_slice()].concat()),
            chunk(b"iTXt", &[b"Creation Time\0\x01\0\0Zeit\0", zlib(date).as_slice()].concat()),
            chunk(b"tEXt", b"Comment\0date:create"),
        ];
        let rewrite = rewrite(&png(&chunks)).unwrap().unwrap();
        let expected = png(&[
            chunk(b"tIME", &TIME),
            chunk(b"tEXt", b"date:create\0"),
            chunk(b"zTXt", &[b"date:modify\0\0", EMPTY_ZLIB].concat()),
            chunk(b"iTXt", b"Creation Time\0\0\0en\0\0"),
            chunk(b"iTXt", &[b"Creation Time\0\x01\0\0Zeit\0", EMPTY_ZLIB].concat()),
            chunk(b"tEXt", b"Comment\0date:create"),
        ]);
        assert_eq!(rewrite.content, expected);
        assert_eq!(rewrite.bytes, 7 + 2 * 25 + 2 * length(&zlib(date)));
        assert_eq!(super::rewrite(&expected).unwrap(), None);
        assert_eq!(zlib(b""), [&[0x78, 0xda], &EMPTY_ZLIB[2..]].concat());
    }

    #[test]
    fn images_without_times_and_other_files_stay() {
        assert_eq!(rewrite(&png(&[])).unwrap(), None);
        assert_eq!(rewrite(b"").unwrap(), None);
        assert_eq!(rewrite(b"GIF89a").unwrap(), None);
    }

    #[test]
    fn other_differences_stay() {
        assert!(compare(&[time(1)], &[time(2)]).is_equal());
        let text = |text: &str| chunk(b"tEXt", text.as_bytes());
        for (a, b) in [
            (vec![time(1)], vec![]),
            (vec![time(1), text("A\0b")], vec![time(2), text("A\0c")]),
            (vec![time(1), text("A\0b")], vec![text("A\0b"), time(2)]),
            (vec![text("date:create\x002024")], vec![text("date:modify\x002024")]),
            (vec![text("date:created\x002024")], vec![text("date:created\x002025")]),
            (vec![text("Date:create\x002024")], vec![text("Date:create\x002025")]),
            (vec![text("Software\x002024")], vec![text("Software\x002025")]),
            (
                vec![text("date:create\x002024")],
                vec![chunk(b"zTXt", &[b"date:create\0\0", zlib(b"2024").as_slice()].concat())],
            ),
        ] {
            assert_eq!(compare(&a, &b), Equality::Different, "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_a_fault() {
        let long = format!("date:create\0{}", "x".repeat(65));
        let bomb = [b"date:create\0\0", zlib(&[b'1'; 100_000]).as_slice()].concat();
        let after_stream = [b"date:create\0\0", zlib(b"2024").as_slice(), b"hidden"].concat();
        for chunk in [
            chunk(b"tIME", &[0x07, 0xe8, 13, 1, 0, 0, 0]),
            chunk(b"tIME", &[0; 6]),
            [time(1), time(1)].concat(),
            chunk(b"tEXt", long.as_bytes()),
            chunk(b"tEXt", b"date:create\0<script>"),
            chunk(b"tEXt", "date:create\0\u{e9}".as_bytes()),
            chunk(b"zTXt", &bomb),
            chunk(b"zTXt", &after_stream),
            chunk(b"zTXt", &[b"date:create\0", [0; 250].as_slice()].concat()),
            chunk(b"zTXt", b"date:create\0\x01"),
            chunk(b"zTXt", b"date:create\0"),
            chunk(b"iTXt", b"date:create\0\0\0en\0"),
            chunk(b"iTXt", b"date:create\0\x02\0\0\0x"),
        ] {
            assert!(fails(&png(std::slice::from_ref(&chunk))), "{chunk:?}");
        }
    }

    #[test]
    fn a_malformed_image_is_a_fault() {
        let image = png(&[time(1)]);
        for cut in SIGNATURE.len()..image.len() {
            assert!(fails(&image[..cut]), "{cut} bytes");
        }
        assert!(matches!(
            rewrite(&[image.as_slice(), b"\0"].concat()),
            Err(Fault::Png(PngFault::Trailing { length: 1, .. }))
        ));
        for at in SIGNATURE.len()..image.len() {
            let mut other = image.clone();
            other[at] ^= 1;
            assert!(fails(&other), "byte {at}");
        }
        assert!(fails(&[SIGNATURE, &time(1), &chunk(b"IEND", b"")].concat()));
        assert!(fails(&png(&[chunk(b"IEND", b"x")])));
        assert!(fails(&png(&[chunk(b"IHDR", b"x")])));
        assert!(fails(&png(&[chunk(b"a\0bc", b"x")])));
        assert!(fails(&[SIGNATURE, &[0xff; 40]].concat()));
    }
}
