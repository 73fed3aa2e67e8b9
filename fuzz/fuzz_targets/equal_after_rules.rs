//! Two contents count as equal only if they differ in build noise alone, in whatever order they are given.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::equal_contents(bytes));
