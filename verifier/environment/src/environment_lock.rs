//! The lock of an environment: every file that goes into it, and what is made of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use twinbuild_recipe::{LockedRequirement, Recipe, VersionControl};
use twinbuild_registry::DebianRelease;
use twinbuild_subject::{DistributionFileName, PackageName, Sha256};
use twinbuild_verdict::InputRecord;

use crate::{EnvironmentError, Specification};

/// The form of the document that this version writes and reads.
const FORMAT: u32 = 1;

/// An environment as data: from it and the files that it names, the same layers can be made at any time and place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentLock {
    /// The form of this document: 1.
    pub format: u32,
    /// What was asked for.
    pub specification: Specification,
    /// What the Debian archive said when it was resolved.
    pub release: DebianRelease,
    /// The files, by kind, name and version.
    pub files: Vec<LockedFile>,
    /// The layers to be made from them, lowest first.
    pub layers: Vec<LayerPlan>,
}

/// A file that goes into an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedFile {
    /// What it is.
    pub kind: FileKind,
    /// The name of the package or project.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, where that is not part of its file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Its size in bytes; unknown where the index does not give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Its digest.
    pub sha256: Sha256,
    /// Where it came from.
    pub origin: Origin,
}

/// What a file of an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// A package of Debian.
    DebianPackage,
    /// An interpreter of the host.
    HostInterpreter,
    /// A wheel that the build requires.
    Requirement,
    /// A wheel that the build requires, and that was built before.
    RequirementBuilt,
    /// The sdist of such a wheel.
    RequirementSdist,
    /// The recipe by which it was built, as TOML.
    RequirementRecipe,
    /// A program that makes layers, and is in none.
    Tool,
}

/// Where a file came from. Addresses are not part of it, as mirrors are many.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Origin {
    /// The Debian archive.
    DebianArchive {
        /// Relative to the archive's base.
        path: String,
    },
    /// A Python package index.
    PythonIndex {
        /// The project.
        project: PackageName,
        /// The file's name.
        file_name: String,
    },
    /// This host; the digest is that of the layer.
    Host {
        /// Its absolute prefix.
        prefix: PathBuf,
    },
    /// A build of twinbuild's own.
    Built {
        /// The wheel's name.
        file_name: String,
        /// The digest of the sdist.
        sdist: Sha256,
    },
}

/// A layer to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayerPlan {
    /// Its name within the environment: `root`, `derived`, `libraries`, `interpreter`, `bytecode`, `toolchain`, `packages` or
    /// `requirements`.
    pub name: String,
    /// The names of the layers that it is made on, topmost first. They come before it.
    pub on: Vec<String>,
    /// How it is made.
    pub step: Step,
    /// The digests of its files, in the order in which they are taken.
    pub files: Vec<Sha256>,
}

/// How a layer is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// Debian packages are unpacked; the lowest layer is a root, and further ones stand above it.
    Unpack {
        /// The digest of the lists of what is left out and what is done in place of maintainer scripts.
        fix_ups: Sha256,
    },
    /// What maintainer scripts would make is made inside a sandbox: a locale, and bytecode.
    Derive {
        /// The interpreter, inside.
        python: String,
        /// The digest of the program that makes it.
        script: Sha256,
    },
    /// Wheels are installed as a virtual environment, inside a sandbox and offline. The tool that does it is the first
    /// of the files.
    Install {
        /// The interpreter, inside.
        python: String,
        /// The digest of the program that makes it.
        script: Sha256,
    },
    /// An interpreter of the host, which is the one file, is copied.
    Copy,
    /// An interpreter of the host has to import what it ships; then its bytecode is made.
    Admit {
        /// The interpreter, inside.
        python: String,
        /// The digest of the program that tries it.
        script: Sha256,
    },
    /// Wheels are installed, inside a sandbox and offline, for an interpreter of the host, which is the first of the files.
    InstallFor {
        /// The interpreter that installs them, inside.
        python: String,
        /// The digest of the program that makes it.
        script: Sha256,
    },
}

impl EnvironmentLock {
    /// A lock of these parts, its files in order.
    pub(crate) fn new(specification: Specification, release: DebianRelease) -> Self {
        Self { format: FORMAT, specification, release, files: Vec::new(), layers: Vec::new() }
    }

    /// Adds a layer that is made of these files.
    pub(crate) fn add(&mut self, name: &str, on: &[&str], step: Step, files: Vec<LockedFile>) {
        let digests = files.iter().map(|file| file.sha256).collect();
        self.files.extend(files);
        self.files.sort();
        self.files.dedup();
        let on = on.iter().map(|name| (*name).to_owned()).collect();
        self.layers.push(LayerPlan { name: name.to_owned(), on, step, files: digests });
    }

    /// Adds files that are in no layer: what a file of a layer was made of.
    pub(crate) fn add_origins(&mut self, files: Vec<LockedFile>) {
        self.files.extend(files);
        self.files.sort();
        self.files.dedup();
    }

