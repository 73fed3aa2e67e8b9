//! What a source tree says about how it is built.

use std::str::FromStr as _;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};
use serde::Deserialize;
use twinbuild_subject::{MemberPath, PackageName};

/// What is learned from a Python source tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceEvidence {
    /// `[build-system]` of `pyproject.toml`, where there is one.
    pub build_system: Option<BuildSystem>,
    /// Whether there is a `setup.py`.
    pub has_setup_py: bool,
    /// `setup_requires` of `setup.cfg`.
    pub setup_requires: Vec<String>,
    /// The folder with the `*.egg-info` of an sdist that declares entry points, where that is not the root: with it on the path,
    /// setuptools finds the project's own commands.
    pub own_commands: Option<String>,
}

/// `[build-system]` (PEP 517, PEP 518).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildSystem {
    /// Requirements, as PEP 508 strings.
    pub requires: Vec<String>,
    /// The backend's object reference, such as `setuptools.build_meta`.
    pub build_backend: Option<String>,
    /// Folders of the source that the backend is imported from.
    #[serde(default)]
    pub backend_path: Vec<String>,
}

/// Why a source tree cannot be built as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// `pyproject.toml` is not TOML, or `[build-system]` is not of its form.
    #[error("pyproject.toml of the source cannot be read: {reason}")]
    Pyproject {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// A file is not UTF-8.
    #[error("{file} of the source is not UTF-8 text")]
    NotText {
        /// The file's name.
        file: &'static str,
    },
    /// A requirement is not of PEP 508's form.
    #[error("{file} of the source asks for {requirement:?}, which is not a requirement (PEP 508): {reason}")]
    Requirement {
        /// The file's name.
        file: &'static str,
        /// The text.
        requirement: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A requirement names an address instead of a version.
    #[error("{file} of the source asks for {requirement:?}: a requirement by address cannot be pinned to a date")]
    DirectReference {
        /// The file's name.
        file: &'static str,
        /// The text.
        requirement: String,
    },
    /// The backend is not an object reference.
    #[error("build-backend {found:?} in pyproject.toml of the source is not an object reference (PEP 517)")]
    Backend {
        /// The text.
        found: String,
    },
    /// A backend path leaves the source tree.
    #[error("backend-path {found:?} in pyproject.toml of the source does not stay inside the source (PEP 517)")]
    BackendPath {
        /// The text.
        found: String,
    },
    /// Neither `setup.py` nor a build system.
    #[error("the source has neither a pyproject.toml with a [build-system] table nor a setup.py")]
    NoBuild,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pyproject {
    build_system: Option<BuildSystem>,
}

impl SourceEvidence {
    /// Reads the three files at the root of a source tree; `None` stands for a file that is not there.
    ///
    /// # Errors
    /// When one of them cannot be read as what it should be. `setup.cfg` in a dialect that cannot be read is taken to
    /// ask for nothing: a missing requirement fails the build, and never makes it pass.
    pub fn read(pyproject: Option<&[u8]>, setup_cfg: Option<&[u8]>, has_setup_py: bool) -> Result<Self, SourceError> {
        let build_system = match pyproject {
            None => None,
            Some(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| SourceError::NotText { file: "pyproject.toml" })?;
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let parsed: Pyproject = toml::from_str(text)
                    .map_err(|error| SourceError::Pyproject { reason: error.to_string().trim_end().to_owned() })?;
                parsed.build_system
            }
        };
        if let Some(system) = &build_system {
            system.check()?;
        }
        let setup_requires = match setup_cfg {
            None => Vec::new(),
            Some(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| SourceError::NotText { file: "setup.cfg" })?;
                setup_cfg_list(text, "options", "setup_requires")
            }
        };
        for requirement in &setup_requires {
            check_requirement("setup.cfg", requirement)?;
        }
        if build_system.is_none() && !has_setup_py {
            // setuptools builds a lone setup.cfg or pyproject.toml too, through PEP 517's default backend.
            let declares_project = setup_cfg.is_some() || pyproject.is_some();
            if !declares_project {
                return Err(SourceError::NoBuild);
            }
        }
        Ok(Self { build_system, has_setup_py, setup_requires, own_commands: None })
    }

    /// The same, with what the paths of the source's files tell.
    #[must_use]
    pub fn with_files<'a>(self, paths: impl IntoIterator<Item = &'a MemberPath>) -> Self {
        let folder = |path: &'a MemberPath| {
            let (folder, info) = path.as_str()?.strip_suffix("/entry_points.txt")?.split_once('/')?;
            (info.ends_with(".egg-info") && !info.contains('/')).then(|| folder.to_owned())
        };
        Self { own_commands: paths.into_iter().find_map(folder), ..self }
    }
}

/// The name of the project that a `pyproject.toml` says it is of: that of `[project]`, else of `[tool.poetry]`.
#[must_use]
pub fn declared_name(pyproject: &[u8]) -> Option<PackageName> {
    let table: toml::Table = toml::from_str(std::str::from_utf8(pyproject).ok()?).ok()?;
    let name = |table: &toml::Table| table.get("name").and_then(toml::Value::as_str).map(str::to_owned);
    let project = table.get("project").and_then(toml::Value::as_table).and_then(name);
    let poetry = || table.get("tool")?.get("poetry")?.as_table().and_then(name);
    project.or_else(poetry)?.parse().ok()
}

