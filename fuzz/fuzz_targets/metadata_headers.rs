//! The fields of `METADATA` and `WHEEL` are parts of the text, and the same fields when written again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::metadata_headers(bytes));
