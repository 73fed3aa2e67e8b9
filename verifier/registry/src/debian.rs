//! The Debian archive: which packages a root file system needs, and their verified files.
//!
//! Trust goes from the keys that are committed here to the suite's signed `InRelease`, from its SHA-256 to the package
//! index, and from that one's SHA-256s to the packages.

mod archive;
mod cleartext;
mod deb822;
mod error;
mod index;
mod keyring;
mod relation;
mod release;
mod resolve;
mod version;

pub use archive::DebianArchive;
pub use deb822::Deb822Error;
pub use error::{DebianError, SignatureFault};
pub use index::{DebianPackage, DebianRelease, PackageIndex};
pub use resolve::Resolution;
pub use version::{DebianVersion, ParseDebianVersionError};
