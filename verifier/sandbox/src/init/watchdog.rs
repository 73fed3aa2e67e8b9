//! Seeing which limits are reached, where the kernel does not tell or does not limit what all processes use together.
//!
//! Process 1 looks at its own `/proc` some times a second. A limit that only the watchdog holds can be passed for as long as it looks
//! away: by what can be allocated in that time.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::groups::Groups;
use super::mounts::{Room, Scratch};
use crate::limit::Limit;
use crate::spec::Limits;
use crate::syscalls;

/// How long the watchdog looks away, where looking is quick.
const INTERVAL: Duration = Duration::from_millis(50);
const MAX_INTERVAL: Duration = Duration::from_millis(400);
/// It looks away at least this many times as long as it looks.
const REST: u32 = 12;
/// A process at its limit of open files may have this many fewer, because it asked for several at once.
const OPEN_FILES_SLACK: u64 = 4;
/// Shared memory of a process that is worth finding out with how many it is shared.
const SHARED_BYTES: u64 = 16 * 1024 * 1024;
/// What is counted for a socket: the buffers of one of TCP, both full.
const SOCKET_BYTES: u64 = 2 * 65_536;
const MAX_SOCKSTAT_BYTES: usize = 4096;

/// What the watchdog alone holds, where the kernel does not.
#[derive(Clone, Copy)]
pub(super) struct Also {
    /// Processes, at whose limit everything is killed then.
    pub(super) processes: bool,
    /// Memory of System V shared memory and message queues, which count as memory then.
    pub(super) ipc: bool,
}

pub(super) struct Watchdog<'a> {
    limits: &'a Limits,
    groups: &'a Groups,
    scratch: &'a Scratch,
    /// The sandbox's `/proc/net/sockstat`. Only its numbers of sockets are of the namespace; those of memory are the host's.
    sockets: Option<File>,
    also: Also,
    /// What the groups had counted when the command started.
    cpu_before: Duration,
    next: Instant,
    next_at_failure: Instant,
    reached: BTreeSet<Limit>,
}

/// What it has seen when all is over.
pub(super) struct Conclusion {
    pub(super) cpu: Duration,
    /// Limits that were reached.
    pub(super) reached: Vec<Limit>,
    /// Those at which something was refused or killed, too.
    pub(super) met: Vec<Limit>,
}

/// What all processes but this one have, together.
#[derive(Default)]
struct Sum {
    processes: u64,
    memory_bytes: u64,
    shared_bytes: u64,
    cpu: Duration,
    has_full_table: bool,
}

