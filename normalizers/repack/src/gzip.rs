//! Container parameters of a tar in gzip (RFC 1952): the header of the gzip member, and what is compressed.

use std::io::{self, Read, Write};

use flate2::read::DeflateDecoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_archive::{Archive, Container, GzipFields, ReadAt, TarStream};
use twinbuild_subject::MemberPath;

use crate::encode::Counted;
use crate::error::{Failure, InferError, NotRepackable, Reason, RepackError, Unfit};
use crate::fields::{Encoder, ZlibSettings};
use crate::identify::{Contents, Effort, Range, identify};
use crate::members::Section;
use crate::shared::{Shared, fill};
use crate::tar::{self, Expanded, Plan, TarParameters};

/// Level 9, as CPython's tarfile and gzip take it.
const LIKELY: Encoder = Encoder::Zlib(ZlibSettings { level: 9, mem_level: 8 });
const FLAG_NAME: u8 = 8;
const COPIED_BYTES: usize = 64 * 1024;

/// The container parameters of a tar in gzip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GzipParameters {
    /// MTIME, in Unix seconds; 0 for none.
    pub modified: u32,
    /// XFL.
    pub effort: GzipEffort,
    /// OS: 0 to 13 as RFC 1952 2.3.1 lists them, or 255, unknown.
    pub system: u8,
    /// FNAME.
    pub file_name: GzipName,
    /// What is compressed, and how.
    pub stream: GzipStream,
}

/// XFL (2.3.1): what the encoder claims to have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GzipEffort {
    /// 0.
    Normal,
    /// 2.
    Maximum,
    /// 4.
    Fastest,
}

/// FNAME (2.3.1), which is never free text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GzipName {
    /// There is none.
    None,
    /// The name of the one folder that all members are in.
    Folder,
    /// The same with `.tar`: an archive of the folder `demo-1.0` is `demo-1.0.tar.gz`.
    FolderTar,
    /// The same with `.crate`: Cargo.
    FolderCrate,
    /// That of the rebuild.
    AsBuilt,
}

/// What is in the gzip member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum GzipStream {
    /// The rebuild's own deflate stream: its tar, with all headers, is the published one.
    AsBuilt,
    /// A tar that is written and compressed again.
    Written {
        /// By what; never stored.
        encoder: Encoder,
        /// The tar.
        tar: Box<TarParameters>,
    },
}

