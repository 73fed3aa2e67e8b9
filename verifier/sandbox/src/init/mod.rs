//! The program started again to be a sandbox's init.
//!
//! Two processes come of it. The *warden* is the one that was started. It stays in the host's pid and mount namespaces, holds the host
//! id, writes the id map, makes the control groups, and kills process 1 when the caller goes away. *Process 1* ([`first`]) builds the sandbox,
//! starts the command ([`command`]), reaps what ends and tells the caller.
//!
//! Called unprivileged, the warden enters a user namespace first and all else is done with the capabilities it has there. Called as root,
//! mounts are made as root, and then process 1 moves into a user namespace whose only id is the reserved host id.
//!
//! Where bubblewrap is to make namespaces and mounts the warden is [`bubblewrap`], and process 1 is [`inside`].

mod bubblewrap;
mod clock;
mod collect;
mod command;
mod copy;
mod evidence;
mod filter;
mod first;
mod groups;
mod inside;
mod mounts;
mod parts;
mod root;
mod skeleton;
mod watchdog;

use std::ffi::c_int;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

pub(crate) use command::can_take_descriptors;
pub(crate) use filter::programs as filter_programs;
pub(crate) use groups::Groups;
pub(crate) use mounts::{PROC_REMEDY, new_mount};
pub(crate) use root::sweep as sweep_roots;

use crate::error::{Failure, Step};
use crate::host_id::HostId;
use crate::spec::Spec;
use crate::syscalls;
use crate::wire::{FIRST_ARGUMENT, FIRST_ARGUMENT_INSIDE, Kind, Order, read_order, write_json};

/// Whether [`init_if_requested`] was called. A program that does not call it, started again, would do its own work once more, and
/// start itself without end.
static WAS_ASKED: AtomicBool = AtomicBool::new(false);

pub(crate) fn was_asked() -> bool {
    WAS_ASKED.load(Ordering::SeqCst)
}

/// Becomes a sandbox's init, and never returns, if this process was started as one; else returns at once.
///
/// To be called as the first thing in `main`, before threads, an async runtime or a logger exist, in every program that calls
/// [`run`](crate::run) or [`probe_host`](crate::probe_host).
pub fn init_if_requested() {
    WAS_ASKED.store(true, Ordering::SeqCst);
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_ref().is_some_and(|argument| argument == FIRST_ARGUMENT) {
        syscalls::exit(warden());
    }
    if first.is_some_and(|argument| argument == FIRST_ARGUMENT_INSIDE) {
        let order = arguments.next().unwrap_or_default();
        syscalls::exit(inside::run(&order.to_string_lossy()));
    }
}

/// Runs the warden; gives its exit code, which nobody but a curious human reads.
fn warden() -> c_int {
    // A caller may ignore the ends of its children, and this would be inherited.
    syscalls::reset_signals();
    syscalls::ignore_broken_pipes();
    // Early, so that no descriptor of the caller, or of a sandbox started at the same time, stays open here.
    if syscalls::close_from(3, false).is_err() {
        return 70;
    }
    let mut control = UnixStream::from(syscalls::inherited(0));
    let Ok(pipes) = Pipes::inherited() else {
        return 70;
    };
    let order = match read_order(&mut control) {
        Ok(order) => order,
        // Started by hand, or the caller is gone.
        Err(_) => return 70,
    };
    // A signal from the caller's terminal is for the caller to act on.
    let _ = rustix::process::setsid();
    let _ = rustix::process::chdir("/");
    let result = match order {
        Order::Probe => write_json(&mut control, Kind::Probed, &crate::host::checks()).step(|| "report".to_owned()),
        Order::Run(spec) => watch_over(&spec, &control, pipes),
        Order::RunWithin(spec, program) => bubblewrap::watch_over(Some(spec), program, &control, pipes),
        Order::ProbeWithin(program) => bubblewrap::watch_over(None, program, &control, pipes),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => {
            let _ = write_json(&mut control, Kind::Failed, &failure);
            1
        }
    }
}

/// The writing ends that the command gets. The caller reads to their end, so every other process lets go of them.
struct Pipes {
    message: OwnedFd,
    log: OwnedFd,
    null: OwnedFd,
}

