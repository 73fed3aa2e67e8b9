//! The twinbuild command.
fn main() {}
