//! Places in object stores.

#[cfg(not(feature = "object-store"))]
mod absent;
#[cfg(feature = "object-store")]
mod present;

use std::path::PathBuf;

use twinbuild_subject::Sha256;

#[cfg(not(feature = "object-store"))]
pub use absent::ObjectPlace;
#[cfg(feature = "object-store")]
pub use present::ObjectPlace;

/// An object, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name below the place.
    pub name: String,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// When it was last written, by the clock of the store.
    pub written: jiff::Timestamp,
}

/// A file that is to be an object.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The file.
    pub path: PathBuf,
    /// The object's name below the place: not empty, its parts separated by `/`.
    pub name: String,
    /// What it is, for those who read the store as a web server: `application/json`, for example.
    pub content_type: &'static str,
    /// The SHA-256 that the file had, where it is to be sent with no other.
    pub sha256: Option<Sha256>,
}
