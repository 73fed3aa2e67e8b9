//! PAX extended headers (POSIX pax, "pax Extended Header"): records of `LENGTH KEY=VALUE\n`, cut by their length alone.

use std::collections::HashSet;

use crate::archive::Anomaly;
use crate::error::{ReadError, Unsupported};
use crate::source::length;
use crate::tar::fault::TarFault;
use crate::tar::header::shown;

/// One record, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaxRecord {
    /// Before the first `=`.
    pub key: Vec<u8>,
    /// After it, without the newline that ends the record; may hold any bytes.
    pub value: Vec<u8>,
}

/// Keys that packaging tools write, and readers agree on.
const KNOWN: [&[u8]; 10] =
    [b"path", b"linkpath", b"size", b"mtime", b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname"];

/// Keys that decide what a member is or how its name is read.
const DECISIVE: [&[u8]; 5] = [b"path", b"linkpath", b"size", b"hdrcharset", b"charset"];

/// Cuts the body of an extended header into its records.
pub(super) fn parse(body: &[u8], offset: u64) -> Result<Vec<PaxRecord>, ReadError> {
    let mut records: Vec<PaxRecord> = Vec::new();
    let mut keys: HashSet<&[u8]> = HashSet::new();
    let mut rest = body;
    while !rest.is_empty() {
        let at = length(body) - length(rest);
        let fault = |detail| TarFault::PaxRecord { offset, at, detail };
        let space = rest.iter().take(21).position(|byte| *byte == b' ').ok_or_else(|| fault("no length"))?;
        let (digits, after) = rest.split_at(space);
        if !digits.iter().all(u8::is_ascii_digit) || !matches!(digits.first(), Some(b'1'..=b'9')) {
            return Err(fault("the length is no decimal number").into());
        }
        let declared = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<usize>().ok());
        let text = declared
            .and_then(|declared| declared.checked_sub(space))
            .and_then(|left| after.get(1..left))
            .ok_or_else(|| fault("the length leaves the header"))?;
        let text = text.strip_suffix(b"\n").ok_or_else(|| fault("no newline at the end"))?;
        let equals = text.iter().position(|byte| *byte == b'=').ok_or_else(|| fault("no `=`"))?;
        let record = PaxRecord { key: text[..equals].to_vec(), value: text[equals + 1..].to_vec() };
        if record.key.is_empty() || record.key.contains(&0) {
            return Err(fault("no key").into());
        }
        if !keys.insert(&text[..equals]) {
            return Err(TarFault::PaxDuplicate { offset, key: record.key.escape_ascii().to_string() }.into());
        }
        rest = &after[text.len() + 2..];
        records.push(record);
    }
    Ok(records)
}

/// What the records of one member say.
#[derive(Debug, Default)]
pub(super) struct PaxValues {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<(i64, u32)>,
}

/// Takes the values that matter, and names the keys that a packaging tool does not write.
pub(super) fn values(records: &[PaxRecord], offset: u64, anomalies: &mut Vec<Anomaly>) -> Result<PaxValues, ReadError> {
    let mut values = PaxValues::default();
    for record in records {
        let bad = || {
            let (key, value) = (record.key.escape_ascii().to_string(), record.value.escape_ascii().to_string());
            ReadError::from(TarFault::PaxValue { offset, key, value })
        };
        let mut note = |code, detail| {
            anomalies.push(Anomaly { code, offset, length: 0, path: None, detail });
        };
        match record.key.as_slice() {
            b"path" => values.path = Some(text(&record.value).ok_or_else(bad)?),
            b"linkpath" => values.link_path = Some(text(&record.value).ok_or_else(bad)?),
            b"size" => values.size = Some(natural(&record.value).ok_or_else(bad)?),
            b"mtime" => values.modified = Some(time(&record.value).ok_or_else(bad)?),
            b"atime" | b"ctime" => drop(time(&record.value).ok_or_else(bad)?),
            b"uid" | b"gid" => drop(natural(&record.value).ok_or_else(bad)?),
            b"uname" | b"gname" => {}
            b"hdrcharset" if matches!(record.value.as_slice(), b"BINARY" | b"ISO-IR 10646 2000 UTF-8") => {
                note("pax-charset", format!("the PAX header declares the charset {}", record.value.escape_ascii()));
            }
            b"hdrcharset" | b"charset" => return Err(bad()),
            _ => note(
                "pax-unknown-key",
                format!("the PAX header has `{}` as `{}`", shown(&record.value), shown(&record.key)),
            ),
        }
        if std::str::from_utf8(&record.value).is_err() {
            note(
                "pax-not-utf8",
                format!("the PAX value `{}` of `{}` is not UTF-8", shown(&record.value), shown(&record.key)),
            );
        }
    }
    Ok(values)
}

