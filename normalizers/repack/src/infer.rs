//! From a published archive to its container parameters.

use std::io::Write as _;

use twinbuild_archive::{Archive, Container, Fields, Member, ReadAt, TileKind, ZipEnd, ZipFields};
use twinbuild_subject::MemberPath;

use crate::against::Against;
use crate::error::{Failure, InferError, NotRepackable, Reason};
use crate::fields::{Compressed, Encoder, Zip64EndForm};
use crate::gzip;
use crate::header::{Directory, Entry, TooLarge};
use crate::identify::{Contents, Effort, Range, identify};
use crate::members::{MemberFacts, Members as _, ZipMembers, names_digest, sorted};
use crate::parameters::{ContainerParameters, Parameters};
use crate::permutation::Permutation;
use crate::record;
use crate::shared::Shared;
use crate::tar;
use crate::values::{values, zip64_end};
use crate::zip_parameters::{Columns, Values, ZipParameters};

/// The container parameters of a published zip file, tar or tar in gzip, which `twinbuild_archive::read` has read from `bytes`.
///
/// Every byte of the file is accounted for: headers are written again from the parameters and compared, compressed data is
/// compared with what the encoder that was found gives. ZipParameters therefore write this very file from its own members.
/// Memory is bounded as the crate says. An encoder is looked for until twice the archive's expanded size and 1 GiB more
/// were compressed.
///
/// # Errors
/// [`InferError::NotRepackable`] names the first thing that is no container parameter; [`InferError::Failed`] if the file
/// cannot be read again or zlib fails.
pub fn infer(published: &Archive, bytes: &dyn ReadAt) -> Result<Parameters, InferError> {
    infer_with(published, bytes, None)
}

/// As [`infer`], for members of one rebuild: of those that it shares with the published file no encoder is looked for, and
/// the parameters say [`Compressed::AsBuilt`]. They write this very file from that rebuild, and not from others that are
/// compressed otherwise.
///
/// # Errors
/// As [`infer`].
pub fn infer_for(published: &Archive, bytes: &dyn ReadAt, shared: &Shared<'_>) -> Result<Parameters, InferError> {
    infer_with(published, bytes, Some(shared))
}

fn infer_with(published: &Archive, bytes: &dyn ReadAt, shared: Option<&Shared<'_>>) -> Result<Parameters, InferError> {
    let container = match &published.container {
        Container::Zip(end) => ContainerParameters::Zip(Box::new(zip(published, bytes, end, shared)?)),
        Container::Tar(tar) => ContainerParameters::Tar(Box::new(tar::infer(published, bytes, tar, shared)?)),
        Container::TarGz { gzip, tar } => {
            ContainerParameters::TarGz(Box::new(gzip::infer(published, bytes, gzip, tar, shared)?))
        }
        Container::TarXz { .. }
        | Container::TarBz2 { .. }
        | Container::TarZst { .. }
        | Container::Gzip(_)
        | Container::Xz(_)
        | Container::Bzip2(_)
        | Container::Zstd(_)
        | Container::Ar(_)
        | Container::Deb(_) => return Err(whole(Reason::Format).into()),
    };
    Ok(Parameters::of(container))
}

