//! One module a command.

pub(crate) mod audit;
pub(crate) mod check_recipes;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod corpus;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod gc;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod infer;
pub(crate) mod jobs;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod nightly;
pub(crate) mod normalize;
mod output;
pub(crate) mod publish;
pub(crate) mod rebuild;
pub(crate) mod recheck;
pub(crate) mod repack;
pub(crate) mod replay;
pub(crate) mod retract;
mod site;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod witness;
pub(crate) mod worker;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use twinbuild_judge::{GitChoice, Judge, MOST_TRIALS, Options, Target};
use twinbuild_rebuild::Variation;
use twinbuild_report::{Report, Style};
use twinbuild_sandbox::Limits;
use twinbuild_subject::{Sha256, Sha256Hasher};
use twinbuild_verdict::Verdict;

use crate::arguments::{Global, LimitFlags, PageFormat, Subject};
use crate::failure::Failure;
use crate::given;
use crate::progress;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

/// The limits of a build: the flags', else the configuration's, else the defaults.
fn limits(settings: &Settings, flags: &LimitFlags) -> Result<Limits, Failure> {
    let mut chosen = settings.limits.clone();
    chosen.extend(&flags.chosen().map_err(Failure::usage)?);
    Ok(chosen.limits())
}

/// A judge for the subject of a command, with what is common to all.
fn judge(
    global: &Global,
    subject: &Subject,
    choose: impl FnOnce(&Settings, &mut Options) -> Result<(), Failure>,
) -> Result<(Judge, Target), Failure> {
    let settings = Settings::load(global)?;
    let as_of = match &subject.as_of {
        Some(text) => Some(
            text.parse()
                .with_context(|| format!("--as-of is {text:?}, and a time is expected, such as 2023-10-01T12:00:00Z"))
                .map_err(Failure::usage)?,
        ),
        None => None,
    };
    let mut options = Options {
        artifact: subject.artifact.clone(),
        as_of,
        chain: GitChoice::None,
        recipe: None,
        overrides: settings.overrides(&subject.recipes)?,
        hosts: settings.hosts.clone(),
        keep: None,
        variations: Variation::usual(),
        limits: Limits::of_this_host(),
        most_trials: MOST_TRIALS,
        normalizing: global.normalizing(),
        git: settings.git(),
    };
    choose(&settings, &mut options)?;
    let sdist = subject.choose_source(&mut options).map_err(Failure::usage)?;
    if let Some(sdist) = &sdist {
        given::file(sdist)?;
    }
    let target = Target::parse(&subject.subject, sdist)?;
    if let Target::Local { path, .. } = &target {
        given::file(path)?;
    }
    let store = settings.store()?;
    let cancel = cancel_on_signal()?;
    Ok((Judge::new(store, settings.index, settings.mirror, options, cancel), target))
}

/// Prints a verdict, and gives the exit code that it stands for.
fn print_verdict(global: &Global, verdict: &Verdict) -> Result<u8, Failure> {
    print_report(global, verdict)?;
    Ok(verdict.exit_code())
}

/// Prints a report in the format that was asked for.
fn print_report<'a>(global: &Global, report: impl Into<Report<'a>>) -> Result<(), Failure> {
    let text = match global.page_format()? {
        PageFormat::Json => twinbuild_report::json(report).map_err(Failure::internal)? + "\n",
        PageFormat::Text => twinbuild_report::text(report, Style::Colour),
        PageFormat::Markdown => twinbuild_report::markdown(report),
        PageFormat::Html => twinbuild_report::html(report),
    };
    print(&text)
}

/// Prints results; colours only where the terminal and the variables that `twinbuild help environment` names say so.
fn print(text: &str) -> Result<(), Failure> {
    progress::finish();
    write_out(text)
}

/// Prints results while work goes on, above the lines that change.
fn print_above(text: &str) -> Result<(), Failure> {
    progress::above(|| write_out(text))
}

fn write_out(text: &str) -> Result<(), Failure> {
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read it has seen enough. What is left to do is done, and the exit code says what it always says.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to the standard output").map_err(Failure::inconclusive),
    }
}

/// The digest of a file that is one.
fn sha256_of(path: &Path) -> Result<Sha256, Failure> {
    let doing = || format!("reading {}", path.display());
    let mut file = File::open(path).with_context(doing).map_err(Failure::usage)?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Failure::usage(anyhow!("{} is not a file: name one", path.display())));
    }
    let mut hasher = Sha256Hasher::new();
    io::copy(&mut file, &mut hasher).with_context(doing).map_err(Failure::inconclusive)?;
    Ok(hasher.finish())
}
