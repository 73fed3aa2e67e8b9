//! Process 1 where bubblewrap has made the sandbox: it makes no namespace and no mount, and has no capability.
//!
//! The rest is as in [`first`](super::first): it fills scratch, starts the command under the same filter, watches over it, and sends what it
//! left.

use std::ffi::c_int;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, StatVfsMountFlags};

use super::first::{self, NetworkCounters, Sandbox};
use super::groups::Groups;
use super::mounts::Scratch;
use super::skeleton::set_made_at;
use super::{Pipes, clock, command, copy};
use crate::error::{Failure, Step};
use crate::limit::Mechanism;
use crate::spec::{Places, ScratchFileSystem, Spec};
use crate::syscalls;
use crate::wire::{Inside, Kind, Namespaces, Weaker, write_json};

/// The namespaces that bubblewrap must have made.
const ESSENTIAL: [&str; 5] = ["mnt", "pid", "net", "ipc", "uts"];

/// Runs process 1; gives its exit code, which nobody reads. `order` is the number of the descriptor of its order.
pub(super) fn run(order: &str) -> c_int {
    syscalls::reset_signals();
    syscalls::ignore_broken_pipes();
    let Ok(number) = order.parse::<i32>() else { return 70 };
    // Whatever it is, it is not this function that opened it, and nothing else of this process uses it.
    let mut order = File::from(syscalls::inherited(number));
    let mut json = Vec::new();
    if order.read_to_end(&mut json).is_err() {
        return 70;
    }
    drop(order);
    let Ok(inside) = serde_json::from_slice::<Inside>(&json) else { return 70 };
    if syscalls::close_from(3, true).is_err() {
        return 70;
    }
    let mut control = UnixStream::from(syscalls::inherited(inside.descriptors.control));
    match live(inside, &mut control) {
        Ok(()) => 0,
        Err(failure) => {
            let _ = write_json(&mut control, Kind::Failed, &failure);
            1
        }
    }
}

fn live(inside: Inside, control: &mut UnixStream) -> Result<(), Failure> {
    let Inside { spec, bubblewrap, descriptors, namespaces, user_processes } = inside;
    let pipes = Pipes::of(descriptors.message, descriptors.log)?;
    let copies: Vec<OwnedFd> = descriptors.copies.iter().map(|fd| syscalls::inherited(*fd)).collect();
    let preload = descriptors.preload.map(|fd| File::from(syscalls::inherited(fd)));
    let mut hello = File::from(syscalls::inherited(descriptors.hello));
    hello.write_all(&[0]).step(|| "say that the sandbox is up".to_owned())?;
    drop(hello);
    if is_gone(control) {
        return Ok(());
    }
    let own = Namespaces::of_this_process();
    let has_user_namespace = own.has_another("user", &namespaces);
    let has_cgroup_namespace = own.has_another("cgroup", &namespaces);
    if let Some(kind) = ESSENTIAL.iter().find(|kind| !own.has_another(kind, &namespaces)) {
        return Err(not_made(&format!("no {kind} namespace")));
    }
    if rustix::process::getpid().as_raw_pid() != 1 {
        return Err(not_made("another first process"));
    }
    let Some(spec) = spec else {
        drop(pipes);
        return write_json(control, Kind::Probed, &crate::host::checks_within()).step(|| "report".to_owned());
    };

    let root = rustix::fs::statvfs("/").step(|| "look at the root".to_owned())?;
    if !root.f_flag.contains(StatVfsMountFlags::RDONLY | StatVfsMountFlags::NOSUID) {
        return Err(not_made("a root that can be written to"));
    }
    rustix::process::umask(Mode::empty());
    let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if owner.0 == 0 {
        return Err(not_made("the user id 0"));
    }
    let scratch = Scratch::found(&spec, Places::of(&spec.scratch), owner)?;
    for (copy, source) in spec.copies.iter().zip(copies) {
        let target = scratch.make(&copy.target, owner).step(|| format!("make {:?} in scratch", copy.target))?;
        copy::tree(&source, &target, copy, owner)?;
    }
    if let Some(file) = preload {
        fill(file, &spec).step(|| "write the list of the dynamic linker".to_owned())?;
    }
    let is_bounding_set_full = syscalls::drop_bounding_capabilities().is_err() && syscalls::has_bounding_capability();
    let mut weaker = vec![
        Weaker::DomainName,
        Weaker::ScratchBySum,
        Weaker::HostFileSystem,
        Weaker::HiddenProcesses,
        Weaker::KernelMemory,
    ];
    let conditional = [
        (!has_user_namespace, Weaker::UserIds),
        (spec.boot_offset_secs != 0, Weaker::BootTime),
        (!has_cgroup_namespace, Weaker::CgroupNamespace),
        (spec.scratch_file_system == ScratchFileSystem::Overlay, Weaker::ScratchOverlay),
        (is_bounding_set_full, Weaker::BoundingSet),
    ];
    weaker.extend(conditional.iter().filter(|(holds, _)| *holds).map(|(_, weaker)| *weaker));
    weaker.sort_unstable();

    let groups = Groups::default();
    let sandbox = Sandbox {
        // It always has one of its own, whatever is asked for: what needs the host's finds none.
        network: Some(NetworkCounters::open()),
        sockets: File::open("/proc/self/net/sockstat").ok(),
        stdin: command::stdin(&spec.stdin)?,
        scratch,
        pipes,
        // In a user namespace of its own, this process is the only other one of the command's user.
        users: if has_user_namespace { command::Users::Own(1) } else { command::Users::Shared(user_processes) },
        groups: &groups,
        settings: Vec::new(),
        scratch_by: Mechanism::Watchdog,
        has_time_namespace: false,
        has_cgroup_namespace,
        bubblewrap: Some(bubblewrap.version),
        weaker,
        kept_capabilities: &[],
    };
    first::conduct(&spec, control, sandbox)
}

/// What bubblewrap was asked for and this process does not find.
fn not_made(found: &str) -> Failure {
    Failure::Host {
        what: format!("bubblewrap made a sandbox with {found}"),
        remedy: "install a bubblewrap that works, or let this program make namespaces".to_owned(),
    }
}

/// Whether the caller is gone already.
fn is_gone(control: &UnixStream) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(control, PollFlags::empty())];
    poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
}

/// Writes what the dynamic linker is to preload into its file, which can be written through this descriptor alone.
fn fill(mut file: File, spec: &Spec) -> std::io::Result<()> {
    for made in clock::files(spec).iter().filter(|made| made.path == std::path::Path::new(clock::PRELOADED)) {
        file.write_all(&made.content)?;
    }
    Ok(set_made_at(&file)?)
}
