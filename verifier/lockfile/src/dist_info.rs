//! What a `*.dist-info` says of its distribution: `METADATA` and `direct_url.json`.

use pep440_rs::Version;
use serde::Deserialize;
use twinbuild_recipe::parse_headers;
use twinbuild_subject::PackageName;

/// What `direct_url.json` says (PyPA "Recording the Direct URL Origin of installed distributions", PEP 610).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUrl {
    /// The address that it was installed from.
    pub url: String,
    /// Whether it is a link to a folder, whose files no `RECORD` lists.
    pub is_editable: bool,
}

/// The name and version of a `METADATA`.
pub(crate) fn release(metadata: &[u8]) -> Result<(PackageName, Version), String> {
    let text = std::str::from_utf8(metadata).map_err(|_| "its METADATA is not UTF-8".to_owned())?;
    let (headers, _) = parse_headers(text);
    let only = |field: &str| {
        let mut values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(field));
        match (values.next(), values.next()) {
            (Some(header), None) => Ok(header.value.as_str()),
            _ => Err(format!("its METADATA has no field {field}, or several")),
        }
    };
    let (name, version) = (only("Name")?, only("Version")?);
    let cut = |text: &str| text.chars().take(200).collect::<String>();
    Ok((
        name.parse().map_err(|_| format!("its METADATA has {:?} for a name", cut(name)))?,
        version.parse().map_err(|_| format!("its METADATA has {:?} for a version", cut(version)))?,
    ))
}

#[derive(Deserialize)]
struct DirectUrlFile {
    url: String,
    #[serde(default)]
    dir_info: DirInfo,
}

#[derive(Default, Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

pub(crate) fn direct_url(json: &[u8]) -> Result<DirectUrl, String> {
    let DirectUrlFile { url, dir_info } = serde_json::from_slice(json)
        .map_err(|error| format!("its direct_url.json is not as PEP 610 has it: {error}"))?;
    Ok(DirectUrl { url, is_editable: dir_info.editable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_once() {
        let of = |text: &str| release(text.as_bytes());
        assert_eq!(of("Name: Six\nVersion: 1.0\n\nName: x"), Ok(("six".parse().unwrap(), "1.0".parse().unwrap())));
        for text in ["", "Name: six", "Name: six\nName: toml\nVersion: 1", "Name: -\nVersion: 1", "Name: a\nVersion: x"]
        {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(release(b"\xff").is_err());
    }

    #[test]
    fn a_direct_url_is_read() {
        let of = |text: &str| direct_url(text.as_bytes());
        let url = "file:///a".to_owned();
        assert_eq!(
            of(r#"{"url": "file:///a", "dir_info": {"editable": true}}"#),
            Ok(DirectUrl { url: url.clone(), is_editable: true })
        );
        assert_eq!(of(r#"{"url": "file:///a", "archive_info": {}}"#), Ok(DirectUrl { url, is_editable: false }));
        assert!(of("{}").is_err());
    }
}
