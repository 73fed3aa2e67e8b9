//! Metadata of distributions: which fields, entry points and rows changed.

use std::collections::BTreeMap;

use twinbuild_recipe::{Header, parse_headers};

use super::content::{Explanation, Names};
use super::excerpt::{Excerpt, counted, cut, quoted, quoted_change, shown};
use super::text::hunks;

/// Fields that stand once for each of their values, in lower case (PyPA "Core metadata specifications", "Binary
/// distribution format").
const LISTS: [&str; 11] = [
    "requires-dist",
    "requires-external",
    "provides-extra",
    "provides-dist",
    "obsoletes-dist",
    "classifier",
    "project-url",
    "license-file",
    "platform",
    "dynamic",
    "tag",
];
/// Fields whose values are requirements.
const REQUIREMENTS: [&str; 3] = ["requires-dist", "provides-dist", "obsoletes-dist"];
/// More places than this are counted instead of named in a sentence.
const NAMED: usize = 6;
/// A name in a sentence is cut at this length, in bytes.
const NAME_BYTES: usize = 120;

/// Explains two `METADATA`, `PKG-INFO` or `WHEEL` files by field.
pub(crate) fn headers(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (a, b) = (std::str::from_utf8(old).ok()?, std::str::from_utf8(new).ok()?);
    let ((left, left_body), (right, right_body)) = (parse_headers(a), parse_headers(b));
    let mut excerpt = Excerpt::default();
    let mut changed = Vec::new();
    let (was, is) = (by_name(&left), by_name(&right));
    for name in keys(&was, &is) {
        let none = Vec::new();
        let (old, new) = (was.get(&name).unwrap_or(&none), is.get(&name).unwrap_or(&none));
        if old != new {
            let written = old.iter().chain(new).next().map_or("", |header| header.name.as_str());
            let label =
                if written.is_empty() { "a line that is no field".to_owned() } else { shown(written.as_bytes()) };
            field(&label, &name, old, new, &mut excerpt);
            changed.push(label);
        }
    }
    if left_body != right_body {
        let place = hunks(left_body.as_bytes(), right_body.as_bytes(), names, usize::MAX, &mut excerpt);
        changed.push(format!("the description ({place} of it)"));
    }
    if changed.is_empty() {
        // The same fields: their order, or how they are written down.
        let place = if plain(&left) == plain(&right) { "the form of the text" } else { "the order of the fields" };
        let lines = hunks(old, new, names, usize::MAX, &mut excerpt);
        return Some(Explanation { place: format!("only in {place}: {lines}"), excerpt });
    }
    Some(Explanation { place: format!("in {}", named(&changed, changed.len() as u64, "field")), excerpt })
}

/// Explains two `entry_points.txt` by group and name.
pub(crate) fn entry_points(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (a, b) = (std::str::from_utf8(old).ok()?, std::str::from_utf8(new).ok()?);
    let (was, is) = (parse_entry_points(a), parse_entry_points(b));
    keyed(&was, &is, "entry point").or_else(|| form_only(old, new, names))
}

/// Explains two `RECORD`s by row.
pub(crate) fn record(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (was, is) = (parse_record(old)?, parse_record(new)?);
    keyed(&was, &is, "row").or_else(|| form_only(old, new, names))
}

/// The values of everything that has a name, by it: none may be lost, so a name may have several.
type Keyed = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

fn keyed(was: &Keyed, is: &Keyed, noun: &str) -> Option<Explanation> {
    let mut excerpt = Excerpt::default();
    let mut changed = Vec::new();
    let none = Vec::new();
    for key in keys(was, is) {
        let (old, new) = (was.get(&key).unwrap_or(&none), is.get(&key).unwrap_or(&none));
        if old == new {
            continue;
        }
        let key = shown(&key);
        match (old.as_slice(), new.as_slice()) {
            ([old], [new]) => excerpt.push(format!("{key}: changed {}", quoted_change(old, new))),
            (old, new) => {
                old.iter().for_each(|value| excerpt.push(format!("{key}: removed {}", quoted(value))));
                new.iter().for_each(|value| excerpt.push(format!("{key}: added {}", quoted(value))));
            }
        }
        changed.push(key);
    }
    let place = format!("in {}", named(&changed, changed.len() as u64, noun));
    (!changed.is_empty()).then_some(Explanation { place, excerpt })
}

/// Two texts that have the same values, as far as they were read: of a key that stands twice, readers take one or the other.
pub(crate) fn form_only(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let mut excerpt = Excerpt::default();
    let lines = hunks(old, new, names, usize::MAX, &mut excerpt);
    Some(Explanation {
        place: format!("in how it is written, and in no value as usual readers see it: {lines}"),
        excerpt,
    })
}

