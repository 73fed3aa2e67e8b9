//! Zip files, by APPNOTE 6.3.10 (PKWARE), read as strictly as all readers together.
//!
//! A zip file says everything twice: readers that seek believe the central directory at its end, readers that stream
//! believe the local headers. Here both are walked and must agree, and every byte must belong to one structure.

mod bytes;
mod data;
mod directory;
mod end;
mod expand;
mod extra;
mod fault;
mod local;
mod method;

use std::cmp::Ordering;
use std::io::{self, Read};

use twinbuild_subject::{MemberPath, Sha256};

use crate::Visitor;
use crate::archive::{Anomaly, Archive, Container, Fields, Format, Member, MemberKind, Modified, Tile, TileKind};
use crate::error::ReadError;
use crate::limits::{Budget, Limits};
use crate::names::{NameKind, NameRules, Names};
use crate::source::Source;
use data::{Allowance, Scratch};
use directory::{CENTRAL_SIGNATURE, Central};
use end::END_SIGNATURE;
use local::{LOCAL_SIGNATURE, Local};

pub use data::MemberReader;
pub use directory::ZipHeader;
pub use end::{Zip64End, ZipEnd};
pub(crate) use expand::Beside;
pub use extra::{ExtraField, ExtraFields, ExtraKind};
pub use fault::ZipFault;
pub use local::DataDescriptor;
pub use method::ZipMethod;

/// Of LZMA: a mark ends the stream (4.4.4).
const FLAG_LZMA_END: u16 = 1 << 1;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;
/// Traditional, strong, and masked local headers.
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;

/// The header values of a zip member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZipFields {
    /// Lower byte of "version made by": the specification's version in tenths.
    pub creator_version: u8,
    /// Upper byte of "version made by" (APPNOTE 4.4.2): 0 DOS, 3 Unix, 10 NTFS, 19 Darwin.
    pub creator_system: u8,
    /// Internal file attributes (4.4.14); bit 0 says text.
    pub internal_attributes: u16,
    /// External file attributes (4.4.15); of a Unix creator the mode is in the upper half.
    pub external_attributes: u32,
    /// The member's comment; a finding where it is not empty.
    pub comment: Vec<u8>,
    /// What the central header says.
    pub central: ZipHeader,
    /// What the local header says.
    pub local: ZipHeader,
    /// The 32-bit offset of the local header as stored; saturated where the zip64 field speaks.
    pub stored_local_offset: u32,
    /// Compressed size in bytes.
    pub compressed_size_bytes: u64,
    /// Of the local header.
    pub local_offset: u64,
    /// Of the compressed contents.
    pub data_offset: u64,
    /// Of the central header.
    pub central_offset: u64,
    /// What follows the contents, where flag bit 3 is set.
    pub descriptor: Option<DataDescriptor>,
    /// Bytes after the end of the compressed stream; a finding where not 0.
    pub tail_bytes: u64,
}

/// Reads a zip file, its members on several threads. All headers and names are checked before the first member is read.
/// What the archive `beside` has expanded already is not expanded again.
pub(crate) fn read(source: Source<'_>, limits: &Limits, beside: Option<Beside<'_>>) -> Result<Archive, ReadError> {
    let mut archive = headers(source, limits)?;
    let expanded = expand::expand_all(source, &archive.members, limits, beside)?;
    for (member, expanded) in archive.members.iter_mut().zip(expanded) {
        expanded.keep(member, &mut archive.anomalies);
    }
    Ok(archive)
}

/// Reads a zip file and hands out its members in order. All headers and names are checked before the first one.
pub(crate) fn visit(source: Source<'_>, limits: &Limits, visitor: &mut Visitor<'_>) -> Result<Archive, ReadError> {
    let mut archive = headers(source, limits)?;
    let mut scratch = Scratch::new(source);
    let mut before: u64 = 0;
    for member in &mut archive.members {
        let Fields::Zip(fields) = &member.fields else { continue };
        let allowance = Allowance { limits, before };
        let take = |contents: &mut dyn Read| visitor(member, contents);
        let expanded = expand::expand(member, fields, allowance, &mut scratch, take)?;
        if member.kind != MemberKind::File {
            if let Some(target) = expanded.target.clone() {
                member.kind = MemberKind::Symlink { target };
            }
            visitor(member, &mut io::empty())
                .map_err(|source| ReadError::Visitor { path: member.path.clone(), source })?;
        }
        before = before.saturating_add(member.size_bytes);
        expanded.keep(member, &mut archive.anomalies);
    }
    Ok(archive)
}

