//! Python source without what has no meaning in it.

/// The lines of a Python source that mean something: without comments, blank lines and blanks at the ends of lines. `None` where
/// that cannot be told by looking at strings and comments alone.
///
/// Two sources with the same lines do the same. Strings, docstrings among them, are code; so is a comment that the
/// interpreter reads, the encoding (PEP 263), unless it is a usual one of a source in ASCII. An f-string can hold strings of
/// any quotes (PEP 701), so a source that has one is not told.
pub(crate) fn meaningful_lines(source: &[u8]) -> Option<Vec<Vec<u8>>> {
    if source.contains(&0) || has_meaningful_encoding(source) {
        return None;
    }
    let mut lines = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    let mut at = 0;
    while let Some(byte) = source.get(at) {
        match byte {
            b'\n' | b'\r' => {
                push(&mut lines, &mut line);
                at += 1;
            }
            b'#' => at += source[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count(),
            b'"' | b'\'' => {
                if is_formatted(&line) {
                    return None;
                }
                let end = at + string_length(&source[at..])?;
                line.extend_from_slice(&source[at..end]);
                at = end;
            }
            // It joins lines, so that a blank one means something.
            b'\\' => return None,
            byte => {
                line.push(*byte);
                at += 1;
            }
        }
    }
    push(&mut lines, &mut line);
    Some(lines)
}

fn push(lines: &mut Vec<Vec<u8>>, line: &mut Vec<u8>) {
    let kept = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | 0x0c)).map_or(0, |last| last + 1);
    if kept > 0 {
        lines.push(line[..kept].to_vec());
    }
    line.clear();
}

/// Whether one of the first two lines may name an encoding that reads the source otherwise than without it. All of `PLAIN` read
/// ASCII alike.
fn has_meaningful_encoding(source: &[u8]) -> bool {
    const WORD: &[u8] = b"coding";
    const PLAIN: [&[u8]; 6] = [b"utf-8", b"utf8", b"ascii", b"us-ascii", b"latin-1", b"iso-8859-1"];
    let is_plain = |line: &[u8]| {
        let Some(at) = line.windows(WORD.len()).position(|word| word == WORD) else { return true };
        let [b':' | b'=', rest @ ..] = &line[at + WORD.len()..] else { return false };
        let rest = rest.trim_ascii_start();
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
        source.is_ascii() && PLAIN.contains(&rest[..length].to_ascii_lowercase().as_slice())
    };
    // Of lines that end with two bytes every other one is empty here.
    !source.split(|byte| matches!(byte, b'\n' | b'\r')).take(4).all(is_plain)
}

/// Whether the string that begins behind this has a prefix that makes it a formatted one.
fn is_formatted(before: &[u8]) -> bool {
    let prefix = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    prefix.take(3).any(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b't'))
}

/// The length of the string that begins here, with its quotes; `None` where it does not end.
fn string_length(source: &[u8]) -> Option<usize> {
    let quote = *source.first()?;
    let quotes: &[u8] = if source.starts_with(&[quote; 3]) { &source[..3] } else { &source[..1] };
    let mut at = quotes.len();
    loop {
        let rest = source.get(at..).filter(|rest| !rest.is_empty())?;
        match rest[0] {
            // In raw strings too a quote behind a backslash does not end them.
            b'\\' => at += 2,
            b'\n' | b'\r' if quotes.len() == 1 => return None,
            _ if rest.starts_with(quotes) => return Some(at + quotes.len()),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_same(a: &str, b: &str) -> bool {
        let (a, b) = (meaningful_lines(a.as_bytes()), meaningful_lines(b.as_bytes()));
        a.is_some() && a == b
    }

    #[test]
    fn comments_and_blank_lines_mean_nothing() {
        assert!(are_same("# by tool 7\nx = 1\n\n", "# by tool 8\n\nx = 1  # one\n"));
        assert!(are_same("x = '#'\n", "x = '#' # note\n"));
        assert!(are_same("x = '''a\n# b'''\n", "x = '''a\n# b''' # c"));
        assert!(are_same("x = ''\n", "x = '' # '\n"));
        assert!(are_same("# coding: utf-8\n# by a\nx = 1\n", "# by b\nx = 1\n"));
    }

    #[test]
    fn everything_else_does() {
        for (a, b) in [
            ("x = 1\n", "x = 2\n"),
            ("if a:\n  x\n", "if a:\nx\n"),
            ("x = '# a'\n", "x = '# b'\n"),
            ("x = '''a\n# b'''\n", "x = '''a\n# c'''\n"),
            ("x = '''\n\n'''\n", "x = '''\n'''\n"),
            ("# -*- coding: utf-8 -*-\nx\n", "# -*- coding: utf-7 -*-\nx\n"),
            ("# coding: utf-8\nx = '\u{e9}'\n", "x = '\u{e9}'\n"),
            ("#\r\n# vim: set fileencoding=rot13 :\r\nx\n", "x\n"),
            ("x = f'{\"#\"}'\n", "x = f'{\"#\"}' # y\n"),
            ("x = 1 \\\n# y\n", "x = 1 \\ # \n# y\n"),
            ("x = 'a\n", "x = 'a\n# y\n"),
            ("x\0\n", "x\0\n# y\n"),
            ("x = '\\'#'\n", "x = '\\'#y'\n"),
            ("x = r'\\'#'\n", "x = r'\\'#y'\n"),
        ] {
            assert!(!are_same(a, b), "{a:?} {b:?}");
        }
    }
}
