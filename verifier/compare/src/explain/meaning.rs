//! What a difference means: its code, its severity, and the kind of mismatch that it makes.

use std::collections::{BTreeMap, HashSet};

use twinbuild_archive::{Member, MemberKind};
use twinbuild_recipe::{Header, parse_headers};
use twinbuild_subject::MemberPath;

use super::draft::Draft;
use super::sdist::Sdist;
use crate::comparison::Mismatch;
use crate::finding::{Finding, Severity};
use crate::mode;
use crate::pair::Change;
use crate::side::{CompareError, Side};
use crate::trace::SourceIndex;

/// What a member of a wheel is to those who install it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `*.dist-info/METADATA`
    Metadata,
    /// `*.dist-info/WHEEL`
    WheelFile,
    /// `*.dist-info/entry_points.txt`
    EntryPoints,
    /// `*.dist-info/dependency_links.txt`: where older tools look for requirements.
    DependencyLinks,
    /// `*.dist-info/RECORD`
    Record,
    /// A licence text in `*.dist-info`.
    Licence,
    /// Anything else in `*.dist-info` that is no code: `top_level.txt`, `zip-safe`, ..
    DistInfo,
    /// `*.pth`, `sitecustomize` and `usercustomize`: they run at every start of the interpreter.
    PathFile,
    /// What is imported, run or read by code.
    Content,
}

impl Role {
    pub(crate) fn of(path: &MemberPath) -> Self {
        let bytes = path.as_bytes();
        let (folder, name) = match bytes.iter().position(|byte| *byte == b'/') {
            Some(at) => (&bytes[..at], &bytes[at + 1..]),
            None => (&bytes[..0], bytes),
        };
        // Where files are found by their names in any case, `Entry_Points.txt` is read like `entry_points.txt`.
        match (folder.ends_with(b".dist-info"), name.to_ascii_lowercase().as_slice()) {
            (true, b"metadata") => Self::Metadata,
            (true, b"wheel") => Self::WheelFile,
            (true, b"entry_points.txt") => Self::EntryPoints,
            (true, b"dependency_links.txt") => Self::DependencyLinks,
            (true, b"record") => Self::Record,
            (_, name) if name.ends_with(b".pth") || is_customization(path) => Self::PathFile,
            (true, name) if CODE_ENDINGS.iter().any(|ending| name.ends_with(ending)) => Self::Content,
            (true, name) if is_licence(name) => Self::Licence,
            (true, _) => Self::DistInfo,
            (false, _) => Self::Content,
        }
    }
}

/// What code is in, in lower case: metadata in such a file can be run.
pub(crate) const CODE_ENDINGS: [&[u8]; 16] = [
    b".py", b".pyc", b".pyo", b".pyi", b".pyd", b".so", b".dll", b".dylib", b".exe", b".sh", b".bat", b".cmd", b".ps1",
    b".js", b".wasm", b".pyz",
];

/// Whether this is a module that `site` imports at every start, wherever the wheel puts it.
fn is_customization(path: &MemberPath) -> bool {
    let names = [b"sitecustomize".as_slice(), b"usercustomize"];
    path.as_bytes().to_ascii_lowercase().split(|byte| *byte == b'/').any(|component| {
        names
            .iter()
            .any(|name| component.strip_prefix(*name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b".")))
    })
}

/// Whether a file of `*.dist-info`, by its name in lower case, is a licence text: in `licenses/` (PEP 639), or at the top
/// under one of the usual names.
fn is_licence(name: &[u8]) -> bool {
    let is_usual =
        [b"license".as_slice(), b"licence", b"copying", b"notice"].iter().any(|usual| name.starts_with(usual));
    name.starts_with(b"licenses/") || is_usual && !name.contains(&b'/')
}

/// A finding, and the kind of mismatch that it speaks for.
pub(crate) type Explained<'a> = (Draft<'a>, Mismatch);

