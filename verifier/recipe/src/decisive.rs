//! What the metadata of a wheel decides, by value: what else is installed, what can be run, and on what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr as _;

use pep508_rs::{ExtraName, VersionOrUrl};
use serde::Deserialize;

use crate::source::check_requirement;
use crate::{Header, parse_headers};

/// One thing that metadata decides, in a normal form: tools write the same in many ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Another project is installed too.
    Requirement(String),
    /// An extra can be asked for.
    Extra(String),
    /// A range of Python versions.
    RequiresPython(String),
    /// An object is run or loaded under this name.
    EntryPoint {
        /// The group, such as `console_scripts`.
        group: String,
        /// The name in it.
        name: String,
        /// The object reference.
        object: String,
    },
    /// Older tools look for requirements there.
    DependencyLink(String),
    /// An interpreter and platform that it is installed for.
    Tag(String),
    /// Whether it is installed where pure Python is.
    RootIsPurelib(String),
    /// A field of `METADATA` that older tools take requirements from, or a line that is no field.
    Other(String),
}

/// All that the metadata of a wheel decides, or that a source declares of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisive(BTreeSet<Fact>);

/// The files of a wheel's `*.dist-info` that decide something; `None` stands for one that is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecisiveFiles<'a> {
    /// `METADATA`
    pub metadata: Option<&'a [u8]>,
    /// `entry_points.txt`
    pub entry_points: Option<&'a [u8]>,
    /// `WHEEL`
    pub wheel: Option<&'a [u8]>,
    /// `dependency_links.txt`
    pub dependency_links: Option<&'a [u8]>,
}

impl Decisive {
    /// What these files decide.
    #[must_use]
    pub fn of_wheel(files: DecisiveFiles<'_>) -> Self {
        let mut facts = BTreeSet::new();
        let text = |bytes: Option<&[u8]>| {
            let bytes = bytes.unwrap_or_default();
            // Each byte of what is no UTF-8 is taken for a character, so that no two files become one.
            std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
        };
        for Header { name, value } in parse_headers(&text(files.metadata)).0 {
            match name.to_ascii_lowercase().as_str() {
                "requires-dist" => drop(facts.insert(Fact::Requirement(requirement(&value, None)))),
                "provides-extra" => drop(facts.insert(Fact::Extra(extra(&value)))),
                "requires-python" => facts.extend(requires_python(&value)),
                "requires" | "setup-requires-dist" | "requires-external" | "" => {
                    facts.insert(Fact::Other(format!("{name}: {value}")));
                }
                _ => {}
            }
        }
        for Header { name, value } in parse_headers(&text(files.wheel)).0 {
            match name.to_ascii_lowercase().as_str() {
                "tag" => drop(facts.insert(Fact::Tag(value))),
                "root-is-purelib" => drop(facts.insert(Fact::RootIsPurelib(value.to_ascii_lowercase()))),
                _ => {}
            }
        }
        facts.extend(entry_points(&text(files.entry_points)));
        let links = text(files.dependency_links);
        let links = links.lines().map(str::trim).filter(|line| !line.is_empty());
        facts.extend(links.map(|line| Fact::DependencyLink(line.to_owned())));
        Self(facts)
    }

    /// What the table `[project]` of a `pyproject.toml` says ("Declaring project metadata", PyPA); `None` where it is not
    /// there or cannot be read. Of fields that it calls dynamic it says nothing.
    #[must_use]
    pub fn of_pyproject(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let Pyproject { project } = toml::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
        let Project { requires_python: range, dependencies, optional_dependencies, scripts, gui_scripts, entry_points } =
            project?;
        let mut facts: BTreeSet<Fact> = range.iter().flat_map(|range| requires_python(range)).collect();
        facts.extend(dependencies.iter().map(|text| Fact::Requirement(requirement(text, None))));
        for (name, requirements) in &optional_dependencies {
            facts.insert(Fact::Extra(extra(name)));
            facts.extend(requirements.iter().map(|text| Fact::Requirement(requirement(text, Some(name)))));
        }
        let own = [("console_scripts", scripts), ("gui_scripts", gui_scripts)];
        let groups = own.into_iter().map(|(group, entries)| (group.to_owned(), entries)).chain(entry_points);
        for (group, entries) in groups {
            facts.extend(entries.iter().map(|(name, object)| entry_point(&group, name, object)));
        }
        Some(Self(facts))
    }

