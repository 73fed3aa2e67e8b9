//! The order of the members of each object in `metadata.json` and `pydist.json`: metadata after drafts of PEP 426
//! (withdrawn), which `wheel` wrote beside `METADATA` before its release 0.31. Up to 0.26 it did so with `json.dump` in
//! the order of a dict, which follows the hash seed in CPython 3.3 to 3.5, and with `-R` in older ones; from 0.27 on the
//! members are sorted.
//!
//! An object of JSON is an unordered collection (RFC 8259 1), and the order decides nothing for a reader that finds
//! members by their names. pip, uv, installer and importlib.metadata read neither file; distlib reads them with
//! `json.loads`, into a dict. All of the text is written again as `json.dumps(.., sort_keys=True)` does: a blank after
//! each comma and each colon of an object, and escapes for all but printable ASCII. So a file that a later `wheel` wrote
//! stays as it is.
//!
//! Lists keep their order, that of requirements among them, and strings and numbers their values. A text that two readers
//! could read differently is a fault: two members of one name (RFC 8259 4), whichever way they are escaped, half of a
//! surrogate pair (8.2), a number that is no integer of 64 bits (6), and whatever is no JSON by the letter, a byte order
//! mark or anything after the object among it.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::error::Fault;
use crate::paths::is_dist_info;
use crate::rule::{Effect, Rewrite, Rule, Stage, always, length};

/// Real ones have at most some tens of KiB.
const LIMIT_BYTES: usize = 1 << 20;
/// Those of `wheel` have four levels. `serde_json` by itself stops at 128.
const DEEPEST: usize = 64;
const EXCERPT_CHARACTERS: usize = 60;

pub(crate) const RULE: Rule = Rule {
    name: "metadata-json-member-order",
    version: 1,
    stage: Stage::Order,
    effect: Effect::Passes,
    files: "`*.dist-info/metadata.json`, `*.dist-info/pydist.json`",
    what: "The members of each object are sorted by name, and blanks and escapes become those of `json.dumps`; lists keep \
           their order, and no value changes.",
    concerns: |path| is_dist_info(path, "metadata.json") || is_dist_info(path, "pydist.json"),
    rewrite,
    agree: always,
};

