//! `Pipfile.lock`: JSON, one object a category (`default`, `develop` and those that the project names), one entry a project.

use std::path::Path;

use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::digest::{self, Digest};
use crate::document::Table;
use crate::locked::release_of;
use crate::lockfile::{Format, Lockfile};
use crate::{Locked, LockfileError, Reason, Source, address, json};

pub(crate) fn read(path: &Path, text: &str) -> Result<Lockfile, LockfileError> {
    let value = json::read(path, text)?;
    let document = Table::document(path, &value)?;
    let meta = document.table("_meta")?;
    match meta.optional_count("pipfile-spec")? {
        Some(6) => {}
        Some(other) => {
            let (path, found) = (path.to_owned(), other.to_string());
            return Err(LockfileError::Version { path, line: None, format: "Pipfile.lock", found, expected: "6" });
        }
        None => return Err(meta.refuse("pipfile-spec", "6")),
    }
    let mut indexes = Vec::new();
    for source in meta.tables("sources")? {
        indexes.push((source.optional_string("name")?, source.string("url")?));
    }
    let mut lockfile = Lockfile::empty(path, Format::Pipfile);
    for category in document.each_table() {
        let (category, projects) = category?;
        if category == "_meta" {
            continue;
        }
        for project in projects.each_table() {
            let (key, project) = project?;
            let name = key.parse().map_err(|_| projects.refuse(key, "a project, by its name (PEP 503)"))?;
            read_project(&mut lockfile, &indexes, name, &project)?;
        }
    }
    Ok(lockfile)
}

fn read_project(
    lockfile: &mut Lockfile,
    indexes: &[(Option<&str>, &str)],
    name: PackageName,
    project: &Table<'_>,
) -> Result<(), LockfileError> {
    let mut files = Vec::new();
    for text in project.strings("hashes")? {
        let digest = Digest::read(text).ok_or_else(|| project.refuse("hashes", digest::EXPECTED))?;
        files.push(digest.into_file());
    }
    let mut version = version(project)?;
    let of_file = |name: &PackageName, address: &str| {
        let named = address::file_name(address).and_then(|file_name| release_of(&file_name));
        named.filter(|(of, _)| of == name).map(|(_, version)| version)
    };
    let is_editable = project.is_set("editable")?;
    let local = project.optional_string("path")?;
    let local = local.or(project.optional_string("file")?.filter(|file| !address::is_address(file)));
    let source = if let Some(git) = project.optional_string("git")? {
        let repository = git.to_owned();
        match project.optional_string("ref")?.and_then(|commit| commit.parse().ok()) {
            Some(commit) => Source::Git { repository, commit },
            None => return leave(lockfile, name, Reason::NoCommit { repository }),
        }
    } else if let Some(system) = ["hg", "svn", "bzr"].into_iter().find(|system| project.has(system)) {
        return leave(lockfile, name, Reason::OtherVersionControl { system: system.to_owned() });
    } else if let Some(path) = local {
        let is_file = address::file_name(path).and_then(|file_name| release_of(&file_name)).is_some();
        if is_editable || !is_file {
            return leave(lockfile, name, Reason::Folder { folder: path.to_owned(), is_editable });
        }
        version = version.or_else(|| of_file(&name, path));
        Source::Path { path: path.to_owned() }
    } else if let Some(url) = project.optional_string("file")? {
        version = version.or_else(|| of_file(&name, url));
        Source::Url { url: url.to_owned() }
    } else {
        if version.is_none() {
            return leave(lockfile, name, Reason::NoVersion);
        }
        let index = project.optional_string("index")?;
        let address =
            index.map(|index| indexes.iter().find(|(name, _)| *name == Some(index)).map_or(index, |(_, url)| url));
        Source::Registry { index: address.map(str::to_owned) }
    };
    if matches!(source, Source::Path { .. } | Source::Url { .. }) && files.is_empty() {
        return leave(lockfile, name, Reason::NoDigest);
    }
    let marker = project.optional_string("markers")?.map(str::to_owned);
    match (version, source) {
        (Some(version), source) => {
            let path = lockfile.path.clone();
            lockfile.locked.push(Locked { name, version, files, source, marker, path, line: None });
            Ok(())
        }
        (None, Source::Git { repository, commit }) => {
            leave(lockfile, name, Reason::Commit { repository, commit: commit.to_string() })
        }
        (None, _) => leave(lockfile, name, Reason::UnknownVersion),
    }
}

fn leave(lockfile: &mut Lockfile, name: PackageName, reason: Reason) -> Result<(), LockfileError> {
    lockfile.leave(name, None, reason);
    Ok(())
}

/// The version of `==version`; none where another specifier, or none, stands there.
fn version(project: &Table<'_>) -> Result<Option<Version>, LockfileError> {
    let Some(text) = project.optional_string("version")? else { return Ok(None) };
    let Some(text) = text.strip_prefix("===").or_else(|| text.strip_prefix("==")).map(str::trim) else {
        return Ok(None);
    };
    if text.ends_with(".*") {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| project.refuse("version", "== and a version (PEP 440)"))
}
