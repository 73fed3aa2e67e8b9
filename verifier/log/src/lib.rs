//! The log: an append-only list of entries under one Merkle root, as files that any web server can hand out, and the proofs that
//! come from them.
//!
//! An [`Appender`] says which files a batch of entries adds. A [`Checkpoint`] is the text that a log signs of its [`TreeHead`], its size
//! and its root. A [`Reader`] takes a head that was verified and files that may be anyone's, and gives entries and
//! proofs; what the head does not vouch for is an error that names the file. [`verify_inclusion`] and [`verify_consistency`] check proofs
//! with nothing but heads, and a [`LogProof`] is one with its checkpoint, to be checked offline. The [`index`] is a map
//! of what is newest, with proofs of what is there and of what is not.
//!
//! Trees are those of RFC 6962 section 2.1, files those of C2SP tlog-tiles, texts those of tlog-checkpoint and tlog-proof; the index is our own.
//! All of it is in `docs/log.md`. The crate does no I/O but through [`Tiles`] and [`index::Pages`], knows no time, and has no keys: the signed
//! note around a checkpoint is verified elsewhere.
//!
//! ```
//! use std::collections::BTreeMap;
//! use twinbuild_log::{Appender, Reader, Tile, Tiles, leaf_hash, verify_inclusion};
//!
//! struct Files(BTreeMap<Tile, Vec<u8>>);
//!
//! impl Tiles for Files {
//!     type Error = std::io::Error;
//!
//!     fn read(&self, tile: &Tile) -> Result<Vec<u8>, std::io::Error> {
//!         self.0.get(tile).cloned().ok_or(std::io::ErrorKind::NotFound.into())
//!     }
//! }
//!
//! let batch = Appender::new().append(&["first", "second", "third"])?;
//! let files = Files(batch.files.into_iter().collect());
//!
//! let mut reader = Reader::open(files, batch.head)?;
//! assert_eq!(reader.entry(1)?, b"second");
//! let proof = reader.inclusion(1)?;
//! verify_inclusion(&batch.head, 1, &leaf_hash(b"second"), &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod appender;
mod bundle;
mod checkpoint;
pub mod index;
mod proof;
mod reader;
mod shape;
mod text;
mod tile;
mod tree;

pub use appender::{AppendError, Appender, Batch};
pub use bundle::{BundleError, EntryTooLong};
pub use checkpoint::{Checkpoint, CheckpointError, MAX_BODY_BYTES};
pub use proof::{LogProof, LogProofError, MAX_PROOF_BYTES};
pub use reader::{ReadError, Reader, Tiles};
pub use tile::{Level, MAX_ENTRY_BYTES, Tile, TilePathError, tiles};
pub use tree::{TreeError, TreeHead, leaf_hash, node_hash, root, verify_consistency, verify_inclusion};