/// The first of `count` names in a sentence.
pub(crate) fn named(names: &[String], count: u64, noun: &str) -> String {
    let shown = &names[..names.len().min(NAMED)];
    let list = shown.iter().map(|name| cut(name.clone(), NAME_BYTES)).collect::<Vec<_>>().join(", ");
    match count - shown.len() as u64 {
        0 => list,
        left_out => format!("{list} and {}", counted(left_out, &format!("more {noun}"))),
    }
}

fn keys<K: Ord + Clone, T>(was: &BTreeMap<K, T>, is: &BTreeMap<K, T>) -> Vec<K> {
    let mut keys: Vec<K> = was.keys().chain(is.keys()).cloned().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Fields by their names in lower case.
fn by_name(headers: &[Header]) -> BTreeMap<String, Vec<&Header>> {
    let mut by_name: BTreeMap<String, Vec<&Header>> = BTreeMap::new();
    for header in headers {
        by_name.entry(header.name.to_ascii_lowercase()).or_default().push(header);
    }
    by_name
}

fn plain(headers: &[Header]) -> Vec<(&str, &str)> {
    headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect()
}

/// One field that differs.
fn field(label: &str, name: &str, old: &[&Header], new: &[&Header], excerpt: &mut Excerpt) {
    if let ([old], [new]) = (old, new)
        && !LISTS.contains(&name)
    {
        let (was, is) = if old.value == new.value { (&old.name, &new.name) } else { (&old.value, &new.value) };
        excerpt.push(format!("{label}: changed {}", quoted_change(was, is)));
        return;
    }
    let meaning = |value: &str| if REQUIREMENTS.contains(&name) { requirement(value) } else { value.to_owned() };
    let (mut removed, added) = (only_in(old, new), only_in(new, old));
    // The same requirement in other words is neither gone nor new.
    let mut by_meaning: BTreeMap<String, Vec<&Header>> = BTreeMap::new();
    for is in &added {
        by_meaning.entry(meaning(&is.value)).or_default().push(is);
    }
    let mut rewritten = Vec::new();
    removed.retain(|was| match by_meaning.get_mut(&meaning(&was.value)).and_then(Vec::pop) {
        Some(is) => {
            rewritten.push((*was, is));
            false
        }
        None => true,
    });
    let added: Vec<&Header> = by_meaning.into_values().flatten().collect();
    for (was, is) in &rewritten {
        excerpt.push(format!("{label}: rewritten from {}", quoted_change(&was.value, &is.value)));
    }
    removed.iter().for_each(|was| excerpt.push(format!("{label}: removed {}", quoted(&was.value))));
    added.iter().for_each(|is| excerpt.push(format!("{label}: added {}", quoted(&is.value))));
    if removed.is_empty() && added.is_empty() && rewritten.is_empty() {
        excerpt.push(format!("{label}: the same values in another order or spelling of the name"));
    }
}

/// The values that one list has more often than the other.
fn only_in<'a>(these: &[&'a Header], those: &[&Header]) -> Vec<&'a Header> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for header in those {
        *counts.entry(&header.value).or_default() += 1;
    }
    let mut is_matched = |header: &&Header| match counts.get_mut(header.value.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    these.iter().filter(|header| !is_matched(header)).copied().collect()
}

/// A requirement (PEP 508) so that two ways of writing the same one are the same text: the name as PEP 503 has it, no
/// parentheses around versions, these in order, no white space.
fn requirement(text: &str) -> String {
    let (text, marker) = text.split_once(';').map_or((text, ""), |(text, marker)| (text, marker));
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    let name = parts.join("-").to_ascii_lowercase();
    let compact: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    let (extras, versions) = match compact.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((extras, versions)) => (extras, versions),
        None => ("", compact.as_str()),
    };
    let versions = versions.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(versions);
    parts = versions.split(',').collect();
    parts.sort_unstable();
    let marker = marker.split_whitespace().collect::<Vec<_>>().join(" ").replace('\'', "\"");
    format!("{name}[{extras}]{};{marker}", parts.join(","))
}

/// Entry points by `[group] name`. A line that declares none stands under its group alone.
fn parse_entry_points(text: &str) -> Keyed {
    let mut found = Keyed::new();
    let mut group = "";
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            group = name;
            continue;
        }
        let (name, value) =
            line.split_once('=').map_or(("", line), |(name, value)| (name.trim_end(), value.trim_start()));
        let key = if name.is_empty() { format!("[{group}]") } else { format!("[{group}] {name}") };
        found.entry(key.into_bytes()).or_default().push(value.as_bytes().to_vec());
    }
    found
}

