//! Roots and proofs, against published vectors, against the definitions, and forged.

use twinbuild_log::{Appender, Reader, TreeError, TreeHead, leaf_hash, root, verify_consistency, verify_inclusion};
use twinbuild_subject::Sha256;

use crate::memory::{Files, entry};
use crate::naive::Naive;

/// The entries whose tree Certificate Transparency implementations test with.
const ENTRIES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// The roots of the first 1 to 8 of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hash(text: &str) -> Sha256 {
    text.parse().unwrap()
}

fn known_head(size: u64) -> TreeHead {
    TreeHead { size, root: hash(ROOTS[usize::try_from(size).unwrap() - 1]) }
}

#[test]
fn the_roots_of_certificate_transparency_come_out() {
    let leaves = ENTRIES.map(leaf_hash);
    assert_eq!(root(&[]), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_eq!(TreeHead::empty().root, root(&[]));
    let mut log = Appender::new();
    for size in 1..=8 {
        assert_eq!(root(&leaves[..size]), hash(ROOTS[size - 1]));
        assert_eq!(log.append(&ENTRIES[size - 1..size]).unwrap().head, known_head(size.try_into().unwrap()));
    }
}

#[test]
fn the_proofs_of_certificate_transparency_hold() {
    const N01: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    const N03: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
    const N23: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const N45: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    const N47: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const N67: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    const L0: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    const L1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const L4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const L6: &str = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f";

    let inclusion: [(u64, u64, &[&str]); 5] =
        [(0, 1, &[]), (0, 8, &[L1, N23, N47]), (5, 8, &[L4, N67, N03]), (2, 3, &[N01]), (1, 5, &[L0, N23, L4])];
    for (index, size, proof) in inclusion {
        let leaf = leaf_hash(ENTRIES[usize::try_from(index).unwrap()]);
        let proof: Vec<_> = proof.iter().copied().map(hash).collect();
        assert_eq!(verify_inclusion(&known_head(size), index, &leaf, &proof), Ok(()), "{index} of {size}");
    }

    let consistency: [(u64, u64, &[&str]); 5] =
        [(1, 1, &[]), (1, 8, &[L1, N23, N47]), (6, 8, &[N45, N67, N03]), (2, 5, &[N23, L4]), (6, 7, &[N45, L6, N03])];
    for (old, new, proof) in consistency {
        let proof: Vec<_> = proof.iter().copied().map(hash).collect();
        assert_eq!(verify_consistency(&known_head(old), &known_head(new), &proof), Ok(()), "{old} to {new}");
    }
}

/// The heads of the logs of 0 to `size` entries, and the files of all of them.
fn grown(size: u64) -> (Files, Vec<TreeHead>, Naive) {
    let mut log = Appender::new();
    let mut files = Files::default();
    let mut heads = vec![*log.head()];
    for index in 0..size {
        files.write(log.append(&[entry(index)]).unwrap());
        heads.push(*log.head());
    }
    let entries: Vec<_> = (0..size).map(entry).collect();
    (files, heads, Naive::new(&entries))
}

#[test]
fn every_entry_of_every_small_log_has_the_proof_of_the_definition() {
    let (files, heads, naive) = grown(300);
    for (size, head) in heads.iter().enumerate() {
        assert_eq!(head.root, naive.mth(0, size));
        let mut reader = Reader::open(&files, *head).unwrap();
        for index in 0..size {
            let at = u64::try_from(index).unwrap();
            let proof = reader.inclusion(at).unwrap();
            assert_eq!(proof, naive.path(index, 0, size), "{index} of {size}");
            assert_eq!(reader.leaf(at).unwrap(), naive.leaf(index));
            assert_eq!(verify_inclusion(head, at, &naive.leaf(index), &proof), Ok(()));
        }
    }
}

#[test]
fn every_two_small_logs_have_the_proof_of_the_definition() {
    let (files, heads, naive) = grown(130);
    let far = Files::of(1000);
    for (size, head) in heads.iter().enumerate().skip(1) {
        let mut reader = Reader::open(&files, *head).unwrap();
        for (old, old_head) in heads.iter().enumerate().take(size + 1) {
            let proof = reader.consistency(old_head.size).unwrap();
            if old > 0 {
                assert_eq!(proof, naive.proof(old, size), "{old} to {size}");
            }
            assert_eq!(verify_consistency(old_head, head, &proof), Ok(()), "{old} to {size}");
        }
        let proof = Reader::open(&far.0, far.1).unwrap().consistency(head.size).unwrap();
        assert_eq!(verify_consistency(head, &far.1, &proof), Ok(()), "{size} to 1000");
    }
}

/// What somebody could make of a proof.
fn forgeries(proof: &[Sha256]) -> Vec<Vec<Sha256>> {
    let mut forged = Vec::new();
    let garbage = Sha256::of(b"garbage");
    for at in 0..proof.len() {
        for bit in [0, 77, 255] {
            let mut bytes = *proof[at].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut changed = proof.to_vec();
            changed[at] = Sha256::from_bytes(bytes);
            forged.push(changed);
        }
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        forged.push(shorter);
        for other in at + 1..proof.len() {
            let mut swapped = proof.to_vec();
            swapped.swap(at, other);
            forged.push(swapped);
        }
    }
    for at in 0..=proof.len() {
        for more in proof.iter().chain([&garbage]) {
            let mut longer = proof.to_vec();
            longer.insert(at, *more);
            forged.push(longer);
        }
    }
    forged.retain(|forged| forged != proof);
    forged
}

#[test]
fn forged_inclusion_proofs_are_refused() {
    let (files, heads, naive) = grown(260);
    for size in (1..=20).chain([64, 65, 127, 255, 256, 257, 260]) {
        let head = &heads[size];
        let mut reader = Reader::open(&files, *head).unwrap();
        for index in (0..size).step_by(1 + size / 20) {
            let at = u64::try_from(index).unwrap();
            let leaf = naive.leaf(index);
            let proof = reader.inclusion(at).unwrap();
            for forged in forgeries(&proof) {
                assert!(verify_inclusion(head, at, &leaf, &forged).is_err(), "{index} of {size}");
            }
            assert!(verify_inclusion(head, at, &leaf_hash(b"other"), &proof).is_err());
            for other in (0..=head.size).filter(|other| *other != at).chain([u64::MAX]) {
                assert!(verify_inclusion(head, other, &leaf, &proof).is_err(), "{index} as {other} of {size}");
            }
            for other in heads.iter().filter(|other| other.size != head.size) {
                assert!(verify_inclusion(other, at, &leaf, &proof).is_err(), "{index} of {size} as {}", other.size);
            }
        }
    }
}

#[test]
fn forged_consistency_proofs_are_refused() {
    let (files, heads, _) = grown(70);
    for new in &heads[1..] {
        let mut reader = Reader::open(&files, *new).unwrap();
        for old in &heads[..usize::try_from(new.size).unwrap()] {
            let proof = reader.consistency(old.size).unwrap();
            for forged in forgeries(&proof) {
                assert!(verify_consistency(old, new, &forged).is_err(), "{} to {}", old.size, new.size);
            }
            for other in heads.iter().filter(|other| other.size != old.size && other.size > 0) {
                let verified = verify_consistency(other, new, &proof);
                assert!(verified.is_err() || proof.is_empty() && other == new, "{} as {}", old.size, other.size);
            }
            let forked = TreeHead { size: old.size, root: Sha256::of(b"other") };
            assert!(verify_consistency(&forked, new, &proof).is_err(), "{} to {}", old.size, new.size);
            let forked = TreeHead { size: new.size, root: Sha256::of(b"other") };
            assert!(old.size == 0 || verify_consistency(old, &forked, &proof).is_err());
        }
    }
}

#[test]
fn impossible_heads_and_orders_have_their_own_errors() {
    let (_, heads, _) = grown(3);
    let other = Sha256::of(b"other");
    let empty = TreeHead::empty();
    let impossible = TreeHead { size: 0, root: other };
    let forked = TreeHead { size: 3, root: other };
    let three = heads[3];
    let consistent = |old, new, proof: &[Sha256]| verify_consistency(old, new, proof);
    assert_eq!(consistent(&empty, &empty, &[]), Ok(()));
    assert_eq!(consistent(&empty, &three, &[]), Ok(()));
    assert_eq!(consistent(&empty, &three, &[other]), Err(TreeError::Length { found: 1, expected: 0 }));
    assert_eq!(consistent(&impossible, &three, &[]), Err(TreeError::EmptyRoot { found: other }));
    assert_eq!(consistent(&three, &three, &[]), Ok(()));
    assert_eq!(consistent(&three, &three, &[other]), Err(TreeError::Length { found: 1, expected: 0 }));
    assert_eq!(consistent(&three, &forked, &[]), Err(TreeError::Forked { size: 3, old: three.root, new: other }));
    assert_eq!(consistent(&three, &heads[2], &[]), Err(TreeError::Shrunk { old: 3, new: 2 }));
    assert_eq!(consistent(&three, &empty, &[]), Err(TreeError::Shrunk { old: 3, new: 0 }));
    assert_eq!(verify_inclusion(&empty, 0, &other, &[]), Err(TreeError::NoSuchEntry { index: 0, size: 0 }));
    assert_eq!(verify_inclusion(&three, 3, &other, &[]), Err(TreeError::NoSuchEntry { index: 3, size: 3 }));
    assert_eq!(verify_inclusion(&three, 0, &other, &[]), Err(TreeError::Length { found: 0, expected: 2 }));
}
