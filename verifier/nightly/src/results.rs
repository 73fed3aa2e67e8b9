//! What became of each subject of a list.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinbuild_report::{CorpusReport, SubjectResult};
use twinbuild_verdict::Verdict;

/// One line of the results: the subject's package URL, and its verdict or why there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultLine {
    /// The package URL that was asked for.
    pub subject: String,
    /// The verdict as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Value>,
    /// Why there is no verdict. Such a subject is judged again by the next run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long the run took since the line before, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_wall_ms: Option<u64>,
    /// Processor time of the run since the line before, with all that it started, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_processor_ms: Option<u64>,
}

/// What a run took since the result before, whatever of it was for this one: sums over results are those of runs, however often
/// they were interrupted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// Time.
    pub wall: Duration,
    /// Processor time, with that of all processes that were started.
    pub processor: Duration,
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
    /// Another run appends to the same file.
    #[error("another run writes to {}: wait for its end, or name another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
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
    /// A verdict or report cannot be written as JSON.
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file of results, to which lines are appended. It is locked for as long as it is open.
#[derive(Debug)]
pub struct Results {
    path: PathBuf,
    file: File,
    by_subject: HashMap<String, SubjectResult>,
}

impl Results {
    /// Opens the results at `path`, and makes an empty file where there is none. A last line without its end, which a
    /// run leaves that is killed, is removed.
    ///
    /// # Errors
    /// [`ResultsError::Io`]; [`ResultsError::InUse`]; [`ResultsError::Line`] if it is a file of something else.
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let io_error = |doing| move |source| ResultsError::Io { doing, path: path.to_owned(), source };
        let file = File::options().read(true).append(true).create(true).open(path).map_err(io_error("opening"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ResultsError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io_error("locking")(source)),
        }
        let (results, whole) = read_lines(path, &file)?;
        file.set_len(whole).map_err(io_error("mending"))?;
        // Of a subject that is there twice, the last result counts.
        let by_subject = results.into_iter().map(|result| (result.subject.clone(), result)).collect();
        Ok(Self { path: path.to_owned(), file, by_subject })
    }

    /// Whether the subject has a verdict.
    #[must_use]
    pub fn has_verdict(&self, subject: &str) -> bool {
        self.by_subject.get(subject).is_some_and(|result| result.outcome.is_some())
    }

    /// Appends a result, and does not return before it is on disk.
    ///
    /// # Errors
    /// [`ResultsError`]
    pub fn append(
        &mut self,
        subject: &str,
        outcome: Result<&Verdict, String>,
        took: Took,
    ) -> Result<&SubjectResult, ResultsError> {
        let (verdict, error) = match outcome {
            Ok(verdict) => (Some(serde_json::to_value(verdict)?), None),
            Err(error) => (None, Some(error)),
        };
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).ok();
        let (run_wall_ms, run_processor_ms) = (millis(took.wall), millis(took.processor));
        let line = ResultLine { subject: subject.to_owned(), verdict, error, run_wall_ms, run_processor_ms };
        let text = serde_json::to_string(&line)? + "\n";
        let io_error = |source| ResultsError::Io { doing: "writing", path: self.path.clone(), source };
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()).map_err(io_error)?;
        let result = line.result()?;
        Ok(self.by_subject.entry(subject.to_owned()).insert_entry(result).into_mut())
    }

    /// What became of these subjects so far.
    #[must_use]
    pub fn of<'a>(&self, subjects: impl IntoIterator<Item = &'a str>) -> Vec<SubjectResult> {
        let missing = |subject| SubjectResult::without_verdict(subject, "it was not judged yet");
        let result = |subject| self.by_subject.get(subject).cloned().unwrap_or_else(|| missing(subject));
        subjects.into_iter().map(result).collect()
    }
}

impl ResultLine {
    fn result(self) -> Result<SubjectResult, serde_json::Error> {
        let Self { subject, verdict, error, run_wall_ms, run_processor_ms } = self;
        let result = match verdict {
            Some(verdict) => SubjectResult::of_document(&subject, &verdict)?,
            None => SubjectResult::without_verdict(&subject, &error.unwrap_or_default()),
        };
        Ok(SubjectResult { run_wall_ms, run_processor_ms, ..result })
    }
}

/// Reads what an older run left, to compare a newer one with: its results, or its report in JSON.
///
/// # Errors
/// [`ResultsError::Io`]; [`ResultsError::Line`] if it is neither.
pub fn read_older(path: &Path) -> Result<Vec<SubjectResult>, ResultsError> {
    let io_error = |doing| move |source| ResultsError::Io { doing, path: path.to_owned(), source };
    let mut first = Vec::new();
    let mut reader = BufReader::new(File::open(path).map_err(io_error("opening"))?);
    reader.read_until(b'\n', &mut first).map_err(io_error("reading"))?;
    // A result has no such key, so nothing is both.
    if let Ok(report) = serde_json::from_slice::<CorpusReport>(&first) {
        return Ok(report.subjects);
    }
    let file = File::open(path).map_err(io_error("opening"))?;
    read_lines(path, &file).map(|(results, _)| results)
}

