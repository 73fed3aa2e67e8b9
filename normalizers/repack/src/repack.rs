//! From parameters and rebuilt members to an archive.

use std::io::{self, Write};

use twinbuild_archive::{Archive, Format, MemberKind, ReadAt};
use twinbuild_subject::MemberPath;

use crate::encode::{Counted, Sums};
use crate::error::{Failure, RepackError, Unfit};
use crate::fields::{Compressed, Encoder};
use crate::gzip;
use crate::header::{Directory, Entry, TooLarge};
use crate::members::{Deflated, MemberFacts, Members, ZipMembers, names_digest, sorted};
use crate::parameters::{ContainerParameters, Parameters};
use crate::permit;
use crate::record;
use crate::tar::{Expanded, Plan};
use crate::zip_parameters::{Values, ZipParameters};

/// Compressed bytes up to this many are kept until their header is written; members with more are compressed twice.
const KEPT_BYTES: usize = 16 << 20;
/// How much of a deflate stream is copied at a time.
const COPIED_BYTES: usize = 64 * 1024;

/// Writes the members of an archive, which `twinbuild_archive::read` has read from `bytes`, to `out` with these parameters:
/// exactly the file that the parameters were inferred from, if the members are those of that file. **The archive has to be
/// the rebuilt one, never the published one**: whoever gives the published archive's own members proves nothing.
///
/// Memory is bounded as the crate says; a member of more than 16 MiB of compressed bytes is compressed twice.
///
/// # Errors
/// [`RepackError::Unfit`] if the parameters are not valid or not for these members: a member too many or too few, a mode
/// that differs in a bit that matters, a `RECORD` whose lines would move though they are not true. `out` may then have
/// been written to. [`RepackError::Failed`] if reading, writing or compressing fails.
pub fn repack(
    parameters: &Parameters,
    rebuilt: &Archive,
    bytes: &dyn ReadAt,
    out: &mut dyn Write,
) -> Result<(), RepackError> {
    parameters.validate()?;
    match &parameters.container {
        ContainerParameters::Zip(parameters) if rebuilt.format == Format::Zip => {
            repack_zip(parameters, &ZipMembers::new(rebuilt, bytes), out)?;
        }
        ContainerParameters::Zip(_) => return Err(Unfit::Container.into()),
        ContainerParameters::Tar(parameters) => {
            let expanded = Expanded::new(rebuilt, bytes).ok_or(Unfit::Container)?;
            Plan::new(parameters, rebuilt, &expanded)?.write(out)?;
        }
        ContainerParameters::TarGz(parameters) => gzip::repack(parameters, rebuilt, bytes, out)?,
    }
    out.flush().map_err(Failure::Write)?;
    Ok(())
}

/// The same for members from anywhere, which become a zip file.
///
/// # Errors
/// As [`repack`].
pub fn repack_zip(parameters: &ZipParameters, members: &dyn Members, out: &mut dyn Write) -> Result<(), RepackError> {
    parameters.validate()?;
    let order = members_in_order(parameters, members)?;
    let record = ordered_record(parameters, members)?;
    let facts_in_order: Vec<_> = order.iter().filter_map(|index| members.facts(*index)).collect();
    let is_world_writable = permit::writes_world_writable(parameters, &facts_in_order);
    let mut out = Counted { out, written: 0 };
    let mut directory = Vec::new();
    for (index, values) in order.iter().copied().zip(parameters.values()) {
        let facts = members.facts(index).ok_or(Unfit::Names)?;
        permit::check(&facts, &values, is_world_writable)?;
        let contents = match &record {
            Some((at, text)) if *at == index => Contents::Ordered(text),
            _ => Contents::Of(members, index),
        };
        directory.extend(write_member(&facts, &values, &contents, &mut out)?);
    }
    let offset = out.written;
    put(&mut out, &directory)?;
    let end = Directory { members: order.len() as u64, offset, size: directory.len() as u64 };
    let end = end.end(parameters.zip64_end.as_ref());
    put(&mut out, &end.map_err(|TooLarge| Unfit::TooLarge { path: MemberPath::new(*b"") })?)?;
    Ok(())
}

/// The indices of the members in the order of the file.
fn members_in_order(parameters: &ZipParameters, members: &dyn Members) -> Result<Vec<usize>, Unfit> {
    let sorted = sorted(members);
    let (expected, found) = (u64::from(parameters.members), members.count() as u64);
    if expected != found || sorted.len() != members.count() {
        return Err(Unfit::Count { parameters: expected, found });
    }
    if names_digest(members, &sorted) != parameters.names {
        return Err(Unfit::Names);
    }
    let positions = parameters.order.positions(sorted.len()).ok_or(Unfit::Invalid { what: "order" })?;
    Ok(positions.into_iter().filter_map(|position| sorted.get(position).copied()).collect())
}

