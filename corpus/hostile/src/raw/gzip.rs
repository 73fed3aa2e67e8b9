//! Gzip members (RFC 1952).

use super::{crc32, deflate, wide};

/// A member, field by field.
#[derive(Clone)]
pub(crate) struct Gzip {
    pub(crate) method: u8,
    /// FLG without the bits of the fields that are there.
    pub(crate) flags: u8,
    pub(crate) modified: u32,
    pub(crate) system: u8,
    pub(crate) extra: Option<Vec<u8>>,
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) comment: Option<Vec<u8>>,
    /// FHCRC, added to the true sum.
    pub(crate) header_crc_error: Option<u16>,
    pub(crate) deflated: Vec<u8>,
    pub(crate) crc32: u32,
    pub(crate) size: u32,
}

impl Gzip {
    /// An honest member.
    pub(crate) fn of(contents: &[u8]) -> Self {
        Self::with(contents, deflate::deflate(contents))
    }

    /// A member with these contents, compressed by the caller.
    pub(crate) fn with(contents: &[u8], deflated: Vec<u8>) -> Self {
        Self {
            method: 8,
            flags: 0,
            modified: 1_700_000_000,
            system: 255,
            extra: None,
            name: None,
            comment: None,
            header_crc_error: None,
            deflated,
            crc32: crc32(contents),
            size: wide(contents.len()),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let flags = self.flags
            | u8::from(self.header_crc_error.is_some()) << 1
            | u8::from(self.extra.is_some()) << 2
            | u8::from(self.name.is_some()) << 3
            | u8::from(self.comment.is_some()) << 4;
        let mut out = vec![0x1f, 0x8b, self.method, flags];
        out.extend(self.modified.to_le_bytes());
        out.extend([0, self.system]);
        if let Some(extra) = &self.extra {
            out.extend(super::small(extra.len()).to_le_bytes());
            out.extend(extra);
        }
        for text in [&self.name, &self.comment].into_iter().flatten() {
            out.extend(text);
            out.push(0);
        }
        if let Some(error) = self.header_crc_error {
            let [low, high, ..] = crc32(&out).to_le_bytes();
            out.extend(u16::from_le_bytes([low, high]).wrapping_add(error).to_le_bytes());
        }
        [&*out, &self.deflated, &self.crc32.to_le_bytes(), &self.size.to_le_bytes()].concat()
    }
}
