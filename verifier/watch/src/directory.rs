//! A folder of wheels and sdists.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pep440_rs::Version;
use twinbuild_subject::{DistributionFileName, PackageName, Sha256, Sha256Hasher};

use crate::Trouble;
use crate::draft::Draft;
use crate::lock::place;
use crate::want::{Asked, LocalFile, Pinned};

/// The most entries of a folder that are looked at.
const MOST_FILES: usize = 100_000;
/// The largest file that is watched, in bytes: what is downloaded at most, too.
const MOST_BYTES: u64 = 2 << 30;

/// A wheel or an sdist of the folder.
struct Found {
    file_name: DistributionFileName,
    path: PathBuf,
    sha256: Sha256,
    size_bytes: u64,
}

pub(crate) fn draft(draft: &mut Draft<'_>, path: &Path) -> Result<(), Trouble> {
    let folder = draft.base.join(path);
    let unreadable = |error: io::Error| Trouble::Unreadable { reason: error.to_string() };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        if names.len() == MOST_FILES {
            return Err(Trouble::TooMany { what: "files", limit: MOST_FILES });
        }
        names.push(entry.map_err(unreadable)?.file_name());
    }
    names.sort();
    let (mut files, mut others, mut folders) = (Vec::new(), 0_usize, 0_usize);
    for name in names {
        let Some(file_name) = name.to_str().and_then(|text| text.parse::<DistributionFileName>().ok()) else {
            if folder.join(&name).is_dir() {
                folders += 1
            } else {
                others += 1
            }
            continue;
        };
        let of = path.join(file_name.text());
        match read(folder.join(&name), file_name) {
            Ok(found) => files.push(found),
            Err(trouble) => draft.problem(Some(place(&of, None)), trouble),
        }
    }
    if others > 0 {
        draft.note(&format!("{others} files of {} are neither wheels nor sdists, by their names", path.display()));
    }
    if folders > 0 {
        draft.note(&format!("{folders} folders in {} are not looked into", path.display()));
    }
    let sdists = sdists(&files);
    let mut projects: Vec<(PackageName, Vec<Pinned>)> = Vec::new();
    let mut places: BTreeMap<PackageName, usize> = BTreeMap::new();
    for Found { file_name, path, sha256, size_bytes } in files {
        let is_wheel = matches!(file_name, DistributionFileName::Wheel(_));
        let release = (file_name.name().clone(), file_name.version().clone());
        let source = sdists.get(&release).filter(|_| is_wheel).cloned();
        let name = release.0;
        let local = Some(LocalFile { path, source, size_bytes });
        let pinned = Pinned { sha256, file_name: Some(file_name), local };
        let at = *places.entry(name.clone()).or_insert(projects.len());
        match projects.get_mut(at) {
            Some((_, files)) => files.push(pinned),
            None => projects.push((name, vec![pinned])),
        }
    }
    for (name, pinned) in projects {
        let asked = Asked::Digests { version: None, pinned };
        draft.want(name, vec![draft.own_index.clone()], asked, Some(place(path, None)))?;
    }
    Ok(())
}

/// The sdist of each release that has one in the folder: `.tar.gz` before others, as names are sorted.
fn sdists(files: &[Found]) -> BTreeMap<(PackageName, Version), PathBuf> {
    let mut sdists = BTreeMap::new();
    for Found { file_name, path, .. } in files {
        if let DistributionFileName::Sdist(sdist) = file_name {
            sdists.entry((sdist.name.clone(), sdist.version.clone())).or_insert_with(|| path.clone());
        }
    }
    sdists
}

fn read(path: PathBuf, file_name: DistributionFileName) -> Result<Found, Trouble> {
    let unreadable = |error: io::Error| Trouble::Unreadable { reason: error.to_string() };
    // A link may lead anywhere, and to open a pipe waits for who writes to it.
    let metadata = fs::symlink_metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Trouble::Unreadable { reason: "it is no file; symbolic links are not followed".to_owned() });
    }
    if metadata.len() > MOST_BYTES {
        return Err(Trouble::TooLarge { limit_bytes: MOST_BYTES });
    }
    let mut hasher = Sha256Hasher::new();
    File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hasher)).map_err(unreadable)?;
    let size_bytes = hasher.size_bytes();
    Ok(Found { file_name, path, sha256: hasher.finish(), size_bytes })
}
