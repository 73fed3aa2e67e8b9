//! Made-up reports of nights, and a project's history.

use jiff::{SignedDuration, Timestamp};
use twinbuild_compare::Mismatch;
use twinbuild_report::{
    AboutNight, Before, DueWhy, Earlier, GivenUp, HistoryRow, ListProblem, NightEnd, NightPoint, NightRecord,
    NightReport, NightSubject, NightWorker, ProjectHistory, ResultFinding, ResultKind, ResultReason, SubjectResult,
    Tally, WatchedList,
};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Level, Outcome, Trust};

/// Two in the morning of a day.
fn at(day: i64) -> Timestamp {
    let first = Timestamp::from_second(1_767_232_800).unwrap_or(Timestamp::UNIX_EPOCH);
    first.checked_add(SignedDuration::from_hours(24 * day)).unwrap_or(first)
}

fn about() -> AboutNight {
    let list = |name: &str, subjects, path: Option<&str>| WatchedList {
        name: name.to_owned(),
        subjects,
        path: path.map(str::to_owned),
    };
    AboutNight {
        night: 30,
        started: at(30),
        ended: at(30).checked_add(SignedDuration::from_mins(72)).unwrap_or(at(30)),
        tool_version: "0.1.0".to_owned(),
        command: "twinbuild nightly --jobs 2".to_owned(),
        lists: vec![list("web", 6, Some("requirements.txt")), list("tools", 3, None)],
        end: NightEnd::TimeIsUp,
        left: 1,
        file_stem: "report".to_owned(),
    }
}

/// A night in which something of each kind happened.
pub(crate) fn night() -> NightReport {
    NightReport::new(about(), record())
}

/// A night in which nothing did.
pub(crate) fn quiet_night() -> NightReport {
    let record = record();
    let subjects = record.subjects.into_iter().filter(|subject| !subject.is_of_this_night).collect();
    let record = NightRecord { nights: record.nights, subjects, ..NightRecord::default() };
    NightReport::new(AboutNight { end: NightEnd::Complete, left: 0, ..about() }, record)
}

/// The same night where all foreign text is `foreign`.
pub(crate) fn night_with_text(foreign: &str) -> NightReport {
    let text = || foreign.to_owned();
    let mut record = record();
    for subject in &mut record.subjects {
        // Each has one of its own, so that as many stand on a page.
        subject.result.subject.push_str(foreign);
        subject.lists.iter_mut().for_each(|list| list.push_str(foreign));
        (subject.project, subject.version) = (text(), text());
        let result = &mut subject.result;
        if let Some(reason) = &mut result.reason {
            (reason.class, reason.detail) = (text(), text());
        }
        for finding in &mut result.findings {
            (finding.code, finding.path, finding.detail) = (text(), Some(text()), text());
        }
        result.alerts.iter_mut().for_each(|alert| *alert = text());
        if let Some(before) = &mut subject.before {
            before.alerts.iter_mut().for_each(|alert| *alert = text());
        }
        result.error = result.error.as_ref().map(|_| text());
        subject.workers.iter_mut().for_each(|worker| *worker = text());
    }
    for worker in &mut record.workers {
        (worker.name, worker.why_refused) = (text(), worker.why_refused.as_ref().map(|_| text()));
    }
    for job in &mut record.given_up {
        job.subject.push_str(foreign);
        (job.class, job.reason) = (text(), text());
    }
    for problem in &mut record.problems {
        problem.list.push_str(foreign);
        (problem.place, problem.what, problem.next) = (Some(text()), text(), Some(text()));
    }
    let mut about = AboutNight { tool_version: text(), command: text(), file_stem: text(), ..about() };
    for list in &mut about.lists {
        list.name.push_str(foreign);
        list.path = Some(text());
    }
    NightReport::new(about, record)
}

