//! What makes the twins of a verdict differ.

use std::path::Path;

use twinbuild_compare::{Finding, Normalizing, Relation, Severity, Side, relate};
use twinbuild_rebuild::{Cause, Ended, Job, RebuildError, VariationSet, find_cause};
use twinbuild_verdict::{Nondeterminism, NondeterminismCause, Verdict};

use crate::JudgeError;
use crate::attempt::read_built;
use crate::walk::{Step, chain, open_file};

/// What the first twin built, which trials are held against.
pub(crate) struct Reference<'a> {
    pub(crate) side: &'a Side<'a>,
    pub(crate) normalizing: Normalizing,
}

impl Reference<'_> {
    /// Whether a trial came out as the first twin did.
    pub(crate) fn is_same(&self, ended: &Ended) -> Result<bool, JudgeError> {
        let Ended::Built(artifact) = ended else { return Ok(false) };
        if artifact.sha256 == self.side.sha256 {
            return Ok(true);
        }
        let bytes = open_file(artifact)?;
        let Step::Next(archive) = read_built(&bytes, artifact) else { return Ok(false) };
        let side = Side { archive: &archive, bytes: &bytes, sha256: artifact.sha256 };
        let pair =
            relate(self.side, &side, self.normalizing).map_err(|error| JudgeError::Internal { what: chain(&error) })?;
        Ok(pair.relation != Relation::Different)
    }
}

/// Why a search ended early.
enum Stop {
    Rebuild(RebuildError),
    Judge(JudgeError),
}

impl From<RebuildError> for Stop {
    fn from(error: RebuildError) -> Self {
        Self::Rebuild(error)
    }
}

/// Finds out which variations make the second twin come out differently, and writes it into the verdict. `is_same` tells
/// whether a trial came out as the first twin did.
pub(crate) fn find_and_name(
    verdict: &mut Verdict,
    job: &Job<'_>,
    into: &Path,
    is_same: impl Fn(&Ended) -> Result<bool, JudgeError>,
) -> Result<(), JudgeError> {
    tracing::info!("finding out what makes the twins differ");
    let found = find_cause(job, into, |ended| is_same(ended).map_err(Stop::Judge));
    let (cause, trials) = match found {
        Ok(found) => found,
        Err(Stop::Judge(error)) => return Err(error),
        Err(Stop::Rebuild(RebuildError::Cancelled)) => return Err(JudgeError::Cancelled),
        // That the twins differ is known all the same.
        Err(Stop::Rebuild(error)) => {
            let detail = format!("what makes the twins differ could not be found out: {}", chain(&error));
            verdict.findings.push(Finding::whole("cause-not-found", Severity::Warning, detail));
            verdict.nondeterminism =
                Some(Nondeterminism { cause: NondeterminismCause::Unknown, varies_with: Vec::new(), trials: 0 });
            return Ok(());
        }
    };
    let (kind, sets, detail) = match cause {
        Cause::Variations(sets) => {
            let detail = format!("varies with: {}", words(&sets));
            (NondeterminismCause::Variations, sets, detail)
        }
        Cause::EveryRun => {
            let detail = "varies from run to run: builds under the same conditions differ, too".to_owned();
            (NondeterminismCause::EveryRun, Vec::new(), detail)
        }
        Cause::Unfinished(sets) => {
            let so_far = if sets.is_empty() { "nothing yet".to_owned() } else { words(&sets) };
            let detail =
                format!("what makes the twins differ was not found out in {trials} builds; found was: {so_far}");
            (NondeterminismCause::Unknown, sets, detail)
        }
    };
    verdict.findings.push(Finding::whole("varies-with", Severity::Warning, detail));
    let names = |set: &VariationSet| set.iter().map(|variation| variation.name().to_owned()).collect();
    verdict.nondeterminism =
        Some(Nondeterminism { cause: kind, varies_with: sets.iter().map(names).collect(), trials });
    Ok(())
}

/// `directory order, umask with home`
fn words(sets: &[VariationSet]) -> String {
    let together = |set: &VariationSet| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" with ");
    sets.iter().map(together).collect::<Vec<_>>().join(", ")
}
