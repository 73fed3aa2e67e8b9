//! Metrics, as the textfile collector of Prometheus' node exporter reads them ("Exposition formats", text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use twinbuild_queue::{JobFilter, JobState, Queue, WorkerRow};

/// How many leased jobs are counted.
const MOST_LEASED: u32 = 100_000;

/// Writes those of a queue and of the worker of this process, whole or not at all. Other workers write their own: a series that stands in two files of one
/// machine is an error to the collector. `exit_code` is that of the night that has just ended.
pub(crate) fn write(path: &Path, queue: &Queue, exit_code: Option<u8>, own_worker: &str) -> anyhow::Result<()> {
    let mut text = Metrics::default();
    let counts = queue.counts()?;
    text.begin("twinbuild_jobs", "gauge", "Jobs by state.");
    for state in JobState::ALL {
        let count = counts.jobs.get(state.name()).copied().unwrap_or(0);
        text.sample("twinbuild_jobs", &[("state", state.name())], count);
    }
    text.begin(
        "twinbuild_jobs_oldest_queued_seconds",
        "gauge",
        "For how long the oldest job waits; 0 where none does.",
    );
    let oldest = counts.oldest_queued.map_or(0, |time| Timestamp::now().duration_since(time).unsigned_abs().as_secs());
    text.sample("twinbuild_jobs_oldest_queued_seconds", &[], oldest);
    text.begin("twinbuild_verdicts_total", "counter", "Verdicts by outcome.");
    for (outcome, count) in &counts.verdicts {
        text.sample("twinbuild_verdicts_total", &[("outcome", outcome)], *count);
    }
    text.begin("twinbuild_subjects", "gauge", "Subjects by the outcome of their newest verdict.");
    for (outcome, count) in &counts.subjects {
        text.sample("twinbuild_subjects", &[("outcome", outcome)], *count);
    }
    if let Some(ended) = queue.nights(1)?.last().and_then(|night| night.ended) {
        text.begin("twinbuild_night_last_end_timestamp_seconds", "gauge", "When the last night ended.");
        let seconds = u64::try_from(ended.as_second()).unwrap_or(0);
        text.sample("twinbuild_night_last_end_timestamp_seconds", &[], seconds);
    }
    if let Some(code) = exit_code {
        text.begin("twinbuild_night_last_exit_code", "gauge", "The exit code of the last night.");
        text.sample("twinbuild_night_last_exit_code", &[], u64::from(code));
    }
    text.worker(queue, own_worker)?;
    write_whole(path, &text.0)
}

/// Writes those of one worker.
pub(crate) fn write_worker(path: &Path, queue: &Queue, name: &str) -> anyhow::Result<()> {
    let mut text = Metrics::default();
    text.worker(queue, name)?;
    write_whole(path, &text.0)
}

/// How many jobs each worker has.
fn busy(queue: &Queue) -> anyhow::Result<BTreeMap<String, u64>> {
    let leased = queue.jobs(&JobFilter { states: vec![JobState::Leased], night: None, most: MOST_LEASED })?;
    let mut busy = BTreeMap::new();
    for job in leased {
        *busy.entry(job.worker).or_default() += 1;
    }
    Ok(busy)
}

#[derive(Default)]
struct Metrics(String);

impl Metrics {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}"); // writing to a String cannot fail
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}"); // writing to a String cannot fail
    }

    /// Those of one worker.
    fn worker(&mut self, queue: &Queue, name: &str) -> anyhow::Result<()> {
        let own: Vec<WorkerRow> = queue.workers()?.into_iter().filter(|worker| worker.name == name).collect();
        self.workers(&own, &busy(queue)?);
        Ok(())
    }

    fn workers(&mut self, workers: &[WorkerRow], busy: &BTreeMap<String, u64>) {
        /// A number about a worker, with its name, kind and help.
        type Of = (&'static str, &'static str, &'static str, fn(&WorkerRow) -> u64);
        let all: [Of; 5] = [
            ("twinbuild_worker_jobs_total", "counter", "Results that a worker gave.", |worker| worker.jobs),
            (
                "twinbuild_worker_busy_seconds_total",
                "counter",
                "How long a worker was at work, summed over its jobs.",
                |worker| worker.busy.as_secs(),
            ),
            (
                "twinbuild_leases_lost_total",
                "counter",
                "Leases that passed without a word of their worker.",
                |worker| worker.lost,
            ),
            ("twinbuild_results_refused_total", "counter", "Results of a worker that were refused.", |worker| {
                worker.refused
            }),
            ("twinbuild_worker_up", "gauge", "Whether a worker has not ended.", |worker| {
                u64::from(worker.state != "gone")
            }),
        ];
        for (name, kind, help, value) in all.into_iter().filter(|_| !workers.is_empty()) {
            self.begin(name, kind, help);
            for worker in workers {
                self.sample(name, &[("worker", &worker.name), ("host", &worker.host)], value(worker));
            }
        }
        if !workers.is_empty() {
            self.begin("twinbuild_worker_busy", "gauge", "How many jobs a worker has.");
        }
        for worker in workers {
            let count = busy.get(&worker.name).copied().unwrap_or(0);
            self.sample("twinbuild_worker_busy", &[("worker", &worker.name), ("host", &worker.host)], count);
        }
    }
}

fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let doing = || format!("writing metrics to {}", path.display());
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    fs::write(&partial, text).and_then(|()| fs::rename(&partial, path)).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn labels_are_escaped() {
        let mut metrics = Metrics::default();
        metrics.begin("a", "gauge", "What it is.");
        metrics.sample("a", &[("name", "x\"\\\ny")], 7);
        metrics.sample("a", &[], 8);
        assert_eq!(metrics.0, "# HELP a What it is.\n# TYPE a gauge\na{name=\"x\\\"\\\\\\ny\"} 7\na 8\n");
    }
}
