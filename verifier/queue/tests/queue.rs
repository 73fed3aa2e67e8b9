//! What a queue promises, of a file of SQLite and of a real PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod server;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use server::Server;
use twinbuild_queue::{
    Capabilities, JobFilter, JobState, Lease, Needs, NewJob, NewVerdict, Patience, Queue, QueueAddress, QueueError,
    Retry, WorkerState,
};

const LONG: Duration = Duration::from_secs(60);

/// Both kinds of database, each with nothing in it.
fn on_both(test: impl Fn(&QueueAddress)) {
    let folder = tempfile::tempdir().unwrap();
    test(&QueueAddress::Sqlite(folder.path().join("queue.sqlite")));
    let server = Server::start();
    test(&server.url().parse().unwrap());
}

fn open(address: &QueueAddress) -> Queue {
    Queue::open(address, Patience(Duration::from_secs(30))).unwrap()
}

fn job(subject: &str) -> NewJob {
    NewJob {
        subject: subject.to_owned(),
        list: "list".to_owned(),
        why: "new".to_owned(),
        asked: "{}".to_owned(),
        priority: 100,
        turn: 0,
        needs: Needs::default(),
    }
}

fn able() -> Capabilities {
    Capabilities { architecture: "amd64".to_owned(), interpreters: vec!["2.7".to_owned()], memory_bytes: 1 << 30 }
}

fn verdict(outcome: &str) -> NewVerdict {
    NewVerdict {
        project: "project".to_owned(),
        outcome: outcome.to_owned(),
        digest: "d".repeat(64),
        result: "{}".to_owned(),
        made_with: "{}".to_owned(),
        workers: "[\"w\"]".to_owned(),
        stored: String::new(),
        document: "{\"outcome\":1}".to_owned(),
    }
}

fn claim(queue: &Queue, worker: &str, lease: Duration) -> Option<Lease> {
    static TOKENS: Mutex<u64> = Mutex::new(0);
    let token = {
        let mut tokens = TOKENS.lock().unwrap();
        *tokens += 1;
        format!("{worker}-{tokens}")
    };
    queue.claim((worker, worker), &able(), lease, &token).unwrap()
}

fn state(queue: &Queue, id: i64) -> JobState {
    queue.job(id).unwrap().state
}

#[test]
fn a_job_is_done_once_by_one_worker() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        assert_eq!(queue.enqueue(night, &[job("a"), job("b")]).unwrap(), 2);
        assert_eq!(queue.enqueue(night, &[job("a")]).unwrap(), 0, "it is there already");
        let first = claim(&queue, "w1", LONG).unwrap();
        let second = claim(&queue, "w2", LONG).unwrap();
        assert!(claim(&queue, "w3", LONG).is_none());
        assert_eq!([first.job.subject.as_str(), second.job.subject.as_str()], ["a", "b"]);
        queue.complete(&first, &verdict("reproduced")).unwrap();
        queue.complete(&first, &verdict("reproduced")).unwrap();
        let kept = queue.newest_verdicts().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].subject.as_str(), kept[0].job), ("a", first.job.id));
        assert_eq!(queue.document(kept[0].id).unwrap(), "{\"outcome\":1}");
        assert_eq!(state(&queue, first.job.id), JobState::Done);
        assert_eq!(queue.enqueue(night, &[job("a")]).unwrap(), 1, "a job that is done is no hindrance");
    });
}

