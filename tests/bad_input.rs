//! What an index and its files can have wrong with them, on an index of our own on loopback.

use std::fs;
use std::net::TcpListener;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::fixtures::{RECIPE, SDIST, WHEEL, project, sdist};
use crate::local_index::{Index, hex};
use crate::support::{finding, folder, run, text, twinbuild};

/// The demo project's wheel and sdist.
fn honest() -> (Vec<u8>, Vec<u8>) {
    let folder = folder();
    let project = project(folder.path(), "");
    (fs::read(project.wheel).unwrap(), fs::read(project.sdist).unwrap())
}

fn index_of(wheel: Vec<u8>, sdist: Vec<u8>) -> Index {
    Index::new(&[(WHEEL, wheel, json!({})), (SDIST, sdist, json!({}))], &json!({}))
}

#[test]
fn an_unknown_project_is_named() {
    let (wheel, sdist) = honest();
    let said = index_of(wheel, sdist).run(&["rebuild", "pypi:other@1.0"]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("no project other"), "{said}");
}

#[test]
fn an_unknown_version_is_named_with_those_that_exist() {
    let (wheel, sdist) = honest();
    let said = index_of(wheel, sdist).run(&["rebuild", "pypi:demo@2.0"]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("2.0") && said.err.contains("1.0"), "{said}");
}

#[test]
fn an_index_that_does_not_answer_is_no_verdict() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = Index { address: format!("http://{}", listener.local_addr().unwrap()) };
    drop(listener);
    let said = index.run(&["rebuild", "pypi:demo@1.0"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.err.contains("127.0.0.1"), "{said}");
}

#[test]
fn a_wheel_without_an_sdist_has_no_source() {
    let (wheel, _) = honest();
    let (code, verdict) = Index::new(&[(WHEEL, wheel, json!({}))], &json!({})).judge();
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("source-missing")), "{verdict:#}");
}

#[test]
fn what_is_not_what_was_promised_is_judged_by_what_it_is() {
    let (wheel, sdist) = honest();
    let promised = json!({ "hashes": { "sha256": "0".repeat(64) } });
    let received = hex(&Sha256::digest(&wheel));
    let index = Index::new(&[(WHEEL, wheel.clone(), promised.clone()), (SDIST, sdist.clone(), json!({}))], &json!({}));
    let (code, verdict) = index.judge();
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("inconclusive")), "{verdict:#}");
    assert_eq!(verdict["subject"]["digests"]["sha256"].as_str(), Some(received.as_str()));
    assert_eq!(finding(&verdict, "digest-mismatch")["severity"], "alert");
    let index = Index::new(&[(WHEEL, wheel, json!({})), (SDIST, sdist, promised)], &json!({}));
    let (code, verdict) = index.judge();
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("inconclusive")), "{verdict:#}");
    assert_eq!(verdict["reason"]["class"], "source-digest-mismatch");
    assert_eq!(finding(&verdict, "source-digest-mismatch")["severity"], "alert");
}

#[test]
fn what_an_index_says_against_a_file_is_a_finding() {
    let (wheel, _) = honest();
    let yanked = json!({ "yanked": "broken \u{1b}[31m" });
    let quarantined = json!({ "project-status": { "status": "quarantined", "reason": "malware" } });
    let (_, verdict) = Index::new(&[(WHEEL, wheel, yanked)], &quarantined).judge();
    assert_eq!(finding(&verdict, "project-quarantined")["severity"], "alert");
    let withdrawn = finding(&verdict, "yanked");
    assert_eq!(withdrawn["severity"], "warning");
    assert!(!withdrawn["detail"].as_str().unwrap().contains('\u{1b}'));
}

#[test]
fn a_file_that_is_no_zip_is_rejected() {
    let (_, sdist) = honest();
    for bytes in [b"not a zip file at all".to_vec(), Vec::new(), vec![0; 100]] {
        let (code, verdict) = index_of(bytes, sdist.clone()).judge();
        assert_eq!((code, verdict["outcome"].as_str()), (1, Some("rejected")), "{verdict:#}");
    }
    let (wheel, sdist) = honest();
    let (code, verdict) = index_of(wheel[..wheel.len() - 30].to_vec(), sdist).judge();
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("rejected")), "{verdict:#}");
}

