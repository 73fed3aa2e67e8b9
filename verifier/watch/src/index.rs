//! What an index has.

use crate::draft::Draft;
use crate::problem::quoted;
use crate::{Newest, Trouble, WatchedPackage, packages};

/// The most projects of an index that one list watches. PyPI has more, of which nobody waits for the verdicts.
const MOST_PROJECTS: usize = 20_000;

pub(crate) fn draft(draft: &mut Draft<'_>, named: Option<&[WatchedPackage]>, newest: Newest) -> Result<(), Trouble> {
    if let Some(named) = named {
        return packages::draft(draft, named, newest);
    }
    let list = draft.asking.projects(draft.own_index);
    let list = list.map_err(|error| Trouble::ProjectList { reason: error.to_string() })?;
    if list.names.len() > MOST_PROJECTS {
        return Err(Trouble::TooMany { what: "projects", limit: MOST_PROJECTS });
    }
    for name in &list.unparsed {
        draft.problem(None, Trouble::Entry { found: quoted(name), expected: "the name of a project (PEP 503)" });
    }
    let all: Vec<WatchedPackage> = list.names.into_iter().map(|name| WatchedPackage { name, version: None }).collect();
    packages::draft(draft, &all, newest)
}
