//! What the command must not see or do.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use twinbuild_sandbox::{Bind, End, Network};

use crate::fixture::{Fixture, ids, is_bubblewrapped, is_root, is_without_user_namespaces, scratch, start, text};
use crate::harness::Test;

pub(crate) const TESTS: &[Test] = &[
    ("the_command_has_no_capability_and_no_way_to_one", the_command_has_no_capability_and_no_way_to_one),
    ("nothing_outside_can_be_reached", nothing_outside_can_be_reached),
    ("attempts_to_reach_out_are_counted", attempts_to_reach_out_are_counted),
    ("host_files_are_not_there", host_files_are_not_there),
    ("only_own_processes_are_visible", only_own_processes_are_visible),
    ("devices_are_exactly_the_harmless_ones", devices_are_exactly_the_harmless_ones),
    ("forbidden_system_calls_fail", forbidden_system_calls_fail),
    ("an_abstract_socket_of_the_host_is_out_of_reach", an_abstract_socket_of_the_host_is_out_of_reach),
    ("the_network_of_the_host_is_there_on_request_only", the_network_of_the_host_is_there_on_request_only),
    ("with_the_network_of_the_host_nothing_else_of_it_comes", with_the_network_of_the_host_nothing_else_of_it_comes),
    ("a_call_of_another_architecture_kills", a_call_of_another_architecture_kills),
    ("a_file_for_root_only_cannot_be_read", a_file_for_root_only_cannot_be_read),
    ("only_scratch_can_be_written", only_scratch_can_be_written),
    ("a_layers_file_cannot_be_altered_in_any_way", a_layers_file_cannot_be_altered_in_any_way),
    ("proc_does_not_show_the_machine", proc_does_not_show_the_machine),
    ("process_1_is_out_of_reach", process_1_is_out_of_reach),
    ("no_mount_of_the_host_is_left", no_mount_of_the_host_is_left),
];

fn the_command_has_no_capability_and_no_way_to_one(fixture: &Fixture) {
    let status = fixture.probe("cat", &["/proc/self/status"]);
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs"), "1");
    assert_eq!(field("Seccomp"), "2");
    let (uid, gid) = ids();
    assert_eq!(field("Uid"), format!("{uid} {uid} {uid} {uid}"));
    assert_eq!(field("Gid"), format!("{gid} {gid} {gid} {gid}"));
    if is_root() {
        assert_eq!(field("Groups"), "");
    }
}

fn nothing_outside_can_be_reached(fixture: &Fixture) {
    for way in ["tcp", "tcp6", "udp", "name"] {
        let text = fixture.probe("network", &[way]);
        assert!(text.contains("failed"), "{text}");
    }
    assert!(fixture.probe("network", &["loopback"]).contains("went through"));
    let routes = fixture.probe("cat", &["/proc/net/route"]);
    assert_eq!(routes.trim().lines().count(), 1, "{routes}");
    let devices = fixture.probe("cat", &["/proc/net/dev"]);
    assert!(devices.trim().lines().skip(2).all(|line| line.trim().starts_with("lo:")), "{devices}");
}

fn attempts_to_reach_out_are_counted(fixture: &Fixture) {
    for way in ["tcp", "tcp6", "udp", "name"] {
        let run = start(&fixture.spec("network", &[way])).unwrap();
        assert!(run.network_attempts >= 1, "{way}");
    }
    for way in ["loopback", "none"] {
        let run = start(&fixture.spec("network", &[way])).unwrap();
        assert_eq!(run.network_attempts, 0, "{way}");
    }
}

fn host_files_are_not_there(fixture: &Fixture) {
    let secret = scratch();
    let path = secret.path().join("secret");
    fs::write(&path, "secret").unwrap();
    let text = fixture.probe("cat", &[path.to_str().unwrap(), "/sys/kernel", "/etc/hostname"]);
    assert_eq!(text, "error 2\nerror 2\nerror 2\n");
    assert_eq!(fixture.probe("list", &["/"]), "bin build dev etc lib lib64 proc tmp usr\n");
    assert_eq!(fixture.probe("list", &["/etc", "/tmp", "/build"]), "passwd resolv.conf\n\n\n");
}

fn only_own_processes_are_visible(fixture: &Fixture) {
    let names = fixture.probe("list", &["/proc"]);
    let processes: Vec<&str> = names.split_ascii_whitespace().filter(|name| name.parse::<u32>().is_ok()).collect();
    // The number between is that of a helper of bubblewrap's, which has ended.
    let command = if is_without_user_namespaces() { "3" } else { "2" };
    assert_eq!(processes, ["1", command]);
}

