//! The order of the fields of `METADATA` (PyPA "Core metadata specifications"): releases of a backend write them in another
//! order.
//!
//! Only fields whose name is there once, in any case of its letters, move: they are sorted behind the others by name. These
//! keep their order among themselves: the dependency fields of all versions of the metadata, `Name`, `Version`,
//! `Metadata-Version`, `Dynamic`, every field that is there more than once, and every field with a blank continuation line,
//! at which a careless reader could stop. A field moves with all its bytes; the description below the fields stays.
//!
//! Readers collect fields by name, so the order among fields of different names decides nothing, if all readers see the
//! same fields: a line that is none, and whatever could begin another line, is a fault. On top of that, two files count as
//! equal only if their dependency fields, read a second time by a simpler reader, are equal and in the same order.

use std::collections::HashMap;

use crate::error::Fault;
use crate::headers::{self, Field};
use crate::paths::is_dist_info;
use crate::rule::{Effect, Rewrite, Rule, Stage, length};

/// Core metadata 1.0 to 2.5, PEP 314, PEP 345 and PEP 566.
const FIXED: [&str; 15] = [
    "metadata-version",
    "name",
    "version",
    "dynamic",
    "requires",
    "requires-dist",
    "requires-python",
    "requires-external",
    "setup-requires-dist",
    "provides",
    "provides-dist",
    "provides-extra",
    "obsoletes",
    "obsoletes-dist",
    "extension",
];

pub(crate) const RULE: Rule = Rule {
    name: "metadata-field-order",
    version: 1,
    stage: Stage::Order,
    effect: Effect::Passes,
    files: "`*.dist-info/METADATA`",
    what: "Fields that are there once, and are no dependencies, name or version, are sorted by name behind the others, \
           which keep their order; dependency fields must be the same in both files, and the description stays.",
    concerns: |path| is_dist_info(path, "METADATA"),
    rewrite,
    agree: |a, b| fixed_fields(a) == fixed_fields(b),
};

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let (fields, rest) = headers::parse(content)?;
    if fields.last().is_some_and(|field| !field.bytes.ends_with(b"\n")) {
        // Moved, it would run into the next one.
        return Ok(None);
    }
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for field in &fields {
        *counts.entry(field.name.to_ascii_lowercase()).or_default() += 1;
    }
    let is_movable = |field: &Field<'_>| {
        counts.get(&field.name.to_ascii_lowercase()) == Some(&1)
            && !FIXED.iter().any(|name| field.is(name))
            && !field.lines().any(|line| line.trim_ascii().is_empty())
    };
    let (mut movable, mut sorted): (Vec<_>, Vec<_>) = fields.iter().copied().partition(is_movable);
    movable.sort_by_key(|field| field.name.to_ascii_lowercase());
    sorted.append(&mut movable);
    let moved = sorted.iter().zip(&fields).filter(|(after, before)| after.offset != before.offset);
    let bytes: u64 = moved.map(|(_, before)| length(before.bytes)).sum();
    if bytes == 0 {
        return Ok(None);
    }
    let mut ordered: Vec<u8> = Vec::with_capacity(content.len());
    sorted.iter().for_each(|field| ordered.extend_from_slice(field.bytes));
    ordered.extend_from_slice(rest);
    Ok(Some(Rewrite { content: ordered, bytes }))
}

