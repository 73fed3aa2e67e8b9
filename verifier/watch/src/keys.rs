//! The keys of `[[watch]]` tables, as they are read.

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use twinbuild_lockfile::Format;
use twinbuild_registry::{AddressOrigin, PypiIndex};
use twinbuild_subject::is_misleading;

use crate::near;
use crate::problem::quoted;
use crate::{FileChoice, Files, Newest, Python, WatchPlatform, WatchSource, WatchTable, WatchedPackage};

/// The most projects of a ranked list that are watched.
const MOST_RANKED: usize = 100_000;
/// The most characters of a list's name.
const MOST_NAME: usize = 100;
/// The priority of a list that has none of its own.
const PRIORITY: u32 = 100;
/// How many projects of a ranked list are watched where it is not said.
const RANKED_LIMIT: usize = 250;

const KINDS: [&str; 11] =
    ["requirements", "uv", "pylock", "poetry", "pipfile", "lock", "packages", "ranked", "directory", "index", "sbom"];
/// The keys of every kind.
const COMMON: [&str; 6] = ["kind", "name", "priority", "from", "max-age", "index-url"];
/// The keys of some kinds.
const OTHER: [&str; 9] =
    ["path", "indexes", "files", "platforms", "pythons", "packages", "newest", "pre-releases", "limit"];

/// What stands in one table.
#[derive(Default)]
struct Keys {
    /// Which keys do.
    given: Vec<&'static str>,
    kind: Option<String>,
    name: Option<String>,
    priority: Option<u32>,
    from: Option<String>,
    max_age: Option<String>,
    index_url: Option<String>,
    path: Option<PathBuf>,
    indexes: Vec<String>,
    files: Option<String>,
    platforms: Vec<String>,
    pythons: Vec<String>,
    packages: Option<Vec<String>>,
    newest: Option<usize>,
    pre_releases: Option<bool>,
    limit: Option<usize>,
}

