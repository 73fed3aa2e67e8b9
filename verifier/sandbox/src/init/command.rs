//! The command, process 2: everything is given up, then it is executed.

use std::ffi::{CString, c_int};
use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, Mode, SealFlags};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getrlimit, pidfd_getfd, pidfd_open,
    set_dumpable_behavior, setrlimit,
};
use rustix::thread::CpuSet;

use super::evidence::Watch;
use super::groups::Groups;
use super::{Pipes, above, filter, watchdog};
use crate::error::{Failure, Step};
use crate::limit::{Held, Limit, Mechanism};
use crate::spec::{KernelName, Limits, Network, Processors, Spec};
use crate::syscalls::{self, Waited};
use crate::wire::InForce;

/// The descriptor of the report pipe inside.
const REPORT_FD: i32 = 3;
/// What a forked process begins with to say that it has a listener, before its number; no JSON begins so.
const LISTENER: u8 = b'L';
const LISTENER_BYTES: usize = 5;
/// How many more processes the resource limit allows where a group limits them, so that the group, which tells, is met first.
const RLIMIT_SLACK: u64 = 16;
/// How many more processes than it had before the caller's user may have meanwhile.
const SHARED_SLACK: u64 = 4096;
/// The usual stack, whatever the host's is.
const STACK_BYTES: u64 = 8 * 1024 * 1024;

/// The command's standard input: `/dev/null`, or a sealed file in memory.
pub(super) fn stdin(content: &[u8]) -> Result<OwnedFd, Failure> {
    if content.is_empty() {
        return super::null();
    }
    let make = || -> Result<OwnedFd, Errno> {
        let file = rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut rest = content;
        while !rest.is_empty() {
            let count = rustix::io::write(&file, rest)?;
            rest = &rest[count..];
        }
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&file, seals)?;
        Ok(file)
    };
    make().step(|| "prepare standard input".to_owned())
}

/// The started command.
pub(super) struct Started {
    pub(super) id: c_int,
    pub(super) in_force: InForce,
    /// Takes evidence, where it is wanted and can be had.
    pub(super) watch: Option<Watch>,
}

/// Who else has the command's user, as the kernel counts processes by it.
#[derive(Clone, Copy)]
pub(super) enum Users {
    /// So many of the sandbox's own processes, and no other.
    Own(u64),
    /// All processes of the caller, of which there were so many. Their number says nothing of the command.
    Shared(u64),
}

/// Starts the command.
///
/// # Errors
/// Also those of executing it: it has not started then.
pub(super) fn start(
    spec: &Spec,
    stdin: OwnedFd,
    pipes: Pipes,
    users: Users,
    groups: &Groups,
) -> Result<Started, Failure> {
    let stdin = above(stdin)?;
    let (mut in_force, rlimits) = limits(&spec.limits, users, groups);
    let processors = processors(spec.processors).step(|| "choose processors".to_owned())?;
    in_force.processors = usize::try_from(processors.count()).unwrap_or(usize::MAX);
    let launch = |is_watched| -> Result<Option<(c_int, Option<Watch>)>, Failure> {
        let program = Program::new(spec, is_watched)?;
        // A pipe that a successful exec closes: what comes out of it at last is why it failed.
        let (status, report) = std::io::pipe().step(|| "make a pipe".to_owned())?;
        let report = above(report)?;
        let Some(id) = syscalls::fork().step(|| "fork".to_owned())? else {
            let mut report = File::from(report);
            let outcome = become_command(spec, &program, &stdin, &pipes, &rlimits, &processors, &mut report);
            let failure = match outcome {
                Err(failure) => failure,
                Ok(never) => match never {},
            };
            let json = serde_json::to_vec(&failure).unwrap_or_default();
            let _ = report.write_all(&json);
            // Before the exit, which may be told of and then waits for an answer.
            drop(report);
            syscalls::exit(127);
        };
        drop(report);
        hear(spec, id, status)
    };
    let launched = match launch(spec.evidence && can_take_descriptors().is_ok())? {
        Some(launched) => launched,
        // Its listener could not be had: it was ended, and is started again without.
        None => launch(false)?.ok_or(Errno::PROTO).step(|| "start the command without a listener".to_owned())?,
    };
    pipes.release()?;
    let (id, watch) = launched;
    in_force.has_evidence = watch.is_some();
    Ok(Started { id, in_force, watch })
}

