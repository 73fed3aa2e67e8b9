//! What the verdicts on a project's files say, one version after the other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_compare::{Mismatch, Severity};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Level, Outcome, Trust};

use crate::escape::on_one_line;
use crate::page::{Block, Entry, Inline, Page, Section, Tone, count_of, counted, grouped, name, words};
use crate::{ResultKind, Style, Tally};

/// The version of the document's form. Fields may be added without a new version.
const SCHEMA_VERSION: u32 = 1;

/// What is known of a project's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectHistory {
    /// 1
    pub schema_version: u32,
    /// The project.
    pub project: String,
    /// Its verdicts, the newest version first, and of a file the newest verdict first.
    pub rows: Vec<HistoryRow>,
}

/// A verdict on a file of a project. All text of it is foreign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// The version.
    pub version: String,
    /// The file.
    pub file_name: String,
    /// When the file was uploaded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uploaded: Option<Timestamp>,
    /// When the verdict was come to.
    pub judged: Timestamp,
    /// The outcome.
    pub outcome: Outcome,
    /// How exactly it was reproduced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<Level>,
    /// In what it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mismatch: Option<Mismatch>,
    /// Why its source is taken to be the source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trust: Option<Trust>,
    /// The alerts, as [`SubjectResult::alerts`](crate::SubjectResult::alerts) has them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alerts: Vec<String>,
    /// The workers that came to it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub workers: Vec<String>,
    /// The digest of the verdict.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict_digest: Option<Sha256>,
}

impl ProjectHistory {
    /// The history of `project`, of its verdicts with the newest version first, and of a file the newest verdict first.
    #[must_use]
    pub fn new(project: String, rows: Vec<HistoryRow>) -> Self {
        Self { schema_version: SCHEMA_VERSION, project, rows }
    }

    /// The newest verdict on each file.
    fn newest(&self) -> Vec<&HistoryRow> {
        let mut newest: Vec<&HistoryRow> = Vec::new();
        let mut at = std::collections::HashMap::new();
        for row in &self.rows {
            let index = *at.entry(row.file_name.as_str()).or_insert(newest.len());
            match newest.get_mut(index) {
                Some(known) if known.judged < row.judged => *known = row,
                Some(_) => {}
                None => newest.push(row),
            }
        }
        newest
    }
}

impl HistoryRow {
    /// What the verdict says, in a word.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        ResultKind::of(self.outcome, self.level, self.mismatch)
    }

    fn is_good(&self) -> bool {
        self.kind().is_reproduced() && self.alerts.is_empty()
    }
}

fn tally(history: &ProjectHistory) -> Tally {
    let mut tally = Tally::default();
    history.newest().iter().for_each(|row| tally.add(row.kind()));
    tally
}

/// A line a verdict, and what it is about where it is no good news.
pub(crate) fn text(history: &ProjectHistory, style: Style) -> String {
    let mut out = format!("{}: {}\n", on_one_line(&history.project), summary(history));
    for row in &history.rows {
        out.push_str("  ");
        crate::text::paint_kind(&mut out, style, row.kind(), row.is_good());
        let mut line = format!("  {}, judged {}", row.file_name, day(row.judged));
        line.extend(row.uploaded.map(|time| format!(", uploaded {}", day(time))));
        line.extend(row.trust.map(|trust| format!(", source: {}", trust.name())));
        line.extend((!row.workers.is_empty()).then(|| format!(", by {}", row.workers.join(" and "))));
        out.push_str(&format!("{}\n", on_one_line(&line)));
        for alert in &row.alerts {
            out.push_str(&format!("      alert: {}\n", on_one_line(alert)));
        }
    }
    out
}

fn summary(history: &ProjectHistory) -> String {
    let (verdicts, tally) = (count_of(&history.rows), tally(history));
    if verdicts == 0 {
        return "no verdict on any file".to_owned();
    }
    let (files, verdicts) = (counted(tally.total, "file", "files"), counted(verdicts, "verdict", "verdicts"));
    format!("{} of {files} reproduced; {verdicts}", grouped(tally.reproduced()))
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

pub(crate) fn page(history: &ProjectHistory) -> Page<'_> {
    let newest = history.newest();
    let mut sections = Vec::new();
    let with_alert = newest.iter().filter(|row| !row.alerts.is_empty());
    let alerts: Vec<Entry> = with_alert.map(|row| entry(row, Some(Severity::Alert))).collect();
    if !alerts.is_empty() {
        sections.push(Section { title: "Alerts", blocks: vec![Block::Entries(alerts)] });
    }
    let verdicts = history.rows.iter().map(|row| entry(row, None)).collect();
    sections.push(Section { title: "Verdicts", blocks: vec![Block::Entries(verdicts)] });
    Page {
        word: summary(history).into(),
        tone: if !newest.is_empty() && newest.iter().all(|row| row.is_good()) { Tone::Good } else { Tone::Undecided },
        qualities: Vec::new(),
        about: vec![history.project.clone()],
        meaning: vec![
            "Each verdict on a file of the project, the newest version first; what is counted is the newest verdict on each file.",
        ],
        sections,
        footer: vec![words("Written by twinbuild history.")],
    }
}

fn entry(row: &HistoryRow, severity: Option<Severity>) -> Entry {
    let head = vec![name(&row.file_name), words(": "), words(row.kind().words())];
    let mut line = format!("judged {}", day(row.judged));
    line.extend(row.uploaded.map(|time| format!(", uploaded {}", day(time))));
    line.extend(row.trust.map(|trust| format!(", source: {}", trust.name())));
    let mut parts = vec![words(line)];
    if !row.workers.is_empty() {
        parts.extend([words(", by "), name(&row.workers.join(", "))]);
    }
    let mut lines: Vec<Vec<Inline>> = row.alerts.iter().map(|alert| vec![words("alert: "), name(alert)]).collect();
    lines.push(parts);
    lines.extend(row.verdict_digest.as_ref().map(|digest| vec![words("verdict "), name(&format!("sha256:{digest}"))]));
    Entry { severity, head, lines }
}
