//! What is written in canonical form has the same members, and is written again as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::normalize_zip(bytes));
