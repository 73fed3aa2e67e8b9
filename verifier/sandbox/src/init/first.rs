//! Process 1 of the sandbox: builds it, starts the command, reaps, tells how it ended.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::command::Users;
use super::evidence::Watch;
use super::groups::Groups;
use super::mounts::Scratch;
use super::watchdog::{Also, Conclusion, Watchdog};
use super::{Identity, Pipes, collect, command, mounts};
use crate::error::{Failure, Step};
use crate::host_id::HostId;
use crate::limit::{Held, Limit, Mechanism};
use crate::spec::{Network, Spec};
use crate::syscalls::{self, Waited};
use crate::wire::{Ended, Kind, Status, Weaker, write_json};

/// What process 1 is given by its warden.
pub(super) struct Given<'a> {
    pub(super) identity: Identity,
    pub(super) pipes: Pipes,
    pub(super) has_time_namespace: bool,
    pub(super) groups: &'a Groups,
    /// Gives a byte when process 1 is in the groups; ends without where it could not be put there.
    pub(super) joined: PipeReader,
}

/// Runs process 1; gives its exit code. When it exits the kernel kills what is left in the pid namespace.
pub(super) fn run(spec: &Spec, mut control: UnixStream, given: Given<'_>) -> c_int {
    match live(spec, &mut control, given) {
        Ok(()) => 0,
        Err(failure) => {
            let _ = write_json(&mut control, Kind::Failed, &failure);
            1
        }
    }
}

fn live(spec: &Spec, control: &mut UnixStream, given: Given<'_>) -> Result<(), Failure> {
    let Given { identity, pipes, has_time_namespace, groups, mut joined } = given;
    let has_own_network = spec.network == Network::None;
    let essential = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    syscalls::unshare(if has_own_network { essential | libc::CLONE_NEWNET } else { essential })
        .or_forbidden("make mount, network, ipc and uts namespaces")?;

    let scratch = mounts::build(spec, &identity)?;
    rustix::system::sethostname(spec.hostname.as_bytes()).step(|| format!("set the host name {:?}", spec.hostname))?;
    syscalls::set_domain_name(&spec.domainname).step(|| format!("set the domain name {:?}", spec.domainname))?;
    if has_own_network {
        syscalls::bring_loopback_up().step(|| "bring lo up".to_owned())?;
    }
    let mut settings: Vec<Held> = limit_shared_memory(spec.limits.memory_bytes).into_iter().collect();
    settings.extend(limit_kernel_memory(&OWN_SETTINGS));
    if has_own_network {
        settings.extend(limit_kernel_memory(&NETWORK_SETTINGS));
    }
    mounts::seal_proc()?;
    let network = has_own_network.then(NetworkCounters::open);
    let sockets = if has_own_network { File::open("/proc/self/net/sockstat").ok() } else { None };
    let stdin = command::stdin(&spec.stdin)?;
    // Not in the groups, nothing is held by them, and it is better to say so than to go on as if.
    let none = Groups::default();
    let groups = if joined.read(&mut [0]).is_ok_and(|count| count == 1) { groups } else { &none };
    // Only now, so that the group in which it stands is the root of what the command sees.
    let has_cgroup_namespace = syscalls::unshare(libc::CLONE_NEWCGROUP).is_ok();
    // This process, and the warden if it has entered the same user namespace.
    let companions = if matches!(identity, Identity::Caller) { 2 } else { 1 };
    // Held to the end, should the warden be killed alone.
    let _host = enter_user(spec, identity)?;
    let sandbox = Sandbox {
        scratch,
        network,
        sockets,
        stdin,
        pipes,
        users: Users::Own(companions),
        groups,
        settings,
        scratch_by: Mechanism::FileSystem,
        has_time_namespace,
        has_cgroup_namespace,
        bubblewrap: None,
        weaker: Vec::new(),
        // What the command leaves behind may be closed to its owner, and must be read; and so may be what its processes ask for.
        kept_capabilities: &[syscalls::CAP_DAC_OVERRIDE, syscalls::CAP_SYS_PTRACE],
    };
    conduct(spec, control, sandbox)
}

