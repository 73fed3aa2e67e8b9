//! JSON objects, read strictly: each name once, each name known, nothing behind the end.
//!
//! What a signature covers has to have one reading. Of two equal names, readers take the first or the last; of unknown
//! ones nobody knows what they say.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::excerpt::start;

/// How many values a document may have: an envelope of the most signatures has about two hundred.
const VALUES: usize = 1_000;

/// What is wrong with a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("it is not JSON: {reason}")]
    Syntax {
        /// What was found, and where.
        reason: String,
    },
    /// One name twice in one object.
    #[error("the name {name:?} stands twice in one object, and readers differ in which they take")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A name that the format does not have.
    #[error("the {place} has the name {name:?}, which the format does not know")]
    Unknown {
        /// Which object.
        place: &'static str,
        /// The name.
        name: String,
    },
    /// Something else than the object that has to be there.
    #[error("the {place} is {found}, and an object is expected")]
    NotAnObject {
        /// Which object.
        place: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A name that has to be there.
    #[error("the {place} lacks the name {name:?}")]
    Missing {
        /// Which object.
        place: &'static str,
        /// The name.
        name: &'static str,
    },
    /// A value of another type, or text of another form.
    #[error("{name:?} of the {place} is {found}, and {expected} is expected")]
    Value {
        /// Which object.
        place: &'static str,
        /// The name.
        name: &'static str,
        /// What is there.
        found: &'static str,
        /// What should be.
        expected: &'static str,
    },
    /// More values than any document of the format has.
    #[error("it has more than {limit} values")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
}

pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    String(String),
    /// A number, a boolean or null.
    Other,
}

impl Json {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut reading = Reading { left: VALUES, duplicate: None };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = reading.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
        value.map_err(|error| match reading {
            Reading { duplicate: Some(name), .. } => JsonError::Duplicate { name },
            Reading { left: 0, .. } => JsonError::TooManyValues { limit: VALUES },
            Reading { .. } => JsonError::Syntax { reason: error.to_string() },
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Array(_) => "an array",
            Self::String(_) => "a string",
            Self::Other => "a number, a boolean or null",
        }
    }

    /// The members of the object that this is, for the object called `place` in messages.
    pub(crate) fn members(self, place: &'static str) -> Result<Members, JsonError> {
        match self {
            Self::Object(members) => Ok(Members { place, members }),
            other => Err(JsonError::NotAnObject { place, found: other.kind() }),
        }
    }
}

/// The members of an object that were not taken yet.
pub(crate) struct Members {
    place: &'static str,
    members: Vec<(String, Json)>,
}

impl Members {
    pub(crate) fn optional(&mut self, name: &str) -> Option<Json> {
        let index = self.members.iter().position(|(found, _)| found == name)?;
        Some(self.members.remove(index).1)
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Result<Json, JsonError> {
        self.optional(name).ok_or(JsonError::Missing { place: self.place, name })
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Result<String, JsonError> {
        match self.required(name)? {
            Json::String(text) => Ok(text),
            other => Err(self.wrong(name, other.kind(), "a string")),
        }
    }

    pub(crate) fn optional_string(&mut self, name: &'static str) -> Result<Option<String>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, other.kind(), "a string")),
        }
    }

    pub(crate) fn array(&mut self, name: &'static str) -> Result<Vec<Json>, JsonError> {
        match self.required(name)? {
            Json::Array(values) => Ok(values),
            other => Err(self.wrong(name, other.kind(), "an array")),
        }
    }

    /// Text that `read` understands.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, JsonError> {
        let text = self.string(name)?;
        read(&text).ok_or_else(|| self.wrong(name, "text of another form", expected))
    }

    fn wrong(&self, name: &'static str, found: &'static str, expected: &'static str) -> JsonError {
        JsonError::Value { place: self.place, name, found, expected }
    }

    /// That all were taken.
    pub(crate) fn finish(self) -> Result<(), JsonError> {
        match self.members.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(JsonError::Unknown { place: self.place, name: start(&name) }),
        }
    }
}

struct Reading {
    left: usize,
    duplicate: Option<String>,
}

impl<'de> DeserializeSeed<'de> for &mut Reading {
    type Value = Json;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Err(de::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reading {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.iter().any(|(other, _)| *other == name) {
                self.duplicate = Some(start(&name));
                return Err(de::Error::custom("a name stands twice"));
            }
            members.push((name, map.next_value_seed(&mut *self)?));
        }
        Ok(Json::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(&mut *self)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }
}
