//! Running the rules on one content.

use std::borrow::Cow;

use twinbuild_subject::MemberPath;

use crate::RULES;
use crate::error::RuleError;
use crate::rule::{Effect, Rule};

/// A content after the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized<'a> {
    /// The content; borrowed where no rule had anything to rewrite.
    pub content: Cow<'a, [u8]>,
    /// The rules that rewrote something, in the order in which they ran.
    pub applied: Vec<Applied>,
}

/// One rule that rewrote something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Applied {
    /// The rule's name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// How many bytes of its input carried what it rewrote, at least 1. Lengths and checksums that only follow from those
    /// bytes are not counted.
    pub bytes: u64,
}

/// The rules for a member of this name, in the order in which they run.
pub fn applicable(path: &MemberPath) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| (rule.concerns)(path))
}

/// Runs all rules for a member of this name on its content.
///
/// # Errors
/// Of the first rule that cannot read the content in one way only.
pub fn normalize<'a>(path: &MemberPath, content: &'a [u8]) -> Result<Normalized<'a>, RuleError> {
    run(applicable(path), path, content)
}

/// Runs the rules for a member of this name that may make two members equal; those that only explain stay out.
///
/// # Errors
/// As [`normalize`].
pub fn normalize_passing<'a>(path: &MemberPath, content: &'a [u8]) -> Result<Normalized<'a>, RuleError> {
    run(applicable(path).filter(|rule| rule.effect == Effect::Passes), path, content)
}

/// Runs these rules, in order.
pub(crate) fn run<'a>(
    rules: impl Iterator<Item = &'static Rule>,
    path: &MemberPath,
    content: &'a [u8],
) -> Result<Normalized<'a>, RuleError> {
    let mut normalized = Normalized { content: Cow::Borrowed(content), applied: Vec::new() };
    for rule in rules {
        let failed = |fault| RuleError { rule: rule.name, path: path.clone(), fault };
        if let Some(rewrite) = (rule.rewrite)(&normalized.content).map_err(failed)? {
            normalized.content = Cow::Owned(rewrite.content);
            normalized.applied.push(Applied { name: rule.name, version: rule.version, bytes: rewrite.bytes });
        }
    }
    Ok(normalized)
}
