//! Which sandbox commands run in: this crate's own, or one that bubblewrap puts up.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use crate::bubblewrap::{self, Bubblewrap};
use crate::{Error, probe_host};

/// Which sandbox is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// This crate's own; where the host does not let it run, and lets bubblewrap, that of bubblewrap.
    Auto,
    /// This crate's own.
    #[default]
    Own,
    /// That of bubblewrap. What it holds less than this crate's own stands in [`InForce::weaker`](crate::InForce::weaker).
    Bubblewrap,
}

impl Choice {
    const ALL: [Self; 3] = [Self::Auto, Self::Own, Self::Bubblewrap];

    /// Its name: `auto`, `own` or `bubblewrap`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Bubblewrap => "bubblewrap",
        }
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|choice| choice.name() == text);
        found.ok_or_else(|| format!("{text:?} is no sandbox, and auto, own or bubblewrap is expected"))
    }
}

/// Which sandbox the commands of a process run in, see [`choose`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Which is wanted.
    pub choice: Choice,
    /// Where bubblewrap's sandboxes put their roots together, each in a folder that goes with it: best on the file system of the
    /// layers, with which some share blocks. Made when it is needed; for this use alone.
    pub roots: PathBuf,
    /// The bubblewrap, where there is one.
    pub program: Option<PathBuf>,
}

impl Chosen {
    /// A choice, and the bubblewrap that is found by `PATH`, or else where distributions put it.
    #[must_use]
    pub fn new(choice: Choice, roots: PathBuf) -> Self {
        Self { choice, roots, program: bubblewrap::locate() }
    }
}

/// What commands run in, once that is known.
#[derive(Clone, Debug)]
pub(crate) enum Means {
    Own,
    Bubblewrap(Bubblewrap),
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();
static DECIDED: OnceLock<Means> = OnceLock::new();
static DECIDING: Mutex<()> = Mutex::new(());

/// Chooses what all commands of this process run in; without it that is this crate's own sandbox. To be called before the first
/// command, and once: a later call changes nothing.
pub fn choose(chosen: Chosen) {
    let _ = CHOSEN.set(chosen);
}

/// Removes what killed processes have left of roots. The next sandbox of bubblewrap's does so too.
pub fn sweep_roots() {
    crate::init::sweep_roots(&chosen().roots);
}

/// What was chosen, and where that was [`Choice::Auto`] and has come to a decision, the decision: for another process that is to run
/// its commands in the same.
#[must_use]
pub fn chosen() -> Chosen {
    let mut chosen = CHOSEN.get().cloned().unwrap_or_default();
    match DECIDED.get() {
        Some(Means::Own) => chosen.choice = Choice::Own,
        Some(Means::Bubblewrap(_)) => chosen.choice = Choice::Bubblewrap,
        None => {}
    }
    chosen
}

/// The user and group that a command has inside, which asks for these: others, the caller's, only in a sandbox without a user
/// namespace. What names them inside, such as `/etc/passwd`, is to name these. To be asked after the first command.
#[must_use]
pub fn ids_inside(uid: u32, gid: u32) -> (u32, u32) {
    match DECIDED.get() {
        Some(Means::Bubblewrap(Bubblewrap { has_user_namespace: false, .. })) => {
            (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
        }
        _ => (uid, gid),
    }
}

/// What a command is to run in; nothing where its own attempt is to decide.
pub(crate) fn means() -> Result<Option<&'static Means>, Error> {
    if let Some(means) = DECIDED.get() {
        return Ok(Some(means));
    }
    match chosen().choice {
        Choice::Auto => Ok(None),
        Choice::Own => Ok(Some(&Means::Own)),
        Choice::Bubblewrap => {
            let _alone = DECIDING.lock().unwrap_or_else(PoisonError::into_inner);
            if DECIDED.get().is_none() {
                settle(Means::Bubblewrap(bubblewrap::find(&chosen())?));
            }
            Ok(DECIDED.get())
        }
    }
}

/// Decides for all that follows, unless that was done.
pub(crate) fn settle(means: Means) {
    let _ = DECIDED.set(means);
}

/// What to run in after this crate's own sandbox was refused by the host.
///
/// # Errors
/// `refused`, where the host's checks find nothing that is amiss, and where bubblewrap's sandbox cannot run either.
pub(crate) fn fall_back(refused: Error) -> Result<&'static Means, Error> {
    let _alone = DECIDING.lock().unwrap_or_else(PoisonError::into_inner);
    if DECIDED.get().is_none() && probe_host().iter().any(|check| !check.ok) {
        match (bubblewrap::find(&chosen()), refused) {
            (Ok(found), _) => settle(Means::Bubblewrap(found)),
            (Err(Error::HostUnsupported { what: also, .. }), Error::HostUnsupported { what, remedy }) => {
                return Err(Error::HostUnsupported { what: format!("{what}; and by bubblewrap: {also}"), remedy });
            }
            (Err(_), refused) => return Err(refused),
        }
        return DECIDED.get().ok_or_else(|| Error::spec("no sandbox was decided on"));
    }
    match DECIDED.get() {
        Some(means @ Means::Bubblewrap(_)) => Ok(means),
        _ => Err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_by_their_names() {
        for choice in Choice::ALL {
            assert_eq!(choice.name().parse(), Ok(choice));
        }
        assert!("bwrap".parse::<Choice>().unwrap_err().contains("auto, own or bubblewrap"));
    }
}
