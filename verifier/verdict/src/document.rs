//! The verdict document.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinbuild_compare::{Comparison, ContainerDifferences, Finding, Mismatch, Normalization, Parameters};
use twinbuild_recipe::Recipe;
use twinbuild_subject::{Digests, Sha256, Subject};

use crate::{ActivityRecord, Decision, EvidenceRecord, Level, Matches, Outcome};

/// The version of the document's form. Fields may be added without a new version.
pub const SCHEMA_VERSION: u32 = 1;

/// What was found out about one subject.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// The SHA-256 of this document without `verdictDigest` and `run`, in the canonical form of RFC 8785.
    pub verdict_digest: Option<Sha256>,
    /// The published file.
    pub subject: Subject,
    /// What it is claimed to be built from; absent where none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The outcome.
    pub outcome: Outcome,
    /// How exactly it was reproduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// In what it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
    /// Which of two twins that differ is the published file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Matches>,
    /// What makes the twins differ, where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nondeterminism: Option<Nondeterminism>,
    /// Why the outcome is none of `reproduced`, `not-reproduced` and `nondeterministic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How it was rebuilt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeRecord>,
    /// The twins.
    pub rebuilds: Vec<Rebuild>,
    /// What both twins stood on, so that twins cannot speak against it.
    pub shared_inputs: Vec<InputRecord>,
    /// The lock of the environment of both twins, in the form of `twinbuild env resolve`, with the requirements: each file by its
    /// digest and where it came from, and the layers that are made from them. By it the environment can be made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub environment: Option<Value>,
    /// What was chosen for this verdict.
    pub choices: Choices,
    /// The three-way comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Differences and anomalies, the most severe first.
    pub findings: Vec<Finding>,
    /// Normalizers that made members equal.
    pub normalizers_applied: Vec<Normalization>,
    /// The published file's container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// What wrote this document.
    pub tool: ToolRecord,
    /// What may differ from run to run; not covered by `verdictDigest`.
    pub run: Run,
}

/// What the subject is claimed to be built from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// Why it is taken to be the source.
    pub trust: Trust,
    /// Its package URL; absent for a local file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its file name.
    pub file_name: String,
    /// Its digests.
    pub digests: Digests,
}

/// Kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A source distribution.
    Sdist,
}

/// Why a source is taken to be the source of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// It was uploaded with the subject by the same hands: that says that the subject comes from it, and nothing of
    /// whether it is clean.
    SameUpload,
    /// The user said so.
    User,
}

/// What makes the twins differ, as found by building again under some of the variations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nondeterminism {
    /// What kind of cause it is.
    pub cause: NondeterminismCause,
    /// The guilty variations. Each entry makes a difference by itself; one with several names only where all are varied.
    pub varies_with: Vec<Vec<String>>,
    /// How many builds the search took.
    pub trials: u32,
}

/// Kinds of causes of nondeterminism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NondeterminismCause {
    /// The variations that are named.
    Variations,
    /// None of the variations: builds under the same conditions differ already, or the difference comes and goes.
    EveryRun,
    /// It was not found within the builds that a search may take, or one of these reached a limit; what is named was
    /// found of it.
    Unknown,
}

/// Why no comparison decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// A stable name of the class, in kebab case.
    pub class: String,
    /// The stage of the build that failed, such as `wheel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// One sentence for a reader.
    pub detail: String,
}

/// The recipe, and its digest.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecipeRecord {
    /// The recipe.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Where it came from: `inferred` or `given`.
    pub origin: &'static str,
    /// The SHA-256 of its TOML form.
    pub digest: Sha256,
}

/// One of the twins.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// `first` or `second`.
    pub name: &'static str,
    /// What it ran on.
    pub environment: EnvironmentRecord,
    /// What went into this twin's environment and not into the other's; none where they share one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputRecord>,
    /// The conditions in which it differs from its twin.
    pub variations: Vec<VariationRecord>,
    /// What it built; absent where the build failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRecord>,
    /// Packets that found no route: connections and look-ups that the build attempted.
    pub network_attempts: u64,
    /// What it was seen to do; absent where that could not be taken, or the build was not run to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceRecord>,
}

/// An environment, by the digest over its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnvironmentRecord {
    /// SHA-256 over the digests of the layers, topmost first.
    pub digest: Sha256,
    /// The digests of the layers, topmost first.
    pub layers: Vec<Sha256>,
}

/// One condition that differs between the twins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VariationRecord {
    /// The condition.
    pub name: String,
    /// Its value in this twin.
    pub value: String,
    /// Whether the twins, as seen from inside, really differed in it.
    pub effective: bool,
}

/// A file that a twin built, as far as it is the same whenever the same build runs. `run.artifacts` has its digests in any case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactRecord {
    /// Its name.
    pub file_name: String,
    /// The SHA-256 over a line for each member, sorted: the digest of its contents (of anything but a file, behind what it is), a
    /// blank, and its name.
    /// Absent where the file could not be read, or only one twin built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Sha256>,
    /// Its digests. Absent also where a member's time is that of the build: later than the recipe's epoch and than all files
    /// of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
}

/// What was chosen for a verdict, and shapes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choices {
    /// Whether contents were compared without any normalizer.
    pub is_strict: bool,
    /// The variations in which the twins were to differ, by name.
    pub variations: Vec<String>,
}

