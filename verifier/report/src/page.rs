//! What a page says, without how it is written.
//!
//! Words of ours and foreign text are different things here, so that no rendering can take one for the other.

use std::borrow::Cow;
use std::collections::BTreeMap;

use twinbuild_compare::{ByteCounts, Finding, Severity};
use twinbuild_subject::MemberPath;

use crate::Picture;

/// A page.
pub(crate) struct Page<'a> {
    /// The outcome in a word.
    pub(crate) word: Cow<'static, str>,
    /// How good the news is.
    pub(crate) tone: Tone,
    /// What qualifies the word.
    pub(crate) qualities: Vec<Cow<'static, str>>,
    /// What the page is about: foreign names.
    pub(crate) about: Vec<String>,
    /// What the outcome means.
    pub(crate) meaning: Vec<&'static str>,
    /// All else, the news first.
    pub(crate) sections: Vec<Section<'a>>,
    /// What wrote it.
    pub(crate) footer: Vec<Inline>,
}

impl Page<'_> {
    /// Whether there are bars in it; none of them is folded away.
    pub(crate) fn has_picture(&self) -> bool {
        let mut blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.any(|block| matches!(block, Block::Picture(_)))
    }
}

/// How good news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Undecided,
}

/// Blocks below a title.
pub(crate) struct Section<'a> {
    pub(crate) title: &'static str,
    pub(crate) blocks: Vec<Block<'a>>,
}