/// A text that is no object of JSON, or that readers of JSON could read differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text, or what it becomes, is longer than this version reads.
    #[error("the JSON text has {size} bytes before or after it is sorted, and at most {limit} are read")]
    Size {
        /// Its size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Lists and objects stand in one another deeper than this version reads.
    #[error("the JSON text has more than {limit} levels of lists and objects, and no more are read")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// The text is not UTF-8 (RFC 8259 8.1).
    #[error("the JSON text is not UTF-8 at offset {offset}")]
    NotUtf8 {
        /// Of the first byte that is not.
        offset: usize,
    },
    /// The text is no JSON, has half of a surrogate pair, or goes on after its value.
    #[error("the text is not JSON as in RFC 8259: {detail}")]
    Syntax {
        /// What is wrong, with its line and column.
        detail: String,
    },
    /// The value is no object.
    #[error("the JSON text is {found}, and an object is expected")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// Two members of one object have one name; some readers take the first, some the last.
    #[error("the JSON text has an object with two members of the name `{name}`")]
    Repeated {
        /// The beginning of the name, escaped.
        name: String,
    },
    /// A number with a fraction, an exponent or a sign before zero, or outside of 64 bits; readers round it differently.
    #[error("the JSON text has the number {found}, and only integers of 64 bits are expected")]
    Number {
        /// The number as a double.
        found: String,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    check_size(content.len())?;
    let mut written = String::with_capacity(content.len());
    parse(content)?.write(&mut written);
    // Escapes may be longer than what they stand for, and what is written must be read again.
    check_size(written.len())?;
    let written = written.into_bytes();
    Ok((written != content).then(|| Rewrite { bytes: changed_bytes(content, &written), content: written }))
}

fn check_size(size: usize) -> Result<(), JsonFault> {
    if size > LIMIT_BYTES { Err(JsonFault::Size { size, limit: LIMIT_BYTES }) } else { Ok(()) }
}

fn parse(content: &[u8]) -> Result<Json, JsonFault> {
    let text = std::str::from_utf8(content).map_err(|error| JsonFault::NotUtf8 { offset: error.valid_up_to() })?;
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Reader { depth: 0, fault: &fault }.deserialize(&mut deserializer);
    let found = match read.and_then(|json| deserializer.end().map(|()| json)) {
        Ok(object @ Json::Object(_)) => return Ok(object),
        Ok(Json::Null) => "null",
        Ok(Json::Bool(_)) => "a boolean",
        Ok(Json::Integer(_)) => "a number",
        Ok(Json::Text(_)) => "a string",
        Ok(Json::List(_)) => "a list",
        Err(error) => return Err(fault.take().unwrap_or_else(|| JsonFault::Syntax { detail: error.to_string() })),
    };
    Err(JsonFault::NotAnObject { found })
}

/// From the first byte that does not stay in its place to the last one; at least 1, as blanks may only be put in.
fn changed_bytes(old: &[u8], new: &[u8]) -> u64 {
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    length(&old[..old.len() - after]).max(1)
}

/// A value; the members of an object are sorted by their names, which are unique.
enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    fn write(&self, to: &mut String) {
        match self {
            Self::Null => to.push_str("null"),
            Self::Bool(is_true) => to.push_str(if *is_true { "true" } else { "false" }),
            Self::Integer(integer) => to.push_str(&integer.to_string()),
            Self::Text(text) => write_text(text, to),
            Self::List(items) => {
                to.push('[');
                for (index, item) in items.iter().enumerate() {
                    to.push_str(if index == 0 { "" } else { ", " });
                    item.write(to);
                }
                to.push(']');
            }
            Self::Object(members) => {
                to.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    to.push_str(if index == 0 { "" } else { ", " });
                    write_text(name, to);
                    to.push_str(": ");
                    value.write(to);
                }
                to.push('}');
            }
        }
    }
}

/// With the escapes of Python's `json.dumps`.
fn write_text(text: &str, to: &mut String) {
    to.push('"');
    for character in text.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            ' '..='~' => to.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    to.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    to.push('"');
}

/// Reads one value, and keeps the fault where it is one of ours: an error of `serde_json` is only a text.
#[derive(Clone, Copy)]
struct Reader<'a> {
    /// How many lists and objects the value stands in.
    depth: usize,
    fault: &'a Cell<Option<JsonFault>>,
}

