//! One header block of a tar (POSIX ustar interchange format; GNU tar manual, "Basic Tar Format").

use twinbuild_subject::Sha256;

use crate::archive::Anomaly;
use crate::error::{ReadError, Unsupported};
use crate::source::length;
use crate::tar::BLOCK_BYTES;
use crate::tar::fault::TarFault;

/// Which dialect a header's magic and version say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TarDialect {
    /// `ustar`, version `00`: POSIX, with a prefix field. PAX headers are of it too.
    Ustar,
    /// `ustar` and two spaces: GNU, and old PAX drafts.
    Gnu,
    /// No magic: Unix version 7.
    V7,
    /// Another magic or version; a finding.
    Other,
}

/// A header block. The fields are parsed from the block, which is all evidence that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarHeader {
    /// By magic and version.
    pub dialect: TarDialect,
    /// The name field up to its NUL.
    pub name: Vec<u8>,
    /// The mode, type bits included where a writer put them there; `None` where all is NUL.
    pub mode: Option<u64>,
    /// User id; `None` where all is NUL.
    pub uid: Option<i64>,
    /// Group id; `None` where all is NUL.
    pub gid: Option<i64>,
    /// Size of the contents in bytes.
    pub size: u64,
    /// Unix seconds; `None` where all is NUL.
    pub mtime: Option<i64>,
    /// The type flag.
    pub type_flag: u8,
    /// The link name field up to its NUL.
    pub link_name: Vec<u8>,
    /// The user's name up to its NUL.
    pub user_name: Vec<u8>,
    /// The group's name up to its NUL.
    pub group_name: Vec<u8>,
    /// The prefix up to its NUL; empty but for [`TarDialect::Ustar`].
    pub prefix: Vec<u8>,
    /// All 512 bytes.
    pub block: Box<[u8; BLOCK_BYTES]>,
}

impl TarHeader {
    /// The name, with the prefix in front where there is one.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        if self.prefix.is_empty() { self.name.clone() } else { [&*self.prefix, b"/", &self.name].concat() }
    }

    /// Parses the block at `offset` of the expanded tar.
    pub(super) fn parse(
        block: [u8; BLOCK_BYTES],
        offset: u64,
        anomalies: &mut Vec<Anomaly>,
    ) -> Result<Self, ReadError> {
        checksum(&block, offset, anomalies)?;
        let dialect = dialect(&block, offset, anomalies)?;
        let number = |from: usize, to: usize, field: &'static str| {
            let bytes = &block[from..to];
            number(bytes).map_err(|NotANumber| TarFault::Number {
                offset,
                field,
                found: bytes.escape_ascii().to_string(),
            })
        };
        // Of spaces GNU tar makes another number than the rest, which take them for zero, as all do with NULs.
        let stated = |from: usize, to: usize, field: &'static str| {
            let (value, bytes) = (number(from, to, field)?, &block[from..to]);
            if value.is_none() && bytes.contains(&b' ') {
                return Err(TarFault::Number { offset, field, found: bytes.escape_ascii().to_string() });
            }
            Ok(value)
        };
        let natural = |from: usize, to: usize, field: &'static str| {
            let found = || block[from..to].escape_ascii().to_string();
            stated(from, to, field)?
                .map(|value| u64::try_from(value).map_err(|_| TarFault::Number { offset, field, found: found() }))
                .transpose()
        };
        for (from, to, field) in [(329, 337, "major device number"), (337, 345, "minor device number")] {
            number(from, to, field)?;
        }
        let mut text = |from: usize, to: usize, field: &str| {
            let (text, tail) = cut(&block[from..to]);
            if tail.iter().any(|byte| *byte != 0) {
                let (offset, length) = (offset + to as u64 - length(tail), length(tail));
                let detail = format!("`{}` follows the end of the {field}", shown(tail));
                anomalies.push(Anomaly { code: "tar-field-tail", offset, length, path: None, detail });
            }
            text.to_vec()
        };
        let header = Self {
            dialect,
            name: text(0, 100, "name"),
            mode: natural(100, 108, "mode")?,
            uid: stated(108, 116, "user id")?,
            gid: stated(116, 124, "group id")?,
            size: natural(124, 136, "size")?.ok_or_else(|| TarFault::Number {
                offset,
                field: "size",
                found: block[124..136].escape_ascii().to_string(),
            })?,
            mtime: stated(136, 148, "time")?,
            type_flag: block[156],
            link_name: text(157, 257, "link name"),
            user_name: text(265, 297, "user name"),
            group_name: text(297, 329, "group name"),
            prefix: text(345, 500, "prefix"),
            block: Box::new(block),
        };
        if dialect != TarDialect::Ustar && block[345..500].iter().any(|byte| *byte != 0) {
            let found = block[345..500].trim_ascii_end().escape_ascii().to_string();
            return Err(TarFault::Prefix { offset, found, magic: block[257..265].escape_ascii().to_string() }.into());
        }
        Ok(header)
    }
}

/// Whether the block would be taken for a header: its checksum is right.
pub(super) fn is_header(block: &[u8; BLOCK_BYTES]) -> bool {
    matches!(number(&block[148..156]), Ok(Some(declared)) if sums(block).contains(&declared))
}

