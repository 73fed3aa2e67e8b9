//! The warden where bubblewrap makes the sandbox: it puts the root together, has bubblewrap make namespaces and mounts, and waits.
//!
//! Bubblewrap is asked to become process 1 by executing this program ([`parts`](super::parts)), which goes on in [`inside`](super::inside).
//! No file of the host is mounted for that. The bubblewrap that stays outside is the parent of process 1; should it die alone, its child
//! dies with it or falls to the warden, which waits for it.

use std::ffi::{CString, c_int};
use std::fs::File;
use std::io::{PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, MemfdFlags, Mode, OFlags, SeekFrom};
use rustix::io::{Errno, FdFlags};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::mounts::{self, DEVICE_LINKS, DEVICES, PROC_MASKED_DIRECTORIES, PROC_MASKED_FILES, PROC_READ_ONLY};
use super::parts::Parts;
use super::root::Root;
use super::skeleton::{Shape, Skeleton};
use super::watchdog::fields_of_stat;
use super::{Pipes, above, clock};
use crate::bubblewrap::Bubblewrap;
use crate::error::{Failure, Step};
use crate::spec::{Places, SkeletonFile, Spec};
use crate::syscalls::{self, Waited};
use crate::wire::{Descriptors, FIRST_ARGUMENT_INSIDE, Inside, Namespaces};

/// How much is told of what bubblewrap says.
const MAX_WORDS: u64 = 2000;
const REMEDY: &str =
    "let bubblewrap make user, mount, pid, network, ipc and uts namespaces and mount /proc, or run as root";

/// Runs a command, or only checks the host where there is none.
pub(super) fn watch_over(
    spec: Option<Box<Spec>>,
    bubblewrap: Bubblewrap,
    control: &UnixStream,
    pipes: Pipes,
) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Err(Failure::Host {
            what: "bubblewrap is no way out for root, whose builds would run as root".to_owned(),
            remedy: "run as an unprivileged user".to_owned(),
        });
    }
    // The mode of what is made here is what is asked for.
    rustix::process::umask(Mode::empty());
    let Some(spec) = spec else {
        return start(Plan::of_nothing(&bubblewrap)?, None, bubblewrap, control, pipes);
    };
    let layers = mounts::open_all(spec.layers.iter(), "layer", OFlags::RDONLY)?;
    let root = Root::make(&bubblewrap.roots, &layers)?;
    let outcome = Plan::of(&spec, &root, &bubblewrap).and_then(|plan| {
        drop(layers);
        start(plan, Some(spec), bubblewrap, control, pipes)
    });
    root.remove();
    outcome
}

/// What bubblewrap is to mount, and what process 1 is to have of it.
struct Plan {
    arguments: Vec<CString>,
    copies: Vec<OwnedFd>,
    preload: Option<OwnedFd>,
}

/// Arguments of bubblewrap's.
#[derive(Default)]
struct Arguments(Vec<CString>);

impl Arguments {
    fn add(&mut self, arguments: &[&dyn AsRef<Path>]) -> Result<(), Failure> {
        for argument in arguments {
            let bytes = argument.as_ref().as_os_str().as_bytes();
            let argument = CString::new(bytes).map_err(|_| Errno::INVAL);
            self.0.push(argument.step(|| "pass a NUL byte to bubblewrap".to_owned())?);
        }
        Ok(())
    }

    /// A file system in memory. Without user namespaces bubblewrap limits none, and process 1 looks at how full each is.
    fn tmpfs(&mut self, at: &Path, mode: u32, size_bytes: Option<u64>) -> Result<(), Failure> {
        self.add(&[&"--perms", &format!("{mode:04o}")])?;
        if let Some(size_bytes) = size_bytes {
            self.add(&[&"--size", &size_bytes.to_string()])?;
        }
        self.add(&[&"--tmpfs", &at])
    }
}

