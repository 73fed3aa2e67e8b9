//! What is news.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use twinbuild_compare::Severity;

use super::{DueWhy, GivenUp, InARow, ListProblem, NightEnd, NightReport, NightSubject, NightWorker};
use crate::page::{Inline, count_of, counted, grouped, name, words};
use crate::{ResultFinding, ResultKind, ResultReason};

/// So many findings stand in the line of a piece of news.
const FINDINGS_IN_LINE: usize = 3;

/// What a piece of news is, the gravest first. Of one file only the gravest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewsKind {
    /// Versions before it were reproduced, the last of those that were decided among them, and this one was not. Nothing was decided of
    /// it before.
    Regression,
    /// The file was reproduced, and is not any more.
    NoLongerReproduced,
    /// The file has alerts that it did not have.
    NewAlert,
    /// The file is malformed or hostile, and was not known to be.
    Rejected,
    /// A worker returned what was refused.
    ResultsRefused,
    /// Nothing was decided, where the verdict before or the version before was decided, and this did not just fail once more.
    NewlyUndecided,
    /// A watch list cannot be read, or not all of it.
    ListUnreadable,
    /// A job was tried for the last time.
    JobGivenUp,
    /// The night was cut short by something that nobody chose.
    NightCutShort,
    /// The file was not reproduced, and now is.
    NewlyReproduced,
}

impl NewsKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::NoLongerReproduced => "no-longer-reproduced",
            Self::NewAlert => "new-alert",
            Self::Rejected => "rejected",
            Self::ResultsRefused => "results-refused",
            Self::NewlyUndecided => "newly-undecided",
            Self::ListUnreadable => "list-unreadable",
            Self::JobGivenUp => "job-given-up",
            Self::NightCutShort => "night-cut-short",
            Self::NewlyReproduced => "newly-reproduced",
        }
    }
}

/// A piece of news. All text of it may hold foreign text; [`line`](Self::line) is escaped where it is shown, and not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// What it is.
    pub kind: NewsKind,
    /// How much it matters.
    pub severity: Severity,
    /// All of it in one sentence.
    pub line: String,
    /// What it is about, for a reader: a file, a worker, a list, or the night.
    pub about: String,
    /// The package URL of the file that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// The watch lists that have the file.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lists: Vec<String>,
    /// What became of the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<ResultKind>,
    /// What had become of it before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<ResultKind>,
    /// The versions before it that were reproduced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub earlier: Option<InARow>,
    /// Why the file was judged again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<DueWhy>,
    /// The alerts that are new, as [`SubjectResult::alerts`](crate::SubjectResult::alerts) has them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alerts: Vec<String>,
    /// The first findings, which are those of the new file only where earlier versions had none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<ResultFinding>,
    /// How many more there are.
    #[serde(default)]
    pub more_findings: u64,
    /// Why nothing was decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<ResultReason>,
    /// How many times: results that were refused, or attempts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
    /// What happened, or why, where this is not said by the above.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// All news of a night, the gravest first.
pub(super) fn news(report: &NightReport) -> Vec<News> {
    let given_up: BTreeSet<&str> = report.given_up.iter().map(|job| job.subject.as_str()).collect();
    let is_told = |news: &News| {
        // That a job was given up says more than that there is no verdict.
        let is_given_up = news.subject.as_deref().is_some_and(|subject| given_up.contains(subject));
        !(is_given_up && news.kind == NewsKind::NewlyUndecided)
    };
    let mut all: Vec<News> = report.subjects.iter().filter_map(of_subject).filter(is_told).collect();
    all.extend(report.workers.iter().filter(|worker| worker.refused > 0).map(of_worker));
    all.extend(report.problems.iter().map(of_list));
    all.extend(report.given_up.iter().map(|job| of_job(job, report)));
    all.extend(of_end(report));
    all.sort_by_key(|news| (news.kind, Reverse(news.severity), Reverse(news.result)));
    for one in &mut all {
        one.line = plain(&one.parts());
    }
    all
}

