//! Text: which lines changed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::binary::{common_prefix, common_suffix};
use super::content::{Explanation, Names};
use super::excerpt::{Excerpt, counted, shown};

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;
/// Changed regions of more lines than this, of both contents together, are not compared line by line: the time that takes
/// grows with the square of their number.
const COMPARED_LINES: usize = 20_000;
/// Changed regions of more bytes than this are not either.
const COMPARED_BYTES: usize = 8 << 20;
/// Lines that are shown where only the form of the text differs, so that every line may.
const FORM_LINES: usize = 8;
/// What is shown of a line that is longer, in bytes.
const SHOWN_BYTES: usize = 200;

/// The encodings of texts without a byte order mark, in words.
const UTF_8: &str = "UTF-8";
const NO_UTF_8: &str = "no UTF-8";

/// Explains two texts; `None` where one of them is no text.
pub(crate) fn explain(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (a, b) = (Decoded::of(old)?, Decoded::of(new)?);
    let mut excerpt = Excerpt::default();
    if let Some(form) = form(&a, &b, names) {
        if a.text != b.text {
            hunks(&a.text, &b.text, names, FORM_LINES, &mut excerpt);
        }
        return Some(Explanation { place: format!("only in {form}"), excerpt });
    }
    let mut place = hunks(&a.text, &b.text, names, usize::MAX, &mut excerpt);
    if (a.encoding, a.has_mark) != (b.encoding, b.has_mark) {
        place = format!("{place}, and in {}", encodings(&a, &b, names));
    }
    Some(Explanation { place, excerpt })
}

/// Adds the lines that differ between two texts as hunks of a unified diff, at most `most` lines of them, and says how many
/// differ.
pub(crate) fn hunks(old: &[u8], new: &[u8], names: Names, most: usize, excerpt: &mut Excerpt) -> String {
    excerpt.push(format!("--- {}", names.old));
    excerpt.push(format!("+++ {}", names.new));
    let window = Window::of(old, new);
    let (a, b) = (&old[window.old.clone()], &new[window.new.clone()]);
    let line_counts = (count_lines(a), count_lines(b));
    // Asked before any line is kept: a text can have as many lines as bytes.
    if a.len().max(b.len()) > COMPARED_BYTES || line_counts.0 + line_counts.1 > COMPARED_LINES {
        return one_replacement(&window, (a, b), line_counts, most, names, excerpt);
    }
    let (a, b) = (lines(a), lines(b));
    let ops = compared(&a, &b);
    excerpt.count_compared(a.len() + b.len());
    let (mut removed, mut added, mut first) = (0, 0, None);
    for op in &ops {
        if let DiffOp::Equal { .. } = op {
            continue;
        }
        removed += op.old_range().len();
        added += op.new_range().len();
        first.get_or_insert(op.new_range().start + window.line + 1);
    }
    let mut shown_lines = 0;
    for group in group_diff_ops(ops, CONTEXT_LINES) {
        if excerpt.is_full() || shown_lines >= most {
            let count: usize = group.iter().map(lines_of).sum();
            excerpt.leave_out(1 + count as u64);
            continue;
        }
        excerpt.push(header(&group, window.line));
        for op in &group {
            let all = lines_of(op);
            let room = all.min(most.saturating_sub(shown_lines));
            show(op, &a, &b, room, excerpt);
            shown_lines += all;
        }
    }
    let first = first.unwrap_or(1);
    let some = |count: usize, what: &str| format!("{} {what}", counted(count as u64, "line"));
    match (removed, added) {
        (1, 1) => format!("1 line differs, line {first}"),
        (0, added) => format!("{}, from line {first} on", some(added, "added")),
        (removed, 0) => format!("{}, from line {first} on", some(removed, "removed")),
        (removed, added) => format!("{} and {added} added, from line {first} on", some(removed, "removed")),
    }
}

/// Whether bytes are text.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    Decoded::of(bytes).is_some()
}

