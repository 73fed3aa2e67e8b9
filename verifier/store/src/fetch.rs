//! Downloading files whose digest is known.

use std::io::Read;

use reqwest::blocking::Response;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};
use reqwest::{StatusCode, Url, Version};
use twinbuild_subject::Sha256;

use crate::blob::Draft;
use crate::http::{Client, Failure, Target, chain};
use crate::{Blob, DigestMismatch, FetchError, Network, Store};

/// A file to download.
#[derive(Debug, Clone, Copy)]
pub struct Fetch<'a> {
    /// From where.
    pub url: &'a Url,
    /// The digest that its publisher promises.
    pub sha256: Sha256,
    /// The size that its publisher promises, in bytes, where it does.
    pub size_bytes: Option<u64>,
    /// The most bytes that are accepted.
    pub limit_bytes: u64,
    /// What it is, for messages: "the wheel six-1.16.0-py2.py3-none-any.whl".
    pub what: &'a str,
}

impl Store {
    /// The file of this digest: the one that is held, else downloaded. A download that is cut continues where it
    /// stopped, and of several threads and processes that want the same file one downloads it.
    ///
    /// # Errors
    /// - [`FetchError::DigestMismatch`] if other bytes came; they are kept as a blob under their own digest.
    /// - [`FetchError::SizeMismatch`] if digest and size that were promised cannot both be true.
    /// - [`FetchError::NotFound`], [`FetchError::Status`], [`FetchError::Unreachable`], [`FetchError::TooLarge`],
    ///   [`FetchError::Insecure`] as each says.
    /// - [`FetchError::Offline`] if it is not held and the store is offline.
    /// - [`FetchError::Store`] if the disk is full or fails.
    pub fn fetch(&self, request: &Fetch<'_>) -> Result<Blob, FetchError> {
        let target = Target { what: request.what, url: request.url };
        if let Some(blob) = self.blob(&request.sha256)? {
            tracing::debug!(what = request.what, sha256 = %request.sha256, "cache hit");
            return request.check(blob);
        }
        if self.network() == Network::Offline {
            return Err(target.offline());
        }
        let client = self.client(target)?;
        let _only_one = self.lock(&format!("blob-{}", request.sha256))?;
        if let Some(blob) = self.blob(&request.sha256)? {
            tracing::debug!(what = request.what, sha256 = %request.sha256, "someone else has downloaded it");
            return request.check(blob);
        }
        let _span = tracing::info_span!("download", what = request.what, bytes = request.size_bytes).entered();
        let mut download =
            Download { request, target, draft: Draft::begin(self)?, validator: None, is_doubtful: false };
        self.with_retries(target, || download.attempt(client))?;
        if download.is_doubtful && download.draft.sha256() != request.sha256 {
            tracing::info!(what = request.what, "the parts do not fit together: downloading the whole once more");
            download.validator = None;
            download.draft.restart()?;
            self.with_retries(target, || download.attempt(client))?;
        }
        let received = download.draft.finish()?;
        tracing::debug!(what = request.what, size_bytes = received.size_bytes(), "downloaded");
        request.check(received)
    }
}

impl Fetch<'_> {
    /// Holds what came against what was promised.
    fn check(&self, received: Blob) -> Result<Blob, FetchError> {
        let url = || crate::without_credentials(self.url);
        if received.sha256() != self.sha256 {
            return Err(FetchError::DigestMismatch(Box::new(DigestMismatch {
                what: self.what.to_owned(),
                url: url(),
                expected: self.sha256,
                expected_size_bytes: self.size_bytes,
                received,
            })));
        }
        match self.size_bytes {
            Some(expected_bytes) if expected_bytes != received.size_bytes() => Err(FetchError::SizeMismatch {
                what: self.what.to_owned(),
                url: url(),
                sha256: self.sha256,
                expected_bytes,
                received_bytes: received.size_bytes(),
            }),
            _ => Ok(received),
        }
    }
}

/// A download under way, perhaps in several parts.
struct Download<'a> {
    request: &'a Fetch<'a>,
    target: Target<'a>,
    draft: Draft,
    /// What names the version of the file that the draft begins with, for `If-Range`.
    validator: Option<HeaderValue>,
    /// Whether wrong bytes may be the fault of the transfer: the file came in parts, or its end was not marked.
    is_doubtful: bool,
}

