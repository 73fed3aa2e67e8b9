//! `twinbuild jobs`

use twinbuild_queue::{Job, JobFilter, Queue, QueueError};

use super::print;
use crate::arguments::{Global, Jobs, JobsCommand, PlainFormat};
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) fn run(global: &Global, arguments: &Jobs) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let queue = settings.fleet.existing_queue(&arguments.places)?;
    match &arguments.command {
        JobsCommand::List { states, most } => {
            let filter = JobFilter { states: states.clone(), night: None, most: *most };
            let jobs = queue.jobs(&filter).map_err(failure)?;
            let lines: Result<String, Failure> = jobs.iter().map(|job| line(job, format)).collect();
            print(&lines?)?;
            Ok(0)
        }
        JobsCommand::Show { id } => {
            let job = queue.job(*id).map_err(failure)?;
            print(&match format {
                PlainFormat::Json => line(&job, format)?,
                PlainFormat::Text => all(&job),
            })?;
            Ok(0)
        }
        JobsCommand::Retry { ids } => {
            each(&queue, ids, Queue::retry, "queued again", "was not given up or cancelled, or has another job")
        }
        JobsCommand::Cancel { ids } => each(&queue, ids, Queue::cancel, "cancelled", "is at its end"),
    }
}

/// Does something to each job; 64 where there was nothing to do for one.
fn each(
    queue: &Queue,
    ids: &[i64],
    act: impl Fn(&Queue, i64) -> Result<bool, QueueError>,
    done: &str,
    not: &str,
) -> Result<u8, Failure> {
    let mut code = 0;
    let mut text = String::new();
    for id in ids {
        let is_done = act(queue, *id).map_err(failure)?;
        text.push_str(&if is_done { format!("job {id}: {done}\n") } else { format!("job {id} {not}\n") });
        if !is_done {
            code = crate::failure::USAGE;
        }
    }
    print(&text)?;
    Ok(code)
}

fn line(job: &Job, format: PlainFormat) -> Result<String, Failure> {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    Ok(match format {
        PlainFormat::Text => {
            let why = if job.class.is_empty() { String::new() } else { format!("  {}: {}", job.class, job.reason) };
            twinbuild_report::escape(&format!("{:>6}  {:<9}  {}{why}\n", job.id, job.state.name(), job.subject))
        }
        PlainFormat::Json => {
            let document = serde_json::json!({
                "id": job.id, "night": job.night, "subject": job.subject, "list": job.list, "why": job.why,
                "state": job.state.name(), "attempts": job.attempts, "lost": job.lost, "worker": job.worker,
                "host": job.host, "queued": time(Some(job.queued)), "notBefore": time(job.not_before),
                "leaseUntil": time(job.lease_until), "ended": time(job.ended), "class": job.class, "reason": job.reason,
                "asked": serde_json::from_str::<serde_json::Value>(&job.asked).unwrap_or_default(),
            });
            document.to_string() + "\n"
        }
    })
}

/// All of a job, a line each.
fn all(job: &Job) -> String {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let rows = [
        ("job", job.id.to_string()),
        ("state", job.state.name().to_owned()),
        ("subject", job.subject.clone()),
        ("list", job.list.clone()),
        ("why", job.why.clone()),
        ("night", job.night.to_string()),
        ("attempts", job.attempts.to_string()),
        ("lost", job.lost.to_string()),
        ("worker", job.worker.clone()),
        ("host", job.host.clone()),
        ("queued", time(Some(job.queued))),
        ("not before", time(job.not_before)),
        ("leased until", time(job.lease_until)),
        ("ended", time(job.ended)),
        ("class", job.class.clone()),
        ("reason", job.reason.clone()),
        ("asked", job.asked.clone()),
    ];
    let lines = rows.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| twinbuild_report::escape(&format!("{name:<13} {value}\n"))).collect()
}

fn failure(error: QueueError) -> Failure {
    match error {
        error @ QueueError::NoJob { .. } => Failure::usage(error),
        error => Failure::inconclusive(error),
    }
}