/// The lines of the fields that must be the same, in order, up to the first line without text. A second reader, on purpose:
/// it takes every CR and LF for the end of a line.
fn fixed_fields(content: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut is_fixed = false;
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut rest = text;
    while let Some(first) = rest.first() {
        let end = rest.iter().position(is_end).unwrap_or(rest.len());
        let line = &rest[..end];
        if line.is_empty() {
            break;
        }
        if !matches!(first, b' ' | b'\t') {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            is_fixed = FIXED.iter().any(|fixed| name.eq_ignore_ascii_case(fixed.as_bytes()));
        }
        if is_fixed {
            lines.push(line.to_vec());
        }
        rest = match &rest[end..] {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => &[],
        };
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    const METADATA: &str = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: x\nAuthor: a\n b\n\
        Classifier: one\nClassifier: two\nRequires-Dist: p\nRequires-Dist: q\nHome-page: h\n\nName: text\nAuthor: text\n";

    fn compare(a: &str, b: &str) -> Equality {
        equal_after_rules(&"demo-1.0.dist-info/METADATA".into(), a.as_bytes(), b.as_bytes())
    }

    #[test]
    fn unique_fields_are_sorted_behind_the_others() {
        let rewrite = rewrite(METADATA.as_bytes()).unwrap().unwrap();
        let expected = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nClassifier: one\nClassifier: two\n\
            Requires-Dist: p\nRequires-Dist: q\nAuthor: a\n b\nHome-page: h\nSummary: x\n\nName: text\nAuthor: text\n";
        assert_eq!(String::from_utf8(rewrite.content.clone()).unwrap(), expected);
        let fields = METADATA.find("Summary").unwrap()..METADATA.find("\n\n").unwrap() + 1;
        assert_eq!(rewrite.bytes, length(&METADATA.as_bytes()[fields]));
        assert_eq!(super::rewrite(&rewrite.content).unwrap(), None);
    }

    #[test]
    fn order_and_line_ends_may_differ() {
        let moved =
            METADATA.replace("Summary: x\nAuthor: a\n b\n", "Author: a\n b\n").replace("\n\nN", "\nSummary: x\n\nN");
        assert!(matches!(compare(METADATA, &moved), Equality::Equal { .. }));
        assert!(matches!(compare(METADATA, &moved.replace('\n', "\r\n")), Equality::Equal { .. }));
    }

    #[test]
    fn dependencies_and_repeated_fields_keep_their_order() {
        for (from, to) in [
            ("Requires-Dist: p\nRequires-Dist: q\n", "Requires-Dist: q\nRequires-Dist: p\n"),
            ("Classifier: one\nClassifier: two\n", "Classifier: two\nClassifier: one\n"),
            ("Classifier: two\nRequires-Dist: p\n", "Requires-Dist: p\nClassifier: two\n"),
            ("Name: demo\nVersion: 1.0\n", "Version: 1.0\nName: demo\n"),
            ("Requires-Dist: q", "Requires-Dist: r"),
            ("Requires-Dist: q", "requires-dist: q"),
            ("Requires-Dist: q\n", ""),
            ("Summary: x\n", "Summary: x\nSummary: y\n"),
            ("Name: text\nAuthor: text\n", "Author: text\nName: text\n"),
            (" b\n", ""),
            ("Author: a\n b\n", "Author: a\n\n b\n"),
        ] {
            let other = METADATA.replace(from, to);
            assert_ne!(other, METADATA);
            assert_eq!(compare(METADATA, &other), Equality::Different, "{to}");
        }
        // The later of two spellings wins in some readers and the first in others.
        assert_eq!(compare("Summary: x\nsummary: y\n", "summary: y\nSummary: x\n"), Equality::Different);
        assert_eq!(compare("Provides-Extra: x\nRequires-Python: y\n", "Requires-Python: y\nProvides-Extra: x\n"), {
            Equality::Different
        });
    }

    #[test]
    fn a_field_with_a_blank_line_in_it_does_not_pass_a_dependency() {
        let (before, after) =
            ("License: x\n        \n y\nRequires-Dist: p\n", "Requires-Dist: p\nLicense: x\n        \n y\n");
        assert_eq!(compare(before, after), Equality::Different);
    }

    #[test]
    fn fields_that_end_early_are_faults_or_stay() {
        assert_eq!(rewrite(b"Summary: x\nAuthor: y").unwrap(), None);
        assert!(matches!(
            compare("Summary: x\nodd line\nA: y\n", "A: y\nSummary: x\nodd line\n"),
            Equality::RuleFailed(_)
        ));
        assert!(matches!(
            compare("Summary: x\rRequires-Dist: evil\nA: y\n", "A: y\nSummary: x\rRequires-Dist: evil\n"),
            Equality::RuleFailed(_)
        ));
    }

    #[test]
    fn the_second_reader_sees_the_fields_of_every_line() {
        let lines =
            fixed_fields(b"Name: x\r\nSummary: y\rRequires-Dist: a\n ;b\nA: 1\n c\nVERSION : 2\n\nName: body\n");
        assert_eq!(
            lines,
            [b"Name: x".to_vec(), b"Requires-Dist: a".to_vec(), b" ;b".to_vec(), b"VERSION : 2".to_vec()]
        );
        assert!(!(RULE.agree)(b"A: x\rRequires-Dist: a\n", b"A: x\rRequires-Dist: b\n"));
    }
}
