//! Proofs that stand alone: an entry's index, its inclusion proof and the signed checkpoint, as text (C2SP tlog-proof).

use std::fmt;
use std::str::FromStr;

use twinbuild_subject::Sha256;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::text;
use crate::tree::{TreeError, verify_inclusion};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The bytes of the longest proof that is read.
pub const MAX_PROOF_BYTES: usize = 1 << 20;

/// The hashes of the longest inclusion proof.
const MAX_HASHES: usize = 64;

/// That an entry is in a log, to be checked offline. [`Display`](fmt::Display) writes the content of a `.tlog-proof` file, and [`FromStr`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    extra: Vec<u8>,
    index: u64,
    hashes: Vec<Sha256>,
    note: String,
}

/// Why text is not a proof, or does not prove what it is held to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// More than [`MAX_PROOF_BYTES`].
    #[error("the proof has {bytes} bytes, and at most {MAX_PROOF_BYTES} are read")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The first line is another one.
    #[error("{found:?} is not the first line of a proof: {HEADER} is expected")]
    Header {
        /// The line, cut off after 80 characters.
        found: String,
    },
    /// A line that has no place where it stands, or is not spelled in the one way that is allowed.
    #[error("line {line} of the proof is {found:?}, and {expected} is expected")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// The line, cut off after 80 characters.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// More hashes than any inclusion proof has.
    #[error("the proof has {found} hashes, and none has more than {MAX_HASHES}")]
    TooManyHashes {
        /// How many it has.
        found: usize,
    },
    /// No empty line, and no checkpoint behind it.
    #[error("the proof has no checkpoint: an empty line and a signed note are expected behind its hashes")]
    NoCheckpoint,
    /// What stands behind the empty line is not text, an empty line, and signatures.
    #[error("the checkpoint of the proof is not a signed note")]
    NotANote,
    /// The text that was verified is not that of this proof's note.
    #[error("the text that was verified is not the one of the proof's checkpoint")]
    OtherBody,
    /// The note's text is not a checkpoint.
    #[error("the note of the proof has no checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the checkpoint's tree at that index, by this proof.
    #[error("the proof does not show that the entry is in the log")]
    Inclusion(#[from] TreeError),
}

impl LogProof {
    /// The proof for the entry at `index`, with its inclusion proof and the checkpoint's whole signed note.
    ///
    /// # Errors
    /// [`LogProofError::TooManyHashes`], [`LogProofError::NotANote`].
    pub fn new(index: u64, hashes: Vec<Sha256>, note: &str) -> Result<Self, LogProofError> {
        if hashes.len() > MAX_HASHES {
            return Err(LogProofError::TooManyHashes { found: hashes.len() });
        }
        if body(note).is_none() {
            return Err(LogProofError::NotANote);
        }
        Ok(Self { extra: Vec::new(), index, hashes, note: note.to_owned() })
    }

    /// The same with bytes that nobody vouches for; none are as if there were no such line.
    #[must_use]
    pub fn with_extra(self, extra: Vec<u8>) -> Self {
        Self { extra, ..self }
    }

    /// Bytes that nobody vouches for; none where there are none.
    #[must_use]
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The entry's index in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The inclusion proof, the leaf's sibling first.
    #[must_use]
    pub fn hashes(&self) -> &[Sha256] {
        &self.hashes
    }

