//! Environments: what a build runs on, as data and as content-addressed layers.
//!
//! [`Ground`] is the part that does not depend on the recipe: a Debian root file system, fetched and verified by this
//! program and unpacked without running any of it, with its own Python. [`Ground::lock`] resolves a recipe's
//! requirements to wheels with digests, and [`Ground::realize`] installs these wheels, inside a sandbox and offline, as
//! one more layer: an [`Environment`].
//!
//! Layers are directories named by the SHA-256 over the path, kind, permission bits, content and link target of each
//! entry. They are verified whenever they are opened, see [`Layer`].
//!
//! The resolver (uv) needs an interpreter to ask about its platform. It is given the one of the root file system, in a
//! sandbox, by way of this same program: [`answer_as_interpreter`] must be called early in `main`.
#![forbid(unsafe_code)]

mod debian;
mod environment;
mod error;
mod ground;
mod host_interpreter;
mod host_libraries;
mod interpreter;
mod layer;
mod lock;
mod sdist_requirement;

pub use environment::Environment;
pub use error::EnvironmentError;
pub use ground::Ground;
pub use host_interpreter::{HostInterpreter, HostOrigin, HostPlaces, HostPrefix, HostRefusal, RESERVED_FOLDERS};
pub use host_libraries::MissingLibrary;
pub use interpreter::answer_as_interpreter;
pub use layer::Layer;
pub use lock::LockError;
pub use sdist_requirement::{BuiltRequirement, SdistRequirement};
