//! Ranked lists, and lists of subjects in general.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;

use pep440_rs::Version;
use serde::Deserialize;
use twinbuild_lockfile::JsonDocument;
use twinbuild_subject::{DistributionFileName, PackageName, PackageNameError, Request};

use crate::draft::Draft;
use crate::lock::place;
use crate::want::{Asked, Item};
use crate::{Newest, Trouble};

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the list is no subject: {reason}")]
pub struct ListError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// One line of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    version: Option<String>,
    file_name: Option<String>,
}

/// What one line means.
struct Ranked {
    name: PackageName,
    version: Option<Version>,
    file_name: Option<DistributionFileName>,
}

impl Ranked {
    /// Reads a line of JSON.
    fn of_json(line: &str) -> Result<Self, String> {
        let Line { name, version, file_name } = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let read_version = |text: String| text.parse().map_err(|_| format!("{text:?} is no version (PEP 440)"));
        let ranked = Self {
            name: name.parse().map_err(|error: PackageNameError| error.to_string())?,
            version: version.map(read_version).transpose()?,
            file_name: match file_name {
                Some(text) => Some(text.parse::<DistributionFileName>().map_err(|error| error.to_string())?),
                None => None,
            },
        };
        match &ranked.file_name {
            Some(file) if *file.name() != ranked.name || Some(file.version()) != ranked.version.as_ref() => {
                Err(format!("{file} is of {} {}", file.name(), file.version()))
            }
            _ => Ok(ranked),
        }
    }
}

/// Reads a list of subjects: one JSON object a line, with the keys `name`, `version` and, where one file of the release is meant,
/// `fileName`. Empty lines are passed over; other keys are of no concern.
///
/// # Errors
/// For the first line that names no release, or a file of another one.
pub fn read_list(text: &str) -> Result<Vec<Request>, ListError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(index, line)| {
        let error = |reason: String| ListError { line: index + 1, reason };
        let Ranked { name, version, file_name } = Ranked::of_json(line).map_err(error)?;
        let version = version.ok_or_else(|| error("it has no `version`".to_owned()))?;
        Ok(Request { name, version, file_name })
    });
    read.collect()
}

pub(crate) fn draft(draft: &mut Draft<'_>, path: &Path, limit: NonZero<usize>, newest: Newest) -> Result<(), Trouble> {
    let bytes = draft.read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Trouble::Format {
        found: format!("no UTF-8 text from its byte {} on", error.valid_up_to()),
        expected: EXPECTED,
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut rank = Rank { limit: limit.get(), projects: BTreeSet::new(), left: BTreeSet::new() };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !text.trim_start().starts_with(['{', '[']) {
        for (index, line) in text.lines().enumerate() {
            let name = line.split('#').next().unwrap_or_default().trim();
            if !name.is_empty() {
                let ranked = name.parse().map(|name| Ranked { name, version: None, file_name: None });
                let ranked = ranked.map_err(|error: PackageNameError| error.to_string());
                rank.push(draft, ranked, place(path, Some(index + 1)), newest)?;
            }
        }
    } else if serde_json::from_str::<Line>(first).is_ok() {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            rank.push(draft, Ranked::of_json(line), place(path, Some(index + 1)), newest)?;
        }
    } else {
        let document = JsonDocument::read(path, &bytes).map_err(Trouble::Document)?;
        let document = document.table().map_err(Trouble::Document)?;
        if !document.has("rows") {
            return Err(Trouble::Format { found: "JSON without `rows`".to_owned(), expected: EXPECTED });
        }
        for row in document.tables("rows").map_err(Trouble::Document)? {
            let place = format!("{}: {}", path.display(), row.place_in_document());
            let name = row.string("project").map_err(|error| error.to_string());
            let ranked = name.and_then(|name| name.parse().map_err(|error: PackageNameError| error.to_string()));
            let ranked = ranked.map(|name| Ranked { name, version: None, file_name: None });
            rank.push(draft, ranked, place, newest)?;
        }
    }
    let left = rank.left.len();
    if left > 0 {
        draft.note(&format!("{left} projects after the first {limit} are not watched (`limit`)"));
    }
    Ok(())
}

/// The forms of ranked lists.
const EXPECTED: &str = "a list of JSON objects, one a line, with name, version and fileName; of names, one a line; or a JSON object with rows";

/// How far down a list is read.
struct Rank {
    limit: usize,
    projects: BTreeSet<PackageName>,
    /// The projects beyond the limit.
    left: BTreeSet<PackageName>,
}

