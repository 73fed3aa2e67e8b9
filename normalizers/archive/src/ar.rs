//! Unix `ar` as deb(5) uses it: eight bytes of magic, then members with a header of 60 bytes, at even offsets.

use crate::archive::{Anomaly, Tile, TileKind};
use crate::deb::DebFault;
use crate::error::ReadError;
use crate::source::Source;

const MAGIC: [u8; 8] = *b"!<arch>\n";
const HEADER_BYTES: u64 = 60;

/// One member of an ar file, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArMember {
    /// Without trailing spaces and the slash that GNU ar appends.
    pub name: Vec<u8>,
    /// Unix seconds.
    pub modified: u64,
    /// User id.
    pub uid: u64,
    /// Group id.
    pub gid: u64,
    /// Mode, type bits included.
    pub mode: u32,
    /// Of the header, in bytes from the start of the file.
    pub offset: u64,
    /// Of the contents.
    pub data_offset: u64,
    /// Of the contents, in bytes.
    pub size_bytes: u64,
}

impl ArMember {
    /// Where the contents end, without the padding byte.
    pub(crate) fn data_end(&self) -> u64 {
        self.data_offset + self.size_bytes
    }
}

/// Checks the magic and returns where the first member begins.
pub(crate) fn begin(source: &Source<'_>, tiles: &mut Vec<Tile>) -> Result<u64, ReadError> {
    if source.array::<8>(0)? != Some(MAGIC) {
        return Err(DebFault::ArHeader { offset: 0, detail: "begins without the magic `!<arch>`".to_owned() }.into());
    }
    tiles.push(Tile { offset: 0, length: 8, kind: TileKind::ArMagic });
    Ok(8)
}

/// Reads the header at `offset`; `None` at the end of the file.
pub(crate) fn header(source: &Source<'_>, offset: u64, tiles: &mut Vec<Tile>) -> Result<Option<ArMember>, ReadError> {
    if offset == source.size {
        return Ok(None);
    }
    let fault = |detail: String| ReadError::from(DebFault::ArHeader { offset, detail });
    let Some(header) = source.array::<60>(offset)? else {
        return Err(fault(format!("needs 60 bytes, and {} are left", source.size.saturating_sub(offset))));
    };
    if header[58..] != *b"`\n" {
        return Err(fault(format!("ends in {:02x}{:02x} and not in 600a", header[58], header[59])));
    }
    let number = |from: usize, to: usize, radix: u32, what: &str| {
        let digits = header[from..to].trim_ascii_end();
        let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        text.and_then(|text| u64::from_str_radix(text, radix).ok())
            .ok_or_else(|| fault(format!("has `{}` as {what}", digits.escape_ascii())))
    };
    let name = header[..16].trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/') || name.starts_with(b"#1") {
        return Err(fault(format!("has `{}` as name", header[..16].escape_ascii())));
    }
    let member = ArMember {
        name: name.to_vec(),
        modified: number(16, 28, 10, "time")?,
        uid: number(28, 34, 10, "user id")?,
        gid: number(34, 40, 10, "group id")?,
        mode: u32::try_from(number(40, 48, 8, "mode")?).map_err(|_| fault("has a mode beyond 32 bits".to_owned()))?,
        offset,
        data_offset: offset + HEADER_BYTES,
        size_bytes: number(48, 58, 10, "size")?,
    };
    let available = source.size - member.data_offset;
    if member.size_bytes > available {
        return Err(fault(format!("declares {} bytes, and {available} are left", member.size_bytes)));
    }
    tiles.push(Tile { offset, length: HEADER_BYTES, kind: TileKind::ArHeader });
    Ok(Some(member))
}

/// Passes the padding after a member of odd size and returns where the next one begins. dpkg does without it at the end.
pub(crate) fn padding(
    source: &Source<'_>,
    member: &ArMember,
    tiles: &mut Vec<Tile>,
    anomalies: &mut Vec<Anomaly>,
) -> Result<u64, ReadError> {
    let end = member.data_end();
    let mut note = |length, detail: String| {
        anomalies.push(Anomaly { code: "ar-padding", offset: end, length, path: None, detail });
    };
    if end.is_multiple_of(2) {
        return Ok(end);
    }
    let Some([byte]) = source.array::<1>(end)? else {
        note(0, "the last member has an odd size and no padding".to_owned());
        return Ok(end);
    };
    if byte != b'\n' {
        note(1, format!("the padding after a member is {byte:02x} and not 0a"));
    }
    tiles.push(Tile { offset: end, length: 1, kind: TileKind::Padding });
    Ok(end + 1)
}