impl Plan {
    /// Of a sandbox with nothing in it, that uses what others do.
    fn of_nothing(bubblewrap: &Bubblewrap) -> Result<Self, Failure> {
        let mut arguments = Arguments::default();
        arguments.add(&[&"--hostname", &"probe", &"--proc", &"/proc", &"--dev-bind", &"/dev/null", &"/dev/null"])?;
        mask(&mut arguments, Path::new("/proc"))?;
        arguments.tmpfs(Path::new("/tmp"), 0o755, (!bubblewrap.is_setuid).then_some(65_536))?;
        arguments.add(&[&"--symlink", &"tmp", &"/link", &"--remount-ro", &"/tmp"])?;
        Ok(Self { arguments: arguments.0, copies: Vec::new(), preload: None })
    }

    fn of(spec: &Spec, root: &Root, bubblewrap: &Bubblewrap) -> Result<Self, Failure> {
        let copies = spec.copies.iter().map(|copy| &copy.source);
        let copies = mounts::open_all(copies, "tree to copy", OFlags::RDONLY)?;
        let mut skeleton = Skeleton::onto(&root.directory).step(|| "open the root".to_owned())?;
        let proc = skeleton.mount_point(Path::new("/proc"), Shape::Directory)?;
        let dev = skeleton.mount_point(Path::new("/dev"), Shape::Directory)?;
        let places = Places::of(&spec.scratch);
        let mut scratch = Vec::new();
        for place in places.roots() {
            // /dev/shm is made in /dev.
            scratch.push(match place.strip_prefix("/dev") {
                Ok(below) => dev.join(below),
                Err(_) => skeleton.mount_point(place, Shape::Directory)?,
            });
        }
        let mut binds = Vec::new();
        for bind in &spec.binds {
            let step = || format!("look at {:?}", bind.source);
            let shape = if bind.source.metadata().step(step)?.is_dir() { Shape::Directory } else { Shape::File };
            binds.push((skeleton.mount_point(&bind.target, shape)?, &bind.source));
        }
        let mut preload = None;
        for file in spec.files.iter().chain(&clock::files(spec)) {
            if file.path == Path::new(clock::PRELOADED) {
                // Written by process 1, which must not load the library itself.
                preload = Some(skeleton.file(&SkeletonFile { content: Vec::new(), ..file.clone() })?);
            } else {
                skeleton.file(file)?;
            }
        }
        for link in &spec.links {
            skeleton.link(link)?;
        }
        root.finish()?;
        skeleton.seal()?;

        let mut arguments = Arguments::default();
        arguments.add(&[&"--hostname", &spec.hostname, &"--ro-bind", &root.path(), &"/", &"--proc", &proc])?;
        mask(&mut arguments, &proc)?;
        let size = |bytes| (!bubblewrap.is_setuid).then_some(bytes);
        arguments.tmpfs(&dev, 0o755, size(65_536))?;
        for name in devices()? {
            arguments.add(&[&"--dev-bind", &Path::new("/dev").join(name), &dev.join(name)])?;
        }
        for (name, target) in DEVICE_LINKS {
            arguments.add(&[&"--symlink", &target, &dev.join(name)])?;
        }
        for (place, path) in places.roots().iter().zip(&scratch) {
            arguments.tmpfs(path, mounts::mode_of_place(place), size(spec.limits.scratch_bytes))?;
        }
        arguments.add(&[&"--remount-ro", &dev])?;
        // A directory comes before what is mounted in it.
        binds.sort();
        for (target, source) in binds {
            arguments.add(&[&"--ro-bind", source, &target])?;
        }
        Ok(Self { arguments: arguments.0, copies, preload })
    }
}

/// Shows read-only what of `/proc` would change the host, and empty what is of the machine.
fn mask(arguments: &mut Arguments, proc: &Path) -> Result<(), Failure> {
    let is_there = |name: &str| Path::new("/proc").join(name).symlink_metadata().is_ok();
    for name in PROC_READ_ONLY.into_iter().filter(|name| is_there(name)) {
        // What the host's shows depends on who asks: the namespaces are the command's own.
        arguments.add(&[&"--ro-bind", &Path::new("/proc").join(name), &proc.join(name)])?;
    }
    for name in PROC_MASKED_FILES.into_iter().filter(|name| is_there(name)) {
        arguments.add(&[&"--dev-bind", &"/dev/null", &proc.join(name)])?;
    }
    for name in PROC_MASKED_DIRECTORIES.into_iter().filter(|name| is_there(name)) {
        let directory = proc.join(name);
        arguments.tmpfs(&directory, 0o555, None)?;
        arguments.add(&[&"--remount-ro", &directory])?;
    }
    Ok(())
}

