//! What an index has.

use crate::draft::Draft;
use crate::problem::quoted;
use crate::{Newest, Trouble, WatchedPackage, packages};

/// The most projects of an index that one list watches. PyPI has more, of which nobody waits for the verdicts.
const MOST_PROJECTS: usize = 20_000;

pub(crate) fn draft(draft: &mut Draft<'_>, named: Option<&[WatchedPackage]>, newest: Newest) -> Result<(), Trouble> {
    if let Some(named) = named {
        return packages::draft(draft, named, newest);
    }
    let list = draft.asking.projects(draft.own_index);
    let list = list.map_err(|error| Trouble::ProjectList { reason: error.to_string() })?;
    if list.names.len() > MOST_PROJECTS {
        return Err(Trouble::TooMany { what: "projects", limit: MOST_PROJECTS });
    }
    for name in &list.unparsed {
        draft.problem(None, Trouble::Entry { found: quoted(name), expected: "the name of a project (PEP 503)" });
    }
    let all: Vec<WatchedPackage> = list.names.into_iter().map(|name| WatchedPackage { name, version: None }).collect();
    packages::draft(draft, &all, newest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::test_asking::{FakeAsking, file, names, project, told};

    #[test]
    fn all_projects_of_a_private_index_are_watched() {
        let own = "https://own.example/simple/";
        let asking = FakeAsking::new([project("elsewhere", None, &[file("elsewhere-1.tar.gz", "2024-01-01")])])
            .with(own, project("a", None, &[file("a-1.tar.gz", "2024-01-01"), file("a-2.tar.gz", "2024-02-01")]))
            .with(own, project("b", None, &[file("b-1.tar.gz", "2024-01-01")]));
        let table = "[[watch]]\nkind = \"index\"\nindex-url = \"https://own.example/simple\"\n";
        let list = asking.list(Path::new(""), table);
        assert_eq!(names(&list), ["a-2.tar.gz", "b-1.tar.gz"]);
        assert!(list.subjects.iter().all(|subject| subject.index_url.as_deref() == Some(own)));
        assert!(told(&list)[0].contains("\"not a name\": expected is the name of a project"));
        let one = asking.list(Path::new(""), &format!("{table}packages = [\"b\"]\n"));
        assert_eq!((names(&one), one.problems.len()), (vec!["b-1.tar.gz".to_owned()], 0));
    }
}
