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

    /// The contents as they are deflated in the archive of the members; `None` where they are not, or where a deflate
    /// stream and nothing else cannot be given.
    fn deflated(&self, index: usize) -> Option<Deflated<'_>>;
}

/// A whole deflate stream (RFC 1951), of which the reader of the archive verified that it gives the contents.
pub struct Deflated<'a> {
    /// The stream.
    pub stream: Box<dyn Read + 'a>,
    /// Its size in bytes.
    pub compressed_size_bytes: u64,
    /// CRC-32 of the contents.
    pub crc32: u32,
}

/// The members of a zip file that `twinbuild_archive::read` has read.
#[derive(Clone, Copy)]
pub struct ZipMembers<'a> {
    archive: &'a Archive,
    bytes: &'a dyn ReadAt,
}

impl<'a> ZipMembers<'a> {
    /// The members of `archive`, read from `bytes`. Of an archive of another format there are none that can be opened.
    pub fn new(archive: &'a Archive, bytes: &'a dyn ReadAt) -> Self {
        Self { archive, bytes }
    }

    fn fields(&self, index: usize) -> Option<&'a ZipFields> {
        match &self.archive.members.get(index)?.fields {
            Fields::Zip(fields) => Some(fields),
            Fields::Tar(_) | Fields::Ar(_) | Fields::None => None,
        }
    }

    /// The data of a member, which lies within the file.
    fn section(&self, fields: &ZipFields) -> Section<'a> {
        let start = fields.data_offset;
        Section { bytes: self.bytes, position: start, end: start.saturating_add(fields.compressed_size_bytes) }
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

    fn deflated(&self, index: usize) -> Option<Deflated<'_>> {
        let fields = self.fields(index).filter(|fields| fields.central.method == 8 && fields.tail_bytes == 0)?;
        Some(Deflated {
            stream: Box::new(self.section(fields)),
            compressed_size_bytes: fields.compressed_size_bytes,
            crc32: fields.central.crc32,
        })
    }
}

/// A range of a file, from its start to its end.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) bytes: &'a dyn ReadAt,
    pub(crate) position: u64,
    pub(crate) end: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.bytes.read_at(&mut buffer[..wanted], self.position)?;
        self.position += count as u64;
        Ok(count)
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

/// What [`crate::ZipParameters::names`] is: the names in sorted order, each after its length.
pub(crate) fn names_digest(members: &dyn Members, sorted: &[usize]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for facts in sorted.iter().filter_map(|index| members.facts(*index)) {
        let name = facts.path.as_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
    }
    hasher.finish()
}
