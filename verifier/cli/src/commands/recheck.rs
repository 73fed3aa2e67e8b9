//! What `publish` starts in a sandbox: it has no key, derives the verdict again, and writes its statement.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use twinbuild_judge::{KeptFiles, RecheckError, Rechecked, kept_beside, recheck};
use twinbuild_statement::{Members, Statement};
use twinbuild_verdict::RecordedVerdict;

use crate::confined::{INPUTS, OUTPUT, WORK};
use crate::failure::Failure;

/// The verdict, among what it is given.
pub(crate) const VERDICT: &str = "verdict.json";
/// What it makes: the statement of that verdict.
pub(crate) const STATEMENT: &str = "verdict.statement";

pub(crate) fn run() -> Result<u8, Failure> {
    let inputs = Path::new(INPUTS);
    let file = File::open(inputs.join(VERDICT)).context("reading the verdict").map_err(Failure::internal)?;
    let verdict = RecordedVerdict::read(file).map_err(Failure::rejected)?;
    let files: KeptFiles = kept_beside(inputs).map_err(refused)?;
    let Rechecked { members } = recheck(&verdict, &files, Path::new(WORK)).map_err(refused)?;
    let members: Members = members.into_iter().collect();
    let statement = Statement::of_verdict(&verdict, &members).map_err(Failure::rejected)?;
    let path = Path::new(OUTPUT).join(STATEMENT);
    fs::write(&path, statement.as_bytes()).context("writing the statement").map_err(Failure::internal)?;
    Ok(0)
}

/// A verdict that does not follow is refused; what could not be read is no one's fault.
fn refused(error: RecheckError) -> Failure {
    match error {
        RecheckError::Judge(error) => error.into(),
        error => Failure::rejected(error),
    }
}
