//! A lock file that is a tree of tables, whether TOML or JSON, and how its values are asked for.

use std::path::Path;

use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::LockfileError;
use crate::error::quoted;

/// A document with more tables, lists and values than this is refused, in number. One value takes some 100 bytes of memory.
pub(crate) const MOST_VALUES: usize = 2_000_000;

/// A value, and the line that it begins on, where that is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub(crate) line: Option<usize>,
    pub(crate) data: Data,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Data {
    String(String),
    /// A whole number that is not negative.
    Count(u64),
    Boolean(bool),
    List(Vec<Value>),
    /// Keys are there once, in the order of the file (JSON) or sorted (TOML).
    Table(Vec<(String, Value)>),
    /// Anything else, by the name of its type.
    Other(&'static str),
}

impl Data {
    /// The value as a message has it.
    fn described(&self) -> String {
        match self {
            Self::String(text) => quoted(text),
            Self::Count(count) => count.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(kind) => format!("a {kind}"),
        }
    }
}

/// Refuses a text in which values cannot but be too many, before it is made a tree of: `separators` are the bytes of which
/// each value takes one at least.
pub(crate) fn check_count(path: &Path, text: &str, separators: &[u8]) -> Result<(), LockfileError> {
    let count = text.bytes().filter(|byte| separators.contains(byte)).count();
    if count > MOST_VALUES {
        return Err(LockfileError::TooMany { path: path.to_owned(), what: "values", limit: MOST_VALUES });
    }
    Ok(())
}

/// A table (an object of JSON) and where it is. All that is asked of it and not as expected is a
/// [`LockfileError::Unexpected`] with file, line or place, what was found and what is expected.
#[derive(Debug, Clone)]
pub struct Table<'v> {
    path: &'v Path,
    place: String,
    pub(crate) line: Option<usize>,
    entries: &'v [(String, Value)],
}

impl<'v> Table<'v> {
    /// Where it stands: its path of keys.
    #[must_use]
    pub fn place_in_document(&self) -> &str {
        &self.place
    }

    /// The document as a whole.
    pub(crate) fn document(path: &'v Path, value: &'v Value) -> Result<Self, LockfileError> {
        Self::of(path, "the document".to_owned(), value)
    }

    fn of(path: &'v Path, place: String, value: &'v Value) -> Result<Self, LockfileError> {
        match &value.data {
            Data::Table(entries) => Ok(Self { path, place, line: value.line, entries }),
            other => Err(unexpected(path, value.line, place, other.described(), "a table")),
        }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &'v str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// Each key with its table.
    pub(crate) fn each_table(&self) -> impl Iterator<Item = Result<(&'v str, Table<'v>), LockfileError>> {
        self.entries.iter().map(|(key, value)| Ok((key.as_str(), Table::of(self.path, self.place(key), value)?)))
    }

    /// Each key with its list of tables.
    pub(crate) fn each_list(&self) -> impl Iterator<Item = Result<(&'v str, Vec<Table<'v>>), LockfileError>> {
        self.entries.iter().map(|(key, value)| Ok((key.as_str(), self.tables_of(key, Some(value))?)))
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &str) -> Option<&'v Value> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn place(&self, key: &str) -> String {
        if self.place == "the document" { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// An error about `key`, with what it is.
    #[must_use]
    pub fn refuse(&self, key: &str, expected: &str) -> LockfileError {
        let value = self.get(key);
        let line = value.and_then(|value| value.line).or(self.line);
        let found = value.map_or_else(|| "missing".to_owned(), |value| value.data.described());
        unexpected(self.path, line, self.place(key), found, expected)
    }

    /// An error about the table as a whole.
    pub(crate) fn refuse_whole(&self, found: &str, expected: &str) -> LockfileError {
        unexpected(self.path, self.line, self.place.clone(), found.to_owned(), expected)
    }

    /// A text.
    ///
    /// # Errors
    /// [`LockfileError::Unexpected`]
    pub fn string(&self, key: &str) -> Result<&'v str, LockfileError> {
        self.optional_string(key)?.ok_or_else(|| self.refuse(key, "text"))
    }

    /// A text, where the key is there.
    ///
    /// # Errors
    /// [`LockfileError::Unexpected`]
    pub fn optional_string(&self, key: &str) -> Result<Option<&'v str>, LockfileError> {
        match self.get(key).map(|value| &value.data) {
            None => Ok(None),
            Some(Data::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(key, "text")),
        }
    }

