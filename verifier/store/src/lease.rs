//! What a run uses, so that nobody sweeps it away meanwhile.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock};

use crate::store::{create_file, create_folder};
use crate::{Store, StoreError};

/// The folder of a run that has an empty file for each thing that it uses.
const USES: &str = "uses";
/// The lock between those who begin to use a thing, who share it, and the one who sweeps, who has it alone.
const LOCK: &str = "sweeping";
/// How much older than the truth the last use of a record or document may look.
const USE_GRANULARITY: Duration = Duration::from_secs(24 * 60 * 60);

/// What can be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leased {
    Blob,
    Layer,
}

impl Leased {
    fn file_name(self, name: &str) -> String {
        match self {
            Self::Blob => format!("blob+{name}"),
            Self::Layer => format!("layer+{name}"),
        }
    }
}

impl Store {
    /// Says that this run uses a thing until it ends. Whether the thing is there is to be looked at only afterwards: what is
    /// found then stays. Gives whether that was not said before.
    pub(crate) fn lease(&self, kind: Leased, name: &str) -> Result<bool, StoreError> {
        let file_name = kind.file_name(name);
        let run = &self.inner.run;
        let mut uses = run.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.contains(&file_name) {
            return Ok(false);
        }
        let folder = run.folder.join(USES);
        let path = folder.join(&file_name);
        let _shared = self.sweeping(FlockOperation::LockShared)?;
        create_folder(&folder)?;
        match create_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::io("make", &path, error));
            }
            _ => {}
        }
        uses.insert(file_name);
        Ok(true)
    }

    /// Takes the lock between users and sweepers; it is free again when the file is dropped.
    pub(crate) fn sweeping(&self, operation: FlockOperation) -> Result<File, StoreError> {
        let path = self.inner.root.join("locks").join(LOCK);
        let failed = |error| StoreError::io("lock", &path, error);
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).open(&path).map_err(failed)?;
        rustix::io::retry_on_intr(|| flock(&file, operation)).map_err(|error| failed(error.into()))?;
        Ok(file)
    }

    /// What the runs use that are alive, this one included, as names of files. To be asked by who sweeps alone.
    pub(crate) fn leases(&self) -> Result<Leases, StoreError> {
        let tmp = self.inner.root.join("tmp");
        let mut names = BTreeSet::new();
        for run in list(&tmp)? {
            // A run that is dead uses nothing, but until someone takes its folder away that is not worth to be told apart.
            names.extend(list(&run.join(USES))?.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
        }
        Ok(Leases(names))
    }
}

/// What is in use.
pub(crate) struct Leases(BTreeSet<String>);

impl Leases {
    pub(crate) fn has(&self, kind: Leased, name: &str) -> bool {
        self.0.contains(&kind.file_name(name))
    }
}

/// The entries of a folder; none where there is no folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<std::path::PathBuf>, StoreError> {
    let failed = |error| StoreError::io("list", folder, error);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Says by its modification time that a thing was used now. In a store of someone else's that cannot be said.
pub(crate) fn touch(file: impl AsFd) {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    if let Err(error) = rustix::fs::futimens(file, &Timestamps { last_access: now, last_modification: now }) {
        tracing::trace!(%error, "the time of the last use cannot be noted");
    }
}

/// As [`touch`], but only where the time is older than a day: for what is used often and is small.
pub(crate) fn touch_if_stale(file: &File) {
    let last = file.metadata().and_then(|metadata| metadata.modified());
    let age = last.ok().and_then(|last| SystemTime::now().duration_since(last).ok());
    if age.is_some_and(|age| age > USE_GRANULARITY) {
        touch(file);
    }
}
