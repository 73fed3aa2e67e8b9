//! A source asks for no requirement by address, and for no backend outside of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::source_files(bytes));
