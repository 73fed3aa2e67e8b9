//! Package indexes as typed values: PyPI's simple API, the Debian archive, and the tools that are pinned here.
//!
//! [`Pypi`] reads a project's page on a Python package index and chooses among the files of a release. [`DebianArchive`]
//! verifies a suite's signed release file in process, against keys that are committed here, and resolves which packages
//! a root file system needs. [`tools::uv`] gives the path of the one external program that is fetched.
//!
//! Where an index is comes from the user, then from the configuration of the ecosystem's own clients, then from one
//! built-in table; [`PypiIndex`] and [`DebianMirror`] say which it was. All bytes come through `twinbuild-store`, so files
//! are verified against the digest that the index promises before anything else sees them.
//!
//! ```no_run
//! use twinbuild_registry::{Platform, Pypi, PypiIndex};
//! use twinbuild_store::{Network, Store};
//!
//! let store = Store::open("/var/cache/twinbuild", Network::Online)?;
//! let pypi = Pypi::new(store, PypiIndex::discover(None, |name| std::env::var(name).ok())?);
//! let release = pypi.project(&"six".parse()?)?.release(&"1.16.0".parse()?)?;
//! let wheel = pypi.download(release.choose(None, Platform::LinuxX86_64)?)?;
//! println!("{} bytes", wheel.size_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod client_file;
mod debian;
mod defaults;
mod error;
mod netrc;
mod pip_conf;
mod platform;
mod project;
mod project_list;
mod pypi;
mod release;
mod simple_api;
#[cfg(test)]
mod test_server;
pub mod tools;
mod uv_conf;

pub use address::{AddressError, AddressOrigin, DebianMirror, PypiIndex};
pub use debian::{
    Deb822Error, DebianArchive, DebianError, DebianPackage, DebianRelease, DebianVersion, PackageIndex,
    ParseDebianVersionError, Resolution, SignatureFault,
};
pub use error::RegistryError;
pub use platform::Platform;
pub use project::{CoreMetadata, Project, ProjectFile, ProjectStatus, UnparsedFile, Yanked};
pub use project_list::ProjectList;
pub use pypi::{ProjectPage, Pypi};
pub use release::Release;
