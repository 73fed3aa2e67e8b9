//! What a project has pinned, as the lock files of Python's tools say it, and what is installed.
//!
//! A [`Lockfile`] is read from bytes: [`Format::detect`] says which of the five formats it is, by its name and its content,
//! and [`Lockfile::read`] gives each [`Locked`] release with the digests of its files, in the file's order. What the file
//! asks for and does not pin is [`Unpinned`], with the [`Reason`]; the options of a requirements file are [`Setting`]s.
//! Nothing that a file asks for is left out: it is in one of the three lists, or the file is refused.
//!
//! [`JsonDocument`] reads other lists that are JSON in the same way: under limits, with errors that name the place.
//!
//! [`installed`] reads a folder of installed distributions, holds each `RECORD` against the files, and tells what no
//! `RECORD` names. It is the only function here that reads a disk; nothing opens a network connection.
//!
//! ```
//! use std::path::Path;
//! use twinbuild_lockfile::{Format, Lockfile};
//!
//! let text = b"six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\nattrs>=20\n";
//! let lockfile = Lockfile::read(Path::new("requirements.txt"), text)?;
//! assert_eq!(lockfile.format, Format::Requirements);
//! assert_eq!(lockfile.locked[0].name.as_str(), "six");
//! assert!(lockfile.locked[0].has_sha256());
//! assert_eq!(lockfile.unpinned[0].to_string(), "requirements.txt:2: attrs>=20: it names no exact version");
//! # Ok::<(), twinbuild_lockfile::LockfileError>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod digest;
mod dist_info;
mod distribution;
mod document;
mod error;
mod installed;
mod json;
mod locked;
mod lockfile;
mod option;
mod package_files;
mod pipfile;
mod poetry;
mod pylock;
mod requirement;
mod requirements;
mod text;
mod toml_document;
mod unpinned;
mod uv;

pub use dist_info::DirectUrl;
pub use distribution::{BrokenDistribution, Fault, FaultKind, InstalledDistribution, OutsideRow};
pub use document::Table;
pub use error::LockfileError;
pub use installed::{Installed, InstalledError, Unlisted, UnlistedKind, installed};
pub use json::JsonDocument;
pub use locked::{FileKind, Locked, LockedFile, OtherDigest, Source};
pub use lockfile::{Format, Include, Lockfile};
pub use option::Setting;
pub use unpinned::{Reason, Unpinned};