/// The rows of a `RECORD` by path; `None` where it is no CSV file.
fn parse_record(content: &[u8]) -> Option<Keyed> {
    let mut found = Keyed::new();
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    for row in rows.byte_records() {
        let row = row.ok()?;
        let path = row.get(0).unwrap_or_default().to_vec();
        let rest: Vec<&[u8]> = row.iter().skip(1).collect();
        found.entry(path).or_default().push(rest.join(&b','));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::content::PUBLISHED;

    fn lines(explanation: Option<Explanation>) -> (String, Vec<String>) {
        let Explanation { place, excerpt } = explanation.unwrap();
        (place, excerpt.finish())
    }

    #[test]
    fn fields_are_named_with_both_values() {
        let old =
            b"Name: demo\nLicense: MIT\nRequires-Dist: six (>=1,<2)\nRequires-Dist: idna\nClassifier: A\n\nText.\n";
        let new = b"Name: demo\nLicense: BSD\nRequires-Dist: Six<2,>=1\nRequires-Dist: evil\nHome-page: x\nClassifier: A\n\nText.\n";
        let (place, shown) = lines(headers(old, new, PUBLISHED));
        assert_eq!(place, "in Home-page, License, Requires-Dist");
        assert_eq!(
            shown,
            [
                "Home-page: added \"x\"",
                "License: changed \"MIT\" to \"BSD\"",
                "Requires-Dist: rewritten from \"six (>=1,<2)\" to \"Six<2,>=1\"",
                "Requires-Dist: removed \"idna\"",
                "Requires-Dist: added \"evil\"",
            ]
        );
    }

    #[test]
    fn a_second_value_and_a_line_that_is_no_field_are_not_lost() {
        let (place, shown) = lines(headers(b"Name: a\n", b"Name: a\nName: b\nodd line\n", PUBLISHED));
        assert_eq!(place, "in a line that is no field, Name");
        assert_eq!(shown, ["a line that is no field: added \"odd line\"", "Name: added \"b\""]);
        let twice = lines(headers(b"Requires-Dist: a\n", b"Requires-Dist: a\nRequires-Dist: a\n", PUBLISHED));
        assert_eq!(twice.1, ["Requires-Dist: added \"a\""]);
    }

    #[test]
    fn the_description_is_compared_by_line() {
        let (place, shown) = lines(headers(b"Name: a\n\nOne.\nTwo.\n", b"Name: a\n\nOne.\n2.\n", PUBLISHED));
        assert_eq!(place, "in the description (1 line differs, line 2 of it)");
        assert_eq!(shown, ["--- rebuilt", "+++ published", "@@ -1,2 +1,2 @@", " One.", "-Two.", "+2."]);
    }

    #[test]
    fn order_and_form_of_equal_fields_are_told_apart() {
        let order = lines(headers(b"A: 1\nB: 2\n", b"B: 2\nA: 1\n", PUBLISHED)).0;
        assert!(order.starts_with("only in the order of the fields: "), "{order}");
        let form = lines(headers(b"A: 1\n", b"A:  1\n", PUBLISHED)).0;
        assert_eq!(form, "only in the form of the text: 1 line differs, line 1");
    }

    #[test]
    fn requirements_are_compared_by_what_they_mean() {
        for (a, b) in [
            ("a.b_c (>=1, <2)", "A-B-C<2,>=1"),
            ("x[y] ; python_version < '3'", "x [y];python_version < \"3\""),
            ("x", " x "),
        ] {
            assert_eq!(requirement(a), requirement(b));
        }
        for (a, b) in [("a", "ab"), ("a>1", "a>2"), ("a", "a[b]"), ("a", "a; x"), ("a@u", "a@v")] {
            assert_ne!(requirement(a), requirement(b));
        }
    }

    #[test]
    fn entry_points_have_a_group_and_a_name() {
        let old = b"[console_scripts]\ndemo = demo:main\n";
        let new = b"[console_scripts]\ndemo = demo:other\nevil = os:system\n\n[gui_scripts]\ndemo=demo:main\n";
        let (place, shown) = lines(entry_points(old, new, PUBLISHED));
        assert_eq!(place, "in [console_scripts] demo, [console_scripts] evil, [gui_scripts] demo");
        assert_eq!(
            shown,
            [
                "[console_scripts] demo: changed \"demo:main\" to \"demo:other\"",
                "[console_scripts] evil: added \"os:system\"",
                "[gui_scripts] demo: added \"demo:main\"",
            ]
        );
        let (place, _) = lines(entry_points(b"[a]\nb = c\n", b"[a]\nb=c\n", PUBLISHED));
        assert_eq!(place, "in how it is written, and in no value as usual readers see it: 1 line differs, line 2");
    }

    #[test]
    fn rows_of_record_are_compared_by_path() {
        let (place, shown) =
            lines(record(b"a.py,sha256=x,1\nb.py,sha256=y,2\n", b"b.py,sha256=y,3\n\"c,d\",,\n", PUBLISHED));
        assert_eq!(place, "in a.py, b.py, c,d");
        assert_eq!(
            shown,
            ["a.py: removed \"sha256=x,1\"", "b.py: changed \"sha256=y,2\" to \"sha256=y,3\"", "c,d: added \",\"",]
        );
    }
}