impl<'a> Watchdog<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        groups: &'a Groups,
        scratch: &'a Scratch,
        sockets: Option<File>,
        also: Also,
    ) -> Self {
        let cpu_before = groups.cpu_used().unwrap_or_default();
        let now = Instant::now();
        let (next, next_at_failure) = (now + INTERVAL, now);
        Self { limits, groups, scratch, sockets, also, cpu_before, next, next_at_failure, reached: BTreeSet::new() }
    }

    /// How long it may look away.
    pub(super) fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Looks, if it is time; gives the limit at which everything is to be killed.
    pub(super) fn look(&mut self) -> Option<Limit> {
        let started = Instant::now();
        if started < self.next {
            return None;
        }
        let found = self.sample(0);
        self.next = Instant::now() + (started.elapsed() * REST).clamp(INTERVAL, MAX_INTERVAL);
        found
    }

    /// Looks a last time, after the command has ended and before what it left is killed.
    pub(super) fn conclude(mut self) -> Conclusion {
        // The command itself is not among the processes any more.
        let stopping = self.sample(1);
        // At what it would be killed for only now, nothing was.
        let mut met = self.reached.clone();
        self.reached.extend(stopping);
        for limit in [Limit::Memory, Limit::Processes] {
            if self.groups.was_reached(limit) {
                self.reached.insert(limit);
            }
            if self.groups.was_met(limit) {
                met.insert(limit);
            }
        }
        let cpu = self.cpu(&Sum::of_all(self.limits, self.needs()));
        if cpu.as_secs() >= self.limits.cpu_secs {
            self.reached.insert(Limit::CpuTime);
        }
        Conclusion { cpu, reached: self.reached.into_iter().collect(), met: met.into_iter().collect() }
    }

    /// Looks while a process still has what it failed with.
    pub(super) fn look_at_failure(&mut self, process: c_int) {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        if is_table_full(process, &status, self.limits.open_files) {
            self.reached.insert(Limit::OpenFiles);
        }
        self.look_at_scratch();
        let started = Instant::now();
        if self.groups.mechanism(Limit::Processes).is_none() && started >= self.next_at_failure {
            let sum = Sum::of_all(self.limits, Needs { cpu: false, memory: false });
            self.compare_processes(&sum, 0);
            // A flood of failures must not keep it from its other work.
            self.next_at_failure = Instant::now() + started.elapsed() * REST;
        }
    }

    fn look_at_scratch(&mut self) -> Room {
        let Ok(room) = self.scratch.room() else { return Room::default() };
        if room.is_short_of_bytes {
            self.reached.insert(Limit::ScratchBytes);
        }
        if room.is_short_of_inodes {
            self.reached.insert(Limit::ScratchInodes);
        }
        room
    }

    fn compare_processes(&mut self, sum: &Sum, gone: u64) {
        let near = self.limits.processes.saturating_sub(self.limits.processes / 32);
        if self.groups.mechanism(Limit::Processes).is_none() && sum.processes.saturating_add(gone) >= near {
            self.reached.insert(Limit::Processes);
        }
    }

    fn sample(&mut self, gone: u64) -> Option<Limit> {
        let sum = Sum::of_all(self.limits, self.needs());
        if sum.has_full_table {
            self.reached.insert(Limit::OpenFiles);
        }
        self.compare_processes(&sum, gone);
        let room = self.look_at_scratch();
        if room.passed.is_some() {
            return room.passed;
        }
        if self.also.processes && sum.processes.saturating_add(gone) > self.limits.processes {
            return Some(Limit::Processes);
        }
        if self.cpu(&sum).as_secs() >= self.limits.cpu_secs {
            return Some(Limit::CpuTime);
        }
        if self.groups.mechanism(Limit::Memory).is_none() {
            // What is shared may be files of scratch, or not: counted once, so that nothing is killed for memory it does not have.
            let files = room.used_bytes.saturating_add(self.ipc_bytes());
            let all = sum.memory_bytes.saturating_add(sum.shared_bytes.max(files)).saturating_add(self.socket_bytes());
            if all > self.limits.memory_bytes {
                return Some(Limit::Memory);
            }
        }
        None
    }

    /// What System V shared memory and message queues hold, where that is not limited for itself.
    fn ipc_bytes(&self) -> u64 {
        if !self.also.ipc {
            return 0;
        }
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let shared = column_sum(&read("/proc/sysvipc/shm"), &["rss", "swap"]);
        shared.saturating_add(column_sum(&read("/proc/sysvipc/msg"), &["cbytes"]))
    }

    /// What the buffers of all sockets may hold.
    fn socket_bytes(&self) -> u64 {
        let mut bytes = vec![0; MAX_SOCKSTAT_BYTES];
        let count = self.sockets.as_ref().map_or(0, |file| file.read_at(&mut bytes, 0).unwrap_or(0));
        let text = String::from_utf8_lossy(&bytes[..count]);
        number(&text, "sockets: used").unwrap_or(0).saturating_mul(SOCKET_BYTES)
    }

    fn needs(&self) -> Needs {
        Needs {
            cpu: self.groups.mechanism(Limit::CpuTime).is_none(),
            memory: self.groups.mechanism(Limit::Memory).is_none(),
        }
    }

    fn cpu(&self, sum: &Sum) -> Duration {
        match self.groups.cpu_used() {
            Some(used) => used.saturating_sub(self.cpu_before),
            None => syscalls::cpu_of_children() + sum.cpu,
        }
    }
}

/// What has to be found out process by process.
#[derive(Clone, Copy)]
struct Needs {
    cpu: bool,
    memory: bool,
}

