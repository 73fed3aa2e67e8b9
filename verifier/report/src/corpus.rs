//! What became of a list of subjects: rates, causes, cost, and what changed since an older run.

mod cause;
mod changes;
mod cost;
mod pages;
mod result;
mod tally;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cause::Cause;
pub use changes::{Change, Changes};
pub use cost::{Cost, Spread, Trials};
pub use result::{GivenRecipe, ResultFinding, ResultReason, SubjectResult};
pub use tally::{Group, ResultKind, Tally};

pub use text::rates;

pub(crate) use pages::{duration, findings, groups, page, results, shares};
pub(crate) use result::shown;
pub(crate) use text::text;

use crate::Picture;

/// The version of the report's form. Fields may be added without a new version.
const SCHEMA_VERSION: u32 = 1;

/// What became of a list of subjects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CorpusReport {
    /// 1
    pub schema_version: u32,
    /// What it is about, and what made it.
    #[serde(flatten)]
    pub about: AboutRun,
    /// All subjects of the list by what became of them.
    pub results: Tally,
    /// The same by the year in which the file was uploaded.
    pub by_year: Vec<Group>,
    /// The same by the tool that wrote the file, as the recipe has it, and its range of versions.
    pub by_generator: Vec<Group>,
    /// The same by the interpreter, and who provided it.
    pub by_ground: Vec<Group>,
    /// The same by where the recipe came from.
    pub by_recipe: Vec<Group>,
    /// The same by why the source is taken to be the source.
    pub by_trust: Vec<Group>,
    /// What kept those that were not reproduced, the most frequent first.
    pub causes: Vec<Cause>,
    /// What it took.
    pub cost: Cost,
    /// What is another than in an older run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes: Option<Changes>,
    /// Each subject, in the order of the list.
    pub subjects: Vec<SubjectResult>,
}

/// What a report is about, and what made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AboutRun {
    /// The name of the list.
    pub list: String,
    /// The command that makes it again.
    pub command: String,
    /// How many processors the machine had that ended it.
    pub processors: u64,
    /// The version of the program that wrote the report; results may be of older ones.
    pub tool_version: String,
    /// What the names of the report's files begin with, for Markdown, which has pictures beside it.
    #[serde(skip)]
    pub file_stem: String,
}

/// What a report says of a list, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All subjects of the list.
    pub total: u64,
    /// Those without a verdict.
    pub without_verdict: u64,
    /// Those with each outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// All by level, mismatch, or else outcome.
    pub results: BTreeMap<ResultKind, u64>,
    /// Those that are reproduced, but with an alert.
    pub reproduced_with_alert: u64,
}

impl CorpusReport {
    /// A report on `subjects`, in the order of their list; `older` is what became of the same or another list before.
    #[must_use]
    pub fn new(about: AboutRun, subjects: Vec<SubjectResult>, older: Option<&[SubjectResult]>) -> Self {
        let unknown = || "unknown".to_owned();
        let year = |result: &SubjectResult| result.year.map_or_else(unknown, |year| year.to_string());
        let generator = |result: &SubjectResult| result.generator.clone().unwrap_or_else(unknown);
        let recipe = |result: &SubjectResult| result.recipe_origin.clone().unwrap_or_else(|| "none".to_owned());
        let ground = |result: &SubjectResult| result.ground.clone().unwrap_or_else(unknown);
        let trust = |result: &SubjectResult| {
            result.trust.map_or_else(|| "no source".to_owned(), |trust| trust.name().to_owned())
        };
        Self {
            schema_version: SCHEMA_VERSION,
            about,
            results: subjects.iter().collect(),
            by_year: tally::groups(&subjects, year),
            by_generator: tally::groups(&subjects, generator),
            by_ground: tally::groups(&subjects, ground),
            by_recipe: tally::groups(&subjects, recipe),
            by_trust: tally::groups(&subjects, trust),
            causes: cause::causes(&subjects),
            cost: Cost::of(&subjects),
            changes: older.map(|older| Changes::between(older, &subjects)),
            subjects,
        }
    }

    /// The pictures that belong to it, which stand in its HTML form and beside its Markdown form.
    #[must_use]
    pub fn pictures(&self) -> Vec<Picture> {
        pages::pictures(self)
    }

    /// What it says in numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut outcomes = BTreeMap::new();
        for outcome in self.subjects.iter().filter_map(|result| result.outcome) {
            *outcomes.entry(outcome.name()).or_default() += 1;
        }
        let kinds = self.results.kinds.clone();
        let without_verdict = self.results.count(ResultKind::NoVerdict);
        let reproduced_with_alert = crate::page::count_of(&self.alerts().collect::<Vec<_>>());
        Summary { total: self.results.total, without_verdict, outcomes, results: kinds, reproduced_with_alert }
    }

    /// Those that are reproduced, but with an alert.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &SubjectResult> {
        self.subjects.iter().filter(|result| result.kind().is_reproduced() && result.has_alert)
    }
}
