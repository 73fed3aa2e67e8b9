//! The way from the root to a key.

use twinbuild_subject::Sha256;

use super::page::{Page, PageError, Place, covered, slot};
use super::proof::Proof;
use super::{IndexError, Pages, Value, read};

/// What the map under `root` has for `key`, and the proof of it, be it that the key is not there.
///
/// # Errors
/// [`IndexError`]: a page on the way is missing or not the one of its name.
pub fn lookup<P: Pages>(
    pages: &P,
    root: &Sha256,
    key: &Sha256,
) -> Result<(Option<Value>, Proof), IndexError<P::Error>> {
    let mut way = Way::new(root, key);
    let mut read_pages = Vec::new();
    loop {
        let name = way.next;
        let bytes = read(pages, &name)?;
        let step = way.step(&bytes).map_err(|source| IndexError::Page { page: name, source })?;
        read_pages.push(bytes);
        if let Step::Arrived(value) = step {
            return Ok((value, Proof::new(read_pages)));
        }
    }
}

/// What a page says of the key that leads to it.
pub(super) enum Step {
    /// The next page is to be read.
    Onwards,
    /// The key has this value, or none.
    Arrived(Option<Value>),
}

/// The way of a key, page by page.
pub(super) struct Way {
    /// The name of the page that comes next.
    pub(super) next: Sha256,
    key: Sha256,
    place: Place,
}

impl Way {
    pub(super) fn new(root: &Sha256, key: &Sha256) -> Self {
        Self { next: *root, key: *key, place: Place::root(key) }
    }

    /// Goes on by the page with the name `next`, whose bytes are anyone's. Every way ends: places deeper than keys have no branch.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, PageError> {
        match self.place.page(&self.next, bytes)? {
            Page::Bucket(records) => {
                let found = records.into_iter().find(|(key, _)| *key == self.key);
                Ok(Step::Arrived(found.map(|(_, value)| value)))
            }
            Page::Branch(slots) => {
                let slot = slot(&self.key, self.place.depth());
                let Some(next) = slots[slot] else { return Ok(Step::Arrived(None)) };
                self.place = self.place.below(&self.key, covered(&slots, slot));
                self.next = next;
                Ok(Step::Onwards)
            }
        }
    }
}