impl Keys {
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let known = COMMON.iter().chain(&OTHER);
        let Some(key) = known.clone().find(|known| **known == key).copied() else {
            let known: Vec<&str> = known.copied().collect();
            let found = quoted(key);
            let hint = near::hint(key, &known);
            return Err(A::Error::custom(format!("{found} is no key of a [[watch]] table: {hint}")));
        };
        match key {
            "kind" => self.kind = Some(map.next_value()?),
            "name" => self.name = Some(map.next_value()?),
            "priority" => self.priority = Some(map.next_value()?),
            "from" => self.from = Some(map.next_value()?),
            "max-age" => self.max_age = Some(map.next_value()?),
            "index-url" => self.index_url = Some(map.next_value()?),
            "path" => self.path = Some(map.next_value()?),
            "indexes" => self.indexes = map.next_value()?,
            "files" => self.files = Some(map.next_value()?),
            "platforms" => self.platforms = map.next_value()?,
            "pythons" => self.pythons = map.next_value()?,
            "packages" => self.packages = Some(map.next_value()?),
            "newest" => self.newest = Some(map.next_value()?),
            "pre-releases" => self.pre_releases = Some(map.next_value()?),
            _ => self.limit = Some(map.next_value()?),
        }
        self.given.push(key);
        Ok(())
    }

    fn table(mut self) -> Result<WatchTable, String> {
        let kind =
            self.kind.take().ok_or_else(|| format!("a [[watch]] table has no `kind`: {}", near::hint("", &KINDS)))?;
        let Some(kind) = KINDS.iter().find(|known| **known == kind).copied() else {
            return Err(format!("{} is no kind of [[watch]] table: {}", quoted(&kind), near::hint(&kind, &KINDS)));
        };
        self.check_keys(kind)?;
        let source = self.source(kind)?;
        let index = self.index_url.as_deref().map(|text| index("index-url", text)).transpose()?;
        if kind == "index" && index.is_none() {
            return Err("a [[watch]] table of the kind `index` has no `index-url`: say which index".to_owned());
        }
        if let Some(name) = &self.name
            && (name.trim().is_empty() || name.chars().count() > MOST_NAME || name.chars().any(is_misleading))
        {
            return Err(format!(
                "`name` is {}: 1 to {MOST_NAME} characters are expected, none of which is a control character",
                quoted(name)
            ));
        }
        let priority = self.priority.unwrap_or(PRIORITY);
        Ok(WatchTable { name: self.name, priority, from: self.from, max_age: self.max_age, index, source })
    }

    /// Refuses a key that is one of other kinds.
    fn check_keys(&self, kind: &str) -> Result<(), String> {
        let own = keys_of(kind);
        let Some(key) = self.given.iter().find(|key| !COMMON.contains(key) && !own.contains(key)) else {
            return Ok(());
        };
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| keys_of(kind).contains(key)).collect();
        Err(format!("`{key}` is no key of the kind `{kind}`: it is one of {}", kinds.join(", ")))
    }

    fn source(&mut self, kind: &str) -> Result<WatchSource, String> {
        let lock = |keys: &mut Self, format| {
            let (path, indexes) = (keys.path(kind)?, keys.indexes()?);
            Ok(WatchSource::Lock { format, path, indexes, choice: keys.choice()? })
        };
        match kind {
            "requirements" => lock(self, Some(Format::Requirements)),
            "uv" => lock(self, Some(Format::Uv)),
            "pylock" => lock(self, Some(Format::Pylock)),
            "poetry" => lock(self, Some(Format::Poetry)),
            "pipfile" => lock(self, Some(Format::Pipfile)),
            "lock" => lock(self, None),
            "packages" => {
                let packages = self.packages()?.filter(|packages| !packages.is_empty());
                let packages = packages.ok_or("a [[watch]] table of the kind `packages` names none in `packages`")?;
                Ok(WatchSource::Packages { packages, newest: self.newest()?, choice: self.choice()? })
            }
            "ranked" => {
                let limit = self.limit.unwrap_or(RANKED_LIMIT);
                let limit = NonZero::new(limit).filter(|limit| limit.get() <= MOST_RANKED);
                let limit = limit.ok_or_else(|| format!("`limit` is a number from 1 to {MOST_RANKED}"))?;
                let path = self.path(kind)?;
                Ok(WatchSource::Ranked { path, limit, newest: self.newest()?, choice: self.choice()? })
            }
            "directory" => Ok(WatchSource::Directory { path: self.path(kind)? }),
            "index" => {
                let packages = self.packages()?;
                Ok(WatchSource::Index { packages, newest: self.newest()?, choice: self.choice()? })
            }
            _ => {
                let (path, indexes) = (self.path(kind)?, self.indexes()?);
                Ok(WatchSource::Sbom { path, indexes, choice: self.choice()? })
            }
        }
    }

    fn path(&mut self, kind: &str) -> Result<PathBuf, String> {
        let path = self.path.take().filter(|path| !path.as_os_str().is_empty());
        path.ok_or_else(|| format!("a [[watch]] table of the kind `{kind}` has no `path`"))
    }

    fn indexes(&self) -> Result<Vec<PypiIndex>, String> {
        self.indexes.iter().map(|text| index("indexes", text)).collect()
    }

    fn packages(&mut self) -> Result<Option<Vec<WatchedPackage>>, String> {
        let packages = self.packages.take();
        packages.map(|packages| packages.iter().map(|text| text.parse()).collect()).transpose()
    }

    fn newest(&self) -> Result<Newest, String> {
        let count = NonZero::new(self.newest.unwrap_or(1)).ok_or("`newest` is a number of releases, 1 or more")?;
        Ok(Newest { count, pre_releases: self.pre_releases.unwrap_or(false) })
    }

    fn choice(&self) -> Result<FileChoice, String> {
        const FILES: [&str; 2] = ["platform", "all"];
        match self.files.as_deref() {
            None | Some("platform") => {}
            Some("all") => {
                let idle = ["platforms", "pythons"].into_iter().find(|key| self.given.contains(key));
                return match idle {
                    Some(key) => Err(format!("`{key}` means nothing with `files = \"all\"`: remove one of the two")),
                    None => Ok(FileChoice::all()),
                };
            }
            Some(other) => return Err(format!("`files` is {}: {}", quoted(other), near::hint(other, &FILES))),
        }
        let platforms = self.platforms.iter().map(|text| text.parse::<WatchPlatform>());
        let mut platforms: Vec<_> =
            platforms.collect::<Result<_, _>>().map_err(|error| format!("`platforms`: {error}"))?;
        if platforms.is_empty() {
            platforms.push(WatchPlatform::host().ok_or("say with `platforms` for which files are to be watched")?);
        }
        let pythons = self.pythons.iter().map(|text| text.parse::<Python>());
        let pythons = pythons.collect::<Result<_, _>>().map_err(|error| format!("`pythons`: {error}"))?;
        Ok(FileChoice { files: Files::Platform, platforms, pythons })
    }
}

/// The keys of a kind, beside those of all.
fn keys_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "packages" | "index" => &["packages", "newest", "pre-releases", "files", "platforms", "pythons"],
        "ranked" => &["path", "limit", "newest", "pre-releases", "files", "platforms", "pythons"],
        "directory" => &["path"],
        _ => &["path", "indexes", "files", "platforms", "pythons"],
    }
}

/// An index by its address, which is not shown: it may hold a password.
fn index(key: &str, text: &str) -> Result<PypiIndex, String> {
    PypiIndex::new(text, AddressOrigin::Override).map_err(|error| format!("`{key}`: {error}"))
}

