//! Sending a document to where somebody waits for it.

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::http::Target;
use crate::{FetchError, Network, Store};

impl Store {
    /// Sends JSON to an address by POST, and again where it may help, as with downloads; a receiver may so get it twice. What it answers, but for that it took it, is of no concern.
    /// `what` is what it is, for messages.
    ///
    /// # Errors
    /// [`FetchError::Offline`], [`FetchError::Insecure`], [`FetchError::NotFound`], [`FetchError::Status`], [`FetchError::Unreachable`], as each says.
    pub fn send_json(&self, url: &Url, body: &str, what: &str) -> Result<(), FetchError> {
        let target = Target { what, url };
        if self.network() == Network::Offline {
            return Err(target.offline());
        }
        let client = self.client(target)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.with_retries(target, || client.post(target, headers.clone(), body).map(|_| ()))
    }
}
