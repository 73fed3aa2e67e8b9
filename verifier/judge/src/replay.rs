//! Coming to a verdict again, from the inputs that it names.

use std::path::Path;

use jiff::Timestamp;
use twinbuild_compare::{Finding, Normalizing};
use twinbuild_environment::{Environment, EnvironmentError, EnvironmentLock};
use twinbuild_rebuild::{Product, Variation, VariationSet};
use twinbuild_recipe::{Inference, LockedRequirement, Recipe};
use twinbuild_store::Blob;
use twinbuild_subject::{DistributionFileName, SdistFileName, Subject};
use twinbuild_verdict::{
    Difference, Outcome, OverrideRecord, RecordedCrossChecks, RecordedRecipe, RecordedVerdict, Resolution, Search,
    SourceKind, Trust, Verdict, differences,
};

use crate::JudgeError;
use crate::attested::{ATTESTATION_FINDINGS, check_again};
use crate::inputs::{MissingInput, inputs_of};
use crate::judge::{Judge, Options};
use crate::keep::Keep;
use crate::overrides::Overrides;
use crate::record::{record_environment, record_recipe};
use crate::repository::{GitChoice, GitOptions};
use crate::sdist::Kind;
use crate::subject::{DOWNLOAD, INDEX_FINDINGS, Prepared, PreparedSource, SourceForm};
use crate::walk::{LaidOut, Readied, Step, end, environment_error, own_release, unstable};

/// The class of a verdict that depends on more than the inputs that it names.
const NOT_REPLAYABLE: &str = "not-replayable";

/// What became of a replay.
#[derive(Debug)]
pub struct Replay {
    /// How it ended.
    pub end: ReplayEnd,
    /// The version that wrote the verdict, where it is another one than this.
    pub other_version: Option<String>,
}

/// How a replay ended.
#[derive(Debug)]
pub enum ReplayEnd {
    /// With the same verdict.
    Same,
    /// With another verdict.
    Differs {
        /// The verdict that it came to.
        verdict: Box<Verdict>,
        /// Where the two differ.
        differences: Vec<Difference>,
    },
    /// Without one: these inputs can no longer be had.
    Missing(Vec<MissingInput>),
    /// Without one, for another reason.
    Unable {
        /// Which, as one sentence.
        reason: String,
    },
}

/// What a verdict that is replayed says of the build.
pub(crate) struct Replayed {
    recipe: Option<RecordedRecipe>,
    environment: Option<EnvironmentLock>,
    /// The recipes that were tried.
    search: Option<Search>,
    /// Whether the twins were run: then the backend had asked for nothing more.
    is_built: bool,
    /// What could be in the place of its requirements.
    cross_checks: Option<RecordedCrossChecks>,
}

impl Replayed {
    /// The releases that could be in the place of a requirement, the best first.
    pub(crate) fn others(&self, own: &LockedRequirement) -> Vec<LockedRequirement> {
        let others = self.cross_checks.iter().flat_map(|checks| &checks.others);
        others.filter(|other| other.name == own.name).cloned().collect()
    }

    /// What the resolver said when it was asked for the time of that number, from 0.
    pub(crate) fn resolution(&self, number: usize) -> Option<Resolution> {
        self.cross_checks.as_ref()?.resolved.get(number).cloned()
    }

    /// The recipe, and where it came from.
    pub(crate) fn recipe(&self) -> Option<(&Recipe, &'static str)> {
        self.recipe.as_ref().map(|recipe| (&recipe.recipe, recipe.origin))
    }

    /// The recipes that were tried before it. They are not tried again.
    pub(crate) fn search(&self) -> Option<Search> {
        self.search.clone()
    }

    /// What of the recipe was given.
    pub(crate) fn given(&self) -> Option<OverrideRecord> {
        self.recipe.as_ref().and_then(|recipe| recipe.given.clone())
    }
}

