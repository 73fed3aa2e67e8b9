//! Lock files that somebody changed: each is refused with its place, or says what it does not pin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

use std::path::Path;

use proptest::prelude::*;
use twinbuild_lockfile::{Format, Lockfile, LockfileError};

const FORMATS: [(Format, &str, &str); 5] = [
    (Format::Uv, "uv.lock", include_str!("../fixtures/uv.lock")),
    (Format::Pylock, "pylock.toml", include_str!("../fixtures/pylock.toml")),
    (Format::Poetry, "poetry.lock", include_str!("../fixtures/poetry-1.1.lock")),
    (Format::Pipfile, "Pipfile.lock", include_str!("../fixtures/Pipfile.lock")),
    (Format::Requirements, "requirements.txt", include_str!("../fixtures/uv-export.txt")),
];

fn refused(name: &str, text: &str) -> String {
    let read = Lockfile::read(Path::new(name), text.as_bytes());
    read.map_or_else(|error| error.to_string(), |_| "it was read".to_owned())
}

fn fixture(name: &str) -> &'static str {
    FORMATS.into_iter().find(|(_, fixture, _)| *fixture == name).unwrap().2
}

#[test]
fn each_change_is_refused_with_its_place() {
    let mut wrong = Vec::new();
    for (name, from, to, expected) in [
        ("uv.lock", "version = 1\n", "version = 2\n", "uv.lock: uv.lock of the version 2 is not known: 1 is"),
        ("uv.lock", "version = 1\n", "", "uv.lock: version is missing: expected is 1"),
        ("uv.lock", "version = 1\n", "version = '1'\n", r#"version is "1": expected is a whole number"#),
        ("uv.lock", "version = 1\n", "version = -1\n", "version is a number"),
        ("uv.lock", "\nname = \"six\"", "\nname = 6", "uv.lock:82: package[6].name is 6: expected is text"),
        ("uv.lock", "\nname = \"six\"", "\nname = \"../six\"", r#"package[6].name is "../six": expected is the name"#),
        ("uv.lock", "\nname = \"six\"", "", "uv.lock:81: package[6].name is missing: expected is text"),
        (
            "uv.lock",
            r#"version = "1.16.0""#,
            r#"version = "one""#,
            r#"version is "one": expected is a version (PEP 440)"#,
        ),
        ("uv.lock", r#"version = "1.16.0""#, "", "package[6].version is missing: expected is a version of six"),
        ("uv.lock", r#"version = "1.16.0""#, r#"version = "1.15.0""#, "expected is one of six 1.15.0"),
        (
            "uv.lock",
            r#"source = { virtual = "." }"#,
            r#"source = { elsewhere = "." }"#,
            "package[1].source is a table: expected is",
        ),
        (
            "uv.lock",
            r#"source = { virtual = "." }"#,
            r#"source = "here""#,
            r#"package[1].source is "here": expected is a table"#,
        ),
        ("uv.lock", "[[package]]\nname = \"demo\"", "[package]\nname = \"demo\"", "is not TOML: duplicate key"),
        ("uv.lock", "sha256:8abb", "sha256:8ab", "package[6].wheels[0].hash is"),
        ("uv.lock", "size = 11053", "size = 1.5", "size is a number with a point"),
        (
            "uv.lock",
            "/six-1.16.0-py2.py3-none-any.whl",
            "/toml-1.16.0-py2.py3-none-any.whl",
            "expected is one of six 1.16.0",
        ),
        (
            "pylock.toml",
            r#"lock-version = "1.0""#,
            r#"lock-version = "2.0""#,
            r#"pylock.toml of the version "2.0" is not known"#,
        ),
        ("pylock.toml", r#"created-by = "uv""#, "", "created-by is missing"),
        ("pylock.toml", "directory = { path", "archive = { path", "packages[2].archive.hashes is missing"),
        ("pylock.toml", "directory = {", "unknown = {", "expected is one of vcs, directory, archive"),
        (
            "pylock.toml",
            "hashes = { sha256 = \"c23e44",
            "hashes = { }, x = { y = \"",
            "packages[4].archive.hashes is a table: expected is one digest at least",
        ),
        ("pylock.toml", "sha256 = \"8abb", "sha256 = \"8ab", "wheels[0].hashes.sha256 is"),
        (
            "poetry.lock",
            r#"lock-version = "1.1""#,
            r#"lock-version = "3.0""#,
            r#"poetry.lock of the version "3.0" is not known"#,
        ),
        ("poetry.lock", r#"type = "directory""#, r#"type = "cloud""#, r#"package[1].source.type is "cloud""#),
        (
            "poetry.lock",
            "\nsix = [\n",
            "\nsix = [1,\n",
            "poetry.lock:96: metadata.files.six[0] is 1: expected is a table",
        ),
        (
            "poetry.lock",
            "\nsix = [\n",
            "\n\"s x\" = [\n",
            "metadata.files.s x is a list: expected is the files of a project",
        ),
        ("poetry.lock", "[metadata]\n", "", "poetry.lock:79 is not TOML: duplicate key"),
        (
            "poetry.lock",
            "[metadata.files]\n",
            "[metadata.files.x]\n",
            "metadata.files.x is a table: expected is a list of tables",
        ),
        (
            "Pipfile.lock",
            r#""pipfile-spec": 6"#,
            r#""pipfile-spec": 7"#,
            "Pipfile.lock of the version 7 is not known: 6 is",
        ),
        ("Pipfile.lock", r#""six": {"#, r#""toml ": {"#, "expected is a project, by its name"),
        ("Pipfile.lock", r#""six": {"#, r#""colorama": {"#, "is not JSON: duplicate key"),
        ("Pipfile.lock", "==1.16.0", "==one", r#"default.six.version is "==one""#),
        ("Pipfile.lock", "sha256:8abb", "sha256-8abb", "default.six.hashes is a list: expected is an algorithm"),
        (
            "Pipfile.lock",
            r#""editable": true"#,
            r#""editable": "yes""#,
            r#"default.local-part.editable is "yes": expected is true or false"#,
        ),
        ("requirements.txt", "sha256:8abb", "sha256:8ab", "requirements.txt:18: the line is \"sha256:8ab"),
        ("requirements.txt", "sha256:8abb", "md5:8abb", "expected is --hash with sha256, sha384 or sha512"),
        (
            "requirements.txt",
            "toml==",
            "toml=",
            "requirements.txt:22: the line is \"toml=0.10.2\": expected is a requirement",
        ),
        ("requirements.txt", "-e ./part", "-e ./part -r more.txt", "expected is one a line"),
        ("requirements.txt", "-e ./part", "--mystery 1", "expected is an option that pip reads"),
        ("requirements.txt", "-e ./part", "six==1 --hash 'sha256", "expected is quotes that are closed"),
        ("requirements.txt", "-e ./part", "six==1 -r a.txt", "expected is this option on a line of its own"),
        ("requirements.txt", "-e ./part", "six==1 \u{1b}[2J", "expected is text without control characters"),
        ("requirements.txt", "# This", "# coding: utf-7 This", "requirements.txt:1: text in the encoding \"utf-7\""),
    ] {
        let text = fixture(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        let error = refused(name, &text.replacen(from, to, 1));
        if !error.contains(expected) {
            wrong.push(format!("{name}, {to:?}: {error}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.join(
            "
"
        )
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    for (_, name, text) in FORMATS {
        let read = |bytes: &[u8]| Lockfile::read(Path::new(name), bytes).unwrap_err().to_string();
        for (bytes, found) in [(&b"\0"[..], "a NUL byte"), (b"\xff", "a byte that is not UTF-8")] {
            let error = read(&[b"\n\n", bytes, text.as_bytes()].concat());
            assert_eq!(error, format!("{name}:3: {found} where UTF-8 text is expected"));
        }
        let wide: Vec<u8> = "\u{feff}a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(read(&wide).contains("UTF-16"), "{name}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    for (format, name, _) in FORMATS {
        let large = vec![b'\n'; (64 << 20) + 1];
        let error = Lockfile::read_as(format, Path::new(name), &large, &mut |_| Ok(Vec::new())).unwrap_err();
        assert!(matches!(error, LockfileError::TooLarge { size_bytes: 67_108_865, .. }), "{error}");
    }
    let lines = "--pre\n".repeat(1_000_001);
    assert!(refused("requirements.txt", &lines).contains("more than 1000000 lines"));
}

#[test]
fn includes_are_bounded_and_may_not_turn_in_circles() {
    let read = |text: &str, include: &mut dyn FnMut(&Path) -> Result<Vec<u8>, String>| {
        Lockfile::read_as(Format::Requirements, Path::new("a/r.txt"), text.as_bytes(), include)
    };
    let lockfile = read("-r b/more.txt\n-c c.txt\nx==1\n", &mut |path| {
        assert_eq!(path, Path::new("a/b/more.txt"));
        Ok(b"\ny==2".to_vec())
    });
    let lockfile = lockfile.unwrap();
    let places: Vec<_> = lockfile.locked.iter().map(|locked| (locked.path.to_str().unwrap(), locked.line)).collect();
    assert_eq!(places, [("a/b/more.txt", Some(2)), ("a/r.txt", Some(3))]);
    assert_eq!(lockfile.unpinned[0].to_string(), "a/r.txt:2: c.txt: it holds constraints, which are not read");

    let refused = read("-r ../../etc/passwd", &mut |_| Err("it is outside of the project".to_owned())).unwrap();
    let expected = "a/r.txt:1: ../../etc/passwd: it was not read: it is outside of the project";
    assert_eq!(refused.unpinned[0].to_string(), expected);
    let at_address = read("-r https://x.example/r.txt", &mut |_| panic!("nothing is to be read")).unwrap();
    assert!(at_address.unpinned[0].to_string().ends_with("it was not read: it is at an address"));

    let error = read("-r b/../r.txt", &mut |_| Ok(Vec::new())).unwrap_err().to_string();
    assert_eq!(error, "a/r.txt:1 includes a/b/../r.txt, which includes it");
    let mut depth = 0;
    let error = read("-r 0.txt", &mut |_| {
        depth += 1;
        Ok(format!("-r {depth}.txt").into_bytes())
    });
    assert!(error.unwrap_err().to_string().contains("more than 32 files deep"));
    let wide = (0..1001).map(|number| format!("-r {number}.txt\n")).collect::<String>();
    assert!(read(&wide, &mut |_| Ok(Vec::new())).unwrap_err().to_string().contains("more than 1000 files"));
    let deep = read("-r b.txt\n-r b.txt", &mut |_| Ok([&b"#"[..], &vec![b'x'; 33 << 20]].concat())).unwrap_err();
    assert!(matches!(deep, LockfileError::TooLarge { .. }));
}

#[test]
fn lines_that_pip_completes_from_its_environment_are_not_pinned() {
    let text = "six==${VERSION}\n-r ${FILE}\n--index-url https://${USER}@x.example/\n${ALL}\n";
    let lockfile = Lockfile::read(Path::new("requirements.txt"), text.as_bytes()).unwrap();
    assert_eq!(lockfile.locked, []);
    let found: Vec<_> = lockfile.unpinned.iter().map(|unpinned| (unpinned.line, unpinned.what.as_str())).collect();
    assert_eq!(found, [(Some(1), "six==${VERSION}"), (Some(2), "-r ${FILE}"), (Some(4), "${ALL}")]);
    assert_eq!(lockfile.settings[0].value.as_deref(), Some("https://${USER}@x.example/"));
}

#[test]
fn digests_of_other_kinds_and_their_absence_are_told() {
    let long = "ab".repeat(64);
    let text = format!("a==1 --hash=sha512:{long} --hash sha384:{}\nb==2 --config-settings x=y\n", &long[..96]);
    let lockfile = Lockfile::read(Path::new("requirements.txt"), text.as_bytes()).unwrap();
    let [a, b] = &lockfile.locked[..] else { panic!("{lockfile:?}") };
    assert!(!a.has_sha256() && a.files.len() == 2 && a.files[0].other_digests[0].hex == long);
    assert!(b.files.is_empty());
    assert!(lockfile.settings[0].is_of_requirement && lockfile.settings[0].name == "--config-settings");
}

#[test]
fn a_condition_that_takes_long_to_read_is_not_read() {
    // As a decision diagram, in which extras are in order, this has 2^40 parts.
    let pairs: Vec<String> = (0..40).map(|n| format!("extra=='a{n}' and extra=='b{n}'")).collect();
    let text = format!("six==1; {}", pairs.join(" or "));
    let lockfile = Lockfile::read(Path::new("requirements.txt"), text.as_bytes()).unwrap();
    assert_eq!(lockfile.locked[0].marker.as_deref(), Some(pairs.join(" or ").as_str()));
}

#[test]
fn a_message_shows_no_terminal_tricks() {
    let error = refused("requirements.txt", "six==\u{202e}1");
    assert!(error.contains(r"\u{202e}") && !error.contains('\u{202e}'), "{error}");
    let lockfile = Lockfile::read(Path::new("requirements.txt"), "-e \u{202e}x".as_bytes()).unwrap();
    assert!(!lockfile.unpinned[0].to_string().contains('\u{202e}'));
}

/// What holds of every outcome.
fn check(format: Format, bytes: &[u8]) {
    let mut files = 0;
    let mut include = |_: &Path| {
        files += 1;
        if files < 4 { Ok(bytes.to_vec()) } else { Err("no".to_owned()) }
    };
    match Lockfile::read_as(format, Path::new("lock"), bytes, &mut include) {
        Err(error) => assert!(!error.to_string().contains(['\u{1b}', '\u{202e}'])),
        Ok(lockfile) => {
            let lines = bytes.len() + 1;
            assert!(lockfile.locked.iter().all(|locked| locked.line.is_none_or(|line| (1..=lines).contains(&line))));
            assert!(lockfile.unpinned.iter().all(|unpinned| unpinned.what.chars().count() <= 200));
            lockfile.unpinned.iter().for_each(|unpinned| assert!(!unpinned.to_string().contains('\n')));
        }
    }
    let _ = Format::detect(Path::new("lock"), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_reader_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        FORMATS.iter().for_each(|(format, ..)| check(*format, &bytes));
    }

    #[test]
    fn no_reader_panics_on_lock_files_that_were_cut_and_pasted(
        which in 0..FORMATS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, any::<prop::sample::Index>(), 0..40_usize), 1..6),
    ) {
        let (format, _, text) = FORMATS[which];
        let mut bytes = text.as_bytes().to_vec();
        for (to, removed, from, added) in edits {
            let (to, from) = (to.index(bytes.len()), from.index(text.len()));
            let end = (to + removed).min(bytes.len());
            let piece = text.as_bytes()[from..(from + added).min(text.len())].to_vec();
            bytes.splice(to..end, piece);
        }
        check(format, &bytes);
    }

    #[test]
    fn no_reader_panics_on_requirement_like_lines(
        line in r#"[ \t]?(six|a_|[a-z.\-_]{0,3})(\[[a-z,_ -]{0,4}\]?)?( ?(==|===|~=|@|;|\\|>) ?)?[0-9a-z.*+!:/@#$\{\}"' -]{0,12}(--hash[= ]sha256:[0-9a-f]{0,4})?\PC{0,3}"#
    ) {
        check(Format::Requirements, line.as_bytes());
    }

    #[test]
    fn a_requirement_that_was_written_is_read(name in "[a-z][a-z0-9]{0,8}", release in prop::collection::vec(0..2000_u32, 1..4), content in any::<[u8; 8]>()) {
        let version = release.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let digest = twinbuild_subject::Sha256::of(&content);
        let text = format!("{name}=={version} \\\n    --hash=sha256:{digest}\n");
        let lockfile = Lockfile::read(Path::new("requirements.txt"), text.as_bytes()).unwrap();
        let [locked] = &lockfile.locked[..] else { panic!("{lockfile:?}") };
        prop_assert_eq!(locked.name.as_str(), name);
        prop_assert_eq!(locked.version.to_string(), version);
        prop_assert_eq!(locked.files[0].sha256, Some(digest));
    }
}
