//! What a host must have for sandboxes, checked by trying.

use std::io;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::forbidden::Host;
use crate::init::{Groups, PROC_REMEDY, can_take_descriptors, filter_programs, new_mount};
use crate::limit::{Limit, Mechanism};
use crate::run::Started;
use crate::syscalls;
use crate::wire::{Kind, Order, order_bytes, read_frame};
use crate::{Cancel, Error, Limits};

/// The oldest kernel with all that is needed: `mount_setattr` came with 5.12.
const OLDEST_KERNEL: (u32, u32) = (5, 12);

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCheck {
    /// What, in a few words.
    pub name: String,
    /// Whether sandboxes can run with what was found.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What the host's administrator can do, if something is amiss.
    pub remedy: Option<String>,
}

/// Checks the host by trying each thing that a sandbox needs, in a process of its own that leaves nothing behind.
///
/// The program must call [`init_if_requested`](crate::init_if_requested) first in `main`. Takes some milliseconds.
pub fn probe_host() -> Vec<HostCheck> {
    match ask(&Order::Probe) {
        Ok(checks) => checks,
        Err(error) => vec![HostCheck {
            name: "starting a sandbox's init".to_owned(),
            ok: false,
            found: error.to_string(),
            remedy: Some("mount /proc, and let this program execute itself".to_owned()),
        }],
    }
}

/// Has a started init make checks.
pub(crate) fn ask(order: &Order) -> Result<Vec<HostCheck>, Error> {
    let order = order_bytes(order).map_err(|source| Error::io("writing an order", source))?;
    let mut started = Started::new()?;
    started.send(&order, &Cancel::new()?)?;
    let answer = read_frame(&mut started.control);
    let status = started.finish();
    match answer {
        Ok(Some((Kind::Probed, json))) => serde_json::from_slice(&json)
            .map_err(|error| Error::io("understanding the host's checks", io::Error::from(error))),
        Ok(Some((Kind::Failed, json))) => {
            let failure: Failure = serde_json::from_slice(&json)
                .map_err(|error| Error::io("understanding the host's checks", io::Error::from(error)))?;
            Err(failure.into())
        }
        Ok(_) => Err(Error::Lost { status, words: String::new() }),
        Err(source) => Err(Error::io("asking for the host's checks", source)),
    }
}

/// Makes the checks, each on the ground that those before it have won. Run by the started init, which ends after.
pub(crate) fn checks() -> Vec<HostCheck> {
    // Where the caller stands, of which nothing is left later.
    let (limits, evidence) = (limits(), evidence());
    let mut checks = vec![kernel(), seccomp()];
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        let found = if syscalls::has_capability(syscalls::CAP_SYS_ADMIN) { Ok(()) } else { Err(Errno::PERM) };
        checks.push(check("CAP_SYS_ADMIN", found, "give the container CAP_SYS_ADMIN, or run as an unprivileged user"));
    }
    checks.push(user_namespaces(is_root));
    let others = libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    checks.push(forbidden("mount, network, ipc and uts namespaces", syscalls::unshare(others)));
    let tmpfs = new_mount("tmpfs", &[("size", "65536")], 0).map(drop);
    checks.push(check("tmpfs", tmpfs, "use a kernel with CONFIG_TMPFS, in a container that may mount"));
    checks.push(check("overlay of read-only layers", try_overlay(), "modprobe overlay, on Linux 5.12 or newer"));
    // A process sees a new pid namespace only in its children, and one is enough to see that it can be mounted for.
    let proc = syscalls::unshare(libc::CLONE_NEWPID).and_then(|()| in_child(|| new_mount("proc", &[], 0).map(drop)));
    checks.push(check("a /proc of its own", proc, PROC_REMEDY));
    checks.push(optional("time namespace", syscalls::unshare(libc::CLONE_NEWTIME), "the boot time will not be varied"));
    checks.push(optional(
        "cgroup namespace",
        syscalls::unshare(libc::CLONE_NEWCGROUP),
        "builds see the name of the control group",
    ));
    checks.push(limits);
    checks.push(optional("evidence", evidence, "what builds execute and try to reach is not listed"));
    checks
}

/// Makes those checks that are left where bubblewrap has made namespaces and mounts.
pub(crate) fn checks_within() -> Vec<HostCheck> {
    vec![seccomp(), optional("evidence", evidence(), "what builds execute and try to reach is not listed")]
}

fn check(name: &str, outcome: Result<(), Errno>, remedy: &str) -> HostCheck {
    HostCheck {
        name: name.to_owned(),
        ok: outcome.is_ok(),
        found: outcome.map_or_else(|errno| io::Error::from(errno).to_string(), |()| "works".to_owned()),
        remedy: outcome.is_err().then(|| remedy.to_owned()),
    }
}

