//! JSON (RFC 8259) as statements have it: read strictly, and written in one way.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::StatementError;
use crate::error::cited;

/// A statement is at most so many values deep.
pub const DEPTH_LIMIT: usize = 64;
/// A statement has at most so many values, which bounds the memory that its reading takes.
pub const VALUES_LIMIT: usize = 500_000;

/// Reads one value: without two equal names in an object, without numbers that are no integers of 64 bits, and within the limits.
pub(crate) fn read(text: &str) -> Result<Value, StatementError> {
    let reading = Reading::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Reader { reading: &reading, depth: 0 }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match reading.refused.take() {
            Some(Refused::DuplicateName(name)) => StatementError::DuplicateName { name: cited(&name), line, column },
            Some(Refused::NotAnInteger) => StatementError::NotAnInteger { line, column },
            Some(Refused::TooDeep) => StatementError::TooDeep,
            Some(Refused::TooManyValues) => StatementError::TooManyValues,
            None => StatementError::NotJson { reason: error.to_string() },
        }
    })
}

/// Writes a value: names sorted, no white space, nothing escaped that need not be. Where all names are ASCII and all numbers below
/// 2^53, that is the form of RFC 8785.
pub(crate) fn write(value: &Value) -> String {
    // Objects of serde_json are sorted by name.
    value.to_string()
}

/// Why the text is refused, which the errors of the parser have no place for.
enum Refused {
    DuplicateName(String),
    NotAnInteger,
    TooDeep,
    TooManyValues,
}

#[derive(Default)]
struct Reading {
    values: Cell<usize>,
    refused: RefCell<Option<Refused>>,
}

impl Reading {
    fn refuse<E: serde::de::Error>(&self, refused: Refused) -> E {
        *self.refused.borrow_mut() = Some(refused);
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    reading: &'a Reading,
    depth: usize,
}

impl Reader<'_> {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth == DEPTH_LIMIT {
            return Err(self.reading.refuse(Refused::TooDeep));
        }
        self.reading.values.set(self.reading.values.get() + 1);
        if self.reading.values.get() > VALUES_LIMIT {
            return Err(self.reading.refuse(Refused::TooManyValues));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(self.reading.refuse(Refused::NotAnInteger))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(self.below())? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if read.contains_key(&name) {
                return Err(self.reading.refuse(Refused::DuplicateName(name)));
            }
            let value = entries.next_value_seed(self.below())?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}
