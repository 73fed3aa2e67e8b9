//! uv's configuration files: which there are, and what they say of indexes.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::AddressError;
use crate::client_file::{ConfiguredIndex, Indexes, read, system_folders, unreadable, user_folder};

/// What matters here of `uv.toml`, and of `tool.uv` in `pyproject.toml` (uv documentation, "Settings").
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Options {
    #[serde(default)]
    index: Vec<Index>,
    index_url: Option<String>,
    #[serde(default)]
    extra_index_url: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    name: Option<String>,
    url: String,
    #[serde(default)]
    default: bool,
    /// Asked for those packages only that name it.
    #[serde(default)]
    explicit: bool,
}

#[derive(Debug, Default, Deserialize)]
struct Pyproject {
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    uv: Option<Options>,
}

/// What uv's files say of indexes. uv puts its files together key by key: of all tables `[[index]]`, the first that is the default goes before
/// `index-url`, whichever files they are in.
pub(crate) fn indexes(
    variable: impl Fn(&str) -> Option<String>,
    project: Option<&Path>,
) -> Result<Indexes, AddressError> {
    let files = files(variable, project)?;
    let index = |path: &PathBuf, url: &str, name: &Option<String>| ConfiguredIndex {
        url: url.to_owned(),
        name: name.clone(),
        path: path.clone(),
    };
    let listed = files.iter().flat_map(|(path, options)| options.index.iter().map(move |index| (path, index)));
    let mut defaults = listed.filter(|(_, index)| index.default);
    let default = defaults.next().map(|(path, found)| index(path, &found.url, &found.name));
    let plain = || files.iter().find_map(|(path, options)| Some(index(path, options.index_url.as_ref()?, &None)));
    let has_extra = |options: &Options| {
        !options.extra_index_url.is_empty() || options.index.iter().any(|index| !index.default && !index.explicit)
    };
    let extra = files.iter().filter(|(_, options)| has_extra(options)).map(|(path, _)| path.clone());
    Ok(Indexes { default: default.or_else(plain), extra: extra.collect() })
}

/// The files that uv reads, strongest first: that of the project, which is the first above the folder; that of the user; that of the system.
/// `UV_CONFIG_FILE` names one to read in place of all, and `UV_NO_CONFIG` turns them all off.
fn files(
    variable: impl Fn(&str) -> Option<String>,
    project: Option<&Path>,
) -> Result<Vec<(PathBuf, Options)>, AddressError> {
    if variable("UV_NO_CONFIG").is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "no" | "off")) {
        return Ok(Vec::new());
    }
    if let Some(path) = variable("UV_CONFIG_FILE").map(PathBuf::from) {
        let options =
            options(&path)?.ok_or_else(|| unreadable(&path, "UV_CONFIG_FILE names it, and it is not there"))?;
        return Ok(vec![(path, options)]);
    }
    let mut files = Vec::new();
    for folder in project.into_iter().flat_map(Path::ancestors) {
        let found = of_project(folder)?;
        if found.is_some() {
            files.extend(found);
            break;
        }
    }
    if let Some(path) = user_folder(&variable).map(|folder| folder.join("uv/uv.toml")) {
        files.extend(options(&path)?.map(|options| (path, options)));
    }
    let system = system_folders(&variable).into_iter().map(|folder| folder.join("uv/uv.toml"));
    for path in system.chain([PathBuf::from("/etc/uv/uv.toml")]) {
        if let Some(options) = options(&path)? {
            files.push((path, options));
            break;
        }
    }
    Ok(files)
}

/// That of a folder: `uv.toml`, else `pyproject.toml` if it says anything of uv.
fn of_project(folder: &Path) -> Result<Option<(PathBuf, Options)>, AddressError> {
    let path = folder.join("uv.toml");
    if let Some(options) = options(&path)? {
        return Ok(Some((path, options)));
    }
    let path = folder.join("pyproject.toml");
    let Some(text) = read(&path)? else { return Ok(None) };
    let pyproject: Pyproject = toml::from_str(&text).map_err(|error| unreadable(&path, error.message()))?;
    Ok(pyproject.tool.uv.map(|options| (path, options)))
}

