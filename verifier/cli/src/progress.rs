//! What is being done, on standard error: a line that changes on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};
use twinbuild_report::Tally;

use crate::arguments::LogFormat;
use crate::logs::{self, JsonLines};

static LINES: OnceLock<Lines> = OnceLock::new();

/// The lines that change, the lowest of which says what is being done.
struct Lines {
    all: MultiProgress,
    doing: ProgressBar,
}

/// Shows the events of this program from now on. `RUST_LOG` chooses others.
pub(crate) fn start(is_verbose: bool, format: LogFormat) {
    // A target is meant by its beginning, so that is all crates of the workspace.
    let default = if is_verbose { "twinbuild=debug" } else { "twinbuild=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    if format == LogFormat::Json {
        logs::start();
        // Fails only where a subscriber was set before.
        let _ = tracing_subscriber::registry().with(JsonLines.with_filter(filter)).try_init();
        return;
    }
    if std::io::stderr().is_terminal() && !is_dumb() && !is_verbose {
        let all = MultiProgress::new();
        let doing = all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            doing.set_style(style);
        }
        doing.enable_steady_tick(Duration::from_millis(100));
        let _ = LINES.set(Lines { all, doing }); // set once: this is the only caller
    }
    // Fails only where a subscriber was set before.
    let _ = tracing_subscriber::registry().with(Events.with_filter(filter)).try_init();
}

/// Whether the terminal says that it can do nothing but show one line after another.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty())
}

/// Says something beside the results.
pub(crate) fn note(text: &str) {
    if logs::is_json() {
        text.lines().for_each(|line| logs::write("INFO", line.trim(), serde_json::Map::new()));
    } else {
        // Nothing is left to do where it cannot be printed.
        let _ = anstream::stderr().write_all(twinbuild_report::escape(text).as_bytes());
    }
}

/// Removes the changing lines, before results are printed.
pub(crate) fn finish() {
    if let Some(lines) = LINES.get() {
        lines.doing.finish_and_clear();
    }
}

/// Prints something above the changing lines.
pub(crate) fn above<T>(print: impl FnOnce() -> T) -> T {
    match LINES.get() {
        Some(lines) => lines.all.suspend(print),
        None => print(),
    }
}

/// How far a run over a list has come, and what became of what it did: lines that change on a terminal, and nothing elsewhere.
pub(crate) struct LiveTable {
    bars: Option<[ProgressBar; 2]>,
}

impl LiveTable {
    /// The table of a run over so many subjects.
    pub(crate) fn start(subjects: usize) -> Self {
        let bars = LINES.get().map(|Lines { all, doing }| {
            let length = ProgressBar::new(u64::try_from(subjects).unwrap_or(u64::MAX));
            let [rates, bar] = [ProgressBar::no_length(), length].map(|bar| all.insert_before(doing, bar));
            let templates = [(&rates, "{msg}"), (&bar, "{pos} of {len} {wide_bar} {elapsed}, about {eta} left")];
            for (bar, template) in templates {
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
            }
            [rates, bar]
        });
        Self { bars }
    }

    /// Shows what became of the subjects so far.
    pub(crate) fn show(&mut self, tally: &Tally) {
        let Some([rates, bar]) = &self.bars else { return };
        rates.set_message(twinbuild_report::rates(tally).trim_end().to_owned());
        if bar.position() == 0 {
            // What an earlier run did says nothing of how fast this one is.
            bar.set_position(tally.total);
            bar.reset_eta();
        }
        bar.set_position(tally.total);
    }

    /// Removes it.
    pub(crate) fn finish(self) {
        self.bars.iter().flatten().for_each(ProgressBar::finish_and_clear);
    }
}

struct Events;

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let message = twinbuild_report::escape(&format!("{}{}", text.message, text.fields));
        let is_problem = *event.metadata().level() <= Level::WARN;
        match LINES.get() {
            Some(lines) if is_problem => lines.doing.println(format!("warning: {message}")),
            Some(lines) => lines.doing.set_message(message),
            None => {
                let prefix = if is_problem { "warning: " } else { "" };
                let _ = writeln!(std::io::stderr(), "{prefix}{message}"); // a closed stderr is no reason to stop
            }
        }
    }
}

/// The message of an event, and its other fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        }; // writing to a String cannot fail
    }
}
