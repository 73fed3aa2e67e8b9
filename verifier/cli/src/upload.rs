//! A ledger in an object store, from where any number of consumers read it as from a web server.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use twinbuild_depot::{ObjectPlace, Upload};
use twinbuild_ledger::CHECKPOINT;

use crate::failure::Failure;

/// Folders whose files never change.
const LASTING: [&str; 4] = ["tile/", "index/", "statements/", "keys/"];

/// A place in an object store.
pub(crate) struct Target {
    place: ObjectPlace,
}

/// What was sent.
pub(crate) struct Sent {
    pub(crate) files: usize,
    /// Those that were there already.
    pub(crate) kept: usize,
}

impl Target {
    /// The place of an address such as `s3://bucket/prefix`.
    pub(crate) fn open(to: &str) -> Result<Self, Failure> {
        let place = ObjectPlace::open(to).with_context(|| format!("--to {to}")).map_err(Failure::usage)?;
        Ok(Self { place })
    }

    pub(crate) fn name(&self) -> &str {
        self.place.address()
    }

    /// Sends what the store has not, and the checkpoint last: whoever reads in between sees the ledger as it was. What was cut off is sent by the next.
    pub(crate) fn send(&self, ledger: &Path) -> Result<Sent, Failure> {
        let sent = self.send_all(ledger).with_context(|| format!("sending the ledger to {}", self.name()));
        sent.map_err(Failure::inconclusive)
    }

    fn send_all(&self, ledger: &Path) -> anyhow::Result<Sent> {
        let files = files_below(ledger)?;
        let files = files.into_iter().map(|path| upload(ledger, path)).collect::<anyhow::Result<Vec<_>>>()?;
        let there: HashMap<String, u64> =
            self.place.list()?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
        let (mut due, mut kept) = (Vec::new(), 0);
        for file in files {
            let size_bytes = fs::metadata(&file.path)?.len();
            let is_lasting = LASTING.iter().any(|folder| file.name.starts_with(folder));
            if is_lasting && there.get(&file.name) == Some(&size_bytes) {
                kept += 1;
            } else {
                due.push(file);
            }
        }
        let (checkpoint, others): (Vec<_>, Vec<_>) = due.into_iter().partition(|file| file.name == CHECKPOINT);
        self.place.send(&others)?;
        self.place.send(&checkpoint)?;
        Ok(Sent { files: checkpoint.len() + others.len(), kept })
    }
}

/// A file of the ledger as an object.
fn upload(ledger: &Path, path: PathBuf) -> anyhow::Result<Upload> {
    let name = path.strip_prefix(ledger)?.to_str().ok_or_else(|| anyhow!("{} is no name", path.display()))?;
    Ok(Upload { name: name.to_owned(), content_type: content_type(name), sha256: None, path })
}

/// What a file is, by its name, for browsers.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("atom") => "application/atom+xml",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("pub" | "txt") => "text/plain; charset=utf-8",
        None if name == CHECKPOINT => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The files of a ledger: all but those that only its writer has.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let entry = entry?;
            let is_writers =
                entry.file_name().as_encoded_bytes().starts_with(b".") && entry.file_name() != ".well-known";
            if is_writers {
                continue;
            }
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.sort();
    Ok(files)
}