/// What changes between a published file and a rebuild mean.
pub(crate) struct Meaning<'a> {
    published: Side<'a>,
    rebuilt: Side<'a>,
    source: &'a SourceIndex,
    /// The `*.dist-info` folders of the rebuild. Another one is what an installer takes for another project.
    folders: HashSet<&'a [u8]>,
    /// Where the files are sdists.
    sdist: Option<Sdist<'a>>,
}

impl<'a> Meaning<'a> {
    /// Of changes between `published`, the left file, and `rebuilt`.
    pub(crate) fn new(published: &Side<'a>, rebuilt: &Side<'a>, source: &'a SourceIndex) -> Self {
        let folders = rebuilt.archive.members.iter().map(|member| top(&member.path)).collect();
        Self { published: *published, rebuilt: *rebuilt, source, folders, sdist: Sdist::find(rebuilt) }
    }

    /// Of one change; `None` where it follows from others.
    pub(crate) fn of(&self, change: &Change) -> Result<Option<Explained<'a>>, CompareError> {
        use Mismatch::{Code, Packaging};
        use Severity::{Alert, Warning};
        let (published, rebuilt) = (&self.published, &self.rebuilt);
        if let Some(sdist) = &self.sdist
            && let Some(explained) = sdist.explain(change, published, rebuilt, self.source)?
        {
            return Ok(Some(explained));
        }
        let explained = match change {
            Change::OnlyLeft(index) => self.only_published(published.member(*index)),
            Change::OnlyRight(index) => only_rebuilt(&rebuilt.member(*index).path),
            Change::Kind(left, right) => {
                let (a, b) = (published.member(*left), rebuilt.member(*right));
                let detail = format!("it is {} in the published file and {} in the rebuild", kind(a), kind(b));
                (Finding::of("kind-changed", Alert, &a.path, detail).into(), Code)
            }
            Change::Content(left, right) => {
                let role = Role::of(&published.member(*left).path);
                content_changed(role, published, *left, rebuilt, *right)?
            }
            Change::ImpliedRecord(..) => return Ok(None),
            Change::Data(left, _) => {
                let member = published.member(*left);
                let detail =
                    "its content is the rebuild's, but compressed to other bytes, by an encoder that is not identified";
                (Finding::of("compressed-data-differs", Warning, &member.path, detail.to_owned()).into(), Packaging)
            }
            Change::Mode(left, right) => mode_changed(published.member(*left), rebuilt.member(*right)),
            Change::Owner(left, _) => {
                let detail =
                    "it runs as its owner or group, which are others in the published file than in the rebuild";
                let path = &published.member(*left).path;
                (Finding::of("owner-changed", Alert, path, detail.to_owned()).into(), Code)
            }
            Change::Header(left, _, what) => {
                let path = &published.member(*left).path;
                (Finding::of("container-field", Warning, path, what.clone()).into(), Packaging)
            }
            Change::Container(code, detail) => (Finding::whole(code, Warning, detail.clone()).into(), Packaging),
            Change::AnomalyLeft(anomaly) => (Draft::of_anomaly(anomaly, Warning, "the published file"), Packaging),
            Change::AnomalyRight(anomaly) => (Draft::of_anomaly(anomaly, Warning, "the rebuild"), Packaging),
        };
        Ok(Some(explained))
    }

    fn only_published(&self, member: &Member) -> Explained<'a> {
        let path = &member.path;
        // The same bytes under another name can do what they do not do in the source.
        let verbatim = member
            .sha256
            .as_ref()
            .and_then(|sha256| self.source.verbatim(path, sha256))
            .filter(|origin| origin.file_name() == path.file_name());
        let role = if self.folders.contains(top(path)) { Role::of(path) } else { Role::of(path).of_another_project() };
        let (code, severity, detail, mismatch) = match (role, verbatim) {
            _ if member.kind == MemberKind::Directory => {
                let detail = "the published file has an entry for this directory, and the rebuild has not".to_owned();
                ("only-published", Severity::Warning, detail, Mismatch::Packaging)
            }
            (Role::PathFile, _) => {
                let detail =
                    "the published file has it, and the rebuild has not: it runs at every start of the interpreter";
                ("path-file-added", Severity::Alert, detail.to_owned(), Mismatch::Unsourced)
            }
            (Role::EntryPoints, _) => {
                let detail = "the published file declares entry points, and the rebuild has none".to_owned();
                ("entry-points-changed", Severity::Alert, detail, Mismatch::Code)
            }
            (role, Some(origin)) => {
                let detail =
                    format!("the published file has it, verbatim from {origin} of the source, and the rebuild has not");
                let mismatch = if role.is_packaging() { Mismatch::Packaging } else { Mismatch::Code };
                ("only-published", Severity::Warning, detail, mismatch)
            }
            (role, None) if role.is_packaging() => {
                let detail = "the published file has it, and neither the rebuild nor the source has".to_owned();
                ("only-published", Severity::Warning, detail, Mismatch::Packaging)
            }
            (_, None) => {
                let detail = "the published file has it, and neither the rebuild nor the source has".to_owned();
                ("unsourced-member", Severity::Alert, detail, Mismatch::Unsourced)
            }
        };
        (Finding::of(code, severity, path, detail).into(), mismatch)
    }
}

