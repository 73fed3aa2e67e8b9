//! The caller's side of a sandbox.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::Cancel;
use crate::choice::{self, Means};
use crate::collect::{Collected, Collector};
use crate::error::{Error, Failure, Refused};
use crate::evidence::Evidence;
use crate::limit::Limit;
use crate::log::{Log, Recorder};
use crate::spec::Spec;
use crate::wire::{Ended, FIRST_ARGUMENT, InForce, Kind, Order, Status, order_bytes, read_frame};

/// The most that is kept of the command's report.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// What became of a command.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// How it ended.
    pub end: End,
    /// The limits at which something of it was refused or killed, whether or not it coped: what it did then is not what it does by
    /// itself. One that ended it is not named again.
    pub limits_met: Vec<Limit>,
    /// What it printed.
    pub log: Log,
    /// What it wrote to descriptor 3 (`TWINBUILD_REPORT_FD`), the first 1 MiB.
    pub message: Vec<u8>,
    /// How many bytes it wrote there beyond that.
    pub message_dropped_bytes: u64,
    /// How often something tried to reach an address outside, over IPv4 and IPv6; look-ups of names count if `/etc/resolv.conf` names
    /// an address outside.
    pub network_attempts: u64,
    /// What it was seen to do. `None` where that could not be taken, was not asked for, or it was cancelled.
    pub evidence: Option<Evidence>,
    /// The limits that held. `None` if it was cancelled before it started.
    pub limits_in_force: Option<InForce>,
    /// From the start of the command to its end; zero when cancelled.
    pub wall: Duration,
    /// User and system time of all its processes; zero when cancelled. Where no control group counts it, without those whose parent
    /// refused to hear of their end.
    pub cpu: Duration,
    /// What was collected, each directory before its entries, these sorted by name. Empty unless it exited with 0, and where something
    /// was refused.
    pub collected: Vec<Collected>,
    /// What it left, having exited with 0, that is not collected. Of several directories to collect, `Collect::into` may hold those before.
    pub refused: Option<Refused>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which was not the sandbox's.
    Signalled(i32),
    /// At a limit.
    LimitHit(Limit),
    /// By [`Cancel::cancel`].
    Cancelled,
}

/// Runs one command in a sandbox of its own and waits for its end. Blocks the calling thread; may be called from many at once.
///
/// The program must call [`init_if_requested`](crate::init_if_requested) first in `main`.
///
/// # Errors
/// [`Error::Spec`] before anything is started; [`Error::HostUnsupported`], [`Error::Setup`] and [`Error::Lost`] if the command could not
/// be run; [`Error::Collect`] if what it left could not be read; [`Error::Io`] on this side. A command that fails, hits a limit, or leaves
/// what is not collected, is no error. After an error, or when cancelled, `Collect::into` may hold part of a tree.
pub fn run(spec: &Spec, cancel: &Cancel) -> Result<Run, Error> {
    spec.check()?;
    if let Some(means) = choice::means()? {
        return run_by(means, spec, cancel);
    }
    match run_by(&Means::Own, spec, cancel) {
        Err(refused @ Error::HostUnsupported { .. }) => run_by(choice::fall_back(refused)?, spec, cancel),
        Ok(run) => {
            // One that was cancelled may not have come so far that the host could refuse it.
            if run.limits_in_force.is_some() {
                choice::settle(Means::Own);
            }
            Ok(run)
        }
        Err(error) => Err(error),
    }
}

fn run_by(means: &Means, spec: &Spec, cancel: &Cancel) -> Result<Run, Error> {
    let collector = Collector::new(&spec.collect)?;
    let boxed = Box::new(spec.clone());
    let order = match means {
        Means::Own => Order::Run(boxed),
        Means::Bubblewrap(bubblewrap) => Order::RunWithin(boxed, bubblewrap.clone()),
    };
    let order =
        order_bytes(&order).map_err(|source| Error::io("writing the sandbox's order (paths must be UTF-8)", source))?;
    let mut started = Started::new()?;
    started.send(&order, cancel)?;
    let mut talk = Talk {
        spec,
        cancel,
        collector,
        log: Recorder::new(),
        message: Vec::new(),
        message_dropped_bytes: 0,
        in_force: None,
        ended: None,
        failure: None,
        is_stopped: false,
    };
    let outcome = talk.listen(&mut started);
    // The socket's end is the order to die, whatever the state; then nothing is left but to wait for it.
    let status = started.finish();
    outcome?;
    talk.conclude(status)
}

