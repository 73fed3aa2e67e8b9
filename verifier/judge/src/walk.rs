//! The walk from a subject at hand to its verdict.

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use jiff::Timestamp;
use twinbuild_archive::{Archive, ArchiveFile, Limits, Member, MemberKind, ReadError, read};
use twinbuild_compare::{Finding, Severity, Side, sort_findings};
use twinbuild_environment::{Environment, EnvironmentError, Ground, LockError};
use twinbuild_rebuild::{
    Artifact, BuildFailure, Job, Product, RebuildError, VariationSet, discover_requirements, driver_digest,
};
use twinbuild_recipe::{
    Inference, Interpreter, LockedRequirement, MemberTimes, Provider, Reason as Because, Recipe, Release,
    SourceEvidence, check_platform, infer,
};
use twinbuild_sandbox::Error as SandboxError;
use twinbuild_source::git::Snapshot;
use twinbuild_source::{SourceTree, lay_out};
use twinbuild_store::Blob;
use twinbuild_subject::{DistributionFileName, MemberPath, Sha256};
use twinbuild_verdict::{Outcome, Reason, Verdict};

use crate::JudgeError;
use crate::attempt::{Attempt, Case};
use crate::attested::ATTESTATION_FINDINGS;
use crate::checkout::of_commit;
use crate::evidence::{NoEvidence, wheel_evidence};
use crate::judge::Judge;
use crate::keep::Keep;
use crate::record::{record_environment, record_recipe};
use crate::replay::Replayed;
use crate::repository::{GitChoice, check_age, checkout_error, is_of_record, version_note};
use crate::requirement::{Building, self_hosted};
use crate::sdist::{Kind, check_links, index_of, no_recipe};
use crate::subject::{Prepared, PreparedSource, SourceForm};

/// The code of the finding that says what came of the other source.
pub(crate) const OTHER_SOURCE: &str = "other-source";
/// How often a backend may ask for more requirements.
const DISCOVERY_ROUNDS: u32 = 3;
/// How much of a failed build's log a verdict shows.
const LOG_TAIL_BYTES: usize = 4000;

/// How far a walk came: to the next step, or to its end.
pub(crate) enum Step<T> {
    Next(T),
    End(Outcome, Reason),
}

/// Continues with what a step gives, or ends the walk by it.
macro_rules! step {
    ($verdict:ident, $step:expr) => {
        match $step {
            Step::Next(value) => value,
            Step::End(outcome, reason) => {
                $verdict.outcome = outcome;
                $verdict.reason = Some(reason);
                return Ok($verdict);
            }
        }
    };
}

pub(crate) fn end<T>(outcome: Outcome, class: &str, stage: Option<&str>, detail: impl Into<String>) -> Step<T> {
    Step::End(outcome, Reason { class: class.to_owned(), stage: stage.map(str::to_owned), detail: detail.into() })
}

/// The class of a file that can be read as an archive, and says nothing of its making.
pub(crate) const NO_EVIDENCE: &str = "no-evidence";

/// An error with its causes, as one sentence.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// The published file, read.
#[derive(Clone, Copy)]
pub(crate) struct Published<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) kind: Kind,
    pub(crate) archive: &'a Archive,
    pub(crate) bytes: &'a ArchiveFile,
    pub(crate) keep: &'a Keep,
}

/// What another source came to, in the words of a finding.
fn told(verdict: &Verdict) -> String {
    let why = match (&verdict.reason, verdict.mismatch) {
        (Some(Reason { class, .. }), _) => format!(" ({class})"),
        (None, Some(mismatch)) => format!(" ({})", mismatch.name()),
        (None, None) => String::new(),
    };
    format!("{}{why}", verdict.outcome.name())
}

/// A source that was laid out, and what it says.
pub(crate) struct LaidOut {
    pub(crate) tree: SourceTree,
    pub(crate) evidence: SourceEvidence,
    _staging: twinbuild_store::Staging,
}

/// A recipe that is complete, and the environment for it.
pub(crate) struct Readied {
    pub(crate) recipe: Recipe,
    pub(crate) reasons: Vec<Because>,
    pub(crate) environment: Environment,
}

