//! A wheel that pip installed into a virtual environment, without a network, and what was done to it afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;
use twinbuild_lockfile::{Fault, FaultKind, Installed, InstalledDistribution, UnlistedKind, installed};
use twinbuild_subject::{MemberPath, Sha256, UnsafePath};

const INFO: &str = "demo-1.0.dist-info";
const MEMBERS: [(&str, &[u8]); 9] = [
    ("demo/__init__.py", b"value = 1\n"),
    ("demo/data.txt", b"data\n"),
    ("demo/a,b.txt", b"a quoted row\n"),
    ("demo-1.0.data/purelib/demo_extra.py", b"extra = 1\n"),
    ("demo-1.0.data/scripts/demo-script", b"#!python\nprint()\n"),
    ("demo-1.0.data/data/share/demo.txt", b"share\n"),
    ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n\nName: other\n"),
    ("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ("demo-1.0.dist-info/entry_points.txt", b"[console_scripts]\ndemo = demo:value\n"),
];

fn wheel() -> Vec<u8> {
    let options = zip::write::SimpleFileOptions::default();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut record = String::new();
    for (path, content) in MEMBERS {
        writer.start_file(path, options).unwrap();
        writer.write_all(content).unwrap();
        let path = if path.contains(',') { format!("\"{path}\"") } else { path.to_owned() };
        writeln!(record, "{path},sha256={},{}", Sha256::of(content).to_url_safe_base64(), content.len()).unwrap();
    }
    writeln!(record, "{INFO}/RECORD,,").unwrap();
    writer.start_file(format!("{INFO}/RECORD"), options).unwrap();
    writer.write_all(record.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

/// The `site-packages` of a virtual environment with the wheel, made once.
static ENVIRONMENT: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .env("PIP_NO_INDEX", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .stdin(Stdio::null())
            .output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(Path::new("python3"), &["-m", "venv", "env"]);
    fs::write(folder.path().join("demo-1.0-py3-none-any.whl"), wheel()).unwrap();
    let python = folder.path().join("env/bin/python");
    run(&python, &["-m", "pip", "install", "--no-deps", "demo-1.0-py3-none-any.whl"]);
    let site_packages = run(&python, &["-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"]);
    (folder, PathBuf::from(site_packages))
});

/// A copy of what the wheel put into `site-packages`, to be changed.
fn copy() -> TempDir {
    fn copy_into(from: &Path, to: &Path) {
        if from.is_dir() {
            fs::create_dir(to).unwrap();
            for entry in fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                copy_into(&entry.path(), &to.join(entry.file_name()));
            }
        } else {
            fs::copy(from, to).unwrap();
        }
    }
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("__pycache__")).unwrap();
    for entry in fs::read_dir(&ENVIRONMENT.1).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("demo") {
            copy_into(&ENVIRONMENT.1.join(&name), &copy.path().join(&name));
        }
    }
    for entry in fs::read_dir(ENVIRONMENT.1.join("__pycache__")).unwrap() {
        let name = Path::new("__pycache__").join(entry.unwrap().file_name());
        copy_into(&ENVIRONMENT.1.join(&name), &copy.path().join(&name));
    }
    copy
}

fn demo(installed: &Installed) -> &InstalledDistribution {
    installed.distributions.iter().find(|distribution| distribution.name.as_str() == "demo").unwrap()
}

/// Gives the `RECORD` of a copy other rows.
fn edit_record(copy: &TempDir, edit: impl FnOnce(String) -> String) {
    let path = copy.path().join(INFO).join("RECORD");
    fs::write(&path, edit(fs::read_to_string(&path).unwrap())).unwrap();
}

fn faults(copy: &TempDir) -> Vec<(String, FaultKind)> {
    let installed = installed(copy.path()).unwrap();
    demo(&installed).faults.iter().map(|Fault { path, kind }| (path.to_string(), kind.clone())).collect()
}

fn unlisted(copy: &TempDir) -> Vec<(String, UnlistedKind)> {
    let installed = installed(copy.path()).unwrap();
    installed.unlisted.iter().map(|unlisted| (unlisted.path.to_string(), unlisted.kind)).collect()
}

#[test]
fn what_pip_installed_is_as_its_record_lists_it() {
    let site_packages = &ENVIRONMENT.1;
    let installed = installed(site_packages).unwrap();
    assert_eq!(installed.broken, []);
    assert_eq!(installed.unlisted, []);
    for distribution in &installed.distributions {
        assert_eq!(distribution.faults, [], "{}", distribution.name);
        assert!(!distribution.members().is_empty());
    }
    assert!(installed.distributions.iter().any(|distribution| distribution.name.as_str() == "pip"));
    let demo = demo(&installed);
    assert_eq!(demo.version.to_string(), "1.0");
    assert_eq!(demo.record, Sha256::of(&fs::read(site_packages.join(INFO).join("RECORD")).unwrap()));
    assert!(demo.compiled >= 2);
    let direct_url = demo.direct_url.as_ref().unwrap();
    assert!(direct_url.url.ends_with("/demo-1.0-py3-none-any.whl") && !direct_url.is_editable);
}

