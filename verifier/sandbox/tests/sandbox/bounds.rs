//! What a command may use up.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use twinbuild_sandbox::{Cancel, End, InForce, Limit, Limits, Mechanism, Spec, run};

use crate::fixture::{Fixture, is_bubblewrapped, is_root, is_without_user_namespaces, start};
use crate::harness::Test;
use crate::lifetime::{parent_of, processes_with, token, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("processes_are_bounded_and_none_is_left", processes_are_bounded_and_none_is_left),
    ("one_who_is_refused_a_process_and_fails_met_a_limit", one_who_is_refused_a_process_and_fails_met_a_limit),
    ("the_wall_limit_ends_daemons_too", the_wall_limit_ends_daemons_too),
    ("memory_is_bounded", memory_is_bounded),
    ("memory_is_bounded_in_sum_and_with_what_is_shared", memory_is_bounded_in_sum_and_with_what_is_shared),
    (
        "memory_is_bounded_with_what_page_tables_and_sockets_take",
        memory_is_bounded_with_what_page_tables_and_sockets_take,
    ),
    ("a_limit_that_was_survived_is_no_end", a_limit_that_was_survived_is_no_end),
    ("open_files_are_bounded", open_files_are_bounded),
    ("scratch_is_bounded_in_bytes", scratch_is_bounded_in_bytes),
    ("scratch_that_was_emptied_again_was_full", scratch_that_was_emptied_again_was_full),
    ("scratch_is_bounded_in_inodes", scratch_is_bounded_in_inodes),
    ("scratch_is_bounded_in_sum", scratch_is_bounded_in_sum),
    ("shared_memory_that_nobody_has_attached_is_bounded", shared_memory_that_nobody_has_attached_is_bounded),
    ("a_file_is_bounded", a_file_is_bounded),
    ("a_flood_of_output_is_cut", a_flood_of_output_is_cut),
    ("processor_time_is_bounded", processor_time_is_bounded),
    ("processor_time_is_bounded_in_sum", processor_time_is_bounded_in_sum),
    ("every_limit_says_what_holds_it", every_limit_says_what_holds_it),
    ("no_group_outlives_its_sandbox", no_group_outlives_its_sandbox),
    ("the_group_of_a_killed_warden_is_removed_by_the_next", the_group_of_a_killed_warden_is_removed_by_the_next),
];

/// Once with control groups, where there are any, and once without.
fn either_way(spec: &Spec, mut judge: impl FnMut(&Spec)) {
    for control_groups in [true, false] {
        judge(&Spec { control_groups, ..spec.clone() });
    }
}

fn by(in_force: &InForce, name: &str) -> Mechanism {
    in_force.limit(name).unwrap_or_else(|| panic!("no limit {name}: {in_force:?}")).by
}

fn is_group(mechanism: Mechanism) -> bool {
    [Mechanism::CgroupV1, Mechanism::CgroupV2].contains(&mechanism)
}

fn processes_are_bounded_and_none_is_left(fixture: &Fixture) {
    let token = token();
    let mut spec = fixture.spec("fork", &["0", &token]);
    spec.limits.processes = 20;
    either_way(&spec, |spec| {
        let run = start(spec).unwrap();
        if is_without_user_namespaces() {
            // Nothing is refused: it is seen, and everything is killed.
            assert_eq!(run.end, End::LimitHit(Limit::Processes));
            assert_eq!(processes_with(&token), [0_u32; 0]);
            return;
        }
        assert_eq!((run.end, run.limits_met), (End::Exited(0), vec![Limit::Processes]));
        assert_eq!(String::from_utf8(run.log.bytes).unwrap(), "19\n");
        assert_eq!(run.limits_in_force.unwrap().limit("processes").unwrap().value, 20);
        assert_eq!(processes_with(&token), [0_u32; 0]);
    });
}

fn one_who_is_refused_a_process_and_fails_met_a_limit(fixture: &Fixture) {
    let mut spec = fixture.spec("fork", &["1"]);
    spec.limits.processes = 20;
    either_way(&spec, |spec| assert_eq!(start(spec).unwrap().end, End::LimitHit(Limit::Processes)));
}

