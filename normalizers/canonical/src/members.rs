//! The members of an archive, after the normalizers.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use twinbuild_archive::{Archive, ReadAt, contents};
use twinbuild_repack::{Deflated, MemberFacts, Members, ZipMembers};
use twinbuild_rules::normalize_passing;
use twinbuild_subject::Sha256;

use crate::error::CanonicalError;
use crate::record::{NewContent, follow};
use crate::write::{Canonical, Rewritten};

/// A member up to this size is normalized, in bytes: normalizers have to see the whole of it.
const NORMALIZED_BYTES: u64 = 64 << 20;
/// A `RECORD` up to this size is read, in bytes.
const RECORD_BYTES: u64 = 64 << 20;

/// The members that are written. Rewritten contents are made again whenever they are opened, so that only their digests are
/// kept; `RECORD` is kept.
pub(crate) struct NormalizedMembers<'a> {
    archive: &'a Archive,
    bytes: &'a dyn ReadAt,
    inner: ZipMembers<'a>,
    rewritten: BTreeMap<usize, NewContent>,
    record: Option<(usize, Vec<u8>)>,
}

impl<'a> NormalizedMembers<'a> {
    /// Runs every normalizer once, to learn what it makes of the members.
    pub(crate) fn new(
        archive: &'a Archive,
        bytes: &'a dyn ReadAt,
        canonical: &mut Canonical,
    ) -> Result<Self, CanonicalError> {
        let mut rewritten = BTreeMap::new();
        for (index, member) in archive.members.iter().enumerate() {
            if !member.is_file() || twinbuild_rules::applicable(&member.path).next().is_none() {
                continue;
            }
            if member.size_bytes > NORMALIZED_BYTES {
                let (path, size) = (&member.path, member.size_bytes);
                let limit = NORMALIZED_BYTES;
                canonical.left.push(format!("`{path}` has {size} bytes, and at most {limit} are normalized"));
                continue;
            }
            let content = contents(bytes, archive, index, NORMALIZED_BYTES)?;
            match normalize_passing(&member.path, &content) {
                Ok(normalized) if normalized.applied.is_empty() => {}
                Ok(normalized) => {
                    let size_bytes = normalized.content.len() as u64;
                    rewritten.insert(index, NewContent { size_bytes, sha256: Sha256::of(&normalized.content) });
                    let path = &member.path;
                    let rules = normalized.applied.into_iter();
                    canonical.rewritten.extend(rules.map(|rule| Rewritten { path: path.clone(), rule }));
                }
                Err(error) => canonical.left.push(error.to_string()),
            }
        }
        let inner = ZipMembers::new(archive, bytes);
        let record = match twinbuild_repack::record_index(&inner) {
            Some(index) if archive.members[index].size_bytes <= RECORD_BYTES => {
                let text = contents(bytes, archive, index, RECORD_BYTES)?;
                let followed = follow(&text, archive, rewritten.iter().map(|(index, new)| (*index, new)));
                Some((index, followed))
            }
            Some(_) => return Err(CanonicalError::Count),
            None => {
                let has_several = archive.members.iter().any(|member| twinbuild_record::is_record(&member.path));
                if has_several && !rewritten.is_empty() {
                    canonical.left.push("RECORD does not follow what was rewritten, as there are several".to_owned());
                }
                None
            }
        };
        Ok(Self { archive, bytes, inner, rewritten, record })
    }
}

impl Members for NormalizedMembers<'_> {
    fn count(&self) -> usize {
        self.inner.count()
    }

    fn facts(&self, index: usize) -> Option<MemberFacts<'_>> {
        let facts = self.inner.facts(index)?;
        Some(match (&self.record, self.rewritten.get(&index)) {
            (Some((at, text)), _) if *at == index => {
                MemberFacts { size_bytes: text.len() as u64, sha256: Some(Sha256::of(text)), ..facts }
            }
            (_, Some(new)) => MemberFacts { size_bytes: new.size_bytes, sha256: Some(new.sha256), ..facts },
            (_, None) => facts,
        })
    }

    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        if let Some((at, text)) = &self.record
            && *at == index
        {
            return Ok(Box::new(text.as_slice()));
        }
        let Some(member) = self.archive.members.get(index).filter(|_| self.rewritten.contains_key(&index)) else {
            return self.inner.open(index);
        };
        let content = contents(self.bytes, self.archive, index, NORMALIZED_BYTES).map_err(io::Error::other)?;
        let normalized = normalize_passing(&member.path, &content).map_err(io::Error::other)?;
        Ok(Box::new(Cursor::new(normalized.content.into_owned())))
    }

    /// None: what is canonical depends on no encoder of others.
    fn deflated(&self, _index: usize) -> Option<Deflated<'_>> {
        None
    }
}
