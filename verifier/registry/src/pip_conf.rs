//! pip's configuration files: which there are, and the one key that matters here.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::AddressError;

/// The largest configuration file that is read.
const LIMIT_BYTES: u64 = 1 << 20;

/// The files that pip reads, strongest first (pip documentation, "Configuration"). `PIP_CONFIG_FILE=/dev/null` turns
/// them all off.
pub(crate) fn paths(variable: impl Fn(&'static str) -> Option<String>) -> Vec<PathBuf> {
    let named = variable("PIP_CONFIG_FILE").map(PathBuf::from);
    if named.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let home = variable("HOME").map(PathBuf::from);
    let config = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".config")));
    let paths = [
        named,
        config.map(|folder| folder.join("pip/pip.conf")),
        home.map(|folder| folder.join(".pip/pip.conf")),
        Some(PathBuf::from("/etc/pip.conf")),
    ];
    paths.into_iter().flatten().collect()
}

/// The `index-url` in one file; the section `[install]` goes before `[global]`. `None` if the file is not there.
pub(crate) fn index_url(path: &Path) -> Result<Option<String>, AddressError> {
    let unreadable = |reason: String| AddressError::Unreadable { path: path.to_owned(), reason };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > LIMIT_BYTES => Err(unreadable(format!("it has more than {LIMIT_BYTES} bytes"))),
        Ok(_) => Ok(find(&text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// As Python's `RawConfigParser` and pip's normalization of keys read it.
fn find(text: &str) -> Option<String> {
    let (mut section, mut global, mut install) = (String::new(), None, None);
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let Some(at) = line.find(['=', ':']) else { continue };
        let key = line[..at].trim().to_ascii_lowercase().replace('_', "-");
        if key.trim_start_matches("--") != "index-url" {
            continue;
        }
        let value = Some(line[at + 1..].trim().to_owned()).filter(|value| !value.is_empty());
        match section.as_str() {
            "global" => global = value,
            "install" => install = value,
            _ => {}
        }
    }
    install.or(global)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_its_two_sections_only() {
        let text = "# comment\n[freeze]\nindex-url = https://no.example\n[global]\ntimeout = 60\nIndex_URL : https://a.example/simple\n";
        assert_eq!(find(text).as_deref(), Some("https://a.example/simple"));
        let both = format!("{text}\n[install]\nindex-url=https://b.example\n");
        assert_eq!(find(&both).as_deref(), Some("https://b.example"));
        assert_eq!(find("[global]\n; index-url = x\nindex-url\n"), None);
        assert_eq!(find(""), None);
    }
}
