//! Environments: what a build runs on, as data and as content-addressed layers.
//!
//! A [`Specification`] says what is asked for: a suite of Debian, an interpreter, a toolchain or none. It resolves to an
//! [`EnvironmentLock`], which names every file by its digest and the layers to be made from them; and from a lock alone
//! come the same layers, at any time and place.
//!
//! [`Ground`] is the part that does not depend on a recipe's requirements: a Debian root file system, fetched and verified
//! by this program and unpacked without running any of it, with its own Python. [`Ground::lock`] resolves a recipe's
//! requirements to wheels with digests, and [`Ground::realize`] installs these wheels, inside a sandbox and offline, as
//! one more layer: an [`Environment`], whose lock holds these files too.
//!
//! Layers are directories named by the SHA-256 over the path, kind, permission bits, content and link target of each
//! entry. They are verified whenever they are opened, see [`Layer`].
//!
//! The resolver (uv) needs an interpreter to ask about its platform. It is given the one of the root file system, in a
//! sandbox, by way of this same program: [`answer_as_interpreter`] must be called early in `main`.
#![forbid(unsafe_code)]

mod cyclonedx;
mod debian;
mod environment;
mod environment_lock;
mod error;
mod fix_ups;
mod ground;
mod host_interpreter;
mod host_layer;
mod host_libraries;
mod interpreter;
mod inventory;
mod layer;
mod lock;
mod other_releases;
mod realize;
mod resolve;
mod sdist_requirement;
mod specification;
mod suite;
mod supply;
mod target;

pub use cyclonedx::cyclonedx;
pub use environment::Environment;
pub use environment_lock::{EnvironmentLock, FileKind, LayerPlan, LockedFile, Origin, Step};
pub use error::EnvironmentError;
pub use ground::Ground;
pub use host_interpreter::{HostInterpreter, HostOrigin, HostPlaces, HostPrefix, HostRefusal, RESERVED_FOLDERS};
pub use host_libraries::MissingLibrary;
pub use interpreter::answer_as_interpreter;
pub use inventory::{KnownLock, known_locks, sweep, verify_layers};
pub use layer::{Layer, LayerCondition, LayerEntry};
pub use lock::LockError;
pub use realize::{HeldLayer, NamedLayer};
pub use sdist_requirement::{BuiltRequirement, SdistRequirement};
pub use specification::Specification;
pub use suite::Suite;
pub use supply::Supply;
