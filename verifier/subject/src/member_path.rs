//! The name of an archive member: bytes, not a path of this machine.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct as _};

use crate::{base64, is_misleading};

/// The name of a member as its archive holds it: raw bytes, `/`-separated by convention, in no promised encoding.
///
/// `Display` escapes everything that a terminal or a page could misread. Serialized as an object of one key, `path` or
/// (where the bytes are not UTF-8) `pathBase64`; meant for `#[serde(flatten)]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath(Vec<u8>);

/// Why a member's name cannot be laid out below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsafePath {
    /// The name has no bytes, or none but slashes.
    #[error("the name is empty")]
    Empty,
    /// It begins with `/`.
    #[error("the name is absolute")]
    Absolute,
    /// A `..` component.
    #[error("the name has a `..` component")]
    Parent,
    /// A `.` component that is not the first one.
    #[error("the name has a `.` component")]
    Current,
    /// Two slashes in a row.
    #[error("the name has an empty component")]
    EmptyComponent,
    /// A NUL byte, at which C programs cut the name.
    #[error("the name has a NUL byte")]
    Nul,
    /// A backslash, which some extractors take for a separator.
    #[error("the name has a backslash")]
    Backslash,
    /// A drive letter such as `C:` in front.
    #[error("the name begins with a drive letter")]
    Drive,
    /// A control character.
    #[error("the name has a control character")]
    Control,
}

impl MemberPath {
    /// A path from the bytes in an archive.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as the archive has them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as text, where it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The last component, without a trailing slash.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        let trimmed = self.0.strip_suffix(b"/").unwrap_or(&self.0);
        trimmed.rsplit(|b| *b == b'/').next().unwrap_or(trimmed)
    }

    /// Whether the name ends in `suffix`, by bytes.
    #[must_use]
    pub fn ends_with(&self, suffix: &str) -> bool {
        self.0.ends_with(suffix.as_bytes())
    }

    /// The name without `prefix`, which should end in a slash.
    #[must_use]
    pub fn strip_prefix(&self, prefix: &[u8]) -> Option<Self> {
        self.0.strip_prefix(prefix).map(Self::new)
    }

    /// Reads the name of a member where there is one, for `#[serde(flatten, deserialize_with)]` of an `Option`: without it, serde takes
    /// a name that is malformed for none.
    ///
    /// # Errors
    /// When both `path` and `pathBase64` stand there, or the latter is no base64 of bytes that are not UTF-8.
    pub fn deserialize_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        match Form::deserialize(deserializer)? {
            Form { path: None, path_base64: None } => Ok(None),
            Form { path: Some(text), path_base64: None } => Ok(Some(Self(text.into_bytes()))),
            Form { path: None, path_base64: Some(text) } => match base64::of_standard(&text) {
                Some(bytes) if std::str::from_utf8(&bytes).is_err() => Ok(Some(Self(bytes))),
                _ => Err(D::Error::custom("pathBase64 is to be the base64 of a name that is not UTF-8")),
            },
            Form { path: Some(_), path_base64: Some(_) } => {
                Err(D::Error::custom("a member has one name, path or pathBase64"))
            }
        }
    }

    /// The components of a name that is safe below a folder on every system: relative, without `..`, empty components,
    /// backslashes, NUL or control bytes. One leading `./` and one trailing `/` are allowed and dropped.
    ///
    /// # Errors
    /// The first reason for which the name is not safe.
    pub fn components(&self) -> Result<Vec<&[u8]>, UnsafePath> {
        let bytes = self.0.as_slice();
        if bytes.contains(&0) {
            return Err(UnsafePath::Nul);
        }
        if bytes.first() == Some(&b'/') {
            return Err(UnsafePath::Absolute);
        }
        if bytes.contains(&b'\\') {
            return Err(UnsafePath::Backslash);
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return Err(UnsafePath::Control);
        }
        let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
        if let [letter, b':', ..] = bytes
            && letter.is_ascii_alphabetic()
        {
            return Err(UnsafePath::Drive);
        }
        let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
        if bytes.is_empty() || bytes == b"." {
            return Err(UnsafePath::Empty);
        }
        bytes
            .split(|b| *b == b'/')
            .map(|component| match component {
                b"" => Err(UnsafePath::EmptyComponent),
                b"." => Err(UnsafePath::Current),
                b".." => Err(UnsafePath::Parent),
                other => Ok(other),
            })
            .collect()
    }
}