impl Judge {
    /// Takes the walk to a verdict again: with the files that it names by digest, its recipe, its environment and its choices. Of
    /// what an index says today nothing is used but where these files are. What it said then (times of upload, withdrawals, why
    /// the source is trusted) is taken over from the verdict, and so is that the environment's files are those of their archives.
    ///
    /// # Errors
    /// [`JudgeError::Usage`] where the verdict contradicts itself; else as [`Judge::judge`].
    pub fn replay(&self, recorded: &RecordedVerdict, inputs: Option<&Path>) -> Result<Replay, JudgeError> {
        let this_version = env!("CARGO_PKG_VERSION");
        let other_version = (recorded.tool.version != this_version).then(|| recorded.tool.version.clone());
        let end = self.with_choices(recorded)?.replay_end(recorded, inputs)?;
        Ok(Replay { end, other_version })
    }

    /// A judge with the choices of a verdict, and the limits and folder of this one.
    fn with_choices(&self, recorded: &RecordedVerdict) -> Result<Self, JudgeError> {
        let names = recorded.choices.variations.iter();
        let variations: VariationSet = names
            .map(|name| name.parse())
            .collect::<Result<_, _>>()
            .map_err(|error: twinbuild_rebuild::UnknownVariation| contradiction(&error.to_string()))?;
        let options = Options {
            artifact: None,
            as_of: None,
            chain: GitChoice::None,
            recipe: None,
            overrides: Overrides::default(),
            hosts: self.options.hosts.clone(),
            keep: self.options.keep.clone(),
            variations,
            limits: self.options.limits.clone(),
            most_trials: 0,
            normalizing: if recorded.choices.is_strict { Normalizing::No } else { Normalizing::Yes },
            git: GitOptions { choice: GitChoice::None, ..self.options.git.clone() },
        };
        let (index, mirror) = (self.pypi.index().clone(), self.mirror.clone());
        Ok(Self::new(self.store.clone(), index, mirror, options, self.cancel.clone()))
    }

    fn replay_end(&self, recorded: &RecordedVerdict, inputs: Option<&Path>) -> Result<ReplayEnd, JudgeError> {
        let unable = |reason: &str| Ok(ReplayEnd::Unable { reason: reason.to_owned() });
        if recorded.subject.digests.is_none() {
            return unable("the verdict is about a file that was never received");
        }
        if recorded.reason.as_ref().is_some_and(|reason| reason.stage.as_deref() == Some(DOWNLOAD)) {
            return unable("the verdict is about a download, and what was answered then cannot be asked for again");
        }
        if self.options.variations.contains(&Variation::Ground) {
            return unable("its twins stand on different ground, of which a verdict holds the first only");
        }
        let is_attested =
            |recorded: &RecordedVerdict| recorded.source.as_ref().is_some_and(|source| source.attestation.is_some());
        if !cfg!(feature = "sigstore") && (is_attested(recorded) || recorded.chain.as_deref().is_some_and(is_attested))
        {
            return unable(
                "its source is trusted by the publisher's attestation, and this program was built without the feature that verifies it \
                 (sigstore)",
            );
        }
        let lock = lock_of(recorded).map_err(|error| contradiction(&error.to_string()))?;
        let mut prepared = match self.gather(&inputs_of(recorded, lock.as_ref()), lock.as_ref(), inputs)? {
            Ok(blobs) => prepared(recorded, lock, &blobs)?,
            Err(missing) => return Ok(ReplayEnd::Missing(missing)),
        };
        if let Some(link) = &recorded.chain {
            check_link(recorded, link)?;
            if link.source.is_none() {
                return unable(
                    "its chain ended before there was a commit, and no repository can be asked for what it was then",
                );
            }
            if let Some(source) = &mut prepared.source {
                // Only where the chain holds again, it is trusted as what it was made from.
                source.record.trust = if source.record.uri.is_some() { Trust::SameUpload } else { Trust::User };
            }
            let lock = lock_of(link).map_err(|error| contradiction(&error.to_string()))?;
            match self.gather(&inputs_of(link, lock.as_ref()), lock.as_ref(), inputs)? {
                Ok(blobs) => prepared.link = Some(Box::new(self::prepared(link, lock, &blobs)?)),
                Err(missing) => return Ok(ReplayEnd::Missing(missing)),
            }
        }
        let started = Timestamp::now();
        let keep = Keep::new(self.options.keep.as_deref())?;
        let mut verdict = self.walk(&prepared, &keep)?;
        self.record_override(&prepared, &mut verdict)?;
        self.follow_chain(&mut verdict, &prepared, &keep)?;
        self.seal(&mut verdict, started)?;
        keep.verdict(&verdict)?;
        if verdict.verdict_digest == Some(recorded.verdict_digest) {
            return Ok(ReplayEnd::Same);
        }
        let is_replayable = verdict.reason.as_ref().is_none_or(|reason| reason.class != NOT_REPLAYABLE);
        if let Some(reason) = &verdict.reason
            && verdict.outcome == Outcome::Inconclusive
            && (recorded.outcome != Outcome::Inconclusive || !is_replayable)
        {
            return Ok(ReplayEnd::Unable { reason: reason.detail.clone() });
        }
        let document = serde_json::to_value(&verdict)
            .map_err(|error| JudgeError::Internal { what: format!("the verdict cannot be written: {error}") })?;
        let differences = differences(recorded.document(), &document);
        Ok(ReplayEnd::Differs { verdict: Box::new(verdict), differences })
    }

