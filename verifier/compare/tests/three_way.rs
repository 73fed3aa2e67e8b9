//! A published wheel against its rebuilds, with one thing changed at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::io::{Cursor, Write as _};

use twinbuild_archive::{Archive, Format, Limits, read};
use twinbuild_compare::{
    ContentKind, Finding, MemberOrigin, MemberRelation, MemberResult, Mismatch, Normalizing, Relation, Severity, Side,
    SourceIndex, ThreeWay, TracedOrigin, Tracing, compare, departures, trace,
};
use twinbuild_subject::Sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

const DIST_INFO: &str = "demo-1.0.dist-info";

/// A member of a wheel in the making.
#[derive(Clone)]
struct Entry {
    name: String,
    content: Vec<u8>,
    mode: u32,
}

/// A wheel in the making.
#[derive(Clone)]
struct Wheel {
    entries: Vec<Entry>,
    year: u16,
    method: CompressionMethod,
    record: Option<String>,
    record_mode: u32,
}

fn wheel() -> Wheel {
    let entry =
        |name: &str, content: &str, mode| Entry { name: name.to_owned(), content: content.as_bytes().to_vec(), mode };
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nLicense: MIT\nRequires-Dist: six\n\nText.\n";
    Wheel {
        entries: vec![
            entry("demo/__init__.py", "VALUE = 1\n", 0o644),
            entry("demo/tool.sh", "#!/bin/sh\n", 0o755),
            entry(&format!("{DIST_INFO}/METADATA"), metadata, 0o644),
            entry(&format!("{DIST_INFO}/WHEEL"), "Wheel-Version: 1.0\nGenerator: x 1\nTag: py3-none-any\n", 0o644),
            entry(&format!("{DIST_INFO}/entry_points.txt"), "[console_scripts]\ndemo = demo:main\n", 0o644),
        ],
        year: 2020,
        method: CompressionMethod::Deflated,
        record: None,
        record_mode: 0o644,
    }
}

impl Wheel {
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        self.entries.iter_mut().find(|entry| entry.name.ends_with(name)).unwrap()
    }

    fn add(&mut self, name: &str, content: &str) {
        self.entries.insert(0, Entry { name: name.to_owned(), content: content.as_bytes().to_vec(), mode: 0o644 });
    }

    /// A RECORD that tells the truth.
    fn true_record(&self) -> String {
        let row = |entry: &Entry| {
            let digest = Sha256::of(&entry.content).to_url_safe_base64();
            format!("{},sha256={digest},{}\n", entry.name, entry.content.len())
        };
        self.entries.iter().map(row).collect::<String>() + &format!("{DIST_INFO}/RECORD,,\n")
    }

    fn bytes(&self) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let time = DateTime::from_date_and_time(self.year, 2, 2, 0, 0, 0).unwrap();
        let record = self.record.clone().unwrap_or_else(|| self.true_record());
        let record =
            Entry { name: format!("{DIST_INFO}/RECORD"), content: record.into_bytes(), mode: self.record_mode };
        for entry in self.entries.iter().chain([&record]) {
            let options = SimpleFileOptions::default()
                .compression_method(self.method)
                .last_modified_time(time)
                .unix_permissions(entry.mode);
            writer.start_file(entry.name.as_str(), options).unwrap();
            writer.write_all(&entry.content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }
}

fn archive(bytes: &Vec<u8>) -> Archive {
    read(bytes, Format::Zip, &Limits::default()).unwrap()
}

fn judge_bytes(published: &Vec<u8>, first: &Vec<u8>, second: &Vec<u8>, source: &SourceIndex) -> ThreeWay {
    judge_with(published, first, second, source, Normalizing::Yes)
}

fn judge_with(
    published: &Vec<u8>,
    first: &Vec<u8>,
    second: &Vec<u8>,
    source: &SourceIndex,
    normalizing: Normalizing,
) -> ThreeWay {
    let archives = [archive(published), archive(first), archive(second)];
    let sides: Vec<Side<'_>> = [published, first, second]
        .into_iter()
        .zip(&archives)
        .map(|(bytes, archive)| Side { archive, bytes, sha256: Sha256::of(bytes) })
        .collect();
    let found = compare(&sides[0], &sides[1], &sides[2], source, normalizing).unwrap();
    let bytes = found.comparison.bytes;
    assert_eq!(bytes.identical + bytes.container + bytes.normalized + bytes.differing, bytes.total);
    assert_eq!(bytes.total, published.len() as u64);
    found
}

fn judge(published: &Wheel) -> ThreeWay {
    let built = wheel().bytes();
    let source = SourceIndex::new([("src/demo/__init__.py".into(), Sha256::of(b"VALUE = 1\n"))]);
    judge_bytes(&published.bytes(), &built, &built, &source)
}

fn finding<'a>(found: &'a ThreeWay, code: &str, path: &str) -> &'a Finding {
    let is_it =
        |finding: &&Finding| finding.code == code && finding.path.as_ref().is_some_and(|found| found.ends_with(path));
    found.findings.iter().find(is_it).unwrap_or_else(|| panic!("no {code} for {path} among {:#?}", found.findings))
}

