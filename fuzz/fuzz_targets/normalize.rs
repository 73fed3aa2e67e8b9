//! Normalizing a content fails by a typed error or changes build noise alone, once and for all.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::normalize_content(bytes));
