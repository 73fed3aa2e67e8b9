//! The header format of `WHEEL` and `METADATA` files.

/// One field: its name as written, and its value with continuation lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The field's name.
    pub name: String,
    /// The field's value, without surrounding blanks.
    pub value: String,
}

/// More fields than this are no help to anybody, in number.
const MOST_HEADERS: usize = 10_000;

/// The fields of a `Key: value` file (PyPA "Core metadata specifications": the format of RFC 822 headers), up to the
/// first empty line; what follows it (the description) comes second.
///
/// A line ends as it does for Python's own parser, which installers use: at LF, at CR LF, and at a CR alone. Lines that
/// are neither a field nor a continuation are kept as a field without a name, so that a caller that compares two files
/// loses nothing. After 10 000 fields the rest is kept as one such line.
#[must_use]
pub fn parse_headers(text: &str) -> (Vec<Header>, &str) {
    let mut headers: Vec<Header> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if headers.len() == MOST_HEADERS {
            headers.push(Header { name: String::new(), value: rest.to_owned() });
            return (headers, "");
        }
        let (line, after) = split_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
            (true, Some(last), _) => {
                last.value.push('\n');
                last.value.push_str(line.trim());
            }
            (_, _, Some((name, value))) if is_field_name(name) => {
                headers.push(Header { name: name.to_owned(), value: value.trim().to_owned() });
            }
            _ => headers.push(Header { name: String::new(), value: line.to_owned() }),
        }
    }
    (headers, rest)
}

/// Whether a header may have this name (RFC 5322 2.2): visible ASCII. Python's `email` ends the headers where it may not.
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The first line without its end, and what follows it.
fn split_line(text: &str) -> (&str, &str) {
    let Some(end) = text.find(['\r', '\n']) else { return (text, "") };
    let (line, rest) = text.split_at(end);
    (line, rest.strip_prefix("\r\n").unwrap_or(&rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_continuations_and_body_are_told_apart() {
        let (headers, body) = parse_headers("A: 1\r\nB: x\n  y\nodd line\n\nbody: 2\n");
        let pairs: Vec<_> = headers.iter().map(|h| (h.name.as_str(), h.value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x\ny"), ("", "odd line")]);
        assert_eq!(body, "body: 2\n");
        assert_eq!(parse_headers("").0, []);
        let (hidden, _) = parse_headers("License: MIT\rRequires-Dist: evil\n");
        assert_eq!(hidden[1], Header { name: "Requires-Dist".to_owned(), value: "evil".to_owned() });
        let many = "A: 1\n".repeat(20_000);
        assert_eq!(parse_headers(&many).0.len(), 10_001);
    }
}
