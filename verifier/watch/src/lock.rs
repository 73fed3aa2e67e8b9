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
    let mut first = None;
    for setting in lock.settings.iter().filter(|setting| !setting.is_of_requirement) {
        let place = place(&setting.path, Some(setting.line));
        match (setting.name, &setting.value) {
            ("--index-url", Some(value)) => {
                match draft.index_for(value, indexes, &|| "what the file pins".to_owned()) {
                    Ok(index) => first = Some(index),
                    // All of it does, and its names are no concern of another index.
                    Err(trouble) => {
                        draft.problem(Some(place), trouble);
                        return Ok(());
                    }
                }
            }
            ("--extra-index-url", Some(value)) => {
                if let Err(trouble) = draft.index_for(value, indexes, &|| "some of what the file pins".to_owned()) {
                    draft.problem(Some(place), trouble);
                }
            }
            _ => {}
        }
    }
    let unnamed = draft.indexes(first.as_ref(), indexes);
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
        match files_of(&locked, draft, &unnamed, indexes, &place) {
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

/// `unnamed` are the indexes to ask for a release that names none.
fn files_of(
    locked: &Locked,
    draft: &mut Draft<'_>,
    unnamed: &[PypiIndex],
    others: &[PypiIndex],
    place: &str,
) -> Result<Pins, Trouble> {
    let (name, version) = (&locked.name, &locked.version);
    let elsewhere = |from: String| Err(Trouble::NotOfIndex { name: name.clone(), version: version.clone(), from });
    let named = match &locked.source {
        Source::Registry { index } => index.as_deref(),
        // Wherever it is had from: its digest says whether it is the published file.
        Source::Url { .. } => None,
        Source::Git { repository, commit } => {
            return elsewhere(format!("the commit {commit} of {}", quoted(repository)));
        }
        Source::Path { path } => return elsewhere(format!("the file {} of this machine", quoted(path))),
    };
    let indexes = match named {
        Some(named) => vec![draft.index_for(named, others, &|| format!("{name} {version}"))?],
        None => unnamed.to_vec(),
    };
    let no_sha256 = |files: &[LockedFile]| {
        let algorithms = files.iter().flat_map(|file| &file.other_digests).map(|digest| digest.algorithm.clone());
        let mut algorithms: Vec<String> = algorithms.collect();
        algorithms.sort();
        algorithms.dedup();
        Trouble::NoSha256 { name: name.clone(), version: version.clone(), algorithms }
    };
    if !locked.has_sha256() {
        return Err(no_sha256(&locked.files));
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
        return Ok(Pins::Digests(indexes, pinned));
    };
    let (mut files, mut others) = (Vec::new(), 0_usize);
    for (file, sha256) in pinned {
        let text = file.file_name.as_deref().unwrap_or_default();
        match text.parse::<DistributionFileName>() {
            Ok(file_name) if file_name.name() == name && file_name.version() == version => {
                files.push((file_name, sha256, file.size_bytes));
            }
            Ok(_) => {
                let (of, file_name) = (format!("{name} {version}"), text.chars().take(200).collect());
                draft.problem(Some(place.to_owned()), Trouble::OtherRelease { of, file_name });
            }
            Err(_) => others += 1,
        }
    }
    if others > 0 {
        draft.note(&format!(
            "{name} {version} pins {others} files that are neither wheels nor sdists, which no installer takes"
        ));
    }
    Ok(Pins::Named(index.clone(), files))
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
        draft.push(Item::Ready(Box::new(watched)))?;
    }
    Ok(())
}

