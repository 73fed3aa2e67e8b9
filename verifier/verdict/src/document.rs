//! The verdict document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinbuild_compare::{Comparison, ContainerDifferences, Finding, Mismatch, Normalization, Parameters, Tracing};
use twinbuild_recipe::Recipe;
use twinbuild_subject::{Digests, ObjectId, Sha256, Subject};

use crate::{ActivityRecord, CrossChecks, Decision, EvidenceRecord, Level, Matches, Outcome, Search};

/// The version of the document's form. Fields may be added without a new version.
pub const SCHEMA_VERSION: u32 = 1;

/// What was found out about one subject.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
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
    /// The verdict on the source itself: of a wheel that was reproduced from an sdist, whether that comes from its commit. Absent
    /// where that was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Box<Self>>,
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
    /// The recipes that were tried where the inferred one did not give the published file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The three-way comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Where the published file's members come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    /// What was built again with other releases of the build requirements; absent where nothing depends on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_checks: Option<CrossChecks>,
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
    /// Its package URL, or `git+ADDRESS@COMMIT`; absent for what only the machine has that judged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its file name; for a commit, the project and the commit.
    pub file_name: String,
    /// Its digests: of the file that it is, or the snapshot of the commit.
    pub digests: Digests,
    /// Which commit it is, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// The publisher's attestation of the subject, verified, by which the commit was found. Absent where it was found otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<AttestationRecord>,
}

/// What a publisher's verified attestation says of where a file was published from (PEP 740). The claims are those of the certificate,
/// in which the repository's host says on which commit the publisher's workflow ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttestationRecord {
    /// The address of the repository.
    pub repository: String,
    /// The commit.
    pub commit: ObjectId,
    /// The branch or tag that the workflow ran for, such as `refs/tags/v1.0`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The workflow: its file and the reference of it.
    pub workflow: String,
    /// Who said so to Sigstore's authority: the address of the host's issuer of identities.
    pub issuer: String,
    /// The SHA-256 of the provenance object that holds the attestation, as the index gave it.
    pub sha256: Sha256,
}

/// A commit of a git repository. Its snapshot, of which the digests are, is a file of the commit, its tag and all that they name, in the form
/// that `docs/git-sources.md` describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSource {
    /// The commit.
    pub commit: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// The SHA-256 of the tree as it is laid out: of the mode, path and content's digest of each file, in the form that
    /// `docs/git-sources.md` describes.
    pub tree_sha256: Sha256,
    /// When the commit was made, as its committer's clock had it.
    #[schemars(with = "String")]
    pub committed: Timestamp,
    /// The tag by which it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<GitTag>,
    /// The folder of the project in it, where that is not its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
    /// Its submodules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub submodules: Vec<GitSubmodule>,
}

/// A tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitTag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The tag object; the commit, where the tag is none.
    pub object: ObjectId,
}

/// A submodule of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitSubmodule {
    /// Where it stands, escaped.
    pub path: String,
    /// Its commit.
    pub commit: ObjectId,
}

/// Kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A source distribution.
    Sdist,
    /// A commit of a git repository.
    Git,
}

/// Why a source is taken to be the source of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// It was uploaded with the subject by the same hands: that says that the subject comes from it, and nothing of
    /// whether it is clean.
    SameUpload,
    /// It is a commit that a branch or tag contains of the repository that the published file names as its project's.
    Repository,
    /// It is a commit that a branch or tag contains of its repository, and the one that the publisher's verified attestation of the
    /// subject names.
    AttestedCommit,
    /// The user said so.
    User,
}

impl Trust {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AttestedCommit, Self::Repository, Self::SameUpload, Self::User];

    /// Its name, as in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SameUpload => "same-upload",
            Self::Repository => "repository",
            Self::AttestedCommit => "attested-commit",
            Self::User => "user",
        }
    }
}

/// What makes the twins differ, as found by building again under some of the variations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecipeRecord {
    /// The recipe.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Where it came from: `inferred`, `searched`, `given`, or `override`, where it was inferred but for what was given.
    pub origin: Cow<'static, str>,
    /// What of it was given.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub given: Option<OverrideRecord>,
    /// The SHA-256 of its TOML form.
    pub digest: Sha256,
}

/// A file that gives what inference cannot know of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideRecord {
    /// Its path below the folder of all such files.
    pub file: String,
    /// Its digest.
    pub sha256: Sha256,
    /// Why it is needed, as it says.
    pub reason: String,
}

/// One of the twins.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// `first` or `second`.
    pub name: Cow<'static, str>,
    /// What it ran on.
    pub environment: EnvironmentRecord,
    /// What went into this twin's environment and not into the other's; none where they share one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentRecord {
    /// SHA-256 over the digests of the layers, topmost first.
    pub digest: Sha256,
    /// The digests of the layers, topmost first.
    pub layers: Vec<Sha256>,
}

