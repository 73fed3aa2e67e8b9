//! Evidence from archives.

use twinbuild_archive::{Archive, ReadAt, ReadError, contents};
use twinbuild_recipe::{EvidenceError, WheelEvidence};
use twinbuild_subject::WheelFileName;

/// `WHEEL` files are a few lines.
const WHEEL_FILE_LIMIT_BYTES: u64 = 1 << 20;

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
    let content = contents(bytes, archive, index, WHEEL_FILE_LIMIT_BYTES)?;
    let times = archive.members.iter().map(|member| member.modified.civil());
    Ok(WheelEvidence::read(&archive.members[index].path, &content, times)?)
}
