//! Contents of no known kind: where their bytes differ.

use std::ops::Range;

use super::content::{Explanation, Names};
use super::excerpt::{Excerpt, counted};

/// Differences closer to each other than this are one run, in bytes.
const NEAR_BYTES: u64 = 16;
/// So many runs are shown.
pub(crate) const SHOWN_RUNS: u64 = 20;
/// So many bytes of a run are shown.
const SHOWN_BYTES: usize = 16;

/// A range in which two contents differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Of its first byte, from the start of the content.
    pub(crate) start: u64,
    /// After its last byte.
    pub(crate) end: u64,
    /// Bytes in it that differ; the others lie between two that do.
    pub(crate) differing: u64,
}

impl Run {
    /// The run's bytes of a content.
    pub(crate) fn of(self, content: &[u8]) -> &[u8] {
        let at = |offset| usize::try_from(offset).map_or(content.len(), |at: usize| at.min(content.len()));
        &content[at(self.start)..at(self.end)]
    }
}

/// Finds the runs of two contents that are fed to it piece by piece.
pub(crate) struct Scanner<F: FnMut(Run)> {
    take: F,
    offset: u64,
    current: Option<Run>,
}

impl<F: FnMut(Run)> Scanner<F> {
    /// A scanner that gives each run to `take`, in order.
    pub(crate) fn new(take: F) -> Self {
        Self::at(0, take)
    }

    /// The same of contents that are not fed from their beginning, but from `offset` on.
    pub(crate) fn at(offset: u64, take: F) -> Self {
        Self { take, offset, current: None }
    }

    /// Takes the next bytes of both contents, as many of each.
    pub(crate) fn feed(&mut self, old: &[u8], new: &[u8]) {
        const BLOCK_BYTES: usize = 256;
        for (a, b) in old.chunks(BLOCK_BYTES).zip(new.chunks(BLOCK_BYTES)) {
            if a != b {
                let differing = a.iter().zip(b).enumerate().filter(|(_, (x, y))| x != y);
                differing.for_each(|(index, _)| self.note(self.offset + index as u64));
            }
            self.offset += a.len() as u64;
        }
    }

    /// Gives away the last run.
    pub(crate) fn finish(mut self) {
        if let Some(run) = self.current {
            (self.take)(run);
        }
    }

    fn note(&mut self, at: u64) {
        match &mut self.current {
            Some(run) if at - run.end < NEAR_BYTES => {
                run.end = at + 1;
                run.differing += 1;
            }
            current => {
                if let Some(run) = current.replace(Run { start: at, end: at + 1, differing: 1 }) {
                    (self.take)(run);
                }
            }
        }
    }
}

/// How many bytes and runs differ, and the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    pub(crate) runs: u64,
    pub(crate) first: Option<u64>,
}

impl Tally {
    /// Counts a run.
    pub(crate) fn count(&mut self, run: Run) {
        self.bytes += run.differing;
        self.runs += 1;
        self.first.get_or_insert(run.start);
    }

    /// As a sentence without its end.
    pub(crate) fn sentence(&self) -> String {
        let at = self.first.unwrap_or_default();
        match (self.bytes, self.runs) {
            (1, _) => format!("1 byte differs at offset {at:#x}"),
            (bytes, 1) => format!("{} differ in 1 run at offset {at:#x}", counted(bytes, "byte")),
            (bytes, runs) => {
                format!("{} differ in {}, the first at offset {at:#x}", counted(bytes, "byte"), counted(runs, "run"))
            }
        }
    }
}

/// Explains two contents of which nothing is known: by runs where they are of one size, else by what is common at both ends.
pub(crate) fn explain(old: &[u8], new: &[u8], names: Names) -> Explanation {
    let mut excerpt = Excerpt::default();
    if old.len() != new.len() {
        let (left, right) = ends(old, new);
        excerpt.push(format!("offset {:#x}: {}", left.start, both(&old[left.clone()], &new[right.clone()], names)));
        return Explanation { place: ends_sentence(old, left, right, names), excerpt };
    }
    let mut tally = Tally::default();
    let mut scanner = Scanner::new(|run| {
        if tally.runs < SHOWN_RUNS {
            excerpt.push(run_line(run, "", old, new, names));
        } else {
            excerpt.leave_out(1);
        }
        tally.count(run);
    });
    scanner.feed(old, new);
    scanner.finish();
    Explanation { place: tally.sentence(), excerpt }
}

/// One run with its first bytes in both contents; `place` stands after its offset.
pub(crate) fn run_line(run: Run, place: &str, old: &[u8], new: &[u8], names: Names) -> String {
    let length = counted(run.end - run.start, "byte");
    format!("offset {:#x}{place}, {length}: {}", run.start, both(run.of(old), run.of(new), names))
}

