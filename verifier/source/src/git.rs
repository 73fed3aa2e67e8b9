//! Git repositories as sources.

mod tag;

pub use tag::{TagChoice, choose_tag};
