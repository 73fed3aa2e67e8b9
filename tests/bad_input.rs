//! What an index and its files can have wrong with them, on an index of our own on loopback.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixtures::{RECIPE, SDIST, WHEEL, project, sdist};
use crate::support::{Said, finding, folder, run, text, twinbuild};

/// An index that serves these paths, and 404 for all others, until the test process ends.
struct Index {
    address: String,
}

impl Index {
    /// An index with the project `demo` of these files, each as name, bytes, and changes to what the page says of it.
    fn new(files: &[(&str, Vec<u8>, Value)], page: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut served: HashMap<String, Vec<u8>> = HashMap::new();
        let mut listed = Vec::new();
        for (name, bytes, changes) in files {
            let mut file = json!({
                "filename": name,
                "url": format!("{address}/files/{name}"),
                "hashes": { "sha256": hex(&Sha256::digest(bytes)) },
                "size": bytes.len(),
                "upload-time": "2020-02-02T00:00:00Z",
                "yanked": false,
            });
            merge(&mut file, changes);
            listed.push(file);
            served.insert(format!("/files/{name}"), bytes.clone());
        }
        let mut body =
            json!({ "meta": { "api-version": "1.1" }, "name": "demo", "versions": ["1.0"], "files": listed });
        merge(&mut body, page);
        served.insert("/simple/demo/".to_owned(), body.to_string().into_bytes());
        let served = Arc::new(served);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || answer(stream, &served));
            }
        });
        Self { address }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let cache = folder();
        let index = format!("{}/simple/", self.address);
        run(twinbuild()
            .env("TWINBUILD_CACHE_DIR", cache.path())
            .args(["--format", "json", "--index-url", &index])
            .args(arguments))
    }

    fn judge(&self) -> (i32, Value) {
        let said = self.run(&["rebuild", "pypi:demo@1.0"]);
        assert!(!said.out.is_empty(), "{said}");
        (said.code, said.json())
    }
}

fn merge(value: &mut Value, changes: &Value) {
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
}

fn answer(stream: TcpStream, served: &HashMap<String, Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    if reader.read_line(&mut request).is_err() {
        return;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/");
    let (status, body) = served.get(path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body.as_slice()));
    let kind =
        if path.starts_with("/simple") { "application/vnd.pypi.simple.v1+json" } else { "application/octet-stream" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)); // a client may hang up
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
