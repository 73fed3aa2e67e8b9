//! The members of a published file, by which an installed package finds its statement.

use std::collections::BTreeMap;

use twinbuild_subject::{MemberPath, Sha256};

use crate::ResourceDescriptor;

/// A statement names at most so many members of the published file.
pub const MEMBERS_LIMIT: usize = 20_000;
/// The names of these have at most so many bytes, all together.
pub const MEMBER_NAMES_LIMIT_BYTES: usize = 4 << 20;

/// The regular files of a published file, each with the SHA-256 of its content; none for a file that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members(BTreeMap<MemberPath, Sha256>);

impl FromIterator<(MemberPath, Sha256)> for Members {
    fn from_iter<T: IntoIterator<Item = (MemberPath, Sha256)>>(members: T) -> Self {
        Self(members.into_iter().collect())
    }
}

impl Members {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that a statement on `file_name` names: `RECORD` first, where there is one, then the others by name, up to the
    /// limits. Names that are not UTF-8 are left out, as JSON cannot hold them, and so is one that is the file's own, as names are
    /// to be unique.
    pub(crate) fn named(&self, file_name: &str) -> Vec<ResourceDescriptor> {
        let (record, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(path, _)| is_record(path));
        let mut names_bytes = 0;
        record
            .into_iter()
            .chain(others)
            .filter_map(|(path, sha256)| Some((path.as_str()?, sha256)))
            .filter(|(name, _)| *name != file_name)
            .take(MEMBERS_LIMIT)
            .take_while(|(name, _)| {
                names_bytes += name.len();
                names_bytes <= MEMBER_NAMES_LIMIT_BYTES
            })
            .map(|(name, sha256)| ResourceDescriptor::named(name, *sha256))
            .collect()
    }
}

/// Whether it is the list of a wheel's files: `RECORD` of a `*.dist-info` that is no other folder's.
fn is_record(path: &MemberPath) -> bool {
    path.as_str().and_then(|path| path.split_once('/')).is_some_and(|(folder, file)| {
        file == "RECORD" && folder.strip_suffix(".dist-info").is_some_and(|name| !name.is_empty())
    })
}
