//! The value of `Generator` in `WHEEL`: the name and version of the tool that wrote the wheel (PyPA "Binary distribution
//! format", "File contents").
//!
//! The specification gives it no meaning for installers, and pip, uv, installer and importlib.metadata decide nothing by
//! it. To bound what else it could carry, it must be one line of printable ASCII of at most 128 bytes, in the only field of
//! that name. The field's name, blanks, place and line end stay, and so do `Wheel-Version`, `Root-Is-Purelib`, `Tag` and
//! `Build`, which decide where and whether the wheel is installed: no byte outside of the value is rewritten.

use crate::error::Fault;
use crate::headers;
use crate::paths::is_dist_info;
use crate::rule::{Effect, Rewrite, Rule, Stage, always, length};

const FIXED: &[u8] = b"normalized";
const LONGEST_BYTES: usize = 128;

pub(crate) const RULE: Rule = Rule {
    name: "wheel-file-generator",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Passes,
    files: "`*.dist-info/WHEEL`",
    what: "The value of the only field `Generator` becomes `normalized`; no other field is touched.",
    concerns: |path| is_dist_info(path, "WHEEL"),
    rewrite,
    agree: always,
};

/// A `Generator` that is not one plain line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeneratorFault {
    /// The field is there more than once; readers take the first or the last.
    #[error("there are {count} fields `Generator`, the second one at offset {offset}, and one is expected")]
    Repeated {
        /// How many.
        count: usize,
        /// Of the second one.
        offset: usize,
    },
    /// The field goes on in another line.
    #[error("the field `Generator` at offset {offset} has {lines} lines, and one is expected")]
    Lines {
        /// Of the field.
        offset: usize,
        /// How many lines.
        lines: usize,
    },
    /// The value is too long, or has other characters.
    #[error(
        "the field `Generator` at offset {offset} has {found} bytes, and at most 128 of printable ASCII are expected"
    )]
    Value {
        /// Of the field.
        offset: usize,
        /// The size of its value.
        found: usize,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let (fields, _) = headers::parse(content)?;
    let generators: Vec<_> = fields.into_iter().filter(|field| field.is("generator")).collect();
    let field = match generators.as_slice() {
        [] => return Ok(None),
        [field] => *field,
        [_, second, ..] => {
            return Err(GeneratorFault::Repeated { count: generators.len(), offset: second.offset }.into());
        }
    };
    let lines = field.lines().count();
    if lines != 1 {
        return Err(GeneratorFault::Lines { offset: field.offset, lines }.into());
    }
    let after_colon = &field.bytes[field.name.len() + 1..];
    let value = after_colon.trim_ascii();
    if value.len() > LONGEST_BYTES || !value.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return Err(GeneratorFault::Value { offset: field.offset, found: value.len() }.into());
    }
    if value.is_empty() || value == FIXED {
        return Ok(None);
    }
    let blanks = after_colon.len() - after_colon.trim_ascii_start().len();
    let start = field.offset + field.name.len() + 1 + blanks;
    let content = [&content[..start], FIXED, &content[start + value.len()..]].concat();
    Ok(Some(Rewrite { content, bytes: length(value) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    const WHEEL: &str =
        "Wheel-Version: 1.0\nGenerator: bdist_wheel (0.37.1)\nRoot-Is-Purelib: true\nTag: py3-none-any\nBuild: 1\n\n";

    #[test]
    fn the_value_alone_is_replaced() {
        let rewrite = rewrite(WHEEL.as_bytes()).unwrap().unwrap();
        let expected = WHEEL.replace("bdist_wheel (0.37.1)", "normalized");
        assert_eq!((rewrite.content.as_slice(), rewrite.bytes), (expected.as_bytes(), 20));
        assert_eq!(super::rewrite(&rewrite.content).unwrap(), None);
        let blanks = super::rewrite(b"generator:\t x  \r\nTag: y").unwrap().unwrap();
        assert_eq!((blanks.content.as_slice(), blanks.bytes), (b"generator:\t normalized  \r\nTag: y".as_slice(), 1));
    }

    #[test]
    fn a_file_without_generator_stays() {
        for content in ["", "Tag: x\n", "Tag: x\n\nGenerator: in the body\n", "Generator:\n", "X-Generator: x\n"] {
            assert_eq!(rewrite(content.as_bytes()).unwrap(), None, "{content:?}");
        }
    }

    #[test]
    fn any_other_byte_still_differs() {
        let path = "demo-1.0.dist-info/WHEEL".into();
        let value = WHEEL.find("bdist").unwrap()..WHEEL.find("bdist").unwrap() + 20;
        for at in 0..WHEEL.len() {
            for bit in 0..8 {
                let mut other = WHEEL.as_bytes().to_vec();
                other[at] ^= 1 << bit;
                let is_equal = equal_after_rules(&path, WHEEL.as_bytes(), &other).is_equal();
                assert!(!is_equal || value.contains(&at), "byte {at}, bit {bit}");
            }
        }
        for (from, to) in [("true", "false"), ("py3", "py2"), ("Build: 1", "Build: 2"), ("Build: 1\n", "")] {
            let other = WHEEL.replace(from, to).replace("bdist", "other");
            assert_eq!(equal_after_rules(&path, WHEEL.as_bytes(), other.as_bytes()), Equality::Different, "{to}");
        }
    }

    #[test]
    fn a_generator_that_is_not_one_plain_line_is_a_fault() {
        let long = format!("Generator: {}\n", "x".repeat(129));
        for content in
            ["Generator: a\ngenerator: b\n", "Generator: a\n b\n", &long, "Generator: \u{e9}\n", "Generator: a\tb\n"]
        {
            assert!(matches!(rewrite(content.as_bytes()), Err(Fault::Generator(_))), "{content:?}");
        }
        assert!(matches!(rewrite(b"Generator: a\rTag: evil\n"), Err(Fault::Headers(_))));
    }
}
