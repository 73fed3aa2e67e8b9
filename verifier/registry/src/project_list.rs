//! All projects of an index.

use std::collections::BTreeSet;

use serde::Deserialize;
use twinbuild_store::{Document, without_credentials};
use twinbuild_subject::PackageName;

use crate::RegistryError;
use crate::project::shortened;
use crate::simple_api::Meta;

/// The projects that an index says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectList {
    /// Their names, in the index's order, each once.
    pub names: Vec<PackageName>,
    /// Names that no project can have, at most 200 characters of each.
    pub unparsed: Vec<String>,
    /// The index's counter of changes, where it has one.
    pub serial: Option<u64>,
}

/// The wire form (PyPA "Simple repository API", "JSON - Project List"; PEP 691).
#[derive(Deserialize)]
struct Page {
    meta: Meta,
    projects: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
}

impl ProjectList {
    pub(crate) fn parse(document: &Document) -> Result<Self, RegistryError> {
        let url = || without_credentials(&document.url);
        let page: Page = serde_json::from_slice(&document.bytes)
            .map_err(|error| RegistryError::Malformed { url: url(), reason: error.to_string() })?;
        page.meta.check(url)?;
        let mut list = Self { names: Vec::new(), unparsed: Vec::new(), serial: page.meta.last_serial };
        let mut seen = BTreeSet::new();
        for project in page.projects {
            match project.name.parse::<PackageName>() {
                Ok(name) if seen.insert(name.clone()) => list.names.push(name),
                Ok(_) => {}
                Err(_) => list.unparsed.push(shortened(&project.name)),
            }
        }
        Ok(list)
    }
}
