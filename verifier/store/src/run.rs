//! The folder of one run under `tmp/`, and the sweeping of those whose run is dead.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::lock::hold;
use crate::remove::remove_tree;
use crate::store::{create_file, create_folder};
use crate::{StoreError, retry};

/// In each run folder: the file whose lock says that the run lives. The kernel frees the lock when the process ends,
/// however it ends.
const ALIVE: &str = "alive";

/// The folder of this run. It is removed on drop.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) folder: PathBuf,
    /// What was leased already, see `lease`.
    pub(crate) uses: Mutex<BTreeSet<String>>,
    next: AtomicU64,
    _alive: File,
}

impl Run {
    /// Makes the folder of this run and removes those of dead ones.
    pub(crate) fn begin(root: &Path) -> Result<Self, StoreError> {
        let tmp = root.join("tmp");
        // Without this lock a sweeper could meet a folder whose run has made it and not yet locked it.
        let entry = hold(&root.join("locks"), "runs")?;
        let folder = tmp.join(format!("{:016x}", retry::random()));
        create_folder(&folder)?;
        let path = folder.join(ALIVE);
        let alive = create_file(&path).map_err(|error| StoreError::io("make", &path, error))?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| StoreError::io("lock", &path, error.into()))?;
        let run = Self { folder, uses: Mutex::default(), next: AtomicU64::new(0), _alive: alive };
        let swept = run.adopt_the_dead(&tmp)?;
        drop(entry);
        for path in swept {
            if let Err(error) = remove_tree(&path) {
                tracing::warn!(path = %path.display(), %error, "what a killed run left could not be removed");
            }
        }
        Ok(run)
    }

    /// Moves the folders of dead runs into this run's, so that nobody else tries to remove them.
    fn adopt_the_dead(&self, tmp: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut adopted = Vec::new();
        for entry in fs::read_dir(tmp).map_err(|error| StoreError::io("list", tmp, error))? {
            let path = entry.map_err(|error| StoreError::io("list", tmp, error))?.path();
            if path == self.folder || is_alive(&path) {
                continue;
            }
            let target = self.fresh_path();
            match fs::rename(&path, &target) {
                Ok(()) => adopted.push(target),
                Err(error) => tracing::debug!(path = %path.display(), %error, "a dead run's folder stays"),
            }
        }
        Ok(adopted)
    }

    /// A path in this run's folder that was never used before.
    pub(crate) fn fresh_path(&self) -> PathBuf {
        self.folder.join(format!("{}", self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.folder) {
            tracing::debug!(path = %self.folder.display(), %error, "a run's folder stays until the next run sweeps it");
        }
    }
}

/// Whether a run holds the lock of this folder. In doubt it is alive.
fn is_alive(folder: &Path) -> bool {
    match File::open(folder.join(ALIVE)) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive).is_err(),
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    use std::{env, thread};

    use super::*;
    use crate::{Network, Store};

    fn runs(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder.join("tmp")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_run_cleans_up_after_itself_when_its_last_part_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let staging = store.staging().unwrap();
        drop(store);
        assert!(staging.path().is_dir());
        drop(staging);
        assert_eq!(runs(folder.path()), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_living_run_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::open(folder.path(), Network::Offline).unwrap();
        let staging = first.staging().unwrap();
        let second = Store::open(folder.path(), Network::Offline).unwrap();
        assert!(staging.path().is_dir());
        assert_eq!(runs(folder.path()).len(), 2);
        drop(second);
    }

    /// Not a test of its own: the process that the next test kills.
    #[test]
    fn the_process_that_is_killed() {
        let Some(folder) = env::var_os("TWINBUILD_TEST_KILLED_STORE") else { return };
        let store = Store::open(PathBuf::from(folder), Network::Offline).unwrap();
        let staging = store.staging().unwrap();
        fs::create_dir(staging.path().join("tree")).unwrap();
        thread::sleep(Duration::from_secs(60));
    }

    #[test]
    fn what_a_killed_process_leaves_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "run::tests::the_process_that_is_killed"])
            .env("TWINBUILD_TEST_KILLED_STORE", folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let is_at_work = || runs(folder.path()).iter().any(|run| run.join("0/tree").is_dir());
        let since = Instant::now();
        while !is_at_work() {
            assert!(since.elapsed() < Duration::from_secs(30), "the process never began");
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(runs(folder.path()).len(), 1);
        // And a folder whose process died before it could lock it.
        fs::create_dir(folder.path().join("tmp/unlocked")).unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        assert_eq!(runs(folder.path()), std::slice::from_ref(&store.inner.run.folder));
        let left: Vec<_> =
            fs::read_dir(&store.inner.run.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [ALIVE]);
    }
}
