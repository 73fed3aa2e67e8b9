//! Building requirements that are published as sdists only, each in a sandbox of its own, before what requires them.

use std::cell::Cell;
use std::fs::File;

use twinbuild_archive::{ArchiveFile, Format, Limits, ReadAt as _, read};
use twinbuild_environment::{BuiltRequirement, Ground, LockError, SdistRequirement};
use twinbuild_rebuild::{
    Artifact, BuildFailure, Ended, Job, Product, RebuildError, VariationSet, build_once, driver_digest,
};
use twinbuild_recipe::{LockedRequirement, Recipe, SourceEvidence, infer_requirement};
use twinbuild_source::{SourceTree, lay_out};
use twinbuild_subject::{MemberPath, PackageName, Sha256, WheelFileName};
use twinbuild_verdict::{Outcome, Reason};

use crate::JudgeError;
use crate::embedded::Searcher;
use crate::judge::Judge;
use crate::sdist::Kind;
use crate::subject::Prepared;
use crate::walk::{Readied, Step, chain, end, environment_error, lock_error, open, rebuild_error, tail};

/// How many sdists may stand one on the other.
const MOST_NESTED: usize = 3;
/// How many sdists one build may require.
const MOST_BUILT: usize = 10;
/// The largest wheel that is built as a requirement, in bytes.
const WHEEL_LIMIT_BYTES: u64 = 256 << 20;
/// The class of what cannot be built because of such a requirement.
const CLASS: &str = "requirement-sdist-only";
const STAGE: Option<&str> = Some("requirements");

/// What is being built: the subject, or a requirement of it at any depth.
#[derive(Clone, Copy)]
pub(crate) struct Building<'a> {
    /// The subject, of whose own release nothing may enter an environment.
    pub(crate) prepared: &'a Prepared,
    /// The digest of the subject's own source.
    pub(crate) subject_source: Sha256,
    /// The digest of what this is built from.
    pub(crate) source: Sha256,
    /// What this is built from.
    pub(crate) tree: &'a SourceTree,
    /// What this is built on.
    pub(crate) ground: &'a Ground,
    /// What is built.
    pub(crate) product: Product,
    /// The requirements that are being built, the outermost first.
    path: &'a [PackageName],
    /// How many requirements were built for the subject so far, at any depth.
    count: &'a Cell<usize>,
}

/// A wheel in the store: its file name and digest.
type Held = (String, Sha256);

/// Continues with what a step gives, or ends by it.
macro_rules! next {
    ($step:expr) => {
        match $step {
            Step::Next(value) => value,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        }
    };
}

impl<'a> Building<'a> {
    /// The subject itself.
    pub(crate) fn of_subject(
        prepared: &'a Prepared,
        source: Sha256,
        tree: &'a SourceTree,
        ground: &'a Ground,
        count: &'a Cell<usize>,
    ) -> Self {
        let product = Kind::of(&prepared.name).map_or(Product::Wheel, |kind| kind.product);
        Self { prepared, subject_source: source, source, tree, ground, product, path: &[], count }
    }

    /// The same on other ground.
    pub(crate) fn on<'b>(&self, ground: &'b Ground) -> Building<'b>
    where
        'a: 'b,
    {
        Building { ground, ..*self }
    }

    /// Whether that is the digest of the subject or of its source.
    pub(crate) fn is_own_file(&self, sha256: Sha256) -> bool {
        [self.prepared.blob.sha256(), self.subject_source].contains(&sha256)
    }

    fn refuse<T>(&self, sdist: &SdistRequirement, why: &str) -> Step<T> {
        let detail = format!(
            "{} {} is published as an sdist only ({}), and it cannot be built as a requirement: {why}",
            sdist.name, sdist.version, sdist.file_name.text
        );
        end(Outcome::Unbuildable, CLASS, STAGE, detail)
    }
}

/// The end of a walk that came to the subject's own release.
pub(crate) fn self_hosted(name: &PackageName, version: &str) -> (Outcome, Reason) {
    let detail = format!(
        "building it requires {name} {version} itself, and a file of the subject's own release is no ground to build it on"
    );
    (Outcome::Unbuildable, Reason { class: "self-hosted".to_owned(), stage: STAGE.map(str::to_owned), detail })
}

impl Judge {
    /// Locks a recipe, and builds each requirement that is published as an sdist only on the way, which `built` is added.
    pub(crate) fn lock(
        &self,
        building: &Building<'_>,
        recipe: &Recipe,
        built: &mut Vec<BuiltRequirement>,
    ) -> Result<Step<Vec<LockedRequirement>>, JudgeError> {
        loop {
            let sdist = match building.ground.lock(recipe, built) {
                Ok(locked) => return Ok(Step::Next(locked)),
                Err(LockError::SdistOnly { sdist }) => sdist,
                Err(error) => return lock_error(error),
            };
            // A project that was built and is asked for again in another version would be asked for for ever.
            if built.iter().any(|built| built.requirement.name == sdist.name) {
                return Ok(building.refuse(&sdist, "it is required in two versions"));
            }
            if building.count.get() >= MOST_BUILT {
                let why = format!("{MOST_BUILT} others are required already that are published so");
                return Ok(building.refuse(&sdist, &why));
            }
            built.push(next!(self.build_requirement(building, recipe, &sdist)?));
        }
    }

