//! The recipe: how a file is built, as plain data.

use std::fmt::Write as _;

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::VersionOrUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::{PackageName, Sha256, WheelFileName};

use crate::VersionControl;
use crate::source::{BuildSystem, check_requirement};

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
    fn is_default(&self) -> bool {
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

/// In what the machine that a file was built on was unlike the one that it is built on again. A closed table: whatever is switched,
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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document {
    format: i64,
    interpreter: Interpreter,
    #[serde(default)]
    environment: Needs,
    build: BuildTable,
    version_control: Option<VersionControlTable>,
    requirements: RequirementsTable,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct VersionControlTable {
    repository: bool,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BuildTable {
    front_end: String,
    backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
    #[serde(default)]
    python_path: Vec<String>,
    #[serde(default)]
    universal: bool,
    python_tag: Option<String>,
    build_number: Option<String>,
    umask: Option<String>,
    checkout_umask: Option<String>,
    #[serde(default)]
    windows: bool,
    #[serde(default)]
    debian_setuptools: bool,
    #[serde(default)]
    without_extensions: bool,
    source_date_epoch: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RequirementsTable {
    cutoff: String,
    direct: Vec<String>,
    locked: Option<Vec<LockedRequirement>>,
}

impl Recipe {
    /// Reads the TOML form.
    ///
    /// # Errors
    /// When `text` is not TOML, has an unknown key, or a value that no recipe can have.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let document: Document = toml::from_str(text)
            .map_err(|error| RecipeError::Toml { reason: error.to_string().trim_end().to_owned() })?;
        if document.format != 1 {
            return Err(RecipeError::Format { found: document.format });
        }
        let Document { interpreter, environment, build, version_control, requirements, .. } = document;
        let value = |key, found: &str, expected: &str| RecipeError::Value {
            key,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let is_number = |part: &str| !part.is_empty() && part.len() < 4 && part.bytes().all(|b| b.is_ascii_digit());
        if !interpreter.version.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor)) {
            return Err(value("interpreter.version", &interpreter.version, "MAJOR.MINOR is expected, such as 3.11"));
        }
        let options =
            WheelOptions { universal: build.universal, python_tag: build.python_tag, build_number: build.build_number };
        options.check().map_err(|(key, found, expected)| value(key, found, expected))?;
        let front_end = match (build.front_end.as_str(), build.backend) {
            ("pep517", _) if !options.is_default() => {
                let found = options.arguments().join(" ");
                return Err(value("build.front-end", &found, "these are options of front-end \"setup-py\""));
            }
            ("pep517", _) if !build.python_path.is_empty() => {
                let found = build.python_path.join(", ");
                return Err(value("build.python-path", &found, "only front-end \"setup-py\" has it"));
            }
            ("pep517", Some(backend)) => {
                // The same rules hold as for a source's own pyproject.toml.
                let system = BuildSystem {
                    requires: Vec::new(),
                    build_backend: Some(backend.clone()),
                    backend_path: build.backend_path.clone(),
                };
                system.check().map_err(|error| value("build.backend", &backend, &error.to_string()))?;
                FrontEnd::Pep517 { backend, backend_path: build.backend_path }
            }
            ("pep517", None) => return Err(value("build.backend", "", "front-end \"pep517\" needs a backend")),
            ("setup-py", None) if build.backend_path.is_empty() => {
                let system = BuildSystem { backend_path: build.python_path.clone(), ..BuildSystem::default() };
                system
                    .check()
                    .map_err(|error| value("build.python-path", &build.python_path.join(", "), &error.to_string()))?;
                FrontEnd::SetupPy { options, python_path: build.python_path }
            }
            ("setup-py", _) => return Err(value("build.front-end", "setup-py", "it takes no backend")),
            (other, _) => return Err(value("build.front-end", other, "\"pep517\" or \"setup-py\" is expected")),
        };
        for requirement in &requirements.direct {
            check_requirement("the recipe", requirement)
                .map_err(|error| value("requirements.direct", requirement, &error.to_string()))?;
        }
        if let Some(epoch) = build.source_date_epoch
            && !(0..=253_402_300_799).contains(&epoch)
        {
            return Err(value("build.source-date-epoch", &epoch.to_string(), "seconds from 1970 to 9999 are expected"));
        }
        let mask = |key, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match u32::from_str_radix(text, 8) {
                Ok(mask) if mask <= 0o777 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(mask)),
                _ => Err(value(key, text, "octal digits up to 0777 are expected, such as \"0022\"")),
            },
        };
        let umask = mask("build.umask", &build.umask)?;
        let checkout_umask = mask("build.checkout-umask", &build.checkout_umask)?;
        let (windows, debian_setuptools, without_extensions) =
            (build.windows, build.debian_setuptools, build.without_extensions);
        for locked in requirements.locked.iter().flatten() {
            locked.check().map_err(|expected| value("requirements.locked", &locked.file_name, &expected))?;
        }
        let version_control = match version_control {
            None => None,
            Some(VersionControlTable { repository: true, version }) => {
                let version_control = VersionControl { version };
                if !version_control.is_valid() {
                    let found = version_control.version.unwrap_or_default();
                    return Err(value("version-control.version", &found, "a version in the normal form of PEP 440"));
                }
                Some(version_control)
            }
            Some(_) => return Err(value("version-control.repository", "false", "without one there is no such table")),
        };
        let cutoff = requirements.cutoff.parse().map_err(|error: jiff::Error| {
            value("requirements.cutoff", &requirements.cutoff, &format!("a time (RFC 3339) is expected: {error}"))
        })?;
        Ok(Self {
            interpreter,
            environment,
            front_end,
            switches: Switches { umask, checkout_umask, windows, debian_setuptools, without_extensions },
            source_date_epoch: build.source_date_epoch,
            version_control,
            requirements: Requirements { cutoff, direct: requirements.direct, locked: requirements.locked },
        })
    }

    /// The TOML form, with each of `reasons` as a comment above its key. [`Recipe::from_toml`] reads it back.
    #[must_use]
    pub fn to_toml(&self, reasons: &[Reason]) -> String {
        let mut text = "# A twinbuild recipe: how the file is built from its source.\nformat = 1\n".to_owned();
        let mut line = |table: &str, key: &str, value: &str| {
            if !table.is_empty() {
                let _ = write!(text, "\n[{table}]\n"); // writing to a String cannot fail
            }
            for reason in reasons.iter().filter(|reason| reason.key == key) {
                let _ = writeln!(text, "# {}", reason.because.replace(|c: char| c.is_control(), " "));
            }
            let name = key.rsplit('.').next().unwrap_or(key);
            let _ = writeln!(text, "{name} = {value}");
        };
        line("interpreter", "interpreter.version", &quoted(&self.interpreter.version));
        match self.interpreter.provider {
            // What goes without saying is not said, so that a recipe has one form and one digest.
            Provider::Debian => {}
            Provider::Host => line("", "interpreter.provider", "\"host\""),
        }
        if self.environment.toolchain {
            line("environment", "environment.toolchain", "true");
        }
        match &self.front_end {
            FrontEnd::Pep517 { backend, backend_path } => {
                line("build", "build.front-end", "\"pep517\"");
                line("", "build.backend", &quoted(backend));
                if !backend_path.is_empty() {
                    line("", "build.backend-path", &list(backend_path));
                }
            }
            FrontEnd::SetupPy { options: WheelOptions { universal, python_tag, build_number }, python_path } => {
                line("build", "build.front-end", "\"setup-py\"");
                if !python_path.is_empty() {
                    line("", "build.python-path", &list(python_path));
                }
                if *universal {
                    line("", "build.universal", "true");
                }
                for (key, value) in [("build.python-tag", python_tag), ("build.build-number", build_number)] {
                    value.iter().for_each(|value| line("", key, &quoted(value)));
                }
            }
        }
        let Switches { umask, checkout_umask, windows, debian_setuptools, without_extensions } = self.switches;
        for (key, mask) in [("build.umask", umask), ("build.checkout-umask", checkout_umask)] {
            mask.iter().for_each(|mask| line("", key, &quoted(&format!("{mask:04o}"))));
        }
        for (key, is_on) in [
            ("build.windows", windows),
            ("build.debian-setuptools", debian_setuptools),
            ("build.without-extensions", without_extensions),
        ] {
            if is_on {
                line("", key, "true");
            }
        }
        if let Some(epoch) = self.source_date_epoch {
            line("", "build.source-date-epoch", &epoch.to_string());
        }
        if let Some(version_control) = &self.version_control {
            line("version-control", "version-control.repository", "true");
            if let Some(version) = &version_control.version {
                line("", "version-control.version", &quoted(version));
            }
        }
        line("requirements", "requirements.cutoff", &quoted(&self.requirements.cutoff.to_string()));
        line("", "requirements.direct", &list(&self.requirements.direct));
        if let Some(locked) = &self.requirements.locked {
            if locked.is_empty() {
                line("", "requirements.locked", "[]");
            }
            for requirement in locked {
                let LockedRequirement { name, version, file_name, sha256, sdist_sha256 } = requirement;
                let _ = write!(
                    text,
                    "\n[[requirements.locked]]\nname = {}\nversion = {}\nfile-name = {}\nsha256 = \"{sha256}\"\n",
                    quoted(name.as_str()),
                    quoted(version),
                    quoted(file_name),
                );
                if let Some(sdist_sha256) = sdist_sha256 {
                    let _ = writeln!(text, "sdist-sha256 = \"{sdist_sha256}\"");
                }
            }
        }
        text
    }

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

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
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
    fn a_recipe_survives_its_toml_form() {
        let reasons = [Reason { key: "build.backend".to_owned(), because: "it\nsays so".to_owned() }];
        let text = recipe().to_toml(&reasons);
        assert!(text.contains("# it says so\nbackend = \"a.b:c\"\n"), "{text}");
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe());
        let mut built = recipe();
        for requirement in built.requirements.locked.iter_mut().flatten() {
            requirement.sdist_sha256 = Some(Sha256::of(b"sdist"));
        }
        assert_eq!(Recipe::from_toml(&built.to_toml(&[])).unwrap(), built);
        assert_ne!(built.digest(), recipe().digest());
        let mut unlocked = recipe();
        unlocked.requirements.locked = Some(Vec::new());
        assert_eq!(Recipe::from_toml(&unlocked.to_toml(&[])).unwrap(), unlocked);
    }

    #[test]
    fn what_a_recipe_does_not_say_is_the_default_and_what_it_says_is_kept() {
        assert!(!recipe().to_toml(&[]).contains("provider") && !recipe().to_toml(&[]).contains("[environment]"));
        let mut other = recipe();
        other.interpreter.provider = Provider::Host;
        other.environment.toolchain = true;
        let text = other.to_toml(&[]);
        assert!(text.contains("provider = \"host\"\n") && text.contains("[environment]\ntoolchain = true\n"), "{text}");
        assert_eq!(Recipe::from_toml(&text).unwrap(), other);
        assert_ne!(other.digest(), recipe().digest());
        assert_eq!(Recipe::from_toml(&text.replace("true", "false").replace("host", "debian")).unwrap(), recipe());
    }

    #[test]
    fn options_and_switches_are_kept_and_checked() {
        let options = WheelOptions {
            universal: true,
            python_tag: Some("py2.py3".to_owned()),
            build_number: Some("1a".to_owned()),
        };
        assert_eq!(options.arguments(), ["--universal", "--python-tag=py2.py3", "--build-number=1a"]);
        let mut other = recipe();
        other.front_end = FrontEnd::SetupPy { options, python_path: vec!["src".to_owned()] };
        other.switches = Switches {
            umask: Some(0o002),
            checkout_umask: Some(0),
            windows: true,
            debian_setuptools: true,
            without_extensions: true,
        };
        let text = other.to_toml(&[]);
        assert!(
            text.contains("umask = \"0002\"\ncheckout-umask = \"0000\"\nwindows = true\ndebian-setuptools = true\nwithout-extensions = true\n"),
            "{text}"
        );
        assert_eq!(Recipe::from_toml(&text).unwrap(), other);
        for (from, to, expected) in [
            ("\"setup-py\"", "\"pep517\"\nbackend = \"a.b\"", "options of front-end"),
            ("py2.py3", "py3; x", "build.python-tag"),
            ("py2.py3", "", "build.python-tag"),
            ("\"1a\"", "\"a --x\"", "build.build-number"),
            ("[\"src\"]", "[\"../src\"]", "build.python-path"),
            ("0002", "8", "build.umask"),
            ("0002", "+7", "build.umask"),
            ("0002", "1000", "build.umask"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Recipe::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn a_recipe_for_a_commit_says_what_it_has_of_the_repository() {
        let mut recipe = recipe();
        assert!(!recipe.to_toml(&[]).contains("version-control"));
        recipe.version_control = Some(VersionControl::default());
        assert_eq!(Recipe::from_toml(&recipe.to_toml(&[])).unwrap(), recipe);
        recipe.version_control = Some(VersionControl { version: Some("1.0rc1".to_owned()) });
        let text = recipe.to_toml(&[]);
        assert!(text.contains("[version-control]\nrepository = true\nversion = \"1.0rc1\"\n"), "{text}");
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe);
        for (from, to) in [("1.0rc1", "v1.0rc1"), ("1.0rc1", "1.0\\nX=1"), ("repository = true", "repository = false")]
        {
            let error = Recipe::from_toml(&text.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains("version-control"), "{to}: {error}");
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
    fn a_lock_that_names_another_file_or_release_is_refused() {
        let text = recipe().to_toml(&[]);
        for (from, to) in [
            ("file-name = \"a-1-py3-none-any.whl\"", "file-name = \"/tmp/victim\""),
            ("file-name = \"a-1-py3-none-any.whl\"", "file-name = \"../a-1-py3-none-any.whl\""),
            ("file-name = \"a-1-py3-none-any.whl\"", "file-name = \"b-1-py3-none-any.whl\""),
            ("version = \"1\"", "version = \"1 --hash=sha256:00\\nb==1\""),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Recipe::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains("requirements.locked"), "{to}: {error}");
        }
        let locked = recipe().requirements.locked.unwrap();
        assert!(locked[0].is_release(&"A".parse().unwrap(), &"1.0.0".parse().unwrap()));
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
    fn what_is_no_recipe_is_refused_with_the_key() {
        let text = recipe().to_toml(&[]);
        for (from, to, expected) in [
            ("format = 1", "format = 2", "format 2"),
            ("version = \"3.11\"", "version = \"3.11; x\"", "interpreter.version"),
            ("[build]", "provider = \"conda\"\n[build]", "conda"),
            ("[build]", "[environment]\ncompiler = true\n[build]", "compiler"),
            ("\"pep517\"", "\"make\"", "build.front-end"),
            ("a.b:c", "a b", "build.backend"),
            ("[\"src\"]", "[\"../src\"]", "stay inside"),
            ("1580601600", "-1", "source-date-epoch"),
            ("2021-05-05T14:18:17.237Z", "yesterday", "requirements.cutoff"),
            ("a>=1;", "a @ https://example.invalid/a.whl ;", "requirements.direct"),
            ("[build]", "[build]\nexclude = [\"*.py\"]", "exclude"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Recipe::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
