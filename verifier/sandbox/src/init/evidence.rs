//! Taking evidence: what the command asks the kernel for, told by its seccomp filter.
//!
//! Process 1 answers what the filter tells of. The answer depends on the number of the call alone: what is watched goes on, whatever its
//! arguments, and the kernel decides; all else that is told was to be refused, and is. What is read of the caller's memory meanwhile is
//! written down and decides nothing, as the caller may change it before the kernel looks.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, c_int};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::event::PollFlags;
use rustix::fs::{AtFlags, CWD, FileType};
use rustix::io::Errno;

use super::filter::{WATCHED, forbidden_name};
use crate::evidence::{Connection, Evidence, Execution, MAX_EVIDENCE, Program, Refusal};
use crate::spec::{Places, Spec};
use crate::syscalls::{Answer, Listener, Notification, read_memory};

/// How much is kept of a path.
const MAX_PATH_BYTES: usize = 512;
/// How much is read of a path: as much as the kernel does.
const MAX_PATH_READ: usize = 4096;
const MAX_ARGUMENTS: usize = 32;
const MAX_ARGUMENT_BYTES: usize = 1024;
/// How many messages of one `sendmmsg` are looked at.
const MAX_MESSAGES: u64 = 8;
/// The size of `struct mmsghdr`, on 64 bits.
const MESSAGE_BYTES: u64 = 64;
/// How far up a process is followed to one whose execution was seen.
const MAX_ANCESTORS: usize = 64;

/// Listens to one sandbox.
pub(super) struct Watch {
    listener: Listener,
    places: Places,
    evidence: Evidence,
    connections: BTreeMap<(IpAddr, u16, Program), u64>,
    refusals: BTreeMap<(&'static str, Program), u64>,
    /// The last execution of a process, by its id and, as ids are used again, its start.
    known: HashMap<c_int, (u64, usize)>,
    is_over: bool,
}

/// What a call was about.
enum Seen {
    Execution { program: Program, arguments: Vec<String>, are_arguments_cut: bool, parent: Option<usize>, start: u64 },
    Connections { to: Vec<(IpAddr, u16)>, program: Program },
    Refusal { call: &'static str, program: Program },
    Nothing,
}

impl Watch {
    pub(super) fn new(listener: OwnedFd, spec: &Spec) -> Result<Self, Errno> {
        Ok(Self {
            listener: Listener::new(listener)?,
            places: Places::of(&spec.scratch),
            evidence: Evidence::default(),
            connections: BTreeMap::new(),
            refusals: BTreeMap::new(),
            known: HashMap::new(),
            is_over: false,
        })
    }

    /// What becomes readable when a call waits; nothing once there is no more to come.
    pub(super) fn bell(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_over).then(|| self.listener.as_fd())
    }

    /// Acts on what was found of the bell. Of a process that is about to end by a failure `is_failing` is told before it does.
    pub(super) fn hear(&mut self, found: PollFlags, is_failing: impl FnOnce(c_int)) {
        if found.contains(PollFlags::IN) {
            self.attend(is_failing);
        } else if !found.is_empty() {
            // No process has the filter any more.
            self.is_over = true;
        }
    }

    /// Answers one call that waits.
    fn attend(&mut self, is_failing: impl FnOnce(c_int)) {
        let call = match self.listener.receive() {
            Ok(Some(call)) => call,
            Ok(None) => return,
            // The call stays unanswered, so nothing opens by this; who made it is killed at the wall limit at the latest.
            Err(_) => {
                self.is_over = true;
                return;
            }
        };
        if call.call == libc::SYS_exit_group {
            is_failing(call.thread);
        }
        let answer = if WATCHED.contains(&call.call) { Answer::Continue } else { Answer::Refuse };
        let seen = self.look(&call, answer);
        // If who called is gone, what was read may have been another's.
        let seen = if self.listener.is_waiting(call.id) { seen } else { Seen::Nothing };
        self.listener.answer(call.id, answer);
        self.note(call.thread, seen);
    }

    /// What was seen.
    pub(super) fn finish(self) -> Evidence {
        let mut evidence = self.evidence;
        let connections = self.connections.into_iter();
        evidence.connections =
            connections.map(|((address, port, program), count)| Connection { address, port, program, count }).collect();
        let refusals = self.refusals.into_iter();
        evidence.refusals =
            refusals.map(|((call, program), count)| Refusal { call: call.to_owned(), program, count }).collect();
        evidence
    }

