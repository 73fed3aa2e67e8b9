//! The central directory of a zip file (APPNOTE 4.3.12): one header a member, walked to its last byte.

use twinbuild_subject::MemberPath;

use crate::archive::{Anomaly, MemberKind};
use crate::error::{ReadError, Unsupported};
use crate::limits::Budget;
use crate::source::{Source, length};
use crate::zip::bytes::{le16, le32};
use crate::zip::end::Found;
use crate::zip::extra::{self, ExtraFields, Narrow, Place, Wide};
use crate::zip::fault::ZipFault;
use crate::zip::method::{self, ZipMethod};
use crate::zip::{FLAG_DESCRIPTOR, FLAG_UTF8, FLAGS_ENCRYPTED};

pub(super) const CENTRAL_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const SYSTEM_UNIX: u8 = 3;
const SYSTEM_DARWIN: u8 = 19;
const TYPE_MASK: u32 = 0o170_000;
const FLAG_PATCH: u16 = 1 << 5;
/// Bits 1 and 2 (effort; of LZMA, whether a mark ends the stream), 3 (descriptor) and 11 (UTF-8).
const FLAGS_ORDINARY: u16 = 0b110 | FLAG_DESCRIPTOR | FLAG_UTF8;

/// The values that local and central header both have, as stored (APPNOTE 4.4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZipHeader {
    /// "Version needed to extract", in tenths; the upper byte is a system.
    pub version_needed: u16,
    /// General purpose bit flag.
    pub flags: u16,
    /// Compression method, of those that [`ZipMethod`] has.
    pub method: u16,
    /// Last modified, DOS time.
    pub time: u16,
    /// Last modified, DOS date.
    pub date: u16,
    /// CRC-32 of the expanded contents; 0 in a local header that leaves it to a descriptor.
    pub crc32: u32,
    /// Compressed size; saturated where the zip64 field speaks.
    pub compressed_size: u32,
    /// Expanded size; saturated where the zip64 field speaks.
    pub size: u32,
    /// The extra fields.
    pub extra: ExtraFields,
}

impl ZipHeader {
    /// From the common part, which begins with the version needed.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self {
            version_needed: le16(bytes, 0),
            flags: le16(bytes, 2),
            method: le16(bytes, 4),
            time: le16(bytes, 6),
            date: le16(bytes, 8),
            crc32: le32(bytes, 10),
            compressed_size: le32(bytes, 14),
            size: le32(bytes, 18),
            extra: ExtraFields::default(),
        }
    }
}

/// One central header.
pub(super) struct Central {
    pub(super) path: MemberPath,
    pub(super) header: ZipHeader,
    pub(super) creator_version: u8,
    pub(super) creator_system: u8,
    pub(super) internal_attributes: u16,
    pub(super) external_attributes: u32,
    pub(super) comment: Vec<u8>,
    pub(super) stored_offset: u32,
    pub(super) wide: Wide,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The target of a symbolic link is not known yet.
    pub(super) kind: MemberKind,
}

/// Reads all central headers. The directory lies where the end record says ([`Found`] has checked that).
pub(super) fn read(
    source: &Source<'_>,
    found: &Found,
    budget: &mut Budget,
    anomalies: &mut Vec<Anomaly>,
) -> Result<Vec<Central>, ReadError> {
    budget.members(found.members)?;
    budget.headers(found.end.directory_size_bytes)?;
    let start = found.end.directory_offset;
    let size = usize::try_from(found.end.directory_size_bytes).unwrap_or(usize::MAX);
    let bytes = source.bytes(start, size)?;
    let mut rest = bytes.as_slice();
    let mut headers = Vec::new();
    for count in 0..found.members {
        let offset = start + length(&bytes) - length(rest);
        if rest.is_empty() {
            return Err(ZipFault::DirectoryCount { declared: found.members, found: count, offset }.into());
        }
        let (header, after) = parse(rest, offset, budget, anomalies)?;
        budget.anomalies(anomalies)?;
        headers.push(header);
        rest = after;
    }
    let offset = start + length(&bytes) - length(rest);
    if rest.starts_with(&CENTRAL_SIGNATURE) {
        return Err(ZipFault::DirectoryCount { declared: found.members, found: found.members + 1, offset }.into());
    }
    if !rest.is_empty() {
        let found = format!("{} bytes after the last member", rest.len());
        return Err(ZipFault::DirectoryRecord { offset, found }.into());
    }
    Ok(headers)
}

