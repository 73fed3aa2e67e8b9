//! The statement: its bytes, and what they say.

use serde_json::{Map, Value, json};
use twinbuild_subject::Sha256;

use crate::descriptor::is_uri;
use crate::error::cited;
use crate::json;
use crate::{ResourceDescriptor, StatementError};

/// The `_type` of an in-toto Statement, version 1 (in-toto attestation framework, "Statement layer specification").
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The largest statement that is read or made, in bytes.
pub const STATEMENT_LIMIT_BYTES: usize = 16 << 20;

/// An in-toto statement, and the bytes that it was read from. Two are equal where their bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    bytes: Vec<u8>,
    subject: Vec<ResourceDescriptor>,
    predicate_type: String,
    predicate: Map<String, Value>,
}

impl Statement {
    /// Reads a statement: one JSON object in UTF-8, without two equal names in any object, without numbers but integers of 64
    /// bits, with the `_type` of version 1, at least one subject, and for each at least one digest of a known algorithm, all of
    /// which are lower-case hexadecimal digits of the right number.
    ///
    /// Other fields are ignored, as the framework wants it ("Parsing rules"), and stay in [`Self::as_bytes`]; a missing predicate
    /// is an empty one.
    ///
    /// # Errors
    /// [`StatementError`], where it is none of that or beyond [`STATEMENT_LIMIT_BYTES`], [`crate::DEPTH_LIMIT`] or
    /// [`crate::VALUES_LIMIT`].
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > STATEMENT_LIMIT_BYTES {
            return Err(StatementError::TooLarge { found: bytes.len() });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| StatementError::NotUtf8 { offset: error.valid_up_to() })?;
        let Value::Object(mut fields) = json::read(text)? else {
            return Err(StatementError::NotJson { reason: "it is another kind of value".to_owned() });
        };
        let refuse = |place: &str, expected| Err(StatementError::Field { place: place.to_owned(), expected });
        match fields.get("_type") {
            Some(Value::String(found)) if found == STATEMENT_TYPE => {}
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |found| cited(&json::write(found)));
                return Err(StatementError::Type { found });
            }
        }
        let subject = match fields.get("subject") {
            Some(Value::Array(subject)) if !subject.is_empty() => subject,
            _ => return refuse("subject", "an array of at least one subject"),
        };
        let read = |(index, one)| ResourceDescriptor::read(one, &format!("subject[{index}]"));
        let subject = subject.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let predicate_type = match fields.remove("predicateType") {
            Some(Value::String(text)) if is_uri(&text) => text,
            _ => return refuse("predicateType", "a URI"),
        };
        let predicate = match fields.remove("predicate") {
            None => Map::new(),
            Some(Value::Object(predicate)) => predicate,
            Some(_) => return refuse("predicate", "an object"),
        };
        Ok(Self { bytes: bytes.to_vec(), subject, predicate_type, predicate })
    }

    /// A statement that says this of these. Its bytes are in the canonical form: names sorted, no white space.
    ///
    /// # Errors
    /// [`StatementError`], where [`Self::parse`] would refuse it.
    pub fn new(
        subject: &[ResourceDescriptor],
        predicate_type: &str,
        predicate: Map<String, Value>,
    ) -> Result<Self, StatementError> {
        let subject: Vec<Value> = subject.iter().map(ResourceDescriptor::to_value).collect();
        let mut document = json!({ "_type": STATEMENT_TYPE, "subject": subject, "predicateType": predicate_type });
        document["predicate"] = predicate.into();
        Self::parse(json::write(&document).as_bytes())
    }

    /// The bytes that it was read from: those that are signed, hashed and stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 of these bytes.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }

    /// What it is about; at least one. Whoever asks whether it is about a file compares digests, and no names.
    #[must_use]
    pub fn subject(&self) -> &[ResourceDescriptor] {
        &self.subject
    }

    /// What kind of thing it says.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// What it says.
    #[must_use]
    pub fn predicate(&self) -> &Map<String, Value> {
        &self.predicate
    }
}
