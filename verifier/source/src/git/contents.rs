//! The files of a published archive, as git names their contents: which commit is most like it, and in which folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use twinbuild_subject::{ObjectFormat, ObjectId};

use super::object::{Kind, Mode, NameHasher};
use super::{CheckoutError, Snapshot};

/// How many files are looked for.
const MOST_CONTENTS: usize = 1000;
/// Files of one content at more paths than this tell nothing of where they stand.
const MOST_PATHS: usize = 4;
/// What makes a folder that of a project.
const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// The contents of files by their names as blobs, each with the paths at which a published archive has it.
#[derive(Debug, Clone)]
pub struct Contents {
    format: ObjectFormat,
    paths: BTreeMap<ObjectId, Vec<Vec<u8>>>,
}

impl Contents {
    /// None yet, for a repository whose objects are named so.
    #[must_use]
    pub fn new(format: ObjectFormat) -> Self {
        Self { format, paths: BTreeMap::new() }
    }

    /// Adds a file, as git stores it: where it is text with the line ends of Windows, without them. What is empty says nothing, and neither does
    /// one of very many; they are left out.
    pub fn add(&mut self, path: &[u8], content: &[u8]) {
        if content.is_empty() || self.is_full() {
            return;
        }
        let content = stored_text(content);
        let mut hasher = NameHasher::new(self.format, Kind::Blob, content.len() as u64);
        hasher.update(&content);
        if let Some(name) = hasher.finish() {
            let paths = self.paths.entry(name).or_default();
            if paths.len() <= MOST_PATHS {
                paths.push(path.to_owned());
            }
        }
    }

    /// Whether no more are taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.paths.len() >= MOST_CONTENTS
    }

    /// What the names are made with.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &ObjectId> {
        self.paths.keys()
    }

    /// Whether so many are half of them, or more.
    #[must_use]
    pub fn is_most(&self, held: usize) -> bool {
        held > 0 && held * 2 >= self.paths.len()
    }

    /// How many of them the files of a commit have, wherever they stand.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn held_by(&self, snapshot: &Snapshot) -> Result<usize, CheckoutError> {
        let own: BTreeSet<ObjectId> = snapshot.entries()?.into_iter().map(|entry| entry.id).collect();
        Ok(self.names().filter(|name| own.contains(name)).count())
    }

    /// The folder of the project that the archive was made of: the innermost that has a `pyproject.toml`, `setup.py` or `setup.cfg`, around
    /// the place from which most of the files have the archive's paths. Empty for the root; `None` where no file tells.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn folder_in(&self, snapshot: &Snapshot) -> Result<Option<String>, CheckoutError> {
        let entries = snapshot.entries()?;
        let own = || {
            let is_own = |mode| matches!(mode, Mode::File | Mode::Executable);
            entries.iter().filter(move |entry| entry.depth_in_submodules == 0 && is_own(entry.mode))
        };
        let mut votes: BTreeMap<&[u8], usize> = BTreeMap::new();
        for entry in own() {
            for path in self.paths.get(&entry.id).filter(|paths| paths.len() <= MOST_PATHS).into_iter().flatten() {
                let above = entry.path.strip_suffix(path.as_slice());
                if let Some(above) = above.filter(|above| above.is_empty() || above.ends_with(b"/")) {
                    *votes.entry(above).or_default() += 1;
                }
            }
        }
        // Of as many, the first: the outermost.
        let most = votes.iter().rev().max_by_key(|(_, count)| **count);
        let Some((above, _)) = most else { return Ok(None) };
        let is_project = |folder: &str| {
            let has = |name: &str| {
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                entries.binary_search_by(|entry| entry.path.as_slice().cmp(path.as_bytes())).is_ok()
            };
            PROJECT_FILES.into_iter().any(has)
        };
        let mut folder = std::str::from_utf8(above).ok().map(|above| above.trim_end_matches('/'));
        while let Some(name) = folder {
            if is_project(name) {
                return Ok(Some(name.to_owned()));
            }
            folder = name.rsplit_once('/').map(|(outer, _)| outer).or((!name.is_empty()).then_some(""));
        }
        Ok(None)
    }
}

/// What git stores of a text of which each line ends in CR LF, where it was told to convert (`core.autocrlf`); any other content as it is.
#[must_use]
pub fn stored_text(content: &[u8]) -> Cow<'_, [u8]> {
    let count = |wanted: u8| content.iter().filter(|byte| **byte == wanted).count();
    let ends = content.windows(2).filter(|pair| pair == b"\r\n").count();
    if ends == 0 || content.contains(&0) || count(b'\r') != ends || count(b'\n') != ends {
        return Cow::Borrowed(content);
    }
    Cow::Owned(content.iter().copied().filter(|byte| *byte != b'\r').collect())
}
