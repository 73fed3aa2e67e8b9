//! A report of a night for code scanning services.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use twinbuild_compare::Severity;

use super::news::plain;
use super::{News, NewsKind, NightReport, NightSubject};
use crate::sarif::{SarifLevel, SarifResult, sarif_log};
use crate::{ResultKind, escape};

/// Where results are shown that have no file of their own: where the watch lists are named.
const CONFIGURATION: &str = "twinbuild.toml";

/// What a result can be: what became of a file, or else what is news.
const RULES: [(&str, &str); 15] = [
    ("reproduced", "The file was reproduced, but with an alert."),
    ("packaging", "The file is not what its source gives, in metadata and container only."),
    ("code", "The file is not what its source gives, in what is installed or run."),
    ("unsourced", "The file has members that no source has."),
    ("nondeterministic", "Two builds of the same source differ."),
    ("rejected", "The file is malformed or hostile."),
    ("unbuildable", "The source cannot be built."),
    ("inconclusive", "A limit or the infrastructure kept the file from being judged."),
    ("unsupported", "This version of twinbuild cannot judge this kind of file."),
    ("source-missing", "No source of the file was found."),
    ("no-verdict", "There is no verdict on the file."),
    ("results-refused", "A worker returned what was refused."),
    ("list-unreadable", "A watch list cannot be read, or not all of it."),
    ("job-given-up", "A job was tried for the last time."),
    ("night-cut-short", "The night was cut short."),
];

/// A report of a night as a log of SARIF 2.1.0 (OASIS): a result for each subject that is not reproduced or has an alert, and for
/// what else is bad news; the news first, and marked as new. Each is shown at the file that its watch list is read from, or else at
/// `twinbuild.toml`.
#[must_use]
pub fn sarif(report: &NightReport) -> Value {
    let subjects: HashMap<&str, &NightSubject> =
        report.subjects.iter().map(|subject| (subject.result.subject.as_str(), subject)).collect();
    let is_bad = |news: &&News| news.kind != NewsKind::NewlyReproduced;
    let of_news = report.news.iter().filter(is_bad).map(|news| {
        let subject = news.subject.as_deref().and_then(|subject| subjects.get(subject));
        let level = match news.severity {
            Severity::Alert => SarifLevel::Error,
            Severity::Warning => SarifLevel::Warning,
            Severity::Note => SarifLevel::Note,
        };
        SarifResult {
            rule: news.result.map_or(news.kind.name(), rule),
            level: subject.map_or(level, |subject| level.max(self::level(subject))),
            text: plain(&news.parts()),
            path: path(report, &news.lists),
            about: Some(news.subject.as_ref().unwrap_or(&news.about).clone()),
            is_new: Some(true),
        }
    });
    let told: HashSet<&str> = report.news.iter().filter(is_bad).filter_map(|news| news.subject.as_deref()).collect();
    let is_known = |subject: &&NightSubject| !subject.is_good() && !told.contains(subject.result.subject.as_str());
    let of_known = report.subjects.iter().filter(is_known).map(|subject| SarifResult {
        rule: rule(subject.kind()),
        level: level(subject),
        text: super::subject_line(subject, crate::Style::Plain).trim_end().to_owned(),
        path: path(report, &subject.lists),
        about: Some(subject.result.subject.clone()),
        is_new: Some(false),
    });
    sarif_log(&escape(&report.about.tool_version), &RULES, of_news.chain(of_known))
}

fn rule(kind: ResultKind) -> &'static str {
    if kind.is_reproduced() { "reproduced" } else { kind.name() }
}

/// By what is known of a subject that is not good.
fn level(subject: &NightSubject) -> SarifLevel {
    if subject.result.has_alert || subject.kind() == ResultKind::Rejected {
        SarifLevel::Error
    } else if subject.kind().is_decided() {
        SarifLevel::Warning
    } else {
        SarifLevel::Note
    }
}

/// The file of the first of the lists that has one.
fn path(report: &NightReport, lists: &[String]) -> String {
    let of = |list: &String| report.about.lists.iter().find(|known| known.name == *list)?.path.clone();
    lists.iter().find_map(of).unwrap_or_else(|| CONFIGURATION.to_owned())
}
