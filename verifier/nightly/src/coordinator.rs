//! Looking at what workers return, and deciding.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use twinbuild_compare::Severity;
use twinbuild_depot::{Depot, DepotError, ResultName};
use twinbuild_judge::Target;
use twinbuild_queue::{Queue, QueueError, Returned};
use twinbuild_rebuild::Variation;
use twinbuild_signature::PublicKey;
use twinbuild_store::{Store, StoreError};
use twinbuild_subject::{DistributionFileName, Origin, Request, SdistFileName, Sha256, Sha256Hasher};
use twinbuild_verdict::{Outcome, RecordedVerdict, SourceKind, Trust};

use crate::asked::{Asked, SourceChoice};
use crate::kept::{Stored, chain, new_verdict};
use crate::returned::{Claim, WorkerResult};
use crate::worker::VERDICT_FILE;

/// How many results are looked at before other things are.
const AT_ONCE: usize = 16;
/// How many are looked through for those.
const MOST_RETURNED: u32 = 1000;
/// For how long what cannot be looked at is left alone.
const PUT_OFF: Duration = Duration::from_secs(30);
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
    /// Says whether the index that is asked lists a file of a release by this name with this digest.
    pub is_listed: &'a IsListed<'a>,
    /// How long a second host is waited for where none is to be seen.
    pub second_host_wait: Duration,
    /// What could not be looked at, by job and fence.
    pub put_off: Mutex<HashMap<(i64, i64), PutOff>>,
}

/// A result that could not be looked at.
#[derive(Debug, Clone, Copy)]
pub struct PutOff {
    /// When that was tried first.
    since: Instant,
    /// Until when it is left alone.
    until: Instant,
}