impl Pipes {
    /// Takes standard output and error over. Error leads to the log until the release, so that a panic is told.
    fn inherited() -> Result<Self, Failure> {
        let (message, log) = (syscalls::inherited(1), syscalls::inherited(2));
        let pipes = Self { message: above(&message)?, log: above(&log)?, null: null()? };
        // Numbers 1 and 2 stay taken for good, or a later file would get what is printed.
        std::mem::forget((message, log));
        syscalls::duplicate_onto(pipes.null.as_fd(), 1).step(|| "connect standard output".to_owned())?;
        Ok(pipes)
    }

    /// Takes them over under the numbers that they have. Error leads to the log until the release, too.
    fn of(message: i32, log: i32) -> Result<Self, Failure> {
        let (message, log) = (syscalls::inherited(message), syscalls::inherited(log));
        let pipes = Self { message: above(&message)?, log: above(&log)?, null: null()? };
        syscalls::duplicate_onto(pipes.log.as_fd(), 2).step(|| "connect standard error".to_owned())?;
        Ok(pipes)
    }

    /// Lets go of the pipes.
    fn release(self) -> Result<(), Failure> {
        syscalls::duplicate_onto(self.null.as_fd(), 2).step(|| "disconnect standard error".to_owned())
    }
}

/// The descriptor under another number, clear of those that the command gets.
fn above(fd: impl AsFd) -> Result<OwnedFd, Failure> {
    rustix::io::fcntl_dupfd_cloexec(fd, 10).step(|| "copy a descriptor".to_owned())
}

/// Opens `/dev/null`.
fn null() -> Result<OwnedFd, Failure> {
    let file = File::options().read(true).write(true).open("/dev/null");
    file.map(OwnedFd::from).step(|| "open /dev/null".to_owned())
}

/// Who the command is on the host.
enum Identity {
    /// The calling user, in a user namespace that the warden has entered.
    Caller,
    /// A reserved id; process 1 enters the user namespace after mounting and tells through this socket.
    Reserved { host: HostId, sync: UnixStream },
}

impl Identity {
    /// Owner of new files, as the mounting process numbers ids: the command's.
    fn owner(&self, spec: &Spec) -> (u32, u32) {
        match self {
            Self::Caller => (spec.uid, spec.gid),
            Self::Reserved { host, .. } => (host.id, host.id),
        }
    }
}

fn watch_over(spec: &Spec, control: &UnixStream, pipes: Pipes) -> Result<(), Failure> {
    let (identity, sync) = if rustix::process::geteuid().is_root() {
        if !syscalls::has_capability(syscalls::CAP_SYS_ADMIN) {
            return Err(Failure::Host {
                what: "it is root without CAP_SYS_ADMIN".to_owned(),
                remedy: "give the container CAP_SYS_ADMIN, or run as an unprivileged user".to_owned(),
            });
        }
        let host = HostId::reserve()?;
        // Else the command could not open /dev/stdout, which leads back to the pipe.
        let id = Some(host.id);
        for pipe in [&pipes.message, &pipes.log] {
            rustix::fs::fchown(pipe, id.map(rustix::fs::Uid::from_raw), id.map(rustix::fs::Gid::from_raw))
                .step(|| "give the output pipes to the sandbox's user".to_owned())?;
        }
        let (theirs, ours) = UnixStream::pair().step(|| "make a socket".to_owned())?;
        let map = Map::new(spec, host.id, host.id);
        (Identity::Reserved { host, sync: theirs }, Some((ours, map)))
    } else {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        syscalls::unshare(libc::CLONE_NEWUSER).or_forbidden("make a user namespace")?;
        Map::new(spec, uid, gid).write("self").or_forbidden("map the user's id into a user namespace")?;
        (Identity::Caller, None)
    };
    syscalls::unshare(libc::CLONE_NEWPID).or_forbidden("make a pid namespace")?;
    let has_time_namespace = enter_time_namespace(spec.boot_offset_secs);

    let groups = if spec.control_groups { Groups::make(&spec.limits) } else { Groups::default() };
    let outcome = run_first(spec, control, pipes, has_time_namespace, &groups, identity, sync);
    groups.remove();
    outcome
}

