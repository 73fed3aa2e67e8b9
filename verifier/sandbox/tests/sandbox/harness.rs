//! As much of libtest's command line as cargo, nextest and people use.

use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use twinbuild_sandbox::{Choice, Chosen};

use crate::fixture::Fixture;

pub(crate) type Test = (&'static str, fn(&Fixture));

/// Where the further runs find the fixture of the first, and what they are to be.
const FIXTURE: &str = "TWINBUILD_SANDBOX_TEST_FIXTURE";
const KIND: &str = "TWINBUILD_SANDBOX_TEST_KIND";
const NOBODY: u32 = 65_534;
/// An unprivileged user, and one whose sandboxes are put up by bubblewrap.
const USER: &str = "user";
pub(crate) const BUBBLEWRAP: &str = "bubblewrap";
/// The same where there are no user namespaces, and so by a bubblewrap that is set-user-id.
pub(crate) const SETUID_BUBBLEWRAP: &str = "setuid-bubblewrap";
/// The first argument of a process that becomes that user.
pub(crate) const WITHOUT_USER_NAMESPACES: &str = "__without-user-namespaces";
const MAX_USER_NAMESPACES: &str = "/proc/sys/user/max_user_namespaces";

/// What this process was started to be.
pub(crate) fn kind() -> Option<String> {
    std::env::var(KIND).ok()
}

/// Has the sandboxes of this process put up by what it was started for; where there are no user namespaces, it is to be found out.
pub(crate) fn choose() {
    let choice = match kind().as_deref() {
        Some(BUBBLEWRAP) => Choice::Bubblewrap,
        Some(SETUID_BUBBLEWRAP) => Choice::Auto,
        _ => return,
    };
    if let Some(root) = std::env::var_os(FIXTURE) {
        twinbuild_sandbox::choose(Chosen::new(choice, Fixture::open(root).roots()));
    }
}

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
    let here = kind().unwrap_or_else(|| (if is_root { "root" } else { USER }).to_owned());
    let mut users: Vec<&str> = vec![&here];
    if inherited.is_none() {
        users.extend(is_root.then_some(USER));
        match bubblewrap() {
            Some(_) => {
                users.push(BUBBLEWRAP);
                users.extend(is_root.then_some(SETUID_BUBBLEWRAP));
            }
            None => println!("bubblewrap is not installed, and its sandboxes are not tested"),
        }
    }
    let is_chosen = |user: &str, name: &str| {
        let name = format!("{user}::{name}");
        let fits = |filter: &&String| if flag("--exact") { name == **filter } else { name.contains(filter.as_str()) };
        !flag("--ignored") && (filters.is_empty() || filters.iter().any(fits))
    };
    let chosen = |user: &str| tests.iter().filter(|test| is_chosen(user, test.0)).collect::<Vec<_>>().into_iter();
    if flag("--list") {
        for user in &users {
            chosen(user).for_each(|test| println!("{user}::{}: test", test.0));
        }
        return;
    }

    let fixture = inherited.clone().map_or_else(Fixture::build, Fixture::open);
    let total: usize = users.iter().map(|user| chosen(user).count()).sum();
    if inherited.is_none() {
        println!("\nrunning {total} tests");
    }
    let mut failed: Vec<String> = Vec::new();
    for (name, test) in chosen(&here) {
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
    for user in users.iter().skip(1).filter(|user| chosen(user).count() > 0) {
        // The binary below target/ may be out of an unprivileged user's reach, the copy in the layer is not.
        let mut command = Command::new(fixture.layer().join("usr/bin/probe"));
        command.args(arguments).env(FIXTURE, fixture.root()).env(KIND, user).env("TMPDIR", "/tmp").current_dir("/");
        if is_root {
            fixture.give_to(NOBODY);
        }
        let status = match *user {
            SETUID_BUBBLEWRAP => {
                let before = std::fs::read(MAX_USER_NAMESPACES).unwrap();
                let path = fixture.setuid_bubblewrap();
                let status = Command::new(command.get_program())
                    .arg(WITHOUT_USER_NAMESPACES)
                    .args(arguments)
                    .envs([
                        (FIXTURE, fixture.root()),
                        (KIND, Path::new(user)),
                        ("TMPDIR", "/tmp".as_ref()),
                        ("PATH", &path),
                    ])
                    .current_dir("/")
                    .status();
                assert_eq!(std::fs::read(MAX_USER_NAMESPACES).unwrap(), before, "the host has what it had");
                status
            }
            _ if is_root => command.uid(NOBODY).gid(NOBODY).status(),
            _ => command.status(),
        }
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

/// The bubblewrap that is installed.
pub(crate) fn bubblewrap() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("bwrap")).find(|program| program.is_file())
}

/// Enters a user namespace with the ids of the host, in which there can be no further one, and runs the tests there as an unprivileged user.
pub(crate) fn become_without_user_namespaces(arguments: &[String]) -> ! {
    let namespace = || std::fs::read_link("/proc/self/ns/user").unwrap();
    let (host, own) = (namespace(), std::process::id());
    let mut mapper = Command::new("/bin/sh")
        .args([
            "-c",
            "read word && for map in uid_map gid_map; do echo 0 0 65536 > /proc/$0/$map; done",
            &own.to_string(),
        ])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // SAFETY: takes no pointer.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWUSER) }, 0);
    std::io::Write::write_all(&mut mapper.stdin.take().unwrap(), b"now\n").unwrap();
    assert!(mapper.wait().unwrap().success());
    // The setting is one of each user namespace.
    assert_ne!(namespace(), host);
    std::fs::write(MAX_USER_NAMESPACES, "0").unwrap();
    let error = Command::new("/proc/self/exe").args(arguments).uid(NOBODY).gid(NOBODY).exec();
    panic!("{error}");
}