/// The published wheel differs: with this finding, severity and mismatch.
fn differs(published: &Wheel, code: &str, path: &str, severity: Severity, mismatch: Mismatch) {
    let found = judge(published);
    assert_eq!(found.comparison.first, Relation::Different, "{code} {path}");
    assert_eq!(finding(&found, code, path).severity, severity, "{code} {path}");
    assert_eq!(found.mismatch, Some(mismatch), "{code} {path}");
    assert!(found.comparison.bytes.differing > 0 || found.comparison.files.only_rebuilt > 0, "{code} {path}");
}

#[test]
fn the_same_file_is_identical() {
    let found = judge(&wheel());
    assert_eq!(found.comparison.first, Relation::Identical);
    assert_eq!(found.mismatch, None);
    assert_eq!(found.findings, []);
    let files = found.comparison.files;
    assert_eq!((files.total, files.identical, files.verbatim, files.generated), (6, 6, 1, 5));
    assert_eq!(found.comparison.bytes.identical, found.comparison.bytes.total);
}

#[test]
fn other_times_order_compression_and_permitted_modes_are_equivalent() {
    for change in [
        (|wheel: &mut Wheel| wheel.year = 2021) as fn(&mut Wheel),
        |wheel| wheel.entries.reverse(),
        |wheel| wheel.method = CompressionMethod::Stored,
        |wheel| wheel.entry("__init__.py").mode = 0o664,
        |wheel| wheel.entry("tool.sh").mode = 0o700,
        |wheel| {
            wheel.year = 1999;
            wheel.entries.rotate_left(2);
            wheel.entries.iter_mut().for_each(|entry| entry.mode |= 0o020);
        },
    ] {
        let found = judge(&wheel().with(change));
        assert_eq!(found.comparison.first, Relation::Equivalent, "{:#?}", found.findings);
        assert_eq!((found.mismatch, found.comparison.bytes.differing), (None, 0));
        assert_eq!(found.findings, []);
    }
}

#[test]
fn the_order_of_a_true_record_is_normalized_and_said() {
    let reversed = wheel().with(|wheel| {
        let rows: Vec<String> = wheel.true_record().split_inclusive('\n').rev().map(str::to_owned).collect();
        wheel.record = Some(rows.concat());
    });
    let found = judge(&reversed);
    assert_eq!(found.comparison.first, Relation::Equivalent);
    assert_eq!(found.normalizations.len(), 1);
    assert_eq!(found.comparison.files.normalized, 1);
    assert!(found.comparison.bytes.normalized > 0);
}

#[test]
fn changed_code_is_an_alert() {
    use Mismatch::Code;
    use Severity::Alert;
    let changed = wheel().with(|wheel| wheel.entry("__init__.py").content = b"VALUE = 2\n".to_vec());
    differs(&changed, "content-changed", "demo/__init__.py", Alert, Code);
    let changed = wheel().with(|wheel| wheel.entry("entry_points.txt").content.extend(b"evil = os:system\n"));
    differs(&changed, "entry-points-changed", "entry_points.txt", Alert, Code);
    let requires = |wheel: &mut Wheel| {
        let metadata = String::from_utf8(wheel.entry("METADATA").content.clone()).unwrap();
        wheel.entry("METADATA").content = metadata.replace("Requires-Dist: six", "Requires-Dist: sixx").into_bytes();
    };
    differs(&wheel().with(requires), "dependencies-changed", "METADATA", Alert, Code);
    let tag = |wheel: &mut Wheel| wheel.entry("WHEEL").content.extend(b"Tag: py2-none-any\n");
    differs(&wheel().with(tag), "wheel-tags-changed", "WHEEL", Alert, Code);
}

#[test]
fn modes_that_run_are_alerts() {
    use Mismatch::Code;
    use Severity::Alert;
    for (name, mode) in [("tool.sh", 0o644), ("__init__.py", 0o755), ("__init__.py", 0o645)] {
        let changed = wheel().with(|wheel| wheel.entry(name).mode = mode);
        differs(&changed, "mode-changed", name, Alert, Code);
    }
    let writable = wheel().with(|wheel| wheel.entry("__init__.py").mode = 0o666);
    differs(&writable, "mode-changed", "__init__.py", Alert, Code);
}

#[test]
fn a_set_user_id_bit_is_an_alert() {
    let built = wheel().bytes();
    let mut set = built.clone();
    let first_header = set.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    set[first_header + 38..first_header + 42].copy_from_slice(&(0o104_644_u32 << 16).to_le_bytes());
    let found = judge_bytes(&set, &built, &built, &SourceIndex::default());
    assert_eq!(finding(&found, "mode-changed", "__init__.py").severity, Severity::Alert);
    assert_eq!(found.mismatch, Some(Mismatch::Code));
}

/// A rule reads the member by its name, and would take this for text with other line endings.
#[test]
fn native_code_is_never_normalized_whatever_its_name() {
    let with = |start: &str, end: &str| {
        let metadata = format!("{start}Metadata-Version: 2.1{end}Name: demo{end}Version: 1.0{end}");
        wheel().with(|wheel| wheel.entry("METADATA").content = metadata.into_bytes()).bytes()
    };
    for (start, relation) in [("", Relation::Equivalent), ("\u{7f}ELF: x\n", Relation::Different)] {
        let built = with(start, "\n");
        let found = judge_bytes(&with(start, "\r\n"), &built, &built, &SourceIndex::default());
        assert_eq!(found.comparison.first, relation, "{:#?}", found.findings);
        let members = &found.comparison.members;
        let member = members.iter().find(|member| member.path.ends_with("METADATA")).unwrap();
        assert_eq!(member.is_native, relation == Relation::Different);
    }
}

