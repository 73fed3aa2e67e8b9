//! What a command does is seen.

use std::collections::BTreeSet;
use std::net::IpAddr;

use twinbuild_sandbox::{End, Evidence, MAX_EVIDENCE, Program, Spec, Weaker};

use crate::fixture::{Fixture, is_bubblewrapped, start, text};
use crate::harness::Test;

pub(crate) const TESTS: &[Test] = &[
    ("attempts_to_reach_out_are_named", attempts_to_reach_out_are_named),
    ("a_process_that_hides_is_seen", a_process_that_hides_is_seen),
    ("executions_are_listed_as_a_tree", executions_are_listed_as_a_tree),
    ("refused_calls_are_named_and_counted", refused_calls_are_named_and_counted),
    ("lists_are_bounded_and_say_so", lists_are_bounded_and_say_so),
    ("without_evidence_the_same_is_refused", without_evidence_the_same_is_refused),
    ("a_command_cannot_listen_in_the_place_of_process_1", a_command_cannot_listen_in_the_place_of_process_1),
    ("one_who_dies_asking_holds_nothing_up", one_who_dies_asking_holds_nothing_up),
    ("evidence_is_the_same_each_time", evidence_is_the_same_each_time),
];

fn evidence(spec: &Spec) -> Evidence {
    let run = start(spec).unwrap();
    let printed = String::from_utf8_lossy(&run.log.bytes).into_owned();
    assert_eq!(run.end, End::Exited(0), "{printed}");
    assert!(run.limits_in_force.unwrap().has_evidence);
    run.evidence.unwrap()
}

fn probe() -> Program {
    Program { path: "/usr/bin/probe".to_owned(), is_of_root: true }
}

fn attempts_to_reach_out_are_named(fixture: &Fixture) {
    for (way, address, port) in
        [("tcp", "192.0.2.1", 80), ("tcp6", "2001:db8::1", 80), ("udp", "192.0.2.1", 9), ("name", "192.0.2.53", 53)]
    {
        let evidence = evidence(&fixture.spec("network", &[way]));
        let address: IpAddr = address.parse().unwrap();
        let found = evidence.connections.iter().find(|found| (found.address, found.port) == (address, port));
        let found = found.unwrap_or_else(|| panic!("{way}: {evidence:?}"));
        assert_eq!(found.program, probe());
        assert!(found.count >= 1);
    }
    assert_eq!(evidence(&fixture.spec("network", &["none"])).connections, []);
    let own = evidence(&fixture.spec("network", &["loopback"])).connections;
    assert!(own.iter().all(|found| found.address.is_loopback()), "{own:?}");
    assert_eq!(own.len(), 1);
}

fn a_process_that_hides_is_seen(fixture: &Fixture) {
    let spec = fixture.spec("hidden", &[]);
    let evidence = evidence(&spec);
    if is_bubblewrapped() {
        let run = start(&spec).unwrap();
        assert!(run.limits_in_force.unwrap().weaker.contains(&Weaker::HiddenProcesses));
        assert!(run.network_attempts >= 1, "that it tried is seen all the same");
        return;
    }
    assert_eq!((evidence.connections[0].port, &evidence.connections[0].program), (77, &probe()));
}

fn executions_are_listed_as_a_tree(fixture: &Fixture) {
    let evidence = evidence(&fixture.spec("execute", &[]));
    let seen: Vec<_> = evidence
        .executions
        .iter()
        .map(|execution| (execution.program.path.as_str(), execution.program.is_of_root, execution.parent))
        .collect();
    let (root, scratch) = ("/bin/probe", "/build/own");
    let expected =
        [(root, true, None), ("/usr/bin/probe", true, Some(0)), (scratch, false, Some(0)), (root, true, Some(0))];
    assert_eq!(seen[..4], expected, "what is not there is not executed");
    // The two that fork made ask in either order, and neither came from the other.
    assert_eq!(seen[4..], [(root, true, Some(0))]);
    assert_eq!(evidence.executions[1].arguments, ["probe", "__probe", "true"]);
    assert!(evidence.executions.iter().all(|execution| !execution.are_arguments_cut));
    let programs: Vec<_> = evidence.programs.iter().map(String::as_str).collect();
    assert_eq!((programs.as_slice(), evidence.are_programs_cut), (&["/bin/probe", "/usr/bin/probe"][..], false));
}

fn refused_calls_are_named_and_counted(fixture: &Fixture) {
    let evidence = evidence(&fixture.spec("system-calls", &[]));
    let named: BTreeSet<&str> = evidence.refusals.iter().map(|refusal| refusal.call.as_str()).collect();
    for call in
        ["mount", "open_tree_attr", "unshare", "ptrace", "bpf", "keyctl", "clone", "ioctl", "socket", "personality"]
    {
        assert!(named.contains(call), "{call}: {named:?}");
    }
    assert!(!named.contains("unknown"), "{named:?}");
    let of = |call: &str| evidence.refusals.iter().find(|refusal| refusal.call == call).unwrap();
    assert_eq!((of("unshare").count, of("mount").count), (2, 1));
    assert!(evidence.refusals.iter().all(|refusal| refusal.program == probe()));
}

fn lists_are_bounded_and_say_so(fixture: &Fixture) {
    let seen = evidence(&fixture.spec("connect-many", &["300"]));
    assert_eq!((seen.connections.len(), seen.connections_dropped), (MAX_EVIDENCE, 44));
    let seen = evidence(&fixture.spec("refused", &["20000"]));
    assert_eq!((seen.refusals.len(), seen.refusals[0].count), (1, 20_000));
}

fn without_evidence_the_same_is_refused(fixture: &Fixture) {
    let spec = Spec { evidence: false, ..fixture.spec("system-calls", &[]) };
    let run = start(&spec).unwrap();
    assert!(run.evidence.is_none() && !run.limits_in_force.unwrap().has_evidence);
    assert_eq!(String::from_utf8(run.log.bytes).unwrap(), text(&fixture.spec("system-calls", &[])));
}

fn a_command_cannot_listen_in_the_place_of_process_1(fixture: &Fixture) {
    let spec = fixture.spec("own-listener", &[]);
    assert_eq!(text(&spec), format!("{}\n0\n", libc::EBUSY));
    assert_eq!(evidence(&spec).refusals[0].call, "unshare");
}

fn one_who_dies_asking_holds_nothing_up(fixture: &Fixture) {
    assert_eq!(text(&fixture.spec("die-asking", &[])), "done\n");
}

fn evidence_is_the_same_each_time(fixture: &Fixture) {
    for probe in ["execute", "system-calls"] {
        let spec = fixture.spec(probe, &[]);
        let first = evidence(&spec);
        assert!((0..3).all(|_| evidence(&spec) == first), "{probe}");
    }
}
