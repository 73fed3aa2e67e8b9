//! Sending the news of a night to where somebody waits for it.

use std::collections::VecDeque;

use anyhow::{Context as _, anyhow};
use twinbuild_queue::Queue;
use twinbuild_report::{NightReport, webhook};
use twinbuild_store::{FetchError, Store, Url};

use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::settings::Settings;

/// Where the news is sent to, as it may be a secret.
const VARIABLE: &str = "TWINBUILD_WEBHOOK_URL";

/// Under which name the queue keeps news that could not be sent.
const UNTOLD: &str = "untold";
/// The news of how many nights is kept so.
const MOST_UNTOLD: usize = 30;

/// Where the news is sent to.
pub(super) struct Receiver {
    url: Url,
    store: Store,
}

impl Receiver {
    /// The one that a variable or twinbuild.toml names.
    pub(super) fn of(fleet: &Fleet, settings: &Settings) -> Result<Option<Self>, Failure> {
        let variable = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
        let Some(text) = variable.or_else(|| fleet.nightly().webhook.as_ref().map(|table| table.url.clone())) else {
            return Ok(None);
        };
        // The address itself is not shown: whoever has it can send.
        let url: Url = text.parse().context("the address of the webhook is none").map_err(Failure::usage)?;
        // It is the operator who names it, and often of the own network.
        Ok(Some(Self { url, store: settings.store_with_plain_http()? }))
    }

    /// Sends the news of a night, behind that of earlier ones which could not be sent then.
    pub(super) fn send(&self, queue: &Queue, report: &NightReport) -> Result<(), Failure> {
        let body = serde_json::to_string(&webhook(report)).map_err(Failure::internal)?;
        let kept = queue.kept(UNTOLD).map_err(Failure::inconclusive)?.unwrap_or_default();
        let mut untold: VecDeque<String> = serde_json::from_str(&kept).unwrap_or_default();
        untold.push_back(body);
        let mut sent = Ok(());
        while sent.is_ok()
            && let Some(body) = untold.front()
        {
            sent = self.send_body(body);
            if sent.is_ok() {
                untold.pop_front();
            }
        }
        while untold.len() > MOST_UNTOLD {
            untold.pop_front();
        }
        let kept = serde_json::to_string(&untold).map_err(Failure::internal)?;
        queue.keep(UNTOLD, &kept).map_err(Failure::inconclusive)?;
        sent
    }

    fn send_body(&self, body: &str) -> Result<(), Failure> {
        self.store.send_json(&self.url, body, "the news of the night").map_err(|error| {
            let host = self.url.host_str().unwrap_or_default();
            let why = match error {
                FetchError::Status { status, .. } | FetchError::NotFound { status, .. } => {
                    format!("it answered {status}")
                }
                FetchError::Unreachable { .. } => "it cannot be reached".to_owned(),
                FetchError::Offline { .. } => "this run is offline".to_owned(),
                _ => "it cannot be asked".to_owned(),
            };
            Failure::inconclusive(anyhow!("the webhook at {host} was not told of the night: {why}"))
        })
    }
}
