//! What is asked for is what the command gets.

use std::fs::File;
use std::os::fd::AsRawFd;

use twinbuild_sandbox::{Choice, Chosen, End, Error, Processors, Weaker, probe_bubblewrap, probe_host};

use crate::fixture::{Fixture, is_bubblewrapped, is_root, is_without_user_namespaces, start, text};
use crate::harness::Test;

/// What the second twin's clock is ahead by.
const AHEAD: u32 = 400 * 86_400;

pub(crate) const TESTS: &[Test] = &[
    ("conditions_are_exact", conditions_are_exact),
    ("nothing_of_the_caller_leaks", nothing_of_the_caller_leaks),
    ("the_boot_offset_moves_both_clocks", the_boot_offset_moves_both_clocks),
    ("a_clock_that_is_ahead_is_read_so_and_waits_end_in_time", a_clock_that_is_ahead_is_read_so_and_waits_end_in_time),
    ("a_clock_that_is_ahead_leaves_the_environment_alone", a_clock_that_is_ahead_leaves_the_environment_alone),
    (
        "a_clock_that_is_ahead_is_read_so_without_an_environment",
        a_clock_that_is_ahead_is_read_so_without_an_environment,
    ),
    ("a_waiter_on_a_clock_that_is_ahead_is_woken", a_waiter_on_a_clock_that_is_ahead_is_woken),
    (
        "a_caller_that_ignores_its_children_hears_of_the_command",
        a_caller_that_ignores_its_children_hears_of_the_command,
    ),
    ("the_out_of_memory_killer_takes_the_command_first", the_out_of_memory_killer_takes_the_command_first),
    ("addresses_stand_still_when_asked", addresses_stand_still_when_asked),
    ("the_end_is_told_as_it_was", the_end_is_told_as_it_was),
    ("standard_streams_can_be_opened_again", standard_streams_can_be_opened_again),
    ("a_report_is_bounded", a_report_is_bounded),
    ("what_cannot_start_is_an_error_that_names_it", what_cannot_start_is_an_error_that_names_it),
    ("this_host_passes_its_own_checks", this_host_passes_its_own_checks),
    ("what_is_weaker_is_said", what_is_weaker_is_said),
];

fn conditions_are_exact(fixture: &Fixture) {
    let mut spec = fixture.spec("conditions", &[]);
    spec.umask = 0o27;
    spec.hostname = "second".into();
    spec.domainname = "opposed".into();
    spec.env = vec![("B".into(), "2 =x".into()), ("A".into(), "1".into())];
    spec.cwd = "/tmp".into();
    spec.stdin = b"said".to_vec();
    spec.processors = Processors::Count(1);
    let found = text(&spec);
    let host_domain = std::fs::read_to_string("/proc/sys/kernel/domainname").unwrap();
    let domain = if is_bubblewrapped() { host_domain.trim() } else { "opposed" };
    assert!(found.lines().any(|found| found == format!("domainname {domain}")), "{found}");
    for line in [
        "umask 27",
        "processors 1",
        "leads-session true",
        "hostname second",
        "cwd /tmp",
        "arguments \"/bin/probe\"",
        "env A=1,B=2 =x,TWINBUILD_REPORT_FD=3",
        "stdin said",
        "SigBlk:\t0000000000000000",
    ] {
        assert!(found.lines().any(|found| found == line), "{line} is not in:\n{found}");
    }
    let all = start(&fixture.spec("conditions", &[])).unwrap();
    let here = std::thread::available_parallelism().unwrap().get();
    assert_eq!(all.limits_in_force.unwrap().processors, here);
}

fn nothing_of_the_caller_leaks(fixture: &Fixture) {
    let file = File::open("/proc/self/status").unwrap();
    // SAFETY: takes no pointer; clears the close-on-exec flag of a descriptor that is open.
    assert_eq!(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) }, 0);
    let found = fixture.probe("conditions", &[]);
    // The fifth is the listing's own.
    assert!(found.contains("descriptors 0,1,2,3,4\n"), "{found}");
    assert!(found.contains("env PATH=/usr/bin,TWINBUILD_REPORT_FD=3\n"), "{found}");
    // The runtime of the probe itself ignores SIGPIPE, bit 12, and handles faults.
    assert!(found.contains("SigIgn:\t0000000000001000"), "{found}");
}

