//! `twinbuild history`

use anyhow::anyhow;
use twinbuild_nightly::history;
use twinbuild_subject::PackageName;

use super::print_report;
use crate::arguments::{Global, History};
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) fn run(global: &Global, arguments: &History) -> Result<u8, Failure> {
    global.page_format()?;
    let settings = Settings::load(global)?;
    let project = project(&arguments.project)?;
    let queue = settings.fleet.existing_queue(&arguments.places)?;
    let history = history(&queue, &project).map_err(Failure::inconclusive)?;
    if history.rows.is_empty() {
        let message =
            "no file of it was judged by the nightly runs of this queue: watch it, or judge one by `twinbuild rebuild`";
        return Err(Failure::usage(anyhow!("{project}: {message}")));
    }
    print_report(global, &history)?;
    Ok(0)
}

/// The project of `pypi:NAME`, `pkg:pypi/NAME`, or of a release of it.
fn project(text: &str) -> Result<PackageName, Failure> {
    let name = text.strip_prefix("pypi:").or_else(|| text.strip_prefix("pkg:pypi/")).unwrap_or(text);
    let name = name.split(['@', '?']).next().unwrap_or_default();
    name.parse().map_err(|error: twinbuild_subject::PackageNameError| {
        Failure::usage(anyhow!("{text:?} names no project: pypi:NAME is expected: {error}"))
    })
}
