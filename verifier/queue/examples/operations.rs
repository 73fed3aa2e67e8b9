//! Operations a second of a queue as it fills: `scripts/bench-queue`.
//!
//! At each number of queued jobs one client does the same again and again, so that as many stay queued: it puts a job into the queue, takes one, keeps it,
//! tells of itself and completes it with a verdict as large as those on wheels are. Beside them stands a peer in the same run: a bare
//! transaction of one row on the same database, just as durable, to whose time each operation has its ratio. Times are medians.
//!
//! Prints lines of four fields with tabs between: queued jobs, operation, operations a second, ratio.
#![allow(clippy::unwrap_used, reason = "a measurement that fails ends")]

use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::runtime::Runtime;
use twinbuild_queue::{Capabilities, Needs, NewJob, NewVerdict, Patience, Queue, QueueAddress, WorkerState};

/// How often each operation is measured, and those that look at the whole queue.
const REPEATS: u64 = 1_000;
const REPEATS_OF_ALL: u64 = 20;
/// Those before do not count: the database fills its caches.
const WARM_UP: u64 = 50;
/// How many jobs are put into the queue at once while it is filled.
const AT_ONCE: u64 = 10_000;
/// A verdict on a wheel has as many bytes: the mean of a run over 26 wheels.
const DOCUMENT_BYTES: usize = 34_000;
const LEASE: Duration = Duration::from_secs(600);
const WORKER: (&str, &str) = ("worker", "host");

fn main() {
    let mut arguments = std::env::args().skip(1);
    let address: QueueAddress = arguments.next().unwrap().parse().unwrap();
    let sizes = arguments.map(|size| size.parse().unwrap());
    let mut client = Client::new(&address);
    for size in sizes {
        client.fill_to(size);
        client.measure(size);
    }
}

struct Client {
    queue: Queue,
    floor: Floor,
    night: i64,
    /// The number of the next job, from which all of it follows.
    next: u64,
    queued: u64,
    /// How long each of the jobs took that were put into the queue together.
    in_bulk: Duration,
}

impl Client {
    fn new(address: &QueueAddress) -> Self {
        let queue = Queue::open(address, Patience::default()).unwrap();
        queue.greet(WORKER, &able("amd64")).unwrap();
        let night = queue.begin_night().unwrap().id;
        Self { queue, floor: Floor::new(address), night, next: 0, queued: 0, in_bulk: Duration::ZERO }
    }

    fn jobs(&mut self, count: u64) -> Vec<NewJob> {
        let numbers = self.next..self.next + count;
        self.next += count;
        self.queued += count;
        numbers.map(job).collect()
    }

    fn fill_to(&mut self, size: u64) {
        let missing = size - self.queued;
        let mut took = Duration::ZERO;
        while self.queued < size {
            let jobs = self.jobs(AT_ONCE.min(size - self.queued));
            took += timed(|| self.queue.enqueue(self.night, &jobs).unwrap()).0;
        }
        self.in_bulk = took.div_f64(u32::try_from(missing).unwrap().into());
    }