#[test]
fn a_worker_that_was_thought_dead_changes_nothing() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let old = claim(&queue, "w1", Duration::from_millis(1)).unwrap();
        thread::sleep(Duration::from_millis(20));
        assert_eq!(queue.recover().unwrap(), [old.job.id]);
        let new = claim(&queue, "w2", LONG).unwrap();
        assert!(new.fence() > old.fence());
        let is_stale = |result| matches!(result, Err(QueueError::Stale { .. }));
        assert!(is_stale(queue.extend(&old, LONG)));
        assert!(is_stale(queue.complete(&old, &verdict("reproduced"))));
        assert!(is_stale(queue.give_back(&old, "{}", "", "")));
        assert!(is_stale(queue.fail(&old, ("network", "x"), Retry::No, 3)));
        assert!(is_stale(queue.release(&old)));
        assert!(queue.newest_verdicts().unwrap().is_empty() && queue.returned(9).unwrap().is_empty());
        assert_eq!(
            (state(&queue, new.job.id), queue.job(new.job.id).unwrap().worker.as_str()),
            (JobState::Leased, "w2")
        );
        queue.complete(&new, &verdict("reproduced")).unwrap();
        assert!(is_stale(queue.complete(&old, &verdict("not-reproduced"))));
        assert_eq!(queue.newest_verdicts().unwrap().len(), 1);
    });
}

#[test]
fn a_lease_that_is_kept_does_not_pass() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let lease = claim(&queue, "w1", Duration::from_millis(200)).unwrap();
        queue.extend(&lease, LONG).unwrap();
        thread::sleep(Duration::from_millis(300));
        assert!(queue.recover().unwrap().is_empty());
        assert!(claim(&queue, "w2", LONG).is_none());
        queue.complete(&lease, &verdict("reproduced")).unwrap();
    });
}

#[test]
fn a_job_that_ends_whoever_has_it_is_given_up() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let mut times = 0;
        while let Some(_lost) = claim(&queue, "w1", Duration::from_millis(1)) {
            thread::sleep(Duration::from_millis(5));
            queue.recover().unwrap();
            times += 1;
        }
        assert_eq!(times, 5);
        let given_up = queue.jobs(&JobFilter { states: vec![JobState::Dead], night: None, most: 9 }).unwrap();
        assert_eq!(given_up[0].class, "lost");
        assert!(given_up[0].reason.contains("w1"), "{}", given_up[0].reason);
        assert!(queue.retry(given_up[0].id).unwrap());
        assert!(claim(&queue, "w1", LONG).is_some());
    });
}

#[test]
fn failures_are_tried_again_by_their_class() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        for name in ["w1", "w2"] {
            queue.greet((name, name), &able()).unwrap();
        }
        queue.enqueue(night, &[job("a")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.fail(&lease, ("network", "no answer"), Retry::After(LONG), 3).unwrap();
        assert!(claim(&queue, "w1", LONG).is_none(), "not before its time");
        let found = queue.job(lease.job.id).unwrap();
        assert_eq!(
            (found.state, found.class.as_str(), found.reason.as_str()),
            (JobState::Queued, "network", "no answer")
        );
        assert!(found.not_before.is_some());

        queue.enqueue(night, &[job("b")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.fail(&lease, ("infrastructure", "disk full"), Retry::Elsewhere(Duration::ZERO), 3).unwrap();
        assert!(claim(&queue, "w1", LONG).is_none(), "elsewhere");
        let lease = claim(&queue, "w2", LONG).unwrap();
        queue.hear("w1", WorkerState::Gone, Duration::ZERO).unwrap();
        queue.fail(&lease, ("infrastructure", "disk full"), Retry::Elsewhere(Duration::ZERO), 3).unwrap();
        let lease = claim(&queue, "w2", LONG).expect("w2 is the only one there is");
        queue.complete(&lease, &verdict("reproduced")).unwrap();

        queue.enqueue(night, &[job("c")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.fail(&lease, ("usage", "no such file"), Retry::No, 3).unwrap();
        assert_eq!(state(&queue, lease.job.id), JobState::Dead);
        queue.enqueue(night, &[job("d")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.fail(&lease, ("network", "no answer"), Retry::After(Duration::ZERO), 1).unwrap();
        assert_eq!(state(&queue, lease.job.id), JobState::Dead, "that was the last attempt");
    });
}

#[test]
fn jobs_go_to_workers_that_can_do_them_in_order() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        let needing = |subject: &str, needs: Needs| NewJob { needs, ..job(subject) };
        let of = |subject: &str, priority, turn| NewJob { priority, turn, ..job(subject) };
        queue
            .enqueue(
                night,
                &[
                    needing("arm", Needs { architecture: "arm64".to_owned(), ..Needs::default() }),
                    needing("large", Needs { memory_bytes: 1 << 40, ..Needs::default() }),
                    needing("py26", Needs { interpreter: "2.6".to_owned(), ..Needs::default() }),
                    needing("py27", Needs { interpreter: "2.7".to_owned(), ..Needs::default() }),
                    of("x1", 100, 1),
                    of("x2", 100, 2),
                    of("y1", 100, 1),
                    of("first", 1, 7),
                ],
            )
            .unwrap();
        let mut order = Vec::new();
        while let Some(lease) = claim(&queue, "w", LONG) {
            order.push(lease.job.subject);
        }
        assert_eq!(order, ["first", "py27", "x1", "y1", "x2"]);
        assert_eq!(queue.open_jobs(night).unwrap(), (8, 3));
    });
}

#[test]
fn what_is_given_back_was_never_taken() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.release(&lease).unwrap();
        let again = claim(&queue, "w2", LONG).unwrap();
        assert_eq!((again.job.attempts, again.job.lost), (1, 0));
        assert_eq!(queue.recover_of("w2").unwrap(), [again.job.id]);
        assert_eq!(queue.job(again.job.id).unwrap().lost, 1);
    });
}