/// What is news of a subject: nothing, where it was not judged in this night, and nothing that its verdict before said as well.
fn of_subject(subject: &NightSubject) -> Option<News> {
    if !subject.is_of_this_night {
        return None;
    }
    let (now, before) = (subject.kind(), subject.kind_before());
    let row = subject.reproduced_before();
    let alerts = subject.new_alerts();
    let is_bad = now.is_decided() && !now.is_reproduced();
    let was_decided = before.is_some_and(ResultKind::is_decided);
    let was_reproduced = before.is_some_and(ResultKind::is_reproduced);
    // Of a file that never had a verdict, the version before says what was to be expected, the first time.
    let was_expected = before.is_none()
        && subject.why != Some(DueWhy::FailedBefore)
        && subject.version_before().is_some_and(ResultKind::is_decided);
    let kind = if is_bad && !was_decided && row.is_some() {
        NewsKind::Regression
    } else if is_bad && was_reproduced {
        NewsKind::NoLongerReproduced
    } else if !alerts.is_empty() {
        NewsKind::NewAlert
    } else if now == ResultKind::Rejected && before != Some(ResultKind::Rejected) {
        NewsKind::Rejected
    } else if !now.is_decided() && (was_decided || was_expected) {
        NewsKind::NewlyUndecided
    } else if now.is_reproduced() && before.is_some() && !was_reproduced {
        NewsKind::NewlyReproduced
    } else {
        return None;
    };
    let severity = match kind {
        NewsKind::NewlyReproduced => Severity::Note,
        _ if subject.result.has_alert || now == ResultKind::Rejected => Severity::Alert,
        _ => Severity::Warning,
    };
    let result = &subject.result;
    Some(News {
        subject: Some(result.subject.clone()),
        lists: subject.lists.clone(),
        result: Some(now),
        before,
        earlier: row.filter(|_| kind == NewsKind::Regression),
        why: subject.why,
        alerts,
        findings: result.findings.clone(),
        more_findings: result.more_findings,
        reason: result.reason.clone(),
        detail: result.error.clone(),
        ..News::of(kind, severity, subject.shown())
    })
}

fn of_worker(worker: &NightWorker) -> News {
    let NightWorker { name, refused, why_refused, .. } = worker;
    News {
        count: Some(*refused),
        detail: why_refused.clone(),
        ..News::of(NewsKind::ResultsRefused, Severity::Alert, name.clone())
    }
}

fn of_list(problem: &ListProblem) -> News {
    let ListProblem { list, place, what, next } = problem;
    let detail = place.as_ref().map_or_else(|| what.clone(), |place| format!("{place}: {what}"));
    News {
        lists: vec![list.clone()],
        detail: Some(detail),
        next: next.clone(),
        ..News::of(NewsKind::ListUnreadable, Severity::Warning, list.clone())
    }
}

fn of_job(job: &GivenUp, report: &NightReport) -> News {
    let subject = report.subjects.iter().find(|subject| subject.result.subject == job.subject);
    News {
        subject: Some(job.subject.clone()),
        lists: subject.map(|subject| subject.lists.clone()).unwrap_or_default(),
        reason: Some(ResultReason { class: job.class.clone(), detail: job.reason.clone() }),
        count: Some(job.attempts),
        next: Some(format!("twinbuild jobs show {}", job.job)),
        ..News::of(NewsKind::JobGivenUp, Severity::Warning, crate::corpus::shown(&job.subject))
    }
}

fn of_end(report: &NightReport) -> Option<News> {
    let about = &report.about;
    match about.end {
        NightEnd::Complete | NightEnd::TimeIsUp | NightEnd::MostJobs => None,
        NightEnd::Interrupted | NightEnd::Host => Some(News {
            count: Some(about.left),
            detail: Some(about.end.words().to_owned()),
            ..News::of(NewsKind::NightCutShort, Severity::Warning, format!("night {}", about.night))
        }),
    }
}

impl News {
    fn of(kind: NewsKind, severity: Severity, about: String) -> Self {
        Self {
            kind,
            severity,
            line: String::new(),
            about,
            subject: None,
            lists: Vec::new(),
            result: None,
            before: None,
            earlier: None,
            why: None,
            alerts: Vec::new(),
            findings: Vec::new(),
            more_findings: 0,
            reason: None,
            count: None,
            detail: None,
            next: None,
        }
    }

