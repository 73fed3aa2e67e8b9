//! What a build with the feature has.

use std::fmt;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, ClientConfigKey, GetOptions, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions,
};
use tokio::runtime::Runtime;
use twinbuild_subject::Sha256Hasher;

use super::{Object, Upload};
use crate::DepotError;
use crate::object_results::ObjectResults;
use crate::place::Place;
use crate::plain_file::PlainFile;

/// How many files are sent at once.
const AT_ONCE: usize = 16;
/// A file that has as many bytes or more is sent in parts of this size: the smallest that S3 takes. It takes 10,000 of them, which are 52 GB. As many are in
/// memory as files are sent at once.
const PART_BYTES: u64 = 5 << 20;
/// How long a request may take where `AWS_TIMEOUT` does not say: all parts that are sent at once go through 6 Mbit/s by then. The library's 30 s
/// would end them again and again on such a line.
const TIMEOUT: &str = "120s";

/// A place in an object store: what begins with a prefix. Its methods must not be called from inside an async runtime.
pub struct ObjectPlace {
    address: String,
    store: AmazonS3,
    prefix: Key,
    runtime: Runtime,
}

impl fmt::Debug for ObjectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store has credentials.
        f.debug_struct("ObjectPlace").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ObjectPlace {
    /// The place of an address such as `s3://bucket/prefix`. Region, credentials and endpoint are taken from the variables `AWS_*`, as by
    /// other tools. The store is not asked for anything yet.
    ///
    /// # Errors
    /// [`DepotError::Place`]
    pub fn open(address: &str) -> Result<Self, DepotError> {
        let refused = |reason: String| DepotError::Place { place: address.to_owned(), reason };
        let below = address.strip_prefix("s3://");
        let below = below.ok_or_else(|| refused("its address does not begin with s3://".to_owned()))?;
        let (bucket, prefix) = below.split_once('/').unwrap_or((below, ""));
        // As S3 has it, so that nothing of it can be taken for another part of an address.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        if bucket.is_empty() || !bucket.bytes().all(is_plain) {
            return Err(refused("a bucket's name has letters, digits, dots and dashes".to_owned()));
        }
        if prefix.contains(['?', '#', '%']) {
            return Err(refused("what follows the bucket is a plain path, in which nothing is escaped".to_owned()));
        }
        let prefix = Key::parse(prefix).map_err(|error| refused(error.to_string()))?;
        let mut store = AmazonS3Builder::from_env().with_bucket_name(bucket);
        if std::env::var_os("AWS_TIMEOUT").is_none() {
            store = store.with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), TIMEOUT);
        }
        let store = store.build().map_err(|error| refused(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| refused(format!("what talks to it cannot start ({error})")))?;
        Ok(Self { address: address.to_owned(), store, prefix, runtime })
    }

    /// The address that it was opened by.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// All objects of the place.
    ///
    /// # Errors
    /// [`DepotError::ObjectStore`]
    pub fn list(&self) -> Result<Vec<Object>, DepotError> {
        self.list_below("")
    }

    /// The objects whose names begin with `folder` and a slash.
    pub(crate) fn list_below(&self, folder: &str) -> Result<Vec<Object>, DepotError> {
        let failed = |source| self.failed("list", folder, source);
        let below = if folder.is_empty() { self.prefix.clone() } else { self.key(folder)? };
        let listed = self.store.list(Some(&below)).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed).map_err(failed)?;
        Ok(listed.into_iter().filter_map(|object| self.object(&object)).collect())
    }

    fn object(&self, found: &ObjectMeta) -> Option<Object> {
        let mut parts = found.location.prefix_match(&self.prefix)?;
        let first = parts.next()?;
        let name = parts.fold(first.as_ref().to_owned(), |name, part| format!("{name}/{}", part.as_ref()));
        // A time that is none of this era is that of no object, and later than any other so that nothing is old for it.
        let written = Timestamp::from_millisecond(found.last_modified.timestamp_millis()).unwrap_or(Timestamp::MAX);
        Some(Object { name, size_bytes: found.size, written })
    }

    /// Sends files, several at once, over objects of the same names.
    ///
    /// # Errors
    /// [`DepotError::Changed`] where a file has not the promised digest: then there is no such object, or the one that was there before.
    /// [`DepotError::NotPlain`], [`DepotError::Io`], [`DepotError::ObjectStore`].
    pub fn send(&self, files: &[Upload]) -> Result<(), DepotError> {
        let sent = stream::iter(files).map(|file| self.send_one(file)).buffer_unordered(AT_ONCE);
        self.runtime.block_on(sent.try_collect())
    }

    async fn send_one(&self, upload: &Upload) -> Result<(), DepotError> {
        let mut file = PlainFile::open(&upload.path)?;
        let first = file.read_up_to(PART_BYTES)?;
        let (key, failed) = (self.key(&upload.name)?, |source| self.failed("write", &upload.name, source));
        let attributes = Attributes::from_iter([(Attribute::ContentType, upload.content_type)]);
        if (first.len() as u64) < PART_BYTES {
            let mut hasher = Sha256Hasher::new();
            hasher.update(&first);
            require_same(hasher, upload)?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            return self.store.put_opts(&key, first.into(), options).await.map(drop).map_err(failed);
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut parts = self.store.put_multipart_opts(&key, options).await.map_err(failed)?;
        let sent = self.send_parts(upload, first, file, &mut *parts).await;
        if sent.is_err() {
            // What failed first is what there is to say. Parts that stay are the store's to remove, after a time that is set there.
            let _ = parts.abort().await;
        }
        sent
    }

    async fn send_parts(
        &self,
        upload: &Upload,
        mut part: Vec<u8>,
        mut file: PlainFile,
        parts: &mut dyn MultipartUpload,
    ) -> Result<(), DepotError> {
        let failed = |source| self.failed("write", &upload.name, source);
        let mut hasher = Sha256Hasher::new();
        while !part.is_empty() {
            hasher.update(&part);
            parts.put_part(part.into()).await.map_err(failed)?;
            part = file.read_up_to(PART_BYTES)?;
        }
        require_same(hasher, upload)?;
        parts.complete().await.map(drop).map_err(failed)
    }

    /// Makes an object unless there is one of that name; `false` where the store says that there is, or that somebody else is making it.
    pub(crate) fn put_new(&self, name: &str, content: &[u8], content_type: &'static str) -> Result<bool, DepotError> {
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        let options = PutOptions { attributes, mode: PutMode::Create, ..PutOptions::default() };
        let key = self.key(name)?;
        match self.runtime.block_on(self.store.put_opts(&key, content.to_vec().into(), options)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", name, error)),
        }
    }

    /// Gives what an object has, a piece after the other; `false` where there is no such object.
    pub(crate) fn read(
        &self,
        name: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), DepotError>,
    ) -> Result<bool, DepotError> {
        let failed = |source| self.failed("read", name, source);
        let key = self.key(name)?;
        self.runtime.block_on(async {
            let mut content = match self.store.get_opts(&key, GetOptions::default()).await {
                Ok(found) => found.into_stream(),
                Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(failed(error)),
            };
            while let Some(piece) = content.try_next().await.map_err(failed)? {
                each(&piece)?;
            }
            Ok(true)
        })
    }

    /// Removes objects; that there is none is fine.
    pub(crate) fn remove(&self, names: &[String]) -> Result<(), DepotError> {
        let keys = names.iter().map(|name| self.key(name)).collect::<Result<Vec<_>, _>>()?;
        let mut removed = self.store.delete_stream(stream::iter(keys.into_iter().map(Ok)).boxed());
        self.runtime.block_on(async {
            while let Some(removed) = removed.next().await {
                match removed {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(self.failed("remove objects of", "", error)),
                }
            }
            Ok(())
        })
    }

    pub(crate) fn into_results(self) -> Box<dyn Place> {
        Box::new(ObjectResults::new(self))
    }

    fn key(&self, name: &str) -> Result<Key, DepotError> {
        let whole = if self.prefix.as_ref().is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) };
        Key::parse(whole).map_err(|error| self.failed("name", name, error.into()))
    }

    fn failed(&self, doing: &'static str, name: &str, source: object_store::Error) -> DepotError {
        let address = self.address.trim_end_matches('/');
        let object = if name.is_empty() { address.to_owned() } else { format!("{address}/{name}") };
        DepotError::ObjectStore { doing, object, source: Box::new(source) }
    }
}

fn require_same(sent: Sha256Hasher, upload: &Upload) -> Result<(), DepotError> {
    match upload.sha256 {
        Some(promised) if promised != sent.finish() => Err(DepotError::Changed { path: upload.path.clone() }),
        _ => Ok(()),
    }
}
