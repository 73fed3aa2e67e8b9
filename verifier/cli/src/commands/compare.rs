//! `twinbuild compare`

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use twinbuild_archive::{Archive, ArchiveFile, Format as ArchiveFormat, Limits, ReadError, read, read_beside};
use twinbuild_compare::{Finding, Relation, Severity, Side, SourceIndex, compare};
use twinbuild_report::{ComparedFile, FileComparison, UnreadFile, WhyUnread};
use twinbuild_subject::Sha256Hasher;

use super::print_report;
use crate::arguments::{Compare, Format, Global};
use crate::failure::Failure;
use crate::given;

pub(crate) fn run(global: &Global, arguments: &Compare) -> Result<u8, Failure> {
    global.page_format()?;
    given::file(&arguments.left)?;
    given::file(&arguments.right)?;
    let (left, right) = Opened::both(global, &arguments.left, &arguments.right)?;
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

/// Why a file was not opened.
enum Unopened {
    /// It is not there, or of a kind that is not compared.
    Failure(Failure),
    /// It was read.
    Unread(ReadError),
}

impl Opened {
    /// Opens both files, and speaks of the left one first. Zip files have threads of their own to be read by, and the
    /// second one is read beside the first; of other formats both are read at once.
    fn both(global: &Global, left: &Path, right: &Path) -> Result<(Self, Self), Failure> {
        let said = |path, outcome| match outcome {
            Ok(opened) => Ok(opened),
            Err(Unopened::Failure(failure)) => Err(failure),
            Err(Unopened::Unread(error)) => Err(unread(global, path, error)?),
        };
        if let Ok(ArchiveFormat::Zip) = format_of(left) {
            let first = said(left, Self::new(left, None))?;
            let second = said(right, Self::new(right, Some(&first)))?;
            return Ok((first, second));
        }
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| Self::new(right, None));
            (Self::new(left, None), second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        Ok((said(left, first)?, said(right, second)?))
    }

    fn new(path: &Path, beside: Option<&Self>) -> Result<Self, Unopened> {
        let opening = || format!("opening {}", path.display());
        let usage = |error: anyhow::Error| Unopened::Failure(Failure::usage(error));
        let mut file = File::open(path).with_context(opening).map_err(usage)?;
        let format = format_of(path).map_err(Unopened::Failure)?;
        let mut hasher = Sha256Hasher::new();
        io::copy(&mut file, &mut hasher).with_context(opening).map_err(usage)?;
        let bytes = ArchiveFile::new(file).with_context(opening).map_err(usage)?;
        let limits = Limits::default();
        let archive = match beside {
            Some(other) => read_beside(&bytes, format, &limits, &other.archive, &other.bytes),
            None => read(&bytes, format, &limits),
        };
        let (name, size_bytes) = (path.display().to_string(), hasher.size_bytes());
        let file = ComparedFile { name, size_bytes, sha256: hasher.finish() };
        Ok(Self { bytes, archive: archive.map_err(Unopened::Unread)?, kind: kind_of(format), file })
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
    let found = BY_ENDING.iter().find(|(ending, _)| name.len() > ending.len() && name.ends_with(ending));
    found.map(|(_, format)| *format).ok_or_else(|| {
        let endings: Vec<&str> = BY_ENDING.iter().map(|(ending, _)| *ending).collect();
        Failure::usage(anyhow!("{} is of no kind that is read; these are: {}", path.display(), endings.join(" ")))
    })
}

/// Formats by the end of a file's name, longer ends first.
const BY_ENDING: &[(&str, ArchiveFormat)] = &[
    (".whl", ArchiveFormat::Zip),
    (".zip", ArchiveFormat::Zip),
    (".tar.gz", ArchiveFormat::TarGz),
    (".tgz", ArchiveFormat::TarGz),
    (".crate", ArchiveFormat::TarGz),
    (".tar.xz", ArchiveFormat::TarXz),
    (".tar.bz2", ArchiveFormat::TarBz2),
    (".tar.zst", ArchiveFormat::TarZst),
    (".tar", ArchiveFormat::Tar),
    (".deb", ArchiveFormat::Deb),
    (".gz", ArchiveFormat::Gzip),
    (".xz", ArchiveFormat::Xz),
    (".bz2", ArchiveFormat::Bzip2),
    (".zst", ArchiveFormat::Zstd),
    (".a", ArchiveFormat::Ar),
];

fn kind_of(format: ArchiveFormat) -> &'static str {
    match format {
        ArchiveFormat::Zip => "zip",
        ArchiveFormat::TarGz => "tar.gz",
        ArchiveFormat::TarXz => "tar.xz",
        ArchiveFormat::TarBz2 => "tar.bz2",
        ArchiveFormat::TarZst => "tar.zst",
        ArchiveFormat::Tar => "tar",
        ArchiveFormat::Deb => "deb",
        ArchiveFormat::Gzip => "gz",
        ArchiveFormat::Xz => "xz",
        ArchiveFormat::Bzip2 => "bz2",
        ArchiveFormat::Zstd => "zst",
        ArchiveFormat::Ar => "ar",
    }
}