impl BuildSystem {
    pub(crate) fn check(&self) -> Result<(), SourceError> {
        for requirement in &self.requires {
            check_requirement("pyproject.toml", requirement)?;
        }
        if let Some(backend) = &self.build_backend {
            let identifier = |part: &str| {
                !part.is_empty()
                    && !part.starts_with(|c: char| c.is_ascii_digit())
                    && part.chars().all(|c| c.is_alphanumeric() || c == '_')
            };
            let (module, object) = backend.split_once(':').unwrap_or((backend, "x"));
            if backend.len() > 200 || !module.split('.').chain(object.split('.')).all(identifier) {
                return Err(SourceError::Backend { found: backend.chars().take(200).collect() });
            }
        }
        for path in &self.backend_path {
            let inside =
                !path.starts_with('/') && !path.split('/').any(|part| part == "..") && !path.contains(['\\', '\0']);
            if !inside {
                return Err(SourceError::BackendPath { found: path.clone() });
            }
        }
        Ok(())
    }
}

/// How many parts a marker may have: real ones have a few, and the time that reading takes doubles with each.
const MOST_MARKER_WORDS: usize = 12;

/// Reads a requirement, and refuses what is not PEP 508, and addresses. `file` says where it stands, for the error.
///
/// # Errors
/// [`SourceError::Requirement`], [`SourceError::DirectReference`].
pub fn check_requirement(file: &'static str, text: &str) -> Result<Requirement<VerbatimUrl>, SourceError> {
    // PEP 508 has ASCII alone, and the parser panics on other characters in strings of markers.
    if text.len() > 1000 || !text.is_ascii() || text.chars().any(char::is_control) {
        return Err(SourceError::Requirement {
            file,
            requirement: text.chars().take(200).collect(),
            reason: "it is to be one line of at most 1000 ASCII characters".to_owned(),
        });
    }
    // The parser builds a decision diagram of the marker, which grows with each alternative as a power.
    let is_word = |word: &&str| matches!(*word, "and" | "or");
    let words = text.split(|c: char| c.is_whitespace() || "()'\"".contains(c)).filter(is_word).count();
    if words > MOST_MARKER_WORDS {
        return Err(SourceError::Requirement {
            file,
            requirement: text.chars().take(200).collect(),
            reason: format!("its marker has {words} times `and` or `or`, and at most {MOST_MARKER_WORDS} are read"),
        });
    }
    if !has_whole_names(text) {
        return Err(SourceError::Requirement {
            file,
            requirement: text.chars().take(200).collect(),
            reason: "names of projects and extras end in a letter or digit".to_owned(),
        });
    }
    let requirement = Requirement::<VerbatimUrl>::from_str(text).map_err(|error| SourceError::Requirement {
        file,
        requirement: text.chars().take(200).collect(),
        reason: error.message.to_string(),
    })?;
    match &requirement.version_or_url {
        Some(VersionOrUrl::Url(_)) => {
            Err(SourceError::DirectReference { file, requirement: text.chars().take(200).collect() })
        }
        _ => Ok(requirement),
    }
}

/// Whether the name that a requirement begins with, and each of its extras, ends in a letter or digit as PEP 508 has it. The
/// parser panics on others.
fn has_whole_names(text: &str) -> bool {
    let is_inner = |c: char| matches!(c, '.' | '-' | '_');
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || is_inner(c);
    let text = text.trim_start();
    let rest = text.trim_start_matches(is_of_name);
    let name = text.strip_suffix(rest).unwrap_or(text);
    let extras = rest.trim_start().strip_prefix('[').and_then(|extras| extras.split(']').next()).unwrap_or_default();
    // Whatever an extra is followed by: the parser has made a name of it before it looks at that.
    !name.ends_with(is_inner) && !extras.split(|c: char| !is_of_name(c)).any(|extra| extra.ends_with(is_inner))
}

