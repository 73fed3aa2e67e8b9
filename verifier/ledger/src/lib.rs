//! The ledger.
#![forbid(unsafe_code)]

mod entry;
mod policy;

pub use entry::{Body, Entry, EntryError, Kind, Logged};
pub use policy::{LedgerPolicy, Policy, PolicyError, TrustName};
