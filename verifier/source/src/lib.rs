//! Sources: what a subject is claimed to be built from, laid out as a tree and pinned by checksum.
//!
//! [`lay_out`] reads an sdist with our own strict reader and writes its tree below a folder; no foreign program unpacks
//! anything. The [`SourceTree`] says where the tree is, names each of its files by digest, and reads the few files at its
//! root that say how it is built.
//!
//! [`git`] does the same with a commit of a git repository: git runs in sandboxes, and our own code verifies and lays out what it
//! gives.
//!
//! The permission bits of files are reduced to what a checkout has, 0644 or 0755; modification times are kept.
#![forbid(unsafe_code)]

pub mod git;
mod layout;
mod tree;

pub use layout::{LayOutError, lay_out};
pub use tree::{Repository, SourceTree};
