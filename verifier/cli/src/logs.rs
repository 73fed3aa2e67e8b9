//! What is done, on standard error, for machines: one JSON object an event, one a line.
//!
//! ```json
//! {"time":"2026-11-26T05:00:00.123456Z","level":"INFO","target":"twinbuild_judge::walk","message":"building the twins",
//!  "fields":{"attempt":1},"spans":[{"name":"judge","fields":{"subject":"pkg:pypi/six@1.16.0"}}]}
//! ```
//!
//! `fields` and `spans` are always there; spans stand outermost first. What could steer a terminal or mislead a reader is escaped.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use twinbuild_subject::is_misleading;

use crate::failure::USAGE;

/// Whether all that goes to standard error is JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Writes everything as JSON from now on.
pub(crate) fn start() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// Whether everything is written as JSON.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Whether a command line that could not be read asks for JSON: by its words, or else by the variable.
pub(crate) fn are_asked_for(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.collect();
    let flag = words
        .iter()
        .zip(words.iter().skip(1))
        .find(|(word, _)| *word == "--log-format")
        .map(|(_, value)| value == "json");
    let joined = words
        .iter()
        .filter_map(|word| word.to_str()?.strip_prefix("--log-format="))
        .next()
        .map(|value| value == "json");
    flag.or(joined).unwrap_or_else(|| std::env::var_os("TWINBUILD_LOG_FORMAT").is_some_and(|value| value == "json"))
}

/// Writes why a command line could not be read.
pub(crate) fn write_usage(error: &clap::Error) {
    let text = error.to_string();
    let fields = Map::from_iter([("exitCode".to_owned(), Value::from(USAGE))]);
    write("ERROR", text.trim().trim_start_matches("error: "), fields);
}

/// Writes what is no event of a crate.
pub(crate) fn write(level: &str, message: &str, fields: Map<String, Value>) {
    write_line((level, "twinbuild", message), fields, Vec::new());
}

fn write_line((level, target, message): (&str, &str, &str), fields: Map<String, Value>, spans: Vec<Value>) {
    let time = Timestamp::now().to_string();
    // In the order in which a reader looks for them; none of these can fail to be JSON.
    let [time, level, target, message] = [&time, level, target, message].map(Value::from);
    let fields = Value::from(fields);
    let spans = Value::from(spans);
    let line = format!(
        r#"{{"time":{time},"level":{level},"target":{target},"message":{message},"fields":{fields},"spans":{spans}}}"#
    );
    // In JSON, such a character can stand in a string only.
    let mut escaped = String::with_capacity(line.len() + 1);
    for letter in line.chars() {
        if is_misleading(letter) {
            let mut units = [0; 2];
            let units = letter.encode_utf16(&mut units);
            units.iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        } else {
            escaped.push(letter);
        }
    }
    escaped.push('\n');
    let _ = std::io::stderr().lock().write_all(escaped.as_bytes()); // a closed stderr is no reason to stop
}

/// Writes events as lines.
pub(crate) struct JsonLines;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut found = Fields::default();
        event.record(&mut found);
        let spans = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()).map(|span| {
            let fields = span.extensions().get::<Fields>().map(|fields| fields.fields.clone()).unwrap_or_default();
            json!({ "name": span.name(), "fields": fields })
        });
        let metadata = event.metadata();
        let about = (metadata.level().as_str(), metadata.target(), found.message.as_str());
        write_line(about, found.fields, spans.collect());
    }
}

/// What an event or a span has.
#[derive(Default)]
struct Fields {
    message: String,
    fields: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.add(field, text) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.add(field, value) }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }
}
