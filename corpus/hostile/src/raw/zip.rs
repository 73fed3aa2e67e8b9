//! Zip files (APPNOTE 6.3.10): entries whose two headers may say different things, and a directory that need not agree.

use super::{crc32, deflate, small, wide};

/// 2020-02-02, as DOS counts.
const DATE: u16 = (40 << 9) | (2 << 5) | 2;
/// 14:18:16, as DOS counts.
const TIME: u16 = (14 << 11) | (18 << 5) | 8;

/// What a local and a central header both have.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) version: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) crc32: u32,
    pub(crate) compressed: u32,
    pub(crate) size: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
}

impl Header {
    /// From the version needed to the length of the extra fields.
    fn fixed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for value in [self.version, self.flags, self.method, self.time, self.date] {
            out.extend(value.to_le_bytes());
        }
        for value in [self.crc32, self.compressed, self.size] {
            out.extend(value.to_le_bytes());
        }
        out.extend(small(self.name.len()).to_le_bytes());
        out.extend(small(self.extra.len()).to_le_bytes());
        out
    }

    /// The local header's bytes.
    pub(crate) fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", &*self.fixed(), &self.name, &self.extra].concat()
    }
}

/// One member.
#[derive(Clone)]
pub(crate) struct Entry {
    /// A gap in front of the local header.
    pub(crate) before: Vec<u8>,
    /// Without one there are no data either.
    pub(crate) local: Option<Header>,
    pub(crate) data: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    /// Without one the directory does not list the member.
    pub(crate) central: Option<Header>,
    pub(crate) creator: u16,
    pub(crate) disk: u16,
    pub(crate) internal: u16,
    pub(crate) attributes: u32,
    pub(crate) comment: Vec<u8>,
    /// In place of the true offset of the local header.
    pub(crate) offset: Option<u32>,
}

impl Entry {
    /// A deflated file of mode 0644, made on Unix.
    pub(crate) fn new(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        Self::compressed(name, content, 8, deflate::deflate(content))
    }

    /// A stored file.
    pub(crate) fn stored(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        Self::compressed(name, content, 0, content.to_vec())
    }

    /// A file that the caller compressed.
    pub(crate) fn compressed(name: impl Into<Vec<u8>>, content: &[u8], method: u16, data: Vec<u8>) -> Self {
        let header = Header {
            version: 20,
            flags: 0,
            method,
            time: TIME,
            date: DATE,
            crc32: crc32(content),
            compressed: wide(data.len()),
            size: wide(content.len()),
            name: name.into(),
            extra: Vec::new(),
        };
        Self {
            before: Vec::new(),
            local: Some(header.clone()),
            data,
            descriptor: Vec::new(),
            central: Some(header),
            creator: 3 << 8 | 20,
            disk: 0,
            internal: 0,
            attributes: 0o100_644 << 16,
            comment: Vec::new(),
            offset: None,
        }
    }

    /// Other mode bits, the type among them.
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.attributes = mode << 16;
        self
    }

    /// Changes both headers.
    pub(crate) fn both(mut self, edit: impl Fn(&mut Header)) -> Self {
        self.local.iter_mut().chain(&mut self.central).for_each(edit);
        self
    }

    pub(crate) fn edit_local(&mut self, edit: impl Fn(&mut Header)) {
        self.local.iter_mut().for_each(edit);
    }

    pub(crate) fn edit_central(&mut self, edit: impl Fn(&mut Header)) {
        self.central.iter_mut().for_each(edit);
    }

    /// Puts other compressed bytes in, and their length into both headers.
    pub(crate) fn recompressed(mut self, method: u16, data: Vec<u8>) -> Self {
        let length = wide(data.len());
        self.data = data;
        self.both(|header| (header.method, header.compressed) = (method, length))
    }

    /// Leaves sum and sizes to a descriptor, as writers do that cannot seek.
    pub(crate) fn with_descriptor(mut self, is_signed: bool) -> Self {
        self = self.both(|header| header.flags |= 8);
        self.edit_local(|header| (header.crc32, header.compressed, header.size) = (0, 0, 0));
        if let Some(Header { crc32, compressed, size, .. }) = self.central {
            self.descriptor = if is_signed { b"PK\x07\x08".to_vec() } else { Vec::new() };
            self.descriptor.extend([crc32, compressed, size].iter().flat_map(|value| value.to_le_bytes()));
        }
        self
    }
}

