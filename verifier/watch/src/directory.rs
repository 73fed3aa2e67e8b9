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
            *(if folder.join(&name).is_dir() { &mut folders } else { &mut others }) += 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_asking::{FakeAsking, file, names, project, told};
    use crate::{WatchTarget, Watched};

    const TABLE: &str = "[[watch]]\nkind = \"directory\"\npath = \"dist\"\n";

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dist")).unwrap();
        for name in names {
            // The digest that a made-up index lists is that of the name.
            fs::write(folder.path().join("dist").join(name), name).unwrap();
        }
        folder
    }

    fn local(watched: &Watched) -> (PathBuf, Option<PathBuf>) {
        let WatchTarget::Local { path, source } = &watched.target else { panic!("{watched}") };
        (path.clone(), source.clone())
    }

    #[test]
    fn files_that_the_index_lists_are_on_the_index_and_others_are_local() {
        let folder = folder(&[
            "six-1.16.0-py3-none-any.whl",
            "ours-1-py3-none-any.whl",
            "ours-1.tar.gz",
            "six-2-py3-none-any.whl",
            "notes.txt",
        ]);
        fs::create_dir(folder.path().join("dist/old")).unwrap();
        let asking = FakeAsking::new([project("six", None, &[file("six-1.16.0-py3-none-any.whl", "2021-05-05")])]);
        let list = asking.list(folder.path(), TABLE);
        assert!(told(&list).is_empty());
        let order =
            ["ours-1-py3-none-any.whl", "ours-1.tar.gz", "six-1.16.0-py3-none-any.whl", "six-2-py3-none-any.whl"];
        assert_eq!(names(&list), order);
        let dist = folder.path().join("dist");
        assert_eq!(local(&list.subjects[0]), (dist.join(order[0]), Some(dist.join(order[1]))));
        assert_eq!(local(&list.subjects[1]), (dist.join(order[1]), None));
        assert_eq!(list.subjects[1].size_bytes, Some(13));
        assert!(matches!(&list.subjects[2].target, WatchTarget::Release(_)));
        assert_eq!(list.subjects[2].promised, Some(Sha256::of(order[2].as_bytes())));
        assert_eq!(local(&list.subjects[3]), (dist.join(order[3]), None));
        let notes =
            ["1 files of dist are neither wheels nor sdists, by their names", "1 folders in dist are not looked into"];
        assert_eq!(list.notes, notes);
    }

    #[test]
    fn a_file_that_the_index_lists_with_another_digest_is_told_and_judged_as_it_is() {
        let folder = folder(&["six-1.16.0-py3-none-any.whl"]);
        fs::write(folder.path().join("dist/six-1.16.0-py3-none-any.whl"), "changed").unwrap();
        let asking = FakeAsking::new([project("six", None, &[file("six-1.16.0-py3-none-any.whl", "2021-05-05")])]);
        let list = asking.list(folder.path(), TABLE);
        assert_eq!(list.subjects[0].promised, Some(Sha256::of(b"changed")));
        local(&list.subjects[0]);
        assert!(told(&list)[0].contains("lists a file of this name with another; find out where"), "{:?}", told(&list));
    }

    #[test]
    fn links_are_not_followed_and_a_missing_folder_is_told() {
        let folder = folder(&["a-1.tar.gz"]);
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("dist/b-1.tar.gz")).unwrap();
        let asking = FakeAsking::new([]);
        let list = asking.list(folder.path(), TABLE);
        assert_eq!(names(&list), ["a-1.tar.gz"]);
        assert!(told(&list)[0].contains("dist/b-1.tar.gz: it cannot be read: it is no file; symbolic links"));
        let missing = told(&asking.list(folder.path(), &TABLE.replace("dist", "gone")));
        assert!(missing[0].starts_with("list directory:gone: gone: it cannot be read"), "{missing:?}");
    }
}