    fn measure(&mut self, size: u64) {
        let verdict = verdict();
        let [mut floor, mut enqueue, mut claim, mut extend, mut hear, mut complete] = <[Vec<Duration>; 6]>::default();
        for repeat in 0..WARM_UP + REPEATS {
            let jobs = self.jobs(1);
            let queue = &self.queue;
            // One after the other, so that whatever else the machine does meets all of them.
            floor.push(self.floor.write());
            enqueue.push(timed(|| queue.enqueue(self.night, &jobs).unwrap()).0);
            let token = format!("{size}-{repeat}");
            let (took, lease) = timed(|| queue.claim(WORKER, &able("amd64"), LEASE, &token).unwrap().unwrap());
            claim.push(took);
            extend.push(timed(|| queue.extend(&lease, LEASE).unwrap()).0);
            hear.push(timed(|| queue.hear(WORKER.0, WorkerState::Working, LEASE).unwrap()).0);
            complete.push(timed(|| queue.complete(&lease, &verdict).unwrap()).0);
            self.queued -= 1;
        }
        let [mut look, mut claim_none] = <[Vec<Duration>; 2]>::default();
        for repeat in 0..WARM_UP + REPEATS_OF_ALL {
            let queue = &self.queue;
            look.push(timed(|| self.look()).0);
            let token = format!("{size}-none-{repeat}");
            let (took, lease) = timed(|| queue.claim(WORKER, &able("arm64"), LEASE, &token).unwrap());
            assert!(lease.is_none());
            claim_none.push(took);
        }
        let floor = median(floor);
        let tell = |operation: &str, took: Duration| {
            let (took, ratio) = (took.as_secs_f64(), took.as_secs_f64() / floor.as_secs_f64());
            println!("{size}\t{operation}\t{:.0}\t{ratio:.2}", 1.0 / took);
        };
        tell("one row", floor);
        tell("enqueue", median(enqueue));
        tell("enqueue, a job of many", self.in_bulk);
        tell("claim", median(claim));
        tell("extend", median(extend));
        tell("hear", median(hear));
        tell("complete", median(complete));
        tell("claim, and nothing fits", median(claim_none));
        tell("look", median(look));
    }

    /// What a coordinator asks each time that it looks.
    fn look(&self) {
        assert!(self.queue.recover().unwrap().is_empty());
        assert!(self.queue.returned(16).unwrap().is_empty());
        assert!(self.queue.waiting_for_second().unwrap().is_empty());
        assert_eq!(self.queue.open_jobs(self.night).unwrap().0, self.queued);
    }
}

/// The peer: a connection of its own, on which one row at a time is written.
struct Floor {
    runtime: Runtime,
    connection: AnyConnection,
}

impl Floor {
    fn new(address: &QueueAddress) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (url, is_file) = match address {
            QueueAddress::Sqlite(path) => (format!("sqlite:{}", path.display()), true),
            QueueAddress::Postgres(url) => (url.clone(), false),
        };
        let connection = runtime.block_on(async {
            let mut connection = AnyConnection::connect(&url).await.unwrap();
            if is_file {
                connection.execute("PRAGMA synchronous = FULL").await.unwrap();
            }
            connection.execute("CREATE TABLE floor (value BIGINT NOT NULL)").await.unwrap();
            connection
        });
        Self { runtime, connection }
    }

    fn write(&mut self) -> Duration {
        let insert = sqlx::query("INSERT INTO floor (value) VALUES ($1)").bind(1_i64);
        timed(|| self.runtime.block_on(insert.execute(&mut self.connection)).unwrap()).0
    }
}

fn job(number: u64) -> NewJob {
    let subject = format!("pkg:pypi/project-{number}@1.0?file_name=project_{number}-1.0-py3-none-any.whl");
    NewJob {
        asked: format!(
            "{{\"subject\":\"{subject}\",\"indexUrl\":\"https://index.example/simple/\",\"budgetSecs\":3600,\"hosts\":1}}"
        ),
        subject,
        list: "list".to_owned(),
        why: "new".to_owned(),
        priority: 100,
        turn: i64::try_from(number).unwrap(),
        needs: Needs { architecture: "amd64".to_owned(), ..Needs::default() },
    }
}

fn able(architecture: &str) -> Capabilities {
    Capabilities { architecture: architecture.to_owned(), interpreters: vec!["3.11".to_owned()], memory_bytes: 8 << 30 }
}

fn verdict() -> NewVerdict {
    NewVerdict {
        project: "project".to_owned(),
        outcome: "reproduced".to_owned(),
        digest: "d".repeat(64),
        result: "{}".to_owned(),
        made_with: "{}".to_owned(),
        workers: "[\"worker\"]".to_owned(),
        stored: String::new(),
        document: format!("{{\"and\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES)),
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let value = work();
    (begun.elapsed(), value)
}

fn median(mut times: Vec<Duration>) -> Duration {
    let mut times = times.split_off(usize::try_from(WARM_UP).unwrap());
    times.sort_unstable();
    times[times.len() / 2]
}
