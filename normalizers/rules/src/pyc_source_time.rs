//! The time of the source in the header of a `.pyc` (PEP 552): bytes 8 to 12 where the flags, bytes 4 to 8, are 0.
//!
//! With flags 0 the interpreter runs a `.pyc` below `__pycache__` only if this time and the size after it are those of the
//! source file beside it, and compiles that file otherwise. So the time decides which of two members runs, the `.pyc` or
//! the `.py`; both are compared by themselves, and the size and the code stay. Since law 6 forbids that noise in compiled
//! code contributes to a pass, the rule explains a difference and hides none ([`Effect::Explains`]).
//!
//! Only the magic numbers 3392 to 3699 of CPython 3.7 to 3.15 (`Include/internal/pycore_magic_number.h`) are known to have
//! this header: older ones have code or the size at byte 8, those of PyPy and of later releases stay as they are.

use crate::error::Fault;
use crate::paths::is_data;
use crate::rule::{Effect, Rewrite, Rule, Stage, always};

pub(crate) const RULE: Rule = Rule {
    name: "pyc-source-time",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Explains,
    files: "`*.pyc`",
    what: "The time of the source in the header becomes 0, if the flags are 0 and the magic number is one of CPython 3.7 to \
           3.15.",
    concerns: |path| is_data(path, &[".pyc"]),
    rewrite,
    agree: always,
};

// The signature is that of all rules.
#[allow(clippy::unnecessary_wraps)]
fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let Some([magic_low, magic_high, b'\r', b'\n', 0, 0, 0, 0, time @ .., _, _, _, _]) = content.first_chunk::<16>()
    else {
        return Ok(None);
    };
    let magic = u16::from_le_bytes([*magic_low, *magic_high]);
    if !(3392..=3699).contains(&magic) || *time == [0; 4] {
        return Ok(None);
    }
    let mut content = content.to_vec();
    content[8..12].fill(0);
    Ok(Some(Rewrite { content, bytes: 4 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    fn pyc(magic: u16, flags: u32, time: u32) -> Vec<u8> {
        let [low, high] = magic.to_le_bytes();
        [&[low, high, 13, 10], flags.to_le_bytes().as_slice(), &time.to_le_bytes(), &[77, 0, 0, 0], b"\xe3code"]
            .concat()
    }

    #[test]
    fn the_time_becomes_zero_and_nothing_else() {
        for magic in [3392, 3394, 3495, 3699] {
            let rewrite = rewrite(&pyc(magic, 0, 0x6543_2100)).unwrap().unwrap();
            assert_eq!(rewrite, Rewrite { content: pyc(magic, 0, 0), bytes: 4 });
            assert_eq!(super::rewrite(&rewrite.content).unwrap(), None);
        }
    }

    #[test]
    fn hash_based_short_and_unknown_files_stay() {
        for content in [
            pyc(3495, 1, 7),
            pyc(3495, 3, 7),
            pyc(3495, 0x8000_0000, 7),
            pyc(3391, 0, 7),
            pyc(3700, 0, 7),
            pyc(62211, 0, 7),
            pyc(3495, 0, 7)[..15].to_vec(),
            Vec::new(),
        ] {
            assert_eq!(rewrite(&content).unwrap(), None, "{content:?}");
        }
    }

    #[test]
    fn it_explains_and_never_passes() {
        let path = "demo/__pycache__/demo.cpython-311.pyc".into();
        let outcome = equal_after_rules(&path, &pyc(3495, 0, 7), &pyc(3495, 0, 8));
        assert!(matches!(&outcome, Equality::Explained { a, b } if a == b && a[0].name == "pyc-source-time"));
        assert!(!outcome.is_equal());
    }

    #[test]
    fn any_other_byte_still_differs() {
        let path = "demo.pyc".into();
        let content = pyc(3495, 0, 7);
        for at in 0..content.len() {
            let mut other = pyc(3495, 0, 8);
            other[at] ^= 0x11;
            let outcome = equal_after_rules(&path, &content, &other);
            assert_eq!(matches!(outcome, Equality::Explained { .. }), (8..12).contains(&at), "byte {at}");
        }
    }
}
