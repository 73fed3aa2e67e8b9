//! What the command printed.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

/// Bytes kept from the start of the log.
const HEAD_BYTES: usize = 256 * 1024;
/// Bytes kept from the end of the log.
const TAIL_BYTES: usize = 768 * 1024;

/// The command's standard output and error, merged in the order in which the kernel got them.
///
/// It is hostile text: escape it before it reaches a terminal or a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// All of it up to 1 MiB; of a longer one the first 256 KiB, directly followed by the last 768 KiB.
    pub bytes: Vec<u8>,
    /// How many bytes are missing between the first 256 KiB and the rest of `bytes`; 0 when the log is whole.
    pub dropped_bytes: u64,
    /// How many bytes were seen.
    pub total_bytes: u64,
    /// The SHA-256 of all bytes seen, dropped ones too, in lower-case hexadecimal.
    pub sha256: String,
}

/// Takes a log in as it comes, in bounded memory.
pub(crate) struct Recorder {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total_bytes: u64,
    digest: Sha256,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), total_bytes: 0, digest: Sha256::new() }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.total_bytes = self.total_bytes.saturating_add(bytes.len() as u64);
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(TAIL_BYTES)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    pub(crate) fn finish(self) -> Log {
        let mut bytes = self.head;
        bytes.extend(self.tail);
        let digest = self.digest.finalize();
        Log {
            dropped_bytes: self.total_bytes - bytes.len() as u64,
            bytes,
            total_bytes: self.total_bytes,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(parts: &[&[u8]]) -> Log {
        let mut recorder = Recorder::new();
        for part in parts {
            recorder.take(part);
        }
        recorder.finish()
    }

    #[test]
    fn a_short_log_is_whole() {
        let log = record(&[b"ab", b"c"]);
        assert_eq!((log.bytes.as_slice(), log.dropped_bytes), (&b"abc"[..], 0));
        assert_eq!(log.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_long_log_keeps_both_ends_however_it_is_cut() {
        let all: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut expected = all[..HEAD_BYTES].to_vec();
        expected.extend_from_slice(&all[all.len() - TAIL_BYTES..]);
        for size in [1000, 65_536, all.len()] {
            let log = record(&all.chunks(size).collect::<Vec<_>>());
            assert!(log.bytes == expected, "chunks of {size}");
            assert_eq!(log.dropped_bytes, (all.len() - expected.len()) as u64);
            assert_eq!(log.total_bytes, all.len() as u64);
        }
    }
}