/// `RECORD` in its order, if that is not the one it has; it must tell the truth then.
fn ordered_record(parameters: &ZipParameters, members: &dyn Members) -> Result<Option<(usize, Vec<u8>)>, RepackError> {
    let (index, order) = match (record::index(members), &parameters.record) {
        (None, None) => return Ok(None),
        (Some(index), Some(order)) => (index, order),
        _ => return Err(Unfit::Record.into()),
    };
    let size = members.facts(index).map_or(0, |facts| facts.size_bytes);
    let text = if size > record::RECORD_BYTES { Vec::new() } else { record::read(members, index)? };
    let lines = record::line_count(&text) as u64;
    let ordered = record::reorder(&text, order).ok_or(Unfit::RecordLines { lines })?;
    if ordered == text {
        return Ok(None);
    }
    record::verify(members, index, &text).map_err(|detail| Unfit::RecordUntrue { detail })?;
    Ok(Some((index, ordered)))
}

/// What is compressed.
enum Contents<'a> {
    /// A member as it is.
    Of(&'a dyn Members, usize),
    /// `RECORD` in another order.
    Ordered(&'a [u8]),
}

impl Contents<'_> {
    /// The contents as the archive of the members has them compressed.
    fn deflated(&self) -> Option<Deflated<'_>> {
        match self {
            Self::Of(members, index) => members.deflated(*index),
            Self::Ordered(_) => None,
        }
    }

    /// Compresses the contents and checks that they are those that the member had when its archive was read.
    fn encode(&self, facts: &MemberFacts<'_>, encoder: Encoder, out: &mut dyn Write) -> Result<Sums, RepackError> {
        match self {
            Self::Ordered(text) => Ok(encoder.encode(facts.path, &mut &**text, out)?),
            Self::Of(members, index) => {
                let mut contents = members.open(*index).map_err(|error| Failure::read(facts.path, error))?;
                let sums = encoder.encode(facts.path, &mut contents, out)?;
                let expected = match facts.kind {
                    MemberKind::File | MemberKind::Symlink { .. } => facts.sha256,
                    MemberKind::Directory => Some(sums.sha256),
                    MemberKind::Hardlink { .. } => return Err(Unfit::Kind { path: facts.path.clone() }.into()),
                };
                if sums.size != facts.size_bytes || Some(sums.sha256) != expected {
                    return Err(Failure::Changed { path: facts.path.clone() }.into());
                }
                Ok(sums)
            }
        }
    }
}

/// Writes header, data and descriptor, and returns the header for the directory.
fn write_member(
    facts: &MemberFacts<'_>,
    values: &Values,
    contents: &Contents<'_>,
    out: &mut Counted<'_>,
) -> Result<Vec<u8>, RepackError> {
    let mut entry = Entry {
        name: facts.path.as_bytes(),
        kind: facts.kind,
        internal_attributes: facts.internal_attributes,
        dos_attributes: facts.dos_attributes,
        values,
        crc32: 0,
        size: facts.size_bytes,
        compressed_size: 0,
        local_offset: out.written,
    };
    let too_large = |TooLarge| Unfit::TooLarge { path: facts.path.clone() };
    match values.compressed {
        Compressed::AsBuilt => {
            let deflated = contents.deflated().ok_or_else(|| Unfit::NotDeflated { path: facts.path.clone() })?;
            (entry.crc32, entry.compressed_size) = (deflated.crc32, deflated.compressed_size_bytes);
            put(out, &entry.local().map_err(too_large)?)?;
            copy(facts, deflated, out)?;
        }
        Compressed::By(encoder) => {
            if !encoder.takes(facts.size_bytes) {
                return Err(Unfit::Encoder { path: facts.path.clone() }.into());
            }
            let mut kept = Kept { bytes: Vec::new(), is_whole: true };
            let sums = contents.encode(facts, encoder, &mut kept)?;
            (entry.crc32, entry.size, entry.compressed_size) = (sums.crc32, sums.size, sums.compressed_size);
            put(out, &entry.local().map_err(too_large)?)?;
            if kept.is_whole {
                put(out, &kept.bytes)?;
            } else if contents.encode(facts, encoder, out)? != sums {
                return Err(Failure::Changed { path: facts.path.clone() }.into());
            }
        }
    }
    let central = entry.central().map_err(too_large)?;
    put(out, &entry.descriptor())?;
    Ok(central)
}

/// Copies a deflate stream. It was verified when its archive was read, so that only its length is checked here.
fn copy(facts: &MemberFacts<'_>, mut deflated: Deflated<'_>, out: &mut Counted<'_>) -> Result<(), Failure> {
    let mut left = deflated.compressed_size_bytes;
    let mut buffer = vec![0; usize::try_from(left).map_or(COPIED_BYTES, |left| left.min(COPIED_BYTES))];
    while left > 0 {
        let count = match deflated.stream.read(&mut buffer) {
            Ok(0) => return Err(Failure::Changed { path: facts.path.clone() }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::read(facts.path, error)),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        left = left.checked_sub(count as u64).ok_or_else(|| Failure::Changed { path: facts.path.clone() })?;
        put(out, chunk)?;
    }
    Ok(())
}

fn put(out: &mut Counted<'_>, bytes: &[u8]) -> Result<(), Failure> {
    out.write_all(bytes).map_err(Failure::Write)
}

/// Keeps what is written as long as it is little.
struct Kept {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_whole &= self.bytes.len() + bytes.len() <= KEPT_BYTES;
        if self.is_whole {
            self.bytes.extend(bytes);
        } else {
            self.bytes = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
