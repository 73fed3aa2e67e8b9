//! Why there is no rebuild.

use std::io;

use twinbuild_sandbox::Limit;

/// Where a build failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// When the backend was asked what it requires.
    Requirements,
    /// When the wheel was built.
    Wheel,
    /// When the sdist was built.
    Sdist,
    /// After the build said that it had succeeded.
    Output,
}

impl Stage {
    /// Its name in a verdict.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requirements => "requirements",
            Self::Wheel => "wheel",
            Self::Sdist => "sdist",
            Self::Output => "output",
        }
    }
}

/// A build that failed: the fault of the source or the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// Where.
    pub stage: Stage,
    /// A stable name of the class, in kebab case.
    pub class: &'static str,
    /// One sentence for a reader.
    pub detail: String,
}

/// Why a twin could not be run at all. That says nothing of the subject.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] twinbuild_sandbox::Error),
    /// The build reached a limit.
    #[error("the build reached the limit of {}", limit_name(*.limit))]
    Limit {
        /// Which.
        limit: Limit,
    },
    /// What the build left or said is more than is taken.
    #[error("the build's output is over a limit: {reason}")]
    OutputLimit {
        /// Which limit, and where.
        reason: String,
    },
    /// The run was stopped.
    #[error("the build was stopped")]
    Cancelled,
    /// What the driver reported could not be read.
    #[error("the build's driver reported nothing that can be read: {reason}")]
    Report {
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be written or read.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What a limit is called: the limit of …
#[must_use]
pub fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::WallTime => "time",
        Limit::CpuTime => "processor time",
        Limit::Memory => "memory",
        Limit::Processes => "processes",
        Limit::OpenFiles => "open files",
        Limit::LogBytes => "bytes printed",
        Limit::FileBytes => "the size of a file",
        Limit::ScratchBytes => "bytes written",
        Limit::ScratchInodes => "files written",
        _ => "a resource",
    }
}
