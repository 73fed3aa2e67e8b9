//! CRLF as the line end of `METADATA` and `WHEEL`: tools on Windows write it.
//!
//! Rewritten only if every line end of the file is CRLF and no CR stands elsewhere; the last line may have no end. Readers
//! (Python's `email`, in text mode or not, and mailparse) take both line ends for the same, so no field begins, ends or
//! goes on elsewhere, and the description has the same lines. Nothing that runs or decides can hide in it: one bit a file,
//! since a mixed file stays as it is.

use crate::error::Fault;
use crate::paths::is_dist_info;
use crate::rule::{Effect, Rewrite, Rule, Stage, always};

pub(crate) const RULE: Rule = Rule {
    name: "metadata-line-endings",
    version: 1,
    stage: Stage::Form,
    effect: Effect::Passes,
    files: "`*.dist-info/METADATA`, `*.dist-info/WHEEL`",
    what: "CRLF becomes LF, if every line end of the file is CRLF and no CR stands alone.",
    concerns: |path| is_dist_info(path, "METADATA") || is_dist_info(path, "WHEEL"),
    rewrite,
    agree: always,
};

// The signature is that of all rules.
#[allow(clippy::unnecessary_wraps)]
fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let (mut pairs, mut returns, mut feeds) = (0_u64, 0_u64, 0_u64);
    let mut previous = 0;
    for byte in content {
        returns += u64::from(*byte == b'\r');
        feeds += u64::from(*byte == b'\n');
        pairs += u64::from(*byte == b'\n' && previous == b'\r');
        previous = *byte;
    }
    if pairs == 0 || pairs != returns || pairs != feeds {
        return Ok(None);
    }
    let content = content.iter().copied().filter(|byte| *byte != b'\r').collect();
    Ok(Some(Rewrite { content, bytes: pairs }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    fn rewritten(content: &[u8]) -> Option<Vec<u8>> {
        rewrite(content).unwrap().map(|rewrite| rewrite.content)
    }

    #[test]
    fn uniform_crlf_becomes_lf() {
        assert_eq!(rewrite(b"A: 1\r\n\r\nx").unwrap(), Some(Rewrite { content: b"A: 1\n\nx".to_vec(), bytes: 2 }));
        assert_eq!(rewritten(b"A: 1\n\nx"), None);
    }

    #[test]
    fn mixed_ends_and_lone_returns_stay() {
        for content in
            ["", "x", "\r", "A\r\nB\n", "A\nB\r\n", "A\r\nB\r", "A\r\r\n", "A\rB\r\n", "\n\r", "A\r\nB\r\r\n"]
        {
            assert_eq!(rewritten(content.as_bytes()), None, "{content:?}");
        }
    }

    #[test]
    fn a_mixed_file_still_differs() {
        let path = "demo-1.0.dist-info/METADATA".into();
        let (clean, mixed) = (b"Name: demo\n\nText\n", b"Name: demo\n\nText\r\n");
        assert_eq!(equal_after_rules(&path, clean, mixed), Equality::Different);
        let uniform = b"Name: demo\r\n\r\nText\r\n";
        assert!(equal_after_rules(&path, clean, uniform).is_equal());
        let longer = b"Name: demo\r\n\r\nText\r\n\r\n";
        assert_eq!(equal_after_rules(&path, clean, longer), Equality::Different);
    }
}
