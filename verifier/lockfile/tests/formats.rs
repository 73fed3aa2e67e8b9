//! Lock files that the tools wrote. The five describe nearly the same project: releases from an index, a local wheel, a
//! commit, and an editable folder. Only addresses were changed, and those of PyPI dropped where Poetry writes none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::path::Path;

use twinbuild_lockfile::{FileKind, Format, Locked, Lockfile, Source};

const COMMIT: &str = "f4aa24c47424b4fedf2b77b6d64587a930a43830";
const SIX_WHEEL: &str = "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254";
const SIX_SDIST: &str = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926";
const FIXTURES: [(&str, &[u8], Format); 7] = [
    ("uv.lock", include_bytes!("../fixtures/uv.lock"), Format::Uv),
    ("pylock.toml", include_bytes!("../fixtures/pylock.toml"), Format::Pylock),
    ("poetry.lock", include_bytes!("../fixtures/poetry.lock"), Format::Poetry),
    ("poetry-1.1.lock", include_bytes!("../fixtures/poetry-1.1.lock"), Format::Poetry),
    ("Pipfile.lock", include_bytes!("../fixtures/Pipfile.lock"), Format::Pipfile),
    ("uv-export.txt", include_bytes!("../fixtures/uv-export.txt"), Format::Requirements),
    ("pip-compile.txt", include_bytes!("../fixtures/pip-compile.txt"), Format::Requirements),
];

fn read(name: &str) -> Lockfile {
    let (_, bytes, format) = FIXTURES.into_iter().find(|(fixture, ..)| *fixture == name).unwrap();
    let lockfile = Lockfile::read(Path::new(name), bytes).unwrap();
    assert_eq!(lockfile.format, format);
    lockfile
}

fn locked<'l>(lockfile: &'l Lockfile, name: &str) -> &'l Locked {
    let mut found = lockfile.locked.iter().filter(|locked| locked.name.as_str() == name);
    let locked = found.next().unwrap_or_else(|| panic!("{name} is not in {lockfile:?}"));
    assert_eq!(found.next(), None);
    locked
}

fn index(locked: &Locked) -> Option<&str> {
    let Source::Registry { index } = &locked.source else { panic!("{locked:?}") };
    index.as_deref()
}

/// Each release, each of its digests, and each thing that is not pinned, in one line each.
fn summary(lockfile: &Lockfile) -> Vec<String> {
    let line = |line: Option<usize>| line.map_or("-".to_owned(), |line| line.to_string());
    let release = |locked: &Locked| {
        let files = locked.files.iter().map(|file| file.sha256.unwrap().to_string()[..6].to_owned());
        format!("{} {} {} {}", line(locked.line), locked.name, locked.version, files.collect::<Vec<_>>().join(","))
    };
    lockfile.locked.iter().map(release).chain(lockfile.unpinned.iter().map(ToString::to_string)).collect()
}

#[test]
fn a_lock_of_uv_is_read() {
    let lockfile = read("uv.lock");
    let expected = [
        "5 colorama 0.4.6 08695f,4f1d99",
        "43 from-git 1.5 ",
        "53 peppercorn 0.6 96d768,46125c",
        "62 sampleproject 4.0.0 c23e44",
        "81 six 1.16.0 1e61c3,8abb2f",
        "90 toml 0.10.2 b3bda1,806143",
        r#"uv.lock:14: demo: it is the folder ".", whose content is not pinned"#,
        r#"uv.lock:48: local-part: it is the folder "part", whose content is not pinned and may change after it is installed"#,
    ];
    assert_eq!(summary(&lockfile), expected);
    let six = locked(&lockfile, "six");
    assert_eq!(index(six), Some("https://index.example/simple"));
    let files: Vec<_> =
        six.files.iter().map(|file| (file.file_name.as_deref().unwrap(), file.kind, file.size_bytes)).collect();
    let expected = [
        ("six-1.16.0.tar.gz", FileKind::Sdist, Some(34041)),
        ("six-1.16.0-py2.py3-none-any.whl", FileKind::Wheel, Some(11053)),
    ];
    assert_eq!(files, expected);
    let git = Source::Git { repository: "https://git.example/from-git".to_owned(), commit: COMMIT.parse().unwrap() };
    assert_eq!(locked(&lockfile, "from-git").source, git);
    let sample = locked(&lockfile, "sampleproject");
    assert_eq!(sample.files[0].file_name.as_deref(), Some("sampleproject-4.0.0-py3-none-any.whl"));
    assert!(matches!(&sample.source, Source::Path { path } if path.starts_with("archives/")));
}

#[test]
fn a_pylock_is_read() {
    let lockfile = read("pylock.toml");
    let expected = [
        "7 colorama 0.4.6 08695f,4f1d99",
        "15 from-git 1.5 ",
        "24 peppercorn 0.6 96d768,46125c",
        "31 sampleproject 4.0.0 c23e44",
        "36 six 1.16.0 1e61c3,8abb2f",
        "43 toml 0.10.2 b3bda1,806143",
        r#"pylock.toml:20: local-part: it is the folder "part", whose content is not pinned and may change after it is installed"#,
    ];
    assert_eq!(summary(&lockfile), expected);
    let colorama = locked(&lockfile, "colorama");
    assert_eq!(colorama.marker.as_deref(), Some("sys_platform == 'win32'"));
    assert_eq!(colorama.files[0].size_bytes, Some(27697));
    assert_eq!(index(colorama), Some("https://index.example/simple"));
}

