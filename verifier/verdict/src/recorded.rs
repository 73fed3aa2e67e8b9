//! A verdict as it is read from a file.

use std::io::{self, Read};

use serde::Deserialize;
use serde_json::Value;
use twinbuild_compare::Severity;
use twinbuild_recipe::{LockedRequirement, Recipe};
use twinbuild_subject::{MemberPath, Sha256, Subject};

use crate::document::{SCHEMA_VERSION, covered_digest};
use crate::{
    Choices, Exchange, Level, Outcome, OverrideRecord, Reason, Resolution, Search, Source, ToolRecord, Verdict,
};

/// The largest file that is taken as a verdict, in bytes.
pub const VERDICT_LIMIT_BYTES: u64 = 32 << 20;

/// Why a file is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum ReadVerdictError {
    /// It could not be read.
    #[error("the verdict cannot be read: {source}")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// It is too large.
    #[error("a verdict has at most {VERDICT_LIMIT_BYTES} bytes, and this file has more")]
    TooLarge,
    /// It is not JSON.
    #[error("one JSON object is expected, as `twinbuild rebuild --format json` prints it: {reason}")]
    NotJson {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// It is of a version that is not known here.
    #[error("the verdict is of schema version {found}, and this version of twinbuild reads {SCHEMA_VERSION}")]
    Version {
        /// What stands there.
        found: String,
    },
    /// It lacks something, or has something that no verdict has.
    #[error("it is no verdict: {reason}")]
    Form {
        /// What is wrong with it.
        reason: String,
    },
    /// It is not the document that its digest was made of.
    #[error(
        "the verdict was changed after it was written: its verdictDigest is {says}, and that of what stands there is {is}"
    )]
    Digest {
        /// The digest in the document.
        says: Sha256,
        /// The digest of the document.
        is: Sha256,
    },
    /// Its recipe cannot be used.
    #[error("the verdict's recipe cannot be used: {reason}")]
    Recipe {
        /// Why.
        reason: String,
    },
}

/// A verdict of the digest that it claims, which says nothing yet of whether it is true.
#[derive(Debug, Clone)]
pub struct RecordedVerdict {
    /// Its digest.
    pub verdict_digest: Sha256,
    /// The published file.
    pub subject: Subject,
    /// What it is claimed to be built from.
    pub source: Option<Source>,
    /// The verdict on the source itself.
    pub chain: Option<Box<Self>>,
    /// The outcome.
    pub outcome: Outcome,
    /// How exactly it was reproduced.
    pub level: Option<Level>,
    /// Why the outcome is none of a comparison.
    pub reason: Option<Reason>,
    /// The recipe.
    pub recipe: Option<RecordedRecipe>,
    /// The lock of the environment.
    pub environment: Option<Value>,
    /// What was chosen.
    pub choices: Choices,
    /// The recipes that were tried.
    pub search: Option<Search>,
    /// The findings.
    pub findings: Vec<RecordedFinding>,
    /// What is read of the builds with other releases.
    pub cross_checks: Option<RecordedCrossChecks>,
    /// What wrote it.
    pub tool: ToolRecord,
    /// Whether both twins were run.
    pub is_built: bool,
    document: Value,
}

/// The recipe of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRecipe {
    /// The recipe.
    pub recipe: Recipe,
    /// Where it came from: `inferred`, `searched`, `given` or `override`.
    pub origin: &'static str,
    /// What of it was given.
    pub given: Option<OverrideRecord>,
}

/// What is read of the builds with other releases of the build requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedCrossChecks {
    /// The releases that could be taken, in their order.
    pub others: Vec<LockedRequirement>,
    /// What the resolver said, in the order in which it was asked.
    #[serde(default)]
    pub resolved: Vec<Resolution>,
    /// The builds.
    pub builds: Vec<RecordedCrossBuild>,
}

