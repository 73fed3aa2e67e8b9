//! A list in the making: what it asks for, before any index was asked.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use pep440_rs::Version;
use twinbuild_registry::{AddressOrigin, PypiIndex};
use twinbuild_subject::{DistributionFileName, PackageName, Request};

use crate::problem::{escaped, quoted};
use crate::want::{Asked, Item, Want};
use crate::{Asking, FileChoice, Problem, Trouble, WatchTable, WatchTarget, Watched};

/// The largest file that is read as a list, in bytes: what the readers of lock files take.
const MOST_BYTES: u64 = 64 << 20;
/// The most entries of a list. The largest lock files have some thousand; more is a mistake, or meant to keep us busy.
const MOST_ITEMS: usize = 100_000;
/// The most problems, and the most notes, that are told one by one: nobody reads more.
const MOST_TOLD: usize = 1000;

/// A list in the making.
pub(crate) struct Draft<'d> {
    pub(crate) name: &'d str,
    /// The folder that paths begin at.
    pub(crate) base: &'d Path,
    pub(crate) asking: &'d dyn Asking,
    /// The index that is asked for what names none.
    pub(crate) own_index: &'d PypiIndex,
    pub(crate) items: Vec<Item>,
    problems: Vec<Problem>,
    notes: Vec<String>,
    /// How many problems and notes there are beyond those that are told.
    untold: (usize, usize),
}

impl<'d> Draft<'d> {
    pub(crate) fn new(name: &'d str, table: &'d WatchTable, base: &'d Path, asking: &'d dyn Asking) -> Self {
        let own_index = table.index.as_ref().unwrap_or_else(|| asking.default_index());
        Self {
            name,
            base,
            asking,
            own_index,
            items: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            untold: (0, 0),
        }
    }

    pub(crate) fn problem(&mut self, place: Option<String>, trouble: Trouble) {
        if self.problems.len() < MOST_TOLD {
            self.problems.push(Problem { list: self.name.to_owned(), place, trouble });
        } else {
            self.untold.0 += 1;
        }
    }

    /// Something that is told, and that nobody has to do anything about.
    pub(crate) fn note(&mut self, text: &str) {
        if self.notes.len() < MOST_TOLD {
            self.notes.push(escaped(text));
        } else {
            self.untold.1 += 1;
        }
    }

    /// Whether the list says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.problems.is_empty() && self.notes.is_empty()
    }

    /// What is to be told: problems and notes.
    pub(crate) fn told(self) -> (Vec<Problem>, Vec<String>) {
        let Self { name, mut problems, mut notes, untold, .. } = self;
        if untold.0 > 0 {
            problems.push(Problem { list: name.to_owned(), place: None, trouble: Trouble::More { count: untold.0 } });
        }
        if untold.1 > 0 {
            notes.push(format!("{} more notes are left out", untold.1));
        }
        (problems, notes)
    }

    pub(crate) fn push(&mut self, item: Item) -> Result<(), Trouble> {
        if self.items.len() == MOST_ITEMS {
            return Err(Trouble::TooMany { what: "entries", limit: MOST_ITEMS });
        }
        self.items.push(item);
        Ok(())
    }

    /// Adds what an index is to be asked about.
    pub(crate) fn want(
        &mut self,
        name: PackageName,
        indexes: Vec<PypiIndex>,
        asked: Asked,
        place: Option<String>,
    ) -> Result<(), Trouble> {
        self.push(Item::Want(Want { name, indexes, asked, place }))
    }

    /// A file on an index, of which all is known.
    pub(crate) fn on_index(&self, index: &PypiIndex, file_name: DistributionFileName) -> Watched {
        let request = Request {
            name: file_name.name().clone(),
            version: file_name.version().clone(),
            file_name: Some(file_name),
        };
        let is_default = index.to_string() == self.asking.default_index().to_string();
        Watched {
            target: WatchTarget::Release(request),
            index_url: (!is_default).then(|| index.to_string()),
            promised: None,
            listed: None,
            uploaded: None,
            size_bytes: None,
        }
    }

    /// Tells that none of a release's files is chosen.
    pub(crate) fn nothing_fits(&mut self, name: &PackageName, version: &Version, choice: &FileChoice) {
        self.note(&format!("{name} {version} has no file for {choice}, and is not watched"));
    }

    /// The index to ask for something which says that it comes from `named`: what comes from PyPI, or from the index that is asked where
    /// a list names none, is looked for on the list's own.
    ///
    /// # Errors
    /// [`Trouble::ForeignIndex`]: a lock file is not trusted to send the names of projects to whoever it names.
    pub(crate) fn index_for(
        &self,
        named: &str,
        others: &[PypiIndex],
        of: &dyn Fn() -> String,
    ) -> Result<PypiIndex, Trouble> {
        let index = PypiIndex::new(named, AddressOrigin::Override).map_err(|_| Trouble::ForeignIndex {
            of: of(),
            // What cannot be read as an address may hold a password all the same.
            index: if named.contains('@') { "what is no address".to_owned() } else { quoted(named) },
        })?;
        let is = |other: &PypiIndex| other.to_string() == index.to_string();
        if let Some(known) = [self.own_index].into_iter().chain(others).find(|known| is(known)) {
            return Ok(known.clone());
        }
        if index.is_pypi() || is(self.asking.default_index()) {
            return Ok(self.own_index.clone());
        }
        Err(Trouble::ForeignIndex { of: of(), index: index.to_string() })
    }

    /// The indexes to ask for something that names none: the first one, which is the list's own where it is not given, and the others.
    pub(crate) fn indexes(&self, first: Option<&PypiIndex>, others: &[PypiIndex]) -> Vec<PypiIndex> {
        let first = first.unwrap_or(self.own_index);
        let is_other = |other: &&PypiIndex| other.to_string() != first.to_string();
        [first].into_iter().chain(others.iter().filter(is_other)).cloned().collect()
    }

    /// The content of a file of the list.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, Trouble> {
        read_limited(&self.base.join(path))
    }

    /// The content of a file that a file of the list includes, if it is below the folder that paths begin at.
    pub(crate) fn read_included(&self, path: &Path) -> Result<Vec<u8>, String> {
        let whole = |path: &Path| fs::canonicalize(path).map_err(|error| error.to_string());
        let base = if self.base.as_os_str().is_empty() { Path::new(".") } else { self.base };
        let included = whole(&base.join(path))?;
        if !included.starts_with(whole(base)?) {
            return Err("it is outside of the folder of twinbuild.toml".to_owned());
        }
        read_limited(&included).map_err(|trouble| trouble.to_string())
    }
}

/// The content of a regular file.
fn read_limited(path: &Path) -> Result<Vec<u8>, Trouble> {
    let unreadable = |error: io::Error| Trouble::Unreadable { reason: error.to_string() };
    // To open a pipe waits for who writes to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Trouble::Unreadable { reason: "it is no file".to_owned() });
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|size_bytes| size_bytes <= MOST_BYTES) {
        Ok(bytes)
    } else {
        Err(Trouble::TooLarge { limit_bytes: MOST_BYTES })
    }
}
