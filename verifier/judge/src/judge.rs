//! The judge.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use twinbuild_compare::{Finding, Normalizing};
use twinbuild_environment::{EnvironmentError, Ground, HostPlaces, Specification, Supply};
use twinbuild_rebuild::{Meter, VariationSet};
use twinbuild_recipe::{Inference, Interpreter, Provider, Recipe};
use twinbuild_registry::{DebianArchive, DebianMirror, Platform, Pypi, PypiIndex};
use twinbuild_sandbox::{Cancel, Limits};
use twinbuild_store::Store;
use twinbuild_subject::{Request, RequestError, Sha256};
use twinbuild_verdict::{Choices, Outcome, Reason, Verdict};

use crate::JudgeError;
use crate::keep::Keep;
use crate::overrides::Overrides;
use crate::repository::{GitChoice, GitOptions};
use crate::subject::{Preparation, is_path};
use crate::walk::{Step, environment_error, kind_of, open, read_published, source_of};

/// What is to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A release on the index.
    Release(Request),
    /// A file of this machine.
    Local {
        /// Where it is.
        path: PathBuf,
        /// The sdist it was built from; looked up on the index where it is not given.
        source: Option<PathBuf>,
    },
}

/// What a user can choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file of the release to judge.
    pub artifact: Option<String>,
    /// Take requirements from before this time, instead of from before the release's first upload.
    pub as_of: Option<Timestamp>,
    /// From which commit the sdist of a wheel was made: of one that is reproduced that is asked, too.
    pub chain: GitChoice,
    /// The recipe to use instead of an inferred one.
    pub recipe: Option<Recipe>,
    /// What is given of recipes that are inferred else.
    pub overrides: Overrides,
    /// Where interpreters of this host are looked for.
    pub hosts: HostPlaces,
    /// A folder to keep artifacts, logs, recipe and verdict in.
    pub keep: Option<PathBuf>,
    /// In what the twins differ.
    pub variations: VariationSet,
    /// The limits of each build.
    pub limits: Limits,
    /// How many other recipes may be tried where the inferred one does not give the published file.
    pub most_trials: u32,
    /// Whether contents may be compared after normalizers.
    pub normalizing: Normalizing,
    /// Whether subjects are built from commits, and how these are had.
    pub git: GitOptions,
}

/// Judges subjects, one at a time.
pub struct Judge {
    pub(crate) store: Store,
    pub(crate) pypi: Pypi,
    pub(crate) options: Options,
    pub(crate) cancel: Cancel,
    pub(crate) mirror: DebianMirror,
    /// What the builds of this judge cost so far.
    pub(crate) meter: Arc<Meter>,
    grounds: Arc<Mutex<BTreeMap<Specification, Slot>>>,
}

/// A ground, once it was made. Whoever needs one that is being made waits for it.
type Slot = Arc<Mutex<Option<Ground>>>;

/// What [`Judge::infer`] found.
pub enum Inferred {
    /// A recipe, and the reasons for it.
    Recipe(Box<Inference>),
    /// There is none: the verdict that a rebuild would come to at once.
    None(Box<Verdict>),
}

impl Target {
    /// Reads a target: `pypi:NAME@VERSION`, a package URL, or a path. A source goes with a path only.
    ///
    /// # Errors
    /// [`JudgeError::Usage`] when it is none of these.
    pub fn parse(text: &str, source: Option<PathBuf>) -> Result<Self, JudgeError> {
        if let Some(path) = is_path(text) {
            return Ok(Self::Local { path, source });
        }
        if source.is_some() {
            let message =
                "--source PATH names an sdist, and goes with a local file: that of a release is looked up on the index"
                    .to_owned();
            return Err(JudgeError::Usage { message });
        }
        text.parse().map(Self::Release).map_err(|error| JudgeError::Usage {
            message: match error {
                RequestError::Form { .. } => format!("{error}; or the path of a file, with a slash"),
                error => error.to_string(),
            },
        })
    }
}

impl Judge {
    /// A judge that keeps what it fetches in `store`, and stops when `cancel` is thrown.
    #[must_use]
    pub fn new(store: Store, index: PypiIndex, mirror: DebianMirror, options: Options, cancel: Cancel) -> Self {
        let pypi = Pypi::new(store.clone(), index);
        Self { store, pypi, options, cancel, mirror, meter: Arc::default(), grounds: Arc::default() }
    }

    /// Another judge of the same choices, to judge at the same time as this one; what both stand on is made once.
    #[must_use]
    pub fn colleague(&self) -> Self {
        Self { meter: Arc::default(), ..self.with_options(|_| {}) }
    }

    /// Where it looks for interpreters of this host.
    #[must_use]
    pub fn hosts(&self) -> &HostPlaces {
        &self.options.hosts
    }

    /// Another judge, for one subject of many: with a switch of its own, other options, and where one is given, another index.
    #[must_use]
    pub fn for_subject(&self, index: Option<PypiIndex>, cancel: Cancel, change: impl FnOnce(&mut Options)) -> Self {
        let pypi = match index {
            Some(index) => Pypi::new(self.store.clone(), index),
            None => self.pypi.clone(),
        };
        Self { meter: Arc::default(), cancel, pypi, ..self.with_options(change) }
    }

    /// Whether the index lists a file of a release by this name with this digest, or why that cannot be told.
    ///
    /// # Errors
    /// What kept it from being told, in a sentence.
    pub fn is_listed(&self, release: &Request, file_name: &str, sha256: &Sha256) -> Result<bool, String> {
        let project = self.pypi.project(&release.name).map_err(|error| error.to_string())?;
        let files = project.files.iter().filter(|file| *file.file_name.version() == release.version);
        Ok(files.into_iter().any(|file| file.file_name.text() == file_name && file.sha256 == Some(*sha256)))
    }

