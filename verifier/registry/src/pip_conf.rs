//! pip's configuration files: which there are, and what they say of indexes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::AddressError;
use crate::client_file::{ConfiguredIndex, Indexes, read, system_folders, user_folder};

/// What a file has, by section and key.
type Values = BTreeMap<(String, String), String>;

/// What pip's files say of indexes. pip puts its files together by section and key, and only then lets the section `[install]` go before
/// `[global]`, whichever files they are in (pip documentation, "Configuration").
pub(crate) fn indexes(variable: impl Fn(&str) -> Option<String>) -> Result<Indexes, AddressError> {
    let mut files: Vec<(PathBuf, Values)> = Vec::new();
    for path in paths(variable) {
        if let Some(text) = read(&path)? {
            files.push((path, values(&text)));
        }
    }
    let strongest = |section: &str, key: &str| {
        let key = (section.to_owned(), key.to_owned());
        let found = files.iter().find_map(|(path, values)| Some((path, values.get(&key)?)));
        found.filter(|(_, value)| !value.is_empty())
    };
    let of = |key: &str| strongest("install", key).or_else(|| strongest("global", key));
    let index = |(path, url): (&PathBuf, &String)| ConfiguredIndex { url: url.clone(), name: None, path: path.clone() };
    Ok(Indexes {
        default: of("index-url").map(index),
        extra: of("extra-index-url").map(|(path, _)| path.clone()).into_iter().collect(),
    })
}

/// The files that pip reads, strongest first: the one that `PIP_CONFIG_FILE` names, that of the virtual environment, those of the user, which
/// one that is named turns off, and those of the system. `PIP_CONFIG_FILE=/dev/null` turns them all off.
fn paths(variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let named = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let is_named = named.as_ref().is_some_and(|path| path.exists());
    let environment = variable("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("pip.conf"));
    let user = [
        user_folder(&variable).map(|folder| folder.join("pip/pip.conf")),
        variable("HOME").map(|home| Path::new(&home).join(".pip/pip.conf")),
    ];
    let user = user.into_iter().flatten().filter(|_| !is_named);
    let system = system_folders(&variable).into_iter().rev().map(|folder| folder.join("pip/pip.conf"));
    let system = std::iter::once(PathBuf::from("/etc/pip.conf")).chain(system);
    named.into_iter().chain(environment).chain(user).chain(system).collect()
}

/// As Python's `RawConfigParser` and pip's normalization of keys read it: a line that is set in goes on with the value before.
fn values(text: &str) -> Values {
    let mut values = Values::new();
    let mut section = String::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with(char::is_whitespace)
            && let Some(value) = open.as_ref().and_then(|key| values.get_mut(key))
        {
            *value = format!("{value}\n{content}").trim().to_owned();
            continue;
        }
        open = None;
        if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let Some(at) = content.find(['=', ':']) else { continue };
        let key = content[..at].trim().to_ascii_lowercase().replace('_', "-");
        let key = (section.clone(), key.trim_start_matches("--").to_owned());
        values.insert(key.clone(), content[at + 1..].trim().to_owned());
        open = Some(key);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, key: &str) -> Option<String> {
        values(text).get(&("global".to_owned(), key.to_owned())).cloned()
    }

    #[test]
    fn keys_are_found_in_their_sections_only() {
        let text = "# comment\n[freeze]\nindex-url = https://no.example\n[global]\ntimeout = 60\nIndex_URL : https://a.example/simple\n";
        assert_eq!(found(text, "index-url").as_deref(), Some("https://a.example/simple"));
        assert_eq!(found("[global]\n; index-url = x\nindex-url\n", "index-url"), None);
        assert!(values("").is_empty());
    }

    #[test]
    fn a_value_goes_on_where_a_line_is_set_in() {
        let text = "[global]\nindex-url =\n    https://a.example/simple\nextra-index-url = https://b.example\n\n  https://c.example:80/x=y\n";
        assert_eq!(found(text, "index-url").as_deref(), Some("https://a.example/simple"));
        assert_eq!(found(text, "extra-index-url").as_deref(), Some("https://b.example\nhttps://c.example:80/x=y"));
    }

    /// The variables of someone with this home.
    fn at_home(home: &Path) -> impl Fn(&str) -> Option<String> {
        let home = home.to_str().map(str::to_owned);
        move |name| home.clone().filter(|_| name == "HOME")
    }

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_section_of_installing_goes_before_the_general_one_of_a_stronger_file() {
        let home = tempfile::tempdir().unwrap();
        let [new, old] = [".config/pip/pip.conf", ".pip/pip.conf"].map(|name| home.path().join(name));
        write(&new, "[global]\nindex-url = https://new.example\n");
        write(&old, "[install]\nindex-url = https://old.example\n[global]\nindex-url = https://older.example\n");
        let default = indexes(at_home(home.path())).unwrap().default.unwrap();
        assert_eq!((default.url.as_str(), default.path), ("https://old.example", old.clone()));
        write(&old, "[global]\nindex-url = https://older.example\nextra-index-url = https://extra.example\n");
        let found = indexes(at_home(home.path())).unwrap();
        assert_eq!((found.default.unwrap().path, found.extra), (new, vec![old]));
    }

    #[test]
    fn files_are_read_in_pips_order() {
        let home = tempfile::tempdir().unwrap();
        let named = home.path().join("named.conf");
        let environment = home.path().join("env");
        let variable = |name: &str| match name {
            "PIP_CONFIG_FILE" => named.to_str().map(str::to_owned),
            "VIRTUAL_ENV" => environment.to_str().map(str::to_owned),
            "XDG_CONFIG_DIRS" => Some("/first:/second:relative".to_owned()),
            name => at_home(home.path())(name),
        };
        let system: Vec<PathBuf> =
            ["/etc/pip.conf", "/second/pip/pip.conf", "/first/pip/pip.conf"].map(PathBuf::from).into();
        let user = [".config/pip/pip.conf", ".pip/pip.conf"].map(|name| home.path().join(name));
        let stronger = [named.clone(), environment.join("pip.conf")];
        assert_eq!(paths(variable), [&stronger[..], &user, &system].concat());
        write(&named, "");
        assert_eq!(paths(variable), [&stronger[..], &system].concat(), "one that is named turns those of the user off");
        assert!(paths(|name| (name == "PIP_CONFIG_FILE").then(|| "/dev/null".to_owned())).is_empty());
    }
}
