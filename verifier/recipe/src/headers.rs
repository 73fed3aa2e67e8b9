//! The header format of `WHEEL` and `METADATA` files.

/// One field: its name as written, and its value with continuation lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The field's name.
    pub name: String,
    /// The field's value, without surrounding blanks.
    pub value: String,
}

/// The fields of a `Key: value` file (PyPA "Core metadata specifications": the format of RFC 822 headers), up to the
/// first empty line; what follows it (the description) comes second.
///
/// Lines that are neither a field nor a continuation are kept as a field without a name, so that a caller that compares
/// two files loses nothing.
#[must_use]
pub fn parse_headers(text: &str) -> (Vec<Header>, &str) {
    let mut headers: Vec<Header> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            break;
        }
        match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
            (true, Some(last), _) => {
                last.value.push('\n');
                last.value.push_str(line.trim());
            }
            (_, _, Some((name, value))) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                headers.push(Header { name: name.to_owned(), value: value.trim().to_owned() });
            }
            _ => headers.push(Header { name: String::new(), value: line.to_owned() }),
        }
    }
    (headers, rest)
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
    }
}
