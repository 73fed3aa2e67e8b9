//! What is remembered of indexes from one reading to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use twinbuild_registry::PypiIndex;
use twinbuild_subject::{PackageName, Sha256};

use crate::problem::quoted;
use crate::want::ListedFile;

/// The version of the state's form.
const VERSION: u64 = 1;
/// The largest state that is read, in bytes. Ten thousand projects have some 10 MiB.
const MOST_BYTES: usize = 256 << 20;
/// For how many readings in which nobody asks about a project its serial is remembered.
const MOST_IDLE: u32 = 100;

/// What is remembered of indexes: of each project the greatest serial, the files that were found by digest, and what was chosen of
/// its page. It may be deleted at any time, which costs questions and no more; what a reading did not use is forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchState {
    projects: BTreeMap<Key, Known>,
    /// Which projects' pages were asked for in this reading.
    asked: BTreeSet<Key>,
    /// What this reading used: digests and choices.
    used_files: BTreeSet<(Key, Sha256)>,
    used_choices: BTreeSet<(Key, String)>,
}

/// An index, without credentials, and a project.
type Key = (String, PackageName);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    page: Option<Sha256>,
    serial: Option<u64>,
    idle: u32,
    files: BTreeMap<Sha256, ListedFile>,
    choices: BTreeMap<String, Vec<ListedFile>>,
}

/// Why a state cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchStateError {
    /// It is larger than any state.
    #[error(
        "the watch state has {size_bytes} bytes, and at most {MOST_BYTES} are read: remove it, and indexes are asked anew"
    )]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
    /// It was written by a later version, or is none.
    #[error(
        "the watch state is of version {found}, and this version of twinbuild reads {VERSION}: use the newer one, or remove the state, and indexes are asked anew"
    )]
    Version {
        /// What stands there.
        found: String,
    },
    /// It is damaged.
    #[error("the watch state is damaged: {reason}; remove it, and indexes are asked anew")]
    Form {
        /// What is wrong with it.
        reason: String,
    },
}

/// The form in which it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StateFile {
    version: u64,
    projects: Vec<ProjectEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProjectEntry {
    index: String,
    name: PackageName,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    idle: u32,
    files: Vec<ListedFile>,
    choices: BTreeMap<String, Vec<ListedFile>>,
}

/// As much of it as says whether the rest can be read.
#[derive(Deserialize)]
struct VersionOnly {
    version: Option<serde_json::Value>,
}

