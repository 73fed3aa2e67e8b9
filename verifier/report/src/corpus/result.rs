//! One subject of a list, as far as a report needs it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinbuild_compare::{Mismatch, Severity};
use twinbuild_recipe::{Interpreter, Provider};
use twinbuild_subject::{Request, Sha256};
use twinbuild_verdict::{Level, Outcome, Trust};

use super::ResultKind;

/// So many findings say in words what kept a file.
const FINDINGS: usize = 3;
/// So many alerts are named.
const NAMED_ALERTS: usize = 20;
/// How much of a sentence is kept at its beginning and at its end, in characters: the end of a log says what failed.
const KEPT_CHARACTERS: [usize; 2] = [160, 200];
/// Tools that write wheels, by the names of their projects. Where a recipe pins several, the first of them wrote the file.
const TOOLS: [&str; 9] =
    ["wheel", "flit", "flit-core", "hatchling", "poetry", "poetry-core", "pdm-backend", "pdm-pep517", "setuptools"];

/// What became of one subject of a list. All text of it is foreign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectResult {
    /// The package URL that was asked for.
    pub subject: String,
    /// The outcome; absent where there is no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How exactly it was reproduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// In what it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
    /// Why its source is taken to be the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// The tool that wrote the file, as the recipe pins it, and its range of versions, such as `hatchling 1.x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The interpreter and who provided it, such as `CPython 3.11 of Debian`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// The year in which it was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Why no comparison decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ResultReason>,
    /// The first findings that are more than notes.
    pub findings: Vec<ResultFinding>,
    /// How many more of these there are.
    pub more_findings: u64,
    /// Whether one of all findings is an alert.
    pub has_alert: bool,
    /// The alerts by code and path, such as `unsourced-member a/b.py`, in order, each once. Of more than 20, the last one stands for
    /// all that are not named, by their number and a digest, so that two results with other alerts are never the same here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// How many recipes were tried, the first one among them.
    pub trials: u64,
    /// Where the recipe came from, such as `inferred`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe_origin: Option<String>,
    /// Whether no normalizer was used.
    pub is_strict: bool,
    /// What of the recipe was given, and not inferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenRecipe>,
    /// Durations of its steps in milliseconds.
    pub durations_ms: BTreeMap<String, u64>,
    /// Processor time of its builds in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_processor_ms: Option<u64>,
    /// Processor time of the whole run since the result before, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_processor_ms: Option<u64>,
    /// Time of the whole run since the result before, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_wall_ms: Option<u64>,
    /// The digest of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict_digest: Option<Sha256>,
    /// Why there is no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why no comparison decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultReason {
    /// A stable name of the class.
    pub class: String,
    /// One sentence, cut in its middle where it is long.
    pub detail: String,
}

/// A finding of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultFinding {
    /// A stable name of the kind of finding.
    pub code: String,
    /// The member that it is about, where its name is text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// One sentence, cut in its middle where it is long.
    pub detail: String,
}

/// What was given for a recipe, as `twinbuild_verdict` records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenRecipe {
    /// The file.
    pub file: String,
    /// Why it is needed.
    pub reason: String,
}

/// What is read of a verdict; of any version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    verdict_digest: Option<Sha256>,
    subject: SubjectForm,
    source: Option<SourceForm>,
    outcome: Outcome,
    level: Option<Level>,
    mismatch: Option<Mismatch>,
    reason: Option<ResultReason>,
    recipe: Option<RecipeForm>,
    #[serde(default)]
    findings: Vec<FindingForm>,
    search: Option<SearchForm>,
    #[serde(default)]
    choices: ChoicesForm,
    #[serde(default)]
    run: RunForm,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectForm {
    upload_time: Option<String>,
}

#[derive(Deserialize)]
struct SourceForm {
    trust: Trust,
}

#[derive(Deserialize)]
struct RecipeForm {
    interpreter: Interpreter,
    requirements: RequirementsForm,
    #[serde(default)]
    origin: String,
    #[serde(rename = "override")]
    given: Option<GivenRecipe>,
}

