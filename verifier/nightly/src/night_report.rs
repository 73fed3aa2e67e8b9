//! The report of a night, from what the queue has.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_queue::{JobFilter, JobState, Night, Queue, QueueError, VerdictRow};
use twinbuild_report::{
    AboutNight, Before, DueWhy, Earlier, GivenUp, NightEnd, NightPoint, NightRecord, NightReport, NightSubject,
    NightWorker, SubjectResult,
};
use twinbuild_subject::Request;

use crate::plan::{Plan, PlannedSubject};

/// How many nights the trends show.
const NIGHTS: u32 = 365;
/// How many jobs that were given up are read.
const MOST_GIVEN_UP: u32 = 100_000;
/// Under which name it is kept what workers had done by the end of the night before.
const WORKED: &str = "worked";

/// What a report is about that the queue does not know.
#[derive(Debug, Clone)]
pub struct NightAbout {
    /// The command that makes it again.
    pub command: String,
    /// Why it ended.
    pub end: NightEnd,
    /// What the names of its files begin with.
    pub file_stem: String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum NightReportError {
    /// The queue cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// What is kept cannot be written.
    #[error("what is kept of a night cannot be written")]
    Json(#[from] serde_json::Error),
}

/// Writes the report of a night, which is to be ended by it, and the point of it for reports to come.
///
/// # Errors
/// [`NightReportError`]
pub fn night_report(
    queue: &Queue,
    night: &Night,
    plan: &Plan,
    about: NightAbout,
) -> Result<(NightReport, NightPoint), NightReportError> {
    let newest = by_subject(queue.newest_verdicts()?);
    let before = by_subject(queue.verdicts_before(night.id)?);
    let dead = JobFilter { states: vec![JobState::Dead], night: Some(night.id), most: MOST_GIVEN_UP };
    let dead = queue.jobs(&dead)?;
    let given_up: HashMap<&str, &twinbuild_queue::Job> =
        dead.iter().rev().map(|job| (job.subject.as_str(), job)).collect();
    let mut projects: HashMap<&str, Vec<(&VerdictRow, SubjectResult)>> = HashMap::new();
    for row in newest.values() {
        projects.entry(&row.project).or_default().push((row, result_of(row)));
    }
    let subject = |planned: &PlannedSubject| {
        let newest = newest.get(&planned.key);
        let is_of_this_night = newest.is_some_and(|row| row.night == night.id);
        let job = given_up.get(planned.key.as_str()).filter(|_| !is_of_this_night);
        let (result, of_before) = match (job, newest) {
            (Some(job), before) => (SubjectResult::without_verdict(&planned.key, &job.reason), before),
            (None, Some(row)) if is_of_this_night => (result_of(row), before.get(&planned.key)),
            // What it is about is another file, or another question.
            (None, Some(row)) if matches!(planned.why, Some(DueWhy::FileChanged | DueWhy::AskedOtherwise)) => {
                (SubjectResult::without_verdict(&planned.key, "it was not judged again yet"), Some(row))
            }
            (None, Some(row)) => (result_of(row), None),
            (None, None) => (SubjectResult::without_verdict(&planned.key, "it was not judged yet"), None),
        };
        let why = newest.filter(|_| is_of_this_night).map(|row| row.why.as_str()).or(job.map(|job| job.why.as_str()));
        NightSubject {
            lists: planned.lists.clone(),
            project: planned.project.clone(),
            version: planned.version.clone(),
            judged: newest.filter(|_| job.is_none()).map(|row| row.judged),
            is_of_this_night: is_of_this_night || job.is_some(),
            why: why.and_then(why_of),
            before: of_before.and_then(before_of),
            earlier: earlier(planned, projects.get(planned.project.as_str()).map_or(&[], Vec::as_slice)),
            workers: newest.filter(|_| job.is_none()).map(workers_of).unwrap_or_default(),
            result,
        }
    };
    let subjects: Vec<NightSubject> = plan.subjects.iter().map(subject).collect();
    let cancelled = JobFilter { states: vec![JobState::Cancelled], night: Some(night.id), most: MOST_GIVEN_UP };
    let cancelled = u64::try_from(queue.jobs(&cancelled)?.len()).unwrap_or(u64::MAX);
    let left = queue.open_jobs(night.id)?.0 + plan.left_out + cancelled;
    let end = match about.end {
        NightEnd::Complete if plan.left_out > 0 => NightEnd::MostJobs,
        end => end,
    };
    let ended = Timestamp::now();
    let mut report = NightReport::new(
        AboutNight {
            night: u64::try_from(night.id).unwrap_or_default(),
            started: night.started,
            ended,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            command: about.command,
            lists: plan.lists.clone(),
            end,
            left,
            file_stem: about.file_stem,
        },
        NightRecord {
            nights: Vec::new(),
            workers: workers(queue, night)?,
            given_up: dead.iter().rev().map(given_up_of).collect(),
            problems: plan.problems.clone(),
            subjects,
        },
    );
    let point = NightPoint {
        night: report.about.night,
        ended,
        judged: report.of_tonight.total,
        results: report.results.clone(),
    };
    // A point that a newer version wrote otherwise is left out of the picture.
    let earlier = queue.nights(NIGHTS)?;
    report.nights = earlier.iter().filter_map(|night| serde_json::from_str(&night.summary).ok()).collect();
    report.nights.push(point.clone());
    Ok((report, point))
}

fn by_subject(rows: Vec<VerdictRow>) -> HashMap<String, VerdictRow> {
    rows.into_iter().map(|row| (row.subject.clone(), row)).collect()
}

fn result_of(row: &VerdictRow) -> SubjectResult {
    let unread = |error: serde_json::Error| {
        SubjectResult::without_verdict(&row.subject, &format!("what is kept of its verdict cannot be read: {error}"))
    };
    serde_json::from_str(&row.result).unwrap_or_else(unread)
}

fn workers_of(row: &VerdictRow) -> Vec<String> {
    serde_json::from_str(&row.workers).unwrap_or_default()
}

fn why_of(name: &str) -> Option<DueWhy> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

fn before_of(row: &VerdictRow) -> Option<Before> {
    let SubjectResult { outcome, level, mismatch, alerts, .. } = result_of(row);
    Some(Before { outcome: outcome?, level, mismatch, alerts, judged: row.judged })
}

/// Files of earlier versions of the project, the newest version first.
fn earlier(planned: &PlannedSubject, rows: &[(&VerdictRow, SubjectResult)]) -> Vec<Earlier> {
    let Ok(own) = planned.version.parse::<Version>() else { return Vec::new() };
    let mut earlier: Vec<(Version, Earlier)> = rows
        .iter()
        .filter_map(|(row, result)| {
            let request: Request = row.subject.parse().ok()?;
            let file_name = request.file_name?.text().to_owned();
            let version = request.version.to_string();
            let earlier = Earlier {
                version,
                file_name,
                outcome: result.outcome?,
                level: result.level,
                mismatch: result.mismatch,
            };
            (request.version < own).then_some((request.version, earlier))
        })
        .collect();
    earlier.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.file_name.cmp(&b.file_name)));
    earlier.into_iter().map(|(_, earlier)| earlier).collect()
}

