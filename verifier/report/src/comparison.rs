//! What a comparison of two files found.

use serde::Serialize;
use twinbuild_compare::{Comparison, Finding, Mismatch, Normalization, Relation, ThreeWay};
use twinbuild_subject::Sha256;
use twinbuild_verdict::Container;

/// How two files relate, and why. The second one stands for both rebuilds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileComparison {
    /// How they relate.
    pub relation: Relation,
    /// In what they differ; none where they do not.
    pub mismatch: Option<Mismatch>,
    /// The comparison in numbers.
    pub comparison: Comparison,
    /// Differences and anomalies, the most severe first.
    pub findings: Vec<Finding>,
    /// The file that stands for the published one. JSON has what was found out, not what was asked.
    #[serde(skip)]
    pub left: ComparedFile,
    /// The file that stands for the rebuild.
    #[serde(skip)]
    pub right: ComparedFile,
    /// Normalizers that made members equal.
    #[serde(skip)]
    pub normalizers_applied: Vec<Normalization>,
    /// The first file's container.
    #[serde(skip)]
    pub container: Container,
}

/// One of two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedFile {
    /// Its name or path, as it was given.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The digest of the whole file.
    pub sha256: Sha256,
}

/// A file that could not be read, so that there is nothing to compare.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadFile {
    /// Why, in a word.
    #[serde(rename = "relation")]
    pub why: WhyUnread,
    /// Its name or path, as it was given.
    pub file: String,
    /// Why, in a sentence.
    pub detail: String,
    /// Of a rejected file: what proves it malformed.
    pub findings: Vec<Finding>,
}

/// Why a file could not be read, in the words of [`twinbuild_verdict::Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyUnread {
    /// It is proven malformed, ambiguous or hostile.
    Rejected,
    /// It has what this version cannot read.
    Unsupported,
    /// A limit was hit, or it could not be read.
    Inconclusive,
}

impl FileComparison {
    /// What was found where `right` stood for both rebuilds; `container_kind` is that of the left file, such as `zip`.
    #[must_use]
    pub fn new(found: ThreeWay, left: ComparedFile, right: ComparedFile, container_kind: &str) -> Self {
        Self {
            relation: found.comparison.first,
            mismatch: found.mismatch,
            comparison: found.comparison,
            findings: found.findings,
            left,
            right,
            normalizers_applied: found.normalizations,
            container: Container {
                kind: container_kind.to_owned(),
                differences: found.container,
                parameters: found.parameters,
            },
        }
    }
}
