//! Looking at what workers return, and deciding.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use twinbuild_depot::{Depot, DepotError, ResultName};
use twinbuild_queue::{Queue, QueueError, Returned};
use twinbuild_rebuild::Variation;
use twinbuild_signature::PublicKey;
use twinbuild_store::{Store, StoreError};
use twinbuild_subject::{Origin, Sha256};
use twinbuild_verdict::{Outcome, RecordedVerdict};

use crate::asked::Asked;
use crate::kept::{Stored, chain, new_verdict};
use crate::returned::{Claim, WorkerResult};
use crate::worker::VERDICT_FILE;

/// How many results are looked at before other things are.
const AT_ONCE: u32 = 16;
/// How long artifacts that are not there are waited for.
const MOST_WAIT: Duration = Duration::from_secs(600);
/// Within which time a worker was heard of that could be the second host.
const ALIVE: Duration = Duration::from_secs(90);

/// A worker that may return results.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Its name.
    pub name: String,
    /// Its host, as the operator says: two workers of one host are no independent ones.
    pub host: String,
    /// The key that it signs with.
    pub key: PublicKey,
}

/// Derives a verdict again from the files of a folder (`published`, `source`, `first`, `second`, `verdict.json`), in a process that can do nothing else.
pub type CheckAgain<'a> = dyn Fn(&Path) -> Result<(), CheckFailure> + Sync + 'a;

/// Why a verdict was not derived again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckFailure {
    /// It does not follow from the files.
    Refuted(String),
    /// It could not be looked at, which says nothing of it.
    Unchecked(String),
}

/// Decides on what is returned.
pub struct Coordinator<'a> {
    /// Where jobs and results are.
    pub queue: &'a Queue,
    /// Where files stand while they are looked at.
    pub store: &'a Store,
    /// Where artifacts are; without one nothing that is returned can be accepted.
    pub depot: Option<&'a Depot>,
    /// Who may return results.
    pub enrolled: Vec<Enrolled>,
    /// Whether artifacts are kept once a verdict is accepted.
    pub keeps_artifacts: bool,
    /// Derives verdicts again.
    pub check: &'a CheckAgain<'a>,
    /// How long a second host is waited for where none is to be seen.
    pub second_host_wait: Duration,
}

/// What was decided on a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is the verdict of its job, on the word of these workers.
    Accepted {
        /// The subject.
        subject: String,
        /// The outcome.
        outcome: String,
        /// The workers.
        workers: Vec<String>,
    },
    /// It is the first of two.
    First {
        /// The subject.
        subject: String,
    },
    /// It is refused.
    Refused {
        /// The subject.
        subject: String,
        /// Who returned it.
        worker: String,
        /// Why.
        reason: String,
    },
    /// Two hosts came to different verdicts, so there is none.
    Disagree {
        /// The subject.
        subject: String,
        /// In what.
        reason: String,
    },
}

/// Why a result cannot be used.
enum Unusable {
    /// The worker is at fault.
    Refused(String),
    /// It cannot be looked at now: it is looked at again.
    NotNow(String),
}

/// A result that holds, for itself.
struct Held {
    document: serde_json::Value,
    recorded: RecordedVerdict,
    host: String,
    name: ResultName,
}

/// Why the coordinator cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The queue cannot be used.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The cache cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A verdict cannot be written.
    #[error("a verdict cannot be written")]
    Json(#[from] serde_json::Error),
}

