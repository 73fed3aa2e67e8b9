//! Which modes and creators a member may be written with.
//!
//! Modes follow the same rule as the comparison: what depends on the umask of whoever built may differ, what runs or
//! protects may not.

use twinbuild_archive::MemberKind;

use crate::error::Unfit;
use crate::fields::System;
use crate::members::{MemberFacts, Members};
use crate::parameters::Values;

/// Bits that run something or protect it, for a file: set-id and sticky bits, and all executable bits.
const FILE_EXECUTES: u32 = 0o7111;

/// Whether every file may be written by anybody: only then may that bit differ anywhere.
pub(crate) fn is_world_writable(members: &dyn Members) -> bool {
    let mut files = (0..members.count())
        .filter_map(|index| members.facts(index))
        .filter(|facts| *facts.kind == MemberKind::File)
        .peekable();
    files.peek().is_some() && files.all(|facts| facts.mode.is_some_and(|mode| mode & 0o002 != 0))
}

/// Checks that a member may be written with these values.
pub(crate) fn check(facts: &MemberFacts<'_>, values: &Values, is_world_writable: bool) -> Result<(), Unfit> {
    let path = || facts.path.clone();
    let written = values.mode.map(|mode| u32::from(mode.permissions));
    if !is_mode_permitted(facts.kind, facts.mode, written, is_world_writable) {
        return Err(Unfit::Mode { path: path(), found: facts.mode, written });
    }
    let found = facts.creator_system;
    if found == values.creator.system.number() {
        return Ok(());
    }
    // Info-ZIP and Go believe a mode of Unix and Darwin only, pip believes any: where one of the two is neither, the
    // mode may say nothing that changes what a member is or does.
    let is_believed = |system: u8| [System::Unix, System::Darwin].iter().any(|unix| unix.number() == system);
    let is_neutral = match facts.kind {
        MemberKind::File => facts.mode.unwrap_or(0) & FILE_EXECUTES == 0 && written.unwrap_or(0) & FILE_EXECUTES == 0,
        MemberKind::Directory => facts.mode.unwrap_or(0) & 0o7000 == 0 && written.unwrap_or(0) & 0o7000 == 0,
        MemberKind::Symlink { .. } | MemberKind::Hardlink { .. } => false,
    };
    if is_neutral || (is_believed(found) && is_believed(values.creator.system.number())) {
        return Ok(());
    }
    Err(Unfit::Creator { path: path(), found, written: values.creator.system.number() })
}

/// Bits for the group and for reading by others may differ; executable bits of group and others only where both owners'
/// are set, so that the file is as executable as before. No mode stands for a file that is not executable.
fn is_mode_permitted(kind: &MemberKind, found: Option<u32>, written: Option<u32>, is_world_writable: bool) -> bool {
    let (found, written) = match (found, written) {
        (None, None) => return true,
        (Some(found), Some(written)) => (found, written),
        (Some(mode), None) | (None, Some(mode)) => {
            return match kind {
                MemberKind::File => mode & 0o7113 == 0,
                _ => mode & 0o7002 == 0,
            };
        }
    };
    let mut permitted = 0o064;
    if found & written & 0o100 != 0 {
        permitted |= 0o011;
    }
    if is_world_writable {
        permitted |= 0o002;
    }
    (found ^ written) & !permitted == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(found: Option<u32>, written: Option<u32>) -> bool {
        is_mode_permitted(&MemberKind::File, found, written, false)
    }

    #[test]
    fn modes_of_another_umask_are_permitted() {
        assert!(file(Some(0o644), Some(0o664)) && file(Some(0o644), Some(0o600)));
        assert!(file(Some(0o755), Some(0o775)) && file(Some(0o755), Some(0o700)));
        assert!(file(None, Some(0o664)) && file(Some(0o644), None));
    }

    #[test]
    fn modes_that_run_or_protect_otherwise_are_not() {
        for (found, written) in [(0o644, 0o755), (0o644, 0o645), (0o644, 0o666), (0o755, 0o4755), (0o644, 0o444)] {
            assert!(!file(Some(found), Some(written)), "{found:o} {written:o}");
        }
        assert!(!file(None, Some(0o755)) && !file(None, Some(0o646)));
    }
}