/// The started init and the ways to it.
pub(crate) struct Started {
    child: Child,
    pub(crate) control: UnixStream,
    message: PipeReader,
    log: PipeReader,
}

impl Started {
    pub(crate) fn new() -> Result<Self, Error> {
        if !crate::init::was_asked() {
            return Err(Error::spec("this program does not call init_if_requested first in its main"));
        }
        let io = |source| Error::io("making the pipes of a sandbox", source);
        let (control, theirs) = UnixStream::pair().map_err(io)?;
        let (message, message_writer) = io::pipe().map_err(io)?;
        let (log, log_writer) = io::pipe().map_err(io)?;
        // Environment and descriptors of this process are not for a build.
        let child = Command::new("/proc/self/exe")
            .arg0("twinbuild-sandbox")
            .arg(FIRST_ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(message_writer))
            .stderr(Stdio::from(log_writer))
            .spawn()
            .map_err(|source| {
                Error::io("starting this program again, by /proc/self/exe, as a sandbox's init", source)
            })?;
        Ok(Self { child, control, message, log })
    }

    /// Sends the order, unless cancelled meanwhile. A lost init shows later, by its silence.
    pub(crate) fn send(&mut self, order: &[u8], cancel: &Cancel) -> Result<(), Error> {
        let mut rest = order;
        while !rest.is_empty() && !cancel.is_cancelled() {
            // Without a signal, because a program may have given SIGPIPE back its deadly default.
            match rustix::net::send(&self.control, rest, SendFlags::NOSIGNAL) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
                Err(errno) => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return Err(Error::io("sending the sandbox's order", errno));
                }
            }
        }
        Ok(())
    }

    /// Ends what still runs and waits until it is gone.
    pub(crate) fn finish(self) -> String {
        let Self { mut child, control, .. } = self;
        let _ = control.shutdown(std::net::Shutdown::Both);
        drop(control);
        match child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

/// What was heard of a sandbox so far.
struct Talk<'a> {
    spec: &'a Spec,
    cancel: &'a Cancel,
    collector: Collector<'a>,
    log: Recorder,
    message: Vec<u8>,
    message_dropped_bytes: u64,
    in_force: Option<InForce>,
    ended: Option<Ended>,
    failure: Option<Failure>,
    /// Whether the init was told to stop, for the log's sake.
    is_stopped: bool,
}

