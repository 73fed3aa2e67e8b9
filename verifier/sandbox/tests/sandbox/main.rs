//! Sandboxes on the real kernel, as the current user and, started by root, as an unprivileged one too; and once more put up by bubblewrap,
//! where that is installed.
//!
//! The test binary is everything at once: the harness, the sandbox's init (by `init_if_requested`), the program that runs inside (by
//! `__probe NAME`), and a caller to be killed (by `__caller`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unsafe_code, missing_docs)] // Tests and probes fail by panicking.

mod bounds;
mod conditions;
mod evidence;
mod files;
mod fixture;
mod harness;
mod isolation;
mod lifetime;
mod probe;
mod waits;

fn main() {
    twinbuild_sandbox::init_if_requested();
    harness::choose();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("__probe") => probe::run(&arguments[1], &arguments[2..]),
        Some("__caller") => lifetime::caller(&arguments[1..]),
        Some(harness::WITHOUT_USER_NAMESPACES) => harness::become_without_user_namespaces(&arguments[1..]),
        _ => {
            let tests =
                [isolation::TESTS, conditions::TESTS, files::TESTS, bounds::TESTS, evidence::TESTS, lifetime::TESTS]
                    .concat();
            harness::run(&tests, &arguments);
        }
    }
}