#[test]
fn a_returned_result_is_no_verdict_before_it_is_accepted() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        for name in ["w1", "w2"] {
            queue.greet((name, name), &able()).unwrap();
        }
        queue.enqueue(night, &[job("a"), job("b")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.give_back(&lease, "{}", "signed", "stored").unwrap();
        queue.give_back(&lease, "{}", "signed", "stored").unwrap();
        assert!(queue.newest_verdicts().unwrap().is_empty());
        let returned = queue.returned(9).unwrap();
        assert_eq!(returned.len(), 1);
        assert_eq!((returned[0].envelope.as_str(), returned[0].worker.as_str()), ("signed", "w1"));
        assert!(queue.refuse(&returned[0], "refused", "not signed by an enrolled key").unwrap());
        assert!(!queue.accept(&returned[0], &verdict("reproduced")).unwrap(), "it was refused");
        assert!(queue.newest_verdicts().unwrap().is_empty());
        assert_eq!(queue.workers().unwrap()[0].refused, 1);

        // It is done by another, twice, as the first of two hosts was asked for.
        assert_eq!(claim(&queue, "w1", LONG).unwrap().job.subject, "b");
        let lease = claim(&queue, "w2", LONG).unwrap();
        queue.give_back(&lease, "{}", "", "").unwrap();
        let first = queue.returned(9).unwrap().remove(0);
        assert!(queue.accept_first(&first, "w2", "looked at").unwrap());
        assert_eq!(queue.accepted(first.job.id).unwrap()[0].document, "looked at");
        assert!(claim(&queue, "w2", LONG).is_none(), "another host");
        let lease = claim(&queue, "w1", LONG).unwrap();
        assert_eq!(queue.accepted(lease.job.id).unwrap().len(), 1);
        queue.give_back(&lease, "{}", "", "").unwrap();
        let second = queue.returned(9).unwrap().remove(0);
        assert!(queue.accept(&second, &verdict("reproduced")).unwrap());
        assert!(!queue.accept(&second, &verdict("reproduced")).unwrap());
        assert_eq!(queue.newest_verdicts().unwrap().len(), 1);
    });
}

#[test]
fn what_waits_for_a_second_host_is_given_to_each_worker_once() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        queue.give_back(&lease, "{}", "", "").unwrap();
        let first = queue.returned(9).unwrap().remove(0);
        // The operator knows the host by another name than the worker does.
        assert!(queue.accept_first(&first, "host", "{}").unwrap());
        assert!(claim(&queue, "w1", LONG).is_none());
        for name in ["w2", "w3", "w4", "w5", "w6", "w7"] {
            let lease = claim(&queue, name, LONG).unwrap();
            queue.give_back(&lease, "{}", "", "").unwrap();
            assert!(queue.refuse(&queue.returned(9).unwrap()[0], "refused", "it is of the same host").unwrap());
            assert!(claim(&queue, name, LONG).is_none());
        }
        // However often a second one was refused, the first one stands.
        let waiting = queue.waiting_for_second().unwrap();
        assert_eq!((waiting.len(), waiting[0].job.not_host.as_str()), (1, "host"));
        assert_eq!(queue.returned_since(&first).unwrap().len(), 7);
        assert!(queue.accept(&waiting[0], &verdict("reproduced")).unwrap());
    });
}

