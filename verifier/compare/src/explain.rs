//! What a difference means: its code, its severity, and the kind of mismatch that it makes.

use twinbuild_archive::{Anomaly, Member, MemberKind};
use twinbuild_recipe::parse_headers;
use twinbuild_subject::MemberPath;

use crate::comparison::Mismatch;
use crate::finding::{Finding, Severity};
use crate::mode;
use crate::pair::Change;
use crate::side::{CompareError, Side};
use crate::trace::SourceIndex;

/// What a member of a wheel is to those who install it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `*.dist-info/METADATA`
    Metadata,
    /// `*.dist-info/WHEEL`
    WheelFile,
    /// `*.dist-info/entry_points.txt`
    EntryPoints,
    /// `*.dist-info/RECORD`
    Record,
    /// Anything else in `*.dist-info`: licences, `top_level.txt`, `zip-safe`, ..
    DistInfo,
    /// `*.pth`: lines of it are executed at every start of the interpreter.
    PathFile,
    /// What is imported, run or read by code.
    Content,
}

impl Role {
    fn of(path: &MemberPath) -> Self {
        let bytes = path.as_bytes();
        let (folder, name) = match bytes.iter().position(|byte| *byte == b'/') {
            Some(at) => (&bytes[..at], &bytes[at + 1..]),
            None => (&bytes[..0], bytes),
        };
        match (folder.ends_with(b".dist-info"), name) {
            (true, b"METADATA") => Self::Metadata,
            (true, b"WHEEL") => Self::WheelFile,
            (true, b"entry_points.txt") => Self::EntryPoints,
            (true, b"RECORD") => Self::Record,
            _ if path.file_name().to_ascii_lowercase().ends_with(b".pth") => Self::PathFile,
            (true, _) => Self::DistInfo,
            (false, _) => Self::Content,
        }
    }
}

/// A finding, and the kind of mismatch that it speaks for.
pub(crate) type Explained = (Finding, Mismatch);

/// Explains a change between the published file (left) and a rebuild (right). `None` for a change that follows from others.
pub(crate) fn explain(
    change: &Change,
    published: &Side<'_>,
    rebuilt: &Side<'_>,
    source: &SourceIndex,
) -> Result<Option<Explained>, CompareError> {
    use Mismatch::{Code, Packaging};
    use Severity::{Alert, Warning};
    let explained = match change {
        Change::OnlyLeft(index) => only_published(published.member(*index), source),
        Change::OnlyRight(index) => {
            let path = &rebuilt.member(*index).path;
            let mismatch = if is_packaging(Role::of(path)) { Packaging } else { Code };
            (
                Finding::of(
                    "not-published",
                    Warning,
                    path,
                    "the rebuild has it, and the published file has not".into(),
                ),
                mismatch,
            )
        }
        Change::Kind(left, right) => {
            let (a, b) = (published.member(*left), rebuilt.member(*right));
            let detail = format!("it is {} in the published file and {} in the rebuild", kind(a), kind(b));
            (Finding::of("kind-changed", Alert, &a.path, detail), Code)
        }
        Change::Content(left, right) => content_changed(published, *left, rebuilt, *right)?,
        Change::ImpliedRecord(..) => return Ok(None),
        Change::Data(left, _) => {
            let member = published.member(*left);
            let detail =
                "its content is the rebuild's, but compressed to other bytes, by an encoder that is not identified";
            (Finding::of("compressed-data-differs", Warning, &member.path, detail.to_owned()), Packaging)
        }
        Change::Mode(left, right) => mode_changed(published.member(*left), rebuilt.member(*right)),
        Change::Header(left, _, what) => {
            (Finding::of("container-field", Warning, &published.member(*left).path, what.clone()), Packaging)
        }
        Change::Container(code, detail) => (Finding::whole(code, Warning, detail.clone()), Packaging),
        Change::AnomalyLeft(anomaly) => (anomaly_finding(anomaly, Warning, "the published file"), Packaging),
        Change::AnomalyRight(anomaly) => (anomaly_finding(anomaly, Warning, "the rebuild"), Packaging),
    };
    Ok(Some(explained))
}

/// An anomaly as a finding.
pub(crate) fn anomaly_finding(anomaly: &Anomaly, severity: Severity, of: &str) -> Finding {
    let Anomaly { code, offset, length, path, detail } = anomaly;
    let detail = format!("{detail} (in {of}, {length} bytes at offset {offset})");
    Finding { code: (*code).into(), severity, path: path.clone(), detail }
}

/// Metadata that neither runs nor decides what is installed.
fn is_packaging(role: Role) -> bool {
    matches!(role, Role::Metadata | Role::WheelFile | Role::Record | Role::DistInfo)
}

fn only_published(member: &Member, source: &SourceIndex) -> Explained {
    let path = &member.path;
    let verbatim = member.sha256.as_ref().and_then(|sha256| source.verbatim(path, sha256));
    let role = Role::of(path);
    let is_empty_directory = member.kind == MemberKind::Directory;
    if is_empty_directory {
        let detail = "the published file has an entry for this directory, and the rebuild has not".to_owned();
        return (Finding::of("only-published", Severity::Warning, path, detail), Mismatch::Packaging);
    }
    if role == Role::PathFile {
        let detail =
            "the published file has it, and the rebuild has not: it runs at every start of the interpreter".to_owned();
        return (Finding::of("path-file-added", Severity::Alert, path, detail), Mismatch::Unsourced);
    }
    match verbatim {
        Some(origin) => {
            let detail =
                format!("the published file has it, verbatim from {origin} of the source, and the rebuild has not");
            let mismatch = if is_packaging(role) { Mismatch::Packaging } else { Mismatch::Code };
            (Finding::of("only-published", Severity::Warning, path, detail), mismatch)
        }
        None if is_packaging(role) => {
            let detail = "the published file has it, and neither the rebuild nor the source has".to_owned();
            (Finding::of("only-published", Severity::Warning, path, detail), Mismatch::Packaging)
        }
        None if role == Role::EntryPoints => {
            let detail = "the published file declares entry points, and the rebuild has none".to_owned();
            (Finding::of("entry-points-changed", Severity::Alert, path, detail), Mismatch::Code)
        }
        None => {
            let detail = "the published file has it, and neither the rebuild nor the source has".to_owned();
            (Finding::of("unsourced-member", Severity::Alert, path, detail), Mismatch::Unsourced)
        }
    }
}

