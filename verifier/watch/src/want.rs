//! What an index is asked about, and what its page answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use pep440_rs::Version;
use serde::{Deserialize, Serialize};
use twinbuild_registry::{Project, ProjectFile, ProjectStatus, PypiIndex, RegistryError};
use twinbuild_subject::{DistributionFileName, PackageName, Sha256};

use crate::{FileChoice, Newest, Trouble, Watched};

/// One entry of a list.
pub(crate) enum Item {
    /// A file of which all is known.
    Ready(Box<Watched>),
    /// Something that an index is asked about.
    Want(Want),
}

/// What an index is asked about.
pub(crate) struct Want {
    pub(crate) name: PackageName,
    /// The indexes that may be asked, the first one first.
    pub(crate) indexes: Vec<PypiIndex>,
    pub(crate) asked: Asked,
    /// Where it stands.
    pub(crate) place: Option<String>,
}

/// What is asked about a project.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// Which files have these digests, and of them those that are chosen.
    Digests { version: Option<Version>, pinned: Vec<Pinned> },
    /// Which files a release has.
    Version(Version),
    /// Which releases are the newest.
    Newest(Newest),
}

/// A digest, and what is known of the file that has it.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) sha256: Sha256,
    /// Its name, where it is known.
    pub(crate) file_name: Option<DistributionFileName>,
    /// The file itself, where it is here.
    pub(crate) local: Option<LocalFile>,
}

/// A file of this machine.
#[derive(Debug, Clone)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    pub(crate) source: Option<PathBuf>,
    pub(crate) size_bytes: u64,
}

/// A file as an index lists it: what is kept of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListedFile {
    pub(crate) file_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uploaded: Option<Timestamp>,
}

/// What the page of a project says about what was asked.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For digests: those of them that the page lists. Else the chosen files.
    pub(crate) files: Vec<ListedFile>,
    /// The digests that the page does not list.
    pub(crate) missing: Vec<Sha256>,
    /// Those of them whose file's name it lists, with another digest.
    pub(crate) other_bytes: BTreeSet<Sha256>,
    /// Releases of which no file is chosen.
    pub(crate) unfit: Vec<Version>,
    /// What is wrong with the project.
    pub(crate) troubles: Vec<Trouble>,
    /// The page has no such release.
    pub(crate) is_unknown: bool,
}

impl Asked {
    /// By what an answer is kept: the same page gives the same answer to the same question. Digests are kept one by one.
    pub(crate) fn key(&self, choice: &FileChoice) -> Option<String> {
        match self {
            Self::Digests { .. } => None,
            Self::Version(version) => Some(format!("version {version} for {choice}")),
            Self::Newest(Newest { count, pre_releases }) => {
                let what = if *pre_releases { "releases and pre-releases" } else { "releases" };
                Some(format!("newest {count} {what} for {choice}"))
            }
        }
    }
}

impl Answer {
    pub(crate) fn of(project: &Project, asked: &Asked, choice: &FileChoice) -> Self {
        let mut answer = match asked {
            Asked::Digests { pinned, .. } => Self::to_digests(project, pinned),
            Asked::Version(version) => Self::to_version(project, version, choice),
            Asked::Newest(newest) => Self::to_newest(project, *newest, choice),
        };
        if let ProjectStatus::Quarantined { reason } = &project.status {
            let reason = reason.as_ref().map(|reason| reason.chars().take(200).collect());
            answer.troubles.insert(0, Trouble::Quarantined { name: project.name.clone(), reason });
        }
        answer
    }

    fn to_digests(project: &Project, pinned: &[Pinned]) -> Self {
        // A page may list very many files, and a lock file pin very many of them.
        let mut by_digest: BTreeMap<Sha256, ListedFile> = BTreeMap::new();
        for file in &project.files {
            if let Some(sha256) = file.sha256 {
                by_digest.entry(sha256).or_insert_with(|| ListedFile::of(file));
            }
        }
        for file in &project.unparsed {
            if let Some(sha256) = file.sha256 {
                let file_name = file.file_name.clone();
                let listed = ListedFile { file_name, sha256: Some(sha256), size_bytes: None, uploaded: None };
                by_digest.entry(sha256).or_insert(listed);
            }
        }
        let names: BTreeSet<&str> = project.files.iter().map(|file| file.file_name.text()).collect();
        let mut answer = Self::default();
        for Pinned { sha256, file_name, .. } in pinned {
            match by_digest.get(sha256) {
                Some(listed) => answer.files.push(listed.clone()),
                None => {
                    answer.missing.push(*sha256);
                    if file_name.as_ref().is_some_and(|name| names.contains(name.text())) {
                        answer.other_bytes.insert(*sha256);
                    }
                }
            }
        }
        answer
    }

    /// A release that is pinned is watched even where it was withdrawn.
    fn to_version(project: &Project, version: &Version, choice: &FileChoice) -> Self {
        match project.release(version) {
            Ok(release) => Self::default().with_chosen(version, release.files(), choice),
            Err(error) => {
                let is_unknown = matches!(error, RegistryError::UnknownVersion { .. });
                let trouble = Trouble::Index { name: project.name.clone(), reason: error.to_string() };
                Self { troubles: vec![trouble], is_unknown, ..Self::default() }
            }
        }
    }

    /// The newest are those to which something was uploaded last, so that a file that is added to an old release is seen too.
    fn to_newest(project: &Project, newest: Newest, choice: &FileChoice) -> Self {
        let Newest { count, pre_releases } = newest;
        let mut releases: BTreeMap<&Version, Vec<&ProjectFile>> = BTreeMap::new();
        let is_meant = |file: &&ProjectFile| {
            let is_final = !file.file_name.version().any_prerelease();
            file.yanked.is_none() && (pre_releases || is_final) && choice.meets(file.requires_python.as_deref())
        };
        for file in project.files.iter().filter(is_meant) {
            releases.entry(file.file_name.version()).or_default().push(file);
        }
        let mut releases: Vec<(&Version, Vec<&ProjectFile>)> = releases.into_iter().collect();
        releases.sort_by_key(|(version, files)| {
            Reverse((files.iter().filter_map(|file| file.upload_time).max(), (*version).clone()))
        });
        if releases.is_empty() {
            let for_pythons = !choice.pythons.is_empty();
            let trouble = Trouble::NoRelease { name: project.name.clone(), pre_releases, for_pythons };
            return Self { troubles: vec![trouble], ..Self::default() };
        }
        let newest = releases.into_iter().take(count.get());
        newest.fold(Self::default(), |answer, (version, files)| answer.with_chosen(version, files, choice))
    }

    fn with_chosen<'f>(
        mut self,
        version: &Version,
        files: impl IntoIterator<Item = &'f ProjectFile>,
        choice: &FileChoice,
    ) -> Self {
        let chosen = choice.choose(files.into_iter().collect(), |file: &&ProjectFile| &file.file_name);
        if chosen.is_empty() {
            self.unfit.push(version.clone());
        }
        self.files.extend(chosen.into_iter().map(ListedFile::of));
        self
    }

    /// Whether nothing is to be told about it, so that it may be kept and given again.
    pub(crate) fn is_plain(&self) -> bool {
        self.troubles.is_empty() && self.unfit.is_empty() && !self.is_unknown
    }
}

impl ListedFile {
    fn of(file: &ProjectFile) -> Self {
        Self {
            file_name: file.file_name.text().to_owned(),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
            uploaded: file.upload_time,
        }
    }
}