/// One condition that differs between the twins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VariationRecord {
    /// The condition.
    pub name: String,
    /// Its value in this twin.
    pub value: String,
    /// Whether the twins, as seen from inside, really differed in it.
    pub effective: bool,
}

/// A file that a twin built, as far as it is the same whenever the same build runs. `run.artifacts` has its digests in any case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputRecord {
    /// `source`, `provenance`, `debian-package`, `host-interpreter`, `requirement`, `requirement-built`, `requirement-sdist`,
    /// `requirement-recipe`, `tool`.
    pub kind: String,
    /// Its name and version.
    pub name: String,
    /// Its digest.
    pub sha256: Sha256,
}

/// The published file's container, and its permitted differences from the first rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When the run began, UTC.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// Durations of the run's steps in milliseconds, by name.
    pub durations_ms: BTreeMap<String, u64>,
    /// Processor time, user and system, in milliseconds. `build`: of all processes in sandboxes of builds, those of twins, of trials,
    /// of requirements that are published as sources only, and of the question what a backend requires.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub processor_ms: BTreeMap<String, u64>,
    /// The digests of what was built, by twin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, Digests>,
    /// The logs of the builds: bytes and SHA-256, by twin.
    pub logs: BTreeMap<String, LogRecord>,
    /// Limits that were in force, by name, in the unit that the name says.
    pub limits: BTreeMap<String, u64>,
    /// What held each of these limits: `cgroup-v2`, `cgroup-v1`, `rlimit`, `watchdog`, `file-system`, `kernel-setting`, `caller`.
    pub limit_mechanisms: BTreeMap<String, String>,
    /// The sandboxes that were not twinbuild's own, by twin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sandboxes: BTreeMap<String, SandboxRecord>,
    /// All that the builds were seen to do, by twin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub activity: BTreeMap<String, ActivityRecord>,
    /// The end of the log of a build that failed, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
}

/// A sandbox that another program put up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SandboxRecord {
    /// The program and its version, such as `bubblewrap 0.8.0`.
    pub name: String,
    /// What twinbuild's own sandbox holds, and this one does not, or not as exactly.
    pub weaker: Vec<String>,
}

/// A build log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
            chain: None,
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
            search: None,
            comparison: None,
            tracing: None,
            cross_checks: None,
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

    /// The exit code of a command that came to this verdict. With a chain two files were asked about: the first that occurs of 1, 2
    /// and 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let own = self.outcome.exit_code(&self.findings);
        let of_chain = self.chain.as_ref().map_or(0, |chain| chain.exit_code());
        [1, 2].into_iter().find(|code| [own, of_chain].contains(code)).unwrap_or(0)
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
    uncover(&mut covered);
    // Objects of serde_json are sorted by key; with ASCII keys and integers only, this is the form of RFC 8785.
    Sha256::of(covered.to_string().as_bytes())
}

/// Removes what `verdictDigest` does not cover, from a document and from that on its source.
fn uncover(document: &mut Value) {
    if let Some(object) = document.as_object_mut() {
        UNCOVERED.iter().for_each(|key| drop(object.remove(*key)));
        object.get_mut(CHAIN).into_iter().for_each(uncover);
    }
}

/// The key of the verdict on the source.
pub(crate) const CHAIN: &str = "chain";

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
    fn the_digest_covers_the_verdict_on_the_source_but_for_its_run() {
        let digest = |outcome, duration| {
            let mut link = verdict();
            link.outcome = outcome;
            link.run.durations_ms.insert("build".to_owned(), duration);
            link.seal().unwrap();
            let mut whole = verdict();
            whole.chain = Some(Box::new(link));
            whole.seal().unwrap();
            whole.verdict_digest
        };
        assert_eq!(digest(Outcome::Reproduced, 1), digest(Outcome::Reproduced, 2));
        assert_ne!(digest(Outcome::Reproduced, 1), digest(Outcome::NotReproduced, 1));
    }

    #[test]
    fn a_chain_that_does_not_hold_is_no_success() {
        let code = |own, link| {
            let (mut whole, mut source) = (verdict(), verdict());
            (whole.outcome, source.outcome) = (own, link);
            whole.chain = Some(Box::new(source));
            whole.exit_code()
        };
        assert_eq!(code(Outcome::Reproduced, Outcome::Reproduced), 0);
        assert_eq!(code(Outcome::Reproduced, Outcome::NotReproduced), 1);
        assert_eq!(code(Outcome::Reproduced, Outcome::Inconclusive), 2);
        assert_eq!(code(Outcome::NotReproduced, Outcome::Inconclusive), 1);
    }

    #[test]
    fn keys_are_ascii_so_that_the_form_is_canonical() {
        let value = serde_json::to_value(verdict()).unwrap();
        assert!(value.as_object().unwrap().keys().all(|key| key.is_ascii()));
        assert_eq!(value["outcome"], "inconclusive");
        assert!(value["verdictDigest"].is_null());
    }
}
