//! What `publish` starts in a sandbox: it has no key, derives the verdict again, and writes its statement.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use twinbuild_judge::{KeptFiles, RecheckError, Rechecked, kept_beside, recheck};
use twinbuild_statement::Members;
use twinbuild_subject::{MemberPath, Sha256};
use twinbuild_verdict::RecordedVerdict;

use crate::confined::{INPUTS, OUTPUT, WORK};
use crate::failure::Failure;

/// The verdict, among what it is given.
pub(crate) const VERDICT: &str = "verdict.json";
/// What it makes: the members of the published file, a line each of the SHA-256 and of the path in hexadecimal digits.
pub(crate) const MEMBERS: &str = "members";

pub(crate) fn run() -> Result<u8, Failure> {
    let inputs = Path::new(INPUTS);
    let file = File::open(inputs.join(VERDICT)).context("reading the verdict").map_err(Failure::internal)?;
    let verdict = RecordedVerdict::read(file).map_err(Failure::rejected)?;
    let files: KeptFiles = kept_beside(inputs).map_err(refused)?;
    let Rechecked { members } = recheck(&verdict, &files, Path::new(WORK)).map_err(refused)?;
    let mut text = String::new();
    for (path, sha256) in &members {
        text.push_str(&format!("{sha256} "));
        path.as_bytes().iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        text.push('\n');
    }
    fs::write(Path::new(OUTPUT).join(MEMBERS), text).context("writing the members").map_err(Failure::internal)?;
    Ok(0)
}

/// The members that were written so; `None` where it is something else.
pub(crate) fn members_of(bytes: &[u8]) -> Option<Members> {
    let line = |line: &str| -> Option<(MemberPath, Sha256)> {
        let (sha256, path) = line.split_once(' ')?;
        let path: Option<Vec<u8>> =
            (0..path.len()).step_by(2).map(|at| u8::from_str_radix(path.get(at..at + 2)?, 16).ok()).collect();
        Some((MemberPath::new(path?), sha256.parse().ok()?))
    };
    std::str::from_utf8(bytes).ok()?.lines().map(line).collect()
}

/// A verdict that does not follow is refused; what could not be read is no one's fault.
fn refused(error: RecheckError) -> Failure {
    match error {
        RecheckError::Judge(error) => error.into(),
        error => Failure::rejected(error),
    }
}
