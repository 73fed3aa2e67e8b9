//! What can be done about an error, where its own words do not say it.

use std::io;

use twinbuild_environment::EnvironmentError;
use twinbuild_judge::JudgeError;
use twinbuild_registry::tools::ToolError;
use twinbuild_registry::{DebianError, RegistryError};
use twinbuild_sandbox::Error as SandboxError;
use twinbuild_store::{FetchError, StoreError};

use crate::failure::{HOST, INTERNAL, USAGE};

/// A command that was stopped needs nothing.
const STOPPED: u8 = 130;

/// What is started by a command that says itself what can be done.
const CONFINED: &str = "recheck-confined";

/// The next step after an error with this exit code of the command of these words; `None` where there is none.
pub(crate) fn of(error: &anyhow::Error, exit_code: u8, command: &[String]) -> Option<String> {
    if command == [CONFINED] {
        return None;
    }
    // The cause that is nearest to what was done tells best; what only the system said comes last.
    let by_type = error.chain().find_map(of_known).or_else(|| error.chain().find_map(of_system));
    let by_code = || match exit_code {
        STOPPED => None,
        USAGE if command == ["help"] => Some("`twinbuild help` lists all commands and topics".to_owned()),
        USAGE => Some(format!("`twinbuild help {}` says what can be asked", command.join(" "))),
        HOST => Some("`twinbuild doctor` says what this host lacks, and what helps".to_owned()),
        INTERNAL => Some("this is a bug: report it, with what the same command says with --verbose".to_owned()),
        1 => Some("do not use it: `twinbuild help outcomes` says what this means".to_owned()),
        _ => Some(
            "try it with --verbose, which says more of what is done; `twinbuild doctor` looks at this host".to_owned(),
        ),
    };
    by_type.map(str::to_owned).or_else(by_code)
}

fn of_known(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<JudgeError>() {
        return match error {
            JudgeError::NotThere(error) | JudgeError::Unreachable(error) => of_registry(error),
            JudgeError::Store(error) => of_store(error),
            JudgeError::Host(error) => of_sandbox(error),
            JudgeError::Inputs { .. } => {
                Some("try again with the network, or from where the inputs are kept (--inputs DIR)")
            }
            JudgeError::Usage { .. }
            | JudgeError::Cancelled
            | JudgeError::Environment(_)
            | JudgeError::Io { .. }
            | JudgeError::Internal { .. } => None,
        };
    }
    if let Some(error) = error.downcast_ref::<EnvironmentError>() {
        return match error {
            EnvironmentError::Registry(error) => of_registry(error),
            EnvironmentError::Tool(ToolError::Registry { source, .. }) => of_registry(source),
            EnvironmentError::Debian(DebianError::Fetch(error)) | EnvironmentError::Fetch(error) => of_fetch(error),
            EnvironmentError::Store(error) => of_store(error),
            EnvironmentError::Sandbox(error) => of_sandbox(error),
            _ => None,
        };
    }
    let known = error.downcast_ref::<RegistryError>().and_then(of_registry);
    let known = known.or_else(|| error.downcast_ref::<FetchError>().and_then(of_fetch));
    let known = known.or_else(|| error.downcast_ref::<StoreError>().and_then(of_store));
    known.or_else(|| error.downcast_ref::<SandboxError>().and_then(of_sandbox))
}

fn of_registry(error: &RegistryError) -> Option<&'static str> {
    match error {
        RegistryError::Fetch(error) => of_fetch(error),
        // Their messages say it.
        _ => None,
    }
}

fn of_fetch(error: &FetchError) -> Option<&'static str> {
    match error {
        FetchError::Unreachable { .. } => Some(
            "check the network, the proxy (HTTPS_PROXY) and the address; --offline makes do with what the cache has",
        ),
        FetchError::Status { status: 401 | 403 | 407, .. } => {
            Some("give credentials: in the address of the index, or in ~/.netrc (`twinbuild help configuration`)")
        }
        FetchError::Status { .. } => Some("try again later, or ask another index with --index-url"),
        FetchError::NotFound { .. } => Some("check the address; --index-url and --debian-mirror name others"),
        FetchError::TooLarge { .. } => Some("nothing of that size is read: check the address"),
        FetchError::Insecure { .. } => Some("name an address that begins with https://"),
        FetchError::DigestMismatch(_) | FetchError::SizeMismatch { .. } => {
            Some("do not use it: the index and its files contradict each other; try again later, or ask another index")
        }
        FetchError::Store(error) => of_store(error),
        // Its message says it.
        FetchError::Offline { .. } => None,
    }
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Io { source, .. } => Some(match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "keep the cache where you may write: --cache-dir DIR, or TWINBUILD_CACHE_DIR"
            }
            _ => "check the folder of the cache; it may be deleted at any time, and --cache-dir names another",
        }),
        StoreError::StorageFull { .. } => Some(
            "free some space (`twinbuild env gc` removes what was not used lately), or name another folder with --cache-dir",
        ),
        StoreError::TooLarge { .. } | StoreError::Corrupted { .. } | StoreError::Input { .. } => None,
        StoreError::Name { .. } | StoreError::Record { .. } => None,
    }
}

fn of_sandbox(error: &SandboxError) -> Option<&'static str> {
    match error {
        SandboxError::HostUnsupported { .. } => Some("`twinbuild doctor` says what this host lacks, and what helps"),
        _ => None,
    }
}

/// What the system says, where nobody has said more of it.
fn of_system(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    Some(match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "change its permissions, or name another place",
        io::ErrorKind::ReadOnlyFilesystem => "name a place that can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or name another place",
        io::ErrorKind::AlreadyExists => "move what is there away, or name another place",
        io::ErrorKind::IsADirectory => "name a file",
        io::ErrorKind::NotADirectory => "name a folder",
        io::ErrorKind::InvalidData => "check that it is a file of the kind that is expected",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    fn step(error: &anyhow::Error, exit_code: u8) -> String {
        of(error, exit_code, &["key".to_owned(), "show".to_owned()]).unwrap_or_default()
    }

    fn io_error(kind: io::ErrorKind) -> StoreError {
        StoreError::Io { doing: "make the folder", path: "/cache".into(), source: kind.into() }
    }

    #[test]
    fn each_exit_code_has_a_step_but_that_of_being_stopped() {
        for code in [1, 2, USAGE, HOST, INTERNAL] {
            assert!(!step(&anyhow!("x"), code).is_empty(), "{code}");
        }
        assert_eq!(step(&anyhow!("x"), USAGE), "`twinbuild help key show` says what can be asked");
        assert_eq!(step(&anyhow!("stopped"), STOPPED), "");
    }

    #[test]
    fn a_cause_is_found_through_all_that_stands_before_it() {
        let fetch = |error: StoreError| RegistryError::Fetch(FetchError::Store(error));
        let error = JudgeError::Unreachable(fetch(io_error(io::ErrorKind::ReadOnlyFilesystem)));
        assert!(step(&error.into(), 2).contains("--cache-dir"));
        let error =
            anyhow::Error::new(FetchError::Status { what: "x".into(), url: "y".into(), status: 401, attempts: 1 });
        assert!(step(&error.context("z"), 2).contains("netrc"));
        let full: Result<(), _> = Err(io::Error::from(io::ErrorKind::StorageFull));
        assert!(step(&full.context("writing").unwrap_err(), 2).contains("free some space"));
    }
}