    /// What it says, without what it is about; words of ours.
    pub(crate) fn words(&self) -> String {
        let times = self.count.unwrap_or(0);
        let result = self.result.map_or("without a verdict", ResultKind::words);
        let before = self.before.map_or("without a verdict", ResultKind::words);
        match self.kind {
            NewsKind::Regression => match self.earlier {
                Some(InARow { reproduced: 1, undecided: 0 }) | None => {
                    "the version before it reproduced, this one does not".to_owned()
                }
                Some(InARow { reproduced, undecided: 0 }) => {
                    format!("the last {} versions reproduced, this one does not", grouped(reproduced))
                }
                Some(InARow { reproduced, .. }) => {
                    let versions = counted(reproduced, "version", "versions");
                    format!("the last {versions} that could be judged reproduced, this one does not")
                }
            },
            NewsKind::NoLongerReproduced => format!("it was {before}, and is not any more"),
            NewsKind::NewAlert => {
                let alerts = counted(count_of(&self.alerts), "new alert", "new alerts");
                self.result.map_or_else(|| alerts.clone(), |result| format!("{alerts}, {}", result.words()))
            }
            NewsKind::Rejected => "it is malformed or hostile".to_owned(),
            NewsKind::ResultsRefused => {
                counted(times, "result of this worker was refused", "results of this worker were refused")
            }
            NewsKind::NewlyUndecided => match self.before {
                Some(_) => format!("it was {before}, and now nothing is decided: {result}"),
                None => format!("the version before it was decided, this one is not: {result}"),
            },
            NewsKind::ListUnreadable => "this list cannot be read, or not all of it".to_owned(),
            NewsKind::JobGivenUp => format!("given up after {}", counted(times, "attempt", "attempts")),
            NewsKind::NightCutShort => {
                counted(times, "file that is due was not judged", "files that are due were not judged")
            }
            NewsKind::NewlyReproduced => format!("it was {before}, and is {result} now"),
        }
    }

    /// The line, in which words of ours and foreign text are told apart.
    pub(crate) fn parts(&self) -> Vec<Inline> {
        let mut parts = vec![name(&self.about), words(": "), words(self.words())];
        if matches!(self.kind, NewsKind::Regression | NewsKind::NoLongerReproduced)
            && let Some(result) = self.result
        {
            parts.push(words(format!(": {}", result.words())));
        }
        let (shown, more) = self.places();
        for (index, place) in shown.iter().enumerate() {
            parts.extend([words(if index == 0 { ": " } else { ", " }), name(place)]);
        }
        if more > 0 {
            parts.push(words(format!(" and {} more", grouped(more))));
        }
        if shown.is_empty()
            && let Some(reason) = &self.reason
        {
            parts.extend([words(": "), name(&reason.class), words(": "), Inline::Sentence(reason.detail.clone())]);
        }
        if let Some(detail) = &self.detail {
            parts.extend([words(": "), Inline::Sentence(detail.clone())]);
        }
        if self.kind == NewsKind::NoLongerReproduced
            && let Some(why) = self.why
        {
            parts.push(words(format!(" (judged again, as {})", why.words())));
        }
        parts
    }

    /// Whether the reason stands in the line: where there is nothing else to point at.
    pub(crate) fn has_reason_in_line(&self) -> bool {
        self.places().0.is_empty()
    }

    /// What and where, and how many more: the new alerts, or else the first findings.
    fn places(&self) -> (Vec<String>, u64) {
        if self.kind == NewsKind::NewlyReproduced {
            return (Vec::new(), 0);
        }
        if self.alerts.is_empty() {
            let places: Vec<String> = self.findings.iter().map(ResultFinding::place).collect();
            return (places, self.more_findings);
        }
        let (shown, more) = self.alerts.split_at(self.alerts.len().min(FINDINGS_IN_LINE));
        (shown.to_vec(), count_of(more))
    }
}

/// Parts of a line as they are.
pub(super) fn plain(parts: &[Inline]) -> String {
    let text = |part: &Inline| match part {
        Inline::Words(words) => words.to_string(),
        Inline::Name(text) | Inline::Sentence(text) => text.clone(),
    };
    parts.iter().map(text).collect()
}