impl Judge {
    /// From the subject and its source to the verdict, which is not sealed yet.
    pub(crate) fn walk(&self, prepared: &Prepared, keep: &Keep) -> Result<Verdict, JudgeError> {
        let started = Instant::now();
        let mut verdict = Verdict::about(prepared.subject.clone(), env!("CARGO_PKG_VERSION"));
        verdict.findings.clone_from(&prepared.findings);
        let bytes = open(&prepared.blob)?;
        let name = prepared.name.text();
        // Of what is rejected before anything is built, too.
        keep.copy(prepared.blob.path(), &format!("published/{name}"))?;
        let kind = step!(verdict, kind_of(&prepared.name));
        tracing::info!("reading {name}");
        let published = step!(verdict, read_published(kind, &bytes, &mut verdict.findings)?);
        if let DistributionFileName::Wheel(name) = &prepared.name
            && let Err(error) = check_platform(name)
        {
            return Ok(ended(verdict, Outcome::Unsupported, "platform", &error.to_string()));
        }
        let commit = step!(verdict, self.commit_of(prepared, kind, (&published, &bytes), &mut verdict.findings)?);
        let subject = Published { prepared, kind, archive: &published, bytes: &bytes, keep };
        let first = match source_of(prepared, commit.as_ref()) {
            Step::Next(source) => self.judge_from(&subject, verdict.clone(), source, started)?,
            Step::End(outcome, reason) => Verdict { outcome, reason: Some(reason), ..verdict.clone() },
        };
        let is_open = matches!(
            first.outcome,
            Outcome::SourceMissing | Outcome::NotReproduced | Outcome::Unbuildable | Outcome::Nondeterministic
        );
        let is_of_both = self.options.git.choice == GitChoice::Either && commit.is_none();
        if !is_of_both || !is_open || prepared.replayed.is_some() {
            return Ok(first);
        }
        self.judge_from_repository(&subject, verdict, first)
    }

    /// Judges by the commit of the release, where its sdist did not give the published file. What it came to counts only where it
    /// is reproduced so: else the sdist's verdict stands, and says what came of the commit.
    fn judge_from_repository(
        &self,
        subject: &Published<'_>,
        base: Verdict,
        mut from_sdist: Verdict,
    ) -> Result<Verdict, JudgeError> {
        let started = Instant::now();
        let mut verdict = base;
        let known = verdict.findings.len();
        let commit = self.repository_of(subject, &mut verdict.findings)?;
        // What is wrong with an attestation is wrong with it whatever the source.
        let is_of_attestation = |finding: &&Finding| ATTESTATION_FINDINGS.contains(&finding.code.as_ref());
        let of_attestation: Vec<Finding> =
            verdict.findings[known..].iter().filter(is_of_attestation).cloned().collect();
        let came_to = match commit {
            Step::Next(commit) => {
                let source = commit.record.file_name.clone();
                // Beside what the other verdict rests on, until it is known which of them it is.
                let keep = subject.keep.below(OTHER_SOURCE);
                let mut from_git =
                    self.judge_from(&Published { keep: &keep, ..*subject }, verdict, &commit, started)?;
                if from_git.outcome == Outcome::Reproduced {
                    subject.keep.take_over(&keep)?;
                    let detail = format!("from the release's sdist it is {}", told(&from_sdist));
                    from_git.findings.push(Finding::whole(OTHER_SOURCE, Severity::Note, detail));
                    sort_findings(&mut from_git.findings);
                    return Ok(from_git);
                }
                format!("from the commit {source} it is {}", told(&from_git))
            }
            Step::End(_, reason) => format!("no commit was had to build it from ({})", reason.class),
        };
        from_sdist.findings.extend(of_attestation);
        from_sdist.findings.push(Finding::whole(OTHER_SOURCE, Severity::Note, came_to));
        sort_findings(&mut from_sdist.findings);
        Ok(from_sdist)
    }