    /// The interpreter of the host, if it is one that runs builds.
    pub(crate) fn host_interpreter(&self) -> Option<&LockedFile> {
        self.files.iter().find(|file| file.kind == FileKind::HostInterpreter)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`EnvironmentError::NoLock`] where it is not JSON of that form, or contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, EnvironmentError> {
        let refuse = |reason: String| EnvironmentError::NoLock { reason };
        let lock: Self = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        if lock.format != FORMAT {
            return Err(refuse(format!("it is of format {}, and this version reads format {FORMAT}", lock.format)));
        }
        for file in &lock.files {
            // It becomes the name of a file.
            if let Origin::PythonIndex { file_name, .. } | Origin::Built { file_name, .. } = &file.origin
                && let Err(error) = file_name.parse::<DistributionFileName>()
            {
                return Err(refuse(format!("the file {} of the project {}: {error}", file.sha256, file.name)));
            }
        }
        let mut known: Vec<&str> = Vec::new();
        for plan in &lock.layers {
            if let Some(missing) = plan.on.iter().find(|name| !known.contains(&name.as_str())) {
                return Err(refuse(format!(
                    "the layer {} stands on {missing}, which does not come before it",
                    plan.name
                )));
            }
            if known.contains(&plan.name.as_str()) {
                return Err(refuse(format!("two layers are called {}", plan.name)));
            }
            if let Some(missing) = plan.files.iter().find(|sha256| lock.file(sha256).is_none()) {
                return Err(refuse(format!("the layer {} has the file {missing}, which is not listed", plan.name)));
            }
            known.push(&plan.name);
        }
        Ok(lock)
    }

    /// The JSON form, for people to read too; it ends with a line end.
    ///
    /// # Errors
    /// [`EnvironmentError::NoLock`], which no lock that was made here gives.
    pub fn to_json(&self) -> Result<String, EnvironmentError> {
        let json = serde_json::to_string_pretty(self);
        json.map(|json| json + "\n").map_err(|error| EnvironmentError::NoLock { reason: error.to_string() })
    }

    /// Its identity: the SHA-256 of its JSON form.
    ///
    /// # Errors
    /// As [`EnvironmentLock::to_json`].
    pub fn digest(&self) -> Result<Sha256, EnvironmentError> {
        Ok(Sha256::of(self.to_json()?.as_bytes()))
    }

    /// Whether it is the environment of that recipe: with its interpreter and what else it needs, and with its locked
    /// requirements, all of them and nothing else of an index.
    ///
    /// # Errors
    /// [`EnvironmentError::NoLock`] that says what is another.
    pub fn check_recipe(&self, recipe: &Recipe) -> Result<(), EnvironmentError> {
        let refuse = |reason: &str| EnvironmentError::NoLock { reason: reason.to_owned() };
        let Specification { interpreter, toolchain, packages, .. } = &self.specification;
        if *interpreter != recipe.interpreter || *toolchain != recipe.environment.toolchain {
            return Err(refuse("it is not of the interpreter, or has not the toolchain, that the recipe asks for"));
        }
        if packages.contains(VersionControl::PACKAGE) != recipe.version_control.is_some() {
            return Err(refuse("it has git where the recipe has no repository, or has not where it has one"));
        }
        let is_wheel = |file: &&LockedFile| matches!(file.kind, FileKind::Requirement | FileKind::RequirementBuilt);
        let mut held: Vec<_> = self.files.iter().filter(is_wheel).filter_map(requirement).collect();
        let mut asked = recipe.requirements.locked.clone().unwrap_or_default();
        let order = |a: &LockedRequirement, b: &LockedRequirement| (&a.name, a.sha256).cmp(&(&b.name, b.sha256));
        asked.sort_by(order);
        held.sort_by(order);
        let count = self.files.iter().filter(is_wheel).count();
        let is_same = asked == held && held.len() == count;
        if is_same { Ok(()) } else { Err(refuse("its requirements are not those that the recipe locks")) }
    }

    /// The file of that digest.
    #[must_use]
    pub fn file(&self, sha256: &Sha256) -> Option<&LockedFile> {
        self.files.iter().find(|file| file.sha256 == *sha256)
    }

    /// The files of a layer, in the order in which they are taken.
    pub(crate) fn files_of(&self, plan: &LayerPlan) -> Result<Vec<&LockedFile>, EnvironmentError> {
        let by_digest: BTreeMap<Sha256, &LockedFile> = self.files.iter().map(|file| (file.sha256, file)).collect();
        let find = |sha256: &Sha256| {
            let missing = || format!("the layer {} has the file {sha256}, which is not listed", plan.name);
            by_digest.get(sha256).copied().ok_or_else(|| EnvironmentError::NoLock { reason: missing() })
        };
        plan.files.iter().map(find).collect()
    }

    /// The files, as a verdict lists them.
    #[must_use]
    pub fn inputs(&self) -> Vec<InputRecord> {
        let mut inputs: Vec<InputRecord> = self.files.iter().map(LockedFile::input).collect();
        inputs.sort();
        inputs
    }
}

