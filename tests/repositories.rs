//! Git repositories, made by the git of this machine, and wheels built from them by its Python and pip.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::text;

/// When the commits of these repositories are made, unless it matters.
pub(crate) const COMMITTED: &str = "2024-03-01T12:00:00Z";

/// A repository of this machine.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

impl Repository {
    /// A repository with these files in one commit.
    pub(crate) fn new(path: &Path, files: &[(&str, &str)]) -> Self {
        fs::create_dir_all(path).unwrap();
        let repository = Self { path: path.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit(files);
        repository
    }

    /// Writes files and commits them; gives the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, content) in files {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=a commit"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes an annotated tag of the newest commit.
    pub(crate) fn tag(&self, name: &str) {
        self.git(&["tag", "--annotate", "--message=a release", name]);
    }

    /// What git printed, which must have gone well.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, "")
    }

    /// The same, with a standard input.
    pub(crate) fn git_with(&self, arguments: &[&str], input: &str) -> String {
        let input_path = self.path.with_extension("input");
        fs::write(&input_path, input).unwrap();
        let mut command = git();
        command.arg("-C").arg(&self.path).args(arguments).stdin(fs::File::open(&input_path).unwrap());
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// As `--source` of this repository.
    pub(crate) fn at(&self, revision: &str) -> String {
        format!("{}@{revision}", text(&self.path))
    }

    /// A wheel that pip builds from a clone of the repository, as it was tagged `revision`.
    pub(crate) fn wheel(&self, revision: &str, into: &Path) -> PathBuf {
        Self::wheel_of(&self.clone_at(revision, into), &into.join("published"), &[])
    }

    /// A wheel that `python -m build` builds: the sdist first, and from that the wheel.
    pub(crate) fn wheel_from_sdist(&self, revision: &str, into: &Path) -> PathBuf {
        let clone = self.clone_at(revision, into);
        let (tool, out) = (into.join("build-tool"), into.join("published"));
        let install = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--target"];
        python(Command::new("python3").args(install).arg(&tool).arg("build==1.2.1"));
        python(
            Command::new("python3").args(["-m", "build", "--outdir"]).arg(&out).arg(&clone).env("PYTHONPATH", &tool),
        );
        let entries = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl")).unwrap()
    }

    /// A wheel that pip builds from a folder, as it is.
    pub(crate) fn wheel_of(folder: &Path, into: &Path, variables: &[(&str, &str)]) -> PathBuf {
        let arguments = ["-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps", "--wheel-dir"];
        let mut command = Command::new("python3");
        python(command.args(arguments).arg(into).arg(folder).envs(variables.iter().copied()));
        only_file(into)
    }

    fn clone_at(&self, revision: &str, into: &Path) -> PathBuf {
        self.clone_with(&[], revision, into)
    }

    /// A clone, made with these settings.
    pub(crate) fn clone_with(&self, settings: &[&str], revision: &str, into: &Path) -> PathBuf {
        let clone = into.join("clone");
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        let mut command = git();
        command.args(settings).args(["clone", "--quiet", "--branch", revision]);
        let output = command.arg(&self.path).arg(&clone).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        clone
    }
}

/// Git without anyone's settings.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_COMMITTER_DATE", COMMITTED).env("GIT_AUTHOR_DATE", COMMITTED);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
    }
    command
}

fn python(command: &mut Command) {
    // Neither what the tests run in nor what the caller set may be asked for a version.
    let output = command.env_remove("SOURCE_DATE_EPOCH").env_remove("PYTHONDONTWRITEBYTECODE").output().unwrap();
    assert!(
        output.status.success(),
        "this test builds with the Python and pip of this machine, and PyPI: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    file.clone()
}

/// A server of the repositories below a folder, on loopback.
pub(crate) struct Server {
    pub(crate) address: String,
    child: Child,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        // Bound, so free, and let go for the server.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The daemon itself, as `git daemon` starts it as a child, which would outlive it.
        let place = git().arg("--exec-path").output().unwrap().stdout;
        let daemon = Path::new(std::str::from_utf8(&place).unwrap().trim()).join("git-daemon");
        let mut command = Command::new(daemon);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_COUNT", "1");
        command.env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.args(["--listen=127.0.0.1", "--export-all", "--reuseaddr"]);
        command.arg(format!("--port={port}")).arg(format!("--base-path={}", folder.display()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < Duration::from_secs(20), "git daemon never listened");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address: format!("git://127.0.0.1:{port}"), child }
    }
}

/// A server of the files below a folder over HTTP, on loopback, which knows nothing of git: repositories below it are asked as such
/// after `git update-server-info`. Gives its address by name.
pub(crate) fn serve_files(folder: &Path) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                let _ = lines.find(String::is_empty);
                let path = request.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or_default().to_owned();
                let found = fs::read(folder.join(path.trim_start_matches('/')));
                let status = if found.is_ok() { "200 OK" } else { "404 Not Found" };
                let body = found.unwrap_or_default();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let mut stream = stream;
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)); // a client may hang up
            });
        }
    });
    format!("http://localhost:{port}")
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