#[test]
fn members_are_judged_one_by_one() {
    use MemberOrigin::{Generated, Verbatim};
    use MemberRelation::{Differing, Identical, OnlyPublished, OnlyRebuilt};
    let library = "demo/_speed.so";
    let with = |content: &str| wheel().with(|wheel| wheel.add(library, content));
    let results = |published: &Wheel, built: &Wheel, source: &SourceIndex| {
        let built = built.bytes();
        let members = judge_bytes(&published.bytes(), &built, &built, source).comparison.members;
        let shown = |member: MemberResult| (member.path.to_string(), member.result, member.origin, member.is_native);
        members.into_iter().map(shown).filter(|(path, ..)| !path.ends_with("RECORD")).collect::<Vec<_>>()
    };
    let source = SourceIndex::new([("speed.so".into(), Sha256::of(b"\x7fELF"))]);
    let one = |result, origin| vec![(library.to_owned(), result, origin, true)];
    let (plain, native) = (wheel(), with("\x7fELF"));
    assert_eq!(results(&plain, &plain, &source), []);
    assert_eq!(results(&native, &native, &source), one(Identical, Verbatim));
    assert_eq!(results(&with("\x7fELF!"), &native, &source), one(Differing, Generated));
    assert_eq!(results(&native, &plain, &source), one(OnlyPublished, Verbatim));
    assert_eq!(results(&plain, &native, &SourceIndex::default()), one(OnlyRebuilt, Generated));
    let other = wheel().with(|wheel| wheel.entry("__init__.py").content = b"VALUE = 2\n".to_vec());
    assert_eq!(results(&other, &plain, &source), [("demo/__init__.py".to_owned(), Differing, Generated, false)]);
}

#[test]
fn added_members_are_unsourced_unless_the_source_has_them() {
    use Mismatch::Unsourced;
    use Severity::Alert;
    differs(
        &wheel().with(|wheel| wheel.add("evil.pth", "import os\n")),
        "path-file-added",
        "evil.pth",
        Alert,
        Unsourced,
    );
    differs(&wheel().with(|wheel| wheel.add("demo/evil.py", "1\n")), "unsourced-member", "evil.py", Alert, Unsourced);
    let empty = wheel().with(|wheel| wheel.add("demo/py.typed", ""));
    differs(&empty, "unsourced-member", "py.typed", Alert, Unsourced);
    let sourced = wheel().with(|wheel| wheel.add("vendored/__init__.py", "VALUE = 1\n"));
    differs(&sourced, "only-published", "vendored/__init__.py", Severity::Warning, Mismatch::Code);
    let gone = wheel().with(|wheel| drop(wheel.entries.remove(0)));
    differs(&gone, "not-published", "__init__.py", Severity::Warning, Mismatch::Code);
}

/// What the source has as a text, or as a module of another name, does not run there.
#[test]
fn bytes_of_the_source_in_a_place_where_they_run_are_alerts() {
    use Mismatch::{Code, Unsourced};
    use Severity::Alert;
    let with = |path: &str| wheel().with(|wheel| wheel.add(path, "VALUE = 1\n"));
    differs(&with("demo/copy.py"), "unsourced-member", "copy.py", Alert, Unsourced);
    differs(&with("sitecustomize.py"), "path-file-added", "sitecustomize.py", Alert, Unsourced);
    differs(&with("usercustomize/__init__.py"), "path-file-added", "usercustomize/__init__.py", Alert, Unsourced);
    differs(&with("demo-1.0.data/scripts/ls"), "unsourced-member", "scripts/ls", Alert, Unsourced);
    let bare =
        |wheel: &Wheel| wheel.with(|wheel| wheel.entries.retain(|entry| !entry.name.ends_with("entry_points.txt")));
    let commands = "[console_scripts]\ndemo = demo:main\n";
    let (published, built) = (wheel().bytes(), bare(&wheel()).bytes());
    let source = SourceIndex::new([("docs/entry_points.txt".into(), Sha256::of(commands.as_bytes()))]);
    let found = judge_bytes(&published, &built, &built, &source);
    assert_eq!(finding(&found, "entry-points-changed", "entry_points.txt").severity, Alert);
    assert_eq!(found.mismatch, Some(Code));
}

/// Python's `email` ends the headers at a line whose name is no name, and all fields behind it are gone.
#[test]
fn a_field_that_ends_the_headers_for_some_readers_is_an_alert() {
    let change = |file: &str, before: &str, line: &str| {
        wheel().with(|wheel| {
            let text = String::from_utf8(wheel.entry(file).content.clone()).unwrap();
            wheel.entry(file).content = text.replace(before, &format!("{line}\n{before}")).into_bytes();
        })
    };
    let dates = change("METADATA", "Requires-Dist", "\u{e9}-date: 2020-01-01");
    differs(&dates, "dependencies-changed", "METADATA", Severity::Alert, Mismatch::Code);
    let control = change("WHEEL", "Tag:", "\u{1}a: b");
    differs(&control, "wheel-tags-changed", "WHEEL", Severity::Alert, Mismatch::Code);
    let version = wheel().with(|wheel| {
        wheel.entry("/WHEEL").content = b"Wheel-Version: 9.0\nGenerator: x 1\nTag: py3-none-any\n".to_vec();
    });
    differs(&version, "wheel-tags-changed", "WHEEL", Severity::Alert, Mismatch::Code);
}

