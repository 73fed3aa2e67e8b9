//! Archives inside of archives: which members differ, and how.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use twinbuild_archive::{Archive, Format, Limits, Member, ReadError, contents, read};
use twinbuild_subject::MemberPath;

use super::content::{self, Explanation, Names};
use super::excerpt::{Excerpt, counted};
use super::fields::named;
use super::meaning::kind;

/// Expanded bytes of an archive at the first level; of each level below it half as much.
const EXPANDED_BYTES: u64 = 64 << 20;
/// Members of one archive.
const MOST_MEMBERS: u64 = 20_000;
/// Of so many members that differ the contents are looked into.
const EXPLAINED_MEMBERS: usize = 10;

/// What is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Tar,
    Gzip,
    Xz,
}

impl Kind {
    /// What the first bytes of a content say that it is.
    pub(crate) fn of(content: &[u8]) -> Option<Self> {
        match content {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ if content.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Zip => "a zip archive",
            Self::Tar => "a tar archive",
            Self::Gzip => "a gzip file",
            Self::Xz => "an xz file",
        }
    }

    fn format(self) -> Format {
        match self {
            Self::Zip => Format::Zip,
            Self::Tar => Format::Tar,
            Self::Gzip => Format::TarGz,
            Self::Xz => Format::TarXz,
        }
    }
}

/// Explains two archives of one kind, which `depth` others hold.
pub(crate) fn explain(kind: Kind, old: &[u8], new: &[u8], names: Names, depth: u32) -> Option<Explanation> {
    let limits = Limits {
        member_bytes: EXPANDED_BYTES >> (depth + 1),
        total_bytes: EXPANDED_BYTES >> depth,
        members: MOST_MEMBERS,
        header_bytes: 8 << 20,
        decoder_memory_kib: 65 << 10,
        ..Limits::default()
    };
    let open = |bytes: &[u8]| read(bytes, kind.format(), &limits);
    match (open(old), open(new)) {
        (Ok(was), Ok(is)) => {
            let (old, new) = (Opened { archive: &was, bytes: old }, Opened { archive: &is, bytes: new });
            Some(members(&old, &new, names, depth))
        }
        // A gzip file of something else than a tar.
        (Err(ReadError::Malformed(_)), Err(ReadError::Malformed(_))) if kind == Kind::Gzip => {
            plain_gzip(old, new, names, depth, limits.member_bytes)
        }
        (was, is) => {
            let mut excerpt = Excerpt::default();
            let mut reasons = Vec::new();
            for (name, outcome) in [(names.old, was), (names.new, is)] {
                if let Err(error) = outcome {
                    excerpt.push(format!("the {name} one cannot be read as {}: {error}", kind.describe()));
                    reasons.push(name);
                }
            }
            let compared = super::binary::explain(old, new, names);
            excerpt.append("", compared.excerpt);
            let place = format!(
                "the {} one is no {} that can be read; {}",
                reasons.join(" and the "),
                kind.noun(),
                compared.place
            );
            Some(Explanation { place, excerpt })
        }
    }
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Zip => "zip archive",
            Self::Tar => "tar archive",
            Self::Gzip => "tar in gzip",
            Self::Xz => "tar in xz",
        }
    }
}

/// An archive that was read, and its bytes.
struct Opened<'a> {
    archive: &'a Archive,
    bytes: &'a [u8],
}

impl Opened<'_> {
    fn content(&self, index: usize, most: u64) -> Result<Vec<u8>, ReadError> {
        contents(self.bytes, self.archive, index, most)
    }
}

