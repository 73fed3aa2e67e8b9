//! Reading a zip file fails by a typed error or keeps the promises of an archive, and the `zip` crate reads it alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::read_zip(bytes));
