//! `twinbuild normalize`

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Serialize;
use twinbuild_archive::{ArchiveFile, Limits, read};
use twinbuild_canonical::{Canonical, CanonicalError, Rewritten};
use twinbuild_rules::{RULES, applicable, normalize_passing};
use twinbuild_subject::{MemberPath, Sha256};

use super::compare::{format_of, unread};
use super::output::Output;
use super::print;
use crate::arguments::{Global, Normalize, PlainFormat};
use crate::failure::Failure;
use crate::{given, progress};

/// A file that is no archive is read up to this size, in bytes: normalizers have to see the whole of it.
const FILE_BYTES: u64 = 256 << 20;

/// What the JSON form has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    sha256: Sha256,
    size: u64,
    normalizers_applied: Vec<Applied<'a>>,
    /// What was left as it was, and why.
    left: &'a [String],
}

#[derive(Serialize)]
struct Applied<'a> {
    name: &'static str,
    version: u32,
    #[serde(flatten)]
    path: &'a MemberPath,
    bytes: u64,
}

impl<'a> Applied<'a> {
    fn of(Rewritten { path, rule }: &'a Rewritten) -> Self {
        Self { name: rule.name, version: rule.version, path, bytes: rule.bytes }
    }
}

pub(crate) fn run(global: &Global, arguments: &Normalize) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let path = &arguments.file;
    given::file(path)?;
    given::place(&arguments.output)?;
    let name = path.file_name().map(std::os::unix::ffi::OsStrExt::as_bytes).unwrap_or_default();
    let member = MemberPath::new(name);
    // A `.gz` is normalized as what it is, and not as the tar that may be in it.
    let (canonical, (sha256, size)) = if applicable(&member).next().is_some() {
        normalize_file(path, &member, &arguments.output)?
    } else {
        normalize_archive(global, path, &arguments.output)?
    };
    match format {
        PlainFormat::Json => {
            let normalizers_applied = canonical.rewritten.iter().map(Applied::of).collect();
            let written = Written { sha256, size, normalizers_applied, left: &canonical.left };
            print(&(serde_json::to_string(&written).map_err(Failure::internal)? + "\n"))?;
        }
        PlainFormat::Text => {
            let mut notes = String::new();
            for Rewritten { path, rule } in &canonical.rewritten {
                notes += &format!("  {} v{}: {path}, {} bytes\n", rule.name, rule.version, rule.bytes);
            }
            for left in &canonical.left {
                notes += &format!("  left as it was: {left}\n");
            }
            // The result is the digest.
            progress::note(&notes);
            print(&format!("{sha256}  {}\n", arguments.output.display()))?;
        }
    }
    Ok(0)
}

/// One file of a kind that a normalizer is for.
fn normalize_file(path: &Path, name: &MemberPath, output: &Path) -> Result<(Canonical, (Sha256, u64)), Failure> {
    let reading = || format!("reading {}", path.display());
    let size = fs::metadata(path).with_context(reading).map_err(Failure::usage)?.len();
    if size > FILE_BYTES {
        let error = anyhow!("it has {size} bytes, and at most {FILE_BYTES} are normalized").context(reading());
        return Err(Failure::inconclusive(error));
    }
    let content = fs::read(path).with_context(reading).map_err(Failure::usage)?;
    let normalized = normalize_passing(name, &content).with_context(reading).map_err(Failure::rejected)?;
    let mut out = Output::beside(output)?;
    out.write_all(&normalized.content)
        .with_context(|| format!("writing {}", output.display()))
        .map_err(Failure::inconclusive)?;
    let rewritten = normalized.applied.into_iter().map(|rule| Rewritten { path: name.clone(), rule }).collect();
    Ok((Canonical { rewritten, left: Vec::new() }, out.publish()?))
}

fn normalize_archive(global: &Global, path: &Path, output: &Path) -> Result<(Canonical, (Sha256, u64)), Failure> {
    let opening = || format!("opening {}", path.display());
    let format = format_of(path).map_err(|_| {
        let kinds: Vec<&str> = RULES.iter().map(|rule| rule.files).collect();
        let name = path.display();
        Failure::usage(anyhow!("{name} is not normalized: zip files and wheels are, and {}", kinds.join(", ")))
    })?;
    let file = File::open(path).with_context(opening).map_err(Failure::usage)?;
    let bytes = ArchiveFile::new(file).with_context(opening).map_err(Failure::usage)?;
    let archive = match read(&bytes, format, &Limits::default()) {
        Ok(archive) => archive,
        Err(error) => return Err(unread(global, path, error)?),
    };
    let mut out = Output::beside(output)?;
    let context = || format!("normalizing {}", path.display());
    let canonical = twinbuild_canonical::write(&archive, &bytes, &mut out).map_err(|error| {
        let is_refused = matches!(&error, CanonicalError::Foreign { .. } | CanonicalError::Unfit(_));
        let error = anyhow::Error::new(error).context(context());
        if is_refused { Failure::rejected(error) } else { Failure::inconclusive(error) }
    })?;
    Ok((canonical, out.publish()?))
}