    /// The signed note, for whoever has the keys to verify.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The checkpoint in whose tree the entry with the hash `leaf` is. `body` is the text of [`LogProof::note`], whose
    /// signatures the caller has verified by then; whether its origin is the right one is the caller's to decide, too.
    ///
    /// # Errors
    /// [`LogProofError::OtherBody`], [`LogProofError::Checkpoint`], [`LogProofError::Inclusion`].
    pub fn verify(&self, leaf: &Sha256, body: &str) -> Result<Checkpoint, LogProofError> {
        if self::body(&self.note) != Some(body) {
            return Err(LogProofError::OtherBody);
        }
        let checkpoint: Checkpoint = body.parse()?;
        verify_inclusion(checkpoint.head(), self.index, leaf, &self.hashes)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", text::to_base64(&self.extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_PROOF_BYTES {
            return Err(LogProofError::TooLong { bytes: text.len() });
        }
        let (proof, note) = text.split_once("\n\n").ok_or(LogProofError::NoCheckpoint)?;
        let mut lines = (1..).zip(proof.split('\n')).peekable();
        let header = lines.next().map_or("", |(_, line)| line);
        if header != HEADER {
            return Err(LogProofError::Header { found: text::excerpt(header) });
        }
        let refused = |line, found: &str, expected| LogProofError::Line { line, found: text::excerpt(found), expected };
        let mut extra = Vec::new();
        if let Some((line, found)) = lines.next_if(|(_, line)| line.starts_with("extra ")) {
            let bytes = found.strip_prefix("extra ").and_then(text::from_base64).filter(|bytes| !bytes.is_empty());
            extra = bytes.ok_or_else(|| refused(line, found, "\"extra \" and base64"))?;
        }
        let (line, found) = lines.next().unwrap_or((2, ""));
        let index = found.strip_prefix("index ").and_then(text::decimal);
        let index = index.ok_or_else(|| refused(line, found, "\"index \" and a number without leading zeros"))?;
        let hashes = lines
            .map(|(line, found)| text::hash(found).ok_or_else(|| refused(line, found, "a hash in base64")))
            .collect::<Result<_, _>>()?;
        Ok(Self::new(index, hashes, note)?.with_extra(extra))
    }
}

