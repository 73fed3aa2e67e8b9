//! What the differences of a published sdist mean, against its rebuild and the tree that it is built from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use twinbuild_archive::{Format, Limits, read};
use twinbuild_compare::{Mismatch, Normalizing, Severity, Side, SourceIndex, ThreeWay, compare};
use twinbuild_subject::Sha256;

type Files<'a> = Vec<(&'a str, &'a [u8])>;

/// The tree: what git has.
fn tree() -> Files<'static> {
    vec![
        ("demo.py", b"VALUE = 42\n"),
        ("other/demo.py", b"VALUE = 43\n"),
        ("tests/test.py", b"assert 1\n"),
        ("version.py", b"VERSION = '@'\n"),
        ("setup.cfg", b"[metadata]\nname = demo\n"),
    ]
}

/// What is built of it: one file is left out, one rewritten, and two are made.
fn rebuilt() -> Files<'static> {
    vec![
        ("PKG-INFO", b"Metadata-Version: 2.1\nName: demo\nRequires-Dist: six\n"),
        ("README.md", b"a demo\n"),
        ("demo.egg-info/SOURCES.txt", b"demo.py\n"),
        ("demo.py", b"VALUE = 42\n"),
        ("other/demo.py", b"VALUE = 43\n"),
        ("version.py", b"VERSION = '1.0'\n"),
        ("setup.cfg", b"[metadata]\nname = demo\n\n[egg_info]\ntag_build = \ntag_date = 0\n\n"),
    ]
}