    /// What the section `[options]` of a `setup.cfg` and those below it say, as setuptools reads them.
    #[must_use]
    pub fn of_setup_cfg(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut facts = BTreeSet::new();
        for Value { section, key, own_line, lines } in values(&text) {
            // A list stands one a line, or on the key's own line divided by semicolons.
            let on_own_line = own_line.split(if lines.is_empty() { ';' } else { '\n' }).map(str::trim);
            let list: Vec<&str> =
                on_own_line.filter(|item| !item.is_empty()).chain(lines.iter().map(String::as_str)).collect();
            match (section.as_str(), key.as_str()) {
                ("options", "install_requires") => {
                    facts.extend(list.into_iter().map(|text| Fact::Requirement(requirement(text, None))));
                }
                ("options", "python_requires") => facts.extend(requires_python(&list.concat())),
                ("options.extras_require", name) => {
                    facts.insert(Fact::Extra(extra(name)));
                    facts.extend(list.into_iter().map(|text| Fact::Requirement(requirement(text, Some(name)))));
                }
                ("options.entry_points", group) => {
                    let entries = lines.iter().filter_map(|line| line.split_once('='));
                    facts.extend(entries.map(|(name, object)| entry_point(group, name, object)));
                }
                _ => {}
            }
        }
        Self(facts)
    }

    /// Whether nothing of this is beyond what a source can declare, and it is what `declared` says.
    #[must_use]
    pub fn is_declared(&self, declared: &Self) -> bool {
        let can_be_declared = |fact: &&Fact| match fact {
            // They follow from the file name, which installers go by.
            Fact::Tag(_) | Fact::RootIsPurelib(_) => false,
            Fact::Requirement(_)
            | Fact::Extra(_)
            | Fact::RequiresPython(_)
            | Fact::EntryPoint { .. }
            | Fact::DependencyLink(_)
            | Fact::Other(_) => true,
        };
        self.0.iter().filter(can_be_declared).eq(declared.0.iter().filter(can_be_declared))
    }

    /// What this has and `other` has not.
    pub fn beyond<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Fact> {
        self.0.difference(&other.0)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requirement(text) => write!(f, "the requirement {text}"),
            Self::Extra(text) => write!(f, "the extra {text}"),
            Self::RequiresPython(text) => write!(f, "the range of Python versions {text}"),
            Self::EntryPoint { group, name, object } => write!(f, "the entry point {name} = {object} in {group}"),
            Self::DependencyLink(text) => write!(f, "the dependency link {text}"),
            Self::Tag(text) => write!(f, "the tag {text}"),
            Self::RootIsPurelib(text) => write!(f, "Root-Is-Purelib: {text}"),
            Self::Other(text) => write!(f, "the line {text}"),
        }
    }
}

#[derive(Deserialize)]
struct Pyproject {
    project: Option<Project>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Project {
    requires_python: Option<String>,
    dependencies: Vec<String>,
    optional_dependencies: BTreeMap<String, Vec<String>>,
    scripts: BTreeMap<String, String>,
    gui_scripts: BTreeMap<String, String>,
    entry_points: BTreeMap<String, BTreeMap<String, String>>,
}

/// The normal form of a requirement, of an extra where one is given. What is no requirement stands as it is, without blanks.
fn requirement(text: &str, of_extra: Option<&str>) -> String {
    let without_blanks = |text: &str| text.split_whitespace().collect::<String>();
    let line = text.replace(['\n', '\r'], " ");
    let Ok(mut parsed) = check_requirement("", &line) else {
        let behind = of_extra.map(|name| format!(";extra=={}", extra(name))).unwrap_or_default();
        return without_blanks(text) + &behind;
    };
    if let Some(name) = of_extra.and_then(|name| ExtraName::from_str(name).ok()) {
        parsed = parsed.with_extra_marker(&name);
    }
    let mut extras: Vec<String> = parsed.extras.iter().map(ToString::to_string).collect();
    extras.sort();
    let mut ranges: Vec<String> = match &parsed.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(ranges)) => ranges.iter().map(ToString::to_string).collect(),
        Some(VersionOrUrl::Url(_)) | None => Vec::new(),
    };
    ranges.sort();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let marker = parsed.marker.try_to_string().map(|marker| format!("; {marker}")).unwrap_or_default();
    format!("{}{extras}{}{marker}", parsed.name, ranges.join(","))
}

fn extra(name: &str) -> String {
    ExtraName::from_str(name.trim()).map_or_else(|_| name.trim().to_owned(), |name| name.to_string())
}

fn requires_python(text: &str) -> impl Iterator<Item = Fact> {
    let ranges = text.split(',').map(|range| range.split_whitespace().collect::<String>());
    ranges.filter(|range| !range.is_empty()).map(Fact::RequiresPython)
}

