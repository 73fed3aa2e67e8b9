//! Extra fields of a zip header (APPNOTE 4.5): a list of header ID, size and data.

use twinbuild_subject::MemberPath;

use crate::archive::Anomaly;
use crate::error::ReadError;
use crate::source::length;
use crate::zip::bytes::{le16, le32, le64};
use crate::zip::fault::ZipFault;

const ZIP64: u16 = 0x0001;
const NTFS: u16 = 0x000a;
const TIMESTAMP: u16 = 0x5455;
const UNICODE_PATH: u16 = 0x7075;

/// One extra field, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// Its header ID.
    pub id: u16,
    /// Its data, at most 65535 bytes.
    pub data: Vec<u8>,
}

/// What an extra field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraKind<'a> {
    /// 0x0001: 64-bit sizes and offsets (4.5.3).
    Zip64,
    /// 0x5455: Unix times in seconds, as far as the flags and the size say that they are there. A central field declares
    /// the flags of the local one and has the modification time alone.
    Timestamp {
        /// Bit 0 modified, 1 accessed, 2 created.
        flags: u8,
        /// Modified.
        modified: Option<i32>,
        /// Accessed.
        accessed: Option<i32>,
        /// Created.
        created: Option<i32>,
    },
    /// 0x000a: NTFS times in ticks of 100 ns since 1601 (4.5.5).
    Ntfs {
        /// Modified.
        modified: u64,
        /// Accessed.
        accessed: u64,
        /// Created.
        created: u64,
    },
    /// 0x7075: another spelling of the name, in UTF-8 (4.6.9).
    UnicodePath {
        /// CRC-32 of the name that the header has.
        crc32: u32,
        /// The name.
        name: &'a [u8],
    },
    /// Every other ID, and data that does not have the layout of its ID.
    Other,
}

impl ExtraField {
    /// The field by its meaning.
    #[must_use]
    pub fn kind(&self) -> ExtraKind<'_> {
        let data = self.data.as_slice();
        match (self.id, data) {
            (ZIP64, _) => ExtraKind::Zip64,
            (TIMESTAMP, [flags, times @ ..]) => timestamp(*flags, times).unwrap_or(ExtraKind::Other),
            (NTFS, _) if data.len() == 32 && data[..8] == [0, 0, 0, 0, 1, 0, 24, 0] => {
                ExtraKind::Ntfs { modified: le64(data, 8), accessed: le64(data, 16), created: le64(data, 24) }
            }
            (UNICODE_PATH, [1, _, _, _, _, name @ ..]) => ExtraKind::UnicodePath { crc32: le32(data, 1), name },
            _ => ExtraKind::Other,
        }
    }
}

fn timestamp(flags: u8, times: &[u8]) -> Option<ExtraKind<'static>> {
    if flags & !7 != 0 || !times.len().is_multiple_of(4) {
        return None;
    }
    let mut left = times.chunks_exact(4).map(|time| le32(time, 0).cast_signed());
    let mut next = |bit: u8| (flags & bit != 0).then(|| left.next()).flatten();
    let kind = ExtraKind::Timestamp { flags, modified: next(1), accessed: next(2), created: next(4) };
    left.next().is_none().then_some(kind)
}

/// The extra fields of one header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtraFields {
    /// In their order.
    pub fields: Vec<ExtraField>,
    /// At most three bytes after the last field, which hold none; a finding.
    pub remainder: Vec<u8>,
}

impl ExtraFields {
    /// Whether there is a zip64 field.
    #[must_use]
    pub fn has_zip64(&self) -> bool {
        self.fields.iter().any(|field| field.id == ZIP64)
    }

    pub(super) fn unix_seconds(&self) -> Option<i32> {
        self.fields.iter().find_map(|field| match field.kind() {
            ExtraKind::Timestamp { modified, .. } => modified,
            _ => None,
        })
    }

    pub(super) fn ntfs_ticks(&self) -> Option<u64> {
        self.fields.iter().find_map(|field| match field.kind() {
            ExtraKind::Ntfs { modified, .. } => Some(modified),
            _ => None,
        })
    }
}

/// Where extra fields stand: in whose header, and at which offset.
pub(super) struct Place<'a> {
    pub(super) path: &'a MemberPath,
    /// Of the extra fields.
    pub(super) offset: u64,
}