#[test]
fn members_are_those_of_the_wheel() {
    let installed = installed(&ENVIRONMENT.1).unwrap();
    let demo = demo(&installed);
    let mut expected: Vec<(MemberPath, Sha256)> = MEMBERS
        .into_iter()
        .map(|(path, content)| (path.strip_prefix("demo-1.0.data/purelib/").unwrap_or(path), content))
        .filter(|(path, _)| !path.starts_with("demo-1.0.data/"))
        .map(|(path, content)| (path.into(), Sha256::of(content)))
        .collect();
    expected.sort();
    let found: Vec<_> = demo.members().iter().map(|(path, sha256)| (path.clone(), *sha256)).collect();
    assert_eq!(found, expected);
    let mut outside: Vec<String> = demo.outside.iter().map(|row| row.path.to_string()).collect();
    outside.sort();
    assert_eq!(outside, ["../../../bin/demo", "../../../bin/demo-script", "../../../share/demo.txt"]);
    let share = demo.outside.iter().find(|row| row.path.ends_with("share/demo.txt")).unwrap();
    assert_eq!((share.reason, share.sha256), (UnsafePath::Parent, Some(Sha256::of(b"share\n"))));
}

#[test]
fn changed_and_missing_files_are_told() {
    let copy = copy();
    assert_eq!(faults(&copy), []);
    fs::write(copy.path().join("demo/__init__.py"), "value = 2\n").unwrap();
    fs::remove_file(copy.path().join("demo/data.txt")).unwrap();
    fs::write(copy.path().join(INFO).join("INSTALLER"), "by hand\n").unwrap();
    let mut found = faults(&copy);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let differs =
        |expected: &[u8], found: &[u8]| FaultKind::Differs { expected: Sha256::of(expected), found: Sha256::of(found) };
    let expected = [
        (format!("{INFO}/INSTALLER"), differs(b"pip\n", b"by hand\n")),
        ("demo/__init__.py".to_owned(), differs(b"value = 1\n", b"value = 2\n")),
        ("demo/data.txt".to_owned(), FaultKind::Missing),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_no_record_names_is_told_by_what_it_can_do() {
    let copy = copy();
    let add = |path: &str| {
        let path = copy.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "import os\n").unwrap();
    };
    assert_eq!(unlisted(&copy), []);
    for path in [
        "a.pth",
        "sitecustomize.py",
        "usercustomize/__init__.py",
        "stray.py",
        "demo/hidden.py",
        "demo/b.pth",
        "demo/__pycache__/__init__.cpython-399.pyc",
        "demo/__pycache__/gone.cpython-311.pyc",
    ] {
        add(path);
    }
    symlink("/etc/passwd", copy.path().join("demo/link.py")).unwrap();
    symlink("/etc", copy.path().join("linked")).unwrap();
    let expected = [
        ("a.pth", UnlistedKind::RunsAtStart),
        ("demo/__pycache__/__init__.cpython-399.pyc", UnlistedKind::Bytecode),
        ("demo/__pycache__/gone.cpython-311.pyc", UnlistedKind::File),
        ("demo/b.pth", UnlistedKind::File),
        ("demo/hidden.py", UnlistedKind::File),
        ("demo/link.py", UnlistedKind::Link),
        ("linked", UnlistedKind::Link),
        ("sitecustomize.py", UnlistedKind::RunsAtStart),
        ("stray.py", UnlistedKind::TopLevel),
        ("usercustomize/__init__.py", UnlistedKind::RunsAtStart),
    ];
    assert_eq!(unlisted(&copy), expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn a_file_whose_row_was_taken_away_is_unlisted() {
    let copy = copy();
    edit_record(&copy, |text| {
        text.lines().filter(|row| !row.contains("data.txt")).map(|row| format!("{row}\n")).collect()
    });
    assert_eq!(unlisted(&copy), [("demo/data.txt".to_owned(), UnlistedKind::File)]);
}

#[test]
fn hostile_rows_are_reported_and_never_followed() {
    let copy = copy();
    let outside = copy.path().with_extension("outside");
    fs::write(&outside, "secret\n").unwrap();
    let digest = Sha256::of(b"secret\n").to_url_safe_base64();
    let up = format!("../{}", outside.file_name().unwrap().to_str().unwrap());
    symlink(&outside, copy.path().join("demo/link.txt")).unwrap();
    symlink(outside.parent().unwrap(), copy.path().join("demo/folder")).unwrap();
    let through = format!("demo/folder/{}", outside.file_name().unwrap().to_str().unwrap());
    let absolute = outside.to_str().unwrap();
    let paths =
        [up.as_str(), absolute, "demo/../../x", "C:/x", "demo\\x", "demo//x", "", "demo/link.txt", &through, "demo"];
    edit_record(&copy, |mut text| {
        for path in paths {
            writeln!(text, "{path},sha256={digest},7").unwrap();
        }
        text
    });
    let installed = installed(copy.path()).unwrap();
    let demo = demo(&installed);
    let reasons: Vec<UnsafePath> = demo.outside.iter().rev().take(7).rev().map(|row| row.reason).collect();
    let expected = [
        UnsafePath::Parent,
        UnsafePath::Absolute,
        UnsafePath::Parent,
        UnsafePath::Drive,
        UnsafePath::Backslash,
        UnsafePath::EmptyComponent,
        UnsafePath::Empty,
    ];
    assert_eq!(reasons, expected);
    let found: Vec<(String, &FaultKind)> =
        demo.faults.iter().map(|fault| (fault.path.to_string(), &fault.kind)).collect();
    let no_file = &FaultKind::NotAFile;
    assert_eq!(
        found,
        [("demo/link.txt".to_owned(), no_file), (through.clone(), no_file), ("demo".to_owned(), no_file)]
    );
    fs::remove_file(outside).unwrap();
}

#[test]
fn rows_that_say_too_little_or_contradict_each_other_are_told() {
    let copy = copy();
    let other = Sha256::of(b"other").to_url_safe_base64();
    edit_record(&copy, |text| {
        let text =
            text.replace("demo/data.txt,", "./demo/data.txt,").replace(",5\r\n", ",6\r\n").replace(",5\n", ",6\n");
        let first = text.find("demo/__init__.py,").unwrap();
        let end = first + text[first..].find('\n').unwrap();
        let bare = format!("{}demo/__init__.py,,{}", &text[..first], &text[end..]);
        format!("{bare}demo/data.txt,sha256={other},5\ndemo_extra.py,md5=x,1,\n{INFO}/x.txt,sha512=abcd,1\n")
    });
    fs::write(copy.path().join(INFO).join("x.txt"), "x").unwrap();
    let mut found = faults(&copy);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        (format!("{INFO}/x.txt"), FaultKind::OtherDigest { found: "sha512=abcd".to_owned() }),
        ("demo/__init__.py".to_owned(), FaultKind::NoDigest),
        ("demo/data.txt".to_owned(), FaultKind::Size { listed: "6".to_owned(), found: 5 }),
        ("demo/data.txt".to_owned(), FaultKind::ListedTwice),
        (
            "demo_extra.py".to_owned(),
            FaultKind::Row { detail: "RECORD has a row with 4 fields, and 3 are expected".to_owned() },
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_dist_info_that_says_nothing_is_not_dropped() {
    for (name, content, expected) in [
        ("METADATA", Some("Name: demo\n"), "its METADATA has no field Version, or several"),
        ("METADATA", None, "it has no METADATA"),
        ("RECORD", None, "it has no RECORD"),
        ("direct_url.json", Some("{"), "its direct_url.json is not as PEP 610 has it"),
    ] {
        let copy = copy();
        let path = copy.path().join(INFO).join(name);
        fs::remove_file(&path).unwrap();
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let installed = installed(copy.path()).unwrap();
        assert_eq!(installed.distributions, []);
        assert_eq!(installed.broken[0].dist_info, INFO.into());
        assert!(installed.broken[0].reason.starts_with(expected), "{:?}", installed.broken);
    }
}

#[test]
fn a_record_that_is_a_link_is_not_read() {
    let copy = copy();
    let record = copy.path().join(INFO).join("RECORD");
    let elsewhere = copy.path().join("elsewhere");
    fs::rename(&record, &elsewhere).unwrap();
    symlink(&elsewhere, &record).unwrap();
    assert_eq!(installed(copy.path()).unwrap().broken[0].reason, "its RECORD is no regular file");
}

#[test]
fn an_editable_install_says_so() {
    let copy = copy();
    fs::write(
        copy.path().join(INFO).join("direct_url.json"),
        r#"{"url": "file:///demo", "dir_info": {"editable": true}}"#,
    )
    .unwrap();
    assert!(demo(&installed(copy.path()).unwrap()).direct_url.as_ref().unwrap().is_editable);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("site-packages");
    let error = installed(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("the installed files in {} cannot be read", missing.display())), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_record_makes_the_reader_panic_or_leave_the_folder(
        rows in prop::collection::vec(r#"("?(\.\./|/|demo/|\./)?[a-z._]{0,4}"?,?(sha256=[A-Za-z0-9_-]{0,43})?,?[0-9]{0,2}|\PC{0,9})"#, 0..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let info = folder.path().join(INFO);
        fs::create_dir(&info).unwrap();
        fs::write(info.join("METADATA"), "Name: demo\nVersion: 1\n").unwrap();
        fs::write(info.join("RECORD"), rows.join("\n")).unwrap();
        let installed = installed(folder.path()).unwrap();
        for path in demo(&installed).members().keys() {
            prop_assert!(path.components().is_ok());
        }
    }
}