/// A sandbox that stands, before the command is started in it.
pub(super) struct Sandbox<'a> {
    pub(super) scratch: Scratch,
    pub(super) network: Option<NetworkCounters>,
    pub(super) sockets: Option<File>,
    pub(super) stdin: OwnedFd,
    pub(super) pipes: Pipes,
    pub(super) users: Users,
    pub(super) groups: &'a Groups,
    /// Limits that the kernel was set to.
    pub(super) settings: Vec<Held>,
    /// What holds scratch.
    pub(super) scratch_by: Mechanism,
    pub(super) has_time_namespace: bool,
    pub(super) has_cgroup_namespace: bool,
    pub(super) bubblewrap: Option<String>,
    pub(super) weaker: Vec<Weaker>,
    /// What this process keeps to watch over the command; without capabilities there is nothing to keep or to give up.
    pub(super) kept_capabilities: &'static [u32],
}

/// Starts the command, watches over it, tells how it ended, and sends what it left.
pub(super) fn conduct(spec: &Spec, control: &mut UnixStream, sandbox: Sandbox<'_>) -> Result<(), Failure> {
    let Sandbox { scratch, network, sockets, stdin, pipes, users, groups, settings, .. } = sandbox;
    // Neither /proc/1/mem nor /proc/1/fd are for the command, which has the same user id.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).step(|| "hide process 1".to_owned())?;
    let children = syscalls::watch_children().step(|| "watch child processes".to_owned())?;
    let also = Also {
        processes: matches!(users, Users::Shared(_)) && groups.mechanism(Limit::Processes).is_none(),
        ipc: !settings.iter().any(|held| held.name == SHARED_MEMORY),
    };
    let watchdog = Watchdog::new(&spec.limits, groups, &scratch, sockets, also);
    let started = Instant::now();
    let command::Started { id, mut in_force, watch } = command::start(spec, stdin, pipes, users, groups)?;
    for held in in_force.limits.iter_mut().filter(|held| held.name.starts_with("scratch-")) {
        held.by = sandbox.scratch_by;
    }
    in_force.limits.extend(settings);
    in_force.has_time_namespace = sandbox.has_time_namespace;
    in_force.has_cgroup_namespace = sandbox.has_cgroup_namespace;
    in_force.bubblewrap = sandbox.bubblewrap;
    in_force.weaker = sandbox.weaker;
    syscalls::keep_capabilities(sandbox.kept_capabilities).step(|| "give up capabilities".to_owned())?;
    rustix::thread::set_no_new_privs(true).step(|| "give up privileges".to_owned())?;
    write_json(control, Kind::Started, &in_force).step(|| "report".to_owned())?;

    let mut vigil = Vigil { id, started, wall: spec.limits.wall, watchdog, watch };
    let (status, cause) = vigil.keep(&children, control)?;
    let wall = started.elapsed();
    let Vigil { watchdog, watch, .. } = vigil;
    let Conclusion { cpu, reached, met } = watchdog.conclude();
    syscalls::kill_all();
    let status = match reap_all(id) {
        Some(late) => late,
        None => status,
    };
    let Some(cause) = cause else {
        // The caller is gone, and nobody is left to tell.
        return Ok(());
    };

    let mut refused = None;
    if cause == Cause::Itself && status == Status::Exited(0) {
        for (index, wanted) in spec.collect.iter().enumerate() {
            refused = collect::send(index, wanted, &scratch, &spec.limits, control)?;
            if refused.is_some() {
                break;
            }
        }
    }
    let ended = Ended {
        status,
        stopped_at: match cause {
            Cause::Limit(limit) => Some(limit),
            Cause::Itself | Cause::Stopped => None,
        },
        reached,
        met,
        refused,
        wall_micros: micros(wall),
        // Now all are reaped, which is exact where no group has counted.
        cpu_micros: micros(cpu.max(syscalls::cpu_of_children())),
        network_attempts: network.as_ref().map_or(0, NetworkCounters::attempts),
        evidence: watch.map(Watch::finish),
    };
    write_json(control, Kind::Ended, &ended).step(|| "report".to_owned())
}

