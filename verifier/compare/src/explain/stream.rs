//! Contents that are too large to be held: where they differ, found in one pass over both at once.

use std::io::{self, Read};

use twinbuild_archive::stream;

use super::binary::{Scanner, Tally};
use crate::side::{CompareError, Side};

/// Of each content, held at a time, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Where two members differ, as far as both have bytes.
pub(crate) fn tally(old: &Side<'_>, partner: usize, new: &Side<'_>, index: usize) -> Result<Tally, CompareError> {
    let mut tally = Tally::default();
    stream(new.bytes, new.archive, index, &mut |is| {
        let outcome = stream(old.bytes, old.archive, partner, &mut |was| {
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
