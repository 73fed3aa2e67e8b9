//! The search for a recipe that gives the published file, by trials that build once.

use std::cell::Cell;
use std::fs::File;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_archive::ArchiveFile;
use twinbuild_compare::{Side, closeness};
use twinbuild_environment::Ground;
use twinbuild_rebuild::{Artifact, Ended, Job, RebuildError, VariationSet, build_once, driver_digest};
use twinbuild_recipe::{BuiltWheel, Candidate, Inference, Known, Release, Search, TrialEnd};
use twinbuild_registry::ProjectFile;
use twinbuild_subject::{DistributionFileName, Sha256, WheelFileName};
use twinbuild_verdict::{Outcome, Reason, Search as SearchRecord, Trial, Verdict};

use crate::JudgeError;
use crate::attempt::{Attempt, Case, read_built};
use crate::evidence::wheel_evidence;
use crate::judge::Judge;
use crate::requirement::Building;
use crate::walk::{Readied, Step, chain, newest, open_file, rebuild_error};

/// How many other recipes are tried where nobody says otherwise.
pub const MOST_TRIALS: u32 = 24;
/// How long a search may take. What it comes to depends on the number of trials, and on this only where it ends without a verdict.
const MOST_TIME: Duration = Duration::from_secs(60 * 60);
/// The project whose releases are searched.
const SETUPTOOLS: &str = "setuptools";
/// The kind of records that hold what a recipe built.
const KIND: &str = "trial";
/// The largest wheel that is kept of a trial, in bytes.
const WHEEL_LIMIT_BYTES: u64 = 256 << 20;

/// What a trial came to, and the class of the reason where it built nothing.
type Tried = (TrialEnd, Option<String>);
/// A trial that says nothing of its recipe ends the search: with more luck, it might have been the one.
type Trying = Step<Tried>;

fn tried(end: TrialEnd, failure: Option<String>) -> Result<Trying, JudgeError> {
    Ok(Step::Next((end, failure)))
}

fn cut_off(reason: &Reason) -> Result<Trying, JudgeError> {
    let detail = format!("a trial of the search for the recipe could not be made: {}", reason.detail);
    let stage = Some("search".to_owned());
    Ok(Step::End(Outcome::Inconclusive, Reason { class: reason.class.clone(), stage, detail }))
}