fn parse<'a>(
    rest: &'a [u8],
    offset: u64,
    budget: &Budget,
    anomalies: &mut Vec<Anomaly>,
) -> Result<(Central, &'a [u8]), ReadError> {
    let fault = |found: String| ReadError::from(ZipFault::DirectoryRecord { offset, found });
    if rest.len() < CENTRAL_BYTES {
        return Err(fault(format!("{} bytes are left", rest.len())));
    }
    if !rest.starts_with(&CENTRAL_SIGNATURE) {
        return Err(fault(format!("signature {:08x}", le32(rest, 0))));
    }
    let (fixed, variable) = rest.split_at(CENTRAL_BYTES);
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(le16(fixed, at)));
    let (Some(name), Some(extra_bytes), Some(comment_bytes), Some(after)) = (
        variable.get(..name),
        variable.get(name..name + extra),
        variable.get(name + extra..name + extra + comment),
        variable.get(name + extra + comment..),
    ) else {
        return Err(fault(format!("{} bytes are left for {} declared", variable.len(), name + extra + comment)));
    };
    budget.name(length(name))?;
    let path = MemberPath::new(name);
    let mut header = ZipHeader::parse(&fixed[6..]);
    let extra_offset = offset + length(fixed) + length(name);
    header.extra = extra::parse(extra_bytes, &Place { path: &path, offset: extra_offset }, anomalies)?;
    let disk = le16(fixed, 34);
    if disk != 0 {
        let disk = disk.into();
        return Err(ZipFault::Split { record: "a central header", offset, disk, expected: 0 }.into());
    }
    let stored_offset = le32(fixed, 42);
    let narrow =
        Narrow { size: header.size, compressed_size: header.compressed_size, local_offset: Some(stored_offset) };
    let wide = extra::widen(&header.extra, &narrow).map_err(|detail| ZipFault::Zip64Extra {
        path: path.clone(),
        offset,
        detail,
    })?;
    let mut central = Central {
        header,
        creator_version: fixed[4],
        creator_system: fixed[5],
        internal_attributes: le16(fixed, 36),
        external_attributes: le32(fixed, 38),
        comment: comment_bytes.to_vec(),
        stored_offset,
        wide,
        offset,
        length: length(rest) - length(after),
        kind: MemberKind::File,
        path,
    };
    check_flags(&central)?;
    central.kind = kind(&central)?;
    check_sizes(&central, budget)?;
    note(&central, extra_offset + length(extra_bytes), anomalies);
    Ok((central, after))
}

fn check_flags(central: &Central) -> Result<(), ReadError> {
    let (path, offset) = (central.path.clone(), central.offset);
    let flags = central.header.flags;
    if flags & FLAGS_ENCRYPTED != 0 {
        return Err(ZipFault::Encrypted { path, offset, flags }.into());
    }
    if flags & FLAG_PATCH != 0 {
        return Err(Unsupported::ZipPatch { path, offset }.into());
    }
    if flags & FLAG_UTF8 != 0 && path.as_str().is_none() {
        return Err(ZipFault::NameEncoding { path, offset, encoding: "UTF-8" }.into());
    }
    if flags & FLAG_UTF8 == 0 && !path.as_bytes().is_ascii() {
        return Err(ZipFault::NameEncoding { path, offset, encoding: "ASCII" }.into());
    }
    let method = central.header.method;
    if ZipMethod::of(method).is_none() {
        return Err(Unsupported::ZipMethod { path, offset, method, name: method::foreign_name(method) }.into());
    }
    Ok(())
}