fn zip(
    published: &Archive,
    bytes: &dyn ReadAt,
    end: &ZipEnd,
    shared: Option<&Shared<'_>>,
) -> Result<ZipParameters, InferError> {
    check_tiles(published)?;
    let members = ZipMembers::new(published, bytes);
    let sorted = sorted(&members);
    let mut columns = Columns(Vec::with_capacity(published.members.len()));
    let mut position = 0;
    for member in &published.members {
        let Fields::Zip(fields) = &member.fields else { return Err(whole(Reason::Format).into()) };
        if fields.local_offset != position {
            let reason = Reason::Order { found: fields.local_offset, expected: position };
            return Err(of(member, reason).into());
        }
        let data_end = fields.data_offset.saturating_add(fields.compressed_size_bytes);
        position = fields.descriptor.map_or(data_end, |descriptor| data_end.saturating_add(descriptor.length()));
        columns.0.push(values(member, fields).map_err(|reason| of(member, reason))?);
    }
    let zip64_end = zip64_end(end).map_err(whole)?;
    check_headers(published, bytes, &members, &columns)?;
    check_end(published, bytes, end, zip64_end.as_ref())?;
    if let Some(shared) = shared {
        let of_members = columns.0.iter_mut().enumerate();
        of_members
            .filter(|(index, _)| shared.is_shared(*index))
            .for_each(|(_, values)| values.compressed = Compressed::AsBuilt);
    }
    find_encoders(published, bytes, &members, &mut columns)?;
    let mut positions = vec![0; sorted.len()];
    for (position, index) in sorted.iter().enumerate() {
        positions[*index] = position;
    }
    let record = match record::index(&members) {
        None => None,
        Some(index) => Some(record_order(published, &members, index)?),
    };
    Ok(ZipParameters {
        members: u32::try_from(published.members.len()).map_err(|_| whole(Reason::Count))?,
        names: names_digest(&members, &sorted),
        order: Permutation::of(positions).ok_or_else(|| whole(Reason::Count))?,
        record,
        creator: columns.column(|values| values.creator),
        version_needed: columns.column(|values| values.version_needed),
        effort: columns.column(|values| values.effort),
        is_utf8: columns.column(|values| values.is_utf8),
        descriptor: columns.column(|values| values.descriptor),
        modified: columns.column(|values| values.modified),
        mode: columns.column(|values| values.mode),
        compressed: columns.column(|values| values.compressed),
        local_extra: columns.column(|values| values.local_extra.clone()),
        central_extra: columns.column(|values| values.central_extra.clone()),
        zip64_end,
    })
}

fn whole(reason: Reason) -> NotRepackable {
    NotRepackable { path: None, reason }
}

fn of(member: &Member, reason: Reason) -> NotRepackable {
    NotRepackable { path: Some(member.path.clone()), reason }
}

/// Bytes that no header explains.
fn check_tiles(published: &Archive) -> Result<(), NotRepackable> {
    for tile in &published.tiles {
        let (offset, length) = (tile.offset, tile.length);
        let reason = match tile.kind {
            TileKind::Comment => Reason::Comment { offset, length },
            TileKind::Prefix => Reason::Prefix { length },
            TileKind::Gap => Reason::Gap { offset, length },
            TileKind::Trailer => Reason::Trailer { offset, length },
            _ => continue,
        };
        return Err(whole(reason));
    }
    Ok(())
}

/// Holds every header against what is written from its values.
fn check_headers(
    published: &Archive,
    bytes: &dyn ReadAt,
    members: &ZipMembers<'_>,
    columns: &Columns,
) -> Result<(), InferError> {
    for ((index, member), values) in published.members.iter().enumerate().zip(&columns.0) {
        let (Fields::Zip(fields), Some(facts)) = (&member.fields, members.facts(index)) else {
            return Err(whole(Reason::Format).into());
        };
        let entry = entry(&facts, fields, values);
        let data_end = fields.data_offset.saturating_add(fields.compressed_size_bytes);
        for (offset, written) in [
            (fields.local_offset, entry.local()),
            (data_end, Ok(entry.descriptor())),
            (fields.central_offset, entry.central()),
        ] {
            if !is_at(bytes, offset, written, &member.path)? {
                return Err(of(member, Reason::Unexplained { offset }).into());
            }
        }
    }
    Ok(())
}

fn entry<'a>(facts: &MemberFacts<'a>, fields: &ZipFields, values: &'a Values) -> Entry<'a> {
    Entry {
        name: facts.path.as_bytes(),
        kind: facts.kind,
        internal_attributes: facts.internal_attributes,
        dos_attributes: facts.dos_attributes,
        values,
        crc32: fields.central.crc32,
        size: facts.size_bytes,
        compressed_size: fields.compressed_size_bytes,
        local_offset: fields.local_offset,
    }
}