fn tar_gz(files: &Files<'_>) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, format!("demo-1.0/{name}"), *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn zip(files: &Files<'_>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(format!("demo-1.0/{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn judge(published: &Files<'_>, write: fn(&Files<'_>) -> Vec<u8>, format: Format) -> ThreeWay {
    let files = [write(published), write(&rebuilt())];
    let archives = files.each_ref().map(|bytes| read(bytes, format, &Limits::default()).unwrap());
    let side = |at: usize| Side { archive: &archives[at], bytes: &files[at], sha256: Sha256::of(&files[at]) };
    let index = SourceIndex::new(tree().into_iter().map(|(name, content)| (name.into(), Sha256::of(content))));
    compare(&side(0), &side(1), &side(1), &index, Normalizing::Yes).unwrap()
}

/// With one file put in or changed, as a tar in gzip and as a zip file: one finding, of the file, with this code and severity.
fn with(name: &str, content: &[u8], expected: (&str, Severity, Mismatch)) {
    let mut published = rebuilt();
    match published.iter_mut().find(|(own, _)| *own == name) {
        Some((_, own)) => *own = content,
        None => published.push((name, content)),
    }
    says(&published, name, expected);
}

fn says(published: &Files<'_>, name: &str, expected: (&str, Severity, Mismatch)) {
    for (write, format) in [(tar_gz as fn(&Files<'_>) -> Vec<u8>, Format::TarGz), (zip, Format::Zip)] {
        let found = judge(published, write, format);
        let of_file: Vec<_> = found
            .findings
            .iter()
            .filter(|finding| finding.path.as_ref().is_some_and(|path| path.ends_with(&format!("demo-1.0/{name}"))))
            .map(|finding| (finding.code.as_ref(), finding.severity))
            .collect();
        assert_eq!(of_file, [(expected.0, expected.1)], "{name} {format:?}");
        assert_eq!(found.mismatch, Some(expected.2), "{name}");
    }
}

#[test]
fn a_file_from_nowhere_is_unsourced_and_an_alert_where_it_is_no_text_for_people() {
    use Mismatch::{Packaging, Unsourced};
    use Severity::{Alert, Warning};
    for name in ["evil.py", "m4/build-to-host.m4", "tests/bad.xz", "requirements.txt", "demo.egg-info/evil.py", "a.pth"]
    {
        with(name, b"x = 1\n", ("unsourced-member", Alert, Unsourced));
    }
    with("NEWS.rst", b"news\n", ("unsourced-member", Warning, Unsourced));
    with("demo.egg-info/zip-safe", b"\n", ("only-published", Warning, Packaging));
}

#[test]
fn a_file_of_the_tree_that_the_build_leaves_out_is_packaging_in_its_place_only() {
    use Mismatch::{Code, Packaging, Unsourced};
    use Severity::{Alert, Warning};
    with("tests/test.py", b"assert 1\n", ("only-published", Warning, Packaging));
    with("setup/test.py", b"assert 1\n", ("only-published", Alert, Code));
    with("tests/test.py", b"assert 2\n", ("unsourced-member", Alert, Unsourced));
}

#[test]
fn what_changed_is_an_alert_where_it_is_built_or_required() {
    use Mismatch::{Code, Packaging};
    use Severity::{Alert, Note, Warning};
    with("demo.py", b"VALUE = 43\n", ("content-changed", Alert, Code));
    with("version.py", b"VERSION = '1.1'\n", ("content-changed", Alert, Code));
    with("version.py", b"VERSION = '@'\n", ("content-changed", Warning, Code));
    with("README.md", b"another\n", ("content-changed", Warning, Packaging));
    with("demo.egg-info/SOURCES.txt", b"demo.py\nx\n", ("metadata-changed", Warning, Packaging));
    let requires = b"Metadata-Version: 2.1\nName: demo\nRequires-Dist: evil\n";
    with("PKG-INFO", requires, ("dependencies-changed", Alert, Code));
    let newer = b"Metadata-Version: 2.2\nName: demo\nRequires-Dist: six\nDynamic: x\n";
    with("PKG-INFO", newer, ("metadata-changed", Warning, Packaging));
    let dated = b"Metadata-Version: 2.1\nName: demo\nRequires-Dist: six\nBuild-Date: 2020-01-01\n";
    with("PKG-INFO", dated, ("metadata-date-changed", Note, Packaging));
    with("setup.cfg", b"[metadata]\nname = demo\n", ("metadata-changed", Warning, Packaging));
    with("setup.cfg", b"[metadata]\nname = demo\n[options]\nsetup_requires = evil\n", ("content-changed", Alert, Code));
}

#[test]
fn what_the_published_file_lacks_is_no_alert() {
    for (name, mismatch) in [
        ("demo.py", Mismatch::Code),
        ("README.md", Mismatch::Packaging),
        ("PKG-INFO", Mismatch::Packaging),
        ("setup.cfg", Mismatch::Code),
    ] {
        let published = rebuilt().into_iter().filter(|(own, _)| *own != name).collect();
        says(&published, name, ("not-published", Severity::Warning, mismatch));
    }
}

#[test]
fn an_archive_with_a_second_folder_is_judged_as_a_wheel_is() {
    let mut published = rebuilt();
    published.push(("demo.egg-info/zip-safe", b"\n"));
    let bytes = tar_gz(&published);
    let mut builder = tar::Builder::new(Vec::new());
    for top in ["demo-1.0", "evil-1.0"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(0);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("{top}/PKG-INFO"), &b""[..]).unwrap();
    }
    let rebuilt = builder.into_inner().unwrap();
    let archives = [
        read(&bytes, Format::TarGz, &Limits::default()).unwrap(),
        read(&rebuilt, Format::Tar, &Limits::default()).unwrap(),
    ];
    let left = Side { archive: &archives[0], bytes: &bytes, sha256: Sha256::of(&bytes) };
    let right = Side { archive: &archives[1], bytes: &rebuilt, sha256: Sha256::of(&rebuilt) };
    let found = compare(&left, &right, &right, &SourceIndex::default(), Normalizing::Yes).unwrap();
    assert_eq!(found.mismatch, Some(Mismatch::Unsourced));
}

#[test]
fn each_file_is_of_the_tree_or_generated_or_from_nowhere() {
    use twinbuild_compare::MemberOrigin::{Generated, Nowhere, Verbatim};
    let mut published = rebuilt();
    published.push(("evil.py", b"x = 1\n"));
    published.push(("moved.py", b"assert 1\n"));
    let found = judge(&published, tar_gz, Format::TarGz).comparison;
    let shown = |member: &twinbuild_compare::MemberResult| {
        let source = member.source.as_ref().map(ToString::to_string).unwrap_or_default();
        (member.path.to_string().replace("demo-1.0/", ""), member.origin, source)
    };
    let listed: Vec<_> = found.members.iter().map(shown).collect();
    let expected = [
        ("PKG-INFO", Generated, ""),
        ("README.md", Generated, ""),
        ("demo.egg-info/SOURCES.txt", Generated, ""),
        ("version.py", Generated, ""),
        ("setup.cfg", Generated, ""),
        ("evil.py", Nowhere, ""),
        ("moved.py", Verbatim, "tests/test.py"),
    ];
    assert_eq!(listed, expected.map(|(path, origin, source)| (path.to_owned(), origin, source.to_owned())));
    let files = found.files;
    assert_eq!((files.total, files.verbatim, files.generated, files.unsourced), (9, 3, 5, 1));
}
