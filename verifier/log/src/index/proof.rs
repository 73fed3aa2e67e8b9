//! Proofs of the index that stand alone: the pages on the way of a key, as text.

use std::fmt;
use std::str::FromStr;

use twinbuild_subject::Sha256;

use super::Value;
use super::lookup::{Step, Way};
use super::page::{MAX_PAGE_BYTES, PageError};
use crate::text;

/// The first line.
const HEADER: &str = "twinbuild.dev/index-proof@v1";

/// The pages of the longest way: one branch for each four bits of a key, and a bucket.
const MAX_PAGES: usize = 65;

/// The pages on the way of one key, from the root. [`Display`](fmt::Display) writes them as text: a first line, and each page in base64 on a
/// line of its own. [`FromStr`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pages: Vec<Vec<u8>>,
}

/// Why text is not a proof of an index, or proves nothing of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The first line is another one, or a line does not end with a newline.
    #[error("the text is no proof of an index: {HEADER} and lines in base64, each with a newline, are expected")]
    Format,
    /// A line is not a page in base64.
    #[error("line {line} of the proof is not a page of up to {MAX_PAGE_BYTES} bytes in base64")]
    Line {
        /// Which, from 1 on.
        line: usize,
    },
    /// More pages than there are on any way.
    #[error("the proof has more than {MAX_PAGES} pages")]
    TooManyPages,
    /// A page is not the one that belongs there.
    #[error("page {position} of the proof is not that of the index")]
    Page {
        /// Which, from 0 on.
        position: usize,
        /// What is wrong with it.
        source: PageError,
    },
    /// The way of the key goes on, and the proof has no further page.
    #[error("the proof ends after {pages} pages, before it comes to the key")]
    Truncated {
        /// How many it has.
        pages: usize,
    },
    /// Pages that are not on the way of the key.
    #[error("the proof comes to the key after {expected} pages and has {found}")]
    Trailing {
        /// How many it has.
        found: usize,
        /// How many belong to it.
        expected: usize,
    },
}

impl Proof {
    pub(super) fn new(pages: Vec<Vec<u8>>) -> Self {
        Self { pages }
    }

    /// What the map under `root` has for `key`: its value, or that it has none. The root came from what was verified.
    ///
    /// # Errors
    /// [`ProofError::Page`], [`ProofError::Truncated`], [`ProofError::Trailing`].
    pub fn verify(&self, root: &Sha256, key: &Sha256) -> Result<Option<Value>, ProofError> {
        let mut way = Way::new(root, key);
        for (position, page) in self.pages.iter().enumerate() {
            let step = way.step(page).map_err(|source| ProofError::Page { position, source })?;
            if let Step::Arrived(value) = step {
                let (found, expected) = (self.pages.len(), position + 1);
                return if found == expected { Ok(value) } else { Err(ProofError::Trailing { found, expected }) };
            }
        }
        Err(ProofError::Truncated { pages: self.pages.len() })
    }

    /// The pages, from the root.
    #[must_use]
    pub fn pages(&self) -> &[Vec<u8>] {
        &self.pages
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        self.pages.iter().try_for_each(|page| writeln!(f, "{}", text::to_base64(page)))
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = text.strip_suffix('\n').ok_or(ProofError::Format)?.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(ProofError::Format);
        }
        let mut pages = Vec::new();
        for (line, page) in (2..).zip(lines) {
            if pages.len() == MAX_PAGES {
                return Err(ProofError::TooManyPages);
            }
            let is_short = page.len() <= MAX_PAGE_BYTES.div_ceil(3) * 4;
            let page = if is_short { text::from_base64(page) } else { None };
            pages.push(page.filter(|page| !page.is_empty()).ok_or(ProofError::Line { line })?);
        }
        Ok(Self { pages })
    }
}
