//! Careless readers of the same formats, written for nothing but to disagree: they follow one structure, check nothing and
//! share no code with the readers and rules under test.

use std::ops::Range;

use crate::sums::inflate;

/// A member as the central directory of a zip file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) system: u8,
    pub(crate) flags: u16,
    /// The upper half of the external attributes, type bits among them.
    pub(crate) mode: u16,
    pub(crate) content: Vec<u8>,
    pub(crate) central_offset: usize,
    pub(crate) local_offset: usize,
}

/// The members of a zip file, in the order of its directory.
pub(crate) fn zip(bytes: &[u8]) -> Option<Vec<Member>> {
    let end = (0..bytes.len().saturating_sub(21)).rev().find(|at| bytes[*at..].starts_with(b"PK\x05\x06"))?;
    let (mut count, mut at) = (u64::from(word(bytes, end + 10)?), u64::from(double(bytes, end + 16)?));
    if let Some(locator) = end.checked_sub(20).filter(|at| bytes[*at..].starts_with(b"PK\x06\x07")) {
        let record = usize::try_from(quad(bytes, locator + 8)?).ok()?;
        (count, at) = (quad(bytes, record.checked_add(32)?)?, quad(bytes, record.checked_add(48)?)?);
    }
    let mut at = usize::try_from(at).ok()?;
    let mut members = Vec::new();
    for _ in 0..count {
        let header = bytes.get(at..at.checked_add(46)?)?;
        if !header.starts_with(b"PK\x01\x02") {
            return None;
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| word(header, at).map_or(0, usize::from));
        let local_offset = usize::try_from(double(header, 42)?).ok()?;
        let local = bytes.get(local_offset..local_offset.checked_add(30)?)?;
        let data = local_offset + 30 + usize::from(word(local, 26)?) + usize::from(word(local, 28)?);
        let size = usize::try_from(double(header, 20)?).ok()?;
        let data = bytes.get(data..data.checked_add(size)?)?;
        members.push(Member {
            name: bytes.get(at + 46..at + 46 + name)?.to_vec(),
            system: header[5],
            flags: word(header, 8)?,
            mode: word(header, 40)?,
            content: if word(header, 10)? == 0 { data.to_vec() } else { inflate(data)?.0 },
            central_offset: at,
            local_offset,
        });
        at += 46 + name + extra + comment;
    }
    Some(members)
}

/// A gzip member.
pub(crate) struct Gzip<'a> {
    /// XFL and OS.
    pub(crate) hints: &'a [u8],
    pub(crate) extra: &'a [u8],
    pub(crate) comment: &'a [u8],
    pub(crate) contents: Vec<u8>,
    /// Where the trailer begins.
    pub(crate) trailer: usize,
}

/// The first member of a gzip file.
pub(crate) fn gzip(bytes: &[u8]) -> Option<Gzip<'_>> {
    let (fixed, mut rest) = bytes.split_at_checked(10)?;
    if !fixed.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let flags = fixed[3];
    let (mut extra, mut comment) = (&bytes[..0], &bytes[..0]);
    if flags & 4 != 0 {
        (extra, rest) = rest.split_at_checked(usize::from(word(rest, 0)?) + 2)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let (text, after) = rest.split_at(rest.iter().position(|byte| *byte == 0)? + 1);
            rest = after;
            if flag == 16 {
                comment = text;
            }
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    let (contents, length) = inflate(rest)?;
    Some(Gzip { hints: &fixed[8..], extra, comment, contents, trailer: bytes.len() - rest.len() + length })
}

/// Where the chunks of a PNG image lie, up to the first that the file cuts.
pub(crate) fn png(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut at = bytes.starts_with(b"\x89PNG\r\n\x1a\n").then_some(8)?;
    let mut chunks = Vec::new();
    while let Some(size) = bytes.get(at..at + 4) {
        let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]);
        let Some(end) = usize::try_from(size).ok().and_then(|size| at.checked_add(size)?.checked_add(12)) else {
            break;
        };
        if end > bytes.len() {
            break;
        }
        chunks.push(at..end);
        at = end;
    }
    Some(chunks)
}

/// One field of a file of fields: its name in lower case, and its value with all its lines.
pub(crate) type Field = (String, String);

