//! Reading `twinbuild.toml`: which keys a form of it has, and what a key that it has not may mean.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::{DeTable, DeValue};
use twinbuild_subject::did_you_mean;

use crate::failure::Failure;

/// The keys of a table and of those below it. A table without any takes what is in it as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(BTreeMap<&'static str, Keys>);

/// Reads a file; where there is none, all is as nobody said anything.
pub(crate) fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(error) => {
            let context = format!("reading {}", path.display());
            return Err(Failure::usage(anyhow::Error::new(error).context(context)));
        }
    };
    if let Some(unknown) = Keys::of::<T>().unknown_in(&text) {
        return Err(Failure::usage(anyhow!("{}, {unknown}", path.display())));
    }
    toml::from_str(&text).with_context(|| format!("{} cannot be read", path.display())).map_err(Failure::usage)
}

impl Keys {
    /// The keys of a form, as its fields are named.
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        Self::below::<T>(&[])
    }

    fn below<T: DeserializeOwned>(path: &[&'static str]) -> Self {
        // Nothing is ever deserialized: what comes back is where it stopped.
        let fields = match T::deserialize(Probe { path }) {
            Err(Stopped::At(fields)) => fields,
            Ok(_) | Err(Stopped::Elsewhere) => &[],
        };
        // Types of the parser's own pose as structs, such as a value with its place; no file has keys that begin like their fields.
        let fields = fields.iter().filter(|field| !field.starts_with('$'));
        let each = fields.map(|field| (*field, Self::below::<T>(&[path, &[*field]].concat())));
        Self(each.collect())
    }

    /// All of them, those of tables below behind a dot.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<String> {
        let each = self.0.iter().flat_map(|(name, below)| {
            let below = below.names().into_iter().map(move |below| format!("{name}.{below}"));
            std::iter::once((*name).to_owned()).chain(below)
        });
        each.collect()
    }

    /// What is to be said of the first key of a text that there is not. `None` also of a text that is no TOML, which its parser tells better.
    fn unknown_in(&self, text: &str) -> Option<String> {
        let table = DeTable::parse(text).ok()?;
        let (at, key, table) = self.first_unknown(table.get_ref())?;
        let line = text.get(..at)?.matches('\n').count() + 1;
        let known = table.0.keys().copied();
        let near = match did_you_mean(&key, known.clone()) {
            near if near.is_empty() => format!(": these are known: {}", known.collect::<Vec<_>>().join(", ")),
            near => near,
        };
        Some(format!("line {line}: unknown key `{key}`{near}"))
    }

    /// Where the first one begins, its name, and the table that it is not in.
    fn first_unknown(&self, table: &DeTable<'_>) -> Option<(usize, String, &Self)> {
        let mut found: Vec<(usize, String, &Self)> = Vec::new();
        for (key, value) in table {
            let Some(below) = self.0.get(key.get_ref().as_ref()) else {
                found.push((key.span().start, key.get_ref().to_string(), self));
                continue;
            };
            if below.0.is_empty() {
                continue;
            }
            let tables = match value.get_ref() {
                DeValue::Table(table) => vec![table],
                DeValue::Array(values) => values.iter().filter_map(|value| value.get_ref().as_table()).collect(),
                _ => Vec::new(),
            };
            found.extend(tables.into_iter().filter_map(|table| below.first_unknown(table)));
        }
        found.into_iter().min_by_key(|(at, _, _)| *at)
    }
}

/// Goes down a path of fields, and stops at the fields of what is there.
#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'static str],
}

/// Where a probe stopped.
#[derive(Debug)]
enum Stopped {
    /// At these fields.
    At(&'static [&'static str]),
    /// At what has no fields.
    Elsewhere,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

impl serde::de::Error for Stopped {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self::Elsewhere
    }
}

impl<'de> IntoDeserializer<'de, Stopped> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stopped;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stopped> {
        Err(Stopped::Elsewhere)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stopped> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::once(self)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stopped> {
        match self.path.split_first() {
            None => Err(Stopped::At(fields)),
            Some((first, rest)) => {
                visitor.visit_map(MapDeserializer::new(std::iter::once((*first, Probe { path: rest }))))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    #[allow(dead_code, reason = "what is read is looked at by its names only")]
    struct Form {
        index_url: Option<String>,
        limits: BTreeMap<String, u64>,
        depot: Option<toml::Spanned<String>>,
        nightly: Nightly,
        worker: Vec<Worker>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    #[allow(dead_code, reason = "what is read is looked at by its names only")]
    struct Nightly {
        max_jobs: Option<u32>,
        publish: Option<Publish>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "what is read is looked at by its names only")]
    struct Publish {
        command: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "what is read is looked at by its names only")]
    struct Worker {
        name: String,
        key: String,
    }

    fn said(text: &str) -> Option<String> {
        Keys::of::<Form>().unknown_in(text)
    }

    #[test]
    fn the_keys_of_all_tables_are_known() {
        let expected = [
            "depot",
            "index-url",
            "limits",
            "nightly",
            "nightly.max-jobs",
            "nightly.publish",
            "nightly.publish.command",
            "worker",
            "worker.key",
            "worker.name",
        ];
        assert_eq!(Keys::of::<Form>().names(), expected);
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line_and_what_it_may_mean() {
        assert_eq!(said("index-ulr = 1").unwrap(), "line 1: unknown key `index-ulr`: did you mean `index-url`?");
        let text = "# a comment\nindex-url = 'x'\n\n[nightly]\nmax-jbos = 1\n";
        assert_eq!(said(text).unwrap(), "line 5: unknown key `max-jbos`: did you mean `max-jobs`?");
        let text = "[[worker]]\nname = 'a'\nkey = 'b'\n[[worker]]\nnmae = 'c'\n";
        assert_eq!(said(text).unwrap(), "line 5: unknown key `nmae`: did you mean `name`?");
        let told = said("\nsomething = 1\n").unwrap();
        assert_eq!(told, "line 2: unknown key `something`: these are known: depot, index-url, limits, nightly, worker");
    }

    #[test]
    fn what_takes_any_key_and_what_is_no_toml_is_left_to_others() {
        assert_eq!(said("index-url = 'x'\n[limits]\nanything = 1\n[nightly.publish]\ncommand = []\n"), None);
        assert_eq!(said("index-ulr = ["), None);
    }
}
