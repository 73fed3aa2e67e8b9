//! What a command may use up.

use std::time::{Duration, Instant};

use twinbuild_sandbox::{End, Limit};

use crate::fixture::{Fixture, start};
use crate::harness::Test;
use crate::lifetime::{processes_with, token};

pub(crate) const TESTS: &[Test] = &[
    ("processes_are_bounded_and_none_is_left", processes_are_bounded_and_none_is_left),
    ("the_wall_limit_ends_daemons_too", the_wall_limit_ends_daemons_too),
    ("memory_is_bounded", memory_is_bounded),
    ("scratch_is_bounded_in_bytes", scratch_is_bounded_in_bytes),
    ("scratch_is_bounded_in_inodes", scratch_is_bounded_in_inodes),
    ("a_file_is_bounded", a_file_is_bounded),
    ("a_flood_of_output_is_cut", a_flood_of_output_is_cut),
    ("processor_time_is_bounded", processor_time_is_bounded),
];

fn processes_are_bounded_and_none_is_left(fixture: &Fixture) {
    let token = token();
    let mut spec = fixture.spec("fork", &[&token]);
    spec.limits.processes = 20;
    let run = start(&spec).unwrap();
    assert_eq!(run.end, End::Exited(0));
    assert_eq!(String::from_utf8(run.log.bytes).unwrap(), "19\n");
    assert_eq!(run.limits_in_force.unwrap().processes, Some(20));
    assert_eq!(processes_with(&token), [0_u32; 0]);
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
    let mut spec = fixture.spec("allocate", &[]);
    spec.limits.memory_bytes = 128 << 20;
    let run = start(&spec).unwrap();
    let text = String::from_utf8(run.log.bytes).unwrap();
    let megabytes: u32 = text.trim().parse().unwrap_or(u32::MAX);
    assert!((64..128).contains(&megabytes), "{text}");
}

fn scratch_is_bounded_in_bytes(fixture: &Fixture) {
    for path in ["/build/f", "/tmp/f", "/dev/shm/f"] {
        let mut spec = fixture.spec("fill", &[path]);
        spec.limits.scratch_bytes = 8 << 20;
        let run = start(&spec).unwrap();
        assert_eq!(run.log.bytes, format!("{}\n", libc::ENOSPC).into_bytes(), "{path}");
        assert_eq!(run.end, End::LimitHit(Limit::ScratchBytes), "{path}");
    }
}

fn scratch_is_bounded_in_inodes(fixture: &Fixture) {
    let mut spec = fixture.spec("fill-inodes", &["/build"]);
    spec.limits.scratch_inodes = 500;
    let run = start(&spec).unwrap();
    let text = String::from_utf8(run.log.bytes).unwrap();
    assert!(text.starts_with(&format!("{} after 4", libc::ENOSPC)), "{text}");
    assert_eq!(run.end, End::LimitHit(Limit::ScratchInodes));
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
    let mut spec = fixture.spec("spin", &[]);
    spec.limits.cpu_secs = 1;
    let run = start(&spec).unwrap();
    assert_eq!(run.end, End::LimitHit(Limit::CpuTime));
    assert!((900..3000).contains(&run.cpu.as_millis()), "{:?}", run.cpu);
}
