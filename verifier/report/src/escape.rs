//! Foreign text, written so that it can neither steer what shows it nor pass for text of ours.

use std::borrow::Cow;

use twinbuild_subject::is_misleading;

/// `text` with everything that could steer a terminal or mislead a reader written out; line ends and tabs stay, and
/// carriage returns are dropped. All renderings pass through it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            _ if is_misleading(c) => out.extend(c.escape_default()),
            _ => out.push(c),
        }
    }
    out
}

/// `text` as [`escape`] gives it, on one line: line ends are written out as well.
#[must_use]
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_misleading) {
        return Cow::Borrowed(text);
    }
    let written_out = text.chars().map(|c| match c {
        '\t' => c.to_string(),
        _ if is_misleading(c) => c.escape_default().to_string(),
        _ => c.to_string(),
    });
    Cow::Owned(written_out.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(escape("a\x1b[2J\u{202e}b\r\n\tc\u{61c}"), "a\\u{1b}[2J\\u{202e}b\n\tc\\u{61c}");
        assert_eq!(escape("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(on_one_line("a\r\nb\tc\u{2028}"), "a\\r\\nb\tc\\u{2028}");
        assert_eq!(on_one_line("a b"), "a b");
    }
}