#[derive(Deserialize)]
struct RequirementsForm {
    direct: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FindingForm {
    code: String,
    severity: Severity,
    path: Option<String>,
    path_base64: Option<String>,
    detail: String,
}

#[derive(Deserialize)]
struct SearchForm {
    trials: Vec<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ChoicesForm {
    is_strict: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RunForm {
    durations_ms: BTreeMap<String, u64>,
    processor_ms: BTreeMap<String, u64>,
}

impl SubjectResult {
    /// What a verdict says, as far as a report needs it. `subject` is the package URL that was asked for.
    ///
    /// # Errors
    /// When `document` is no verdict.
    pub fn of_document(subject: &str, document: &Value) -> Result<Self, serde_json::Error> {
        let form = Form::deserialize(document)?;
        let Form { subject: file, source, recipe, search, run, choices, .. } = form;
        let is_news = |finding: &FindingForm| finding.severity != Severity::Note;
        let has_alert = form.findings.iter().any(|finding| finding.severity == Severity::Alert);
        let alerts = alerts(&form.findings);
        let mut news: Vec<FindingForm> = form.findings.into_iter().filter(is_news).collect();
        // Of equal severity, what is about a member says more of the file than what an index says of it.
        news.sort_by_key(|finding| (Reverse(finding.severity), finding.path.is_none()));
        let mut news = news.into_iter();
        let findings = news.by_ref().take(FINDINGS).map(|FindingForm { code, path, detail, .. }| ResultFinding {
            code,
            path,
            detail: cut(&detail),
        });
        let findings = findings.collect();
        let more_findings = u64::try_from(news.count()).unwrap_or(u64::MAX);
        // A search tries others than the recipe that it begins with.
        let trials = usize::from(recipe.is_some() || search.is_some()) + search.map_or(0, |search| search.trials.len());
        let is_of_twin = |name: &str| name.ends_with("-wall") || name.ends_with("-cpu");
        // Before verdicts had it, they had the twins' own.
        let of_twins = || {
            let parts: Vec<u64> =
                ["first-cpu", "second-cpu"].iter().filter_map(|name| run.durations_ms.get(*name).copied()).collect();
            (!parts.is_empty()).then(|| parts.iter().sum())
        };
        Ok(Self {
            subject: subject.to_owned(),
            outcome: Some(form.outcome),
            level: form.level,
            mismatch: form.mismatch,
            trust: source.map(|source| source.trust),
            generator: recipe.as_ref().and_then(|recipe| generator(&recipe.requirements.direct)),
            ground: recipe.as_ref().map(|recipe| ground(&recipe.interpreter)),
            year: file.upload_time.and_then(|time| time.get(..4)?.parse().ok()),
            reason: form.reason.map(|ResultReason { class, detail }| ResultReason { class, detail: cut(&detail) }),
            findings,
            more_findings,
            has_alert,
            alerts,
            trials: u64::try_from(trials).unwrap_or(u64::MAX),
            recipe_origin: recipe.as_ref().map(|recipe| recipe.origin.clone()),
            is_strict: choices.is_strict,
            given: recipe.and_then(|recipe| recipe.given),
            build_processor_ms: run.processor_ms.get("build").copied().or_else(of_twins),
            durations_ms: run.durations_ms.into_iter().filter(|(name, _)| !is_of_twin(name)).collect(),
            run_processor_ms: None,
            run_wall_ms: None,
            verdict_digest: form.verdict_digest,
            error: None,
        })
    }

    /// A subject without a verdict, and why there is none.
    #[must_use]
    pub fn without_verdict(subject: &str, error: &str) -> Self {
        Self { subject: subject.to_owned(), error: Some(cut(error)), ..Self::default() }
    }

    /// What became of it, in a word.
    #[must_use]
    pub fn kind(&self) -> ResultKind {
        self.outcome.map_or(ResultKind::NoVerdict, |outcome| ResultKind::of(outcome, self.level, self.mismatch))
    }

    /// The command that comes to its verdict again, where the subject is one that can be asked for.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        // What was read back has no character that a shell reads inside of quotes.
        let request: Request = self.subject.parse().ok()?;
        let strict = if self.is_strict { " --strict" } else { "" };
        let recipes = if self.given.is_some() { " --recipes DIR" } else { "" };
        let from = match self.trust {
            Some(Trust::Repository | Trust::AttestedCommit) => " --from git",
            Some(Trust::SameUpload | Trust::User) | None => "",
        };
        Some(format!("twinbuild rebuild '{request}'{from}{strict}{recipes}"))
    }

    /// The subject as a reader knows it: the name of its file, or else its package URL.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.subject)
    }
}

/// A subject as a reader knows it, as [`SubjectResult::shown`].
pub(crate) fn shown(subject: &str) -> String {
    match subject.parse::<Request>() {
        Ok(Request { file_name: Some(file), .. }) => file.text().to_owned(),
        Ok(Request { name, version, file_name: None }) => format!("{name} {version}"),
        Err(_) => subject.to_owned(),
    }
}

impl ResultFinding {
    /// What it is and where, such as `unsourced-member a/b.py`.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.code, self.path.as_deref())
    }
}

