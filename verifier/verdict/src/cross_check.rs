//! What a verdict says of building again with other releases of the build requirements.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::LockedRequirement;
use twinbuild_subject::{MemberPath, PackageName};

/// A reproduced file built again with other releases of its build requirements: what the build decided, and not the source, is to
/// come out the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossChecks {
    /// How many members the build made, or put where the source has them not.
    pub members: u64,
    /// Whether its metadata decides what no file of the source declares by itself: requirements, extras, entry points.
    pub is_metadata_of_build: bool,
    /// The releases that could be taken instead, from before the cut-off, in the order in which they are tried.
    pub others: Vec<LockedRequirement>,
    /// What the resolver said of other releases of what the source asks for, in the order in which it was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<Resolution>,
    /// The builds, in their order.
    pub builds: Vec<CrossBuild>,
    /// The releases that code depends on, each as name and version; several, where it takes more than one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determined_by: Vec<String>,
    /// The releases that no build did without, each as name and version: nothing is known of what they decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// What other releases require.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Resolution {
    /// These wheels, all that a build with them has.
    Wheels {
        /// The wheels, by name.
        requirements: Vec<LockedRequirement>,
    },
    /// Nothing that can be had.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One build with other releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CrossBuild {
    /// Which releases it had others for, or had not, or had beyond those that the recipe locks; by name.
    pub exchanged: Vec<Exchange>,
    /// What came of it.
    #[serde(flatten)]
    pub end: CrossEnd,
}

/// One release in place of another one of the same project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The project.
    pub name: PackageName,
    /// The version that the recipe locks; absent where it locks none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The release in its place; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LockedRequirement>,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{} {} in place of {from}", self.name, to.version),
            (None, Some(to)) => write!(f, "{} {}", self.name, to.version),
            (_, None) => write!(f, "no {}", self.name),
        }
    }
}

/// What came of a build with other releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