/// unzip passes over a member that needs a later version than it knows, and CPython has it.
#[test]
fn a_version_that_some_readers_do_not_have_is_found() {
    let built = wheel().bytes();
    let mut published = built.clone();
    for (signature, at) in [(b"PK\x03\x04", 4), (b"PK\x01\x02", 6)] {
        let offset = published.windows(4).position(|window| window == signature).unwrap();
        published[offset + at] = 63;
    }
    let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
    assert_eq!(found.comparison.first, Relation::Different);
    assert!(found.findings.iter().any(|finding| finding.code == "zip-version-needed"), "{:#?}", found.findings);
}

/// 2.1 is no version that wheels need, and so no parameter; where the rebuild has it too, nobody counts the parameters.
#[test]
fn what_is_no_parameter_is_a_finding_or_a_warning() {
    let patched = |year| {
        let mut bytes = wheel().with(|wheel| wheel.year = year).bytes();
        for (signature, at) in [(b"PK\x03\x04", 4), (b"PK\x01\x02", 6)] {
            let offset = bytes.windows(4).position(|window| window == signature).unwrap();
            bytes[offset + at] = 21;
        }
        bytes
    };
    let built = wheel().bytes();
    let found = judge_bytes(&patched(2021), &built, &built, &SourceIndex::default());
    assert_eq!(found.comparison.first, Relation::Different);
    assert!(found.findings.iter().any(|finding| finding.code == "container-field"), "{:#?}", found.findings);
    let odd = patched(2020);
    let found = judge_bytes(&patched(2021), &odd, &odd, &SourceIndex::default());
    assert_eq!(found.comparison.first, Relation::Equivalent);
    assert!(found.findings.iter().any(|finding| finding.code == "parameters-unknown"), "{:#?}", found.findings);
}

#[test]
fn metadata_that_decides_nothing_is_packaging() {
    use Mismatch::Packaging;
    use Severity::Warning;
    let licence = |wheel: &mut Wheel| {
        let metadata = String::from_utf8(wheel.entry("METADATA").content.clone()).unwrap();
        wheel.entry("METADATA").content = metadata.replace("License: MIT", "License: BSD").into_bytes();
    };
    differs(&wheel().with(licence), "metadata-changed", "METADATA", Warning, Packaging);
    let added = wheel().with(|wheel| wheel.add(&format!("{DIST_INFO}/zip-safe"), "\n"));
    differs(&added, "only-published", "zip-safe", Warning, Packaging);
}

#[test]
fn the_generator_and_line_ends_are_normalized_said_and_not_when_strict() {
    let built = wheel().bytes();
    let generator = wheel().with(|wheel| {
        let text = String::from_utf8(wheel.entry("WHEEL").content.clone()).unwrap();
        wheel.entry("WHEEL").content = text.replace("x 1", "x 2").into_bytes();
    });
    let line_ends = wheel().with(|wheel| {
        let text = String::from_utf8(wheel.entry("METADATA").content.clone()).unwrap();
        wheel.entry("METADATA").content = text.replace('\n', "\r\n").into_bytes();
    });
    for (published, name, path) in
        [(&generator, "wheel-file-generator", "WHEEL"), (&line_ends, "metadata-line-endings", "METADATA")]
    {
        let published = published.bytes();
        let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
        assert_eq!((found.comparison.first, found.mismatch), (Relation::Equivalent, None), "{:#?}", found.findings);
        let applied: Vec<&str> = found.normalizations.iter().map(|applied| &*applied.name).collect();
        assert_eq!(applied, [name, "wheel-record-normalized-rows"]);
        assert!(found.normalizations[0].path.ends_with(path));
        assert_eq!((found.comparison.files.normalized, found.comparison.files.differing), (2, 0));
        assert!(found.comparison.bytes.normalized > 0 && !found.comparison.repacked_first);
        let strict = judge_with(&published, &built, &built, &SourceIndex::default(), Normalizing::No);
        assert_eq!((strict.comparison.first, strict.mismatch), (Relation::Different, Some(Mismatch::Packaging)));
        finding(&strict, "metadata-changed", path);
    }
}

/// As releases of `wheel` wrote it that followed the hash seed.
#[test]
fn the_order_of_members_of_metadata_json_is_normalized_and_no_value() {
    let name = format!("{DIST_INFO}/metadata.json");
    let with = |text: &str| wheel().with(|wheel| wheel.add(&name, text)).bytes();
    let built = with("{\"name\": \"demo\", \"run_requires\": [{\"requires\": [\"six\", \"attrs\"]}]}");
    let published = with("{\"run_requires\": [{\"requires\": [\"six\", \"attrs\"]}], \"name\": \"demo\"}");
    let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
    assert_eq!((found.comparison.first, found.mismatch), (Relation::Equivalent, None), "{:#?}", found.findings);
    let applied: Vec<&str> = found.normalizations.iter().map(|applied| &*applied.name).collect();
    assert_eq!(applied, ["metadata-json-member-order", "wheel-record-normalized-rows"]);
    let strict = judge_with(&published, &built, &built, &SourceIndex::default(), Normalizing::No);
    finding(&strict, "metadata-changed", "metadata.json");
    for other in [
        "{\"run_requires\": [{\"requires\": [\"attrs\", \"six\"]}], \"name\": \"demo\"}",
        "{\"run_requires\": [{\"requires\": [\"six\", \"evil\"]}], \"name\": \"demo\"}",
        "{\"run_requires\": [{\"requires\": [\"six\", \"attrs\"]}], \"name\": \"demo\", \"name\": \"demo\"}",
    ] {
        let found = judge_bytes(&with(other), &built, &built, &SourceIndex::default());
        assert_eq!(
            (found.comparison.first, found.mismatch),
            (Relation::Different, Some(Mismatch::Packaging)),
            "{other}"
        );
        finding(&found, "metadata-changed", "metadata.json");
    }
}