    fn look(&self, call: &Notification, answer: Answer) -> Seen {
        let [a, b, c, d, e, f] = call.arguments;
        let thread = call.thread;
        if answer == Answer::Refuse {
            return Seen::Refusal { call: forbidden_name(call.call), program: self.program_of(thread) };
        }
        let to = match call.call {
            libc::SYS_execve => return self.execution(thread, path_of(thread, None, a, false), b),
            libc::SYS_execveat => {
                let is_empty_allowed = e & u64::from(libc::AT_EMPTY_PATH.cast_unsigned()) != 0;
                return self.execution(thread, path_of(thread, Some(a), b, is_empty_allowed), c);
            }
            libc::SYS_connect => vec![address(thread, b, c)],
            libc::SYS_sendto => vec![address(thread, e, f)],
            libc::SYS_sendmsg => vec![message_address(thread, b)],
            libc::SYS_sendmmsg => (0..c.min(MAX_MESSAGES))
                .map(|index| message_address(thread, b.wrapping_add(index * MESSAGE_BYTES)))
                .collect(),
            _ => Vec::new(),
        };
        let _ = d;
        let to: Vec<_> = to.into_iter().flatten().collect();
        if to.is_empty() { Seen::Nothing } else { Seen::Connections { to, program: self.program_of(thread) } }
    }

    /// An execution, unless there is nothing to be executed: who searches `PATH` asks for a program in each of its directories.
    fn execution(&self, thread: c_int, path: Option<PathBuf>, arguments: u64) -> Seen {
        let Some(path) = path.filter(|path| is_executable(path)) else { return Seen::Nothing };
        let program = self.program(&path);
        if self.evidence.executions.len() >= MAX_EVIDENCE {
            let none = (Vec::new(), true);
            return Seen::Execution { program, arguments: none.0, are_arguments_cut: none.1, parent: None, start: 0 };
        }
        let (arguments, are_arguments_cut) = arguments_at(thread, arguments);
        let (parent, start) = self.parent(thread);
        Seen::Execution { program, arguments, are_arguments_cut, parent, start }
    }

    /// The execution that a process comes from, its own former one or that of its next ancestor; and when it started.
    fn parent(&self, process: c_int) -> (Option<usize>, u64) {
        let Some((mut above, start)) = origin(process) else { return (None, 0) };
        if let Some((_, index)) = self.known.get(&process).filter(|(known, _)| *known == start) {
            return (Some(*index), start);
        }
        for _ in 0..MAX_ANCESTORS {
            let Some((next, its_start)) = origin(above) else { break };
            if let Some((_, index)) = self.known.get(&above).filter(|(known, _)| *known == its_start) {
                return (Some(*index), start);
            }
            above = next;
        }
        (None, start)
    }

    fn note(&mut self, thread: c_int, seen: Seen) {
        match seen {
            Seen::Nothing => {}
            Seen::Execution { program, arguments, are_arguments_cut, parent, start } => {
                if program.is_of_root && !self.evidence.programs.contains(&program.path) {
                    self.evidence.programs.insert(program.path.clone());
                    // Of too many the first by name stay, so that which do not depend on which came first.
                    if self.evidence.programs.len() > MAX_EVIDENCE {
                        self.evidence.programs.pop_last();
                        self.evidence.are_programs_cut = true;
                    }
                }
                if self.evidence.executions.len() >= MAX_EVIDENCE {
                    self.evidence.executions_dropped = self.evidence.executions_dropped.saturating_add(1);
                    return;
                }
                self.known.insert(thread, (start, self.evidence.executions.len()));
                self.evidence.executions.push(Execution { program, arguments, are_arguments_cut, parent });
            }
            Seen::Connections { to, program } => {
                for (address, port) in to {
                    let key = (address, port, program.clone());
                    count(&mut self.connections, key, &mut self.evidence.connections_dropped);
                }
            }
            Seen::Refusal { call, program } => {
                count(&mut self.refusals, (call, program), &mut self.evidence.refusals_dropped);
            }
        }
    }

    /// The program that a thread runs.
    fn program_of(&self, thread: c_int) -> Program {
        self.program(&link(&format!("/proc/{thread}/exe")).unwrap_or_default())
    }

