//! Layers: directories named by what is in them.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinbuild_store::{Staging, Store};
use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::EnvironmentError;

/// A read-only directory that was found to have the digest it is named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// SHA-256 over the path, kind, permission bits, content and link target of each entry, sorted by path.
    pub digest: Sha256,
    /// Where it is.
    pub path: PathBuf,
}

/// What the file system said of a layer's entries when its content was last hashed. While that is unchanged, so is the
/// content: a write, a chmod or a rename changes an entry's ctime.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Stamp {
    entries: Sha256,
}

const STAMPS: &str = "layer-stamp";

impl Layer {
    /// Publishes a finished tree.
    ///
    /// # Errors
    /// When the tree cannot be read, or the store refuses it.
    pub(crate) fn publish(store: &Store, staging: Staging) -> Result<Self, EnvironmentError> {
        let digest = content_digest(staging.path()).map_err(|source| read_error(staging.path(), source))?;
        let path = store.publish_layer(&digest.to_string(), staging)?;
        let layer = Self { digest, path };
        layer.put_stamp(store)?;
        Ok(layer)
    }

    /// The layer of that digest, if the store holds it unharmed. One that was changed is removed, with a warning.
    ///
    /// # Errors
    /// When it cannot be read, or not be removed.
    pub(crate) fn open(store: &Store, digest: Sha256) -> Result<Option<Self>, EnvironmentError> {
        let Some(path) = store.layer(&digest.to_string())? else { return Ok(None) };
        let layer = Self { digest, path };
        let stamp = store.record::<Stamp>(STAMPS, &digest)?;
        let entries = stat_digest(&layer.path).map_err(|source| read_error(&layer.path, source))?;
        if stamp == Some(Stamp { entries }) {
            return Ok(Some(layer));
        }
        let found = content_digest(&layer.path).map_err(|source| read_error(&layer.path, source))?;
        if found == digest {
            layer.put_stamp(store)?;
            return Ok(Some(layer));
        }
        tracing::warn!("the cached layer {} was changed on disk and is made again", layer.path.display());
        store.remove_layer(&digest.to_string())?;
        Ok(None)
    }

    fn put_stamp(&self, store: &Store) -> Result<(), EnvironmentError> {
        let entries = stat_digest(&self.path).map_err(|source| read_error(&self.path, source))?;
        Ok(store.put_record(STAMPS, &self.digest, &Stamp { entries })?)
    }
}

fn read_error(path: &Path, source: io::Error) -> EnvironmentError {
    EnvironmentError::Io { doing: format!("reading the layer {}", path.display()), source }
}

/// Calls `take` with each entry below `root` but the root itself, sorted by path, and its metadata.
fn walk(root: &Path, mut take: impl FnMut(&Path, &Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let entry = entry?;
        let below = entry.path().strip_prefix(root).map_err(io::Error::other)?;
        take(entry.path(), below, &entry.metadata()?)?;
    }
    Ok(())
}

/// The digest that names a layer. Each part is preceded by its length, so that no two trees read the same.
fn content_digest(root: &Path) -> io::Result<Sha256> {
    let mut all = Sha256Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    walk(root, |path, below, metadata| {
        let mut part = |bytes: &[u8]| {
            all.update(&(bytes.len() as u64).to_be_bytes());
            all.update(bytes);
        };
        part(below.as_os_str().as_bytes());
        let kind = metadata.file_type();
        if kind.is_symlink() {
            part(b"link");
            part(fs::read_link(path)?.as_os_str().as_bytes());
            return Ok(());
        }
        part(if kind.is_dir() { b"directory" } else { b"file" });
        part(&(metadata.mode() & 0o7777).to_be_bytes());
        if kind.is_file() {
            let mut content = Sha256Hasher::new();
            let mut file = File::open(path)?;
            loop {
                let count = io::Read::read(&mut file, &mut buffer)?;
                if count == 0 {
                    break;
                }
                content.update(&buffer[..count]);
            }
            part(content.finish().as_bytes());
        } else if !kind.is_dir() {
            let message = format!("{} is neither a file, a directory nor a link", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(())
    })?;
    Ok(all.finish())
}

fn stat_digest(root: &Path) -> io::Result<Sha256> {
    let mut all = Sha256Hasher::new();
    walk(root, |_, below, metadata| {
        all.update(below.as_os_str().as_bytes());
        for number in [metadata.dev(), metadata.ino(), metadata.size(), u64::from(metadata.mode())] {
            all.update(&number.to_be_bytes());
        }
        for number in [metadata.ctime(), metadata.ctime_nsec()] {
            all.update(&number.to_be_bytes());
        }
        Ok(())
    })?;
    Ok(all.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use twinbuild_store::Network;

    fn tree(store: &Store) -> Staging {
        let staging = store.staging().unwrap();
        let path = staging.path();
        fs::create_dir(path.join("a")).unwrap();
        fs::write(path.join("a/x"), "content").unwrap();
        symlink("/nowhere", path.join("link")).unwrap();
        staging
    }

    #[test]
    fn a_layer_is_named_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let digest = |change: &dyn Fn(&Path)| {
            let staging = tree(&store);
            change(staging.path());
            content_digest(staging.path()).unwrap()
        };
        let base = digest(&|_| {});
        assert_eq!(digest(&|_| {}), base);
        let changes: [&dyn Fn(&Path); 5] = [
            &|path| fs::write(path.join("a/x"), "changed").unwrap(),
            &|path| fs::set_permissions(path.join("a/x"), fs::Permissions::from_mode(0o755)).unwrap(),
            &|path| fs::rename(path.join("a/x"), path.join("a/y")).unwrap(),
            &|path| fs::create_dir(path.join("b")).unwrap(),
            &|path| {
                fs::remove_file(path.join("link")).unwrap();
                symlink("/elsewhere", path.join("link")).unwrap();
            },
        ];
        for change in changes {
            assert_ne!(digest(change), base);
        }
    }

    #[test]
    fn a_layer_that_was_changed_on_disk_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Network::Offline).unwrap();
        let layer = Layer::publish(&store, tree(&store)).unwrap();
        assert_eq!(Layer::open(&store, layer.digest).unwrap(), Some(layer.clone()));
        fs::write(layer.path.join("a/x"), "cOntent").unwrap();
        assert_eq!(Layer::open(&store, layer.digest).unwrap(), None);
        assert!(!layer.path.exists());
        let again = Layer::publish(&store, tree(&store)).unwrap();
        assert_eq!(again.digest, layer.digest);
    }
}
