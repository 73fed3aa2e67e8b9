//! Unpacked trees.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::lease::{Leased, touch};
use crate::remove::remove_tree;
use crate::store::{create_folder, is_plain_name};
use crate::sweep::size_on_disk;
use crate::{Store, StoreError};

/// An empty folder in the store's file system, to build a tree in. It is removed on drop unless it was published.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    /// Keeps the run's folder alive.
    _store: Store,
}

impl Staging {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a temporary folder could not be removed");
        }
    }
}

impl Store {
    /// The tree that was published under `digest`, if there is one; it stays while this run lives, whoever sweeps the store.
    /// Trees are not hashed again: who must not trust the cache's owner builds in a fresh one.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::StorageFull`], if it cannot be noted that it is in use.
    pub fn layer(&self, digest: &str) -> Result<Option<PathBuf>, StoreError> {
        if !is_plain_name(digest) {
            return Ok(None);
        }
        let is_new_use = self.lease(Leased::Layer, digest)?;
        let path = self.inner.root.join("layers").join(digest);
        let is_held = path.is_dir();
        tracing::trace!(digest, is_held, "layer");
        if is_held && is_new_use {
            touch(File::open(&path).map_err(|error| StoreError::io("open", &path, error))?);
        }
        Ok(is_held.then_some(path))
    }

    /// What a layer takes on disk, in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`]
    pub fn layer_size_bytes(&self, digest: &str) -> Result<Option<u64>, StoreError> {
        let Some(path) = self.layer(digest)? else { return Ok(None) };
        size_on_disk(&path).map(Some).map_err(|error| StoreError::io("look at", &path, error))
    }

    /// Removes the tree that was published under `digest`, for it was found not to be what it should be.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there and cannot be removed.
    pub fn remove_layer(&self, digest: &str) -> Result<(), StoreError> {
        let Some(path) = self.layer(digest)? else { return Ok(()) };
        let aside = self.inner.run.fresh_path();
        match fs::rename(&path, &aside).and_then(|()| remove_tree(&aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove the layer", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// A new empty folder in the store's file system.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::StorageFull`].
    pub fn staging(&self) -> Result<Staging, StoreError> {
        let path = self.inner.run.fresh_path();
        create_folder(&path)?;
        Ok(Staging { path, _store: self.clone() })
    }

    /// Publishes a finished tree under `digest`, which names what the tree was made from; the folder itself gets the
    /// mode 0755. If someone else was faster, theirs is kept and `staging` is removed.
    ///
    /// # Errors
    /// [`StoreError::Name`] if `digest` cannot be a file name; [`StoreError::Io`], [`StoreError::StorageFull`].
    pub fn publish_layer(&self, digest: &str, staging: Staging) -> Result<PathBuf, StoreError> {
        if !is_plain_name(digest) {
            return Err(StoreError::Name { what: "layer", name: digest.chars().take(200).collect() });
        }
        self.lease(Leased::Layer, digest)?;
        let target = self.inner.root.join("layers").join(digest);
        let failed = |error| StoreError::io("publish the layer", &target, error);
        if target.is_dir() {
            return Ok(target);
        }
        // A folder that its owner may not write to cannot be moved.
        fs::set_permissions(&staging.path, Permissions::from_mode(0o755)).map_err(failed)?;
        let folder = File::open(&staging.path).map_err(failed)?;
        rustix::fs::syncfs(&folder).map_err(|error| failed(error.into()))?;
        match fs::rename(&staging.path, &target) {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
                    && target.is_dir() => {}
            Err(error) => return Err(failed(error)),
        }
        drop(staging);
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    #[test]
    fn the_first_of_two_publishers_wins_and_no_staging_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        assert_eq!(store.layer("sha256:ab").unwrap(), None);
        let (first, second) = (store.staging().unwrap(), store.staging().unwrap());
        let lost = second.path().to_owned();
        fs::write(first.path().join("file"), "first").unwrap();
        fs::write(second.path().join("file"), "second").unwrap();
        fs::set_permissions(first.path(), Permissions::from_mode(0o555)).unwrap();
        let path = store.publish_layer("sha256:ab", first).unwrap();
        assert_eq!(store.publish_layer("sha256:ab", second).unwrap(), path);
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(store.layer("sha256:ab").unwrap(), Some(path));
        assert!(!lost.exists());
        store.remove_layer("sha256:ab").unwrap();
        assert_eq!(store.layer("sha256:ab").unwrap(), None);
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        for name in ["", ".", "..", "../blobs", "a/b", "a\0"] {
            assert_eq!(store.layer(name).unwrap(), None, "{name:?}");
            let staging = store.staging().unwrap();
            assert!(matches!(store.publish_layer(name, staging), Err(StoreError::Name { .. })), "{name:?}");
        }
    }
}
