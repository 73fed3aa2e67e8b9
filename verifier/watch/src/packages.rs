//! Packages by name.

use crate::draft::Draft;
use crate::want::Asked;
use crate::{Newest, Trouble, WatchedPackage};

pub(crate) fn draft(draft: &mut Draft<'_>, packages: &[WatchedPackage], newest: Newest) -> Result<(), Trouble> {
    for WatchedPackage { name, version } in packages {
        let asked = version.clone().map_or(Asked::Newest(newest), Asked::Version);
        draft.want(name.clone(), vec![draft.own_index.clone()], asked, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Barrier;

    use twinbuild_registry::{ProjectList, ProjectPage, ProjectStatus, PypiIndex, RegistryError};
    use twinbuild_subject::{PackageName, Sha256};

    use crate::test_asking::{FakeAsking, FakeFile, file, names, project, tables_of, told};
    use crate::{Asking, WatchState, read};

    fn table(packages: &str, more: &str) -> String {
        format!("[[watch]]\nkind = \"packages\"\npackages = [{packages}]\nplatforms = [\"linux-x86_64\"]\n{more}\n")
    }

    fn indexes() -> FakeAsking {
        let yanked = FakeFile { is_yanked: true, ..file("a-4-py3-none-any.whl", "2024-04-01") };
        let files = [
            file("a-1-py3-none-any.whl", "2024-01-01"),
            file("a-2-py3-none-any.whl", "2024-02-01"),
            file("a-3-py3-none-any.whl", "2024-03-01"),
            yanked,
            file("a-5rc1-py3-none-any.whl", "2024-05-01"),
        ];
        FakeAsking::new([project("a", Some(10), &files)])
    }

    fn watched(asking: &FakeAsking, packages: &str, more: &str) -> Vec<String> {
        names(&asking.list(Path::new(""), &table(packages, more)))
    }

    #[test]
    fn the_newest_releases_are_watched_and_no_withdrawn_ones() {
        assert_eq!(watched(&indexes(), "\"a\"", ""), ["a-3-py3-none-any.whl"]);
        assert_eq!(watched(&indexes(), "\"a\"", "newest = 2"), ["a-3-py3-none-any.whl", "a-2-py3-none-any.whl"]);
        assert_eq!(watched(&indexes(), "\"a\"", "pre-releases = true"), ["a-5rc1-py3-none-any.whl"]);
        assert_eq!(watched(&indexes(), "\"a==4\"", ""), ["a-4-py3-none-any.whl"]);
        assert_eq!(watched(&indexes(), "\"a==3\", \"a\"", ""), ["a-3-py3-none-any.whl"]);
    }

    #[test]
    fn a_file_that_is_added_to_an_old_release_makes_it_new() {
        let files = [
            file("a-1-py3-none-any.whl", "2024-01-01"),
            file("a-2-py3-none-any.whl", "2024-02-01"),
            file("a-1-py2-none-any.whl", "2024-03-01"),
        ];
        let asking = FakeAsking::new([project("a", None, &files)]);
        assert_eq!(watched(&asking, "\"a\"", ""), ["a-1-py3-none-any.whl", "a-1-py2-none-any.whl"]);
    }

    #[test]
    fn a_release_that_no_interpreter_can_install_is_none_of_the_newest() {
        let mut both = project("a", None, &[file("a-1.tar.gz", "2024-01-01"), file("a-2.tar.gz", "2024-02-01")]);
        both.files[1].requires_python = Some(">=3.12".to_owned());
        let asking = FakeAsking::new([both]);
        assert_eq!(watched(&asking, "\"a\"", ""), ["a-2.tar.gz"]);
        assert_eq!(watched(&asking, "\"a\"", "pythons = [\"3.11\"]"), ["a-1.tar.gz"]);
        assert_eq!(watched(&asking, "\"a\"", "pythons = [\"3.11\", \"3.12\"]"), ["a-2.tar.gz"]);
        let none = asking.list(Path::new(""), &table("\"a\"", "pythons = [\"2.6\"]\nnewest = 9"));
        assert_eq!(names(&none), ["a-1.tar.gz"]);
    }

    #[test]
    fn releases_without_upload_times_are_ordered_by_version() {
        let files = ["a-9-py3-none-any.whl", "a-10-py3-none-any.whl"].map(|name| file(name, "2024-01-01"));
        let mut unknown = project("a", None, &files);
        for file in &mut unknown.files {
            file.upload_time = None;
        }
        assert_eq!(watched(&FakeAsking::new([unknown]), "\"a\"", ""), ["a-10-py3-none-any.whl"]);
    }

    #[test]
    fn what_cannot_be_watched_is_told() {
        let rc = project("b", None, &[file("b-1rc1.tar.gz", "2024-01-01")]);
        let mut unsafe_one = project("c", None, &[]);
        unsafe_one.status = ProjectStatus::Quarantined { reason: Some("mal\u{1b}ware".to_owned()) };
        let asking = FakeAsking::new([rc, unsafe_one, project("a", None, &[file("a-1.tar.gz", "2024-01-01")])]);
        let list = asking.list(Path::new(""), &table("\"b\", \"c\", \"a==2\", \"d\", \"a\"", ""));
        assert_eq!(names(&list), ["a-1.tar.gz"]);
        let told = told(&list);
        assert_eq!(told.len(), 5, "{told:#?}");
        assert!(told[0].contains("b has no release that is no pre-release and not withdrawn; set `pre-releases"));
        assert!(told[1].contains("the index has put c into quarantine: \"mal\\u{1b}ware\"; do not install it"));
        assert!(told[2].contains("c has no release"));
        assert!(told[3].contains("a cannot be looked up: a has no release 2 on the index; near it are 1"), "{told:?}");
        assert!(told[4].contains("d cannot be looked up"));
    }

    #[test]
    fn a_page_that_did_not_change_is_not_read_again() {
        let (asking, mut state) = (indexes(), WatchState::default());
        let both = table("\"a\"", "newest = 2") + &table("\"a\"", "newest = 2");
        let first = asking.reading(Path::new(""), &both, &mut state);
        assert_eq!((first.pages.asked, first.pages.unchanged), (1, 0), "the second list asks nothing");
        let mut state = WatchState::from_json(state.to_json().unwrap().as_bytes()).unwrap();
        let second = asking.reading(Path::new(""), &both, &mut state);
        assert_eq!((second.pages.asked, second.pages.unchanged), (1, 1));
        assert_eq!(first.lists, second.lists);
        let other = asking.reading(Path::new(""), &table("\"a\"", "newest = 3"), &mut state);
        assert_eq!((other.pages.unchanged, other.lists[0].subjects.len()), (0, 3));
        let newer = FakeAsking::new([project("a", Some(11), &[file("a-6.tar.gz", "2024-06-01")])]);
        let third = newer.reading(Path::new(""), &both, &mut state);
        assert_eq!((third.pages.unchanged, names(&third.lists[1])), (0, vec!["a-6.tar.gz".to_owned()]));
    }

    #[test]
    fn an_index_that_goes_back_in_time_is_told_of_until_it_does_not() {
        let older = FakeAsking::new([project("a", Some(9), &[file("a-1.tar.gz", "2024-01-01")])]);
        let mut state = WatchState::default();
        let one = table("\"a\"", "");
        indexes().reading(Path::new(""), &one, &mut state);
        for _ in 0..2 {
            let reading = older.reading(Path::new(""), &one, &mut state);
            let told = told(&reading.lists[0]);
            assert!(told[0].contains("its serial is 9, and was 10; ask a mirror that is up to date"), "{told:?}");
        }
        assert!(told(&indexes().reading(Path::new(""), &one, &mut state).lists[0]).is_empty());
    }

    /// Answers only when eight ask at once.
    struct EightAtOnce(FakeAsking, Barrier);

    impl Asking for EightAtOnce {
        fn default_index(&self) -> &PypiIndex {
            self.0.default_index()
        }

        fn project(
            &self,
            index: &PypiIndex,
            name: &PackageName,
            known: Option<&Sha256>,
        ) -> Result<ProjectPage, RegistryError> {
            self.1.wait();
            self.0.project(index, name, known)
        }

        fn projects(&self, index: &PypiIndex) -> Result<ProjectList, RegistryError> {
            self.0.projects(index)
        }
    }

    #[test]
    fn projects_are_asked_for_some_at_once_and_keep_their_order() {
        let file_names: Vec<String> = (0..40).map(|number| format!("p{number}-1.tar.gz")).collect();
        let projects =
            file_names.iter().map(|name| project(&name[..name.len() - 9], None, &[file(name, "2024-01-01")]));
        let asking = EightAtOnce(FakeAsking::new(projects), Barrier::new(8));
        let packages: Vec<String> = (0..40).map(|number| format!("\"p{number}\"")).collect();
        let tables = tables_of(&table(&packages.join(", "), ""));
        let reading = read(&tables, Path::new(""), &asking, &mut WatchState::default()).unwrap();
        assert_eq!(names(&reading.lists[0]), file_names);
    }
}