impl Coordinator<'_> {
    /// Looks once at all that was returned, takes back what is held by workers that are gone, and lets one host stand alone where there is no other.
    ///
    /// # Errors
    /// [`CoordinatorError`]
    pub fn look(&self) -> Result<Vec<Decision>, CoordinatorError> {
        self.queue.recover()?;
        let mut decisions = Vec::new();
        for returned in self.queue.returned(AT_ONCE)? {
            decisions.extend(self.decide(&returned)?);
        }
        for first in self.queue.waiting_for_second()? {
            let waited = Timestamp::now().duration_since(first.job.queued).unsigned_abs();
            if waited >= self.second_host_wait && !self.has_second_host(&first)? {
                tracing::warn!("{}: there is no second host, so one host stands alone", first.job.subject);
                decisions.extend(self.accept(&first, &serde_json::from_str(&first.document)?, &[&first])?);
            }
        }
        Ok(decisions)
    }

    /// Whether a worker was heard of lately.
    pub(crate) fn has_workers(&self) -> Result<bool, CoordinatorError> {
        Ok(!self.queue.workers_within(ALIVE)?.is_empty())
    }

    /// Whether a worker was heard of lately that is of another host than this one's, as the operator says, and has not had the job yet.
    fn has_second_host(&self, first: &Returned) -> Result<bool, CoordinatorError> {
        let had = self.queue.returned_since(first)?;
        let host = self.host_of(&first.worker);
        let is_second =
            |worker: &String| self.host_of(worker).is_some_and(|other| Some(other) != host) && !had.contains(worker);
        Ok(self.queue.workers_within(ALIVE)?.iter().any(is_second))
    }

    fn decide(&self, returned: &Returned) -> Result<Option<Decision>, CoordinatorError> {
        let subject = returned.job.subject.clone();
        let held = match self.examine(returned)? {
            Ok(held) => held,
            Err(Unusable::NotNow(reason)) => {
                tracing::warn!("what {} returned for {subject} cannot be looked at: {reason}", returned.worker);
                return Ok(None);
            }
            Err(Unusable::Refused(reason)) => {
                let worker = returned.worker.clone();
                let was_there = self.queue.refuse(returned, "refused", &format!("{worker}: {reason}"))?;
                return Ok(was_there.then_some(Decision::Refused { subject, worker, reason }));
            }
        };
        let asked = Asked::parse(&returned.job.asked)?;
        if asked.hosts < 2 {
            return self.accept(returned, &held.document, &[returned]);
        }
        let earlier = self.queue.accepted(returned.job.id)?;
        let Some(first) = earlier.first() else {
            // By the name that it says of itself it is kept from the second; that the second is another one is held against the table.
            let is_first = self.queue.accept_first(returned, &returned.host, &held.document.to_string())?;
            return Ok(is_first.then_some(Decision::First { subject }));
        };
        let document: serde_json::Value = serde_json::from_str(&first.document)?;
        let first_says = RecordedVerdict::of_document(document.clone());
        let is_other_host = self.host_of(&first.worker).is_some_and(|host| host != held.host);
        if !is_other_host {
            let reason = "it is of the same host as the first".to_owned();
            let worker = returned.worker.clone();
            let was_there = self.queue.refuse(returned, "refused", &format!("{worker}: {reason}"))?;
            return Ok(was_there.then_some(Decision::Refused { subject, worker, reason }));
        }
        let is_same = first_says.is_ok_and(|first| agree(&first, &held.recorded));
        if is_same {
            let decision = self.accept(first, &document, &[first, returned])?;
            if decision.is_some() {
                self.forget(&held.name);
            }
            return Ok(decision);
        }
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let reason = format!(
            "two hosts came to different verdicts: {} to {} ({}), {} to {} ({})",
            first.worker,
            text(&document["outcome"]),
            text(&document["verdictDigest"]),
            returned.worker,
            held.recorded.outcome.name(),
            held.recorded.verdict_digest
        );
        let was_there = self.queue.give_up(&returned.job, "hosts-disagree", &reason)?;
        Ok(was_there.then_some(Decision::Disagree { subject, reason }))
    }

    fn host_of(&self, worker: &str) -> Option<&str> {
        self.enrolled.iter().find(|enrolled| enrolled.name == worker).map(|enrolled| enrolled.host.as_str())
    }

    /// Everything that can be held against a result without the word of the worker: who signed it and for what, each file by its digest, that the verdict is about
    /// what was asked and under the conditions that were asked for, and that it follows from the files.
    fn examine(&self, returned: &Returned) -> Result<Result<Held, Unusable>, CoordinatorError> {
        let refused = |reason: String| Ok(Err(Unusable::Refused(reason)));
        let Some(depot) = self.depot else {
            return refused("there is no depot, from which artifacts could be had".to_owned());
        };
        let (enrolled, result, name) = match self.signed(returned) {
            Ok(signed) => signed,
            Err(reason) => return refused(reason),
        };
        let staging = self.store.staging()?;
        let folder = staging.path().join("result");
        match depot.get(&name, result.manifest, &folder) {
            Ok(_) => {}
            Err(error @ (DepotError::Io { .. } | DepotError::Absent { .. } | DepotError::ObjectStore { .. })) => {
                return Ok(Err(not_now(returned, chain(&error))));
            }
            Err(error) => return refused(chain(&error)),
        }
        let read = File::open(folder.join(VERDICT_FILE)).map_err(|error| error.to_string());
        let recorded = read.and_then(|file| RecordedVerdict::read(file).map_err(|error| chain(&error)));
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(reason) => return refused(format!("its verdict cannot be read: {reason}")),
        };
        let asked = Asked::parse(&returned.job.asked)?;
        if let Some(reason) = is_not_what_was_asked(&recorded, &asked, &result) {
            return refused(reason);
        }
        // An inconclusive verdict claims nothing that files could show.
        if recorded.outcome != Outcome::Inconclusive {
            match (self.check)(&folder) {
                Ok(()) => {}
                Err(CheckFailure::Refuted(reason)) => {
                    return refused(format!("its verdict does not follow from its files: {reason}"));
                }
                Err(CheckFailure::Unchecked(reason)) => return Ok(Err(not_now(returned, reason))),
            }
        }
        Ok(Ok(Held { document: recorded.document().clone(), host: enrolled.host.clone(), recorded, name }))
    }

    /// What a worker signed, where it is enrolled and signed it for just this.
    fn signed(&self, returned: &Returned) -> Result<(&Enrolled, WorkerResult, ResultName), String> {
        let enrolled = self.enrolled.iter().find(|enrolled| enrolled.name == returned.worker);
        let enrolled = enrolled.ok_or("no worker of that name is enrolled")?;
        let claim = Claim {
            job: returned.job.id,
            fence: returned.fence,
            subject: &returned.job.subject,
            asked: &returned.job.asked,
            worker: &returned.worker,
        };
        let result = WorkerResult::open(&returned.envelope, &enrolled.key, &claim).map_err(|error| chain(&error))?;
        match result.result.parse() {
            Ok(name) if result.result == returned.stored => Ok((enrolled, result, name)),
            _ => Err("it was signed for other files than it was returned with".to_owned()),
        }
    }

    /// Keeps a verdict and its files, on the word of those who returned it, of whom the last ends the job.
    fn accept(
        &self,
        returned: &Returned,
        document: &serde_json::Value,
        behind: &[&Returned],
    ) -> Result<Option<Decision>, CoordinatorError> {
        let subject = returned.job.subject.clone();
        let workers: Vec<String> = behind.iter().map(|returned| returned.worker.clone()).collect();
        let (_, result, name) = match self.signed(returned) {
            Ok(signed) => signed,
            // Its key may have been withdrawn since.
            Err(reason) => {
                let was_there =
                    self.queue.give_up(&returned.job, "refused", &format!("{}: {reason}", returned.worker))?;
                let worker = returned.worker.clone();
                return Ok(was_there.then_some(Decision::Refused { subject, worker, reason }));
            }
        };
        let stored = Stored { name, manifest: result.manifest };
        let verdict = new_verdict(&subject, document, &workers, self.keeps_artifacts.then_some(&stored))?;
        let outcome = verdict.outcome.clone();
        let is_kept = self.queue.accept(behind.last().unwrap_or(&returned), &verdict)?;
        if is_kept && !self.keeps_artifacts {
            self.forget(&stored.name);
        }
        Ok(is_kept.then_some(Decision::Accepted { subject, outcome, workers }))
    }

    fn forget(&self, name: &ResultName) {
        if let Some(Err(error)) = self.depot.map(|depot| depot.remove(name)) {
            tracing::warn!("{name} stays in the depot: {}", chain(&error));
        }
    }
}

