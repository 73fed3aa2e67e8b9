//! Writes zip files field by field, as the tools do that are imitated.

use flate2::Crc;
use twinbuild_repack::{Column, Compressed, Encoder, ZlibSettings};

use crate::{archive, parameters, written};

/// One member. The local header is like the central one but for what is named.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) contents: Vec<u8>,
    /// As it lies in the file.
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) local_flags: Option<u16>,
    pub(crate) needed: u16,
    pub(crate) local_needed: Option<u16>,
    pub(crate) system: u8,
    pub(crate) version: u8,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) local_date: Option<u16>,
    pub(crate) internal: u16,
    pub(crate) external: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) local_extra: Vec<u8>,
    /// The sizes in the local header are all ones.
    pub(crate) saturates_local: bool,
    pub(crate) comment: &'static [u8],
    /// Where bit 3 is set.
    pub(crate) descriptor: Shape,
    pub(crate) gap: &'static [u8],
}

/// What a data descriptor looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) is_signed: bool,
    pub(crate) is_wide: bool,
    pub(crate) leaves_zeros: bool,
}

impl Entry {
    /// As CPython's zipfile stores a file.
    pub(crate) fn stored(name: &'static str, contents: impl Into<Vec<u8>>) -> Self {
        let contents = contents.into();
        Self {
            name,
            data: contents.clone(),
            contents,
            method: 0,
            flags: 0,
            local_flags: None,
            needed: 20,
            local_needed: None,
            system: 3,
            version: 20,
            time: 0x6ca3,
            date: 0x585d,
            local_date: None,
            internal: 0,
            external: 0o100_644 << 16,
            extra: vec![],
            local_extra: vec![],
            saturates_local: false,
            comment: b"",
            descriptor: Shape { is_signed: true, is_wide: false, leaves_zeros: true },
            gap: b"",
        }
    }

    /// As CPython's zipfile compresses a file.
    pub(crate) fn deflated(name: &'static str, contents: impl Into<Vec<u8>>) -> Self {
        Self::stored(name, contents).by(6, 8)
    }

    pub(crate) fn directory(name: &'static str) -> Self {
        Self { external: 0o040_755 << 16 | 0x10, ..Self::stored(name, "") }
    }

    pub(crate) fn by(self, level: u8, mem_level: u8) -> Self {
        Self { data: deflate(&self.contents, level, mem_level), method: 8, ..self }
    }

    pub(crate) fn of_mode(self, mode: u32) -> Self {
        Self { external: mode << 16 | self.external & 0xffff, ..self }
    }

    fn crc(&self) -> u32 {
        let mut crc = Crc::new();
        crc.update(&self.contents);
        crc.sum()
    }

    fn common(&self, is_local: bool) -> Vec<u8> {
        let mut bytes = vec![];
        let pick = |local: Option<u16>, central| local.filter(|_| is_local).unwrap_or(central);
        let date = pick(self.local_date, self.date);
        let flags = pick(self.local_flags, self.flags);
        for value in [pick(self.local_needed, self.needed), flags, self.method, self.time, date] {
            bytes.extend(value.to_le_bytes());
        }
        let sizes = [self.data.len(), self.contents.len()].map(|size| u32::try_from(size).unwrap());
        let is_zero = is_local && self.flags & 8 != 0 && self.descriptor.leaves_zeros;
        bytes.extend(if is_zero { 0 } else { self.crc() }.to_le_bytes());
        for size in sizes {
            let size = if is_zero { 0 } else { size };
            bytes.extend(if is_local && self.saturates_local { u32::MAX } else { size }.to_le_bytes());
        }
        let extra = if is_local { &self.local_extra } else { &self.extra };
        for length in [self.name.len(), extra.len()] {
            bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
        }
        bytes
    }

    fn descriptor(&self) -> Vec<u8> {
        let mut bytes = if self.descriptor.is_signed { b"PK\x07\x08".to_vec() } else { vec![] };
        bytes.extend(self.crc().to_le_bytes());
        for size in [self.data.len(), self.contents.len()] {
            if self.descriptor.is_wide {
                bytes.extend((size as u64).to_le_bytes());
            } else {
                bytes.extend(u32::try_from(size).unwrap().to_le_bytes());
            }
        }
        bytes
    }
}

/// A zip file of these members.
pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    zip_with(entries, b"", false)
}

/// With a comment, or with a zip64 end record that nothing needs.
pub(crate) fn zip_with(entries: &[Entry], comment: &[u8], has_zip64_end: bool) -> Vec<u8> {
    let (mut bytes, mut directory) = (vec![], vec![]);
    for entry in entries {
        bytes.extend(entry.gap);
        let offset = u32::try_from(bytes.len()).unwrap();
        bytes.extend(b"PK\x03\x04");
        bytes.extend(entry.common(true));
        bytes.extend(entry.name.as_bytes());
        bytes.extend(&entry.local_extra);
        bytes.extend(&entry.data);
        if entry.flags & 8 != 0 {
            bytes.extend(entry.descriptor());
        }
        directory.extend(b"PK\x01\x02");
        directory.extend([entry.version, entry.system]);
        directory.extend(entry.common(false));
        directory.extend(u16::try_from(entry.comment.len()).unwrap().to_le_bytes());
        directory.extend([0; 2]);
        directory.extend(entry.internal.to_le_bytes());
        directory.extend(entry.external.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
        directory.extend(&entry.extra);
        directory.extend(entry.comment);
    }
    let [offset, size] = [bytes.len(), directory.len()].map(|value| u32::try_from(value).unwrap());
    let count = u16::try_from(entries.len()).unwrap();
    bytes.extend(directory);
    if has_zip64_end {
        let end = bytes.len() as u64;
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 3, 45, 0]);
        bytes.extend([0; 8]);
        for value in [count.into(), count.into(), size.into(), u64::from(offset)] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(end.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(if has_zip64_end { u32::MAX } else { offset }.to_le_bytes());
    bytes.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend(comment);
    bytes
}

/// One extra field.
pub(crate) fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes(), &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
}

/// By stock zlib, through the crate itself; that its bytes are CPython's is tested beside it.
pub(crate) fn deflate(contents: &[u8], level: u8, mem_level: u8) -> Vec<u8> {
    let stored = zip(&[Entry::stored("a", contents)]);
    let mut parameters = parameters(&stored);
    parameters.compressed = Column::All(Compressed::By(Encoder::Zlib(ZlibSettings { level, mem_level })));
    let deflated = written(&parameters, &stored);
    let archive = archive(&deflated);
    let tile = archive
        .tiles
        .iter()
        .find(|tile| matches!(tile.kind, twinbuild_archive::TileKind::Data { .. }))
        .copied()
        .unwrap();
    let [start, end] = [tile.offset, tile.offset + tile.length].map(|offset| usize::try_from(offset).unwrap());
    deflated[start..end].to_vec()
}

/// A text that zlib's levels compress differently.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let words = ["import ", "self", ".", "return ", "twin", "\n    ", "build", "(", ")", "def "];
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(words[usize::try_from(state >> 24).unwrap() % words.len()]);
        text.push_str(&(state >> 20).to_string());
    }
    text.truncate(length);
    text.into_bytes()
}
