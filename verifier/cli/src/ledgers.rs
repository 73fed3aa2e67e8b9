//! The ledgers of a policy: where they are, and how they are read.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use twinbuild_ledger::{CheckError, Files, FilesError, Folder, Keys, LedgerPolicy, Policy, View};
use twinbuild_store::{DocumentRequest, FetchError, Store, Url};

use crate::failure::Failure;
use crate::given;
use crate::seen::Seen;
use crate::settings::Settings;

/// A ledger at hand.
pub(crate) struct Ledger {
    pub(crate) at: String,
    pub(crate) keys: Keys,
    files: Box<dyn Files>,
    pub(crate) seen: Seen,
}

/// Reads a policy, of whose only ledger another place may be given.
pub(crate) fn policy(path: &Path, place: Option<&str>) -> Result<Policy, Failure> {
    given::file(path)?;
    let context = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("reading the policy {}", path.display()));
    let mut policy = Policy::from_toml(&text.map_err(Failure::usage)?).with_context(context).map_err(Failure::usage)?;
    if let Some(place) = place {
        let [ledger] = policy.ledgers.as_mut_slice() else {
            let error = anyhow!("--ledger is for a policy of one ledger, and {} has several", path.display());
            return Err(Failure::usage(error));
        };
        place.clone_into(&mut ledger.at);
    }
    Ok(policy)
}

impl Ledger {
    /// The ledgers of a policy.
    pub(crate) fn all(policy: &Policy, settings: &Settings) -> Result<Vec<Self>, Failure> {
        let mut store = None;
        policy.ledgers.iter().map(|ledger| Self::open(ledger, settings, &mut store)).collect()
    }

    fn open(policy: &LedgerPolicy, settings: &Settings, store: &mut Option<Store>) -> Result<Self, Failure> {
        let keys = Keys::of(policy).with_context(|| format!("the ledger {}", policy.at)).map_err(Failure::usage)?;
        let files: Box<dyn Files> = match policy.at.split_once("://") {
            None => Box::new(Folder::new(Path::new(&policy.at))),
            Some(_) => {
                let mut text = policy.at.clone();
                if !text.ends_with('/') {
                    text.push('/');
                }
                let url: Url = text.parse().map_err(|_| {
                    Failure::usage(anyhow!(
                        "{text} is no address: name one as in https://verdicts.example/, or a folder"
                    ))
                })?;
                let store = match store {
                    Some(store) => store.clone(),
                    // What comes is verified by signatures, so it need not come by https.
                    None => store.insert(settings.store_with_plain_http()?).clone(),
                };
                Box::new(Web { store, url })
            }
        };
        let seen = Seen::of(&policy.log_key)?;
        Ok(Self { at: policy.at.clone(), keys, files, seen })
    }

    /// Why it is not to be relied on.
    pub(crate) fn why(&self, error: &CheckError) -> Result<String, Failure> {
        why(error, &self.seen)
    }

    /// The ledger as it is now, held against what was seen before.
    pub(crate) fn view(&self, policy: &Policy) -> Result<Result<View<'_>, CheckError>, Failure> {
        let mut before = self.seen.head()?;
        loop {
            let view = match View::open(&*self.files, &self.keys, before.as_ref()) {
                Ok(view) => view,
                Err(error) => return Ok(Err(error)),
            };
            // However old it is: what has been seen of a log must stay in it.
            match self.seen.keep(before.as_ref(), (view.head(), view.note()))? {
                Ok(()) => return Ok(view.check_age(Timestamp::now(), policy.max_age).map(|()| view)),
                Err(newer) => before = newer,
            }
        }
    }
}

/// Why a ledger is not to be relied on. What proves that it lies is kept, for whoever it concerns.
pub(crate) fn why(error: &CheckError, seen: &Seen) -> Result<String, Failure> {
    Ok(match error {
        CheckError::Forked { note, .. } => {
            format!("{} (both checkpoints are kept: {})", chain(error), seen.keep_fork(note)?.display())
        }
        error => chain(error),
    })
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

/// The files of a ledger on a web server.
struct Web {
    store: Store,
    url: Url,
}

impl Files for Web {
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, FilesError> {
        let unreadable = |reason: String| FilesError::Unreadable { name: name.to_owned(), reason };
        let url = self.url.join(name).map_err(|error| unreadable(error.to_string()))?;
        let what = format!("{name} of the ledger");
        let request = DocumentRequest { url: &url, accept: "*/*", limit_bytes, what: &what };
        match self.store.document(&request) {
            Ok(document) => Ok(Some(document.bytes)),
            Err(FetchError::NotFound { .. }) => Ok(None),
            Err(error) => Err(unreadable(format!("{:#}", anyhow::Error::new(error)))),
        }
    }
}