/// What `entry_points.txt` declares; what is no entry stands there too, so that nothing is lost.
fn entry_points(text: &str) -> Vec<Fact> {
    let mut group = String::new();
    let mut facts = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix('[').and_then(|line| line.strip_suffix(']')), line.split_once('=')) {
            (Some(name), _) => name.trim().clone_into(&mut group),
            (None, Some((name, object))) => facts.push(entry_point(&group, name, object)),
            (None, None) => facts.push(entry_point(&group, line, "")),
        }
    }
    facts
}

fn entry_point(group: &str, name: &str, object: &str) -> Fact {
    let object = object.split_whitespace().collect();
    Fact::EntryPoint { group: group.trim().to_owned(), name: name.trim().to_owned(), object }
}

/// A value of an INI file.
struct Value {
    section: String,
    key: String,
    /// What stands on the line of the key.
    own_line: String,
    /// The lines below it.
    lines: Vec<String>,
}

/// The values of an INI file as configparser reads them: indented lines continue a value.
fn values(text: &str) -> Vec<Value> {
    let mut section = String::new();
    let mut values: Vec<Value> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let (true, Some(last)) = (line.starts_with([' ', '\t']), values.last_mut()) {
            last.lines.push(trimmed.to_owned());
        } else if let Some(header) = trimmed.strip_prefix('[').and_then(|header| header.strip_suffix(']')) {
            header.clone_into(&mut section);
        } else {
            let (key, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
            let (key, own_line) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
            values.push(Value { section: section.clone(), key, own_line, lines: Vec::new() });
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Decisive {
        Decisive::of_wheel(DecisiveFiles { metadata: Some(text.as_bytes()), ..DecisiveFiles::default() })
    }

    #[test]
    fn the_same_in_another_form_is_the_same() {
        let old = metadata(
            "Name: a\nRequires-Python: >=3.7, !=3.8.*\nRequires-Dist: Foo.Bar (<2,>=1)\nProvides-Extra: d_e\n\
             Requires-Dist: x ; (python_version < \"3.8\") and extra == 'd_e'\n",
        );
        let new = metadata(
            "Requires-Dist: x; extra == \"d-e\" and python_version < '3.8'\nRequires-Dist: foo-bar>=1,<2\n\
             Provides-Extra: d-e\nLicense-File: LICENSE\nRequires-Python: !=3.8.*,>=3.7\n",
        );
        assert_eq!(old, new);
        for other in ["Requires-Dist: foo-bar>=1,<3\n", "Requires-Dist: evil\n", "Requires-Dist: x; extra == 'd'\n"] {
            assert_ne!(old, metadata(other));
        }
    }

    #[test]
    fn entry_points_are_compared_by_value() {
        let of = |text: &str| {
            Decisive::of_wheel(DecisiveFiles { entry_points: Some(text.as_bytes()), ..DecisiveFiles::default() })
        };
        let old = of("[console_scripts]\na = b:c [d]\n\n# note\n[x]\ny=z\n");
        assert_eq!(old, of("[x]\ny = z\n[console_scripts]\na=b:c[d]\n\n"));
        let evil = of("[x]\ny = z\n[console_scripts]\na=b:evil[d]\n");
        let beyond: Vec<String> = evil.beyond(&old).map(ToString::to_string).collect();
        assert_eq!(beyond, ["the entry point a = b:evil[d] in console_scripts"]);
    }

    #[test]
    fn what_a_source_declares_is_what_its_wheel_says() {
        let pyproject = b"[project]\nname='a'\nrequires-python='>=3.8'\ndependencies=['six >=1']\n\
            [project.optional-dependencies]\nt=[\"pytest; python_version < '3.9'\"]\n[project.scripts]\nrun='a:b'\n";
        let setup_cfg = b"[metadata]\nname = a\n[options]\npython_requires = >=3.8\ninstall_requires =\n  six>=1\n\
            [options.extras_require]\nt =\n  pytest; python_version<'3.9'\n[options.entry_points]\nconsole_scripts =\n  run=a:b\n";
        let wheel = Decisive::of_wheel(DecisiveFiles {
            metadata: Some(
                b"Requires-Python: >=3.8\nRequires-Dist: six>=1\nProvides-Extra: t\n\
                Requires-Dist: pytest; (python_version < '3.9') and extra == 't'\n",
            ),
            entry_points: Some(b"[console_scripts]\nrun = a:b\n"),
            wheel: Some(b"Root-Is-Purelib: true\nTag: py3-none-any\n"),
            dependency_links: None,
        });
        assert!(wheel.is_declared(&Decisive::of_pyproject(pyproject).unwrap()));
        assert!(wheel.is_declared(&Decisive::of_setup_cfg(setup_cfg)));
        assert!(!wheel.is_declared(&Decisive::default()));
        assert!(metadata("Name: a\n\nText.\n").is_declared(&Decisive::default()));
        assert!(Decisive::of_pyproject(b"[tool.x]\n").is_none());
    }
}
