//! The twins: two rebuilds of one recipe from one source, each in a fresh sandbox, under opposed conditions.
//!
//! [`rebuild`] runs both at once and gives a [`Twin`] for each: what it built or why it failed, its log, what it tried to
//! reach, and for each [`Variation`](VariationRecord) whether it really showed inside. [`discover_requirements`] asks the
//! source's backend what else it requires, which a front end would install before it builds; [`build_once`] builds such a
//! requirement, where it is published as a source only. Where the twins differ, [`find_cause`] builds again under fewer and fewer
//! variations until it knows which of them is to blame.
//!
//! Neither twin ever sees the published file: a sandbox gets the environment's layers, a copy of the source tree, and
//! nothing else.
#![forbid(unsafe_code)]

mod cause;
mod conditions;
mod error;
mod meter;
mod product;
mod request;
mod twin;
mod variation;

pub use cause::{Cause, find_cause};
pub use conditions::{Conditions, FIRST, Ground, SECOND, Shell};
pub use error::{BuildFailure, RebuildError, Stage, limit_name};
pub use meter::Meter;
pub use product::{Product, SdistArchive};
pub use request::{Job, NAME_SERVER, driver_digest};
pub use twin::{Artifact, Ended, Twin, build_once, discover_requirements, rebuild};
pub use twinbuild_verdict::VariationRecord;
pub use variation::{UnknownVariation, Variation, VariationSet};