impl Talk<'_> {
    /// Listens until all three ways are at their end, or it is cancelled.
    fn listen(&mut self, started: &mut Started) -> Result<(), Error> {
        let mut buffer = vec![0; 65_536];
        let (mut has_control, mut has_log, mut has_message) = (true, true, true);
        while (has_control || has_log || has_message) && !self.cancel.is_cancelled() {
            let wanted = |is_wanted| if is_wanted { PollFlags::IN } else { PollFlags::empty() };
            let mut fds = vec![PollFd::new(self.cancel, PollFlags::IN)];
            let ways = [
                (has_control, started.control.as_fd()),
                (has_log, started.log.as_fd()),
                (has_message, started.message.as_fd()),
            ];
            // A hang-up is reported always, so what has ended must not be listed.
            let listed: Vec<usize> = (0..3).filter(|way| ways[*way].0).collect();
            for way in &listed {
                fds.push(PollFd::from_borrowed_fd(ways[*way].1, wanted(true)));
            }
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::io("listening to a sandbox", errno)),
            }
            let mut is_ready = [false; 3];
            for (way, fd) in listed.iter().zip(&fds[1..]) {
                is_ready[*way] = !fd.revents().is_empty();
            }
            drop(fds);
            let hear = |source| Error::io("listening to a sandbox", source);
            if is_ready[1] {
                has_log = self.hear_log(&mut started.log, &mut buffer).map_err(hear)?;
                if self.log.total_bytes() > self.spec.limits.log_bytes && !self.is_stopped {
                    self.is_stopped = true;
                    // If it cannot be told any more it has ended.
                    let _ = rustix::net::send(&started.control, b"s", SendFlags::NOSIGNAL);
                }
            }
            if is_ready[2] {
                has_message = self.hear_message(&mut started.message, &mut buffer).map_err(hear)?;
            }
            if is_ready[0] {
                has_control = self.hear_control(&mut started.control)?;
            }
        }
        Ok(())
    }

    fn hear_log(&mut self, log: &mut PipeReader, buffer: &mut [u8]) -> io::Result<bool> {
        let count = read(log, buffer)?;
        self.log.take(&buffer[..count]);
        Ok(count > 0)
    }

    fn hear_message(&mut self, message: &mut PipeReader, buffer: &mut [u8]) -> io::Result<bool> {
        let count = read(message, buffer)?;
        let kept = count.min(MAX_MESSAGE_BYTES - self.message.len());
        self.message.extend_from_slice(&buffer[..kept]);
        self.message_dropped_bytes += (count - kept) as u64;
        Ok(count > 0)
    }

    fn hear_control(&mut self, control: &mut UnixStream) -> Result<bool, Error> {
        let frame = match read_frame(control) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(false),
            // Unread orders are lost with their reader.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
            Err(error) => return Err(Error::io("listening to a sandbox", error)),
        };
        let understand = |error: serde_json::Error| Error::io("understanding a sandbox", io::Error::from(error));
        match frame {
            (Kind::Failed, json) => self.failure = Some(serde_json::from_slice(&json).map_err(understand)?),
            (Kind::Started, json) => self.in_force = Some(serde_json::from_slice(&json).map_err(understand)?),
            (Kind::Ended, json) => self.ended = Some(serde_json::from_slice(&json).map_err(understand)?),
            (kind, payload) => self.collector.take(kind, &payload, control)?,
        }
        Ok(true)
    }

    fn conclude(self, status: String) -> Result<Run, Error> {
        let log = self.log.finish();
        if self.cancel.is_cancelled() && self.ended.is_none() {
            return Ok(Run {
                end: End::Cancelled,
                limits_met: Vec::new(),
                log,
                message: self.message,
                message_dropped_bytes: self.message_dropped_bytes,
                network_attempts: 0,
                evidence: None,
                limits_in_force: self.in_force,
                wall: Duration::ZERO,
                cpu: Duration::ZERO,
                collected: Vec::new(),
                refused: None,
            });
        }
        if let Some(failure) = self.failure {
            return Err(failure.into());
        }
        let Some(ended) = self.ended else {
            let words = &log.bytes[log.bytes.len().saturating_sub(1000)..];
            return Err(Error::Lost { status, words: String::from_utf8_lossy(words).into_owned() });
        };
        let is_log_limit_hit = log.total_bytes > self.spec.limits.log_bytes;
        let end = end(&ended, is_log_limit_hit, self.in_force.as_ref());
        Ok(Run {
            end,
            limits_met: ended.met.into_iter().filter(|limit| end != End::LimitHit(*limit)).collect(),
            log,
            message: self.message,
            message_dropped_bytes: self.message_dropped_bytes,
            network_attempts: ended.network_attempts,
            evidence: ended.evidence,
            limits_in_force: self.in_force,
            wall: Duration::from_micros(ended.wall_micros),
            cpu: Duration::from_micros(ended.cpu_micros),
            collected: if ended.refused.is_none() { self.collector.finish() } else { Vec::new() },
            refused: ended.refused,
        })
    }
}

