//! Checkpoints: a tree head as text, which a log signs (C2SP tlog-checkpoint). The signed note around it is not read here.

use std::fmt;
use std::str::FromStr;

use crate::text;
use crate::tree::{TreeError, TreeHead};

/// The bytes of the longest body that is read.
pub const MAX_BODY_BYTES: usize = 64 << 10;

/// The tree head of one log: its name, its size and its root. [`Display`](fmt::Display) writes the text that is signed, and [`FromStr`]
/// reads it: lines that each end with a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

/// Why text is not the body of a checkpoint, or what is given cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// More than [`MAX_BODY_BYTES`].
    #[error("the checkpoint has {bytes} bytes, and at most {MAX_BODY_BYTES} are read")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The last line has no newline behind it.
    #[error("the last line of the checkpoint does not end with a newline")]
    Unterminated,
    /// A line is empty, or has a control character.
    #[error("line {line} of the checkpoint is empty or has control characters")]
    Line {
        /// Which, from 1 on.
        line: usize,
    },
    /// Fewer than the three lines that each has.
    #[error("the checkpoint has {lines} lines, and origin, size and root are expected")]
    Incomplete {
        /// How many it has.
        lines: usize,
    },
    /// An origin for a new log that has a space or a plus, which names of keys cannot have.
    #[error("{origin:?} cannot be the origin of a log: spaces and + are not allowed")]
    Origin {
        /// The origin.
        origin: String,
    },
    /// The second line is not a number in the one spelling that is allowed.
    #[error("{found:?} is not the size of a tree: a decimal number without leading zeros is expected")]
    Size {
        /// The line, cut off after 80 characters.
        found: String,
    },
    /// The third line is not the base64 of 32 bytes.
    #[error("{found:?} is not the root of a tree: 32 bytes in base64 are expected")]
    Root {
        /// The line, cut off after 80 characters.
        found: String,
    },
    /// No tree has that size with that root.
    #[error(transparent)]
    Head(#[from] TreeError),
}

impl Checkpoint {
    /// The checkpoint of the log `origin` at `head`, without extension lines.
    ///
    /// # Errors
    /// [`CheckpointError::Line`] or [`CheckpointError::Origin`] where the origin cannot name a log and its key, [`CheckpointError::Head`].
    pub fn new(origin: &str, head: TreeHead) -> Result<Self, CheckpointError> {
        if is_no_line(origin) {
            return Err(CheckpointError::Line { line: 1 });
        }
        if origin.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(CheckpointError::Origin { origin: text::excerpt(origin) });
        }
        head.check()?;
        Ok(Self { origin: origin.to_owned(), head, extensions: Vec::new() })
    }

    /// The name of the log; where it is, by convention, without the scheme.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Further lines, which mean nothing to us.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, self.head.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(body: &str) -> Result<Self, Self::Err> {
        if body.len() > MAX_BODY_BYTES {
            return Err(CheckpointError::TooLong { bytes: body.len() });
        }
        let lines: Vec<&str> = body.strip_suffix('\n').ok_or(CheckpointError::Unterminated)?.split('\n').collect();
        if let Some(bad) = lines.iter().position(|line| is_no_line(line)) {
            return Err(CheckpointError::Line { line: bad + 1 });
        }
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(CheckpointError::Incomplete { lines: lines.len() });
        };
        let size = text::decimal(size).ok_or_else(|| CheckpointError::Size { found: text::excerpt(size) })?;
        let root = text::hash(root).ok_or_else(|| CheckpointError::Root { found: text::excerpt(root) })?;
        let head = TreeHead { size, root };
        head.check()?;
        let extensions = extensions.iter().map(ToString::to_string).collect();
        Ok(Self { origin: (*origin).to_owned(), head, extensions })
    }
}

/// Whether `text` cannot be one line of a note: C2SP signed-note allows no control characters.
fn is_no_line(text: &str) -> bool {
    text.is_empty() || text.chars().any(|c| c < ' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinbuild_subject::Sha256;

    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read() {
        let checkpoint: Checkpoint = EXAMPLE.parse().unwrap();
        assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head().size, 20_852_163);
        assert_eq!(
            checkpoint.head().root.to_string(),
            "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
        );
        assert_eq!(checkpoint.to_string(), EXAMPLE);
        assert_eq!(Checkpoint::new(checkpoint.origin(), *checkpoint.head()), Ok(checkpoint));
    }

    #[test]
    fn extension_lines_are_kept() {
        let text = format!("{EXAMPLE}one\n two \n");
        let checkpoint: Checkpoint = text.parse().unwrap();
        assert_eq!(checkpoint.extensions(), ["one", " two "]);
        assert_eq!(checkpoint.to_string(), text);
    }

    #[test]
    fn other_text_is_refused() {
        let error = |text: &str| text.parse::<Checkpoint>().unwrap_err();
        assert_eq!(error(""), CheckpointError::Unterminated);
        assert_eq!(error(EXAMPLE.trim_end()), CheckpointError::Unterminated);
        assert_eq!(error("\n"), CheckpointError::Line { line: 1 });
        assert_eq!(error(&format!("{EXAMPLE}\n")), CheckpointError::Line { line: 4 });
        assert_eq!(error(&format!("\n{EXAMPLE}")), CheckpointError::Line { line: 1 });
        assert_eq!(error(&EXAMPLE.replace('\n', "\r\n")), CheckpointError::Line { line: 1 });
        assert_eq!(error(&EXAMPLE.replace("2085", "\t2085")), CheckpointError::Line { line: 2 });
        assert_eq!(error("example.com\n5\n"), CheckpointError::Incomplete { lines: 2 });
        for size in ["", "020852163", "+20852163", "-1", "20852163 ", "0x5", "18446744073709551616"] {
            let text = EXAMPLE.replace("20852163", size);
            assert!(matches!(error(&text), CheckpointError::Size { .. } | CheckpointError::Line { line: 2 }), "{size}");
        }
        for root in
            ["CsU=", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I"]
        {
            let text = EXAMPLE.replace("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", root);
            assert!(matches!(error(&text), CheckpointError::Root { .. }), "{root}");
        }
        let long = format!("{EXAMPLE}{}\n", "x".repeat(MAX_BODY_BYTES));
        assert!(matches!(error(&long), CheckpointError::TooLong { .. }));
    }

    #[test]
    fn a_log_without_entries_has_one_root() {
        let empty = Checkpoint::new("example.com/log", TreeHead::empty()).unwrap();
        assert_eq!(empty.to_string(), "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
        assert_eq!(empty.to_string().parse(), Ok(empty));
        let other = TreeHead { size: 0, root: Sha256::of(b"x") };
        let error = CheckpointError::Head(TreeError::EmptyRoot { found: other.root });
        assert_eq!(Checkpoint::new("example.com/log", other), Err(error.clone()));
        let text = format!("example.com/log\n0\n{}\n", other.root.to_base64());
        assert_eq!(text.parse::<Checkpoint>(), Err(error));
    }

    #[test]
    fn an_origin_of_ours_can_name_a_key() {
        for origin in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
            assert!(Checkpoint::new(origin, TreeHead::empty()).is_err(), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "[a-c.]{1,3}\n[0-9]{1,3}\n[A-Za-z0-9+/]{43}=\n([a-c ]{1,3}\n)?") {
            if let Ok(checkpoint) = text.parse::<Checkpoint>() {
                prop_assert_eq!(checkpoint.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<Checkpoint>();
        }
    }
}
