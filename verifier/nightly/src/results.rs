//! What became of each subject of a list.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinbuild_verdict::Verdict;

/// One line of the results: the subject's package URL, and its verdict or why there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultLine {
    /// The package URL that was asked for.
    pub subject: String,
    /// The verdict as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<serde_json::Value>,
    /// Why there is no verdict. Such a subject is judged again by the next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why results cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The file system refused.
    #[error("{doing} {} failed", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line before the last one is no result.
    #[error("line {line} of {} is no result: {reason}; name another file, or remove it", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A verdict cannot be written as JSON.
    #[error("a verdict cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file of results, to which lines are appended.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    file: File,
    by_subject: HashMap<String, ResultLine>,
}

impl Results {
    /// Opens the results at `path`, and makes an empty file where there is none. A last line without its end, which an
    /// interrupted run leaves, is removed.
    ///
    /// # Errors
    /// [`ResultsError::Io`]; [`ResultsError::Line`] if it is a file of something else.
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let io_error = |doing| move |source| ResultsError::Io { doing, path: path.to_owned(), source };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io_error("reading")(error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut by_subject = HashMap::new();
        for (index, line) in text[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
        {
            let line: ResultLine = serde_json::from_slice(line).map_err(|error| ResultsError::Line {
                path: path.to_owned(),
                line: index + 1,
                reason: error.to_string(),
            })?;
            by_subject.insert(line.subject.clone(), line);
        }
        let file = File::options().append(true).create(true).open(path).map_err(io_error("opening"))?;
        file.set_len(whole as u64).map_err(io_error("mending"))?;
        Ok(Self { path: path.to_owned(), file, by_subject })
    }

    /// Whether the subject has a verdict.
    #[must_use]
    pub fn has_verdict(&self, subject: &str) -> bool {
        self.by_subject.get(subject).is_some_and(|line| line.verdict.is_some())
    }

    /// Appends a result, and does not return before it is on disk.
    ///
    /// # Errors
    /// [`ResultsError`]
    pub fn append(&mut self, subject: &str, outcome: Result<&Verdict, String>) -> Result<(), ResultsError> {
        let line = match outcome {
            Ok(verdict) => {
                ResultLine { subject: subject.to_owned(), verdict: Some(serde_json::to_value(verdict)?), error: None }
            }
            Err(error) => ResultLine { subject: subject.to_owned(), verdict: None, error: Some(error) },
        };
        let text = serde_json::to_string(&line)? + "\n";
        let io_error = |source| ResultsError::Io { doing: "writing", path: self.path.clone(), source };
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()).map_err(io_error)?;
        self.by_subject.insert(line.subject.clone(), line);
        Ok(())
    }

    /// Counts the results of these subjects.
    #[must_use]
    pub fn summary<'a>(&self, subjects: impl IntoIterator<Item = &'a str>) -> Summary {
        let mut summary = Summary::default();
        for subject in subjects {
            summary.total += 1;
            let verdict = self.by_subject.get(subject).and_then(|line| line.verdict.as_ref());
            let text = |key: &str| verdict.and_then(|verdict| verdict[key].as_str());
            let Some(outcome) = text("outcome") else {
                summary.without_verdict += 1;
                continue;
            };
            *summary.outcomes.entry(outcome.to_owned()).or_default() += 1;
            if let Some(quality) = text("level").or(text("mismatch")) {
                *summary.qualities.entry(format!("{outcome} ({quality})")).or_default() += 1;
            }
            let class = verdict.and_then(|verdict| verdict["reason"]["class"].as_str());
            if let Some(class) = class {
                *summary.qualities.entry(format!("{outcome} ({class})")).or_default() += 1;
            }
        }
        summary
    }
}

/// Results in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All subjects of the list.
    pub total: u64,
    /// Those without a verdict.
    pub without_verdict: u64,
    /// Those with each outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// The same by level, mismatch or class of reason.
    pub qualities: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_subject::{Origin, Subject};

    fn verdict() -> Verdict {
        let subject = Subject {
            origin: Origin::Index,
            purl: None,
            file_name: "a-1-py3-none-any.whl".to_owned(),
            size: None,
            digests: None,
            upload_time: None,
        };
        Verdict::about(subject, "0")
    }

    #[test]
    fn results_survive_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let mut results = Results::open(&path).unwrap();
        results.append("pkg:pypi/a@1", Ok(&verdict())).unwrap();
        results.append("pkg:pypi/b@1", Err("no network".to_owned())).unwrap();
        drop(results);
        let mut text = fs::read(&path).unwrap();
        text.extend(b"{\"subject\":\"pkg:pypi/c@1\",\"verd");
        fs::write(&path, text).unwrap();
        let mut results = Results::open(&path).unwrap();
        assert!(results.has_verdict("pkg:pypi/a@1"));
        assert!(!results.has_verdict("pkg:pypi/b@1") && !results.has_verdict("pkg:pypi/c@1"));
        results.append("pkg:pypi/c@1", Ok(&verdict())).unwrap();
        drop(results);
        let results = Results::open(&path).unwrap();
        let summary = results.summary(["pkg:pypi/a@1", "pkg:pypi/b@1", "pkg:pypi/c@1", "pkg:pypi/d@1"]);
        assert_eq!((summary.total, summary.without_verdict), (4, 2));
        assert_eq!(summary.outcomes["inconclusive"], 2);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        fs::write(&path, "precious\ntext\n").unwrap();
        assert!(matches!(Results::open(&path), Err(ResultsError::Line { line: 1, .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious\ntext\n");
    }
}
