//! The builds of a verdict that was read from a file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use twinbuild_subject::{Digests, Sha256};

use crate::recorded::shown;
use crate::{
    ArtifactRecord, EnvironmentRecord, InputRecord, LogRecord, ReadVerdictError, RecordedVerdict, VariationRecord,
};

/// What a verdict says of its twins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedBuild {
    /// The twins; none where nothing was built.
    pub rebuilds: Vec<RecordedRebuild>,
    /// What both twins stood on.
    pub shared_inputs: Vec<InputRecord>,
    /// When the run began. `verdictDigest` does not cover it, nor the logs.
    pub started: Option<Timestamp>,
    /// The SHA-256 of the builds' logs, by twin.
    pub logs: BTreeMap<String, Sha256>,
}

/// One of the twins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedRebuild {
    /// `first` or `second`.
    pub name: String,
    /// What it ran on.
    pub environment: EnvironmentRecord,
    /// What went into this twin's environment and not into the other's.
    #[serde(default)]
    pub inputs: Vec<InputRecord>,
    /// The conditions in which it differs from its twin.
    pub variations: Vec<VariationRecord>,
    /// What it built; absent where the build failed. The digests are those of `run.artifacts` where a file is another one at each
    /// run, and then `verdictDigest` does not cover them.
    pub artifact: Option<ArtifactRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    rebuilds: Vec<RecordedRebuild>,
    shared_inputs: Vec<InputRecord>,
    #[serde(default)]
    run: RunForm,
}

#[derive(Default, Deserialize)]
struct RunForm {
    started: Option<Timestamp>,
    #[serde(default)]
    artifacts: BTreeMap<String, Digests>,
    #[serde(default)]
    logs: BTreeMap<String, LogRecord>,
}

impl RecordedVerdict {
    /// What it says of its twins.
    ///
    /// # Errors
    /// [`ReadVerdictError::Form`], also where `run` has another digest for a rebuilt file than the verdict.
    pub fn build(&self) -> Result<RecordedBuild, ReadVerdictError> {
        let refuse = |reason: String| ReadVerdictError::Form { reason: shown(&reason) };
        let Form { mut rebuilds, shared_inputs, run } =
            Form::deserialize(self.document()).map_err(|error| refuse(error.to_string()))?;
        for RecordedRebuild { name, artifact, .. } in &mut rebuilds {
            let Some(artifact) = artifact else { continue };
            let of_run = run.artifacts.get(name).copied();
            if let (Some(covered), Some(of_run)) = (artifact.digests, of_run)
                && covered != of_run
            {
                let (covered, of_run) = (covered.sha256, of_run.sha256);
                return Err(refuse(format!("the rebuild {name:?} is {covered}, and that of its run is {of_run}")));
            }
            artifact.digests = artifact.digests.or(of_run);
        }
        let log = |(name, log): (String, LogRecord)| match log.sha256.parse() {
            Ok(sha256) => Ok((name, sha256)),
            Err(error) => Err(refuse(format!("of the log of the rebuild {name:?}: {error}"))),
        };
        let logs = run.logs.into_iter().map(log).collect::<Result<_, _>>()?;
        Ok(RecordedBuild { rebuilds, shared_inputs, started: run.started, logs })
    }
}

#[cfg(test)]
mod tests {
    use twinbuild_subject::{Origin, Subject};

    use super::*;
    use crate::{Rebuild, Verdict};

    fn verdict(covered: Option<&[u8]>, of_run: Option<&[u8]>, log: &str) -> RecordedVerdict {
        let subject = Subject {
            origin: Origin::Local,
            purl: None,
            file_name: "a-1-py3-none-any.whl".to_owned(),
            size: Some(1),
            digests: Some(Sha256::of(b"a").into()),
            upload_time: None,
        };
        let mut verdict = Verdict::about(subject, "0.0.0");
        let digests = |bytes: &[u8]| Digests::from(Sha256::of(bytes));
        let artifact = ArtifactRecord { file_name: "a".to_owned(), members: None, digests: covered.map(digests) };
        verdict.rebuilds.push(Rebuild {
            name: "first".into(),
            environment: EnvironmentRecord { digest: Sha256::of(b""), layers: Vec::new() },
            inputs: Vec::new(),
            variations: Vec::new(),
            artifact: Some(artifact),
            network_attempts: 0,
            evidence: None,
        });
        verdict.run.artifacts.extend(of_run.map(|bytes| ("first".to_owned(), digests(bytes))));
        verdict.run.logs.insert("first".to_owned(), LogRecord { bytes: 0, sha256: log.to_owned() });
        verdict.seal().unwrap();
        RecordedVerdict::of(&verdict).unwrap()
    }

    #[test]
    fn a_file_that_is_another_one_at_each_run_has_the_digest_of_the_run() {
        let log = Sha256::of(b"log");
        let built = |covered, of_run| {
            let build = verdict(covered, of_run, &log.to_string()).build().unwrap();
            assert_eq!(build.logs["first"], log);
            build.rebuilds[0].artifact.as_ref().unwrap().digests.map(|digests| digests.sha256)
        };
        assert_eq!(built(Some(b"x"), Some(b"x")), Some(Sha256::of(b"x")));
        assert_eq!(built(Some(b"x"), None), Some(Sha256::of(b"x")));
        assert_eq!(built(None, Some(b"y")), Some(Sha256::of(b"y")));
        assert_eq!(built(None, None), None);
    }

    #[test]
    fn a_run_that_contradicts_the_verdict_is_refused() {
        let log = Sha256::of(b"log").to_string();
        let error = verdict(Some(b"x"), Some(b"y"), &log).build().unwrap_err().to_string();
        assert!(error.contains("\"first\""), "{error}");
        let error = verdict(None, None, "none").build().unwrap_err().to_string();
        assert!(error.contains("the log of the rebuild \"first\""), "{error}");
    }
}