/// The fields of `METADATA` or `WHEEL` and the text after them. Lines end at CR LF, at LF and at CR, as for the `email`
/// package of Python; each byte is one character, as in Latin-1.
pub(crate) fn fields(bytes: &[u8]) -> (Vec<Field>, String) {
    let text: String = bytes.iter().copied().map(char::from).collect();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (head, body) = match text.strip_prefix('\n') {
        Some(body) => ("", body),
        None => text.split_once("\n\n").unwrap_or((&text, "")),
    };
    let mut fields: Vec<Field> = Vec::new();
    for line in head.split('\n').filter(|line| !line.is_empty()) {
        match fields.last_mut() {
            Some((_, value)) if line.starts_with([' ', '\t']) => {
                value.push('\n');
                value.push_str(line);
            }
            _ => {
                let (name, value) = line.split_once(':').unwrap_or(("", line));
                fields.push((name.trim_ascii().to_ascii_lowercase(), value.trim_ascii().to_owned()));
            }
        }
    }
    (fields, body.to_owned())
}

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Json {
    /// A string, as units of UTF-16.
    Text(Vec<u16>),
    /// A number or a name, as it is written.
    Word(String),
    List(Vec<Self>),
    /// Names and values, sorted.
    Object(Vec<(Self, Self)>),
}

/// The first value of a JSON text; commas and colons are blanks.
pub(crate) fn json(bytes: &[u8]) -> Option<Json> {
    json_value(&mut std::str::from_utf8(bytes).ok()?)
}

fn json_value(rest: &mut &str) -> Option<Json> {
    *rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']);
    if let Some(items) = rest.strip_prefix('[') {
        *rest = items;
        return json_until(rest, ']').map(Json::List);
    }
    if let Some(members) = rest.strip_prefix('{') {
        *rest = members;
        let mut parts = json_until(rest, '}')?.into_iter();
        let mut members = Vec::new();
        while let Some(name) = parts.next() {
            members.push((name, parts.next()?));
        }
        members.sort();
        return Some(Json::Object(members));
    }
    if let Some(text) = rest.strip_prefix('"') {
        *rest = text;
        return json_text(rest).map(Json::Text);
    }
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    (!word.is_empty()).then(|| Json::Word(word.to_owned()))
}

fn json_until(rest: &mut &str, end: char) -> Option<Vec<Json>> {
    let mut values = Vec::new();
    loop {
        if let Some(after) = rest.trim_ascii_start().strip_prefix(end) {
            *rest = after;
            return Some(values);
        }
        values.push(json_value(rest)?);
    }
}

fn json_text(rest: &mut &str) -> Option<Vec<u16>> {
    let mut units = Vec::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => break,
            '\\' => match letters.next()? {
                'u' => {
                    let (digits, after) = letters.as_str().split_at_checked(4)?;
                    letters = after.chars();
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                }
                letter => {
                    let controls = ['b', 'f', 'n', 'r', 't'].into_iter().zip([8, 12, 10, 13, 9]);
                    let control = controls.into_iter().find(|(name, _)| *name == letter);
                    units.push(control.map_or(u16::try_from(u32::from(letter)).ok()?, |(_, unit)| unit));
                }
            },
            letter => units.extend_from_slice(letter.encode_utf16(&mut [0; 2])),
        }
    }
    *rest = letters.as_str();
    Some(units)
}

/// The rows of a CSV file; a quote within quotes stands twice.
pub(crate) fn rows(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_quoted, mut at) = (false, 0);
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match byte {
            b'"' if is_quoted && next == Some(&b'"') => {
                field.push(b'"');
                at += 1;
            }
            b'"' if is_quoted || field.is_empty() => is_quoted = !is_quoted,
            b',' if !is_quoted => row.push(std::mem::take(&mut field)),
            b'\r' | b'\n' if !is_quoted => {
                if !row.is_empty() || !field.is_empty() {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
            }
            other => field.push(*other),
        }
        at += 1;
    }
    if !row.is_empty() || !field.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn double(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn quad(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read() {
        let written = json(b"{\"b\":[1,null, {}],\n\"\\u0061\\n\":\"\xc3\xa9\\/\\ud83d\\uDE00\"}").unwrap();
        let text = |text: &str| Json::Text(text.encode_utf16().collect());
        let word = |word: &str| Json::Word(word.to_owned());
        let list = Json::List(vec![word("1"), word("null"), Json::Object(Vec::new())]);
        assert_eq!(written, Json::Object(vec![(text("a\n"), text("\u{e9}/\u{1f600}")), (text("b"), list)]));
        assert_eq!(json(b"{\"a\": [1"), None);
    }

    #[test]
    fn fields_and_rows_are_read() {
        let (fields, body) = fields(b"Name: x\r\nA: 1\r\n b\r\n\r\nText\r\n");
        assert_eq!(fields, [("name".to_owned(), "x".to_owned()), ("a".to_owned(), "1\n b".to_owned())]);
        assert_eq!(body, "Text\n");
        assert_eq!(
            rows(b"\"a,\"\"b\",1,\r\n\r\nc,,2"),
            [[b"a,\"b".to_vec(), b"1".to_vec(), vec![]], [b"c".to_vec(), vec![], b"2".to_vec()]]
        );
    }
}
