//! Downloading index answers, whose digest nobody knows beforehand.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use reqwest::blocking::Response;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use twinbuild_subject::Sha256;

use crate::http::{Failure, Target, chain};
use crate::lease::touch_if_stale;
use crate::record::{seal, unseal};
use crate::{FetchError, Network, Store, StoreError, without_credentials};

/// Room for what stands before the body in a cached file: the checksum and the header line.
const HEADER_LIMIT_BYTES: u64 = 64 << 10;

/// An index answer to download.
#[derive(Debug, Clone, Copy)]
pub struct DocumentRequest<'a> {
    /// From where.
    pub url: &'a Url,
    /// The media types that are understood, as the header `Accept` has them.
    pub accept: &'a str,
    /// The most bytes that are accepted.
    pub limit_bytes: u64,
    /// What it is, for messages: "the index page of six".
    pub what: &'a str,
}

/// An index answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The body.
    pub bytes: Vec<u8>,
    /// The digest of the body.
    pub sha256: Sha256,
    /// Where it came from in the end, after redirects, without credentials. Relative addresses in it begin here.
    pub url: Url,
    /// The media type that the server gave it.
    pub content_type: Option<String>,
    /// Whether the body is the one that was held: offline, or because the server said that it is still the same.
    pub from_cache: bool,
}

/// What is kept of an answer beside its body.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    url: String,
    etag: Option<String>,
    last_modified: Option<String>,
    content_type: Option<String>,
}

struct Held {
    header: Header,
    bytes: Vec<u8>,
}

impl Store {
    /// The index answer: asked for, with the one that is held offered for comparison (`ETag`, `Last-Modified`); offline,
    /// the one that is held. An answer that cannot be asked for is an error even if an older one is held.
    ///
    /// # Errors
    /// [`FetchError::NotFound`], [`FetchError::Status`], [`FetchError::Unreachable`], [`FetchError::TooLarge`],
    /// [`FetchError::Insecure`], [`FetchError::Offline`], [`FetchError::Store`], as each says.
    pub fn document(&self, request: &DocumentRequest<'_>) -> Result<Document, FetchError> {
        let target = Target { what: request.what, url: request.url };
        let path = self.document_path(request);
        let held = read_held(&path, request.limit_bytes)?;
        if self.network() == Network::Offline {
            return held.ok_or_else(|| target.offline())?.into_document(target);
        }
        let client = self.client(target)?;
        let _span = tracing::info_span!("download", what = request.what).entered();
        let fresh = self.with_retries(target, || {
            let answer = client.get(target, request.headers(held.as_ref().map(|held| &held.header)))?;
            match answer.status() {
                StatusCode::NOT_MODIFIED if held.is_some() => Ok(None),
                StatusCode::OK => request.receive(target, answer).map(Some),
                status => Err(Failure::connection(format!("the server answered {status}, which was not asked for"))),
            }
        })?;
        match (fresh, held) {
            (None, Some(held)) => {
                tracing::debug!(what = request.what, "cache hit: still the same");
                held.into_document(target)
            }
            (Some(fresh), _) => {
                let header = serde_json::to_vec(&fresh.header)
                    .map_err(|error| StoreError::Record { kind: "document".to_owned(), reason: error.to_string() })?;
                let seal = seal(&[&header, b"\n", &fresh.bytes]);
                self.write_whole(&path, &[seal.as_bytes(), &header, b"\n", &fresh.bytes])?;
                Ok(Document { from_cache: false, ..fresh.into_document(target)? })
            }
            (None, None) => Err(target.offline()),
        }
    }

    /// Where the answers that are held came from, without credentials, of at most so many of them: for hints, as nothing is verified here.
    ///
    /// # Errors
    /// [`StoreError::Io`] if a folder cannot be listed.
    pub fn held_addresses(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let root = self.inner.root.join("documents");
        let listed = |folder: &Path| -> Result<Vec<PathBuf>, StoreError> {
            let failed = |error| StoreError::io("list", folder, error);
            let entries = fs::read_dir(folder).map_err(failed)?;
            entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
        };
        let mut addresses = Vec::new();
        for folder in listed(&root)? {
            for path in listed(&folder)? {
                if addresses.len() >= most {
                    return Ok(addresses);
                }
                addresses.extend(address_in(&path));
            }
        }
        Ok(addresses)
    }

