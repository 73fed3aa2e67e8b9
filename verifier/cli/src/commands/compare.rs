//! `twinbuild compare`

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use twinbuild_archive::{Archive, ArchiveFile, Format as ArchiveFormat, Limits, ReadError, read};
use twinbuild_compare::{Finding, Relation, Severity, Side, SourceIndex, compare};
use twinbuild_report::{ComparedFile, FileComparison, UnreadFile, WhyUnread};
use twinbuild_subject::{DistributionFileName, SdistFormat, Sha256Hasher};

use super::print_report;
use crate::arguments::{Compare, Format, Global};
use crate::failure::Failure;

pub(crate) fn run(global: &Global, arguments: &Compare) -> Result<u8, Failure> {
    let (left, right) = (Opened::new(global, &arguments.left)?, Opened::new(global, &arguments.right)?);
    let (left_side, right_side) = (left.side(), right.side());
    // The second file stands for both rebuilds, which then agree.
    let found = compare(&left_side, &right_side, &right_side, &SourceIndex::default(), global.normalizing())
        .map_err(Failure::internal)?;
    let comparison = FileComparison::new(found, left.file, right.file, left.kind);
    print_report(global, &comparison)?;
    Ok(u8::from(comparison.relation == Relation::Different))
}

/// A file that was read as an archive.
struct Opened {
    bytes: ArchiveFile,
    archive: Archive,
    /// The archive's format, as a verdict names it.
    kind: &'static str,
    file: ComparedFile,
}

impl Opened {
    fn new(global: &Global, path: &Path) -> Result<Self, Failure> {
        let opening = || format!("opening {}", path.display());
        let mut file = File::open(path).with_context(opening).map_err(Failure::usage)?;
        let mut hasher = Sha256Hasher::new();
        io::copy(&mut file, &mut hasher).with_context(opening).map_err(Failure::usage)?;
        let bytes = ArchiveFile::new(file).with_context(opening).map_err(Failure::usage)?;
        let format = format_of(path)?;
        let archive = match read(&bytes, format, &Limits::default()) {
            Ok(archive) => archive,
            Err(error) => return Err(unread(global, path, error)?),
        };
        let (name, size_bytes) = (path.display().to_string(), hasher.size_bytes());
        let file = ComparedFile { name, size_bytes, sha256: hasher.finish() };
        Ok(Self { bytes, archive, kind: kind_of(format), file })
    }

    fn side(&self) -> Side<'_> {
        Side { archive: &self.archive, bytes: &self.bytes, sha256: self.file.sha256 }
    }
}

/// What ends the command where a file could not be read; but for text, where the error says it all, that is printed.
pub(super) fn unread(global: &Global, path: &Path, error: ReadError) -> Result<Failure, Failure> {
    let mut findings = Vec::new();
    let why = match &error {
        ReadError::Malformed(lie) => {
            findings.push(Finding::new(lie.code(), Severity::Alert, lie.path().cloned(), lie.to_string()));
            WhyUnread::Rejected
        }
        ReadError::Unsupported(_) => WhyUnread::Unsupported,
        ReadError::Limit(_)
        | ReadError::Io { .. }
        | ReadError::Visitor { .. }
        | ReadError::Changed { .. }
        | ReadError::NoContents { .. } => WhyUnread::Inconclusive,
    };
    if global.format != Format::Text {
        let unread = UnreadFile { why, file: path.display().to_string(), detail: error.to_string(), findings };
        print_report(global, &unread)?;
    }
    let is_rejected = matches!(error, ReadError::Malformed(_));
    let error = anyhow::Error::new(error);
    Ok(if is_rejected {
        Failure::rejected(error.context(format!("{} is rejected", path.display())))
    } else {
        Failure::inconclusive(error.context(format!("reading {}", path.display())))
    })
}

/// The format that a file's name speaks for.
pub(super) fn format_of(path: &Path) -> Result<ArchiveFormat, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let by_ending = [
        (".whl", ArchiveFormat::Zip),
        (".zip", ArchiveFormat::Zip),
        (".tar.gz", ArchiveFormat::TarGz),
        (".tar", ArchiveFormat::Tar),
    ];
    if let Ok(DistributionFileName::Sdist(sdist)) = name.parse::<DistributionFileName>()
        && sdist.format == SdistFormat::TarGz
    {
        return Ok(ArchiveFormat::TarGz);
    }
    by_ending.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format).ok_or_else(|| {
        Failure::usage(anyhow!("{} is not compared: files named .whl, .zip, .tar.gz and .tar are", path.display()))
    })
}

fn kind_of(format: ArchiveFormat) -> &'static str {
    match format {
        ArchiveFormat::Zip => "zip",
        ArchiveFormat::TarGz => "tar.gz",
        ArchiveFormat::TarXz => "tar.xz",
        ArchiveFormat::Tar => "tar",
        ArchiveFormat::Deb => "deb",
    }
}
