//! A lock file as a whole: its format, and what came out of it.

use std::path::{Path, PathBuf};

use twinbuild_subject::PackageName;

use crate::document::Table;
use crate::{
    Locked, LockfileError, Reason, Setting, Unpinned, json, pipfile, poetry, pylock, requirements, text, toml_document,
    uv,
};

/// The formats of lock files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A requirements file (pip documentation, "Requirements File Format").
    Requirements,
    /// `uv.lock`, of version 1 and any revision.
    Uv,
    /// `pylock.toml`, of version 1 (PyPA "pylock.toml specification", PEP 751).
    Pylock,
    /// `poetry.lock`, of the versions 1 and 2.
    Poetry,
    /// `Pipfile.lock`, of version 6.
    Pipfile,
}

/// What a lock file pins, and what not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// The releases that it pins, in its order. One may be there several times, under several conditions.
    pub locked: Vec<Locked>,
    /// What it asks for and does not pin, in its order.
    pub unpinned: Vec<Unpinned>,
    /// The options of a requirements file, in its order: they say where and how is looked for what is pinned.
    pub settings: Vec<Setting>,
}

/// Gives the content of a requirements file that another one includes, by its path: that of the including file's folder
/// joined with what is written, which may lead out of it (`..`) or be absolute. Which files may be read is for the callee
/// to decide; an error is the reason that [`Reason::NotIncluded`] then has.
pub type Include<'a> = dyn FnMut(&Path) -> Result<Vec<u8>, String> + 'a;

impl Format {
    /// The format of a file: by its name, else by its content. A name that a tool writes decides alone; a file of another
    /// name is looked into.
    ///
    /// # Errors
    /// [`LockfileError::Unknown`], and what makes the content unreadable as text.
    pub fn detect(path: &Path, bytes: &[u8]) -> Result<Self, LockfileError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let infix = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
        match name {
            "uv.lock" => Ok(Self::Uv),
            "poetry.lock" => Ok(Self::Poetry),
            "Pipfile.lock" => Ok(Self::Pipfile),
            "pylock.toml" => Ok(Self::Pylock),
            _ if infix.is_some_and(|infix| !infix.is_empty() && !infix.contains('.')) => Ok(Self::Pylock),
            _ if name.ends_with(".txt") => Ok(Self::Requirements),
            _ => Self::by_content(path, bytes),
        }
    }

    fn by_content(path: &Path, bytes: &[u8]) -> Result<Self, LockfileError> {
        let text = text::decode(path, bytes)?;
        let unknown = || LockfileError::Unknown { path: path.to_owned() };
        if text.trim_start().starts_with('{') {
            let value = json::read(path, text)?;
            let is_pipfile = Table::document(path, &value)?.has("_meta");
            return if is_pipfile { Ok(Self::Pipfile) } else { Err(unknown()) };
        }
        if let Ok(value) = toml_document::read(path, text) {
            let document = Table::document(path, &value)?;
            if document.has("lock-version") && document.has("packages") {
                return Ok(Self::Pylock);
            }
            // PDM and Cargo write lists of the same name: they have no such keys.
            let of_poetry = |metadata: &Table<'_>| metadata.has("content-hash") || metadata.has("python-versions");
            if document.optional_table("metadata").ok().flatten().as_ref().is_some_and(of_poetry) {
                return Ok(Self::Poetry);
            }
            let is_uv = document.has("version") && document.has("requires-python");
            return if is_uv { Ok(Self::Uv) } else { Err(unknown()) };
        }
        let lockfile = requirements::read(path, text, &mut not_followed).map_err(|_| unknown())?;
        if lockfile.locked.is_empty() { Err(unknown()) } else { Ok(Self::Requirements) }
    }
}

impl Lockfile {
    /// Reads a lock file. `path` decides of the format, where its name is one that a tool writes, and stands in messages.
    /// Files that a requirements file includes are not read, and are among [`Lockfile::unpinned`].
    ///
    /// # Errors
    /// [`LockfileError`]: of more than 64 MiB, of no known format, or not as its format is.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, LockfileError> {
        Self::read_as(Format::detect(path, bytes)?, path, bytes, &mut not_followed)
    }

    /// Reads a lock file of a known format; `include` gives what a requirements file includes. What is included is at most
    /// 32 files deep, of 1000 files and 64 MiB.
    ///
    /// # Errors
    /// As [`Lockfile::read`]; and where an included file cannot be read as a requirements file, or includes itself.
    pub fn read_as(
        format: Format,
        path: &Path,
        bytes: &[u8],
        include: &mut Include<'_>,
    ) -> Result<Self, LockfileError> {
        let text = text::decode(path, bytes)?;
        match format {
            Format::Requirements => requirements::read(path, text, include),
            Format::Uv => uv::read(path, text),
            Format::Pylock => pylock::read(path, text),
            Format::Poetry => poetry::read(path, text),
            Format::Pipfile => pipfile::read(path, text),
        }
    }

    pub(crate) fn empty(path: &Path, format: Format) -> Self {
        Self { path: path.to_owned(), format, locked: Vec::new(), unpinned: Vec::new(), settings: Vec::new() }
    }

    /// Adds what is not pinned, of a format that names a project in each entry.
    pub(crate) fn leave(&mut self, name: PackageName, line: Option<usize>, reason: Reason) {
        let (what, path) = (name.to_string(), self.path.clone());
        self.unpinned.push(Unpinned { what, name: Some(name), reason, path, line });
    }
}

fn not_followed(_: &Path) -> Result<Vec<u8>, String> {
    Err("files that are included are not followed".to_owned())
}
