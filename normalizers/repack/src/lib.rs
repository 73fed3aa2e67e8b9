//! Container parameters: what a zip file has beyond its members, and the file written again from members of a rebuild.
//!
//! [`infer`] takes a published archive and gives its [`Parameters`], a closed list of numbers and enumerations (law 7): the
//! order of members, times, creators, modes, flags, encoders, the order of the lines of `RECORD`, zip64 forms. Whatever is
//! not on the list, a comment, an unknown extra field, a gap, an encoder that nobody knows, is [`NotRepackable`].
//! [`repack`] writes [`Members`] with parameters. [`is_exact`] does both and holds the outcome against the published
//! file while it is written; equality is the level `repacked`. Where a rebuild has the very compressed bytes that the
//! published file has, they are copied from the rebuild ([`Compressed::AsBuilt`]), and no encoder needs to be known.
//!
//! Nothing else decides: parameters that were inferred wrongly give other bytes, and other bytes are never exact. Contents
//! come from the rebuild alone. Parameters hold no name, no text and no bytes, they say how much they could carry
//! ([`Parameters::free_bytes`]), and they are checked against the members before they are used: a mode that runs something
//! else, a member too many, a `RECORD` that lies, are [`Unfit`].
//!
//! The crate reads only what it is given and writes only where it is told. It keeps in memory at most 16 MiB of one member
//! for each of three uses (to try encoders, for an encoder that has to have all at once, compressed), a `RECORD` of at
//! most 64 MiB, and the directory.
//!
//! ```
//! use twinbuild_archive::{Format, Limits, read};
//! use twinbuild_repack::{Exactness, infer, is_exact, repack};
//!
//! let published = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
//! let archive = read(&published, Format::Zip, &Limits::default())?;
//! let parameters = infer(&archive, &published)?;
//! let mut written = Vec::new();
//! repack(&parameters, &archive, &published, &mut written)?;
//! assert_eq!(written, published);
//!
//! let exactness = is_exact(&archive, &published, &archive, &published)?;
//! assert!(matches!(exactness, Exactness::Exact(found) if *found == parameters));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

mod against;
mod canonical;
mod channel;
mod column;
mod encode;
mod error;
mod exact;
mod fields;
mod gzip;
mod header;
mod identify;
mod infer;
mod members;
mod parameters;
mod permit;
mod permutation;
mod record;
mod repack;
mod shared;
mod tar;
mod values;
mod zip_parameters;
#[allow(unsafe_code, reason = "the one binding to C, which compresses and never decodes")]
mod zlib;

pub use channel::FREE_BYTES_ALLOWED;
pub use column::{Column, Run};
pub use error::{Failure, InferError, NotRepackable, Reason, RepackError, Unfit};
pub use exact::{Exactness, is_exact, writes_exactly};
pub use fields::{
    Compressed, Creator, Descriptor, DosTime, Effort, Encoder, Extra, Feed, Mode, System, VersionNeeded, Zip64EndForm,
    Zip64Form, ZlibRsSettings, ZlibSettings,
};
pub use gzip::{GzipEffort, GzipName, GzipParameters, GzipStream, explain_gzip_header};
pub use infer::{infer, infer_for};
pub use members::{Deflated, MemberFacts, Members, ZipMembers};
pub use parameters::{ContainerParameters, PARAMETERS_VERSION, Parameters};
pub use permit::{StoredMode, is_world_writable, modes_read_alike, tar_modes_read_alike};
pub use permutation::{Permutation, Span};
pub use record::index as record_index;
pub use repack::{repack, repack_zip};
pub use shared::{Shared, same_bytes};
pub use tar::{
    Dialect, ExtensionKind, ExtensionName, NameForm, NumberEnd, NumberForm, NumberForms, OwnerName, PaxField,
    PaxFraction, PaxTime, TarExtensionForm, TarHeaderForm, TarMode, TarOwner, TarParameters, explain_header,
    owners_read_alike,
};
pub use zip_parameters::ZipParameters;
pub use zlib::{ZlibError, zlib_version};
