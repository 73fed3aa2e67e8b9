//! Renderings of what was found out: for a terminal ([`text`]), for programs ([`json`]), and for people elsewhere
//! ([`markdown`], [`html`]).
//!
//! A [`Report`] is a verdict, a comparison of two files, a file that could not be read to be compared, what became of a list
//! of subjects ([`CorpusReport`], with [`Picture`]s), what a night of watching came to ([`NightReport`], which is also written for a mail
//! ([`mail`]), for programs that are told of it ([`webhook`]), for continuous integration ([`junit`]) and for code scanning
//! ([`sarif`])), or what is known of a project ([`ProjectHistory`]). Markdown and HTML
//! are written from one and the same page: what is news stands first, and noise is a count or is folded away.
//!
//! Names in archives and the text of builds are hostile. A page keeps them apart from words of ours by type, and no rendering
//! can be left without [`escape`]. In Markdown they stand in code spans and fenced blocks only, with more backticks
//! around them than they have. The HTML page is one file that loads and runs nothing, and says so to the browser.
//!
//! ```
//! use twinbuild_subject::{Origin, Subject};
//! use twinbuild_verdict::Verdict;
//!
//! let file_name = "<b>-1-py3-none-any.whl".to_owned();
//! let subject = Subject { origin: Origin::Local, purl: None, file_name, size: None, digests: None, upload_time: None };
//! let page = twinbuild_report::html(&Verdict::about(subject, "0.1.0"));
//! assert!(page.contains("inconclusive") && page.contains("&lt;b&gt;-1-py3-none-any.whl"));
//! ```
#![forbid(unsafe_code)]

mod comparison;
mod corpus;
mod escape;
mod history;
mod html;
mod markdown;
mod meaning;
mod night;
mod page;
mod pages;
mod picture;
mod sarif;
mod search;
mod text;

pub use comparison::{ComparedFile, FileComparison, UnreadFile, WhyUnread};
pub use corpus::{
    AboutRun, Cause, Change, Changes, CorpusReport, Cost, GivenRecipe, Group, ResultFinding, ResultKind, ResultReason,
    Spread, SubjectResult, Summary, Tally, Trials, rates,
};
pub use escape::{escape, on_one_line};
pub use history::{HistoryRow, ProjectHistory};
pub use html::Parts;
pub use night::{
    AboutNight, Before, DueWhy, Earlier, GivenUp, InARow, ListProblem, News, NewsKind, NightEnd, NightPoint,
    NightRecord, NightReport, NightSubject, NightWorker, WatchedList, Webhook, junit, mail, sarif, subject_line,
    webhook,
};
pub use page::{counted, grouped, share};
pub use picture::Picture;
pub use sarif::{SarifLevel, SarifResult, sarif_log};
pub use text::{Style, findings, headline};

use twinbuild_verdict::Verdict;

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    /// What was found out about one subject.
    Verdict(&'a Verdict),
    /// What was found out about two files.
    Comparison(&'a FileComparison),
    /// Why there is nothing to compare.
    Unread(&'a UnreadFile),
    /// What became of a list of subjects.
    Corpus(&'a CorpusReport),
    /// What a night came to.
    Night(&'a NightReport),
    /// What is known of a project's files.
    History(&'a ProjectHistory),
}

/// As lines of text, the news first, with a line end behind each.
#[must_use]
pub fn text<'a>(report: impl Into<Report<'a>>, style: Style) -> String {
    match report.into() {
        Report::Verdict(verdict) => text::verdict(verdict, style),
        Report::Comparison(comparison) => text::comparison(comparison, style),
        Report::Unread(unread) => text::unread(unread, style),
        Report::Corpus(report) => corpus::text(report),
        Report::Night(report) => night::text(report, style),
        Report::History(history) => history::text(history, style),
    }
}

/// As one line of JSON, without the line's end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json<'a>(report: impl Into<Report<'a>>) -> Result<String, serde_json::Error> {
    match report.into() {
        Report::Verdict(verdict) => serde_json::to_string(verdict),
        Report::Comparison(comparison) => serde_json::to_string(comparison),
        Report::Unread(unread) => serde_json::to_string(unread),
        Report::Corpus(report) => serde_json::to_string(report),
        Report::Night(report) => serde_json::to_string(report),
        Report::History(history) => serde_json::to_string(history),
    }
}

/// As Markdown: CommonMark with the tables of GitHub, and `<details>` around what is folded away.
#[must_use]
pub fn markdown<'a>(report: impl Into<Report<'a>>) -> String {
    let report = report.into();
    let file_stem = match report {
        Report::Corpus(report) => report.about.file_stem.as_str(),
        Report::Night(report) => report.about.file_stem.as_str(),
        Report::Verdict(_) | Report::Comparison(_) | Report::Unread(_) | Report::History(_) => "",
    };
    markdown::render(&pages::page(report), file_stem)
}

/// As one HTML file that needs no other: no script, nothing loaded, and a content security policy that holds it to that.
#[must_use]
pub fn html<'a>(report: impl Into<Report<'a>>) -> String {
    html::render(&pages::page(report.into()))
}

/// The style of what [`parts`] and [`Picture::markup`] give.
pub const STYLE: &str = html::STYLE_WITH_PICTURES;

/// The parts of what [`html`] gives, for a page that has more around them.
#[must_use]
pub fn parts<'a>(report: impl Into<Report<'a>>) -> Parts {
    html::parts(&pages::page(report.into()))
}

impl<'a> From<&'a Verdict> for Report<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        Self::Verdict(verdict)
    }
}

impl<'a> From<&'a FileComparison> for Report<'a> {
    fn from(comparison: &'a FileComparison) -> Self {
        Self::Comparison(comparison)
    }
}

impl<'a> From<&'a CorpusReport> for Report<'a> {
    fn from(report: &'a CorpusReport) -> Self {
        Self::Corpus(report)
    }
}

impl<'a> From<&'a NightReport> for Report<'a> {
    fn from(report: &'a NightReport) -> Self {
        Self::Night(report)
    }
}

impl<'a> From<&'a ProjectHistory> for Report<'a> {
    fn from(history: &'a ProjectHistory) -> Self {
        Self::History(history)
    }
}

impl<'a> From<&'a UnreadFile> for Report<'a> {
    fn from(unread: &'a UnreadFile) -> Self {
        Self::Unread(unread)
    }
}
