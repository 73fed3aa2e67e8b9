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
