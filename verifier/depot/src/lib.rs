//! Where the results of workers stand, so that artifacts, logs and verdicts travel between machines.
//!
//! A [`Depot`] is a shared folder, or with the feature `object-store` a place in an object store. [`Depot::put`] sends a folder as one result, under a
//! [`ResultName`], and gives its [`Manifest`]: each file's path, size and SHA-256. A worker signs the manifest's digest. [`Depot::get`] fetches the result of
//! that digest on another machine.
//!
//! The manifest is put there last, and by whoever comes first: a result is there as a whole or not at all, and never changes. Nothing that stands in a depot is
//! trusted: what is fetched is what the expected digest stands for, within [`MAX_FILE_BYTES`], [`MAX_BYTES`] and [`MAX_FILES`], and nothing is
//! written but below the folder that was named. A depot does not say whose a result is, and does not know what is in one.
//!
//! All is synchronous, and must not be called from inside an async runtime. `docs/depot.md` has the layout.
//!
//! ```
//! use twinbuild_depot::{Depot, ResultName};
//!
//! let folder = tempfile::tempdir()?;
//! let result = folder.path().join("result");
//! std::fs::create_dir(&result)?;
//! std::fs::write(result.join("verdict.json"), "{}")?;
//!
//! let depot = Depot::open(&folder.path().join("depot").to_string_lossy())?;
//! let name: ResultName = "job-17".parse()?;
//! let promised = depot.put(&name, &result)?.sha256();
//!
//! let fetched = folder.path().join("fetched");
//! depot.get(&name, promised, &fetched)?;
//! assert_eq!(std::fs::read(fetched.join("verdict.json"))?, b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod arrival;
mod depot;
mod error;
mod folder_results;
mod manifest;
mod name;
#[cfg(feature = "object-store")]
mod object_results;
mod objects;
mod open_folder;
mod path;
mod place;
mod plain_file;

pub use depot::Depot;
pub use error::{DepotError, OtherContent, OtherFile};
pub use manifest::{MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestFile};
pub use name::{ResultName, ResultNameError};
pub use objects::{Object, ObjectPlace, Upload};
pub use path::{ResultPath, ResultPathError};
pub use place::Listed;