#[test]
fn the_published_table_of_normalizers_is_that_of_the_program() {
    let published = include_str!("../../../docs/normalizers.md");
    assert!(
        published.contains(&twinbuild_rules::table()),
        "put this into docs/normalizers.md:\n{}",
        twinbuild_rules::table()
    );
}

#[test]
fn what_is_normalized_hides_nothing_beside_it() {
    let poisoned = wheel().with(|wheel| {
        let text = String::from_utf8(wheel.entry("WHEEL").content.clone()).unwrap();
        wheel.entry("WHEEL").content = text.replace("x 1", "x 2").into_bytes();
        wheel.entry("__init__.py").content = b"VALUE = 2\n".to_vec();
    });
    let found = judge(&poisoned);
    assert_eq!((found.comparison.first, found.mismatch), (Relation::Different, Some(Mismatch::Code)));
    finding(&found, "content-changed", "__init__.py");
}

#[test]
fn a_lying_record_names_the_member() {
    let lies: [fn(&str) -> String; 4] = [
        |record| record.replacen("__init__.py,sha256=", "__init__.py,sha256=x", 1),
        |record| record.replacen("demo/__init__.py", "demo/__other__.py", 1),
        |record| record.lines().skip(1).map(|line| format!("{line}\n")).collect(),
        |record| format!("{record}{}\n", record.lines().next().unwrap()),
    ];
    for lie in lies {
        let lying = wheel().with(|wheel| wheel.record = Some(lie(&wheel.true_record())));
        let found = judge(&lying);
        assert_eq!(found.comparison.first, Relation::Different);
        finding(&found, "record-mismatch", "__init__.py");
        finding(&found, "record-changed", "RECORD");
        assert_eq!(found.mismatch, Some(Mismatch::Packaging));
    }
}

#[test]
fn the_line_ends_of_record_are_not_its_row_order() {
    let other = wheel().with(|wheel| {
        wheel.add("demo/evil.py", "1\n");
        wheel.record = Some(wheel.true_record().replace('\n', "\r\n"));
    });
    finding(&judge(&other), "record-changed", "RECORD");
}

#[test]
fn stored_members_and_those_of_a_known_encoder_leave_nothing_free() {
    let deflated = wheel().bytes();
    let stored = wheel().with(|wheel| wheel.method = CompressionMethod::Stored).bytes();
    for (published, built) in [(&stored, &deflated), (&deflated, &stored)] {
        let found = judge_bytes(published, built, built, &SourceIndex::default());
        assert_eq!((found.comparison.first, found.mismatch), (Relation::Equivalent, None), "{:#?}", found.findings);
        assert!(found.comparison.repacked_first && found.comparison.repacked_second);
        assert_eq!(found.container.compression, 6);
    }
}

#[test]
fn a_member_that_is_normalized_and_changed_is_counted_once() {
    let both = wheel().with(|wheel| {
        let rows: Vec<String> = wheel.true_record().split_inclusive('\n').rev().map(str::to_owned).collect();
        wheel.record = Some(rows.concat());
        wheel.record_mode = 0o755;
    });
    let found = judge(&both);
    assert_eq!(found.comparison.first, Relation::Different);
    assert_eq!((found.comparison.files.differing, found.comparison.files.normalized), (1, 0));
}

#[test]
fn a_wheel_that_everybody_may_write_is_equivalent_with_a_warning() {
    let writable = wheel().with(|wheel| {
        wheel.entries.iter_mut().for_each(|entry| entry.mode |= 0o022);
        wheel.record_mode = 0o666;
    });
    let found = judge(&writable);
    assert_eq!(found.comparison.first, Relation::Equivalent, "{:#?}", found.findings);
    assert!(found.findings.iter().any(|finding| finding.code == "world-writable"));
}

#[test]
fn bytes_that_belong_to_no_member_are_found() {
    let built = wheel().bytes();
    let mut commented = built.clone();
    let end = commented.len() - 2;
    commented[end] = 5;
    commented.extend(b"hello");
    let found = judge_bytes(&commented, &built, &built, &SourceIndex::default());
    assert_eq!(found.comparison.first, Relation::Different);
    assert_eq!(found.mismatch, Some(Mismatch::Packaging));
    assert_eq!(found.comparison.bytes.differing, 5);
    assert!(found.findings.iter().any(|finding| finding.code == "zip-comment"), "{:#?}", found.findings);
}

#[test]
fn a_source_that_holds_the_subject_is_said() {
    let built = wheel().bytes();
    let source = SourceIndex::new([("dist/demo-1.0-py3-none-any.whl".into(), Sha256::of(&built))]);
    let found = judge_bytes(&built, &built, &built, &source);
    assert!(found.source_embeds_subject);
    assert!(found.findings.iter().any(|finding| finding.code == "source-embeds-artifact"));
}

