//! Findings: one difference or anomaly each.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use twinbuild_subject::MemberPath;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// A stable name of the kind of finding, in kebab case.
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// The member that it is about; none where it is about the whole file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub path: Option<MemberPath>,
    /// One sentence for a reader.
    pub detail: String,
}

impl Finding {
    /// A finding about one member.
    #[must_use]
    pub fn of(code: &'static str, severity: Severity, path: &MemberPath, detail: String) -> Self {
        Self { code: code.into(), severity, path: Some(path.clone()), detail }
    }

    /// A finding about the whole file.
    #[must_use]
    pub fn whole(code: &'static str, severity: Severity, detail: String) -> Self {
        Self { code: code.into(), severity, path: None, detail }
    }
}

/// Sorts for a reader: the most severe first, then by member and code.
pub fn sort_findings(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.path, &a.code, &a.detail).cmp(&(&b.path, &b.code, &b.detail)))
    });
}
