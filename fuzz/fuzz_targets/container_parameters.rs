//! Container parameters of a stranger change no name and no content of the members they are used on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| twinbuild_properties::container_parameters(bytes));