impl RecordedCrossChecks {
    /// All wheels that it names.
    fn requirements(&self) -> impl Iterator<Item = &LockedRequirement> {
        let resolved = self.resolved.iter().filter_map(|resolution| match resolution {
            Resolution::Wheels { requirements } => Some(requirements),
            Resolution::Failed { .. } => None,
        });
        let built = self.builds.iter().flat_map(|build| &build.exchanged).filter_map(|exchange| exchange.to.as_ref());
        self.others.iter().chain(resolved.flatten()).chain(built)
    }
}

/// What is read of one of these builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedCrossBuild {
    /// Which releases were exchanged.
    pub exchanged: Vec<Exchange>,
}

/// What is read of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedFinding {
    /// Its code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence for a reader.
    pub detail: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    verdict_digest: Sha256,
    subject: Subject,
    source: Option<Source>,
    chain: Option<Value>,
    outcome: Outcome,
    level: Option<Level>,
    reason: Option<Reason>,
    recipe: Option<RecipeForm>,
    environment: Option<Value>,
    #[serde(default)]
    choices: Choices,
    search: Option<Search>,
    findings: Vec<RecordedFinding>,
    cross_checks: Option<RecordedCrossChecks>,
    rebuilds: Vec<Value>,
    tool: ToolRecord,
}

#[derive(Deserialize)]
struct RecipeForm {
    #[serde(flatten)]
    recipe: Recipe,
    origin: Origin,
    #[serde(rename = "override")]
    given: Option<OverrideRecord>,
    digest: Sha256,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Inferred,
    Searched,
    Given,
    Override,
}

impl RecordedVerdict {
    /// Reads a verdict: one JSON object, whose `verdictDigest` is its own.
    ///
    /// # Errors
    /// [`ReadVerdictError`]
    pub fn read(reader: impl Read) -> Result<Self, ReadVerdictError> {
        let mut bytes = Vec::new();
        reader.take(VERDICT_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > VERDICT_LIMIT_BYTES {
            return Err(ReadVerdictError::TooLarge);
        }
        let not_json = |reason: String| ReadVerdictError::NotJson { reason };
        let document: Value = serde_json::from_slice(&bytes).map_err(|error| not_json(error.to_string()))?;
        if !document.is_object() {
            return Err(not_json("it is another kind of value".to_owned()));
        }
        Self::of_document(document)
    }

    /// The same of a verdict that was not written yet.
    ///
    /// # Errors
    /// [`ReadVerdictError`], where it is not sealed.
    pub fn of(verdict: &Verdict) -> Result<Self, ReadVerdictError> {
        let document = serde_json::to_value(verdict);
        Self::of_document(document.map_err(|error| ReadVerdictError::Form { reason: error.to_string() })?)
    }

    /// The same of a document that was read already. Where its text had a name twice in one object, the reader of that has chosen
    /// between the two.
    ///
    /// # Errors
    /// [`ReadVerdictError`]
    pub fn of_document(document: Value) -> Result<Self, ReadVerdictError> {
        let form_error = |reason: String| ReadVerdictError::Form { reason: shown(&reason) };
        let Some(version) = document.get("schemaVersion") else {
            return Err(form_error("it has no schemaVersion".to_owned()));
        };
        if version.as_u64() != Some(SCHEMA_VERSION.into()) {
            return Err(ReadVerdictError::Version { found: shown(&version.to_string()) });
        }
        let form = Form::deserialize(&document).map_err(|error| form_error(error.to_string()))?;
        let (says, is) = (form.verdict_digest, covered_digest(&document));
        if says != is {
            return Err(ReadVerdictError::Digest { says, is });
        }
        // The digest does not cover itself, and two texts of one verdict shall not differ in it.
        if document["verdictDigest"].as_str() != Some(is.to_string().as_str()) {
            return Err(form_error("its verdictDigest is not written in lower-case digits".to_owned()));
        }
        let recipe = form.recipe.map(RecipeForm::check).transpose()?;
        let chain = form.chain.map(Self::of_document).transpose()?.map(Box::new);
        let Form {
            subject,
            source,
            outcome,
            level,
            reason,
            environment,
            choices,
            search,
            findings,
            cross_checks,
            rebuilds,
            tool,
            ..
        } = form;
        let of_checks = cross_checks.iter().flat_map(RecordedCrossChecks::requirements);
        if let Some(expected) = of_checks.filter_map(|other| other.check().err()).next() {
            return Err(form_error(format!("of a release that was tried, {expected}")));
        }
        let (verdict_digest, is_built) = (says, !rebuilds.is_empty());
        Ok(Self {
            verdict_digest,
            subject,
            source,
            chain,
            outcome,
            level,
            reason,
            recipe,
            environment,
            choices,
            search,
            findings,
            cross_checks,
            tool,
            is_built,
            document,
        })
    }

    /// The document as it was read.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }
}

/// How much is shown of what is said of foreign text, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// What is said of foreign text, and may cite it: cut and escaped.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARACTERS).collect();
    MemberPath::from(cut.as_str()).to_string()
}