#[test]
fn twins_that_differ_name_the_member() {
    let (first, second) =
        (wheel().bytes(), wheel().with(|wheel| wheel.entry("__init__.py").content.push(b'#')).bytes());
    let found = judge_bytes(&second, &first, &second, &SourceIndex::default());
    assert_eq!(found.comparison.twins, Relation::Different);
    assert_eq!((found.comparison.first, found.comparison.second), (Relation::Different, Relation::Identical));
    finding(&found, "twins-differ", "__init__.py");
}

#[test]
fn a_finding_shows_what_changed() {
    let changed = wheel().with(|wheel| wheel.entry("__init__.py").content = b"VALUE = 2\n".to_vec());
    let found = judge(&changed);
    let changed = finding(&found, "content-changed", "__init__.py");
    assert_eq!(changed.detail, "its content differs from the rebuild's (both 10 bytes): 1 line differs, line 1");
    assert_eq!(changed.excerpt, ["--- rebuilt", "+++ published", "@@ -1 +1 @@", "-VALUE = 1", "+VALUE = 2"]);
    let requires = wheel().with(|wheel| {
        let metadata = String::from_utf8(wheel.entry("METADATA").content.clone()).unwrap();
        let added = metadata.replace("Requires-Dist: six\n", "Requires-Dist: six\nRequires-Dist: evil\n");
        wheel.entry("METADATA").content = added.into_bytes();
    });
    let found = judge(&requires);
    let changed = finding(&found, "dependencies-changed", "METADATA");
    assert!(changed.detail.ends_with(": in Requires-Dist"), "{}", changed.detail);
    assert_eq!(changed.excerpt, ["Requires-Dist: added \"evil\""]);
}

#[test]
fn twins_are_explained_like_the_published_file() {
    let first = wheel().bytes();
    let second = wheel().with(|wheel| wheel.entry("__init__.py").content = b"VALUE = 2\n".to_vec()).bytes();
    let found = judge_bytes(&first, &first, &second, &SourceIndex::default());
    let differing = finding(&found, "twins-differ", "__init__.py");
    assert_eq!(differing.detail, "its content differs between the rebuilds (both 10 bytes): 1 line differs, line 1");
    assert_eq!(differing.excerpt, ["--- first", "+++ second", "@@ -1 +1 @@", "-VALUE = 1", "+VALUE = 2"]);
}

#[test]
fn a_change_of_dates_alone_is_a_note() {
    use Mismatch::{Code, Packaging};
    use Severity::{Alert, Note, Warning};
    let built = |metadata: &str, licence: &str| {
        wheel().with(|wheel| {
            wheel.entry("METADATA").content = metadata.as_bytes().to_vec();
            wheel.add(&format!("{DIST_INFO}/licenses/LICENSE"), licence);
        })
    };
    let metadata = "Name: demo\nBuild-Date: 2020-01-01T00:00:00Z\nSummary: x\n";
    let licence = "Copyright 2020\n";
    let rebuilt = built(metadata, licence).bytes();
    let judged = |metadata: &str, licence: &str, path: &str| {
        let found = judge_bytes(&built(metadata, licence).bytes(), &rebuilt, &rebuilt, &SourceIndex::default());
        let finding =
            found.findings.iter().find(|found| found.path.as_ref().is_some_and(|found| found.ends_with(path)));
        (finding.unwrap().code.to_string(), finding.unwrap().severity, found.mismatch.unwrap())
    };
    let date = metadata.replace("2020-01-01", "2021-02-03");
    assert_eq!(judged(&date, licence, "METADATA"), ("metadata-date-changed".to_owned(), Note, Packaging));
    let year = "Copyright 2021\n";
    assert_eq!(judged(metadata, year, "LICENSE"), ("metadata-date-changed".to_owned(), Note, Packaging));
    // With anything beside it the date is no excuse.
    for (metadata, severity, mismatch) in [
        (date.replace("Summary: x", "Summary: y"), Warning, Packaging),
        (date.replace("Summary: x", "Requires-Dist: y"), Alert, Code),
        (metadata.replace("2020-01-01", "run this"), Warning, Packaging),
        (date + "Requires-Dist: y\n", Alert, Code),
    ] {
        let (_, found, kind) = judged(&metadata, licence, "METADATA");
        assert_eq!((found, kind), (severity, mismatch), "{metadata}");
    }
    let (code, severity, _) = judged(metadata, "Copyright 2021 Mallory\n", "LICENSE");
    assert_eq!((code.as_str(), severity), ("metadata-changed", Warning));
}