    /// Judges one subject.
    ///
    /// # Errors
    /// [`JudgeError`]. Whatever can be said of a subject is a verdict.
    pub fn judge(&self, target: &Target) -> Result<Verdict, JudgeError> {
        let started = Timestamp::now();
        let cost_before = self.meter.processor_time();
        let keep = Keep::new(self.options.keep.as_deref())?;
        let mut verdict = match self.prepare(target)? {
            Preparation::Ready(prepared) => {
                let mut verdict = self.walk(&prepared, &keep)?;
                self.record_override(&prepared, &mut verdict)?;
                self.follow_chain(&mut verdict, &prepared, &keep)?;
                verdict
            }
            Preparation::Stopped(verdict) => *verdict,
        };
        let cost = self.meter.processor_time().saturating_sub(cost_before);
        let build_millis = u64::try_from(cost.as_millis()).unwrap_or(u64::MAX);
        verdict.run.processor_ms.insert("build".to_owned(), build_millis);
        self.seal(&mut verdict, started)?;
        keep.verdict(&verdict)?;
        Ok(verdict)
    }

    /// The same judge with other options.
    pub(crate) fn with_options(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = self.options.clone();
        change(&mut options);
        Self {
            store: self.store.clone(),
            pypi: self.pypi.clone(),
            options,
            cancel: self.cancel.clone(),
            mirror: self.mirror.clone(),
            meter: Arc::clone(&self.meter),
            grounds: Arc::clone(&self.grounds),
        }
    }

    /// Writes into a verdict what was chosen and when the run began, and computes its digest.
    pub(crate) fn seal(&self, verdict: &mut Verdict, started: Timestamp) -> Result<(), JudgeError> {
        verdict.choices = Choices {
            is_strict: self.options.normalizing == Normalizing::No,
            variations: self.options.variations.iter().map(|variation| variation.name().to_owned()).collect(),
        };
        verdict.run.started = Some(started);
        verdict.seal().map_err(|error| JudgeError::Internal { what: format!("the verdict cannot be sealed: {error}") })
    }

    /// Where the files of environments are had from.
    pub(crate) fn supply(&self) -> Supply {
        let debian = DebianArchive::new(self.store.clone(), self.mirror.clone());
        Supply::new(self.pypi.clone(), debian).with_hosts(self.options.hosts.clone())
    }

    /// Infers the recipe of one subject, without building anything.
    ///
    /// # Errors
    /// [`JudgeError`]
    pub fn infer(&self, target: &Target) -> Result<Inferred, JudgeError> {
        let prepared = match self.prepare(target)? {
            Preparation::Ready(prepared) => *prepared,
            Preparation::Stopped(verdict) => return Ok(Inferred::None(verdict)),
        };
        let end = |outcome: Outcome, reason: Reason, findings: Vec<Finding>| {
            let mut verdict = Verdict::about(prepared.subject.clone(), env!("CARGO_PKG_VERSION"));
            (verdict.outcome, verdict.reason, verdict.findings) = (outcome, Some(reason), findings);
            Ok(Inferred::None(Box::new(verdict)))
        };
        let kind = match kind_of(&prepared.name) {
            Step::Next(kind) => kind,
            Step::End(outcome, reason) => return end(outcome, reason, Vec::new()),
        };
        let mut findings = Vec::new();
        let bytes = open(&prepared.blob)?;
        let published = match read_published(kind, &bytes, &mut findings)? {
            Step::Next(published) => published,
            Step::End(outcome, reason) => return end(outcome, reason, findings),
        };
        let commit = match self.commit_of(&prepared, kind, (&published, &bytes), &mut findings)? {
            Step::Next(commit) => commit,
            Step::End(outcome, reason) => return end(outcome, reason, findings),
        };
        let source = match source_of(&prepared, commit.as_ref()) {
            Step::Next(source) => source,
            Step::End(outcome, reason) => return end(outcome, reason, findings),
        };
        let laid_out = match self.lay_out_source(source, &mut findings)? {
            Step::Next(laid_out) => laid_out,
            Step::End(outcome, reason) => return end(outcome, reason, findings),
        };
        match self.choose_recipe(&prepared, (&published, &bytes), source, &laid_out)? {
            Step::Next((inference, _)) => Ok(Inferred::Recipe(Box::new(inference))),
            Step::End(outcome, reason) => end(outcome, reason, findings),
        }
    }

    /// The ground that a recipe asks for, made on first use.
    pub(crate) fn ground(&self, recipe: &Recipe) -> Result<Step<Ground>, JudgeError> {
        match self.find_or_make_ground(recipe) {
            Ok(ground) => Ok(Step::Next(ground)),
            Err(error) => environment_error(error),
        }
    }

    fn find_or_make_ground(&self, recipe: &Recipe) -> Result<Ground, EnvironmentError> {
        let platform = Platform::host().ok_or(EnvironmentError::Platform)?;
        let specification = Specification::of_recipe(recipe, platform).ok_or_else(|| {
            let Interpreter { version, provider } = &recipe.interpreter;
            EnvironmentError::Interpreter { version: version.clone(), is_host: *provider == Provider::Host }
        })?;
        let slot = {
            let mut grounds = self.grounds.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(grounds.entry(specification.clone()).or_default())
        };
        let mut made = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ground) = made.as_ref() {
            return Ok(ground.clone());
        }
        let ground = Ground::prepare(&self.supply(), &specification, &self.cancel)?;
        *made = Some(ground.clone());
        Ok(ground)
    }
}