    /// From a source at hand to the verdict.
    fn judge_from(
        &self,
        subject: &Published<'_>,
        mut verdict: Verdict,
        source: &PreparedSource,
        started: Instant,
    ) -> Result<Verdict, JudgeError> {
        let Published { prepared, kind, archive, bytes, keep } = *subject;
        verdict.source = Some(source.record.clone());
        keep.copy(source.blob.path(), &format!("source/{}", source.record.file_name))?;
        step!(verdict, check_age(&source.record, prepared.uploaded, &mut verdict.findings));
        verdict.findings.extend(version_note(&source.record, prepared.name.name(), prepared.name.version()));
        let laid_out = step!(verdict, self.lay_out_source(source, &mut verdict.findings)?);
        verdict.run.durations_ms.insert("prepare".to_owned(), millis(started));

        let inferred = step!(verdict, self.choose_recipe(prepared, (archive, bytes), source, &laid_out)?);
        let (inference, origin) = inferred;
        let published = Side { archive, bytes, sha256: prepared.blob.sha256() };
        let index = index_of(&laid_out.tree);
        let case = Case { prepared, kind, published, source, laid_out: &laid_out, index: &index, keep };
        let Attempt { verdict: attempted, end } = self.attempt(&case, &verdict, (inference.clone(), origin))?;
        if let Some(replayed) = &prepared.replayed {
            return Ok(Verdict { search: replayed.search(), ..attempted });
        }
        match (end, origin, &prepared.name) {
            (Some(end), "inferred", DistributionFileName::Wheel(name)) => {
                self.search_from(&case, name, &verdict, attempted, (&inference, end))
            }
            _ => Ok(attempted),
        }
    }

