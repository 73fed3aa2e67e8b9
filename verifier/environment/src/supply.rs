//! Where the files of environments are had from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use twinbuild_registry::{DebianArchive, DebianError, DebianPackage, Pypi};
use twinbuild_store::{Blob, Fetch, FetchError, Store, Url};

use crate::environment_lock::{EnvironmentLock, LockedFile, Origin};
use crate::lock::LockedWheel;
use crate::{EnvironmentError, HostInterpreter, HostPlaces};

/// The largest wheel that is taken as a requirement, in bytes.
const WHEEL_LIMIT_BYTES: u64 = 512 << 20;
/// How many files are downloaded at once.
const DOWNLOADS: usize = 4;

/// The archives and indexes that files of environments are fetched from, all into one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Supply {
    pub(crate) pypi: Pypi,
    pub(crate) debian: DebianArchive,
    pub(crate) hosts: HostPlaces,
}

impl Supply {
    /// What these two have. Both must keep what they get in the same store.
    #[must_use]
    pub fn new(pypi: Pypi, debian: DebianArchive) -> Self {
        Self { pypi, debian, hosts: HostPlaces::default() }
    }

    /// The same, with interpreters of this host.
    #[must_use]
    pub fn with_hosts(self, hosts: HostPlaces) -> Self {
        Self { hosts, ..self }
    }

    /// The interpreter of this host of that version, `MAJOR.MINOR`.
    pub(crate) fn host(&self, version: &str) -> Result<HostInterpreter, EnvironmentError> {
        let found = self.hosts.interpreters().into_iter().find(|one| one.minor_version() == version);
        found.ok_or_else(|| EnvironmentError::Interpreter { version: version.to_owned(), is_host: true })
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.pypi.store()
    }

    /// The archive as of the moment that the specification is pinned to.
    pub(crate) fn archive(&self, at: Option<jiff::Timestamp>) -> Result<DebianArchive, EnvironmentError> {
        Ok(match at {
            Some(at) => self.debian.snapshot(at)?,
            None => self.debian.clone(),
        })
    }

    /// A file of a lock, by its digest: the one that the store holds, else from where it came from.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn fetch(&self, lock: &EnvironmentLock, file: &LockedFile) -> Result<Blob, EnvironmentError> {
        if let Some(blob) = self.store().blob(&file.sha256)? {
            return Ok(blob);
        }
        match &file.origin {
            Origin::DebianArchive { path } => self.package(lock, file, path),
            Origin::PythonIndex { .. } => self.wheel(file),
            // What was made here and is gone has to be made again by those who know how.
            Origin::Host { .. } | Origin::Built { .. } => Err(self.unknown(file)),
        }
    }

    /// All these files, several at a time, in their order.
    ///
    /// # Errors
    /// Of the first that cannot be had.
    pub(crate) fn fetch_all(
        &self,
        lock: &EnvironmentLock,
        files: &[&LockedFile],
    ) -> Result<Vec<Blob>, EnvironmentError> {
        let next = AtomicUsize::new(0);
        let blobs = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..DOWNLOADS.min(files.len()) {
                scope.spawn(|| {
                    while let Some((at, file)) = files.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                        let blob = self.fetch(lock, file);
                        if blob.is_err() {
                            // What is not begun yet need not be.
                            next.store(files.len(), Ordering::Relaxed);
                        }
                        blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(at, blob);
                    }
                });
            }
        });
        blobs.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    fn package(&self, lock: &EnvironmentLock, file: &LockedFile, path: &str) -> Result<Blob, EnvironmentError> {
        let malformed = |_| EnvironmentError::NoLock { reason: format!("{:?} is no version of Debian", file.version) };
        let size_bytes = file.size_bytes.ok_or_else(|| EnvironmentError::NoLock {
            reason: format!("the package {} {} has no size", file.name, file.version),
        })?;
        let package = DebianPackage {
            name: file.name.clone(),
            version: file.version.parse().map_err(malformed)?,
            architecture: file.architecture.clone().unwrap_or_default(),
            file_path: path.to_owned(),
            size_bytes,
            sha256: file.sha256,
        };
        let at = lock.specification.at;
        match (self.archive(at)?.download(&package), lock.release.date) {
            // Archives drop what was superseded; snapshots do not.
            (Err(error @ DebianError::Fetch(FetchError::NotFound { .. })), Some(date)) if at.is_none() => {
                tracing::info!("{} {} is no longer in the archive: asking its snapshots", file.name, file.version);
                self.debian.snapshot(date)?.download(&package).map_err(|_| error.into())
            }
            (downloaded, _) => Ok(downloaded?),
        }
    }

    /// A wheel: from where it was resolved to, or from where the index has it.
    fn wheel(&self, file: &LockedFile) -> Result<Blob, EnvironmentError> {
        let Origin::PythonIndex { project, file_name } = &file.origin else { return Err(self.unknown(file)) };
        let resolved = self.store().record::<LockedWheel>("wheel", &file.sha256)?;
        if let Some((url, wheel)) = resolved.and_then(|wheel| Some((Url::parse(&wheel.url).ok()?, wheel))) {
            return Ok(self.store().fetch(&Fetch {
                url: &url,
                sha256: file.sha256,
                size_bytes: wheel.size_bytes,
                limit_bytes: WHEEL_LIMIT_BYTES,
                what: &format!("the wheel {file_name}"),
            })?);
        }
        let project = self.pypi.project(project)?;
        match project.find_by_digest(&file.sha256) {
            Some(file) => Ok(self.pypi.download(file)?),
            None => Err(self.unknown(file)),
        }
    }

    fn unknown(&self, file: &LockedFile) -> EnvironmentError {
        EnvironmentError::UnknownWheel { name: format!("{} {}", file.name, file.version), sha256: file.sha256 }
    }
}
