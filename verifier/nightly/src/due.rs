//! Which subjects are to be judged, and why.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinbuild_report::{DueWhy, SubjectResult};
use twinbuild_rules::RULES;
use twinbuild_subject::Sha256;
use twinbuild_verdict::Outcome;

use crate::asked::Asked;
use crate::passing::passing;

/// What a verdict was made with that can be another some day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MadeWith {
    /// The version of twinbuild.
    pub tool: String,
    /// All normalizers by name and version, as one digest.
    pub normalizers: String,
    /// What was asked for as its environment, without requirements; empty where it came to none.
    pub environment: String,
    /// Its files of the Debian archive, as one digest.
    pub environment_files: String,
    /// The digest of the published file, where one was received.
    pub subject: Option<Sha256>,
    /// The digest of what was asked; see [`Asked::question`](crate::Asked::question).
    pub question: String,
}

/// By what a verdict is found to stand or not.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Now.
    pub now: Timestamp,
    /// For how long a verdict stands.
    pub max_age: SignedDuration,
    /// What is made with now; its environment is of no concern.
    pub made_with: MadeWith,
    /// The newest files of each environment, as [`MadeWith`] has them, by what was asked for.
    pub environments: BTreeMap<String, String>,
}

impl MadeWith {
    /// What this program makes verdicts with.
    #[must_use]
    pub fn now() -> Self {
        let normalizers: Vec<String> = RULES.iter().map(|rule| format!("{} {}\n", rule.name, rule.version)).collect();
        Self {
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            normalizers: Sha256::of(normalizers.concat().as_bytes()).to_string(),
            ..Self::default()
        }
    }

    /// What a verdict was made with, by its document.
    #[must_use]
    pub fn of_document(document: &Value) -> Self {
        let tool = document["tool"]["version"].as_str().unwrap_or_default().to_owned();
        let lock = &document["environment"];
        let files = lock["files"].as_array().into_iter().flatten();
        let mut files: Vec<&str> =
            files.filter(|file| file["kind"] == "debian-package").filter_map(|file| file["sha256"].as_str()).collect();
        files.sort_unstable();
        let is_there = lock.is_object();
        let of_lock = |text: String| if is_there { text } else { String::new() };
        Self {
            tool,
            environment: of_lock(lock["specification"].to_string()),
            environment_files: of_lock(Sha256::of(files.join("\n").as_bytes()).to_string()),
            subject: document["subject"]["digests"]["sha256"].as_str().and_then(|digest| digest.parse().ok()),
            ..Self::now()
        }
    }
}