/// Hands out the contents of one file that [`read`] has found, verified again, and returns their digest.
pub(crate) fn stream(
    source: Source<'_>,
    limits: &Limits,
    member: &Member,
    fields: &ZipFields,
    take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<Sha256, ReadError> {
    expand::again(source, limits, member, fields, take)
}

/// Reads everything but the contents of members.
fn headers(source: Source<'_>, limits: &Limits) -> Result<Archive, ReadError> {
    let mut budget = Budget::new(limits);
    let mut anomalies = Vec::new();
    let found = end::find(&source)?;
    let centrals = directory::read(&source, &found, &mut budget, &mut anomalies)?;
    let mut names = Names::new(NameRules::Portable);
    for central in &centrals {
        let kind = match central.kind {
            MemberKind::Directory => NameKind::Directory,
            MemberKind::File | MemberKind::Hardlink { .. } => NameKind::File,
            MemberKind::Symlink { .. } => NameKind::Link,
        };
        anomalies.extend(names.add(&central.path, kind, central.offset)?);
    }
    drop(names);
    let mut locals = Vec::with_capacity(centrals.len());
    for central in &centrals {
        let directory = found.end.directory_offset;
        locals.push(local::read(&source, central, directory, &mut budget, &mut anomalies)?);
        budget.anomalies(&anomalies)?;
    }
    let mut tiles: Vec<Tile> = found.tiles(source.size);
    for (index, (central, local)) in centrals.iter().zip(&locals).enumerate() {
        claim(index, central, local, &mut tiles);
    }
    let tiles = lay(&source, tiles, &centrals, &mut anomalies)?;
    if !found.end.comment.is_empty() {
        let offset = found.end.end_offset + 22;
        let detail = "the archive has a comment".to_owned();
        anomalies.push(Anomaly { code: "zip-comment", offset, length: found.trailer - offset, path: None, detail });
    }
    if !centrals.is_sorted_by_key(|central| central.wide.local_offset) {
        let (offset, length) = (found.end.directory_offset, found.end.directory_size_bytes);
        let detail = "the directory lists the members in another order than they lie in the file".to_owned();
        anomalies.push(Anomaly { code: "zip-order", offset, length, path: None, detail });
    }
    let members = centrals.into_iter().zip(locals).map(|(central, local)| member(central, local)).collect();
    Ok(Archive {
        format: Format::Zip,
        size_bytes: source.size,
        members,
        anomalies,
        tiles,
        container: Container::Zip(found.end),
        limits: *limits,
    })
}

fn member(central: Central, local: Local) -> Member {
    let mode = central.external_attributes >> 16;
    let extra = [&central.header.extra, &local.header.extra];
    let modified = Modified::Dos {
        date: central.header.date,
        time: central.header.time,
        unix_seconds: extra.iter().find_map(|extra| extra.unix_seconds()),
        ntfs_ticks: extra.iter().find_map(|extra| extra.ntfs_ticks()),
    };
    Member {
        kind: central.kind,
        mode: (mode != 0).then_some(mode & 0o7777),
        type_bits: Some(mode & 0o170_000).filter(|bits| *bits != 0),
        size_bytes: central.wide.size,
        sha256: None,
        modified,
        fields: Fields::Zip(Box::new(ZipFields {
            creator_version: central.creator_version,
            creator_system: central.creator_system,
            internal_attributes: central.internal_attributes,
            external_attributes: central.external_attributes,
            comment: central.comment,
            central: central.header,
            local: local.header,
            stored_local_offset: central.stored_offset,
            compressed_size_bytes: central.wide.compressed_size,
            local_offset: central.wide.local_offset,
            data_offset: local.data_offset,
            central_offset: central.offset,
            descriptor: local.descriptor,
            tail_bytes: 0,
        })),
        path: central.path,
    }
}

fn claim(index: usize, central: &Central, local: &Local, tiles: &mut Vec<Tile>) {
    let offset = central.wide.local_offset;
    let data_length = central.wide.compressed_size;
    let descriptor = local.descriptor.map_or((0, 0), |descriptor| (descriptor.offset, descriptor.length()));
    for (offset, length, kind) in [
        (offset, local.data_offset - offset, TileKind::LocalHeader { member: index }),
        (local.data_offset, data_length, TileKind::Data { member: index }),
        (descriptor.0, descriptor.1, TileKind::DataDescriptor { member: index }),
        (central.offset, central.length, TileKind::CentralHeader { member: index }),
    ] {
        if length > 0 {
            tiles.push(Tile { offset, length, kind });
        }
    }
}

/// Puts the claims in order. Two claims of one byte are a fault, and what nobody claims is searched for hidden headers.
fn lay(
    source: &Source<'_>,
    mut claims: Vec<Tile>,
    centrals: &[Central],
    anomalies: &mut Vec<Anomaly>,
) -> Result<Vec<Tile>, ReadError> {
    claims.sort_by_key(|tile| tile.offset);
    let mut tiles = Vec::with_capacity(claims.len());
    let mut position = 0;
    for claim in claims {
        match claim.offset.cmp(&position) {
            Ordering::Less => {
                let path = owner(claim.kind, centrals);
                return Err(ZipFault::Overlap { path, offset: claim.offset, end: position }.into());
            }
            Ordering::Equal => {}
            Ordering::Greater => {
                let kind = if position == 0 { TileKind::Prefix } else { TileKind::Gap };
                let gap = Tile { offset: position, length: claim.offset - position, kind };
                search(source, gap, anomalies)?;
                tiles.push(gap);
            }
        }
        if claim.kind == TileKind::Trailer {
            search(source, claim, anomalies)?;
        }
        position = claim.offset + claim.length;
        tiles.push(claim);
    }
    Ok(tiles)
}

fn owner(kind: TileKind, centrals: &[Central]) -> MemberPath {
    let member = match kind {
        TileKind::LocalHeader { member } | TileKind::Data { member } | TileKind::DataDescriptor { member } => {
            Some(member)
        }
        _ => None,
    };
    member.and_then(|index| centrals.get(index)).map_or_else(|| MemberPath::new(*b""), |central| central.path.clone())
}

/// The name in a header at `offset`, where the file is long enough to hold it.
fn hidden_name(
    source: &Source<'_>,
    offset: u64,
    length_at: u64,
    name_at: u64,
) -> Result<Option<MemberPath>, ReadError> {
    let Some(length) = source.array::<2>(offset + length_at)?.map(u16::from_le_bytes) else { return Ok(None) };
    if offset + name_at + u64::from(length) > source.size {
        return Ok(None);
    }
    Ok(Some(MemberPath::new(source.bytes(offset + name_at, usize::from(length))?)))
}

/// A range that no member owns: a finding, or a fault where a reader that streams or repairs would find a member in it.
fn search(source: &Source<'_>, tile: Tile, anomalies: &mut Vec<Anomaly>) -> Result<(), ReadError> {
    let (code, place) = match tile.kind {
        TileKind::Prefix => ("zip-prefix", "bytes in front of the first member"),
        TileKind::Trailer => ("zip-trailer", "bytes after the end"),
        _ => ("zip-gap", "gap between two members"),
    };
    let (offset, length) = (tile.offset, tile.length);
    let end = offset + length;
    // Of each record: where its name's length and its name are.
    for (signature, record, name) in [
        (LOCAL_SIGNATURE, "local header", Some((26, 30))),
        (CENTRAL_SIGNATURE, "central header", Some((28, 46))),
        (END_SIGNATURE, "end of central directory record", None),
    ] {
        if let Some(offset) = source.find(offset, end, &[signature])? {
            let path = name.map(|(length_at, name_at)| hidden_name(source, offset, length_at, name_at)).transpose()?;
            return Err(ZipFault::HiddenEntry { path: path.flatten(), record, offset, place }.into());
        }
    }
    let detail = format!("{length} bytes belong to no member: {place}");
    anomalies.push(Anomaly { code, offset, length, path: None, detail });
    Ok(())
}