    /// Builds those requirements of a given lock that were built from sdists, and checks that they come out the same.
    pub(crate) fn build_locked(
        &self,
        building: &Building<'_>,
        recipe: &Recipe,
    ) -> Result<Step<Vec<BuiltRequirement>>, JudgeError> {
        let mut built = Vec::new();
        let locked = recipe.requirements.locked.iter().flatten();
        for requirement in locked.filter(|requirement| requirement.sdist_sha256.is_some()) {
            let sdist = match building.ground.locked_sdist(requirement, recipe.requirements.cutoff) {
                Ok(sdist) => sdist,
                Err(error) => return lock_error(error),
            };
            let own = next!(self.build_requirement(building, recipe, &sdist)?);
            if own.requirement != *requirement {
                let detail = format!(
                    "the recipe's {} (sha256:{}) is to be built from {}, and that gives {} (sha256:{}) here",
                    requirement.file_name,
                    requirement.sha256,
                    sdist.file_name.text,
                    own.requirement.file_name,
                    own.requirement.sha256
                );
                return Ok(end(Outcome::Inconclusive, "requirement-differs", STAGE, detail));
            }
            built.push(own);
        }
        Ok(Step::Next(built))
    }

    /// Builds one sdist as a wheel, on the interpreter of what requires it and with requirements from before the same cut-off.
    fn build_requirement(
        &self,
        outer: &Building<'_>,
        recipe: &Recipe,
        sdist: &SdistRequirement,
    ) -> Result<Step<BuiltRequirement>, JudgeError> {
        let prepared = outer.prepared;
        let is_own_release = sdist.name == *prepared.name.name() && sdist.version == *prepared.name.version();
        if is_own_release || sdist.file.sha256.is_some_and(|sha256| outer.is_own_file(sha256)) {
            let (outcome, reason) = self_hosted(&sdist.name, &sdist.version.to_string());
            return Ok(Step::End(outcome, reason));
        }
        if outer.path.contains(&sdist.name) {
            return Ok(outer.refuse(sdist, "building it requires itself"));
        }
        if outer.path.len() == MOST_NESTED {
            let why = format!("it is required by an sdist, and that by another, {MOST_NESTED} times");
            return Ok(outer.refuse(sdist, &why));
        }
        outer.count.set(outer.count.get() + 1);
        tracing::info!("building the requirement {} {} from its sdist", sdist.name, sdist.version);
        let blob = match self.pypi.download(&sdist.file) {
            Ok(blob) => blob,
            Err(error) => return environment_error(error.into()),
        };
        let staging = self.store.staging()?;
        let tree = match lay_out(&sdist.file_name, &open(&blob)?, staging.path()) {
            Ok(tree) => tree,
            Err(error) if error.is_malformed() => return Ok(outer.refuse(sdist, &chain(&error))),
            Err(error) if error.is_limit() => return Ok(end(Outcome::Inconclusive, "limit", STAGE, chain(&error))),
            Err(error) => return Ok(end(Outcome::Inconclusive, "source-unreadable", STAGE, chain(&error))),
        };
        next!(self.search_requirement(prepared, &tree, sdist)?);
        let read_root = |name: &str| tree.root_file(name);
        let (pyproject, setup_cfg) = match (read_root("pyproject.toml"), read_root("setup.cfg")) {
            (Ok(pyproject), Ok(setup_cfg)) => (pyproject, setup_cfg),
            (Err(error), _) | (_, Err(error)) => {
                return Ok(end(Outcome::Inconclusive, "source-unreadable", STAGE, error.to_string()));
            }
        };
        let has_setup_py = tree.files().iter().any(|(path, _)| path.as_bytes() == b"setup.py");
        let evidence = match SourceEvidence::read(pyproject.as_deref(), setup_cfg.as_deref(), has_setup_py) {
            Ok(evidence) => evidence,
            Err(error) => return Ok(outer.refuse(sdist, &MemberPath::from(error.to_string().as_str()).to_string())),
        };
        let path: Vec<PackageName> = outer.path.iter().cloned().chain([sdist.name.clone()]).collect();
        let building = Building { source: blob.sha256(), tree: &tree, product: Product::Wheel, path: &path, ..*outer };
        let inference = infer_requirement(&evidence, recipe, sdist.uploaded);
        let readied = next!(self.ready(&building, (inference, "inferred"), None)?);
        if let Some(requirements) = readied.environment.requirements_path() {
            let mut searcher = Searcher::new(&prepared.blob).map_err(JudgeError::io("reading the published file"))?;
            searcher.tree(requirements).map_err(JudgeError::io("searching the build requirements"))?;
            next!(found_nothing(searcher, sdist));
        }
        let (file_name, sha256) = next!(self.build_wheel(&building, &readied, sdist)?);
        let Readied { recipe, environment, .. } = &readied;
        // Its digest is named among the inputs, and what is named can be had.
        let text = recipe.to_toml(&[]);
        self.store.put(text.as_bytes(), u64::try_from(text.len()).unwrap_or(u64::MAX))?;
        Ok(Step::Next(BuiltRequirement::new(sdist, recipe, environment, file_name, sha256)))
    }

