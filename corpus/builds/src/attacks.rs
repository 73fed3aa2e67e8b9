//! Every attack, and what must come of it.

use crate::{Case, Expected};

const REPRODUCED: Expected = Expected::Reproduced;
const LIMIT: Expected = Expected::Limit;

/// Long enough for a slow machine: these end by themselves.
const PATIENT_SECS: u64 = 120;

/// A case, by the name of the attack's file.
macro_rules! case {
    ($name:literal, $expected:expr) => {
        case!($name, $expected, &[])
    };
    ($name:literal, $expected:expr, $limits:expr) => {
        case!($name, $expected, $limits, PATIENT_SECS)
    };
    ($name:literal, $expected:expr, $limits:expr, $timeout_secs:expr) => {
        Case {
            name: $name,
            attack: include_str!(concat!("attacks/", $name, ".py")),
            expected: $expected,
            limits: $limits,
            timeout_secs: $timeout_secs,
        }
    };
}

/// Every case, in a fixed order, under a name of its own.
#[must_use]
pub fn cases() -> Vec<Case> {
    [READING, WRITING, BOMBS, LIVING_ON, KERNEL, OUTPUT].concat()
}

/// What is not theirs to know.
const READING: &[Case] = &[
    case!("reads-the-password-file", REPRODUCED),
    case!("reads-homes", REPRODUCED),
    case!("reads-the-cache", REPRODUCED),
    case!("reads-the-published-file", REPRODUCED),
    case!("reads-the-environment-of-the-host", REPRODUCED),
    case!("reads-descriptors-left-open", REPRODUCED),
    case!("looks-for-the-other-twin", REPRODUCED),
    case!("talks-to-the-other-twin-by-sockets", REPRODUCED),
    case!("talks-to-the-other-twin-by-shared-memory", REPRODUCED),
    case!("talks-to-the-other-twin-by-locks", REPRODUCED),
    case!("reaches-sockets-of-the-host", REPRODUCED),
    case!("reaches-the-network", REPRODUCED),
];

/// What is not theirs to change.
const WRITING: &[Case] = &[
    case!("writes-outside-scratch", REPRODUCED),
    case!("writes-the-driver", REPRODUCED),
    case!("tampers-with-the-environment", REPRODUCED),
    case!("leaves-traces-for-the-next-build", REPRODUCED),
    case!("forges-the-report", REPRODUCED),
    case!("fakes-success-of-system-calls", REPRODUCED),
    case!("prints-terminal-escapes", Expected::Unbuildable { class: "build-failed" }),
    case!("prints-one-huge-line", REPRODUCED),
];

/// What uses up the host.
const BOMBS: &[Case] = &[
    case!("bomb-of-processes", LIMIT, &[("processes", 64)], 2),
    case!("bomb-of-processes-that-gives-up", LIMIT, &[("processes", 64)]),
    case!("bomb-of-threads", LIMIT, &[("processes", 64)]),
    case!("bomb-of-memory", LIMIT, &[("memory-bytes", 128 << 20)]),
    case!("bomb-of-memory-in-many-processes", LIMIT, &[("memory-bytes", 128 << 20)]),
    case!("bomb-of-shared-memory", LIMIT, &[("memory-bytes", 128 << 20)]),
    case!("bomb-of-system-v-memory", LIMIT, &[("memory-bytes", 128 << 20)]),
    case!("bomb-of-disk", LIMIT, &[("scratch-bytes", 16 << 20)]),
    case!("bomb-of-disk-in-many-places", LIMIT, &[("scratch-bytes", 16 << 20)]),
    case!("bomb-of-inodes", LIMIT, &[("scratch-inodes", 500)]),
    case!("bomb-of-log", LIMIT, &[("log-bytes", 4 << 20)]),
    case!("sleeps-for-ever", LIMIT, &[], 2),
    case!("ignores-every-signal", LIMIT, &[], 2),
    case!("spins-for-ever", LIMIT, &[("cpu-secs", 1)]),
    case!("spins-in-a-child", LIMIT, &[("cpu-secs", 1)]),
    case!("uses-up-open-files", REPRODUCED, &[("open-files", 256)]),
    case!("floods-sockets-with-descriptors", REPRODUCED),
    case!("raises-its-limits", REPRODUCED),
];

