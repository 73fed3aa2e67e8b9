//! A report of a night for other programs that are told of it.

use jiff::Timestamp;
use serde::Serialize;

use super::{News, NightEnd, NightReport, text};
use crate::Tally;
use crate::escape::on_one_line;
use crate::page::{Inline, count_of, grouped};

/// The version of the document's form. Fields may be added without a new version.
const SCHEMA_VERSION: u32 = 1;
/// So many pieces of news are in it.
const NEWS: usize = 20;
/// So many of them are lines of the text.
const LINES: usize = 5;
/// So many characters of a foreign name are shown in the text.
const NAME_CHARACTERS: usize = 200;

/// What is sent of a night. Its first key is `text`, which is what chat programs show that take `{"text": ..}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook<'a> {
    /// The first news in lines, and how much is reproduced. Foreign text stands in code spans, without what chat programs read there.
    pub text: String,
    /// 1
    pub schema_version: u32,
    /// The night's number.
    pub night: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Why it ended.
    pub end: NightEnd,
    /// How many subjects are due and were not judged.
    pub left: u64,
    /// All watched subjects by what became of them.
    pub results: &'a Tally,
    /// Those of this night.
    pub of_tonight: &'a Tally,
    /// The first 20 pieces of news.
    pub news: &'a [News],
    /// How many more there are.
    pub more_news: u64,
}

/// What is to be sent of a night, as one JSON document of a few kilobytes.
#[must_use]
pub fn webhook(report: &NightReport) -> Webhook<'_> {
    let (news, more) = report.news.split_at(report.news.len().min(NEWS));
    Webhook {
        text: lines(report),
        schema_version: SCHEMA_VERSION,
        night: report.about.night,
        started: report.about.started,
        ended: report.about.ended,
        end: report.about.end,
        left: report.about.left,
        results: &report.results,
        of_tonight: &report.of_tonight,
        news,
        more_news: count_of(more),
    }
}

fn lines(report: &NightReport) -> String {
    let line = |news: &News| {
        let parts: String = news.parts().iter().map(part).collect();
        format!("{}: {parts}", crate::meaning::severity(news.severity))
    };
    let mut lines: Vec<String> = report.news.iter().take(LINES).map(line).collect();
    if let Some(more) = report.news.get(LINES..).filter(|more| !more.is_empty()) {
        lines.push(format!("{} more pieces of news", grouped(count_of(more))));
    }
    if report.news.is_empty() {
        lines.push(text::first(report));
    }
    let (results, about) = (&report.results, &report.about);
    lines.push(format!(
        "night {}: {} of {} reproduced, {} judged, {} left",
        grouped(about.night),
        grouped(results.reproduced()),
        grouped(results.total),
        grouped(report.of_tonight.total),
        grouped(about.left)
    ));
    lines.join("\n")
}

/// In a code span no chat program looks for mentions, links or emphasis, but some look for `<..>` and `&..;` first.
fn part(part: &Inline) -> String {
    match part {
        Inline::Words(words) => words.to_string(),
        Inline::Name(text) | Inline::Sentence(text) => {
            let shown: String = on_one_line(text).chars().take(NAME_CHARACTERS).map(plain).collect();
            if shown.is_empty() { "(empty)".to_owned() } else { format!("`{shown}`") }
        }
    }
}

fn plain(c: char) -> String {
    match c {
        '<' | '>' | '&' | '`' => format!("\\u{{{:x}}}", u32::from(c)),
        '\t' => " ".to_owned(),
        c => c.to_string(),
    }
}