/// A check of what some hosts forbid.
fn forbidden(name: &str, outcome: Result<(), Errno>) -> HostCheck {
    let remedy = outcome.err().map(|errno| Host::read().remedy(errno)).unwrap_or_default();
    check(name, outcome, &remedy)
}

/// What would hold the limits on all processes of a sandbox together. Something always does.
fn limits() -> HostCheck {
    let groups = Groups::make(&Limits::default());
    let by = |limit, otherwise: Mechanism| groups.mechanism(limit).unwrap_or(otherwise).name();
    let mut found = format!(
        "memory by {}, processes by {}, processor time by {}",
        by(Limit::Memory, Mechanism::Watchdog),
        by(Limit::Processes, Mechanism::Rlimit),
        by(Limit::CpuTime, Mechanism::Watchdog)
    );
    if groups.mechanism(Limit::Memory).is_none() {
        found.push_str(
            "; a control group would hold memory exactly: run as root, or in a delegated one (systemd-run --user --scope -p \
             Delegate=yes)",
        );
    }
    groups.remove();
    HostCheck { name: "limits".to_owned(), ok: true, found, remedy: None }
}

/// Whether process 1 can be told of a command's calls.
fn evidence() -> Result<(), Errno> {
    let programs = filter_programs(true).map_err(|_| Errno::INVAL)?;
    let program = programs.first().ok_or(Errno::INVAL)?;
    can_take_descriptors()?;
    in_child(|| {
        rustix::thread::set_no_new_privs(true)?;
        syscalls::load_listened_filter(program).map(drop)
    })
}

/// A check that costs no sandbox.
fn optional(name: &str, outcome: Result<(), Errno>, loss: &str) -> HostCheck {
    let mut found = check(name, outcome, "use a newer kernel");
    if !found.ok {
        found.ok = true;
        found.found = format!("missing ({}): {loss}", found.found);
    }
    found
}

fn kernel() -> HostCheck {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let ok = version >= OLDEST_KERNEL;
    HostCheck {
        name: "kernel".to_owned(),
        ok,
        found: format!("Linux {release}"),
        remedy: (!ok).then(|| format!("use Linux {}.{} or newer", OLDEST_KERNEL.0, OLDEST_KERNEL.1)),
    }
}

fn seccomp() -> HostCheck {
    let outcome = match filter_programs(false) {
        // Loaded into a child, because it would forbid the other checks.
        Ok(programs) => in_child(|| {
            programs.iter().try_for_each(|program| seccompiler::apply_filter(program)).map_err(|_| Errno::NOSYS)
        }),
        Err(_) => Err(Errno::INVAL),
    };
    check("seccomp filters", outcome, "use a kernel with CONFIG_SECCOMP_FILTER")
}

fn user_namespaces(is_root: bool) -> HostCheck {
    // Root makes its own only after all else, so it is tried in a child.
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let outcome = if is_root {
        in_child(|| syscalls::unshare(libc::CLONE_NEWUSER))
    } else {
        syscalls::unshare(libc::CLONE_NEWUSER).and_then(|()| {
            let map = |uid: u32| format!("1000 {uid} 1\n");
            syscalls::write_file("/proc/self/setgroups", "deny")
                .and_then(|()| syscalls::write_file("/proc/self/gid_map", &map(gid)))
                .and_then(|()| syscalls::write_file("/proc/self/uid_map", &map(uid)))
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        })
    };
    let mut found = forbidden("user namespaces", outcome);
    found.found.push_str(&Host::read().settings());
    found
}

/// Mounts an overlay of two empty directories, in the mount namespace of this process alone.
fn try_overlay() -> Result<(), Errno> {
    use rustix::fs::{CWD, Mode, mkdirat};
    use rustix::mount::{MoveMountFlags, move_mount};
    let tmpfs = new_mount("tmpfs", &[("size", "65536")], 0)?;
    move_mount(&tmpfs, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    rustix::process::fchdir(&tmpfs)?;
    for name in ["a", "b"] {
        mkdirat(CWD, name, Mode::from_raw_mode(0o755))?;
    }
    new_mount("overlay", &[("lowerdir", "a:b"), ("userxattr", ""), ("ro", "")], 0).map(drop)
}

/// Tries something in a child process and brings the answer back in its exit code.
fn in_child(attempt: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    if syscalls::fork()?.is_none() {
        syscalls::exit(attempt().map_or_else(Errno::raw_os_error, |()| 0));
    }
    match syscalls::wait_for_child(true) {
        syscalls::Waited::Ended(_, crate::wire::Status::Exited(0)) => Ok(()),
        syscalls::Waited::Ended(_, crate::wire::Status::Exited(errno)) => Err(Errno::from_raw_os_error(errno)),
        _ => Err(Errno::IO),
    }
}
