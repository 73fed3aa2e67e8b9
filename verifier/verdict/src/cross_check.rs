//! What a verdict says of building again with other releases of the build requirements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::LockedRequirement;
use twinbuild_subject::MemberPath;

/// A reproduced file built again with other releases of its build requirements: what the build decided, and not the source, is to
/// come out the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossChecks {
    /// How many members the build made, or put where the source has them not.
    pub members: u64,
    /// Whether its metadata decides what no file of the source declares by itself: requirements, extras, entry points.
    pub is_metadata_of_build: bool,
    /// The releases that could be taken instead, from before the cut-off, in the order in which they are tried.
    pub others: Vec<LockedRequirement>,
    /// The builds, in their order.
    pub builds: Vec<CrossBuild>,
    /// The releases that code depends on, each as name and version; several, where it takes more than one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<String>,
    /// The releases that no build did without, each as name and version: nothing is known of what they decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// One build with other releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossBuild {
    /// Which releases were exchanged.
    pub exchanged: Vec<Exchange>,
    /// What came of it.
    #[serde(flatten)]
    pub end: CrossEnd,
}

/// One release in place of another one of the same project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The version that the recipe locks.
    pub from: String,
    /// The release in its place.
    pub to: LockedRequirement,
}

/// What came of a build with other releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum CrossEnd {
    /// What is run and what decides what is installed is the same.
    Same,
    /// It differs.
    Differs {
        /// In these members.
        members: Vec<MemberPath>,
    },
    /// There was nothing to compare.
    Failed {
        /// Why.
        reason: String,
    },
}
