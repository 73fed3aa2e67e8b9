//! A recipe file is refused or is the same recipe when printed again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::recipe_file(bytes));
