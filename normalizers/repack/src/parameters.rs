//! The container parameters of one archive, whatever its format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Unfit;
use crate::gzip::GzipParameters;
use crate::tar::TarParameters;
use crate::zip_parameters::ZipParameters;

/// The version of [`Parameters`] that this crate writes, and the only one that it reads.
pub const PARAMETERS_VERSION: u32 = 2;

/// The container parameters of one archive: all that its bytes have beyond its members (law 7), as numbers, enumerations
/// and, in a tar, the names of owners. Names, kinds and contents are the members' own and do not occur.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameters {
    /// [`PARAMETERS_VERSION`].
    pub version: u32,
    /// Of its format.
    pub container: ContainerParameters,
}

/// Parameters by format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ContainerParameters {
    /// Of a zip file.
    Zip(Box<ZipParameters>),
    /// Of a plain tar.
    Tar(Box<TarParameters>),
    /// Of a tar in gzip.
    TarGz(Box<GzipParameters>),
}

impl Parameters {
    pub(crate) fn of(container: ContainerParameters) -> Self {
        Self { version: PARAMETERS_VERSION, container }
    }

    /// Those of a zip file, where they are.
    #[must_use]
    pub fn zip(&self) -> Option<&ZipParameters> {
        match &self.container {
            ContainerParameters::Zip(zip) => Some(zip),
            ContainerParameters::Tar(_) | ContainerParameters::TarGz(_) => None,
        }
    }

    /// How many bytes the parameters of each member could carry, in the order of the file; see
    /// [`ZipParameters::free_bytes_of_all`] and [`TarParameters::free_bytes_of_all`]. The header of a gzip file has at most
    /// 6 of its own, fewer than are allowed, and is not counted; a stream that is copied from the rebuild carries nothing.
    #[must_use]
    pub fn free_bytes_of_all(&self) -> Vec<u64> {
        match &self.container {
            ContainerParameters::Zip(zip) => zip.free_bytes_of_all(),
            ContainerParameters::Tar(tar) => tar.free_bytes_of_all(),
            ContainerParameters::TarGz(gzip) => gzip.free_bytes_of_all(),
        }
    }

    /// Checks what the types alone do not: parameters may come from a stranger's verdict.
    ///
    /// # Errors
    /// [`Unfit::Invalid`], which names the first value that is out of its range.
    pub fn validate(&self) -> Result<(), Unfit> {
        if self.version != PARAMETERS_VERSION {
            return Err(Unfit::Invalid { what: "version" });
        }
        match &self.container {
            ContainerParameters::Zip(zip) => zip.validate(),
            ContainerParameters::Tar(tar) => tar.validate(),
            ContainerParameters::TarGz(gzip) => gzip.validate(),
        }
    }
}
