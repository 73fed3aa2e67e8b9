//! Bubblewrap, which some hosts allow namespaces where they allow no other program any: found, and tried.
//!
//! It makes the namespaces and mounts that the init computes, and becomes the init, which makes neither then and does all else; see
//! `init::bubblewrap` and `init::inside`.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::choice::Chosen;
use crate::host::{HostCheck, ask};
use crate::wire::Order;

/// The name of the program.
const PROGRAM: &str = "bwrap";
/// Where distributions put it, for who has a `PATH` without it. Profiles of AppArmor name this path.
const USUAL_PATH: &str = "/usr/bin/bwrap";
const REMEDY: &str = "install bubblewrap 0.8 or newer as /usr/bin/bwrap, where the host allows it what it forbids others: set-user-id, or \
                      with an AppArmor profile";

/// A bubblewrap that works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bubblewrap {
    pub(crate) program: PathBuf,
    /// As it says it, such as `bubblewrap 0.8.0`.
    pub(crate) version: String,
    /// Then it works without user namespaces, and limits no tmpfs.
    pub(crate) is_setuid: bool,
    /// Whether it makes a user namespace, in which the command has ids of its own.
    pub(crate) has_user_namespace: bool,
    /// Where roots are put together.
    pub(crate) roots: PathBuf,
}

/// Checks whether commands can run in bubblewrap's sandbox, by trying. Which of both is wanted is of no account.
///
/// The program must call [`init_if_requested`](crate::init_if_requested) first in `main`. Takes some milliseconds.
#[must_use]
pub fn probe_bubblewrap(chosen: &Chosen) -> HostCheck {
    let name = "bubblewrap".to_owned();
    match find(chosen) {
        Ok(Bubblewrap { program, version, is_setuid, has_user_namespace, .. }) => {
            let how = if is_setuid { ", set-user-id" } else { "" };
            let ids = if has_user_namespace {
                "builds have ids of their own in it"
            } else {
                "builds have the caller's user id in it, and no user namespace"
            };
            let found = format!("{version} at {}{how} works: {ids}", program.display());
            HostCheck { name, ok: true, found, remedy: None }
        }
        Err(Error::HostUnsupported { what, remedy }) => {
            HostCheck { name, ok: false, found: what, remedy: Some(remedy) }
        }
        Err(error) => HostCheck { name, ok: false, found: error.to_string(), remedy: Some(REMEDY.to_owned()) },
    }
}

/// Where bubblewrap is.
pub(crate) fn locate() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(PROGRAM));
    folders
        .chain([PathBuf::from(USUAL_PATH)])
        .find(|path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
}

/// Finds out how that works here.
pub(crate) fn find(chosen: &Chosen) -> Result<Bubblewrap, Error> {
    let unsupported = |what: String| Error::HostUnsupported { what, remedy: REMEDY.to_owned() };
    if rustix::process::geteuid().is_root() {
        return Err(Error::HostUnsupported {
            what: "bubblewrap is no way out for root, whose builds would run as root".to_owned(),
            remedy: "run as an unprivileged user".to_owned(),
        });
    }
    let program = chosen.program.clone().ok_or_else(|| unsupported("there is no bubblewrap".to_owned()))?;
    let found = program.metadata().map_err(|error| Error::io(format!("looking at {}", program.display()), error))?;
    let version =
        version(&program).map_err(|error| unsupported(format!("{} --version: {error}", program.display())))?;
    let is_setuid = found.permissions().mode() & 0o4000 != 0 && found.uid() == 0;
    let mut candidate =
        Bubblewrap { program, version, is_setuid, has_user_namespace: true, roots: chosen.roots.clone() };
    let with_ids = attempt(&candidate);
    if with_ids.is_err() && is_setuid {
        candidate.has_user_namespace = false;
        attempt(&candidate)?;
    } else {
        with_ids?;
    }
    Ok(candidate)
}

fn version(program: &Path) -> io::Result<String> {
    let output = Command::new(program).arg("--version").env_clear().output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let is_plain = !text.is_empty() && text.len() < 64 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if output.status.success() && is_plain { Ok(text) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Puts up an empty sandbox, and checks in it what every one needs.
fn attempt(bubblewrap: &Bubblewrap) -> Result<(), Error> {
    let checks = ask(&Order::ProbeWithin(bubblewrap.clone()))?;
    match checks.into_iter().find(|check| !check.ok) {
        None => Ok(()),
        Some(HostCheck { name, found, remedy, .. }) => Err(Error::HostUnsupported {
            what: format!("inside of bubblewrap, {name}: {found}"),
            remedy: remedy.unwrap_or_else(|| REMEDY.to_owned()),
        }),
    }
}