/// The last of many nights over many subjects, with as much news as the small one.
pub(crate) fn large_night() -> NightReport {
    let mut record = record();
    for number in 0_u64..500 {
        let mut known = subject(&format!("known{number:03}"), "1.0", &["web"]);
        known.judged = Some(at(3));
        if number % 5 == 0 {
            (known.result.outcome, known.result.level) = (Some(Outcome::Unbuildable), None);
            known.result.reason = Some(reason("build-failed", "the build ended with 1"));
        }
        record.subjects.push(known);
    }
    record.nights = (1..=365_u64).map(|night| point(night, 300 + night / 4, 510)).collect();
    NightReport::new(AboutNight { night: 365, ..about() }, record)
}

/// What is known of a project.
pub(crate) fn history() -> ProjectHistory {
    let row = |version: i64, outcome, level, mismatch, alerts: &[&str]| HistoryRow {
        version: version.to_string(),
        file_name: format!("evil-{version}-py3-none-any.whl"),
        uploaded: Some(at(version)),
        judged: at(version + 1),
        outcome,
        level,
        mismatch,
        trust: Some(Trust::SameUpload),
        alerts: alerts.iter().map(|alert| (*alert).to_owned()).collect(),
        workers: vec!["anna".to_owned(), "ben".to_owned()],
        verdict_digest: Some(Sha256::of(version.to_string().as_bytes())),
    };
    let rows = vec![
        row(5, Outcome::NotReproduced, None, Some(Mismatch::Unsourced), &["unsourced-member evil/backdoor.py"]),
        row(4, Outcome::Reproduced, Some(Level::Repacked), None, &[]),
        row(3, Outcome::Reproduced, Some(Level::BitForBit), None, &[]),
    ];
    ProjectHistory::new("evil".to_owned(), rows)
}

fn record() -> NightRecord {
    let worker = |name: &str, jobs, refused, why: Option<&str>| NightWorker {
        name: name.to_owned(),
        jobs,
        busy_ms: jobs * 61_000,
        refused,
        why_refused: why.map(str::to_owned),
    };
    NightRecord {
        nights: (24..=30).map(|night| point(night, night / 6, 9)).collect(),
        workers: vec![
            worker("anna", 4, 0, None),
            worker("ben", 3, 1, Some("the result is of another recipe than the job's")),
        ],
        given_up: vec![GivenUp {
            job: 41,
            subject: purl("zeta", "1.0"),
            class: "network".to_owned(),
            reason: "the index did not answer".to_owned(),
            attempts: 5,
        }],
        problems: vec![ListProblem {
            list: "tools".to_owned(),
            place: Some("requirements-tools.txt:3".to_owned()),
            what: "no digest pins tool==1.0".to_owned(),
            next: Some("pin it with --hash".to_owned()),
        }],
        subjects: subjects(),
    }
}

fn point(night: u64, reproduced: u64, total: u64) -> NightPoint {
    let mut results = Tally::default();
    for number in 0..total {
        results.add(match number {
            number if number * 2 < reproduced => ResultKind::BitForBit,
            number if number < reproduced => ResultKind::Repacked,
            _ => ResultKind::Unbuildable,
        });
    }
    NightPoint { night, ended: at(i64::try_from(night).unwrap_or(0)), judged: 7, results }
}

fn purl(name: &str, version: &str) -> String {
    format!("pkg:pypi/{name}@{version}?file_name={name}-{version}-py3-none-any.whl")
}

/// Reproduced, and known to be.
fn subject(name: &str, version: &str, lists: &[&str]) -> NightSubject {
    let result = SubjectResult {
        subject: purl(name, version),
        outcome: Some(Outcome::Reproduced),
        level: Some(Level::Repacked),
        trust: Some(Trust::SameUpload),
        run_wall_ms: Some(61_000),
        ..SubjectResult::default()
    };
    NightSubject {
        lists: lists.iter().map(|list| (*list).to_owned()).collect(),
        result,
        project: name.to_owned(),
        version: version.to_owned(),
        judged: Some(at(9)),
        ..NightSubject::default()
    }
}

fn reason(class: &str, detail: &str) -> ResultReason {
    ResultReason { class: class.to_owned(), detail: detail.to_owned() }
}

