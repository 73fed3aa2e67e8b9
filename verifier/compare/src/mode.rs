//! Which differences of mode bits are container parameters.

use twinbuild_archive::{Member, MemberKind};

/// How the modes of two members relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModeRelation {
    Same,
    /// They differ in bits that depend on the umask of whoever built, and in nothing that runs or protects.
    Permitted,
    Different,
}

/// Compares modes. Bits for the group and for reading by others may differ. The executable bits of group and others may
/// differ only where both owners' are set, so that the file is as executable as before. Set-id and sticky bits, the
/// owner's bits and writing by others may not, except that `all_world_writable` files may all be (the caller warns).
/// No mode at all stands for a file that is not executable.
pub(crate) fn relate_modes(a: &Member, b: &Member, all_world_writable: bool) -> ModeRelation {
    let (left, right) = match (a.mode, b.mode) {
        (None, None) => return ModeRelation::Same,
        (Some(left), Some(right)) => (left, right),
        (Some(mode), None) | (None, Some(mode)) => {
            let harmless = match a.kind {
                MemberKind::File => mode & 0o7113 == 0,
                _ => mode & 0o7002 == 0,
            };
            return if harmless { ModeRelation::Permitted } else { ModeRelation::Different };
        }
    };
    let changed = left ^ right;
    if changed == 0 && a.type_bits == b.type_bits {
        return ModeRelation::Same;
    }
    let mut permitted = 0o064;
    if left & right & 0o100 != 0 {
        permitted |= 0o011;
    }
    if all_world_writable {
        permitted |= 0o002;
    }
    // Installers set the executable bit only where the type says that it is a regular file.
    if a.type_bits != b.type_bits && (left | right) & 0o111 != 0 {
        return ModeRelation::Different;
    }
    if changed & !permitted == 0 { ModeRelation::Permitted } else { ModeRelation::Different }
}

/// Whether there are files, and each of them may be written by others.
pub(crate) fn all_world_writable<'a>(members: impl IntoIterator<Item = &'a Member>) -> bool {
    let mut files = members.into_iter().filter(|member| member.is_file()).peekable();
    files.peek().is_some() && files.all(|member| member.mode.is_some_and(|mode| mode & 0o002 != 0))
}

/// A mode as a reader knows it.
pub(crate) fn shown(member: &Member) -> String {
    member.mode.map_or_else(|| "no mode".to_owned(), |mode| format!("{mode:04o}"))
}
