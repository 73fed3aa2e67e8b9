//! The contents of all members, expanded and hashed: by one thread in order, or by several.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use twinbuild_subject::{MemberPath, Sha256};

use crate::archive::{Anomaly, Archive, Fields, Member, MemberKind};
use crate::contents::Contents;
use crate::error::ReadError;
use crate::limits::Limits;
use crate::source::{CHUNK_BYTES, Source};
use crate::zip::data::{Allowance, Data, Scratch};
use crate::zip::method::ZipMethod;
use crate::zip::{ZipFault, ZipFields, ZipHeader};

/// Expanded bytes for which one more thread is worth its start.
const BYTES_FOR_A_THREAD: u64 = 1 << 20;
/// Ample for decoders that hold their state on the heap.
const STACK_BYTES: usize = 512 << 10;

/// What came out of one member.
pub(super) struct Expanded {
    sha256: Sha256,
    method: ZipMethod,
    /// Compressed bytes after the end of the stream.
    tail_bytes: u64,
    /// Of a symbolic link.
    pub(super) target: Option<Vec<u8>>,
}

impl Expanded {
    /// Puts it into its member.
    pub(super) fn keep(self, member: &mut Member, anomalies: &mut Vec<Anomaly>) {
        let Fields::Zip(fields) = &mut member.fields else { return };
        if self.tail_bytes > 0 {
            fields.tail_bytes = self.tail_bytes;
            let offset = fields.data_offset + fields.compressed_size_bytes - self.tail_bytes;
            let (path, length) = (Some(member.path.clone()), self.tail_bytes);
            let method = self.method;
            let detail = format!("{length} bytes follow the end of the {method} stream");
            anomalies.push(Anomaly { code: method.codes().1, offset, length, path, detail });
        }
        if let Some(target) = self.target {
            member.kind = MemberKind::Symlink { target };
        }
        if member.kind != MemberKind::Directory {
            member.sha256 = Some(self.sha256);
        }
    }
}

/// Expands one member and hands its contents to `take`, if it is a file.
pub(super) fn expand(
    member: &Member,
    fields: &ZipFields,
    allowance: Allowance<'_>,
    scratch: &mut Scratch<'_>,
    take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<Expanded, ReadError> {
    let Scratch { buffer, decoders } = scratch;
    let mut data = Data::new(member, fields, allowance, decoders)?;
    let mut target = None;
    let contents = Contents::new(&mut data, member.size_bytes);
    let sums = match &member.kind {
        MemberKind::File => contents.hand(&member.path, buffer, take)?,
        MemberKind::Symlink { .. } => {
            let mut bytes = Vec::new();
            let sums = contents.hand(&member.path, buffer, |contents| contents.read_to_end(&mut bytes).map(drop))?;
            if bytes.contains(&0) {
                let (path, offset) = (member.path.clone(), fields.central_offset);
                return Err(ZipFault::LinkTarget { path, offset, detail: "has a NUL in its target" }.into());
            }
            target = Some(bytes);
            sums
        }
        MemberKind::Directory | MemberKind::Hardlink { .. } => contents.drain(buffer)?,
    };
    let method = data.method();
    let tail_bytes = data.finish(sums.crc32)?;
    Ok(Expanded { sha256: sums.sha256, method, tail_bytes, target })
}

/// Expands one file again, for its digest.
pub(super) fn again(
    source: Source<'_>,
    limits: &Limits,
    member: &Member,
    fields: &ZipFields,
    take: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<Sha256, ReadError> {
    let allowance = Allowance { limits, before: 0 };
    Ok(expand(member, fields, allowance, &mut Scratch::new(source), take)?.sha256)
}

/// Expands all members, on as many threads as are worth it. What comes out, an error included, does not depend on how
/// many they are: each member counts against the limits as if those in front of it had been read before it, and of the
/// faults that are found that of the first member is returned, which no reading passes over.
///
/// Decoders that need a window of the stream's choice are used by one thread only, so there is one of them at a time.
///
/// What `beside` has expanded already, from the same compressed bytes, is not expanded again.
pub(super) fn expand_all(
    source: Source<'_>,
    members: &[Member],
    limits: &Limits,
    beside: Option<Beside<'_>>,
) -> Result<Vec<Expanded>, ReadError> {
    let twins = beside.filter(|beside| beside.archive.limits == *limits).map(Twins::new);
    let mut before: u64 = 0;
    let (mut frugal, mut greedy) = (Vec::new(), Vec::new());
    let mut frugal_bytes: u64 = 0;
    for (index, member) in members.iter().enumerate() {
        let Fields::Zip(fields) = &member.fields else { continue };
        let twin = twins.as_ref().and_then(|twins| twins.of(member, fields));
        let job = Job { index, member, fields, allowance: Allowance { limits, before }, twin };
        if ZipMethod::of(fields.central.method).is_some_and(ZipMethod::is_frugal) {
            frugal_bytes = frugal_bytes.saturating_add(member.size_bytes);
            frugal.push(job);
        } else {
            greedy.push(job);
        }
        before = before.saturating_add(member.size_bytes);
    }
    let wanted = usize::try_from(frugal_bytes / BYTES_FOR_A_THREAD).unwrap_or(usize::MAX).min(frugal.len());
    let threads = if wanted > 1 { thread::available_parallelism().map_or(1, NonZero::get).min(wanted) } else { 1 };
    if threads > 1 {
        // The largest first, so that none of them is begun when the others are done.
        frugal.sort_by_key(|job| Reverse(job.member.size_bytes));
    }
    let first_fault = AtomicUsize::new(usize::MAX);
    let queue = |jobs| Queue { source, jobs, next: AtomicUsize::new(0), first_fault: &first_fault };
    let (frugal, greedy) = (queue(frugal), queue(greedy));
    let mut done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || frugal.work()).ok();
        // A thread that cannot be had is done without.
        let helpers: Vec<_> = (1..threads).map_while(spawn).collect();
        let mut done = greedy.work();
        done.extend(frugal.work());
        for helper in helpers {
            match helper.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, expanded)| expanded).collect()
}