    /// The environment of a verdict, made again by its lock. The same laws hold as where it was resolved: it is that of the recipe,
    /// and has no file of the subject's own release.
    pub(crate) fn ready_again(
        &self,
        replayed: &Replayed,
        prepared: &Prepared,
        source: &PreparedSource,
        laid_out: &LaidOut,
        (inference, origin): (Inference, &'static str),
        verdict: &mut Verdict,
    ) -> Result<Step<Readied>, JudgeError> {
        let ended_early = || {
            let detail = "the verdict names no environment: it ended while requirements were resolved, and what the index \
                          answered then cannot be asked for again";
            Ok(end(Outcome::Inconclusive, NOT_REPLAYABLE, None, detail))
        };
        let Inference { recipe, reasons } = inference;
        let Some(locked) = recipe.requirements.locked.as_deref().filter(|_| replayed.recipe.is_some()) else {
            return ended_early();
        };
        record_recipe(verdict, &recipe, origin);
        if let Some((outcome, reason)) = own_release(prepared, source.blob.sha256(), locked) {
            return Ok(Step::End(outcome, reason));
        }
        let Some(lock) = &replayed.environment else { return ended_early() };
        let own_files = [prepared.blob.sha256(), source.blob.sha256()];
        let own = lock.files.iter().find(|file| own_files.contains(&file.sha256));
        lock.check_recipe(&recipe).map_err(|error| contradiction(&error.to_string()))?;
        if let Some(own) = own {
            let what = format!("{} {} of its environment is the subject or its source", own.name, own.version);
            return Err(contradiction(&what));
        }
        let environment = match Environment::from_lock(&self.supply(), lock.clone(), &self.cancel) {
            Ok(environment) => environment,
            Err(error) => return environment_error(error),
        };
        record_environment(verdict, &environment)?;
        if replayed.is_built {
            return Ok(Step::Next(Readied { recipe, reasons, environment }));
        }
        let product = Kind::of(&prepared.name).map_or(Product::Wheel, |kind| kind.product);
        Ok(match self.unmet(&recipe, &environment, source.blob.sha256(), &laid_out.tree, product)? {
            Step::Next(unmet) if unmet.is_empty() => Step::Next(Readied { recipe, reasons, environment }),
            Step::Next(_) => unstable(),
            Step::End(outcome, reason) => Step::End(outcome, reason),
        })
    }
}

/// The lock of a verdict's environment, where it has one.
pub(crate) fn lock_of(recorded: &RecordedVerdict) -> Result<Option<EnvironmentLock>, EnvironmentError> {
    recorded.environment.as_ref().map(|lock| EnvironmentLock::from_json(&lock.to_string())).transpose()
}

/// The subject and the source of a verdict, at hand.
fn prepared(
    recorded: &RecordedVerdict,
    environment: Option<EnvironmentLock>,
    blobs: &[Blob],
) -> Result<Prepared, JudgeError> {
    let held = |sha256| {
        let found = blobs.iter().find(|blob| blob.sha256() == sha256).cloned();
        found.ok_or_else(|| JudgeError::Internal { what: format!("the input {sha256} was fetched and is not there") })
    };
    let Subject { origin, purl, file_name, digests, upload_time, .. } = &recorded.subject;
    let name: DistributionFileName = file_name.parse().map_err(|error| contradiction(&format!("{error}")))?;
    let never_received = || contradiction("its subject has no digest");
    let blob = held(digests.as_ref().ok_or_else(never_received)?.sha256)?;
    let subject = Subject {
        origin: *origin,
        purl: purl.clone(),
        file_name: file_name.clone(),
        size: Some(blob.size_bytes()),
        digests: Some(blob.sha256().into()),
        upload_time: *upload_time,
    };
    let source = match &recorded.source {
        Some(record) => {
            let form = match (record.kind, &record.git) {
                (SourceKind::Git, Some(_)) => SourceForm::Commit { top: name.name().clone() },
                (SourceKind::Sdist, None) => {
                    // That of a commit is found out, and not taken over.
                    let is_of_commit = matches!(record.trust, Trust::Repository | Trust::AttestedCommit);
                    if is_of_commit && recorded.chain.is_none() {
                        return Err(contradiction("its source is an sdist, and trusted like a commit"));
                    }
                    let name = record.file_name.parse::<SdistFileName>();
                    SourceForm::Sdist(name.map_err(|error| contradiction(&format!("{error}")))?)
                }
                (SourceKind::Git | SourceKind::Sdist, _) => {
                    return Err(contradiction("its source is of another kind than it says"));
                }
            };
            // Why it is trusted is taken over, but for an attestation: that is verified again.
            let is_attested = record.kind == SourceKind::Git && record.trust == Trust::AttestedCommit;
            match &record.attestation {
                Some(attestation) if is_attested => {
                    let provenance = held(attestation.sha256)?;
                    check_again(record, &name, &blob.sha256(), &provenance).map_err(|why| contradiction(&why))?;
                }
                None if !is_attested => {}
                Some(_) | None => {
                    return Err(contradiction(
                        "its source is trusted by an attestation and has none, or the other way round",
                    ));
                }
            }
            let blob = held(record.digests.sha256)?;
            Some(PreparedSource { record: record.clone(), form, blob, provenance: None })
        }
        None => None,
    };
    if let (Some(RecordedRecipe { recipe, .. }), Some(upload)) = (&recorded.recipe, upload_time)
        && recipe.requirements.cutoff >= *upload
    {
        let cutoff = recipe.requirements.cutoff;
        return Err(contradiction(&format!(
            "its recipe takes requirements from before {cutoff}, and that must lie before its subject's upload, {upload}"
        )));
    }
    let of_index = |code: &str| INDEX_FINDINGS.into_iter().chain(ATTESTATION_FINDINGS).find(|known| *known == code);
    let findings = recorded.findings.iter();
    let findings = findings
        .filter_map(|finding| Some(Finding::whole(of_index(&finding.code)?, finding.severity, finding.detail.clone())));
    Ok(Prepared {
        subject,
        name,
        blob,
        source,
        link: None,
        uploaded: *upload_time,
        // Only a recipe that is inferred once more could depend on it, and such a walk ends before it builds.
        first_upload: Some(upload_time.unwrap_or(Timestamp::UNIX_EPOCH)),
        provenance: None,
        findings: findings.collect(),
        replayed: Some(Replayed {
            recipe: recorded.recipe.clone(),
            environment,
            search: recorded.search.clone(),
            is_built: recorded.is_built,
            cross_checks: recorded.cross_checks.clone(),
        }),
    })
}

/// The verdict on the source is to be about the source, and to end there.
fn check_link(recorded: &RecordedVerdict, link: &RecordedVerdict) -> Result<(), JudgeError> {
    let own = recorded.source.as_ref().map(|source| source.digests.sha256);
    if link.chain.is_some() || own.is_none() || own != link.subject.digests.as_ref().map(|digests| digests.sha256) {
        return Err(contradiction("its chain is about something else than its source"));
    }
    Ok(())
}

fn contradiction(what: &str) -> JudgeError {
    let what = twinbuild_subject::MemberPath::from(what);
    JudgeError::Usage { message: format!("the verdict cannot be replayed, as it contradicts itself: {what}") }
}