    fn document_path(&self, request: &DocumentRequest<'_>) -> PathBuf {
        let key = blake3::hash(format!("{}\n{}", request.accept, request.url).as_bytes()).to_string();
        self.inner.root.join("documents").join(&key[..2]).join(key)
    }
}

impl DocumentRequest<'_> {
    fn headers(&self, held: Option<&Header>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut offer = |name: HeaderName, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        offer(ACCEPT, Some(self.accept));
        offer(IF_NONE_MATCH, held.and_then(|held| held.etag.as_deref()));
        offer(IF_MODIFIED_SINCE, held.and_then(|held| held.last_modified.as_deref()));
        headers
    }

    fn receive(&self, target: Target<'_>, mut answer: Response) -> Result<Held, Failure> {
        let announced = answer.content_length();
        if announced.is_some_and(|announced| announced > self.limit_bytes) {
            return Err(target.too_large(self.limit_bytes, announced).into());
        }
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let header = Header {
            url: without_credentials(answer.url()),
            etag: text(ETAG),
            last_modified: text(LAST_MODIFIED),
            content_type: text(CONTENT_TYPE),
        };
        let mut bytes = Vec::new();
        let mut limited = (&mut answer).take(self.limit_bytes.saturating_add(1));
        limited.read_to_end(&mut bytes).map_err(|error| Failure::connection(chain(&error)))?;
        if bytes.len() as u64 > self.limit_bytes {
            return Err(target.too_large(self.limit_bytes, None).into());
        }
        Ok(Held { header, bytes })
    }
}

impl Held {
    fn into_document(self, target: Target<'_>) -> Result<Document, FetchError> {
        Ok(Document {
            sha256: Sha256::of(&self.bytes),
            url: self.header.url.parse().map_err(|error| FetchError::Unreachable {
                what: target.what(),
                url: target.url(),
                attempts: 1,
                reason: format!("it was answered from {:?}, which is no address: {error}", self.header.url),
            })?,
            content_type: self.header.content_type,
            bytes: self.bytes,
            from_cache: true,
        })
    }
}

/// Where the answer in a file came from, as the line below its seal has it.
fn address_in(path: &Path) -> Option<String> {
    let mut lines = BufReader::new(fs::File::open(path).ok()?.take(HEADER_LIMIT_BYTES)).split(b'\n');
    let header = lines.nth(1)?.ok()?;
    serde_json::from_slice::<Header>(&header).ok().map(|header| header.url)
}

