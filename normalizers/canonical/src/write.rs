//! Writing an archive in canonical form.

use std::io::Write;

use twinbuild_archive::{Archive, Format, ReadAt};
use twinbuild_repack::{RepackError, Unfit, ZipParameters, repack_zip};
use twinbuild_rules::Applied;
use twinbuild_subject::MemberPath;

use crate::error::CanonicalError;
use crate::members::NormalizedMembers;

/// What was done.
#[derive(Debug, Default)]
pub struct Canonical {
    /// What the normalizers rewrote, in the order of the archive's members.
    pub rewritten: Vec<Rewritten>,
    /// What was left as it was, and why; one sentence each.
    pub left: Vec<String>,
}

/// One normalizer that rewrote a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The member.
    pub path: MemberPath,
    /// The normalizer, and how many bytes it rewrote.
    pub rule: Applied,
}

/// Writes `archive`, which was read from `bytes`, to `out` in canonical form.
///
/// A member that a normalizer cannot read keeps its contents. The lines of `RECORD` follow the members that were rewritten,
/// and are sorted if `RECORD` tells the truth; else they keep their order.
///
/// # Errors
/// [`CanonicalError`]. `out` may then have been written to.
pub fn write(archive: &Archive, bytes: &dyn ReadAt, out: &mut dyn Write) -> Result<Canonical, CanonicalError> {
    if archive.format != Format::Zip {
        return Err(CanonicalError::Format);
    }
    if let Some(anomaly) = archive.anomalies.iter().find(|anomaly| !KEPT.contains(&anomaly.code)) {
        let (code, path, detail) = (anomaly.code, anomaly.path.clone(), anomaly.detail.clone());
        return Err(CanonicalError::Foreign { code, path, offset: anomaly.offset, length: anomaly.length, detail });
    }
    let mut canonical = Canonical::default();
    let members = NormalizedMembers::new(archive, bytes, &mut canonical)?;
    // Whether `RECORD` may be sorted is found out before anything is written.
    for sorts_record in [true, false] {
        let parameters = ZipParameters::canonical(&members, sorts_record).ok_or(CanonicalError::Count)?;
        match repack_zip(&parameters, &members, out) {
            Ok(()) => return Ok(canonical),
            Err(RepackError::Unfit(Unfit::RecordUntrue { detail })) if sorts_record => {
                canonical
                    .left
                    .push(format!("the lines of RECORD keep their order, as it does not tell the truth: {detail}"));
            }
            Err(RepackError::Unfit(unfit)) => return Err(unfit.into()),
            Err(RepackError::Failed(failure)) => return Err(failure.into()),
        }
    }
    Ok(canonical)
}

/// Anomalies that nothing is lost of: container parameters, and what members bring along themselves.
const KEPT: &[&str] =
    &["zip-order", "zip-zip64-needless", "zip-internal-attributes", "zip-symlink", "name-case-collision"];
