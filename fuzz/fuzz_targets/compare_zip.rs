//! A wheel counts as equivalent to another one only if its members have the same names, kinds and contents.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::compare_zip(bytes));