/// A list value of an INI file as configparser reads it: indented lines continue the key, entries stand one a line or
/// divided by semicolons.
fn setup_cfg_list(text: &str, section: &str, key: &str) -> Vec<String> {
    let mut in_section = false;
    let mut in_key = false;
    let mut values = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if in_key {
                values.push(trimmed.to_owned());
            }
        } else if let Some(header) = trimmed.strip_prefix('[').and_then(|header| header.strip_suffix(']')) {
            (in_section, in_key) = (header == section, false);
        } else {
            let (name, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
            in_key = in_section && name.trim().to_ascii_lowercase().replace('-', "_") == key;
            if in_key {
                // On the key's own line semicolons divide; on the lines below they begin an environment marker.
                values.extend(value.split(';').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned));
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pyproject(text: &str) -> Result<SourceEvidence, SourceError> {
        SourceEvidence::read(Some(text.as_bytes()), None, false)
    }

    #[test]
    fn a_marker_that_would_be_read_forever_is_refused() {
        let marker = |count: usize| {
            let part = |at: usize| format!("extra=='a{at}'and extra=='b{at}'");
            format!("x; {}", (0..count).map(part).collect::<Vec<_>>().join("or "))
        };
        assert!(check_requirement("", &marker(6)).is_ok());
        let error = check_requirement("", &marker(25)).unwrap_err().to_string();
        assert!(error.contains("49 times"), "{error}");
    }

    #[test]
    fn names_that_the_parser_panics_on_are_refused() {
        for text in ["a_", " a- >1", "a[b_]", "a[b_ c]", "a[b_ ", "a[b,c.", "a [b-]", "a[b,c_;d]"] {
            let error = check_requirement("", text).unwrap_err().to_string();
            assert!(error.contains("end in a letter or digit"), "{text:?}: {error}");
        }
        for text in ["a_b", "a[b_c, d-e]", "a[]", "a[b]; extra == 'b_'", "a[b] >=1_"] {
            if let Err(error) = check_requirement("", text) {
                assert!(!error.to_string().contains("end in a letter or digit"), "{text:?}: {error}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            head in r#" ?[a-zA-Z0-9._-]{0,3}[ \u{a0}]?(\[[a-z,_. -]{0,6}\]?)? ?(@|[(]?(==|===|~=|>|<=|!=) ?[0-9a-z.*!+,-]{0,5}[)]?)?\PC{0,2}"#,
            marker in r#"(; ?[(]?(extra|python_version|python_full_version|os_name|platform_release|'[a-z0-9._-]{0,4}'|\PC) ?(==|>=|<|!=|~=|===|in|not in|and) ?(extra|python_version|"[a-z0-9.*_ -]{0,5}"|'é?)[)]?( (and|or) \PC{0,3})?)?"#
        ) {
            let _ = check_requirement("", &format!("{head}{marker}"));
        }
    }

    #[test]
    fn a_build_system_is_read() {
        let evidence = pyproject(
            "[build-system]\nrequires = ['flit_core >=3.2,<4']\nbuild-backend = 'flit_core.buildapi'\n[project]\nname = 'x'",
        )
        .unwrap();
        let system = evidence.build_system.unwrap();
        assert_eq!(system.requires, ["flit_core >=3.2,<4"]);
        assert_eq!(system.build_backend.as_deref(), Some("flit_core.buildapi"));
    }

    #[test]
    fn the_name_of_a_project_is_where_its_backend_looks_for_it() {
        let of = |text: &str| declared_name(text.as_bytes()).map(|name| name.to_string());
        assert_eq!(of("[project]\nname = 'Demo.Tool'\n[tool.poetry]\nname = 'other'").as_deref(), Some("demo-tool"));
        assert_eq!(of("[tool.poetry]\nname = 'other'").as_deref(), Some("other"));
        for none in ["", "[project]\nversion = '1'", "[project]\nname = 1", "[[[", "[project]\nname = '-'"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(declared_name(b"\xff"), None);
    }

    #[test]
    fn hostile_build_systems_are_refused() {
        for (text, expected) in [
            ("[build-system]\nrequires = ['x @ https://example.invalid/x.whl']", "by address"),
            ("[build-system]\nrequires = ['--index-url x']", "not a requirement"),
            ("[build-system]\nrequires = ['setuptools_ >= 1']", "end in a letter or digit"),
            ("[build-system]\nrequires = ['six [a, b. ]']", "end in a letter or digit"),
            ("[build-system]\nrequires = ['six[a-']", "end in a letter or digit"),
            ("[build-system]\nrequires = [\"six; os_name != 'a'\\nor\\nos_name == 'b'\"]", "one line"),
            ("[build-system]\nrequires = []\nbuild-backend = 'os; import x'", "object reference"),
            ("[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['../x']", "stay inside"),
            ("[build-system]\nrequires = 1", "cannot be read"),
            ("[[[", "cannot be read"),
        ] {
            let error = pyproject(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(SourceEvidence::read(None, None, false), Err(SourceError::NoBuild));
    }

    #[test]
    fn the_own_commands_of_an_sdist_are_found() {
        let evidence = |paths: &[&str]| {
            let paths: Vec<_> = paths.iter().map(|path| MemberPath::from(*path)).collect();
            SourceEvidence::default().with_files(&paths).own_commands
        };
        assert_eq!(evidence(&["setup.py", "src/x.egg-info/entry_points.txt"]).as_deref(), Some("src"));
        assert_eq!(evidence(&["x.egg-info/entry_points.txt", "tests/a/x.egg-info/entry_points.txt"]), None);
    }

    #[test]
    fn setup_requires_of_setup_cfg_are_read() {
        let text = "[metadata]\nname = x\n[options]\nsetup_requires =\n    setuptools_scm>=1.15\n    # no\n    toml; python_version<'3'\npackages = find:\n";
        let evidence = SourceEvidence::read(None, Some(text.as_bytes()), true).unwrap();
        assert_eq!(evidence.setup_requires, ["setuptools_scm>=1.15", "toml; python_version<'3'"]);
    }
}
