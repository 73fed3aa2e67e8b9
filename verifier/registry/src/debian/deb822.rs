//! A streaming reader of Debian control files (deb822(5)).

use std::io::{self, BufRead, Read};

/// The longest line: the longest in a real package index, a list of provided names, has about 100 KiB.
const LINE_LIMIT_BYTES: u64 = 1 << 20;
/// The most lines of one paragraph: a release file is one paragraph of some thousand lines.
const PARAGRAPH_LIMIT_LINES: usize = 200_000;

/// How a control file breaks its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Deb822Error {
    /// The line, from 1.
    pub line: usize,
    /// What was found, and what was expected.
    pub fault: String,
}

/// One field of a paragraph. The value keeps its line breaks; continuation lines keep their leading blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Where its first line is, from 1.
    pub(crate) line: usize,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl Field<'_> {
    /// An error about this field.
    pub(crate) fn fault(&self, expected: &str) -> Deb822Error {
        let found: String = self.value.chars().take(80).collect();
        Deb822Error { line: self.line, fault: format!("{} is {found:?}, and {expected} is expected", self.name) }
    }

    /// Whether this is the field `name`; field names have no case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Reads paragraphs one after the other and holds no more than one.
pub(crate) struct Paragraphs<R> {
    input: R,
    line_number: usize,
    line: Vec<u8>,
    /// The paragraph's lines, one after the other, and for each field: its line, where its name ends, where it begins and ends.
    text: String,
    fields: Vec<(usize, usize, usize, usize)>,
}

impl<R: BufRead> Paragraphs<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line_number: 0, line: Vec::new(), text: String::new(), fields: Vec::new() }
    }

    /// The next paragraph's fields; `None` at the end.
    ///
    /// # Errors
    /// The outer error is of the input, the inner one of the format.
    pub(crate) fn next_paragraph(&mut self) -> io::Result<Result<Option<Vec<Field<'_>>>, Deb822Error>> {
        self.text.clear();
        self.fields.clear();
        let first_line = self.line_number;
        loop {
            self.line.clear();
            let read = (&mut self.input).take(LINE_LIMIT_BYTES + 1).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                break;
            }
            self.line_number += 1;
            if let Err(fault) = self.take_line() {
                return Ok(Err(Deb822Error { line: self.line_number, fault }));
            }
            let is_blank = self.line.iter().all(u8::is_ascii_whitespace);
            if is_blank && !self.fields.is_empty() {
                break;
            }
            if self.line_number - first_line > PARAGRAPH_LIMIT_LINES && !is_blank {
                let fault = format!("a paragraph has more than {PARAGRAPH_LIMIT_LINES} lines");
                return Ok(Err(Deb822Error { line: self.line_number, fault }));
            }
        }
        if self.fields.is_empty() {
            return Ok(Ok(None));
        }
        let field = |&(line, name_end, begin, end): &(usize, usize, usize, usize)| Field {
            line,
            name: &self.text[begin..name_end],
            value: self.text[name_end + 1..end].trim_matches([' ', '\t', '\n']),
        };
        let fields: Vec<Field<'_>> = self.fields.iter().map(field).collect();
        Ok(match twice(&fields) {
            Some(second) => {
                Err(Deb822Error { line: second.line, fault: format!("the field {} is given twice", second.name) })
            }
            None => Ok(Some(fields)),
        })
    }

    /// Appends one line to the paragraph.
    fn take_line(&mut self) -> Result<(), String> {
        if self.line.len() as u64 > LINE_LIMIT_BYTES {
            return Err(format!("a line has more than {LINE_LIMIT_BYTES} bytes"));
        }
        let text = std::str::from_utf8(&self.line).map_err(|error| format!("it is not UTF-8: {error}"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        // Two searches for one byte each are many times faster than one for either.
        if text.contains('\0') || text.contains('\r') {
            return Err("it has a NUL or a carriage return".to_owned());
        }
        if text.trim_matches([' ', '\t']).is_empty() {
            return Ok(());
        }
        let begin = self.text.len();
        self.text.push_str(text);
        self.text.push('\n');
        if text.starts_with([' ', '\t']) {
            let Some(last) = self.fields.last_mut() else {
                return Err("a continuation line has no field before it".to_owned());
            };
            last.3 = self.text.len();
            return Ok(());
        }
        match text.find(':') {
            Some(at)
                if at > 0 && text.bytes().take(at).all(|b| b.is_ascii_graphic()) && !text.starts_with(['-', '#']) =>
            {
                self.fields.push((self.line_number, begin + at, begin, self.text.len()));
                Ok(())
            }
            _ => Err(format!("{:?} is no field", text.chars().take(80).collect::<String>())),
        }
    }
}

/// The second of two fields with one name.
fn twice<'a, 'b>(fields: &'b [Field<'a>]) -> Option<&'b Field<'a>> {
    let is_second = |(at, field): &(usize, &Field<'_>)| fields[..*at].iter().any(|before| before.is(field.name));
    fields.iter().enumerate().find(is_second).map(|(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<Vec<(String, String)>>, Deb822Error> {
        let mut paragraphs = Paragraphs::new(text);
        let mut all = Vec::new();
        while let Some(fields) = paragraphs.next_paragraph().unwrap()? {
            all.push(fields.iter().map(|field| (field.name.to_owned(), field.value.to_owned())).collect());
        }
        Ok(all)
    }

    #[test]
    fn paragraphs_fields_and_continuations_are_read() {
        let text = b"\n\nPackage: a\nDepends:  b,\n c (>= 1:2)\nEmpty:\n \t\nPackage: d\nSHA256:\n 12 3 x\n 45 6 y";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read(text).unwrap(),
            [
                vec![pair("Package", "a"), pair("Depends", "b,\n c (>= 1:2)"), pair("Empty", "")],
                vec![pair("Package", "d"), pair("SHA256", "12 3 x\n 45 6 y")],
            ]
        );
        assert_eq!(read(b"").unwrap(), Vec::<Vec<(String, String)>>::new());
    }

    #[test]
    fn what_is_no_control_file_is_refused_with_its_line() {
        for (text, line) in [
            (&b"Package: a\nno field\n"[..], 2),
            (b" continuation\n", 1),
            (b"A: 1\nB: 2\na: 3\n", 3),
            (b"A: 1\n\nB: \xff\n", 3),
            (b"A: 1\r\n", 1),
            (b": x\n", 1),
            (b"A B: x\n", 1),
            (b"A: \0\n", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, line, "{}", text.escape_ascii());
        }
        let long = [b"A: ".as_slice(), &vec![b'x'; 1 << 20]].concat();
        assert_eq!(read(&long).unwrap_err().line, 1);
    }
}
