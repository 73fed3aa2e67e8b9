//! A tar from parameters and rebuilt members, as one sequence of bytes.

use std::collections::HashSet;
use std::io::{self, Cursor, Read};

use twinbuild_archive::{Archive, Container, Fields, Member, MemberKind, ReadAt, TarFields, TarStream};
use twinbuild_subject::MemberPath;

use crate::error::{Failure, RepackError, Unfit};
use crate::fields::System;
use crate::members::Section;
use crate::permit::{StoredMode, is_world_writable, tar_modes_read_alike};
use crate::tar::expanded::Expanded;
use crate::tar::header::{BLOCK_BYTES, headers};
use crate::tar::owner::{Owner, SET_ID};
use crate::tar::parameters::{TarParameters, names_digest, sorted};
use crate::tar::values::TarValues;

/// Parameters that were held against the members that are written with them.
pub(crate) struct Plan<'a> {
    parameters: &'a TarParameters,
    rebuilt: &'a Archive,
    /// The expanded tar of the rebuild.
    expanded: &'a dyn ReadAt,
    /// Global PAX headers of the rebuild.
    globals: &'a TarStream,
    /// The indices of the members in the order of the file.
    order: Vec<usize>,
}

impl<'a> Plan<'a> {
    /// Checks every header before the first byte is written.
    pub(crate) fn new(
        parameters: &'a TarParameters,
        rebuilt: &'a Archive,
        expanded: &'a Expanded<'_>,
    ) -> Result<Self, Unfit> {
        let (Container::Tar(globals) | Container::TarGz { tar: globals, .. }) = &rebuilt.container else {
            return Err(Unfit::Container);
        };
        let sorted = sorted(rebuilt);
        let (expected, found) = (u64::from(parameters.members), rebuilt.members.len() as u64);
        if expected != found {
            return Err(Unfit::Count { parameters: expected, found });
        }
        if names_digest(rebuilt, &sorted) != parameters.names {
            return Err(Unfit::Names);
        }
        let positions = parameters.order.positions(sorted.len()).ok_or(Unfit::Invalid { what: "order" })?;
        let order: Vec<usize> = positions.into_iter().filter_map(|position| sorted.get(position).copied()).collect();
        if u64::from(parameters.globals) != globals.globals.len() as u64 {
            return Err(Unfit::Globals);
        }
        let starts = order.iter().filter_map(|index| tar_member(rebuilt, *index)).map(|(_, fields)| fields.data_offset);
        if !expanded.takes(starts) {
            return Err(Unfit::Reordered);
        }
        let plan = Self { parameters, rebuilt, expanded, globals, order };
        plan.check()?;
        Ok(plan)
    }

    fn members(&self) -> impl Iterator<Item = (&'a Member, &'a TarFields)> + '_ {
        self.order.iter().filter_map(|index| tar_member(self.rebuilt, *index))
    }

    fn check(&self) -> Result<(), Unfit> {
        let files = self.parameters.values().zip(self.members()).filter(|(_, (member, _))| member.is_file());
        let world_writable =
            is_world_writable(files.map(|(values, _)| values.mode.map(|mode| u32::from(mode.permissions))));
        let mut written: HashSet<&MemberPath> = HashSet::new();
        for (values, (member, fields)) in self.parameters.values().zip(self.members()) {
            let path = || member.path.clone();
            let stored =
                |permissions, has_type| StoredMode { permissions, has_type, creator_system: System::Unix.number() };
            let found = stored(member.mode, member.type_bits.is_some());
            let wanted = values.mode.map(|mode| u32::from(mode.permissions));
            let alike = stored(wanted, values.mode.is_some_and(|mode| mode.has_type));
            if !tar_modes_read_alike(&member.kind, &found, &alike, world_writable) {
                return Err(Unfit::Mode { path: path(), found: member.mode, written: wanted });
            }
            let is_set_id = (member.mode.unwrap_or(0) | wanted.unwrap_or(0)) & SET_ID != 0;
            if is_set_id && Owner::of(fields) != Owner::written(&values) {
                return Err(Unfit::Owner { path: path() });
            }
            headers(member, fields, &values).map_err(|_| Unfit::TarHeader { path: path() })?;
            // A hard link has to stand behind its file.
            if let MemberKind::Hardlink { target } = &member.kind
                && !written.contains(&target)
            {
                return Err(Unfit::HardlinkOrder { path: path() });
            }
            written.insert(&member.path);
        }
        Ok(())
    }

    fn section(&self, start: u64, length: u64) -> Section<'_> {
        Section { bytes: self.expanded, position: start, end: start.saturating_add(length) }
    }

    /// The tar from its first byte.
    pub(crate) fn open(&self) -> TarReader<'_> {
        TarReader { plan: self, values: Box::new(self.parameters.values()), step: Step::Globals, segments: Vec::new() }
    }

    /// Of the whole tar, in bytes; what it is not known for shows when it is compared.
    pub(crate) fn size_bytes(&self) -> u64 {
        let block = BLOCK_BYTES as u64;
        let globals = self.globals.globals.iter().map(|global| global_bytes(global.header.size));
        let members = self.parameters.values().zip(self.members()).map(|(values, (member, fields))| {
            let headers = headers(member, fields, &values).map_or(0, |bytes| bytes.len() as u64);
            headers.saturating_add(member.size_bytes.checked_next_multiple_of(block).unwrap_or(u64::MAX))
        });
        globals.chain(members).fold(u64::from(self.parameters.end_blocks) * block, u64::saturating_add)
    }

    /// Writes the whole tar.
    pub(crate) fn write(&self, out: &mut dyn io::Write) -> Result<(), RepackError> {
        let mut buffer = vec![0; 64 * 1024];
        let mut tar = self.open();
        let failed = |error| Failure::read(&MemberPath::new(*b""), error);
        loop {
            let count = match tar.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error).into()),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            out.write_all(bytes).map_err(Failure::Write)?;
        }
    }
}