    /// Lays the source out and reads what it says about its build.
    pub(crate) fn lay_out_source(
        &self,
        source: &PreparedSource,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<LaidOut>, JudgeError> {
        let staging = self.store.staging()?;
        let name = match &source.form {
            SourceForm::Sdist(name) => name,
            SourceForm::Commit { top } => {
                let subdirectory = source.record.git.as_ref().and_then(|git| git.subdirectory.as_deref());
                let file = source.blob.file().try_clone().map_err(JudgeError::io("reading the source"))?;
                let tree = Snapshot::read(file).and_then(|snapshot| {
                    let tree = snapshot.lay_out(top, subdirectory.unwrap_or_default(), staging.path())?;
                    Ok((tree, is_of_record(&snapshot, &source.record, top)?))
                });
                return match tree {
                    Ok((tree, true)) => read_source(tree, staging),
                    // What a verdict that is replayed says of it is nobody's word but its own.
                    Ok((_, false)) => Err(JudgeError::Usage {
                        message: "the verdict contradicts itself: its source is not the commit that it names"
                            .to_owned(),
                    }),
                    Err(error) => checkout_error(&error, findings),
                };
            }
        };
        let bytes = open(&source.blob)?;
        let tree = match lay_out(name, &bytes, staging.path()) {
            Ok(tree) => tree,
            Err(error) if error.is_malformed() => {
                findings.push(Finding::whole("source-malformed", Severity::Alert, chain(&error)));
                return Ok(end(Outcome::Unbuildable, "source-malformed", Some("source"), chain(&error)));
            }
            Err(error) if error.is_limit() => {
                return Ok(end(Outcome::Inconclusive, "limit", Some("source"), chain(&error)));
            }
            Err(error @ twinbuild_source::LayOutError::Format { .. }) => {
                return Ok(end(Outcome::Unsupported, "source-format", None, chain(&error)));
            }
            Err(error) => return Ok(end(Outcome::Inconclusive, "source-unreadable", Some("source"), chain(&error))),
        };
        read_source(tree, staging)
    }

    /// The recipe that was given, or the one that the evidence speaks for.
    pub(crate) fn choose_recipe(
        &self,
        prepared: &Prepared,
        (published, bytes): (&Archive, &ArchiveFile),
        source: &PreparedSource,
        laid_out: &LaidOut,
    ) -> Result<Step<(Inference, &'static str)>, JudgeError> {
        let name = match &prepared.name {
            DistributionFileName::Wheel(name) => name,
            DistributionFileName::Sdist(name) => {
                return match self.chosen_recipe(prepared)? {
                    Some(chosen) => Ok(chosen),
                    None => self.infer_sdist(prepared, name, (published, bytes), source, laid_out),
                };
            }
        };
        // Whatever the recipe, a wheel says what it is in one place.
        let evidence = match wheel_evidence(name, published, bytes) {
            Ok(evidence) => evidence,
            Err(NoEvidence::Read(ReadError::Limit(limit))) => {
                return Ok(end(Outcome::Inconclusive, "limit", Some("archive"), limit.to_string()));
            }
            Err(NoEvidence::Read(error)) => return Err(JudgeError::Internal { what: chain(&error) }),
            Err(NoEvidence::Evidence(error)) => {
                return Ok(end(Outcome::Rejected, NO_EVIDENCE, None, error.to_string()));
            }
        };
        if let Some(chosen) = self.chosen_recipe(prepared)? {
            return Ok(chosen);
        }
        let release = Release { wheel: name.clone(), first_upload: made_at(prepared, &evidence.times)? };
        let evidence = self.with_given_generator(prepared, evidence)?;
        match infer(&release, &evidence, &laid_out.evidence, &Ground::offer(&self.options.hosts)) {
            Ok(inference) => {
                let inference = of_commit(inference, prepared, (published, bytes), source, &laid_out.tree);
                self.with_override(prepared, inference)
            }
            Err(error) => Ok(no_recipe(&error)),
        }
    }

    /// The recipe of the verdict that is replayed, or the one that was given; `None` where there is neither.
    fn chosen_recipe(&self, prepared: &Prepared) -> Result<Option<Step<(Inference, &'static str)>>, JudgeError> {
        if let Some((recipe, origin)) = prepared.replayed.as_ref().and_then(Replayed::recipe) {
            return Ok(Some(Step::Next((Inference { recipe: recipe.clone(), reasons: Vec::new() }, origin))));
        }
        if let Some(recipe) = &self.options.recipe {
            let offered = Ground::offer(&self.options.hosts).interpreters;
            if !offered.contains(&recipe.interpreter) {
                let name = |one: &Interpreter| match one.provider {
                    Provider::Debian => format!("{} of Debian", one.version),
                    Provider::Host => format!("{} of this host", one.version),
                };
                let known = offered.iter().map(name).collect::<Vec<_>>().join(", ");
                let asked = name(&recipe.interpreter);
                let detail = format!("the recipe asks for CPython {asked}, and on offer is {known}");
                return Ok(Some(end(Outcome::Unsupported, "interpreter", None, detail)));
            }
            if prepared.first_upload.is_some_and(|upload| recipe.requirements.cutoff >= upload) {
                let message = format!(
                    "the recipe's requirements.cutoff is {}, and it must lie before the release's first upload, {}",
                    recipe.requirements.cutoff,
                    prepared.first_upload.unwrap_or(Timestamp::MAX),
                );
                return Err(JudgeError::Usage { message });
            }
            return Ok(Some(Step::Next((Inference { recipe: recipe.clone(), reasons: Vec::new() }, "given"))));
        }
        Ok(None)
    }

    /// Locks the recipe, realizes its environment, and adds what the backend asks for beyond it. Requirements that are
    /// published as sdists only are built before. What it comes to is written into the subject's verdict as soon as it is known.
    pub(crate) fn ready(
        &self,
        building: &Building<'_>,
        (inference, origin): (Inference, &'static str),
        mut verdict: Option<&mut Verdict>,
    ) -> Result<Step<Readied>, JudgeError> {
        let Building { prepared, source, tree, ground, product, .. } = *building;
        let Inference { mut recipe, mut reasons } = inference;
        let mut built = Vec::new();
        let is_given_locked = recipe.requirements.locked.is_some();
        if let Some(locked) = &recipe.requirements.locked
            && let Err(error) = ground.check_lock(locked, recipe.requirements.cutoff)
        {
            return lock_error(error);
        }
        if is_given_locked {
            match self.build_locked(building, &recipe)? {
                Step::Next(requirements) => built = requirements,
                Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
            }
        }
        for _ in 0..DISCOVERY_ROUNDS {
            if recipe.requirements.locked.is_none() {
                match self.lock(building, &recipe, &mut built)? {
                    Step::Next(locked) => recipe.requirements.locked = Some(locked),
                    Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
                }
            }
            if let Some(verdict) = verdict.as_deref_mut() {
                record_recipe(verdict, &recipe, origin);
            }
            let locked = recipe.requirements.locked.as_deref().unwrap_or_default();
            if let Some((outcome, reason)) = own_release(prepared, building.subject_source, locked) {
                return Ok(Step::End(outcome, reason));
            }
            let environment = match ground.realize_with(locked, &built, &self.cancel) {
                Ok(environment) => environment,
                Err(error) => return environment_error(error),
            };
            if let Some(verdict) = verdict.as_deref_mut() {
                record_environment(verdict, &environment)?;
            }
            if is_given_locked {
                return Ok(Step::Next(Readied { recipe, reasons, environment }));
            }
            let unmet = match self.unmet(&recipe, &environment, source, tree, product)? {
                Step::Next(unmet) => unmet,
                Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
            };
            if unmet.is_empty() {
                return Ok(Step::Next(Readied { recipe, reasons, environment }));
            }
            for requirement in &unmet {
                let because = format!(
                    "{requirement}, as the source's backend asks for it (get_requires_for_build_{})",
                    product.name()
                );
                reasons.push(Because { key: "requirements.direct".to_owned(), because });
            }
            recipe.requirements.direct.extend(unmet);
            recipe.requirements.locked = None;
        }
        Ok(unstable())
    }

    /// What the backend asks for beyond the recipe.
    pub(crate) fn unmet(
        &self,
        recipe: &Recipe,
        environment: &Environment,
        source: Sha256,
        tree: &SourceTree,
        product: Product,
    ) -> Result<Step<Vec<String>>, JudgeError> {
        let required = match self.required(recipe, environment, source, tree, product)? {
            Step::Next(required) => required,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        Ok(match recipe.unmet(&required) {
            Ok(unmet) => Step::Next(unmet),
            Err(error) => {
                let detail = MemberPath::from(error.to_string().as_str()).to_string();
                end(Outcome::Unbuildable, "requirement-refused", Some("requirements"), detail)
            }
        })
    }

    /// What the backend asks for; remembered, as the same source on the same environment asks for the same.
    fn required(
        &self,
        recipe: &Recipe,
        environment: &Environment,
        source: Sha256,
        tree: &SourceTree,
        product: Product,
    ) -> Result<Step<Vec<String>>, JudgeError> {
        let (environment_digest, project) = (environment.record().digest, tree.project());
        let of = (product.name(), driver_digest());
        let key = serde_json::json!(["requires", of, source, project, recipe.digest(), environment_digest]);
        let key = Sha256::of(key.to_string().as_bytes());
        if let Some(held) = self.store.record::<Vec<String>>("requires", &key)? {
            return Ok(Step::Next(held));
        }
        tracing::info!("asking the backend what it requires");
        let none = VariationSet::new();
        let job = Job {
            recipe,
            environment,
            other: None,
            source: tree,
            product,
            variations: &none,
            limits: &self.options.limits,
            cancel: &self.cancel,
            meter: &self.meter,
        };
        match discover_requirements(&job) {
            Ok(Ok(required)) => {
                self.store.put_record("requires", &key, &required)?;
                Ok(Step::Next(required))
            }
            Ok(Err((failure, log))) => {
                let BuildFailure { stage, class, detail } = failure;
                let detail = format!("{detail}; it printed: {}", tail(&log.bytes));
                Ok(end(Outcome::Unbuildable, class, Some(stage.name()), detail))
            }
            Err(error) => rebuild_error(error),
        }
    }
}

/// Reads what a source that was laid out says about its build.
fn read_source(tree: SourceTree, staging: twinbuild_store::Staging) -> Result<Step<LaidOut>, JudgeError> {
    let read_root = |name: &str| match tree.root_file(name) {
        Ok(content) => Ok(Step::Next(content)),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            Ok(end(Outcome::Inconclusive, "limit", Some("source"), error.to_string()))
        }
        Err(error) => Err(JudgeError::io(format!("reading {name} of the source"))(error)),
    };
    let (pyproject, setup_cfg) = match (read_root("pyproject.toml")?, read_root("setup.cfg")?) {
        (Step::Next(pyproject), Step::Next(setup_cfg)) => (pyproject, setup_cfg),
        (Step::End(outcome, reason), _) | (_, Step::End(outcome, reason)) => return Ok(Step::End(outcome, reason)),
    };
    let has_setup_py = tree.has_root_file("setup.py");
    match SourceEvidence::read(pyproject.as_deref(), setup_cfg.as_deref(), has_setup_py) {
        Ok(evidence) => {
            let evidence = evidence.with_files(tree.files().iter().map(|(path, _)| path));
            Ok(Step::Next(LaidOut { tree, evidence, _staging: staging }))
        }
        Err(error) => Ok(end(Outcome::Unbuildable, "source-unclear", Some("source"), error.to_string())),
    }
}

/// What follows where a requirement is a file of the subject's own release, or is the subject or its source.
pub(crate) fn own_release(
    prepared: &Prepared,
    source: Sha256,
    locked: &[LockedRequirement],
) -> Option<(Outcome, Reason)> {
    let own_files = [prepared.blob.sha256(), source];
    let is_own = |requirement: &&LockedRequirement| {
        requirement.is_release(prepared.name.name(), prepared.name.version()) || own_files.contains(&requirement.sha256)
    };
    let LockedRequirement { name, version, .. } = locked.iter().find(is_own)?;
    Some(self_hosted(name, version))
}

/// The end of a walk whose backend does not stop to ask.
pub(crate) fn unstable<T>() -> Step<T> {
    let detail = format!("the backend asked for further requirements {DISCOVERY_ROUNDS} times in a row");
    end(Outcome::Unbuildable, "requirements-unstable", Some("requirements"), detail)
}

/// When a subject was made at the latest: before its first upload, or when its members say.
pub(crate) fn made_at(prepared: &Prepared, times: &MemberTimes) -> Result<Timestamp, JudgeError> {
    let Some(made_at) = prepared.first_upload.or_else(|| newest(times)) else {
        let message =
            "the file has no upload time and its members have none: say with --as-of when it was made".to_owned();
        return Err(JudgeError::Usage { message });
    };
    if made_at > Timestamp::now() {
        let message = format!("the file's own times are of the future ({made_at}): say with --as-of when it was made");
        return Err(JudgeError::Usage { message });
    }
    Ok(made_at)
}

/// How a subject is read and built, by its name.
pub(crate) fn kind_of(name: &DistributionFileName) -> Step<Kind> {
    match Kind::of(name) {
        Some(kind) => Step::Next(kind),
        None => end(Outcome::Unsupported, "sdist-format", None, "it is an sdist that is neither a .tar.gz nor a .zip"),
    }
}

/// The source, which is a commit where there is one, or the end of a walk without one.
pub(crate) fn source_of<'a>(prepared: &'a Prepared, commit: Option<&'a PreparedSource>) -> Step<&'a PreparedSource> {
    match (commit.or(prepared.source.as_ref()), &prepared.name) {
        (Some(source), _) => Step::Next(source),
        (None, DistributionFileName::Wheel(_)) => {
            let detail = "its release has no sdist that this version reads (.tar.gz or .zip)";
            end(Outcome::SourceMissing, "no-sdist", None, detail)
        }
        (None, DistributionFileName::Sdist(_)) => {
            let detail = "it is an sdist, and what it was made from is not known: say it with --source";
            end(Outcome::SourceMissing, "no-repository", None, detail)
        }
    }
}

/// Reads the published archive, and says what follows where it cannot be read.
pub(crate) fn read_published(
    kind: Kind,
    bytes: &ArchiveFile,
    findings: &mut Vec<Finding>,
) -> Result<Step<Archive>, JudgeError> {
    match read(bytes, kind.format, &Limits::default()) {
        Ok(archive) if kind.product != Product::Wheel => Ok(match check_links(&archive, findings) {
            Step::Next(()) => Step::Next(archive),
            Step::End(outcome, reason) => Step::End(outcome, reason),
        }),
        Ok(archive) => {
            // Some installers make a link of such a member, and others a file that holds the link's target.
            let is_link = |member: &&Member| matches!(member.kind, MemberKind::Symlink { .. });
            let Some(link) = archive.members.iter().find(is_link) else { return Ok(Step::Next(archive)) };
            let detail = format!("{} is a symbolic link, which installers read differently", link.path);
            findings.push(Finding::of("wheel-link", Severity::Alert, &link.path, detail.clone()));
            Ok(end(Outcome::Rejected, "wheel-link", None, detail))
        }
        Err(ReadError::Malformed(malformation)) => {
            let detail = malformation.to_string();
            let path = malformation.path().cloned();
            findings.push(Finding::new(malformation.code(), Severity::Alert, path, detail.clone()));
            Ok(end(Outcome::Rejected, malformation.code(), None, detail))
        }
        Err(ReadError::Limit(limit)) => Ok(end(Outcome::Inconclusive, "limit", Some("archive"), limit.to_string())),
        Err(ReadError::Unsupported(feature)) => {
            Ok(end(Outcome::Unsupported, "archive-feature", None, feature.to_string()))
        }
        Err(error) => Err(JudgeError::Internal { what: chain(&error) }),
    }
}

pub(crate) fn open(blob: &Blob) -> Result<ArchiveFile, JudgeError> {
    let doing = || format!("reading {}", blob.path().display());
    let file = blob.file().try_clone().map_err(JudgeError::io(doing()))?;
    ArchiveFile::new(file).map_err(JudgeError::io(doing()))
}

pub(crate) fn open_file(artifact: &Artifact) -> Result<ArchiveFile, JudgeError> {
    let doing = || format!("reading {}", artifact.path.display());
    ArchiveFile::new(File::open(&artifact.path).map_err(JudgeError::io(doing()))?).map_err(JudgeError::io(doing()))
}

pub(crate) fn lock_error<T>(error: LockError) -> Result<Step<T>, JudgeError> {
    let stage = Some("requirements");
    match error {
        LockError::Unresolvable { .. } => {
            Ok(end(Outcome::Unbuildable, "requirements-unresolvable", stage, error.to_string()))
        }
        LockError::NoWheel { .. } | LockError::SdistOnly { .. } => {
            Ok(end(Outcome::Unbuildable, "requirement-sdist-only", stage, error.to_string()))
        }
        LockError::Refused { .. } => Ok(end(Outcome::Unbuildable, "requirement-refused", stage, error.to_string())),
        LockError::Resolver { .. } => Ok(end(Outcome::Inconclusive, "resolver-failed", stage, error.to_string())),
        LockError::Offline { .. } => Ok(end(Outcome::Inconclusive, "offline", stage, error.to_string())),
        LockError::Environment(error) => environment_error(error),
    }
}

pub(crate) fn environment_error<T>(error: EnvironmentError) -> Result<Step<T>, JudgeError> {
    match error {
        EnvironmentError::Cancelled { .. } => Err(JudgeError::Cancelled),
        EnvironmentError::Sandbox(error @ SandboxError::HostUnsupported { .. }) => Err(JudgeError::Host(error)),
        error @ EnvironmentError::NotAdmitted { .. } => {
            Ok(end(Outcome::Unsupported, "interpreter", Some("environment"), error.to_string()))
        }
        error => Ok(end(Outcome::Inconclusive, "environment-failed", Some("environment"), chain(&error))),
    }
}

pub(crate) fn rebuild_error<T>(error: RebuildError) -> Result<Step<T>, JudgeError> {
    match error {
        RebuildError::Cancelled => Err(JudgeError::Cancelled),
        RebuildError::Sandbox(error @ SandboxError::HostUnsupported { .. }) => Err(JudgeError::Host(error)),
        RebuildError::Limit { .. } | RebuildError::OutputLimit { .. } => {
            Ok(end(Outcome::Inconclusive, "limit", Some("build"), error.to_string()))
        }
        error => Ok(end(Outcome::Inconclusive, "sandbox-failed", Some("build"), chain(&error))),
    }
}

fn ended(mut verdict: Verdict, outcome: Outcome, class: &str, detail: &str) -> Verdict {
    verdict.outcome = outcome;
    verdict.reason = Some(Reason { class: class.to_owned(), stage: None, detail: detail.to_owned() });
    verdict
}

/// The end of a log, with everything written out that could steer a terminal.
pub(crate) fn tail(log: &[u8]) -> String {
    let start = log.len().saturating_sub(LOG_TAIL_BYTES);
    let text = String::from_utf8_lossy(&log[start..]);
    text.lines().map(|line| MemberPath::from(line).to_string()).collect::<Vec<_>>().join("\n")
}

pub(crate) fn newest(times: &MemberTimes) -> Option<Timestamp> {
    use MemberTimes::{Newest, None as NoTime, Uniform};
    match times {
        Uniform(time) | Newest(time) => time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp()),
        NoTime => None,
    }
}

pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
