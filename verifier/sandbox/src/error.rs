//! What can go wrong around a command. How the command itself ended is [`End`](crate::End).

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::forbidden::Host;

/// Why a sandbox did not run, or its output could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The host lacks or forbids something that every sandbox needs.
    #[error("this host cannot run a sandbox: {what}; {remedy}")]
    HostUnsupported {
        /// What was tried and what was found.
        what: String,
        /// What its administrator can do.
        remedy: String,
    },
    /// The request contradicts itself or passes a bound; nothing was started.
    #[error("the sandbox was asked for something impossible: {what}")]
    Spec {
        /// Which field, what it holds, and what is expected.
        what: String,
    },
    /// One step of building the sandbox or starting the command failed.
    #[error("setting up the sandbox failed: could not {step}: {source}")]
    Setup {
        /// What was being done, to what.
        step: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The calling process could not do its own part.
    #[error("{doing} failed: {source}")]
    Io {
        /// What was being done, to what.
        doing: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// What the command left was found good, and could not be read then.
    #[error(transparent)]
    Collect(Refused),
    /// The sandbox's first process ended without a word, for example killed from outside.
    #[error("the sandbox's first process was lost ({status}); its last words: {words:?}")]
    Lost {
        /// How it ended.
        status: String,
        /// The end of what it printed, escaped by the `Debug` form used above.
        words: String,
    },
}

/// An entry that is not collected, because of which nothing is.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[error("collecting {directory:?} of the sandbox failed at {path:?}: {reason}")]
pub struct Refused {
    /// The collected directory, as the command saw it.
    pub directory: PathBuf,
    /// The entry below it; empty for the directory itself.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: CollectReason,
}

/// What is wrong with an entry that was to be collected.
#[derive(Clone, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CollectReason {
    /// The directory to collect does not exist, or a symlink or file stands in its place.
    #[error("there is no such directory")]
    NoDirectory,
    /// A fifo, device or socket.
    #[error("it is a {kind}; only regular files and directories are collected")]
    SpecialFile {
        /// `fifo`, `socket`, `character device` or `block device`.
        kind: String,
    },
    /// A symlink where none was allowed.
    #[error("it is a symlink to {target:?}; only regular files and directories are collected")]
    Symlink {
        /// Where it points.
        target: PathBuf,
    },
    /// The apparent sizes of the files pass the limit, before any was read.
    #[error("its {size_bytes} bytes are more than the {left_bytes} left of the limit")]
    TooManyBytes {
        /// The apparent size of this file.
        size_bytes: u64,
        /// What the limit still allowed.
        left_bytes: u64,
    },
    /// More entries than the limit.
    #[error("it is one entry more than the limit of {limit}")]
    TooManyFiles {
        /// The limit, counting files, directories and symlinks.
        limit: u64,
    },
    /// Directories nested too deeply.
    #[error("it is nested deeper than {limit} directories")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It could not be read.
    #[error("it could not be read: {}", io::Error::from_raw_os_error(*errno))]
    Unreadable {
        /// The kernel's answer.
        errno: i32,
    },
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { doing: doing.into(), source: source.into() }
    }

    pub(crate) fn spec(what: impl Into<String>) -> Self {
        Self::Spec { what: what.into() }
    }
}

/// An [`Error`] on its way from the sandbox's first process to the caller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    Host { what: String, remedy: String },
    Setup { step: String, errno: i32 },
    Collect(Refused),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Host { what, remedy } => Self::HostUnsupported { what, remedy },
            Failure::Setup { step, errno } => Self::Setup { step, source: io::Error::from_raw_os_error(errno) },
            Failure::Collect(refused) => Self::Collect(refused),
        }
    }
}

/// Names the step that a system call was part of.
pub(crate) trait Step<T> {
    /// On failure: could not `step`.
    fn step(self, step: impl FnOnce() -> String) -> Result<T, Failure>;
    /// On failure the host is to blame: could not `what`; `remedy`.
    fn or_host(self, what: &str, remedy: &str) -> Result<T, Failure>;
    /// On failure the host forbids namespaces: could not `what`; what allows them.
    fn or_forbidden(self, what: &str) -> Result<T, Failure>;
}

impl<T> Step<T> for Result<T, Errno> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|errno| Failure::Setup { step: step(), errno: errno.raw_os_error() })
    }

    fn or_host(self, what: &str, remedy: &str) -> Result<T, Failure> {
        self.map_err(|errno| Failure::Host {
            what: format!("could not {what}: {}", io::Error::from(errno)),
            remedy: remedy.to_owned(),
        })
    }

    fn or_forbidden(self, what: &str) -> Result<T, Failure> {
        self.map_err(|errno| Failure::Host {
            what: format!("could not {what}: {}", io::Error::from(errno)),
            remedy: Host::read().remedy(errno),
        })
    }
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)).step(step)
    }

    fn or_host(self, what: &str, remedy: &str) -> Result<T, Failure> {
        self.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)).or_host(what, remedy)
    }

    fn or_forbidden(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)).or_forbidden(what)
    }
}
