//! Reading all watch lists.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use twinbuild_registry::PypiIndex;
use twinbuild_subject::{Request, Sha256};

use crate::draft::Draft;
use crate::settle::settle;
use crate::want::ListedFile;
use crate::{
    Asking, FileChoice, Problem, TableError, Trouble, WatchSource, WatchState, WatchTable, directory, index,
    list_names, lock, packages, ranked, sbom,
};

/// What the watch lists mean today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// A list for each table, in the order of the tables.
    pub lists: Vec<List>,
    /// What was asked of indexes.
    pub pages: Pages,
}

/// How many pages of projects were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages {
    /// All of them.
    pub asked: usize,
    /// Those that had not changed, and were not read again.
    pub unchanged: usize,
}

/// One watch list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its name, which no other list has.
    pub name: String,
    /// Lists with a lower number come first.
    pub priority: u32,
    /// `from`, as the table has it.
    pub from: Option<String>,
    /// `max-age`, as the table has it.
    pub max_age: Option<String>,
    /// What is watched, in the order of what was written down, each once.
    pub subjects: Vec<Watched>,
    /// What is asked for and is not watched, or should be looked at.
    pub problems: Vec<Problem>,
    /// What was passed over and is no fault of anybody, a line each, in which foreign text is escaped.
    pub notes: Vec<String>,
    /// The indexes that the table names, with their credentials: those of [`Watched::index_url`] are among them.
    pub indexes: Vec<PypiIndex>,
}

/// One file that is to be verified. `Display` names it: as a package URL, or by its path, escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The file.
    pub target: WatchTarget,
    /// The index that has it, without credentials, where it is another one than all lists ask.
    pub index_url: Option<String>,
    /// The digest that was promised by a lock file or an SBOM, or that the local file has: a file with any other is not the one that is
    /// meant.
    pub promised: Option<Sha256>,
    /// The digest that the index listed.
    pub listed: Option<Sha256>,
    /// When it was uploaded, where the index was asked and says it.
    pub uploaded: Option<Timestamp>,
    /// Its size in bytes, where it is known.
    pub size_bytes: Option<u64>,
}

/// Where a watched file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchTarget {
    /// On an index: a release, and the file of it.
    Release(Request),
    /// On this machine.
    Local {
        /// The file.
        path: PathBuf,
        /// The sdist beside it, of the same release.
        source: Option<PathBuf>,
    },
}

/// Reads all watch lists. Paths in `tables` begin at `base_folder`, which is that of `twinbuild.toml`; nothing is written but `state`,
/// which is to be kept for the next reading.
///
/// # Errors
/// [`TableError`] where the tables cannot be used together. Whatever is wrong with one list is among its [`List::problems`].
pub fn read(
    tables: &[WatchTable],
    base_folder: &Path,
    asking: &dyn Asking,
    state: &mut WatchState,
) -> Result<Reading, TableError> {
    let names = list_names(tables)?;
    state.begin();
    let mut pages = Pages::default();
    let lists = tables.iter().zip(names).map(|(table, name)| {
        let list = read_list(table, &name, base_folder, asking, state, &mut pages);
        tracing::debug!(list = %list.name, subjects = list.subjects.len(), problems = list.problems.len(), "watch list");
        list
    });
    let lists = lists.collect();
    state.end();
    Ok(Reading { lists, pages })
}

fn read_list(
    table: &WatchTable,
    name: &str,
    base: &Path,
    asking: &dyn Asking,
    state: &mut WatchState,
    pages: &mut Pages,
) -> List {
    let mut draft = Draft::new(name, table, base, asking);
    let all = FileChoice::all();
    let (outcome, choice) = match &table.source {
        WatchSource::Lock { format, path, indexes, choice } => {
            (lock::draft(&mut draft, *format, path, indexes, choice), choice)
        }
        WatchSource::Packages { packages, newest, choice } => (packages::draft(&mut draft, packages, *newest), choice),
        WatchSource::Ranked { path, limit, newest, choice } => {
            (ranked::draft(&mut draft, path, *limit, *newest), choice)
        }
        WatchSource::Directory { path } => (directory::draft(&mut draft, path), &all),
        WatchSource::Index { packages, newest, choice } => {
            (index::draft(&mut draft, packages.as_deref(), *newest), choice)
        }
        WatchSource::Sbom { path, indexes, choice } => (sbom::draft(&mut draft, path, indexes), choice),
    };
    let subjects = match outcome {
        Ok(()) => {
            if draft.is_empty() {
                draft.problem(None, Trouble::Empty);
            }
            settle(&mut draft, choice, state, pages)
        }
        Err(trouble) => {
            // A document's own errors name the place.
            let place = if matches!(trouble, Trouble::Document(_)) { None } else { whole(table) };
            draft.problem(place, trouble);
            Vec::new()
        }
    };
    let (problems, notes) = draft.told();
    List {
        priority: table.priority,
        from: table.from.clone(),
        max_age: table.max_age.clone(),
        indexes: table.indexes().cloned().collect(),
        subjects,
        problems,
        notes,
        name: name.to_owned(),
    }
}

/// The place of what is wrong with a list as a whole: its file.
fn whole(table: &WatchTable) -> Option<String> {
    match &table.source {
        WatchSource::Lock { path, .. }
        | WatchSource::Ranked { path, .. }
        | WatchSource::Directory { path }
        | WatchSource::Sbom { path, .. } => Some(path.display().to_string()),
        WatchSource::Packages { .. } | WatchSource::Index { .. } => None,
    }
}

impl Watched {
    /// With what the index says of the file.
    pub(crate) fn listed_as(self, file: &ListedFile) -> Self {
        Self { listed: file.sha256, uploaded: file.uploaded, size_bytes: file.size_bytes, ..self }
    }

    /// By what it is known again within one list.
    pub(crate) fn key(&self) -> (String, Option<String>, Option<Sha256>) {
        let target = match &self.target {
            WatchTarget::Release(request) => request.to_string(),
            WatchTarget::Local { path, .. } => format!("{path:?}"),
        };
        (target, self.index_url.clone(), self.promised)
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            WatchTarget::Release(request) => write!(f, "{request}"),
            WatchTarget::Local { path, .. } => f.write_str(&crate::problem::escaped(&path.display().to_string())),
        }
    }
}