impl Rank {
    fn push(
        &mut self,
        draft: &mut Draft<'_>,
        ranked: Result<Ranked, String>,
        place: String,
        newest: Newest,
    ) -> Result<(), Trouble> {
        let Ranked { name, version, file_name } = match ranked {
            Ok(ranked) => ranked,
            Err(reason) => {
                // A list beyond its limit is not read for its faults.
                if self.left.is_empty() {
                    let found = reason.chars().take(300).collect();
                    draft.problem(Some(place), Trouble::Entry { found, expected: "a project, or a file of one" });
                }
                return Ok(());
            }
        };
        if !self.projects.contains(&name) {
            if self.projects.len() == self.limit {
                self.left.insert(name);
                return Ok(());
            }
            self.projects.insert(name.clone());
        }
        match (file_name, version) {
            (Some(file_name), _) => {
                let watched = draft.on_index(draft.own_index, file_name);
                draft.push(Item::Ready(Box::new(watched)))
            }
            (None, version) => {
                let asked = version.map_or(Asked::Newest(newest), Asked::Version);
                draft.want(name, vec![draft.own_index.clone()], asked, Some(place))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::List;
    use crate::test_asking::{FakeAsking, file, names, project, told};

    #[test]
    fn a_list_is_read() {
        let text = "{\"name\":\"Six\",\"version\":\"1.16.0\",\"fileName\":\"six-1.16.0-py2.py3-none-any.whl\"}\n\n{\"name\":\"a\",\"version\":\"1\",\"rank\":3}\n";
        let list: Vec<String> = read_list(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(list, ["pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl", "pkg:pypi/a@1"]);
    }

    #[test]
    fn a_line_that_is_no_subject_is_named() {
        for line in [
            "{}",
            "x",
            "{\"name\":\"a\"}",
            "{\"name\":\"a b\",\"version\":\"1\"}",
            "{\"name\":\"a\",\"version\":\"x y\"}",
            "{\"name\":\"a\",\"version\":\"1\",\"fileName\":\"b-1.tar.gz\"}",
        ] {
            let text = format!("{{\"name\":\"a\",\"version\":\"1\"}}\n{line}\n");
            assert_eq!(read_list(&text).unwrap_err().line, 2, "{line}");
        }
    }

    const TABLE: &str = "[[watch]]\nkind = \"ranked\"\npath = \"top\"\nplatforms = [\"linux-x86_64\"]\n";

    fn list(text: &str, more: &str) -> List {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("top"), text).unwrap();
        let of = |name: &str| project(name, None, &[file(&format!("{name}-1.tar.gz"), "2024-01-01")]);
        FakeAsking::new([of("a"), of("b"), of("c")]).list(folder.path(), &format!("{TABLE}{more}"))
    }

    #[test]
    fn the_list_of_the_most_downloaded_is_watched_without_a_question() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus");
        let asking = FakeAsking::new([]);
        let table = "[[watch]]\nkind = \"ranked\"\npath = \"pypi-top-250.jsonl\"\n";
        let watched = asking.list(&corpus, table);
        let text = std::fs::read_to_string(corpus.join("pypi-top-250.jsonl")).unwrap();
        let all: Vec<String> = read_list(&text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(watched.subjects.iter().map(ToString::to_string).collect::<Vec<_>>(), all);
        assert_eq!((told(&watched), watched.notes, asking.asked()), (vec![], vec![], vec![]));
        let first = asking.list(&corpus, &format!("{table}limit = 2\n"));
        assert!(first.subjects.len() >= 2 && first.notes[0].ends_with("after the first 2 are not watched (`limit`)"));
    }

    #[test]
    fn the_other_forms_name_projects() {
        let lines = "# the first\na\n\nb  # and the second\n";
        let json = "{\"name\":\"a\"}\n{\"name\":\"b\",\"version\":\"1\"}\n";
        let rows = r#"{"last_update": "x", "rows": [{"download_count": 2, "project": "a"}, {"project": "b"}]}"#;
        for text in [lines, json, rows] {
            let list = list(text, "");
            assert_eq!((names(&list), told(&list)), (vec!["a-1.tar.gz".to_owned(), "b-1.tar.gz".to_owned()], vec![]));
        }
        assert_eq!(names(&list("c\na\nb\n", "limit = 2")), ["c-1.tar.gz", "a-1.tar.gz"]);
    }

    #[test]
    fn entries_that_are_none_are_told_with_their_line() {
        let json = "{\"name\":\"a\"}\n{\"name\":\"a b\"}\nx\n{\"name\":\"b\",\"fileName\":\"b-1.tar.gz\"}\n";
        let json = list(json, "");
        assert_eq!(names(&json), ["a-1.tar.gz"]);
        let json = told(&json);
        assert!(json[0].starts_with("list ranked:top: top:2: \"a b\" is not a project name"), "{json:?}");
        assert!(json[1].starts_with("list ranked:top: top:3: ") && json[2].starts_with("list ranked:top: top:4: "));
        let rows = told(&list(r#"{"rows": [{"project": 1}, {"project": "\u001b"}]}"#, ""));
        assert!(rows[0].contains("rows[0]") && rows[1].contains("rows[1]") && !rows[1].contains('\u{1b}'), "{rows:?}");
        let empty = told(&list("", ""));
        assert!(empty[0].contains("it names nothing that could be watched"), "{empty:?}");
        assert!(told(&list("{\"x\": 1}", ""))[0].contains("JSON without `rows`"));
        assert!(told(&list(&"[".repeat(100_000), ""))[0].contains("top:1 is not JSON"));
    }

    #[test]
    fn more_than_anybody_reads_is_neither_told_nor_read() {
        let many = told(&list(&"- \n".repeat(1500), ""));
        assert_eq!(many.len(), 1001);
        assert!(many[1000].contains("500 more problems of this list are not told"), "{}", many[1000]);
        let large = told(&list(&"a\n".repeat((32 << 20) + 1), ""));
        assert!(large.len() == 1 && large[0].contains("it has more than 67108864 bytes"), "{large:?}");
    }
}
