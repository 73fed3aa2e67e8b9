//! `twinbuild nightly`

mod news;
mod publishing;
mod terms;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use twinbuild_depot::Depot;
use twinbuild_judge::Judge;
use twinbuild_nightly::{
    Asked, CheckFailure, Coordinator, Decision, Delivery, Enrolled, Known, NightAbout, NightRun, NightRunError, Plan,
    RIGHT, ReportFiles, Stop, VERDICT_FILE, Worker, WorkerError, WorkerEvent, night_report, plan, take_right,
};
use twinbuild_queue::{JobFilter, JobState, Night, Queue, QueueAddress};
use twinbuild_report::{NightEnd, NightPoint, NightReport, NightSubject, Style, Tally, headline};
use twinbuild_sandbox::Cancel;
use twinbuild_signature::{KeyKind, PrivateKey, Role, Sign as _};
use twinbuild_store::Store;
use twinbuild_subject::{Request, Sha256};
use twinbuild_watch::{Indexes, Reading, WatchState, read};

use self::news::Receiver;
use self::terms::Choices;
use super::recheck::recheck_apart;
use super::worker::{capabilities, host_name, index_of, judge_of};
use super::{print, print_above};
use crate::arguments::{Global, Nightly, PlainFormat};
use crate::failure::Failure;
use crate::fleet::{Fleet, state_folder};
use crate::metrics;
use crate::progress::LiveTable;
use crate::settings::Settings;
use crate::signals::{FirstSignal, INTERRUPTED, stop_on_signal};

/// Under which name the queue keeps what is remembered of indexes.
const WATCH_STATE: &str = "watch";
/// How often the right to run nights is taken anew.
const KEEP_RIGHT_EVERY: Duration = Duration::from_secs(60);
/// How many jobs that were given up are read.
const MOST_GIVEN_UP: u32 = 100_000;

pub(crate) fn run(global: &Global, arguments: &Nightly) -> Result<u8, Failure> {
    global.plain_format()?;
    let settings = Settings::load(global)?;
    let fleet = settings.fleet.clone();
    if fleet.watch().is_empty() {
        return Err(Failure::usage(anyhow!(
            "nothing is watched: write a [[watch]] table into twinbuild.toml, such as kind = \"requirements\" and path = \"requirements.txt\" \
             (docs/watch-lists.md)"
        )));
    }
    let choices = Choices::of(global, arguments, &settings)?;
    let enrolled = fleet.enrolled()?;
    let receiver = Receiver::of(&fleet, &settings)?;
    let address = fleet.queue_address(&arguments.places)?;
    let _lock = lock(&address)?;
    let queue = fleet.queue(&arguments.places)?;
    let store = settings.store()?;

    let holder = holder();
    take_right(&queue, &holder).map_err(night_failure)?;
    let stop = Stop::default();
    let is_over = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let keeper = scope.spawn({
            let (queue, holder, stop, is_over) = (&queue, &holder, &stop, &is_over);
            move || keep_right(queue, holder, stop, is_over)
        });
        let _over = Over { is_over: &is_over, keeper: keeper.thread().clone() };
        run_night(global, arguments, settings, (&queue, &store), (choices, enrolled, receiver), stop.clone())
    });
    queue.drop_right(RIGHT, &holder).map_err(Failure::inconclusive)?;
    outcome
}

/// Ends the thread that keeps the right to run nights, however the night ends.
struct Over<'a> {
    is_over: &'a AtomicBool,
    keeper: Thread,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.keeper.unpark();
    }
}

/// Keeps the right to run nights until it is no longer needed. Where another has it, this run stops.
fn keep_right(queue: &Queue, holder: &str, stop: &Stop, is_over: &AtomicBool) {
    loop {
        std::thread::park_timeout(KEEP_RIGHT_EVERY);
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        match take_right(queue, holder) {
            Ok(()) => {}
            Err(NightRunError::Held { holder }) => {
                tracing::warn!("{holder} has taken over the nights of this queue, so this run stops");
                return stop.stop();
            }
            Err(error) => tracing::warn!("the right to run nights is not kept: {error}"),
        }
    }
}