/// Something that went into both twins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputRecord {
    /// `source`, `debian-package`, `host-interpreter`, `requirement`, `requirement-built`, `requirement-sdist`,
    /// `requirement-recipe`, `tool`.
    pub kind: String,
    /// Its name and version.
    pub name: String,
    /// Its digest.
    pub sha256: Sha256,
}

/// The published file's container, and its permitted differences from the first rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Container {
    /// The archive format: `zip`.
    pub kind: String,
    /// What differs, in members.
    pub differences: ContainerDifferences,
    /// The published file's container parameters, where they were needed to write it again and are all known:
    /// `twinbuild repack` writes the file from a rebuild with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
}

/// The program that wrote a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRecord {
    /// `twinbuild`
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What may differ from run to run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When the run began, UTC.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// Durations of the run's steps in milliseconds, by name.
    pub durations_ms: BTreeMap<String, u64>,
    /// The digests of what was built, by twin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, Digests>,
    /// The logs of the builds: bytes and SHA-256, by twin.
    pub logs: BTreeMap<String, LogRecord>,
    /// Limits that were in force, by name, in the unit that the name says.
    pub limits: BTreeMap<String, u64>,
    /// What held each of these limits: `cgroup-v2`, `cgroup-v1`, `rlimit`, `watchdog`, `file-system`, `kernel-setting`, `caller`.
    pub limit_mechanisms: BTreeMap<String, String>,
    /// The sandboxes that were not twinbuild's own, by twin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sandboxes: BTreeMap<String, SandboxRecord>,
    /// All that the builds were seen to do, by twin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub activity: BTreeMap<String, ActivityRecord>,
    /// The end of the log of a build that failed, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
}

/// A sandbox that another program put up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SandboxRecord {
    /// The program and its version, such as `bubblewrap 0.8.0`.
    pub name: String,
    /// What twinbuild's own sandbox holds, and this one does not, or not as exactly.
    pub weaker: Vec<String>,
}

/// A build log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LogRecord {
    /// How many bytes the build printed.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: String,
}

impl Verdict {
    /// A verdict about `subject` without a decision yet: `inconclusive`, and everything else empty.
    #[must_use]
    pub fn about(subject: Subject, tool_version: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            verdict_digest: None,
            subject,
            source: None,
            outcome: Outcome::Inconclusive,
            level: None,
            mismatch: None,
            matches: None,
            nondeterminism: None,
            reason: None,
            recipe: None,
            rebuilds: Vec::new(),
            shared_inputs: Vec::new(),
            environment: None,
            choices: Choices::default(),
            comparison: None,
            findings: Vec::new(),
            normalizers_applied: Vec::new(),
            container: None,
            tool: ToolRecord { name: "twinbuild".to_owned(), version: tool_version.to_owned() },
            run: Run::default(),
        }
    }

    /// Takes over a decision.
    pub fn set_decision(&mut self, decision: Decision) {
        let Decision { outcome, level, mismatch, matches } = decision;
        (self.outcome, self.level, self.mismatch, self.matches) = (outcome, level, mismatch, matches);
    }

    /// Computes `verdictDigest` over the document as it stands.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn seal(&mut self) -> Result<(), serde_json::Error> {
        self.verdict_digest = Some(covered_digest(&serde_json::to_value(&*self)?));
        Ok(())
    }

    /// The JSON Schema (2020-12) of the document.
    #[must_use]
    pub fn schema() -> Value {
        let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = generator.into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), "twinbuild verdict".into());
        schema.to_value()
    }
}

/// The SHA-256 over all of a document that `verdictDigest` covers.
pub(crate) fn covered_digest(document: &Value) -> Sha256 {
    let mut covered = document.clone();
    if let Some(object) = covered.as_object_mut() {
        UNCOVERED.iter().for_each(|key| drop(object.remove(*key)));
    }
    // Objects of serde_json are sorted by key; with ASCII keys and integers only, this is the form of RFC 8785.
    Sha256::of(covered.to_string().as_bytes())
}

/// The keys that `verdictDigest` does not cover.
pub(crate) const UNCOVERED: [&str; 2] = ["run", "verdictDigest"];

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_subject::Origin;

    fn verdict() -> Verdict {
        let subject = Subject {
            origin: Origin::Local,
            purl: None,
            file_name: "a-1-py3-none-any.whl".to_owned(),
            size: Some(1),
            digests: Some(Sha256::of(b"a").into()),
            upload_time: None,
        };
        Verdict::about(subject, "0.0.0")
    }

    #[test]
    fn the_digest_covers_all_but_the_run() {
        let digest = |verdict: &mut Verdict| {
            verdict.seal().unwrap();
            verdict.verdict_digest.unwrap()
        };
        let base = digest(&mut verdict());
        let mut other = verdict();
        other.run.durations_ms.insert("build".to_owned(), 7);
        assert_eq!(digest(&mut other), base);
        assert_eq!(digest(&mut other), base, "sealing twice changes nothing");
        other.outcome = Outcome::Reproduced;
        assert_ne!(digest(&mut other), base);
    }

    #[test]
    fn keys_are_ascii_so_that_the_form_is_canonical() {
        let value = serde_json::to_value(verdict()).unwrap();
        assert!(value.as_object().unwrap().keys().all(|key| key.is_ascii()));
        assert_eq!(value["outcome"], "inconclusive");
        assert!(value["verdictDigest"].is_null());
    }
}