/// What cannot be looked at is waited for, but not for ever: else a worker that returns what nobody can have would hold up the night.
fn not_now(returned: &Returned, reason: String) -> Unusable {
    let waited = Timestamp::now().duration_since(returned.returned).unsigned_abs();
    if waited < MOST_WAIT { Unusable::NotNow(reason) } else { Unusable::Refused(reason) }
}

/// Whether two hosts came to the same. A verdict that lets a file pass has to be the same to the last of its inputs; of others, where a replay was not possible, the outcome has to be.
fn agree(first: &RecordedVerdict, second: &RecordedVerdict) -> bool {
    first.verdict_digest == second.verdict_digest
        || (first.outcome == second.outcome && first.outcome != Outcome::Reproduced)
}

/// In what a verdict is none on what was asked.
fn is_not_what_was_asked(recorded: &RecordedVerdict, asked: &Asked, result: &WorkerResult) -> Option<String> {
    let subject = &recorded.subject;
    let is_subject = match subject.origin {
        Origin::Index => subject.purl.as_deref() == Some(asked.subject.as_str()),
        Origin::Local => {
            Path::new(&asked.subject).file_name().and_then(|name| name.to_str()) == Some(&subject.file_name)
        }
    };
    let recipe: Option<Sha256> = recorded.recipe.as_ref().map(|recipe| recipe.recipe.digest());
    let usual: Vec<String> = Variation::usual().iter().map(|variation| variation.name().to_owned()).collect();
    let says = subject.digests.as_ref().map(|digests| digests.sha256);
    if !is_subject {
        Some(format!("its verdict is about {}, and {} was asked for", subject.file_name, asked.subject))
    } else if recorded.verdict_digest != result.verdict_digest || !result.says(recorded.outcome.name(), recipe) {
        Some("its verdict is another one than was signed".to_owned())
    } else if recorded.tool.version != env!("CARGO_PKG_VERSION") {
        let (theirs, own) = (&recorded.tool.version, env!("CARGO_PKG_VERSION"));
        Some(format!("it was made by twinbuild {theirs}, and this is {own}: give workers the same version"))
    } else if asked.promised.is_some() && says.is_some() && says != asked.promised {
        Some("its verdict is about another file than was promised".to_owned())
    } else if recorded.choices.is_strict != asked.is_strict {
        Some("its verdict was come to with other normalizers than were asked for".to_owned())
    } else if recorded.choices.variations != usual {
        Some("its twins differed in less than was asked for".to_owned())
    } else {
        None
    }
}
