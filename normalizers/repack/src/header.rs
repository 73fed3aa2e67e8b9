//! The records of a zip file (APPNOTE 6.3.10, 4.3) from parameters and what is known of a member.

use twinbuild_archive::MemberKind;

use crate::fields::{Extra, Zip64EndForm, Zip64Form};
use crate::zip_parameters::Values;

const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;

/// A member whose contents were compressed.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: &'a MemberKind,
    pub(crate) internal_attributes: u16,
    pub(crate) dos_attributes: u16,
    pub(crate) values: &'a Values,
    pub(crate) crc32: u32,
    pub(crate) size: u64,
    pub(crate) compressed_size: u64,
    pub(crate) local_offset: u64,
}

/// A value that does not fit where it has to stand.
pub(crate) struct TooLarge;

/// Sizes, and in the directory an offset, as a header and its extra fields have them.
struct Sums {
    crc32: u32,
    size: u64,
    compressed_size: u64,
    local_offset: Option<u64>,
}

/// Type bits of a mode (stat(2), `S_IFMT`).
pub(crate) fn type_bits(kind: &MemberKind) -> u32 {
    match kind {
        MemberKind::File | MemberKind::Hardlink { .. } => 0o100_000,
        MemberKind::Directory => 0o040_000,
        MemberKind::Symlink { .. } => 0o120_000,
    }
}

impl Entry<'_> {
    /// The local header (4.3.7).
    pub(crate) fn local(&self) -> Result<Vec<u8>, TooLarge> {
        let is_left_to_descriptor = self.values.descriptor.is_some_and(|descriptor| !descriptor.is_redundant);
        let sums = if is_left_to_descriptor {
            Sums { crc32: 0, size: 0, compressed_size: 0, local_offset: None }
        } else {
            Sums { local_offset: None, ..self.sums() }
        };
        let mut bytes = b"PK\x03\x04".to_vec();
        let extra = self.common(&mut bytes, &sums, &self.values.local_extra)?;
        bytes.extend(self.name);
        bytes.extend(extra);
        Ok(bytes)
    }

    /// The data descriptor (4.3.9), or nothing. Its sizes have 64 bits where one needs them or the local header has a
    /// zip64 field: readers that stream know no other sign.
    pub(crate) fn descriptor(&self) -> Vec<u8> {
        let Some(descriptor) = self.values.descriptor else { return Vec::new() };
        let mut bytes = if descriptor.has_signature { b"PK\x07\x08".to_vec() } else { Vec::new() };
        bytes.extend(self.crc32.to_le_bytes());
        let has_zip64 = self.values.local_extra.iter().any(|extra| matches!(extra, Extra::Zip64(_)));
        match (u32::try_from(self.compressed_size), u32::try_from(self.size)) {
            (Ok(compressed_size), Ok(size)) if !has_zip64 => {
                bytes.extend(compressed_size.to_le_bytes());
                bytes.extend(size.to_le_bytes());
            }
            _ => {
                bytes.extend(self.compressed_size.to_le_bytes());
                bytes.extend(self.size.to_le_bytes());
            }
        }
        bytes
    }

    /// The header in the directory (4.3.12).
    pub(crate) fn central(&self) -> Result<Vec<u8>, TooLarge> {
        let values = self.values;
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.push(values.creator.version);
        bytes.push(values.creator.system.number());
        let extra = self.common(&mut bytes, &self.sums(), &values.central_extra)?;
        let mode = values.mode.map_or(0, |mode| {
            let type_bits = if mode.has_type { type_bits(self.kind) } else { 0 };
            type_bits | u32::from(mode.permissions)
        });
        let local_offset = narrow(self.local_offset, form(&values.central_extra).saturates_offset)?;
        // No comment, the first disk.
        bytes.extend([0; 4]);
        bytes.extend(self.internal_attributes.to_le_bytes());
        bytes.extend((mode << 16 | u32::from(self.dos_attributes)).to_le_bytes());
        bytes.extend(local_offset.to_le_bytes());
        bytes.extend(self.name);
        bytes.extend(extra);
        Ok(bytes)
    }

    fn sums(&self) -> Sums {
        Sums {
            crc32: self.crc32,
            size: self.size,
            compressed_size: self.compressed_size,
            local_offset: Some(self.local_offset),
        }
    }

    /// Writes from the version needed to the length of the extra fields, and returns these.
    fn common(&self, bytes: &mut Vec<u8>, sums: &Sums, extra: &[Extra]) -> Result<Vec<u8>, TooLarge> {
        let values = self.values;
        let mut flags = values.effort.flags();
        if values.descriptor.is_some() {
            flags |= FLAG_DESCRIPTOR;
        }
        if values.is_utf8 {
            flags |= FLAG_UTF8;
        }
        for value in [
            values.version_needed.number(),
            flags,
            values.compressed.method(),
            values.modified.time,
            values.modified.date,
        ] {
            bytes.extend(value.to_le_bytes());
        }
        let form = form(extra);
        bytes.extend(sums.crc32.to_le_bytes());
        bytes.extend(narrow(sums.compressed_size, form.saturates_compressed_size)?.to_le_bytes());
        bytes.extend(narrow(sums.size, form.saturates_size)?.to_le_bytes());
        let extra = extra_bytes(extra, sums)?;
        for length in [self.name.len(), extra.len()] {
            bytes.extend(u16::try_from(length).map_err(|_| TooLarge)?.to_le_bytes());
        }
        Ok(extra)
    }
}

