//! Indexes that are made up, for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use twinbuild_registry::{
    AddressOrigin, Project, ProjectFile, ProjectList, ProjectPage, ProjectStatus, PypiIndex, RegistryError,
    UnparsedFile, Yanked,
};
use twinbuild_subject::{PackageName, Sha256};

use crate::{Asking, List, Reading, WatchState, WatchTable, read};

/// Answers from memory, and notes what it was asked.
pub(crate) struct FakeAsking {
    default_index: PypiIndex,
    /// By index and name.
    projects: BTreeMap<(String, PackageName), Project>,
    asked: Mutex<Vec<String>>,
}

/// A file of a made-up project: its name, and when it was uploaded. Its digest is that of its name, unless it has another.
pub(crate) struct FakeFile<'f> {
    pub(crate) name: &'f str,
    pub(crate) uploaded: &'f str,
    pub(crate) is_yanked: bool,
}

pub(crate) fn file<'f>(name: &'f str, uploaded: &'f str) -> FakeFile<'f> {
    FakeFile { name, uploaded, is_yanked: false }
}

pub(crate) fn digest(file_name: &str) -> Sha256 {
    Sha256::of(file_name.as_bytes())
}

pub(crate) fn project(name: &str, serial: Option<u64>, files: &[FakeFile<'_>]) -> Project {
    let mut project = Project {
        name: name.parse().unwrap(),
        versions: Vec::new(),
        files: Vec::new(),
        unparsed: Vec::new(),
        status: ProjectStatus::Active,
        serial,
    };
    for FakeFile { name, uploaded, is_yanked } in files {
        let sha256 = Some(digest(name));
        match name.parse::<twinbuild_subject::DistributionFileName>() {
            Ok(file_name) => {
                project.versions.push(file_name.version().clone());
                project.files.push(ProjectFile {
                    file_name,
                    url: format!("https://files.example/{name}").parse().unwrap(),
                    sha256,
                    size_bytes: Some(7),
                    upload_time: Some(format!("{uploaded}T12:00:00Z").parse().unwrap()),
                    yanked: is_yanked.then(|| Yanked { reason: None }),
                    requires_python: None,
                    core_metadata: None,
                    provenance: None,
                });
            }
            Err(error) => {
                project.unparsed.push(UnparsedFile {
                    file_name: (*name).to_owned(),
                    reason: error.to_string(),
                    sha256,
                });
            }
        }
    }
    project.versions.sort();
    project.versions.dedup();
    project
}

impl FakeAsking {
    pub(crate) fn new(projects: impl IntoIterator<Item = Project>) -> Self {
        let default_index = PypiIndex::new("https://index.example/simple", AddressOrigin::Override).unwrap();
        let mut fake = Self { default_index, projects: BTreeMap::new(), asked: Mutex::new(Vec::new()) };
        for project in projects {
            fake = fake.with("https://index.example/simple/", project);
        }
        fake
    }

    pub(crate) fn with(mut self, index: &str, project: Project) -> Self {
        self.projects.insert((index.to_owned(), project.name.clone()), project);
        self
    }

    /// What it was asked since it was asked this, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }

    /// The one list that this table, as TOML, means.
    pub(crate) fn list(&self, folder: &Path, table: &str) -> List {
        self.reading(folder, table, &mut WatchState::default()).lists.pop().unwrap()
    }

    pub(crate) fn reading(&self, folder: &Path, tables: &str, state: &mut WatchState) -> Reading {
        read(&tables_of(tables), folder, self, state).unwrap()
    }
}

/// The tables of a file.
pub(crate) fn tables_of(text: &str) -> Vec<WatchTable> {
    #[derive(serde::Deserialize)]
    struct File {
        watch: Vec<WatchTable>,
    }
    let file: File = toml::from_str(text).unwrap();
    file.watch
}

/// The file names of a list's subjects, or their paths' ends.
pub(crate) fn names(list: &List) -> Vec<String> {
    let name = |text: String| text.rsplit(['=', '/']).next().unwrap_or_default().to_owned();
    list.subjects.iter().map(|subject| name(subject.to_string())).collect()
}

/// What is wrong with a list, a line each.
pub(crate) fn told(list: &List) -> Vec<String> {
    list.problems.iter().map(ToString::to_string).collect()
}

impl Asking for FakeAsking {
    fn default_index(&self) -> &PypiIndex {
        &self.default_index
    }

    fn project(
        &self,
        index: &PypiIndex,
        name: &PackageName,
        known: Option<&Sha256>,
    ) -> Result<ProjectPage, RegistryError> {
        let index = index.to_string();
        self.asked.lock().unwrap().push(format!("{index}{name}"));
        let project = self.projects.get(&(index.clone(), name.clone()));
        let project =
            project.ok_or_else(|| RegistryError::UnknownProject { name: name.clone(), index, near: Vec::new() })?;
        let sha256 = Sha256::of(format!("{project:?}").as_bytes());
        if known == Some(&sha256) {
            return Ok(ProjectPage::Unchanged);
        }
        Ok(ProjectPage::Changed { sha256, project: Box::new(project.clone()) })
    }

    fn projects(&self, index: &PypiIndex) -> Result<ProjectList, RegistryError> {
        let index = index.to_string();
        let of_index = self.projects.keys().filter(|(of, _)| *of == index);
        let names = of_index.map(|(_, name)| name.clone()).collect();
        Ok(ProjectList { names, unparsed: vec!["not a name".to_owned()], serial: None })
    }
}
