//! The system calls that no safe wrapper offers, each as a safe function of one line's meaning.

use std::ffi::{CString, c_char, c_int, c_long, c_uint, c_ulong};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::time::Duration;

use rustix::io::Errno;

use crate::wire::Status;

/// Capabilities by number, from `linux/capability.h`.
pub(crate) const CAP_DAC_OVERRIDE: u32 = 1;
pub(crate) const CAP_SETPCAP: u32 = 8;
pub(crate) const CAP_SYS_PTRACE: u32 = 19;
pub(crate) const CAP_SYS_ADMIN: u32 = 21;

/// What a mount is to be, from `linux/mount.h`.
pub(crate) const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub(crate) const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub(crate) const MOUNT_ATTR_NODEV: u64 = 0x4;
pub(crate) const MOUNT_ATTR_NOEXEC: u64 = 0x8;

fn check(result: impl Into<i64>) -> Result<i64, Errno> {
    let result = result.into();
    if result == -1 { Err(last()) } else { Ok(result) }
}

fn last() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Leaves namespaces for new ones; `flags` are `CLONE_NEW*`.
pub(crate) fn unshare(flags: c_int) -> Result<(), Errno> {
    // SAFETY: takes no pointer. The flags used here are namespaces only, none shares or unshares descriptors.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Forks this process, which must have one thread. `None` in the child, else the child's id.
pub(crate) fn fork() -> Result<Option<c_int>, Errno> {
    // SAFETY: the init has one thread, so the child finds every lock free and may go on in Rust.
    let id = unsafe { libc::fork() };
    if id < 0 {
        return Err(last());
    }
    Ok((id > 0).then_some(id))
}

/// Ends this process at once, without running what was registered to run at exit.
pub(crate) fn exit(code: c_int) -> ! {
    // SAFETY: ends the process; nothing of it is used after.
    unsafe { libc::_exit(code) }
}

/// Becomes another program; comes back only on failure.
pub(crate) fn execute(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in null, and they and the strings they point to live across the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    last()
}

/// Takes a descriptor over that this process was started with.
pub(crate) fn inherited(fd: RawFd) -> OwnedFd {
    // SAFETY: called once for each of 0, 1 and 2, at the start of the init, before anything else uses them.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Makes `to` a copy of `from`, which exec does not close.
pub(crate) fn duplicate_onto(from: BorrowedFd<'_>, to: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointer. Callers name only 0 to 3, which no other value of the process owns any more.
    check(unsafe { libc::dup2(from.as_raw_fd(), to) }).map(drop)
}

/// Closes every descriptor from `first` on, at once or at exec.
pub(crate) fn close_from(first: c_uint, at_exec: bool) -> Result<(), Errno> {
    let flags = if at_exec { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: takes no pointer. Without `at_exec` it is called before the init has opened anything above 2.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, flags) }).map(drop)
}