/// A text as UTF-8, as far as it is any.
struct Decoded<'a> {
    text: Cow<'a, [u8]>,
    encoding: &'static str,
    /// Whether a byte order mark stands in front.
    has_mark: bool,
}

impl<'a> Decoded<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16, encoding| {
            let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
            // Half a character would have to be replaced, and then two texts could look the same.
            let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
            let is_text = rest.len().is_multiple_of(2) && !text.contains('\0');
            is_text.then(|| Self { text: Cow::Owned(text.into_bytes()), encoding, has_mark: true })
        };
        match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, "UTF-16LE"),
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, "UTF-16BE"),
            _ => {
                let rest = bytes.strip_prefix(b"\xef\xbb\xbf");
                let text = rest.unwrap_or(bytes);
                let encoding = encoding_of(text)?;
                Some(Self { text: Cow::Borrowed(text), encoding, has_mark: rest.is_some() })
            }
        }
    }
}

/// `None` for what is no text: it has NULs, or more than a tenth of it are control characters.
fn encoding_of(bytes: &[u8]) -> Option<&'static str> {
    let is_odd = |byte: &&u8| matches!(byte, 1..=8 | 11 | 14..=26 | 28..=31 | 127);
    if bytes.contains(&0) || bytes.iter().filter(is_odd).count() > bytes.len() / 10 {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(UTF_8),
        // Text of an older encoding has most bytes from ASCII; compressed data has not.
        Err(_) if bytes.iter().filter(|byte| !byte.is_ascii()).count() <= bytes.len() / 4 => Some(NO_UTF_8),
        Err(_) => None,
    }
}

/// In what alone two texts differ, if only in how they are written down.
fn form(old: &Decoded<'_>, new: &Decoded<'_>, names: Names) -> Option<String> {
    let mut parts = Vec::new();
    let differ_in_encoding = (old.encoding, old.has_mark) != (new.encoding, new.has_mark);
    if differ_in_encoding {
        parts.push(encodings(old, new, names));
    }
    let (a, b): (&[u8], &[u8]) = (&old.text, &new.text);
    if a == b {
        return differ_in_encoding.then(|| parts.join(" and "));
    }
    let are_characters = |bytes: &[u8], text: &[u8]| {
        std::str::from_utf8(text).is_ok_and(|text| text.chars().eq(bytes.iter().map(|byte| char::from(*byte))))
    };
    let is_latin = match (old.encoding, new.encoding) {
        (UTF_8, NO_UTF_8) => are_characters(b, a),
        (NO_UTF_8, UTF_8) => are_characters(a, b),
        _ => false,
    };
    if is_latin && old.has_mark == new.has_mark {
        let name = |encoding| if encoding == UTF_8 { UTF_8 } else { "Latin-1" };
        let (was, is) = (name(old.encoding), name(new.encoding));
        return Some(format!("the encoding, {was} {} and {is} {}", names.old, names.new));
    }
    let (old_ends, new_ends) = (LineEnds::of(a), LineEnds::of(b));
    let line_endings = format!("line endings, {} {} and {} {}", old_ends.name(), names.old, new_ends.name(), names.new);
    if old_ends != new_ends {
        parts.push(line_endings.clone());
    }
    let is_ended = |text: &[u8]| text.ends_with(b"\n") || text.ends_with(b"\r");
    match (is_ended(a), is_ended(b)) {
        (true, false) => parts.push(format!("the end of the last line, which is only {}", names.old)),
        (false, true) => parts.push(format!("the end of the last line, which is only {}", names.new)),
        _ => {}
    }
    if plain_lines(a).eq(plain_lines(b)) {
        if parts.is_empty() {
            // Each of several kinds, in another place.
            parts.push(line_endings);
        }
        return Some(parts.join(" and "));
    }
    let trimmed = |text| plain_lines(text).map(|line: &[u8]| line.trim_ascii_end());
    if trimmed(a).eq(trimmed(b)) {
        parts.push("white space at the end of lines".to_owned());
        return Some(parts.join(" and "));
    }
    None
}