/// Why a subject with this newest verdict is to be judged, of which this is asked now; `None` where the verdict stands.
///
/// A verdict about another file than is promised now, or come to under another question, says nothing of what is watched.
///
/// A verdict of another version of twinbuild, or of its normalizers, never stands: what was a pass may have been one by mistake. Another environment is a reason only where
/// the file did not come out: what was reproduced in one environment stays reproduced.
#[must_use]
pub fn due(
    result: &SubjectResult,
    made_with: &MadeWith,
    judged: Timestamp,
    (asked, terms): (&Asked, &Terms),
) -> Option<DueWhy> {
    if let (Some(subject), Some(promised)) = (&made_with.subject, &asked.promised)
        && subject != promised
    {
        return Some(DueWhy::FileChanged);
    }
    if made_with.question != asked.question() {
        return Some(DueWhy::AskedOtherwise);
    }
    if made_with.tool != terms.made_with.tool {
        return Some(DueWhy::ToolChanged);
    }
    if made_with.normalizers != terms.made_with.normalizers {
        return Some(DueWhy::NormalizersChanged);
    }
    let may_pass = result.reason.as_ref().is_some_and(|reason| passing(&reason.class).is_some());
    if result.outcome == Some(Outcome::Inconclusive) && may_pass {
        return Some(DueWhy::FailedBefore);
    }
    if terms.now.duration_since(judged) >= terms.max_age {
        return Some(DueWhy::Expired);
    }
    let newest = terms.environments.get(&made_with.environment);
    let is_other = newest.is_some_and(|files| *files != made_with.environment_files);
    (is_other && result.outcome != Some(Outcome::Reproduced)).then_some(DueWhy::EnvironmentChanged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_report::ResultReason;

    use crate::asked::SourceChoice;

    fn asked() -> Asked {
        Asked::of("pkg:pypi/a@1")
    }

    fn due(result: &SubjectResult, made_with: &MadeWith, judged: Timestamp, terms: &Terms) -> Option<DueWhy> {
        super::due(result, made_with, judged, (&asked(), terms))
    }

    fn terms() -> Terms {
        let environments = BTreeMap::from([("bookworm".to_owned(), "new".to_owned())]);
        let max_age = SignedDuration::from_hours(24 * 30);
        Terms { now: "2026-11-26T00:00:00Z".parse().unwrap(), max_age, made_with: MadeWith::now(), environments }
    }

    fn made() -> MadeWith {
        MadeWith {
            environment: "bookworm".to_owned(),
            environment_files: "new".to_owned(),
            subject: Some(Sha256::of(b"a")),
            question: asked().question(),
            ..MadeWith::now()
        }
    }

    fn result(outcome: Outcome, class: Option<&str>) -> SubjectResult {
        let reason = class.map(|class| ResultReason { class: class.to_owned(), detail: String::new() });
        SubjectResult { outcome: Some(outcome), reason, ..SubjectResult::default() }
    }

    fn lately() -> Timestamp {
        "2026-11-20T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_verdict_stands_until_it_is_too_old() {
        let reproduced = result(Outcome::Reproduced, None);
        assert_eq!(due(&reproduced, &made(), lately(), &terms()), None);
        let long_ago = "2026-10-01T00:00:00Z".parse().unwrap();
        assert_eq!(due(&reproduced, &made(), long_ago, &terms()), Some(DueWhy::Expired));
    }

    #[test]
    fn a_verdict_on_another_file_or_question_never_stands() {
        let reproduced = result(Outcome::Reproduced, None);
        let of = |asked: &Asked| super::due(&reproduced, &made(), lately(), (asked, &terms()));
        assert_eq!(of(&asked()), None);
        assert_eq!(of(&Asked { promised: None, ..asked() }), None);
        assert_eq!(of(&Asked { budget_secs: 1, ..asked() }), None);
        assert_eq!(of(&Asked { promised: Some(Sha256::of(b"b")), ..asked() }), Some(DueWhy::FileChanged));
        let otherwise = Some(DueWhy::AskedOtherwise);
        assert_eq!(of(&Asked { is_strict: true, ..asked() }), otherwise);
        assert_eq!(of(&Asked { from: SourceChoice::Git, ..asked() }), otherwise);
        assert_eq!(of(&Asked { hosts: 2, ..asked() }), otherwise);
        assert_eq!(of(&Asked { index_url: Some("https://other.example/".to_owned()), ..asked() }), otherwise);
    }

    #[test]
    fn what_failed_for_a_passing_reason_is_judged_again() {
        let failed = result(Outcome::Inconclusive, Some("source-fetch-failed"));
        assert_eq!(due(&failed, &made(), lately(), &terms()), Some(DueWhy::FailedBefore));
        for outcome in [Outcome::Inconclusive, Outcome::Unbuildable] {
            assert_eq!(due(&result(outcome, Some("limit")), &made(), lately(), &terms()), None);
        }
        assert_eq!(due(&result(Outcome::Unbuildable, Some("offline")), &made(), lately(), &terms()), None);
    }

    #[test]
    fn a_verdict_of_other_code_never_stands() {
        for outcome in [Outcome::Reproduced, Outcome::NotReproduced, Outcome::Rejected] {
            let tool = MadeWith { tool: "0.0.1".to_owned(), ..made() };
            assert_eq!(due(&result(outcome, None), &tool, lately(), &terms()), Some(DueWhy::ToolChanged));
            let rules = MadeWith { normalizers: "x".to_owned(), ..made() };
            assert_eq!(due(&result(outcome, None), &rules, lately(), &terms()), Some(DueWhy::NormalizersChanged));
        }
    }

    #[test]
    fn another_environment_is_tried_where_the_file_did_not_come_out() {
        let old = MadeWith { environment_files: "old".to_owned(), ..made() };
        let changed = Some(DueWhy::EnvironmentChanged);
        for outcome in [Outcome::NotReproduced, Outcome::Unbuildable, Outcome::Nondeterministic] {
            assert_eq!(due(&result(outcome, None), &old, lately(), &terms()), changed);
        }
        assert_eq!(due(&result(Outcome::Reproduced, None), &old, lately(), &terms()), None);
        let none = MadeWith { environment: String::new(), ..old };
        assert_eq!(due(&result(Outcome::Unsupported, None), &none, lately(), &terms()), None);
    }

    #[test]
    fn what_a_verdict_was_made_with_is_read_from_it() {
        let document = |sha256: &str, tool: &str| {
            serde_json::json!({
                "tool": {"name": "twinbuild", "version": tool},
                "environment": {"specification": {"suite": "bookworm"}, "files": [
                    {"kind": "debian-package", "sha256": sha256}, {"kind": "requirement", "sha256": "r"}]},
            })
        };
        let (one, other) = (MadeWith::of_document(&document("a", "1")), MadeWith::of_document(&document("b", "1")));
        assert_eq!((one.tool.as_str(), one.environment.as_str()), ("1", "{\"suite\":\"bookworm\"}"));
        assert!(one.environment == other.environment && one.environment_files != other.environment_files);
        let early = MadeWith::of_document(&serde_json::json!({"tool": {"version": "1"}}));
        assert_eq!((early.environment.as_str(), early.environment_files.as_str()), ("", ""));
    }
}