impl RecipeForm {
    /// Holds the recipe to the same rules as one in a file of its own.
    fn check(self) -> Result<RecordedRecipe, ReadVerdictError> {
        let Self { recipe, origin, given, digest } = self;
        let refuse = |reason: String| ReadVerdictError::Recipe { reason: shown(&reason) };
        let again = Recipe::from_toml(&recipe.to_toml(&[])).map_err(|error| refuse(error.to_string()))?;
        if again != recipe || recipe.digest() != digest {
            return Err(refuse(format!("its digest is {}, and the verdict says {digest}", recipe.digest())));
        }
        let origin = match origin {
            Origin::Inferred => "inferred",
            Origin::Searched => "searched",
            Origin::Given => "given",
            Origin::Override => "override",
        };
        Ok(RecordedRecipe { recipe, origin, given })
    }
}

#[cfg(test)]
mod tests {
    use twinbuild_subject::Origin as SubjectOrigin;

    use super::*;

    fn text() -> String {
        let subject = Subject {
            origin: SubjectOrigin::Local,
            purl: None,
            file_name: "a-1-py3-none-any.whl".to_owned(),
            size: Some(1),
            digests: Some(Sha256::of(b"a").into()),
            upload_time: None,
        };
        let mut verdict = Verdict::about(subject, "0.0.0");
        verdict.choices.variations = vec!["clock".to_owned()];
        verdict.seal().unwrap();
        serde_json::to_string_pretty(&verdict).unwrap()
    }

    fn in_capitals() -> String {
        let digest = RecordedVerdict::read(text().as_bytes()).unwrap().verdict_digest.to_string();
        text().replace(&digest, &digest.to_uppercase())
    }

    fn refused(text: &str) -> String {
        RecordedVerdict::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_was_written_is_read() {
        let recorded = RecordedVerdict::read(text().as_bytes()).unwrap();
        assert_eq!(recorded.choices.variations, ["clock"]);
        assert_eq!((recorded.outcome, recorded.is_built), (Outcome::Inconclusive, false));
        // What the digest does not cover may be another.
        let other = text().replace("\"durationsMs\": {}", "\"durationsMs\": {\"build\": 7}");
        assert_ne!(other, text());
        assert_eq!(RecordedVerdict::read(other.as_bytes()).unwrap().verdict_digest, recorded.verdict_digest);
    }

    #[test]
    fn what_is_no_verdict_is_refused() {
        for (changed, expected) in [
            (String::new(), "JSON"),
            ("[]".to_owned(), "one JSON object"),
            ("{}".to_owned(), "no schemaVersion"),
            (text().replace("\"schemaVersion\": 1", "\"schemaVersion\": 2"), "schema version 2"),
            (text().replace("inconclusive", "reproduced"), "was changed"),
            (text().replace("inconclusive", "splendid"), "unknown variant"),
            (text().replace("\"sha256\": \"", "\"sha256\": \"x"), "SHA-256"),
            (in_capitals(), "lower-case"),
            (text().replace("inconclusive", "\\u202e"), "unknown variant `\\u{202e}`"),
            (text() + &text(), "trailing"),
        ] {
            let error = refused(&changed);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let read = RecordedVerdict::read(io::repeat(b' '));
        assert!(matches!(read, Err(ReadVerdictError::TooLarge)));
    }
}
