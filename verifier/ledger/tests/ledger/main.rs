//! Ledgers in folders: written, read, and forged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod altered_files;
mod forgeries;
mod left_over;
mod reading;
mod second_reader;
mod world;
