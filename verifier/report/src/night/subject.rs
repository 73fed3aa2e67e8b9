//! One subject of a night, and what was known of it before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_compare::Mismatch;
use twinbuild_verdict::{Level, Outcome};

use crate::{ResultKind, SubjectResult};

/// A watched subject. All text of it is foreign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NightSubject {
    /// The watch lists that it is in.
    pub lists: Vec<String>,
    /// What this night came to, which may be no verdict; its newest verdict where it was not due.
    pub result: SubjectResult,
    /// The project.
    pub project: String,
    /// The version.
    pub version: String,
    /// When the verdict was come to; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Timestamp>,
    /// Whether it was judged in this night, or given up in it.
    pub is_of_this_night: bool,
    /// Why it was due; absent where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<DueWhy>,
    /// The verdict before this one on the same file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// Files of versions of the project before this one that have verdicts, the newest version first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// The workers that came to the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<String>,
}

/// Why a subject was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DueWhy {
    /// It had no verdict, and nobody had tried.
    New,
    /// Its verdict was too old.
    Expired,
    /// It failed in an earlier night for a reason that may pass.
    FailedBefore,
    /// Its verdict was of another version of the program.
    ToolChanged,
    /// Normalizers that it needed are others now.
    NormalizersChanged,
    /// What it is built in is another now.
    EnvironmentChanged,
    /// Another digest is promised for it, or listed, than its verdict is about.
    FileChanged,
    /// Something else is asked of it than when its verdict was come to.
    AskedOtherwise,
    /// Somebody asked for it.
    Asked,
}

impl DueWhy {
    /// In words, behind "judged again, as" or "judged, as".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::New => "it is new",
            Self::Expired => "its verdict was too old",
            Self::FailedBefore => "it failed before",
            Self::ToolChanged => "twinbuild is another version",
            Self::NormalizersChanged => "its normalizers changed",
            Self::EnvironmentChanged => "what it is built in changed",
            Self::FileChanged => "its file is another one",
            Self::AskedOtherwise => "something else is asked of it",
            Self::Asked => "it was asked for",
        }
    }
}

/// The verdict before the newest one on the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// The outcome.
    pub outcome: Outcome,
    /// How exactly it was reproduced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<Level>,
    /// In what it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mismatch: Option<Mismatch>,
    /// Its alerts, as [`SubjectResult::alerts`] has them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub alerts: Vec<String>,
    /// When it was come to.
    pub judged: Timestamp,
}

impl Before {
    /// What it says, in a word.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        ResultKind::of(self.outcome, self.level, self.mismatch)
    }
}

/// What is known of a file of an earlier version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier {
    /// The version.
    pub version: String,
    /// The file.
    pub file_name: String,
    /// The outcome of its newest verdict.
    pub outcome: Outcome,
    /// How exactly it was reproduced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<Level>,
    /// In what it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mismatch: Option<Mismatch>,
}

impl Earlier {
    /// What its verdict says, in a word.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        ResultKind::of(self.outcome, self.level, self.mismatch)
    }
}

/// Versions before a subject's, one after the other, that were all reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InARow {
    /// How many were reproduced.
    pub reproduced: u64,
    /// How many in between nobody knows anything of, as they could not be built or judged.
    pub undecided: u64,
}

impl NightSubject {
    /// What became of it, in a word.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        self.result.kind()
    }

    /// What its verdict before said, in a word.
    #[must_use]
    pub fn kind_before(&self) -> Option<ResultKind> {
        self.before.as_ref().map(Before::kind)
    }

    /// Its name for a reader: that of the file where one is named, or else what was asked for.
    #[must_use]
    pub fn shown(&self) -> String {
        self.result.shown()
    }

    /// Whether it was reproduced, and nothing speaks against it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.kind().is_reproduced() && !self.result.has_alert
    }

    /// The alerts that its verdict before did not have.
    #[must_use]
    pub fn new_alerts(&self) -> Vec<String> {
        let before: &[String] = self.before.as_ref().map_or(&[], |before| &before.alerts);
        let result = &self.result;
        if result.has_alert && result.alerts.is_empty() && before.is_empty() {
            // Results of older versions do not say which findings are alerts; the most severe one stands first.
            return vec![result.findings.first().map_or_else(|| "alert".to_owned(), |finding| finding.place())];
        }
        result.alerts.iter().filter(|alert| !before.contains(alert)).cloned().collect()
    }

    /// How many of the versions before it were reproduced, counted back from it to the first that was not. What nobody knows
    /// anything of does not end the row: else a version that cannot be built would hide what comes after it.
    #[must_use]
    pub fn reproduced_before(&self) -> Option<InARow> {
        let mut row = InARow { reproduced: 0, undecided: 0 };
        let mut undecided = 0;
        for kind in self.versions_before() {
            if !kind.is_decided() {
                undecided += 1;
            } else if kind.is_reproduced() {
                row.reproduced += 1;
                row.undecided += std::mem::take(&mut undecided);
            } else {
                break;
            }
        }
        (row.reproduced > 0).then_some(row)
    }

    /// What the version before it came to.
    pub(super) fn version_before(&self) -> Option<ResultKind> {
        self.versions_before().into_iter().next()
    }

    /// The versions before it, the newest first, each by the best that is known of its files: of those that are like this one but for
    /// the version, where there are any, and else of all.
    fn versions_before(&self) -> Vec<ResultKind> {
        let own = shape(&self.shown(), &self.version);
        let is_like = |file: &&Earlier| shape(&file.file_name, &file.version) == own;
        let mut files: Vec<&Earlier> = self.earlier.iter().filter(is_like).collect();
        if files.is_empty() {
            files = self.earlier.iter().collect();
        }
        files.chunk_by(|one, other| one.version == other.version).filter_map(best).collect()
    }
}

