//! Why there is no environment.

use std::io;
use std::path::PathBuf;

use twinbuild_archive::ReadError;
use twinbuild_registry::tools::ToolError;
use twinbuild_registry::{DebianError, RegistryError};
use twinbuild_sandbox::Error as SandboxError;
use twinbuild_store::{FetchError, StoreError};
use twinbuild_subject::Sha256;

/// Why a layer could not be made. That says nothing of the subject.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The cache refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An index refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The resolver cannot be had.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The Debian archive refused.
    #[error(transparent)]
    Debian(#[from] DebianError),
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A package of the root file system could not be read.
    #[error("the Debian package {package} cannot be unpacked")]
    Package {
        /// Its name and version.
        package: String,
        /// What was found.
        source: ReadError,
    },
    /// Two packages have the same file.
    #[error("the Debian packages {first} and {second} both have {path}")]
    Conflict {
        /// The package that came first.
        first: String,
        /// The other.
        second: String,
        /// The file.
        path: String,
    },
    /// A wheel of a given recipe or lock is neither in the cache nor known by where it is.
    #[error("the wheel of {name} (sha256:{sha256}) is neither in the cache nor on the index")]
    UnknownWheel {
        /// Its name and version.
        name: String,
        /// Its digest.
        sha256: Sha256,
    },
    /// What was given is no lock of an environment.
    #[error("the lock of the environment cannot be used: {reason}")]
    NoLock {
        /// What is wrong with it.
        reason: String,
    },
    /// A layer would come out otherwise than the lock means.
    #[error(
        "the layer {layer} of the lock was made by another version of twinbuild ({what} changed since), and this one would make another layer: use the version that wrote the lock"
    )]
    OtherVersion {
        /// The layer's name.
        layer: String,
        /// What is another.
        what: &'static str,
    },
    /// An environment of another architecture cannot be completed here.
    #[error(
        "an environment for {asked} can be resolved here, but not be made: programs of it must run, and this is {here}"
    )]
    Architecture {
        /// That of the environment.
        asked: String,
        /// That of this machine.
        here: &'static str,
    },
    /// No suite has that interpreter.
    #[error("no environment has CPython {version}{}", if *is_host { " from this host" } else { "" })]
    Interpreter {
        /// `MAJOR.MINOR`
        version: String,
        /// Whether it was to be one of this host.
        is_host: bool,
    },
    /// An interpreter of this host cannot be used.
    #[error("{interpreter} of this host cannot be used: {reason}")]
    NotAdmitted {
        /// Which.
        interpreter: String,
        /// What is wrong with it, and what is missing.
        reason: String,
    },
    /// A wheel of the index could not be read.
    #[error("the wheel {} cannot be read", path.display())]
    Wheel {
        /// Where the store has it.
        path: PathBuf,
        /// What was found.
        source: ReadError,
    },
    /// A step inside the sandbox failed.
    #[error("{doing} failed inside the sandbox ({end}); it printed: {log}")]
    Step {
        /// What was being done.
        doing: &'static str,
        /// How it ended.
        end: String,
        /// The end of what it printed, escaped.
        log: String,
    },
    /// There are no environments for the platform that this program runs on.
    #[error("there are no build environments for this platform: Linux on x86-64 and 64-bit ARM have them")]
    Platform,
    /// The run was stopped.
    #[error("it was stopped while {doing}")]
    Cancelled {
        /// What was being done.
        doing: &'static str,
    },
    /// A file could not be read or written.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}