fn place(code: &str, path: Option<&str>) -> String {
    path.map_or_else(|| code.to_owned(), |path| format!("{code} {path}"))
}

/// The alerts by code and path, as [`SubjectResult::alerts`] has them; a path that is no text stands there in base64.
fn alerts(findings: &[FindingForm]) -> Vec<String> {
    let alerts = findings.iter().filter(|finding| finding.severity == Severity::Alert);
    let place_of = |finding: &FindingForm| {
        let path = finding.path.clone();
        place(&finding.code, path.or(finding.path_base64.as_ref().map(|path| format!("base64:{path}"))).as_deref())
    };
    let mut named: Vec<String> = alerts.map(place_of).collect::<BTreeSet<_>>().into_iter().collect();
    if named.len() > NAMED_ALERTS {
        let others = named.split_off(NAMED_ALERTS - 1);
        // Quoted, each is set off from the next, whatever is in it.
        named.push(format!("{} more, sha256:{}", others.len(), Sha256::of(format!("{others:?}").as_bytes())));
    }
    named
}

/// The tool that a recipe pins, and its range of versions: `0.36` of those before 1.0, `3.x` of others.
fn generator(direct: &[String]) -> Option<String> {
    let pinned = |tool: &str| {
        let version = |text: &String| Some(text.strip_prefix(tool)?.strip_prefix("==")?.to_owned());
        direct.iter().rev().find_map(version)
    };
    let (tool, version) = TOOLS.iter().find_map(|tool| Some((tool, pinned(tool)?)))?;
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next().unwrap_or("0"));
    let range = if major == "0" { format!("0.{minor}") } else { format!("{major}.x") };
    Some(format!("{tool} {range}"))
}

fn ground(interpreter: &Interpreter) -> String {
    let provider = match interpreter.provider {
        Provider::Debian => "Debian",
        Provider::Host => "the host",
    };
    format!("CPython {} of {provider}", interpreter.version)
}