/// Whether the index that is asked lists a file of a release by this name with this digest, or why that cannot be told now.
pub type IsListed<'a> = dyn Fn(&Asked, &Request, &str, &Sha256) -> Result<bool, String> + Sync + 'a;

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
    /// The host of the worker, as the operator says.
    host: String,
    stored: Stored,
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
    /// Whatever a worker may have written, it concerns its own job only.
    ///
    /// # Errors
    /// [`CoordinatorError`]
    pub fn look(&self) -> Result<Vec<Decision>, CoordinatorError> {
        self.queue.recover()?;
        let mut decisions = Vec::new();
        let mut looked_at = 0;
        for returned in self.queue.returned(MOST_RETURNED)? {
            // What cannot be had now does not keep others from being looked at.
            if looked_at < AT_ONCE && !self.is_put_off(&returned) {
                looked_at += 1;
                decisions.extend(self.decide(&returned)?);
            }
        }
        for first in self.queue.waiting_for_second()? {
            let waited = Timestamp::now().duration_since(first.job.queued);
            let waited = Duration::try_from(waited).unwrap_or_default();
            if waited >= self.second_host_wait && !self.has_second_host(&first)? {
                tracing::warn!("{}: there is no second host, so one host stands alone", first.job.subject);
                decisions.extend(match self.first_says(&first) {
                    Ok(held) => self.accept(&first, &held, &[&first])?,
                    Err(reason) => self.withdraw(&first, reason)?,
                });
            }
        }
        Ok(decisions)
    }

    fn is_put_off(&self, returned: &Returned) -> bool {
        let put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        put_off.get(&(returned.job.id, returned.fence)).is_some_and(|put_off| Instant::now() < put_off.until)
    }

    /// Leaves a result alone for a while, and gives for how long it could not be looked at by now.
    fn put_off(&self, returned: &Returned) -> Duration {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let one = put_off.entry((returned.job.id, returned.fence)).or_insert(PutOff { since: now, until: now });
        one.until = now + PUT_OFF;
        now - one.since
    }

    /// Whether a worker was heard of lately.
    pub(crate) fn has_workers(&self) -> Result<bool, CoordinatorError> {
        Ok(!self.queue.workers_within(ALIVE)?.is_empty())
    }

    /// Whether a worker was heard of lately that is of another host than this one's, as the operator says, and has not had the job yet.
    fn has_second_host(&self, first: &Returned) -> Result<bool, CoordinatorError> {
        let had = self.queue.returned_since(first)?;
        let host = self.host_of(&first.worker);
        // By the name that it says of its host it is given the job, and by the operator's its word counts.
        let is_second = |(worker, says): &(String, String)| {
            let is_other = self.host_of(worker).is_some_and(|other| Some(other) != host) && *says != first.host;
            is_other && !had.contains(worker)
        };
        Ok(self.queue.workers_within(ALIVE)?.iter().any(is_second))
    }

    fn decide(&self, returned: &Returned) -> Result<Option<Decision>, CoordinatorError> {
        let subject = returned.job.subject.clone();
        let asked = match Asked::parse(&returned.job.asked) {
            Ok(asked) => asked,
            Err(error) => {
                let reason = format!("what was asked cannot be read: {error}");
                let was_there = self.queue.give_up(&returned.job, "internal", &reason)?;
                return Ok(was_there.then_some(Decision::Refused { subject, worker: returned.worker.clone(), reason }));
            }
        };
        let held = match self.examine(returned, &asked)? {
            Ok(held) => held,
            Err(Unusable::NotNow(reason)) => {
                tracing::warn!("what {} returned for {subject} cannot be looked at: {reason}", returned.worker);
                // Not for ever: else a worker that returns what nobody can have would hold up the night.
                if self.put_off(returned) < MOST_WAIT {
                    return Ok(None);
                }
                return self.refuse(returned, reason);
            }
            Err(Unusable::Refused(reason)) => return self.refuse(returned, reason),
        };
        if asked.hosts < 2 {
            return self.accept(returned, &held, &[returned]);
        }
        let earlier = self.queue.accepted(returned.job.id)?;
        let Some(first) = earlier.first() else {
            // By the name that it says of itself it is kept from the second; that the second is another one is held against the table.
            let is_first = self.queue.accept_first(returned, &returned.host, &held.document.to_string())?;
            return Ok(is_first.then_some(Decision::First { subject }));
        };
        let before = match self.first_says(first) {
            Ok(before) => before,
            Err(reason) => return self.withdraw(first, reason),
        };
        if held.host == before.host || returned.host == first.host {
            return self.refuse(returned, "it is of the same host as the first".to_owned());
        }
        if agree(&before.recorded, &held.recorded) {
            let decision = self.accept(first, &before, &[first, returned])?;
            if decision.is_some() {
                self.forget(&held.stored.name);
            }
            return Ok(decision);
        }
        let (one, other) = (&before.recorded, &held.recorded);
        let reason = format!(
            "two hosts came to different verdicts: {} to {} ({}), {} to {} ({})",
            first.worker,
            one.outcome.name(),
            one.verdict_digest,
            returned.worker,
            other.outcome.name(),
            other.verdict_digest
        );
        let was_there = self.queue.give_up(&returned.job, "hosts-disagree", &reason)?;
        Ok(was_there.then_some(Decision::Disagree { subject, reason }))
    }

    fn refuse(&self, returned: &Returned, reason: String) -> Result<Option<Decision>, CoordinatorError> {
        let (subject, worker) = (returned.job.subject.clone(), returned.worker.clone());
        let was_there = self.queue.refuse(returned, "refused", &format!("{worker}: {reason}"))?;
        Ok(was_there.then_some(Decision::Refused { subject, worker, reason }))
    }

    /// Takes a first result back that can no longer be relied on, as where its key was withdrawn: the job is done again.
    fn withdraw(&self, first: &Returned, reason: String) -> Result<Option<Decision>, CoordinatorError> {
        let (subject, worker) = (first.job.subject.clone(), first.worker.clone());
        let was_there = self.queue.withdraw(first, &format!("{worker}: {reason}"))?;
        Ok(was_there.then_some(Decision::Refused { subject, worker, reason }))
    }

    /// What a first result says that was accepted before. Its document stands in the queue since, and is held against what was signed.
    fn first_says(&self, first: &Returned) -> Result<Held, String> {
        let (enrolled, result, name) = self.signed(first)?;
        let document: serde_json::Value = serde_json::from_str(&first.document).map_err(|error| error.to_string())?;
        let recorded = RecordedVerdict::of_document(document.clone()).map_err(|error| chain(&error))?;
        if recorded.verdict_digest != result.verdict_digest {
            return Err("its verdict is another one than was signed".to_owned());
        }
        let stored = Stored { name, manifest: result.manifest };
        Ok(Held { document, recorded, host: enrolled.host.clone(), stored })
    }

    fn host_of(&self, worker: &str) -> Option<&str> {
        self.enrolled.iter().find(|enrolled| enrolled.name == worker).map(|enrolled| enrolled.host.as_str())
    }

    /// Everything that can be held against a result without the word of the worker: who signed it and for what, each file by its digest, that the verdict is about
    /// what was asked and under the conditions that were asked for, and that it follows from the files.
    fn examine(&self, returned: &Returned, asked: &Asked) -> Result<Result<Held, Unusable>, CoordinatorError> {
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
                return Ok(Err(Unusable::NotNow(chain(&error))));
            }
            Err(error) => return refused(chain(&error)),
        }
        let read = File::open(folder.join(VERDICT_FILE)).map_err(|error| error.to_string());
        let recorded = read.and_then(|file| RecordedVerdict::read(file).map_err(|error| chain(&error)));
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(reason) => return refused(format!("its verdict cannot be read: {reason}")),
        };
        if let Some(reason) = is_not_what_was_asked(&recorded, asked, &result) {
            return refused(reason);
        }
        // What lists and reports say of it has to come out of it.
        if let Err(error) = new_verdict((&returned.job.subject, asked), recorded.document(), &[], None) {
            return refused(format!("its verdict is not of the form of one: {error}"));
        }
        match self.wrong_source(&recorded, asked) {
            Ok(None) => {}
            Ok(Some(reason)) => return refused(reason.to_owned()),
            Err(reason) => return Ok(Err(Unusable::NotNow(reason))),
        }
        // An inconclusive verdict claims nothing that files could show.
        if recorded.outcome != Outcome::Inconclusive {
            match (self.check)(&folder) {
                Ok(()) => {}
                Err(CheckFailure::Refuted(reason)) => {
                    return refused(format!("its verdict does not follow from its files: {reason}"));
                }
                Err(CheckFailure::Unchecked(reason)) => return Ok(Err(Unusable::NotNow(reason))),
            }
        }
        // As before publishing: a trust that nothing in it supports is not taken either.
        if let Err(error) = recorded.check() {
            return refused(format!("its verdict contradicts itself: {}", chain(&error)));
        }
        let stored = Stored { name, manifest: result.manifest };
        Ok(Ok(Held { document: recorded.document().clone(), host: enrolled.host.clone(), recorded, stored }))
    }

    /// What is held against the source that a file is said to be built from: an sdist has to be the one that was given, or where none was, one that was
    /// uploaded with the file. Of a repository the verdict says itself why it is trusted; that somebody gave it is never so here.
    fn wrong_source(&self, recorded: &RecordedVerdict, asked: &Asked) -> Result<Option<&'static str>, String> {
        let Some(source) = &recorded.source else { return Ok(None) };
        let sha256 = &source.digests.sha256;
        match (source.kind, &asked.source) {
            (SourceKind::Sdist, Some(given)) => {
                let digest = digest_of(given).map_err(|error| format!("reading {}: {error}", given.display()))?;
                Ok((digest != *sha256).then_some("its source is not the sdist that was given"))
            }
            _ if source.trust == Trust::User => Ok(Some("its source is said to be given, and nobody gave it")),
            (SourceKind::Git, _) => Ok(None),
            (SourceKind::Sdist, None) => {
                let file: DistributionFileName =
                    recorded.subject.file_name.parse().map_err(|error| format!("its file name: {error}"))?;
                let release = Request { name: file.name().clone(), version: file.version().clone(), file_name: None };
                let is_listed = (self.is_listed)(asked, &release, &source.file_name, sha256)?;
                Ok((!is_listed).then_some("its source is not the file that the index lists under that name"))
            }
        }
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
        held: &Held,
        behind: &[&Returned],
    ) -> Result<Option<Decision>, CoordinatorError> {
        let subject = returned.job.subject.clone();
        let workers: Vec<String> = behind.iter().map(|returned| returned.worker.clone()).collect();
        let asked = Asked::parse(&returned.job.asked)?;
        let place = self.keeps_artifacts.then_some(&held.stored);
        let verdict = new_verdict((&subject, &asked), &held.document, &workers, place)?;
        let outcome = verdict.outcome.clone();
        let is_kept = self.queue.accept(behind.last().unwrap_or(&returned), &verdict)?;
        if is_kept && !self.keeps_artifacts {
            self.forget(&held.stored.name);
        }
        Ok(is_kept.then_some(Decision::Accepted { subject, outcome, workers }))
    }

    fn forget(&self, name: &ResultName) {
        if let Some(Err(error)) = self.depot.map(|depot| depot.remove(name)) {
            tracing::warn!("{name} stays in the depot: {}", chain(&error));
        }
    }
}

