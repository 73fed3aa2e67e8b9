//! Contents that are too large to be held: where they differ, found in one pass over both at once.

use std::io::{self, Read};

use twinbuild_archive::{Limits, ReadError, visit};

use super::binary::{Scanner, Tally};
use crate::side::{CompareError, Side};

/// Of each content, held at a time, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Where two members differ, as far as both have bytes.
pub(crate) fn tally(old: &Side<'_>, partner: usize, new: &Side<'_>, index: usize) -> Result<Tally, CompareError> {
    let mut tally = Tally::default();
    open(new, index, &mut |is| {
        let outcome = open(old, partner, &mut |was| {
            tally = in_lockstep(was, is)?;
            Ok(())
        });
        outcome.map_err(io::Error::other)
    })?;
    Ok(tally)
}

fn in_lockstep(old: &mut dyn Read, new: &mut dyn Read) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut scanner = Scanner::new(|run| tally.count(run));
    let (mut left, mut right) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let length = fill(old, &mut left)?.min(fill(new, &mut right)?);
        scanner.feed(&left[..length], &right[..length]);
        if length < BUFFER_BYTES {
            break;
        }
    }
    scanner.finish();
    Ok(tally)
}

/// Hands the contents of one member to `take`, and reads the archive no further.
fn open(side: &Side<'_>, index: usize, take: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> Result<(), ReadError> {
    let mut position = 0;
    let mut is_taken = false;
    let outcome = visit(side.bytes, side.archive.format, &Limits::default(), &mut |_, contents| {
        let is_wanted = position == index;
        position += 1;
        if is_wanted {
            take(contents)?;
            is_taken = true;
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    });
    if is_taken {
        return Ok(());
    }
    outcome?;
    Err(ReadError::NoContents { index, members: side.archive.members.len() })
}

fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match content.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}