impl Download<'_> {
    fn attempt(&mut self, client: &Client) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut held = self.draft.size_bytes();
        match self.validator.clone().filter(|_| held > 0) {
            Some(validator) => {
                let range = HeaderValue::try_from(format!("bytes={held}-"));
                headers.insert(RANGE, range.map_err(|error| Failure::connection(error.to_string()))?);
                headers.insert(IF_RANGE, validator);
            }
            None => {
                self.draft.restart()?;
                held = 0;
            }
        }
        let answer = client.get(self.target, headers)?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if held > 0 && range_begin(&answer) == Some(held) => self.is_doubtful = true,
            StatusCode::OK => self.draft.restart()?,
            status => {
                self.validator = None;
                return Err(Failure::connection(format!("the server answered {status} to a request that continues")));
            }
        }
        self.receive(answer)
    }

    fn receive(&mut self, mut answer: Response) -> Result<(), Failure> {
        let limit = self.request.limit_bytes;
        let announced = answer.content_length().map(|rest| rest.saturating_add(self.draft.size_bytes()));
        if announced.is_some_and(|announced| announced > limit) {
            return Err(self.target.too_large(limit, announced).into());
        }
        self.draft.need_bytes = announced.or(self.request.size_bytes);
        self.validator = validator(answer.headers());
        let is_unmarked = announced.is_none()
            && answer.version() <= Version::HTTP_11
            && !answer.headers().contains_key(TRANSFER_ENCODING);
        self.is_doubtful |= is_unmarked;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match answer.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(Failure::connection(chain(&error))),
            };
            if self.draft.size_bytes() + read as u64 > limit {
                return Err(self.target.too_large(limit, None).into());
            }
            self.draft.append(&buffer[..read])?;
        }
        let received = self.draft.size_bytes();
        match self.request.size_bytes {
            Some(size) if is_unmarked && received < size => {
                Err(Failure::connection(format!("the connection ended after {received} of {size} bytes")))
            }
            _ => Ok(()),
        }
    }
}

