//! Whether two contents are the same but for noise.

use twinbuild_subject::MemberPath;

use crate::error::RuleError;
use crate::normalize::{Applied, Normalized, applicable, run};
use crate::rule::{Effect, Rule};

/// How two contents of one member relate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Equality {
    /// They are the same bytes.
    Identical,
    /// They are the same bytes after these rules, each of which is needed for that.
    Equal {
        /// What rewrote the first content.
        a: Vec<Applied>,
        /// What rewrote the second content.
        b: Vec<Applied>,
    },
    /// They differ. After these rules they would be the same bytes, but at least one of them has [`Effect::Explains`].
    Explained {
        /// What would rewrite the first content.
        a: Vec<Applied>,
        /// What would rewrite the second content.
        b: Vec<Applied>,
    },
    /// They differ.
    Different,
    /// They differ, and a rule could not be applied to one of them.
    RuleFailed(RuleError),
}

impl Equality {
    /// Whether the contents count as equal.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        match self {
            Self::Identical | Self::Equal { .. } => true,
            Self::Explained { .. } | Self::Different | Self::RuleFailed(_) => false,
        }
    }
}

/// Compares the contents that two files have for the member `path`.
///
/// All rules for it must be able to read both contents. Rules without which the contents are equal too are left out of the
/// answer, so that it names what was hidden and nothing else.
#[must_use]
pub fn equal_after_rules(path: &MemberPath, a: &[u8], b: &[u8]) -> Equality {
    if a == b {
        return Equality::Identical;
    }
    let mut needed: Vec<&'static Rule> = applicable(path).collect();
    if needed.is_empty() {
        return Equality::Different;
    }
    let mut equal = match run_both(&needed, path, a, b) {
        Ok(Some(equal)) => equal,
        Ok(None) => return Equality::Different,
        Err(error) => return Equality::RuleFailed(error),
    };
    for index in (0..needed.len()).rev() {
        let mut fewer = needed.clone();
        fewer.remove(index);
        // A rule may fail without the one before it; then that one is needed.
        if let Ok(Some(still_equal)) = run_both(&fewer, path, a, b) {
            (needed, equal) = (fewer, still_equal);
        }
    }
    if !needed.iter().all(|rule| (rule.agree)(a, b)) {
        return Equality::Different;
    }
    let (a, b) = equal;
    if needed.iter().all(|rule| rule.effect == Effect::Passes) {
        Equality::Equal { a, b }
    } else {
        Equality::Explained { a, b }
    }
}

/// What was applied to the first content, and to the second.
type OnBoth = (Vec<Applied>, Vec<Applied>);

/// What these rules did to both contents, if they are the same bytes then.
fn run_both(rules: &[&'static Rule], path: &MemberPath, a: &[u8], b: &[u8]) -> Result<Option<OnBoth>, RuleError> {
    let Normalized { content: left, applied: on_left } = run(rules.iter().copied(), path, a)?;
    let Normalized { content: right, applied: on_right } = run(rules.iter().copied(), path, b)?;
    Ok((left == right).then_some((on_left, on_right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rules_that_were_needed_are_named() {
        let path = "demo-1.0.dist-info/WHEEL".into();
        let (lf, crlf) = (b"Generator: one\nTag: x\n", b"Generator: one\r\nTag: x\r\n");
        let Equality::Equal { a, b } = equal_after_rules(&path, lf, crlf) else { panic!("not equal") };
        assert_eq!(a, []);
        assert_eq!(b, [Applied { name: "metadata-line-endings", version: 1, bytes: 2 }]);
        let both = b"Generator: two\r\nTag: x\r\n";
        let Equality::Equal { a, b } = equal_after_rules(&path, lf, both) else { panic!("not equal") };
        assert_eq!(a.iter().map(|applied| applied.name).collect::<Vec<_>>(), ["wheel-file-generator"]);
        assert_eq!(b.len(), 2);
    }

    #[test]
    fn a_member_without_rules_is_never_normalized() {
        for path in [
            "demo/__init__.py",
            "demo-1.0.dist-info/RECORD",
            "demo-1.0.dist-info/entry_points.txt",
            "demo.pth",
            "demo/native.so",
            "demo/package.json",
            "demo-1.0/.cargo_vcs_info.json",
            "demo-1.0.data/scripts/run.gz",
        ] {
            assert_eq!(applicable(&path.into()).count(), 0, "{path}");
            assert_eq!(equal_after_rules(&path.into(), b"a\r\n", b"a\n"), Equality::Different, "{path}");
            assert_eq!(equal_after_rules(&path.into(), b"a\n", b"a\n"), Equality::Identical, "{path}");
        }
    }

    #[test]
    fn a_rule_that_fails_makes_a_difference() {
        let path = "demo-1.0.dist-info/WHEEL".into();
        let (lf, crlf) = (b"Generator: one\nGenerator: two\n", b"Generator: one\r\nGenerator: two\r\n");
        let outcome = equal_after_rules(&path, lf, crlf);
        assert!(matches!(&outcome, Equality::RuleFailed(error) if error.rule == "wheel-file-generator"));
        assert!(!outcome.is_equal());
    }
}