/// A night, by whoever has the right to run it.
fn run_night(
    global: &Global,
    arguments: &Nightly,
    settings: Settings,
    (queue, store): (&Queue, &Store),
    (choices, enrolled, receiver): (Choices, Vec<Enrolled>, Option<Receiver>),
    stop: Stop,
) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let fleet = settings.fleet.clone();
    let reading = read_lists(&fleet, &settings, store, queue)?;
    if arguments.dry_run {
        return print_plan(&planned(queue, None, &reading, &choices)?, format);
    }
    let night = queue.begin_night().map_err(Failure::inconclusive)?;
    let plan = planned(queue, Some(&night), &reading, &choices)?;
    stop_on_signal(stop.clone(), FirstSignal::Stops)?;
    let depot = fleet.depot(&arguments.places)?;
    let judge = judge_of(global, settings, store, &arguments.recipes, &arguments.limits)?;
    let session = Session { queue, store, depot: &depot, judge: &judge, choices: &choices, stop, format };
    let end = session.run(&night, &plan, enrolled, &index_of(&reading))?;
    let published = publishing::publish(&fleet, queue, &depot, &choices, &session.stop);
    let (report, point) = session.report(&night, &plan, end, arguments)?;
    let sent = receiver.map_or(Ok(()), |receiver| receiver.send(queue, &report));
    // Last, so that whoever is stopped before is told of it again by the next.
    if end != NightEnd::Interrupted {
        let summary = serde_json::to_string(&point).map_err(Failure::internal)?;
        queue.end_night(night.id, &summary).map_err(Failure::inconclusive)?;
    }
    let mut code = exit_code(&report, end);
    for failure in [published, sent].into_iter().filter_map(Result::err) {
        tracing::warn!("{}", failure.on_one_line());
        // What was found out comes before what could not be passed on.
        code = if code == 0 { failure.exit_code() } else { code };
    }
    if let Some(path) = &choices.metrics {
        metrics::write(path, queue, Some(code), &own_name()).map_err(Failure::inconclusive)?;
    }
    Ok(code)
}

/// Only one night at a time is run over a queue. Of a server, the queue itself says so; of one machine also this lock, which is gone with its process.
fn lock(address: &QueueAddress) -> Result<File, Failure> {
    let path = match address {
        QueueAddress::Sqlite(path) => path.with_extension("lock"),
        QueueAddress::Postgres(_) => state_folder()?.join("nightly.lock"),
    };
    let doing = || format!("locking {}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(doing).map_err(Failure::inconclusive)?;
    }
    let file =
        File::options().create(true).append(true).open(&path).with_context(doing).map_err(Failure::inconclusive)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::usage(anyhow!("another nightly run is at work ({}): wait for its end", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(Failure::inconclusive(anyhow::Error::new(error).context(doing()))),
    }
}

fn read_lists(fleet: &Fleet, settings: &Settings, store: &Store, queue: &Queue) -> Result<Reading, Failure> {
    let kept = queue.kept(WATCH_STATE).map_err(Failure::inconclusive)?;
    let mut state = match kept {
        Some(text) => WatchState::from_json(text.as_bytes()).map_err(Failure::usage)?,
        None => WatchState::default(),
    };
    let indexes = Indexes::new(store.clone(), settings.index.clone());
    let reading = read(fleet.watch(), &fleet.folder, &indexes, &mut state).map_err(Failure::usage)?;
    let text = state.to_json().map_err(Failure::internal)?;
    queue.keep(WATCH_STATE, &text).map_err(Failure::inconclusive)?;
    for list in &reading.lists {
        for problem in &list.problems {
            tracing::warn!("{}: {problem}", list.name);
        }
    }
    Ok(reading)
}

/// What a night is to do.
fn planned(queue: &Queue, night: Option<&Night>, reading: &Reading, choices: &Choices) -> Result<Plan, Failure> {
    let newest = queue.newest_verdicts().map_err(Failure::inconclusive)?;
    let filter = JobFilter { states: vec![JobState::Dead, JobState::Cancelled], night: None, most: MOST_GIVEN_UP };
    let given_up = queue.jobs(&filter).map_err(Failure::inconclusive)?;
    let known = Known {
        verdicts: newest.into_iter().map(|row| (row.subject.clone(), row)).collect(),
        given_up: given_up.iter().map(|job| job.subject.clone()).collect(),
    };
    let terms = choices.terms(known.environments());
    let mut plan = plan(reading, &known, &terms, &choices.wishes).map_err(Failure::internal)?;
    // What this night gave up it does not do once more.
    let over: HashSet<&str> = given_up
        .iter()
        .filter(|job| night.is_some_and(|night| job.night == night.id))
        .map(|job| job.subject.as_str())
        .collect();
    plan.jobs.retain(|job| !over.contains(job.subject.as_str()));
    Ok(plan)
}

fn print_plan(plan: &Plan, format: PlainFormat) -> Result<u8, Failure> {
    let mut text = String::new();
    for job in &plan.jobs {
        text.push_str(&match format {
            PlainFormat::Text => {
                twinbuild_report::escape(&format!("{:<20}  {}  ({})\n", job.why, job.subject, job.list))
            }
            PlainFormat::Json => {
                serde_json::json!({ "subject": job.subject, "list": job.list, "why": job.why }).to_string() + "\n"
            }
        });
    }
    if format == PlainFormat::Text {
        let (due, watched) = (plan.jobs.len(), plan.subjects.len());
        let more = if plan.left_out > 0 { format!(", {} more are due", plan.left_out) } else { String::new() };
        text.push_str(&format!("{due} of {watched} watched files would be judged{more}\n"));
        for problem in &plan.problems {
            text.push_str(&twinbuild_report::escape(&format!("problem: {}: {}\n", problem.list, problem.what)));
        }
    }
    print(&text)?;
    Ok(0)
}

/// What a night is run with.
struct Session<'a> {
    queue: &'a Queue,
    store: &'a Store,
    depot: &'a Depot,
    judge: &'a Judge,
    choices: &'a Choices,
    stop: Stop,
    format: PlainFormat,
}

