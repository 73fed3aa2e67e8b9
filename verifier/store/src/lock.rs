//! Named exclusive locks between threads and processes.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::store::is_plain_name;
use crate::{Store, StoreError};

/// Holds a lock until it is dropped. The kernel frees it when the process ends, however it ends.
#[derive(Debug)]
#[must_use = "the lock is free again when the guard is dropped"]
pub struct Guard {
    path: PathBuf,
    _file: File,
}

impl Store {
    /// Waits for the lock `name` and takes it. Locks are exclusive and not reentrant: a thread that asks for a lock that it
    /// holds waits forever.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::StorageFull`], if the lock's file cannot be made.
    pub fn lock(&self, name: &str) -> Result<Guard, StoreError> {
        hold(&self.inner.root.join("locks"), name)
    }
}

/// Takes the lock `name` in `folder`. The holder unlinks the file when done, so a lock counts only if the path still
/// names the file that was locked.
pub(crate) fn hold(folder: &Path, name: &str) -> Result<Guard, StoreError> {
    let file_name = if is_plain_name(name) { name.to_owned() } else { blake3::hash(name.as_bytes()).to_string() };
    let path = folder.join(file_name);
    let failed = |error| StoreError::io("lock", &path, error);
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(|error| StoreError::io("make", &path, error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let since = Instant::now();
                tracing::info!(lock = name, "waiting for another run of twinbuild");
                rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))
                    .map_err(|error| failed(error.into()))?;
                tracing::debug!(lock = name, waited_secs = since.elapsed().as_secs_f64(), "the lock is free");
            }
            Err(error) => return Err(failed(error.into())),
        }
        let locked = file.metadata().map_err(failed)?;
        match fs::metadata(&path) {
            Ok(named) if named.ino() == locked.ino() && named.dev() == locked.dev() => {
                return Ok(Guard { path, _file: file });
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Unlinked while still locked: whoever waits finds that the path names another file, and tries again.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;
    use crate::Network;

    #[test]
    fn only_one_thread_holds_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let inside = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _guard = store.lock("some name / with ../ anything").unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path().join("locks")).unwrap().count(), 0);
    }
}
