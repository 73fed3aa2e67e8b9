//! `twinbuild corpus`

use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use twinbuild_judge::{GitChoice, GitOptions, Judge, MOST_TRIALS, Options};
use twinbuild_nightly::{Event, ReportFiles, Results, RunError, read_list, read_older, run as run_list};
use twinbuild_rebuild::Variation;
use twinbuild_report::{AboutRun, CorpusReport, Style, Summary, Tally, headline};

use super::{limits, print, print_above};
use crate::arguments::{CorpusRun, Global, PlainFormat, SourceFrom};
use crate::failure::Failure;
use crate::given;
use crate::progress::LiveTable;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

pub(crate) fn run(global: &Global, arguments: &CorpusRun) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let path = &arguments.list;
    given::file(path)?;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
    let requests = read_list(&text).with_context(|| path.display().to_string()).map_err(Failure::usage)?;
    let output = arguments.output.clone().unwrap_or_else(|| {
        let mut name = path.clone().into_os_string();
        name.push(".results.jsonl");
        PathBuf::from(name)
    });
    let older = match &arguments.compare {
        // Read before anything is written: it may lie where the new report will.
        Some(older) => {
            given::file(older)?;
            Some(read_older(older).map_err(Failure::usage)?)
        }
        None => None,
    };
    let settings = Settings::load(global)?;
    given::place(&output)?;
    let mut results = Results::open(&output).map_err(Failure::usage)?;
    let limits = limits(&settings, &arguments.limits)?;
    let options = Options {
        artifact: None,
        as_of: None,
        chain: GitChoice::None,
        recipe: None,
        overrides: settings.overrides(&arguments.recipes)?,
        hosts: settings.hosts.clone(),
        keep: None,
        variations: Variation::usual(),
        limits,
        most_trials: arguments.search.trials,
        normalizing: global.normalizing(),
        git: GitOptions { choice: arguments.from.choice(), ..settings.git() },
    };
    let store = settings.store()?;
    let judge = Judge::new(store, settings.index, settings.mirror, options, cancel_on_signal()?);

    let subjects: Vec<String> = requests.iter().map(ToString::to_string).collect();
    let so_far = results.of(subjects.iter().map(String::as_str));
    let mut tally: Tally = so_far.iter().filter(|result| result.outcome.is_some()).collect();
    let mut table = LiveTable::start(subjects.len());
    table.show(&tally);
    let mut printing = Ok(());
    let outcome = run_list(&judge, &requests, arguments.jobs, &mut results, &mut |event| {
        let (Event::Judged(_, result) | Event::Failed(_, _, result)) = event;
        tally.add(result.kind());
        if printing.is_ok() {
            printing = print_above(&line(event, format));
        }
        table.show(&tally);
    });
    table.finish();
    printing?;

    let now = results.of(subjects.iter().map(String::as_str));
    let files = ReportFiles::beside(&output);
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let about = AboutRun {
        list: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        command: command(global, arguments),
        processors: u64::try_from(processors).unwrap_or(u64::MAX),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        file_stem: files.stem().to_owned(),
    };
    let report = CorpusReport::new(about, now, older.as_deref());
    files.write(&report).map_err(Failure::inconclusive)?;
    let summary = report.summary();
    print(&match format {
        PlainFormat::Text => {
            let place = twinbuild_report::escape(&files.html().display().to_string());
            format!("\n{}report: {place}\n", twinbuild_report::text(&report, Style::Colour))
        }
        PlainFormat::Json => serde_json::to_string(&summary).map_err(Failure::internal)? + "\n",
    })?;
    match outcome {
        Ok(()) => Ok(exit_code(&summary)),
        Err(RunError::Judge(error)) => Err(error.into()),
        Err(RunError::Results(error)) => Err(Failure::inconclusive(error)),
    }
}

/// The command that makes the same run again, but for where its results go.
fn command(global: &Global, arguments: &CorpusRun) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let mut command = format!("twinbuild corpus run {}", quoted(&arguments.list));
    if global.strict {
        command.push_str(" --strict");
    }
    if let Some(folder) = &arguments.recipes.folder {
        command.push_str(&format!(" --recipes {}", quoted(folder)));
    }
    match arguments.from {
        SourceFrom::Sdist => {}
        SourceFrom::Git => command.push_str(" --from git"),
        SourceFrom::Either => command.push_str(" --from either"),
    }
    if arguments.search.trials != MOST_TRIALS {
        command.push_str(&format!(" --trials {}", arguments.search.trials));
    }
    if arguments.jobs.get() > 1 {
        command.push_str(&format!(" --jobs {}", arguments.jobs));
    }
    command
}

/// What became of one subject, as a line.
fn line(event: &Event<'_>, format: PlainFormat) -> String {
    match (event, format) {
        (Event::Judged(verdict, _), PlainFormat::Text) => headline(verdict, Style::Colour),
        (Event::Judged(verdict, _), PlainFormat::Json) => match twinbuild_report::json(*verdict) {
            Ok(text) => text + "\n",
            Err(error) => serde_json::json!({ "error": error.to_string() }).to_string() + "\n",
        },
        (Event::Failed(request, error, _), PlainFormat::Text) => {
            twinbuild_report::escape(&format!("no verdict  {request}: {error}\n"))
        }
        (Event::Failed(request, error, _), PlainFormat::Json) => {
            serde_json::json!({ "subject": request.to_string(), "error": error.to_string() }).to_string() + "\n"
        }
    }
}

/// 1 if something was not reproduced or has an alert, else 2 if something could not be judged, else 0.
fn exit_code(summary: &Summary) -> u8 {
    let has = |outcomes: &[&str]| outcomes.iter().any(|outcome| summary.outcomes.contains_key(*outcome));
    if summary.reproduced_with_alert > 0 || has(&["rejected", "nondeterministic", "not-reproduced"]) {
        1
    } else if summary.without_verdict > 0 || has(&["unsupported", "source-missing", "inconclusive", "unbuildable"]) {
        2
    } else {
        0
    }
}