impl Session<'_> {
    fn run(
        &self,
        night: &Night,
        plan: &Plan,
        mut enrolled: Vec<Enrolled>,
        index: &(dyn Fn(&str) -> Result<twinbuild_registry::PypiIndex, String> + Sync),
    ) -> Result<NightEnd, Failure> {
        let Self { queue, store, depot, choices, stop, .. } = self;
        let host = host_name();
        let name = own_name();
        // What this process did before it was ended is not being done.
        queue.recover_of(&name).map_err(Failure::inconclusive)?;
        // It signs for itself for as long as it lives: what stands in the queue in its name is not taken on the queue's word.
        let key = PrivateKey::generate(KeyKind::Ed25519, Role::Worker).map_err(Failure::internal)?;
        enrolled.retain(|worker| worker.name != name);
        enrolled.push(Enrolled { name: name.clone(), host: host.clone(), key: key.public_key().clone() });
        let hosts: HashSet<&str> = enrolled
            .iter()
            .filter(|worker| choices.jobs > 0 || worker.name != name)
            .map(|worker| worker.host.as_str())
            .collect();
        if hosts.is_empty() {
            return Err(Failure::usage(anyhow!(
                "nobody would do the jobs: --jobs 0 leaves all to workers, and no [[worker]] table enrolls one"
            )));
        }
        if choices.wishes.hosts > 1 && hosts.len() == 1 {
            return Err(Failure::usage(anyhow!(
                "--spread needs two hosts, and one is known: enroll workers of others, with the key `host` in their [[worker]] tables"
            )));
        }
        let cancel = Cancel::new().map_err(Failure::internal)?;
        stop.watch(&cancel);
        let check = |folder: &Path| {
            recheck_apart(&folder.join(VERDICT_FILE), &cancel).map(drop).map_err(|failure| match failure.exit_code() {
                1 | crate::failure::USAGE => CheckFailure::Refuted(failure.on_one_line()),
                _ => CheckFailure::Unchecked(failure.on_one_line()),
            })
        };
        let is_listed = |asked: &Asked, release: &Request, file_name: &str, sha256: &Sha256| {
            let index = asked.index_url.as_deref().map(index).transpose()?;
            self.judge.for_subject(index, cancel.clone(), |_| {}).is_listed(release, file_name, sha256)
        };
        let coordinator = Coordinator {
            queue,
            store,
            depot: Some(depot),
            enrolled,
            keeps_artifacts: choices.keeps_artifacts,
            check: &check,
            is_listed: &is_listed,
            second_host_wait: choices.second_host_wait,
            put_off: Default::default(),
        };
        let delivery = Delivery::Own { artifacts: choices.keeps_artifacts.then_some(*depot), depot, key: &key };
        let worker = NonZero::new(choices.jobs).map(|jobs| Worker {
            queue,
            judge: self.judge,
            store,
            name: name.clone(),
            host,
            capabilities: capabilities(self.judge),
            jobs,
            lease: choices.lease,
            idle_exit: None,
            delivery,
            index,
            stop: stop.child(),
        });
        let run = NightRun {
            night: night.id,
            coordinator: &coordinator,
            worker: worker.as_ref(),
            max_duration: choices.max_duration,
            stop: stop.clone(),
        };
        let reason = "the process that returned it has ended, and its key with it";
        queue.take_back(&own_name(), reason).map_err(Failure::inconclusive)?;
        queue.adopt_jobs(night.id).map_err(Failure::inconclusive)?;
        queue.enqueue(night.id, &plan.jobs).map_err(Failure::inconclusive)?;
        self.watch(&run, plan)
    }

    /// Runs it, and tells of what is done.
    fn watch(&self, run: &NightRun<'_>, plan: &Plan) -> Result<NightEnd, Failure> {
        let told = std::sync::Mutex::new((LiveTable::start(plan.jobs.len()), Tally::default()));
        let show = |kind: Option<twinbuild_report::ResultKind>, line: &str| {
            let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(kind) = kind {
                told.1.add(kind);
            }
            // Whoever reads the lines has gone, and the work is done all the same.
            let _ = print_above(line);
            let (table, tally) = &mut *told;
            table.show(tally);
        };
        let tell = |event: &WorkerEvent<'_>| match event {
            WorkerEvent::Judged(lease, verdict)
                if Asked::parse(&lease.job.asked).is_ok_and(|asked| asked.hosts == 1) =>
            {
                let result = serde_json::to_value(verdict)
                    .and_then(|document| twinbuild_report::SubjectResult::of_document(&lease.job.subject, &document));
                let kind = result.ok().map(|result| result.kind());
                let line = match self.format {
                    PlainFormat::Text => headline(verdict, Style::Colour),
                    PlainFormat::Json => twinbuild_report::json(*verdict).unwrap_or_default() + "\n",
                };
                show(kind, &line);
            }
            WorkerEvent::Failed(lease, class, reason) => {
                tracing::warn!("{}: {}: {reason}", lease.job.subject, class.name());
            }
            WorkerEvent::Stale(lease) => tracing::warn!("{}: its job is no longer this process's", lease.job.subject),
            WorkerEvent::Took(_) | WorkerEvent::Judged(..) | WorkerEvent::Repeated(_) => {}
        };
        let mut decided = |decision: &Decision| match decision {
            Decision::Accepted { subject, outcome, workers } => {
                let line = match self.format {
                    PlainFormat::Text => {
                        twinbuild_report::escape(&format!("{outcome}  {subject}  (by {})\n", workers.join(", ")))
                    }
                    PlainFormat::Json => {
                        serde_json::json!({ "subject": subject, "outcome": outcome, "workers": workers }).to_string()
                            + "\n"
                    }
                };
                show(None, &line);
            }
            Decision::First { subject } => tracing::info!("{subject}: one host has come to a verdict"),
            Decision::Refused { subject, worker, reason } => {
                tracing::warn!("{subject}: what {worker} returned is refused: {reason}");
            }
            Decision::Disagree { subject, reason } => tracing::warn!("{subject}: {reason}"),
        };
        let end = run.run(&tell, &mut decided);
        told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).0.finish();
        end.map_err(night_failure)
    }

    /// Writes the report; gives it, and what reports to come say of this night.
    fn report(
        &self,
        night: &Night,
        plan: &Plan,
        end: NightEnd,
        arguments: &Nightly,
    ) -> Result<(NightReport, NightPoint), Failure> {
        let files = ReportFiles::of_night(&self.choices.reports);
        let about = NightAbout { command: command(arguments), end, file_stem: files.stem().to_owned() };
        let (report, point) = night_report(self.queue, night, plan, about).map_err(Failure::inconclusive)?;
        let folder: &PathBuf = &self.choices.reports;
        let doing = || format!("making the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(doing).map_err(Failure::inconclusive)?;
        files.write_night(&report).map_err(Failure::inconclusive)?;
        print(&match self.format {
            PlainFormat::Text => {
                let place = twinbuild_report::escape(&files.html().display().to_string());
                format!("\n{}report: {place}\n", twinbuild_report::text(&report, Style::Colour))
            }
            PlainFormat::Json => {
                serde_json::to_string(&twinbuild_report::webhook(&report)).map_err(Failure::internal)? + "\n"
            }
        })?;
        Ok((report, point))
    }
}

