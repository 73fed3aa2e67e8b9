//! The seccomp filter: what a build never needs and an attacker likes.
//!
//! It is a list of what is refused. Calls newer than the list, of another architecture or of the x32 interface are refused as a
//! whole, so that a new kernel does not open what nobody has looked at.

use std::collections::BTreeMap;
use std::ffi::c_long;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};

/// The newest system call that was looked at: `file_setattr` of Linux 6.17. Calls of x32 have bit 30 and lie above too.
const NEWEST_CALL: u32 = 469;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);

/// Calls newer than the constants of the libc crate; numbers are the same on every architecture.
const SYS_STATMOUNT: c_long = 457;
const SYS_LISTMOUNT: c_long = 458;
#[allow(non_upper_case_globals)] // Its name is shown, like those of the libc crate.
const SYS_open_tree_attr: c_long = 467;

/// The obsolete raw type, which libc marks as deprecated.
const SOCK_PACKET: i32 = 10;

/// Calls by number, with the names of their constants.
macro_rules! calls {
    ($($call:expr),* $(,)?) => { &[$(($call as c_long, stringify!($call))),*] };
}

/// Refused with EPERM.
const FORBIDDEN: &[(c_long, &str)] = calls![
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    SYS_open_tree_attr,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Ways around paths.
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_lookup_dcookie,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // Kernel interfaces with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
];

#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[(c_long, &str)] = calls![
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
    libc::SYS_sysfs,
    libc::SYS_ustat,
];
#[cfg(target_arch = "aarch64")]
const FORBIDDEN_HERE: &[(c_long, &str)] = &[];

/// Refused with EPERM where an argument says so; see [`programs`].
const PARTLY_FORBIDDEN: &[(c_long, &str)] = calls![
    libc::SYS_clone,
    libc::SYS_personality,
    libc::SYS_ioctl,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_prlimit64,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
];

/// Allowed, and told to the listener before.
pub(super) const WATCHED: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_connect,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // With an address.
    libc::SYS_sendto,
    // With anything but 0.
    libc::SYS_exit_group,
];

/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

/// Stands for a notification while a program is compiled, as the compiler knows none. No program asks for tracing otherwise.
const NOTIFY_MARK: u32 = 0x5eed;

/// Refused with ENOSYS, upon which programs take an older way.
const ABSENT: &[c_long] = &[
    // Its flags lie in memory, out of the filter's sight; libraries fall back to clone.
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Memory outside of scratch and of every limit on processes.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    SYS_STATMOUNT,
    SYS_LISTMOUNT,
];

/// The programs to load, in this order. Watched, the first must be loaded with a listener, which is told of what is [`WATCHED`] and of
/// what is refused with EPERM, and has to answer so.
pub(crate) fn programs(is_watched: bool) -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let unconditional = |calls: &[c_long]| -> BTreeMap<i64, Vec<SeccompRule>> {
        calls.iter().map(|call| (*call, Vec::new())).collect()
    };
    let mut forbidden: BTreeMap<i64, Vec<SeccompRule>> =
        FORBIDDEN.iter().chain(FORBIDDEN_HERE).map(|(call, _)| (*call, Vec::new())).collect();
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let mut clone = Vec::new();
    for flag in namespaces {
        let flag = u64::from(flag.cast_unsigned());
        clone.push(rule(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])?);
    }
    forbidden.insert(libc::SYS_clone, clone);
    // Reading the personality is harmless.
    forbidden.insert(libc::SYS_personality, vec![rule(&[(0, SeccompCmpOp::Ne, 0xffff_ffff)])?]);
    forbidden.extend(slowing_process_1()?);
    // Process 1 has the command's user, which is all that setting its limits would take.
    forbidden.insert(libc::SYS_prlimit64, vec![rule(&[(0, SeccompCmpOp::Ne, 0)])?]);
    let mut ioctl = Vec::new();
    for request in [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD] {
        ioctl.push(rule(&[(1, SeccompCmpOp::Eq, request & 0xffff_ffff)])?);
    }
    forbidden.insert(libc::SYS_ioctl, ioctl);
    // SOCK_RAW of AF_UNIX is refused along, which no program wants. The low four bits are the type.
    let mut raw = Vec::new();
    for kind in [libc::SOCK_RAW, SOCK_PACKET] {
        raw.push(rule(&[(1, SeccompCmpOp::MaskedEq(0xf), u64::from(kind.cast_unsigned()))])?);
    }

    // One call of one filter has one answer, so sockets have their types here and their families in a filter of their own.
    forbidden.insert(libc::SYS_socket, raw.clone());
    forbidden.insert(libc::SYS_socketpair, raw);
    let mut families = BTreeMap::new();
    let family = rule(
        &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6]
            .map(|family| (0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned()))),
    )?;
    families.insert(libc::SYS_socket, vec![family.clone()]);
    families.insert(libc::SYS_socketpair, vec![family]);

    let mut protocols = BTreeMap::new();
    protocols.insert(libc::SYS_socket, unusual_protocols()?);
    protocols.insert(libc::SYS_socketpair, unusual_protocols()?);

    let mut first = guard();
    if is_watched {
        forbidden.extend(unconditional(WATCHED));
        // Without an address it goes where a connection leads.
        let has_address = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        forbidden.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![has_address])?]);
        // The moment to see whether one who fails has reached a limit.
        forbidden.insert(libc::SYS_exit_group, vec![rule(&[(0, SeccompCmpOp::Ne, 0)])?]);
        first.extend(notifying(compile(forbidden, SeccompAction::Trace(NOTIFY_MARK))?));
    } else {
        first.extend(compile(forbidden, errno(libc::EPERM))?);
    }
    Ok(vec![
        first,
        compile(unconditional(ABSENT), errno(libc::ENOSYS))?,
        compile(protocols, errno(libc::EPROTONOSUPPORT))?,
        // Loaded last: of two errors the kernel returns the one of the filter loaded last, so a raw netlink
        // socket is a missing family.
        compile(families, errno(libc::EAFNOSUPPORT))?,
    ])
}

