//! Findings: one difference or anomaly each.

use std::borrow::Cow;
use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::MemberPath;

use crate::explain::Excerpt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Harmless in itself: a date, an order.
    Note,
    /// To be explained: a licence text, a classifier.
    Warning,
    /// What runs or what is installed may not be what the source says.
    Alert,
}

/// One difference or anomaly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A stable name of the kind of finding, in kebab case.
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// The member that it is about; none where it is about the whole file.
    #[serde(flatten, skip_serializing_if = "Option::is_none", deserialize_with = "MemberPath::deserialize_optional")]
    pub path: Option<MemberPath>,
    /// One sentence for a reader.
    pub detail: String,
    /// The difference itself, in at most 40 lines and 4 KiB: lines of text with `+` and `-`, fields, rows, or bytes. Text of
    /// the compared files is escaped as in `detail`. The first 100 findings of a comparison have one, where there is
    /// anything to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
}

impl Finding {
    /// A finding about one member.
    #[must_use]
    pub fn of(code: &'static str, severity: Severity, path: &MemberPath, detail: String) -> Self {
        Self::new(code, severity, Some(path.clone()), detail)
    }

    /// A finding about the whole file.
    #[must_use]
    pub fn whole(code: &'static str, severity: Severity, detail: String) -> Self {
        Self::new(code, severity, None, detail)
    }

    /// A finding about one member where `path` names it, else about the whole file.
    #[must_use]
    pub fn new(code: &'static str, severity: Severity, path: Option<MemberPath>, detail: String) -> Self {
        Self { code: code.into(), severity, path, detail, excerpt: Vec::new() }
    }

    /// The same finding with these lines as its excerpt. Lines that are too many or too long are cut, and counted in a last
    /// one; control characters are escaped.
    #[must_use]
    pub fn with_excerpt(self, lines: impl IntoIterator<Item = String>) -> Self {
        let mut excerpt = Excerpt::default();
        lines.into_iter().for_each(|line| excerpt.push(line));
        Self { excerpt: excerpt.finish(), ..self }
    }
}

/// Sorts for a reader: the most severe first, then by member and code.
pub fn sort_findings(findings: &mut [Finding]) {
    findings.sort_by(order);
}

/// The order of [`sort_findings`].
pub(crate) fn order(a: &Finding, b: &Finding) -> Ordering {
    b.severity.cmp(&a.severity).then_with(|| (&a.path, &a.code, &a.detail).cmp(&(&b.path, &b.code, &b.detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_escaped_and_left_out_if_empty() {
        let finding = Finding::whole("x", Severity::Note, String::new());
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(json, r#"{"code":"x","severity":"note","detail":""}"#);
        let shown = finding.with_excerpt((0..50).map(|index| format!("{index}\x1b"))).excerpt;
        assert_eq!((shown.len(), shown[0].as_str(), shown[39].as_str()), (40, r"0\u{1b}", "and 11 more lines"));
    }
}
