//! Running the binary, and files to run it on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The binary with the shared cache, and none of the caller's configuration.
pub(crate) fn twinbuild() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinbuild"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).env("TWINBUILD_CACHE_DIR", shared_cache());
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_str().is_some_and(|name| name.starts_with("TWINBUILD_") || name == "RUST_LOG");
        if is_ours && name != "TWINBUILD_CACHE_DIR" {
            command.env_remove(name);
        }
    }
    command
}

/// The cache that all tests share; it stays from run to run.
pub(crate) fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The one JSON object that was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}\n--- out\n{}\n--- err\n{}", self.code, self.out, self.err)
    }
}

pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// `rebuild --format json` with these arguments, its exit code and its verdict.
pub(crate) fn rebuild(arguments: &[&str]) -> (i32, Value) {
    let said = run(twinbuild().args(["--format", "json", "rebuild"]).args(arguments));
    assert!(!said.out.is_empty(), "no verdict: {said}");
    (said.code, said.json())
}

/// The finding of this code among a verdict's findings.
pub(crate) fn finding<'a>(verdict: &'a Value, code: &str) -> &'a Value {
    let findings = verdict["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code}: {verdict:#}"))
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