fn devices_are_exactly_the_harmless_ones(fixture: &Fixture) {
    let names = fixture.probe("list", &["/dev"]);
    let names: Vec<&str> = names.split_ascii_whitespace().filter(|name| *name != "tty").collect();
    assert_eq!(names, ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "urandom", "zero"]);
    let written = fixture.probe("write", &["/dev/null", "/dev/full", "/dev/x", "/dev/shm/x"]);
    assert_eq!(written, "/dev/null done\n/dev/full error 28\n/dev/x error 30\n/dev/shm/x done\n");
}

fn forbidden_system_calls_fail(fixture: &Fixture) {
    let text = fixture.probe("system-calls", &[]);
    let found: BTreeMap<&str, i32> = text
        .lines()
        .map(|line| {
            let (name, error) = line.split_once(' ').unwrap();
            (name, error.parse().unwrap())
        })
        .collect();
    let allowed = ["personality-get", "socket-inet", "socket-inet6", "socket-unix"];
    let absent = [
        "clone3",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "memfd_create",
        "memfd_secret",
        "x32",
        "future",
    ];
    let no_family =
        ["socket-netlink", "socket-netlink-raw", "socket-vsock", "socket-alg", "socket-packet", "socketpair-vsock"];
    assert_eq!(found.len(), 60);
    for (name, error) in found {
        let expected = if allowed.contains(&name) {
            0
        } else if absent.contains(&name) {
            libc::ENOSYS
        } else if no_family.contains(&name) {
            libc::EAFNOSUPPORT
        } else {
            libc::EPERM
        };
        assert_eq!(error, expected, "{name}");
    }
}

fn an_abstract_socket_of_the_host_is_out_of_reach(fixture: &Fixture) {
    let name = format!("twinbuild-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    assert!(UnixStream::connect_addr(&address).is_ok());
    assert_eq!(fixture.probe("abstract", &[&name]), format!("error {}\n", libc::ECONNREFUSED));
}

fn the_network_of_the_host_is_there_on_request_only(fixture: &Fixture) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut spec = fixture.spec("connect", &[&address]);
    assert_eq!(spec.network, Network::None);
    assert_eq!(text(&spec), format!("error {}\n", libc::ECONNREFUSED));
    spec.network = Network::Host;
    // What bubblewrap puts up has a network of its own in any case.
    let expected =
        if is_bubblewrapped() { format!("error {}\n", libc::ECONNREFUSED) } else { "connected\n".to_owned() };
    assert_eq!(text(&spec), expected);
    assert_eq!(start(&spec).unwrap().network_attempts, 0);
}