impl WatchState {
    /// Reads what [`WatchState::to_json`] wrote, at most 256 MiB.
    ///
    /// # Errors
    /// [`WatchStateError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, WatchStateError> {
        if bytes.len() > MOST_BYTES {
            return Err(WatchStateError::TooLarge { size_bytes: bytes.len() });
        }
        let form = |reason: &dyn fmt::Display| WatchStateError::Form { reason: reason.to_string() };
        let found: VersionOnly = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
        let found = found.version.unwrap_or_default();
        if found.as_u64() != Some(VERSION) {
            return Err(WatchStateError::Version { found: quoted(&found.to_string()).replace(['"', '\\'], "") });
        }
        let file: StateFile = serde_json::from_slice(bytes).map_err(|error| form(&error))?;
        let mut projects = BTreeMap::new();
        for ProjectEntry { index, name, page, serial, idle, files, choices } in file.projects {
            let digest = |file: ListedFile| file.sha256.map(|sha256| (sha256, file));
            let files = files.into_iter().map(digest).collect::<Option<_>>();
            let files = files.ok_or_else(|| form(&format!("a file of {name} has no digest")))?;
            projects.insert((index, name), Known { page, serial, idle, files, choices });
        }
        Ok(Self { projects, ..Self::default() })
    }

    /// The state as JSON, to be kept until the next reading.
    ///
    /// # Errors
    /// [`WatchStateError::Form`] if JSON cannot hold it, which does not happen.
    pub fn to_json(&self) -> Result<String, WatchStateError> {
        let entry = |((index, name), known): (&Key, &Known)| ProjectEntry {
            index: index.clone(),
            name: name.clone(),
            page: known.page,
            serial: known.serial,
            idle: known.idle,
            files: known.files.values().cloned().collect(),
            choices: known.choices.clone(),
        };
        let file = StateFile { version: VERSION, projects: self.projects.iter().map(entry).collect() };
        serde_json::to_string(&file).map_err(|error| WatchStateError::Form { reason: error.to_string() })
    }

    /// How many projects it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.projects.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }

    /// Begins a reading: nothing was asked yet.
    pub(crate) fn begin(&mut self) {
        self.asked.clear();
        self.used_files.clear();
        self.used_choices.clear();
    }

    /// Forgets what the reading did not use.
    pub(crate) fn end(&mut self) {
        let Self { projects, asked, used_files, used_choices } = self;
        projects.retain(|key, known| {
            known.files.retain(|sha256, _| used_files.contains(&(key.clone(), *sha256)));
            known.choices.retain(|choice, _| used_choices.contains(&(key.clone(), choice.clone())));
            let is_used = asked.contains(key) || !known.files.is_empty() || !known.choices.is_empty();
            known.idle = if is_used { 0 } else { known.idle.saturating_add(1) };
            is_used || (known.serial.is_some() && known.idle <= MOST_IDLE)
        });
    }

    /// The file that this digest is known to be of.
    pub(crate) fn file(&mut self, index: &PypiIndex, name: &PackageName, sha256: Sha256) -> Option<ListedFile> {
        let key = (index.to_string(), name.clone());
        let file = self.projects.get(&key)?.files.get(&sha256)?.clone();
        self.used_files.insert((key, sha256));
        Some(file)
    }

    /// What was chosen of the project's page by `choice`; and whether that was in this reading, so that the page need not be asked for.
    pub(crate) fn choice(
        &mut self,
        index: &PypiIndex,
        name: &PackageName,
        choice: &str,
    ) -> Option<(Vec<ListedFile>, bool)> {
        let key = (index.to_string(), name.clone());
        let files = self.projects.get(&key)?.choices.get(choice)?.clone();
        let is_asked = self.asked.contains(&key);
        Some((files, is_asked))
    }

    /// Marks a choice as used.
    pub(crate) fn use_choice(&mut self, index: &PypiIndex, name: &PackageName, choice: &str) {
        self.used_choices.insert(((index.to_string(), name.clone()), choice.to_owned()));
    }

    /// The digest of the page that was read last.
    pub(crate) fn page(&self, index: &PypiIndex, name: &PackageName) -> Option<Sha256> {
        self.projects.get(&(index.to_string(), name.clone()))?.page
    }

    /// Notes that a page was asked for and is the one that was read last.
    pub(crate) fn unchanged(&mut self, index: &PypiIndex, name: &PackageName) {
        self.asked.insert((index.to_string(), name.clone()));
    }

    /// Notes that a page was read; gives the serial that was read before, where that is greater.
    pub(crate) fn changed(
        &mut self,
        index: &PypiIndex,
        name: &PackageName,
        page: Sha256,
        serial: Option<u64>,
    ) -> Option<u64> {
        let key = (index.to_string(), name.clone());
        self.asked.insert(key.clone());
        let known = self.projects.entry(key).or_default();
        if known.page != Some(page) {
            known.choices.clear();
        }
        let before = known.serial;
        known.serial = before.max(serial);
        let is_older = before.zip(serial).is_some_and(|(before, serial)| serial < before);
        // An older page is told of each time it is served.
        known.page = (!is_older).then_some(page);
        before.filter(|_| is_older)
    }

    /// Keeps the files that were found by digest.
    pub(crate) fn keep_files(&mut self, index: &PypiIndex, name: &PackageName, files: &[ListedFile]) {
        let key = (index.to_string(), name.clone());
        for file in files {
            if let (Some(sha256), Some(known)) = (file.sha256, self.projects.get_mut(&key)) {
                known.files.insert(sha256, file.clone());
                self.used_files.insert((key.clone(), sha256));
            }
        }
    }

    /// Keeps what was chosen of a page.
    pub(crate) fn keep_choice(&mut self, index: &PypiIndex, name: &PackageName, choice: &str, files: &[ListedFile]) {
        if let Some(known) = self.projects.get_mut(&(index.to_string(), name.clone())) {
            known.choices.insert(choice.to_owned(), files.to_vec());
            self.use_choice(index, name, choice);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_a_later_version_is_refused() {
        for (text, said) in [
            ("{\"version\":2,\"things\":[]}", "of version 2, and this version of twinbuild reads 1: use the newer one"),
            ("{\"projects\":[]}", "of version null"),
            ("{\"version\":1,\"projects\":[],\"x\":1}", "is damaged: unknown field `x`"),
            ("{\"version\":1,\"proj", "is damaged"),
            ("", "is damaged"),
        ] {
            let error = WatchState::from_json(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("indexes are asked anew"), "{text}: {error}");
        }
        assert_eq!(WatchState::from_json(b"{\"version\":1,\"projects\":[]}"), Ok(WatchState::default()));
    }

    #[test]
    fn what_a_reading_does_not_use_is_forgotten_but_for_the_serial() {
        let index: PypiIndex =
            PypiIndex::new("https://index.example", twinbuild_registry::AddressOrigin::Override).unwrap();
        let name: PackageName = "six".parse().unwrap();
        let sha256 = Sha256::of(b"x");
        let listed =
            ListedFile { file_name: "six-1.tar.gz".to_owned(), sha256: Some(sha256), size_bytes: None, uploaded: None };
        let mut state = WatchState::default();
        state.begin();
        state.changed(&index, &name, sha256, Some(3));
        state.keep_files(&index, &name, std::slice::from_ref(&listed));
        state.keep_choice(&index, &name, "newest", std::slice::from_ref(&listed));
        state.end();
        state.begin();
        assert_eq!(state.file(&index, &name, sha256), Some(listed));
        state.end();
        assert_eq!(state.choice(&index, &name, "newest"), None);
        state.begin();
        state.end();
        assert_eq!(state.file(&index, &name, sha256), None);
        assert_eq!(state.changed(&index, &name, Sha256::of(b"y"), Some(2)), Some(3));
    }
}