/// Whether a descriptor of another process can be taken, which some containers forbid.
pub(crate) fn can_take_descriptors() -> Result<(), Errno> {
    let own = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    pidfd_getfd(own, 0, PidfdGetfdFlags::empty()).map(drop)
}

/// Listens to a forked process until it has become the command, and takes its listener over. None if that cannot be done; it has been ended then.
fn hear(spec: &Spec, id: c_int, status: PipeReader) -> Result<Option<(c_int, Option<Watch>)>, Failure> {
    let step = || "hear of the command".to_owned();
    let mut status = status;
    let mut head = [0; LISTENER_BYTES];
    let count = status.read(&mut head[..1]).step(step)?;
    let mut watch = None;
    if head[0] == LISTENER {
        status.read_exact(&mut head[1..]).step(step)?;
        let [_, a, b, c, d] = head;
        match take_over(spec, id, i32::from_le_bytes([a, b, c, d])) {
            Ok(taken) => watch = Some(taken),
            Err(_) => {
                // It waits for an answer that nobody can give.
                syscalls::kill_all();
                while let Waited::Ended(..) = syscalls::wait_for_child(true) {}
                return Ok(None);
            }
        }
    }
    let mut answer = if watch.is_some() { Vec::new() } else { head[..count].to_vec() };
    loop {
        let mut fds = vec![PollFd::new(&status, PollFlags::IN)];
        fds.extend(watch.iter().filter_map(Watch::bell).map(|bell| PollFd::from_borrowed_fd(bell, PollFlags::IN)));
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).step(step),
        }
        let has_answer = !fds[0].revents().is_empty();
        let told = fds.get(1).map(PollFd::revents);
        drop(fds);
        if has_answer {
            // Not to the end at once: who writes may wait for the watch in between.
            let mut chunk = [0; 4096];
            let count = status.read(&mut chunk).step(step)?;
            answer.extend_from_slice(&chunk[..count]);
            if count == 0 {
                break;
            }
        }
        if let (Some(watch), Some(told)) = (&mut watch, told) {
            // What it does until it has become the command is the sandbox's own.
            watch.hear(told, |_| {});
        }
    }
    if !answer.is_empty() {
        let unreadable =
            |_| Failure::Setup { step: "understand why the command did not start".to_owned(), errno: libc::EPROTO };
        return Err(serde_json::from_slice(&answer).unwrap_or_else(unreadable));
    }
    Ok(Some((id, watch)))
}

/// Takes the listener of the command's filter, by its number there.
fn take_over(spec: &Spec, id: c_int, fd: i32) -> Result<Watch, Errno> {
    // It has this process's memory, and what cannot be read of it now could not be read later.
    static READABLE: u64 = 0x5eed;
    let mut read = [0; size_of::<u64>()];
    let address = (&raw const READABLE).addr() as u64;
    if syscalls::read_memory(id, address, &mut read)? < read.len() {
        return Err(Errno::PERM);
    }
    let command = rustix::process::Pid::from_raw(id).ok_or(Errno::SRCH)?;
    let command = pidfd_open(command, PidfdFlags::empty())?;
    Watch::new(pidfd_getfd(command, fd, PidfdGetfdFlags::empty())?, spec)
}

struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    filters: Vec<seccompiler::BpfProgram>,
    /// What is loaded in place of the first filter to be told of calls.
    listened: Option<seccompiler::BpfProgram>,
}

impl Program {
    fn new(spec: &Spec, is_watched: bool) -> Result<Self, Failure> {
        let text = |text: String| CString::new(text).map_err(|_| Errno::INVAL).step(|| "pass a NUL byte on".to_owned());
        let arguments = spec.argv.iter().cloned().map(text).collect::<Result<_, _>>()?;
        let report = format!("TWINBUILD_REPORT_FD={REPORT_FD}");
        let environment = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
        let environment = environment.chain([report]).map(text).collect::<Result<_, _>>()?;
        let failed =
            |error| Failure::Setup { step: format!("compile the seccomp filter ({error})"), errno: libc::EINVAL };
        let compile = |is_watched| filter::programs(is_watched).map_err(failed);
        let mut filters = compile(false)?;
        if spec.network == Network::Host {
            filters.push(filter::no_local_sockets().map_err(failed)?);
        }
        let listened = if is_watched { compile(true)?.into_iter().next() } else { None };
        Ok(Self { arguments, environment, filters, listened })
    }
}