struct Job<'a> {
    index: usize,
    member: &'a Member,
    fields: &'a ZipFields,
    allowance: Allowance<'a>,
    /// What the archive beside has under the same name, if its compressed bytes could be the same.
    twin: Option<Twin<'a>>,
}

/// An archive that was read already, and where its bytes are.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) source: Source<'a>,
}

/// The members of an archive that was read already, by name.
struct Twins<'a> {
    source: Source<'a>,
    by_path: HashMap<&'a MemberPath, &'a Member>,
}

impl<'a> Twins<'a> {
    fn new(beside: Beside<'a>) -> Self {
        let by_path = beside.archive.members.iter().map(|member| (&member.path, member)).collect();
        Self { source: beside.source, by_path }
    }

    /// The file of the same name, where everything that decides how it is expanded is the same but the compressed bytes,
    /// which were not compared yet.
    fn of(&self, member: &Member, fields: &ZipFields) -> Option<Twin<'a>> {
        let other = *self.by_path.get(&member.path)?;
        let Fields::Zip(theirs) = &other.fields else { return None };
        let of = |member: &Member, fields: &ZipFields| {
            let ZipHeader { method, flags, crc32, .. } = fields.central;
            (member.size_bytes, fields.compressed_size_bytes, method, flags, crc32)
        };
        let is_alike =
            member.is_file() && other.is_file() && theirs.tail_bytes == 0 && of(member, fields) == of(other, theirs);
        Some(Twin { sha256: other.sha256?, source: self.source, offset: theirs.data_offset }).filter(|_| is_alike)
    }
}

/// A member of another archive.
#[derive(Clone, Copy)]
struct Twin<'a> {
    sha256: Sha256,
    source: Source<'a>,
    /// Of its compressed bytes.
    offset: u64,
}

impl Job<'_> {
    /// What came out of the same compressed bytes before. `None` where they are others, or where a limit could be met on
    /// the way through them.
    fn known(&self, source: Source<'_>, buffers: &mut [Vec<u8>; 2]) -> Result<Option<Expanded>, ReadError> {
        let Some(twin) = self.twin else { return Ok(None) };
        let (length, Allowance { limits, before }) = (self.fields.compressed_size_bytes, self.allowance);
        let is_within = self.member.size_bytes <= limits.ratio_floor_bytes
            && before.saturating_add(self.member.size_bytes) <= limits.total_bytes;
        let Some(method) = ZipMethod::of(self.fields.central.method).filter(|_| is_within) else { return Ok(None) };
        let (mut done, [ours, theirs]) = (0, buffers);
        while done < length {
            let wanted = usize::try_from(length - done).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            ours.resize(wanted, 0);
            theirs.resize(wanted, 0);
            source.fill(ours, self.fields.data_offset.saturating_add(done))?;
            twin.source.fill(theirs, twin.offset.saturating_add(done))?;
            if ours != theirs {
                return Ok(None);
            }
            done += wanted as u64;
        }
        Ok(Some(Expanded { sha256: twin.sha256, method, tail_bytes: 0, target: None }))
    }
}

/// What is to be done, by whoever is free.
struct Queue<'a> {
    source: Source<'a>,
    jobs: Vec<Job<'a>>,
    /// Of the next job that nobody has taken.
    next: AtomicUsize,
    /// The lowest index of a member with a fault.
    first_fault: &'a AtomicUsize,
}

impl Queue<'_> {
    /// Takes one job after the other. Members behind a fault need not be read any more, those in front of it must be.
    fn work(&self) -> Vec<(usize, Result<Expanded, ReadError>)> {
        let mut scratch = Scratch::new(self.source);
        let mut buffers = [Vec::new(), Vec::new()];
        let mut done = Vec::new();
        while let Some(job) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if job.index > self.first_fault.load(Ordering::Relaxed) {
                continue;
            }
            let expanded = match job.known(self.source, &mut buffers) {
                Ok(None) => expand(job.member, job.fields, job.allowance, &mut scratch, |_| Ok(())),
                Ok(Some(known)) => Ok(known),
                Err(error) => Err(error),
            };
            if expanded.is_err() {
                self.first_fault.fetch_min(job.index, Ordering::Relaxed);
            }
            done.push((job.index, expanded));
        }
        done
    }
}
