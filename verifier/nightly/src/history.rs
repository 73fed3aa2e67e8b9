//! What is known of a project.

use std::cmp::Reverse;

use pep440_rs::Version;
use twinbuild_queue::{Queue, QueueError, VerdictRow};
use twinbuild_report::{HistoryRow, ProjectHistory, SubjectResult};
use twinbuild_subject::{PackageName, Request};

/// All verdicts on a project's files, the newest version first.
///
/// # Errors
/// [`QueueError::Database`]
pub fn history(queue: &Queue, project: &PackageName) -> Result<ProjectHistory, QueueError> {
    let mut rows: Vec<(Option<Version>, HistoryRow)> =
        queue.verdicts_of_project(project.as_str())?.iter().filter_map(row).collect();
    rows.sort_by_key(|(version, row)| (Reverse(version.clone()), row.file_name.clone(), Reverse(row.judged)));
    Ok(ProjectHistory::new(project.to_string(), rows.into_iter().map(|(_, row)| row).collect()))
}

fn row(row: &VerdictRow) -> Option<(Option<Version>, HistoryRow)> {
    let result: SubjectResult = serde_json::from_str(&row.result).ok()?;
    let request = row.subject.parse::<Request>().ok();
    let version = request.as_ref().map(|request| request.version.clone());
    let file_name = request.and_then(|request| request.file_name).map(|name| name.text().to_owned());
    let shown = HistoryRow {
        version: version.as_ref().map(ToString::to_string).unwrap_or_default(),
        file_name: file_name.unwrap_or_else(|| row.subject.clone()),
        uploaded: None,
        judged: row.judged,
        outcome: result.outcome?,
        level: result.level,
        mismatch: result.mismatch,
        trust: result.trust,
        alerts: result.alerts,
        workers: serde_json::from_str(&row.workers).unwrap_or_default(),
        verdict_digest: result.verdict_digest,
    };
    Some((version, shown))
}
