//! The fields of `METADATA` and `WHEEL` files as bytes: the format of RFC 822 headers as Python's `email` package reads it
//! (PyPA "Core metadata specifications" and "Binary distribution format").
//!
//! Stricter than any reader: a text that two readers could divide into other fields is a fault.

/// Fields that two readers could read differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A line that is neither a field, nor the continuation of one, nor empty. Python's `email` ends the fields there,
    /// other readers skip the line.
    #[error("the line at offset {offset}, `{line}`, is no field of the form `Name: value`")]
    NotAField {
        /// Of the line.
        offset: usize,
        /// Its beginning, escaped.
        line: String,
    },
    /// A control character or a line separator of Unicode within a line, among them a CR without LF: some readers begin
    /// another line there.
    #[error("the field at offset {offset} has `{found}` within a line, where some readers begin another line")]
    Control {
        /// Of the character.
        offset: usize,
        /// The character, escaped.
        found: String,
    },
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// As written, without the colon.
    pub(crate) name: &'a [u8],
    /// All its lines, continuations and line ends included.
    pub(crate) bytes: &'a [u8],
    /// Of the field.
    pub(crate) offset: usize,
}

impl Field<'_> {
    /// Whether it has this name, in any case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its lines, without line ends.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split_inclusive(|byte| *byte == b'\n').map(without_end)
    }
}

/// The fields up to the first empty line, and everything from that line on.
pub(crate) fn parse(content: &[u8]) -> Result<(Vec<Field<'_>>, &[u8]), HeaderFault> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut offset = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let text = without_end(line);
        let Some(first) = text.first() else { break };
        let end = offset + line.len();
        check_controls(text, offset)?;
        match (first, fields.last_mut()) {
            (b' ' | b'\t', Some(field)) => field.bytes = &content[field.offset..end],
            _ => {
                let name = field_name(text).ok_or_else(|| HeaderFault::NotAField { offset, line: excerpt(text) })?;
                fields.push(Field { name, bytes: line, offset });
            }
        }
        offset = end;
    }
    Ok((fields, &content[offset..]))
}

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The name before the colon: printable ASCII without blanks (RFC 5322 2.2).
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let name = &line[..line.iter().position(|byte| *byte == b':')?];
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

/// Everything at which `str.splitlines` of Python divides a line, and all other control characters.
fn check_controls(line: &[u8], offset: usize) -> Result<(), HeaderFault> {
    let bad = (0..line.len()).find_map(|at| match line[at..] {
        [b'\t', ..] => None,
        [byte, ..] if byte.is_ascii_control() => Some((at, 1)),
        [0xc2, 0x80..=0x9f, ..] => Some((at, 2)),
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => Some((at, 3)),
        _ => None,
    });
    match bad {
        None => Ok(()),
        Some((at, length)) => Err(HeaderFault::Control { offset: offset + at, found: excerpt(&line[at..at + length]) }),
    }
}

fn excerpt(text: &[u8]) -> String {
    text[..text.len().min(60)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_bytes() {
        let (fields, rest) = parse(b"A: 1\r\nB: x\n  y\n \nC:\n\nbody: 2\n").unwrap();
        let bytes: Vec<_> = fields.iter().map(|field| field.bytes).collect();
        assert_eq!(bytes, [b"A: 1\r\n".as_slice(), b"B: x\n  y\n \n", b"C:\n"]);
        assert_eq!(fields[1].lines().collect::<Vec<_>>(), [b"B: x".as_slice(), b"  y", b" "]);
        assert_eq!(rest, b"\nbody: 2\n");
        assert_eq!(parse(b"").unwrap(), (vec![], b"".as_slice()));
    }

    #[test]
    fn what_readers_divide_differently_is_a_fault() {
        for text in
            ["odd line\n", " first: 1\n", "Na me: 1\n", ": 1\n", "From me: 1\n", "\u{feff}Name: x\n", "Name : x\n"]
        {
            assert!(matches!(parse(text.as_bytes()), Err(HeaderFault::NotAField { offset: 0, .. })), "{text:?}");
        }
        for text in ["A: x\rB: y\n", "A: x\0\n", "A: x\u{c}B: y\n", "A: x\u{85}B: y\n", "A: x\u{2028}B: y\n", "A: x\r"]
        {
            assert!(matches!(parse(text.as_bytes()), Err(HeaderFault::Control { offset: 4, .. })), "{text:?}");
        }
    }
}