#[test]
fn what_can_matter_is_never_descriptive() {
    use Mismatch::{Code, Unsourced};
    use Severity::Alert;
    // A README of a package can be read by its code, and so can a PKG-INFO.
    for path in ["demo/README.md", "demo/LICENSE", "demo/PKG-INFO", "demo-1.0.data/scripts/run", "LICENSE"] {
        let with = |content: &str| wheel().with(|wheel| wheel.add(path, content)).bytes();
        let (published, built) = (with("Build-Date: 2021\n"), with("Build-Date: 2020\n"));
        let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
        assert_eq!(finding(&found, "content-changed", path).severity, Alert, "{path}");
        assert_eq!(found.mismatch, Some(Code));
    }
    // Code among the metadata, and the metadata of another project.
    for path in
        [format!("{DIST_INFO}/evil.py"), format!("{DIST_INFO}/sub/evil.so"), "other-2.dist-info/METADATA".into()]
    {
        differs(&wheel().with(|wheel| wheel.add(&path, "Name: other\n")), "unsourced-member", &path, Alert, Unsourced);
    }
    let commands = wheel().with(|wheel| wheel.add(&format!("{DIST_INFO}/Entry_Points.TXT"), "[console_scripts]\n"));
    if let Ok(archive) = read(&commands.bytes(), Format::Zip, &Limits::default()) {
        drop(archive);
        differs(&commands, "entry-points-changed", "Entry_Points.TXT", Alert, Code);
    }
    let without = wheel().with(|wheel| wheel.entries.retain(|entry| !entry.name.ends_with("METADATA")));
    differs(&without, "not-published", "METADATA", Alert, Code);
}

#[test]
fn metadata_that_is_no_text_hides_no_field() {
    let with = |requirement: &[u8]| {
        wheel()
            .with(|wheel| {
                let content = [b"Name: demo\nRequires-Dist: ", requirement, b"\n"].concat();
                wheel.entry("METADATA").content = content;
            })
            .bytes()
    };
    let built = with(b"six\xfe");
    for requirement in [b"six\xff", b"six\xa0"] {
        let found = judge_bytes(&with(requirement), &built, &built, &SourceIndex::default());
        assert_eq!(finding(&found, "dependencies-changed", "METADATA").severity, Severity::Alert);
    }
}

#[test]
fn the_first_hundred_findings_have_excerpts_and_none_is_lost() {
    let with = |value: usize| {
        let lines = format!("{value}\n").repeat(60);
        wheel().with(|wheel| (0..150).for_each(|index| wheel.add(&format!("demo/m{index:03}.py"), &lines))).bytes()
    };
    let (published, built) = (with(1), with(2));
    let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
    let changed: Vec<&Finding> = found.findings.iter().filter(|finding| finding.code == "content-changed").collect();
    assert_eq!(changed.len(), 150);
    assert_eq!(changed.iter().filter(|finding| !finding.excerpt.is_empty()).count(), 100);
    assert!(changed[..100].iter().all(|finding| finding.excerpt.len() == 40));
    assert_eq!(
        changed[149].detail,
        "its content differs from the rebuild's (both 120 bytes): the first difference at offset 0x0"
    );
    let bytes: usize = found.findings.iter().flat_map(|finding| &finding.excerpt).map(String::len).sum();
    assert!(bytes <= 256 << 10);
}

#[test]
fn an_anomaly_of_every_member_is_one_finding() {
    let built = wheel().bytes();
    // After each name in the central directory: the field 0xcafe with four bytes, and its length in the header.
    let end = built.len() - 22;
    let start = built[..end].windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let (mut published, mut at) = (built[..start].to_vec(), start);
    while at < end {
        let name = usize::from(built[at + 28]) + 46;
        published.extend_from_slice(&built[at..at + name]);
        let header = published.len() - name;
        published[header + 30..header + 32].copy_from_slice(&8_u16.to_le_bytes());
        published.extend_from_slice(b"\xfe\xca\x04\0same");
        at += name + usize::from(built[at + 30]);
    }
    let size = u32::try_from(published.len() - start).unwrap();
    published.extend_from_slice(&built[end..]);
    let end = published.len() - 22;
    published[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    let found = judge_bytes(&published, &built, &built, &SourceIndex::default());
    let unknown: Vec<&Finding> = found.findings.iter().filter(|finding| finding.code.contains("extra")).collect();
    assert_eq!(unknown.len(), 1, "{unknown:#?}");
    assert_eq!(unknown[0].severity, Severity::Warning);
    assert!(unknown[0].detail.contains("in the published file, 6 times, of 6 members: demo/__init__.py, "));
    assert!(unknown[0].detail.ends_with(" and 3 more members)"), "{}", unknown[0].detail);
    assert_eq!(unknown[0].excerpt.len(), 6);
}

#[test]
fn contents_that_are_too_large_to_be_held_are_compared_as_streams() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut content = vec![7; (32 << 20) + 1];
        change(&mut content);
        let large = Entry { name: "demo/large.bin".to_owned(), content, mode: 0o644 };
        wheel().with(|wheel| {
            wheel.method = CompressionMethod::Stored;
            wheel.entries.push(large);
        })
    };
    let built = with(|_| {}).bytes();
    for (change, place) in [
        (
            (|content: &mut Vec<u8>| (content[20_000_000], content[30_000_000]) = (1, 1)) as fn(&mut Vec<u8>),
            "(both 33554433 bytes): 2 bytes differ in 2 runs, the first at offset 0x1312d00",
        ),
        (
            |content| content.truncate(1000),
            "(1000 bytes published, 33554433 bytes rebuilt): the first 1000 bytes are the same",
        ),
    ] {
        let found = judge_bytes(&with(change).bytes(), &built, &built, &SourceIndex::default());
        let changed = finding(&found, "content-changed", "large.bin");
        assert!(changed.detail.ends_with(place), "{}", changed.detail);
        assert_eq!(changed.excerpt, [""; 0]);
    }
}