    fn program(&self, path: &Path) -> Program {
        let is_plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let is_elsewhere =
            ["/proc", "/dev"].iter().any(|own| path.starts_with(own)) || self.places.locate(path).is_some();
        Program { path: text(path), is_of_root: path.is_absolute() && is_plain && !is_elsewhere }
    }
}

/// Counts one more of a kind, where its kind is known or there is room for it.
fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, dropped: &mut u64) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_add(1);
    } else if counts.len() < MAX_EVIDENCE {
        counts.insert(key, 1);
    } else {
        *dropped = dropped.saturating_add(1);
    }
}

/// The path that a call names, as far as it can be known: `at` is the descriptor that a relative one starts from.
fn path_of(thread: c_int, at: Option<u64>, address: u64, is_empty_allowed: bool) -> Option<PathBuf> {
    let (bytes, _) = string_at(thread, address, MAX_PATH_READ)?;
    let path = Path::new(OsStr::from_bytes(&bytes));
    if path.is_absolute() {
        return Some(path.to_owned());
    }
    // Descriptors are 32-bit numbers: the kernel ignores the upper half.
    let at = at.and_then(|at| u32::try_from(at & 0xffff_ffff).ok()).map(u32::cast_signed);
    let base = match at.filter(|at| *at != libc::AT_FDCWD) {
        None => link(&format!("/proc/{thread}/cwd"))?,
        Some(fd) => link(&format!("/proc/{thread}/fd/{fd}"))?,
    };
    if bytes.is_empty() {
        return is_empty_allowed.then_some(base);
    }
    // `./configure` is as plain a path as `configure`.
    Some(base.join(path.strip_prefix(".").unwrap_or(path)))
}

fn link(path: &str) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::statat(CWD, path, AtFlags::empty()).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_mode & 0o111 != 0
    })
}

fn text(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_PATH_BYTES)]).into_owned()
}

