//! Where the pages of an index come from.

use twinbuild_registry::{ProjectList, ProjectPage, Pypi, PypiIndex, RegistryError};
use twinbuild_store::Store;
use twinbuild_subject::{PackageName, Sha256};

/// Gives the pages of indexes. It is asked from several threads at once.
pub trait Asking: Sync {
    /// The index that is asked where a list names none.
    fn default_index(&self) -> &PypiIndex;

    /// The page of a project, which is not read again where it still is the one of the digest `known`.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::UnknownProject`] alone says that there is none.
    fn project(
        &self,
        index: &PypiIndex,
        name: &PackageName,
        known: Option<&Sha256>,
    ) -> Result<ProjectPage, RegistryError>;

    /// All projects of an index.
    ///
    /// # Errors
    /// [`RegistryError`]
    fn projects(&self, index: &PypiIndex) -> Result<ProjectList, RegistryError>;
}

/// Asks indexes, and keeps their answers in a store: a page that did not change is not sent again.
#[derive(Debug, Clone)]
pub struct Indexes {
    store: Store,
    default_index: PypiIndex,
}

impl Indexes {
    /// Asks `default_index` where a list names none. An index at an address with plain http is asked only if the store allows that.
    #[must_use]
    pub fn new(store: Store, default_index: PypiIndex) -> Self {
        Self { store, default_index }
    }

    fn client(&self, index: &PypiIndex) -> Pypi {
        Pypi::new(self.store.clone(), index.clone())
    }
}

impl Asking for Indexes {
    fn default_index(&self) -> &PypiIndex {
        &self.default_index
    }

    fn project(
        &self,
        index: &PypiIndex,
        name: &PackageName,
        known: Option<&Sha256>,
    ) -> Result<ProjectPage, RegistryError> {
        self.client(index).project_unless(name, known)
    }

    fn projects(&self, index: &PypiIndex) -> Result<ProjectList, RegistryError> {
        self.client(index).projects()
    }
}
