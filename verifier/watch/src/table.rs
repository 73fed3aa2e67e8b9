//! `[[watch]]` tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::Version;
use twinbuild_lockfile::Format;
use twinbuild_registry::PypiIndex;
use twinbuild_subject::PackageName;

use crate::FileChoice;
use crate::problem::quoted;

/// One `[[watch]]` table: read with serde, keys in kebab-case; see `docs/watch-lists.md` for those of each kind. Unknown keys
/// and kinds are refused with the nearest known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchTable {
    /// Its name, where one is given: at most 100 characters.
    pub name: Option<String>,
    /// Lists with a lower number come first.
    pub priority: u32,
    /// `from`, as it is written: from what its subjects are to be rebuilt.
    pub from: Option<String>,
    /// `max-age`, as it is written: for how long a verdict on its subjects stands.
    pub max_age: Option<String>,
    /// The index that is asked, where it is another one than all lists ask.
    pub index: Option<PypiIndex>,
    /// What is watched.
    pub source: WatchSource,
}

/// What a list watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchSource {
    /// What a lock file pins.
    Lock {
        /// Its format; detected where it is not given.
        format: Option<Format>,
        /// Where it is, from the folder of `twinbuild.toml`.
        path: PathBuf,
        /// The other indexes that may be asked for what it pins.
        indexes: Vec<PypiIndex>,
        /// Which files of each release.
        choice: FileChoice,
    },
    /// Packages, by name.
    Packages {
        /// The packages.
        packages: Vec<WatchedPackage>,
        /// Which releases of those without a version.
        newest: Newest,
        /// Which files of each release.
        choice: FileChoice,
    },
    /// A ranked list in a file.
    Ranked {
        /// Where it is, from the folder of `twinbuild.toml`.
        path: PathBuf,
        /// How many projects, from the first.
        limit: NonZero<usize>,
        /// Which releases of those without a version.
        newest: Newest,
        /// Which files of each release.
        choice: FileChoice,
    },
    /// The wheels and sdists of a folder.
    Directory {
        /// Where it is, from the folder of `twinbuild.toml`.
        path: PathBuf,
    },
    /// What an index has.
    Index {
        /// The packages; all of the index where none are named.
        packages: Option<Vec<WatchedPackage>>,
        /// Which releases of those without a version.
        newest: Newest,
        /// Which files of each release.
        choice: FileChoice,
    },
    /// What an SBOM lists.
    Sbom {
        /// Where it is, from the folder of `twinbuild.toml`.
        path: PathBuf,
        /// The other indexes that may be asked for what it lists.
        indexes: Vec<PypiIndex>,
        /// Which files of each release.
        choice: FileChoice,
    },
}

/// Which releases of a project are its newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// How many.
    pub count: NonZero<usize>,
    /// Whether pre-releases count.
    pub pre_releases: bool,
}

/// A package of a list: `six`, or `attrs==23.1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedPackage {
    /// The project.
    pub name: PackageName,
    /// The version, where one is pinned.
    pub version: Option<Version>,
}

/// Why `[[watch]]` tables cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Two have the same name.
    #[error("two [[watch]] tables are named {name:?}: give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
}

impl WatchTable {
    /// The kind, as it stands in the table; a lock file whose format is detected is a `lock`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.source {
            WatchSource::Lock { format, .. } => match format {
                None => "lock",
                Some(Format::Requirements) => "requirements",
                Some(Format::Uv) => "uv",
                Some(Format::Pylock) => "pylock",
                Some(Format::Poetry) => "poetry",
                Some(Format::Pipfile) => "pipfile",
            },
            WatchSource::Packages { .. } => "packages",
            WatchSource::Ranked { .. } => "ranked",
            WatchSource::Directory { .. } => "directory",
            WatchSource::Index { .. } => "index",
            WatchSource::Sbom { .. } => "sbom",
        }
    }

    /// The indexes that it names: its own, and those that it may ask beside it. Where one has an address with plain http, the store has
    /// to allow that.
    pub fn indexes(&self) -> impl Iterator<Item = &PypiIndex> {
        let others: &[PypiIndex] = match &self.source {
            WatchSource::Lock { indexes, .. } | WatchSource::Sbom { indexes, .. } => indexes,
            WatchSource::Packages { .. }
            | WatchSource::Ranked { .. }
            | WatchSource::Directory { .. }
            | WatchSource::Index { .. } => &[],
        };
        self.index.iter().chain(others)
    }

    /// The name that it has where none is given: the kind and the path, if it has one.
    fn default_name(&self) -> String {
        match &self.source {
            WatchSource::Lock { path, .. }
            | WatchSource::Ranked { path, .. }
            | WatchSource::Directory { path }
            | WatchSource::Sbom { path, .. } => format!("{}:{}", self.kind(), path.display()),
            WatchSource::Packages { .. } | WatchSource::Index { .. } => self.kind().to_owned(),
        }
    }
}

/// The names of the lists, in order. Those that are not given are made of kind and path, with a number where two would be the same.
///
/// # Errors
/// [`TableError::SameName`]
pub fn list_names(tables: &[WatchTable]) -> Result<Vec<String>, TableError> {
    let mut taken = BTreeSet::new();
    for name in tables.iter().filter_map(|table| table.name.as_ref()) {
        if !taken.insert(name.clone()) {
            return Err(TableError::SameName { name: name.clone() });
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let names = tables.iter().map(|table| match &table.name {
        Some(name) => name.clone(),
        None => {
            let stem = table.default_name();
            loop {
                let count = counts.entry(stem.clone()).or_default();
                *count += 1;
                let name = if *count == 1 { stem.clone() } else { format!("{stem}-{count}") };
                if taken.insert(name.clone()) {
                    return name;
                }
            }
        }
    });
    Ok(names.collect())
}

impl FromStr for WatchedPackage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, version) = match text.split_once("==") {
            Some((name, version)) => (name, Some(version.trim_start_matches('=').trim())),
            None => (text, None),
        };
        let refuse = || format!("{} is no package: a name is expected, or name==version", quoted(text));
        Ok(Self {
            name: name.trim().parse().map_err(|_| refuse())?,
            version: version.map(str::parse).transpose().map_err(|_| refuse())?,
        })
    }
}

impl fmt::Display for WatchedPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "=={version}"))
    }
}