fn encodings(old: &Decoded<'_>, new: &Decoded<'_>, names: Names) -> String {
    if old.encoding == new.encoding {
        return format!("the byte order mark, which is only {}", if old.has_mark { names.old } else { names.new });
    }
    format!("the encoding, {} {} and {} {}", old.encoding, names.old, new.encoding, names.new)
}

/// Which ways of ending a line a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct LineEnds {
    lf: bool,
    crlf: bool,
    cr: bool,
}

impl LineEnds {
    fn of(text: &[u8]) -> Self {
        let mut ends = Self::default();
        let mut before = 0;
        for byte in text {
            match (before, byte) {
                (b'\r', b'\n') => ends.crlf = true,
                (b'\r', _) => ends.cr = true,
                (_, b'\n') => ends.lf = true,
                _ => {}
            }
            before = *byte;
        }
        ends.cr |= before == b'\r';
        ends
    }

    fn name(self) -> &'static str {
        match (self.lf, self.crlf, self.cr) {
            (true, false, false) => "LF",
            (false, true, false) => "CR LF",
            (false, false, true) => "CR",
            (false, false, false) => "none",
            _ => "mixed",
        }
    }
}

/// The lines without their ends, which may be LF, CR LF or CR.
fn plain_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix(b"\r\n").unwrap_or(after.get(1..).unwrap_or_default());
        Some(line)
    })
}

/// The part of two texts that may differ, with some lines around it.
struct Window {
    old: Range<usize>,
    new: Range<usize>,
    /// Lines before it, which both have.
    line: usize,
}