enum Never {}

fn become_command(
    spec: &Spec,
    program: &Program,
    stdin: &OwnedFd,
    pipes: &Pipes,
    rlimits: &[(Resource, Rlimit)],
    processors: &CpuSet,
    report: &mut File,
) -> Result<Never, Failure> {
    // No terminal of the host's is its own.
    rustix::process::setsid().step(|| "start a session".to_owned())?;
    syscalls::reset_signals();
    let connect =
        |from: &OwnedFd, to| syscalls::duplicate_onto(from.as_fd(), to).step(|| format!("connect descriptor {to}"));
    connect(&pipes.message, REPORT_FD)?;
    connect(&pipes.log, 1)?;
    connect(&pipes.log, 2)?;
    connect(stdin, 0)?;
    syscalls::close_from(4, true).step(|| "close descriptors".to_owned())?;

    rustix::thread::sched_setaffinity(None, processors).step(|| "choose processors".to_owned())?;
    // Its own /proc files belong to it again, of which one is needed; exec would do the same.
    set_dumpable_behavior(DumpableBehavior::Dumpable).step(|| "own /proc/self".to_owned())?;
    syscalls::write_file("/proc/self/oom_score_adj", "1000")
        .step(|| "offer itself to the out-of-memory killer".to_owned())?;
    let mut personality = 0;
    if !spec.randomize_addresses {
        personality |= libc::ADDR_NO_RANDOMIZE;
    }
    if spec.kernel_name == KernelName::Linux26 {
        personality |= libc::UNAME26;
    }
    if personality != 0 {
        syscalls::add_personality(personality).step(|| "set the personality".to_owned())?;
    }
    match syscalls::drop_bounding_capabilities() {
        // Without the capability for it, whose lack is recorded: no set but this one has any.
        Err(Errno::PERM) if !syscalls::has_capability(syscalls::CAP_SETPCAP) => {}
        dropped => dropped.step(|| "empty the bounding set".to_owned())?,
    }
    syscalls::keep_capabilities(&[]).step(|| "give up capabilities".to_owned())?;
    // As the user that the command is, without capabilities, so that it enters only where it may.
    rustix::process::chdir(&spec.cwd).step(|| format!("enter the working directory {:?}", spec.cwd))?;
    rustix::process::umask(Mode::from_raw_mode(spec.umask));
    for (resource, limit) in rlimits {
        setrlimit(*resource, *limit).step(|| format!("set the limit {resource:?}"))?;
    }
    rustix::thread::set_no_new_privs(true).step(|| "give up new privileges".to_owned())?;
    let listener = program.listened.as_ref().and_then(|filter| syscalls::load_listened_filter(filter).ok());
    if let Some(listener) = &listener {
        let mut head = vec![LISTENER];
        head.extend(listener.as_raw_fd().to_le_bytes());
        report.write_all(&head).step(|| "hand the listener over".to_owned())?;
    }
    // A kernel, or what is around it, may give no listener: then the plain filter holds, and nothing is told.
    for filter in program.filters.iter().skip(usize::from(listener.is_some())) {
        seccompiler::apply_filter(filter).map_err(|error| Failure::Host {
            what: format!("could not load the seccomp filter: {error}"),
            remedy: "use a kernel with CONFIG_SECCOMP_FILTER".to_owned(),
        })?;
    }
    let Some(path) = program.arguments.first() else {
        return Err(Errno::INVAL).step(|| "run an empty command".to_owned());
    };
    let errno = syscalls::execute(path, &program.arguments, &program.environment);
    Err(errno).step(|| format!("execute {:?}", spec.argv[0]))
}

