//! Two contents of one member: what kind they are of, and so how their difference is explained.

use twinbuild_subject::MemberPath;

use super::excerpt::{Excerpt, counted};
use super::{archive, binary, fields, native, pyc, text, values};

/// Archives inside of archives are followed this deep.
pub(crate) const DEPTH: u32 = 4;

/// Larger files of known fields are compared by line only: what is parsed takes many times the memory of the text, in bytes.
const PARSED_BYTES: usize = 1 << 20;

/// What the two contents are called: the one that is compared with, and the one that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) old: &'static str,
    pub(crate) new: &'static str,
}

/// A published member against a rebuilt one: what is "added" is only published.
pub(crate) const PUBLISHED: Names = Names { old: "rebuilt", new: "published" };
/// A member of the first rebuild against that of the second.
pub(crate) const TWINS: Names = Names { old: "first", new: "second" };

/// A rebuilt member against what other releases of the build requirements make of it.
pub(crate) const OTHER_RELEASES: Names = Names { old: "with other releases", new: "rebuilt" };

/// What a difference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// What differs and where, as a sentence without its end.
    pub(crate) place: String,
    /// The difference itself.
    pub(crate) excerpt: Excerpt,
}

/// Explains two contents of the member `path` that differ. `depth` archives hold it.
pub(crate) fn explain(path: &MemberPath, old: &[u8], new: &[u8], names: Names, depth: u32) -> Explanation {
    let kinds = (Kind::of(old), Kind::of(new));
    let explained = match kinds {
        (Kind::Native, Kind::Native) => native::explain(old, new, names),
        (Kind::Archive(a), Kind::Archive(b)) if a == b && depth < DEPTH => archive::explain(a, old, new, names, depth),
        (Kind::Other, Kind::Other) => by_name(path, old, new, names),
        _ => None,
    };
    explained.or_else(|| text::explain(old, new, names)).unwrap_or_else(|| {
        let Explanation { place, excerpt } = binary::explain(old, new, names);
        let (was, is) = (kinds.0.describe(old), kinds.1.describe(new));
        let place =
            if was == is { place } else { format!("it is {was} {} and {is} {}; {place}", names.old, names.new) };
        Explanation { place, excerpt }
    })
}

/// Sizes as a part of a sentence.
pub(crate) fn sizes(old: u64, new: u64, names: Names) -> String {
    if old == new {
        return format!("both {}", counted(old, "byte"));
    }
    // The file that is judged comes first, for a reader who knows it.
    format!("{} {}, {} {}", counted(new, "byte"), names.new, counted(old, "byte"), names.old)
}

fn by_name(path: &MemberPath, old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let name = path.file_name().to_ascii_lowercase();
    if name.ends_with(b".pyc") || name.ends_with(b".pyo") {
        return pyc::explain(path, old, new, names);
    }
    if old.len().max(new.len()) > PARSED_BYTES {
        return None;
    }
    match name.as_slice() {
        b"metadata" | b"wheel" | b"pkg-info" => fields::headers(old, new, names),
        b"entry_points.txt" => fields::entry_points(old, new, names),
        b"record" => fields::record(old, new, names),
        b"cargo.lock" | b"poetry.lock" | b"uv.lock" => values::toml(old, new, names),
        name if name.ends_with(b".toml") => values::toml(old, new, names),
        name if name.ends_with(b".json") => values::json(old, new, names),
        _ => None,
    }
}

/// What the first bytes of a content say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A program or library: ELF, PE, Mach-O.
    Native,
    Archive(archive::Kind),
    Other,
}

impl Kind {
    fn of(content: &[u8]) -> Self {
        if native::is_native(content) {
            Self::Native
        } else {
            archive::Kind::of(content).map_or(Self::Other, Self::Archive)
        }
    }

    fn describe(self, content: &[u8]) -> &'static str {
        match self {
            Self::Native => "a program or library",
            Self::Archive(kind) => kind.describe(),
            Self::Other if content.is_empty() => "empty",
            Self::Other if text::is_text(content) => "text",
            Self::Other => "binary",
        }
    }
}