/// How a wheel departs from another one of the same source: code, severity and member of each finding.
fn departed(built: &Wheel, other: &Wheel, source: &SourceIndex) -> Vec<(String, Severity, String)> {
    let bytes = [built.bytes(), other.bytes()];
    let archives = bytes.each_ref().map(archive);
    let side = |at: usize| Side { archive: &archives[at], bytes: &bytes[at], sha256: Sha256::of(&bytes[at]) };
    let found = departures(&side(0), &side(1), source, Normalizing::Yes).unwrap();
    let named = |finding: &Finding| finding.path.as_ref().map_or_else(|| finding.detail.clone(), ToString::to_string);
    found.iter().map(|finding| (finding.code.to_string(), finding.severity, named(finding))).collect()
}

#[test]
fn what_other_releases_make_otherwise_is_code_or_decides_something() {
    let base = wheel();
    let source =
        SourceIndex::new([("src/demo/py.typed".into(), Sha256::of(b"typed")), ("a/b.py".into(), Sha256::of(b"b"))]);
    let one = |change: &dyn Fn(&mut Wheel)| {
        let found = departed(&base.with(change), &base, &source);
        assert!(found.len() < 2, "{found:?}");
        found.into_iter().next()
    };
    let code = "environment-determined-code";
    for (change, named) in [
        (&(|wheel: &mut Wheel| wheel.add("demo/evil.py", "x")) as &dyn Fn(&mut Wheel), "demo/evil.py"),
        (&|wheel: &mut Wheel| wheel.add("demo.pth", "import x"), "demo.pth"),
        // Metadata of another project is read by those who look for entry points.
        (
            &|wheel: &mut Wheel| wheel.add("evil-1.dist-info/entry_points.txt", "[x]\na = b:c\n"),
            "evil-1.dist-info/entry_points.txt",
        ),
        // A file of the source, elsewhere.
        (&|wheel: &mut Wheel| wheel.add("b.py", "b"), "b.py"),
        (&|wheel: &mut Wheel| wheel.entry("__init__.py").content.extend(b"import os\n"), "demo/__init__.py"),
        (&|wheel: &mut Wheel| wheel.entry("__init__.py").mode = 0o755, "demo/__init__.py"),
    ] {
        assert_eq!(one(change), Some((code.to_owned(), Severity::Alert, named.to_owned())));
    }
    let depends = |wheel: &mut Wheel| {
        let metadata = &mut wheel.entry("METADATA").content;
        *metadata =
            String::from_utf8(metadata.clone()).unwrap().replace("six\n", "six\nRequires-Dist: evil\n").into_bytes();
    };
    let (found, severity, named) = one(&depends).unwrap();
    assert_eq!((found.as_str(), severity), (code, Severity::Alert));
    assert!(named.contains("only the wheel has the requirement evil"), "{named}");
    // Neither what describes only, nor what the source has there itself.
    let described = |wheel: &mut Wheel| {
        let metadata = &mut wheel.entry("METADATA").content;
        *metadata = String::from_utf8(metadata.clone()).unwrap().replace("MIT\n", "BSD\n").into_bytes();
        wheel.add("demo/py.typed", "typed");
    };
    assert_eq!(one(&described), None);
    let commented = |wheel: &mut Wheel| wheel.entry("__init__.py").content.extend(b"# by tool 7\n");
    assert_eq!(
        one(&commented).map(|found| (found.0, found.1)),
        Some(("environment-determined-comments".to_owned(), Severity::Warning))
    );
    let long = "x".repeat(5 << 20);
    let hidden = |wheel: &mut Wheel| wheel.entry("METADATA").content.extend(long.as_bytes());
    assert_eq!(one(&hidden).map(|found| (found.0, found.1)), Some((code.to_owned(), Severity::Alert)));
    let omitted = departed(&base, &base.with(|wheel| wheel.add("demo/more.py", "x")), &source);
    assert_eq!(omitted, [("environment-omitted-member".to_owned(), Severity::Warning, "demo/more.py".to_owned())]);
}

#[test]
fn members_are_traced_to_the_place_that_they_have_in_the_source() {
    let source = SourceIndex::new([
        ("src/demo/__init__.py".into(), Sha256::of(b"VALUE = 1\n")),
        ("bin/tool.sh".into(), Sha256::of(b"#!/bin/sh\n")),
    ]);
    let wheel = wheel().with(|wheel| wheel.add("demo/data.txt", "x"));
    let bytes = wheel.bytes();
    let archive = archive(&bytes);
    let traced = trace(&Side { archive: &archive, bytes: &bytes, sha256: Sha256::of(&bytes) }, &source);
    let of = |name: &str| traced.iter().find(|member| member.path.ends_with(name)).unwrap();
    assert_eq!(of("__init__.py").origin, TracedOrigin::InPlace);
    assert_eq!(of("tool.sh").origin, TracedOrigin::Moved("bin/tool.sh".into()));
    let kinds = ["__init__.py", "tool.sh", "data.txt", "METADATA"].map(|name| of(name).kind);
    assert_eq!(kinds, [ContentKind::Code, ContentKind::Code, ContentKind::Data, ContentKind::Metadata]);
    let of_build: Vec<String> =
        traced.iter().filter(|member| member.is_of_build()).map(|member| member.path.to_string()).collect();
    assert_eq!(of_build, ["demo/data.txt", "demo/tool.sh"]);
    let tracing = Tracing::of(&traced);
    assert_eq!((tracing.in_place, tracing.moved.len(), tracing.generated.len()), (1, 1, 5));
}