/// A string of a process, up to its NUL or to `limit`; and whether it is whole.
fn string_at(thread: c_int, address: u64, limit: usize) -> Option<(Vec<u8>, bool)> {
    const CHUNK: usize = 256;
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        let mut chunk = [0; CHUNK];
        let wanted = CHUNK.min(limit - bytes.len());
        let from = address.checked_add(u64::try_from(bytes.len()).ok()?)?;
        let count = match read_memory(thread, from, &mut chunk[..wanted]) {
            Ok(0) | Err(_) if bytes.is_empty() => return None,
            Ok(0) | Err(_) => return Some((bytes, false)),
            Ok(count) => count,
        };
        match chunk[..count].iter().position(|byte| *byte == 0) {
            Some(end) => {
                bytes.extend_from_slice(&chunk[..end]);
                return Some((bytes, true));
            }
            None => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Some((bytes, false))
}

/// The strings of an array of pointers that ends in null; and whether they are cut.
fn arguments_at(thread: c_int, address: u64) -> (Vec<String>, bool) {
    const POINTER: usize = size_of::<u64>();
    let mut pointers = [0; (MAX_ARGUMENTS + 1) * POINTER];
    let Ok(count) = read_memory(thread, address, &mut pointers) else { return (Vec::new(), true) };
    let mut arguments = Vec::new();
    let mut left = MAX_ARGUMENT_BYTES;
    for pointer in pointers[..count].chunks_exact(POINTER) {
        let pointer = u64::from_ne_bytes(pointer.try_into().unwrap_or_default());
        if pointer == 0 {
            return (arguments, false);
        }
        if arguments.len() == MAX_ARGUMENTS || left == 0 {
            break;
        }
        let Some((bytes, is_whole)) = string_at(thread, pointer, left) else { break };
        left = left.saturating_sub(bytes.len().max(1));
        arguments.push(String::from_utf8_lossy(&bytes).into_owned());
        if !is_whole {
            break;
        }
    }
    (arguments, true)
}

/// An address and port of IPv4 or IPv6, from a `struct sockaddr`.
fn address(thread: c_int, at: u64, length: u64) -> Option<(IpAddr, u16)> {
    // As long as `struct sockaddr_in6`.
    let mut bytes = [0; 28];
    // The length is a 32-bit number: the kernel ignores the upper half.
    let wanted = usize::try_from(length & 0xffff_ffff).ok()?.min(bytes.len());
    let count = read_memory(thread, at, &mut bytes[..wanted]).ok()?;
    parse_address(&bytes[..count])
}

/// The address of a `struct msghdr`: a pointer and a length of 32 bits.
fn message_address(thread: c_int, at: u64) -> Option<(IpAddr, u16)> {
    let mut header = [0; 12];
    if read_memory(thread, at, &mut header).ok()? < header.len() {
        return None;
    }
    let (pointer, length) = header.split_first_chunk()?;
    let pointer = u64::from_ne_bytes(*pointer);
    let length = u32::from_ne_bytes(length.try_into().ok()?);
    if pointer == 0 { None } else { address(thread, pointer, u64::from(length)) }
}

/// See ip(7) and ipv6(7).
fn parse_address(bytes: &[u8]) -> Option<(IpAddr, u16)> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let address = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => IpAddr::from(Ipv4Addr::from(*rest.first_chunk::<4>()?)),
        libc::AF_INET6 => IpAddr::from(Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((address, u16::from_be_bytes(*port)))
}

/// The parent of a process, and its start in ticks: fields 4 and 22 of `/proc/PID/stat`.
fn origin(process: c_int) -> Option<(c_int, u64)> {
    let stat = std::fs::read(format!("/proc/{process}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut fields = super::watchdog::fields_of_stat(&stat)?;
    let parent = fields.nth(1)?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some((parent, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_kernel_reads_it() {
        let mut bytes = libc::sa_family_t::try_from(libc::AF_INET).unwrap().to_ne_bytes().to_vec();
        bytes.extend([0, 53, 192, 0, 2, 53]);
        assert_eq!(parse_address(&bytes), Some(("192.0.2.53".parse().unwrap(), 53)));
        let mut bytes = libc::sa_family_t::try_from(libc::AF_INET6).unwrap().to_ne_bytes().to_vec();
        bytes.extend([1, 187, 9, 9, 9, 9]);
        bytes.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        assert_eq!(parse_address(&bytes), Some(("2001:db8::1".parse().unwrap(), 443)));
        assert_eq!(parse_address(&bytes[..20]), None);
        assert_eq!(parse_address(&[1, 0, 47, 120]), None);
        assert_eq!(parse_address(&[]), None);
    }

    #[test]
    fn memory_is_read_up_to_what_is_there() {
        let own = c_int::try_from(std::process::id()).unwrap();
        let at = |text: &std::ffi::CStr| text.as_ptr().addr() as u64;
        assert_eq!(string_at(own, at(c"configure"), 4096), Some((b"configure".to_vec(), true)));
        assert_eq!(string_at(own, at(c"configure"), 4), Some((b"conf".to_vec(), false)));
        assert_eq!(string_at(own, 8, 4096), None);
        assert_eq!(string_at(own, u64::MAX, 4096), None);
        let long = std::ffi::CString::new("x".repeat(5000)).unwrap();
        assert_eq!(string_at(own, at(&long), 4096), Some((vec![b'x'; 4096], false)));
    }

    #[test]
    fn arguments_are_bounded() {
        let own = c_int::try_from(std::process::id()).unwrap();
        let read = |strings: &[&str]| {
            let owned: Vec<_> = strings.iter().map(|text| std::ffi::CString::new(*text).unwrap()).collect();
            let pointers: Vec<u64> = owned.iter().map(|text| text.as_ptr().addr() as u64).chain([0]).collect();
            arguments_at(own, pointers.as_ptr().addr() as u64)
        };
        assert_eq!(read(&["cc", "-c", ""]), (vec!["cc".into(), "-c".into(), String::new()], false));
        let (arguments, is_cut) = read(&["x"; 100]);
        assert_eq!((arguments.len(), is_cut), (MAX_ARGUMENTS, true));
        assert!(!read(&["x"; MAX_ARGUMENTS]).1);
        let (arguments, is_cut) = read(&["a", &"y".repeat(3000), "z"]);
        assert_eq!((arguments.len(), arguments[1].len(), is_cut), (2, MAX_ARGUMENT_BYTES - 1, true));
        assert_eq!(arguments_at(own, 8), (Vec::new(), true));
    }

    #[test]
    fn a_kind_is_counted_and_kinds_are_bounded() {
        let (mut counts, mut dropped) = (BTreeMap::new(), 0);
        for round in 0..2 {
            for number in 0..MAX_EVIDENCE + 3 {
                count(&mut counts, number, &mut dropped);
            }
            assert_eq!((counts.len(), dropped), (MAX_EVIDENCE, 3 * (round + 1)));
        }
        assert!(counts.values().all(|count| *count == 2));
    }
}
