//! An HTTP server on this machine, for tests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use twinbuild_store::{Network, PlainHttp, RetryPolicy, Store, Transport};

/// An answer: its media type and body. `None` is a 404.
pub(crate) type Answer = Option<(&'static str, Vec<u8>)>;

/// Runs until the test process ends.
pub(crate) struct TestServer {
    /// The base address, ending with a slash.
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    /// `answer` gets the path of each request, and the value of its `Authorization` header.
    pub(crate) fn start(answer: impl Fn(&str, Option<&str>) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for connection in listener.incoming() {
                serve(connection.unwrap(), &log, &answer);
            }
        });
        Self { base, asked }
    }

    /// The paths that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut connection: TcpStream, log: &Mutex<Vec<String>>, answer: &dyn Fn(&str, Option<&str>) -> Answer) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(path) = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())) else { return };
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then_some(value)
    });
    log.lock().unwrap().push(path.clone());
    let (head, body) = match answer(&path, authorization) {
        Some((media_type, body)) => (format!("200 OK\r\nContent-Type: {media_type}"), body),
        None => ("404 Not Found".to_owned(), Vec::new()),
    };
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // A client that goes away is not the server's concern.
    let _ = connection.write_all(&[head.as_bytes(), &body].concat());
}

/// A store that may use plain http and does not wait long.
pub(crate) fn store(folder: &tempfile::TempDir, network: Network) -> Store {
    let retry = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
    let transport = Transport { retry, plain_http: PlainHttp::Allowed, ..Transport::default() };
    Store::open_with(folder.path(), network, transport).unwrap()
}
