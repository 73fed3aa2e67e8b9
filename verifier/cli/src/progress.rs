//! What is being done, on standard error: a line that changes on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Shows the events of this program from now on. `RUST_LOG` chooses others.
pub(crate) fn start(is_verbose: bool) {
    let default = if is_verbose { "twinbuild=debug" } else { "twinbuild=info" };
    let crates = ["registry", "store", "environment", "rebuild", "judge", "source"];
    let level = default.rsplit('=').next().unwrap_or("info");
    let directives: Vec<String> = crates.iter().map(|name| format!("twinbuild_{name}={level}")).collect();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives.join(",")));
    if std::io::stderr().is_terminal() && !is_verbose {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let _ = BAR.set(bar); // set once: this is the only caller
    }
    // Fails only where a subscriber was set before.
    let _ = tracing_subscriber::registry().with(Events.with_filter(filter)).try_init();
}

/// Removes the changing line, before results are printed.
pub(crate) fn finish() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}

struct Events;

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let message = twinbuild_report::escape(&format!("{}{}", text.message, text.fields));
        let is_problem = *event.metadata().level() <= Level::WARN;
        match BAR.get() {
            Some(bar) if is_problem => bar.println(format!("warning: {message}")),
            Some(bar) => bar.set_message(message),
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
