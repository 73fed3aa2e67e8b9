//! Nothing outlives its caller, and many run at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use twinbuild_sandbox::{Cancel, End, HOST_IDS, run};

use crate::fixture::{Fixture, is_root, start};
use crate::harness::Test;

pub(crate) const TESTS: &[Test] = &[
    ("the_host_sees_an_id_that_is_nobody_elses", the_host_sees_an_id_that_is_nobody_elses),
    ("cancelling_ends_all_that_were_started_with_it", cancelling_ends_all_that_were_started_with_it),
    ("a_killed_caller_leaves_no_process", a_killed_caller_leaves_no_process),
    ("a_caller_killed_at_any_moment_leaves_no_process", a_caller_killed_at_any_moment_leaves_no_process),
    ("a_thread_that_ends_takes_nothing_along", a_thread_that_ends_takes_nothing_along),
    ("eight_run_at_once", eight_run_at_once),
    ("starting_is_quick_and_leaves_no_mount", starting_is_quick_and_leaves_no_mount),
];

/// An argument by which the processes of one test are known.
pub(crate) fn token() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("token-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst))
}

/// Living processes of the host that were started with an argument.
pub(crate) fn processes_with(token: &str) -> Vec<u32> {
    let is_it = |process: &Path| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == token.as_bytes())
    };
    processes(is_it)
}

fn processes(is_it: impl Fn(&Path) -> bool) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        if let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse().ok())
            && is_it(&path)
        {
            found.push(id);
        }
    }
    found
}

pub(crate) fn parent_of(process: impl std::fmt::Display) -> i32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn host_uid(process: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    let ids: BTreeSet<u32> = line.split_ascii_whitespace().map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{line}");
    ids.into_iter().next().unwrap()
}

fn the_host_sees_an_id_that_is_nobody_elses(fixture: &Fixture) {
    let cancel = Cancel::new().unwrap();
    let tokens = [token(), token()];
    thread::scope(|scope| {
        for token in &tokens {
            scope.spawn(|| run(&fixture.spec("sleep", &[token]), &cancel).unwrap());
        }
        wait_until("both run", || tokens.iter().all(|token| processes_with(token).len() == 1));
        let ids = [0, 1].map(|index| host_uid(processes_with(&tokens[index])[0]));
        cancel.cancel();
        if is_root() {
            assert_ne!(ids[0], ids[1]);
            assert!(ids.iter().all(|id| HOST_IDS.contains(id)), "{ids:?}");
        } else {
            assert_eq!(ids, [rustix::process::getuid().as_raw(); 2]);
        }
    });
}

fn cancelling_ends_all_that_were_started_with_it(fixture: &Fixture) {
    let cancel = Cancel::new().unwrap();
    let token = token();
    thread::scope(|scope| {
        let runs: Vec<_> =
            (0..3).map(|_| scope.spawn(|| run(&fixture.spec("daemon", &[&token]), &cancel).unwrap())).collect();
        wait_until("all run", || processes_with(&token).len() == 9);
        let started = Instant::now();
        cancel.clone().cancel();
        for run in runs {
            assert_eq!(run.join().unwrap().end, End::Cancelled);
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    });
    assert_eq!(processes_with(&token), [0_u32; 0]);
    // And what is started later.
    assert_eq!(run(&fixture.spec("sleep", &[&token]), &cancel).unwrap().end, End::Cancelled);
    assert_eq!(processes_with(&token), [0_u32; 0]);
}

/// The process to be killed: runs a sandbox with daemons in it. Arguments: the fixture, a token.
pub(crate) fn caller(arguments: &[String]) {
    let fixture = Fixture::open(arguments[0].clone().into());
    let _ = start(&fixture.spec("daemon", &[&arguments[1]]));
}

fn start_caller(fixture: &Fixture, token: &str) -> std::process::Child {
    Command::new("/proc/self/exe")
        .arg("__caller")
        .arg(fixture.root())
        .arg(token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn a_killed_caller_leaves_no_process(fixture: &Fixture) {
    let token = token();
    let mut caller = start_caller(fixture, &token);
    // The caller itself, the command, its child and its grandchild.
    wait_until("all run", || processes_with(&token).len() == 4);
    caller.kill().unwrap();
    caller.wait().unwrap();
    wait_until("none is left", || processes_with(&token).is_empty());
}

fn a_caller_killed_at_any_moment_leaves_no_process(fixture: &Fixture) {
    let sandboxes = || {
        processes(|process| {
            // A zombie waits for the host's own process 1 and has no command line any more.
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("__twinbuild-sandbox-init")
        })
    };
    // Others may use sandboxes at the same time.
    let before: BTreeSet<u32> = sandboxes().into_iter().collect();
    let token = token();
    let mut seen = BTreeSet::new();
    for moment in 0..60 {
        let mut caller = start_caller(fixture, &token);
        thread::sleep(Duration::from_micros(moment * 300));
        seen.extend(sandboxes());
        caller.kill().unwrap();
        caller.wait().unwrap();
    }
    let ours: BTreeSet<u32> = seen.difference(&before).copied().collect();
    assert!(!ours.is_empty());
    wait_until("none is left", || processes_with(&token).is_empty() && sandboxes().iter().all(|id| !ours.contains(id)));
}

fn a_thread_that_ends_takes_nothing_along(fixture: &Fixture) {
    let spec = fixture.spec("true", &[]);
    for _ in 0..3 {
        let spec = spec.clone();
        let end = thread::spawn(move || start(&spec).unwrap().end).join().unwrap();
        assert_eq!(end, End::Exited(0));
    }
}

fn eight_run_at_once(fixture: &Fixture) {
    thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn(move || {
                    let name = format!("/build/{number}");
                    for _ in 0..5 {
                        let spec = fixture.spec("write", &[&name]);
                        let run = start(&spec).unwrap();
                        assert_eq!(run.end, End::Exited(0));
                        assert_eq!(run.log.bytes, format!("{name} done\n").into_bytes());
                    }
                })
            })
            .collect();
        for run in runs {
            run.join().unwrap();
        }
    });
}

fn starting_is_quick_and_leaves_no_mount(fixture: &Fixture) {
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    let before = mounts();
    let mut spent: Vec<Duration> = (0..30)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(start(&fixture.spec("true", &[])).unwrap().end, End::Exited(0));
            started.elapsed()
        })
        .collect();
    spent.sort();
    println!("start and end of a sandbox: median {:?}, fastest {:?}, slowest {:?}", spent[15], spent[0], spent[29]);
    assert!(spent[15] < Duration::from_millis(250), "{:?}", spent[15]);
    assert_eq!(mounts(), before);
}