/// By which key the records declare a sparse file, where they do.
pub(super) fn sparse(records: &[PaxRecord]) -> Option<&'static str> {
    records.iter().find_map(|record| match record.key.as_slice() {
        key if key.starts_with(b"GNU.sparse.") => Some("GNU.sparse"),
        b"SCHILY.realsize" => Some("SCHILY.realsize"),
        b"SUN.holesdata" => Some("SUN.holesdata"),
        _ => None,
    })
}

/// Checks a global header. CPython applies it to all members, Go to none; `comment` (git archive) means nothing to either.
pub(super) fn check_global(records: &[PaxRecord], offset: u64, anomalies: &mut Vec<Anomaly>) -> Result<(), ReadError> {
    for record in records {
        let key = record.key.as_slice();
        if DECISIVE.contains(&key) {
            return Err(TarFault::PaxGlobal { offset, key: key.escape_ascii().to_string() }.into());
        }
        if sparse(std::slice::from_ref(record)).is_some() {
            let path = twinbuild_subject::MemberPath::new(key);
            return Err(Unsupported::TarSparse { path, offset, detail: "in a global header" }.into());
        }
        if key != b"comment" {
            let code = if KNOWN.contains(&key) { "pax-global-key" } else { "pax-unknown-key" };
            let detail = format!("the global PAX header has `{}` as `{}`", shown(&record.value), shown(key));
            anomalies.push(Anomaly { code, offset, length: 0, path: None, detail });
        }
    }
    Ok(())
}

fn text(value: &[u8]) -> Option<Vec<u8>> {
    (!value.is_empty()).then(|| value.to_vec())
}

fn natural(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    (text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// `[-]DIGITS[.DIGITS]` as seconds rounded down and nanoseconds beyond them; digits after the ninth are cut.
fn time(value: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    match (is_negative, nanoseconds) {
        (false, nanoseconds) => Some((seconds, nanoseconds)),
        (true, 0) => Some((-seconds, 0)),
        (true, nanoseconds) => Some((-seconds - 1, 1_000_000_000 - nanoseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_by_length_and_not_by_newline() {
        let body = b"30 comment=a\n16 path=evil.py\n\n16 path=good.py\n";
        let records = parse(body, 0).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1], PaxRecord { key: b"path".to_vec(), value: b"good.py".to_vec() });
    }

    #[test]
    fn broken_records_are_refused() {
        for body in [
            "x",
            "9 a=b\n",
            "5 a=b\n",
            "06 a=b\n",
            "6 a=b ",
            "6 abc\n",
            "5 =b\n",
            "+6 a=b\n",
            "99999999999999999999 a=b\n",
            "1 a=b\n",
            "0 a=b\n",
        ] {
            assert!(parse(body.as_bytes(), 0).is_err(), "{body:?}");
        }
        assert!(parse(b"6 a=b\n6 a=c\n", 0).is_err());
        assert!(parse(b"", 0).unwrap().is_empty());
    }

    #[test]
    fn times_round_down() {
        for (text, expected) in [
            ("1700000000", Some((1_700_000_000, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.", Some((1, 0))),
            ("-1.5", Some((-2, 500_000_000))),
            ("-0", Some((0, 0))),
            ("1.1234567891", Some((1, 123_456_789))),
            ("1e3", None),
            ("", None),
            (".5", None),
            (" 1", None),
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text:?}");
        }
    }
}
