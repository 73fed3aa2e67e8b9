//! Removing what is no longer used.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::FlockOperation;
use serde::Serialize;
use twinbuild_subject::Sha256;

use crate::lease::{Leased, list};
use crate::remove::remove_tree;
use crate::{Store, StoreError};

/// What is to be swept away.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// Only what was not used for this long.
    pub unused_for: Duration,
    /// Layers that stay in any case.
    pub kept_layers: BTreeSet<String>,
    /// Blobs that stay in any case.
    pub kept_blobs: BTreeSet<Sha256>,
    /// Whether to only say what would be removed.
    pub is_rehearsal: bool,
}

/// What kind of thing the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    /// An unpacked tree.
    Layer,
    /// A file under its digest.
    Blob,
    /// An index answer.
    Document,
    /// A memoized result.
    Record,
}

/// Something that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweptThing {
    /// What it is.
    pub kind: Thing,
    /// Its name: a digest, or the path below the store's folder of its kind.
    pub name: String,
    /// What it took on disk, in bytes.
    pub size_bytes: u64,
}

impl Store {
    /// Removes what is unused: of layers, blobs, index answers and memoized results all that was not used for the given
    /// time, but for what is to be kept and what a living run uses. What killed runs left was removed when the store was
    /// opened.
    ///
    /// # Errors
    /// [`StoreError::Io`] when something cannot be listed or removed; what was removed before stays removed.
    pub fn sweep(&self, sweep: &Sweep) -> Result<Vec<SweptThing>, StoreError> {
        let mut swept = Vec::new();
        let mut aside = Vec::new();
        {
            // Nobody begins to use anything while it is decided and moved; it is removed after that.
            let _alone = self.sweeping(FlockOperation::LockExclusive)?;
            let leases = self.leases()?;
            for (kind, name, path) in self.things()? {
                let is_kept = match kind {
                    Thing::Layer => sweep.kept_layers.contains(&name) || leases.has(Leased::Layer, &name),
                    Thing::Blob => {
                        name.parse().is_ok_and(|sha256| sweep.kept_blobs.contains(&sha256))
                            || leases.has(Leased::Blob, &name)
                    }
                    Thing::Document | Thing::Record => false,
                };
                if is_kept || !is_unused_for(&path, sweep.unused_for) {
                    continue;
                }
                let size_bytes = size_on_disk(&path).map_err(|error| StoreError::io("look at", &path, error))?;
                if !sweep.is_rehearsal {
                    let target = self.inner.run.fresh_path();
                    match fs::rename(&path, &target) {
                        Ok(()) => aside.push(target),
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(StoreError::io("move away", &path, error)),
                    }
                }
                swept.push(SweptThing { kind, name, size_bytes });
            }
        }
        for path in aside {
            remove_tree(&path).map_err(|error| StoreError::io("remove", &path, error))?;
        }
        swept.sort();
        Ok(swept)
    }

    /// All that the store holds: kind, name and path.
    fn things(&self) -> Result<Vec<(Thing, String, PathBuf)>, StoreError> {
        let root = &self.inner.root;
        let mut things = Vec::new();
        for path in list(&root.join("layers"))? {
            things.push((Thing::Layer, path));
        }
        for (kind, folder) in
            [(Thing::Blob, "blobs/sha256"), (Thing::Document, "documents"), (Thing::Record, "records")]
        {
            for folder in list(&root.join(folder))? {
                for path in list(&folder)? {
                    things.push((kind, path));
                }
            }
        }
        let named = |(kind, path): (Thing, PathBuf)| {
            let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = last(&path)?;
            let name = match kind {
                Thing::Record => format!("{}/{name}", path.parent().and_then(last)?),
                Thing::Layer | Thing::Blob | Thing::Document => name,
            };
            Some((kind, name, path))
        };
        Ok(things.into_iter().filter_map(named).collect())
    }
}

/// Whether the last use of a thing was that long ago. In doubt it was not.
fn is_unused_for(path: &Path, unused_for: Duration) -> bool {
    let last = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    last.is_ok_and(|last| SystemTime::now().duration_since(last).unwrap_or_default() >= unused_for)
}

/// What a file, or a folder with all that is below it, takes on disk, in bytes. What vanishes meanwhile takes nothing.
pub(crate) fn size_on_disk(path: &Path) -> io::Result<u64> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    // The unit of `st_blocks` is 512 bytes whatever the file system's own is (POSIX.1, sys/stat.h leaves it open; Linux does not).
    let mut bytes = found.blocks().saturating_mul(512);
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes = bytes.saturating_add(size_on_disk(&entry?.path())?);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path(), Network::Online).unwrap()
    }

    fn fill(store: &Store) -> Sha256 {
        let staging = store.staging().unwrap();
        fs::write(staging.path().join("file"), "content").unwrap();
        store.publish_layer("layer", staging).unwrap();
        store.put_record("kind", &Sha256::of(b"key"), &1).unwrap();
        store.put("blob".as_bytes(), 9).unwrap().sha256()
    }

    fn swept(store: &Store, sweep: &Sweep) -> Vec<String> {
        store.sweep(sweep).unwrap().into_iter().map(|thing| thing.name).collect()
    }

    #[test]
    fn what_was_used_lately_or_is_kept_stays_and_the_rest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let blob = fill(&store(&folder));
        let store = store(&folder);
        let a_day = Sweep { unused_for: Duration::from_secs(86_400), ..Sweep::default() };
        assert!(swept(&store, &a_day).is_empty());
        let rehearsal = Sweep { is_rehearsal: true, ..Sweep::default() };
        let record = format!("kind/{}", Sha256::of(b"key"));
        let all = ["layer".to_owned(), blob.to_string(), record.clone()];
        assert_eq!(swept(&store, &rehearsal), all);
        assert!(store.sweep(&rehearsal).unwrap().iter().all(|thing| thing.size_bytes > 0));
        let kept = Sweep { kept_layers: ["layer".to_owned()].into(), kept_blobs: [blob].into(), ..Sweep::default() };
        assert_eq!(swept(&store, &kept), [record]);
        assert_eq!(swept(&store, &Sweep::default()), all[..2]);
        assert!(store.layer("layer").unwrap().is_none() && store.blob(&blob).unwrap().is_none());
    }

    #[test]
    fn what_a_living_run_uses_is_never_swept() {
        let folder = tempfile::tempdir().unwrap();
        let other = store(&folder);
        let blob = fill(&other);
        let sweeper = store(&folder);
        let names = swept(&sweeper, &Sweep::default());
        assert!(!names.contains(&"layer".to_owned()) && !names.contains(&blob.to_string()), "{names:?}");
        drop(other);
        let user = store(&folder);
        assert!(user.layer("layer").unwrap().is_some());
        assert_eq!(swept(&sweeper, &Sweep::default()), [blob.to_string()]);
        drop(user);
        assert_eq!(swept(&sweeper, &Sweep::default()), ["layer"]);
    }

    #[test]
    fn users_and_sweepers_at_once_never_meet_half_a_thing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..30 {
                        let store = store(&folder);
                        if store.layer("layer").unwrap().is_none() {
                            fill(&store);
                        }
                        let path = folder.path().join("layers/layer/file");
                        assert_eq!(fs::read_to_string(path).unwrap(), "content");
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..60 {
                    store(&folder).sweep(&Sweep::default()).unwrap();
                }
            });
        });
    }
}
