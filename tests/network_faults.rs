//! Runs that are cut short, caches that are harmed, and runs side by side.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::fixtures::project;
use crate::support::{folder, rebuild, run, shared_cache, text, twinbuild};

/// The processes whose program is the file at `path`.
fn processes_of(path: &Path) -> Vec<String> {
    let running = |entry: fs::DirEntry| {
        let is_it = fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == path);
        is_it.then(|| entry.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter_map(running).collect()
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

/// Waits for the kernel to take away what was killed.
fn assert_none_left(program: &Path) {
    for _ in 0..200 {
        if processes_of(program).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("still running: {:?}", processes_of(program));
}

#[test]
fn a_run_killed_at_any_moment_leaves_nothing_and_harms_nothing() {
    rebuild(&["pypi:six@1.16.0"]);
    let folder = folder();
    // A copy of the program, so that its processes are told from those of other tests.
    let program = folder.path().join("twinbuild");
    fs::copy(env!("CARGO_BIN_EXE_twinbuild"), &program).unwrap();
    let mounts_before = mounts();
    let command = || {
        let mut command = Command::new(&program);
        command.args(["rebuild", "--offline", "pypi:six@1.16.0"]).env("TWINBUILD_CACHE_DIR", shared_cache());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    for round in 0..10_u64 {
        let mut child = command().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(30 + round * 137 % 1400));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_none_left(&program);
    }
    assert_eq!(mounts(), mounts_before);
    assert_eq!(command().status().unwrap().code(), Some(0));
    assert_none_left(&program);
}

#[test]
fn a_run_that_is_interrupted_stops_its_builds() {
    let folder = folder();
    let program = folder.path().join("twinbuild");
    fs::copy(env!("CARGO_BIN_EXE_twinbuild"), &program).unwrap();
    let project = project(folder.path(), "import time; time.sleep(1000)");
    let mut child = Command::new(&program)
        .args(["rebuild", text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)])
        .env("TWINBUILD_CACHE_DIR", shared_cache())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The program, and an init for each twin.
    for _ in 0..600 {
        if processes_of(&program).len() >= 3 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_none_left(&program);
}

#[test]
fn two_runs_at_once_share_a_cache() {
    let handles: Vec<_> = (0..2).map(|_| std::thread::spawn(|| rebuild(&["pypi:six@1.16.0"]).0)).collect();
    for handle in handles {
        assert_eq!(handle.join().unwrap(), 0);
    }
}

#[test]
fn a_harmed_blob_is_fetched_again() {
    let folder = folder();
    let cache = folder.path().join("cache");
    let infer = || run(twinbuild().env("TWINBUILD_CACHE_DIR", &cache).args(["infer", "pypi:six@1.16.0"]));
    assert_eq!(infer().code, 0);
    let blobs: Vec<_> = walk(&cache.join("blobs"));
    assert_eq!(blobs.len(), 2, "the wheel and the sdist: {blobs:?}");
    for blob in &blobs {
        fs::write(blob, "harmed").unwrap();
    }
    let said = infer();
    assert_eq!(said.code, 0, "{said}");
    assert!(walk(&cache.join("blobs")).iter().all(|blob| fs::metadata(blob).unwrap().len() > 6));
    for blob in &blobs {
        fs::write(blob, "harmed").unwrap();
    }
    let said = run(twinbuild().env("TWINBUILD_CACHE_DIR", &cache).args(["infer", "--offline", "pypi:six@1.16.0"]));
    assert_eq!(said.code, 2, "{said}");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() { files.extend(walk(&entry.path())) } else { files.push(entry.path()) }
    }
    files
}

#[test]
fn the_built_program_works_for_an_unprivileged_user() {
    if !rustix::process::getuid().is_root() {
        return; // All the other tests are run by one, then.
    }
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let place = std::env::temp_dir().join(format!("twinbuild-unprivileged-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let program = place.join("twinbuild");
    fs::copy(env!("CARGO_BIN_EXE_twinbuild"), &program).unwrap();
    std::os::unix::fs::chown(&place, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(&program);
    command.uid(NOBODY).gid(NOBODY).env("HOME", &place).env_remove("TWINBUILD_CACHE_DIR").env_remove("XDG_CACHE_HOME");
    command.env_remove("XDG_CONFIG_HOME").current_dir(&place).args(["--format", "json", "rebuild", "pypi:six@1.16.0"]);
    let said = run(&mut command);
    let cleared = fs::remove_dir_all(&place);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.json()["outcome"], "reproduced");
    cleared.unwrap();
}