impl From<&str> for MemberPath {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '\\' || is_misleading(c) { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for MemberPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("MemberPath", 1)?;
        match self.as_str() {
            Some(text) => object.serialize_field("path", text)?,
            None => object.serialize_field("pathBase64", &base64::standard(&self.0))?,
        }
        object.end()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    path: Option<String>,
    path_base64: Option<String>,
}

impl<'de> Deserialize<'de> for MemberPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize_optional(deserializer)?.ok_or_else(|| D::Error::missing_field("path"))
    }
}

impl JsonSchema for MemberPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MemberPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "properties": {
                "path": { "type": "string", "description": "a member's name that is UTF-8" },
                "pathBase64": { "type": "string", "description": "a member's name that is not UTF-8, RFC 4648 base64" }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_names_have_components() {
        assert_eq!(MemberPath::from("./a/b.py").components(), Ok(vec![b"a".as_slice(), b"b.py"]));
        assert_eq!(MemberPath::from("a/").components(), Ok(vec![b"a".as_slice()]));
    }

    #[test]
    fn unsafe_names_are_refused_with_the_reason() {
        for (name, reason) in [
            ("", UnsafePath::Empty),
            ("./", UnsafePath::Empty),
            ("/etc/passwd", UnsafePath::Absolute),
            ("a/../b", UnsafePath::Parent),
            ("..", UnsafePath::Parent),
            ("a/./b", UnsafePath::Current),
            ("a//b", UnsafePath::EmptyComponent),
            ("a\0.py", UnsafePath::Nul),
            ("a\\b", UnsafePath::Backslash),
            ("C:x", UnsafePath::Drive),
            ("./C:x", UnsafePath::Drive),
            ("a\nb", UnsafePath::Control),
        ] {
            assert_eq!(MemberPath::from(name).components(), Err(reason), "{name:?}");
        }
    }

    #[test]
    fn names_are_shown_without_terminal_tricks() {
        assert_eq!(MemberPath::new(*b"a\x1b[31m\xff\\").to_string(), r"a\u{1b}[31m\xff\\");
        assert_eq!(MemberPath::from("\u{202e}yp.exe").to_string(), r"\u{202e}yp.exe");
        assert_eq!(MemberPath::from("a\u{61c}\u{ad}\u{e0041}").to_string(), r"a\u{61c}\u{ad}\u{e0041}");
        assert_eq!(MemberPath::from("naïve.py").to_string(), "naïve.py");
    }

    #[test]
    fn names_that_are_not_utf8_are_written_as_base64() {
        let json = |path: &MemberPath| serde_json::to_string(path).unwrap();
        assert_eq!(json(&MemberPath::from("a")), r#"{"path":"a"}"#);
        assert_eq!(json(&MemberPath::new([0xff])), r#"{"pathBase64":"/w=="}"#);
        assert_eq!(json(&MemberPath::new([0xff, 0xfe])), r#"{"pathBase64":"//4="}"#);
        assert_eq!(json(&MemberPath::new([0xff, 0xfe, 0xfd])), r#"{"pathBase64":"//79"}"#);
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for name in [b"a/b.py".as_slice(), b"", b"\xff", b"na\xc3\xafve\0", b"\xff\xfe\xfd\xfc"] {
            let path = MemberPath::new(name);
            assert_eq!(serde_json::from_str::<MemberPath>(&serde_json::to_string(&path).unwrap()).unwrap(), path);
        }
        for text in ["{}", r#"{"pathBase64":"YQ=="}"#, r#"{"pathBase64":"/w"}"#, r#"{"path":"a","pathBase64":"/w=="}"#]
        {
            assert!(serde_json::from_str::<MemberPath>(text).is_err(), "{text}");
        }
    }
}
