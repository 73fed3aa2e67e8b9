//! The published file under test.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digests, DistributionFileName, request};

/// Where a subject came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Downloaded from the index that publishes it.
    Index,
    /// A file given by the user.
    Local,
}

/// The published file under test. The digests and the size are those of the received bytes, never those promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Where it came from.
    pub origin: Origin,
    /// Its package URL. Absent for a local file, unless the index lists a file of this name with this digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Its file name.
    pub file_name: String,
    /// Its size in bytes. Absent where the file could not be received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The digests of the received bytes. Absent where the file could not be received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
    /// When the index says that it was uploaded, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub upload_time: Option<Timestamp>,
}

impl Subject {
    /// The package URL of a file on PyPI, as it stands in [`Subject::purl`].
    #[must_use]
    pub fn purl_of(file_name: &DistributionFileName) -> String {
        request::purl(file_name.name(), file_name.version(), Some(file_name.text()))
    }
}
