//! The order of the lines of `RECORD`, the list of a wheel's files with their digests (PyPA, "Recording installed
//! projects"). Installers take the lines in any order, and tools write them in that of their file system.

use std::io::Read;

use twinbuild_archive::MemberKind;
use twinbuild_record::ListedFile;

use crate::error::Failure;
use crate::members::{MemberFacts, Members};
use crate::permutation::Permutation;

/// A `RECORD` up to this size is put in order, in bytes.
pub(crate) const RECORD_BYTES: u64 = 64 << 20;

/// The index of a wheel's `RECORD`: the file of that name in the one `*.dist-info` folder at the top.
#[must_use]
pub fn index(members: &dyn Members) -> Option<usize> {
    let is_record =
        |facts: &MemberFacts<'_>| *facts.kind == MemberKind::File && twinbuild_record::is_record(facts.path);
    let mut found = (0..members.count()).filter(|index| members.facts(*index).as_ref().is_some_and(is_record));
    match (found.next(), found.next()) {
        (Some(index), None) => Some(index),
        _ => None,
    }
}

/// The contents of the member at `index`, of which the caller knows that it is at most [`RECORD_BYTES`] large.
pub(crate) fn read(members: &dyn Members, index: usize) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let Some(facts) = members.facts(index) else { return Ok(text) };
    let read = |error| Failure::read(facts.path, error);
    members.open(index).map_err(read)?.take(RECORD_BYTES + 1).read_to_end(&mut text).map_err(read)?;
    if facts.sha256 != Some(twinbuild_subject::Sha256::of(&text)) {
        return Err(Failure::Changed { path: facts.path.clone() });
    }
    Ok(text)
}

/// The order of the lines of `text`; `None` if there are more than 32 bits count.
pub(crate) fn order(text: &[u8]) -> Option<Permutation> {
    let lines = lines(text);
    let mut sorted: Vec<usize> = (0..lines.len()).collect();
    sorted.sort_by_key(|line| sort_key(lines[*line]));
    let mut positions = vec![0; lines.len()];
    for (position, line) in sorted.into_iter().enumerate() {
        positions[line] = position;
    }
    Permutation::of(positions)
}

/// The order in which the lines of `text` are sorted; `None` if there are more than 32 bits count.
pub(crate) fn sorted_order(text: &[u8]) -> Option<Permutation> {
    Permutation::of(0..line_count(text))
}

/// The lines of `text` in another order; `None` if the order is for another number of lines, or joins two of them.
pub(crate) fn reorder(text: &[u8], order: &Permutation) -> Option<Vec<u8>> {
    let mut sorted = lines(text);
    sorted.sort_unstable_by_key(|line| sort_key(line));
    let positions = order.positions(sorted.len())?;
    let ordered: Vec<u8> = positions.into_iter().flat_map(|position| sorted[position]).copied().collect();
    (line_count(&ordered) == sorted.len()).then_some(ordered)
}

/// A last line without its end is sorted behind all others: anywhere else it would be joined to the next one.
fn sort_key(line: &[u8]) -> (bool, &[u8]) {
    (!line.ends_with(b"\n"), line)
}

/// How many lines there are.
pub(crate) fn line_count(text: &[u8]) -> usize {
    lines(text).len()
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Checks each line of the `RECORD` at `index` against the members. `Err` says what is wrong first.
pub(crate) fn verify(members: &dyn Members, index: usize, text: &[u8]) -> Result<(), String> {
    let Some(record) = members.facts(index) else { return Ok(()) };
    let facts = (0..members.count()).filter_map(|index| members.facts(index));
    let files = facts.filter(|facts| *facts.kind == MemberKind::File).map(|facts| ListedFile {
        path: facts.path,
        size_bytes: facts.size_bytes,
        sha256: facts.sha256,
    });
    let faults = twinbuild_record::verify(record.path, files, text);
    faults.first().map_or(Ok(()), |fault| Err(format!("`{}`: {}", fault.path, fault.detail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_taken_over_to_other_lines() {
        let order = order(b"c,1,\na,1,\nb,1,\n").unwrap();
        assert_eq!(reorder(b"a,2,\nb,2,\nc,2,\n", &order).unwrap(), b"c,2,\na,2,\nb,2,\n");
        assert_eq!(reorder(b"a,2,\nb,2,\n", &order), None);
    }

    #[test]
    fn a_last_line_without_its_end_stays_the_last() {
        let text = b"b,1,\nc,1,\na,1,";
        assert_eq!(reorder(text, &order(text).unwrap()).unwrap(), text);
        assert_eq!(reorder(text, &sorted_order(text).unwrap()).unwrap(), text);
        let joining = order(b"c,1,\na,1,\nb,1,\n").unwrap();
        assert_eq!(reorder(text, &joining), None);
    }

    #[test]
    fn a_sorted_list_is_one_span() {
        assert_eq!(order(b"a\nb\nc").unwrap().spans.len(), 1);
        assert_eq!(order(b"").unwrap().spans.len(), 0);
    }
}