/// A file, and a line of it.
pub(crate) fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use crate::WatchState;
    use crate::test_asking::{FakeAsking, digest, file, names, project, told};

    const WHEEL: &str = "six-1.16.0-py2.py3-none-any.whl";
    const SDIST: &str = "six-1.16.0.tar.gz";
    const EGG: &str = "six-1.16.0-py2.7.egg";

    fn indexes() -> FakeAsking {
        let files = [file(WHEEL, "2021-05-05"), file(SDIST, "2021-05-05"), file(EGG, "2021-05-05")];
        FakeAsking::new([project("six", Some(3), &files)])
    }

    fn folder(files: &[(&str, String)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn requirement(version: &str, files: &[&str]) -> String {
        let hashes: String = files.iter().map(|name| format!(" --hash=sha256:{}", digest(name))).collect();
        format!("six=={version}{hashes}\n")
    }

    const TABLE: &str =
        "[[watch]]\nkind = \"requirements\"\npath = \"requirements.txt\"\nplatforms = [\"linux-x86_64\"]\n";

    #[test]
    fn digests_of_requirements_become_the_files_that_the_index_lists() {
        let folder = folder(&[("requirements.txt", requirement("1.16.0", &[SDIST, EGG, WHEEL]))]);
        let list = indexes().list(folder.path(), TABLE);
        assert_eq!(names(&list), [WHEEL]);
        let watched = &list.subjects[0];
        assert_eq!((watched.promised, watched.listed), (Some(digest(WHEEL)), Some(digest(WHEEL))));
        assert_eq!((watched.size_bytes, watched.index_url.as_deref()), (Some(7), None));
        assert_eq!(watched.uploaded.unwrap().to_string(), "2021-05-05T12:00:00Z");
        assert!(list.problems.is_empty());
        assert_eq!(list.notes, ["six pins 1 files that are neither wheels nor sdists, which no installer takes"]);
        let all = TABLE.replace("platforms = [\"linux-x86_64\"]", "files = \"all\"");
        assert_eq!(names(&indexes().list(folder.path(), &all)), [SDIST, WHEEL]);
    }

    #[test]
    fn what_is_not_pinned_or_not_listed_is_told_and_the_rest_is_watched() {
        let commit = "6d2cd7d8a2a3c1a2a3c1a2a3c1a2a3c1a2a3c1a2";
        let text = format!(
            "attrs>=20\n{}idna==3.4\nyarl @ git+https://git.example/yarl@{commit}#egg=yarl\n",
            requirement("1.16.0", &[WHEEL, "another"])
        );
        let folder = folder(&[("requirements.txt", text)]);
        let list = indexes().list(folder.path(), TABLE);
        assert_eq!(names(&list), [WHEEL]);
        let told = told(&list);
        let begins = [
            "list requirements:requirements.txt: requirements.txt:1: \"attrs>=20\" is not pinned: it names no exact version; pin".to_owned(),
            "list requirements:requirements.txt: requirements.txt:4: ".to_owned(),
            "list requirements:requirements.txt: requirements.txt:3: idna 3.4 is pinned by no digest, and no SHA-256 tells".to_owned(),
            format!(
                "list requirements:requirements.txt: requirements.txt:2: six 1.16.0 is pinned by sha256:{}, and https://index.example/simple/ lists no file with this digest; find out",
                digest("another")
            ),
        ];
        assert_eq!(told.len(), begins.len(), "{told:#?}");
        for (told, begin) in told.iter().zip(begins) {
            assert!(told.starts_with(&begin), "{told}");
        }
    }

    #[test]
    fn a_lock_file_that_did_not_change_asks_nothing() {
        let folder = folder(&[("requirements.txt", requirement("1.16.0", &[SDIST, WHEEL, EGG]))]);
        let (indexes, mut state) = (indexes(), WatchState::default());
        let first = indexes.reading(folder.path(), TABLE, &mut state);
        assert_eq!((indexes.asked().len(), first.pages.asked), (1, 1));
        let mut state = WatchState::from_json(state.to_json().unwrap().as_bytes()).unwrap();
        let second = indexes.reading(folder.path(), TABLE, &mut state);
        assert_eq!((indexes.asked().len(), second.pages.asked), (0, 0));
        assert_eq!(first.lists, second.lists);
        // A digest that is not known yet asks for the page, each time while it is missing.
        fs::write(folder.path().join("requirements.txt"), requirement("1.16.0", &[WHEEL, "missing"])).unwrap();
        for _ in 0..2 {
            let third = indexes.reading(folder.path(), TABLE, &mut state);
            assert_eq!((indexes.asked().len(), third.lists[0].problems.len()), (1, 1));
        }
    }

    #[test]
    fn what_is_pinned_twice_is_watched_once() {
        let line = requirement("1.16.0", &[WHEEL, WHEEL]);
        let folder = folder(&[("requirements.txt", format!("{line}{}", line.replace("six==", "Six ==")))]);
        let list = indexes().list(folder.path(), TABLE);
        assert_eq!((names(&list), told(&list)), (vec![WHEEL.to_owned()], vec![]));
    }

    #[test]
    fn a_digest_of_another_release_is_told() {
        let folder = folder(&[("requirements.txt", requirement("1.17.0", &[WHEEL]))]);
        let list = indexes().list(folder.path(), TABLE);
        assert!(list.subjects.is_empty());
        assert!(told(&list)[0].contains("six 1.17.0 is pinned by a file of another release, \"six-1.16.0"));
    }

    #[test]
    fn a_project_that_no_index_has_is_told_once() {
        let text = requirement("1", &["a", "b"]).replace("six", "ours");
        let folder = folder(&[("requirements.txt", text)]);
        let told = told(&indexes().list(folder.path(), TABLE));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("ours cannot be looked up: the index at https://index.example/simple/ has no project")
        );
    }

    #[test]
    fn lock_files_with_names_ask_nothing() {
        let uv = format!(
            "version = 1\nrequires-python = \">=3.8\"\n[[package]]\nname = \"ours\"\nversion = \"1\"\nsource = {{ editable = \".\" }}\n\
             [[package]]\nname = \"six\"\nversion = \"1.16.0\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
             sdist = {{ url = \"https://files.example/{SDIST}\", hash = \"sha256:{}\", size = 34 }}\n\
             wheels = [{{ url = \"https://files.example/{WHEEL}\", hash = \"sha256:{}\", size = 11 }}]\n",
            digest(SDIST),
            digest(WHEEL)
        );
        let folder = folder(&[("uv.lock", uv)]);
        let indexes = indexes();
        let list = indexes.list(folder.path(), "[[watch]]\nkind = \"lock\"\npath = \"uv.lock\"\n");
        assert_eq!((names(&list), indexes.asked().len()), (vec![WHEEL.to_owned()], 0));
        assert_eq!((list.subjects[0].promised, list.subjects[0].size_bytes), (Some(digest(WHEEL)), Some(11)));
        assert_eq!(list.notes, ["ours is the project of the lock file itself, and is not watched"]);
        let all = indexes.list(folder.path(), "[[watch]]\nkind = \"uv\"\npath = \"uv.lock\"\nfiles = \"all\"\n");
        assert_eq!(names(&all), [SDIST, WHEEL]);
    }

    #[test]
    fn the_other_formats_are_read_too() {
        let sha256 = digest(WHEEL);
        let pylock = format!(
            "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
             wheels = [{{ name = \"{WHEEL}\", url = \"https://files.example/{WHEEL}\", hashes = {{ sha256 = \"{sha256}\" }} }}]\n"
        );
        let poetry = format!(
            "[[package]]\nname = \"six\"\nversion = \"1.16.0\"\nfiles = [{{ file = \"{WHEEL}\", hash = \"sha256:{sha256}\" }}]\n\
             [metadata]\nlock-version = \"2.0\"\npython-versions = \"*\"\ncontent-hash = \"x\"\n"
        );
        let pipfile = format!(
            r#"{{"_meta": {{"pipfile-spec": 6, "sources": [{{"name": "main", "url": "https://index.example/simple"}}]}},
                "default": {{"six": {{"version": "==1.16.0", "index": "main", "hashes": ["sha256:{sha256}"]}}}}}}"#
        );
        let files = [("pylock.toml", pylock), ("poetry.lock", poetry), ("Pipfile.lock", pipfile)];
        let folder = folder(&files);
        for (kind, (path, _)) in ["pylock", "poetry", "pipfile"].into_iter().zip(&files) {
            for kind in [kind, "lock"] {
                let list = indexes().list(folder.path(), &format!("[[watch]]\nkind = \"{kind}\"\npath = \"{path}\"\n"));
                assert_eq!((names(&list), told(&list)), (vec![WHEEL.to_owned()], vec![]), "{kind} {path}");
            }
        }
    }

    #[test]
    fn an_index_that_a_lock_file_names_is_asked_only_where_the_list_allows_it() {
        let line = "--index-url https://wheels.example/simple\n";
        let folder = folder(&[("requirements.txt", format!("{line}{}", requirement("1.16.0", &[WHEEL])))]);
        let own = project("six", None, &[file(WHEEL, "2021-05-05")]);
        let indexes = FakeAsking::new([]).with("https://wheels.example/simple/", own);
        let list = indexes.list(folder.path(), TABLE);
        assert!(list.subjects.is_empty() && indexes.asked().is_empty());
        let said = "requirements.txt:1: what the file pins comes from https://wheels.example/simple/, an index that this list may not ask; add";
        assert!(told(&list)[0].contains(said), "{:?}", told(&list));
        let allowed = format!("{TABLE}indexes = [\"https://user:secret@wheels.example/simple/\"]\n");
        let list = indexes.list(folder.path(), &allowed);
        assert_eq!(indexes.asked(), ["https://wheels.example/simple/six"]);
        assert_eq!(list.subjects[0].index_url.as_deref(), Some("https://wheels.example/simple/"));
        assert_eq!(list.indexes[0].url().password(), Some("secret"));
        assert!(!format!("{list:?}").contains("secret"));
    }

    #[test]
    fn a_second_index_is_asked_for_what_the_first_does_not_have() {
        let folder = folder(&[("requirements.txt", requirement("1.16.0", &[WHEEL, "six-1.16.0.zip"]))]);
        let second = project("six", None, &[file("six-1.16.0.zip", "2022-01-01")]);
        let indexes = indexes().with("https://wheels.example/simple/", second);
        let table = TABLE.replace("platforms = [\"linux-x86_64\"]", "files = \"all\"");
        let list = indexes.list(folder.path(), &format!("{table}indexes = [\"https://wheels.example/simple\"]\n"));
        assert_eq!((names(&list), told(&list)), (vec![WHEEL.to_owned(), "six-1.16.0.zip".to_owned()], vec![]));
        assert_eq!(list.subjects[1].index_url.as_deref(), Some("https://wheels.example/simple/"));
    }

    #[test]
    fn included_files_are_read_below_the_folder_and_nowhere_else() {
        let outside = folder(&[("outside.txt", requirement("1.16.0", &[SDIST]))]);
        let line = format!("-r more/base.txt\n-r {}\n", outside.path().join("outside.txt").display());
        let folder = folder(&[("requirements.txt", line), ("more/base.txt", requirement("1.16.0", &[WHEEL]))]);
        let list = indexes().list(folder.path(), TABLE);
        assert_eq!(names(&list), [WHEEL]);
        let told = told(&list);
        assert!(told.len() == 1 && told[0].contains("it is outside of the folder of twinbuild.toml"), "{told:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_problem_of_its_list_alone() {
        let folder =
            folder(&[("requirements.txt", requirement("1.16.0", &[WHEEL])), ("bad/uv.lock", "[[[".to_owned())]);
        let tables = format!(
            "[[watch]]\nkind = \"uv\"\npath = \"uv.lock\"\n[[watch]]\nkind = \"uv\"\npath = \"bad\"\n\
             [[watch]]\nkind = \"uv\"\npath = \"bad/uv.lock\"\n{TABLE}"
        );
        let lists = indexes().reading(folder.path(), &tables, &mut WatchState::default()).lists;
        let told: Vec<String> = lists.iter().flat_map(told).collect();
        assert!(told[0].starts_with("list uv:uv.lock: uv.lock: it cannot be read: No such file"), "{told:?}");
        assert!(told[1].starts_with("list uv:bad: bad: it cannot be read: it is no file; check `path`"), "{told:?}");
        assert!(told[2].starts_with("list uv:bad/uv.lock: bad/uv.lock:1 is not TOML"), "{told:?}");
        assert_eq!((told.len(), names(&lists[3])), (3, vec![WHEEL.to_owned()]));
    }

    #[test]
    fn a_release_for_other_platforms_is_noted() {
        let wheel = "pywin32-306-cp311-cp311-win_amd64.whl";
        let text = requirement("306", &[wheel]).replace("six", "pywin32");
        let folder = folder(&[("requirements.txt", text)]);
        let list = FakeAsking::new([project("pywin32", None, &[file(wheel, "2023-01-01")])]).list(folder.path(), TABLE);
        assert_eq!((list.subjects.len(), list.problems.len()), (0, 0));
        assert_eq!(list.notes, ["pywin32 306 has no file for linux-x86_64, and is not watched"]);
    }

    #[test]
    fn hostile_text_is_escaped() {
        let text = "six @ https://files.example/\u{202e}\n".to_owned();
        let folder = folder(&[("requirements.txt", text)]);
        let told = told(&indexes().list(folder.path(), TABLE)).concat();
        assert!(!told.is_empty() && !told.contains('\u{202e}'), "{told:?}");
    }
}
