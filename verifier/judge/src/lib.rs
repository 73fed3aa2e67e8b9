//! The only walk from a subject to its verdict.
//!
//! A [`Judge`] gets a [`Target`] and gives a [`Verdict`](twinbuild_verdict::Verdict): it fetches the subject and its
//! source, checks both, infers a recipe or takes the given one, locks and realizes the environment, runs the twins, and
//! compares three ways. Whatever stops the walk before the comparison becomes an outcome of its own; an error is
//! returned only where there is no subject to speak about, or where this machine or program is at fault ([`JudgeError`]).
//!
//! [`Judge::replay`] takes the same walk with the inputs that a verdict names, instead of what an index says today, and
//! [`Judge::keep_inputs`] saves these so that it can be taken without a network.
//!
//! [`recheck`] derives a verdict again from the published file, its source and what the twins built, without building anything.
//!
//! Nothing but this crate puts the pieces together, so what may never happen can be read here: the published file goes
//! to the reader, to the inference and to the comparison, and to no sandbox.
#![forbid(unsafe_code)]

mod activity;
mod artifact;
mod attempt;
mod attested;
mod cause;
mod chain;
mod checkout;
mod cross_check;
mod diverse;
mod embedded;
mod error;
mod evidence;
mod inputs;
mod judge;
mod keep;
mod overrides;
mod prebuilt;
mod recheck;
mod record;
mod release_commit;
mod replay;
mod repository;
mod requirement;
mod sdist;
mod search;
mod subject;
mod walk;

pub use error::JudgeError;
pub use inputs::MissingInput;
pub use judge::{Inferred, Judge, Options, Target};
pub use overrides::{OverrideFile, Overrides, OverridesError};
pub use recheck::{KeptFiles, RecheckError, Rechecked, kept_beside, recheck};
pub use replay::{Replay, ReplayEnd};
pub use repository::{GitChoice, GitOptions};
pub use search::MOST_TRIALS;
