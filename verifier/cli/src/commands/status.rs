//! `twinbuild status`

use jiff::Timestamp;
use twinbuild_queue::Queue;
use twinbuild_report::NightPoint;

use super::print;
use crate::arguments::{Global, PlainFormat, Status};
use crate::failure::Failure;
use crate::settings::Settings;

/// How many nights are told of.
const NIGHTS: u32 = 7;

pub(crate) fn run(global: &Global, arguments: &Status) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    let queue = settings.fleet.existing_queue(&arguments.places)?;
    print(&told(&queue, format)?)?;
    Ok(0)
}

fn told(queue: &Queue, format: PlainFormat) -> Result<String, Failure> {
    let counts = queue.counts().map_err(Failure::inconclusive)?;
    let workers = queue.workers().map_err(Failure::inconclusive)?;
    let nights = queue.nights(NIGHTS).map_err(Failure::inconclusive)?;
    let points: Vec<NightPoint> = nights.iter().filter_map(|night| serde_json::from_str(&night.summary).ok()).collect();
    if format == PlainFormat::Json {
        let workers: Vec<_> = workers
            .iter()
            .map(|worker| {
                serde_json::json!({
                    "name": worker.name, "host": worker.host, "state": worker.state, "seen": worker.seen.to_string(),
                    "capabilities": worker.capabilities, "jobs": worker.jobs, "lost": worker.lost, "refused": worker.refused,
                })
            })
            .collect();
        let document = serde_json::json!({
            "queue": queue.address().to_string(), "jobs": counts.jobs, "subjects": counts.subjects,
            "verdicts": counts.verdicts, "oldestQueued": counts.oldest_queued.map(|time| time.to_string()),
            "workers": workers, "nights": points,
        });
        return Ok(document.to_string() + "\n");
    }
    let listed = |counts: &std::collections::BTreeMap<String, u64>| {
        let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    };
    let mut text = format!("queue     {}\n", queue.address());
    text.push_str(&format!("jobs      {}\n", listed(&counts.jobs)));
    if let Some(oldest) = counts.oldest_queued {
        text.push_str(&format!("oldest    queued since {oldest}\n"));
    }
    text.push_str(&format!("subjects  {}\n", listed(&counts.subjects)));
    for worker in &workers {
        let ago = Timestamp::now().duration_since(worker.seen).as_secs();
        text.push_str(&format!(
            "worker    {} on {}: {}, seen {ago} s ago, {} results, {} lost, {} refused ({})\n",
            worker.name, worker.host, worker.state, worker.jobs, worker.lost, worker.refused, worker.capabilities
        ));
    }
    for point in points.iter().rev() {
        let (judged, total) = (point.judged, point.results.total);
        text.push_str(&format!("night     {} ended {}: {judged} judged, {total} watched\n", point.night, point.ended));
    }
    Ok(twinbuild_report::escape(&text))
}
