//! The end of a zip file: end of central directory record (APPNOTE 4.3.16), zip64 end record and locator (4.3.14, 4.3.15).

use crate::archive::{Tile, TileKind};
use crate::error::ReadError;
use crate::source::{Source, length};
use crate::zip::bytes::{le16, le32, le64};
use crate::zip::fault::ZipFault;

pub(super) const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_BYTES: u64 = 20;
const ZIP64_SIGNATURE: [u8; 4] = *b"PK\x06\x06";
const ZIP64_BYTES: u64 = 56;

/// What a zip file holds beside its members, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipEnd {
    /// Of the central directory, in bytes from the start of the file.
    pub directory_offset: u64,
    /// Of the central directory, in bytes.
    pub directory_size_bytes: u64,
    /// Of the end of central directory record.
    pub end_offset: u64,
    /// The archive's comment; a finding where it is not empty.
    pub comment: Vec<u8>,
    /// The zip64 end record, where there is one.
    pub zip64: Option<Zip64End>,
    /// The 16-bit member count and the 32-bit directory size and offset of the classic end record; saturated where the
    /// zip64 record speaks.
    pub classic: (u16, u32, u32),
}

/// The zip64 end record's values that no other record repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zip64End {
    /// Of the zip64 end record.
    pub offset: u64,
    /// "Version made by".
    pub creator: u16,
    /// "Version needed to extract".
    pub version_needed: u16,
}

/// Where the end is and what it declares.
pub(super) struct Found {
    pub(super) end: ZipEnd,
    pub(super) members: u64,
    /// Of the record right after the central directory.
    pub(super) directory_end: u64,
    /// After the comment.
    pub(super) trailer: u64,
}

impl Found {
    pub(super) fn tiles(&self, size: u64) -> Vec<Tile> {
        let end = self.end.end_offset;
        let after = end + END_BYTES as u64;
        [
            (self.directory_end, end, TileKind::Zip64End),
            (end, after, TileKind::EndRecord),
            (after, self.trailer, TileKind::Comment),
            (self.trailer, size, TileKind::Trailer),
        ]
        .into_iter()
        .map(|(from, to, kind)| Tile { offset: from, length: to - from, kind })
        .filter(|tile| tile.length > 0)
        .collect()
    }
}

/// Finds the end record as the last signature that a whole record can begin with. CPython's zipfile, Info-ZIP, Go and
/// libarchive take the last one, Java and strict readers one whose comment reaches the end exactly: both must agree.
pub(super) fn find(source: &Source<'_>) -> Result<Found, ReadError> {
    let searched = source.size.min((END_BYTES + usize::from(u16::MAX)) as u64);
    let start = source.size - searched;
    let tail = source.bytes(start, usize::try_from(searched).unwrap_or_default())?;
    let signatures: Vec<usize> =
        tail.windows(4).enumerate().filter(|(_, window)| *window == END_SIGNATURE).map(|(at, _)| at).collect();
    let last = signatures.iter().copied().rfind(|at| tail.len() - at >= END_BYTES);
    let Some(at) = last else { return Err(ZipFault::NoEnd { searched, size: source.size }.into()) };
    let offset = start + at as u64;
    let reaches_end = |other: usize| {
        tail.len() - other >= END_BYTES && tail.len() - other - END_BYTES == usize::from(le16(&tail[other..], 20))
    };
    if let Some(other) = signatures.iter().copied().find(|other| *other > at || (*other < at && reaches_end(*other))) {
        let other = start + other as u64;
        return Err(ZipFault::SeveralEnds { first: offset.min(other), second: offset.max(other) }.into());
    }
    let record = &tail[at..];
    let declared = u64::from(le16(record, 20));
    let available = length(record) - END_BYTES as u64;
    if declared > available {
        return Err(ZipFault::CommentLength { offset, declared, available }.into());
    }
    let trailer = offset + END_BYTES as u64 + declared;
    let comment_end = at + END_BYTES + usize::from(le16(record, 20));
    let comment = tail[at + END_BYTES..comment_end].to_vec();
    parse(source, record, offset, comment, trailer)
}

