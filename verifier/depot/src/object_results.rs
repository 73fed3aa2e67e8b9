//! Results in an object store.

use std::collections::{BTreeMap, HashSet};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use twinbuild_subject::Sha256;

use crate::arrival::ArrivingFile;
use crate::place::{Content, FILES, Listed, MANIFESTS, Place, is_older, manifest_name, named_by};
use crate::{DepotError, MAX_MANIFEST_BYTES, ObjectPlace, ResultName, Upload};

/// How often a manifest is put there where the store says each time that somebody else is just doing so.
const ATTEMPTS: u32 = 5;
/// How long is waited in between.
const BETWEEN: Duration = Duration::from_millis(500);

/// A place in an object store.
#[derive(Debug)]
pub(crate) struct ObjectResults {
    place: ObjectPlace,
}

impl ObjectResults {
    /// That place.
    pub(crate) fn new(place: ObjectPlace) -> Self {
        Self { place }
    }
}

impl Place for ObjectResults {
    fn manifest(&self, name: &ResultName) -> Result<Option<Vec<u8>>, DepotError> {
        let mut manifest = Vec::new();
        let is_there = self.place.read(&manifest_key(name), |piece| {
            manifest.extend_from_slice(piece);
            if manifest.len() as u64 > MAX_MANIFEST_BYTES {
                return Err(DepotError::ManifestTooLarge { name: name.clone(), limit_bytes: MAX_MANIFEST_BYTES });
            }
            Ok(())
        })?;
        Ok(is_there.then_some(manifest))
    }

    fn send(&self, name: &ResultName, contents: &[Content]) -> Result<(), DepotError> {
        let uploads = contents.iter().map(|content| Upload {
            path: content.path.clone(),
            name: content_key(name, &content.sha256),
            content_type: "application/octet-stream",
            sha256: Some(content.sha256),
        });
        self.place.send(&uploads.collect::<Vec<_>>())
    }

    fn commit(&self, name: &ResultName, manifest: &[u8]) -> Result<(), DepotError> {
        for _ in 0..ATTEMPTS {
            let is_put = self.place.put_new(&manifest_key(name), manifest, "application/json")?;
            if is_put || self.manifest(name)?.is_some() {
                break;
            }
            // S3 says so (409), too, of one that is being put there and may yet fail.
            thread::sleep(BETWEEN);
        }
        Ok(())
    }

    fn fetch(&self, name: &ResultName, sha256: &Sha256, into: &mut ArrivingFile<'_>) -> Result<bool, DepotError> {
        self.place.read(&content_key(name, sha256), |piece| into.write(piece))
    }

    fn remove(&self, name: &ResultName) -> Result<(), DepotError> {
        self.place.remove(&[manifest_key(name)])?;
        let files = self.place.list_below(&format!("{FILES}/{name}"))?;
        self.place.remove(&files.into_iter().map(|file| file.name).collect::<Vec<_>>())
    }

    fn list(&self) -> Result<Vec<Listed>, DepotError> {
        let manifests = self.place.list_below(MANIFESTS)?.into_iter();
        let named = manifests.filter_map(|object| {
            let name = named_by(object.name.strip_prefix(MANIFESTS)?.strip_prefix('/')?)?;
            Some(Listed { name, put: object.written })
        });
        Ok(named.collect())
    }

    fn sweep_partial(&self, older_than: Duration) -> Result<Vec<ResultName>, DepotError> {
        let mut written: BTreeMap<ResultName, Timestamp> = BTreeMap::new();
        for object in self.place.list_below(FILES)? {
            let name = object.name.split('/').nth(1).and_then(|name| name.parse().ok());
            if let Some(name) = name {
                let last = written.entry(name).or_insert(object.written);
                *last = object.written.max(*last);
            }
        }
        // They are listed after the files, as they are put there after them.
        let whole: HashSet<ResultName> = self.list()?.into_iter().map(|listed| listed.name).collect();
        let partial = written.into_iter().filter(|(name, last)| !whole.contains(name) && is_older(*last, older_than));
        let swept: Vec<ResultName> = partial.map(|(name, _)| name).collect();
        swept.iter().try_for_each(|name| self.remove(name))?;
        Ok(swept)
    }
}

fn manifest_key(name: &ResultName) -> String {
    format!("{MANIFESTS}/{}", manifest_name(name))
}

fn content_key(name: &ResultName, sha256: &Sha256) -> String {
    format!("{FILES}/{name}/{sha256}")
}
