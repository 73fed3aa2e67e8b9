//! `pylock.toml` (PyPA "pylock.toml specification", PEP 751): TOML, one `[[packages]]` a release.

use std::path::Path;

use crate::digest::{Digest, named_file};
use crate::document::Table;
use crate::locked::release_of;
use crate::lockfile::{Format, Lockfile};
use crate::package_files::{file_name, sdist_and_wheels};
use crate::{Locked, LockedFile, LockfileError, Reason, Source, toml_document};

pub(crate) fn read(path: &Path, text: &str) -> Result<Lockfile, LockfileError> {
    let value = toml_document::read(path, text)?;
    let document = Table::document(path, &value)?;
    let found = document.string("lock-version")?;
    // A newer minor version adds what can be ignored.
    if found != "1" && !found.starts_with("1.") {
        let (path, found) = (path.to_owned(), format!("{found:?}"));
        return Err(LockfileError::Version { path, line: None, format: "pylock.toml", found, expected: "1.0" });
    }
    document.string("created-by")?;
    if !document.has("packages") {
        return Err(document.refuse("packages", "a list of tables"));
    }
    let mut lockfile = Lockfile::empty(path, Format::Pylock);
    for package in document.tables("packages")? {
        read_package(&mut lockfile, path, &package)?;
    }
    Ok(lockfile)
}

fn read_package(lockfile: &mut Lockfile, path: &Path, package: &Table<'_>) -> Result<(), LockfileError> {
    let (name, version) = (package.name("name")?, package.optional_version("version")?);
    let kinds = ["vcs", "directory", "archive"].into_iter().filter(|kind| package.has(kind));
    let of_index = package.has("sdist") || package.has("wheels");
    if kinds.count() + usize::from(of_index) != 1 {
        return Err(package.refuse_whole(
            "a package from none or several of them",
            "one of vcs, directory, archive, or sdist and wheels",
        ));
    }
    let (files, source, version) = if let Some(folder) = package.optional_table("directory")? {
        let (folder, is_editable) = (folder.string("path")?.to_owned(), folder.is_set("editable")?);
        lockfile.leave(name, package.line, Reason::Folder { folder, is_editable });
        return Ok(());
    } else if let Some(vcs) = package.optional_table("vcs")? {
        match commit(&vcs)? {
            Ok(source) => (Vec::new(), source, version),
            Err(reason) => {
                lockfile.leave(name, package.line, reason);
                return Ok(());
            }
        }
    } else if let Some(archive) = package.optional_table("archive")? {
        let file = file(&archive)?;
        let source = match (archive.optional_string("url")?, archive.optional_string("path")?) {
            (Some(url), _) => Source::Url { url: url.to_owned() },
            (None, Some(path)) => Source::Path { path: path.to_owned() },
            (None, None) => return Err(archive.refuse("url", "an address, or a path")),
        };
        let named = file.file_name.as_deref().and_then(release_of).filter(|(of, _)| *of == name);
        (vec![file], source, version.or(named.map(|(_, version)| version)))
    } else {
        let index = package.optional_string("index")?.map(str::to_owned);
        let version = version.ok_or_else(|| package.refuse("version", "a version (PEP 440)"))?;
        (sdist_and_wheels(package, (&name, &version), file)?, Source::Registry { index }, Some(version))
    };
    let marker = package.optional_string("marker")?.map(str::to_owned);
    let line = package.line;
    match (version, source) {
        (Some(version), source) => {
            lockfile.locked.push(Locked { name, version, files, source, marker, path: path.to_owned(), line });
        }
        (None, Source::Git { repository, commit }) => {
            lockfile.leave(name, line, Reason::Commit { repository, commit: commit.to_string() });
        }
        (None, _) => lockfile.leave(name, line, Reason::UnknownVersion),
    }
    Ok(())
}

fn commit(vcs: &Table<'_>) -> Result<Result<Source, Reason>, LockfileError> {
    let (system, id) = (vcs.string("type")?, vcs.string("commit-id")?);
    let repository = vcs.optional_string("url")?.or(vcs.optional_string("path")?);
    let repository = repository.ok_or_else(|| vcs.refuse("url", "an address, or a path"))?.to_owned();
    if system != "git" {
        return Ok(Err(Reason::OtherVersionControl { system: system.chars().take(32).collect() }));
    }
    Ok(match id.parse() {
        Ok(commit) => Ok(Source::Git { repository, commit }),
        Err(_) => Err(Reason::NoCommit { repository }),
    })
}

/// An archive, an sdist or a wheel: `name`, else the end of `url`, else that of `path`; `size`, and `hashes` by algorithm, of
/// which there is one at least.
fn file(table: &Table<'_>) -> Result<LockedFile, LockfileError> {
    let file_name = file_name(table, "name")?;
    let hashes = table.table("hashes")?;
    let mut digests = Vec::new();
    for algorithm in hashes.keys() {
        let digest = Digest::of(algorithm, hashes.string(algorithm)?);
        digests.push(digest.ok_or_else(|| hashes.refuse(algorithm, "the hexadecimal digits of a digest"))?);
    }
    if digests.is_empty() {
        return Err(table.refuse("hashes", "one digest at least"));
    }
    let size_bytes = table.optional_count("size")?;
    Ok(LockedFile { size_bytes, ..named_file(file_name, digests) })
}