fn best(files: &[&Earlier]) -> Option<ResultKind> {
    files.iter().map(|file| file.kind()).min()
}

/// A file name without the version in it.
fn shape(file_name: &str, version: &str) -> String {
    file_name.replacen(&format!("-{version}"), "-", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(version: &str, tags: &str, outcome: Outcome) -> Earlier {
        let file_name = format!("a-{version}-{tags}.whl");
        Earlier { version: version.to_owned(), file_name, outcome, level: None, mismatch: None }
    }

    fn subject(earlier: Vec<Earlier>) -> NightSubject {
        let subject = "pkg:pypi/a@9?file_name=a-9-py3-none-any.whl".to_owned();
        let result = SubjectResult { subject, outcome: Some(Outcome::NotReproduced), ..SubjectResult::default() };
        NightSubject { result, version: "9".to_owned(), earlier, ..NightSubject::default() }
    }

    fn row(versions: &[(&str, &str, Outcome)]) -> Option<(u64, u64)> {
        let earlier = versions.iter().map(|(version, tags, outcome)| earlier(version, tags, *outcome)).collect();
        subject(earlier).reproduced_before().map(|row| (row.reproduced, row.undecided))
    }

    const ANY: &str = "py3-none-any";

    #[test]
    fn a_row_ends_at_the_first_version_that_was_not_reproduced() {
        use Outcome::{NotReproduced, Reproduced};
        assert_eq!(row(&[("8", ANY, Reproduced), ("7", ANY, Reproduced), ("6", ANY, NotReproduced)]), Some((2, 0)));
        assert_eq!(row(&[("8", ANY, NotReproduced), ("7", ANY, Reproduced)]), None);
        assert_eq!(row(&[]), None);
    }

    #[test]
    fn a_version_that_nobody_could_build_hides_no_row() {
        use Outcome::{Reproduced, Unbuildable};
        assert_eq!(row(&[("8", ANY, Unbuildable), ("7", ANY, Reproduced), ("6", ANY, Reproduced)]), Some((2, 1)));
        assert_eq!(row(&[("8", ANY, Reproduced), ("7", ANY, Unbuildable)]), Some((1, 0)));
        assert_eq!(row(&[("8", ANY, Unbuildable)]), None);
    }

    #[test]
    fn files_are_compared_with_their_like() {
        use Outcome::{NotReproduced, Reproduced, Unsupported};
        let other = "cp311-cp311-win_amd64";
        let like =
            [("8", other, NotReproduced), ("8", ANY, Reproduced), ("7", other, Unsupported), ("7", ANY, Reproduced)];
        assert_eq!(row(&like), Some((2, 0)));
        // A project that names its files otherwise from one version to the next.
        let renamed = "py2.py3-none-any";
        assert_eq!(row(&[("8", renamed, Reproduced), ("7", renamed, Reproduced)]), Some((2, 0)));
    }

    #[test]
    fn an_alert_of_a_result_that_names_none_is_an_alert() {
        let mut subject = subject(Vec::new());
        subject.result.has_alert = true;
        assert_eq!(subject.new_alerts(), ["alert"]);
        assert!(!subject.is_good());
        subject.result.alerts = vec!["a x".to_owned(), "b y".to_owned()];
        assert_eq!(subject.new_alerts(), ["a x", "b y"]);
        let judged = Timestamp::UNIX_EPOCH;
        let alerts = vec!["a x".to_owned()];
        subject.before = Some(Before { outcome: Outcome::NotReproduced, level: None, mismatch: None, alerts, judged });
        assert_eq!(subject.new_alerts(), ["b y"]);
    }
}
