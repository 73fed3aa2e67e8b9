//! The TOML form of a recipe: how it is printed, edited and given back.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::VersionControl;
use crate::recipe::{
    FrontEnd, Interpreter, LockedRequirement, Needs, Provider, Reason, Recipe, RecipeError, Requirements, Switches,
    WheelOptions,
};
use crate::source::{BuildSystem, check_requirement};

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
    #[serde(default)]
    crlf: bool,
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
    hash_seed: Option<u32>,
    #[serde(default)]
    windows: bool,
    #[serde(default)]
    debian_setuptools: bool,
    #[serde(default)]
    without_extensions: bool,
    #[serde(default)]
    through_sdist: bool,
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
        for locked in requirements.locked.iter().flatten() {
            locked.check().map_err(|expected| value("requirements.locked", &locked.file_name, &expected))?;
        }
        let version_control = match version_control {
            None => None,
            Some(VersionControlTable { repository: true, version, crlf }) => {
                let version_control = VersionControl { version, crlf };
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
            switches: Switches {
                umask,
                checkout_umask,
                hash_seed: build.hash_seed,
                windows: build.windows,
                debian_setuptools: build.debian_setuptools,
                without_extensions: build.without_extensions,
                through_sdist: build.through_sdist,
            },
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
        let Switches {
            umask,
            checkout_umask,
            hash_seed,
            windows,
            debian_setuptools,
            without_extensions,
            through_sdist,
        } = self.switches;
        for (key, mask) in [("build.umask", umask), ("build.checkout-umask", checkout_umask)] {
            mask.iter().for_each(|mask| line("", key, &quoted(&format!("{mask:04o}"))));
        }
        if let Some(seed) = hash_seed {
            line("", "build.hash-seed", &seed.to_string());
        }
        for (key, is_on) in [
            ("build.windows", windows),
            ("build.debian-setuptools", debian_setuptools),
            ("build.without-extensions", without_extensions),
            ("build.through-sdist", through_sdist),
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
            if version_control.crlf {
                line("", "version-control.crlf", "true");
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
    use twinbuild_subject::Sha256;

    use super::*;
    use crate::recipe::tests::recipe;

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
            hash_seed: Some(7),
            windows: true,
            debian_setuptools: true,
            without_extensions: true,
            through_sdist: true,
        };
        let text = other.to_toml(&[]);
        assert!(
            text.contains("umask = \"0002\"\ncheckout-umask = \"0000\"\nhash-seed = 7\nwindows = true\ndebian-setuptools = true\nwithout-extensions = true\nthrough-sdist = true\n"),
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
        recipe.version_control = Some(VersionControl { version: Some("1.0rc1".to_owned()), crlf: true });
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