impl Sum {
    fn of_all(limits: &Limits, needs: Needs) -> Self {
        let mut sum = Self::default();
        let ticks = syscalls::ticks_per_second();
        let Ok(entries) = std::fs::read_dir("/proc") else { return sum };
        for entry in entries.filter_map(Result::ok) {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<c_int>().ok()) else {
                continue;
            };
            if process == 1 {
                continue;
            }
            // What ends meanwhile is not counted.
            let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { continue };
            sum.processes += number(&status, "Threads:").unwrap_or(1);
            sum.has_full_table |= is_table_full(process, &status, limits.open_files);
            if needs.memory {
                let kib = |name| number(&status, name).unwrap_or(0).saturating_mul(1024);
                for name in ["RssAnon:", "VmSwap:", "VmPTE:", "HugetlbPages:"] {
                    sum.memory_bytes = sum.memory_bytes.saturating_add(kib(name));
                }
                let shared = kib("RssShmem:");
                sum.shared_bytes = sum.shared_bytes.saturating_add(match shared {
                    SHARED_BYTES.. => share(process).unwrap_or(shared),
                    _ => 0,
                });
            }
            if needs.cpu {
                let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
                sum.cpu += spent(&stat, ticks).unwrap_or_default();
            }
        }
        sum
    }
}

/// The resource limit that holds a limit on open files.
///
/// A table of files never shrinks, and has a power of two of slots. So of one file more than such a number, which has to make it larger, it
/// can be seen for ever after that a process had it.
pub(super) fn open_files_rlimit(limit: u64) -> u64 {
    if limit.is_power_of_two() { limit.saturating_add(1) } else { limit }
}

/// Whether a process has, or once had, all files that it may.
fn is_table_full(process: c_int, status: &str, limit: u64) -> bool {
    let slots = number(status, "FDSize:").unwrap_or(0);
    if limit.is_power_of_two() && slots > limit {
        return true;
    }
    // A host may allow less than the limit, and then only what is open now tells.
    slots >= limit && {
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |files| files.count() as u64);
        open.saturating_add(OPEN_FILES_SLACK) >= limit
    }
}

/// The sum of some columns of a table whose first line names them.
fn column_sum(table: &str, names: &[&str]) -> u64 {
    let mut lines = table.lines().map(str::split_ascii_whitespace);
    let Some(header) = lines.next() else { return 0 };
    let wanted: Vec<bool> = header.map(|name| names.contains(&name)).collect();
    let cells = lines.flat_map(|line| line.zip(&wanted).filter(|(_, is_wanted)| **is_wanted).map(|(cell, _)| cell));
    cells.filter_map(|cell| cell.parse::<u64>().ok()).fold(0, u64::saturating_add)
}

/// A process's part of the memory that it shares, in bytes.
fn share(process: c_int) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    number(&rollup, "Pss_Shmem:")?.checked_mul(1024)
}

/// The first number behind a name, a line each, as in `/proc/PID/status`.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The fields of `/proc/PID/stat` from the third on, which follow a name that may hold anything.
pub(super) fn fields_of_stat(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

/// Processor time of a process and of those of its children that it has reaped: fields 14 to 17 of `/proc/PID/stat`.
fn spent(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let fields = fields_of_stat(stat)?.skip(11).take(4);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks.saturating_mul(1000) / ticks_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_fields() {
        let stat = "7 (a) 9 9 9 (b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 100 0 20 0 3 0 12345 1 2\n";
        let mut fields = fields_of_stat(stat).unwrap();
        assert_eq!((fields.next(), fields.next()), (Some("S"), Some("1")));
        assert_eq!(spent(stat, 100), Some(Duration::from_secs(4)));
        assert_eq!(spent("", 100), None);
    }

    #[test]
    fn columns_are_summed_by_name() {
        let table = "       key      shmid size  rss  swap\n         0          0 8192 4096    10\n    0 1 9 1 0\n";
        assert_eq!(column_sum(table, &["rss", "swap"]), 4107);
        assert_eq!(column_sum("", &["rss"]), 0);
    }

    #[test]
    fn numbers_are_found_by_name() {
        let status = "Name:\tx\nFDSize:\t64\nRssAnon:\t    2048 kB\nThreads:\t12\n";
        assert_eq!(number(status, "RssAnon:"), Some(2048));
        assert_eq!(number(status, "Threads:"), Some(12));
        assert_eq!(number(status, "RssShmem:"), None);
        let sockstat = "sockets: used 17\nTCP: inuse 3 orphan 0 tw 60 alloc 3 mem 35\n";
        assert_eq!(number(sockstat, "sockets: used"), Some(17));
    }
}
