//! Lock files.

use std::path::Path;

use twinbuild_lockfile::{Format, Locked, LockedFile, Lockfile, Reason, Source, Unpinned};
use twinbuild_registry::PypiIndex;
use twinbuild_subject::{DistributionFileName, Sha256};

use crate::draft::Draft;
use crate::problem::quoted;
use crate::want::{Asked, Item, Pinned};
use crate::{FileChoice, Trouble, Watched};

pub(crate) fn draft(
    draft: &mut Draft<'_>,
    format: Option<Format>,
    path: &Path,
    indexes: &[PypiIndex],
    choice: &FileChoice,
) -> Result<(), Trouble> {
    let bytes = draft.read(path)?;
    let format = format.map_or_else(|| Format::detect(path, &bytes), Ok).map_err(Trouble::Document)?;
    let lock = Lockfile::read_as(format, path, &bytes, &mut |included| draft.read_included(included));
    let lock = lock.map_err(Trouble::Document)?;
    for setting in &lock.settings {
        let is_index = matches!(setting.name, "--index-url" | "--extra-index-url") && !setting.is_of_requirement;
        if let Some(value) = setting.value.as_deref().filter(|_| is_index)
            && let Err(trouble) = draft.indexes_for(Some(value), indexes, &|| format!("what {} says", setting.name))
        {
            draft.problem(Some(place(&setting.path, Some(setting.line))), trouble);
        }
    }
    for Unpinned { what, reason, path, line, .. } in lock.unpinned {
        match &reason {
            Reason::Folder { folder, .. } if folder == "." => {
                draft.note(&format!("{what} is the project of the lock file itself, and is not watched"));
            }
            _ => draft.problem(Some(place(&path, line)), Trouble::Unpinned { what, reason }),
        }
    }
    for locked in lock.locked {
        let place = place(&locked.path, locked.line);
        match files_of(&locked, draft, indexes, &place)? {
            Ok(Pins::Named(index, files)) => push_named(draft, &locked, &index, files, choice)?,
            Ok(Pins::Digests(indexes, pinned)) => {
                let version = Some(locked.version);
                draft.want(locked.name, indexes, Asked::Digests { version, pinned }, Some(place))?;
            }
            Err(trouble) => draft.problem(Some(place), trouble),
        }
    }
    Ok(())
}

/// What pins a release.
enum Pins {
    /// Files by name and digest: nothing is to be asked.
    Named(PypiIndex, Vec<(DistributionFileName, Sha256, Option<u64>)>),
    /// Digests: the indexes know of which files.
    Digests(Vec<PypiIndex>, Vec<Pinned>),
}

fn files_of(
    locked: &Locked,
    draft: &mut Draft<'_>,
    others: &[PypiIndex],
    place: &str,
) -> Result<Result<Pins, Trouble>, Trouble> {
    let (name, version) = (&locked.name, &locked.version);
    let elsewhere = |from: String| Ok(Err(Trouble::NotOfIndex { name: name.clone(), version: version.clone(), from }));
    let named = match &locked.source {
        Source::Registry { index } => index.as_deref(),
        // Wherever it is had from: its digest says whether it is the published file.
        Source::Url { .. } => None,
        Source::Git { repository, commit } => {
            return elsewhere(format!("the commit {commit} of {}", quoted(repository)));
        }
        Source::Path { path } => return elsewhere(format!("the file {} of this machine", quoted(path))),
    };
    let indexes = match draft.indexes_for(named, others, &|| format!("{name} {version}")) {
        Ok(indexes) => indexes,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let no_sha256 = |files: &[LockedFile]| {
        let algorithms = files.iter().flat_map(|file| &file.other_digests).map(|digest| digest.algorithm.clone());
        let mut algorithms: Vec<String> = algorithms.collect();
        algorithms.sort();
        algorithms.dedup();
        Trouble::NoSha256 { name: name.clone(), version: version.clone(), algorithms }
    };
    if !locked.has_sha256() {
        return Ok(Err(no_sha256(&locked.files)));
    }
    if locked.files.iter().any(|file| file.sha256.is_none()) {
        let without: Vec<LockedFile> = locked.files.iter().filter(|file| file.sha256.is_none()).cloned().collect();
        draft.problem(Some(place.to_owned()), no_sha256(&without));
    }
    let pinned = locked.files.iter().filter_map(|file| Some((file, file.sha256?)));
    let is_named = pinned.clone().all(|(file, _)| file.file_name.is_some());
    let (Source::Registry { .. }, true, [index, ..]) = (&locked.source, is_named, indexes.as_slice()) else {
        let pinned = pinned.map(|(_, sha256)| Pinned { sha256, file_name: None, local: None });
        let pinned = pinned.collect();
        return Ok(Ok(Pins::Digests(indexes, pinned)));
    };
    let (mut files, mut others) = (Vec::new(), 0_usize);
    for (file, sha256) in pinned {
        let text = file.file_name.as_deref().unwrap_or_default();
        match text.parse::<DistributionFileName>() {
            Ok(file_name) if file_name.name() == name && file_name.version() == version => {
                files.push((file_name, sha256, file.size_bytes));
            }
            Ok(_) => {
                let (name, version, file_name) = (name.clone(), version.clone(), text.chars().take(200).collect());
                draft.problem(Some(place.to_owned()), Trouble::OtherRelease { name, version, file_name });
            }
            Err(_) => others += 1,
        }
    }
    if others > 0 {
        draft.note(&format!(
            "{name} {version} pins {others} files that are neither wheels nor sdists, which no installer takes"
        ));
    }
    Ok(Ok(Pins::Named(index.clone(), files)))
}

fn push_named(
    draft: &mut Draft<'_>,
    locked: &Locked,
    index: &PypiIndex,
    files: Vec<(DistributionFileName, Sha256, Option<u64>)>,
    choice: &FileChoice,
) -> Result<(), Trouble> {
    let is_any = !files.is_empty();
    let chosen = choice.choose(files, |(file_name, ..)| file_name);
    if is_any && chosen.is_empty() {
        draft.nothing_fits(&locked.name, &locked.version, choice);
    }
    for (file_name, sha256, size_bytes) in chosen {
        let watched = Watched { promised: Some(sha256), size_bytes, ..draft.on_index(index, file_name) };
        draft.push(Item::Ready(watched))?;
    }
    Ok(())
}

/// A file, and a line of it.
pub(crate) fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}
