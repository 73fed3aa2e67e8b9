//! Which modes of two members of the same name and kind read alike, so that their difference is a container parameter.
//!
//! What depends on the umask or the system of whoever built may differ; what runs or protects may not.

use twinbuild_archive::MemberKind;

use crate::error::Unfit;
use crate::fields::System;
use crate::members::MemberFacts;
use crate::zip_parameters::{Values, ZipParameters};

/// Bits that run something or protect it, for a file: set-id and sticky bits, and all executable bits.
const FILE_EXECUTES: u32 = 0o7111;
/// The same for a directory or a link.
const OTHER_EXECUTES: u32 = 0o7000;

/// A mode as a zip file stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredMode {
    /// The 12 permission bits; `None` where the upper half of the external attributes is zero.
    pub permissions: Option<u32>,
    /// Whether the file type bits are there.
    pub has_type: bool,
    /// The system that made the member (APPNOTE 4.4.2.2).
    pub creator_system: u8,
}

/// Whether two modes of a member of this kind are read alike by all installers.
///
/// Bits for the group and for reading by others may differ. The executable bits of group and others may differ only where
/// both owners' are set, so that the file is as executable as before. Set-id and sticky bits, the owner's bits and writing
/// by others may not, but that the files of a `world_writable` archive may all be written by others (the caller warns). No
/// mode stands for a file that is not executable. Where type bits are absent or the creator is no Unix system, some
/// readers pass over the mode: that may differ only where the mode runs nothing.
#[must_use]
pub fn modes_read_alike(kind: &MemberKind, a: &StoredMode, b: &StoredMode, world_writable: bool) -> bool {
    let executes = if *kind == MemberKind::File { FILE_EXECUTES } else { OTHER_EXECUTES };
    let (Some(left), Some(right)) = (a.permissions, b.permissions) else {
        let mode = a.permissions.or(b.permissions).unwrap_or(0);
        return mode & (executes | 0o002) == 0;
    };
    let is_believed = |system: u8| [System::Unix, System::Darwin].iter().any(|unix| unix.number() == system);
    let same_belief =
        a.creator_system == b.creator_system || (is_believed(a.creator_system) && is_believed(b.creator_system));
    if (!same_belief || a.has_type != b.has_type) && (left | right) & executes != 0 {
        return false;
    }
    let mut permitted = 0o064;
    if left & right & 0o100 != 0 {
        permitted |= 0o011;
    }
    if world_writable {
        permitted |= 0o002;
    }
    (left ^ right) & !permitted == 0
}

/// The same for a member of a tar, where a blank mode is read as different ones: it stands for itself alone.
#[must_use]
pub fn tar_modes_read_alike(kind: &MemberKind, a: &StoredMode, b: &StoredMode, world_writable: bool) -> bool {
    a.permissions.is_some() == b.permissions.is_some() && modes_read_alike(kind, a, b, world_writable)
}

/// Whether each of these files, given by their permission bits, may be written by others; false where there is none.
pub fn is_world_writable(modes: impl IntoIterator<Item = Option<u32>>) -> bool {
    let mut modes = modes.into_iter().peekable();
    modes.peek().is_some() && modes.all(|mode| mode.is_some_and(|mode| mode & 0o002 != 0))
}

/// The mode that a member is written with.
fn written(values: &Values) -> StoredMode {
    StoredMode {
        permissions: values.mode.map(|mode| u32::from(mode.permissions)),
        has_type: values.mode.is_some_and(|mode| mode.has_type),
        creator_system: values.creator.system.number(),
    }
}

/// Whether the parameters let every file be written by others; `order` gives the members in the parameters' order.
pub(crate) fn writes_world_writable(parameters: &ZipParameters, order: &[MemberFacts<'_>]) -> bool {
    let files = parameters.values().zip(order).filter(|(_, facts)| *facts.kind == MemberKind::File);
    is_world_writable(files.map(|(values, _)| values.mode.map(|mode| u32::from(mode.permissions))))
}

/// Checks that a member may be written with these values.
pub(crate) fn check(facts: &MemberFacts<'_>, values: &Values, world_writable: bool) -> Result<(), Unfit> {
    let path = || facts.path.clone();
    let (found, written) = (facts.mode, written(values));
    let believed = StoredMode { creator_system: found.creator_system, has_type: found.has_type, ..written };
    if !modes_read_alike(facts.kind, &found, &believed, world_writable) {
        return Err(Unfit::Mode { path: path(), found: found.permissions, written: written.permissions });
    }
    if !modes_read_alike(facts.kind, &found, &written, world_writable) {
        return Err(Unfit::Creator { path: path(), found: found.creator_system, written: written.creator_system });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: u8 = 3;

    fn stored(permissions: Option<u32>) -> StoredMode {
        StoredMode { permissions, has_type: permissions.is_some(), creator_system: UNIX }
    }

    fn file(a: Option<u32>, b: Option<u32>) -> bool {
        modes_read_alike(&MemberKind::File, &stored(a), &stored(b), false)
    }

    #[test]
    fn modes_of_another_umask_are_permitted() {
        assert!(file(Some(0o644), Some(0o664)) && file(Some(0o644), Some(0o600)));
        assert!(file(Some(0o755), Some(0o775)) && file(Some(0o755), Some(0o700)));
        assert!(file(None, Some(0o664)) && file(Some(0o644), None));
    }

    #[test]
    fn modes_that_run_or_protect_otherwise_are_not() {
        for (a, b) in [(0o644, 0o755), (0o644, 0o645), (0o644, 0o666), (0o755, 0o4755), (0o644, 0o444)] {
            assert!(!file(Some(a), Some(b)), "{a:o} {b:o}");
        }
        assert!(!file(None, Some(0o755)) && !file(None, Some(0o646)));
    }

    #[test]
    fn what_some_readers_pass_over_may_run_nothing() {
        let alike = |a: StoredMode, b: StoredMode| modes_read_alike(&MemberKind::File, &a, &b, false);
        for permissions in [0o644, 0o755] {
            let full = stored(Some(permissions));
            let is_harmless = permissions == 0o644;
            assert_eq!(alike(full, StoredMode { has_type: false, ..full }), is_harmless);
            assert_eq!(alike(full, StoredMode { creator_system: 0, ..full }), is_harmless);
            assert!(alike(full, StoredMode { creator_system: 19, ..full }));
        }
    }

    #[test]
    fn a_blank_mode_of_a_tar_stands_for_itself_alone() {
        let alike = |a, b| tar_modes_read_alike(&MemberKind::File, &stored(a), &stored(b), false);
        assert!(alike(None, None) && alike(Some(0o644), Some(0o664)));
        assert!(!alike(None, Some(0o644)) && !alike(Some(0o644), None));
    }

    #[test]
    fn writing_by_others_is_all_or_nothing() {
        assert!(is_world_writable([Some(0o666), Some(0o777)]));
        assert!(!is_world_writable([Some(0o666), Some(0o644)]) && !is_world_writable([None]) && !is_world_writable([]));
        assert!(modes_read_alike(&MemberKind::File, &stored(Some(0o666)), &stored(Some(0o644)), true));
    }
}
