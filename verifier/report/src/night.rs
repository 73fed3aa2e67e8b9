//! What a night of watching came to: the news first, then rates and trends, then the rest.

mod junit;
mod news;
mod pages;
mod sarif;
mod subject;
mod text;
mod webhook;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use junit::junit;
pub use news::{News, NewsKind};
pub use sarif::sarif;
pub use subject::{Before, DueWhy, Earlier, InARow, NightSubject};
pub use text::{mail, subject_line};
pub use webhook::{Webhook, webhook};

pub(crate) use pages::page;
pub(crate) use text::text;

use crate::{Group, Picture, ResultFinding, SubjectResult, Tally};

/// The version of the report's form. Fields may be added without a new version.
const SCHEMA_VERSION: u32 = 1;

/// What a night came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NightReport {
    /// 1
    pub schema_version: u32,
    /// What is another than before, the gravest first; what was known is none of it.
    pub news: Vec<News>,
    /// What it is about, and what made it.
    #[serde(flatten)]
    pub about: AboutNight,
    /// All watched subjects by what became of them.
    pub results: Tally,
    /// Those of this night.
    pub of_tonight: Tally,
    /// All watched subjects by list. One that is in several lists is counted in each.
    pub by_list: Vec<Group>,
    /// This night and those before it, the oldest first.
    pub nights: Vec<NightPoint>,
    /// Who worked in this night.
    pub workers: Vec<NightWorker>,
    /// Jobs that this night gave up.
    pub given_up: Vec<GivenUp>,
    /// What of the watch lists could not be read.
    pub problems: Vec<ListProblem>,
    /// Each watched subject once, in the order of the lists.
    pub subjects: Vec<NightSubject>,
}

/// What a report of a night is made of, besides what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NightRecord {
    /// This night and those before it, the oldest first.
    pub nights: Vec<NightPoint>,
    /// Who worked in this night.
    pub workers: Vec<NightWorker>,
    /// Jobs that this night gave up.
    pub given_up: Vec<GivenUp>,
    /// What of the watch lists could not be read.
    pub problems: Vec<ListProblem>,
    /// Each watched subject once, in the order of the lists.
    pub subjects: Vec<NightSubject>,
}

/// What a report of a night is about, and what made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AboutNight {
    /// The night's number.
    pub night: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The version of the program that wrote the report; verdicts may be of older ones.
    pub tool_version: String,
    /// The command that makes it again.
    pub command: String,
    /// The watch lists.
    pub lists: Vec<WatchedList>,
    /// Why it ended.
    pub end: NightEnd,
    /// How many subjects are due and were not judged.
    pub left: u64,
    /// What the names of the report's files begin with, for Markdown, which has pictures beside it.
    #[serde(skip)]
    pub file_stem: String,
}

/// A watch list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedList {
    /// Its name.
    pub name: String,
    /// How many subjects it has.
    pub subjects: u64,
    /// The file that it is read from, relative to the configuration, where it is read from one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
}

/// Why a night ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NightEnd {
    /// All that was due is done.
    Complete,
    /// It had no more time.
    TimeIsUp,
    /// It had done as many jobs as it was to do.
    MostJobs,
    /// Somebody or something stopped it.
    Interrupted,
    /// This machine cannot build.
    Host,
}

impl NightEnd {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Complete => "all that was due is done",
            Self::TimeIsUp => "its time was up",
            Self::MostJobs => "it did as many jobs as it was to do",
            Self::Interrupted => "it was interrupted",
            Self::Host => "this machine cannot build",
        }
    }
}

/// One night among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NightPoint {
    /// Its number.
    pub night: u64,
    /// When it ended.
    pub ended: Timestamp,
    /// How many subjects it judged.
    pub judged: u64,
    /// All that was watched, by what was known of it when the night ended.
    pub results: Tally,
}

/// Who worked in a night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NightWorker {
    /// The worker's name.
    pub name: String,
    /// How many jobs it finished.
    pub jobs: u64,
    /// How long it was busy with them, in milliseconds.
    pub busy_ms: u64,
    /// How many of its results were refused.
    pub refused: u64,
    /// Why, of the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why_refused: Option<String>,
}

/// A job that is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenUp {
    /// Its number.
    pub job: i64,
    /// The package URL of its subject.
    pub subject: String,
    /// A stable name of the class of the failure.
    pub class: String,
    /// Why the last attempt failed, in a sentence.
    pub reason: String,
    /// How many attempts there were.
    pub attempts: u64,
}

/// What of a watch list could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListProblem {
    /// The list.
    pub list: String,
    /// A file, and a line of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

impl NightReport {
    /// The report of a night.
    #[must_use]
    pub fn new(about: AboutNight, record: NightRecord) -> Self {
        let NightRecord { nights, workers, given_up, problems, subjects } = record;
        let by_list = about.lists.iter().map(|list| {
            let is_in = |subject: &&NightSubject| subject.lists.contains(&list.name);
            Group { name: list.name.clone(), results: tally(subjects.iter().filter(is_in)) }
        });
        let mut report = Self {
            schema_version: SCHEMA_VERSION,
            news: Vec::new(),
            by_list: by_list.collect(),
            about,
            results: tally(&subjects),
            of_tonight: tally(subjects.iter().filter(|subject| subject.is_of_this_night)),
            nights,
            workers,
            given_up,
            problems,
            subjects,
        };
        report.news = news::news(&report);
        report
    }

    /// The pictures that belong to it, which stand in its HTML form and beside its Markdown form.
    #[must_use]
    pub fn pictures(&self) -> Vec<Picture> {
        pages::pictures(self)
    }
}

/// What kept a subject, or speaks against it, in a few words: the first alert, the class of the reason, the most severe finding of one
/// that was not reproduced, or why there is no verdict.
fn cause(result: &SubjectResult) -> Option<String> {
    let is_reproduced = result.kind().is_reproduced();
    let alert = || result.alerts.first().cloned();
    let reason = || result.reason.as_ref().map(|reason| reason.class.clone());
    let finding = || result.findings.first().filter(|_| !is_reproduced || result.has_alert).map(ResultFinding::place);
    alert().or_else(reason).or_else(finding).or_else(|| result.error.clone())
}

fn tally<'a>(subjects: impl IntoIterator<Item = &'a NightSubject>) -> Tally {
    subjects.into_iter().map(|subject| &subject.result).collect()
}
