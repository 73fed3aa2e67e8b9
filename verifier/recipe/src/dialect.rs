//! How the metadata of a wheel is written: it tells which setuptools wrote it where `Generator:` names only `wheel`.

use std::str::FromStr as _;

use pep440_rs::Version;

use crate::parse_headers;

/// What differs between releases of setuptools in the metadata that `bdist_wheel` takes over from it. The releases at which it
/// changed were found by building one project with each release from 36.0 to 70.0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dialect {
    /// What stands for an absent value of `Platform`, `License` and `Summary`.
    pub unknown: Absence,
    /// What stands for an absent `Home-page`.
    pub home_page: Absence,
    /// Whether the licence files beside the metadata are listed in `License-File`; `None` where there are none.
    pub lists_licenses: Option<bool>,
    /// Whether `entry_points.txt` ends in an empty line; `None` where there is no such file, or it is not written by sections.
    pub entry_points_end_empty: Option<bool>,
    /// Whether `METADATA` ends in two empty lines.
    pub ends_empty: bool,
}

/// How a value that a project does not give is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Absence {
    /// Nothing is absent, or there is no telling.
    #[default]
    Unseen,
    /// `UNKNOWN`
    Unknown,
    /// The field is left out.
    Omitted,
}

/// A limit of the releases that write a dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The release at which it changed.
    pub release: Version,
    /// Whether the writer is older than that release; else it is that release or a newer one.
    pub is_older: bool,
    /// What in the wheel tells.
    pub because: &'static str,
}

impl Dialect {
    /// Reads the dialect of `METADATA`, `entry_points.txt` if there is one, and whether files of licences lie beside them.
    #[must_use]
    pub fn read(metadata: &[u8], entry_points: Option<&[u8]>, has_licenses: bool) -> Self {
        let text = String::from_utf8_lossy(metadata);
        let (headers, _) = parse_headers(&text);
        let values = |name: &str| {
            let name = name.to_owned();
            headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(&name))
        };
        let is_unknown = |name: &str| values(name).any(|header| header.value == "UNKNOWN");
        let unknown = if ["Platform", "License", "Summary"].into_iter().any(is_unknown) {
            Absence::Unknown
        } else if values("Platform").next().is_none() {
            Absence::Omitted
        } else {
            Absence::Unseen
        };
        let home_page = match values("Home-page").next() {
            Some(header) if header.value == "UNKNOWN" => Absence::Unknown,
            Some(_) => Absence::Unseen,
            None => Absence::Omitted,
        };
        let lists_licenses = has_licenses.then(|| values("License-File").next().is_some());
        let entry_points_end_empty = entry_points.and_then(|bytes| {
            let unix: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
            unix.starts_with(b"[").then(|| unix.ends_with(b"\n\n"))
        });
        let last: Vec<&str> = text.lines().rev().take(2).collect();
        let ends_empty = last.len() == 2 && last.iter().all(|line| line.is_empty());
        Self { unknown, home_page, lists_licenses, entry_points_end_empty, ends_empty }
    }

    /// The limits of the setuptools that wrote it, the surest first.
    #[must_use]
    pub fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        let mut add = |release: &str, is_older: bool, because: &'static str| {
            bounds.extend(Version::from_str(release).ok().map(|release| Bound { release, is_older, because }));
        };
        match self.unknown {
            Absence::Unknown => add("62.2", true, "METADATA says UNKNOWN where the project gives nothing"),
            Absence::Omitted => add("62.2", false, "METADATA has no Platform"),
            Absence::Unseen => {}
        }
        match self.home_page {
            Absence::Unknown => add("60.6", true, "METADATA has a Home-page that is UNKNOWN"),
            Absence::Omitted => add("60.6", false, "METADATA has no Home-page"),
            Absence::Unseen => {}
        }
        match self.lists_licenses {
            Some(true) => add("57", false, "METADATA lists the licence files"),
            Some(false) => add("57", true, "METADATA does not list the licence files"),
            None => {}
        }
        match self.entry_points_end_empty {
            Some(true) => add("60.9", true, "entry_points.txt ends in an empty line"),
            Some(false) => add("60.9", false, "entry_points.txt does not end in an empty line"),
            None => {}
        }
        if self.ends_empty {
            add("62.2", true, "METADATA ends in two empty lines");
        }
        bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"Metadata-Version: 2.1\nName: x\nVersion: 1\nHome-page: UNKNOWN\nLicense: UNKNOWN\nPlatform: UNKNOWN\n\nUNKNOWN\n\n\n";
    const NEW: &[u8] = b"Metadata-Version: 2.1\nName: x\nVersion: 1\nLicense-File: LICENSE\n\nText\n";

    fn told(dialect: Dialect) -> Vec<String> {
        let shown = |bound: Bound| format!("{}{}", if bound.is_older { "<" } else { ">=" }, bound.release);
        dialect.bounds().into_iter().map(shown).collect()
    }

    #[test]
    fn each_trait_limits_the_releases() {
        let old = Dialect::read(OLD, Some(b"[console_scripts]\na = b:c\n\n"), true);
        assert_eq!(told(old), ["<62.2", "<60.6", "<57", "<60.9", "<62.2"]);
        let new = Dialect::read(NEW, Some(b"[console_scripts]\na = b:c\n"), true);
        assert_eq!(told(new), [">=62.2", ">=60.6", ">=57", ">=60.9"]);
    }

    #[test]
    fn what_is_not_there_tells_nothing() {
        let full = b"Metadata-Version: 2.1\nName: x\nHome-page: h\nPlatform: any\nLicense: MIT\n\n";
        assert_eq!(told(Dialect::read(full, None, false)), Vec::<String>::new());
        assert_eq!(told(Dialect::read(full, Some(b"\n   [a]\n b=c\n"), false)), Vec::<String>::new());
    }

    #[test]
    fn line_endings_of_windows_are_read_too() {
        let old: Vec<u8> = String::from_utf8_lossy(OLD).replace('\n', "\r\n").into_bytes();
        assert_eq!(
            told(Dialect::read(&old, Some(b"[a]\r\nb = c\r\n\r\n"), false)),
            ["<62.2", "<60.6", "<60.9", "<62.2"]
        );
    }
}