impl Role {
    /// Metadata that neither runs nor decides what is installed.
    pub(crate) fn is_packaging(self) -> bool {
        match self {
            Self::Metadata | Self::WheelFile | Self::Record | Self::Licence | Self::DistInfo => true,
            Self::EntryPoints | Self::DependencyLinks | Self::PathFile | Self::Content => false,
        }
    }

    /// What a file is where the rebuild has nothing in its folder: installers take a `*.dist-info` for another project that
    /// is installed, with its requirements.
    fn of_another_project(self) -> Self {
        if self.is_packaging() { Self::Content } else { self }
    }
}

/// The first component.
pub(crate) fn top(path: &MemberPath) -> &[u8] {
    let bytes = path.as_bytes();
    bytes.iter().position(|byte| *byte == b'/').map_or(&bytes[..0], |at| &bytes[..at])
}

fn only_rebuilt<'a>(path: &MemberPath) -> Explained<'a> {
    let detail = "the rebuild has it, and the published file has not".to_owned();
    let role = Role::of(path);
    let (severity, mismatch) = match role {
        // Without these the published file has other requirements, commands or tags.
        Role::Metadata | Role::WheelFile | Role::EntryPoints | Role::DependencyLinks => {
            (Severity::Alert, Mismatch::Code)
        }
        role if role.is_packaging() => (Severity::Warning, Mismatch::Packaging),
        _ => (Severity::Warning, Mismatch::Code),
    };
    (Finding::of("not-published", severity, path, detail).into(), mismatch)
}

/// What it means that a member, which is of this role, has another content.
pub(super) fn content_changed<'a>(
    role: Role,
    published: &Side<'a>,
    left: usize,
    rebuilt: &Side<'a>,
    right: usize,
) -> Result<Explained<'a>, CompareError> {
    use Mismatch::{Code, Packaging};
    use Severity::{Alert, Note, Warning};
    let is_read = matches!(role, Role::Metadata | Role::WheelFile | Role::Licence);
    let contents = if is_read { published.content(left)?.zip(rebuilt.content(right)?) } else { None };
    let (code, severity, mismatch) = match (role, &contents) {
        (Role::Metadata, Some((a, b))) => {
            let changed = changed_fields(a, b);
            if changed.iter().any(|field| DECISIVE_FIELDS.contains(&field.name.as_str())) {
                ("dependencies-changed", Alert, Code)
            } else if changed.iter().all(Changed::is_date) {
                ("metadata-date-changed", Note, Packaging)
            } else {
                ("metadata-changed", Warning, Packaging)
            }
        }
        (Role::WheelFile, Some((a, b))) => {
            if changed_fields(a, b).iter().any(|field| DECISIVE_TAGS.contains(&field.name.as_str())) {
                ("wheel-tags-changed", Alert, Code)
            } else {
                ("metadata-changed", Warning, Packaging)
            }
        }
        (Role::Licence, Some((a, b))) if differ_in_years(a, b) => ("metadata-date-changed", Note, Packaging),
        (Role::Metadata | Role::WheelFile | Role::DependencyLinks, _) => ("dependencies-changed", Alert, Code),
        (Role::EntryPoints, _) => ("entry-points-changed", Alert, Code),
        (Role::Record, _) => ("record-changed", Warning, Packaging),
        (Role::Licence | Role::DistInfo, _) => ("metadata-changed", Warning, Packaging),
        (Role::PathFile, _) => ("path-file-changed", Alert, Code),
        (Role::Content, _) => ("content-changed", Alert, Code),
    };
    Ok((Draft::of_published(code, severity, *published, left, *rebuilt, right), mismatch))
}

