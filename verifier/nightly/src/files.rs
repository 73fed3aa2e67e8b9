//! The files of a report.

use std::path::{Path, PathBuf};

use twinbuild_report::{CorpusReport, NightReport, Picture, Report, html, json, junit, mail, markdown, sarif};

use crate::ResultsError;
use crate::results::write_whole;

/// Where the files of a report stand: beside its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFiles {
    folder: PathBuf,
    stem: String,
}

impl ReportFiles {
    /// The files of the report on these results: `report.json` and others beside `results.jsonl`, and `NAME.report.json` and others
    /// beside `NAME.results.jsonl` or `NAME`.
    #[must_use]
    pub fn beside(results: &Path) -> Self {
        let name = results.file_name().unwrap_or_default().to_string_lossy();
        let stem = match name.strip_suffix("results.jsonl") {
            Some(before) => format!("{before}report"),
            None => format!("{name}.report"),
        };
        Self { folder: results.parent().unwrap_or(Path::new("")).to_owned(), stem }
    }

    /// What their names begin with.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Where the one stands that is read in a browser.
    #[must_use]
    pub fn html(&self) -> PathBuf {
        self.folder.join(format!("{}.html", self.stem))
    }

    /// Writes them, each whole: JSON, Markdown with its pictures, and HTML, which has them inside.
    ///
    /// # Errors
    /// [`ResultsError::Io`]; [`ResultsError::Json`]
    pub fn write(&self, report: &CorpusReport) -> Result<(), ResultsError> {
        self.write_pages(report.into(), report.pictures())
    }

    /// The files of the report of a night in a folder: `report.json` and others.
    #[must_use]
    pub fn of_night(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), stem: "report".to_owned() }
    }

    /// Writes those of a night: the same, JUnit XML, SARIF, and a text that can be mailed.
    ///
    /// # Errors
    /// As [`ReportFiles::write`].
    pub fn write_night(&self, report: &NightReport) -> Result<(), ResultsError> {
        self.write_file(".txt", &mail(report))?;
        self.write_file(".junit.xml", &junit(report))?;
        self.write_file(".sarif", &(serde_json::to_string(&sarif(report))? + "\n"))?;
        self.write_pages(report.into(), report.pictures())
    }

    fn write_pages(&self, report: Report<'_>, pictures: Vec<Picture>) -> Result<(), ResultsError> {
        self.write_file(".json", &(json(report)? + "\n"))?;
        for picture in pictures {
            self.write_file(&format!("-{}.svg", picture.name), &picture.svg())?;
        }
        self.write_file(".md", &markdown(report))?;
        self.write_file(".html", &html(report))
    }

    fn write_file(&self, end: &str, text: &str) -> Result<(), ResultsError> {
        write_whole(&self.folder.join(format!("{}{end}", self.stem)), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_stands_beside_its_results() {
        let html = |results: &str| ReportFiles::beside(Path::new(results)).html();
        assert_eq!(html("a/results.jsonl"), Path::new("a/report.html"));
        assert_eq!(html("list.jsonl.results.jsonl"), Path::new("list.jsonl.report.html"));
        assert_eq!(html("/x/final.jsonl"), Path::new("/x/final.jsonl.report.html"));
    }
}