/// Whether two hosts came to the same. A verdict that lets a file pass has to be the same to the last of its inputs; of others, where a replay was not possible, the
/// outcome has to be, and the alerts.
fn agree(first: &RecordedVerdict, second: &RecordedVerdict) -> bool {
    let alerts = |verdict: &RecordedVerdict| -> Vec<String> {
        let alerts = verdict.findings.iter().filter(|finding| finding.severity == Severity::Alert);
        let mut codes: Vec<String> = alerts.map(|finding| finding.code.clone()).collect();
        codes.sort();
        codes
    };
    first.verdict_digest == second.verdict_digest
        || (first.outcome == second.outcome && first.outcome != Outcome::Reproduced && alerts(first) == alerts(second))
}

/// The digest of a file of this machine.
fn digest_of(path: &Path) -> io::Result<Sha256> {
    let mut hasher = Sha256Hasher::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finish())
}

/// Whether a verdict is about a source of the kind that was asked for, where it has one. An sdist is built from a commit always.
fn is_source_asked_for(recorded: &RecordedVerdict, from: SourceChoice) -> bool {
    let is_sdist = recorded.subject.file_name.parse::<SdistFileName>().is_ok();
    match (recorded.source.as_ref().map(|source| source.kind), from) {
        (None, _) | (_, SourceChoice::Either) => true,
        (Some(SourceKind::Sdist), from) => from == SourceChoice::Sdist,
        (Some(SourceKind::Git), from) => from == SourceChoice::Git || is_sdist,
    }
}