/// What lies between the common beginning and the common end of two contents.
pub(crate) fn ends(old: &[u8], new: &[u8]) -> (Range<usize>, Range<usize>) {
    let prefix = common_prefix(old, new);
    let (a, b) = (&old[prefix..], &new[prefix..]);
    let suffix = common_suffix(a, b);
    (prefix..old.len() - suffix, prefix..new.len() - suffix)
}

/// The length of what two contents have in common at their beginning.
pub(crate) fn common_prefix(old: &[u8], new: &[u8]) -> usize {
    const BLOCK_BYTES: usize = 4096;
    let blocks = old.chunks_exact(BLOCK_BYTES).zip(new.chunks_exact(BLOCK_BYTES));
    let start = blocks.take_while(|(a, b)| a == b).count() * BLOCK_BYTES;
    start + old[start..].iter().zip(&new[start..]).take_while(|(a, b)| a == b).count()
}

/// The length of what two contents have in common at their end.
pub(crate) fn common_suffix(old: &[u8], new: &[u8]) -> usize {
    old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// What [`ends`] found, as a sentence without its end.
pub(crate) fn ends_sentence(old: &[u8], left: Range<usize>, right: Range<usize>, names: Names) -> String {
    let (prefix, suffix) = (counted(left.start as u64, "byte"), counted((old.len() - left.end) as u64, "byte"));
    let Names { old: was, new: is } = names;
    format!(
        "the first {prefix} and the last {suffix} are the same, and between them are {} {was} and {} {is}",
        counted(left.len() as u64, "byte"),
        counted(right.len() as u64, "byte"),
    )
}

fn both(old: &[u8], new: &[u8], names: Names) -> String {
    format!("{} {}, {} {}", names.old, hex(old), names.new, hex(new))
}

/// The first bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let digits: String = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > SHOWN_BYTES { digits + "…" } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::content::PUBLISHED;

    fn explained(old: &[u8], new: &[u8]) -> (String, Vec<String>) {
        let Explanation { place, excerpt } = explain(old, new, PUBLISHED);
        (place, excerpt.finish())
    }

    #[test]
    fn runs_have_offsets_lengths_and_bytes() {
        let old = [0; 1000];
        let mut new = old;
        new[10] = 0xff;
        let (place, lines) = explained(&old, &new);
        assert_eq!(place, "1 byte differs at offset 0xa");
        assert_eq!(lines, ["offset 0xa, 1 byte: rebuilt 00, published ff"]);
        new[20] = 1;
        new[500..600].fill(7);
        let (place, lines) = explained(&old, &new);
        assert_eq!(place, "102 bytes differ in 2 runs, the first at offset 0xa");
        let zeros = "00".repeat(16);
        let sevens = "07".repeat(16);
        let first = "offset 0xa, 11 bytes: rebuilt 0000000000000000000000, published ff00000000000000000001";
        assert_eq!(
            lines,
            [first.to_owned(), format!("offset 0x1f4, 100 bytes: rebuilt {zeros}…, published {sevens}…")]
        );
    }

    #[test]
    fn differences_sixteen_bytes_apart_are_two_runs() {
        let old = [0; 40];
        for (second, runs) in [(16, 1), (17, 2)] {
            let mut new = old;
            (new[0], new[second]) = (1, 1);
            let mut tally = Tally::default();
            let mut scanner = Scanner::new(|run| tally.count(run));
            // In pieces, as of a stream.
            scanner.feed(&old[..5], &new[..5]);
            scanner.feed(&old[5..], &new[5..]);
            scanner.finish();
            assert_eq!((tally.runs, tally.bytes), (runs, 2));
        }
    }

    #[test]
    fn an_insertion_is_no_thousand_runs() {
        let old: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let new = [&old[..1000], b"inserted", &old[1000..]].concat();
        let (place, lines) = explained(&old, &new);
        let between = "between them are 0 bytes rebuilt and 8 bytes published";
        assert_eq!(place, format!("the first 1000 bytes and the last 399000 bytes are the same, and {between}"));
        assert_eq!(lines, ["offset 0x3e8: rebuilt nothing, published 696e736572746564"]);
    }

    #[test]
    fn twenty_runs_are_shown_and_the_others_counted() {
        let old = vec![0; 100_000];
        let new: Vec<u8> = (0..100_000).map(|at| u8::from(at % 100 == 0)).collect();
        let (place, lines) = explained(&old, &new);
        assert_eq!(place, "1000 bytes differ in 1000 runs, the first at offset 0x0");
        assert_eq!((lines.len(), lines[20].as_str()), (21, "and 980 more lines"));
    }
}