/// A paragraph or what stands in the place of one.
pub(crate) enum Block<'a> {
    Paragraph(Vec<Inline>),
    /// Names and what they stand for.
    Facts(Vec<(&'static str, Vec<Inline>)>),
    Table(Table),
    /// All findings, the most severe first.
    Findings(&'a [Finding]),
    /// Foreign text of several lines.
    Foreign(Cow<'a, str>),
    /// How the bytes of a file divide.
    Bytes(ByteCounts),
    /// Bars. A table beside it says the same.
    Picture(Picture),
    /// Things, each with lines about it.
    Entries(Vec<Entry>),
    /// Blocks behind a line of ours.
    Folded {
        summary: String,
        blocks: Vec<Block<'a>>,
    },
}

/// A thing with lines about it.
pub(crate) struct Entry {
    /// How much it matters, where it is news. Only colours follow from it.
    pub(crate) severity: Option<Severity>,
    pub(crate) head: Vec<Inline>,
    pub(crate) lines: Vec<Vec<Inline>>,
}

/// A table; the first cell of a row names the row.
pub(crate) struct Table {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Vec<Inline>>>,
    /// Whether each cell holds one name.
    pub(crate) is_of_names: bool,
}

impl Table {
    /// A table of words and names.
    pub(crate) fn new(head: Vec<&'static str>, rows: impl IntoIterator<Item = Vec<Vec<Inline>>>) -> Self {
        Self { head, rows: rows.into_iter().collect(), is_of_names: false }
    }

    /// A table of cells with one name each, which then need not be set off.
    pub(crate) fn of_names(head: Vec<&'static str>, rows: impl IntoIterator<Item = Vec<Vec<Inline>>>) -> Self {
        Self { is_of_names: true, ..Self::new(head, rows) }
    }
}

/// A part of a line.
pub(crate) enum Inline {
    /// Words of ours, and numbers.
    Words(Cow<'static, str>),
    /// A foreign name, or a digest.
    Name(String),
    /// A sentence that may hold foreign text.
    Sentence(String),
}

/// What a line of an excerpt says of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// In the second file only.
    Added,
    /// In the first file only.
    Removed,
    /// Neither: a header, or what both have.
    Other,
}

impl LineKind {
    /// By the first character, as in a unified diff. Only colours follow from it.
    pub(crate) fn of(line: &str) -> Self {
        match line.as_bytes() {
            [b'+', b'+', b'+', b' ', ..] | [b'-', b'-', b'-', b' ', ..] => Self::Other,
            [b'+', ..] => Self::Added,
            [b'-', ..] => Self::Removed,
            _ => Self::Other,
        }
    }
}

/// Words of ours.
pub(crate) fn words(text: impl Into<Cow<'static, str>>) -> Inline {
    Inline::Words(text.into())
}

/// A word of a closed list, as it stands in a document that may be anybody's: a foreign name where it has not the form of one.
pub(crate) fn word(text: &str) -> Inline {
    if is_word(text) { words(text.to_owned()) } else { name(text) }
}

/// Whether a text has the form of the words that documents take from closed lists: kebab case.
pub(crate) fn is_word(text: &str) -> bool {
    const LONGEST: usize = 40;
    let is_of_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    text.len() <= LONGEST && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(is_of_word)
}

/// A foreign name, or a digest.
pub(crate) fn name(text: &(impl ToString + ?Sized)) -> Inline {
    Inline::Name(text.to_string())
}

/// `count` of what is named in the singular and in the plural, such as `1,200 members`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A length as a count.
pub(crate) fn count_of<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// A number with its thousands set off by commas.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The share of a total: tenths of a percent, rounded down, and never nothing for something.
#[must_use]
pub fn share(part: u64, total: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(total.max(1));
    if tenths == 0 && part > 0 { "< 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// A kind of bytes of a file.
pub(crate) struct ByteKind {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) meaning: &'static str,
}

/// The kinds of bytes that occur in a file, and always those that differ.
pub(crate) fn byte_kinds(bytes: &ByteCounts) -> Vec<ByteKind> {
    let kinds = [
        ByteKind { name: "identical", count: bytes.identical, meaning: "reproduced as they are" },
        ByteKind { name: "container", count: bytes.container, meaning: "permitted container parameters" },
        ByteKind { name: "normalized", count: bytes.normalized, meaning: "rewritten by a named normalizer" },
        ByteKind { name: "differing", count: bytes.differing, meaning: "in a finding" },
    ];
    kinds.into_iter().filter(|kind| kind.count > 0 || kind.name == "differing").collect()
}

/// Findings of one kind, in one sentence.
pub(crate) struct Group<'a> {
    /// The first of them, which stands for all.
    pub(crate) finding: &'a Finding,
    /// The members that they are about; none where it is about the whole file.
    pub(crate) paths: Vec<&'a MemberPath>,
}

/// Findings with those taken together that say the same of several members, in the order of the first ones.
pub(crate) fn grouped_findings<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for finding in findings {
        let can_join = finding.path.is_some() && finding.excerpt.is_empty();
        let place = if can_join { places.get(&(&*finding.code, &*finding.detail)) } else { None };
        if let Some(group) = place.and_then(|place| groups.get_mut(*place)) {
            group.paths.extend(&finding.path);
            continue;
        }
        if can_join {
            places.insert((&finding.code, &finding.detail), groups.len());
        }
        groups.push(Group { finding, paths: finding.path.iter().collect() });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let groups = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(groups, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "member", "members"), "1 member");
    }

    #[test]
    fn a_foreign_word_is_no_word_of_ours() {
        for text in ["inferred", "directory-order", "ipv4"] {
            assert!(matches!(word(text), Inline::Words(_)), "{text}");
        }
        let long = "a".repeat(41);
        for text in ["", "*reproduced*", "a b", "a\u{202e}", "-a", "1", "Reproduced", &long] {
            assert!(matches!(word(text), Inline::Name(_)), "{text}");
        }
    }

    #[test]
    fn a_share_is_never_better_than_it_is() {
        assert_eq!(share(999_999, 1_000_000), "99.9 %");
        assert_eq!(share(1, 1_000_000), "< 0.1 %");
        assert_eq!(share(0, 0), "0.0 %");
        assert_eq!(share(u64::MAX, u64::MAX), "100.0 %");
    }
}
