//! The shape of the tree of RFC 6962 section 2.1: which perfect subtrees it consists of, and which ranges of leaves a proof has
//! hashes of. Proofs are built and checked by the same ranges.

use std::ops::Range;

/// The perfect subtree over the leaves `index * 2^height .. (index + 1) * 2^height`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) height: u32,
    pub(crate) index: u64,
}

/// The perfect subtrees that the leaves of `range` consist of, largest first. `range` starts at a multiple of the largest of them.
pub(crate) fn peaks(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let height = (range.end - start).ilog2();
        nodes.push(Node { height, index: start >> height });
        start += 1 << height;
    }
    nodes
}

/// The ranges whose hashes lead from the leaf `index` to the root, from the leaf's sibling up (RFC 6962 section 2.1.1, `PATH`).
/// `index` is below `size`.
pub(crate) fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut siblings = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = middle(&tree);
        if index < middle {
            siblings.push(middle..tree.end);
            tree.end = middle;
        } else {
            siblings.push(tree.start..middle);
            tree.start = middle;
        }
    }
    siblings.reverse();
    siblings
}

/// What a consistency proof consists of (RFC 6962 section 2.1.2, `PROOF`).
pub(crate) struct Consistency {
    /// The last perfect subtree of the older tree. Its hash is the first of the proof, unless it is the whole older tree.
    pub(crate) seed: Range<u64>,
    /// The ranges that lead from there to the newer root, from the seed's sibling up.
    pub(crate) siblings: Vec<Range<u64>>,
}

impl Consistency {
    /// Between the trees of `old` and `new` leaves; `old` is neither 0 nor above `new`.
    pub(crate) fn between(old: u64, new: u64) -> Self {
        let mut siblings = Vec::new();
        let mut tree = 0..new;
        while tree.end != old {
            let middle = middle(&tree);
            if old <= middle {
                siblings.push(middle..tree.end);
                tree.end = middle;
            } else {
                siblings.push(tree.start..middle);
                tree.start = middle;
            }
        }
        siblings.reverse();
        Self { seed: tree, siblings }
    }

    /// Whether the seed is the older tree itself, whose root the verifier has.
    pub(crate) fn starts_with_the_old_root(&self) -> bool {
        self.seed.start == 0
    }

    /// The ranges whose hashes are the proof, in its order.
    pub(crate) fn ranges(&self) -> Vec<Range<u64>> {
        let seed = (!self.starts_with_the_old_root()).then(|| self.seed.clone());
        seed.into_iter().chain(self.siblings.iter().cloned()).collect()
    }
}

/// Where a tree of two or more leaves divides: the largest power of two that is smaller than their number lies to the left.
fn middle(tree: &Range<u64>) -> u64 {
    tree.start + (1 << (tree.end - tree.start - 1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_the_binary_digits_of_the_size() {
        let node = |height, index| Node { height, index };
        assert_eq!(peaks(0..0), []);
        assert_eq!(peaks(0..7), [node(2, 0), node(1, 2), node(0, 6)]);
        assert_eq!(peaks(4..7), [node(1, 2), node(0, 6)]);
        assert_eq!(peaks(0..u64::MAX).len(), 64);
    }

    #[test]
    fn the_examples_of_the_rfc_hold() {
        // Section 2.1.3: a tree of seven leaves, with the names of its nodes.
        assert_eq!(inclusion(0, 7), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion(3, 7), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion(6, 7), [4..6, 0..4]);
        assert_eq!(Consistency::between(3, 7).ranges(), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(Consistency::between(4, 7).ranges(), std::slice::from_ref(&(4..7)));
        assert_eq!(Consistency::between(6, 7).ranges(), [4..6, 6..7, 0..4]);
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        assert_eq!(inclusion(u64::MAX - 1, u64::MAX).len(), 63);
        assert_eq!(inclusion(0, u64::MAX).len(), 64);
        assert_eq!(Consistency::between(u64::MAX - 1, u64::MAX).ranges().len(), 64);
    }
}
