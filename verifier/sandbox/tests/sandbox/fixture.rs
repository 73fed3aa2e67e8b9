//! A root file system without a distribution: this binary and the libraries it was started with.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use twinbuild_sandbox::{Cancel, End, Error, Limits, Run, SkeletonFile, Spec, run};

#[cfg(target_arch = "x86_64")]
const INTERPRETER: &str = "usr/lib64/ld-linux-x86-64.so.2";
#[cfg(target_arch = "aarch64")]
const INTERPRETER: &str = "usr/lib/ld-linux-aarch64.so.1";

/// The layer that the tests run on.
pub(crate) struct Fixture {
    root: PathBuf,
    _owned: Option<TempDir>,
}

impl Fixture {
    pub(crate) fn build() -> Self {
        let owned = tempfile::Builder::new().prefix("twinbuild-sandbox-").tempdir_in("/tmp").unwrap();
        let root = owned.path().to_owned();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        let layer = root.join("layer");
        let copy = |from: &Path, to: &str| {
            let to = layer.join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        };
        copy(&std::env::current_exe().unwrap(), "usr/bin/probe");
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let libraries: std::collections::BTreeSet<&str> = maps
            .lines()
            .filter_map(|line| line.split_ascii_whitespace().nth(5))
            .filter(|path| path.contains(".so"))
            .collect();
        for library in libraries {
            let name = Path::new(library).file_name().unwrap().to_str().unwrap();
            if name.starts_with("ld-linux") {
                copy(Path::new(library), INTERPRETER);
            } else {
                copy(Path::new(library), &format!("usr/lib/{name}"));
            }
            if name == "libc.so.6" {
                // For the library that fakes the clock; the probe has no need of it.
                copy(&Path::new(library).with_file_name("libdl.so.2"), "usr/lib/libdl.so.2");
            }
        }
        fs::create_dir_all(layer.join("usr/lib64")).unwrap();
        // Like a merged-usr distribution, so that mount points below these must be resolved.
        for name in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{name}"), layer.join(name)).unwrap();
        }
        Self { root, _owned: Some(owned) }
    }

    pub(crate) fn open(root: OsString) -> Self {
        Self { root: root.into(), _owned: None }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where bubblewrap's sandboxes put their roots together.
    pub(crate) fn roots(&self) -> PathBuf {
        self.root.join("roots")
    }

    /// A folder with a bubblewrap that is set-user-id.
    pub(crate) fn setuid_bubblewrap(&self) -> PathBuf {
        let folder = self.root.join("setuid");
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("bwrap");
        fs::copy(crate::harness::bubblewrap().unwrap(), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        folder
    }

    /// Makes another user the owner of it, whose files that user can link then.
    pub(crate) fn give_to(&self, user: u32) {
        let mut left = vec![self.root.clone()];
        while let Some(path) = left.pop() {
            std::os::unix::fs::lchown(&path, Some(user), Some(user)).unwrap();
            if path.symlink_metadata().unwrap().is_dir() {
                left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
    }

    pub(crate) fn layer(&self) -> PathBuf {
        self.root.join("layer")
    }

    /// A sandbox that runs a probe.
    pub(crate) fn spec(&self, probe: &str, arguments: &[&str]) -> Spec {
        let mut argv: Vec<String> = vec!["/bin/probe".into(), "__probe".into(), probe.into()];
        argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let file = |path: &str, content: &str| SkeletonFile { path: path.into(), content: content.into(), mode: 0o644 };
        Spec {
            layers: vec![self.layer()],
            files: vec![
                file("/etc/passwd", "builder:x:1234:2345::/build:/bin/sh\n"),
                file("/etc/resolv.conf", "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n"),
            ],
            scratch: vec!["/build".into()],
            argv,
            env: vec![("PATH".into(), "/usr/bin".into())],
            cwd: "/build".into(),
            uid: 1234,
            gid: 2345,
            hostname: "first".into(),
            domainname: "example".into(),
            limits: Limits {
                wall: Duration::from_secs(20),
                cpu_secs: 20,
                memory_bytes: 512 << 20,
                scratch_bytes: 64 << 20,
                scratch_inodes: 10_000,
                processes: 64,
                open_files: 256,
                log_bytes: 8 << 20,
                ..Limits::default()
            },
            ..Spec::default()
        }
    }

    /// What a probe printed, which must have gone well.
    pub(crate) fn probe(&self, probe: &str, arguments: &[&str]) -> String {
        text(&self.spec(probe, arguments))
    }
}

pub(crate) fn start(spec: &Spec) -> Result<Run, Error> {
    run(spec, &Cancel::new().unwrap())
}

/// What a command printed, which must have gone well.
pub(crate) fn text(spec: &Spec) -> String {
    let run = start(spec).unwrap();
    let text = String::from_utf8_lossy(&run.log.bytes).into_owned();
    assert_eq!(run.end, End::Exited(0), "{text}");
    text
}

/// A directory that an unprivileged user may use, gone at the end.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("twinbuild-sandbox-").tempdir_in("/tmp").unwrap()
}

/// Whether sandboxes are put up by bubblewrap.
pub(crate) fn is_bubblewrapped() -> bool {
    crate::harness::kind().is_some_and(|kind| kind == crate::harness::BUBBLEWRAP) || is_without_user_namespaces()
}

/// Whether there are no user namespaces, and bubblewrap is set-user-id.
pub(crate) fn is_without_user_namespaces() -> bool {
    crate::harness::kind().is_some_and(|kind| kind == crate::harness::SETUID_BUBBLEWRAP)
}

/// The user and group that a command has inside, which asks for 1234 and 2345.
pub(crate) fn ids() -> (u32, u32) {
    if is_without_user_namespaces() {
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    } else {
        (1234, 2345)
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