impl Window {
    fn of(old: &[u8], new: &[u8]) -> Self {
        let line_start = |text: &[u8]| text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut start = line_start(&old[..common_prefix(old, new)]);
        let mut suffix = common_suffix(&old[start..], &new[start..]);
        // What is common at the end must begin a line in both.
        let begins = |text: &[u8], suffix: usize| {
            text.len() - suffix == start || text.get(text.len() - suffix - 1) == Some(&b'\n')
        };
        if !(begins(old, suffix) && begins(new, suffix)) {
            let tail = &old[old.len() - suffix..];
            suffix = tail.iter().position(|byte| *byte == b'\n').map_or(0, |at| tail.len() - at - 1);
        }
        let tail = &old[old.len() - suffix..];
        let after = tail.split_inclusive(|byte| *byte == b'\n').take(CONTEXT_LINES).map(<[u8]>::len).sum::<usize>();
        for _ in 0..CONTEXT_LINES {
            start = line_start(&old[..start.saturating_sub(1)]);
        }
        Self {
            old: start..old.len() - suffix + after,
            new: start..new.len() - suffix + after,
            line: old[..start].iter().filter(|byte| **byte == b'\n').count(),
        }
    }
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What a shortest edit from one list of lines to another does.
fn compared(old: &[&[u8]], new: &[&[u8]]) -> Vec<DiffOp> {
    let mut ids: HashMap<&[u8], usize> = HashMap::new();
    // Lines are compared as numbers: two long ones that are almost the same cost nothing then.
    let mut numbers = Vec::with_capacity(old.len() + new.len());
    for line in old.iter().chain(new) {
        let next = ids.len();
        numbers.push(*ids.entry(line).or_insert(next));
    }
    let (left, right) = numbers.split_at(old.len());
    capture_diff_slices(Algorithm::Myers, left, right)
}

/// Adds the first lines of two regions that are too long to be compared line by line, as one replacement, and says how many
/// lines they have.
fn one_replacement(
    window: &Window,
    (old, new): (&[u8], &[u8]),
    (removed, added): (usize, usize),
    most: usize,
    names: Names,
    excerpt: &mut Excerpt,
) -> String {
    const SHOWN_LINES: usize = 8;
    let first = window.line + 1;
    excerpt.push(format!("@@ -{first},{removed} +{first},{added} @@"));
    let room = SHOWN_LINES.min(most / 2);
    for (sign, text, count) in [('-', old, removed), ('+', new, added)] {
        for line in text.split_inclusive(|byte| *byte == b'\n').take(room) {
            excerpt.push(format!("{sign}{}", shown_line(line, 0)));
        }
        if count > room {
            excerpt.push(format!("{sign}… ({})", counted((count - room) as u64, "more line")));
        }
    }
    format!("the lines from {first} on differ, {removed} {} and {added} {}", names.old, names.new)
}

fn count_lines(text: &[u8]) -> usize {
    let ended = text.iter().filter(|byte| **byte == b'\n').count();
    ended + usize::from(!text.is_empty() && !text.ends_with(b"\n"))
}

/// How many lines of a diff an operation makes.
fn lines_of(op: &DiffOp) -> usize {
    match *op {
        DiffOp::Equal { len, .. } => len,
        DiffOp::Delete { old_len, .. } => old_len,
        DiffOp::Insert { new_len, .. } => new_len,
        DiffOp::Replace { old_len, new_len, .. } => old_len + new_len,
    }
}

/// `@@ -1,4 +1,5 @@`
fn header(group: &[DiffOp], before: usize) -> String {
    let range = |of: fn(&DiffOp) -> Range<usize>| {
        let start = group.first().map_or(0, |op| of(op).start);
        let end = group.last().map_or(start, |op| of(op).end);
        // An empty range is named by the line before it.
        let first = start + before + usize::from(end > start);
        if end - start == 1 { format!("{first}") } else { format!("{first},{}", end - start) }
    };
    format!("@@ -{} +{} @@", range(DiffOp::old_range), range(DiffOp::new_range))
}

/// Adds the lines of one operation, `room` of them.
fn show(op: &DiffOp, old: &[&[u8]], new: &[&[u8]], room: usize, excerpt: &mut Excerpt) {
    let (from, to) = (op.old_range(), op.new_range());
    // A long line is shown around the place where it differs from the line that it replaces.
    let place = |index: usize| match (op, old.get(from.start + index), new.get(to.start + index)) {
        (DiffOp::Replace { .. }, Some(a), Some(b)) => common_prefix(a, b),
        _ => 0,
    };
    let removed = from.clone().enumerate().map(|(index, at)| ('-', old[at], place(index)));
    let added = to.clone().enumerate().map(|(index, at)| ('+', new[at], place(index)));
    let mut done = 0;
    let mut push = |(sign, line, place): (char, &[u8], usize)| {
        if done < room && !excerpt.is_full() {
            excerpt.push(format!("{sign}{}", shown_line(line, place)));
            if !line.ends_with(b"\n") {
                excerpt.push("\\ no newline at the end");
            }
        } else {
            excerpt.leave_out(1);
        }
        done += 1;
    };
    match op {
        DiffOp::Equal { .. } => from.for_each(|at| push((' ', old[at], 0))),
        DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
            removed.chain(added).for_each(push);
        }
    }
}

fn shown_line(line: &[u8], place: usize) -> String {
    const BEFORE_BYTES: usize = 60;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.len() <= SHOWN_BYTES {
        return shown(line);
    }
    let is_inside = |at: &usize| line.get(*at).is_some_and(|byte| (0x80..0xc0).contains(byte));
    let boundary = |at: usize| (at..at + 4).find(|at| !is_inside(at)).unwrap_or(at).min(line.len());
    let start = if place > SHOWN_BYTES / 2 { boundary(place - BEFORE_BYTES) } else { 0 };
    let end = boundary((start + SHOWN_BYTES).min(line.len()));
    let cut = |count: usize| if count == 0 { String::new() } else { format!("…({count})…") };
    format!("{}{}{}", cut(start), shown(&line[start..end]), cut(line.len() - end))
}
