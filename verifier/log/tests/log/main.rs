//! The log as its users see it: what it writes, what is read from files that may be anyone's, and what proofs show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod index;
mod memory;
mod naive;
mod pages;
mod parts;
mod reading;
mod tree;
mod writing;