    /// Looks for the subject in the sdist of a requirement.
    fn search_requirement(
        &self,
        prepared: &Prepared,
        tree: &SourceTree,
        sdist: &SdistRequirement,
    ) -> Result<Step<()>, JudgeError> {
        let mut searcher = Searcher::new(&prepared.blob).map_err(JudgeError::io("reading the published file"))?;
        searcher.tree(tree.folder()).map_err(JudgeError::io("searching the sdist of a requirement"))?;
        Ok(found_nothing(searcher, sdist))
    }

    /// The wheel: remembered, as the same sdist by the same recipe on the same environment gives the same, or built once.
    fn build_wheel(
        &self,
        building: &Building<'_>,
        readied: &Readied,
        sdist: &SdistRequirement,
    ) -> Result<Step<Held>, JudgeError> {
        const KIND: &str = "built-requirement";
        let environment = readied.environment.record().digest;
        let release = (&sdist.name, sdist.version.to_string());
        let key =
            serde_json::json!([2, driver_digest(), release, building.source, readied.recipe.digest(), environment]);
        let key = Sha256::of(key.to_string().as_bytes());
        if let Some(held) = self.store.record::<Held>(KIND, &key)?
            && self.store.blob(&held.1)?.is_some()
        {
            return Ok(Step::Next(held));
        }
        let staging = self.store.staging()?;
        let none = VariationSet::new();
        let job = Job {
            recipe: &readied.recipe,
            environment: &readied.environment,
            other: None,
            source: building.tree,
            product: Product::Wheel,
            variations: &none,
            limits: &self.options.limits,
            cancel: &self.cancel,
            meter: &self.meter,
        };
        let twin = match build_once(&job, &staging.path().join("built")) {
            Ok(twin) => twin,
            Err(error) => return rebuild_error(error),
        };
        let artifact = match twin.ended {
            Ended::Built(artifact) => artifact,
            Ended::AtLimit(limit) => return rebuild_error(RebuildError::Limit { limit }),
            Ended::Failed(BuildFailure { detail, .. }) => {
                let why = format!("{detail}; it printed: {}", tail(&twin.log.bytes));
                return Ok(building.refuse(sdist, &why));
            }
        };
        if let Err(why) = check_wheel(&artifact, sdist)? {
            return Ok(building.refuse(sdist, &why));
        }
        let doing = || format!("reading {}", artifact.path.display());
        let file = File::open(&artifact.path).map_err(JudgeError::io(doing()))?;
        let blob = self.store.put(file, WHEEL_LIMIT_BYTES)?;
        let held = (artifact.file_name, blob.sha256());
        self.store.put_record(KIND, &key, &held)?;
        Ok(Step::Next(held))
    }
}

/// Whether a build gave the wheel of that release, which our own reader reads: nothing else looks at another.
fn check_wheel(artifact: &Artifact, sdist: &SdistRequirement) -> Result<Result<(), String>, JudgeError> {
    let name = MemberPath::from(artifact.file_name.as_str());
    let is_of_release = |wheel: &WheelFileName| wheel.name == sdist.name && wheel.version == sdist.version;
    if !artifact.file_name.parse().is_ok_and(|wheel| is_of_release(&wheel)) {
        return Ok(Err(format!("it gives {name}, which is no wheel of that release")));
    }
    let doing = || format!("reading {}", artifact.path.display());
    let file = File::open(&artifact.path).map_err(JudgeError::io(doing()))?;
    let bytes = ArchiveFile::new(file).map_err(JudgeError::io(doing()))?;
    if bytes.size() > WHEEL_LIMIT_BYTES {
        return Ok(Err(format!("it gives {name}, which is larger than {WHEEL_LIMIT_BYTES} bytes")));
    }
    match read(&bytes, Format::Zip, &Limits::default()) {
        Ok(_) => Ok(Ok(())),
        Err(error) => Ok(Err(format!("it gives {name}, which cannot be read: {}", chain(&error)))),
    }
}

/// Ends the walk where a search came upon the subject, or could not look everywhere.
fn found_nothing(searcher: Searcher, sdist: &SdistRequirement) -> Step<()> {
    let search = searcher.finish();
    let what = format!("the build requirement {} {}", sdist.name, sdist.version);
    if let Some(place) = search.found {
        let detail = format!("{what} is built from the published file itself: {place}");
        return end(Outcome::Unbuildable, "requirement-embeds-artifact", STAGE, detail);
    }
    match search.unfinished {
        Some(why) => {
            let detail = format!("whether {what} is built from the published file itself cannot be told: {why}");
            end(Outcome::Inconclusive, "limit", STAGE, detail)
        }
        None => Step::Next(()),
    }
}
