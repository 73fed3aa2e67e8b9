//! Running the twins.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use twinbuild_sandbox::{
    CollectReason, Collected, CollectedKind, End, Evidence, InForce, Limit, Log, Refused, Run, run,
};
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};
use twinbuild_verdict::VariationRecord;

use crate::conditions::FIRST;
use crate::request::Action;
use crate::{BuildFailure, Conditions, Job, Product, RebuildError, Stage, Variation};

/// The exit code of the driver when the backend could not say what it requires.
const PREPARE_FAILED: i32 = 70;

/// One of the twins.
#[derive(Debug)]
pub struct Twin {
    /// `first` or `second`.
    pub name: &'static str,
    /// The conditions, and whether they showed.
    pub variations: Vec<VariationRecord>,
    /// What came of it.
    pub ended: Ended,
    /// The limits at which something of it was refused or killed and it went on: what it built then says nothing of the source.
    pub limits_met: Vec<Limit>,
    /// What it printed.
    pub log: Log,
    /// Packets that found no route.
    pub network_attempts: u64,
    /// What it was seen to do, where that could be taken.
    pub evidence: Option<Evidence>,
    /// From start to end.
    pub wall: Duration,
    /// Processor time.
    pub cpu: Duration,
    /// Limits that were in force.
    pub limits_in_force: Option<InForce>,
}

/// What came of a build.
#[derive(Debug)]
pub enum Ended {
    /// One wheel or sdist.
    Built(Artifact),
    /// None.
    Failed(BuildFailure),
    /// It was stopped at a limit, or failed after it had reached one, which says nothing of the source.
    AtLimit(Limit),
}

/// A file that was built.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub file_name: String,
    /// Where it was collected.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
}

/// Builds both twins, at the same time, and collects what they built below `into`, which exists, in a folder for each.
///
/// # Errors
/// When a twin could not be run, or left more than is taken. A build that fails or reaches a limit is no error: see [`Ended`].
pub fn rebuild(job: &Job<'_>, into: &Path) -> Result<[Twin; 2], RebuildError> {
    let conditions = [("first", FIRST), ("second", Conditions::with(job.variations))];
    let [first, second] = std::thread::scope(|scope| {
        let handles = conditions
            .each_ref()
            .map(|(name, conditions)| scope.spawn(move || build(job, name, conditions, &into.join(name))));
        handles.map(|handle| {
            handle.join().unwrap_or_else(|_| {
                Err(RebuildError::Report { reason: "the thread that ran the twin ended abnormally".to_owned() })
            })
        })
    });
    let [(mut first, first_seen), (mut second, second_seen)] = [first?, second?];
    let grounds = conditions.each_ref().map(|(_, conditions)| job.environment(conditions).record().digest);
    for (a, b) in first.variations.iter_mut().zip(&mut second.variations) {
        let seen = (first_seen.get(&a.name), second_seen.get(&b.name));
        let is_effective = match a.name == Variation::Ground.name() {
            // By the digests of the environments, which no build has a hand in.
            true => grounds[0] != grounds[1],
            false => matches!(seen, (Some(a), Some(b)) if a != b) && a.name == b.name,
        };
        (a.effective, b.effective) = (is_effective, is_effective);
    }
    Ok([first, second])
}

/// Builds once, under the conditions of the first twin, for what is needed and not judged: a requirement of a build. What was
/// built is collected in the folder `into`, which is made.
///
/// # Errors
/// As [`rebuild`].
pub fn build_once(job: &Job<'_>, into: &Path) -> Result<Twin, RebuildError> {
    let (mut twin, _) = build(job, "once", &FIRST, into)?;
    // There is no second twin that could show what the limit did to it.
    if let Some(limit) = twin.limits_met.first() {
        twin.ended = Ended::AtLimit(*limit);
    }
    Ok(twin)
}

/// Asks the source's backend what it requires beyond the recipe's requirements (PEP 517,
/// `get_requires_for_build_wheel` or `get_requires_for_build_sdist`): requirements as text, unchecked.
///
/// # Errors
/// As [`rebuild`]. The inner error is a backend that cannot be imported or fails, with its log.
pub fn discover_requirements(job: &Job<'_>) -> Result<Result<Vec<String>, (BuildFailure, Log)>, RebuildError> {
    let run = start(job, &FIRST.under(job.recipe), Action::Requires, None)?;
    let report = String::from_utf8_lossy(&run.message).into_owned();
    if run.message_dropped_bytes > 0 {
        let reason = "the backend asks for more requirements than fit into 1 MiB".to_owned();
        return Err(RebuildError::OutputLimit { reason });
    }
    match run.end {
        End::Exited(0) => {
            if let Some(limit) = run.limits_met.first() {
                return Err(RebuildError::Limit { limit: *limit });
            }
        }
        End::LimitHit(limit) => return Err(RebuildError::Limit { limit }),
        End::Cancelled => return Err(RebuildError::Cancelled),
        End::Exited(_) | End::Signalled(_) => {
            let detail = "the backend could not be imported, or failed, when it was asked what it requires".to_owned();
            return Ok(Err((BuildFailure { stage: Stage::Requirements, class: "hook-failed", detail }, run.log)));
        }
    }
    let line = report.lines().nth(1).unwrap_or_default();
    serde_json::from_str(line).map(Ok).map_err(|error| RebuildError::Report { reason: error.to_string() })
}

fn start(job: &Job<'_>, conditions: &Conditions, action: Action, collect: Option<&Path>) -> Result<Run, RebuildError> {
    let spec = job
        .spec(conditions, action, collect)
        .map_err(|error| RebuildError::Report { reason: format!("the request cannot be written: {error}") })?;
    let run = run(&spec, job.cancel)?;
    job.meter.add(run.cpu);
    Ok(run)
}

