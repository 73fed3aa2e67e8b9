//! The container: header values of members, compressed data, and what each byte of the published file is.

use std::collections::HashMap;

use twinbuild_archive::{
    Container, Fields, Format, GzipFields, Member, ReadError, TarFields, TarHeader, Tile, TileKind, ZipFields,
    ZipHeader,
};
use twinbuild_repack::{explain_header, same_bytes};

use crate::comparison::{ByteCounts, ContainerDifferences, Relation};
use crate::pair::{Change, Pair};
use crate::side::{CompareError, Side};

/// General purpose flags that may differ: 1 and 2 tell the encoder's effort, 3 that sizes follow the data, 11 that a name
/// is UTF-8 (the bytes of the name are compared themselves).
const FREE_FLAGS: u16 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11;

/// How the header values of two members of the same name relate.
#[derive(Debug, Default)]
pub(crate) struct HeaderRelation {
    /// Their times differ.
    pub(crate) times: bool,
    /// The systems or versions that made them differ.
    pub(crate) creator: bool,
    /// Their owners or groups differ.
    pub(crate) owners: bool,
    /// The dialect or form of their headers differs.
    pub(crate) dialect: bool,
    /// Something differs that may not: a sentence.
    pub(crate) different: Option<String>,
}

/// Compares what the headers say beside name, kind, mode and content, in files of this format. Extra fields other than
/// times and zip64 sizes are anomalies of the archives, and compared as such.
pub(crate) fn relate_headers(a: &Member, b: &Member, format: Format) -> HeaderRelation {
    let times = a.modified != b.modified;
    let (left, right) = match (&a.fields, &b.fields) {
        (Fields::Zip(left), Fields::Zip(right)) => (left, right),
        (Fields::Tar(left), Fields::Tar(right)) if matches!(format, Format::Tar | Format::TarGz) => {
            return relate_tar_headers(a, left, b, right);
        }
        _ => {
            // No container parameters of xz and of Debian packages are known: any difference is one that matters.
            let different = (times || a.fields != b.fields)
                .then(|| "its header differs, and that container is not compared field by field".to_owned());
            return HeaderRelation { times, different, ..HeaderRelation::default() };
        }
    };
    let creator = (left.creator_system, left.creator_version) != (right.creator_system, right.creator_version)
        || left.central.version_needed != right.central.version_needed;
    HeaderRelation { times, creator, different: forbidden_difference(left, right), ..HeaderRelation::default() }
}

/// The same of two tars. Whatever differs has to be explained by container parameters in both directions.
fn relate_tar_headers(a: &Member, left: &TarFields, b: &Member, right: &TarFields) -> HeaderRelation {
    let owner = |header: &TarHeader| (header.uid, header.gid, header.user_name.clone(), header.group_name.clone());
    // Bytes of a header but those of its name, mode, owner, size, time, checksum and link: the rest is form.
    let form = |fields: &TarFields| {
        let of = |header: &TarHeader| (header.dialect, header.type_flag, header.block[329..345].to_vec());
        let extensions: Vec<_> = fields.extensions.iter().map(|extension| of(&extension.header)).collect();
        (of(&fields.header), extensions)
    };
    let extensions = |fields: &TarFields| -> Vec<_> {
        fields.extensions.iter().map(|extension| (extension.header.clone(), extension.body.clone())).collect()
    };
    let is_same = left.header == right.header && extensions(left) == extensions(right);
    let refused = || explain_header(a, b).or_else(|| explain_header(b, a));
    let different = if is_same { None } else { refused().map(|reason| format!("it {reason}")) };
    HeaderRelation {
        times: a.modified != b.modified || left.header.mtime != right.header.mtime,
        creator: false,
        owners: owner(&left.header) != owner(&right.header),
        dialect: form(left) != form(right),
        different,
    }
}

fn forbidden_difference(left: &ZipFields, right: &ZipFields) -> Option<String> {
    let flags = |header: &ZipHeader| header.flags & !FREE_FLAGS;
    let both = |name: &str, a: u32, b: u32| {
        (a != b).then(|| format!("its {name} are {a:#06x} in the published file and {b:#06x} in the rebuild"))
    };
    both("flags", flags(&left.central).into(), flags(&right.central).into())
        .or_else(|| both("internal attributes", left.internal_attributes.into(), right.internal_attributes.into()))
        // The upper half is the mode, which is compared by its bits.
        .or_else(|| both("DOS attributes", left.external_attributes & 0xffff, right.external_attributes & 0xffff))
}

