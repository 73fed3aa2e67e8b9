//! The wire form of a project's page: the JSON simple API (PyPA "Simple repository API", "JSON - Project Detail"; PEP 691,
//! 700, 714, 740, 792). Unknown keys are ignored, known ones must have their type.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Unexpected, Visitor};

use crate::RegistryError;
use crate::project::shortened;

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) meta: Meta,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) versions: Vec<String>,
    pub(crate) files: Vec<PageFile>,
    #[serde(rename = "project-status")]
    pub(crate) project_status: Option<PageStatus>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    #[serde(rename = "api-version")]
    pub(crate) api_version: String,
    #[serde(rename = "_last-serial", default, deserialize_with = "serial")]
    pub(crate) last_serial: Option<u64>,
}

impl Meta {
    /// Refuses a page, at `url`, of a version of the API that is not known.
    pub(crate) fn check(&self, url: impl FnOnce() -> String) -> Result<(), RegistryError> {
        if self.api_version.split_once('.').is_none_or(|(major, _)| major != "1") {
            return Err(RegistryError::ApiVersion { url: url(), found: shortened(&self.api_version) });
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct PageStatus {
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct PageFile {
    pub(crate) filename: String,
    pub(crate) url: String,
    pub(crate) hashes: BTreeMap<String, String>,
    pub(crate) requires_python: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) upload_time: Option<Timestamp>,
    #[serde(default)]
    pub(crate) yanked: Flag<String>,
    #[serde(default)]
    pub(crate) core_metadata: Option<Flag<BTreeMap<String, String>>>,
    /// The older name of `core-metadata` (PEP 714).
    #[serde(default)]
    pub(crate) dist_info_metadata: Option<Flag<BTreeMap<String, String>>>,
    #[serde(default)]
    pub(crate) provenance: Option<String>,
}

/// A boolean that may also be a value, which means yes and more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Flag<T> {
    #[default]
    No,
    Yes,
    With(T),
}

impl<'de> Deserialize<'de> for Flag<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Flag<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean or a text")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(if flag { Flag::Yes } else { Flag::No })
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Flag::No)
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Flag::With(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl<'de> Deserialize<'de> for Flag<BTreeMap<String, String>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hashes;
        impl<'de> Visitor<'de> for Hashes {
            type Value = Flag<BTreeMap<String, String>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean or an object of hashes")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(if flag { Flag::Yes } else { Flag::No })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut hashes = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    hashes.insert(name, value);
                }
                Ok(Flag::With(hashes))
            }
        }
        deserializer.deserialize_any(Hashes)
    }
}

/// PyPI's serial is a number; a mirror was seen to write it as text.
fn serial<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Serial {
        Number(u64),
        Text(String),
    }
    match Option::<Serial>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Serial::Number(number)) => Ok(Some(number)),
        Some(Serial::Text(text)) => {
            text.parse().map(Some).map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"a serial number"))
        }
    }
}
