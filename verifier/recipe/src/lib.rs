//! How a published file was built.
//!
//! Evidence is read from the published file ([`WheelEvidence`], [`SdistEvidence`]) and from its source ([`SourceEvidence`]);
//! [`infer`] turns it, or [`infer_sdist`], together with what the caller has on offer, into a [`Recipe`] with a [`Reason`] beside each choice. A recipe is
//! plain data ([TOML](Recipe::to_toml)): it can be printed, edited, given back, and it never edits source nor excludes
//! files.
//!
//! What is learned from the published file enters a recipe only as typed, bounded values: a tool's name from a closed
//! list, a version, a time. Text of the published file never does.
//!
//! ```
//! use twinbuild_recipe::Recipe;
//!
//! let recipe = Recipe::from_toml(
//!     r#"
//!     format = 1
//!     [interpreter]
//!     version = "3.11"
//!     [build]
//!     front-end = "setup-py"
//!     source-date-epoch = 1620224297
//!     [requirements]
//!     cutoff = "2021-05-05T14:18:17Z"
//!     direct = ["setuptools", "wheel==0.36.2"]
//!     "#,
//! )?;
//! assert_eq!(Recipe::from_toml(&recipe.to_toml(&[]))?, recipe);
//! # Ok::<(), twinbuild_recipe::RecipeError>(())
//! ```
#![forbid(unsafe_code)]

mod decisive;
mod dialect;
mod document;
mod generator;
mod headers;
mod infer;
mod moves;
mod overrides;
mod python;
mod recipe;
mod requirement;
mod sdist;
mod search;
mod source;
mod version_control;
mod wheel;

pub use decisive::{Decisive, DecisiveFiles, Fact};
pub use dialect::{Absence, Bound, Dialect};
pub use generator::{Generator, Tool};
pub use headers::{Header, parse_headers};
pub use infer::{Inference, Offer, Release, Unsupported, check_platform, infer};
pub use overrides::RecipeOverride;
pub use recipe::{
    FrontEnd, Interpreter, LockedRequirement, Needs, Provider, Reason, Recipe, RecipeError, Requirements, Switches,
    WheelOptions,
};
pub use requirement::infer_requirement;
pub use sdist::{SdistEvidence, Spelling, infer_sdist};
pub use search::{BuiltWheel, Candidate, Closeness, Known, Search, TrialEnd};
pub use source::{BuildSystem, SourceError, SourceEvidence, check_requirement, declared_name};
pub use version_control::VersionControl;
pub use wheel::{EvidenceError, Machine, MemberFacts, MemberTimes, WheelContents, WheelEvidence};