impl Judge {
    /// Searches on from a recipe that did not give the published file, and judges by the one that came closest.
    pub(crate) fn search_from(
        &self,
        case: &Case<'_>,
        name: &WheelFileName,
        base: &Verdict,
        attempted: Verdict,
        (inference, first): (&Inference, TrialEnd),
    ) -> Result<Verdict, JudgeError> {
        let most_trials = self.options.most_trials;
        if most_trials == 0 {
            return Ok(attempted);
        }
        let started = Instant::now();
        let Ok(published) = wheel_evidence(name, case.published.archive, case.published.bytes) else {
            return Ok(attempted);
        };
        let Some(first_upload) = case.prepared.first_upload.or_else(|| newest(&published.times)) else {
            return Ok(attempted);
        };
        let release = Release { wheel: name.clone(), first_upload };
        let offer = Ground::offer(&self.options.hosts);
        let setuptools = self.setuptools_releases();
        let known = Known {
            release: &release,
            published: &published,
            source: &case.laid_out.evidence,
            offer: &offer,
            setuptools: &setuptools,
        };
        let inferred = match &first {
            TrialEnd::Built(built) => Some(built.closeness),
            TrialEnd::NoEnvironment | TrialEnd::NotBuilt => None,
        };
        let mut record = SearchRecord { most_trials, inferred, trials: Vec::new() };
        let mut search = Search::new(known, inference, first, most_trials);
        loop {
            let batch = search.batch();
            if batch.is_empty() {
                break;
            }
            if started.elapsed() > MOST_TIME {
                let detail = format!("searching for the recipe took more than {} minutes", MOST_TIME.as_secs() / 60);
                let reason = Reason { class: "search-limit".to_owned(), stage: None, detail };
                let (outcome, reason) = (Outcome::Inconclusive, Some(reason));
                return Ok(Verdict { outcome, reason, search: Some(record), ..base.clone() });
            }
            for candidate in &batch {
                let changes: Vec<_> = candidate.changes.iter().map(|change| change.because.as_str()).collect();
                tracing::info!("trying another recipe for {}: {}", name.text, changes.join("; "));
            }
            let ends: Vec<Result<Trying, JudgeError>> = std::thread::scope(|scope| {
                let run = |candidate| scope.spawn(move || self.try_candidate(case, name, candidate));
                let threads: Vec<_> = batch.iter().map(run).collect();
                let ended = || JudgeError::Internal { what: "the thread of a trial ended abnormally".to_owned() };
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(ended()))).collect()
            });
            for (candidate, end) in batch.into_iter().zip(ends) {
                let (end, failure) = match end? {
                    Step::Next(tried) => tried,
                    Step::End(outcome, reason) => {
                        return Ok(Verdict { outcome, reason: Some(reason), search: Some(record), ..base.clone() });
                    }
                };
                let score = match &end {
                    TrialEnd::Built(built) => Some(built.closeness),
                    TrialEnd::NoEnvironment | TrialEnd::NotBuilt => None,
                };
                let (recipe_digest, changes) = (candidate.recipe.digest(), candidate.changes.clone());
                record.trials.push(Trial { recipe_digest, changes, score, failure });
                search.learn(candidate, end);
            }
        }
        let (closest, _) = search.closest();
        let mut verdict = if closest.changes.is_empty() {
            attempted
        } else {
            case.keep.forget_twins()?;
            let Candidate { recipe, changes } = closest;
            let reasons = inference.reasons.iter().cloned().chain(changes).collect();
            let Attempt { verdict, .. } = self.attempt(case, base, (Inference { recipe, reasons }, "searched"))?;
            verdict
        };
        let elapsed = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        verdict.run.durations_ms.insert("search".to_owned(), elapsed);
        verdict.search = Some(record);
        Ok(verdict)
    }

    /// The releases of setuptools, and when the first file of each was uploaded. None where the index does not say: then they are not
    /// searched.
    fn setuptools_releases(&self) -> Vec<(Version, Timestamp)> {
        let Ok(project) = SETUPTOOLS.parse().map(|name| self.pypi.project(&name)) else { return Vec::new() };
        let project = match project {
            Ok(project) => project,
            Err(error) => {
                tracing::warn!("the releases of setuptools are not searched: {}", chain(&error));
                return Vec::new();
            }
        };
        let is_usable =
            |file: &&ProjectFile| file.yanked.is_none() && matches!(file.file_name, DistributionFileName::Wheel(_));
        let release = |file: &ProjectFile| Some((file.file_name.version().clone(), file.upload_time?));
        project.files.iter().filter(is_usable).filter_map(release).collect()
    }

    /// Builds a candidate once, and holds what it built against the published file.
    fn try_candidate(
        &self,
        case: &Case<'_>,
        name: &WheelFileName,
        candidate: &Candidate,
    ) -> Result<Trying, JudgeError> {
        let Case { prepared, source, laid_out, .. } = *case;
        let ground = match self.ground(&candidate.recipe)? {
            Step::Next(ground) => ground,
            Step::End(Outcome::Inconclusive, reason) => return cut_off(&reason),
            Step::End(_, reason) => return tried(TrialEnd::NoEnvironment, Some(reason.class)),
        };
        let count = Cell::new(0);
        let building = Building::of_subject(prepared, source.blob.sha256(), &laid_out.tree, &ground, &count);
        let inference = Inference { recipe: candidate.recipe.clone(), reasons: Vec::new() };
        match self.ready(&building, (inference, "searched"), None)? {
            Step::Next(readied) => self.build_candidate(case, name, &readied),
            Step::End(Outcome::Inconclusive, reason) => cut_off(&reason),
            Step::End(_, reason) => {
                let is_of_build = matches!(reason.class.as_str(), "hook-failed" | "requirements-unstable");
                let end = if is_of_build { TrialEnd::NotBuilt } else { TrialEnd::NoEnvironment };
                tried(end, Some(reason.class))
            }
        }
    }

    /// The build of a candidate: remembered, as the same source by the same recipe on the same environment is not built again to see
    /// how close it comes.
    fn build_candidate(&self, case: &Case<'_>, name: &WheelFileName, readied: &Readied) -> Result<Trying, JudgeError> {
        let Readied { recipe, environment, .. } = readied;
        let source = (case.source.blob.sha256(), case.laid_out.tree.project());
        let key = serde_json::json!([2, driver_digest(), source, recipe.digest(), environment.record().digest]);
        let key = Sha256::of(key.to_string().as_bytes());
        match self.store.record::<Result<(String, Sha256), String>>(KIND, &key)? {
            Some(Err(class)) => return tried(TrialEnd::NotBuilt, Some(class)),
            Some(Ok((file_name, sha256))) => {
                if let Some(blob) = self.store.blob(&sha256)? {
                    let artifact = Artifact { file_name, path: blob.path().to_owned(), sha256 };
                    return self.evaluate(case, name, &artifact);
                }
            }
            None => {}
        }
        let staging = self.store.staging()?;
        let none = VariationSet::new();
        let job = Job {
            recipe,
            environment,
            other: None,
            source: &case.laid_out.tree,
            product: case.kind.product,
            variations: &none,
            limits: &self.options.limits,
            cancel: &self.cancel,
            meter: &self.meter,
        };
        let twin = match build_once(&job, &staging.path().join("trial")) {
            Ok(twin) => twin,
            Err(error) => match rebuild_error::<()>(error)? {
                Step::Next(()) => return tried(TrialEnd::NotBuilt, None),
                Step::End(_, reason) => return cut_off(&reason),
            },
        };
        match twin.ended {
            Ended::Built(artifact) => {
                let doing = || format!("reading {}", artifact.path.display());
                let file = File::open(&artifact.path).map_err(JudgeError::io(doing()))?;
                // What is too large to be kept is built again another time.
                if file.metadata().map_err(JudgeError::io(doing()))?.len() <= WHEEL_LIMIT_BYTES {
                    let blob = self.store.put(file, WHEEL_LIMIT_BYTES)?;
                    let held: Result<_, String> = Ok((artifact.file_name.clone(), blob.sha256()));
                    self.store.put_record(KIND, &key, &held)?;
                }
                self.evaluate(case, name, &artifact)
            }
            // With more of it the same build may end otherwise.
            Ended::AtLimit(limit) => {
                let detail = RebuildError::Limit { limit }.to_string();
                cut_off(&Reason { class: "limit".to_owned(), stage: None, detail })
            }
            Ended::Failed(failure) => {
                // The host may have ended it.
                if failure.class != "build-killed" {
                    let held: Result<(String, Sha256), _> = Err(failure.class);
                    self.store.put_record(KIND, &key, &held)?;
                }
                tried(TrialEnd::NotBuilt, Some(failure.class.to_owned()))
            }
        }
    }

    /// What a trial built, held against the published file.
    fn evaluate(&self, case: &Case<'_>, name: &WheelFileName, artifact: &Artifact) -> Result<Trying, JudgeError> {
        let bytes: ArchiveFile = open_file(artifact)?;
        let archive = match read_built(&bytes, artifact) {
            Step::Next(archive) => archive,
            Step::End(_, reason) => return tried(TrialEnd::NotBuilt, Some(reason.class)),
        };
        let side = Side { archive: &archive, bytes: &bytes, sha256: artifact.sha256 };
        tried(self.trial_end(case, name, artifact, &side)?, None)
    }

    /// How far what was built is from the published file, and what it says of its making.
    pub(crate) fn trial_end(
        &self,
        case: &Case<'_>,
        published: &WheelFileName,
        artifact: &Artifact,
        built: &Side<'_>,
    ) -> Result<TrialEnd, JudgeError> {
        let Ok(name) = artifact.file_name.parse() else { return Ok(TrialEnd::NotBuilt) };
        let (mut closeness, is_metadata_only) = closeness(&case.published, built, case.index, self.options.normalizing)
            .map_err(|error| JudgeError::Internal { what: chain(&error) })?;
        closeness.differing += u64::from(artifact.file_name != published.text);
        let evidence = wheel_evidence(&name, built.archive, built.bytes).ok();
        let follows_hash_seed = false;
        Ok(TrialEnd::Built(Box::new(BuiltWheel { name, evidence, closeness, is_metadata_only, follows_hash_seed })))
    }
}