/// The command that makes the same again.
fn command(arguments: &Nightly) -> String {
    let mut command = "twinbuild nightly".to_owned();
    if arguments.spread {
        command.push_str(" --spread");
    }
    command
}

/// By all that is watched: 1 where something was not reproduced, was rejected or has an alert, else 2 where something could not be judged, is left, or
/// a list could not be read, else 0.
fn exit_code(report: &NightReport, end: NightEnd) -> u8 {
    let is_bad = |subject: &NightSubject| {
        subject.result.has_alert || subject.result.outcome.is_some_and(|outcome| outcome.exit_code(&[]) == 1)
    };
    if report.subjects.iter().any(is_bad) {
        1
    } else if end == NightEnd::Interrupted {
        u8::try_from(INTERRUPTED).unwrap_or(2)
    } else if !report.subjects.iter().all(NightSubject::is_good) || !report.problems.is_empty() || report.about.left > 0
    {
        2
    } else {
        0
    }
}

/// By what this machine holds the right to run nights: after a crash it has it still.
fn holder() -> String {
    let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    format!("nightly@{} {}", host_name(), machine.trim())
}

/// The name of the worker in this process.
fn own_name() -> String {
    format!("nightly@{}", host_name())
}

fn night_failure(error: NightRunError) -> Failure {
    match error {
        NightRunError::Worker(WorkerError::Host(error)) => error.into(),
        error @ NightRunError::Held { .. } => Failure::usage(error),
        error => Failure::inconclusive(error),
    }
}

/// A duration of the settings, which is not negative.
fn unsigned(duration: jiff::SignedDuration) -> Duration {
    duration.unsigned_abs()
}