/// Becomes the inside user. Called as root: leaves root's user namespace, in which the mounts were made, for good.
fn enter_user(spec: &Spec, identity: Identity) -> Result<Option<HostId>, Failure> {
    let Identity::Reserved { mut sync, host } = identity else {
        return Ok(None);
    };
    syscalls::clear_groups().step(|| "give up supplementary groups".to_owned())?;
    syscalls::unshare(libc::CLONE_NEWUSER).or_forbidden("make a user namespace")?;
    sync.write_all(&[0]).and_then(|()| sync.read_exact(&mut [0])).step(|| "have the reserved id mapped".to_owned())?;
    syscalls::become_user(spec.uid, spec.gid).step(|| format!("become user {} and group {}", spec.uid, spec.gid))?;
    Ok(Some(host))
}

/// Why the waiting ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Itself,
    Limit(Limit),
    Stopped,
}

struct Vigil<'a> {
    id: c_int,
    started: Instant,
    wall: Duration,
    watchdog: Watchdog<'a>,
    watch: Option<Watch>,
}

impl Vigil<'_> {
    /// Waits for the command's end, a limit, or a word from the caller. Without a cause, the caller is gone. Meanwhile takes evidence.
    ///
    /// The status is a placeholder unless the command ended by itself.
    fn keep(&mut self, children: &impl AsFd, control: &UnixStream) -> Result<(Status, Option<Cause>), Failure> {
        const KILLED: Status = Status::Signalled(libc::SIGKILL);
        loop {
            if let Some(status) = reap_until(self.id) {
                return Ok((status, Some(Cause::Itself)));
            }
            let Some(left) = self.wall.checked_sub(self.started.elapsed()) else {
                return Ok((KILLED, Some(Cause::Limit(Limit::WallTime))));
            };
            if let Some(limit) = self.watchdog.look() {
                return Ok((KILLED, Some(Cause::Limit(limit))));
            }
            let timeout = Timespec::try_from(left.min(self.watchdog.rest())).ok();
            let mut fds = vec![PollFd::new(children, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
            fds.extend(
                self.watch.iter().filter_map(Watch::bell).map(|bell| PollFd::from_borrowed_fd(bell, PollFlags::IN)),
            );
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno).step(|| "wait for the command".to_owned()),
            }
            let [has_ended, has_word] = [0, 1].map(|index| !fds[index].revents().is_empty());
            let told = fds.get(2).map(PollFd::revents);
            drop(fds);
            if has_ended {
                syscalls::drain(children.as_fd());
            }
            if let (Some(watch), Some(told)) = (&mut self.watch, told) {
                watch.hear(told, |process| self.watchdog.look_at_failure(process));
            }
            if has_word {
                let mut control: &UnixStream = control;
                let is_there = control.read(&mut [0]).is_ok_and(|count| count > 0);
                return Ok((KILLED, is_there.then_some(Cause::Stopped)));
            }
        }
    }
}

/// Reaps what has ended; gives the command's status if it is among it.
fn reap_until(id: c_int) -> Option<Status> {
    while let Waited::Ended(ended, status) = syscalls::wait_for_child(false) {
        if ended == id {
            return Some(status);
        }
    }
    None
}

/// Reaps until no process is left; gives the command's status if it was still among them.
fn reap_all(id: c_int) -> Option<Status> {
    let mut found = None;
    while let Waited::Ended(ended, status) = syscalls::wait_for_child(true) {
        if ended == id {
            found = Some(status);
        }
    }
    found
}

/// The name of the limit on System V shared memory.
const SHARED_MEMORY: &str = "shared-memory-bytes";