/// A sentence without its middle, where it is long.
fn cut(text: &str) -> String {
    let [first, last] = KEPT_CHARACTERS;
    let count = text.chars().count();
    if count <= first + last {
        return text.to_owned();
    }
    let begin: String = text.chars().take(first).collect();
    let end: String = text.chars().skip(count - last).collect();
    format!("{begin} .. {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(direct: &[&str]) -> Option<String> {
        generator(&direct.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_generator_is_what_the_recipe_pins() {
        assert_eq!(pinned(&["setuptools", "wheel", "wheel==0.36.2"]).as_deref(), Some("wheel 0.36"));
        assert_eq!(pinned(&["wheel==0.36.2", "setuptools==59.1"]).as_deref(), Some("wheel 0.36"));
        assert_eq!(pinned(&["setuptools>=61", "setuptools==75.1.0"]).as_deref(), Some("setuptools 75.x"));
        assert_eq!(pinned(&["flit_core>=2,<4", "flit-core==3.2.0"]).as_deref(), Some("flit-core 3.x"));
        assert_eq!(pinned(&["poetry-core>=1"]), None);
    }

    #[test]
    fn a_long_sentence_keeps_its_beginning_and_its_end() {
        let text = cut(&format!("begin{}end", "\u{e4}".repeat(5000)));
        assert!(text.starts_with("begin") && text.ends_with("end"), "{text}");
        assert!(text.chars().count() < 400);
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn a_command_is_made_of_a_subject_and_of_nothing_else() {
        let of = |subject: &str| SubjectResult { subject: subject.to_owned(), ..SubjectResult::default() }.command();
        let expected = "twinbuild rebuild 'pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl'";
        let subject = "pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl";
        assert_eq!(of(subject).as_deref(), Some(expected));
        for hostile in ["pkg:pypi/six@1'; rm -rf ~; '", "$(x)", "pypi:six@1\n2", "-x"] {
            let command = of(hostile).unwrap_or_default();
            assert!(command.matches('\'').count() % 2 == 0 && !command.contains(['\n', '$', ';']), "{command}");
        }
    }

    #[test]
    fn a_verdict_is_read_whatever_else_it_has() {
        let finding =
            |code: &str, severity: &str| serde_json::json!({ "code": code, "severity": severity, "detail": "x" });
        let document = serde_json::json!({
            "verdictDigest": null,
            "subject": { "fileName": "a-1-py3-none-any.whl", "uploadTime": "2021-05-05T14:18:18Z", "later": 1 },
            "source": { "trust": "same-upload" },
            "outcome": "not-reproduced",
            "mismatch": "code",
            "recipe": {
                "interpreter": { "version": "3.9", "provider": "host" },
                "requirements": { "direct": ["wheel==0.36.2"] },
                "origin": "override",
                "override": { "file": "pypi/a/b.toml", "sha256": "0", "reason": "known" },
            },
            "findings": [finding("a", "note"), finding("yanked", "warning"), finding("b", "alert"), finding("c", "alert"),
                finding("d", "alert")],
            "search": { "mostTrials": 24, "trials": [{}, {}, {}] },
            "choices": { "isStrict": true },
            "run": { "durationsMs": { "build": 7, "first-wall": 6 }, "processorMs": { "build": 9 } },
        });
        let result = SubjectResult::of_document("pkg:pypi/a@1", &document).unwrap();
        let codes: Vec<_> = result.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((codes.as_slice(), result.more_findings, result.has_alert), (&["b", "c", "d"][..], 1, true));
        assert_eq!(result.alerts, ["b", "c", "d"]);
        assert_eq!((result.kind(), result.year, result.trials), (ResultKind::Code, Some(2021), 4));
        assert_eq!(result.generator.as_deref(), Some("wheel 0.36"));
        assert_eq!(result.ground.as_deref(), Some("CPython 3.9 of the host"));
        assert_eq!(result.given.as_ref().map(|given| given.reason.as_str()), Some("known"));
        assert_eq!((result.durations_ms.len(), result.build_processor_ms), (1, Some(9)));
        assert_eq!(result.command().as_deref(), Some("twinbuild rebuild 'pkg:pypi/a@1' --strict --recipes DIR"));
        // Before verdicts said what their builds cost.
        let mut older = document;
        older["run"] = serde_json::json!({ "durationsMs": { "first-cpu": 3, "second-cpu": 4 } });
        assert_eq!(SubjectResult::of_document("x", &older).unwrap().build_processor_ms, Some(7));
    }

    #[test]
    fn no_alert_is_lost_among_many() {
        let of = |paths: &[String]| {
            let finding =
                |path: &String| serde_json::json!({ "code": "x", "severity": "alert", "path": path, "detail": "" });
            let findings: Vec<Value> = paths.iter().map(finding).collect();
            let document = serde_json::json!({ "subject": {}, "outcome": "not-reproduced", "findings": findings });
            SubjectResult::of_document("x", &document).unwrap().alerts
        };
        let mut paths: Vec<String> = (100..500).map(|number| format!("m/{number}")).collect();
        let before = of(&paths);
        assert_eq!((before.len(), before[0].as_str()), (20, "x m/100"));
        assert!(before[19].starts_with("381 more, sha256:"), "{}", before[19]);
        paths.reverse();
        assert_eq!(of(&paths), before);
        paths[0] = "m/other".to_owned();
        assert_ne!(of(&paths), before);
        assert_eq!(of(&paths[..20]).len(), 20);
    }

    #[test]
    fn what_is_no_verdict_is_refused() {
        assert!(SubjectResult::of_document("x", &serde_json::json!({ "outcome": "splendid" })).is_err());
    }
}
