//! The HTTP client: what is asked, which answers are worth asking again for, and where redirects may lead.

use std::error::Error as _;
use std::fmt;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::blocking::{self, Response};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url};

use crate::{FetchError, RetryPolicy, Store};

/// Redirects that one download follows, the number that browsers and pip come near to.
const REDIRECT_LIMIT: usize = 10;

/// The rules for using the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// How often a download is tried.
    pub retry: RetryPolicy,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a server may say nothing, before its answer and within it.
    pub stall_timeout: Duration,
    /// Whether plain http may be used.
    pub plain_http: PlainHttp,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            plain_http: PlainHttp::Refused,
        }
    }
}

/// Whether plain http may be used. Even where it may, https never redirects to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only https.
    Refused,
    /// Also http: what comes is verified by other means, as the Debian archive is, or from this machine.
    Allowed,
}

/// The URL as it may be shown: without user name and password.
#[must_use]
pub fn without_credentials(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only on URLs that cannot have credentials.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

/// What is asked for, for messages and for the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) what: &'a str,
    pub(crate) url: &'a Url,
}

impl Target<'_> {
    pub(crate) fn what(&self) -> String {
        self.what.to_owned()
    }

    pub(crate) fn url(&self) -> String {
        without_credentials(self.url)
    }

    pub(crate) fn offline(&self) -> FetchError {
        FetchError::Offline { what: self.what(), url: self.url() }
    }

    pub(crate) fn too_large(&self, limit_bytes: u64, announced_bytes: Option<u64>) -> FetchError {
        FetchError::TooLarge { what: self.what(), url: self.url(), limit_bytes, announced_bytes }
    }
}

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Asking again may help.
    Again {
        cause: Cause,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// Asking again does not help.
    Final(FetchError),
}

#[derive(Debug)]
pub(crate) enum Cause {
    Status(StatusCode),
    Connection(String),
}

impl Failure {
    /// A failure of the connection, or of the server to speak the protocol.
    pub(crate) fn connection(reason: impl Into<String>) -> Self {
        Self::Again { cause: Cause::Connection(reason.into()), retry_after: None }
    }
}

impl<E: Into<FetchError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Final(error.into())
    }
}

#[derive(Debug)]
pub(crate) struct Client(blocking::Client);

impl Client {
    fn new(transport: &Transport) -> Result<Self, reqwest::Error> {
        let builder = blocking::Client::builder()
            .user_agent(concat!("twinbuild/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(transport.connect_timeout)
            // Of the blocking client: for each read, and for the headers; not for the whole.
            .timeout(transport.stall_timeout)
            .redirect(Policy::custom(follow));
        builder.build().map(Self)
    }

    /// One attempt. Success, 206, 304 and 416 come back as answers, for the caller knows if it asked for them.
    pub(crate) fn get(&self, target: Target<'_>, headers: HeaderMap) -> Result<Response, Failure> {
        Self::answer(target, self.0.get(target.url.clone()).headers(headers))
    }

    /// One attempt to send something.
    pub(crate) fn post(&self, target: Target<'_>, headers: HeaderMap, body: &str) -> Result<Response, Failure> {
        Self::answer(target, self.0.post(target.url.clone()).headers(headers).body(body.to_owned()))
    }

    fn answer(target: Target<'_>, request: blocking::RequestBuilder) -> Result<Response, Failure> {
        let answer = request.send().map_err(|error| refusal(target, error))?;
        let status = answer.status();
        match status {
            StatusCode::NOT_MODIFIED | StatusCode::RANGE_NOT_SATISFIABLE => Ok(answer),
            _ if status.is_success() => Ok(answer),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Final(FetchError::NotFound {
                what: target.what(),
                url: target.url(),
                status: status.as_u16(),
            })),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(busy(&answer)),
            _ if status.is_server_error() => Err(busy(&answer)),
            _ => Err(Failure::Final(FetchError::Status {
                what: target.what(),
                url: target.url(),
                status: status.as_u16(),
                attempts: 1,
            })),
        }
    }
}

impl Store {
    /// The client, made at its first use.
    pub(crate) fn client(&self, target: Target<'_>) -> Result<&Client, FetchError> {
        let scheme = target.url.scheme();
        if scheme != "https" && (scheme != "http" || self.inner.transport.plain_http == PlainHttp::Refused) {
            return Err(FetchError::Insecure { what: target.what(), url: target.url() });
        }
        if let Some(client) = self.inner.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.inner.transport).map_err(|error| FetchError::Unreachable {
            what: target.what(),
            url: target.url(),
            attempts: 0,
            reason: format!("the HTTP client cannot be set up: {}", chain(&error)),
        })?;
        Ok(self.inner.client.get_or_init(|| client))
    }

