//! The command, process 2: everything is given up, then it is executed.

use std::ffi::{CString, c_int};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, SealFlags};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::CpuSet;

use super::{Pipes, above, filter};
use crate::error::{Failure, Step};
use crate::spec::{Limits, Processors, Spec};
use crate::syscalls;
use crate::wire::InForce;

/// The descriptor of the report pipe inside.
const REPORT_FD: i32 = 3;
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

/// Starts the command; gives its process id and the limits it got. `companions` is how many of the
/// sandbox's own processes have the command's user, and so count among its processes.
///
/// # Errors
/// Also those of executing it: it has not started then.
pub(super) fn start(spec: &Spec, stdin: OwnedFd, pipes: Pipes, companions: u64) -> Result<(c_int, InForce), Failure> {
    let program = Program::new(spec)?;
    // A pipe that a successful exec closes: what comes out of it is why it failed.
    let (status, report) = std::io::pipe().step(|| "make a pipe".to_owned())?;
    let report = above(report)?;
    let stdin = above(stdin)?;
    let (in_force, rlimits) = limits(&spec.limits, companions);
    let processors = processors(spec.processors).step(|| "choose processors".to_owned())?;

    let Some(id) = syscalls::fork().step(|| "fork".to_owned())? else {
        let outcome = become_command(spec, &program, &stdin, &pipes, &rlimits, &processors);
        let failure = match outcome {
            Err(failure) => failure,
            Ok(never) => match never {},
        };
        let json = serde_json::to_vec(&failure).unwrap_or_default();
        let _ = std::fs::File::from(report).write_all(&json);
        syscalls::exit(127);
    };
    drop(report);
    pipes.release()?;
    let mut answer = Vec::new();
    let mut status = status;
    status.read_to_end(&mut answer).step(|| "hear of the command".to_owned())?;
    if !answer.is_empty() {
        let unreadable =
            |_| Failure::Setup { step: "understand why the command did not start".to_owned(), errno: libc::EPROTO };
        return Err(serde_json::from_slice(&answer).unwrap_or_else(unreadable));
    }
    let mut in_force = in_force;
    in_force.processors = usize::try_from(processors.count()).unwrap_or(usize::MAX);
    Ok((id, in_force))
}

struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    filters: Vec<seccompiler::BpfProgram>,
}

impl Program {
    fn new(spec: &Spec) -> Result<Self, Failure> {
        let text = |text: String| CString::new(text).map_err(|_| Errno::INVAL).step(|| "pass a NUL byte on".to_owned());
        let arguments = spec.argv.iter().cloned().map(text).collect::<Result<_, _>>()?;
        let report = format!("TWINBUILD_REPORT_FD={REPORT_FD}");
        let environment = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
        let environment = environment.chain([report]).map(text).collect::<Result<_, _>>()?;
        let filters = filter::programs().map_err(|error| Failure::Setup {
            step: format!("compile the seccomp filter ({error})"),
            errno: libc::EINVAL,
        })?;
        Ok(Self { arguments, environment, filters })
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
    if !spec.randomize_addresses {
        syscalls::disable_address_randomization().step(|| "turn address randomization off".to_owned())?;
    }
    syscalls::drop_bounding_capabilities().step(|| "empty the bounding set".to_owned())?;
    syscalls::keep_capabilities(&[]).step(|| "give up capabilities".to_owned())?;
    // As the user that the command is, without capabilities, so that it enters only where it may.
    rustix::process::chdir(&spec.cwd).step(|| format!("enter the working directory {:?}", spec.cwd))?;
    rustix::process::umask(Mode::from_raw_mode(spec.umask));
    for (resource, limit) in rlimits {
        setrlimit(*resource, *limit).step(|| format!("set the limit {resource:?}"))?;
    }
    rustix::thread::set_no_new_privs(true).step(|| "give up new privileges".to_owned())?;
    for filter in &program.filters {
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

/// The resource limits, none above what the host allows, and a note of those that then hold.
fn limits(limits: &Limits, companions: u64) -> (InForce, Vec<(Resource, Rlimit)>) {
    let mut rlimits = Vec::new();
    let mut set = |resource, soft: u64, hard: u64| {
        let host = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let soft = soft.min(host);
        let rlimit = Rlimit { current: Some(soft), maximum: Some(hard.min(host)) };
        rlimits.push((resource, rlimit));
        Some(soft)
    };
    let mut both = |resource, limit| set(resource, limit, limit);
    let address_space_bytes = limits.address_space_bytes.and_then(|limit| both(Resource::As, limit));
    let data_bytes = both(Resource::Data, limits.memory_bytes);
    let all = limits.processes.saturating_add(companions);
    let processes = both(Resource::Nproc, all).map(|count| count.saturating_sub(companions));
    let open_files = both(Resource::Nofile, limits.open_files);
    let file_bytes = both(Resource::Fsize, limits.file_bytes).filter(|limit| *limit != u64::MAX);
    both(Resource::Stack, STACK_BYTES);
    both(Resource::Core, 0);
    both(Resource::Memlock, 64 * 1024);
    both(Resource::Msgqueue, 0);
    both(Resource::Rtprio, 0);
    both(Resource::Nice, 0);
    // One who ignores SIGXCPU gets SIGKILL a second later.
    let cpu_secs = set(Resource::Cpu, limits.cpu_secs, limits.cpu_secs.saturating_add(1));
    let in_force = InForce {
        cpu_secs,
        address_space_bytes,
        data_bytes,
        processes,
        open_files,
        file_bytes,
        shared_memory_bytes: None,
        processors: 0,
        has_time_namespace: false,
        has_cgroup_namespace: false,
    };
    (in_force, rlimits)
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
