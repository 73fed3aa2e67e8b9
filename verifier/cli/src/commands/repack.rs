//! `twinbuild repack`

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::Value;
use twinbuild_archive::{ArchiveFile, Format as ArchiveFormat, Limits, read};
use twinbuild_repack::{ContainerParameters, Parameters, RepackError, repack};

use super::output::Output;
use super::print;
use crate::arguments::{Global, PlainFormat, Repack};
use crate::failure::Failure;
use crate::given;

pub(crate) fn run(global: &Global, arguments: &Repack) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let members = &arguments.members;
    given::file(&arguments.parameters)?;
    given::file(members)?;
    given::place(&arguments.output)?;
    let parameters = parameters(&arguments.parameters)?;
    let opening = || format!("opening {}", members.display());
    let bytes = ArchiveFile::new(File::open(members).with_context(opening).map_err(Failure::usage)?)
        .with_context(opening)
        .map_err(Failure::usage)?;
    let archive = read(&bytes, format_of(&parameters, members), &Limits::default())
        .with_context(|| format!("reading {}", members.display()))
        .map_err(Failure::rejected)?;

    let mut out = Output::beside(&arguments.output)?;
    match repack(&parameters, &archive, &bytes, &mut out) {
        Ok(()) => {}
        Err(RepackError::Unfit(unfit)) => {
            return Err(Failure::rejected(anyhow::Error::new(unfit).context("the members do not fit the parameters")));
        }
        Err(RepackError::Failed(failure)) => return Err(Failure::inconclusive(failure)),
    }
    let (sha256, size) = out.publish()?;
    print(&match format {
        PlainFormat::Text => format!("{sha256}  {}\n", arguments.output.display()),
        PlainFormat::Json => serde_json::json!({ "sha256": sha256, "size": size }).to_string() + "\n",
    })?;
    Ok(0)
}

/// The format of the members' archive: that which the parameters are for. A tar may be plain or in gzip, as its name says.
fn format_of(parameters: &Parameters, members: &Path) -> ArchiveFormat {
    let is_plain = members.extension().is_some_and(|extension| extension == "tar");
    match &parameters.container {
        ContainerParameters::Zip(_) => ArchiveFormat::Zip,
        ContainerParameters::Tar(_) | ContainerParameters::TarGz(_) if is_plain => ArchiveFormat::Tar,
        ContainerParameters::Tar(_) | ContainerParameters::TarGz(_) => ArchiveFormat::TarGz,
    }
}

/// Reads parameters, as they are or out of a verdict.
fn parameters(path: &Path) -> Result<Parameters, Failure> {
    let reading = || format!("reading the parameters {}", path.display());
    let text = fs::read_to_string(path).with_context(reading).map_err(Failure::usage)?;
    let mut value: Value = serde_json::from_str(&text).with_context(reading).map_err(Failure::usage)?;
    if value.get("schemaVersion").is_some() {
        value = value["container"]["parameters"].take();
        if value.is_null() {
            let message = format!(
                "{} is a verdict without container parameters: the published file needed none, or they are not all known: give parameters as a file of their own",
                path.display()
            );
            return Err(Failure::usage(anyhow!(message)));
        }
    }
    serde_json::from_value(value).with_context(reading).map_err(Failure::usage)
}
