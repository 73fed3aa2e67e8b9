//! Files written again without build noise.
//!
//! [`write`] takes an archive and writes it in canonical form: every member after the normalizers of `twinbuild_rules`, in a
//! container whose parameters depend on nothing but the members ([`ZipParameters::canonical`]). Two archives that are
//! equivalent come out as the same bytes, and what comes out comes out again as it is. [`Canonical`] says what was
//! rewritten, and what was left as it was because a normalizer could not read it.
//!
//! An archive that has something beyond members and container parameters (a comment, an unknown extra field, bytes that
//! belong to nothing) is [`CanonicalError::Foreign`]: writing it without would hide it. Nothing is executed or unpacked, and
//! no more is kept in memory than one member of at most 64 MiB and `RECORD`.
//!
//! ```
//! use twinbuild_archive::{Format, Limits, read};
//!
//! let file = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
//! let archive = read(&file, Format::Zip, &Limits::default())?;
//! let mut written = Vec::new();
//! let canonical = twinbuild_canonical::write(&archive, &file, &mut written)?;
//! assert!(canonical.rewritten.is_empty());
//! assert_eq!(written, file);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ZipParameters::canonical`]: twinbuild_repack::ZipParameters::canonical
#![forbid(unsafe_code)]

mod error;
mod members;
mod record;
mod write;

pub use error::CanonicalError;
pub use write::{Canonical, Rewritten, write};
