//! The search for a recipe, as it stands in a verdict.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::{Closeness, Reason};
use twinbuild_subject::Sha256;

/// The recipes that were tried where the inferred one did not give the published file. A trial is one build; only the recipe that
/// came closest was built twice and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// How many trials it might take.
    pub most_trials: u32,
    /// How far the inferred recipe's wheel was from the published one; absent where it built none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inferred: Option<Closeness>,
    /// The trials, in their order.
    pub trials: Vec<Trial>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The SHA-256 of the recipe's TOML form, its requirements not locked.
    pub recipe_digest: Sha256,
    /// In what the recipe departs from the inferred one, and why that was tried.
    pub changes: Vec<Reason>,
    /// How far its wheel was from the published one; absent where it built none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Closeness>,
    /// Why it built none: the class of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}
