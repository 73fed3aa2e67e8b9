//! Container parameters that were inferred write the same tar again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::repack_tar(bytes));