/// The answer that is held, if it is whole and no larger than is allowed now.
fn read_held(path: &Path, limit_bytes: u64) -> Result<Option<Held>, StoreError> {
    let failed = |error| StoreError::io("read", path, error);
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    touch_if_stale(&file);
    let mut sealed = Vec::new();
    let most = limit_bytes.saturating_add(HEADER_LIMIT_BYTES);
    file.take(most).read_to_end(&mut sealed).map_err(failed)?;
    let held = unseal(&sealed).and_then(|bytes| {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let header = serde_json::from_slice(&bytes[..end]).ok()?;
        Some(Held { header, bytes: bytes[end + 1..].to_vec() })
    });
    if held.is_none() {
        tracing::warn!(path = %path.display(), "an index answer in the cache is damaged, and is ignored");
    }
    Ok(held.filter(|held| held.bytes.len() as u64 <= limit_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_server::{TestServer, answer, cut_answer, hasty};

    fn ask(folder: &tempfile::TempDir, network: Network, url: &Url) -> Result<Document, FetchError> {
        let store = Store::open_with(folder.path(), network, hasty()).unwrap();
        store.document(&DocumentRequest { url, accept: "text/x-index", limit_bytes: 100, what: "the test page" })
    }

    #[test]
    fn an_answer_is_revalidated_and_served_offline() {
        let server = TestServer::start(|asked, _| match asked.header("if-none-match") {
            Some("W/\"v1\"") => answer("304 Not Modified", b""),
            _ => answer("200 OK\r\nETag: W/\"v1\"\r\nContent-Type: text/x-index; charset=utf-8", b"page\n\nbody"),
        });
        let folder = tempfile::tempdir().unwrap();
        let url = server.url("page");
        let fresh = ask(&folder, Network::Online, &url).unwrap();
        assert_eq!((fresh.bytes.as_slice(), fresh.from_cache), (b"page\n\nbody".as_slice(), false));
        assert_eq!(fresh.content_type.as_deref(), Some("text/x-index; charset=utf-8"));
        assert_eq!((&fresh.url, fresh.sha256), (&url, Sha256::of(b"page\n\nbody")));
        for network in [Network::Online, Network::Offline] {
            let held = ask(&folder, network, &url).unwrap();
            assert_eq!(held, Document { from_cache: true, ..fresh.clone() });
        }
        let store = Store::open_with(folder.path(), Network::Offline, hasty()).unwrap();
        assert_eq!(store.held_addresses(9).unwrap(), [url.to_string()]);
        assert!(store.held_addresses(0).unwrap().is_empty());
        assert_eq!(server.asked().len(), 2);
        assert_eq!(server.asked()[0].header("accept"), Some("text/x-index"));
    }

    #[test]
    fn a_changed_answer_replaces_the_one_that_is_held() {
        let server = TestServer::start(|_, before| answer("200 OK\r\nETag: \"v\"", format!("{before}").as_bytes()));
        let folder = tempfile::tempdir().unwrap();
        for expected in ["0", "1"] {
            let document = ask(&folder, Network::Online, &server.url("page")).unwrap();
            assert_eq!((document.bytes.as_slice(), document.from_cache), (expected.as_bytes(), false));
        }
        assert_eq!(ask(&folder, Network::Offline, &server.url("page")).unwrap().bytes, b"1");
    }

    #[test]
    fn a_damaged_answer_is_fetched_again() {
        let server = TestServer::start(|asked, _| match asked.header("if-none-match") {
            Some(_) => answer("304 Not Modified", b""),
            None => answer("200 OK\r\nETag: \"v1\"", b"page"),
        });
        let folder = tempfile::tempdir().unwrap();
        let url = server.url("page");
        ask(&folder, Network::Online, &url).unwrap();
        let store = Store::open_with(folder.path(), Network::Offline, hasty()).unwrap();
        let request = DocumentRequest { url: &url, accept: "text/x-index", limit_bytes: 100, what: "the test page" };
        let path = store.document_path(&request);
        let damaged = fs::read_to_string(&path).unwrap().replace("page", "pagE");
        fs::write(&path, damaged).unwrap();
        assert!(matches!(store.document(&request), Err(FetchError::Offline { .. })));
        assert_eq!(ask(&folder, Network::Online, &url).unwrap().bytes, b"page");
        assert!(server.asked()[1].header("if-none-match").is_none());
    }

    #[test]
    fn an_older_answer_does_not_stand_for_one_that_cannot_be_had() {
        let server = TestServer::start(|_, before| match before {
            0 => answer("200 OK", b"page"),
            1 => answer("404 Not Found", b""),
            _ => answer("500 Broken", b""),
        });
        let folder = tempfile::tempdir().unwrap();
        let url = server.url("page");
        ask(&folder, Network::Online, &url).unwrap();
        assert!(matches!(ask(&folder, Network::Online, &url), Err(FetchError::NotFound { status: 404, .. })));
        assert!(matches!(ask(&folder, Network::Online, &url), Err(FetchError::Status { status: 500, .. })));
    }

    #[test]
    fn cut_and_oversized_answers_are_no_answers() {
        let cut = TestServer::start(|_, before| match before {
            0 => cut_answer("200 OK", 10, b"page"),
            _ => answer("200 OK", b"whole page"),
        });
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ask(&folder, Network::Online, &cut.url("page")).unwrap().bytes, b"whole page");
        let large = TestServer::start(|_, _| answer("200 OK", &[b'x'; 101]));
        assert!(matches!(ask(&folder, Network::Online, &large.url("page")), Err(FetchError::TooLarge { .. })));
        assert!(matches!(ask(&folder, Network::Offline, &large.url("page")), Err(FetchError::Offline { .. })));
    }
}
