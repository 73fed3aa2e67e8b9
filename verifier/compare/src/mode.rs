//! Modes of members, by the rule that `twinbuild_repack` writes by.

use twinbuild_archive::{Archive, Fields, Member};
use twinbuild_repack::{StoredMode, is_world_writable, modes_read_alike, tar_modes_read_alike};

/// How the modes of two members relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModeRelation {
    Same,
    /// They differ in bits that depend on the umask or the system of whoever built, and in nothing that runs or protects.
    Permitted,
    Different,
}

/// Compares the modes of two members of the same kind.
pub(crate) fn relate_modes(a: &Member, b: &Member, world_writable: bool) -> ModeRelation {
    let (left, right) = (stored(a), stored(b));
    let read_alike = if matches!(a.fields, Fields::Zip(_)) { modes_read_alike } else { tar_modes_read_alike };
    if left == right {
        ModeRelation::Same
    } else if read_alike(&a.kind, &left, &right, world_writable) {
        ModeRelation::Permitted
    } else {
        ModeRelation::Different
    }
}

/// Whether all files of an archive may be written by others.
pub(crate) fn all_world_writable(archive: &Archive) -> bool {
    is_world_writable(archive.members.iter().filter(|member| member.is_file()).map(|member| member.mode))
}

/// A mode as a reader knows it.
pub(crate) fn shown(member: &Member) -> String {
    let creator = match &member.fields {
        Fields::Zip(fields) if ![3, 19].contains(&fields.creator_system) => " of no Unix system",
        _ => "",
    };
    // Tars have a type flag beside the mode.
    let is_zip = matches!(member.fields, Fields::Zip(_));
    let kind = if is_zip && member.type_bits.is_none() && creator.is_empty() { " without a type" } else { "" };
    member.mode.map_or_else(|| "none".to_owned(), |mode| format!("{mode:04o}{creator}{kind}"))
}

fn stored(member: &Member) -> StoredMode {
    const UNIX: u8 = 3;
    let creator_system = match &member.fields {
        Fields::Zip(fields) => fields.creator_system,
        _ => UNIX,
    };
    StoredMode { permissions: member.mode, has_type: member.type_bits.is_some(), creator_system }
}