impl GzipParameters {
    /// As of [`TarParameters::free_bytes_of_all`]; none where the stream is as built.
    pub(crate) fn free_bytes_of_all(&self) -> Vec<u64> {
        match &self.stream {
            GzipStream::AsBuilt => Vec::new(),
            GzipStream::Written { tar, .. } => tar.free_bytes_of_all(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Unfit> {
        if !is_system(self.system) {
            return Err(Unfit::Invalid { what: "system" });
        }
        match &self.stream {
            GzipStream::AsBuilt => Ok(()),
            GzipStream::Written { encoder, .. } if *encoder == Encoder::Stored || !encoder.is_valid() => {
                Err(Unfit::Invalid { what: "encoder" })
            }
            GzipStream::Written { tar, .. } => tar.validate(),
        }
    }

    /// The header of the gzip member.
    fn header(&self, rebuilt: &Archive) -> Result<Vec<u8>, Unfit> {
        let name = self.file_name.of(rebuilt)?;
        let mut bytes = vec![0x1f, 0x8b, 8, if name.is_some() { FLAG_NAME } else { 0 }];
        bytes.extend(self.modified.to_le_bytes());
        bytes.extend([self.effort.number(), self.system]);
        if let Some(name) = name {
            bytes.extend(name);
            bytes.push(0);
        }
        Ok(bytes)
    }
}

impl GzipEffort {
    fn number(self) -> u8 {
        match self {
            Self::Normal => 0,
            Self::Maximum => 2,
            Self::Fastest => 4,
        }
    }
}

impl GzipName {
    /// The name, where there is one.
    fn of(self, rebuilt: &Archive) -> Result<Option<Vec<u8>>, Unfit> {
        let folder = || folder(rebuilt).ok_or(Unfit::Folder);
        match self {
            Self::None => Ok(None),
            Self::Folder => Ok(Some(folder()?.to_vec())),
            Self::FolderTar => Ok(Some([folder()?, b".tar"].concat())),
            Self::FolderCrate => Ok(Some([folder()?, b".crate"].concat())),
            Self::AsBuilt => Ok(gzip_of(rebuilt).ok_or(Unfit::Container)?.file_name.clone()),
        }
    }
}

fn is_system(system: u8) -> bool {
    system <= 13 || system == 255
}

/// The one folder that all members are in.
fn folder(archive: &Archive) -> Option<&[u8]> {
    let mut tops = archive.members.iter().map(|member| {
        let path = member.path.as_bytes();
        path.split(|byte| *byte == b'/').next().unwrap_or_default()
    });
    let first = tops.next().filter(|top| !top.is_empty() && *top != b".")?;
    tops.all(|top| top == first).then_some(first)
}

fn gzip_of(archive: &Archive) -> Option<&GzipFields> {
    match &archive.container {
        Container::TarGz { gzip, .. } => Some(gzip),
        _ => None,
    }
}

/// Why the gzip header of a published tar is not explained by container parameters and the rebuild; `None` where it is, and
/// where one of them is no tar in gzip.
///
/// # Errors
/// When the published file cannot be read again.
pub fn explain_gzip_header(
    published: &Archive,
    bytes: &dyn ReadAt,
    rebuilt: &Archive,
) -> Result<Option<Reason>, Failure> {
    match (gzip_of(published), gzip_of(rebuilt)) {
        (Some(gzip), Some(_)) => match header_of(bytes, gzip, rebuilt, true) {
            Ok(_) => Ok(None),
            Err(InferError::NotRepackable(refused)) => Ok(Some(refused.reason)),
            Err(InferError::Failed(failure)) => Err(failure),
        },
        _ => Ok(None),
    }
}

/// The parameters of the gzip header, with a stream that is as built.
fn header_of(
    bytes: &dyn ReadAt,
    gzip: &GzipFields,
    rebuilt: &Archive,
    is_rebuild: bool,
) -> Result<GzipParameters, InferError> {
    let whole = |reason| NotRepackable { path: None, reason };
    let refused = |field, found: &dyn std::fmt::Display| whole(Reason::GzipField { field, found: found.to_string() });
    let efforts = [GzipEffort::Normal, GzipEffort::Maximum, GzipEffort::Fastest];
    let effort = efforts.into_iter().find(|effort| effort.number() == gzip.extra_flags);
    let names = [GzipName::None, GzipName::FolderTar, GzipName::FolderCrate, GzipName::Folder];
    // The published file's own name explains nothing.
    let mut names = names.into_iter().chain(is_rebuild.then_some(GzipName::AsBuilt));
    let file_name = names.find(|name| name.of(rebuilt).is_ok_and(|found| found == gzip.file_name));
    let shown = gzip.file_name.as_deref().unwrap_or_default();
    let shown = shown.get(..shown.len().min(64)).unwrap_or_default().escape_ascii();
    let parameters = GzipParameters {
        modified: gzip.modified,
        effort: effort.ok_or_else(|| refused("an XFL", &gzip.extra_flags))?,
        system: Some(gzip.system).filter(|system| is_system(*system)).ok_or_else(|| refused("an OS", &gzip.system))?,
        file_name: file_name.ok_or_else(|| refused("a file name", &shown))?,
        stream: GzipStream::AsBuilt,
    };
    let header = parameters.header(rebuilt).map_err(|_| whole(Reason::Unexplained { offset: gzip.offset }))?;
    let mut stored = vec![0; header.len()];
    let is_whole = gzip.deflate_offset.checked_sub(gzip.offset) == Some(header.len() as u64);
    if is_whole {
        fill(bytes, gzip.offset, &mut stored).map_err(|error| Failure::read(&MemberPath::new(*b""), error))?;
    }
    if !is_whole || stored != header {
        return Err(whole(Reason::Unexplained { offset: gzip.offset }).into());
    }
    Ok(parameters)
}

/// The parameters of a published tar in gzip, for a rebuild or for its own members.
pub(crate) fn infer(
    published: &Archive,
    bytes: &dyn ReadAt,
    gzip: &GzipFields,
    tar: &TarStream,
    shared: Option<&Shared<'_>>,
) -> Result<GzipParameters, InferError> {
    let whole = |reason| NotRepackable { path: None, reason };
    if let Some(anomaly) = published.anomalies.iter().find(|anomaly| anomaly.code.starts_with("gzip-")) {
        return Err(whole(Reason::Anomaly { code: anomaly.code, offset: anomaly.offset }).into());
    }
    let mut parameters = header_of(bytes, gzip, shared.map_or(published, Shared::rebuilt), shared.is_some())?;
    if shared.is_some_and(Shared::is_stream_shared) {
        return Ok(parameters);
    }
    let tar = Box::new(tar::infer(published, bytes, tar, shared)?);
    let range = Range { bytes, start: gzip.deflate_offset, end: gzip.trailer_offset };
    let size_bytes = gzip.size_bytes;
    let mut effort = Effort::for_size(size_bytes);
    let open = || -> io::Result<Box<dyn Read + '_>> {
        let section = Section { bytes, position: gzip.deflate_offset, end: gzip.trailer_offset };
        Ok(Box::new(DeflateDecoder::new(section).take(size_bytes)))
    };
    let path = MemberPath::new(*b"");
    let contents = Contents { path: &path, size_bytes, open: &open };
    let found = identify(&contents, &range, Some(LIKELY), &mut effort)?;
    if effort.is_used_up() {
        return Err(whole(Reason::Effort).into());
    }
    let compressed_bytes = gzip.trailer_offset.saturating_sub(gzip.deflate_offset);
    let encoder = found.ok_or_else(|| whole(Reason::Encoder { compressed_bytes, bytes: size_bytes }))?;
    parameters.stream = GzipStream::Written { encoder, tar };
    Ok(parameters)
}

/// Writes a tar in gzip.
pub(crate) fn repack(
    parameters: &GzipParameters,
    rebuilt: &Archive,
    bytes: &dyn ReadAt,
    out: &mut dyn Write,
) -> Result<(), RepackError> {
    let put = |out: &mut dyn Write, bytes: &[u8]| out.write_all(bytes).map_err(Failure::Write);
    put(out, &parameters.header(rebuilt)?)?;
    let (crc32, size) = match &parameters.stream {
        GzipStream::AsBuilt => {
            let gzip = gzip_of(rebuilt).ok_or(Unfit::Container)?;
            copy(bytes, gzip, out)?;
            (gzip.crc32, gzip.size_bytes)
        }
        GzipStream::Written { encoder, tar } => {
            let expanded = Expanded::new(rebuilt, bytes).ok_or(Unfit::Container)?;
            let plan = Plan::new(tar, rebuilt, &expanded)?;
            let path = MemberPath::new(*b"");
            if !encoder.takes(plan.size_bytes()) {
                return Err(Unfit::Encoder { path }.into());
            }
            let mut counted = Counted { out, written: 0 };
            let sums = encoder.encode(&path, &mut plan.open(), &mut counted)?;
            (sums.crc32, sums.size)
        }
    };
    // ISIZE is the size modulo 2^32.
    let [s0, s1, s2, s3, ..] = size.to_le_bytes();
    put(out, &[crc32.to_le_bytes(), [s0, s1, s2, s3]].concat())?;
    Ok(())
}

/// Copies the rebuild's deflate stream, which was verified when its archive was read.
fn copy(bytes: &dyn ReadAt, gzip: &GzipFields, out: &mut dyn Write) -> Result<(), Failure> {
    let mut section = Section { bytes, position: gzip.deflate_offset, end: gzip.trailer_offset };
    let mut buffer = vec![0; COPIED_BYTES];
    loop {
        match section.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => out.write_all(buffer.get(..count).unwrap_or_default()).map_err(Failure::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::read(&MemberPath::new(*b""), error)),
        }
    }
}
