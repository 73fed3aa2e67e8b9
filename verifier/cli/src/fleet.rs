//! What `twinbuild.toml` says of nights, workers and their places.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use twinbuild_depot::Depot;
use twinbuild_nightly::{Enrolled, SourceChoice};
use twinbuild_queue::{Patience, Queue, QueueAddress};
use twinbuild_signature::{PublicKey, Role};
use twinbuild_watch::WatchTable;

use crate::arguments::Places;
use crate::failure::Failure;
use crate::settings::user_folder;

/// The name of the file of the queue, where no other is given, and of the folder of the depot.
const QUEUE_FILE: &str = "queue.sqlite";
const DEPOT_FOLDER: &str = "depot";
/// The host of all workers of which nobody says on which they are.
const UNSTATED: &str = "(unstated)";

/// A `[[worker]]` table: one that may return results.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WorkerTable {
    /// The name that it says.
    name: String,
    /// Its host: two of one host are no independent ones, and those of which it is not said are taken to be of one.
    host: Option<String>,
    /// Its public key: the text of its file, or where that is.
    key: String,
}

/// The table `nightly`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct NightlyTable {
    pub(crate) jobs: Option<usize>,
    pub(crate) max_duration: Option<String>,
    pub(crate) max_jobs: Option<u64>,
    pub(crate) budget: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) max_age: Option<String>,
    pub(crate) spread: Option<bool>,
    pub(crate) reports: Option<PathBuf>,
    pub(crate) metrics: Option<PathBuf>,
    pub(crate) trials: Option<u32>,
    pub(crate) lease: Option<String>,
    pub(crate) keep_artifacts: Option<bool>,
    pub(crate) memory: Option<String>,
    pub(crate) publish: Option<PublishTable>,
    pub(crate) webhook: Option<WebhookTable>,
}

/// The table `nightly.publish`: a command that publishes what it is given, with an environment of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PublishTable {
    /// The command and its arguments; the paths of verdicts are put behind.
    pub(crate) command: Vec<String>,
    /// A file of `NAME=VALUE` that a shell reads for it, such as one with the passphrase of its keys.
    pub(crate) environment_file: Option<PathBuf>,
}

/// The table `nightly.webhook`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct WebhookTable {
    /// Where the news is sent to.
    pub(crate) url: String,
}

/// What `twinbuild.toml` says of nights, workers and their places, with its folder.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fleet {
    queue: Option<String>,
    depot: Option<String>,
    watch: Vec<WatchTable>,
    workers: Vec<WorkerTable>,
    nightly: NightlyTable,
    pub(crate) folder: PathBuf,
}

impl Fleet {
    pub(crate) fn new(
        queue: Option<String>,
        depot: Option<String>,
        watch: Vec<WatchTable>,
        workers: Vec<WorkerTable>,
        nightly: NightlyTable,
        folder: &Path,
    ) -> Self {
        Self { queue, depot, watch, workers, nightly, folder: folder.to_owned() }
    }

    /// This, where it says anything of lists, workers or places, else the other: what belongs together comes from one file.
    pub(crate) fn or(self, other: Self) -> Self {
        let is_silent =
            self.watch.is_empty() && self.workers.is_empty() && self.queue.is_none() && self.depot.is_none();
        if is_silent { other } else { self }
    }

    /// The watch lists.
    pub(crate) fn watch(&self) -> &[WatchTable] {
        &self.watch
    }

    /// The table `nightly`.
    pub(crate) fn nightly(&self) -> &NightlyTable {
        &self.nightly
    }

    /// Where the queue is: of the flag, the variable, the file, or the default.
    pub(crate) fn queue_address(&self, places: &Places) -> Result<QueueAddress, Failure> {
        // Not read by the parser of the command line, which would show what it cannot read, and a password with it.
        if let Some(address) = &places.queue {
            return address.parse().map_err(Failure::usage);
        }
        let variable = std::env::var("TWINBUILD_QUEUE").ok().filter(|value| !value.is_empty());
        match variable.or_else(|| self.queue.clone()) {
            Some(text) => {
                let address: QueueAddress = text.parse().map_err(Failure::usage)?;
                Ok(match address {
                    QueueAddress::Sqlite(path) => QueueAddress::Sqlite(self.folder.join(path)),
                    address @ QueueAddress::Postgres(_) => address,
                })
            }
            None => Ok(QueueAddress::Sqlite(state_folder()?.join(QUEUE_FILE))),
        }
    }

    /// Opens the queue, whose tables are made where they are not there.
    pub(crate) fn queue(&self, places: &Places) -> Result<Queue, Failure> {
        Queue::open(&self.queue_address(places)?, Patience::default()).map_err(Failure::inconclusive)
    }

    /// Opens a queue that has to be there.
    pub(crate) fn existing_queue(&self, places: &Places) -> Result<Queue, Failure> {
        Queue::join(&self.queue_address(places)?, Patience::default()).map_err(Failure::usage)
    }

    /// Opens the depot.
    pub(crate) fn depot(&self, places: &Places) -> Result<Depot, Failure> {
        let variable = std::env::var("TWINBUILD_DEPOT").ok().filter(|value| !value.is_empty());
        let place = match (&places.depot, variable.or_else(|| self.depot.clone())) {
            (Some(place), _) => place.clone(),
            (None, Some(place)) if place.contains("://") => place,
            (None, Some(place)) => self.folder.join(place).display().to_string(),
            (None, None) => state_folder()?.join(DEPOT_FOLDER).display().to_string(),
        };
        Depot::open(&place).map_err(Failure::usage)
    }

    /// The workers that may return results.
    pub(crate) fn enrolled(&self) -> Result<Vec<Enrolled>, Failure> {
        let mut enrolled: BTreeMap<&str, Enrolled> = BTreeMap::new();
        for WorkerTable { name, host, key } in &self.workers {
            let read = if key.contains('\n') {
                PublicKey::from_pem(key, Role::Worker).map_err(anyhow::Error::new)
            } else {
                PublicKey::read_file(&self.folder.join(key), Role::Worker).map_err(anyhow::Error::new)
            };
            let key = read.with_context(|| format!("[[worker]] {name:?}: its key")).map_err(Failure::usage)?;
            let host = host.clone().unwrap_or_else(|| UNSTATED.to_owned());
            if enrolled.insert(name, Enrolled { name: name.clone(), host, key }).is_some() {
                return Err(Failure::usage(anyhow!(
                    "two [[worker]] tables are named {name:?}: give each its own name"
                )));
            }
        }
        Ok(enrolled.into_values().collect())
    }

    /// From what files are built, by the table.
    pub(crate) fn source(&self) -> Result<Option<SourceChoice>, Failure> {
        let named = self.nightly.from.as_deref().map(SourceChoice::named).transpose();
        named.map_err(|error| Failure::usage(anyhow!("[nightly] of twinbuild.toml: {error}")))
    }
}

/// Where this program keeps what is not to be lost.
pub(crate) fn state_folder() -> Result<PathBuf, Failure> {
    let folder = user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("twinbuild"));
    folder.ok_or_else(|| {
        Failure::usage(anyhow!(
            "neither HOME nor XDG_STATE_HOME is set: say with --queue and --depot where to keep state"
        ))
    })
}
