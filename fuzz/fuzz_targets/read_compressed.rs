//! Reading a compressed file fails by a typed error or keeps the promises of an archive, in one format and no other.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::read_compressed(bytes));
