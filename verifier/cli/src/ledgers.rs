//! The ledgers of a policy: where they are, and what was seen of them before.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use twinbuild_ledger::{CheckError, Files, FilesError, Folder, Keys, LedgerPolicy, Policy, View};
use twinbuild_log::{Checkpoint, TreeHead};
use twinbuild_signature::Note;
use twinbuild_store::{DocumentRequest, FetchError, Store, Url};
use twinbuild_subject::Sha256;

use crate::failure::Failure;
use crate::settings::{Settings, user_folder};

/// A ledger at hand.
pub(crate) struct Ledger {
    pub(crate) at: String,
    pub(crate) keys: Keys,
    files: Box<dyn Files>,
    seen: PathBuf,
}

/// Reads a policy, of whose only ledger another place may be given.
pub(crate) fn policy(path: &Path, place: Option<&str>) -> Result<Policy, Failure> {
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
                let url: Url = text.parse().map_err(|_| Failure::usage(anyhow!("{text} is no address")))?;
                let store = match store {
                    Some(store) => store.clone(),
                    // What comes is verified by signatures, so it need not come by https.
                    None => store.insert(settings.store_with_plain_http()?).clone(),
                };
                Box::new(Web { store, url })
            }
        };
        let state = user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("twinbuild/ledgers"));
        let state = state.ok_or_else(|| {
            Failure::usage(anyhow!("neither HOME nor XDG_STATE_HOME is set: what was seen of a ledger has to be kept"))
        })?;
        let seen = state.join(Sha256::of(policy.log_key.as_bytes()).to_string());
        Ok(Self { at: policy.at.clone(), keys, files, seen })
    }

    /// The ledger as it is now, held against what was seen before.
    pub(crate) fn view(&self, policy: &Policy) -> Result<Result<View<'_>, CheckError>, Failure> {
        let seen = self.seen()?;
        let view = View::open(&*self.files, &self.keys, seen.as_ref(), (Timestamp::now(), policy.max_age));
        match &view {
            Ok(view) => self.keep("", view.note())?,
            // Two checkpoints of one key that contradict each other are a proof, for whoever it concerns.
            Err(CheckError::Forked { .. } | CheckError::RolledBack { .. }) => {
                if let Ok(Some(note)) = self.files.read("checkpoint", 1 << 20) {
                    self.keep(".contradiction", &String::from_utf8_lossy(&note))?;
                }
            }
            Err(_) => {}
        }
        Ok(view)
    }

    /// Where a checkpoint that contradicts an earlier one is kept, beside that.
    pub(crate) fn kept(&self) -> &Path {
        &self.seen
    }

    fn seen(&self) -> Result<Option<TreeHead>, Failure> {
        let context = || format!("{}, the checkpoint that was seen before", self.seen.display());
        let bytes = match fs::read(&self.seen) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::inconclusive(anyhow::Error::new(error).context(context()))),
        };
        let note = Note::parse(&bytes).with_context(context).map_err(Failure::inconclusive)?;
        let checkpoint: Checkpoint =
            note.unverified_text().parse().with_context(context).map_err(Failure::inconclusive)?;
        Ok(Some(*checkpoint.head()))
    }

    fn keep(&self, ending: &str, note: &str) -> Result<(), Failure> {
        let mut path = self.seen.clone().into_os_string();
        path.push(ending);
        let path = PathBuf::from(path);
        let folder = path.parent().unwrap_or(Path::new("."));
        let doing = || format!("keeping {}", path.display());
        let kept = fs::create_dir_all(folder).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            std::io::Write::write_all(&mut file, note.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        });
        kept.with_context(doing).map_err(Failure::inconclusive)
    }
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