/// In what a verdict is none on what was asked.
fn is_not_what_was_asked(recorded: &RecordedVerdict, asked: &Asked, result: &WorkerResult) -> Option<String> {
    let subject = &recorded.subject;
    // By what was asked, and not by what the verdict says of itself: of a file of a machine no index is asked for the source.
    let is_subject = match asked.target() {
        Ok(Target::Release(_)) => {
            subject.origin == Origin::Index && subject.purl.as_deref() == Some(asked.subject.as_str())
        }
        Ok(Target::Local { path, .. }) => {
            subject.origin == Origin::Local
                && path.file_name().and_then(|name| name.to_str()) == Some(&subject.file_name)
        }
        Err(_) => false,
    };
    let recipe: Option<Sha256> = recorded.recipe.as_ref().map(|recipe| recipe.recipe.digest());
    let usual: Vec<String> = Variation::usual().iter().map(|variation| variation.name().to_owned()).collect();
    let says = subject.digests.as_ref().map(|digests| digests.sha256);
    // One that never had the file says so, and nothing of it.
    let claims_something = says.is_some() || recorded.outcome != Outcome::Inconclusive;
    if !is_subject {
        Some(format!("its verdict is about {}, and {} was asked for", subject.file_name, asked.subject))
    } else if recorded.verdict_digest != result.verdict_digest || !result.says(recorded.outcome.name(), recipe) {
        Some("its verdict is another one than was signed".to_owned())
    } else if !is_source_asked_for(recorded, asked.from) {
        Some("its verdict is about another kind of source than was asked for".to_owned())
    } else if recorded.tool.version != env!("CARGO_PKG_VERSION") {
        let (theirs, own) = (&recorded.tool.version, env!("CARGO_PKG_VERSION"));
        Some(format!("it was made by twinbuild {theirs}, and this is {own}: give workers the same version"))
    } else if asked.promised.is_some() && says != asked.promised && claims_something {
        Some("its verdict is about another file than was promised".to_owned())
    } else if recorded.choices.is_strict != asked.is_strict {
        Some("its verdict was come to with other normalizers than were asked for".to_owned())
    } else if recorded.choices.variations != usual {
        Some("its twins differed in less than was asked for".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_queue::{Patience, QueueAddress};
    use twinbuild_store::Network;
    use twinbuild_subject::Subject;
    use twinbuild_verdict::{Source, Verdict};

    const RELEASE: &str = "pkg:pypi/a@1?file_name=a-1-py3-none-any.whl";

    /// What is held against a verdict that names this origin, where a release of an index or a file of a machine was asked for.
    fn held_against(origin: Origin, outcome: Outcome, subject: &str) -> Option<String> {
        let file_name = "a-1-py3-none-any.whl".to_owned();
        let purl = Some(RELEASE.to_owned());
        let about = Subject { origin, purl, file_name, size: None, digests: None, upload_time: None };
        let mut verdict = Verdict::about(about, env!("CARGO_PKG_VERSION"));
        verdict.outcome = outcome;
        verdict.choices.variations = Variation::usual().iter().map(|variation| variation.name().to_owned()).collect();
        verdict.seal().unwrap();
        let recorded = RecordedVerdict::of(&verdict).unwrap();
        let result = serde_json::json!({
            "schemaVersion": 1, "job": 1, "fence": 1, "subject": subject, "asked": Sha256::of(b""), "worker": "w",
            "host": "h", "outcome": outcome.name(), "recipeDigest": null, "verdictDigest": recorded.verdict_digest,
            "result": "job-1-1", "manifest": Sha256::of(b""),
        });
        is_not_what_was_asked(&recorded, &Asked::of(subject), &serde_json::from_value(result).unwrap())
    }

    #[test]
    fn what_was_asked_says_whether_an_index_has_the_file_and_not_the_verdict() {
        let path = "/files/a-1-py3-none-any.whl";
        assert_eq!(held_against(Origin::Index, Outcome::Inconclusive, RELEASE), None);
        assert_eq!(held_against(Origin::Local, Outcome::Inconclusive, path), None);
        // Of a file of a machine nobody would ask an index for the source.
        for (origin, subject) in [(Origin::Local, RELEASE), (Origin::Index, path)] {
            let reason = held_against(origin, Outcome::Inconclusive, subject).unwrap();
            assert!(reason.contains("was asked for"), "{reason}");
        }
    }

    #[test]
    fn a_verdict_that_claims_something_is_about_the_promised_file() {
        let reason = held_against(Origin::Index, Outcome::Unsupported, RELEASE).unwrap();
        assert!(reason.contains("another file than was promised"), "{reason}");
    }

    /// What is held against a source with this content, where these digests are listed.
    fn source_held_against(
        (kind, trust, content): (SourceKind, Trust, &[u8]),
        asked: &Asked,
        is_listed: &IsListed<'_>,
    ) -> Result<Option<&'static str>, String> {
        let file_name = "a-1-py3-none-any.whl".to_owned();
        let about =
            Subject { origin: Origin::Local, purl: None, file_name, size: None, digests: None, upload_time: None };
        let mut verdict = Verdict::about(about, env!("CARGO_PKG_VERSION"));
        let (file_name, digests) = ("a-1.tar.gz".to_owned(), Sha256::of(content).into());
        verdict.source = Some(Source { kind, trust, uri: None, file_name, digests, git: None, attestation: None });
        verdict.seal().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = QueueAddress::Sqlite(folder.path().join("queue.sqlite"));
        let coordinator = Coordinator {
            queue: &Queue::open(&address, Patience::default()).unwrap(),
            store: &Store::open(folder.path().join("cache"), Network::Offline).unwrap(),
            depot: None,
            enrolled: Vec::new(),
            keeps_artifacts: false,
            check: &|_| Ok(()),
            is_listed,
            second_host_wait: Duration::ZERO,
            put_off: Mutex::default(),
        };
        coordinator.wrong_source(&RecordedVerdict::of(&verdict).unwrap(), asked)
    }

    #[test]
    fn a_source_is_the_one_that_was_given_or_one_that_the_index_lists() {
        use SourceKind::{Git, Sdist};
        use Trust::{Repository, SameUpload, User};
        let listed: &IsListed<'_> = &|_, release, name, sha256| {
            Ok(release.purl() == "pkg:pypi/a@1" && name == "a-1.tar.gz" && *sha256 == Sha256::of(b"listed"))
        };
        let nobody: &IsListed<'_> = &|_, _, _, _| Err("nobody answers".to_owned());
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("a-1.tar.gz");
        std::fs::write(&given, "given").unwrap();
        let asked = Asked::of("/files/a-1-py3-none-any.whl");
        let with_source = Asked { source: Some(given), ..asked.clone() };
        for (source, asked, is_listed, expected) in [
            ((Sdist, SameUpload, &b"listed"[..]), &asked, listed, None),
            ((Sdist, SameUpload, b"invented"), &asked, listed, Some("not the file that the index lists")),
            ((Sdist, User, b"listed"), &asked, listed, Some("nobody gave it")),
            ((Git, User, b""), &asked, listed, Some("nobody gave it")),
            ((Git, Repository, b""), &asked, nobody, None),
            ((Sdist, User, b"given"), &with_source, nobody, None),
            ((Sdist, User, b"listed"), &with_source, listed, Some("not the sdist that was given")),
            ((Git, User, b""), &with_source, listed, Some("nobody gave it")),
        ] {
            let held = source_held_against(source, asked, is_listed).unwrap();
            assert_eq!(held.is_some(), expected.is_some(), "{source:?}: {held:?}");
            assert!(held.unwrap_or_default().contains(expected.unwrap_or_default()), "{source:?}: {held:?}");
        }
        // What cannot be looked at is neither.
        let missing = Asked { source: Some(folder.path().join("missing")), ..asked.clone() };
        for (asked, reason) in [(&asked, "nobody answers"), (&missing, "missing")] {
            let error = source_held_against((Sdist, SameUpload, b"listed"), asked, nobody).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