/// What is loaded behind the others where the command has the host's network: no socket that the host's own, by names without a path,
/// could be reached by. A pair of streams reaches nothing but itself.
pub(crate) fn no_local_sockets() -> Result<BpfProgram, seccompiler::Error> {
    let is_local = (0, SeccompCmpOp::Eq, u64::from(libc::AF_UNIX.cast_unsigned()));
    let is_no_stream = |kind: i32| (1, SeccompCmpOp::MaskedEq(0xf), u64::from(kind.cast_unsigned()));
    let kinds = [libc::SOCK_DGRAM, libc::SOCK_RDM, libc::SOCK_SEQPACKET];
    let pairs = kinds.map(|kind| rule(&[is_local.clone(), is_no_stream(kind)]));
    let calls = BTreeMap::from([
        (libc::SYS_socket, vec![rule(std::slice::from_ref(&is_local))?]),
        (libc::SYS_socketpair, pairs.into_iter().collect::<Result<_, _>>()?),
    ]);
    compile(calls, errno(libc::EAFNOSUPPORT))
}

/// Sockets of a protocol that no build needs, which would have the kernel load a module for it. Raw ones are refused by their type, and told of.
fn unusual_protocols() -> Result<Vec<SeccompRule>, seccompiler::Error> {
    const SOCK_DCCP: i32 = 6;
    const KINDS: [i32; 5] = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RDM, libc::SOCK_SEQPACKET, SOCK_DCCP];
    const INTERNET: &[i32] = &[0, libc::IPPROTO_ICMP, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_ICMPV6];
    let families = [(libc::AF_INET, INTERNET), (libc::AF_INET6, INTERNET), (libc::AF_UNIX, &[0, libc::PF_UNIX])];
    let number = |number: i32| u64::from(number.cast_unsigned());
    let mut rules = Vec::new();
    for (family, usual) in families {
        for kind in KINDS {
            let mut conditions =
                vec![(0, SeccompCmpOp::Eq, number(family)), (1, SeccompCmpOp::MaskedEq(0xf), number(kind))];
            conditions.extend(usual.iter().map(|protocol| (2, SeccompCmpOp::Ne, number(*protocol))));
            rules.push(rule(&conditions)?);
        }
    }
    Ok(rules)
}

/// What would slow down or pin process 1, which has the command's user and watches over its limits.
fn slowing_process_1() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::Error> {
    const PRIO_PROCESS: u64 = 0;
    const PRIO_USER: u64 = 2;
    const IOPRIO_WHO_PROCESS: u64 = 1;
    const IOPRIO_WHO_USER: u64 = 3;
    let is = |argument, value| (argument, SeccompCmpOp::Eq, value);
    let mut calls = BTreeMap::new();
    for call in
        [libc::SYS_sched_setaffinity, libc::SYS_sched_setattr, libc::SYS_sched_setparam, libc::SYS_sched_setscheduler]
    {
        calls.insert(call, vec![rule(&[is(0, 1)])?]);
    }
    for (call, process, user) in
        [(libc::SYS_setpriority, PRIO_PROCESS, PRIO_USER), (libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, IOPRIO_WHO_USER)]
    {
        calls.insert(call, vec![rule(&[is(0, process), is(1, 1)])?, rule(&[is(0, user)])?]);
    }
    Ok(calls)
}

fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::Error> {
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| {
            // The kernel takes all arguments checked here as 32-bit integers, so the upper half must not count.
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
        })
        .collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

fn errno(errno: i32) -> SeccompAction {
    SeccompAction::Errno(errno.cast_unsigned())
}

/// The name of a call that is refused with EPERM.
pub(super) fn forbidden_name(call: c_long) -> &'static str {
    let mut all = FORBIDDEN.iter().chain(FORBIDDEN_HERE).chain(PARTLY_FORBIDDEN);
    let name = all.find(|(number, _)| *number == call).map_or("unknown", |(_, name)| *name);
    name.trim_start_matches("libc::").trim_start_matches("SYS_")
}

/// The program with notifications in the place of their mark.
fn notifying(mut program: BpfProgram) -> BpfProgram {
    for instruction in &mut program {
        if instruction.code == RETURN && instruction.k == libc::SECCOMP_RET_TRACE | NOTIFY_MARK {
            instruction.k = libc::SECCOMP_RET_USER_NOTIF;
        }
    }
    program
}

fn compile(calls: BTreeMap<i64, Vec<SeccompRule>>, answer: SeccompAction) -> Result<BpfProgram, seccompiler::Error> {
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, answer, ARCHITECTURE.0)?;
    Ok(BpfProgram::try_from(filter)?)
}

