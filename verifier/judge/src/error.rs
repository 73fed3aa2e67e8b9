//! What is no verdict.

use std::io;

use twinbuild_environment::EnvironmentError;
use twinbuild_registry::RegistryError;
use twinbuild_store::StoreError;

use crate::MissingInput;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// What was asked for does not exist, or makes no sense.
    #[error("{message}")]
    Usage {
        /// What was asked, what was found, and what can be asked.
        message: String,
    },
    /// The index says that there is no such thing.
    #[error(transparent)]
    NotThere(RegistryError),
    /// The index could not be asked.
    #[error(transparent)]
    Unreachable(RegistryError),
    /// This host cannot run sandboxes.
    #[error(transparent)]
    Host(twinbuild_sandbox::Error),
    /// The run was stopped.
    #[error("stopped")]
    Cancelled,
    /// The cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The build environment could not be made.
    #[error("the build environment could not be made")]
    Environment(#[source] EnvironmentError),
    /// Inputs of a verdict cannot be had, so they cannot be kept.
    #[error("{} of the inputs cannot be had: {}", missing.len(), missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Inputs {
        /// Which.
        missing: Vec<MissingInput>,
    },
    /// A file could not be read or written.
    #[error("{doing} failed")]
    Io {
        /// What was being done, to what.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program contradicts itself.
    #[error("internal error: {what}")]
    Internal {
        /// What should not have happened.
        what: String,
    },
}

impl JudgeError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// The exit code of a command that ends with this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::NotThere(_) => 64,
            Self::Unreachable(_) | Self::Environment(_) | Self::Store(_) | Self::Inputs { .. } | Self::Io { .. } => 2,
            Self::Host(_) => 69,
            Self::Internal { .. } => 70,
            Self::Cancelled => 130,
        }
    }
}