/// Limits System V shared memory, which no limit on processes counts. A host may not let an unprivileged user do so.
fn limit_shared_memory(bytes: u64) -> Option<Held> {
    let pages = (bytes / 4096).max(1);
    syscalls::write_file("/proc/sys/kernel/shmall", &pages.to_string()).ok()?;
    Some(Held::new(SHARED_MEMORY, pages * 4096, Mechanism::Kernel))
}

/// What a setting limits, to how much, and the files with what is written into them.
type Setting = (&'static str, u64, &'static [(&'static str, &'static str)]);

/// Settings of the sandbox's own network, for memory of the kernel's that no limit on processes counts. Those of the host's are the host's.
const NETWORK_SETTINGS: [Setting; 1] = [(
    "tcp-buffer-bytes",
    65_536,
    &[("/proc/sys/net/ipv4/tcp_rmem", "4096 16384 65536"), ("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 65536")],
)];
/// The same of what every sandbox has.
const OWN_SETTINGS: [Setting; 2] = [
    (
        "message-queues",
        16,
        &[("/proc/sys/kernel/msgmni", "16"), ("/proc/sys/kernel/msgmnb", "16384"), ("/proc/sys/kernel/msgmax", "8192")],
    ),
    ("semaphore-sets", 128, &[("/proc/sys/kernel/sem", "250 32000 100 128")]),
];

/// Changes settings. Gives those limits that the host let it set.
fn limit_kernel_memory(settings: &[Setting]) -> Vec<Held> {
    let is_set = |settings: &&[(&str, &str)]| {
        // All of them, whatever becomes of the first.
        let refused = settings.iter().filter(|(path, value)| syscalls::write_file(path, value).is_err());
        refused.count() == 0
    };
    let set = settings.iter().filter(|(_, _, settings)| is_set(settings));
    set.map(|(name, value, _)| Held::new(name, *value, Mechanism::Kernel)).collect()
}

/// The kernel's counters of packets that had nowhere to go, opened while they can be.
pub(super) struct NetworkCounters {
    v4: io::Result<File>,
    v6: io::Result<File>,
}

impl NetworkCounters {
    pub(super) fn open() -> Self {
        Self { v4: File::open("/proc/self/net/snmp"), v6: File::open("/proc/self/net/snmp6") }
    }

    /// A kernel without IPv6 has no counter for it, and no attempt over it either.
    fn attempts(&self) -> u64 {
        let read = |file: &io::Result<File>| -> String {
            let mut bytes = vec![0; 65_536];
            let count = file.as_ref().map_or(0, |file| file.read_at(&mut bytes, 0).unwrap_or(0));
            String::from_utf8_lossy(&bytes[..count]).into_owned()
        };
        v4_attempts(&read(&self.v4)) + v6_attempts(&read(&self.v6))
    }
}

/// `OutNoRoutes` of `/proc/net/snmp`: a line of names that starts with `Ip:`, then one of values.
fn v4_attempts(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Ip:"));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    names
        .split_ascii_whitespace()
        .zip(values.split_ascii_whitespace())
        .find(|(name, _)| *name == "OutNoRoutes")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0)
}

/// `Ip6OutNoRoutes` of `/proc/net/snmp6`: a name and a value a line.
fn v6_attempts(snmp6: &str) -> u64 {
    snmp6
        .lines()
        .filter_map(|line| line.strip_prefix("Ip6OutNoRoutes"))
        .find_map(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_found_by_name() {
        let snmp = "Ip: Forwarding DefaultTTL OutNoRoutes ReasmTimeout\nIp: 1 64 7 0\nIcmp: InMsgs\nIcmp: 3\n";
        assert_eq!(v4_attempts(snmp), 7);
        assert_eq!(v4_attempts(""), 0);
        assert_eq!(v6_attempts("Ip6OutDiscards\t1\nIp6OutNoRoutes                 \t12\n"), 12);
    }
}
