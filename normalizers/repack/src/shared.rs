//! What a published file and a rebuild have in common as they lie in their files, so that nothing needs to be compressed.

use std::collections::HashMap;
use std::io;

use twinbuild_archive::{Archive, Container, Fields, Member, ReadAt};
use twinbuild_subject::MemberPath;

use crate::error::Failure;

/// How much of each file is compared at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The members of a published file of which a rebuild has the same compressed bytes; of a tar in gzip, whether all is.
#[derive(Debug, Clone)]
pub struct Shared<'a> {
    rebuilt: &'a Archive,
    is_shared: Vec<bool>,
    is_stream_shared: bool,
}

impl<'a> Shared<'a> {
    /// Compares the compressed bytes of each deflated member of the published file with those of the rebuild's member of
    /// the same name, or the one stream of a tar in gzip with the rebuild's, reading both once, as far as they agree.
    ///
    /// # Errors
    /// When one of the files cannot be read again.
    pub fn find(
        published: &Archive,
        published_bytes: &dyn ReadAt,
        rebuilt: &'a Archive,
        rebuilt_bytes: &dyn ReadAt,
    ) -> Result<Self, Failure> {
        let is_stream_shared = match (stream(published), stream(rebuilt)) {
            (Some((start, size)), Some((other_start, other_size))) if size == other_size => {
                same_bytes(published_bytes, start, rebuilt_bytes, other_start, size)
                    .map_err(|error| Failure::read(&MemberPath::new(*b""), error))?
            }
            _ => false,
        };
        let theirs: HashMap<&[u8], &Member> =
            rebuilt.members.iter().map(|member| (member.path.as_bytes(), member)).collect();
        let is_shared = published.members.iter().map(|member| {
            let Some(other) = theirs.get(member.path.as_bytes()) else { return Ok(false) };
            let (Some((start, size)), Some((other_start, other_size))) = (deflated(member), deflated(other)) else {
                return Ok(false);
            };
            let is_equal = member.kind == other.kind && member.sha256 == other.sha256 && size == other_size;
            Ok(is_equal
                && same_bytes(published_bytes, start, rebuilt_bytes, other_start, size)
                    .map_err(|error| Failure::read(&member.path, error))?)
        });
        Ok(Self { rebuilt, is_shared: is_shared.collect::<Result<_, Failure>>()?, is_stream_shared })
    }

    /// Whether the rebuild has the same compressed bytes for the published member at `index`.
    #[must_use]
    pub fn is_shared(&self, index: usize) -> bool {
        self.is_shared.get(index).copied().unwrap_or(false)
    }

    /// Whether both are tars in gzip and have the same deflate stream.
    #[must_use]
    pub fn is_stream_shared(&self) -> bool {
        self.is_stream_shared
    }

    pub(crate) fn rebuilt(&self) -> &'a Archive {
        self.rebuilt
    }
}

/// Where the deflate stream of a tar in gzip lies.
fn stream(archive: &Archive) -> Option<(u64, u64)> {
    match &archive.container {
        Container::TarGz { gzip, .. } => {
            Some((gzip.deflate_offset, gzip.trailer_offset.saturating_sub(gzip.deflate_offset)))
        }
        _ => None,
    }
}

/// Where the data of a deflated member lies.
fn deflated(member: &Member) -> Option<(u64, u64)> {
    match &member.fields {
        Fields::Zip(fields) if fields.central.method == 8 => Some((fields.data_offset, fields.compressed_size_bytes)),
        Fields::Zip(_) | Fields::Tar(_) | Fields::Ar(_) | Fields::None => None,
    }
}

/// Whether two ranges of the same length hold the same bytes.
///
/// # Errors
/// When one of the files cannot be read, or ends before its range does.
pub fn same_bytes(
    left: &dyn ReadAt,
    left_offset: u64,
    right: &dyn ReadAt,
    right_offset: u64,
    length: u64,
) -> io::Result<bool> {
    let room = usize::try_from(length).map_or(CHUNK_BYTES, |length| length.min(CHUNK_BYTES));
    let (mut ours, mut theirs) = (vec![0; room], vec![0; room]);
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done).map_or(room, |left| left.min(room));
        let (Some(ours), Some(theirs)) = (ours.get_mut(..wanted), theirs.get_mut(..wanted)) else { return Ok(false) };
        fill(left, left_offset.saturating_add(done), ours)?;
        fill(right, right_offset.saturating_add(done), theirs)?;
        if ours != theirs {
            return Ok(false);
        }
        done += wanted as u64;
    }
    Ok(true)
}

/// Reads until the buffer is full.
pub(crate) fn fill(bytes: &dyn ReadAt, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match bytes.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                offset = offset.saturating_add(count as u64);
                buffer = buffer.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