impl Reader<'_> {
    /// For what stands in a list or an object.
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(self.refuse(JsonFault::Depth { limit: DEEPEST }));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn refuse<E: Error>(self, fault: JsonFault) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    /// What `serde_json` reads as no integer of 64 bits.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Err(self.refuse(JsonFault::Number { found: format!("{value:e}") }))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = object.next_key()? {
            members.push((name, object.next_value_seed(inside)?));
        }
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let name = pair[0].0.chars().take(EXCERPT_CHARACTERS).flat_map(char::escape_default).collect();
            return Err(self.refuse(JsonFault::Repeated { name }));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    /// As `json.dump` writes it.
    const WRITTEN: &str = "{\"run_requires\": [{\"requires\": [\"b\", \"a\"], \"extra\": \"x\"}, {\"requires\": [\"c\"]}], \
        \"name\": \"d\\u00e9mo\", \"generator\": \"bdist_wheel (0.22.0)\", \"extensions\": {\"z\": {}, \"A\": [], \"_\": null}, \
        \"size\": 18446744073709551615, \"least\": -9223372036854775808, \"is_safe\": true}";
    /// As `json.dump(.., sort_keys=True)` does.
    const SORTED: &str = "{\"extensions\": {\"A\": [], \"_\": null, \"z\": {}}, \"generator\": \"bdist_wheel (0.22.0)\", \
        \"is_safe\": true, \"least\": -9223372036854775808, \"name\": \"d\\u00e9mo\", \
        \"run_requires\": [{\"extra\": \"x\", \"requires\": [\"b\", \"a\"]}, {\"requires\": [\"c\"]}], \
        \"size\": 18446744073709551615}";

    fn compare(a: &str, b: &str) -> Equality {
        equal_after_rules(&"demo-1.0.dist-info/metadata.json".into(), a.as_bytes(), b.as_bytes())
    }

    fn rewritten(text: &str) -> (String, u64) {
        let rewrite = rewrite(text.as_bytes()).unwrap().unwrap();
        (String::from_utf8(rewrite.content).unwrap(), rewrite.bytes)
    }

    fn fault(text: &[u8]) -> JsonFault {
        let Err(Fault::Json(fault)) = rewrite(text) else { panic!("{} is no fault", text.escape_ascii()) };
        fault
    }

    #[test]
    fn members_are_sorted_at_every_level_and_lists_are_not() {
        let (sorted, bytes) = rewritten(WRITTEN);
        assert_eq!(sorted, SORTED);
        assert_eq!(bytes, length(WRITTEN.as_bytes()) - 3, "all but the opening `{{\"` and the closing `}}`");
        assert_eq!(rewrite(SORTED.as_bytes()).unwrap(), None);
    }

    #[test]
    fn the_bytes_go_from_the_first_that_changed_to_the_last() {
        assert_eq!(rewritten("{\"a\": 1, \"c\": 2, \"b\": 3, \"d\": 4}"), {
            ("{\"a\": 1, \"b\": 3, \"c\": 2, \"d\": 4}".to_owned(), length(b"c\": 2, \"b\": 3"))
        });
        assert_eq!(rewritten("{\"a\":1}"), ("{\"a\": 1}".to_owned(), 1));
        assert_eq!(rewritten("{ }\n"), ("{}".to_owned(), 3));
    }

    #[test]
    fn text_is_written_as_python_does() {
        let text =
            "{\"\u{e9}\u{1f600}\u{2028}\u{7f}\\u00E9\\ud83d\\uDE00\\/\\b\\f\\n\\r\\t\\u0000\\u001F\\\"\\\\~\":0}";
        let expected =
            "{\"\\u00e9\\ud83d\\ude00\\u2028\\u007f\\u00e9\\ud83d\\ude00/\\b\\f\\n\\r\\t\\u0000\\u001f\\\"\\\\~\": 0}";
        assert_eq!(rewritten(text).0, expected);
        assert_eq!(rewrite(expected.as_bytes()).unwrap(), None);
        // By bytes of UTF-8, not by units of UTF-16.
        assert_eq!(rewritten("{\"\u{1f600}\":1,\"\u{ffff}\":2}").0, "{\"\\uffff\": 2, \"\\ud83d\\ude00\": 1}");
    }

    #[test]
    fn order_blanks_and_escapes_may_differ() {
        for other in [
            SORTED.to_owned(),
            WRITTEN.replace(": ", ":").replace(", ", ","),
            WRITTEN.replace(", ", ",\r\n\t") + "\n",
            WRITTEN.replace("\\u00e9", "\u{e9}").replace("\"name", "\"\\u006Eame"),
        ] {
            assert!(matches!(compare(WRITTEN, &other), Equality::Equal { .. }), "{other}");
        }
    }

    #[test]
    fn any_other_byte_still_differs() {
        let path = "demo-1.0.dist-info/pydist.json".into();
        let escape = WRITTEN.find("\\u00e9").unwrap();
        for at in 0..WRITTEN.len() {
            for bit in 0..8 {
                let mut other = WRITTEN.as_bytes().to_vec();
                other[at] ^= 1 << bit;
                let is_case_of_a_digit = at == escape + 4 && bit == 5;
                let is_equal = equal_after_rules(&path, WRITTEN.as_bytes(), &other).is_equal();
                assert_eq!(is_equal, is_case_of_a_digit, "byte {at}, bit {bit}");
            }
        }
        for (from, to) in [
            ("[\"b\", \"a\"]", "[\"a\", \"b\"]"),
            ("[{\"requires\": [\"b\", \"a\"], \"extra\": \"x\"}, {\"requires\": [\"c\"]}]", {
                "[{\"requires\": [\"c\"]}, {\"requires\": [\"b\", \"a\"], \"extra\": \"x\"}]"
            }),
            ("[\"c\"]", "[\"c\", \"c\"]"),
            ("[\"c\"]", "\"c\""),
            ("[\"c\"]", "[[\"c\"]]"),
            ("[\"c\"]", "[]"),
            ("\"extra\": \"x\"", "\"extra\": \"y\""),
            ("\"extra\": \"x\"", "\"Extra\": \"x\""),
            ("\"extra\": \"x\"", "\"extra\": null"),
            (", \"extra\": \"x\"}, {\"requires\"", "}, {\"extra\": \"x\", \"requires\""),
            ("\"z\": {}, ", ""),
            ("\"z\": {}", "\"z\": []"),
            ("{\"z\": {}, \"A\": [], \"_\": null}", "{\"z\": {\"A\": []}, \"_\": null}"),
            ("null", "false"),
            ("null", "\"null\""),
            ("true", "1"),
            ("18446744073709551615", "18446744073709551614"),
            ("18446744073709551615", "\"18446744073709551615\""),
            ("\\u00e9", "e\\u0301"),
            ("\\u00e9", "\\\\u00e9"),
            ("(0.22.0)", "( 0.22.0)"),
        ] {
            let other = WRITTEN.replace(from, to);
            assert_ne!(other, WRITTEN, "{from}");
            assert_eq!(compare(WRITTEN, &other), Equality::Different, "{from} is {to}");
            assert_eq!(compare(SORTED, &other), Equality::Different, "{from} is {to}, and sorted");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_a_fault() {
        for text in [
            "{\"a\": 1, \"a\": 1}",
            "{\"a\": 1, \"b\": 2, \"a\": 3}",
            "{\"a\": 1, \"\\u0061\": 1}",
            "{\"x\": [{\"a\": {}, \"a\": {}}]}",
        ] {
            assert_eq!(fault(text.as_bytes()), JsonFault::Repeated { name: "a".to_owned() }, "{text}");
        }
        let JsonFault::Repeated { name } = fault(b"{\"\\u001b\xe2\x80\xa8\": 1, \"\\u001b\xe2\x80\xa8\": 2}") else {
            panic!("not repeated")
        };
        assert_eq!(name, "\\u{1b}\\u{2028}");
        // One name in two objects, and names of other letters.
        assert_eq!(rewrite(b"{\"A\": {\"a\": 1}, \"a\": 2}").unwrap(), None);
        assert!(matches!(compare("{\"a\": 1, \"a\": 2}", "{\"a\": 2, \"a\": 1}"), Equality::RuleFailed(_)));
    }

    #[test]
    fn a_number_that_readers_could_round_is_a_fault() {
        for (number, found) in [
            ("1.0", "1e0"),
            ("0.1", "1e-1"),
            ("1e2", "1e2"),
            ("1E0", "1e0"),
            ("-0", "-0e0"),
            ("18446744073709551616", "1.8446744073709552e19"),
            ("-9223372036854775809", "-9.223372036854776e18"),
        ] {
            let text = format!("{{\"a\": [{number}]}}");
            assert_eq!(fault(text.as_bytes()), JsonFault::Number { found: found.to_owned() }, "{number}");
        }
        for number in ["01", "+1", "1.", ".5", "0x1", "1e999", "NaN", "Infinity", "-", "1_0"] {
            let text = format!("{{\"a\": {number}}}");
            assert!(matches!(fault(text.as_bytes()), JsonFault::Syntax { .. }), "{number}");
        }
        assert_eq!(rewrite(b"{\"a\": [0, -1, 9223372036854775808]}").unwrap(), None);
    }

    #[test]
    fn what_is_no_json_is_a_fault() {
        for text in [
            "",
            " ",
            "{",
            "{\"a\": 1",
            "{\"a\": 1,}",
            "{\"a\" 1}",
            "{a: 1}",
            "{'a': 1}",
            "{1: 1}",
            "{\"a\": [1,]}",
            "{\"a\": tru}",
            "{\"a\": \"\t\"}",
            "{\"a\": \"\\x41\"}",
            "{\"a\": \"\\ud83d\"}",
            "{\"a\": \"\\ude00\"}",
            "{\"a\": \"\\ud83d\\u0061\"}",
            "{\"a\": \"\\ude00\\ud83d\"}",
            "{\"\\ud83d\": 1}",
            "{\"a\": 1} // comment",
            "{\"a\": 1}{}",
            "{\"a\": 1}\0",
            "{\"a\": 1}]",
            "{\"a\":\u{a0}1}",
            "{\"a\":\u{c}1}",
            "\u{feff}{\"a\": 1}",
        ] {
            assert!(matches!(fault(text.as_bytes()), JsonFault::Syntax { .. }), "{text:?}");
        }
        assert_eq!(fault(b"{\"a\": \"\xe9\"}"), JsonFault::NotUtf8 { offset: 7 });
        assert_eq!(fault(b"{\"a\": \"\xed\xa0\xbd\"}"), JsonFault::NotUtf8 { offset: 7 });
        for (text, found) in
            [("[]", "a list"), ("\"a\"", "a string"), ("1", "a number"), ("true", "a boolean"), ("null", "null")]
        {
            assert_eq!(fault(text.as_bytes()), JsonFault::NotAnObject { found }, "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_a_limit() {
        let nested = |levels: usize| format!("{{\"a\": {}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(rewrite(nested(DEEPEST).as_bytes()).unwrap(), None);
        for levels in [DEEPEST + 1, 128, 400_000] {
            assert_eq!(fault(nested(levels).as_bytes()), JsonFault::Depth { limit: DEEPEST });
        }
        let objects = "{\"a\":".repeat(DEEPEST + 1) + "1" + &"}".repeat(DEEPEST + 1);
        assert_eq!(fault(objects.as_bytes()), JsonFault::Depth { limit: DEEPEST });
        let filled = |text: &str, count: usize| format!("{{\"a\": \"{}\"}}", text.repeat(count));
        assert_eq!(rewrite(filled("x", LIMIT_BYTES - 9).as_bytes()).unwrap(), None);
        let sizes =
            [filled("x", LIMIT_BYTES - 8), filled("\u{e9}", LIMIT_BYTES / 4)].map(|text| fault(text.as_bytes()));
        for (fault, size) in sizes.into_iter().zip([LIMIT_BYTES + 1, LIMIT_BYTES / 4 * 6 + 9]) {
            assert_eq!(fault, JsonFault::Size { size, limit: LIMIT_BYTES });
            assert!(Fault::from(fault).is_limit());
        }
    }

    #[test]
    fn it_is_for_the_two_files_of_a_wheel_alone() {
        for path in ["demo-1.0.dist-info/metadata.json", "demo-1.0.dist-info/pydist.json"] {
            assert!((RULE.concerns)(&path.into()), "{path}");
        }
        for path in [
            "metadata.json",
            "demo/metadata.json",
            "demo-1.0.dist-info/METADATA.json",
            "demo-1.0.dist-info/direct_url.json",
            "demo-1.0.dist-info/pydist-exports.json",
            "demo-1.0.dist-info/x/metadata.json",
            "demo/vendor-1.0.dist-info/metadata.json",
            "demo-1.0.data/scripts/metadata.json",
        ] {
            assert!(!(RULE.concerns)(&path.into()), "{path}");
        }
    }
}
