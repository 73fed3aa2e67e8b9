//! The recipe: how a file is built, as plain data.

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::VersionOrUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::{PackageName, Sha256, WheelFileName};

use crate::VersionControl;
use crate::source::check_requirement;

/// How a wheel is built from its source. What is read from JSON was not checked: [`Recipe::from_toml`] of its [`Recipe::to_toml`]
/// does that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recipe {
    /// What runs the build.
    pub interpreter: Interpreter,
    /// What else of the environment the build needs.
    pub environment: Needs,
    /// How the build is called.
    pub front_end: FrontEnd,
    /// In what the publisher's machine was unlike the build's.
    #[serde(default, skip_serializing_if = "Switches::is_default")]
    pub switches: Switches,
    /// `SOURCE_DATE_EPOCH`: seconds since 1970-01-01 UTC. `None` leaves the variable unset.
    pub source_date_epoch: Option<i64>,
    /// What it has of a repository, where it is built from a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_control: Option<VersionControl>,
    /// What the build requires.
    pub requirements: Requirements,
}

/// The interpreter of a build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interpreter {
    /// `MAJOR.MINOR` of a CPython.
    pub version: String,
    /// Who provides it.
    #[serde(default)]
    pub provider: Provider,
}

/// Who provides an interpreter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// A release of Debian: its own interpreter, from its signed archive.
    #[default]
    Debian,
    /// The machine that the build runs on. Nobody else has that interpreter, byte for byte.
    Host,
}

/// What a build needs of its environment, beyond the interpreter and the requirements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Needs {
    /// Compilers for C and C++, with the headers of the C library and of the interpreter.
    pub toolchain: bool,
}

/// How a build is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum FrontEnd {
    /// The hook `build_wheel` of a backend (PEP 517).
    Pep517 {
        /// The backend's object reference.
        backend: String,
        /// Folders of the source that the backend is imported from.
        backend_path: Vec<String>,
    },
    /// `python setup.py bdist_wheel`, for a source that names no backend, or was not built through it.
    SetupPy {
        /// What the command is given.
        #[serde(default, skip_serializing_if = "WheelOptions::is_default")]
        options: WheelOptions,
        /// Folders of the source that commands are taken from (`PYTHONPATH`), for a project that builds itself.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        python_path: Vec<String>,
    },
}

impl FrontEnd {
    /// `setup.py` as it is, without any option.
    #[must_use]
    pub fn setup_py() -> Self {
        Self::SetupPy { options: WheelOptions::default(), python_path: Vec::new() }
    }
}

/// What `setup.py bdist_wheel` can be given that shows in a wheel's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WheelOptions {
    /// `--universal`: tagged `py2.py3`.
    pub universal: bool,
    /// `--python-tag`
    pub python_tag: Option<String>,
    /// `--build-number`
    pub build_number: Option<String>,
}

impl WheelOptions {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the values are such that say nothing but which Pythons a wheel is for, and how often it was built. The grammar of wheel names
    /// (PyPA "Binary distribution format") has room for any text, and what a build is told is no place for text of the published file.
    ///
    /// # Errors
    /// The value, and what is expected.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &str, &'static str)> {
        const MOST_TAGS: usize = 4;
        let is_number = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_tag = |tag: &str| {
            let digits = ["py", "cp", "pp"].into_iter().find_map(|prefix| tag.strip_prefix(prefix));
            digits.is_some_and(|digits| is_number(digits, 3))
        };
        if let Some(tag) = &self.python_tag
            && !(tag.split('.').count() <= MOST_TAGS && tag.split('.').all(is_tag))
        {
            return Err(("build.python-tag", tag, "a tag is expected, such as \"py3\" or \"py2.py3\""));
        }
        if let Some(number) = &self.build_number {
            let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
            if !is_number(digits, 6) || number.len() - digits.len() > 2 {
                return Err(("build.build-number", number, "a few digits are expected, then at most two letters"));
            }
        }
        Ok(())
    }

    /// The command's arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let Self { universal, python_tag, build_number } = self;
        let universal = universal.then(|| "--universal".to_owned());
        let tag = python_tag.iter().map(|tag| format!("--python-tag={tag}"));
        let number = build_number.iter().map(|number| format!("--build-number={number}"));
        universal.into_iter().chain(tag).chain(number).collect()
    }
}

/// In what the build of a file, and the machine that it was built on, were unlike what is usual here. A closed table: whatever is switched,
/// all that is built still comes from the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Switches {
    /// The file mode creation mask of both twins, which then is no variation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// The mask under which the source was checked out: so much of the modes of its files as a mask decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_umask: Option<u32>,
    /// `PYTHONHASHSEED` of both twins, which then is no variation: files in the order of a set or dictionary come out in one order. With 0 it
    /// is that of CPython 2, which does not vary it unless it is told to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_seed: Option<u32>,
    /// As on Windows: text is written with CR LF, and read and written in code page 1252 where a program names none; and no file is
    /// a program by its mode.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub windows: bool,
    /// With the two of Debian's patches of setuptools that show in a wheel: `requires.txt`, and so the requirements in `METADATA`, are
    /// sorted, and path files have no version of the interpreter in their names. Ubuntu has them, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub debian_setuptools: bool,
    /// The project's extension modules are left out, as where no compiler was found, or where the publisher switched them off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_extensions: bool,
    /// The sdist is built first, and the wheel from that, as `python -m build` does where nobody says otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub through_sdist: bool,
}

