//! `poetry.lock`: TOML, one `[[package]]` a release. Version 2 has the files in the package; version 1 has them in
//! `[metadata.files]`, by the project's name alone.

use std::collections::HashMap;
use std::path::Path;

use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::digest::{self, Digest, named_file};
use crate::document::Table;
use crate::locked::release_of;
use crate::lockfile::{Format, Lockfile};
use crate::package_files::check_wheel;
use crate::{Locked, LockedFile, LockfileError, Reason, Source, toml_document};

/// What stands in `source.type`.
const SOURCES: &str = "legacy, git, directory, file or url";

pub(crate) fn read(path: &Path, text: &str) -> Result<Lockfile, LockfileError> {
    let value = toml_document::read(path, text)?;
    let document = Table::document(path, &value)?;
    let metadata = document.table("metadata")?;
    // Poetry 1.0 wrote none.
    let version = metadata.optional_string("lock-version")?.unwrap_or("1.0");
    let is_known = matches!(version.split('.').next(), Some("1" | "2"));
    if !is_known {
        let (path, line, found) = (path.to_owned(), metadata.line, format!("{version:?}"));
        return Err(LockfileError::Version { path, line, format: "poetry.lock", found, expected: "1 or 2" });
    }
    let shared = shared_files(&metadata)?;
    let mut lockfile = Lockfile::empty(path, Format::Poetry);
    for package in document.tables("package")? {
        let (name, line) = (package.name("name")?, package.line);
        let version = package.optional_version("version")?;
        let version = version.ok_or_else(|| package.refuse("version", "a version (PEP 440)"))?;
        let source = match source(&package)? {
            Ok(source) => source,
            Err(reason) => {
                lockfile.leave(name, line, reason);
                continue;
            }
        };
        let files = if package.has("files") {
            let files = package.tables("files")?;
            files.iter().map(|table| file(table, &name, &version)).collect::<Result<Vec<_>, _>>()?
        } else {
            let of_version = |file: &&LockedFile| {
                let named = file.file_name.as_deref().and_then(release_of);
                named.is_none_or(|(_, of)| of == version)
            };
            shared.get(&name).map(|files| files.iter().filter(of_version).cloned().collect()).unwrap_or_default()
        };
        if matches!(source, Source::Url { .. } | Source::Path { .. }) && files.is_empty() {
            lockfile.leave(name, line, Reason::NoDigest);
            continue;
        }
        let marker = marker(&package)?;
        lockfile.locked.push(Locked { name, version, files, source, marker, path: path.to_owned(), line });
    }
    Ok(lockfile)
}

/// `[metadata.files]` of version 1.
fn shared_files(metadata: &Table<'_>) -> Result<HashMap<PackageName, Vec<LockedFile>>, LockfileError> {
    let mut shared: HashMap<PackageName, Vec<LockedFile>> = HashMap::new();
    let Some(table) = metadata.optional_table("files")? else { return Ok(shared) };
    for entry in table.each_list() {
        let (key, files) = entry?;
        let name: PackageName = key.parse().map_err(|_| table.refuse(key, "the files of a project, by its name"))?;
        let files = files.iter().map(read_file).collect::<Result<Vec<_>, _>>()?;
        shared.entry(name).or_default().extend(files);
    }
    Ok(shared)
}

fn file(table: &Table<'_>, name: &PackageName, version: &Version) -> Result<LockedFile, LockfileError> {
    let file = read_file(table)?;
    check_wheel(table, file.file_name.as_deref(), name, version)?;
    Ok(file)
}

fn read_file(table: &Table<'_>) -> Result<LockedFile, LockfileError> {
    let hash = table.string("hash")?;
    let digest = Digest::read(hash).ok_or_else(|| table.refuse("hash", digest::EXPECTED))?;
    Ok(named_file(Some(table.string("file")?.to_owned()), [digest]))
}

/// Where a release comes from: PyPI unless it says otherwise.
fn source(package: &Table<'_>) -> Result<Result<Source, Reason>, LockfileError> {
    let Some(source) = package.optional_table("source")? else {
        return Ok(Ok(Source::Registry { index: None }));
    };
    let url = source.string("url")?.to_owned();
    Ok(match source.string("type")? {
        "legacy" => Ok(Source::Registry { index: Some(url) }),
        "git" => match source.optional_string("resolved_reference")?.and_then(|commit| commit.parse().ok()) {
            Some(commit) => Ok(Source::Git { repository: url, commit }),
            None => Err(Reason::NoCommit { repository: url }),
        },
        "directory" => Err(Reason::Folder { folder: url, is_editable: package.is_set("develop")? }),
        "file" => Ok(Source::Path { path: url }),
        "url" => Ok(Source::Url { url }),
        _ => return Err(source.refuse("type", SOURCES)),
    })
}

/// `markers`: of one text; or, by dependency group, of several, each of which is enough.
fn marker(package: &Table<'_>) -> Result<Option<String>, LockfileError> {
    match package.optional_string("markers") {
        Ok(marker) => Ok(marker.map(str::to_owned)),
        Err(_) => {
            let groups = package.table("markers")?;
            let mut markers = Vec::new();
            for group in groups.keys() {
                markers.push(groups.string(group)?);
            }
            markers.sort_unstable();
            markers.dedup();
            Ok(Some(match markers.as_slice() {
                [marker] => (*marker).to_owned(),
                markers => markers.iter().map(|marker| format!("({marker})")).collect::<Vec<_>>().join(" or "),
            }))
        }
    }
}
