//! What a new user does wrong, and what each message says can be done.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::fixtures::{SDIST, WHEEL, project};
use crate::local_index::Index;
use crate::support::{Said, folder, run, twinbuild};

/// A folder with what the tests name, and the command in it, as someone has it who has configured nothing.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: folder() };
        let keys = [("verdict", "verdict.key"), ("log", "log.key")];
        for (role, name) in keys {
            let said = place.run(&["key", "generate", "--role", role, "--out", name]);
            assert_eq!(said.code, 0, "{said}");
        }
        place.write("plain", "this is no key, no policy, no archive and no ledger\n");
        place.write("policy.toml", &format!("{}\n", place.policy()));
        place.write(
            "list.jsonl",
            "{\"name\":\"demo\",\"version\":\"1.0\",\"fileName\":\"demo-1.0-py3-none-any.whl\"}\n",
        );
        project(place.folder.path(), "");
        fs::create_dir(place.path("results")).unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// A policy of one ledger, whose folder has nothing.
    fn policy(&self) -> String {
        let shown = self.run(&["key", "show", "log.key.pub", "--name", "verdicts.example/log"]);
        let log_key = shown.out.lines().last().unwrap().to_owned();
        let verdict = fs::read_to_string(self.path("verdict.key.pub")).unwrap();
        format!("[[ledger]]\nat = \"results\"\nlog-key = \"{log_key}\"\nverdict-keys = ['''{verdict}''']")
    }

    fn command(&self) -> Command {
        let mut command = twinbuild();
        let home = self.folder.path();
        command.current_dir(home).env("HOME", home).env("TWINBUILD_KEY_PASSPHRASE", "a passphrase of some length");
        for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
        command.env("TWINBUILD_CACHE_DIR", home.join("cache")).env("TWINBUILD_INDEX_URL", "http://127.0.0.1:9/simple");
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        run(self.command().args(arguments))
    }
}

/// Whether a message says what can be done: in a line of its own, or as the parser of the command line does.
fn has_next_step(said: &Said) -> bool {
    said.err.contains("\n  next: ") || said.err.contains("try '--help'")
}