/// The text of a field up to its first NUL, and what follows that.
pub(super) fn cut(field: &[u8]) -> (&[u8], &[u8]) {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    (&field[..end], field.get(end + 1..).unwrap_or_default())
}

/// Bytes of the expanded tar as the detail of an anomaly holds them: escaped without trailing zeros where they are few,
/// else their digest. No offset of the archive file leads to them.
pub(super) fn shown(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if end <= 64 { bytes[..end].escape_ascii().to_string() } else { format!("SHA-256 {}", Sha256::of(bytes)) }
}

/// The sum of the bytes with the checksum's own taken as spaces: unsigned as POSIX says, and signed as old tars had it.
fn sums(block: &[u8; BLOCK_BYTES]) -> [i64; 2] {
    let bytes = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    [bytes().map(|byte| i64::from(*byte)).sum(), bytes().map(|byte| i64::from(byte.cast_signed())).sum()]
}

fn checksum(block: &[u8; BLOCK_BYTES], offset: u64, anomalies: &mut Vec<Anomaly>) -> Result<(), ReadError> {
    let field = &block[148..156];
    let declared = number(field).ok().flatten().ok_or_else(|| TarFault::Number {
        offset,
        field: "checksum",
        found: field.escape_ascii().to_string(),
    })?;
    let [unsigned, signed] = sums(block);
    if declared != unsigned && declared != signed {
        return Err(TarFault::Checksum { offset, declared, found: unsigned }.into());
    }
    if declared != unsigned {
        let detail = format!("the checksum {declared} is the signed one; the unsigned is {unsigned}");
        anomalies.push(Anomaly { code: "tar-signed-checksum", offset: offset + 148, length: 8, path: None, detail });
    }
    Ok(())
}

fn dialect(block: &[u8; BLOCK_BYTES], offset: u64, anomalies: &mut Vec<Anomaly>) -> Result<TarDialect, ReadError> {
    let magic = &block[257..265];
    let dialect = match magic {
        b"ustar\x0000" => TarDialect::Ustar,
        b"ustar  \0" => TarDialect::Gnu,
        [0, 0, 0, 0, 0, 0, 0, 0] => TarDialect::V7,
        _ => TarDialect::Other,
    };
    if &block[508..512] == b"tar\0" {
        return Err(Unsupported::TarDialect { offset, dialect: "star" }.into());
    }
    let mut note = |code, at, length, detail| {
        anomalies.push(Anomaly { code, offset: offset + at, length, path: None, detail });
    };
    if dialect == TarDialect::Other {
        note("tar-magic", 257, 8, format!("the magic is `{}`", magic.escape_ascii()));
    }
    if block[500..].iter().any(|byte| *byte != 0) {
        note("tar-header-padding", 500, 12, format!("`{}` follows the last field of a header", shown(&block[500..])));
    }
    Ok(dialect)
}

struct NotANumber;

/// Octal digits between spaces and NULs, or base 256 in two's complement with the first byte 0x80 or 0xff (GNU). What
/// some reader cuts short or refuses is no number: digits after a terminator, blanks within, other digits.
fn number(field: &[u8]) -> Result<Option<i64>, NotANumber> {
    match field {
        [0x80, digits @ ..] => base256(0, digits).map(Some),
        [0xff, digits @ ..] => base256(-1, digits).map(Some),
        _ => {
            let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
            let rest = &field[start..];
            let end = rest.iter().position(|byte| !matches!(byte, b'0'..=b'7')).unwrap_or(rest.len());
            let (digits, tail) = rest.split_at(end);
            if !tail.iter().all(|byte| matches!(byte, 0 | b' ')) {
                return Err(NotANumber);
            }
            if digits.is_empty() {
                return Ok(None);
            }
            let value = digits
                .iter()
                .try_fold(0_i64, |value, digit| value.checked_mul(8)?.checked_add(i64::from(digit - b'0')));
            value.map(Some).ok_or(NotANumber)
        }
    }
}

fn base256(start: i64, digits: &[u8]) -> Result<i64, NotANumber> {
    let value = digits.iter().try_fold(start, |value, digit| value.checked_mul(256)?.checked_add(i64::from(*digit)));
    value.ok_or(NotANumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_all_readers_agree() {
        for (field, value) in [
            (b"0000644\0".as_slice(), Some(0o644)),
            (b"000644 \0", Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"77777777", Some(0o77_777_777)),
            (b"\0\0\0\0\0\0\0\0", None),
            (b"        ", None),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\x00", Some(-256)),
        ] {
            assert_eq!(number(field).ok(), Some(value), "{}", field.escape_ascii());
        }
    }

    #[test]
    fn numbers_that_readers_cut_differently_are_none() {
        for field in [
            b"12 34\0\0\0".as_slice(),
            b"\x0012\0\0\0\0\0",
            b"0000648\0",
            b"-1\0\0\0\0\0\0",
            b"0o644\0\0\0",
            b"12\09\0\0\0\0",
            b"\x81\0\0\0\0\0\0\0",
            b"\t644\0\0\0\0",
        ] {
            assert!(number(field).is_err(), "{}", field.escape_ascii());
        }
        assert!(number(b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(number(b"\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }
}
