//! What is chosen for a night: by flags, else by the table `nightly` of `twinbuild.toml`, else by default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use twinbuild_compare::Normalizing;
use twinbuild_judge::MOST_TRIALS;
use twinbuild_nightly::{MadeWith, SourceChoice, Terms, Wishes, duration};

use super::unsigned;
use crate::arguments::{Global, Nightly, SourceFrom, size};
use crate::failure::Failure;
use crate::settings::Settings;

const REPORTS: &str = "reports";
const MAX_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);
const BUDGET: SignedDuration = SignedDuration::from_hours(1);
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// The shortest lease: it is kept several times within its length, over a network that may be slow.
const SHORTEST_LEASE: Duration = Duration::from_secs(4);
/// How long a second host is waited for where none is to be seen.
const SECOND_HOST_WAIT: Duration = Duration::from_secs(120);

/// What is chosen for a night.
pub(super) struct Choices {
    pub(super) wishes: Wishes,
    pub(super) jobs: usize,
    pub(super) max_age: SignedDuration,
    pub(super) max_duration: Option<Duration>,
    pub(super) lease: Duration,
    pub(super) second_host_wait: Duration,
    pub(super) reports: PathBuf,
    pub(super) metrics: Option<PathBuf>,
    pub(super) publishes: bool,
    pub(super) keeps_artifacts: bool,
}

impl Choices {
    pub(super) fn of(global: &Global, arguments: &Nightly, settings: &Settings) -> Result<Self, Failure> {
        let fleet = &settings.fleet;
        let table = fleet.nightly();
        let in_table = |key: &str, error: String| Failure::usage(anyhow!("the key `{key}` of [nightly]: {error}"));
        let time = |key: &'static str, flag: Option<SignedDuration>, text: &Option<String>| match (flag, text) {
            (Some(flag), _) => Ok(Some(flag)),
            (None, Some(text)) => duration(text).map(Some).map_err(|error| in_table(key, error)),
            (None, None) => Ok(None),
        };
        let from = match arguments.from {
            Some(SourceFrom::Sdist) => SourceChoice::Sdist,
            Some(SourceFrom::Git) => SourceChoice::Git,
            Some(SourceFrom::Either) => SourceChoice::Either,
            None => fleet.source()?.unwrap_or(SourceChoice::Sdist),
        };
        let budget = time("budget", arguments.budget, &table.budget)?.unwrap_or(BUDGET);
        let memory = table.memory.as_deref().map(size).transpose().map_err(|error| in_table("memory", error))?;
        let lease = unsigned(time("lease", arguments.lease, &table.lease)?.unwrap_or(LEASE));
        if lease < SHORTEST_LEASE {
            return Err(in_table("lease", format!("it is shorter than {} s", SHORTEST_LEASE.as_secs())));
        }
        let publishes = table.publish.is_some() && !arguments.no_publish;
        let is_spread = arguments.spread || table.spread.unwrap_or(false);
        let folder = |path: &PathBuf| fleet.folder.join(path);
        Ok(Self {
            wishes: Wishes {
                from,
                most_trials: arguments.trials.or(table.trials).unwrap_or(MOST_TRIALS),
                budget_secs: unsigned(budget).as_secs(),
                memory_bytes: memory.unwrap_or(0),
                is_strict: global.normalizing() == Normalizing::No,
                hosts: if is_spread { 2 } else { 1 },
                most_jobs: arguments.max_jobs.or(table.max_jobs),
            },
            jobs: arguments.jobs.or(table.jobs).unwrap_or(1),
            max_age: time("max-age", arguments.max_age, &table.max_age)?.unwrap_or(MAX_AGE),
            max_duration: time("max-duration", arguments.max_duration, &table.max_duration)?.map(unsigned),
            lease,
            second_host_wait: SECOND_HOST_WAIT,
            reports: match &arguments.reports {
                Some(path) => path.clone(),
                None => table.reports.as_ref().map_or_else(|| fleet.folder.join(REPORTS), folder),
            },
            metrics: arguments.metrics.clone().or_else(|| table.metrics.as_ref().map(folder)),
            publishes,
            // Where they are to be published at all, they may be by a later night.
            keeps_artifacts: table.keep_artifacts.unwrap_or(table.publish.is_some()),
        })
    }

    /// By what verdicts are found to stand or not.
    pub(super) fn terms(&self, environments: BTreeMap<String, String>) -> Terms {
        Terms { now: Timestamp::now(), max_age: self.max_age, made_with: MadeWith::now(), environments }
    }
}