/// What a recipe would lock to get this file; `None` where it is of no index.
fn requirement(file: &LockedFile) -> Option<LockedRequirement> {
    let (name, file_name, sdist_sha256) = match &file.origin {
        Origin::PythonIndex { project, file_name } => (project.clone(), file_name, None),
        Origin::Built { file_name, sdist } => (file.name.parse().ok()?, file_name, Some(*sdist)),
        Origin::DebianArchive { .. } | Origin::Host { .. } => return None,
    };
    let (version, file_name) = (file.version.clone(), file_name.clone());
    Some(LockedRequirement { name, version, file_name, sha256: file.sha256, sdist_sha256 })
}

impl LockedFile {
    /// The file name of a wheel.
    pub(crate) fn wheel_name(&self) -> Result<&str, EnvironmentError> {
        match &self.origin {
            Origin::PythonIndex { file_name, .. } | Origin::Built { file_name, .. } => Ok(file_name),
            Origin::DebianArchive { .. } | Origin::Host { .. } => {
                Err(EnvironmentError::NoLock { reason: format!("{} is to be installed and no wheel", self.name) })
            }
        }
    }

    /// It, as a verdict lists it.
    #[must_use]
    pub fn input(&self) -> InputRecord {
        let kind = match self.kind {
            FileKind::DebianPackage => "debian-package",
            FileKind::HostInterpreter => "host-interpreter",
            FileKind::Requirement => "requirement",
            FileKind::RequirementBuilt => "requirement-built",
            FileKind::RequirementSdist => "requirement-sdist",
            FileKind::RequirementRecipe => "requirement-recipe",
            FileKind::Tool => "tool",
        };
        let mut name = format!("{} {}", self.name, self.version);
        if let Some(architecture) = &self.architecture {
            name = format!("{name} {architecture}");
        }
        if self.kind == FileKind::HostInterpreter {
            name.push_str(" from this host");
        }
        InputRecord { kind: kind.to_owned(), name, sha256: self.sha256 }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use twinbuild_registry::Platform;

    use super::*;
    use crate::Suite;

    /// A small lock: two layers, of which the upper has a file of the lower too.
    pub(crate) fn lock() -> EnvironmentLock {
        let release = DebianRelease {
            suite: "bookworm".to_owned(),
            date: Some("2026-07-11T10:16:37Z".parse().unwrap()),
            valid_until: None,
            is_expiry_waived: false,
            index: Sha256::of(b"index"),
        };
        let specification = Specification::of_suite(Suite::Bookworm, Platform::LinuxX86_64);
        let mut lock = EnvironmentLock::new(specification, release);
        let file = |name: &str| LockedFile {
            kind: FileKind::DebianPackage,
            name: name.to_owned(),
            version: "1-2".to_owned(),
            architecture: Some("amd64".to_owned()),
            size_bytes: Some(3),
            sha256: Sha256::of(name.as_bytes()),
            origin: Origin::DebianArchive { path: format!("pool/{name}.deb") },
        };
        let fix_ups = Sha256::of(b"");
        lock.add("root", &[], Step::Unpack { fix_ups }, vec![file("dash"), file("bash")]);
        lock.add("toolchain", &["root"], Step::Unpack { fix_ups }, vec![file("gcc"), file("bash")]);
        lock
    }

    #[test]
    fn a_lock_survives_its_json_form_and_lists_each_file_once() {
        let lock = lock();
        assert_eq!(lock.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["bash", "dash", "gcc"]);
        assert_eq!(lock.inputs()[0].name, "bash 1-2 amd64");
        let json = lock.to_json().unwrap();
        assert_eq!(EnvironmentLock::from_json(&json).unwrap(), lock);
        let names: Vec<_> = lock.files_of(&lock.layers[0]).unwrap().into_iter().map(|file| &file.name).collect();
        assert_eq!(names, ["dash", "bash"]);
    }

    #[test]
    fn a_lock_that_contradicts_itself_is_refused() {
        let json = lock().to_json().unwrap();
        let gcc = Sha256::of(b"gcc").to_string();
        for (from, to, expected) in [
            ("\"format\": 1", "\"format\": 2", "format 2"),
            ("\"name\": \"root\"", "\"name\": \"ground\"", "stands on root"),
            ("\"name\": \"toolchain\"", "\"name\": \"root\"", "two layers"),
            (gcc.as_str(), &Sha256::of(b"other").to_string(), "not listed"),
            ("\"kind\": \"unpack\"", "\"kind\": \"run\"", "unknown variant"),
            (
                "\"kind\": \"debian-archive\",\n        \"path\": \"pool/bash.deb\"",
                "\"kind\": \"python-index\", \"project\": \"a\", \"fileName\": \"../a-1-py3-none-any.whl\"",
                "of the project bash",
            ),
        ] {
            assert!(json.contains(from), "{from}");
            let error = EnvironmentLock::from_json(&json.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