/// Adds attributes to a mount, and with `recursively` to all below it. `propagation` is 0 to leave it, or `MS_PRIVATE`.
pub(crate) fn set_mount(fd: BorrowedFd<'_>, attributes: u64, propagation: u64, recursively: bool) -> Result<(), Errno> {
    // SAFETY: `mount_attr` is four integers, for which all zeros mean no change.
    let mut wanted: libc::mount_attr = unsafe { mem::zeroed() };
    wanted.attr_set = attributes;
    wanted.propagation = propagation;
    let flags = libc::AT_EMPTY_PATH | if recursively { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a literal that ends in NUL, the structure lives across the call, and its true size is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Gives up all supplementary groups.
pub(crate) fn clear_groups() -> Result<(), Errno> {
    // SAFETY: an empty list is never read through its pointer.
    check(unsafe { libc::setgroups(0, ptr::null()) }).map(drop)
}

/// Becomes another user and group for good: real, effective and saved.
pub(crate) fn become_user(uid: u32, gid: u32) -> Result<(), Errno> {
    // SAFETY: take no pointers.
    check(unsafe { libc::setresgid(gid, gid, gid) })?;
    // SAFETY: as above.
    check(unsafe { libc::setresuid(uid, uid, uid) }).map(drop)
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityWord {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 capabilities.
static CAPABILITY_HEADER: CapabilityHeader = CapabilityHeader { version: 0x2008_0522, pid: 0 };

/// Whether a capability of the first 32 is effective.
pub(crate) fn has_capability(capability: u32) -> bool {
    let mut words = [CapabilityWord::default(); 2];
    // SAFETY: version 3 writes exactly two words, and both structures have the kernel's layout.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw const CAPABILITY_HEADER, words.as_mut_ptr()) };
    result == 0 && words[0].effective & (1 << capability) != 0
}

/// Keeps these capabilities (of the first 32) as permitted and effective, and no other anywhere but in the bounding set.
pub(crate) fn keep_capabilities(kept: &[u32]) -> Result<(), Errno> {
    let bits = kept.iter().fold(0, |bits, capability| bits | 1 << capability);
    let mut words = [CapabilityWord::default(); 2];
    words[0].effective = bits;
    words[0].permitted = bits;
    clear_ambient_capabilities()?;
    // SAFETY: version 3 reads exactly two words, and both structures have the kernel's layout.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const CAPABILITY_HEADER, words.as_ptr()) }).map(drop)
}

fn clear_ambient_capabilities() -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }).map(drop)
}

/// Empties the bounding set, so that no program can bring a capability back.
pub(crate) fn drop_bounding_capabilities() -> Result<(), Errno> {
    for capability in 0..64_u64 {
        // SAFETY: takes no pointer.
        match check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            Ok(_) => {}
            // The kernel knows no capability of this number, so none above it.
            Err(Errno::INVAL) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Whether the bounding set has any capability.
pub(crate) fn has_bounding_capability() -> bool {
    // SAFETY: takes no pointer. It is -1 for a number that the kernel does not know.
    (0..64_u64).any(|capability| unsafe { libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) } == 1)
}

/// Where the dynamic linker was loaded; 0 where there is none.
pub(crate) fn loader_base() -> u64 {
    // SAFETY: takes no pointer.
    unsafe { libc::getauxval(libc::AT_BASE) }
}

/// Adds flags of personality(2), which programs started from here on keep.
pub(crate) fn add_personality(flags: c_int) -> Result<(), Errno> {
    // SAFETY: takes no pointer.
    let current = check(unsafe { libc::personality(0xffff_ffff) })?;
    let current = c_ulong::try_from(current).map_err(|_| Errno::INVAL)?;
    let wanted = current | c_ulong::try_from(flags).map_err(|_| Errno::INVAL)?;
    // SAFETY: as above.
    check(unsafe { libc::personality(wanted) }).map(drop)
}

/// Gives every signal its default effect and blocks none.
pub(crate) fn reset_signals() {
    // The C library refuses to touch the two signals that it keeps for threads, and a caller may have them ignored.
    let default = [0_u64; 4];
    for signal in 1..=64_i32 {
        // SAFETY: all zeros, in not more than 32 bytes, are the kernel's structure for the default disposition, which runs no code
        // of ours; the sets of signals have 8 bytes. The signals that cannot be set are refused without effect.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<u64>(), 8_usize) };
    }
    // SAFETY: the set is initialised by sigemptyset before it is used.
    unsafe {
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Makes writing to a closed pipe or socket an error and not a death.
pub(crate) fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// A descriptor that becomes readable when a child changes state.
pub(crate) fn watch_children() -> Result<OwnedFd, Errno> {
    // SAFETY: the set is initialised by sigemptyset before it is used, and the descriptor is new and ours.
    unsafe {
        let mut children: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut children);
        libc::sigaddset(&raw mut children, libc::SIGCHLD);
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const children, ptr::null_mut()))?;
        let fd = libc::signalfd(-1, &raw const children, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        check(fd)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Reads off what [`watch_children`] has to tell.
pub(crate) fn drain(fd: BorrowedFd<'_>) {
    let mut buffer = [0_u8; 1024];
    while rustix::io::read(fd, &mut buffer).is_ok_and(|count| count > 0) {}
}

/// Kills every process that this one may signal, except itself. As process 1 of a pid namespace: all others in it.
pub(crate) fn kill_all() {
    // SAFETY: takes no pointer. It fails only when there is no other process.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// What [`wait_for_child`] found.
pub(crate) enum Waited {
    Ended(c_int, Status),
    StillRunning,
    NoChild,
}

/// Reaps one child that has ended; with `patiently` waits for one.
pub(crate) fn wait_for_child(patiently: bool) -> Waited {
    loop {
        let mut status = 0;
        // SAFETY: the status lives across the call.
        let id = unsafe { libc::waitpid(-1, &raw mut status, if patiently { 0 } else { libc::WNOHANG }) };
        return match id {
            0 => Waited::StillRunning,
            1.. if libc::WIFEXITED(status) => Waited::Ended(id, Status::Exited(libc::WEXITSTATUS(status))),
            1.. => Waited::Ended(id, Status::Signalled(libc::WTERMSIG(status))),
            _ if last() == Errno::INTR => continue,
            _ => Waited::NoChild,
        };
    }
}

/// User and system time of all reaped children and of those that they reaped.
pub(crate) fn cpu_of_children() -> Duration {
    cpu_of(libc::RUSAGE_CHILDREN)
}

/// User and system time of this process.
pub(crate) fn cpu_of_self() -> Duration {
    cpu_of(libc::RUSAGE_SELF)
}

fn cpu_of(whose: c_int) -> Duration {
    // SAFETY: `rusage` is integers only, and it lives across the call, which cannot fail with these arguments.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(whose, &raw mut usage);
        usage
    };
    let duration = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

/// How many ticks of `/proc/PID/stat` are a second.
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: takes no pointer.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// Reads memory of another process, by its thread's id. Gives less than asked for where what follows cannot be read.
pub(crate) fn read_memory(thread: c_int, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    let address = usize::try_from(address).map_err(|_| Errno::FAULT)?;
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: the local buffer lives across the call and has the length that is given; the remote address is the kernel's to check.
    let count = unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(count).map_err(|_| last())
}

/// Loads a seccomp filter that tells of calls through the descriptor given back, which exec closes.
pub(crate) fn load_listened_filter(program: &[seccompiler::sock_filter]) -> Result<OwnedFd, Errno> {
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    // The kernel only reads it.
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    let load = |flags: c_ulong| {
        // SAFETY: an instruction of the crate has the kernel's layout (it loads them itself), and the program and its instructions live
        // across the call.
        check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) })
    };
    // A signal that does not kill must not begin a call again that the listener has seen.
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    let fd = match load(flags) {
        // Before Linux 5.19.
        Err(Errno::INVAL) => load(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER),
        loaded => loaded,
    }?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notification {
    /// Names it towards the kernel.
    pub(crate) id: u64,
    /// The thread that calls, as this process numbers it.
    pub(crate) thread: c_int,
    /// The number of the call.
    pub(crate) call: c_long,
    /// Its arguments.
    pub(crate) arguments: [u64; 6],
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The kernel goes on with it, as if nobody had listened.
    Continue,
    /// It fails with EPERM.
    Refuse,
}

/// The end of a listened filter at which its notifications are answered.
pub(crate) struct Listener {
    fd: OwnedFd,
    /// As long as this kernel's structure.
    request: Vec<u64>,
}

impl Listener {
    pub(crate) fn new(fd: OwnedFd) -> Result<Self, Errno> {
        let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
        // SAFETY: the structure lives across the call.
        check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, &raw mut sizes) })?;
        let bytes = usize::from(sizes.seccomp_notif).max(size_of::<libc::seccomp_notif>());
        // The kernel reads an answer of its own size, and would read beyond one of ours.
        if usize::from(sizes.seccomp_notif_resp) > size_of::<libc::seccomp_notif_resp>() {
            return Err(Errno::NOTSUP);
        }
        // Wakes who waits on the same processor. An older kernel does not know it, and nothing depends on it.
        const SYNC_WAKE_UP: u64 = 1;
        // SAFETY: takes its argument by value.
        unsafe { libc::ioctl(fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
        Ok(Self { fd, request: vec![0; bytes.div_ceil(size_of::<u64>())] })
    }

    /// Takes the next notification; none if who called is gone. Waits for one, so it is to be called when the listener is readable.
    pub(crate) fn receive(&mut self) -> Result<Option<Notification>, Errno> {
        self.request.fill(0);
        // SAFETY: the buffer is as long as this kernel's structure and zeroed, as the kernel asks for, and aligned as its words are.
        let result =
            unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, self.request.as_mut_ptr()) };
        match check(result) {
            Ok(_) => {}
            Err(Errno::NOENT | Errno::INTR) => return Ok(None),
            Err(errno) => return Err(errno),
        }
        // SAFETY: the buffer is at least as long as the structure, is aligned like it, and holds integers only.
        let request = unsafe { ptr::read(self.request.as_ptr().cast::<libc::seccomp_notif>()) };
        Ok(Some(Notification {
            id: request.id,
            thread: c_int::try_from(request.pid).map_err(|_| Errno::SRCH)?,
            call: c_long::from(request.data.nr),
            arguments: request.data.args,
        }))
    }

    /// Whether the thread of a notification still waits, so that what was read of it was its own.
    pub(crate) fn is_waiting(&self, id: u64) -> bool {
        // SAFETY: the number lives across the call.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Answers. It fails only where who called is gone.
    pub(crate) fn answer(&self, id: u64, answer: Answer) {
        let mut response = libc::seccomp_notif_resp { id, val: 0, error: 0, flags: 0 };
        match answer {
            // SECCOMP_USER_NOTIF_FLAG_CONTINUE
            Answer::Continue => response.flags = 1,
            Answer::Refuse => response.error = -libc::EPERM,
        }
        // SAFETY: the structure lives across the call and is not shorter than this kernel's, which `new` has seen to.
        unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) };
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Sets the NIS domain name of this uts namespace.
pub(crate) fn set_domain_name(name: &str) -> Result<(), Errno> {
    // SAFETY: the bytes live across the call and their true length is given.
    check(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// Brings `lo` up in this network namespace.
pub(crate) fn bring_loopback_up() -> Result<(), Errno> {
    // SAFETY: `ifreq` is integers and bytes; its name stays terminated, being zeroed and longer than "lo"; it lives across the
    // calls; the descriptor is new and ours.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(fd)?;
        let socket = OwnedFd::from_raw_fd(fd);
        let mut request: libc::ifreq = mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *to = c_char::from_ne_bytes([*from]);
        }
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        // IFF_UP is 1 and fits.
        request.ifr_ifru.ifru_flags |= 1;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)).map(drop)
    }
}

/// Writes a whole short file in one call, as files of `/proc` ask for.
pub(crate) fn write_file(path: impl AsRef<Path>, content: &str) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| io::Write::write_all(&mut file, content.as_bytes()))
}