/// What stands at the end of the directory.
pub(crate) struct Directory {
    pub(crate) members: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Directory {
    /// The zip64 end record and its locator (4.3.14, 4.3.15), where there is one, and the end record (4.3.16).
    pub(crate) fn end(&self, zip64: Option<&Zip64EndForm>) -> Result<Vec<u8>, TooLarge> {
        let mut bytes = Vec::new();
        if let Some(form) = zip64 {
            bytes.extend(b"PK\x06\x06");
            bytes.extend(44_u64.to_le_bytes());
            bytes.extend([form.creator.version, form.creator.system.number()]);
            bytes.extend(form.version_needed.number().to_le_bytes());
            bytes.extend([0; 8]);
            for value in [self.members, self.members, self.size, self.offset] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend(b"PK\x06\x07");
            bytes.extend([0; 4]);
            bytes.extend(self.offset.checked_add(self.size).ok_or(TooLarge)?.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
        }
        let is_saturated = |pick: fn(&Zip64EndForm) -> bool| zip64.is_some_and(pick);
        let members = if is_saturated(|form| form.saturated_members) {
            u16::MAX
        } else {
            u16::try_from(self.members).map_err(|_| TooLarge)?
        };
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend(members.to_le_bytes());
        bytes.extend(members.to_le_bytes());
        bytes.extend(narrow(self.size, is_saturated(|form| form.saturated_size))?.to_le_bytes());
        bytes.extend(narrow(self.offset, is_saturated(|form| form.saturated_offset))?.to_le_bytes());
        // No comment.
        bytes.extend([0; 2]);
        Ok(bytes)
    }
}

/// Which values a header leaves to its zip64 field.
#[derive(Default)]
struct Saturation {
    saturates_size: bool,
    saturates_compressed_size: bool,
    saturates_offset: bool,
}

fn form(extra: &[Extra]) -> Saturation {
    let saturated = extra.iter().find_map(|field| match *field {
        Extra::Zip64(Zip64Form::Saturated { size, compressed_size, local_offset }) => Some(Saturation {
            saturates_size: size,
            saturates_compressed_size: compressed_size,
            saturates_offset: local_offset,
        }),
        _ => None,
    });
    saturated.unwrap_or_default()
}

fn extra_bytes(extra: &[Extra], sums: &Sums) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = Vec::new();
    for field in extra {
        let mut data = Vec::new();
        let id: u16 = match *field {
            Extra::Zip64(form) => {
                let (size, compressed_size, local_offset) = match form {
                    Zip64Form::Saturated { size, compressed_size, local_offset } => {
                        (size, compressed_size, local_offset)
                    }
                    Zip64Form::Repeated { local_offset } => (true, true, local_offset),
                };
                let offset = if local_offset { Some(sums.local_offset.ok_or(TooLarge)?) } else { None };
                let sizes = [size.then_some(sums.size), compressed_size.then_some(sums.compressed_size), offset];
                data.extend(sizes.into_iter().flatten().flat_map(u64::to_le_bytes));
                0x0001
            }
            Extra::Timestamp { flags, modified, accessed, created } => {
                data.push(flags);
                data.extend([modified, accessed, created].into_iter().flatten().flat_map(i32::to_le_bytes));
                0x5455
            }
            Extra::Ntfs { modified, accessed, created } => {
                // Four reserved bytes, then attribute 1 of 24 bytes (4.5.5).
                data.extend([0, 0, 0, 0, 1, 0, 24, 0]);
                data.extend([modified, accessed, created].into_iter().flat_map(u64::to_le_bytes));
                0x000a
            }
        };
        bytes.extend(id.to_le_bytes());
        bytes.extend(u16::try_from(data.len()).map_err(|_| TooLarge)?.to_le_bytes());
        bytes.extend(data);
    }
    Ok(bytes)
}

fn narrow(value: u64, is_saturated: bool) -> Result<u32, TooLarge> {
    if is_saturated { Ok(u32::MAX) } else { u32::try_from(value).map_err(|_| TooLarge) }
}
