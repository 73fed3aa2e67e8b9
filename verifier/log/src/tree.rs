//! The Merkle tree of RFC 6962 section 2.1, which RFC 9162 section 2.1 has unchanged: hashes, roots, and proofs checked.

use twinbuild_subject::{Sha256, Sha256Hasher};

use crate::shape::{self, Consistency};

const LEAF: u8 = 0x00;
const NODE: u8 = 0x01;

/// What a log is at one moment: how many entries it has, and the hash over all of them (RFC 9162 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// The number of entries.
    pub size: u64,
    /// The root hash of the tree over them.
    pub root: Sha256,
}

impl TreeHead {
    /// The head of the log without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: root(&[]) }
    }

    /// Whether the head can be one at all.
    ///
    /// # Errors
    /// [`TreeError::EmptyRoot`]: the size is 0, and the root is not that of the empty tree.
    pub fn check(&self) -> Result<(), TreeError> {
        if self.size == 0 && self.root != Self::empty().root {
            return Err(TreeError::EmptyRoot { found: self.root });
        }
        Ok(())
    }
}

/// Why a proof does not show what it is held to show, or a tree head cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A proof for an entry that the tree does not have.
    #[error("there is no entry {index} in a tree of {size} entries")]
    NoSuchEntry {
        /// The index, from 0 on.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A proof with too many or too few hashes.
    #[error("the proof has {found} hashes, and one for these sizes has {expected}")]
    Length {
        /// How many it has.
        found: usize,
        /// How many it has to have.
        expected: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to the root {found}, and the tree of {size} entries has {expected}")]
    Root {
        /// The size of the tree whose root it is, which is the older or the newer one of a consistency proof.
        size: u64,
        /// The root that the proof gives.
        found: Sha256,
        /// The root of the tree head.
        expected: Sha256,
    },
    /// The newer tree is the smaller one.
    #[error("a tree of {new} entries cannot come after one of {old}: the log was cut off")]
    Shrunk {
        /// The size that was seen first.
        old: u64,
        /// The size that was seen later.
        new: u64,
    },
    /// Two roots for one size.
    #[error("two trees of {size} entries have the roots {old} and {new}: the log shows different histories")]
    Forked {
        /// The size of both.
        size: u64,
        /// The root that was seen first.
        old: Sha256,
        /// The root that was seen later.
        new: Sha256,
    },
    /// A root of no entries that is not the hash of the empty string.
    #[error("a tree without entries has the root {found}, and only the SHA-256 of nothing can be that")]
    EmptyRoot {
        /// The root of the tree head.
        found: Sha256,
    },
}

/// The hash of an entry: SHA-256 over `0x00` and the entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    hasher.update(&[LEAF]);
    hasher.update(entry);
    hasher.finish()
}

/// The hash of an inner node: SHA-256 over `0x01` and the hashes of its children.
#[must_use]
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    hasher.update(&[NODE]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.finish()
}

/// The root of the tree over entries with these hashes (`MTH`); the SHA-256 of nothing where there are none.
#[must_use]
pub fn root(leaves: &[Sha256]) -> Sha256 {
    // Perfect subtrees that wait for a sibling of their size, largest first, each with its height.
    let mut waiting: Vec<(u32, Sha256)> = Vec::new();
    for leaf in leaves {
        let mut node = (0, *leaf);
        while let Some((height, left)) = waiting.pop_if(|(height, _)| *height == node.0) {
            node = (height + 1, node_hash(&left, &node.1));
        }
        waiting.push(node);
    }
    waiting
        .into_iter()
        .map(|(_, hash)| hash)
        .rev()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(|| Sha256::of(b""))
}

/// Checks that the entry with the hash `leaf` is the one at `index` in the tree of `head`. The proof's hashes are in the order of RFC 6962
/// section 2.1.1, the leaf's sibling first.
///
/// # Errors
/// [`TreeError::NoSuchEntry`], [`TreeError::Length`], [`TreeError::Root`].
pub fn verify_inclusion(head: &TreeHead, index: u64, leaf: &Sha256, proof: &[Sha256]) -> Result<(), TreeError> {
    if index >= head.size {
        return Err(TreeError::NoSuchEntry { index, size: head.size });
    }
    let siblings = shape::inclusion(index, head.size);
    check_length(proof, siblings.len())?;
    let found = siblings.iter().zip(proof).fold(*leaf, |hash, (sibling, other)| {
        if sibling.end <= index { node_hash(other, &hash) } else { node_hash(&hash, other) }
    });
    check_root(head, found)
}

/// Checks that the tree of `new` has all entries of that of `old` as its first ones, in their order. The proof's hashes are in the order
/// of RFC 6962 section 2.1.2. There are none where the older tree is empty, or both have one size.
///
/// # Errors
/// Every [`TreeError`] but `NoSuchEntry`.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, proof: &[Sha256]) -> Result<(), TreeError> {
    old.check()?;
    new.check()?;
    if old.size > new.size {
        return Err(TreeError::Shrunk { old: old.size, new: new.size });
    }
    if old.size == 0 || old.size == new.size {
        check_length(proof, 0)?;
        if old.size == new.size && old.root != new.root {
            return Err(TreeError::Forked { size: old.size, old: old.root, new: new.root });
        }
        return Ok(());
    }
    let shape = Consistency::between(old.size, new.size);
    check_length(proof, shape.ranges().len())?;
    let mut hashes = proof.iter();
    let seed = if shape.starts_with_the_old_root() { &old.root } else { hashes.next().unwrap_or(&old.root) };
    let (mut old_root, mut new_root) = (*seed, *seed);
    for (sibling, hash) in shape.siblings.iter().zip(hashes) {
        if sibling.end <= shape.seed.start {
            old_root = node_hash(hash, &old_root);
            new_root = node_hash(hash, &new_root);
        } else {
            new_root = node_hash(&new_root, hash);
        }
    }
    check_root(old, old_root)?;
    check_root(new, new_root)
}

fn check_length(proof: &[Sha256], expected: usize) -> Result<(), TreeError> {
    if proof.len() == expected { Ok(()) } else { Err(TreeError::Length { found: proof.len(), expected }) }
}

fn check_root(head: &TreeHead, found: Sha256) -> Result<(), TreeError> {
    if found == head.root { Ok(()) } else { Err(TreeError::Root { size: head.size, found, expected: head.root }) }
}
