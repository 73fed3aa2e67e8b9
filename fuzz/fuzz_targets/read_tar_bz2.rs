//! Reading a tar in bzip2 fails by a typed error or keeps the promises of an archive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::read_tar_bz2(bytes));