/// Builds once, and collects in a folder that is made; gives what was observed inside, too.
pub(crate) fn build(
    job: &Job<'_>,
    name: &'static str,
    conditions: &Conditions,
    folder: &Path,
) -> Result<(Twin, Value), RebuildError> {
    let io_error = |source| RebuildError::Io { doing: format!("making the folder {}", folder.display()), source };
    std::fs::create_dir(folder).map_err(io_error)?;
    let conditions = &conditions.under(job.recipe);
    let run = start(job, conditions, Action::Build, Some(folder))?;
    let ended = match run.end {
        End::Exited(0) => match (output(job.product, folder, &run)?, run.limits_met.first()) {
            (Ended::Failed(_), Some(limit)) => Ended::AtLimit(*limit),
            (ended, _) => ended,
        },
        End::LimitHit(limit) => Ended::AtLimit(limit),
        End::Cancelled => return Err(RebuildError::Cancelled),
        End::Exited(PREPARE_FAILED) => Ended::Failed(BuildFailure {
            stage: Stage::Requirements,
            class: "hook-failed",
            detail: "the backend could not be imported, or failed, when it was asked what it requires".to_owned(),
        }),
        End::Exited(code) => Ended::Failed(BuildFailure {
            stage: job.product.stage(),
            class: "build-failed",
            detail: format!("the build ended with exit code {code}"),
        }),
        End::Signalled(signal) => Ended::Failed(BuildFailure {
            stage: job.product.stage(),
            class: "build-killed",
            detail: format!("the build was ended by signal {signal}"),
        }),
    };
    let seen = match (observed(&run), &ended) {
        // It may not have come to that.
        (Err(_), Ended::AtLimit(_)) => Value::Null,
        (seen, _) => seen?,
    };
    let twin = Twin {
        name,
        variations: variations(job, conditions),
        ended,
        limits_met: run.limits_met,
        log: run.log,
        network_attempts: run.network_attempts,
        evidence: run.evidence,
        wall: run.wall,
        cpu: run.cpu,
        limits_in_force: run.limits_in_force,
    };
    Ok((twin, seen))
}

/// What was observed inside, of each variation.
fn observed(run: &Run) -> Result<Value, RebuildError> {
    let line = run.message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let seen: Value =
        serde_json::from_slice(line).map_err(|error| RebuildError::Report { reason: error.to_string() })?;
    for variation in Variation::usual() {
        if seen.get(variation.name()).is_none() {
            return Err(RebuildError::Report { reason: format!("it has nothing about the {variation}") });
        }
    }
    Ok(seen)
}

impl Twin {
    /// The limit at which it ended, or the first that it met: its outcome is not the source's then.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self.ended {
            Ended::AtLimit(limit) => Some(limit),
            Ended::Built(_) | Ended::Failed(_) => self.limits_met.first().copied(),
        }
    }
}

/// The variations of a twin, not yet known to be effective.
fn variations(job: &Job<'_>, conditions: &Conditions) -> Vec<VariationRecord> {
    let record = |(variation, value): (Variation, String)| VariationRecord {
        name: variation.name().to_owned(),
        value,
        effective: false,
    };
    let mut values = conditions.values();
    match values.last_mut() {
        Some((Variation::Ground, value)) if job.other.is_some() => {
            *value = job.environment(conditions).lock().specification.to_string();
        }
        // There is nothing to vary.
        _ => values.retain(|(variation, _)| *variation != Variation::Ground),
    }
    values.into_iter().map(record).collect()
}

/// What a build left that says that it succeeded.
fn output(product: Product, folder: &Path, run: &Run) -> Result<Ended, RebuildError> {
    let Some(Refused { path, reason, .. }) = &run.refused else { return product_in(product, folder, run) };
    let path = MemberPath::new(path.as_os_str().as_bytes());
    match reason {
        CollectReason::TooManyBytes { .. } | CollectReason::TooManyFiles { .. } | CollectReason::TooDeep { .. } => {
            Err(RebuildError::OutputLimit { reason: format!("{path}: {reason}") })
        }
        CollectReason::Unreadable { .. } => {
            Err(RebuildError::Report { reason: format!("{path} of the output: {reason}") })
        }
        _ => {
            let reason = MemberPath::from(reason.to_string().as_str());
            let detail = format!("the build left {path} in its output, and {reason}");
            Ok(Ended::Failed(BuildFailure { stage: Stage::Output, class: "output-refused", detail }))
        }
    }
}

/// The one wheel or sdist that was collected.
fn product_in(product: Product, folder: &Path, run: &Run) -> Result<Ended, RebuildError> {
    let is_product = |collected: &&Collected| {
        matches!(collected.kind, CollectedKind::File { .. }) && product.is_named(&collected.path)
    };
    let found: Vec<&PathBuf> = run.collected.iter().filter(is_product).map(|collected| &collected.path).collect();
    let name = match found.as_slice() {
        [one] => one.file_name().and_then(|name| name.to_str()).filter(|name| Path::new(name) == one.as_path()),
        _ => None,
    };
    let Some(name) = name else {
        let detail = format!("the build left {} {}s in its output, and one is expected", found.len(), product.name());
        return Ok(Ended::Failed(BuildFailure { stage: Stage::Output, class: product.none(), detail }));
    };
    let path = folder.join(name);
    let mut hasher = Sha256Hasher::new();
    File::open(&path)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .map_err(|source| RebuildError::Io { doing: format!("reading {}", path.display()), source })?;
    Ok(Ended::Built(Artifact { file_name: name.to_owned(), path, sha256: hasher.finish() }))
}
