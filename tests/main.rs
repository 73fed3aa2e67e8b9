//! End-to-end tests, through the binary: one module a capability.
//!
//! Modules named `network_...` need the public registries: the first test that builds fetches the root file system.
//! All share one warm cache below the target folder; each has a folder of its own for everything else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod bad_input;
mod command_line;
mod comparing;
mod fixtures;
mod fleet;
mod hostile_corpus;
mod local_index;
#[cfg(feature = "sigstore")]
mod network_attested_commits;
mod network_containment;
mod network_corpus;
mod network_environments;
mod network_faults;
mod network_found_commits;
mod network_git_sources;
mod network_hijacked_backend;
mod network_host_interpreters;
mod network_hostile_builds;
mod network_native_wheels;
mod network_nightly;
mod network_planted_changes;
mod network_publishing;
mod network_real_wheels;
mod network_replay;
mod network_sdists;
mod network_search;
mod network_variations;
mod network_workers;
mod next_steps;
mod normalizing;
mod published;
mod repositories;
mod support;