#[test]
fn what_is_taken_back_is_done_again_by_anybody() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("first"), job("returned"), job("of another")]).unwrap();
        for worker in ["w1", "w1", "w2"] {
            let lease = claim(&queue, worker, LONG).unwrap();
            queue.give_back(&lease, "{}", "", "").unwrap();
        }
        assert!(queue.accept_first(&queue.returned(9).unwrap()[0], "w1", "{}").unwrap());
        queue.take_back("w1", "its key is gone").unwrap();
        let left = queue.returned(9).unwrap();
        assert_eq!((left.len(), left[0].job.subject.as_str()), (1, "of another"));
        assert!(queue.waiting_for_second().unwrap().is_empty());
        let again = [(); 2].map(|()| claim(&queue, "w1", LONG).unwrap().job.subject);
        assert_eq!(again, ["first", "returned"]);
        assert!(claim(&queue, "w1", LONG).is_none());
    });
}

#[test]
fn a_cancelled_job_is_taken_from_whoever_has_it() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        queue.enqueue(night, &[job("a")]).unwrap();
        let lease = claim(&queue, "w1", LONG).unwrap();
        assert!(queue.cancel(lease.job.id).unwrap());
        assert!(!queue.cancel(lease.job.id).unwrap());
        assert!(matches!(queue.extend(&lease, LONG), Err(QueueError::Stale { .. })));
        assert!(queue.retry(lease.job.id).unwrap());
        assert!(matches!(queue.cancel(77), Err(QueueError::NoJob { job: 77 })));
    });
}

#[test]
fn many_workers_lose_and_double_nothing() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap().id;
        let jobs: Vec<NewJob> = (0..300).map(|number| job(&format!("s{number}"))).collect();
        assert_eq!(queue.enqueue(night, &jobs).unwrap(), 300);
        let done = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for process in 0..3 {
                let (done, address) = (&done, address.clone());
                scope.spawn(move || {
                    let queue = open(&address);
                    thread::scope(|scope| {
                        for thread in 0..2 {
                            let (queue, name) = (&queue, format!("w{process}-{thread}"));
                            scope.spawn(move || {
                                while let Some(lease) = claim(queue, &name, LONG) {
                                    queue.complete(&lease, &verdict("reproduced")).unwrap();
                                    done.lock().unwrap().push(lease.job.subject);
                                }
                            });
                        }
                    });
                });
            }
        });
        let done = done.into_inner().unwrap();
        assert_eq!((done.len(), done.iter().collect::<BTreeSet<_>>().len()), (300, 300));
        assert_eq!(queue.newest_verdicts().unwrap().len(), 300);
        let counts = queue.counts().unwrap();
        assert_eq!((counts.jobs.get("done"), counts.verdicts.get("reproduced")), (Some(&300), Some(&300)));
    });
}

#[test]
fn a_night_goes_on_until_it_ends() {
    on_both(|address| {
        let queue = open(address);
        let night = queue.begin_night().unwrap();
        assert_eq!(queue.begin_night().unwrap(), night);
        queue.enqueue(night.id, &[job("a"), job("b")]).unwrap();
        let lease = claim(&queue, "w", LONG).unwrap();
        queue.complete(&lease, &verdict("reproduced")).unwrap();
        queue.end_night(night.id, "{}").unwrap();
        let next = queue.begin_night().unwrap();
        assert!(next.id > night.id);
        assert_eq!(queue.adopt_jobs(next.id).unwrap(), 1);
        assert_eq!(queue.open_jobs(next.id).unwrap(), (1, 1));
        assert_eq!(queue.nights(9).unwrap().len(), 1);
        assert_eq!(queue.verdicts_before(next.id).unwrap().len(), 1);
        assert!(queue.verdicts_before(night.id).unwrap().is_empty());
        queue.keep("x", "1").unwrap();
        queue.keep("x", "2").unwrap();
        assert_eq!(queue.kept("x").unwrap().as_deref(), Some("2"));
        assert_eq!(queue.kept("y").unwrap(), None);
    });
}