    pub(crate) fn optional_count(&self, key: &str) -> Result<Option<u64>, LockfileError> {
        match self.get(key).map(|value| &value.data) {
            None => Ok(None),
            Some(Data::Count(count)) => Ok(Some(*count)),
            Some(_) => Err(self.refuse(key, "a whole number, 0 or more")),
        }
    }

    /// A boolean, false where there is none.
    pub(crate) fn is_set(&self, key: &str) -> Result<bool, LockfileError> {
        match self.get(key).map(|value| &value.data) {
            None => Ok(false),
            Some(Data::Boolean(value)) => Ok(*value),
            Some(_) => Err(self.refuse(key, "true or false")),
        }
    }

    pub(crate) fn table(&self, key: &str) -> Result<Table<'v>, LockfileError> {
        self.optional_table(key)?.ok_or_else(|| self.refuse(key, "a table"))
    }

    /// A table, where the key is there.
    ///
    /// # Errors
    /// [`LockfileError::Unexpected`]
    pub fn optional_table(&self, key: &str) -> Result<Option<Table<'v>>, LockfileError> {
        self.get(key).map(|value| Table::of(self.path, self.place(key), value)).transpose()
    }

    /// A list of tables; none where the key is missing.
    ///
    /// # Errors
    /// [`LockfileError::Unexpected`]
    pub fn tables(&self, key: &str) -> Result<Vec<Table<'v>>, LockfileError> {
        self.tables_of(key, self.get(key))
    }

    fn tables_of(&self, key: &str, value: Option<&'v Value>) -> Result<Vec<Table<'v>>, LockfileError> {
        let values = self.list_of(key, value, "a list of tables")?.iter().enumerate();
        values.map(|(index, value)| Table::of(self.path, format!("{}[{index}]", self.place(key)), value)).collect()
    }

    /// A list of texts; none where the key is missing.
    pub(crate) fn strings(&self, key: &str) -> Result<Vec<&'v str>, LockfileError> {
        let values = self.list_of(key, self.get(key), "a list of texts")?.iter();
        values
            .map(|value| match &value.data {
                Data::String(text) => Ok(text.as_str()),
                other => Err(unexpected(self.path, value.line, self.place(key), other.described(), "text")),
            })
            .collect()
    }

    fn list_of(&self, key: &str, value: Option<&'v Value>, expected: &str) -> Result<&'v [Value], LockfileError> {
        match value.map(|value| &value.data) {
            None => Ok(&[]),
            Some(Data::List(values)) => Ok(values),
            Some(_) => Err(self.refuse(key, expected)),
        }
    }

    /// The name of a project.
    pub(crate) fn name(&self, key: &str) -> Result<PackageName, LockfileError> {
        self.string(key)?.parse().map_err(|_| self.refuse(key, "the name of a project (PEP 503)"))
    }

    /// A version, where there is one.
    pub(crate) fn optional_version(&self, key: &str) -> Result<Option<Version>, LockfileError> {
        let text = self.optional_string(key)?;
        text.map(|text| text.parse().map_err(|_| self.refuse(key, "a version (PEP 440)"))).transpose()
    }
}

fn unexpected(
    path: &Path,
    line: Option<usize>,
    place: String,
    found: String,
    expected: impl Into<String>,
) -> LockfileError {
    LockfileError::Unexpected { path: path.to_owned(), line, place, found, expected: expected.into() }
}
