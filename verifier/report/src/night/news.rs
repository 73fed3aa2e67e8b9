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

    /// What it is about, and the first of what is wrong with it.
    pub(crate) fn names(&self) -> Vec<String> {
        let (places, _) = self.places();
        std::iter::once(self.about.clone()).chain(places.into_iter().take(1)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AboutNight, Before, Earlier, NightRecord, SubjectResult};
    use jiff::Timestamp;
    use twinbuild_compare::Mismatch;
    use twinbuild_verdict::{Level, Outcome};

    const REPRODUCED: ResultKind = ResultKind::Repacked;
    const PACKAGING: ResultKind = ResultKind::Packaging;

    fn parts(kind: ResultKind) -> (Option<Outcome>, Option<Level>, Option<Mismatch>) {
        match kind {
            ResultKind::Repacked => (Some(Outcome::Reproduced), Some(Level::Repacked), None),
            ResultKind::Packaging => (Some(Outcome::NotReproduced), None, Some(Mismatch::Packaging)),
            ResultKind::Rejected => (Some(Outcome::Rejected), None, None),
            ResultKind::Unbuildable => (Some(Outcome::Unbuildable), None, None),
            _ => (None, None, None),
        }
    }

    /// A subject of this night.
    fn now(kind: ResultKind) -> NightSubject {
        let (outcome, level, mismatch) = parts(kind);
        let subject = "pkg:pypi/a@3?file_name=a-3-py3-none-any.whl".to_owned();
        let result = SubjectResult { subject, outcome, level, mismatch, ..SubjectResult::default() };
        NightSubject { result, version: "3".to_owned(), is_of_this_night: true, ..NightSubject::default() }
    }

    impl NightSubject {
        fn was(mut self, kind: ResultKind, alerts: &[&str]) -> Self {
            let (outcome, level, mismatch) = parts(kind);
            let alerts = alerts.iter().map(|alert| (*alert).to_owned()).collect();
            let outcome = outcome.unwrap();
            self.before = Some(Before { outcome, level, mismatch, alerts, judged: Timestamp::UNIX_EPOCH });
            self
        }

        fn after(mut self, versions: &[ResultKind]) -> Self {
            for (index, kind) in versions.iter().enumerate() {
                let (outcome, level, mismatch) = parts(*kind);
                let version = format!("2.{}", versions.len() - index);
                let file_name = format!("a-{version}-py3-none-any.whl");
                self.earlier.push(Earlier { version, file_name, outcome: outcome.unwrap(), level, mismatch });
            }
            self
        }

        fn with(mut self, alerts: &[&str]) -> Self {
            self.result.has_alert = true;
            self.result.alerts = alerts.iter().map(|alert| (*alert).to_owned()).collect();
            self
        }

        fn due(mut self, why: DueWhy) -> Self {
            self.why = Some(why);
            self
        }
    }

    fn about(end: NightEnd) -> AboutNight {
        AboutNight {
            night: 7,
            started: Timestamp::UNIX_EPOCH,
            ended: Timestamp::UNIX_EPOCH,
            tool_version: "0.1.0".to_owned(),
            command: String::new(),
            lists: Vec::new(),
            end,
            left: 3,
            file_stem: String::new(),
        }
    }

    fn of(record: NightRecord) -> Vec<News> {
        NightReport::new(about(NightEnd::Complete), record).news
    }

    /// The news of one subject.
    fn of_one(subject: NightSubject) -> Option<NewsKind> {
        let news = of(NightRecord { subjects: vec![subject], ..NightRecord::default() });
        assert!(news.len() < 2, "{news:?}");
        news.first().map(|news| news.kind)
    }

    #[test]
    fn what_its_earlier_versions_were_not_is_a_regression() {
        assert_eq!(of_one(now(PACKAGING).after(&[REPRODUCED])), Some(NewsKind::Regression));
        assert_eq!(of_one(now(ResultKind::Rejected).after(&[REPRODUCED])), Some(NewsKind::Regression));
        // A verdict that says nothing of the file is none to have known it from.
        let was_unbuildable = now(PACKAGING).after(&[REPRODUCED]).was(ResultKind::Unbuildable, &[]);
        assert_eq!(of_one(was_unbuildable), Some(NewsKind::Regression));
        assert_eq!(of_one(now(PACKAGING).after(&[ResultKind::Unbuildable, REPRODUCED])), Some(NewsKind::Regression));
        // No earlier version reproduced, or not the last one; it was known; it is of another night; it does reproduce.
        assert_eq!(of_one(now(PACKAGING)), None);
        assert_eq!(of_one(now(PACKAGING).after(&[PACKAGING, REPRODUCED])), None);
        assert_eq!(of_one(now(PACKAGING).after(&[REPRODUCED]).was(PACKAGING, &[])), None);
        assert_eq!(of_one(NightSubject { is_of_this_night: false, ..now(PACKAGING).after(&[REPRODUCED]) }), None);
        assert_eq!(of_one(now(REPRODUCED).after(&[REPRODUCED])), None);
    }

    #[test]
    fn a_regression_says_how_many_versions_reproduced() {
        let line = |versions: &[ResultKind]| {
            let subjects = vec![now(PACKAGING).after(versions)];
            of(NightRecord { subjects, ..NightRecord::default() })[0].line.clone()
        };
        let end = ": not-reproduced (packaging)";
        let of = |words: &str| format!("a-3-py3-none-any.whl: {words} reproduced, this one does not{end}");
        assert_eq!(line(&[REPRODUCED; 4]), of("the last 4 versions"));
        assert_eq!(line(&[REPRODUCED]), of("the version before it"));
        let gap = [REPRODUCED, ResultKind::Unbuildable, REPRODUCED];
        assert_eq!(line(&gap), of("the last 2 versions that could be judged"));
    }

    #[test]
    fn a_file_that_was_reproduced_and_is_not_is_news() {
        assert_eq!(of_one(now(PACKAGING).was(REPRODUCED, &[])), Some(NewsKind::NoLongerReproduced));
        // That its earlier versions were, too, adds nothing to that.
        let both = now(PACKAGING).was(REPRODUCED, &[]).after(&[REPRODUCED]);
        assert_eq!(of_one(both), Some(NewsKind::NoLongerReproduced));
        assert_eq!(of_one(now(REPRODUCED).was(REPRODUCED, &[])), None);
        assert_eq!(of_one(now(PACKAGING).was(PACKAGING, &[])), None);
    }

    #[test]
    fn an_alert_that_was_not_there_is_news() {
        assert_eq!(of_one(now(REPRODUCED).with(&["x a.py"])), Some(NewsKind::NewAlert));
        assert_eq!(of_one(now(PACKAGING).with(&["x a.py"]).was(PACKAGING, &["x b.py"])), Some(NewsKind::NewAlert));
        assert_eq!(of_one(now(REPRODUCED).with(&["x a.py"]).was(REPRODUCED, &[])), Some(NewsKind::NewAlert));
        assert_eq!(of_one(now(ResultKind::Rejected).with(&["x"])), Some(NewsKind::NewAlert));
        assert_eq!(of_one(now(PACKAGING).with(&["x a.py"]).was(PACKAGING, &["x a.py", "y"])), None);
        let known = NightSubject { is_of_this_night: false, ..now(PACKAGING).with(&["x a.py"]) };
        assert_eq!(of_one(known), None);
    }

    #[test]
    fn what_is_rejected_is_news_once() {
        assert_eq!(of_one(now(ResultKind::Rejected)), Some(NewsKind::Rejected));
        assert_eq!(of_one(now(ResultKind::Rejected).was(PACKAGING, &[])), Some(NewsKind::Rejected));
        assert_eq!(of_one(now(ResultKind::Rejected).was(ResultKind::Rejected, &[])), None);
    }

    #[test]
    fn what_cannot_be_judged_is_news_where_it_could_be() {
        for kind in [ResultKind::Unbuildable, ResultKind::NoVerdict] {
            assert_eq!(of_one(now(kind).was(REPRODUCED, &[])), Some(NewsKind::NewlyUndecided));
            assert_eq!(of_one(now(kind).was(PACKAGING, &[])), Some(NewsKind::NewlyUndecided));
            assert_eq!(of_one(now(kind).after(&[REPRODUCED])), Some(NewsKind::NewlyUndecided));
            // Nobody could before; it was told the first time; the version before could not be judged either.
            assert_eq!(of_one(now(kind)), None);
            assert_eq!(of_one(now(kind).was(ResultKind::Unbuildable, &[]).after(&[REPRODUCED])), None);
            assert_eq!(of_one(now(kind).after(&[REPRODUCED]).due(DueWhy::FailedBefore)), None);
            assert_eq!(of_one(now(kind).after(&[ResultKind::Unbuildable, REPRODUCED])), None);
        }
    }

    #[test]
    fn what_is_newly_reproduced_comes_last() {
        assert_eq!(of_one(now(REPRODUCED).was(PACKAGING, &[])), Some(NewsKind::NewlyReproduced));
        assert_eq!(of_one(now(REPRODUCED).was(ResultKind::Unbuildable, &[])), Some(NewsKind::NewlyReproduced));
        assert_eq!(of_one(now(REPRODUCED)), None);
        let subjects = vec![
            now(REPRODUCED).was(PACKAGING, &[]),
            now(ResultKind::Unbuildable).was(REPRODUCED, &[]),
            now(ResultKind::Rejected),
            now(REPRODUCED).with(&["x"]),
            now(PACKAGING).was(REPRODUCED, &[]),
            now(PACKAGING).after(&[REPRODUCED]),
            now(PACKAGING).after(&[REPRODUCED]).with(&["x"]),
        ];
        let news = of(NightRecord { subjects, ..NightRecord::default() });
        let kinds: Vec<(NewsKind, Severity)> = news.iter().map(|news| (news.kind, news.severity)).collect();
        let expected = [
            (NewsKind::Regression, Severity::Alert),
            (NewsKind::Regression, Severity::Warning),
            (NewsKind::NoLongerReproduced, Severity::Warning),
            (NewsKind::NewAlert, Severity::Alert),
            (NewsKind::Rejected, Severity::Alert),
            (NewsKind::NewlyUndecided, Severity::Warning),
            (NewsKind::NewlyReproduced, Severity::Note),
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn workers_lists_and_jobs_are_news_where_something_is_wrong_with_them() {
        let worker = |refused| NightWorker { name: "w".to_owned(), jobs: 1, busy_ms: 1, refused, why_refused: None };
        let workers = vec![worker(0), worker(2)];
        let news = of(NightRecord { workers, ..NightRecord::default() });
        assert_eq!(
            news.iter().map(|news| news.line.as_str()).collect::<Vec<_>>(),
            ["w: 2 results of this worker were refused"]
        );

        let problem = ListProblem { list: "l".to_owned(), place: None, what: "gone".to_owned(), next: None };
        let news = of(NightRecord { problems: vec![problem], ..NightRecord::default() });
        assert_eq!(news[0].line, "l: this list cannot be read, or not all of it: gone");

        // A job that was given up is told once, though it left its subject without a verdict.
        let subject = now(ResultKind::NoVerdict).was(REPRODUCED, &[]);
        let (class, reason) = ("network".to_owned(), "no answer".to_owned());
        let given_up = vec![GivenUp { job: 4, subject: subject.result.subject.clone(), class, reason, attempts: 5 }];
        let news = of(NightRecord { subjects: vec![subject], given_up, ..NightRecord::default() });
        assert_eq!(news.len(), 1);
        assert_eq!(news[0].line, "a-3-py3-none-any.whl: given up after 5 attempts: network: no answer");
    }

    #[test]
    fn an_end_that_nobody_chose_is_news() {
        let news = |end| NightReport::new(about(end), NightRecord::default()).news;
        for end in [NightEnd::Complete, NightEnd::TimeIsUp, NightEnd::MostJobs] {
            assert!(news(end).is_empty());
        }
        assert_eq!(
            news(NightEnd::Host)[0].line,
            "night 7: 3 files that are due were not judged: this machine cannot build"
        );
        assert_eq!(news(NightEnd::Interrupted)[0].kind, NewsKind::NightCutShort);
    }
}
