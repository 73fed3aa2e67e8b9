//! File names, project names, requests, digests and names of members are refused or print as they were read.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::file_names(bytes));