    /// Calls `once` until it succeeds, fails for good, or has failed as often as allowed; waits in between.
    pub(crate) fn with_retries<T>(
        &self,
        target: Target<'_>,
        mut once: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, FetchError> {
        let policy = &self.inner.transport.retry;
        let mut attempts = 0;
        loop {
            let (cause, retry_after) = match once() {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Again { cause, retry_after }) => (cause, retry_after),
            };
            attempts += 1;
            if attempts >= policy.attempts {
                return Err(match cause {
                    Cause::Status(status) => {
                        FetchError::Status { what: target.what(), url: target.url(), status: status.as_u16(), attempts }
                    }
                    Cause::Connection(reason) => {
                        FetchError::Unreachable { what: target.what(), url: target.url(), attempts, reason }
                    }
                });
            }
            let delay = policy.delay(attempts, retry_after);
            tracing::info!(what = target.what, attempts, %cause, delay_secs = delay.as_secs_f64(), "trying again");
            thread::sleep(delay);
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Connection(reason) => f.write_str(reason),
        }
    }
}

/// A redirect from https to anything else.
#[derive(Debug, thiserror::Error)]
#[error("a redirect leads from https to {target}")]
struct InsecureRedirect {
    target: String,
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if is_downgrade(attempt.previous(), attempt.url()) {
        let target = without_credentials(attempt.url());
        return attempt.error(InsecureRedirect { target });
    }
    if attempt.previous().len() > REDIRECT_LIMIT {
        return attempt.error(format!("more than {REDIRECT_LIMIT} redirects"));
    }
    attempt.follow()
}

fn is_downgrade(previous: &[Url], next: &Url) -> bool {
    next.scheme() != "https" && previous.iter().any(|url| url.scheme() == "https")
}

/// Tells what never becomes better from what may.
fn refusal(target: Target<'_>, error: reqwest::Error) -> Failure {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(insecure) = found.downcast_ref::<InsecureRedirect>() {
            return Failure::Final(FetchError::Insecure { what: target.what(), url: insecure.target.clone() });
        }
        cause = found.source();
    }
    let is_final = error.is_redirect() || error.is_builder();
    let reason = chain(&error.without_url());
    if is_final {
        Failure::Final(FetchError::Unreachable { what: target.what(), url: target.url(), attempts: 1, reason })
    } else {
        Failure::connection(reason)
    }
}

fn busy(answer: &Response) -> Failure {
    let text = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Failure::Again {
        cause: Cause::Status(answer.status()),
        retry_after: text.and_then(|text| retry_after(text, Timestamp::now())),
    }
}

/// RFC 9110, 10.2.3: seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Duration::try_from(date.duration_since(now)).ok().or(Some(Duration::ZERO))
}

/// An error with its causes, for one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        let more = found.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = found.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:27:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }

    #[test]
    fn https_leads_to_nothing_but_https() {
        let urls = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Url>>();
        for (previous, next, expected) in [
            (&["https://a.example"][..], "http://a.example", true),
            (&["https://a.example"], "file:///etc/passwd", true),
            (&["http://a.example", "https://a.example"], "http://a.example/x", true),
            (&["https://a.example"], "https://b.example", false),
            (&["http://a.example"], "http://b.example", false),
        ] {
            assert_eq!(is_downgrade(&urls(previous), &next.parse().unwrap()), expected, "{previous:?} {next}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let url = "https://user:secret@index.example/simple/?x=1".parse().unwrap();
        assert_eq!(without_credentials(&url), "https://index.example/simple/?x=1");
    }
}
