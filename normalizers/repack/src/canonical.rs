//! Container parameters that say nothing of who built, when and how.

use twinbuild_archive::MemberKind;

use crate::column::Column;
use crate::fields::{Compressed, Creator, DosTime, Effort, Encoder, Mode, System, VersionNeeded, Zip64EndForm};
use crate::members::{MemberFacts, Members, names_digest, sorted};
use crate::permit::{StoredMode, modes_read_alike};
use crate::permutation::Permutation;
use crate::record;
use crate::zip_parameters::ZipParameters;

/// 1980-01-01 00:00:00, the first time that MS-DOS has.
const FIRST_TIME: DosTime = DosTime { date: 1 << 5 | 1, time: 0 };
/// Version 2.0 of the specification, made on Unix: what CPython's zipfile says.
const UNIX: Creator = Creator { system: System::Unix, version: 20 };
/// An end record holds fewer members than this without a zip64 record.
const MOST_MEMBERS: usize = 0xffff;

impl ZipParameters {
    /// The parameters that depend on nothing but the members: sorted by the bytes of their names, and so the lines of
    /// `RECORD`, at 1980-01-01 00:00:00, compressed by zlib at its default level where there is something to compress,
    /// without extra fields, and with the modes of a usual umask as far as [`modes_read_alike`] permits.
    ///
    /// `None` if there are more members than 32 bits count, or the lines of `RECORD` cannot be read; whether `RECORD` may be
    /// sorted, which needs it to be true, is the caller's to say.
    #[must_use]
    pub fn canonical(members: &dyn Members, sorts_record: bool) -> Option<Self> {
        let sorted = sorted(members);
        let facts: Vec<MemberFacts<'_>> = sorted.iter().filter_map(|index| members.facts(*index)).collect();
        let record = match record::index(members) {
            None => None,
            Some(index) => {
                let text = record::read(members, index).ok()?;
                Some(if sorts_record { record::sorted_order(&text)? } else { record::order(&text)? })
            }
        };
        Some(Self {
            members: u32::try_from(facts.len()).ok()?,
            names: names_digest(members, &sorted),
            order: Permutation::of(0..facts.len())?,
            record,
            creator: facts.iter().map(creator).collect(),
            version_needed: Column::All(VersionNeeded::V20),
            effort: Column::All(Effort::Normal),
            is_utf8: facts.iter().map(|facts| !facts.path.as_bytes().is_ascii()).collect(),
            descriptor: Column::All(None),
            modified: Column::All(FIRST_TIME),
            mode: facts.iter().map(mode).collect(),
            compressed: facts.iter().map(compressed).collect(),
            local_extra: Column::All(Vec::new()),
            central_extra: Column::All(Vec::new()),
            zip64_end: (facts.len() >= MOST_MEMBERS).then_some(Zip64EndForm {
                creator: UNIX,
                version_needed: VersionNeeded::V45,
                saturated_members: true,
                saturated_size: false,
                saturated_offset: false,
            }),
        })
    }
}

/// The member's own mode with what a usual umask gives to the group and to others.
fn wanted(facts: &MemberFacts<'_>) -> StoredMode {
    let is_directory = *facts.kind == MemberKind::Directory;
    let own = facts.mode.permissions.unwrap_or(if is_directory { 0o755 } else { 0o644 });
    let executable = if own & 0o100 == 0 { own & 0o011 } else { 0o011 };
    let permissions = own & 0o7702 | 0o044 | executable;
    StoredMode { permissions: Some(permissions), has_type: true, creator_system: System::Unix.number() }
}

/// That, where it reads like the mode that the member has; else what the member has.
fn canonical(facts: &MemberFacts<'_>) -> StoredMode {
    let wanted = wanted(facts);
    if modes_read_alike(facts.kind, &facts.mode, &wanted, false) { wanted } else { facts.mode }
}

fn mode(facts: &MemberFacts<'_>) -> Option<Mode> {
    let StoredMode { permissions, has_type, .. } = canonical(facts);
    permissions
        .and_then(|permissions| u16::try_from(permissions).ok())
        .map(|permissions| Mode { permissions, has_type })
}

fn creator(facts: &MemberFacts<'_>) -> Creator {
    Creator::of(canonical(facts).creator_system, UNIX.version).unwrap_or(UNIX)
}

fn compressed(facts: &MemberFacts<'_>) -> Compressed {
    Compressed::By(if facts.size_bytes == 0 { Encoder::Stored } else { Encoder::DEFAULT })
}
