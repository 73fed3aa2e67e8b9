//! Strict readers for the archive formats that packages are published in.
//!
//! [`read`] takes bytes ([`ReadAt`]) and gives an [`Archive`]: its [`Member`]s with all their metadata and the SHA-256 of
//! their contents, its [`Anomaly`]s, and its [`Tile`]s, a map that has every byte of the file exactly once. It fails with
//! a [`ReadError`] that says whose fault it is: [`Malformation`] is proof that the archive breaks its format or that two
//! readers in real use would read it differently, [`LimitError`] says nothing about its honesty.
//!
//! [`visit`] is the same pass, in order and by one thread, and hands out each member's contents; [`contents`] and
//! [`stream`] read one member again, and [`open`] gives one of a zip file as a reader. [`Format::of_magic`] tells a format.
//!
//! The crate opens no file, asks no clock, executes nothing, runs no foreign code but memory-safe decoders, and holds no
//! more of an archive in memory than its headers, two buffers a thread, and the window of one decoder. It never repairs and
//! never skips.
//!
//! ```
//! use twinbuild_archive::{Format, Limits, ReadError, read};
//!
//! let empty_zip = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
//! let archive = read(&empty_zip, Format::Zip, &Limits::default())?;
//! assert!(archive.members.is_empty() && archive.anomalies.is_empty());
//!
//! let cut = &empty_zip[..21];
//! let Err(ReadError::Malformed(lie)) = read(cut, Format::Zip, &Limits::default()) else { panic!("not read") };
//! assert_eq!(lie.code(), "zip-no-end");
//! # Ok::<(), ReadError>(())
//! ```
#![forbid(unsafe_code)]

mod ar;
mod archive;
mod bzip2;
mod contents;
mod deb;
mod decode;
mod deflate;
mod error;
mod gzip;
mod limits;
mod lzma;
mod names;
mod single;
mod source;
mod stream;
mod tar;
mod xz;
mod zip;
mod zstd;

use std::io::{self, Read};

use twinbuild_subject::Sha256;

pub use ar::{ArFault, ArFields, ArMember};
pub use archive::{
    Anomaly, Archive, CONTENTS_NAME, Container, Fields, Format, Member, MemberKind, Modified, Tile, TileKind,
};
pub use bzip2::{Bzip2Fault, Bzip2Fields};
pub use deb::{DebCompression, DebFault, DebFields, DebPart};
pub use error::{Malformation, ReadError, Unsupported};
pub use gzip::{GzipFault, GzipFields};
pub use limits::{LimitError, LimitKind, Limits};
pub use names::NameFault;
pub use source::{ArchiveFile, ReadAt};
pub use tar::{PaxRecord, TarDialect, TarExtension, TarExtensionBody, TarFault, TarFields, TarHeader, TarStream};
pub use xz::{XzFault, XzFields};
pub use zip::{
    DataDescriptor, ExtraField, ExtraFields, ExtraKind, MemberReader, Zip64End, ZipEnd, ZipFault, ZipFields, ZipHeader,
    ZipMethod,
};
pub use zstd::{ZstdFault, ZstdFields};

/// What [`visit`] calls for each member: the member, and its contents (empty for all but files).
pub type Visitor<'a> = dyn FnMut(&Member, &mut dyn Read) -> io::Result<()> + 'a;

/// What [`stream`] calls with the contents that were asked for.
pub type Taker<'a> = dyn FnMut(&mut dyn Read) -> io::Result<()> + 'a;

/// Reads an archive to its last byte, verifies every checksum in it and hashes every member. The members of a zip file are
/// read on several threads; what comes out is the same.
///
/// # Errors
/// See [`ReadError`]. The first fault that is met is returned; structure and names come before contents where the format
/// allows it.
pub fn read<S: ReadAt + ?Sized>(source: &S, format: Format, limits: &Limits) -> Result<Archive, ReadError> {
    match format {
        Format::Zip => zip::read(source::Source::new(&source), limits, None),
        Format::Gzip | Format::Xz | Format::Bzip2 | Format::Zstd => {
            single::read(source::Source::new(&source), format, limits)
        }
        _ => visit(source, format, limits, &mut |_, _| Ok(())),
    }
}

/// Reads an archive as [`read`] does, beside `other`, which was read from `other_source`: a zip member that has the name,
/// the method, the sizes, the CRC-32 and every compressed byte of a member there is not expanded a second time. What comes
/// out is the same.
///
/// # Errors
/// As [`read`].
pub fn read_beside<S: ReadAt + ?Sized>(
    source: &S,
    format: Format,
    limits: &Limits,
    other: &Archive,
    other_source: &dyn ReadAt,
) -> Result<Archive, ReadError> {
    let beside = zip::Beside { archive: other, source: source::Source::new(other_source) };
    match format {
        Format::Zip => zip::read(source::Source::new(&source), limits, Some(beside)),
        _ => read(source, format, limits),
    }
}

