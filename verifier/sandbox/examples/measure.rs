//! Measures sandboxes, for `scripts/bench-sandbox` and `scripts/bench-evidence`.
//!
//! `measure start` prints the median start and end of a sandbox around `/bin/true`, with everything on, beside that of bubblewrap.
//! `measure evidence LAYER... --source DIR -- COMMAND...` prints the median of a command with evidence and without; it runs in a copy of
//! `DIR` in `/build`, may write to `/output`, and prints what it is if it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)] // A measurement fails by panicking.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use twinbuild_sandbox::{Cancel, Copy, End, Insertion, SkeletonFile, Spec, init_if_requested, run};

fn main() {
    init_if_requested();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("start") => start(),
        Some("evidence") => evidence(&arguments[1..]),
        _ => panic!("measure start, or measure evidence LAYER... --source DIR -- COMMAND..."),
    }
}

fn median(spent: &mut [Duration]) -> Duration {
    spent.sort();
    spent[spent.len() / 2]
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn succeed(spec: &Spec) -> bool {
    let run = run(spec, &Cancel::new().unwrap()).unwrap();
    assert_eq!(run.end, End::Exited(0), "{}", String::from_utf8_lossy(&run.log.bytes));
    run.evidence.is_some()
}

fn start() {
    const ROUNDS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let layers = ["top", "middle", "root"].map(|name| folder.path().join(name));
    for layer in &layers {
        fs::create_dir_all(layer.join("usr/share")).unwrap();
    }
    fill(&layers[2]);
    let spec = Spec {
        layers: layers.to_vec(),
        files: vec![SkeletonFile {
            path: "/etc/passwd".into(),
            content: b"x:x:1000:1000::/:/bin/sh\n".to_vec(),
            mode: 0o644,
        }],
        scratch: vec!["/build".into()],
        argv: vec!["/bin/true".into()],
        cwd: "/build".into(),
        boot_offset_secs: 86_400,
        ..Spec::default()
    };
    let bubblewrap = || {
        let status = Command::new("bwrap")
            .args([
                "--unshare-user",
                "--unshare-pid",
                "--unshare-net",
                "--unshare-ipc",
                "--unshare-uts",
                "--unshare-cgroup",
            ])
            .args(["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--hostname", "localhost", "--clearenv"])
            .arg("--ro-bind")
            .arg(&layers[2])
            .args([
                "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/build", "--chdir", "/build",
            ])
            .args(["--die-with-parent", "--new-session", "/bin/true"])
            .status()
            .unwrap();
        assert!(status.success());
    };
    bubblewrap();
    let has_evidence = succeed(&spec);
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(timed(|| {
            succeed(&spec);
        }));
        peer.push(timed(bubblewrap));
    }
    let held = run(&spec, &Cancel::new().unwrap()).unwrap().limits_in_force.unwrap();
    let by: Vec<_> = ["memory-bytes", "processes", "cpu-secs"]
        .map(|name| format!("{name} by {}", held.limit(name).unwrap().by.name()))
        .to_vec();
    let (own, peer) = (median(&mut own), median(&mut peer));
    let ratio = own.as_secs_f64() / peer.as_secs_f64();
    println!("cores: {}   evidence: {has_evidence}   {}", std::thread::available_parallelism().unwrap(), by.join(", "));
    println!("median of {ROUNDS}: {own:.1?} / bwrap {peer:.1?} = ratio {ratio:.2} (bar 2.5)");
}

/// `true` of the host and the libraries that this program was started with, which it needs too.
fn fill(root: &Path) {
    let copy = |from: &Path, to: &str| {
        let to = root.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
    };
    copy(Path::new("/bin/true"), "usr/bin/true");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    for library in
        maps.lines().filter_map(|line| line.split_ascii_whitespace().nth(5)).filter(|path| path.contains(".so"))
    {
        let name = Path::new(library).file_name().unwrap().to_str().unwrap();
        for folder in ["usr/lib", "usr/lib64"] {
            copy(Path::new(library), &format!("{folder}/{name}"));
        }
    }
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).unwrap();
    }
    for name in ["proc", "dev", "tmp", "build"] {
        fs::create_dir(root.join(name)).unwrap();
    }
}

fn evidence(arguments: &[String]) {
    const ROUNDS: usize = 15;
    let (before, command) = arguments.split_at(arguments.iter().position(|argument| argument == "--").unwrap());
    let (layers, source) = before.split_at(before.iter().position(|argument| argument == "--source").unwrap());
    let spec = Spec {
        layers: layers.iter().map(PathBuf::from).collect(),
        copies: vec![Copy { source: source[1].clone().into(), target: "/build".into(), order: Insertion::Sorted }],
        scratch: vec!["/build".into(), "/output".into()],
        argv: command[1..].to_vec(),
        env: vec![("PATH".into(), "/env/bin:/usr/bin:/bin".into()), ("LC_ALL".into(), "C.UTF-8".into())],
        cwd: "/build".into(),
        ..Spec::default()
    };
    let without = Spec { evidence: false, ..spec.clone() };
    assert!(succeed(&spec), "this host takes no evidence");
    assert!(!succeed(&without));
    let seen = run(&spec, &Cancel::new().unwrap()).unwrap().evidence.unwrap();
    let executions = seen.executions.len() as u64 + seen.executions_dropped;
    let (mut with_ms, mut without_ms) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with_ms.push(timed(|| {
            succeed(&spec);
        }));
        without_ms.push(timed(|| {
            succeed(&without);
        }));
    }
    let (with, without) = (median(&mut with_ms), median(&mut without_ms));
    let overhead = (with.as_secs_f64() / without.as_secs_f64() - 1.0) * 100.0;
    println!("{executions} executions: with evidence {with:.1?}, without {without:.1?}: {overhead:+.1} % (bar 5 %)");
}
