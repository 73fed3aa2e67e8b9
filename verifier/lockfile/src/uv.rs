//! `uv.lock`: TOML, one `[[package]]` a release, with all files of the release.

use std::path::Path;

use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::digest::{self, Digest, named_file};
use crate::document::Table;
use crate::lockfile::{Format, Lockfile};
use crate::package_files::{file_name, sdist_and_wheels};
use crate::{Locked, LockedFile, LockfileError, Reason, Source, toml_document};

/// What stands in `source`.
const SOURCES: &str = "a table with one of registry, git, url, path, directory, editable or virtual";

pub(crate) fn read(path: &Path, text: &str) -> Result<Lockfile, LockfileError> {
    let value = toml_document::read(path, text)?;
    let document = Table::document(path, &value)?;
    match document.optional_count("version")? {
        Some(1) => {}
        Some(other) => {
            let (path, found) = (path.to_owned(), other.to_string());
            return Err(LockfileError::Version { path, line: None, format: "uv.lock", found, expected: "1" });
        }
        None => return Err(document.refuse("version", "1")),
    }
    let mut lockfile = Lockfile::empty(path, Format::Uv);
    for package in document.tables("package")? {
        let (name, version) = (package.name("name")?, package.optional_version("version")?);
        match pinned(&package, &name, version)? {
            Ok((version, source)) => {
                let files = sdist_and_wheels(&package, (&name, &version), file)?;
                let (path, line) = (path.to_owned(), package.line);
                let has_digest = files.iter().any(|file| file.sha256.is_some() || !file.other_digests.is_empty());
                if matches!(source, Source::Url { .. } | Source::Path { .. }) && !has_digest {
                    lockfile.leave(name, line, Reason::NoDigest);
                } else {
                    lockfile.locked.push(Locked { name, version, files, source, marker: None, path, line });
                }
            }
            Err(reason) => lockfile.leave(name, package.line, reason),
        }
    }
    Ok(lockfile)
}

/// Where a release comes from, or why it is not pinned.
fn pinned(
    package: &Table<'_>,
    name: &PackageName,
    version: Option<Version>,
) -> Result<Result<(Version, Source), Reason>, LockfileError> {
    let source = package.optional_table("source")?.ok_or_else(|| package.refuse("source", SOURCES))?;
    let folder = |folder: &str, is_editable| Ok(Err(Reason::Folder { folder: folder.to_owned(), is_editable }));
    for (key, is_editable) in [("editable", true), ("directory", false), ("virtual", false)] {
        if let Some(path) = source.optional_string(key)? {
            return folder(path, is_editable);
        }
    }
    let source = if let Some(git) = source.optional_string("git")? {
        // `repository?branch=name#commit`
        let (address, commit) = git.rsplit_once('#').unwrap_or((git, ""));
        let repository = address.split('?').next().unwrap_or_default().to_owned();
        let Ok(commit) = commit.parse() else { return Ok(Err(Reason::NoCommit { repository })) };
        Source::Git { repository, commit }
    } else if let Some(path) = source.optional_string("path")? {
        Source::Path { path: path.to_owned() }
    } else if let Some(url) = source.optional_string("url")? {
        Source::Url { url: url.to_owned() }
    } else if let Some(index) = source.optional_string("registry")? {
        let Some(version) = version else { return Err(package.refuse("version", &format!("a version of {name}"))) };
        return Ok(Ok((version, Source::Registry { index: Some(index.to_owned()) })));
    } else {
        return Err(package.refuse("source", SOURCES));
    };
    Ok(match (version, source) {
        (Some(version), source) => Ok((version, source)),
        (None, Source::Git { repository, commit }) => Err(Reason::Commit { repository, commit: commit.to_string() }),
        (None, _) => Err(Reason::UnknownVersion),
    })
}

fn file(table: &Table<'_>) -> Result<LockedFile, LockfileError> {
    let file_name = file_name(table, "filename")?;
    let hash = table.optional_string("hash")?;
    let digest = hash.map(|text| Digest::read(text).ok_or_else(|| table.refuse("hash", digest::EXPECTED)));
    let size_bytes = table.optional_count("size")?;
    Ok(LockedFile { size_bytes, ..named_file(file_name, digest.transpose()?) })
}
