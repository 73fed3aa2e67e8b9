//! `twinbuild corpus`

use std::path::PathBuf;

use anyhow::Context as _;
use twinbuild_judge::{GitChoice, Judge, Options};
use twinbuild_nightly::{Event, Results, RunError, Summary, read_list, run as run_list};
use twinbuild_rebuild::Variation;
use twinbuild_report::{Style, headline};

use super::{limits, print};
use crate::arguments::{CorpusRun, Global, PlainFormat};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

pub(crate) fn run(global: &Global, arguments: &CorpusRun) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let path = &arguments.list;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
    let requests = read_list(&text).with_context(|| path.display().to_string()).map_err(Failure::usage)?;
    let output = arguments.output.clone().unwrap_or_else(|| {
        let mut name = path.clone().into_os_string();
        name.push(".results.jsonl");
        PathBuf::from(name)
    });
    let settings = Settings::load(global)?;
    let mut results = Results::open(&output).map_err(Failure::usage)?;
    let limits = limits(&settings, &arguments.limits)?;
    let options = Options {
        artifact: None,
        as_of: None,
        chain: GitChoice::None,
        recipe: None,
        hosts: settings.hosts.clone(),
        keep: None,
        variations: Variation::usual(),
        limits,
        normalizing: global.normalizing(),
        git: settings.git(),
    };
    let store = settings.store()?;
    let judge = Judge::new(store, settings.index, settings.mirror, options, cancel_on_signal()?);
    let mut printing = Ok(());
    let outcome = run_list(&judge, &requests, &mut results, &mut |event| {
        let line = match (event, format) {
            (Event::Judged(_, verdict), PlainFormat::Text) => headline(verdict, Style::Colour),
            (Event::Judged(_, verdict), PlainFormat::Json) => match twinbuild_report::json(*verdict) {
                Ok(text) => text + "\n",
                Err(error) => format!("{{\"error\":{:?}}}\n", error.to_string()),
            },
            (Event::Failed(request, error), PlainFormat::Text) => {
                twinbuild_report::escape(&format!("no verdict  {request}: {error}\n"))
            }
            (Event::Failed(request, error), PlainFormat::Json) => {
                serde_json::json!({ "subject": request.to_string(), "error": error.to_string() }).to_string() + "\n"
            }
        };
        if printing.is_ok() {
            printing = print(&line);
        }
    });
    printing?;
    let subjects: Vec<String> = requests.iter().map(ToString::to_string).collect();
    let summary = results.summary(subjects.iter().map(String::as_str));
    print(&match format {
        PlainFormat::Text => rates(&summary),
        PlainFormat::Json => serde_json::to_string(&summary).map_err(Failure::internal)? + "\n",
    })?;
    match outcome {
        Ok(()) => Ok(exit_code(&summary)),
        Err(RunError::Judge(error)) => Err(error.into()),
        Err(RunError::Results(error)) => Err(Failure::inconclusive(error)),
    }
}

/// The summary as a table, each count with its share of the list.
fn rates(summary: &Summary) -> String {
    let total = summary.total;
    let mut text = format!("\n{total:>6}         subjects\n");
    // Tenths of a percent, rounded down, so that a rate is never said to be better than it is.
    let mut row = |count: u64, what: &str| {
        let tenths = (count * 1000).checked_div(total).unwrap_or(0);
        text.push_str(&format!("{count:>6} {:>3}.{} %  {what}\n", tenths / 10, tenths % 10));
    };
    for (outcome, count) in &summary.outcomes {
        row(*count, outcome);
        for (quality, count) in
            summary.qualities.iter().filter(|(quality, _)| quality.starts_with(&format!("{outcome} (")))
        {
            row(*count, &format!("  {}", quality.trim_start_matches(outcome.as_str()).trim()));
        }
    }
    if summary.without_verdict > 0 {
        row(summary.without_verdict, "no verdict");
    }
    text
}

/// 1 if something was not reproduced, else 2 if something could not be judged, else 0.
fn exit_code(summary: &Summary) -> u8 {
    let has = |outcomes: &[&str]| outcomes.iter().any(|outcome| summary.outcomes.contains_key(*outcome));
    if has(&["rejected", "nondeterministic", "not-reproduced"]) {
        1
    } else if summary.without_verdict > 0 || has(&["unsupported", "source-missing", "inconclusive", "unbuildable"]) {
        2
    } else {
        0
    }
}