/// All whole lines, and how many bytes these are.
fn read_lines(path: &Path, file: &File) -> Result<(Vec<SubjectResult>, u64), ResultsError> {
    let mut reader = BufReader::new(file);
    let (mut results, mut whole, mut number) = (Vec::new(), 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let count = read.map_err(|source| ResultsError::Io { doing: "reading", path: path.to_owned(), source })?;
        if !line.ends_with(b"\n") {
            return Ok((results, whole));
        }
        whole += u64::try_from(count).unwrap_or(0);
        number += 1;
        if line.len() > 1 {
            let result = serde_json::from_slice::<ResultLine>(&line).and_then(ResultLine::result);
            let reason = |error: serde_json::Error| error.to_string();
            results.push(result.map_err(|error| ResultsError::Line {
                path: path.to_owned(),
                line: number,
                reason: reason(error),
            })?);
        }
    }
}

/// Writes a file whole, or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), ResultsError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| {
        // Where it was not even begun, there is nothing to remove.
        let _ = fs::remove_file(&partial);
        ResultsError::Io { doing: "writing", path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_report::{AboutRun, ResultKind};
    use twinbuild_subject::{Origin, Subject};
    use twinbuild_verdict::Outcome;

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

    fn took(millis: u64) -> Took {
        Took { wall: Duration::from_millis(millis), processor: Duration::from_millis(2 * millis) }
    }

    #[test]
    fn results_survive_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let mut results = Results::open(&path).unwrap();
        results.append("pkg:pypi/a@1", Ok(&verdict()), took(5)).unwrap();
        results.append("pkg:pypi/b@1", Err("no network".to_owned()), took(6)).unwrap();
        drop(results);
        let whole = fs::read(&path).unwrap();
        // Whatever was written of the next line, it is judged again, and the file is as if it had not been begun.
        for torn in
            [&b"{"[..], b"{\"subject\":\"pkg:pypi/c@1\",\"verd", b"{\"subject\":\"pkg:pypi/c@1\",\"error\":\"x\"}"]
        {
            fs::write(&path, [&whole, torn].concat()).unwrap();
            let results = Results::open(&path).unwrap();
            assert!(results.has_verdict("pkg:pypi/a@1"));
            assert!(!results.has_verdict("pkg:pypi/b@1") && !results.has_verdict("pkg:pypi/c@1"));
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        let mut results = Results::open(&path).unwrap();
        results.append("pkg:pypi/c@1", Ok(&verdict()), took(7)).unwrap();
        drop(results);
        let results = Results::open(&path).unwrap();
        let of = results.of(["pkg:pypi/a@1", "pkg:pypi/b@1", "pkg:pypi/c@1", "pkg:pypi/d@1"]);
        let kinds: Vec<_> = of.iter().map(SubjectResult::kind).collect();
        let (none, open) = (ResultKind::NoVerdict, ResultKind::Inconclusive);
        assert_eq!(kinds, [open, none, open, none]);
        let walls: Vec<_> = of.iter().map(|result| result.run_wall_ms).collect();
        assert_eq!(walls, [Some(5), Some(6), Some(7), None]);
        assert_eq!((of[0].outcome, of[0].run_processor_ms), (Some(Outcome::Inconclusive), Some(10)));
    }

    #[test]
    fn a_subject_that_is_judged_again_has_its_last_result() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let mut results = Results::open(&path).unwrap();
        results.append("pkg:pypi/a@1", Err("no network".to_owned()), Took::default()).unwrap();
        results.append("pkg:pypi/a@1", Ok(&verdict()), Took::default()).unwrap();
        drop(results);
        assert!(Results::open(&path).unwrap().has_verdict("pkg:pypi/a@1"));
    }

    #[test]
    fn two_runs_do_not_write_to_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let first = Results::open(&path).unwrap();
        assert!(matches!(Results::open(&path), Err(ResultsError::InUse { .. })));
        drop(first);
        assert!(Results::open(&path).is_ok());
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        for text in ["precious\ntext\n", "{\"subject\":\"x\",\"verdict\":{\"outcome\":\"splendid\"}}\n"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Results::open(&path), Err(ResultsError::Line { line: 1, .. })));
            assert!(read_older(&path).is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn an_older_run_is_read_from_its_results_or_its_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.jsonl");
        let mut results = Results::open(&path).unwrap();
        results.append("pkg:pypi/a@1", Ok(&verdict()), took(5)).unwrap();
        let of = results.of(["pkg:pypi/a@1"]);
        assert_eq!(read_older(&path).unwrap(), of);
        let report = CorpusReport::new(AboutRun::default(), of.clone(), Some(&of));
        let path = folder.path().join("report.json");
        write_whole(&path, &(twinbuild_report::json(&report).unwrap() + "\n")).unwrap();
        assert_eq!(read_older(&path).unwrap(), of);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