impl<'de> Deserialize<'de> for WatchTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor;
        impl<'de> Visitor<'de> for TableVisitor {
            type Value = WatchTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a [[watch]] table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WatchTable, A::Error> {
                let mut keys = Keys::default();
                while let Some(key) = map.next_key::<String>()? {
                    keys.take(&key, &mut map)?;
                }
                keys.table().map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_map(TableVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list_names;
    use crate::test_asking::tables_of;

    fn refused(text: &str) -> String {
        toml::from_str::<WatchTable>(text).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_has_its_keys_and_a_name() {
        let tables = tables_of(
            r#"
            [[watch]]
            kind = "requirements"
            path = "requirements.txt"
            platforms = ["linux-x86_64", "musllinux-aarch64"]
            pythons = ["3.11"]
            indexes = ["https://wheels.example/simple"]
            [[watch]]
            kind = "lock"
            path = "uv.lock"
            files = "all"
            [[watch]]
            name = "ours"
            kind = "packages"
            packages = ["Six", "attrs == 23.1.0"]
            newest = 3
            pre-releases = true
            priority = 10
            from = "git"
            max-age = "30d"
            [[watch]]
            kind = "ranked"
            path = "top.jsonl"
            [[watch]]
            kind = "directory"
            path = "dist"
            [[watch]]
            kind = "index"
            index-url = "https://own.example/simple"
            [[watch]]
            kind = "sbom"
            path = "sbom.json"
            [[watch]]
            kind = "sbom"
            path = "sbom.json"
            "#,
        );
        let names = [
            "requirements:requirements.txt",
            "lock:uv.lock",
            "ours",
            "ranked:top.jsonl",
            "directory:dist",
            "index",
            "sbom:sbom.json",
            "sbom:sbom.json-2",
        ];
        assert_eq!(list_names(&tables).unwrap(), names);
        assert_eq!((tables[2].priority, tables[3].priority), (10, 100));
        assert_eq!((tables[2].from.as_deref(), tables[2].max_age.as_deref()), (Some("git"), Some("30d")));
        assert_eq!(tables[0].indexes().count(), 1);
        let WatchSource::Packages { packages, newest, choice } = &tables[2].source else { panic!() };
        assert_eq!(packages.iter().map(ToString::to_string).collect::<Vec<_>>(), ["six", "attrs==23.1.0"]);
        assert_eq!((newest.count.get(), newest.pre_releases), (3, true));
        assert_eq!(choice.platforms, [WatchPlatform::host().unwrap()]);
        assert_eq!(tables[5].index.as_ref().unwrap().to_string(), "https://own.example/simple/");
    }

    #[test]
    fn typing_errors_are_answered_with_what_is_near() {
        for (text, said) in [
            ("kind = \"requirments\"", "\"requirments\" is no kind of [[watch]] table: did you mean `requirements`?"),
            ("kind = \"npm\"", "\"npm\" is no kind of [[watch]] table: known are `requirements`, `uv`,"),
            ("path = \"a\"", "a [[watch]] table has no `kind`: known are `requirements`"),
            (
                "kind = \"packages\"\npakages = []",
                "\"pakages\" is no key of a [[watch]] table: did you mean `packages`?",
            ),
            ("kind = \"uv\"\npath = \"a\"\nlimit = 3", "`limit` is no key of the kind `uv`: it is one of ranked"),
            ("kind = \"uv\"\npath = \"a\"\nfiles = \"al\"", "`files` is \"al\": did you mean `all`?"),
            ("kind = \"uv\"\npath = \"a\"\nplatforms = [\"linux_x86_64\"]", "did you mean `linux-x86_64`?"),
        ] {
            let error = refused(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn tables_that_mean_nothing_are_refused() {
        for text in [
            "kind = \"packages\"",
            "kind = \"packages\"\npackages = []",
            "kind = \"packages\"\npackages = [\"six>=1\"]",
            "kind = \"packages\"\npackages = [\"six==x y\"]",
            "kind = \"packages\"\npackages = [\"six\"]\nnewest = 0",
            "kind = \"ranked\"\npath = \"a\"\nlimit = 0",
            "kind = \"ranked\"\npath = \"a\"\nlimit = 1000000",
            "kind = \"uv\"",
            "kind = \"uv\"\npath = \"\"",
            "kind = \"uv\"\npath = \"a\"\nfiles = \"all\"\nplatforms = [\"linux-x86_64\"]",
            "kind = \"uv\"\npath = \"a\"\npythons = [\"3\"]",
            "kind = \"uv\"\npath = \"a\"\nname = \" \"",
            "kind = \"uv\"\npath = \"a\"\nname = \"a\\u001b[2J\"",
            "kind = \"index\"",
            "kind = \"uv\"\npath = \"a\"\npriority = -1",
        ] {
            refused(text);
        }
    }

    #[test]
    fn an_address_is_not_shown_where_it_is_refused() {
        let error = refused("kind = \"index\"\nindex-url = \"ftp://user:secret@own.example\"");
        assert!(error.contains("`index-url`") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn two_lists_of_one_name_are_refused() {
        let table = "[[watch]]\nkind = \"uv\"\npath = \"a\"\nname = \"x\"\n";
        let error = list_names(&tables_of(&table.repeat(2))).unwrap_err();
        assert_eq!(error.to_string(), "two [[watch]] tables are named \"x\": give each a name of its own");
    }

    #[test]
    fn the_examples_of_the_guide_are_read() {
        let guide = include_str!("../../../docs/watch-lists.md");
        let examples: Vec<&str> =
            guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let kinds: Vec<&str> = examples.iter().flat_map(|text| tables_of(text)).map(|table| table.kind()).collect();
        assert_eq!(kinds, ["requirements", "uv", "packages", "ranked", "directory", "index", "sbom"]);
    }
}
