//! Writing into a verdict what a walk came upon.

use twinbuild_environment::Environment;
use twinbuild_rebuild::{Ended, Twin};
use twinbuild_recipe::Recipe;
use twinbuild_verdict::{ArtifactRecord, LogRecord, Rebuild, RecipeRecord, SandboxRecord, Verdict};

use crate::JudgeError;
use crate::activity;
use crate::diverse::unshared;

/// Writes a recipe into a verdict.
pub(crate) fn record_recipe(verdict: &mut Verdict, recipe: &Recipe, origin: &'static str) {
    verdict.recipe =
        Some(RecipeRecord { recipe: recipe.clone(), origin: origin.into(), given: None, digest: recipe.digest() });
}

/// Writes the lock of an environment into a verdict.
pub(crate) fn record_environment(verdict: &mut Verdict, environment: &Environment) -> Result<(), JudgeError> {
    let lock = serde_json::to_value(environment.lock())
        .map_err(|error| JudgeError::Internal { what: format!("the environment's lock cannot be written: {error}") })?;
    verdict.environment = Some(lock);
    Ok(())
}

/// Writes what a twin was and did into a verdict.
pub(crate) fn record_twin(verdict: &mut Verdict, twin: &Twin, environment: &Environment, of_the_other: &Environment) {
    let artifact = match &twin.ended {
        Ended::Built(artifact) => {
            verdict.run.artifacts.insert(twin.name.to_owned(), artifact.sha256.into());
            Some(ArtifactRecord { file_name: artifact.file_name.clone(), members: None, digests: None })
        }
        Ended::Failed(_) | Ended::AtLimit(_) => None,
    };
    verdict.findings.extend(activity::findings(twin));
    verdict.rebuilds.push(Rebuild {
        name: twin.name.into(),
        environment: environment.record(),
        inputs: unshared(environment, of_the_other),
        variations: twin.variations.clone(),
        artifact,
        network_attempts: twin.network_attempts,
        evidence: twin.evidence.as_ref().map(activity::record),
    });
    if let Some(evidence) = &twin.evidence {
        verdict.run.activity.insert(twin.name.to_owned(), activity::activity(evidence));
    }
    if let Some(limits) = &twin.limits_in_force {
        for held in &limits.limits {
            let name = format!("{}-{}", twin.name, held.name);
            verdict.run.limit_mechanisms.insert(name.clone(), held.by.name().to_owned());
            verdict.run.limits.insert(name, held.value);
        }
        if let Some(bubblewrap) = &limits.bubblewrap {
            let weaker = limits.weaker.iter().map(|weaker| weaker.name().to_owned()).collect();
            let record = SandboxRecord { name: bubblewrap.clone(), weaker };
            verdict.run.sandboxes.insert(twin.name.to_owned(), record);
        }
        let processors = u64::try_from(limits.processors).unwrap_or(u64::MAX);
        verdict.run.limits.insert(format!("{}-processors", twin.name), processors);
    }
    let log = LogRecord { bytes: twin.log.total_bytes, sha256: twin.log.sha256.clone() };
    verdict.run.logs.insert(twin.name.to_owned(), log);
    for (what, duration) in [("wall", twin.wall), ("cpu", twin.cpu)] {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        verdict.run.durations_ms.insert(format!("{}-{what}", twin.name), millis);
    }
}