fn the_boot_offset_moves_both_clocks(fixture: &Fixture) {
    let clocks = |offset| -> Vec<i64> {
        let mut spec = fixture.spec("clock", &[]);
        spec.boot_offset_secs = offset;
        let run = start(&spec).unwrap();
        let in_force = run.limits_in_force.unwrap();
        assert_eq!(in_force.has_time_namespace, !is_bubblewrapped());
        assert_eq!(in_force.weaker.contains(&Weaker::BootTime), is_bubblewrapped() && offset != 0);
        String::from_utf8(run.log.bytes).unwrap().split_ascii_whitespace().map(|n| n.parse().unwrap()).collect()
    };
    let (plain, moved) = (clocks(0), clocks(1_000_000));
    let expected = if is_bubblewrapped() { 0 } else { 1_000_000 };
    for (plain, moved) in plain.iter().zip(&moved) {
        assert!((expected..expected + 20).contains(&(moved - plain)), "{plain} {moved}");
    }
}

fn a_clock_that_is_ahead_is_read_so_and_waits_end_in_time(fixture: &Fixture) {
    let told = |offset| -> Vec<i64> {
        let mut spec = fixture.spec("wall-clock", &[]);
        spec.clock_offset_secs = offset;
        text(&spec).split_ascii_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    let (plain, moved) = (told(0), told(AHEAD));
    // Three ways to read it, the time of a file that was just made, the monotonic clock.
    let differences: Vec<i64> = moved[..5].iter().zip(&plain).map(|(moved, plain)| moved - plain).collect();
    for (at, difference) in differences.iter().enumerate() {
        let expected = if at < 3 { i64::from(AHEAD) } else { 0 };
        assert!((expected..expected + 20).contains(difference), "{at}: {differences:?}");
    }
    // Waits until 100 ms from now, in milliseconds.
    assert!(moved[5..].len() == 17 && moved[5..].iter().all(|wait| (99..5000).contains(wait)), "{moved:?}");
}

fn a_clock_that_is_ahead_leaves_the_environment_alone(fixture: &Fixture) {
    let mut spec = fixture.spec("conditions", &[]);
    spec.clock_offset_secs = AHEAD;
    let found = text(&spec);
    assert!(found.contains("env PATH=/usr/bin,TWINBUILD_REPORT_FD=3\n"), "{found}");
}

fn a_clock_that_is_ahead_is_read_so_without_an_environment(fixture: &Fixture) {
    let mut spec = fixture.spec("without-environment", &["wall-clock"]);
    spec.clock_offset_secs = AHEAD;
    let found: Vec<i64> = text(&spec).split_ascii_whitespace().map(|number| number.parse().unwrap()).collect();
    // The clock, against the time of a file that was made then: by a clock that lags by a tick, and on a busy machine somewhat later.
    let difference = found[0] - found[3];
    assert!((i64::from(AHEAD) - 60..=i64::from(AHEAD) + 1).contains(&difference), "{found:?}");
}

fn a_waiter_on_a_clock_that_is_ahead_is_woken(fixture: &Fixture) {
    let mut spec = fixture.spec("signalled-waiter", &[]);
    spec.clock_offset_secs = AHEAD;
    assert_eq!(text(&spec), "0 true\n");
}

fn a_caller_that_ignores_its_children_hears_of_the_command(fixture: &Fixture) {
    // SAFETY: neither disposition runs code of ours.
    let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let run = start(&fixture.spec("exit", &["7"]));
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGCHLD, before) };
    assert_eq!(run.unwrap().end, End::Exited(7));
}

fn the_out_of_memory_killer_takes_the_command_first(fixture: &Fixture) {
    assert_eq!(fixture.probe("cat", &["/proc/self/oom_score_adj"]), "1000\n\n");
}

