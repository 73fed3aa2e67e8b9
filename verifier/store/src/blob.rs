//! Files under their own digest.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::lease::{Leased, touch};
use crate::store::{create_file, publish_file};
use crate::{Network, Store, StoreError};

/// A file of the store whose content was found to have the digest that it is filed under. It stays open, so it can be
/// read even if the store is emptied meanwhile.
#[derive(Debug, Clone)]
pub struct Blob {
    sha256: Sha256,
    size_bytes: u64,
    path: PathBuf,
    file: Arc<File>,
}

impl Blob {
    /// The digest of the content.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The size of the content, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Where the file lies. It was verified when this value was made; [`Blob::read_all`] and [`Blob::reader`] read the
    /// file that was verified, even if another one has been put there since.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file. Its cursor is shared with all clones: prefer [`Blob::reader`].
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Reads the content from its beginning, independent of other readers.
    #[must_use]
    pub fn reader(&self) -> BlobReader {
        BlobReader { file: Arc::clone(&self.file), position: 0, size_bytes: self.size_bytes }
    }

    /// The whole content, hashed once more.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it has more than `limit_bytes` bytes; [`StoreError::Corrupted`] if it changed since it
    /// was opened; [`StoreError::Io`].
    pub fn read_all(&self, limit_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let size = usize::try_from(self.size_bytes).ok().filter(|_| self.size_bytes <= limit_bytes);
        let Some(size) = size else {
            return Err(StoreError::TooLarge { what: format!("the file {}", self.path.display()), limit_bytes });
        };
        let mut bytes = vec![0; size];
        let read = self.file.read_exact_at(&mut bytes, 0);
        if read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::UnexpectedEof) {
            read.map_err(|error| StoreError::io("read", &self.path, error))?;
        }
        if Sha256::of(&bytes) != self.sha256 {
            return Err(StoreError::Corrupted { sha256: self.sha256, path: self.path.clone() });
        }
        Ok(bytes)
    }
}

/// Reads a [`Blob`] with a cursor of its own.
#[derive(Debug, Clone)]
pub struct BlobReader {
    file: Arc<File>,
    position: u64,
    size_bytes: u64,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Store {
    /// The blob of this digest, if it is held. Its content is hashed again; one that is damaged is removed, a warning is
    /// logged, and it counts as not held. One that is found stays while this run lives, whoever sweeps the store.
    ///
    /// # Errors
    /// [`StoreError::Corrupted`] if it was damaged and the store is offline, so that it cannot be had again;
    /// [`StoreError::Io`].
    pub fn blob(&self, sha256: &Sha256) -> Result<Option<Blob>, StoreError> {
        let is_new_use = self.lease(Leased::Blob, &sha256.to_string())?;
        let path = self.blob_path(sha256);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", &path, error)),
        };
        let mut hasher = Sha256Hasher::new();
        let read = io::copy(&mut (&file), &mut hasher).and_then(|_| (&file).rewind());
        read.map_err(|error| StoreError::io("read", &path, error))?;
        let size_bytes = hasher.size_bytes();
        if hasher.finish() == *sha256 {
            if is_new_use {
                touch(&file);
            }
            tracing::trace!(%sha256, size_bytes, "blob held");
            return Ok(Some(Blob { sha256: *sha256, size_bytes, path, file: Arc::new(file) }));
        }
        tracing::warn!(path = %path.display(), "a file of the cache is damaged and is removed");
        self.set_aside(&path, &file)?;
        match self.network() {
            Network::Online => Ok(None),
            Network::Offline => Err(StoreError::Corrupted { sha256: *sha256, path }),
        }
    }

    /// Stores what `reader` gives, at most `limit_bytes` bytes of it, under its digest.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Input`] if the reader fails, [`StoreError::StorageFull`],
    /// [`StoreError::Io`].
    pub fn put(&self, mut reader: impl Read, limit_bytes: u64) -> Result<Blob, StoreError> {
        let mut draft = Draft::begin(self)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(StoreError::Input { source }),
            };
            if draft.size_bytes() + read as u64 > limit_bytes {
                return Err(StoreError::TooLarge { what: "a file to be stored".to_owned(), limit_bytes });
            }
            draft.append(&buffer[..read])?;
        }
        draft.finish()
    }

    pub(crate) fn blob_path(&self, sha256: &Sha256) -> PathBuf {
        let digits = sha256.to_string();
        self.inner.root.join("blobs/sha256").join(&digits[..2]).join(digits)
    }

    /// Takes a damaged file away, unless someone has replaced it meanwhile.
    fn set_aside(&self, path: &Path, damaged: &File) -> Result<(), StoreError> {
        let aside = self.inner.run.fresh_path();
        let failed = |error| StoreError::io("remove the damaged file", path, error);
        match fs::rename(path, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        let (moved, damaged) = (fs::metadata(&aside).map_err(failed)?, damaged.metadata().map_err(failed)?);
        if moved.ino() == damaged.ino() && moved.dev() == damaged.dev() {
            fs::remove_file(&aside).map_err(failed)
        } else {
            fs::rename(&aside, path).map_err(failed)
        }
    }
}

