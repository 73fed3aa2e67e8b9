//! As much of libtest's command line as cargo, nextest and people use.

use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, exit};

use crate::fixture::Fixture;

pub(crate) type Test = (&'static str, fn(&Fixture));

/// Where the unprivileged second run finds the fixture of the first.
const FIXTURE: &str = "TWINBUILD_SANDBOX_TEST_FIXTURE";
const NOBODY: u32 = 65_534;

pub(crate) fn run(tests: &[Test], arguments: &[String]) {
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut filters: Vec<&String> = Vec::new();
    let mut is_value = false;
    for argument in arguments {
        if !is_value && !argument.starts_with('-') {
            filters.push(argument);
        }
        is_value = ["--test-threads", "--format", "--color", "--skip", "-Z"].contains(&argument.as_str());
    }
    let is_root = rustix::process::geteuid().is_root();
    let inherited = std::env::var_os(FIXTURE);
    let users: &[&str] = match (&inherited, is_root) {
        (None, true) => &["root", "user"],
        _ => &["user"],
    };
    let is_chosen = |user: &str, name: &str| {
        let name = format!("{user}::{name}");
        let fits = |filter: &&String| if flag("--exact") { name == **filter } else { name.contains(filter.as_str()) };
        !flag("--ignored") && (filters.is_empty() || filters.iter().any(fits))
    };
    let chosen = |user: &'static str| tests.iter().filter(move |test| is_chosen(user, test.0));
    if flag("--list") {
        for user in users {
            chosen(user).for_each(|test| println!("{user}::{}: test", test.0));
        }
        return;
    }

    let fixture = inherited.clone().map_or_else(Fixture::build, Fixture::open);
    let total: usize = users.iter().map(|user| chosen(user).count()).sum();
    if inherited.is_none() {
        println!("\nrunning {total} tests");
    }
    let here = if is_root { "root" } else { "user" };
    let mut failed: Vec<String> = Vec::new();
    for (name, test) in chosen(here) {
        let is_ok = catch_unwind(AssertUnwindSafe(|| test(&fixture))).is_ok();
        println!("test {here}::{name} ... {}", if is_ok { "ok" } else { "FAILED" });
        if !is_ok {
            failed.push(format!("{here}::{name}"));
        }
    }
    if inherited.is_some() {
        exit(i32::try_from(failed.len().min(100)).unwrap());
    }
    let mut count = failed.len();
    if is_root && chosen("user").count() > 0 {
        // The binary below target/ may be out of an unprivileged user's reach, the copy in the layer is not.
        let status = Command::new(fixture.layer().join("usr/bin/probe"))
            .args(arguments)
            .env(FIXTURE, fixture.root())
            .env("TMPDIR", "/tmp")
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .status()
            .unwrap();
        count += usize::try_from(status.code().unwrap_or(100)).unwrap();
    }
    let word = if count == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {count} failed; 0 ignored; 0 measured; {} filtered out\n",
        total - count.min(total),
        tests.len() * users.len() - total
    );
    drop(fixture);
    exit(if count == 0 { 0 } else { 1 });
}
