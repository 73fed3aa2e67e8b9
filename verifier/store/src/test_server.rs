//! An HTTP server on this machine that says, byte for byte, what a test tells it to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reqwest::Url;

use crate::{PlainHttp, RetryPolicy, Transport};

/// A request: its path, and its headers with lower-case names.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the server does with a connection before it closes it.
pub(crate) enum Answer {
    /// Sends these bytes.
    Raw(Vec<u8>),
    /// Sends these bytes, then nothing for a while.
    Stall(Vec<u8>, Duration),
}

/// Runs until the test process ends.
pub(crate) struct TestServer {
    base: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TestServer {
    /// `answer` gets each request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // A client that goes away is part of some tests.
                thread::spawn(move || serve(&connection.ok()?, &log, &*answer));
            }
        });
        Self { base, asked }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(connection: &TcpStream, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked, usize) -> Answer) -> Option<()> {
    let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let asked = Asked { path, headers };
    let before = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let (bytes, pause) = match answer(&asked, before) {
        Answer::Raw(bytes) => (bytes, Duration::ZERO),
        Answer::Stall(bytes, pause) => (bytes, pause),
    };
    let mut connection = connection;
    connection.write_all(&bytes).ok()?;
    thread::sleep(pause);
    Some(())
}

/// A whole answer with its true length. `head` is status and further headers: `"200 OK\r\nETag: \"1\""`.
pub(crate) fn answer(head: &str, body: &[u8]) -> Answer {
    cut_answer(head, body.len(), body)
}

/// An answer that announces another length than it has.
pub(crate) fn cut_answer(head: &str, announced: usize, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n");
    Answer::Raw([head.as_bytes(), body].concat())
}

/// Plain http, four attempts, hardly any waiting.
pub(crate) fn hasty() -> Transport {
    Transport {
        retry: RetryPolicy {
            attempts: 4,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            max_retry_after: Duration::from_millis(300),
        },
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_millis(400),
        plain_http: PlainHttp::Allowed,
    }
}
