//! Properties: what holds for every input of the readers and rules, however hostile.
//!
//! A property is a function of bytes that panics if it does not hold. Each is written once and used twice: a fuzz target in
//! `fuzz/` calls it on what libFuzzer finds, and this crate's tests call it on changed [`Property::seeds`] and on
//! arbitrary bytes. [`PROPERTIES`] is all there are.
//!
//! Some properties take the bytes as they are, others as choices that make something with a structure: sound sums, true
//! digests, two wheels of which one is the other with changes. What a reader finds is held against a careless reader of
//! the same format that shares no code with it.
//!
//! ```
//! use twinbuild_properties::PROPERTIES;
//!
//! let property = PROPERTIES.iter().find(|property| property.name == "read_zip").unwrap();
//! (property.holds)(b"PK\x05\x06, and nothing that follows it");
//! ```
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a property that does not hold panics")]

mod archives;
mod canonical;
mod choices;
mod comparison;
mod noise;
mod plain;
mod repacking;
mod rules;
mod seeds;
mod sums;
mod text;
mod wheel;

pub use archives::{
    read_ar, read_compressed, read_deb, read_tar, read_tar_bz2, read_tar_gz, read_tar_xz, read_tar_zst, read_zip,
};
pub use canonical::normalize_zip;
pub use comparison::{compare_zip, verify_record_of_wheel};
pub use repacking::{container_parameters, repack_tar, repack_zip};
pub use rules::{equal_contents, normalize_content};
pub use seeds::Seed;
pub use text::{file_names, metadata_headers, recipe_file, source_files};

/// What holds for every input.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// The name of its fuzz target.
    pub name: &'static str,
    /// Panics if it does not hold for these bytes.
    pub holds: fn(&[u8]),
    /// Inputs to begin with, under names of their own.
    pub seeds: fn() -> Vec<Seed>,
}

/// All properties.
pub static PROPERTIES: [Property; 21] = [
    Property { name: "read_zip", holds: read_zip, seeds: seeds::zips },
    Property { name: "read_tar", holds: read_tar, seeds: seeds::tars },
    Property { name: "read_tar_gz", holds: read_tar_gz, seeds: seeds::tar_gzs },
    Property { name: "read_tar_xz", holds: read_tar_xz, seeds: seeds::tar_xzs },
    Property { name: "read_tar_bz2", holds: read_tar_bz2, seeds: seeds::tar_bz2s },
    Property { name: "read_tar_zst", holds: read_tar_zst, seeds: seeds::tar_zsts },
    Property { name: "read_compressed", holds: read_compressed, seeds: seeds::compressed },
    Property { name: "read_ar", holds: read_ar, seeds: seeds::ars },
    Property { name: "read_deb", holds: read_deb, seeds: seeds::debs },
    Property { name: "normalize", holds: normalize_content, seeds: seeds::contents },
    Property { name: "equal_after_rules", holds: equal_contents, seeds: seeds::content_pairs },
    Property { name: "repack_zip", holds: repack_zip, seeds: seeds::zips_and_choices },
    Property { name: "repack_tar", holds: repack_tar, seeds: seeds::repacked_tars },
    Property { name: "normalize_zip", holds: normalize_zip, seeds: seeds::zips_and_choices },
    Property { name: "container_parameters", holds: container_parameters, seeds: seeds::parameters },
    Property { name: "compare_zip", holds: compare_zip, seeds: seeds::choices },
    Property { name: "verify_record", holds: verify_record_of_wheel, seeds: seeds::choices },
    Property { name: "metadata_headers", holds: metadata_headers, seeds: seeds::fields },
    Property { name: "file_names", holds: file_names, seeds: seeds::names },
    Property { name: "recipe_file", holds: recipe_file, seeds: seeds::recipes },
    Property { name: "source_files", holds: source_files, seeds: seeds::sources },
];