#[test]
fn only_one_holds_a_right() {
    on_both(|address| {
        let queue = open(address);
        assert!(queue.take_right("nightly", "a", LONG).unwrap().is_ok());
        assert_eq!(queue.take_right("nightly", "b", LONG).unwrap(), Err("a".to_owned()));
        assert!(queue.take_right("nightly", "a", Duration::from_millis(1)).unwrap().is_ok());
        thread::sleep(Duration::from_millis(20));
        assert!(queue.take_right("nightly", "b", LONG).unwrap().is_ok(), "it passed");
        queue.drop_right("nightly", "a").unwrap();
        assert_eq!(queue.take_right("nightly", "a", LONG).unwrap(), Err("b".to_owned()));
    });
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    on_both(|address| {
        drop(open(address));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            sqlx::any::install_default_drivers();
            let url = match address {
                QueueAddress::Sqlite(path) => format!("sqlite:{}", path.display()),
                QueueAddress::Postgres(url) => url.clone(),
            };
            let pool = sqlx::AnyPool::connect(&url).await.unwrap();
            let sql = "UPDATE _sqlx_migrations SET version = 99 WHERE version = 2";
            sqlx::query(sql).execute(&pool).await.unwrap();
            pool.close().await;
        });
        for opened in [Queue::open(address, Patience::default()), Queue::join(address, Patience::default())] {
            let error = opened.unwrap_err();
            assert!(matches!(error, QueueError::Newer { found: 99, known: 2, .. }), "{error}");
            assert!(error.to_string().contains("newer version"), "{error}");
        }
    });
}

#[test]
fn a_worker_makes_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.sqlite");
    let address = QueueAddress::Sqlite(path.clone());
    assert!(matches!(Queue::join(&address, Patience::default()), Err(QueueError::Older { found: 0, .. })));
    assert!(!path.exists());
    let server = Server::start();
    let address = server.url().parse().unwrap();
    assert!(matches!(Queue::join(&address, Patience::default()), Err(QueueError::Older { found: 0, .. })));
    drop(open(&address));
    assert!(Queue::join(&address, Patience::default()).is_ok());
}

#[test]
fn a_server_that_is_restarted_is_waited_for() {
    let mut server = Server::start();
    let queue = open(&server.url().parse().unwrap());
    let night = queue.begin_night().unwrap().id;
    let jobs: Vec<NewJob> = (0..40).map(|number| job(&format!("s{number}"))).collect();
    queue.enqueue(night, &jobs).unwrap();
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            let mut done = BTreeSet::new();
            while let Some(lease) = claim(&queue, "w", LONG) {
                queue.complete(&lease, &verdict("reproduced")).unwrap();
                assert!(done.insert(lease.job.subject));
                thread::sleep(Duration::from_millis(20));
            }
            done.len()
        });
        for is_at_once in [false, true] {
            thread::sleep(Duration::from_millis(150));
            server.stop(is_at_once);
            thread::sleep(Duration::from_millis(300));
            server.start_again();
        }
        assert_eq!(working.join().unwrap(), 40);
    });
    assert_eq!(queue.newest_verdicts().unwrap().len(), 40);
}

#[test]
fn a_database_that_stays_away_is_an_error_and_no_hang() {
    let mut server = Server::start();
    let queue = Queue::open(&server.url().parse().unwrap(), Patience(Duration::from_millis(200))).unwrap();
    server.stop(false);
    assert!(matches!(queue.begin_night(), Err(QueueError::Database { .. })));
}