fn members(old: &Opened<'_>, new: &Opened<'_>, names: Names, depth: u32) -> Explanation {
    let mut by_path: HashMap<&[u8], usize> = HashMap::new();
    for (index, member) in old.archive.members.iter().enumerate() {
        by_path.insert(member.path.as_bytes(), index);
    }
    let mut excerpt = Excerpt::default();
    let mut changed = Vec::new();
    let mut explained = 0;
    let mut header_only = 0;
    for (index, member) in new.archive.members.iter().enumerate() {
        let Some(partner) = by_path.remove(member.path.as_bytes()) else {
            let what = format!("{}: only {}, {}", member.path, names.new, counted(member.size_bytes, "byte"));
            excerpt.push(what);
            changed.push(member.path.to_string());
            continue;
        };
        let other = &old.archive.members[partner];
        if other.kind != member.kind {
            excerpt.push(format!("{}: {} {}, {} {}", member.path, kind(member), names.new, kind(other), names.old));
            changed.push(member.path.to_string());
        } else if (other.size_bytes, other.sha256) != (member.size_bytes, member.sha256) {
            changed.push(member.path.to_string());
            let sizes = content::sizes(other.size_bytes, member.size_bytes, names);
            if explained == EXPLAINED_MEMBERS || excerpt.is_full() {
                excerpt.push(format!("{}: its content differs ({sizes})", member.path));
                continue;
            }
            explained += 1;
            inner(old, partner, new, index, names, depth, &sizes, &mut excerpt);
        } else if other.mode != member.mode {
            let mode = |member: &Member| member.mode.map_or_else(|| "none".to_owned(), |mode| format!("{mode:04o}"));
            let (was, is) = (mode(other), mode(member));
            excerpt.push(format!("{}: mode {is} {}, {was} {}", member.path, names.new, names.old));
            changed.push(member.path.to_string());
        } else if other.modified != member.modified || other.fields != member.fields {
            header_only += 1;
        }
    }
    let mut gone: Vec<&[u8]> = by_path.into_keys().collect();
    gone.sort_unstable();
    for path in gone {
        let path = MemberPath::new(path);
        excerpt.push(format!("{path}: only {}", names.old));
        changed.push(path.to_string());
    }
    let mut anomalies = Vec::new();
    for (name, archive, other) in [(names.new, new.archive, old.archive), (names.old, old.archive, new.archive)] {
        let count = |archive: &Archive, code: &str| archive.anomalies.iter().filter(|found| found.code == code).count();
        let mut codes: Vec<&str> = archive.anomalies.iter().map(|anomaly| anomaly.code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes.into_iter().filter(|code| count(archive, code) > count(other, code)) {
            excerpt.push(format!("{code}, which only the {name} one has, or has more often"));
            anomalies.push(code.to_owned());
        }
    }
    let place = if changed.is_empty() {
        let order = |archive: &Archive| -> Vec<MemberPath> {
            archive.members.iter().map(|member| member.path.clone()).collect()
        };
        let mut parts = Vec::new();
        if order(old.archive) != order(new.archive) {
            parts.push("the order of its members".to_owned());
        }
        if header_only > 0 {
            parts.push(format!("the times or other header values of {}", counted(header_only, "member")));
        }
        if !anomalies.is_empty() {
            parts.push(named(&anomalies, anomalies.len() as u64, "anomaly"));
        }
        if parts.is_empty() {
            parts.push("the container or its compression".to_owned());
        }
        format!("its members are the same, and what differs is {}", parts.join(" and "))
    } else {
        format!("inside of it, in {}", named(&changed, changed.len() as u64, "member"))
    };
    Explanation { place, excerpt }
}

/// Explains one member whose content differs.
#[allow(clippy::too_many_arguments, reason = "two members, each of its archive")]
fn inner(
    old: &Opened<'_>,
    partner: usize,
    new: &Opened<'_>,
    index: usize,
    names: Names,
    depth: u32,
    sizes: &str,
    excerpt: &mut Excerpt,
) {
    let path = &new.archive.members[index].path;
    let most = EXPANDED_BYTES >> (depth + 1);
    match (old.content(partner, most), new.content(index, most)) {
        (Ok(was), Ok(is)) => {
            let Explanation { place, excerpt: lines } = content::explain(path, &was, &is, names, depth + 1);
            excerpt.push(format!("{path} ({sizes}): {place}"));
            excerpt.append("  ", lines);
        }
        (Err(error), _) | (_, Err(error)) => excerpt.push(format!("{path} ({sizes}): {error}")),
    }
}

/// Two gzip files of one stream each: what they hold.
fn plain_gzip(old: &[u8], new: &[u8], names: Names, depth: u32, most: u64) -> Option<Explanation> {
    let expand = |bytes: &[u8]| -> Option<Vec<u8>> {
        let mut expanded = Vec::new();
        MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut expanded).ok()?;
        (expanded.len() as u64 <= most).then_some(expanded)
    };
    let (was, is) = (expand(old)?, expand(new)?);
    if was == is {
        let Explanation { place, excerpt } = super::binary::explain(old, new, names);
        let place = format!("what it holds is the same, and its header or compression differs; {place}");
        return Some(Explanation { place, excerpt });
    }
    let sizes = content::sizes(was.len() as u64, is.len() as u64, names);
    let Explanation { place, excerpt } = content::explain(&MemberPath::new(*b""), &was, &is, names, depth + 1);
    Some(Explanation { place: format!("in what it holds ({sizes}): {place}"), excerpt })
}