/// A tar.gz with one member of this name and kind beside an honest one.
fn hostile_sdist(name: &str, kind: tar::EntryType, link: Option<&str>) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut add = |name: &str, kind: tar::EntryType, link: Option<&str>, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        // Set by hand: the crate refuses such names itself.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(kind);
        if let Some(link) = link {
            header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        }
        header.set_cksum();
        builder.append(&header, content).unwrap();
    };
    add("demo-1.0/setup.py", tar::EntryType::Regular, None, b"raise SystemExit\n");
    add(name, kind, link, b"");
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_source_that_leaves_its_tree_is_malformed() {
    let (wheel, _) = honest();
    let regular = tar::EntryType::Regular;
    let symlink = tar::EntryType::Symlink;
    for (name, kind, link) in [
        ("demo-1.0/../../evil.py", regular, None),
        ("/etc/evil.py", regular, None),
        ("demo-1.0/link", symlink, Some("/etc/passwd")),
        ("demo-1.0/link", symlink, Some("../../etc/passwd")),
        ("demo-1.0/hard", tar::EntryType::Link, Some("/etc/passwd")),
        ("demo-1.0/device", tar::EntryType::Char, None),
        ("demo-1.0/fifo", tar::EntryType::Fifo, None),
    ] {
        let (code, verdict) = index_of(wheel.clone(), hostile_sdist(name, kind, link)).judge();
        assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{name} {link:?}: {verdict:#}");
        assert_eq!(verdict["reason"]["class"], "source-malformed", "{name} {link:?}: {verdict:#}");
        assert_eq!(finding(&verdict, "source-malformed")["severity"], "alert", "{name} {link:?}");
    }
    let (code, verdict) = index_of(wheel, b"no tar at all".to_vec()).judge();
    assert_eq!((code, verdict["reason"]["class"].as_str()), (2, Some("source-malformed")), "{verdict:#}");
}

#[test]
fn a_source_that_does_not_say_how_it_is_built_is_unbuildable() {
    let (wheel, _) = honest();
    for (name, content) in [
        ("README", "hello"),
        ("pyproject.toml", "[[["),
        ("pyproject.toml", "[build-system]\nrequires = ['x @ https://example.invalid/x.whl']"),
        ("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['..']"),
    ] {
        let (code, verdict) = index_of(wheel.clone(), sdist(&[(name, content)])).judge();
        assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{content}: {verdict:#}");
        assert_eq!(verdict["reason"]["class"], "source-unclear", "{content}");
    }
}

#[test]
fn a_local_file_without_a_source_is_asked_for_one() {
    let (wheel, sdist) = honest();
    let folder = folder();
    let other = project(folder.path(), "");
    fs::write(&other.wheel, [wheel.clone(), vec![0]].concat()).unwrap();
    let said = index_of(wheel, sdist).run(&["rebuild", text(&other.wheel)]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("--source"), "{said}");
}

#[test]
fn a_source_that_came_long_after_the_file_is_no_same_upload_without_a_warning() {
    let (wheel, sdist) = honest();
    let late = json!({ "upload-time": "2026-02-02T00:00:00Z", "yanked": "stolen account" });
    // The wheel's generator is not known, so the walk ends at the recipe; what the index says is said before.
    let (_, verdict) = Index::new(&[(WHEEL, wheel, json!({})), (SDIST, sdist, late)], &json!({})).judge();
    assert_eq!(finding(&verdict, "source-uploaded-later")["severity"], "warning");
    assert_eq!(finding(&verdict, "source-yanked")["severity"], "warning");
}

#[test]
fn a_recipe_cannot_reach_beyond_its_own_files() {
    let folder = folder();
    let project = project(folder.path(), "");
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let lock = |name: &str, version: &str, file: &str| {
        let digest = "0".repeat(64);
        format!("locked = [{{ name = {name:?}, version = {version:?}, file-name = {file:?}, sha256 = {digest:?} }}]")
    };
    for locked in [
        lock("x", "1", text(&victim)),
        lock("x", "1", "../victim"),
        lock("x", "1 --hash=sha256:00\ndemo==1.0", "x-1-py3-none-any.whl"),
        lock("x", "1", "demo-1-py3-none-any.whl"),
    ] {
        fs::write(&project.recipe, RECIPE.replace("locked = []", &locked)).unwrap();
        let arguments =
            ["rebuild", text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
        let said = run(twinbuild().args(arguments));
        assert_eq!(said.code, 64, "{locked}: {said}");
        assert!(said.err.contains("requirements.locked"), "{locked}: {said}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_recipe_names_an_interpreter_that_is_there() {
    let folder = folder();
    let project = project(folder.path(), "");
    fs::write(&project.recipe, RECIPE.replace("3.11", "2.4")).unwrap();
    let arguments =
        ["rebuild", text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    let said = run(twinbuild().args(["--format", "json"]).args(arguments));
    assert_eq!((said.code, said.json()["outcome"].as_str()), (2, Some("unsupported")), "{said}");
}

#[test]
fn a_date_after_the_upload_is_refused() {
    let (wheel, sdist) = honest();
    let said = index_of(wheel, sdist).run(&["rebuild", "pypi:demo@1.0", "--as-of", "2030-01-01T00:00:00Z"]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("--as-of"), "{said}");
}

#[test]
fn hostile_text_of_a_source_cannot_steer_a_terminal() {
    let (wheel, _) = honest();
    let hostile = sdist(&[("pyproject.toml", "x = \u{1b}[2J\u{1b}[1;32mreproduced")]);
    let cache = folder();
    let index = index_of(wheel, hostile);
    let mut command = twinbuild();
    command.env("TWINBUILD_CACHE_DIR", cache.path()).args(["--index-url", &format!("{}/simple/", index.address)]);
    let said = run(command.args(["rebuild", "pypi:demo@1.0"]));
    assert_eq!(said.code, 2, "{said}");
    assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "{said}");
    assert!(!said.out.lines().any(|line| line.trim_start().starts_with("reproduced")), "{said}");
}

#[test]
fn a_recipe_that_edits_or_excludes_is_refused() {
    let folder = folder();
    let project = project(folder.path(), "");
    for addition in ["\nexclude = [\"*.py\"]", "\npatch = \"x\""] {
        fs::write(&project.recipe, RECIPE.to_owned() + addition).unwrap();
        let arguments =
            ["rebuild", text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
        let said = run(twinbuild().args(arguments));
        assert_eq!(said.code, 64, "{said}");
        assert!(said.err.contains("unknown field"), "{said}");
    }
}
