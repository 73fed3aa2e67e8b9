//! Small memoized results.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twinbuild_subject::Sha256;

use crate::lease::{list, touch_if_stale};
use crate::store::is_plain_name;
use crate::{Store, StoreError};

/// The largest record, as JSON: a resolved lock with a thousand packages has a tenth of it.
const RECORD_LIMIT_BYTES: u64 = 4 << 20;

impl Store {
    /// The value that was recorded of this kind under this key. `key` is a digest of everything that the value depends on.
    /// A damaged record, and one whose shape is no longer that of `T`, counts as none.
    ///
    /// # Errors
    /// [`StoreError::Name`] if `kind` cannot be a file name; [`StoreError::Io`].
    pub fn record<T: DeserializeOwned>(&self, kind: &str, key: &Sha256) -> Result<Option<T>, StoreError> {
        let path = self.record_path(kind, key)?;
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| {
            touch_if_stale(&file);
            file.take(RECORD_LIMIT_BYTES + 100).read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        }
        let value = unseal(&bytes).and_then(|json| serde_json::from_slice(json).ok());
        if value.is_none() {
            tracing::warn!(path = %path.display(), "a record of the cache is damaged or of another version, and is ignored");
        }
        Ok(value)
    }

    /// All values that were recorded of this kind, each with its key and when it was last used, to the day. Damaged ones, and
    /// those whose shape is no longer that of `T`, are left out. To list them is no use of them.
    ///
    /// # Errors
    /// [`StoreError::Name`] if `kind` cannot be a file name; [`StoreError::Io`].
    pub fn records<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<(Sha256, SystemTime, T)>, StoreError> {
        if !is_plain_name(kind) {
            return Err(StoreError::Name { what: "kind of record", name: kind.chars().take(200).collect() });
        }
        let mut found = Vec::new();
        for path in list(&self.inner.root.join("records").join(kind))? {
            let key = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let used = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
            // What vanishes meanwhile was swept, and is not there.
            if let (Some(key), Ok(used), Ok(bytes)) = (key, used, fs::read(&path))
                && let Some(value) = unseal(&bytes).and_then(|json| serde_json::from_slice(json).ok())
            {
                found.push((key, used, value));
            }
        }
        found.sort_by_key(|(key, _, _)| *key);
        Ok(found)
    }

    /// Records a value, at most 4 MiB as JSON.
    ///
    /// # Errors
    /// [`StoreError::Record`] if JSON cannot hold the value or it is too large; [`StoreError::Name`], [`StoreError::Io`],
    /// [`StoreError::StorageFull`].
    pub fn put_record<T: Serialize>(&self, kind: &str, key: &Sha256, value: &T) -> Result<(), StoreError> {
        let path = self.record_path(kind, key)?;
        let refuse = |reason: String| StoreError::Record { kind: kind.to_owned(), reason };
        let json = serde_json::to_vec(value).map_err(|error| refuse(error.to_string()))?;
        if json.len() as u64 > RECORD_LIMIT_BYTES {
            return Err(refuse(format!("it has {} bytes of JSON, and {RECORD_LIMIT_BYTES} are allowed", json.len())));
        }
        self.write_whole(&path, &[seal(&[&json]).as_bytes(), &json])
    }

    fn record_path(&self, kind: &str, key: &Sha256) -> Result<PathBuf, StoreError> {
        if !is_plain_name(kind) {
            return Err(StoreError::Name { what: "kind of record", name: kind.chars().take(200).collect() });
        }
        Ok(self.inner.root.join("records").join(kind).join(key.to_string()))
    }
}

/// The line that goes before bytes that carry their own checksum.
pub(crate) fn seal(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    format!("{}\n", hasher.finalize())
}

/// The bytes behind the line, if they have the checksum that it says.
pub(crate) fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (line, bytes) = sealed.split_at_checked(65)?;
    (seal(&[bytes]).as_bytes() == line).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;

    #[test]
    fn a_record_is_read_back_and_a_damaged_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let key = Sha256::of(b"key");
        assert_eq!(store.record::<Vec<u32>>("lock", &key).unwrap(), None);
        store.put_record("lock", &key, &vec![1, 2]).unwrap();
        assert_eq!(store.record("lock", &key).unwrap(), Some(vec![1, 2]));
        assert_eq!(store.record::<String>("lock", &key).unwrap(), None);
        let path = store.record_path("lock", &key).unwrap();
        let listed = store.records::<Vec<u32>>("lock").unwrap();
        assert_eq!(listed.iter().map(|(key, _, value)| (*key, value.len())).collect::<Vec<_>>(), [(key, 2)]);
        assert!(store.records::<Vec<u32>>("other").unwrap().is_empty());
        let damaged = fs::read_to_string(&path).unwrap().replace("[1,2]", "[1,3]");
        fs::write(&path, damaged).unwrap();
        assert!(store.records::<Vec<u32>>("lock").unwrap().is_empty());
        assert_eq!(store.record::<Vec<u32>>("lock", &key).unwrap(), None);
        assert!(matches!(store.record::<u32>("../x", &key), Err(StoreError::Name { .. })));
    }

    #[test]
    fn a_record_too_large_to_be_small_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let value = "x".repeat(5 << 20);
        assert!(matches!(store.put_record("lock", &Sha256::of(b""), &value), Err(StoreError::Record { .. })));
    }
}