fn read(from: &mut PipeReader, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// The one word for how it ended. Anybody can send a signal, so that of a limit says nothing where the limit does not hold or is far.
fn end(ended: &Ended, is_log_limit_hit: bool, in_force: Option<&InForce>) -> End {
    if is_log_limit_hit {
        return End::LimitHit(Limit::LogBytes);
    }
    if let Some(limit) = ended.stopped_at {
        return End::LimitHit(limit);
    }
    let held = |name: &str| in_force.and_then(|in_force| in_force.limit(name));
    let cpu_secs_begun = ended.cpu_micros / 1_000_000 + 1;
    match (ended.status, ended.reached.first()) {
        // Whatever it met, it coped, in its way.
        (Status::Exited(0), _) => End::Exited(0),
        (Status::Signalled(libc::SIGXCPU), _) if held("cpu-secs").is_some_and(|held| cpu_secs_begun >= held.value) => {
            End::LimitHit(Limit::CpuTime)
        }
        (Status::Signalled(libc::SIGXFSZ), _) if held("file-bytes").is_some() => End::LimitHit(Limit::FileBytes),
        (_, Some(limit)) => End::LimitHit(*limit),
        (Status::Exited(code), None) => End::Exited(code),
        (Status::Signalled(signal), None) => End::Signalled(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{Held, Mechanism};

    fn ended(status: Status, reached: &[Limit]) -> Ended {
        Ended {
            status,
            stopped_at: None,
            reached: reached.to_vec(),
            met: Vec::new(),
            refused: None,
            wall_micros: 0,
            cpu_micros: 0,
            network_attempts: 0,
            evidence: None,
        }
    }

    #[test]
    fn a_program_that_could_not_be_an_init_starts_nothing() {
        let layers = vec!["/".into()];
        let spec = Spec { layers, argv: vec!["/bin/true".into()], ..Spec::default() };
        let error = run(&spec, &Cancel::new().unwrap()).unwrap_err();
        assert!(error.to_string().contains("init_if_requested"), "{error}");
    }

    #[test]
    fn a_limit_that_was_reached_excuses_failure_only() {
        for limit in [Limit::Memory, Limit::Processes, Limit::OpenFiles, Limit::ScratchBytes] {
            let end = |status| end(&ended(status, &[limit]), false, None);
            assert_eq!(end(Status::Exited(0)), End::Exited(0));
            assert_eq!(end(Status::Exited(1)), End::LimitHit(limit));
            assert_eq!(end(Status::Signalled(libc::SIGKILL)), End::LimitHit(limit));
        }
    }

    #[test]
    fn a_failure_without_a_limit_is_the_commands_own() {
        let end = |status| end(&ended(status, &[]), false, None);
        assert_eq!(end(Status::Signalled(libc::SIGKILL)), End::Signalled(libc::SIGKILL));
        assert_eq!(end(Status::Exited(152)), End::Exited(152));
    }

    #[test]
    fn the_signal_of_a_limit_is_believed_where_the_limit_holds_and_is_near() {
        let limits = [("file-bytes", 1 << 20), ("cpu-secs", 5)];
        let limits = limits.map(|(name, value)| Held::new(name, value, Mechanism::Rlimit)).to_vec();
        let in_force = InForce { limits, ..InForce::default() };
        let none = InForce::default();
        let by = |signal, cpu_secs: u64, in_force| {
            end(&Ended { cpu_micros: cpu_secs * 1_000_000, ..ended(Status::Signalled(signal), &[]) }, false, in_force)
        };
        assert_eq!(by(libc::SIGXFSZ, 0, None), End::Signalled(libc::SIGXFSZ));
        assert_eq!(by(libc::SIGXFSZ, 0, Some(&none)), End::Signalled(libc::SIGXFSZ));
        assert_eq!(by(libc::SIGXFSZ, 0, Some(&in_force)), End::LimitHit(Limit::FileBytes));
        assert_eq!(by(libc::SIGXCPU, 3, Some(&in_force)), End::Signalled(libc::SIGXCPU));
        assert_eq!(by(libc::SIGXCPU, 4, Some(&in_force)), End::LimitHit(Limit::CpuTime));
    }

    #[test]
    fn what_was_killed_at_a_limit_ended_at_it() {
        let killed = Ended { stopped_at: Some(Limit::WallTime), ..ended(Status::Exited(0), &[Limit::Memory]) };
        assert_eq!(end(&killed, false, None), End::LimitHit(Limit::WallTime));
        assert_eq!(end(&killed, true, None), End::LimitHit(Limit::LogBytes));
    }
}