fn options(path: &Path) -> Result<Option<Options>, AddressError> {
    let Some(text) = read(path)? else { return Ok(None) };
    toml::from_str(&text).map(Some).map_err(|error| unreadable(path, error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn default(found: &Indexes) -> Option<&str> {
        found.default.as_ref().map(|index| index.url.as_str())
    }

    #[test]
    fn the_file_of_the_project_is_found_above_the_folder() {
        let top = tempfile::tempdir().unwrap();
        let below = top.path().join("package/src");
        std::fs::create_dir_all(&below).unwrap();
        let pyproject = top.path().join("pyproject.toml");
        std::fs::write(&pyproject, "[[tool.uv.index]]\nname = 'in-house'\nurl = 'https://a.example'\ndefault = true\n")
            .unwrap();
        // One that says nothing of uv does not hide it.
        std::fs::write(top.path().join("package/pyproject.toml"), "[project]\nname = 'x'\n").unwrap();
        let found = indexes(none, Some(&below)).unwrap();
        let expected =
            ConfiguredIndex { url: "https://a.example".to_owned(), name: Some("in-house".to_owned()), path: pyproject };
        assert_eq!(found, Indexes { default: Some(expected), extra: Vec::new() });
        std::fs::write(top.path().join("uv.toml"), "index-url = 'https://b.example'\n").unwrap();
        assert_eq!(default(&indexes(none, Some(&below)).unwrap()), Some("https://b.example"));
        let no_config = |name: &str| (name == "UV_NO_CONFIG").then(|| "1".to_owned());
        assert_eq!(indexes(no_config, Some(&below)).unwrap(), Indexes::default());
    }

    #[test]
    fn a_default_goes_before_an_older_key_of_a_stronger_file() {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().join("config/uv/uv.toml");
        std::fs::create_dir_all(user.parent().unwrap()).unwrap();
        std::fs::write(&user, "[[index]]\nurl = 'https://user.example'\ndefault = true\n").unwrap();
        let project = folder.path().join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("uv.toml"), "index-url = 'https://project.example'\n").unwrap();
        let config = folder.path().join("config").to_str().unwrap().to_owned();
        let variable = move |name: &str| (name == "XDG_CONFIG_HOME").then(|| config.clone());
        assert_eq!(default(&indexes(&variable, Some(&project)).unwrap()), Some("https://user.example"));
        std::fs::write(&user, "index-url = 'https://user.example'\n").unwrap();
        assert_eq!(default(&indexes(&variable, Some(&project)).unwrap()), Some("https://project.example"));
    }

    #[test]
    fn indexes_that_are_asked_as_well_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uv.toml");
        for (text, is_extra) in [
            ("[[index]]\nurl = 'https://a.example'\n", true),
            ("[[index]]\nurl = 'https://a.example'\nexplicit = true\n", false),
            ("extra-index-url = ['https://a.example']\n", true),
            ("offline = true\n", false),
        ] {
            std::fs::write(&path, text).unwrap();
            let found = indexes(none, Some(folder.path())).unwrap();
            assert_eq!((found.default, found.extra.contains(&path)), (None, is_extra), "{text}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uv.toml");
        std::fs::write(&path, "index-url = 1\n").unwrap();
        let error = indexes(none, Some(folder.path())).unwrap_err();
        assert!(matches!(&error, AddressError::Unreadable { path: found, .. } if *found == path), "{error}");
        let named = path.with_file_name("none.toml").to_str().unwrap().to_owned();
        let variable = move |name: &str| (name == "UV_CONFIG_FILE").then(|| named.clone());
        assert!(indexes(variable, None).is_err());
    }
}
