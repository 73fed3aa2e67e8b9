//! Why an archive could not be written in canonical form.

use twinbuild_archive::ReadError;
use twinbuild_repack::{Failure, Unfit};
use twinbuild_subject::MemberPath;

/// Why an archive could not be written in canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// It has something that is neither a member nor a container parameter, and that would be lost.
    #[error("{}{detail} ({length} bytes at offset {offset}): it would be lost", of(path.as_ref()))]
    Foreign {
        /// What was found: the code of the archive's anomaly.
        code: &'static str,
        /// The member that it belongs to, where there is one.
        path: Option<MemberPath>,
        /// Where it begins, in bytes from the start of the archive.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// One sentence without its stop.
        detail: String,
    },
    /// The format has no canonical form here.
    #[error("archives of this format are not written; zip files are")]
    Format,
    /// It has more members or lines of `RECORD` than 32 bits count, or `RECORD` is larger than 64 MiB.
    #[error("the archive has more members, or a longer RECORD, than can be put in order")]
    Count,
    /// A member cannot be written: its size needs 64 bits, for example.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A member could not be read again.
    #[error("a member that was read once could not be read again")]
    Read(#[from] ReadError),
    /// Reading or writing failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

fn of(path: Option<&MemberPath>) -> String {
    path.map(|path| format!("`{path}`: ")).unwrap_or_default()
}