#[test]
fn every_error_says_what_can_be_done() {
    let place = Place::new();
    let publishing = |verdict| {
        let to =
            ["--ledger", "ledger", "--key", "verdict.key", "--log-key", "log.key", "--origin", "verdicts.example/log"];
        [&["publish"], &to[..], &[verdict]].concat()
    };
    let cases: Vec<(Vec<&str>, i32, &str)> = vec![
        // What is asked about.
        (vec!["rebuild", "six"], 64, "say which one, as in pypi:six@1.0"),
        (vec!["rebuild", "six==1.16.0"], 64, "write pypi:six@1.16.0"),
        (vec!["infer", "pypi:six==1.16.0"], 64, "write pypi:six@1.16.0"),
        (vec!["rebuild", "six@1.16.0"], 64, "write pypi:six@1.16.0"),
        (vec!["rebuild", "six 1.16.0"], 64, "write pypi:six@1.16.0"),
        (vec!["rebuild", "pkg:npm/left-pad@1.0"], 64, "knows only pypi"),
        (vec!["rebuild", "pypi:six@latest"], 64, "latest"),
        (vec!["rebuild", "???"], 64, "pypi:NAME@VERSION"),
        (vec!["rebuild", "demo-1.1-py3-none-any.whl"], 64, "did you mean `demo-1.0-py3-none-any.whl`?"),
        (vec!["rebuild", "results/none.whl"], 64, "is not there: check the path"),
        (vec!["rebuild", WHEEL, "--source", "demo-1.1.tar.gz"], 64, "did you mean `demo-1.0.tar.gz`?"),
        (vec!["rebuild", WHEEL, "--source", SDIST, "--recipe", "recpie.toml"], 64, "did you mean `recipe.toml`?"),
        (vec!["rebuild", WHEEL, "--source", SDIST, "--recipe", "plain"], 64, "plain"),
        (vec!["rebuild", "pypi:six@1.16.0", "--as-of", "yesterday"], 64, "such as 2023-10-01T12:00:00Z"),
        (vec!["rebuild", "pypi:six@1.16.0", "--recipes", "reslts"], 64, "did you mean `results`?"),
        // Names of values.
        (vec!["rebuidl", "pypi:six@1.16.0"], 64, "'rebuild'"),
        (vec!["rebuild", "pypi:six@1.16.0", "--formt", "json"], 64, "'--format'"),
        (vec!["rebuild", "pypi:six@1.16.0", "--vary", "hostname"], 64, "did you mean `host-name`?"),
        (vec!["rebuild", "pypi:six@1.16.0", "--limit", "memory=1"], 64, "did you mean `memory-bytes`?"),
        (vec!["rebuild", "pypi:six@1.16.0", "--limit", "memory-bytes=1GB"], 64, "NAME=NUMBER is expected"),
        (vec!["rebuild", "pypi:six@1.16.0", "--sandbox", "docker"], 64, "auto, own or bubblewrap"),
        (vec!["rebuild", "pypi:six@1.16.0", "--format", "sarif"], 64, "text, json, markdown or html"),
        (vec!["env", "resolve", "bokworm"], 64, "did you mean `bookworm`?"),
        (vec!["env", "resolve", "jessie"], 64, "the suites are bookworm, bullseye, trixie"),
        (vec!["env", "show", "abc"], 64, "at least 6 digits"),
        (vec!["env", "show", "abcdef0123"], 64, "twinbuild env list"),
        (vec!["env", "show", "./polcy.toml"], 64, "did you mean `./policy.toml`?"),
        (vec!["help", "nothing"], 64, "these are known"),
        // No network, and an index that is none.
        (vec!["rebuild", "pypi:six@1.16.0"], 2, "check the network"),
        (vec!["--offline", "rebuild", "pypi:six@1.16.0"], 2, "run once without --offline"),
        (vec!["--index-url", "ftp://x", "rebuild", "pypi:six@1.16.0"], 64, "name another with --index-url"),
        // A cache that cannot be.
        (vec!["--cache-dir", "plain/cache", "env", "list"], 2, "--cache-dir"),
        (vec!["--cache-dir", "/proc/twinbuild", "rebuild", "pypi:six@1.16.0"], 2, "--cache-dir"),
        // Files.
        (vec!["compare", "polcy.toml", "plain"], 64, "did you mean `policy.toml`?"),
        (vec!["compare", "results", "plain"], 64, "is a folder: name a file"),
        (vec!["compare", "plain", "plain"], 64, "these are: .whl"),
        (vec!["normalize", WHEEL, "-o", "none/out.whl"], 64, "none is not there"),
        (vec!["normalize", WHEEL, "-o", "results"], 64, "name a file in it"),
        (vec!["normalize", WHEEL, "-o", "/proc/out.whl"], 64, "/proc/out.whl"),
        (vec!["normalize", "plain", "-o", "out"], 64, "zip files and wheels"),
        (vec!["repack", "--parameters", "plain", "--members", WHEEL, "-o", "out.whl"], 64, "plain"),
        (vec!["replay", "plain"], 64, "plain"),
        (vec!["replay", "verdict.json"], 64, "is not there"),
        (vec!["corpus", "run", "lists.jsonl"], 64, "is not there"),
        (vec!["corpus", "run", "plain"], 64, "plain"),
        (vec!["corpus", "run", "list.jsonl", "-o", "/proc/results.jsonl"], 64, "/proc/results.jsonl"),
        (vec!["corpus", "run", "list.jsonl", "-o", "none/results.jsonl"], 64, "none is not there"),
        (vec!["corpus", "check-recipes", "plain"], 64, "is not a folder"),
        (vec!["man", "--out", "plain/man"], 64, "plain/man"),
        // Ledgers and keys.
        (vec!["verify", WHEEL, "--policy", "polcy.toml"], 64, "did you mean `policy.toml`?"),
        (vec!["verify", WHEEL, "--policy", "plain"], 64, "plain"),
        (vec!["verify", "demo.whl", "--policy", "policy.toml"], 64, "demo.whl is not there"),
        (vec!["verify", "--installed", "plain", "--policy", "policy.toml"], 64, "is not a folder"),
        (vec!["verify", "--installed", "results", "--policy", "policy.toml"], 64, "name a virtual environment"),
        (vec!["verify", "--requirements", "plain", "--policy", "policy.toml"], 64, "plain"),
        (vec!["verify", WHEEL, "--bundle", "plain", "--policy", "policy.toml"], 64, "no file that carries a proof"),
        (vec!["audit", "--policy", "policy.toml"], 1, "results"),
        (vec!["key", "show", "verdict.kye"], 64, "did you mean `verdict.key`?"),
        (vec!["key", "show", "plain"], 64, "plain"),
        (vec!["key", "generate", "--out", "verdict.key"], 64, "verdict.key"),
        (vec!["key", "generate", "--out", "none/new.key"], 64, "none is not there"),
        (vec!["key", "generate", "--out", "/proc/new.key"], 64, "/proc/new.key"),
        (publishing("verdict.jsn"), 64, "is not there"),
        (publishing("plain"), 64, "plain"),
        (
            vec!["witness", "sign", "--policy", "policy.toml", "--key", "log.key", "--name", "w.example/x"],
            64,
            "witness",
        ),
        (vec!["witness", "add", "--ledger", "results", "--witness-key", "x", "plain"], 64, "x"),
    ];
    let mut wrong = Vec::new();
    for (arguments, code, expected) in cases {
        let said = place.run(&arguments);
        if said.code != code || !said.err.contains(expected) || !has_next_step(&said) || !said.out.is_empty() {
            wrong.push(format!("{arguments:?} does not end with {code} and say {expected:?}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_configuration_that_is_wrong_is_told_with_file_and_line() {
    let place = Place::new();
    for (content, expected) in [
        ("index-ulr = 'x'\n", "twinbuild.toml, line 1: unknown key `index-ulr`: did you mean `index-url`?"),
        ("offline = true\n[git]\ninstead_of = {}\n", "line 3: unknown key `instead_of`: did you mean `instead-of`?"),
        ("[limits]\nmemory = 1\n", "did you mean `memory-bytes`?"),
        ("offline = 'yes'\n", "line 1"),
        ("offline = \n", "line 1"),
        ("sandbox = 'docker'\n", "auto, own or bubblewrap"),
    ] {
        place.write("twinbuild.toml", content);
        let said = place.run(&["env", "list"]);
        assert!(said.code == 64 && said.err.contains(expected) && has_next_step(&said), "{content}: {said}");
    }
    fs::remove_file(place.path("twinbuild.toml")).unwrap();
    fs::create_dir_all(place.path(".config/twinbuild.toml")).unwrap();
    let said = place.run(&["env", "list"]);
    assert!(said.code == 64 && said.err.contains("reading") && has_next_step(&said), "{said}");
}

#[test]
fn variables_that_are_wrong_are_told() {
    let place = Place::new();
    for (name, value, expected) in [
        ("TWINBUILD_OFFLINE", "maybe", "true or false is expected"),
        ("TWINBUILD_TIMEOUT_SECS", "soon", "TWINBUILD_TIMEOUT_SECS"),
        ("TWINBUILD_LIMITS", "memory=1", "did you mean `memory-bytes`?"),
        ("TWINBUILD_SANDBOX", "docker", "auto, own or bubblewrap"),
        ("TWINBUILD_GIT_INSTEAD_OF", "x", "BEGINNING=BASE is expected"),
        ("TWINBUILD_FORMAT", "jsn", "'json'"),
        ("TWINBUILD_LOG_FORMAT", "yaml", "text, json"),
        ("TWINBUILD_INDEX_URL", "pypi", "--index-url"),
    ] {
        let said = run(place.command().args(["env", "list"]).env(name, value));
        assert!(said.code == 64 && said.err.contains(expected) && has_next_step(&said), "{name}: {said}");
    }
    let mut command = place.command();
    command.env_remove("HOME").env_remove("TWINBUILD_CACHE_DIR").args(["env", "list"]);
    let said = run(&mut command);
    assert!(said.code == 64 && said.err.contains("--cache-dir") && has_next_step(&said), "{said}");
    let mut command = place.command();
    command.env_remove("TWINBUILD_KEY_PASSPHRASE").stdin(std::process::Stdio::null());
    let said = run(command.args(["key", "generate", "--out", "new.key"]));
    assert!(said.code == 64 && has_next_step(&said), "{said}");
}

#[test]
fn a_name_that_the_index_has_not_is_answered_with_near_ones() {
    let folder = folder();
    let files = project(folder.path(), "");
    let wheel = |name: &str| (name.to_owned(), fs::read(&files.wheel).unwrap(), json!({}));
    let index = Index::of_all(&[
        ("demo", vec![wheel(WHEEL)]),
        ("python-other", vec![wheel("python_other-1.0-py3-none-any.whl")]),
    ]);
    let cache = folder.path().join("cache");
    let ask = |subject: &str| {
        let mut command = twinbuild();
        command.env("TWINBUILD_CACHE_DIR", &cache).args(["--index-url", &format!("{}/simple/", index.address)]);
        run(command.args(["infer", subject]))
    };
    let said = ask("pypi:other@1.0");
    assert!(
        said.code == 64 && said.err.contains("no project other; near it are python-other: check the name"),
        "{said}"
    );
    let said = ask("pypi:dmo@1.0");
    assert!(said.err.contains("no project dmo: check the name"), "{said}");
    let said = ask("pypi:demo@7.0");
    assert!(said.code == 64 && said.err.contains("near it are 1.0: check the version"), "{said}");
    let said = ask("pypi:dmo@1.0");
    assert!(said.err.contains("no project dmo; near it are demo: check the name"), "{said}");
}

#[test]
fn an_index_that_wants_credentials_says_where_they_are_given() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/simple", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = std::io::Write::write_all(&mut stream, answer);
        }
    });
    let place = Place::new();
    let said = place.run(&["--index-url", &address, "rebuild", "pypi:six@1.16.0"]);
    assert!(said.code == 2 && said.err.contains("netrc"), "{said}");
}
