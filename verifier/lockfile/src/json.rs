//! JSON as a tree, in which no key is there twice.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::LockfileError;
use crate::document::{Data, Table, Value, check_count};
use crate::text;

/// A JSON document that is read as lock files are: at most 64 MiB and 2 000 000 values, 128 deep, no key twice in one object.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonDocument {
    path: PathBuf,
    value: Value,
}

impl JsonDocument {
    /// Reads the document; `path` stands in messages.
    ///
    /// # Errors
    /// [`LockfileError::TooLarge`], [`LockfileError::TooMany`], [`LockfileError::NotText`], [`LockfileError::Syntax`]
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, LockfileError> {
        let value = read(path, text::decode(path, bytes)?)?;
        Ok(Self { path: path.to_owned(), value })
    }

    /// The object that the document is.
    ///
    /// # Errors
    /// [`LockfileError::Unexpected`] if it is none.
    pub fn table(&self) -> Result<Table<'_>, LockfileError> {
        Table::document(&self.path, &self.value)
    }
}

/// Reads JSON (RFC 8259). A key that is there twice in one object is refused, as readers differ in which counts; so are
/// objects that are 128 deep.
pub(crate) fn read(path: &Path, text: &str) -> Result<Value, LockfileError> {
    check_count(path, text, b":,[{")?;
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let found = said.split(" at line ").next().unwrap_or_default().to_owned();
        LockfileError::Syntax { path: path.to_owned(), line: Some(error.line()), found, expected: "JSON" }
    })
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(|data| Self { line: None, data })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Count(value))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Data, E> {
        Ok(Data::Other("number"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Data, E> {
        Ok(Data::Other("number with a point"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Data, E> {
        Ok(Data::String(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Data, E> {
        Ok(Data::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Data::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let (mut entries, mut keys) = (Vec::new(), HashSet::new());
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom("duplicate key"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Data::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_with_its_line() {
        for (text, line, found) in [
            ("{\"a\": 1,\n\"a\": 2}", 2, "duplicate key"),
            ("{\"a\": 1", 1, "EOF"),
            ("{}\n{}", 2, "trailing"),
            ("{\"a\": 01}", 1, "invalid number"),
        ] {
            let error = read(Path::new("Pipfile.lock"), text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("Pipfile.lock:{line} is not JSON: {found}")), "{text}: {error}");
        }
        assert!(read(Path::new("a"), &"[".repeat(100_000)).is_err());
        let many = format!("[{}0]", "0,".repeat(3_000_000));
        assert!(matches!(read(Path::new("a"), &many), Err(LockfileError::TooMany { .. })));
    }

    #[test]
    fn the_order_of_keys_is_kept() {
        let value = read(Path::new("a"), r#"{"b": 1, "a": null}"#).unwrap();
        let Data::Table(entries) = value.data else { panic!("{value:?}") };
        assert_eq!(entries.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn another_document_is_read_with_the_places_of_its_values() {
        let text = br#"{"rows": [{"name": "a"}, {"name": 1}], "more": {"x": "y"}}"#;
        let document = JsonDocument::read(Path::new("list.json"), text).unwrap();
        let table = document.table().unwrap();
        let rows = table.tables("rows").unwrap();
        assert_eq!((rows[0].string("name"), rows[1].place_in_document()), (Ok("a"), "rows[1]"));
        let error = rows[1].string("name").unwrap_err().to_string();
        assert_eq!(error, "list.json: rows[1].name is 1: expected is text");
        assert_eq!(table.optional_table("more").unwrap().unwrap().optional_string("z"), Ok(None));
        assert!(table.has("more") && !table.has("less"));
        assert!(JsonDocument::read(Path::new("a"), b"[]").unwrap().table().is_err());
    }
}
