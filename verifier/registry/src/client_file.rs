//! The configuration files of the ecosystem's own clients: how they are read, and what they say of indexes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::AddressError;

/// The largest configuration file that is read.
const LIMIT_BYTES: u64 = 1 << 20;

/// What the files of one client say of indexes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Indexes {
    /// The index that the client asks where a command names none.
    pub(crate) default: Option<ConfiguredIndex>,
    /// The files that name indexes which it asks as well.
    pub(crate) extra: Vec<PathBuf>,
}

/// An index that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConfiguredIndex {
    pub(crate) url: String,
    /// What the file calls it, by which variables have its credentials.
    pub(crate) name: Option<String>,
    pub(crate) path: PathBuf,
}

/// The text of a file; `None` if it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<String>, AddressError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > LIMIT_BYTES => {
            Err(unreadable(path, format!("it has more than {LIMIT_BYTES} bytes")))
        }
        Ok(_) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unreadable(path, error.to_string())),
    }
}

pub(crate) fn unreadable(path: &Path, reason: impl Into<String>) -> AddressError {
    AddressError::Unreadable { path: path.to_owned(), reason: reason.into() }
}

/// The folder of the user's configuration by the XDG rules.
pub(crate) fn user_folder(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    named.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")))
}

/// The folders of the system's configuration by the XDG rules, strongest first.
pub(crate) fn system_folders(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let named = variable("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".to_owned());
    std::env::split_paths(&named).filter(|folder| folder.is_absolute()).collect()
}
