//! Writes zip files that say what the test wants, true or not.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// One member. Fields of the local header that are `None` are as in the central one.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    /// As it lies in the file.
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) local_method: Option<u16>,
    pub(crate) flags: u16,
    pub(crate) local_flags: Option<u16>,
    pub(crate) needed: u16,
    pub(crate) local_needed: Option<u16>,
    pub(crate) creator: u16,
    pub(crate) time: u16,
    pub(crate) local_time: Option<u16>,
    /// CRC-32, compressed size, size.
    pub(crate) sums: (u32, u32, u32),
    pub(crate) local_sums: Option<(u32, u32, u32)>,
    pub(crate) extra: Vec<u8>,
    pub(crate) local_extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) internal: u16,
    pub(crate) external: u32,
    pub(crate) disk: u16,
    pub(crate) offset: Option<u32>,
    /// Between the contents and what follows.
    pub(crate) descriptor: Vec<u8>,
    /// In front of the local header.
    pub(crate) before: Vec<u8>,
}

impl Entry {
    /// A file as CPython's zipfile stores it.
    pub(crate) fn stored(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        let size = u32::try_from(content.len()).unwrap();
        Self {
            name: name.into(),
            local_name: None,
            data: content.to_vec(),
            method: 0,
            local_method: None,
            flags: 0,
            local_flags: None,
            needed: 20,
            local_needed: None,
            creator: 3 << 8 | 20,
            time: 0,
            local_time: None,
            sums: (crc(content), size, size),
            local_sums: None,
            extra: vec![],
            local_extra: vec![],
            comment: vec![],
            internal: 0,
            external: 0o100_644 << 16,
            disk: 0,
            offset: None,
            descriptor: vec![],
            before: vec![],
        }
    }

    /// A file as CPython's zipfile deflates it.
    pub(crate) fn deflated(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        Self::compressed(name, content, 8, deflate(content))
    }

    /// A file that the test compressed.
    pub(crate) fn compressed(name: impl Into<Vec<u8>>, content: &[u8], method: u16, data: Vec<u8>) -> Self {
        let sums = (crc(content), u32::try_from(data.len()).unwrap(), u32::try_from(content.len()).unwrap());
        Self { data, method, sums, ..Self::stored(name, content) }
    }

    /// A deflated file whose sums stand behind it, in a descriptor with signature.
    pub(crate) fn streamed(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        let entry = Self::deflated(name, content);
        let (crc, compressed, size) = entry.sums;
        let descriptor = [b"PK\x07\x08".as_slice(), &words(&[crc, compressed, size])].concat();
        Self { flags: 8, local_sums: Some((0, 0, 0)), descriptor, ..entry }
    }

    /// A directory as CPython's zipfile writes it.
    pub(crate) fn directory(name: &str) -> Self {
        Self { external: 0o40_755 << 16 | 0x10, ..Self::stored(name, b"") }
    }

    /// A symbolic link as Info-ZIP writes it.
    pub(crate) fn link(name: &str, target: &[u8]) -> Self {
        Self { external: 0o120_777 << 16, ..Self::stored(name, target) }
    }
}

/// A whole file.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) entries: Vec<Entry>,
    pub(crate) prefix: Vec<u8>,
    /// Between the last member and the directory.
    pub(crate) gap: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) trailer: Vec<u8>,
    /// Members here and in all.
    pub(crate) counts: Option<(u16, u16)>,
    pub(crate) end_disk: u16,
    pub(crate) directory_offset: Option<u32>,
    pub(crate) directory_size: Option<u32>,
    pub(crate) comment_length: Option<u16>,
    /// Write a zip64 end record and locator.
    pub(crate) zip64: bool,
}

impl Zip {
    pub(crate) fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = self.prefix.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            file.extend(&entry.before);
            let offset = u32::try_from(file.len()).unwrap();
            file.extend(local(entry));
            file.extend(&entry.data);
            file.extend(&entry.descriptor);
            directory.extend(central(entry, entry.offset.unwrap_or(offset)));
        }
        file.extend(&self.gap);
        let offset = u32::try_from(file.len()).unwrap();
        let size = u32::try_from(directory.len()).unwrap();
        let count = u16::try_from(self.entries.len()).unwrap();
        file.extend(directory);
        if self.zip64 {
            let record = file.len() as u64;
            file.extend(b"PK\x06\x06");
            file.extend(44_u64.to_le_bytes());
            file.extend([45, 3, 45, 0]);
            file.extend(words(&[0, 0]));
            for value in [u64::from(count), u64::from(count), u64::from(size), u64::from(offset)] {
                file.extend(value.to_le_bytes());
            }
            file.extend(b"PK\x06\x07\0\0\0\0");
            file.extend(record.to_le_bytes());
            file.extend(words(&[1]));
        }
        let (here, total) = self.counts.unwrap_or((count, count));
        file.extend(b"PK\x05\x06");
        file.extend(halves(&[self.end_disk, self.end_disk, here, total]));
        file.extend(words(&[self.directory_size.unwrap_or(size), self.directory_offset.unwrap_or(offset)]));
        file.extend(halves(&[self.comment_length.unwrap_or(u16::try_from(self.comment.len()).unwrap())]));
        file.extend(&self.comment);
        file.extend(&self.trailer);
        file
    }
}

/// A local header with its name and extra fields.
pub(crate) fn local(entry: &Entry) -> Vec<u8> {
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    let (crc, compressed, size) = entry.local_sums.unwrap_or(entry.sums);
    let mut header = b"PK\x03\x04".to_vec();
    header.extend(halves(&[
        entry.local_needed.unwrap_or(entry.needed),
        entry.local_flags.unwrap_or(entry.flags),
        entry.local_method.unwrap_or(entry.method),
        entry.local_time.unwrap_or(entry.time),
        0x21,
    ]));
    header.extend(words(&[crc, compressed, size]));
    header.extend(halves(&[name.len().try_into().unwrap(), entry.local_extra.len().try_into().unwrap()]));
    header.extend(name);
    header.extend(&entry.local_extra);
    header
}

fn central(entry: &Entry, offset: u32) -> Vec<u8> {
    let (crc, compressed, size) = entry.sums;
    let mut header = b"PK\x01\x02".to_vec();
    header.extend(halves(&[entry.creator, entry.needed, entry.flags, entry.method, entry.time, 0x21]));
    header.extend(words(&[crc, compressed, size]));
    let lengths = [&entry.name, &entry.extra, &entry.comment].map(|bytes| u16::try_from(bytes.len()).unwrap());
    header.extend(halves(&lengths));
    header.extend(halves(&[entry.disk, entry.internal]));
    header.extend(words(&[entry.external, offset]));
    header.extend(&entry.name);
    header.extend(&entry.extra);
    header.extend(&entry.comment);
    header
}

/// An extra field.
pub(crate) fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    [&halves(&[id, data.len().try_into().unwrap()]), data].concat()
}

pub(crate) fn halves(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(crate) fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(crate) fn longs(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(crate) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The file with the bytes at the first `signature`, and `at` further, replaced.
pub(crate) fn patched(mut bytes: Vec<u8>, signature: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let start = bytes.windows(signature.len()).position(|window| window == signature).unwrap() + at;
    bytes[start..start + with.len()].copy_from_slice(with);
    bytes
}