/// The text of a signed note: all before the last empty line, behind which signatures stand (C2SP signed-note, "Format").
fn body(note: &str) -> Option<&str> {
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return None;
    }
    let text = note.rfind("\n\n")?;
    let (body, rest) = note.split_at(text + 1);
    let signatures = rest.strip_prefix('\n')?.strip_suffix('\n')?;
    signatures.split('\n').all(|line| line.starts_with("\u{2014} ")).then_some(body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::{TreeHead, leaf_hash, node_hash};

    fn sample() -> (LogProof, Sha256, String) {
        let (leaf, other) = (leaf_hash(b"twin"), leaf_hash(b"build"));
        let head = TreeHead { size: 2, root: node_hash(&other, &leaf) };
        let body = Checkpoint::new("example.com/log", head).unwrap().to_string();
        let note = format!("{body}\n\u{2014} example.com/log AAAA\n\u{2014} witness.example BBBB\n");
        (LogProof::new(1, vec![other], &note).unwrap(), leaf, body)
    }

    #[test]
    fn a_proof_is_the_lines_of_the_specification() {
        let (proof, leaf, body) = sample();
        let other = leaf_hash(b"build").to_base64();
        let text = format!(
            "c2sp.org/tlog-proof@v1\nindex 1\n{other}\n\n{body}\n\u{2014} example.com/log AAAA\n\u{2014} witness.example BBBB\n"
        );
        assert_eq!(proof.to_string(), text);
        assert_eq!(text.parse(), Ok(proof.clone()));
        assert_eq!(proof.verify(&leaf, &body).unwrap().head().size, 2);
        let proof = proof.with_extra(b"extra".to_vec());
        let text = text.replace("index", "extra ZXh0cmE=\nindex");
        assert_eq!(proof.to_string(), text);
        assert_eq!(text.parse(), Ok(proof));
    }

    #[test]
    fn the_only_entry_has_a_proof_without_hashes() {
        let leaf = leaf_hash(b"twin");
        let body = Checkpoint::new("example.com/log", TreeHead { size: 1, root: leaf }).unwrap().to_string();
        let proof = LogProof::new(0, Vec::new(), &format!("{body}\n\u{2014} example.com/log AAAA\n")).unwrap();
        let read: LogProof = proof.to_string().parse().unwrap();
        assert_eq!(read.verify(&leaf, &body).unwrap().origin(), "example.com/log");
    }

    #[test]
    fn what_it_does_not_show_is_refused() {
        let (proof, leaf, body) = sample();
        assert!(matches!(proof.verify(&leaf_hash(b"twins"), &body), Err(LogProofError::Inclusion(_))));
        let other = Checkpoint::new("example.org/log", TreeHead::empty()).unwrap().to_string();
        assert_eq!(proof.verify(&leaf, &other), Err(LogProofError::OtherBody));
        assert_eq!(proof.verify(&leaf, body.trim_end()), Err(LogProofError::OtherBody));
        assert_eq!(proof.verify(&leaf, ""), Err(LogProofError::OtherBody));
        let index = proof.to_string().replace("index 1", "index 0").parse::<LogProof>().unwrap();
        assert!(matches!(index.verify(&leaf, &body), Err(LogProofError::Inclusion(TreeError::Root { .. }))));
        let index = proof.to_string().replace("index 1", "index 2").parse::<LogProof>().unwrap();
        assert!(matches!(index.verify(&leaf, &body), Err(LogProofError::Inclusion(TreeError::NoSuchEntry { .. }))));
        let note = "some text\n\n\u{2014} example.com/log AAAA\n";
        let proof = LogProof::new(1, Vec::new(), note).unwrap();
        assert!(matches!(proof.verify(&leaf, "some text\n"), Err(LogProofError::Checkpoint(_))));
    }

    #[test]
    fn other_text_is_refused() {
        let (proof, ..) = sample();
        let text = proof.to_string();
        let hash = leaf_hash(b"build").to_base64();
        let error = |from: &str, to: &str| text.replacen(from, to, 1).parse::<LogProof>().unwrap_err();
        assert!(matches!(error("@v1", "@v2"), LogProofError::Header { .. }));
        assert!(matches!(error("c2sp", "\nc2sp"), LogProofError::Header { .. }));
        assert!(matches!(error("\n", "\r\n"), LogProofError::Header { .. }));
        assert!(matches!(error("\n\n", "\n"), LogProofError::Line { line: 4, .. }));
        for index in [
            "index 01",
            "index +1",
            "index",
            "index  1",
            "index -1",
            "Index 1",
            "extra \nindex 1",
            "extra Zh==\nindex 1",
        ] {
            assert!(matches!(error("index 1", index), LogProofError::Line { line: 2, .. }), "{index}");
        }
        assert!(matches!(error("index 1\n", ""), LogProofError::Line { line: 2, .. }));
        for line in ["AAAA", &hash[1..], &format!("{hash} "), &hash.replace('=', "")] {
            assert!(matches!(error(&hash, line), LogProofError::Line { line: 3, .. }), "{line}");
        }
        let many = vec![hash.as_str(); 65].join("\n");
        assert_eq!(error(&hash, &many), LogProofError::TooManyHashes { found: 65 });
        assert_eq!(error("\u{2014} example", "example"), LogProofError::NotANote);
        assert_eq!(error("AAAA\n", "AAAA\r\n"), LogProofError::NotANote);
        assert_eq!(text.trim_end().parse::<LogProof>(), Err(LogProofError::NotANote));
        assert_eq!("".parse::<LogProof>(), Err(LogProofError::NoCheckpoint));
        let long = format!("{text}{}", "x".repeat(MAX_PROOF_BYTES));
        assert!(matches!(long.parse::<LogProof>(), Err(LogProofError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_another_proof(at: prop::sample::Index, to in 0_u8..0x80) {
            let (proof, leaf, body) = sample();
            let mut bytes = proof.to_string().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            if let Some(changed) = String::from_utf8(bytes).ok().and_then(|text| text.parse::<LogProof>().ok()) {
                prop_assert_ne!(&changed, &proof);
                // Only signatures may differ, and these were verified with the note.
                if changed.verify(&leaf, &body).is_ok() {
                    prop_assert_eq!((changed.index(), changed.hashes()), (proof.index(), proof.hashes()));
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = format!("{HEADER}\n{text}").parse::<LogProof>();
        }
    }
}