#[test]
fn locks_of_poetry_are_read_with_their_files_in_either_place() {
    let folder =
        r#"local-part: it is the folder "part", whose content is not pinned and may change after it is installed"#;
    let lockfile = read("poetry.lock");
    let releases = [
        "colorama 0.4.6 4f1d99,08695f",
        "from-git 1.5 ",
        "peppercorn 0.6 46125c,96d768",
        "sampleproject 4.0.0 c23e44",
        "six 1.16.0 8abb2f,1e61c3",
        "toml 0.10.2 806143,b3bda1",
    ];
    let found: Vec<String> = summary(&lockfile).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(found, [&releases[..], &[folder]].concat());
    let six = locked(&lockfile, "six");
    assert_eq!((index(six), six.files[0].kind), (None, FileKind::Wheel));
    assert_eq!(index(locked(&lockfile, "colorama")), Some("https://index.example/simple"));
    assert_eq!(locked(&lockfile, "colorama").marker.as_deref(), Some(r#"sys_platform == "win32""#));

    let older = read("poetry-1.1.lock");
    let without_git: Vec<&str> = releases.iter().filter(|line| !line.starts_with("from-git")).copied().collect();
    let found: Vec<String> = summary(&older).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(found, [&without_git[..], &[folder]].concat());
}

#[test]
fn a_lock_of_pipenv_is_read() {
    let lockfile = read("Pipfile.lock");
    let expected = [
        "- colorama 0.4.6 08695f,4f1d99",
        "- peppercorn 0.6 46125c,96d768",
        "- sampleproject 4.0.0 0ace79,c23e44",
        "- six 1.16.0 1e61c3,8abb2f",
        "- toml 0.10.2 806143,b3bda1",
        &format!(
            r#"Pipfile.lock: from-git: it is the commit {COMMIT} of "https://git.example/from-git", and nothing tells of which version"#
        ),
        r#"Pipfile.lock: local-part: it is the folder "./part", whose content is not pinned and may change after it is installed"#,
    ];
    assert_eq!(summary(&lockfile), expected);
    assert_eq!(index(locked(&lockfile, "six")), Some("https://index.example/simple"));
    assert_eq!(index(locked(&lockfile, "colorama")), None);
}

#[test]
fn requirements_that_uv_exported_are_read() {
    let lockfile = read("uv-export.txt");
    let expected = [
        "5 sampleproject 4.0.0 c23e44",
        "8 colorama 0.4.6 08695f,4f1d99",
        "14 peppercorn 0.6 46125c,96d768",
        "18 six 1.16.0 1e61c3,8abb2f",
        "22 toml 0.10.2 806143,b3bda1",
        r#"uv-export.txt:3: ./part: it is the folder "./part", whose content is not pinned and may change after it is installed"#,
        &format!(
            r#"uv-export.txt:12: from-git @ git+https://git.example/from-git@{COMMIT}: it is the commit {COMMIT} of "https://git.example/from-git", and nothing tells of which version"#
        ),
    ];
    assert_eq!(summary(&lockfile), expected);
    let six = locked(&lockfile, "six");
    let digests: Vec<_> = six.files.iter().map(|file| file.sha256.unwrap().to_string()).collect();
    assert_eq!(digests, [SIX_SDIST, SIX_WHEEL]);
    assert_eq!(six.files[0].kind, FileKind::Unknown);
}

#[test]
fn requirements_that_pip_tools_compiled_are_read() {
    let lockfile = read("pip-compile.txt");
    let names: Vec<&str> = lockfile.locked.iter().map(|locked| locked.name.as_str()).collect();
    assert_eq!(names, ["colorama", "peppercorn", "sampleproject", "six"]);
    assert!(lockfile.locked.iter().all(Locked::has_sha256));
    assert_eq!(lockfile.unpinned, []);
    let marker = r#"sys_platform == "win32" or python_version >= "3""#;
    assert_eq!(locked(&lockfile, "colorama").marker.as_deref(), Some(marker));
    let settings: Vec<_> = lockfile.settings.iter().map(|setting| (setting.name, setting.value.as_deref())).collect();
    assert_eq!(settings, [("--find-links", Some("wheels"))]);
}

#[test]
fn formats_are_known_by_their_content_too() {
    for (_, bytes, format) in FIXTURES {
        for name in ["lock", "copy.of.it", "requirements.in", "uv.lock.bak"] {
            assert_eq!(Format::detect(Path::new(name), bytes), Ok(format), "{name}");
        }
    }
    for (name, format) in
        [("a/uv.lock", Format::Uv), ("pylock.dev.toml", Format::Pylock), ("requirements-dev.txt", Format::Requirements)]
    {
        assert_eq!(Format::detect(Path::new(name), b""), Ok(format));
    }
    for (name, text) in [
        ("Cargo.lock", "version = 4\n[[package]]\nname = 'a'\nversion = '1.0.0'\n"),
        ("pdm.lock", "[metadata]\nlock_version = '4.5'\ncontent_hash = 'x'\n[[package]]\nname = 'a'\n"),
        ("pylock.a.b.toml", "x = 1"),
        ("package-lock.json", "{\"lockfileVersion\": 3}"),
        ("README", "Some words, and more."),
        ("empty", ""),
    ] {
        let error = Format::detect(Path::new(name), text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("is not known as a lock file"), "{name}: {error}");
    }
}

#[test]
fn line_ends_and_marks_of_windows_change_nothing() {
    for (name, bytes, _) in FIXTURES {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let path = Path::new(name);
        assert_eq!(Lockfile::read(path, windows.as_bytes()), Lockfile::read(path, bytes), "{name}");
    }
}