fn content_changed(
    published: &Side<'_>,
    left: usize,
    rebuilt: &Side<'_>,
    right: usize,
) -> Result<Explained, CompareError> {
    use Mismatch::{Code, Packaging};
    use Severity::{Alert, Warning};
    let member = published.member(left);
    let contents = (published.content(left)?, rebuilt.content(right)?);
    let (code, severity, mismatch, fields) = match (Role::of(&member.path), &contents) {
        (Role::Metadata, (Some(a), Some(b))) => {
            let fields = changed_fields(a, b);
            let decides = |field: &String| {
                ["requires-dist", "requires-python", "provides-extra", "requires-external", "name", "version", ""]
                    .contains(&field.to_ascii_lowercase().as_str())
            };
            if fields.iter().any(decides) {
                ("dependencies-changed", Alert, Code, fields)
            } else {
                ("metadata-changed", Warning, Packaging, fields)
            }
        }
        (Role::WheelFile, (Some(a), Some(b))) => {
            let fields = changed_fields(a, b);
            let decides =
                |field: &String| ["tag", "root-is-purelib", ""].contains(&field.to_ascii_lowercase().as_str());
            if fields.iter().any(decides) {
                ("wheel-tags-changed", Alert, Code, fields)
            } else {
                ("metadata-changed", Warning, Packaging, fields)
            }
        }
        (Role::Metadata | Role::WheelFile, _) => ("dependencies-changed", Alert, Code, Vec::new()),
        (Role::EntryPoints, _) => ("entry-points-changed", Alert, Code, Vec::new()),
        (Role::Record, _) => ("record-changed", Warning, Packaging, Vec::new()),
        (Role::DistInfo, _) => ("metadata-changed", Warning, Packaging, Vec::new()),
        (Role::PathFile, _) => ("path-file-changed", Alert, Code, Vec::new()),
        (Role::Content, _) => ("content-changed", Alert, Code, Vec::new()),
    };
    let sizes = format!("{} bytes published, {} rebuilt", member.size_bytes, rebuilt.member(right).size_bytes);
    let place = match &contents {
        (Some(a), Some(b)) => format!(", first difference at {}", first_difference(a, b)),
        _ => String::new(),
    };
    let named: Vec<String> = fields.iter().map(|field| MemberPath::new(field.as_str()).to_string()).collect();
    let in_fields = if named.is_empty() { String::new() } else { format!(", in {}", named.join(", ")) };
    let detail = format!("its content differs from the rebuild's: {sizes}{place}{in_fields}");
    Ok((Finding::of(code, severity, &member.path, detail), mismatch))
}

/// The names of the header fields in which two files differ, in order, `description` for the text after them; an empty
/// name stands for a line that is no field.
fn changed_fields(a: &[u8], b: &[u8]) -> Vec<String> {
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    let ((left, left_body), (right, right_body)) = (parse_headers(&a), parse_headers(&b));
    let mut names: Vec<&str> = left.iter().chain(&right).map(|header| header.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let values = |headers: &[twinbuild_recipe::Header], name: &str| -> Vec<String> {
        headers.iter().filter(|header| header.name == name).map(|header| header.value.clone()).collect()
    };
    let mut changed: Vec<String> =
        names.into_iter().filter(|name| values(&left, name) != values(&right, name)).map(str::to_owned).collect();
    if left_body != right_body {
        changed.push("description".to_owned());
    }
    if changed.is_empty() {
        // Equal fields in other bytes: their order, or line ends.
        changed.push("form".to_owned());
    }
    changed
}

fn first_difference(a: &[u8], b: &[u8]) -> String {
    let offset = a.iter().zip(b).position(|(x, y)| x != y).unwrap_or(a.len().min(b.len()));
    let is_text = |bytes: &[u8]| !bytes.contains(&0);
    if is_text(a) && is_text(b) {
        let line = a[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("byte {offset} (line {line})")
    } else {
        format!("byte {offset}")
    }
}

fn mode_changed(a: &Member, b: &Member) -> Explained {
    let bits = |member: &Member| member.mode.unwrap_or(0);
    let decides = (bits(a) ^ bits(b)) & 0o7111 != 0 || bits(a) & 0o002 != 0;
    let detail = format!("its mode is {} in the published file and {} in the rebuild", mode::shown(a), mode::shown(b));
    if decides {
        (Finding::of("mode-changed", Severity::Alert, &a.path, detail), Mismatch::Code)
    } else {
        (Finding::of("mode-changed", Severity::Warning, &a.path, detail), Mismatch::Packaging)
    }
}

fn kind(member: &Member) -> String {
    match &member.kind {
        MemberKind::File => "a file".to_owned(),
        MemberKind::Directory => "a directory".to_owned(),
        MemberKind::Symlink { target } => format!("a link to {}", MemberPath::new(target.as_slice())),
        MemberKind::Hardlink { target } => format!("another name of {target}"),
    }
}