/// The resource limits, none above what the host allows, and a note of all limits that then hold.
fn limits(limits: &Limits, users: Users, groups: &Groups) -> (InForce, Vec<(Resource, Rlimit)>) {
    let mut rlimits = Vec::new();
    let mut set = |resource, soft: u64, hard: u64| {
        let host = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let soft = soft.min(host);
        let rlimit = Rlimit { current: Some(soft), maximum: Some(hard.min(host)) };
        rlimits.push((resource, rlimit));
        soft
    };
    let mut both = |resource, limit| set(resource, limit, limit);
    let mut held = Vec::new();
    if let Some(bytes) = limits.address_space_bytes {
        held.push(Held::new("address-space-bytes", both(Resource::As, bytes), Mechanism::Rlimit));
    }
    // No resource limit holds memory: what it refuses looks like any failure of the command, and nothing tells that it did.
    let memory_by = groups.mechanism(Limit::Memory).unwrap_or(Mechanism::Watchdog);
    held.push(Held::new("memory-bytes", limits.memory_bytes, memory_by));
    let processes_by = groups.mechanism(Limit::Processes);
    let (processes, otherwise_by) = match users {
        Users::Own(companions) => {
            let slack = if processes_by.is_some() { RLIMIT_SLACK } else { 0 };
            let others = companions.saturating_add(slack);
            let all = both(Resource::Nproc, limits.processes.saturating_add(others));
            (all.saturating_sub(others), Mechanism::Rlimit)
        }
        Users::Shared(others) => {
            // Far enough that the watchdog is met first, and near enough that a bomb does not outrun it.
            both(
                Resource::Nproc,
                limits.processes.saturating_mul(4).saturating_add(others).saturating_add(SHARED_SLACK),
            );
            (limits.processes, Mechanism::Watchdog)
        }
    };
    held.push(Held::new("processes", processes, processes_by.unwrap_or(otherwise_by)));
    held.push(Held::new("open-files", limits.open_files, Mechanism::Rlimit));
    both(Resource::Nofile, watchdog::open_files_rlimit(limits.open_files));
    // A file that passed it would fill scratch, and that is told. Then only the host's own limit is left, if it has one.
    let wanted = if limits.file_bytes < limits.scratch_bytes { limits.file_bytes } else { u64::MAX };
    let file_bytes = both(Resource::Fsize, wanted);
    if file_bytes < u64::MAX {
        held.push(Held::new("file-bytes", file_bytes, Mechanism::Rlimit));
    }
    both(Resource::Stack, STACK_BYTES);
    // Not 0, with which the kernel still starts a handler of the host's; only with 1 it does not (core(5)).
    both(Resource::Core, 1);
    both(Resource::Memlock, 64 * 1024);
    both(Resource::Msgqueue, 0);
    both(Resource::Rtprio, 0);
    both(Resource::Nice, 0);
    // Only behind the limit on all, which is told of: one who gets so far gets SIGXCPU, and SIGKILL a second later.
    let far = limits.cpu_secs.saturating_add(limits.cpu_secs / 4).saturating_add(2);
    let cpu_secs = set(Resource::Cpu, far, far.saturating_add(1)).min(limits.cpu_secs);
    let cpu_by = groups.mechanism(Limit::CpuTime).unwrap_or(Mechanism::Watchdog);
    held.push(Held::new("cpu-secs", cpu_secs, cpu_by));
    held.push(Held::new("wall-secs", limits.wall.as_secs(), Mechanism::Watchdog));
    held.push(Held::new("scratch-bytes", limits.scratch_bytes, Mechanism::FileSystem));
    held.push(Held::new("scratch-inodes", limits.scratch_inodes, Mechanism::FileSystem));
    held.push(Held::new("log-bytes", limits.log_bytes, Mechanism::Caller));
    held.push(Held::new("collect-bytes", limits.collect_bytes, Mechanism::Watchdog));
    held.push(Held::new("collect-files", limits.collect_files, Mechanism::Watchdog));
    (InForce { limits: held, ..InForce::default() }, rlimits)
}

/// The lowest-numbered of the processors that this process may use.
fn processors(wanted: Processors) -> Result<CpuSet, Errno> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let Processors::Count(count) = wanted else {
        return Ok(allowed);
    };
    let mut chosen = CpuSet::new();
    for processor in (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)) {
        if chosen.count() < count {
            chosen.set(processor);
        }
    }
    Ok(chosen)
}