impl Switches {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The requirements of a build, all of them wheels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirements {
    /// Only files uploaded before this time are taken.
    #[schemars(with = "String")]
    pub cutoff: Timestamp,
    /// What is asked for directly, as PEP 508 strings.
    pub direct: Vec<String>,
    /// What that comes to, sorted by name. `None` where it was not resolved yet.
    pub locked: Option<Vec<LockedRequirement>>,
}

/// One wheel of the build environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LockedRequirement {
    /// The project.
    pub name: PackageName,
    /// Its version.
    pub version: String,
    /// The wheel's file name.
    #[serde(alias = "file-name")]
    pub file_name: String,
    /// The wheel's digest.
    pub sha256: Sha256,
    /// The digest of the sdist that the wheel was built from before it was installed, for a project that publishes no wheel
    /// for the interpreter.
    #[serde(default, alias = "sdist-sha256", skip_serializing_if = "Option::is_none")]
    pub sdist_sha256: Option<Sha256>,
}

impl LockedRequirement {
    /// Whether the parts agree: the file is a wheel of this name and version, and nothing but a file name.
    ///
    /// # Errors
    /// What is expected instead, for a reader.
    pub fn check(&self) -> Result<(), String> {
        let file: WheelFileName =
            self.file_name.parse().map_err(|error| format!("the file name of a wheel is expected: {error}"))?;
        let version: Version = self.version.parse().map_err(|_| "its version is to be one of PEP 440".to_owned())?;
        if file.name != self.name || file.version != version || version.to_string() != self.version {
            return Err(format!("a wheel of {} {version} is expected, and the version in its normal form", self.name));
        }
        Ok(())
    }

    /// Whether this is a release of that name and version.
    #[must_use]
    pub fn is_release(&self, name: &PackageName, version: &Version) -> bool {
        self.name == *name && self.version.parse::<Version>().is_ok_and(|own| own == *version)
    }
}

/// Why one part of a recipe was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The part's key in the TOML form, such as `requirements.direct`.
    pub key: String,
    /// The evidence for it.
    pub because: String,
}

/// Why a file is no recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// It is not TOML of the recipe's form.
    #[error("the recipe cannot be read: {reason}")]
    Toml {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// It is of a format that this version does not know.
    #[error("the recipe is of format {found}, and this version of twinbuild reads format 1")]
    Format {
        /// The number in the file.
        found: i64,
    },
    /// A value is not allowed.
    #[error("the recipe's {key} cannot be {found:?}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What is expected.
        expected: String,
    },
}

impl Recipe {
    /// Which of the requirements that a backend asked for the recipe does not meet yet: those that are neither asked for
    /// directly nor met by a locked wheel.
    ///
    /// # Errors
    /// When one of them is no requirement, or names an address.
    pub fn unmet(&self, required: &[String]) -> Result<Vec<String>, RecipeError> {
        let mut unmet = Vec::new();
        for text in required {
            let requirement = check_requirement("the backend", text).map_err(|error| RecipeError::Value {
                key: "requirements.direct",
                found: text.clone(),
                expected: error.to_string(),
            })?;
            let meets = |locked: &LockedRequirement| {
                let is_named = requirement.name.to_string() == locked.name.as_str();
                let is_in_range = match (&requirement.version_or_url, locked.version.parse::<Version>()) {
                    (None, _) => true,
                    (Some(VersionOrUrl::VersionSpecifier(range)), Ok(version)) => range.contains(&version),
                    _ => false,
                };
                is_named && is_in_range
            };
            let is_met = self.requirements.direct.contains(text)
                || (requirement.extras.is_empty() && self.requirements.locked.iter().flatten().any(meets));
            if !is_met && !unmet.contains(text) {
                unmet.push(text.clone());
            }
        }
        Ok(unmet)
    }

    /// The recipe's identity: the SHA-256 of its TOML form without reasons.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.to_toml(&[]).as_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn recipe() -> Recipe {
        Recipe {
            interpreter: Interpreter { version: "3.11".to_owned(), provider: Provider::Debian },
            environment: Needs::default(),
            front_end: FrontEnd::Pep517 { backend: "a.b:c".to_owned(), backend_path: vec!["src".to_owned()] },
            switches: Switches::default(),
            source_date_epoch: Some(1_580_601_600),
            version_control: None,
            requirements: Requirements {
                cutoff: "2021-05-05T14:18:17.237Z".parse().unwrap(),
                direct: vec!["a>=1; python_version < '3'".to_owned(), "b[\"x\"]".replace('"', "")],
                locked: Some(vec![LockedRequirement {
                    name: "a".parse().unwrap(),
                    version: "1".to_owned(),
                    file_name: "a-1-py3-none-any.whl".to_owned(),
                    sha256: Sha256::of(b"a"),
                    sdist_sha256: None,
                }]),
            },
        }
    }

    #[test]
    fn what_a_backend_asks_for_is_met_by_what_is_locked() {
        let unmet = |required: &[&str]| {
            recipe().unmet(&required.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert!(unmet(&["a", "A>=0.5", "a>=1; python_version < '3'"]).is_empty());
        assert_eq!(unmet(&["a>=2", "c", "c"]), ["a>=2", "c"]);
        assert!(recipe().unmet(&["c @ https://example.invalid/c.whl".to_owned()]).is_err());
        assert!(recipe().unmet(&["--pre".to_owned()]).is_err());
    }

    #[test]
    fn the_digest_covers_every_part() {
        let mut other = recipe();
        other.source_date_epoch = None;
        assert_ne!(other.digest(), recipe().digest());
        let mut other = recipe();
        other.requirements.locked = None;
        assert_ne!(other.digest(), recipe().digest());
    }

    #[test]
    fn a_release_is_the_same_however_it_is_written() {
        let locked = recipe().requirements.locked.unwrap();
        assert!(locked[0].is_release(&"A".parse().unwrap(), &"1.0.0".parse().unwrap()));
    }
}