/// The names of the devices that the command gets.
fn devices() -> Result<Vec<&'static str>, Failure> {
    let mut found = Vec::new();
    for name in DEVICES {
        let path = Path::new("/dev").join(name);
        let is_device = rustix::fs::statat(CWD, &path, rustix::fs::AtFlags::empty())
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice);
        if is_device {
            found.push(name);
        } else if name != "tty" {
            return Err(mounts::no_device(&path));
        }
    }
    Ok(found)
}

fn start(
    plan: Plan,
    spec: Option<Box<Spec>>,
    bubblewrap: Bubblewrap,
    control: &UnixStream,
    pipes: Pipes,
) -> Result<(), Failure> {
    let parts = Parts::of_this_program()?;
    // Clear of the standard streams, which are bubblewrap's.
    let theirs = above(control)?;
    let (hello, hello_writer) = std::io::pipe().step(|| "make a pipe".to_owned())?;
    let (words, words_writer) = std::io::pipe().step(|| "make a pipe".to_owned())?;
    let mut arguments = isolation(&bubblewrap, spec.as_deref())?;
    arguments.extend(plan.arguments);
    let program = bubblewrap.program.clone();
    let inside = Inside {
        spec,
        bubblewrap,
        descriptors: Descriptors {
            control: theirs.as_raw_fd(),
            message: pipes.message.as_raw_fd(),
            log: pipes.log.as_raw_fd(),
            hello: hello_writer.as_raw_fd(),
            preload: plan.preload.as_ref().map(AsRawFd::as_raw_fd),
            copies: plan.copies.iter().map(AsRawFd::as_raw_fd).collect(),
        },
        namespaces: Namespaces::of_this_process(),
        user_processes: processes_of_this_user(),
    };
    let order = order_file(&inside).step(|| "write an order".to_owned())?;
    let mut command = parts.command();
    command.extend([FIRST_ARGUMENT_INSIDE.to_owned(), order.as_raw_fd().to_string()]);
    let command = command.into_iter().map(|word| CString::new(word).map_err(|_| Errno::INVAL));
    arguments.extend(command.collect::<Result<Vec<_>, _>>().step(|| "name this program".to_owned())?);

    // So that process 1 is waited for in any case, and with it all that it has started.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .step(|| "become the reaper of what is started".to_owned())?;
    let Some(id) = syscalls::fork().step(|| "fork".to_owned())? else {
        let kept = [&pipes.message, &pipes.log, &order].into_iter().map(AsFd::as_fd);
        let kept = kept.chain([theirs.as_fd(), hello_writer.as_fd()]).chain(plan.preload.iter().map(AsFd::as_fd));
        let kept = kept.chain(plan.copies.iter().chain(parts.descriptors()).map(AsFd::as_fd));
        let connect = || {
            for fd in kept {
                rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
            }
            syscalls::duplicate_onto(pipes.null.as_fd(), 0)?;
            syscalls::duplicate_onto(words_writer.as_fd(), 2)
        };
        let errno = match connect() {
            Ok(()) => {
                syscalls::reset_signals();
                become_bubblewrap(&program, arguments)
            }
            Err(errno) => errno,
        };
        let error = std::io::Error::from(errno);
        let mut words = words_writer;
        let _ = writeln!(words, "{} could not be started: {error}", program.display());
        syscalls::exit(127);
    };
    drop((theirs, hello_writer, words_writer, order, parts, plan.copies, plan.preload));
    pipes.release()?;
    guard(id, control, hello, words)
}

fn become_bubblewrap(program: &Path, arguments: Vec<CString>) -> Errno {
    let Ok(program) = CString::new(program.as_os_str().as_bytes()) else { return Errno::INVAL };
    let all: Vec<CString> = std::iter::once(program.clone()).chain(arguments).collect();
    syscalls::execute(&program, &all, &[])
}

