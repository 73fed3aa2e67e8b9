//! `twinbuild compare`

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use twinbuild_archive::{Archive, ArchiveFile, Format as ArchiveFormat, Limits, ReadError, read};
use twinbuild_compare::{Comparison, Finding, Mismatch, Relation, Severity, Side, SourceIndex, compare};
use twinbuild_report::Style;
use twinbuild_subject::{DistributionFileName, SdistFormat, Sha256, Sha256Hasher};

use super::print;
use crate::arguments::{Compare, Format, Global};
use crate::failure::Failure;

/// What the JSON form has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    relation: Relation,
    mismatch: Option<Mismatch>,
    comparison: &'a Comparison,
    findings: &'a [Finding],
}

/// What the JSON form has where a file could not be read, so that there is nothing to compare.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread<'a> {
    /// `rejected`, `unsupported` or `inconclusive`.
    relation: &'a str,
    file: String,
    detail: String,
    /// Of a rejected file: what proves it malformed.
    findings: Vec<Finding>,
}

pub(crate) fn run(global: &Global, arguments: &Compare) -> Result<u8, Failure> {
    let (left, right) = (Opened::new(global, &arguments.left)?, Opened::new(global, &arguments.right)?);
    let (left, right) = (left.side(), right.side());
    // The second file stands for both rebuilds, which then agree.
    let found =
        compare(&left, &right, &right, &SourceIndex::default(), global.normalizing()).map_err(Failure::internal)?;
    let relation = found.comparison.first;
    let text = match global.format {
        Format::Json => {
            let result =
                Found { relation, mismatch: found.mismatch, comparison: &found.comparison, findings: &found.findings };
            serde_json::to_string(&result).map_err(Failure::internal)? + "\n"
        }
        Format::Text => {
            let word = match relation {
                Relation::Identical => "identical",
                Relation::Equivalent => "equivalent",
                Relation::Different => "different",
            };
            format!("{word}\n{}", twinbuild_report::findings(&found.findings, Style::Colour))
        }
    };
    print(&text)?;
    Ok(u8::from(relation == Relation::Different))
}

/// A file that was read as an archive.
struct Opened {
    bytes: ArchiveFile,
    archive: Archive,
    sha256: Sha256,
}

impl Opened {
    fn new(global: &Global, path: &Path) -> Result<Self, Failure> {
        let opening = || format!("opening {}", path.display());
        let mut file = File::open(path).with_context(opening).map_err(Failure::usage)?;
        let mut hasher = Sha256Hasher::new();
        io::copy(&mut file, &mut hasher).with_context(opening).map_err(Failure::usage)?;
        let bytes = ArchiveFile::new(file).with_context(opening).map_err(Failure::usage)?;
        let archive = match read(&bytes, format_of(path)?, &Limits::default()) {
            Ok(archive) => archive,
            Err(error) => return Err(unread(global, path, error)?),
        };
        Ok(Self { bytes, archive, sha256: hasher.finish() })
    }

    fn side(&self) -> Side<'_> {
        Side { archive: &self.archive, bytes: &self.bytes, sha256: self.sha256 }
    }
}

/// What ends the command where a file could not be read; for a program that reads the output, its outcome is printed.
pub(super) fn unread(global: &Global, path: &Path, error: ReadError) -> Result<Failure, Failure> {
    let mut findings = Vec::new();
    let relation = match &error {
        ReadError::Malformed(lie) => {
            findings.push(Finding::new(lie.code(), Severity::Alert, lie.path().cloned(), lie.to_string()));
            "rejected"
        }
        ReadError::Unsupported(_) => "unsupported",
        ReadError::Limit(_)
        | ReadError::Io { .. }
        | ReadError::Visitor { .. }
        | ReadError::Changed { .. }
        | ReadError::NoContents { .. } => "inconclusive",
    };
    if global.format == Format::Json {
        let result = Unread { relation, file: path.display().to_string(), detail: error.to_string(), findings };
        print(&(serde_json::to_string(&result).map_err(Failure::internal)? + "\n"))?;
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