fn with_the_network_of_the_host_nothing_else_of_it_comes(fixture: &Fixture) {
    const SETTINGS: [&str; 2] = ["/proc/sys/net/ipv4/tcp_rmem", "/proc/sys/net/ipv4/tcp_wmem"];
    let with_network = |probe: &str, arguments: &[&str]| {
        let mut spec = fixture.spec(probe, arguments);
        spec.network = Network::Host;
        text(&spec)
    };
    let settings = SETTINGS.map(|path| fs::read_to_string(path).unwrap());
    let name = format!("twinbuild-test-network-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    assert_eq!(with_network("abstract", &[&name]), format!("error {}\n", libc::EAFNOSUPPORT));
    let status = with_network("cat", &["/proc/self/status"]);
    assert!(status.lines().any(|line| line.starts_with("CapEff") && line.ends_with("0000000000000000")), "{status}");
    assert_eq!(with_network("list", &["/"]), "bin build dev etc lib lib64 proc tmp usr\n");
    let written = with_network("write", &SETTINGS);
    assert!(written.lines().all(|line| line.contains("error")), "{written}");
    assert_eq!(SETTINGS.map(|path| fs::read_to_string(path).unwrap()), settings);
}

fn a_call_of_another_architecture_kills(fixture: &Fixture) {
    if cfg!(target_arch = "x86_64") {
        let run = start(&fixture.spec("foreign-call", &[])).unwrap();
        // A kernel without 32-bit calls has no such door and faults.
        assert!([End::Signalled(libc::SIGSYS), End::Signalled(libc::SIGSEGV)].contains(&run.end), "{:?}", run.end);
    }
}

fn a_file_for_root_only_cannot_be_read(fixture: &Fixture) {
    let host = scratch();
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, mode) in [("closed", 0o600), ("open", 0o644)] {
        fs::write(host.path().join(name), name).unwrap();
        fs::set_permissions(host.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut spec = fixture.spec("cat", &["/host/open", "/host/closed"]);
    spec.binds.push(Bind { source: host.path().into(), target: "/host".into() });
    let expected = if is_root() { "open\nerror 13\n" } else { "open\nclosed\n" };
    assert_eq!(text(&spec), expected);
}

fn only_scratch_can_be_written(fixture: &Fixture) {
    let text = fixture.probe(
        "write",
        &[
            "/x",
            "/usr/x",
            "/bin/probe",
            "/etc/passwd",
            "/proc/sys/kernel/hostname",
            "/proc/sysrq-trigger",
            "/build/x",
            "/tmp/x",
        ],
    );
    for line in text.lines() {
        let (path, result) = line.split_once(' ').unwrap();
        match path {
            "/build/x" | "/tmp/x" => assert_eq!(result, "done", "{path}"),
            // What masks it swallows all; not every kernel has it.
            "/proc/sysrq-trigger" if ["done", "error 2"].contains(&result) => {}
            // Read-only, or not permitted; both before the file is touched.
            _ => assert!(["error 30", "error 13", "error 26"].contains(&result), "{path} {result}"),
        }
    }
}

fn a_layers_file_cannot_be_altered_in_any_way(fixture: &Fixture) {
    let path = fixture.layer().join("usr/bin/probe");
    let found = || {
        let found = fs::metadata(&path).unwrap();
        (found.mode(), found.uid(), found.size(), found.mtime(), found.mtime_nsec())
    };
    let before = found();
    let text = fixture.probe("alter", &["/usr/bin/probe"]);
    assert_eq!(text.lines().count(), 9, "{text}");
    for line in text.lines() {
        // Read-only, another's, in use, or of another file system.
        let refused = [libc::EROFS, libc::EPERM, libc::EACCES, libc::ETXTBSY, libc::EXDEV];
        assert!(refused.iter().any(|errno| line.ends_with(&format!(" error {errno}"))), "{line}");
    }
    assert_eq!(found(), before);
}

fn proc_does_not_show_the_machine(fixture: &Fixture) {
    for name in ["kcore", "keys", "timer_list", "kallsyms", "sysrq-trigger"] {
        let path = format!("/proc/{name}");
        let text = fixture.probe("cat", &[&path]);
        assert!(["\n", "error 2\n", "error 13\n"].contains(&text.as_str()), "{name}: {} bytes", text.len());
    }
    for name in ["irq", "bus", "acpi"] {
        let text = fixture.probe("list", &[&format!("/proc/{name}")]);
        assert!(["\n", "error 2\n"].contains(&text.as_str()), "{name}: {text}");
    }
    // Things that builds do read.
    for path in ["/proc/cpuinfo", "/proc/meminfo", "/proc/sys/kernel/ostype", "/proc/self/cmdline"] {
        let text = fixture.probe("cat", &[path]);
        assert!(text.len() > 3 && !text.starts_with("error"), "{path}: {text}");
    }
}

fn process_1_is_out_of_reach(fixture: &Fixture) {
    let text = fixture.probe("first", &[]);
    assert_eq!(text.lines().count(), 5);
    assert_eq!(text.lines().last(), Some("slowed [-1, -1, -1]"));
    for line in text.lines().take(4) {
        assert!(line.ends_with("error 13"), "{line}");
    }
}

fn no_mount_of_the_host_is_left(fixture: &Fixture) {
    let text = fixture.probe("cat", &["/proc/self/mountinfo"]);
    // Not a mount of the host is left, under the root or anywhere.
    let points: Vec<&str> = text.trim().lines().map(|line| line.split_ascii_whitespace().nth(4).unwrap()).collect();
    assert_eq!(points.iter().filter(|point| **point == "/").count(), 1, "{text}");
    let own = |point: &&str| {
        ["/", "/build", "/tmp"].contains(point) || point.starts_with("/dev") || point.starts_with("/proc")
    };
    assert!(points.iter().all(own), "{text}");
    let root = text.lines().find(|line| line.split_ascii_whitespace().nth(4) == Some("/")).unwrap();
    if is_bubblewrapped() {
        assert!(root.split_ascii_whitespace().nth(5).unwrap().starts_with("ro,nosuid,nodev"), "{root}");
        return;
    }
    assert!(root.contains(" - overlay overlay ro"), "{root}");
    assert!(!text.contains("twinbuild-sandbox-"), "{text}");
}