/// How the compressed forms of two equal contents relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataRelation {
    /// They are the same bytes.
    Same,
    /// The left one is not compressed at all, which leaves nothing free.
    Stored,
    /// The left one was compressed otherwise. A deflate stream can carry anything between its blocks, so unless the
    /// encoder is known these are bytes that nothing accounts for.
    Other,
}

/// Compares how two members with the same content lie in their files; `is_shared` says that they are the same deflate
/// stream.
pub(crate) fn relate_data(a: &Member, b: &Member, is_shared: bool) -> DataRelation {
    const STORED: u16 = 0;
    let (Fields::Zip(left), Fields::Zip(right)) = (&a.fields, &b.fields) else {
        // Other containers compress their members together; a difference there shows in the bytes that are counted.
        return DataRelation::Same;
    };
    match (left.central.method, right.central.method) {
        // Contents as they are, and the contents are the same.
        (STORED, STORED) => DataRelation::Same,
        (STORED, _) => DataRelation::Stored,
        _ if is_shared => DataRelation::Same,
        _ => DataRelation::Other,
    }
}

/// What each byte of the published file is.
pub(crate) fn count_bytes(published: &Side<'_>, rebuilt: &Side<'_>, pair: &Pair) -> Result<ByteCounts, CompareError> {
    let total = published.archive.size_bytes;
    let mut counts = ByteCounts { total, ..ByteCounts::default() };
    if pair.relation == Relation::Identical {
        counts.identical = total;
        return Ok(counts);
    }
    let fates = fates(published, pair);
    let theirs: HashMap<TileKind, &Tile> = rebuilt.archive.tiles.iter().map(|tile| (tile.kind, tile)).collect();
    let mut anomalies: Vec<(u64, u64)> = Vec::new();
    for change in &pair.changes {
        if let Change::AnomalyLeft(anomaly) = change {
            anomalies.push((anomaly.offset, anomaly.offset.saturating_add(anomaly.length.max(1))));
        }
    }
    anomalies.sort_unstable();
    // Both lists are in the order of the file, so what ends before one tile is of no concern to the next.
    let mut passed = 0;
    let mut has_anomaly_of_its_own = |tile: &Tile| {
        while anomalies.get(passed).is_some_and(|(_, end)| *end <= tile.offset) {
            passed += 1;
        }
        anomalies[passed..]
            .iter()
            .take_while(|(start, _)| *start < tile.offset + tile.length)
            .any(|(_, end)| *end > tile.offset)
    };
    for tile in &published.archive.tiles {
        let member = match tile.kind {
            TileKind::LocalHeader { member }
            | TileKind::Data { member }
            | TileKind::DataDescriptor { member }
            | TileKind::CentralHeader { member }
            | TileKind::Header { member } => Some(member),
            _ => None,
        };
        let partner = member.map(|member| pair.partners[member]);
        let counterpart = match (tile.kind, partner) {
            (_, Some(None)) => None,
            (TileKind::LocalHeader { .. }, Some(Some(member))) => Some(TileKind::LocalHeader { member }),
            (TileKind::Data { .. }, Some(Some(member))) => Some(TileKind::Data { member }),
            (TileKind::DataDescriptor { .. }, Some(Some(member))) => Some(TileKind::DataDescriptor { member }),
            (TileKind::CentralHeader { .. }, Some(Some(member))) => Some(TileKind::CentralHeader { member }),
            (TileKind::Header { .. }, Some(Some(member))) => Some(TileKind::Header { member }),
            (kind, _) => Some(kind),
        };
        let is_data = matches!(tile.kind, TileKind::Data { .. });
        let fate = member.map_or(Fate::Same, |member| fates[member]);
        let is_equivalent = pair.relation == Relation::Equivalent;
        let count = match fate {
            Fate::Lonely => &mut counts.differing,
            Fate::Changed if is_data => &mut counts.differing,
            Fate::Normalized if is_data => &mut counts.normalized,
            _ if has_anomaly_of_its_own(tile) => &mut counts.differing,
            // Data was compared when the members were.
            _ if is_data && member.is_some_and(|member| pair.same_data[member]) => &mut counts.identical,
            _ if !is_data
                && is_same(published, tile, rebuilt, counterpart.and_then(|kind| theirs.get(&kind).copied()))? =>
            {
                &mut counts.identical
            }
            // What fills a block follows from what stands in it.
            _ if tile.kind == TileKind::Padding && is_zero(published, tile)? => &mut counts.identical,
            Fate::HeaderChanged if !is_data => &mut counts.differing,
            // All of a tar in one stream: what was normalized in it cannot be told from the rest.
            _ if tile.kind == TileKind::Deflate && is_equivalent && !pair.normalizations.is_empty() => {
                &mut counts.normalized
            }
            _ if is_free(tile.kind) || (is_equivalent && is_explained(tile.kind)) => &mut counts.container,
            _ => &mut counts.differing,
        };
        *count += tile.length;
    }
    Ok(counts)
}