/// Kills callers of another architecture and answers ENOSYS to calls above [`NEWEST_CALL`]; else falls through to what follows.
fn guard() -> BpfProgram {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const JUMP_IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
    let statement = |code, k| sock_filter { code, jt: 0, jf: 0, k };
    let jump = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    vec![
        statement(LOAD, 4), // offsetof(struct seccomp_data, arch)
        jump(JUMP_IF_EQUAL, ARCHITECTURE.1, 1, 0),
        statement(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        statement(LOAD, 0), // offsetof(struct seccomp_data, nr)
        jump(JUMP_IF_GREATER, NEWEST_CALL, 0, 1),
        statement(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const HERE: u32 = ARCHITECTURE.1;

    /// What the kernel would do: run every program, and of the answers take the strictest, of equals the one loaded last.
    fn answer(arch: u32, call: i64, arguments: [u64; 6]) -> u32 {
        answer_of(&programs(false).unwrap(), arch, call, arguments)
    }

    fn answer_of(programs: &[BpfProgram], arch: u32, call: i64, arguments: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(u32::try_from(call).unwrap().to_ne_bytes());
        data.extend(arch.to_ne_bytes());
        data.extend(0_u64.to_ne_bytes());
        arguments.iter().for_each(|argument| data.extend(argument.to_ne_bytes()));
        let answers = programs.iter().rev().map(|program| run(program, &data));
        // Actions are ordered as signed numbers: kill is negative.
        answers.min_by_key(|answer| (answer & libc::SECCOMP_RET_ACTION_FULL).cast_signed()).unwrap()
    }

    fn run(program: &[sock_filter], data: &[u8]) -> u32 {
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let instruction = &program[at];
            at += 1;
            let k = instruction.k;
            let condition = match instruction.code {
                0x20 => {
                    let offset = usize::try_from(k).unwrap();
                    accumulator = u32::from_ne_bytes(data[offset..offset + 4].try_into().unwrap());
                    continue;
                }
                0x54 => {
                    accumulator &= k;
                    continue;
                }
                0x05 => {
                    at += usize::try_from(k).unwrap();
                    continue;
                }
                0x06 => return k,
                0x15 => accumulator == k,
                0x25 => accumulator > k,
                0x35 => accumulator >= k,
                code => panic!("instruction {code:#x}"),
            };
            at += usize::from(if condition { instruction.jt } else { instruction.jf });
        }
    }

    fn errno(errno: i32) -> u32 {
        libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()
    }

    #[test]
    fn another_architecture_is_killed_whatever_it_calls() {
        // i386 and 32-bit ARM.
        for arch in [0x4000_0003, 0x4000_0028, 0] {
            for call in [0, libc::SYS_mount, libc::SYS_getpid] {
                assert_eq!(answer(arch, call, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
            }
        }
    }

    #[test]
    fn x32_and_calls_nobody_has_looked_at_do_not_exist() {
        for call in [0x4000_0000, 0x4000_0000 | libc::SYS_getpid, 0x4000_0208, 470, 512, 0xffff_ffff] {
            assert_eq!(answer(HERE, call, [0; 6]), errno(libc::ENOSYS), "{call:#x}");
        }
        assert_eq!(answer(HERE, 469, [0; 6]), ALLOW);
    }

    #[test]
    fn every_listed_call_is_refused_and_usual_ones_are_not() {
        for (call, _) in FORBIDDEN.iter().chain(FORBIDDEN_HERE) {
            assert_eq!(answer(HERE, *call, [0; 6]), errno(libc::EPERM), "{call}");
        }
        for call in ABSENT {
            assert_eq!(answer(HERE, *call, [0; 6]), errno(libc::ENOSYS), "{call}");
        }
        for call in [libc::SYS_read, libc::SYS_execve, libc::SYS_prctl, libc::SYS_seccomp, libc::SYS_openat2] {
            assert_eq!(answer(HERE, call, [0; 6]), ALLOW, "{call}");
        }
    }

    #[test]
    fn local_sockets_do_not_exist_beside_the_hosts_network() {
        let mut all = programs(false).unwrap();
        all.push(no_local_sockets().unwrap());
        let of = |call, family: u64, kind| answer_of(&all, HERE, call, [family, kind, 0, 0, 0, 0]);
        for kind in [1, 2, 5, 0x8_0801] {
            assert_eq!(of(libc::SYS_socket, 1, kind), errno(libc::EAFNOSUPPORT), "{kind:#x}");
        }
        assert_eq!(of(libc::SYS_socket, 2, 1), ALLOW);
        assert_eq!(of(libc::SYS_socket, 10, 2), ALLOW);
        assert_eq!(of(libc::SYS_socketpair, 1, 0x8_0801), ALLOW);
        assert_eq!(of(libc::SYS_socketpair, 1, 2), errno(libc::EAFNOSUPPORT));
        assert_eq!(of(libc::SYS_socketpair, 1, 5), errno(libc::EAFNOSUPPORT));
    }

    #[test]
    fn arguments_are_judged_by_the_half_that_the_kernel_reads() {
        let high = 0xdead_beef_0000_0000;
        for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
            for other in [0, 17, 0xd_0f00, high] {
                assert_eq!(
                    answer(HERE, libc::SYS_clone, [flag | other, 0, 0, 0, 0, 0]),
                    errno(libc::EPERM),
                    "{flag:#x}"
                );
            }
        }
        // A thread, as the C library makes it.
        assert_eq!(answer(HERE, libc::SYS_clone, [0x3d_0f00, 0, 0, 0, 0, 0]), ALLOW);
        assert_eq!(answer(HERE, libc::SYS_ioctl, [0, high | libc::TIOCSTI, 0, 0, 0, 0]), errno(libc::EPERM));
        assert_eq!(answer(HERE, libc::SYS_ioctl, [0, libc::TIOCGWINSZ, 0, 0, 0, 0]), ALLOW);
        for family in 0..64_u64 {
            let expected = if [1, 2, 10].contains(&family) { ALLOW } else { errno(libc::EAFNOSUPPORT) };
            for call in [libc::SYS_socket, libc::SYS_socketpair] {
                assert_eq!(answer(HERE, call, [family | high, 0x8_0801, 0, 0, 0, 0]), expected, "{family}");
            }
        }
        assert_eq!(answer(HERE, libc::SYS_socket, [2, 0x8_0803, 0, 0, 0, 0]), errno(libc::EPERM));
        for protocol in 0..300_u64 {
            for (family, kind) in [(1, 1), (1, 2), (1, 5), (2, 0x8_0001), (2, 2), (2, 5), (2, 6), (10, 1), (10, 0x802)]
            {
                let usual: &[u64] = if family == 1 { &[0, 1] } else { &[0, 1, 6, 17, 58] };
                let expected = if usual.contains(&protocol) { ALLOW } else { errno(libc::EPROTONOSUPPORT) };
                for call in [libc::SYS_socket, libc::SYS_socketpair] {
                    let found = answer(HERE, call, [family | high, kind, protocol | high, 0, 0, 0]);
                    assert_eq!(found, expected, "{family} {kind} {protocol}");
                }
            }
            // Whatever its protocol, a raw one is refused as such.
            assert_eq!(answer(HERE, libc::SYS_socket, [2, 3, protocol, 0, 0, 0]), errno(libc::EPERM), "{protocol}");
        }
        assert_eq!(answer(HERE, libc::SYS_socket, [16, 2, 9, 0, 0, 0]), errno(libc::EAFNOSUPPORT));
        assert_eq!(answer(HERE, libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]), ALLOW);
        assert_eq!(answer(HERE, libc::SYS_personality, [0x40_0000, 0, 0, 0, 0, 0]), errno(libc::EPERM));
        // Its own limits a process may lower, and those of no other, however it is named.
        assert_eq!(answer(HERE, libc::SYS_prlimit64, [high, 7, 0, 0, 0, 0]), ALLOW);
        assert_eq!(answer(HERE, libc::SYS_prlimit64, [1, 7, 0, 0, 0, 0]), errno(libc::EPERM));
    }

    #[test]
    fn process_1_cannot_be_slowed_down_and_others_can() {
        for call in [
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setattr,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setscheduler,
        ] {
            let on = |process| answer(HERE, call, [process, 0, 0, 0, 0, 0]);
            assert_eq!((on(1), on(0xdead_beef_0000_0001)), (errno(libc::EPERM), errno(libc::EPERM)), "{call}");
            assert_eq!((on(0), on(2)), (ALLOW, ALLOW), "{call}");
        }
        for (call, process, group, user) in [(libc::SYS_setpriority, 0, 1, 2), (libc::SYS_ioprio_set, 1, 2, 3)] {
            let on = |which, who| answer(HERE, call, [which, who, 0, 0, 0, 0]);
            assert_eq!([on(process, 1), on(user, 1000), on(user, 0)], [errno(libc::EPERM); 3], "{call}");
            assert_eq!([on(process, 0), on(process, 2), on(group, 0)], [ALLOW; 3], "{call}");
        }
    }

    #[test]
    fn watching_tells_the_listener_what_would_be_refused_and_refuses_the_rest_itself() {
        let watched = programs(true).unwrap();
        let both = |call, arguments| (answer(HERE, call, arguments), answer_of(&watched, HERE, call, arguments));
        let notified = libc::SECCOMP_RET_USER_NOTIF;
        for (call, _) in FORBIDDEN.iter().chain(FORBIDDEN_HERE) {
            assert_eq!(both(*call, [0; 6]), (errno(libc::EPERM), notified), "{call}");
        }
        for call in WATCHED {
            assert_eq!(both(*call, [1; 6]), (ALLOW, notified), "{call}");
        }
        assert_eq!(both(libc::SYS_sendto, [1, 1, 1, 1, 0, 0]), (ALLOW, ALLOW));
        assert_eq!(both(libc::SYS_exit_group, [0; 6]), (ALLOW, ALLOW));
        assert_eq!(both(libc::SYS_ioctl, [0, libc::TIOCSTI, 0, 0, 0, 0]), (errno(libc::EPERM), notified));
        assert_eq!(both(libc::SYS_clone, [0x1000_0000, 0, 0, 0, 0, 0]), (errno(libc::EPERM), notified));
        // A stricter answer of another program stands.
        assert_eq!(both(libc::SYS_socket, [16, 3, 0, 0, 0, 0]), (errno(libc::EAFNOSUPPORT), errno(libc::EAFNOSUPPORT)));
        for call in ABSENT.iter().chain(&[470, 0x4000_003b]) {
            assert_eq!(both(*call, [0; 6]), (errno(libc::ENOSYS), errno(libc::ENOSYS)), "{call}");
        }
        assert_eq!(answer_of(&watched, 0x4000_0003, libc::SYS_execve, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
        for call in [libc::SYS_read, libc::SYS_clone, libc::SYS_openat, libc::SYS_prctl, libc::SYS_seccomp] {
            assert_eq!(both(call, [0; 6]), (ALLOW, ALLOW), "{call}");
        }
    }

    #[test]
    fn a_refused_call_has_the_name_that_people_know() {
        assert_eq!(forbidden_name(libc::SYS_mount), "mount");
        assert_eq!(forbidden_name(467), "open_tree_attr");
        assert_eq!(forbidden_name(libc::SYS_clone), "clone");
    }
}
