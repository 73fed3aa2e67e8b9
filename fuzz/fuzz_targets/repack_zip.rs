//! Container parameters that were inferred write the very same zip file, also after they were JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::repack_zip(bytes));