/// Starts process 1 and waits for its end.
fn run_first(
    spec: &Spec,
    control: &UnixStream,
    pipes: Pipes,
    has_time_namespace: bool,
    groups: &Groups,
    identity: Identity,
    sync: Option<(UnixStream, Map)>,
) -> Result<(), Failure> {
    let (joined, mut join) = std::io::pipe().step(|| "make a pipe".to_owned())?;
    let Some(id) = syscalls::fork().step(|| "fork".to_owned())? else {
        drop((sync, join));
        let control = control.try_clone().step(|| "copy a descriptor".to_owned());
        let given = first::Given { identity, pipes, has_time_namespace, groups, joined };
        let code = control.map_or(70, |control| first::run(spec, control, given));
        syscalls::exit(code);
    };
    drop(joined);
    pipes.release()?;
    // The reservation must outlive process 1: it stays with this process.
    let (_host, sync) = match (identity, sync) {
        (Identity::Reserved { host, .. }, Some(sync)) => (Some(host), Some(sync)),
        _ => (None, None),
    };
    // Takes the kernel a while, in which process 1 builds the sandbox.
    if groups.join(id).is_ok() {
        let _ = join.write_all(&[0]);
    }
    drop(join);
    let outcome = rustix::process::Pid::from_raw(id)
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
        .step(|| "open process 1".to_owned())
        .and_then(|first| {
            let outcome = guard(id, first.as_fd(), control, sync);
            // Dead already, or the caller is gone, or its id could not be mapped: in no case may it go on.
            let _ = pidfd_send_signal(&first, Signal::KILL);
            outcome
        });
    syscalls::wait_for_child(true);
    outcome
}

/// Waits until process 1 has ended or the caller is gone, and maps the id meanwhile.
fn guard(
    id: c_int,
    first: BorrowedFd<'_>,
    control: &UnixStream,
    sync: Option<(UnixStream, Map)>,
) -> Result<(), Failure> {
    let mut sync = sync;
    loop {
        let mut fds = vec![
            PollFd::new(&first, PollFlags::IN),
            // Nothing to wait for but the hang-up, which is always reported. What comes in is for process 1.
            PollFd::new(control, PollFlags::empty()),
        ];
        if let Some((socket, _)) = &sync {
            fds.push(PollFd::new(socket, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno).step(|| "wait for process 1".to_owned()),
        }
        let is_ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if is_ready[0] || is_ready[1] {
            return Ok(());
        }
        if is_ready.get(2) == Some(&true)
            && let Some((mut socket, map)) = sync.take()
            && socket.read(&mut [0]).is_ok_and(|count| count == 1)
        {
            map.write(&id.to_string())
                .and_then(|()| socket.write_all(&[0]))
                .step(|| "map the reserved id into the sandbox's user namespace".to_owned())?;
        }
    }
}

/// One inside id for one outside id.
struct Map {
    uid: String,
    gid: String,
}

impl Map {
    fn new(spec: &Spec, outside_uid: u32, outside_gid: u32) -> Self {
        Self { uid: format!("{} {outside_uid} 1\n", spec.uid), gid: format!("{} {outside_gid} 1\n", spec.gid) }
    }

    fn write(&self, process: &str) -> std::io::Result<()> {
        // Must come before the group map: an unprivileged map of groups is allowed only without setgroups.
        syscalls::write_file(format!("/proc/{process}/setgroups"), "deny")?;
        syscalls::write_file(format!("/proc/{process}/gid_map"), &self.gid)?;
        syscalls::write_file(format!("/proc/{process}/uid_map"), &self.uid)
    }
}

/// Puts the children of this process into a new time namespace; tells whether it could.
fn enter_time_namespace(offset_secs: i64) -> bool {
    if syscalls::unshare(libc::CLONE_NEWTIME).is_err() {
        return false;
    }
    let mut offsets = String::new();
    for clock in ["monotonic", "boottime"] {
        let _ = writeln!(offsets, "{clock} {offset_secs} 0");
    }
    offset_secs == 0 || syscalls::write_file("/proc/self/timens_offsets", &offsets).is_ok()
}
