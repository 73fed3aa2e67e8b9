//! What a rule is.

use std::fmt;

use twinbuild_subject::MemberPath;

use crate::error::Fault;

/// A normalizer.
#[derive(Debug)]
pub struct Rule {
    /// Its name, in kebab case. Names are never used again for something else.
    pub name: &'static str,
    /// Raised whenever the rule gives other bytes for some content.
    pub version: u32,
    /// When it runs.
    pub stage: Stage,
    /// Whether it may make two members equal.
    pub effect: Effect,
    /// The members that it is for, as text.
    pub files: &'static str,
    /// What it rewrites, and into what: one sentence.
    pub what: &'static str,
    /// Whether it is for a member of this name.
    pub(crate) concerns: fn(&MemberPath) -> bool,
    /// The rule itself: `None` where it has nothing to rewrite.
    pub(crate) rewrite: fn(&[u8]) -> Result<Option<Rewrite>, Fault>,
    /// What must hold of both contents as they came, beyond being equal in the end.
    pub(crate) agree: fn(&[u8], &[u8]) -> bool,
}

/// When a rule runs: all rules of a stage run before those of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// How text is written down: line ends.
    Form,
    /// Single values in their place.
    Value,
    /// The order of parts.
    Order,
}

/// What a rule may do for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Members that are equal after it count as equal.
    Passes,
    /// Members that are equal after it differ all the same, and the finding says why (law 6: noise in compiled code).
    Explains,
}

/// What a rule made of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// The new content.
    pub(crate) content: Vec<u8>,
    /// How many bytes of the old content carried what was rewritten; at least 1.
    pub(crate) bytes: u64,
}

/// No condition on the two contents as they came.
pub(crate) fn always(_: &[u8], _: &[u8]) -> bool {
    true
}

/// The length of a part of a content.
pub(crate) fn length(part: &[u8]) -> u64 {
    // A slice is at most `isize::MAX` bytes long.
    u64::try_from(part.len()).unwrap_or(u64::MAX)
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "form",
            Self::Value => "value",
            Self::Order => "order",
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passes => "passes",
            Self::Explains => "explains",
        })
    }
}