fn the_wall_limit_ends_daemons_too(fixture: &Fixture) {
    let token = token();
    let mut spec = fixture.spec("daemon", &[&token]);
    spec.limits.wall = Duration::from_millis(300);
    let started = Instant::now();
    let run = start(&spec).unwrap();
    assert_eq!(run.end, End::LimitHit(Limit::WallTime));
    assert!((300..2000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert!(run.wall >= Duration::from_millis(300));
    assert_eq!(processes_with(&token), [0_u32; 0]);
}

fn memory_is_bounded(fixture: &Fixture) {
    let mut spec = fixture.spec("allocate", &["1", "8192", "private"]);
    spec.limits.memory_bytes = 128 << 20;
    either_way(&spec, |spec| assert_eq!(start(spec).unwrap().end, End::LimitHit(Limit::Memory)));
}

fn memory_is_bounded_in_sum_and_with_what_is_shared(fixture: &Fixture) {
    for kind in ["private", "shared"] {
        let mut spec = fixture.spec("allocate", &["4", "60", kind]);
        spec.limits.memory_bytes = 128 << 20;
        either_way(&spec, |spec| assert_eq!(start(spec).unwrap().end, End::LimitHit(Limit::Memory), "{kind}"));
        spec.limits.memory_bytes = 400 << 20;
        either_way(&spec, |spec| assert_eq!(start(spec).unwrap().end, End::Exited(0), "{kind}"));
    }
}

fn memory_is_bounded_with_what_page_tables_and_sockets_take(fixture: &Fixture) {
    // A page of each table's reach, which takes a page of the table.
    let mut spec = fixture.spec("page-tables", &["40000"]);
    spec.limits.memory_bytes = 100 << 20;
    spec.control_groups = false;
    assert_eq!(start(&spec).unwrap().end, End::LimitHit(Limit::Memory));
    let mut spec = fixture.spec("sockets", &["200"]);
    spec.limits.memory_bytes = 20 << 20;
    spec.control_groups = false;
    assert_eq!(start(&spec).unwrap().end, End::LimitHit(Limit::Memory));
    spec.limits.memory_bytes = 60 << 20;
    assert_eq!(start(&spec).unwrap().end, End::Exited(0));
}

fn a_limit_that_was_survived_is_no_end(fixture: &Fixture) {
    let mut spec = fixture.spec("allocate", &["2", "200", "private", "survive"]);
    spec.limits.memory_bytes = 128 << 20;
    let run = start(&spec).unwrap();
    // Without a group everything is killed at the limit, so that nothing can survive it.
    let is_survivable = is_group(by(run.limits_in_force.as_ref().unwrap(), "memory-bytes"));
    let expected =
        if is_survivable { (End::Exited(0), vec![Limit::Memory]) } else { (End::LimitHit(Limit::Memory), Vec::new()) };
    assert_eq!((run.end, run.limits_met), expected);
    let run = start(&fixture.spec("true", &[])).unwrap();
    assert_eq!((run.end, run.limits_met), (End::Exited(0), Vec::new()));
    let mut spec = fixture.spec("fill", &["/build/f", "cope"]);
    spec.limits.scratch_bytes = 8 << 20;
    let run = start(&spec).unwrap();
    let expected = if is_without_user_namespaces() {
        (End::LimitHit(Limit::ScratchBytes), Vec::new())
    } else {
        (End::Exited(0), vec![Limit::ScratchBytes])
    };
    assert_eq!((run.end, run.limits_met), expected);
}

fn open_files_are_bounded(fixture: &Fixture) {
    let end = |code: &str, pause_ms: &str, open_files, evidence| {
        let mut spec = fixture.spec("open-files", &["300", code, pause_ms]);
        spec.limits.open_files = open_files;
        spec.evidence = evidence;
        start(&spec).unwrap().end
    };
    assert_eq!(end("1", "0", 256, true), End::LimitHit(Limit::OpenFiles));
    assert_eq!(end("1", "0", 200, true), End::LimitHit(Limit::OpenFiles));
    // Nobody tells of the failure, so it has to be seen in time.
    assert_eq!(end("1", "150", 256, false), End::LimitHit(Limit::OpenFiles));
    assert_eq!(end("0", "0", 256, true), End::Exited(0));
    assert_eq!(end("1", "0", 512, true), End::Exited(1));
}

fn scratch_is_bounded_in_bytes(fixture: &Fixture) {
    for path in ["/build/f", "/tmp/f", "/dev/shm/f"] {
        let mut spec = fixture.spec("fill", &[path]);
        spec.limits.scratch_bytes = 8 << 20;
        let run = start(&spec).unwrap();
        let refused = format!("{}\n", libc::ENOSPC).into_bytes();
        let expected = if is_without_user_namespaces() { Vec::new() } else { refused };
        assert_eq!((run.end, run.log.bytes), (End::LimitHit(Limit::ScratchBytes), expected), "{path}");
    }
}

fn scratch_that_was_emptied_again_was_full(fixture: &Fixture) {
    let mut spec = fixture.spec("fill", &["/build/f", "remove"]);
    spec.limits.scratch_bytes = 8 << 20;
    assert_eq!(start(&spec).unwrap().end, End::LimitHit(Limit::ScratchBytes));
}

fn scratch_is_bounded_in_inodes(fixture: &Fixture) {
    let mut spec = fixture.spec("fill-inodes", &["/build"]);
    spec.limits.scratch_inodes = 500;
    let run = start(&spec).unwrap();
    let text = String::from_utf8(run.log.bytes).unwrap();
    // Bubblewrap limits none, so that everything is killed.
    let expected = if is_bubblewrapped() { String::new() } else { format!("{} after 4", libc::ENOSPC) };
    assert!(text.starts_with(&expected) && !text.contains("never"), "{text}");
    assert_eq!(run.end, End::LimitHit(Limit::ScratchInodes));
}

fn scratch_is_bounded_in_sum(fixture: &Fixture) {
    let mut spec = fixture.spec("fill-all", &["6", "/build/f", "/tmp/f", "/dev/shm/f"]);
    spec.limits.scratch_bytes = 16 << 20;
    assert_eq!(start(&spec).unwrap().end, End::LimitHit(Limit::ScratchBytes));
    spec.limits.scratch_bytes = 32 << 20;
    assert_eq!(start(&spec).unwrap().end, End::Exited(0));
}

fn shared_memory_that_nobody_has_attached_is_bounded(fixture: &Fixture) {
    let mut spec = fixture.spec("shared-memory", &["64"]);
    spec.limits.memory_bytes = 32 << 20;
    spec.control_groups = false;
    let end = start(&spec).unwrap().end;
    // The kernel refuses it where it is set to, and else it is seen.
    assert!([End::Exited(1), End::LimitHit(Limit::Memory)].contains(&end), "{end:?}");
    spec.limits.memory_bytes = 256 << 20;
    assert_eq!(start(&spec).unwrap().end, End::Exited(0));
}

fn a_file_is_bounded(fixture: &Fixture) {
    let mut spec = fixture.spec("fill", &["/build/f"]);
    spec.limits.file_bytes = 4 << 20;
    assert_eq!(start(&spec).unwrap().end, End::LimitHit(Limit::FileBytes));
}

fn a_flood_of_output_is_cut(fixture: &Fixture) {
    let flood = (8_u64 << 30).to_string();
    let mut spec = fixture.spec("print", &[&flood]);
    spec.limits.log_bytes = 4 << 20;
    let run = start(&spec).unwrap();
    assert_eq!(run.end, End::LimitHit(Limit::LogBytes));
    assert!((4 << 20..64 << 20).contains(&run.log.total_bytes), "{}", run.log.total_bytes);
    assert_eq!(run.log.bytes.len(), 1 << 20);
    assert_eq!(run.log.dropped_bytes, run.log.total_bytes - (1 << 20));
}

fn processor_time_is_bounded(fixture: &Fixture) {
    let mut spec = fixture.spec("spin", &["1"]);
    spec.limits.cpu_secs = 1;
    either_way(&spec, |spec| {
        let run = start(spec).unwrap();
        assert_eq!(run.end, End::LimitHit(Limit::CpuTime));
        assert!((900..3000).contains(&run.cpu.as_millis()), "{:?}", run.cpu);
    });
}

fn processor_time_is_bounded_in_sum(fixture: &Fixture) {
    let mut spec = fixture.spec("spin", &["4"]);
    spec.limits.cpu_secs = 1;
    either_way(&spec, |spec| {
        let run = start(spec).unwrap();
        assert_eq!(run.end, End::LimitHit(Limit::CpuTime));
        // One alone would have come to a second, and all four to four.
        assert!((900..3000).contains(&run.cpu.as_millis()), "{:?}", run.cpu);
    });
}

fn every_limit_says_what_holds_it(fixture: &Fixture) {
    let spec = fixture.spec("true", &[]);
    let in_force = |spec: &Spec| start(spec).unwrap().limits_in_force.unwrap();
    let without = in_force(&Spec { control_groups: false, ..spec.clone() });
    let scratch_by = if is_bubblewrapped() { Mechanism::Watchdog } else { Mechanism::FileSystem };
    for (name, mechanism) in [
        ("memory-bytes", Mechanism::Watchdog),
        ("processes", if is_without_user_namespaces() { Mechanism::Watchdog } else { Mechanism::Rlimit }),
        ("cpu-secs", Mechanism::Watchdog),
        ("wall-secs", Mechanism::Watchdog),
        ("open-files", Mechanism::Rlimit),
        ("scratch-bytes", scratch_by),
        ("scratch-inodes", scratch_by),
        ("log-bytes", Mechanism::Caller),
    ] {
        assert_eq!(by(&without, name), mechanism, "{name}");
    }
    assert!(without.limit("file-bytes").is_none(), "scratch is smaller");
    if is_root() {
        for (name, setting, value) in [
            ("tcp-buffer-bytes", "net/ipv4/tcp_rmem", "4096 16384 65536"),
            ("tcp-buffer-bytes", "net/ipv4/tcp_wmem", "4096 16384 65536"),
            ("message-queues", "kernel/msgmni", "16"),
            ("semaphore-sets", "kernel/sem", "250 32000 100 128"),
        ] {
            assert_eq!(by(&without, name), Mechanism::Kernel, "{name}");
            let found = fixture.probe("cat", &[&format!("/proc/sys/{setting}")]);
            assert_eq!(found.split_ascii_whitespace().collect::<Vec<_>>().join(" "), value, "{setting}");
        }
    }
    let with = in_force(&spec);
    assert_eq!(with.limits.len(), without.limits.len());
    assert!(Limits::of_this_host().scratch_bytes <= 2 << 30);
}

/// Directories of the groups that a process is in and that are a sandbox's own.
fn groups_of(process: u32) -> Vec<PathBuf> {
    let lines = std::fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
    let mut found = Vec::new();
    for line in lines.lines().filter(|line| line.contains("/twinbuild-")) {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap(), fields.next().unwrap());
        let hierarchies = std::fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
        let places = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
        let place = places.map(|place| place.join(&path[1..])).find(|place| place.is_dir());
        found.push(place.unwrap_or_else(|| panic!("{controllers} {path} is not below /sys/fs/cgroup")));
    }
    found
}

fn no_group_outlives_its_sandbox(fixture: &Fixture) {
    let (token, cancel) = (token(), Cancel::new().unwrap());
    let in_force = start(&fixture.spec("true", &[])).unwrap().limits_in_force.unwrap();
    let groups = thread::scope(|scope| {
        let running = scope.spawn(|| run(&fixture.spec("sleep", &[&token]), &cancel).unwrap());
        wait_until("it runs", || processes_with(&token).len() == 1);
        let groups = groups_of(processes_with(&token)[0]);
        cancel.cancel();
        running.join().unwrap();
        assert_eq!(!groups.is_empty(), is_group(by(&in_force, "memory-bytes")));
        groups
    });
    assert!(groups.iter().all(|group| !group.exists()), "{groups:?}");
    assert_eq!(fixture.probe("cat", &["/proc/self/cgroup"]).matches("twinbuild").count(), 0);
}

fn the_group_of_a_killed_warden_is_removed_by_the_next(fixture: &Fixture) {
    if !is_root() {
        // Its groups may lie in no place at all; and killing is the same.
        return;
    }
    let (token, cancel) = (token(), Cancel::new().unwrap());
    let groups = thread::scope(|scope| {
        let running = scope.spawn(|| run(&fixture.spec("sleep", &[&token]), &cancel));
        wait_until("it runs", || processes_with(&token).len() == 1);
        let command = processes_with(&token)[0];
        let groups = groups_of(command);
        let warden = parent_of(parent_of(command));
        // SAFETY: takes no pointer; the process is the warden of a sandbox of this test.
        assert_eq!(unsafe { libc::kill(warden, libc::SIGKILL) }, 0);
        thread::sleep(Duration::from_millis(50));
        assert!(groups.iter().all(|group| group.exists()), "{groups:?}");
        cancel.cancel();
        drop(running.join().unwrap());
        groups
    });
    wait_until("process 1 is gone too", || processes_with(&token).is_empty());
    wait_until("the next have swept", || {
        start(&fixture.spec("true", &[])).unwrap();
        groups.iter().all(|group| !group.exists())
    });
}