/// A member of a tar with its headers.
pub(crate) fn tar_member(archive: &Archive, index: usize) -> Option<(&Member, &TarFields)> {
    let member = archive.members.get(index)?;
    match &member.fields {
        Fields::Tar(fields) => Some((member, fields)),
        Fields::Zip(_) | Fields::Ar(_) | Fields::None => None,
    }
}

/// What a global header takes with its body and padding.
pub(crate) fn global_bytes(body: u64) -> u64 {
    let block = BLOCK_BYTES as u64;
    block.saturating_add(body.checked_next_multiple_of(block).unwrap_or(u64::MAX))
}

/// What is written next.
#[derive(Clone, Copy)]
enum Step {
    Globals,
    Member(usize),
    End,
    Nothing,
}

/// Bytes that follow each other.
type Segment<'a> = Box<dyn Read + 'a>;

/// Gives the bytes of the tar.
pub(crate) struct TarReader<'a> {
    plan: &'a Plan<'a>,
    values: Box<dyn Iterator<Item = TarValues> + 'a>,
    step: Step,
    /// The last one is read first.
    segments: Vec<Segment<'a>>,
}

impl<'a> TarReader<'a> {
    /// The segments of the next step.
    fn advance(&mut self) -> io::Result<Vec<Segment<'a>>> {
        let plan = self.plan;
        let zeros = |count: u64| -> Segment<'a> { Box::new(io::repeat(0).take(count)) };
        match self.step {
            Step::Nothing => Ok(Vec::new()),
            Step::Globals => {
                self.step = Step::Member(0);
                let globals = plan.globals.globals.iter();
                Ok(globals
                    .map(|global| -> Segment<'a> {
                        Box::new(plan.section(global.offset, global_bytes(global.header.size)))
                    })
                    .collect())
            }
            Step::Member(position) => {
                let Some(index) = plan.order.get(position) else {
                    self.step = Step::End;
                    return Ok(Vec::new());
                };
                self.step = Step::Member(position + 1);
                let values = self.values.next();
                let (Some((member, fields)), Some(values)) = (tar_member(plan.rebuilt, *index), values) else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                let headers = headers(member, fields, &values).map_err(|_| io::ErrorKind::InvalidData)?;
                let size = member.size_bytes;
                let padding = size.checked_next_multiple_of(BLOCK_BYTES as u64).map_or(0, |end| end - size);
                let contents = Exactly { inner: plan.section(fields.data_offset, size), left: size };
                Ok(vec![Box::new(Cursor::new(headers)), Box::new(contents), zeros(padding)])
            }
            Step::End => {
                self.step = Step::Nothing;
                Ok(vec![zeros(u64::from(plan.parameters.end_blocks) * BLOCK_BYTES as u64)])
            }
        }
    }
}

impl Read for TarReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(segment) = self.segments.last_mut() {
                let count = segment.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.segments.pop();
            } else if matches!(self.step, Step::Nothing) {
                return Ok(0);
            } else {
                self.segments = self.advance()?;
                self.segments.reverse();
            }
        }
    }
}

/// Contents that must not end early.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
