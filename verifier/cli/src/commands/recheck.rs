//! What `publish` starts in a sandbox: it has no key, derives the verdict again, and writes the statements that are true of it.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use twinbuild_judge::{KeptFiles, RecheckError, Rechecked, kept_beside, recheck};
use twinbuild_statement::{Members, Policy, Statement, Verification};
use twinbuild_verdict::RecordedVerdict;

use crate::confined::{INPUTS, OUTPUT, WORK};
use crate::failure::Failure;

/// The verdict, among what it is given.
pub(crate) const VERDICT: &str = "verdict.json";
/// What it is asked for, among what it is given.
pub(crate) const WANTED: &str = "wanted.json";
/// What it makes: the statements that follow, in this order.
pub(crate) const STATEMENTS: [&str; 3] = ["verdict.statement", "summary.statement", "provenance.statement"];
/// What a file has to fulfil to pass a verification summary.
const POLICY: &str = "https://twinbuild.dev/policy/v1";

/// What statements are wanted.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    pub(crate) verifier_id: Option<String>,
    pub(crate) builder_id: Option<String>,
}

pub(crate) fn run() -> Result<u8, Failure> {
    let inputs = Path::new(INPUTS);
    let wanted = fs::read(inputs.join(WANTED)).context("reading what is wanted").map_err(Failure::internal)?;
    let wanted: Wanted = serde_json::from_slice(&wanted).map_err(Failure::internal)?;
    let file = File::open(inputs.join(VERDICT)).context("reading the verdict").map_err(Failure::internal)?;
    let verdict = RecordedVerdict::read(file).map_err(Failure::rejected)?;
    let files: KeptFiles = kept_beside(inputs).map_err(refused)?;
    let Rechecked { members } = recheck(&verdict, &files, Path::new(WORK)).map_err(refused)?;
    let members: Members = members.into_iter().collect();
    let statement = Statement::of_verdict(&verdict, &members).map_err(Failure::rejected)?;
    let summary = match wanted.verifier_id {
        None => None,
        Some(verifier_id) => {
            let time = verdict.build().map_err(Failure::rejected)?.started;
            let time =
                time.ok_or_else(|| Failure::rejected(anyhow!("the verdict does not say when it was come to")))?;
            let policy = Policy { uri: POLICY.to_owned(), sha256: None };
            let by = Verification { verifier_id, time, policy, verdict_uri: None };
            statement.verification_summary(&by).map_err(Failure::rejected)?
        }
    };
    let provenance = match wanted.builder_id {
        None => None,
        Some(builder_id) => statement.provenance(&builder_id).map_err(Failure::rejected)?,
    };
    for (name, statement) in STATEMENTS.into_iter().zip([Some(statement), summary, provenance]) {
        if let Some(statement) = statement {
            let path = Path::new(OUTPUT).join(name);
            fs::write(&path, statement.as_bytes()).context("writing a statement").map_err(Failure::internal)?;
        }
    }
    Ok(0)
}

/// A verdict that does not follow is refused; what could not be read is no one's fault.
fn refused(error: RecheckError) -> Failure {
    match error {
        RecheckError::Judge(error) => error.into(),
        error => Failure::rejected(error),
    }
}