/// The same for what follows the directory.
fn check_end(
    published: &Archive,
    bytes: &dyn ReadAt,
    end: &ZipEnd,
    form: Option<&Zip64EndForm>,
) -> Result<(), InferError> {
    let directory = Directory {
        members: published.members.len() as u64,
        offset: end.directory_offset,
        size: end.directory_size_bytes,
    };
    let offset = end.zip64.map_or(end.end_offset, |zip64| zip64.offset);
    let written = directory.end(form);
    let is_last =
        written.as_ref().is_ok_and(|bytes| offset.checked_add(bytes.len() as u64) == Some(published.size_bytes));
    if is_last && is_at(bytes, offset, written, &MemberPath::new(*b""))? {
        return Ok(());
    }
    Err(whole(Reason::Unexplained { offset }).into())
}

fn is_at(
    bytes: &dyn ReadAt,
    offset: u64,
    written: Result<Vec<u8>, TooLarge>,
    path: &MemberPath,
) -> Result<bool, Failure> {
    let Ok(written) = written else { return Ok(false) };
    let mut against = Against::new(bytes, offset, offset.saturating_add(written.len() as u64));
    // An error is a difference or a failure, and `finish` tells which.
    let _ = against.write_all(&written);
    Ok(against.finish().map_err(|error| Failure::read(path, error))?.is_none())
}

/// Finds the encoder of each deflated member that is not as it was built. The largest one is first, as it tells encoders apart best; for the others
/// the one that was found last is tried first.
fn find_encoders(
    published: &Archive,
    bytes: &dyn ReadAt,
    members: &ZipMembers<'_>,
    columns: &mut Columns,
) -> Result<(), InferError> {
    let is_deflated =
        |values: &Values| matches!(values.compressed, Compressed::By(encoder) if encoder != Encoder::Stored);
    let deflated: Vec<usize> =
        columns.0.iter().enumerate().filter(|(_, values)| is_deflated(values)).map(|(index, _)| index).collect();
    let size = |index: usize| published.members.get(index).map_or(0, |member| member.size_bytes);
    let largest = deflated.iter().copied().max_by_key(|index| size(*index));
    let expanded = published.members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.size_bytes));
    let mut effort = Effort::for_size(expanded);
    let mut likely = None;
    for index in largest.into_iter().chain(deflated) {
        let (Some(member), Some(values)) = (published.members.get(index), columns.0.get_mut(index)) else { continue };
        let Fields::Zip(fields) = &member.fields else { continue };
        let end = fields.data_offset.saturating_add(fields.compressed_size_bytes);
        let range = Range { bytes, start: fields.data_offset, end };
        let open = || members.open(index);
        let contents = Contents { path: &member.path, size_bytes: member.size_bytes, open: &open };
        let found = identify(&contents, &range, likely, &mut effort)?;
        if effort.is_used_up() {
            return Err(of(member, Reason::Effort).into());
        }
        let Some(encoder) = found else {
            let (compressed_bytes, bytes) = (fields.compressed_size_bytes, member.size_bytes);
            return Err(of(member, Reason::Encoder { compressed_bytes, bytes }).into());
        };
        values.compressed = Compressed::By(encoder);
        likely = Some(encoder);
    }
    Ok(())
}

fn record_order(published: &Archive, members: &ZipMembers<'_>, index: usize) -> Result<Permutation, InferError> {
    let size = published.members.get(index).map_or(0, |member| member.size_bytes);
    let path = published.members.get(index).map(|member| member.path.clone());
    if size > record::RECORD_BYTES {
        let reason = Reason::RecordSize { size, allowed: record::RECORD_BYTES };
        return Err(NotRepackable { path, reason }.into());
    }
    let text = record::read(members, index)?;
    Ok(record::order(&text).ok_or(NotRepackable { path, reason: Reason::Count })?)
}