fn given_up_of(job: &twinbuild_queue::Job) -> GivenUp {
    GivenUp {
        job: job.id,
        subject: job.subject.clone(),
        class: job.class.clone(),
        reason: job.reason.clone(),
        attempts: job.attempts,
    }
}

/// Who worked in this night. What workers did in all is kept, so that the next night knows what of it is its own.
fn workers(queue: &Queue, night: &Night) -> Result<Vec<NightWorker>, NightReportError> {
    let by_end: BTreeMap<String, (u64, u64)> =
        queue.kept(WORKED)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let gave: HashMap<String, u64> = queue.results_of_night(night.id)?.into_iter().collect();
    let rows = queue.workers()?;
    let millis = |row: &twinbuild_queue::WorkerRow| u64::try_from(row.busy.as_millis()).unwrap_or(u64::MAX);
    let now: BTreeMap<&str, (u64, u64)> =
        rows.iter().map(|row| (row.name.as_str(), (millis(row), row.refused))).collect();
    let worked = rows.iter().map(|row| {
        let (busy_before, refused_before) = by_end.get(&row.name).copied().unwrap_or_default();
        NightWorker {
            name: row.name.clone(),
            jobs: gave.get(&row.name).copied().unwrap_or_default(),
            busy_ms: millis(row).saturating_sub(busy_before),
            refused: row.refused.saturating_sub(refused_before),
            why_refused: None,
        }
    });
    let worked = worked.filter(|worker| worker.jobs > 0 || worker.refused > 0).collect();
    queue.keep(WORKED, &serde_json::to_string(&now)?)?;
    Ok(worked)
}