/// Reads an archive as [`read`] does, in the same single pass, and hands each member to `visitor` in the order of
/// [`Archive::members`].
///
/// The contents end after [`Member::size_bytes`] bytes; what the visitor leaves unread is read all the same. A read of
/// contents may fail, and then `visit` fails with the cause, whatever the visitor returns. **What was handed out is valid
/// only if `visit` returns `Ok`**: the checksum of a member stands behind its contents, and in a tar a later member may
/// contradict the name of an earlier one. A tree that was laid out must be thrown away on an error.
///
/// # Errors
/// As [`read`]; [`ReadError::Visitor`] where `visitor` fails by itself.
pub fn visit<S: ReadAt + ?Sized>(
    source: &S,
    format: Format,
    limits: &Limits,
    visitor: &mut Visitor<'_>,
) -> Result<Archive, ReadError> {
    let source = source::Source::new(&source);
    match format {
        Format::Zip => zip::visit(source, limits, visitor),
        Format::TarGz | Format::TarXz | Format::TarBz2 | Format::TarZst | Format::Tar => {
            tar::read(source, format, limits, visitor)
        }
        Format::Gzip | Format::Xz | Format::Bzip2 | Format::Zstd => single::visit(source, format, limits, visitor),
        Format::Ar => ar::read(source, limits, visitor),
        Format::Deb => deb::read(source, limits, visitor),
    }
}

/// The expanded contents of the member `index` of an archive that was read from the same `source`, at most `max_bytes`.
/// What is larger than memory should hold is for [`stream`].
///
/// # Errors
/// As [`stream`]; [`LimitKind::Requested`] if the member is larger than `max_bytes`.
pub fn contents<S: ReadAt + ?Sized>(
    source: &S,
    archive: &Archive,
    index: usize,
    max_bytes: u64,
) -> Result<Vec<u8>, ReadError> {
    if let Some(member) = archive.members.get(index).filter(|member| member.size_bytes > max_bytes) {
        let (kind, allowed, found) = (LimitKind::Requested, max_bytes, member.size_bytes);
        return Err(LimitError { kind, allowed, found, path: Some(member.path.clone()) }.into());
    }
    let mut bytes = Vec::new();
    stream(source, archive, index, &mut |contents| {
        bytes.clear();
        contents.read_to_end(&mut bytes).map(drop)
    })?;
    Ok(bytes)
}

/// Hands the expanded contents of the member `index`, of an archive that was read from the same `source`, to `taker`; what
/// it leaves unread is read all the same. Members of zip and ar files are read at their place; in other formats the archive
/// is read again up to the member.
///
/// **What was handed out is valid only if `stream` returns `Ok`**: its digest is compared at the end with that of the first
/// reading.
///
/// # Errors
/// As [`read`]; [`ReadError::NoContents`] if the member is no file, [`ReadError::Changed`] if the contents are not those of
/// the first reading, [`ReadError::Visitor`] if `taker` fails by itself.
pub fn stream<S: ReadAt + ?Sized>(
    source: &S,
    archive: &Archive,
    index: usize,
    taker: &mut Taker<'_>,
) -> Result<(), ReadError> {
    let none = || ReadError::NoContents { index, members: archive.members.len() };
    let member = archive.members.get(index).ok_or_else(none)?;
    let expected = member.sha256.filter(|_| member.is_file()).ok_or_else(none)?;
    let limits = &archive.limits;
    let found = match &member.fields {
        Fields::Zip(fields) => zip::stream(source::Source::new(&source), limits, member, fields, taker)?,
        Fields::Ar(fields) => ar::stream(source::Source::new(&source), limits, member, fields, taker)?,
        Fields::None => single::stream(source::Source::new(&source), archive.format, limits, member, taker)?,
        Fields::Tar(_) => stream_again(source, archive, index, taker)?.ok_or_else(none)?,
    };
    if found != expected {
        return Err(ReadError::Changed { path: member.path.clone(), expected, found });
    }
    Ok(())
}

/// The expanded contents of the member `index` of a zip file that was read from the same `source`, for a caller that takes
/// them at its own pace and verifies them itself: they end after [`Member::size_bytes`] bytes, or one byte later where they
/// have become more. `None` where there is no such member in a zip file.
#[must_use]
pub fn open<'a>(source: &'a dyn ReadAt, archive: &Archive, index: usize) -> Option<MemberReader<'a>> {
    let member = archive.members.get(index)?;
    let Fields::Zip(fields) = &member.fields else { return None };
    MemberReader::new(source::Source::new(source), &archive.limits, member, fields)
}

/// Reads an archive of streamed members again, stops after the member `index`, and returns its digest.
fn stream_again<S: ReadAt + ?Sized>(
    source: &S,
    archive: &Archive,
    index: usize,
    taker: &mut Taker<'_>,
) -> Result<Option<Sha256>, ReadError> {
    let mut position = 0;
    let mut digest = None;
    let outcome = visit(source, archive.format, &archive.limits, &mut |_, contents| {
        let is_wanted = position == index;
        position += 1;
        if !is_wanted {
            return Ok(());
        }
        let mut hashed = contents::Hashed::new(contents);
        taker(&mut hashed)?;
        io::copy(&mut hashed, &mut io::sink())?;
        digest = Some(hashed.finish());
        // Ends the reading.
        Err(io::ErrorKind::Interrupted.into())
    });
    match (digest, outcome) {
        (None, Err(error)) => Err(error),
        (digest, _) => Ok(digest),
    }
}