fn finding(code: &str, path: &str, detail: &str) -> ResultFinding {
    ResultFinding { code: code.to_owned(), path: Some(path.to_owned()), detail: detail.to_owned() }
}

fn before(outcome: Outcome, level: Option<Level>, mismatch: Option<Mismatch>, alerts: &[&str]) -> Option<Before> {
    let alerts = alerts.iter().map(|alert| (*alert).to_owned()).collect();
    Some(Before { outcome, level, mismatch, alerts, judged: at(9) })
}

fn subjects() -> Vec<NightSubject> {
    let tonight = |name: &str, version: &str, lists: &[&str], why| {
        let workers = vec!["anna".to_owned()];
        NightSubject {
            is_of_this_night: true,
            judged: Some(at(30)),
            why: Some(why),
            workers,
            ..subject(name, version, lists)
        }
    };
    let earlier = |name: &str, versions: &[&str]| -> Vec<Earlier> {
        let of = |version: &&str| Earlier {
            version: (*version).to_owned(),
            file_name: format!("{name}-{version}-py3-none-any.whl"),
            outcome: Outcome::Reproduced,
            level: Some(Level::Repacked),
            mismatch: None,
        };
        versions.iter().map(of).collect()
    };
    let missed = |subject: &mut NightSubject, mismatch, finding: ResultFinding, is_alert: bool| {
        let result = &mut subject.result;
        (result.outcome, result.level, result.mismatch) = (Some(Outcome::NotReproduced), None, Some(mismatch));
        (result.has_alert, result.alerts) = (is_alert, Vec::from_iter(is_alert.then(|| finding.place())));
        result.findings = vec![finding];
    };
    let alpha = subject("alpha", "1.0", &["web", "tools"]);

    let mut beta = tonight("beta", "2.0", &["web"], DueWhy::ToolChanged);
    let changed = finding("metadata-changed", "beta-2.0.dist-info/METADATA", "line 12 differs");
    missed(&mut beta, Mismatch::Packaging, changed, false);
    beta.before = before(Outcome::Reproduced, Some(Level::Repacked), None, &[]);

    let mut known = tonight("gamma", "1.0", &["web"], DueWhy::Expired);
    let odd = finding(
        "unsourced-member",
        "gamma/data.py",
        "the published file has it, and neither the rebuild nor the source has",
    );
    missed(&mut known, Mismatch::Unsourced, odd, true);
    known.before = before(Outcome::NotReproduced, None, Some(Mismatch::Unsourced), &["unsourced-member gamma/data.py"]);

    let mut delta = tonight("delta", "3.0", &["web"], DueWhy::New);
    (delta.result.outcome, delta.result.level) = (Some(Outcome::Unbuildable), None);
    delta.result.reason = Some(reason("requirements-unresolvable", "no wheels meet the requirements"));
    delta.earlier = earlier("delta", &["2.0"]);

    let mut epsilon = tonight("epsilon", "1.0", &["tools"], DueWhy::NormalizersChanged);
    epsilon.before = before(Outcome::Unbuildable, None, None, &[]);

    let mut zeta = tonight("zeta", "1.0", &["web"], DueWhy::FailedBefore);
    zeta.result = SubjectResult::without_verdict(&purl("zeta", "1.0"), "the index did not answer");
    zeta.judged = None;

    let mut eta = subject("eta", "1.0", &["tools"]);
    (eta.result.outcome, eta.result.level) = (Some(Outcome::Unbuildable), None);
    eta.result.reason = Some(reason("build-failed", "the build ended with 1"));

    let mut evil = tonight("evil", "5", &["web"], DueWhy::New);
    let planted = finding(
        "unsourced-member",
        "evil/backdoor.py",
        "the published file has it, and neither the rebuild nor the source has",
    );
    missed(&mut evil, Mismatch::Unsourced, planted, true);
    evil.earlier = earlier("evil", &["4", "3", "2", "1"]);

    let theta = tonight("theta", "1.0", &["web"], DueWhy::New);
    vec![alpha, beta, known, delta, epsilon, zeta, eta, evil, theta]
}
