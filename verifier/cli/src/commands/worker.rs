//! `twinbuild worker`

use std::fs::{self, File, TryLockError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use twinbuild_environment::Ground;
use twinbuild_judge::{GitChoice, Judge, MOST_TRIALS, Options};
use twinbuild_nightly::{Delivery, Stop, Worker, WorkerError, WorkerEvent};
use twinbuild_queue::Capabilities;
use twinbuild_rebuild::Variation;
use twinbuild_recipe::Provider;
use twinbuild_registry::{Platform, PypiIndex};
use twinbuild_report::{Style, headline};
use twinbuild_sandbox::Cancel;
use twinbuild_signature::Role;
use twinbuild_store::Store;
use twinbuild_subject::Sha256;
use twinbuild_watch::Reading;

use super::{limits, print_above};
use crate::arguments::{Global, LimitFlags, PlainFormat, Recipes, Worker as Arguments};
use crate::failure::Failure;
use crate::fleet::state_folder;
use crate::keys;
use crate::metrics;
use crate::settings::Settings;
use crate::signals::{FirstSignal, stop_on_signal};

/// The shortest lease.
const SHORTEST_LEASE: Duration = Duration::from_secs(4);

pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let fleet = settings.fleet.clone();
    let lease = arguments.lease.unsigned_abs();
    if lease < SHORTEST_LEASE {
        return Err(Failure::usage(anyhow!("--lease is shorter than {} s", SHORTEST_LEASE.as_secs())));
    }
    let name = arguments.name.clone().unwrap_or_else(host_name);
    let host = arguments.host.clone().unwrap_or_else(host_name);
    let _lock = lock(&name)?;
    let key = keys::read(&arguments.key, Role::Worker)?;
    let queue = fleet.existing_queue(&arguments.places)?;
    let depot = fleet.depot(&arguments.places)?;
    let store = settings.store()?;
    let own_index = settings.index.clone();
    let lists: Vec<PypiIndex> = fleet.watch().iter().flat_map(twinbuild_watch::WatchTable::indexes).cloned().collect();
    let judge = judge_of(global, settings, &store, &arguments.recipes, &arguments.limits)?;
    let stop = Stop::default();
    stop_on_signal(stop.clone(), FirstSignal::Drains)?;
    let worker = Worker {
        queue: &queue,
        judge: &judge,
        store: &store,
        name,
        host,
        capabilities: capabilities(&judge),
        jobs: arguments.jobs,
        lease,
        idle_exit: arguments.idle_exit.map(jiff::SignedDuration::unsigned_abs),
        delivery: Delivery::Returned { depot: &depot, key: &key },
        index: &|url| find_index(std::iter::once(&own_index).chain(&lists), url),
        stop,
    };
    tracing::info!("the worker {} takes jobs of {}", worker.name, queue.address());
    let tell = |event: &WorkerEvent<'_>| {
        match event {
            WorkerEvent::Took(lease) => tracing::info!("job {}: {}", lease.job.id, lease.job.subject),
            WorkerEvent::Judged(_, verdict) => {
                let line = match format {
                    PlainFormat::Text => headline(verdict, Style::Colour),
                    PlainFormat::Json => twinbuild_report::json(*verdict).unwrap_or_default() + "\n",
                };
                // Whoever reads the lines has gone, and the work is done all the same.
                let _ = print_above(&line);
            }
            WorkerEvent::Repeated(lease) => tracing::info!("job {}: come to again", lease.job.id),
            WorkerEvent::Failed(lease, class, reason) => {
                tracing::warn!("job {}: {}: {}: {reason}", lease.job.id, lease.job.subject, class.name());
            }
            WorkerEvent::Stale(lease) => tracing::warn!("job {} is no longer this worker's", lease.job.id),
        }
        if let Some(path) = &arguments.metrics
            && let Err(error) = metrics::write_worker(path, &queue, &worker.name)
        {
            tracing::warn!("metrics are not written: {error:#}");
        }
    };
    match worker.run(&tell) {
        Ok(()) => Ok(0),
        Err(WorkerError::Host(error)) => Err(error.into()),
        Err(error) => Err(Failure::inconclusive(error)),
    }
}

/// Of one name there is one worker on a machine; the lock is gone with its process.
fn lock(name: &str) -> Result<File, Failure> {
    let folder = state_folder()?.join("workers");
    let path = folder.join(Sha256::of(name.as_bytes()).to_string());
    let doing = || format!("locking {}", path.display());
    fs::create_dir_all(&folder).with_context(doing).map_err(Failure::inconclusive)?;
    let file =
        File::options().create(true).append(true).open(&path).with_context(doing).map_err(Failure::inconclusive)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::usage(anyhow!(
            "a worker of the name {name:?} is at work on this machine: give this one another --name"
        ))),
        Err(TryLockError::Error(error)) => Err(Failure::inconclusive(anyhow::Error::new(error).context(doing()))),
    }
}

/// A judge for many subjects; what each of them asks is set for it.
pub(super) fn judge_of(
    global: &Global,
    settings: Settings,
    store: &Store,
    recipes: &Recipes,
    flags: &LimitFlags,
) -> Result<Judge, Failure> {
    let options = Options {
        artifact: None,
        as_of: None,
        chain: GitChoice::None,
        recipe: None,
        overrides: settings.overrides(recipes)?,
        hosts: settings.hosts.clone(),
        keep: None,
        variations: Variation::usual(),
        limits: limits(&settings, flags)?,
        most_trials: MOST_TRIALS,
        normalizing: global.normalizing(),
        git: settings.git(),
    };
    let cancel = Cancel::new().map_err(Failure::internal)?;
    Ok(Judge::new(store.clone(), settings.index, settings.mirror, options, cancel))
}

/// What this machine can do.
pub(super) fn capabilities(judge: &Judge) -> Capabilities {
    let offered = Ground::offer(judge.hosts()).interpreters.into_iter();
    let of_host = offered.filter(|interpreter| interpreter.provider == Provider::Host);
    Capabilities {
        architecture: Platform::host().map(|platform| platform.debian_architecture().to_owned()).unwrap_or_default(),
        interpreters: of_host.map(|interpreter| interpreter.version).collect(),
        memory_bytes: memory_bytes().unwrap_or(0),
    }
}

/// The memory of this machine (proc(5), `/proc/meminfo`).
fn memory_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The name of this machine.
pub(super) fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// The indexes that lists name, with their credentials, by their addresses without.
pub(super) fn index_of(reading: &Reading) -> impl Fn(&str) -> Result<PypiIndex, String> + Sync + use<> {
    let indexes: Vec<PypiIndex> = reading.lists.iter().flat_map(|list| list.indexes.iter().cloned()).collect();
    move |url| find_index(&indexes, url)
}

/// One of these indexes, or one that needs no credentials.
fn find_index<'a>(known: impl IntoIterator<Item = &'a PypiIndex>, url: &str) -> Result<PypiIndex, String> {
    match known.into_iter().find(|index| index.to_string() == url) {
        Some(index) => Ok(index.clone()),
        None => PypiIndex::discover(Some(url), |_| None).map_err(|error| format!("the index {url}: {error}")),
    }
}
