//! Content-addressed blobs, cached answers, layers, locks, and the only HTTP client of the workspace.
//!
//! A [`Store`] is one directory that may be deleted at any time and be shared by any number of processes. Whatever
//! appears in it appears whole, by a rename, after its bytes were flushed; a process that is killed leaves nothing but a
//! folder under `tmp/`, which the next one sweeps.
//!
//! ```text
//! blobs/sha256/ab/<64 digits>   files under their own digest, hashed again each time they are opened
//! documents/ab/<64 digits>      index answers with what is needed to revalidate them, and a checksum
//! records/<kind>/<64 digits>    small memoized results, with a checksum
//! layers/<digest>               unpacked trees
//! locks/  tmp/<run>/
//! ```
//!
//! [`Store::sweep`] removes what was not used for some time. It never removes a layer or blob that a living run uses: each
//! run notes these in its folder before it looks whether they are there.
//!
//! Bytes come out verified: a [`Blob`] is a file whose content has the digest it is filed under, and there is no way to
//! get one otherwise. [`Store::fetch`] downloads a file whose digest is known beforehand, [`Store::document`] an index
//! answer whose digest nobody knows. Both are synchronous and must not be called from inside an async runtime.
//!
//! ```
//! use twinbuild_store::{Network, Store};
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(folder.path(), Network::Offline)?;
//! let blob = store.put("twin".as_bytes(), 1024)?;
//! let again = store.blob(&blob.sha256())?.ok_or("it was just put there")?;
//! assert_eq!(again.read_all(1024)?, b"twin");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod blob;
mod document;
mod error;
mod fetch;
mod http;
mod layer;
mod lease;
mod lock;
mod record;
mod remove;
mod retry;
mod run;
mod send;
mod store;
mod sweep;
#[cfg(test)]
mod test_server;

pub use blob::{Blob, BlobReader};
pub use document::{Document, DocumentRequest};
pub use error::{DigestMismatch, FetchError, StoreError};
pub use fetch::Fetch;
pub use http::{PlainHttp, Transport, without_credentials};
pub use layer::Staging;
pub use lock::Guard;
pub use reqwest::Url;
pub use retry::RetryPolicy;
pub use store::{Network, Store};
pub use sweep::{Sweep, SweptThing, Thing};