/// The arguments of namespaces and of processes.
fn isolation(bubblewrap: &Bubblewrap, spec: Option<&Spec>) -> Result<Vec<CString>, Failure> {
    let mut arguments = Arguments::default();
    arguments.add(&[&"--unshare-pid", &"--as-pid-1", &"--die-with-parent", &"--unshare-net", &"--unshare-ipc"])?;
    arguments.add(&[&"--unshare-uts", &"--unshare-cgroup-try", &"--chdir", &"/"])?;
    if bubblewrap.has_user_namespace {
        let (uid, gid) = spec.map_or((1000, 1000), |spec| (spec.uid, spec.gid));
        arguments.add(&[&"--unshare-user", &"--uid", &uid.to_string(), &"--gid", &gid.to_string()])?;
    }
    Ok(arguments.0)
}

/// The order as a file in memory.
fn order_file(inside: &Inside) -> std::io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("order", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(&serde_json::to_vec(inside)?)?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    Ok(file.into())
}

/// Processes and threads of the caller's user, as far as they can be seen.
fn processes_of_this_user() -> u64 {
    let own = rustix::process::getuid().as_raw().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0 };
    let threads = |folder: PathBuf| -> Option<u64> {
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next();
        if field("Uid:")? == own { field("Threads:")?.parse().ok() } else { None }
    };
    let is_process = |name: &std::ffi::OsStr| name.as_bytes().iter().all(u8::is_ascii_digit);
    let processes = entries.filter_map(Result::ok).filter(|entry| is_process(&entry.file_name()));
    processes.filter_map(|entry| threads(entry.path())).fold(0, u64::saturating_add)
}

/// Kills what this process is the parent of.
fn kill_children() {
    let own = rustix::process::getpid().as_raw_pid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return };
    let processes =
        entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse::<c_int>().ok());
    for process in processes {
        let stat = std::fs::read(format!("/proc/{process}/stat")).unwrap_or_default();
        let stat = String::from_utf8_lossy(&stat);
        let parent = fields_of_stat(&stat).and_then(|mut fields| fields.nth(1)?.parse::<c_int>().ok());
        if parent == Some(own)
            && let Some(child) = rustix::process::Pid::from_raw(process)
        {
            // It is not reaped yet, so its id is its own.
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
    }
}

/// Waits until all is over, which the caller's going away brings about.
fn guard(id: c_int, control: &UnixStream, hello: PipeReader, words: PipeReader) -> Result<(), Failure> {
    let monitor = rustix::process::Pid::from_raw(id)
        .ok_or(Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
        .step(|| "watch bubblewrap".to_owned())?;
    let (is_over, is_caller_gone) = loop {
        // Nothing to wait for of the caller but the hang-up, which is always reported. What comes in is for process 1.
        let mut fds = [PollFd::new(&monitor, PollFlags::IN), PollFd::new(control, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => break (Err(errno), false),
        }
        let [has_ended, is_gone] = [0, 1].map(|index| !fds[index].revents().is_empty());
        if has_ended || is_gone {
            break (Ok(()), is_gone);
        }
    };
    let _ = pidfd_send_signal(&monitor, Signal::KILL);
    // What it has started dies with it, but for what it was about to start: that has fallen to this process, and waits for ever.
    while let Waited::Ended(..) = syscalls::wait_for_child(true) {
        kill_children();
    }
    is_over.step(|| "wait for bubblewrap".to_owned())?;
    let mut greeting = Vec::new();
    let _ = hello.take(1).read_to_end(&mut greeting);
    if is_caller_gone || !greeting.is_empty() {
        return Ok(());
    }
    let mut said = Vec::new();
    let _ = words.take(MAX_WORDS).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    let what =
        if said.trim().is_empty() { "it ended without a word".into() } else { said.trim().escape_debug().to_string() };
    Err(Failure::Host { what: format!("bubblewrap could not make a sandbox: {what}"), remedy: REMEDY.to_owned() })
}