/// A zip file.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) prefix: Vec<u8>,
    /// Offsets count from the end of the prefix, as when bytes are put in front of a finished file.
    pub(crate) is_shifted: bool,
    pub(crate) entries: Vec<Entry>,
    /// The directory lists the last member first.
    pub(crate) is_directory_reversed: bool,
    /// Between the last member and the directory.
    pub(crate) gap: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) trailer: Vec<u8>,
}

impl Zip {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let start = if self.is_shifted { out.len() } else { 0 };
        let mut offsets = Vec::new();
        for entry in &self.entries {
            out.extend(&entry.before);
            offsets.push(entry.offset.unwrap_or_else(|| wide(out.len() - start)));
            if let Some(local) = &entry.local {
                out.extend(local.local());
                out.extend(&entry.data);
            }
            out.extend(&entry.descriptor);
        }
        out.extend(&self.gap);
        let directory = out.len();
        let mut listed: Vec<_> = self.entries.iter().zip(&offsets).collect();
        if self.is_directory_reversed {
            listed.reverse();
        }
        let mut count = 0;
        for (entry, offset) in listed {
            let Some(central) = &entry.central else { continue };
            count += 1;
            out.extend(b"PK\x01\x02");
            out.extend(entry.creator.to_le_bytes());
            out.extend(central.fixed());
            for value in [small(entry.comment.len()), entry.disk, entry.internal] {
                out.extend(value.to_le_bytes());
            }
            out.extend(entry.attributes.to_le_bytes());
            out.extend(offset.to_le_bytes());
            out.extend([&*central.name, &central.extra, &entry.comment].concat());
        }
        let size = out.len() - directory;
        out.extend(end(count, size, directory - start, &self.comment));
        out.extend(&self.trailer);
        out
    }
}

/// An end of central directory record, with the comment that it ends in.
pub(crate) fn end(count: u16, size: usize, offset: usize, comment: &[u8]) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend([count, count].iter().flat_map(|count| count.to_le_bytes()));
    out.extend([wide(size), wide(offset)].iter().flat_map(|value| value.to_le_bytes()));
    out.extend(small(comment.len()).to_le_bytes());
    out.extend(comment);
    out
}

/// An extra field.
pub(crate) fn extra(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &small(data.len()).to_le_bytes(), data].concat()
}

/// The values of a zip64 end record and of its locator.
pub(crate) struct Zip64 {
    pub(crate) count: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    /// Of the record, as the locator has it.
    pub(crate) at: u64,
}

/// Puts a zip64 end record and its locator in front of the end record of a file without a comment; `edit` changes what
/// would be true.
pub(crate) fn with_zip64(bytes: &[u8], edit: impl FnOnce(&mut Zip64)) -> Vec<u8> {
    let (rest, end) = bytes.split_at(bytes.len() - 22);
    let value = |at: usize| u64::from(u32::from_le_bytes([end[at], end[at + 1], end[at + 2], end[at + 3]]));
    let count = u64::from(u16::from_le_bytes([end[10], end[11]]));
    let mut zip64 = Zip64 { count, size: value(12), offset: value(16), at: u64::from(wide(rest.len())) };
    edit(&mut zip64);
    let mut out = [rest, b"PK\x06\x06", &44_u64.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]].concat();
    out.extend([zip64.count, zip64.count, zip64.size, zip64.offset].iter().flat_map(|value| value.to_le_bytes()));
    out.extend([b"PK\x06\x07", &[0; 4][..], &zip64.at.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    out.extend(end);
    out
}