fn parse(source: &Source<'_>, record: &[u8], offset: u64, comment: Vec<u8>, trailer: u64) -> Result<Found, ReadError> {
    let here = le16(record, 8);
    let total = le16(record, 10);
    let (size, directory) = (le32(record, 12), le32(record, 16));
    let zip64 = zip64(source, offset)?;
    for disk in [le16(record, 4), le16(record, 6)] {
        if disk != 0 {
            return Err(ZipFault::Split { record: "the end record", offset, disk: disk.into(), expected: 0 }.into());
        }
    }
    if here != total {
        return Err(ZipFault::EndCounts { offset, here: here.into(), total: total.into() }.into());
    }
    let classic = (total, size, directory);
    let mut end = ZipEnd {
        directory_offset: directory.into(),
        directory_size_bytes: size.into(),
        end_offset: offset,
        comment,
        zip64: None,
        classic,
    };
    let Some(zip64) = zip64 else {
        let found = Found { end, members: total.into(), directory_end: offset, trailer };
        return positioned(found);
    };
    for (field, classic, limit, zip64) in [
        ("member count", u64::from(total), u64::from(u16::MAX), zip64.members),
        ("directory size", size.into(), u32::MAX.into(), zip64.directory_size),
        ("directory offset", directory.into(), u32::MAX.into(), zip64.directory_offset),
    ] {
        if classic != limit && classic != zip64 {
            return Err(ZipFault::Zip64EndDiffers { offset, field, classic, zip64 }.into());
        }
    }
    end.directory_offset = zip64.directory_offset;
    end.directory_size_bytes = zip64.directory_size;
    end.zip64 = Some(zip64.end);
    positioned(Found { directory_end: zip64.end.offset, end, members: zip64.members, trailer })
}

fn positioned(found: Found) -> Result<Found, ReadError> {
    let (offset, size, end) = (found.end.directory_offset, found.end.directory_size_bytes, found.directory_end);
    if offset.checked_add(size) != Some(end) {
        return Err(ZipFault::DirectoryPosition { offset, size, end }.into());
    }
    Ok(found)
}

struct Zip64 {
    end: Zip64End,
    members: u64,
    directory_size: u64,
    directory_offset: u64,
}

/// The zip64 end record, where a locator stands right in front of the end record. CPython looks for it always, at a fixed
/// distance; others only where a field is saturated, by the locator's offset. Both must lead to the same record.
fn zip64(source: &Source<'_>, end: u64) -> Result<Option<Zip64>, ReadError> {
    let Some(locator_offset) = end.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let Some(locator) = source.array::<20>(locator_offset)? else { return Ok(None) };
    if locator[..4] != LOCATOR_SIGNATURE {
        return Ok(None);
    }
    for (at, expected) in [(4, 0), (16, 1)] {
        let disk = u64::from(le32(&locator, at));
        if disk != expected {
            return Err(ZipFault::Split { record: "the zip64 locator", offset: locator_offset, disk, expected }.into());
        }
    }
    let declared = le64(&locator, 8);
    let fault =
        |offset, expected: String, found: String| ReadError::from(ZipFault::Zip64End { offset, expected, found });
    let offset = locator_offset.checked_sub(ZIP64_BYTES).unwrap_or(declared);
    if offset != declared {
        return Err(fault(offset, "declared by its locator".to_owned(), format!("offset {declared}")));
    }
    let record = source.array::<56>(offset)?.filter(|record| record[..4] == ZIP64_SIGNATURE);
    let Some(record) = record else {
        return Err(fault(offset, "present".to_owned(), "another signature".to_owned()));
    };
    let size = le64(&record, 4);
    if size != ZIP64_BYTES - 12 {
        return Err(fault(offset, "44 bytes after its size field".to_owned(), format!("{size}")));
    }
    for at in [16, 20] {
        let disk = u64::from(le32(&record, at));
        if disk != 0 {
            return Err(ZipFault::Split { record: "the zip64 end record", offset, disk, expected: 0 }.into());
        }
    }
    let (here, members) = (le64(&record, 24), le64(&record, 32));
    if here != members {
        return Err(ZipFault::EndCounts { offset, here, total: members }.into());
    }
    Ok(Some(Zip64 {
        end: Zip64End { offset, creator: le16(&record, 12), version_needed: le16(&record, 14) },
        members,
        directory_size: le64(&record, 40),
        directory_offset: le64(&record, 48),
    }))
}
