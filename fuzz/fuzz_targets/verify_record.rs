//! A `RECORD` is told to be true only if it lists each file once, with its digest and size, and nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::verify_record_of_wheel(bytes));
