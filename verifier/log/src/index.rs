//! The index of a log: a map from keys to what is newest of each, under one root hash, with proofs that a key has a value and that a
//! key has none.
//!
//! The log says what was ever entered, in order; the index says, of a key, which entry is the newest. Its root is a
//! function of the map alone, in whatever order it came to be: whoever reads all entries can come to the same root.
//!
//! A map is a tree of pages, each named by its SHA-256, and kept in files so that any web server can give
//! proofs: those that an index adds stand together, see [`PartPages`]. The four bits of a key at the depth of a page say which of its 16 slots leads on. Up to 16 keys stand in one page, a
//! *bucket*; more are halved by their next bit, and halves of a page that have up to 16 keys are one bucket, whose name
//! stands in all of the slots that it covers. `docs/log.md` has every byte.
//!
//! ```
//! use std::collections::BTreeMap;
//! use twinbuild_log::index::{self, Value};
//! use twinbuild_subject::Sha256;
//!
//! struct Pages(BTreeMap<Sha256, Vec<u8>>);
//!
//! #[derive(Debug)]
//! struct Missing;
//! # impl std::fmt::Display for Missing {
//! #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "no such page") }
//! # }
//! # impl std::error::Error for Missing {}
//!
//! impl index::Pages for Pages {
//!     type Error = Missing;
//!
//!     fn read(&self, page: &Sha256) -> Result<Vec<u8>, Missing> {
//!         self.0.get(page).cloned().ok_or(Missing)
//!     }
//! }
//!
//! let key = Sha256::of(b"pkg:pypi/six@1.16.0");
//! let value = Value { digest: Sha256::of(b"a statement"), entry: 7 };
//! let update = index::update(&Pages(BTreeMap::new()), &index::empty_root(), &BTreeMap::from([(key, value)]))?;
//!
//! let pages = Pages(update.pages.into_iter().collect());
//! let (found, proof) = index::lookup(&pages, &update.root, &key)?;
//! assert_eq!(found, Some(value));
//! assert_eq!(proof.verify(&update.root, &key)?, Some(value));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod lookup;
mod page;
mod part;
mod proof;
mod update;

pub use lookup::lookup;
pub use page::{MAX_PAGE_BYTES, PageError};
pub use part::{MAX_PART_BYTES, Part, PartError, PartName, PartPages, Parts};
pub use proof::{Proof, ProofError};
pub use update::{Update, root_of, update};

use twinbuild_subject::Sha256;

/// What is newest of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// The digest of what was entered.
    pub digest: Sha256,
    /// The index of the newest entry in the log.
    pub entry: u64,
}

/// Where the pages of an index are.
pub trait Pages {
    /// Why a page could not be read.
    type Error: std::error::Error + 'static;

    /// The bytes of a page. What is there is not trusted, and need not be read beyond [`MAX_PAGE_BYTES`] and one more.
    ///
    /// # Errors
    /// The page is not there or cannot be read.
    fn read(&self, page: &Sha256) -> Result<Vec<u8>, Self::Error>;
}

/// Why the pages of an index do not give what is asked for.
#[derive(Debug, thiserror::Error)]
pub enum IndexError<E: std::error::Error + 'static> {
    /// A page is missing or cannot be read.
    #[error("the page {page} of the index cannot be read")]
    Unreadable {
        /// Which.
        page: Sha256,
        /// What the place where the pages are said.
        source: E,
    },
    /// A page is not the one of its name, or none that an index has there.
    #[error("the page {page} of the index is another one")]
    Page {
        /// Which.
        page: Sha256,
        /// What is wrong with it.
        source: PageError,
    },
}

/// The root of the map without keys: the hash of the bucket with none.
#[must_use]
pub fn empty_root() -> Sha256 {
    Sha256::of(&page::Page::EMPTY)
}

/// The bytes of a page. The root of the map without keys is known, and need not be a file.
fn read<P: Pages>(pages: &P, page: &Sha256) -> Result<Vec<u8>, IndexError<P::Error>> {
    if *page == empty_root() {
        return Ok(page::Page::EMPTY.to_vec());
    }
    pages.read(page).map_err(|source| IndexError::Unreadable { page: *page, source })
}
