//! The members that are written: those of a rebuilt archive.

use std::io::{self, Read};

use crate::permit::StoredMode;
use twinbuild_archive::{Archive, Fields, MemberKind, ReadAt, ZipFields, open};
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

/// What a member brings along itself; all else is a parameter.
#[derive(Debug, Clone, Copy)]
pub struct MemberFacts<'a> {
    /// Its name.
    pub path: &'a MemberPath,
    /// What it is.
    pub kind: &'a MemberKind,
    /// Its mode, and what readers need to believe it.
    pub mode: StoredMode,
    /// The lower half of the external attributes (4.4.15).
    pub dos_attributes: u16,
    /// Internal attributes (4.4.14).
    pub internal_attributes: u16,
    /// Expanded size of what [`Members::open`] gives, in bytes.
    pub size_bytes: u64,
    /// Its digest; `None` for directories.
    pub sha256: Option<Sha256>,
}

/// Members by index, in any order, with their contents. **Of the rebuilt archive, never of the published one**: whoever
/// gives the published archive's own members proves nothing.
pub trait Members {
    /// How many there are.
    fn count(&self) -> usize;

    /// The member at `index`; `None` beyond the last one.
    fn facts(&self, index: usize) -> Option<MemberFacts<'_>>;

    /// The expanded contents: of a file, the target of a symbolic link, and nothing for a directory. May be called more
    /// than once for a member.
    ///
    /// # Errors
    /// Whatever the medium says.
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>>;
}

/// The members of a zip file that `twinbuild_archive::read` has read.
#[derive(Clone, Copy)]
pub struct ZipMembers<'a> {
    archive: &'a Archive,
    bytes: &'a dyn ReadAt,
}

impl<'a> ZipMembers<'a> {
    /// The members of `archive`, read from `bytes`. Of an archive of another format there are none that can be opened.
    #[must_use]
    pub fn new(archive: &'a Archive, bytes: &'a dyn ReadAt) -> Self {
        Self { archive, bytes }
    }

    fn fields(&self, index: usize) -> Option<&'a ZipFields> {
        match &self.archive.members.get(index)?.fields {
            Fields::Zip(fields) => Some(fields),
            Fields::Tar(_) | Fields::Ar(_) | Fields::None => None,
        }
    }
}

impl Members for ZipMembers<'_> {
    fn count(&self) -> usize {
        self.archive.members.len()
    }

    fn facts(&self, index: usize) -> Option<MemberFacts<'_>> {
        let member = self.archive.members.get(index)?;
        let fields = self.fields(index)?;
        let [low, high, ..] = fields.external_attributes.to_le_bytes();
        Some(MemberFacts {
            path: &member.path,
            kind: &member.kind,
            mode: StoredMode {
                permissions: member.mode,
                has_type: member.type_bits.is_some(),
                creator_system: fields.creator_system,
            },
            dos_attributes: u16::from_le_bytes([low, high]),
            internal_attributes: fields.internal_attributes,
            size_bytes: member.size_bytes,
            sha256: member.sha256,
        })
    }

    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        // One byte more than was declared shows contents that grew; digests show all else.
        let contents = open(self.bytes, self.archive, index).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(contents))
    }
}

/// The indices of the members in the order of the bytes of their names.
pub(crate) fn sorted(members: &dyn Members) -> Vec<usize> {
    let mut named: Vec<(&[u8], usize)> = (0..members.count())
        .filter_map(|index| members.facts(index).map(|facts| (facts.path.as_bytes(), index)))
        .collect();
    named.sort_unstable();
    named.into_iter().map(|(_, index)| index).collect()
}

/// What [`crate::Parameters::names`] is: the names in sorted order, each after its length.
pub(crate) fn names_digest(members: &dyn Members, sorted: &[usize]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for facts in sorted.iter().filter_map(|index| members.facts(*index)) {
        let name = facts.path.as_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
    }
    hasher.finish()
}
