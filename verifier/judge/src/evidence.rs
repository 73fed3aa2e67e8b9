//! Evidence from archives.

use twinbuild_archive::{Archive, Fields, Member, ReadAt, ReadError, contents};
use twinbuild_recipe::{EvidenceError, MemberFacts, WheelContents, WheelEvidence};
use twinbuild_subject::WheelFileName;

/// Metadata with a long description takes some hundred kilobytes.
const FILE_LIMIT_BYTES: u64 = 8 << 20;

/// Why a wheel gave no evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEvidence {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What the wheel says of its own making.
pub(crate) fn wheel_evidence(
    name: &WheelFileName,
    archive: &Archive,
    bytes: &dyn ReadAt,
) -> Result<WheelEvidence, NoEvidence> {
    let index = WheelEvidence::wheel_file(name, archive.members.iter().map(|member| &member.path))?;
    let path = &archive.members[index].path;
    let wheel = contents(bytes, archive, index, FILE_LIMIT_BYTES)?;
    let folder = path.as_bytes().strip_suffix(b"WHEEL").unwrap_or_default();
    let beside = |name: &[u8]| {
        // What is too large to be read says nothing, and is compared all the same.
        let is_it = |member: &Member| {
            member.path.as_bytes().strip_prefix(folder) == Some(name) && member.size_bytes <= FILE_LIMIT_BYTES
        };
        let index = archive.members.iter().position(is_it);
        index.map(|index| contents(bytes, archive, index, FILE_LIMIT_BYTES)).transpose()
    };
    let (metadata, entry_points) = (beside(b"METADATA")?, beside(b"entry_points.txt")?);
    let facts: Vec<MemberFacts<'_>> = archive
        .members
        .iter()
        .map(|member| MemberFacts {
            path: &member.path,
            time: member.modified.civil(),
            mode: member.mode,
            is_unix: !matches!(&member.fields, Fields::Zip(fields) if fields.creator_system == 0),
        })
        .collect();
    let contents =
        WheelContents { path, wheel: &wheel, metadata: metadata.as_deref(), entry_points: entry_points.as_deref() };
    Ok(WheelEvidence::read(&contents, &facts)?)
}