/// What becomes of a member of the published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Same,
    Normalized,
    HeaderChanged,
    Changed,
    Lonely,
}

pub(crate) fn fates(published: &Side<'_>, pair: &Pair) -> Vec<Fate> {
    let mut fates = vec![Fate::Same; published.archive.members.len()];
    // A member that was normalized may have another mode as well; what differs goes before what was normalized.
    for normalization in &pair.normalizations {
        let index = published.archive.index_of(normalization.path.as_bytes());
        if let Some(fate) = index.and_then(|index| fates.get_mut(index)) {
            *fate = Fate::Normalized;
        }
    }
    for change in &pair.changes {
        match change {
            Change::OnlyLeft(index) => fates[*index] = Fate::Lonely,
            Change::Kind(index, _)
            | Change::Content(index, _)
            | Change::Data(index, _)
            | Change::ImpliedRecord(index, _) => {
                fates[*index] = Fate::Changed;
            }
            Change::Mode(index, _) | Change::Owner(index, _) | Change::Header(index, ..) => {
                if fates[*index] != Fate::Changed {
                    fates[*index] = Fate::HeaderChanged;
                }
            }
            Change::OnlyRight(_) | Change::Container(..) | Change::AnomalyLeft(_) | Change::AnomalyRight(_) => {}
        }
    }
    fates
}

/// Whether a tile of this kind holds nothing but container parameters and what follows from them, once the members'
/// contents and modes were compared.
fn is_free(kind: TileKind) -> bool {
    matches!(
        kind,
        TileKind::LocalHeader { .. }
            | TileKind::Data { .. }
            | TileKind::DataDescriptor { .. }
            | TileKind::CentralHeader { .. }
            | TileKind::Header { .. }
            | TileKind::Zip64End
            | TileKind::EndRecord
    )
}

/// Whether a tile of this kind, in a tar that is equivalent, was written again from container parameters.
fn is_explained(kind: TileKind) -> bool {
    matches!(
        kind,
        TileKind::GlobalHeader | TileKind::End | TileKind::GzipHeader | TileKind::Deflate | TileKind::GzipTrailer
    )
}

/// How two tars, plain or in gzip, differ beside their members; only differences that are permitted are looked for.
pub(crate) fn relate_tars(left: &Container, right: &Container, container: &mut ContainerDifferences) {
    let tar = |container: &Container| match container {
        Container::Tar(tar) | Container::TarGz { tar, .. } => Some(tar.size_bytes.saturating_sub(tar.end_offset)),
        Container::Zip(_)
        | Container::TarXz { .. }
        | Container::TarBz2 { .. }
        | Container::TarZst { .. }
        | Container::Gzip(_)
        | Container::Xz(_)
        | Container::Bzip2(_)
        | Container::Zstd(_)
        | Container::Ar(_)
        | Container::Deb(_) => None,
    };
    container.blocking_factor = tar(left) != tar(right);
    if let (Container::TarGz { gzip: a, .. }, Container::TarGz { gzip: b, .. }) = (left, right) {
        container.gzip_header =
            (a.modified, a.extra_flags, a.system, &a.file_name) != (b.modified, b.extra_flags, b.system, &b.file_name);
        // The same tar, in another stream.
        let size = |gzip: &GzipFields| gzip.trailer_offset.saturating_sub(gzip.deflate_offset);
        container.compression = u64::from((a.crc32, a.size_bytes) == (b.crc32, b.size_bytes) && size(a) != size(b));
    }
}

fn is_zero(published: &Side<'_>, tile: &Tile) -> Result<bool, CompareError> {
    let mut is_zero = true;
    published.pieces(tile.offset, tile.length, |piece| is_zero &= piece.iter().all(|byte| *byte == 0))?;
    Ok(is_zero)
}

fn is_same(
    published: &Side<'_>,
    tile: &Tile,
    rebuilt: &Side<'_>,
    counterpart: Option<&Tile>,
) -> Result<bool, CompareError> {
    let Some(other) = counterpart.filter(|other| other.length == tile.length) else { return Ok(false) };
    let same = same_bytes(published.bytes, tile.offset, rebuilt.bytes, other.offset, tile.length);
    same.map_err(|source| CompareError::Read(ReadError::Io { offset: tile.offset, source }))
}