/// The first byte of a `Content-Range: bytes 7-9/10`.
fn range_begin(answer: &Response) -> Option<u64> {
    let text = answer.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

/// A strong entity tag, else a date (RFC 9110, 13.1.5: `If-Range` takes no weak tags).
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    let strong = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    strong.or_else(|| headers.get(LAST_MODIFIED)).cloned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};
    use std::{fs, thread};

    use super::*;
    use crate::test_server::{Answer, TestServer, answer, cut_answer, hasty};
    use crate::{PlainHttp, StoreError, Transport};

    const BODY: &[u8] = b"0123456789";

    fn store(folder: &tempfile::TempDir, network: Network) -> Store {
        Store::open_with(folder.path(), network, hasty()).unwrap()
    }

    fn fetch(server: &TestServer) -> Result<Blob, FetchError> {
        let folder = tempfile::tempdir().unwrap();
        let blob = fetch_into(&store(&folder, Network::Online), &server.url("file"));
        // Nothing unfinished may be left, whatever happened.
        let left: Vec<_> = walk(&folder.path().join("tmp")).into_iter().filter(|name| name != "alive").collect();
        assert_eq!(left, Vec::<String>::new());
        blob
    }

    fn walk(folder: &std::path::Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => names.extend(walk(&entry.path())),
                false => names.push(entry.file_name().into_string().unwrap()),
            }
        }
        names
    }

    fn fetch_into(store: &Store, url: &Url) -> Result<Blob, FetchError> {
        let sha256 = Sha256::of(BODY);
        store.fetch(&Fetch { url, sha256, size_bytes: Some(10), limit_bytes: 100, what: "the test file" })
    }

    #[test]
    fn a_file_is_downloaded_once_and_then_held() {
        let server = TestServer::start(|_, _| answer("200 OK", BODY));
        let folder = tempfile::tempdir().unwrap();
        let online = store(&folder, Network::Online);
        let blob = fetch_into(&online, &server.url("file")).unwrap();
        assert_eq!(blob.read_all(10).unwrap(), BODY);
        fetch_into(&online, &server.url("file")).unwrap();
        let offline = store(&folder, Network::Offline);
        assert_eq!(fetch_into(&offline, &server.url("file")).unwrap().sha256(), Sha256::of(BODY));
        assert_eq!(server.asked().len(), 1);
        assert_eq!(server.asked()[0].header("accept-encoding"), Some("identity"));
    }

    #[test]
    fn a_cut_download_goes_on_where_it_stopped() {
        let server = TestServer::start(|asked, _| match asked.header("range") {
            None => cut_answer("200 OK\r\nETag: \"v1\"", 10, &BODY[..4]),
            Some("bytes=4-") if asked.header("if-range") == Some("\"v1\"") => {
                answer("206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 4-9/10", &BODY[4..])
            }
            Some(_) => answer("500 Wrong Range", b""),
        });
        assert_eq!(fetch(&server).unwrap().read_all(10).unwrap(), BODY);
        assert_eq!(server.asked().len(), 2);
    }

    #[test]
    fn without_a_validator_a_cut_download_begins_anew() {
        let server = TestServer::start(|asked, before| match (asked.header("range"), before) {
            (None, 0) => cut_answer("200 OK\r\nETag: W/\"weak\"", 10, &BODY[..4]),
            (None, _) => answer("200 OK", BODY),
            (Some(_), _) => answer("500 Unwanted Range", b""),
        });
        fetch(&server).unwrap();
        assert_eq!(server.asked().len(), 2);
    }

    #[test]
    fn content_that_changes_between_ranges_is_fetched_whole() {
        let server = TestServer::start(|asked, before| match (asked.header("range"), before) {
            (None, 0) => cut_answer("200 OK\r\nETag: \"v1\"", 10, b"abcd"),
            // Ignores If-Range.
            (Some(_), _) => answer("206 Partial Content\r\nContent-Range: bytes 4-9/10", &BODY[4..]),
            (None, _) => answer("200 OK", BODY),
        });
        assert_eq!(fetch(&server).unwrap().read_all(10).unwrap(), BODY);
        assert_eq!(server.asked().len(), 3);
    }

    #[test]
    fn a_range_that_was_not_asked_for_is_not_appended() {
        let server = TestServer::start(|asked, before| match (asked.header("range"), before) {
            (None, 0) => cut_answer("200 OK\r\nETag: \"v1\"", 10, &BODY[..4]),
            (Some(_), _) => answer("206 Partial Content\r\nContent-Range: bytes 0-9/10", BODY),
            (None, _) => answer("200 OK", BODY),
        });
        fetch(&server).unwrap();
        assert_eq!(server.asked().len(), 3);
    }

    #[test]
    fn a_refused_range_begins_anew() {
        let server = TestServer::start(|asked, before| match (asked.header("range"), before) {
            (None, 0) => cut_answer("200 OK\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT", 12, BODY),
            (Some(_), _) => answer("416 Range Not Satisfiable", b""),
            (None, _) => answer("200 OK", BODY),
        });
        fetch(&server).unwrap();
        assert_eq!(server.asked()[1].header("if-range"), Some("Wed, 21 Oct 2015 07:28:00 GMT"));
    }

    #[test]
    fn an_unmarked_end_that_comes_early_is_no_end() {
        let server = TestServer::start(|_, before| match before {
            0 => Answer::Raw(b"HTTP/1.0 200 OK\r\n\r\n0123".to_vec()),
            _ => answer("200 OK", BODY),
        });
        fetch(&server).unwrap();
        assert_eq!(server.asked().len(), 2);
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_says() {
        let server = TestServer::start(|_, before| match before {
            0 => answer("503 Busy\r\nRetry-After: 3600", b""),
            1 => answer("429 Slow Down", b""),
            _ => answer("200 OK", BODY),
        });
        let since = Instant::now();
        fetch(&server).unwrap();
        // An hour was asked for, and the policy's cap is 300 ms.
        assert!(since.elapsed() >= Duration::from_millis(300));
        assert_eq!(server.asked().len(), 3);
    }

    #[test]
    fn patience_ends() {
        let server = TestServer::start(|_, _| answer("502 Bad Gateway", b""));
        let error = fetch(&server).unwrap_err();
        assert!(matches!(error, FetchError::Status { status: 502, attempts: 4, .. }), "{error}");
        assert_eq!(server.asked().len(), 4);
        let silent = TestServer::start(|_, _| Answer::Stall(Vec::new(), Duration::from_secs(2)));
        let error = fetch(&silent).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { attempts: 4, .. }), "{error}");
    }

    #[test]
    fn a_server_that_falls_silent_is_asked_again() {
        let server = TestServer::start(|_, before| match before {
            0 => Answer::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012".to_vec(), Duration::from_secs(2)),
            _ => answer("200 OK", BODY),
        });
        fetch(&server).unwrap();
        assert_eq!(server.asked().len(), 2);
    }

    #[test]
    fn what_does_not_exist_or_is_forbidden_is_asked_for_once() {
        for (head, status) in [("404 Not Found", 404), ("410 Gone", 410)] {
            let server = TestServer::start(move |_, _| answer(head, b""));
            let error = fetch(&server).unwrap_err();
            assert!(matches!(error, FetchError::NotFound { status: found, .. } if found == status), "{error}");
            assert_eq!(server.asked().len(), 1);
        }
        let server = TestServer::start(|_, _| answer("403 Forbidden", b""));
        assert!(matches!(fetch(&server).unwrap_err(), FetchError::Status { status: 403, attempts: 1, .. }));
    }

    #[test]
    fn other_bytes_than_promised_are_kept_under_their_own_digest() {
        let server = TestServer::start(|_, _| answer("200 OK", b"something else"));
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder, Network::Online);
        let Err(FetchError::DigestMismatch(mismatch)) = fetch_into(&store, &server.url("file")) else {
            panic!("no mismatch")
        };
        assert_eq!((mismatch.expected, mismatch.expected_size_bytes), (Sha256::of(BODY), Some(10)));
        assert_eq!(mismatch.received.sha256(), Sha256::of(b"something else"));
        assert_eq!(store.blob(&mismatch.received.sha256()).unwrap().unwrap().read_all(99).unwrap(), b"something else");
        assert!(store.blob(&mismatch.expected).unwrap().is_none());
        assert_eq!(server.asked().len(), 1);
    }

    #[test]
    fn a_wrong_size_with_the_right_digest_is_a_contradiction() {
        let server = TestServer::start(|_, _| answer("200 OK", BODY));
        let folder = tempfile::tempdir().unwrap();
        let url = server.url("file");
        let request =
            Fetch { url: &url, sha256: Sha256::of(BODY), size_bytes: Some(9), limit_bytes: 100, what: "the test file" };
        for _ in 0..2 {
            let error = store(&folder, Network::Online).fetch(&request).unwrap_err();
            assert!(matches!(error, FetchError::SizeMismatch { expected_bytes: 9, received_bytes: 10, .. }), "{error}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_downloaded() {
        let announced = TestServer::start(|_, _| cut_answer("200 OK", 101, b""));
        let error = fetch(&announced).unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { limit_bytes: 100, announced_bytes: Some(101), .. }), "{error}");
        let endless =
            TestServer::start(|_, _| Answer::Raw([b"HTTP/1.0 200 OK\r\n\r\n".as_slice(), &[0; 4096]].concat()));
        let error = fetch(&endless).unwrap_err();
        assert!(matches!(error, FetchError::TooLarge { announced_bytes: None, .. }), "{error}");
    }

    #[test]
    fn offline_names_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let url = "https://user:secret@index.example/file".parse().unwrap();
        let error = fetch_into(&store(&folder, Network::Offline), &url).unwrap_err();
        assert!(matches!(error, FetchError::Offline { .. }));
        assert_eq!(
            error.to_string(),
            "the test file (https://index.example/file) is not in the cache, and the network may not be used: run once without --offline"
        );
    }

    #[test]
    fn plain_http_is_refused_unless_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let strict = Transport { plain_http: PlainHttp::Refused, ..hasty() };
        let store = Store::open_with(folder.path(), Network::Online, strict).unwrap();
        let server = TestServer::start(|_, _| answer("200 OK", BODY));
        let error = fetch_into(&store, &server.url("file")).unwrap_err();
        assert!(matches!(error, FetchError::Insecure { .. }), "{error}");
        let error = fetch_into(&store, &"file:///etc/passwd".parse().unwrap()).unwrap_err();
        assert!(matches!(error, FetchError::Insecure { .. }), "{error}");
        assert!(server.asked().is_empty());
    }

    #[test]
    fn redirects_are_followed_up_to_a_limit() {
        let server = TestServer::start(|asked, _| match asked.path.as_str() {
            "/file" => answer("302 Found\r\nLocation: /other", b""),
            _ => answer("200 OK", BODY),
        });
        fetch(&server).unwrap();
        let circle = TestServer::start(|_, _| answer("302 Found\r\nLocation: /file", b""));
        let error = fetch(&circle).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { attempts: 1, .. }), "{error}");
        assert_eq!(circle.asked().len(), 11);
    }

    #[test]
    fn a_damaged_blob_is_fetched_again_or_named_offline() {
        let server = TestServer::start(|_, _| answer("200 OK", BODY));
        let folder = tempfile::tempdir().unwrap();
        let online = store(&folder, Network::Online);
        let path = fetch_into(&online, &server.url("file")).unwrap().path().to_owned();
        fs::write(&path, b"012345678X").unwrap();
        assert_eq!(fetch_into(&online, &server.url("file")).unwrap().read_all(10).unwrap(), BODY);
        fs::write(&path, b"").unwrap();
        let error = fetch_into(&store(&folder, Network::Offline), &server.url("file")).unwrap_err();
        assert!(matches!(error, FetchError::Store(StoreError::Corrupted { .. })), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn of_many_who_want_a_file_one_downloads_it() {
        let server = TestServer::start(|_, _| {
            thread::sleep(Duration::from_millis(50));
            answer("200 OK", BODY)
        });
        let folder = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                // Each with a store of its own, as another process would have.
                scope.spawn(|| fetch_into(&store(&folder, Network::Online), &server.url("file")).unwrap());
            }
        });
        assert_eq!(server.asked().len(), 1);
    }
}