/// Fields of `METADATA` that decide what is installed, in lower case; the empty name stands for a line that is no field.
const DECISIVE_FIELDS: [&str; 9] = [
    "requires-dist",
    "requires-python",
    "provides-extra",
    "requires-external",
    "requires",
    "setup-requires-dist",
    "name",
    "version",
    "",
];
/// Fields of `WHEEL` that decide where it is installed.
const DECISIVE_TAGS: [&str; 4] = ["wheel-version", "tag", "root-is-purelib", ""];

/// Fields that tools add for the time of a build, in lower case; the specification of `METADATA` has none.
const DATE_FIELDS: [&str; 6] = ["date", "build-date", "build-time", "build-timestamp", "release-date", "timestamp"];

/// A header field in which two files differ.
struct Changed {
    /// In lower case; `description` for the text after the fields, `form` where all fields are the same, empty for a line
    /// that is no field.
    name: String,
    /// Its values in both files.
    values: Vec<String>,
}

impl Changed {
    /// Whether it is a field for a date, and has nothing but dates.
    fn is_date(&self) -> bool {
        DATE_FIELDS.contains(&self.name.as_str()) && self.values.iter().all(|value| is_date(value))
    }
}

/// Whether a text has nothing but the numbers of a date and the names of days, months and zones.
fn is_date(text: &str) -> bool {
    const LONGEST_BYTES: usize = 40;
    const WORDS: [&str; 23] = [
        "t", "z", "utc", "gmt", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may",
        "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -+:,./".contains(c);
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    text.len() <= LONGEST_BYTES
        && text.chars().all(is_plain)
        && text.chars().filter(char::is_ascii_digit).count() >= 4
        && words.all(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Whether two texts are the same but for the years in them.
fn differ_in_years(a: &[u8], b: &[u8]) -> bool {
    let without_years = |text: &[u8]| -> Vec<u8> {
        let mut rest = text;
        let mut kept = Vec::with_capacity(text.len());
        while !rest.is_empty() {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (number, after) = rest.split_at(digits.max(1));
            let is_year = digits == 4 && (number.starts_with(b"19") || number.starts_with(b"20"));
            kept.extend_from_slice(if is_year { b"year" } else { number });
            rest = after;
        }
        kept
    };
    without_years(a) == without_years(b)
}

/// The header fields in which two files differ.
fn changed_fields(a: &[u8], b: &[u8]) -> Vec<Changed> {
    // Where one is no UTF-8, each byte is taken for a character, so that no two texts become one.
    let texts = match (std::str::from_utf8(a), std::str::from_utf8(b)) {
        (Ok(a), Ok(b)) => Some((a.to_owned(), b.to_owned())),
        _ => None,
    };
    let is_text = texts.is_some();
    let latin = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let (a, b) = texts.unwrap_or_else(|| (latin(a), latin(b)));
    let ((left, left_body), (right, right_body)) = (parse_headers(&a), parse_headers(&b));
    let by_name = |headers: &[Header]| {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for header in headers {
            by_name.entry(header.name.to_ascii_lowercase()).or_default().push(header.value.clone());
        }
        by_name
    };
    let (left, mut right) = (by_name(&left), by_name(&right));
    let mut changed = Vec::new();
    for (name, mut values) in left {
        let other = right.remove(&name).unwrap_or_default();
        if values != other {
            values.extend(other);
            changed.push(Changed { name, values });
        }
    }
    changed.extend(right.into_iter().map(|(name, values)| Changed { name, values }));
    if left_body != right_body {
        changed.push(Changed { name: "description".to_owned(), values: Vec::new() });
    }
    if changed.is_empty() {
        // Equal fields in other bytes: their order, or line ends; or what is trimmed from bytes that are no text.
        let name = if is_text { "form" } else { "" };
        changed.push(Changed { name: name.to_owned(), values: Vec::new() });
    }
    changed
}

fn mode_changed<'a>(a: &Member, b: &Member) -> Explained<'a> {
    let bits = |member: &Member| member.mode.unwrap_or(0);
    let decides = (bits(a) ^ bits(b)) & 0o7111 != 0 || bits(a) & 0o002 != 0;
    let detail = format!("its mode is {} in the published file and {} in the rebuild", mode::shown(a), mode::shown(b));
    if decides {
        (Finding::of("mode-changed", Severity::Alert, &a.path, detail).into(), Mismatch::Code)
    } else {
        (Finding::of("mode-changed", Severity::Warning, &a.path, detail).into(), Mismatch::Packaging)
    }
}

/// What a member is, in words.
pub(crate) fn kind(member: &Member) -> String {
    match &member.kind {
        MemberKind::File => "a file".to_owned(),
        MemberKind::Directory => "a directory".to_owned(),
        MemberKind::Symlink { target } => format!("a link to {}", MemberPath::new(target.as_slice())),
        MemberKind::Hardlink { target } => format!("another name of {target}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_nothing_but_numbers_and_names_of_days_and_months() {
        for date in ["2020-01-01", "2020-01-01T00:00:00Z", "Sat, 01 Feb 2020 10:00:00 GMT", "1577836800"] {
            assert!(is_date(date), "{date}");
        }
        for other in
            ["", "now", "2020; rm", "2020 evil", "20\u{0662}0-01-01", &"1".repeat(41), "2020-01-01\n2020-01-01"]
        {
            assert!(!is_date(other), "{other}");
        }
    }

    #[test]
    fn years_are_four_digits_by_themselves() {
        assert!(differ_in_years(b"(c) 1999-2024 A\n", b"(c) 1999-2025 A\n"));
        for (a, b) in [
            (&b"(c) 2024 A"[..], &b"(c) 2024 B"[..]),
            (b"port 20245", b"port 20255"),
            (b"2024", b"2024, 2025"),
            (b"3024", b"3025"),
        ] {
            assert!(!differ_in_years(a, b));
        }
    }

    #[test]
    fn only_the_folder_of_metadata_is_descriptive() {
        for (path, role) in [
            ("d-1.dist-info/METADATA", Role::Metadata),
            ("d-1.dist-info/Metadata", Role::Metadata),
            ("d-1.dist-info/licenses/a/LICENSE", Role::Licence),
            ("d-1.dist-info/COPYING.txt", Role::Licence),
            ("d-1.dist-info/sub/COPYING", Role::DistInfo),
            ("d-1.dist-info/top_level.txt", Role::DistInfo),
            ("d-1.dist-info/licenses/evil.py", Role::Content),
            ("d-1.dist-info/evil.pth", Role::PathFile),
            ("d-1.dist-info/dependency_links.txt", Role::DependencyLinks),
            ("a/d-1.dist-info/METADATA", Role::Content),
            ("METADATA", Role::Content),
            ("demo/LICENSE", Role::Content),
            ("demo.PTH", Role::PathFile),
        ] {
            assert_eq!(Role::of(&path.into()), role, "{path}");
        }
    }
}