/// What outlives its build, or ends that of others.
const LIVING_ON: &[Case] = &[
    case!("daemonizes-and-outlives", REPRODUCED),
    case!("respawns-when-killed", REPRODUCED, &[("processes", 64)]),
    case!("stops-and-hides-processes", REPRODUCED),
    case!("kills-its-parent", REPRODUCED),
    case!("kills-its-own-build", Expected::Unbuildable { class: "build-killed" }),
];

/// What leads out by the kernel.
const KERNEL: &[Case] = &[
    case!("traces-processes", REPRODUCED),
    case!("steals-descriptors", REPRODUCED),
    case!("climbs-out-through-proc", REPRODUCED),
    case!("turns-the-kernels-knobs", REPRODUCED),
    case!("mounts-file-systems", REPRODUCED),
    case!("opens-files-by-handle", REPRODUCED),
    case!("nests-user-namespaces", REPRODUCED),
    case!("clones-by-the-third-call", REPRODUCED),
    case!("calls-by-the-x32-interface", REPRODUCED),
    case!("calls-by-the-32-bit-door", REPRODUCED),
    case!("sets-up-io-uring", REPRODUCED),
    case!("opens-raw-sockets", REPRODUCED),
    case!("opens-netlink-sockets", REPRODUCED),
    case!("opens-vsock-sockets", REPRODUCED),
    case!("opens-crypto-sockets", REPRODUCED),
    case!("opens-every-family-of-sockets", REPRODUCED),
    case!("adds-kernel-keys", REPRODUCED),
    case!("types-into-the-terminal", REPRODUCED),
    case!("runs-set-id-programs", REPRODUCED),
    case!("regains-privileges", REPRODUCED),
    case!("loads-bpf-programs", REPRODUCED),
    case!("opens-perf-events", REPRODUCED),
    case!("handles-page-faults-itself", REPRODUCED),
    case!("runs-programs-from-memory", REPRODUCED),
    case!("touches-the-machine", REPRODUCED),
    case!("changes-the-clock", REPRODUCED),
    case!("renames-the-host", REPRODUCED),
    case!("changes-its-personality", REPRODUCED),
    case!("makes-itself-undumpable", REPRODUCED),
];

/// What is handed out.
const OUTPUT: &[Case] = &[
    case!("leaves-a-fifo", Expected::Unbuildable { class: "output-refused" }),
    case!("leaves-a-device", Expected::Unbuildable { class: "output-refused" }),
    case!("leaves-a-socket", Expected::Unbuildable { class: "output-refused" }),
    case!("leaves-a-symlink", Expected::Unbuildable { class: "output-refused" }),
    case!("leaves-a-symlink-for-its-output-folder", REPRODUCED),
    case!("leaves-a-sparse-file", LIMIT),
    case!("leaves-many-files", LIMIT, &[("collect-files", 1000)]),
    case!("leaves-deep-folders", LIMIT),
    case!("leaves-closed-and-set-id-files", REPRODUCED),
    case!("leaves-files-with-hostile-names", REPRODUCED),
    case!("leaves-no-wheel", Expected::Unbuildable { class: "no-wheel" }),
    case!("swaps-its-output-with-a-symlink", Expected::Race),
    case!("changes-its-output-through-a-hard-link", Expected::Race),
    case!("hands-out-other-code", Expected::NotReproduced { mismatch: "code" }),
    case!("hands-out-a-member-with-a-hostile-name", Expected::Unbuildable { class: "output-malformed" }),
    case!("tells-the-twins-apart", Expected::Nondeterministic),
];