/// A file of unknown digest that is being written. It vanishes if it is not finished.
pub(crate) struct Draft {
    store: Store,
    path: PathBuf,
    file: File,
    hasher: Sha256Hasher,
    /// How large the file will become, where that is known; only for the message of a full disk.
    pub(crate) need_bytes: Option<u64>,
}

impl Draft {
    pub(crate) fn begin(store: &Store) -> Result<Self, StoreError> {
        let path = store.inner.run.fresh_path();
        let file = create_file(&path).map_err(|error| StoreError::io("make", &path, error))?;
        Ok(Self { store: store.clone(), path, file, hasher: Sha256Hasher::new(), need_bytes: None })
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.hasher.size_bytes()
    }

    /// The digest of what was written so far.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish()
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|error| self.failed(error))?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Forgets what was written.
    pub(crate) fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(|error| self.failed(error))?;
        self.hasher = Sha256Hasher::new();
        Ok(())
    }

    /// Flushes the file and moves it to the place that its digest gives.
    pub(crate) fn finish(self) -> Result<Blob, StoreError> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        let size_bytes = self.size_bytes();
        let file = File::open(&self.path).map_err(|error| StoreError::io("open", &self.path, error))?;
        let sha256 = self.sha256();
        self.store.lease(Leased::Blob, &sha256.to_string())?;
        let path = self.store.blob_path(&sha256);
        publish_file(&self.path, &path)?;
        Ok(Blob { sha256, size_bytes, path, file: Arc::new(file) })
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::io("write", &self.path, error).needing(self.need_bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already if it was finished.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path(), Network::Online).unwrap()
    }

    #[test]
    fn what_is_put_is_found_under_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let blob = store.put("twinbuild".as_bytes(), 9).unwrap();
        assert_eq!((blob.sha256(), blob.size_bytes()), (Sha256::of(b"twinbuild"), 9));
        let digits = blob.sha256().to_string();
        assert!(blob.path().ends_with(format!("blobs/sha256/{}/{digits}", &digits[..2])));
        let mode = fs::metadata(blob.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7133, 0, "{mode:o}");
        let again = store.blob(&blob.sha256()).unwrap().unwrap();
        fs::remove_file(again.path()).unwrap();
        assert_eq!(again.read_all(9).unwrap(), b"twinbuild");
        let mut reader = again.reader();
        reader.seek(SeekFrom::End(-5)).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "build");
        assert!(matches!(again.read_all(8), Err(StoreError::TooLarge { limit_bytes: 8, .. })));
        assert!(store.blob(&blob.sha256()).unwrap().is_none());
    }

    #[test]
    fn too_much_and_failing_readers_leave_nothing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        assert!(matches!(store.put(io::repeat(0), 100_000), Err(StoreError::TooLarge { .. })));
        assert!(matches!(store.put("ab".as_bytes().chain(Broken), 100), Err(StoreError::Input { .. })));
        assert_eq!(fs::read_dir(folder.path().join("blobs/sha256")).unwrap().count(), 0);
    }

    #[test]
    fn a_blob_that_changes_while_it_is_open_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let blob = store(&folder).put("twin".as_bytes(), 9).unwrap();
        for content in ["Twin", "t", "twins"] {
            fs::write(blob.path(), content).unwrap();
            let read = blob.read_all(9);
            match content {
                // What was appended is not part of what was verified.
                "twins" => assert_eq!(read.unwrap(), b"twin"),
                _ => assert!(matches!(read, Err(StoreError::Corrupted { .. })), "{content}"),
            }
        }
    }

    #[test]
    fn a_full_disk_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = Draft::begin(&store(&folder)).unwrap();
        draft.need_bytes = Some(4);
        // The kernel's own full device, in the place of the temporary file.
        draft.file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = draft.append(b"twin").unwrap_err();
        assert!(matches!(&error, StoreError::StorageFull { need_bytes: Some(4), .. }), "{error:?}");
        assert!(error.to_string().contains("(4 bytes are needed)"), "{error}");
    }
}
