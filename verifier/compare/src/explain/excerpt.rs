//! A few lines that show what changed, within bounds.

use twinbuild_subject::MemberPath;

use super::binary::common_prefix;

/// Lines of one excerpt, the sentence about what was left out included.
const MOST_LINES: usize = 40;
/// Bytes of one excerpt, that sentence included.
const MOST_BYTES: usize = 4 << 10;
/// Bytes of one line; longer ones are cut.
const LINE_BYTES: usize = 320;
/// Room for the sentence that says how much was left out.
const SENTENCE_BYTES: usize = 64;

/// Lines in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    lines: Vec<String>,
    bytes: usize,
    left_out: u64,
    compared_lines: usize,
}

impl Excerpt {
    /// Adds a line, or counts it where there is no room. What comes from a file is to be escaped by [`shown`] before.
    pub(crate) fn push(&mut self, line: impl Into<String>) {
        let line = cut(escaped(line.into()), LINE_BYTES);
        if self.is_full() || self.bytes + line.len() > MOST_BYTES - SENTENCE_BYTES {
            self.left_out += 1;
            return;
        }
        self.bytes += line.len();
        self.lines.push(line);
    }

    /// Adds the lines of another excerpt, each after `indent`, and counts what that one left out.
    pub(crate) fn append(&mut self, indent: &str, other: Self) {
        for line in other.lines {
            self.push(format!("{indent}{line}"));
        }
        self.left_out += other.left_out;
        self.compared_lines += other.compared_lines;
    }

    /// Counts lines of text that were compared with each other to make it.
    pub(crate) fn count_compared(&mut self, lines: usize) {
        self.compared_lines += lines;
    }

    /// How many lines were compared.
    pub(crate) fn compared_lines(&self) -> usize {
        self.compared_lines
    }

    /// Counts lines that are not shown.
    pub(crate) fn leave_out(&mut self, lines: u64) {
        self.left_out = self.left_out.saturating_add(lines);
    }

    /// Whether no line has room any more. Once a line was left out no later one is shown, so that the order holds.
    pub(crate) fn is_full(&self) -> bool {
        self.left_out > 0 || self.lines.len() + 1 >= MOST_LINES
    }

    /// The lines, with a sentence about those that were left out.
    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.lines.push(format!("and {}", counted(self.left_out, "more line")));
        }
        self.lines
    }
}

/// Bytes of a file as text: what is not UTF-8, or would change how the text around it is shown, is escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let kept = &bytes[..bytes.len().min(LINE_BYTES)];
    let text = MemberPath::new(kept).to_string();
    match bytes.len() - kept.len() {
        0 => text,
        left_out => format!("{text}… ({})", counted(left_out as u64, "more byte")),
    }
}

/// What is shown of a value, in bytes.
const VALUE_BYTES: usize = 120;

/// A value of a file in quotes.
pub(crate) fn quoted(value: impl AsRef<[u8]>) -> String {
    quoted_from(value.as_ref(), 0)
}

/// `"old" to "new"`: two values that differ, from a little before that on where they are long.
pub(crate) fn quoted_change(old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> String {
    const BEFORE_BYTES: usize = 40;
    let (old, new) = (old.as_ref(), new.as_ref());
    let at = common_prefix(old, new);
    let mut start = if at > VALUE_BYTES - BEFORE_BYTES { at - BEFORE_BYTES } else { 0 };
    while start > 0 && old[start..].first().is_some_and(|byte| (0x80..0xc0).contains(byte)) {
        start -= 1;
    }
    format!("{} to {}", quoted_from(old, start), quoted_from(new, start))
}

fn quoted_from(value: &[u8], start: usize) -> String {
    let (before, rest) = value.split_at(start.min(value.len()));
    let kept = &rest[..rest.len().min(VALUE_BYTES)];
    let text = MemberPath::new(kept).to_string().replace('"', "\\\"");
    let left_out = match rest.len() - kept.len() {
        0 => String::new(),
        count => format!(" ({})", counted(count as u64, "more byte")),
    };
    let dots = |is_cut| if is_cut { "…" } else { "" };
    format!("\"{}{text}{}\"{left_out}", dots(!before.is_empty()), dots(!left_out.is_empty()))
}

/// A number of things, in words.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Text that was escaped already, cut where it is longer than that many bytes.
pub(crate) fn cut(text: String, most: usize) -> String {
    const DOTS_BYTES: usize = 3;
    if text.len() <= most {
        return text;
    }
    let end = (0..=most.saturating_sub(DOTS_BYTES)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// A line without control characters, whoever made it.
fn escaped(line: String) -> String {
    if !line.contains(char::is_control) {
        return line;
    }
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let mut excerpt = Excerpt::default();
        for index in 0..100 {
            excerpt.push(format!("{index}"));
        }
        let lines = excerpt.finish();
        assert_eq!((lines.len(), lines[39].as_str()), (40, "and 61 more lines"));
        let mut long = Excerpt::default();
        for _ in 0..30 {
            long.push("ä".repeat(1000));
        }
        long.push("short");
        let lines = long.finish();
        assert!(lines.iter().map(String::len).sum::<usize>() <= 4096, "{lines:?}");
        assert!(lines.iter().all(|line| line.len() <= 320));
        assert!(lines.last().is_some_and(|line| line.starts_with("and ")), "nothing is shown after a gap");
    }

    #[test]
    fn text_of_a_file_cannot_change_how_it_is_shown() {
        assert_eq!(shown(b"a\x1b[1m\xff\r\xe2\x80\xae"), r"a\u{1b}[1m\xff\r\u{202e}");
        assert_eq!(quoted("a\"b"), "\"a\\\"b\"");
        assert!(shown(&[b'a'; 1000]).ends_with("a… (680 more bytes)"));
        let (old, new) = ([&[b'a'; 500], &b"x"[..]].concat(), [&[b'a'; 500], &b"y"[..]].concat());
        let shown = "a".repeat(40);
        assert_eq!(quoted_change(old, new), format!("\"…{shown}x\" to \"…{shown}y\""));
        let mut excerpt = Excerpt::default();
        excerpt.push("a\x07b");
        assert_eq!(excerpt.finish(), [r"a\u{7}b"]);
    }
}