/// Parses the extra fields of one header and names those that a packaging tool does not write.
pub(super) fn parse(bytes: &[u8], place: &Place<'_>, found: &mut Vec<Anomaly>) -> Result<ExtraFields, ReadError> {
    let mut extra = ExtraFields::default();
    let mut rest = bytes;
    while rest.len() >= 4 {
        let offset = place.offset + length(bytes) - length(rest);
        let (id, size) = (le16(rest, 0), le16(rest, 2));
        let Some((data, after)) = rest[4..].split_at_checked(size.into()) else {
            return Err(ZipFault::ExtraField {
                path: place.path.clone(),
                offset,
                id,
                declared: size.into(),
                available: length(rest) - 4,
            }
            .into());
        };
        let is_repeated = extra.fields.iter().any(|field| field.id == id);
        let field = ExtraField { id, data: data.to_vec() };
        check(&field, is_repeated, place.path, offset, found)?;
        extra.fields.push(field);
        rest = after;
    }
    if !rest.is_empty() {
        found.push(Anomaly {
            code: "zip-extra-remainder",
            offset: place.offset + length(bytes) - length(rest),
            length: length(rest),
            path: Some(place.path.clone()),
            detail: format!("{} bytes after the last extra field hold none", rest.len()),
        });
        extra.remainder = rest.to_vec();
    }
    Ok(extra)
}

fn check(
    field: &ExtraField,
    is_repeated: bool,
    path: &MemberPath,
    offset: u64,
    found: &mut Vec<Anomaly>,
) -> Result<(), ReadError> {
    let mut note = |code, detail| {
        found.push(Anomaly { code, offset, length: 4 + length(&field.data), path: Some(path.clone()), detail });
    };
    match field.kind() {
        ExtraKind::Zip64 if is_repeated => {
            let detail = "is there twice".to_owned();
            return Err(ZipFault::Zip64Extra { path: path.clone(), offset, detail }.into());
        }
        ExtraKind::UnicodePath { name, .. } if name != path.as_bytes() => {
            return Err(ZipFault::UnicodePath { path: path.clone(), other: MemberPath::new(name), offset }.into());
        }
        ExtraKind::UnicodePath { .. } => {
            note("zip-extra-field", "a Unicode path that repeats the name".to_owned());
        }
        ExtraKind::Zip64 | ExtraKind::Timestamp { .. } | ExtraKind::Ntfs { .. } => {
            if is_repeated {
                note("zip-extra-repeated", format!("extra field {:#06x} stands twice in one header", field.id));
            }
        }
        ExtraKind::Other => {
            note("zip-extra-field", format!("extra field {:#06x} ({})", field.id, name(field.id)));
        }
    }
    Ok(())
}

fn name(id: u16) -> &'static str {
    match id {
        NTFS | TIMESTAMP | UNICODE_PATH => "not laid out as its ID demands",
        0x5855 => "Info-ZIP Unix, old",
        0x7855 => "Info-ZIP Unix owners, old",
        0x7875 => "Info-ZIP Unix owners",
        0x6375 => "Info-ZIP Unicode comment",
        0x756e => "ASi Unix",
        0x9901 => "AES encryption",
        0xcafe => "Java archive mark",
        0xd935 => "Android alignment",
        _ => "of no known kind",
    }
}

/// The 32-bit values of a header, and which of them the zip64 field replaces.
pub(super) struct Narrow {
    pub(super) size: u32,
    pub(super) compressed_size: u32,
    /// Central headers only.
    pub(super) local_offset: Option<u32>,
}

/// The values of a header at full width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide {
    pub(super) size: u64,
    pub(super) compressed_size: u64,
    pub(super) local_offset: u64,
    /// The field is there, though no value needs it.
    pub(super) is_needless: bool,
}

/// Widens the values: the field holds, in this order, exactly those that are saturated; a local one may hold both sizes
/// always, if neither contradicts the header. `Err` says what is wrong.
pub(super) fn widen(extra: &ExtraFields, narrow: &Narrow) -> Result<Wide, String> {
    let header = [Some(narrow.size), Some(narrow.compressed_size), narrow.local_offset];
    let mut values = header.map(|value| u64::from(value.unwrap_or(0)));
    let wide = |values: [u64; 3], is_needless| Wide {
        size: values[0],
        compressed_size: values[1],
        local_offset: values[2],
        is_needless,
    };
    let Some(field) = extra.fields.iter().find(|field| field.id == ZIP64) else { return Ok(wide(values, false)) };
    let data = field.data.as_slice();
    let saturated: Vec<usize> = (0..3).filter(|at| header[*at] == Some(u32::MAX)).collect();
    if !saturated.is_empty() && data.len() == saturated.len() * 8 {
        for (at, value) in saturated.iter().zip(data.chunks_exact(8)) {
            values[*at] = le64(value, 0);
        }
        return Ok(wide(values, false));
    }
    let whole = header.iter().flatten().count() * 8;
    if saturated.is_empty() && (data.len() == whole || data.len() == 16) {
        for ((value, stored), field) in
            values.iter().zip(data.chunks_exact(8)).zip(["size", "compressed size", "offset"])
        {
            let stored = le64(stored, 0);
            if *value != stored {
                return Err(format!("has {stored} as {field}, and the header itself has {value}"));
            }
        }
        return Ok(wide(values, true));
    }
    Err(format!("has {} bytes of data where {} were expected", data.len(), saturated.len() * 8))
}
