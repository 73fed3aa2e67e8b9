//! The definitions of RFC 6962 section 2.1, word for word, to hold the crate against.

use std::cell::RefCell;
use std::collections::HashMap;

use twinbuild_subject::Sha256;

pub(crate) struct Naive {
    leaves: Vec<Sha256>,
    known: RefCell<HashMap<(usize, usize), Sha256>>,
}

impl Naive {
    pub(crate) fn new(entries: &[Vec<u8>]) -> Self {
        let leaves = entries.iter().map(|entry| Sha256::of(&[&[0], entry.as_slice()].concat())).collect();
        Self { leaves, known: RefCell::default() }
    }

    pub(crate) fn leaf(&self, index: usize) -> Sha256 {
        self.leaves[index]
    }

    /// MTH(D[start:end])
    pub(crate) fn mth(&self, start: usize, end: usize) -> Sha256 {
        if let Some(known) = self.known.borrow().get(&(start, end)) {
            return *known;
        }
        let hash = match end - start {
            0 => Sha256::of(b""),
            1 => self.leaves[start],
            n => {
                let k = k(n);
                let (left, right) = (self.mth(start, start + k), self.mth(start + k, end));
                Sha256::of(&[&[1], &left.as_bytes()[..], right.as_bytes()].concat())
            }
        };
        self.known.borrow_mut().insert((start, end), hash);
        hash
    }

    /// PATH(m, D[start:end])
    pub(crate) fn path(&self, m: usize, start: usize, end: usize) -> Vec<Sha256> {
        let n = end - start;
        if n == 1 {
            return Vec::new();
        }
        let k = k(n);
        let (mut path, sibling) = if m < k {
            (self.path(m, start, start + k), self.mth(start + k, end))
        } else {
            (self.path(m - k, start + k, end), self.mth(start, start + k))
        };
        path.push(sibling);
        path
    }

    /// PROOF(m, D[0:n])
    pub(crate) fn proof(&self, m: usize, n: usize) -> Vec<Sha256> {
        self.subproof(m, 0, n, true)
    }

    fn subproof(&self, m: usize, start: usize, end: usize, is_whole: bool) -> Vec<Sha256> {
        let n = end - start;
        if m == n {
            return if is_whole { Vec::new() } else { vec![self.mth(start, end)] };
        }
        let k = k(n);
        let (mut proof, sibling) = if m <= k {
            (self.subproof(m, start, start + k, is_whole), self.mth(start + k, end))
        } else {
            (self.subproof(m - k, start + k, end, false), self.mth(start, start + k))
        };
        proof.push(sibling);
        proof
    }
}

/// The largest power of two smaller than n.
fn k(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}