/// File, directory or link. CPython, Info-ZIP, Go and libarchive take a trailing slash for a directory; Info-ZIP, Go and
/// libarchive also believe the mode of a Unix creator, and Go and libarchive the DOS directory bit of a DOS one.
fn kind(central: &Central) -> Result<MemberKind, ReadError> {
    let has_slash = central.path.ends_with("/");
    let is_unix = matches!(central.creator_system, SYSTEM_UNIX | SYSTEM_DARWIN);
    let has_dos_directory = central.external_attributes & 0x10 != 0;
    let fault =
        |detail: String| ReadError::from(ZipFault::Kind { path: central.path.clone(), offset: central.offset, detail });
    match (central.external_attributes >> 16) & TYPE_MASK {
        0o120_000 if has_slash => Err(fault("is a symbolic link whose name ends in a slash".to_owned())),
        0o120_000 if !is_unix => {
            let system = central.creator_system;
            Err(fault(format!("is a symbolic link for readers that believe a mode written by system {system}")))
        }
        0o120_000 => Ok(MemberKind::Symlink { target: Vec::new() }),
        0o040_000 if !has_slash => Err(fault("is a directory by its mode, and a file by its name".to_owned())),
        0o040_000 | 0o100_000 | 0 if has_slash => Ok(MemberKind::Directory),
        0o100_000 | 0 if has_dos_directory && !is_unix => {
            Err(fault("is a directory by its DOS attributes, and a file by its name".to_owned()))
        }
        0o100_000 | 0 => Ok(MemberKind::File),
        other => Err(fault(format!("is of type {other:#o}, which is no file, directory or symbolic link"))),
    }
}

fn check_sizes(central: &Central, budget: &Budget) -> Result<(), ReadError> {
    let Wide { size, compressed_size, .. } = central.wide;
    let (path, offset) = (central.path.clone(), central.offset);
    if central.kind == MemberKind::Directory && size != 0 {
        return Err(ZipFault::DirectoryData { path, offset, size }.into());
    }
    if ZipMethod::of(central.header.method) == Some(ZipMethod::Stored) && compressed_size != size {
        return Err(ZipFault::StoredSize { path, offset, compressed: compressed_size, size }.into());
    }
    budget.declared(&path, size)?;
    if matches!(central.kind, MemberKind::Symlink { .. }) {
        if size == 0 {
            return Err(ZipFault::LinkTarget { path, offset, detail: "has no target" }.into());
        }
        budget.name(size)?;
    }
    Ok(())
}

fn note(central: &Central, comment_offset: u64, anomalies: &mut Vec<Anomaly>) {
    let mut note = |code, offset, length, detail: String| {
        anomalies.push(Anomaly { code, offset, length, path: Some(central.path.clone()), detail });
    };
    let header = &central.header;
    let offset = central.offset;
    if !central.comment.is_empty() {
        note("zip-member-comment", comment_offset, length(&central.comment), "the member has a comment".to_owned());
    }
    if header.flags & !FLAGS_ORDINARY != 0 {
        note("zip-flags", offset + 8, 2, format!("the flags {:#06x} have bits without meaning here", header.flags));
    }
    // Readers pass over a member that needs more than they know; 4.5 is zip64, later ones came with other methods.
    let most = if header.method == 0 || header.method == 8 { 45 } else { 63 };
    if !(10..=most).contains(&header.version_needed) {
        let version = header.version_needed;
        note("zip-version-needed", offset + 6, 2, format!("version {version} is needed to extract, of 10 to {most}"));
    }
    if central.internal_attributes & !1 != 0 {
        let attributes = central.internal_attributes;
        note("zip-internal-attributes", offset + 36, 2, format!("internal attributes {attributes:#06x}"));
    }
    let type_bits = (central.external_attributes >> 16) & TYPE_MASK;
    let has_dos_directory = central.external_attributes & 0x10 != 0;
    let is_directory = central.kind == MemberKind::Directory;
    if (is_directory && type_bits == 0o100_000) || (!is_directory && has_dos_directory) {
        let attributes = central.external_attributes;
        let detail = format!("the name and the external attributes {attributes:#010x} are of different kinds");
        note("zip-directory-attributes", offset + 38, 4, detail);
    }
    if matches!(central.kind, MemberKind::Symlink { .. }) {
        note(
            "zip-symlink",
            offset,
            central.length,
            "a symbolic link, which CPython's zipfile writes as a file".to_owned(),
        );
    }
    if central.wide.is_needless {
        note("zip-zip64-needless", offset, central.length, "a zip64 extra field repeats the header".to_owned());
    }
}