fn addresses_stand_still_when_asked(fixture: &Fixture) {
    let mut spec = fixture.spec("address", &[]);
    assert_ne!(text(&spec), text(&spec));
    spec.randomize_addresses = false;
    let found = text(&spec);
    assert_eq!(found, text(&spec));
    assert!(found.ends_with(&format!(" {}\n", libc::ADDR_NO_RANDOMIZE)), "{found}");
}

fn the_end_is_told_as_it_was(fixture: &Fixture) {
    let end = |probe, arguments: &[&str]| start(&fixture.spec(probe, arguments)).unwrap().end;
    assert_eq!(end("exit", &["0"]), End::Exited(0));
    assert_eq!(end("exit", &["7"]), End::Exited(7));
    assert_eq!(end("abort", &[]), End::Signalled(libc::SIGABRT));
}

fn standard_streams_can_be_opened_again(fixture: &Fixture) {
    assert_eq!(fixture.probe("reopen", &[]), "reopened");
    let mut spec = fixture.spec("cat", &["/dev/stdin"]);
    spec.stdin = b"said".to_vec();
    assert_eq!(text(&spec), "said\n");
    spec.argv = fixture.spec("write", &["/dev/stdin"]).argv;
    assert!(text(&spec).starts_with("/dev/stdin error"));
}

fn a_report_is_bounded(fixture: &Fixture) {
    let report = |count: usize| {
        let run = start(&fixture.spec("report", &[&count.to_string()])).unwrap();
        assert_eq!(run.end, End::Exited(0));
        (run.message.len(), run.message_dropped_bytes)
    };
    assert_eq!(report(1000), (1000, 0));
    assert_eq!(report((1 << 20) + 5), (1 << 20, 5));
}

fn what_cannot_start_is_an_error_that_names_it(fixture: &Fixture) {
    let expect = |change: &dyn Fn(&mut twinbuild_sandbox::Spec), named: &str| {
        let mut spec = fixture.spec("true", &[]);
        change(&mut spec);
        match start(&spec) {
            Err(error @ Error::Setup { .. }) => assert!(error.to_string().contains(named), "{error}"),
            other => panic!("{named}: {other:?}"),
        }
    };
    expect(&|spec| spec.layers.push("/no/such/layer".into()), "/no/such/layer");
    expect(&|spec| spec.argv = vec!["/bin/none".into()], "/bin/none");
    expect(&|spec| spec.cwd = "/nowhere".into(), "/nowhere");
    expect(
        &|spec| spec.binds.push(twinbuild_sandbox::Bind { source: "/no/source".into(), target: "/x".into() }),
        "/no/source",
    );
}

fn this_host_passes_its_own_checks(fixture: &Fixture) {
    let bubblewrap = probe_bubblewrap(&Chosen::new(Choice::Bubblewrap, fixture.roots()));
    if is_bubblewrapped() {
        assert!(bubblewrap.ok && bubblewrap.found.starts_with("bubblewrap "), "{bubblewrap:?}");
    }
    if is_root() {
        assert!(!bubblewrap.ok && bubblewrap.remedy.is_some(), "{bubblewrap:?}");
    }
    let checks = probe_host();
    if is_without_user_namespaces() {
        let namespaces = checks.iter().find(|check| check.name == "user namespaces").unwrap();
        assert!(!namespaces.ok && namespaces.remedy.as_ref().unwrap().contains("user.max_user_namespaces"));
        return;
    }
    assert!(checks.len() >= 8, "{checks:?}");
    for check in &checks {
        assert!(check.ok && check.remedy.is_none() && !check.found.starts_with("missing"), "{check:?}");
    }
}

fn what_is_weaker_is_said(fixture: &Fixture) {
    let in_force = start(&fixture.spec("true", &[])).unwrap().limits_in_force.unwrap();
    assert_eq!(in_force.bubblewrap.is_some(), is_bubblewrapped());
    assert_eq!(in_force.weaker.is_empty(), !is_bubblewrapped(), "{:?}", in_force.weaker);
    assert_eq!(in_force.weaker.contains(&Weaker::UserIds), is_without_user_namespaces());
}
