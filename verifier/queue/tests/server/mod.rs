//! A real PostgreSQL, on loopback, of the programs that Debian's package `postgresql` installs.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to answer.
const START: Duration = Duration::from_secs(60);

/// A server with one database, which ends with this value.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    child: Child,
}

impl Server {
    /// Makes the database and starts the server.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        if rustix::process::geteuid().is_root() {
            // PostgreSQL refuses to run as root.
            std::os::unix::fs::chown(folder.path(), Some(uid()), Some(uid())).unwrap();
            std::os::unix::fs::chown(&data, Some(uid()), Some(uid())).unwrap();
        }
        let arguments = ["-U", "twinbuild", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"];
        let made = as_other(&programs.join("initdb")).args(arguments).arg(&data).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(&programs, &data, port);
        let server = Self { folder, programs, port, child };
        server.wait();
        server
    }

    /// Where clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("postgres://twinbuild@127.0.0.1:{}/postgres", self.port)
    }

    /// Copies the database into a new one, as docs/operations.md says.
    #[allow(dead_code, reason = "not every test binary that has a server copies one")]
    pub(crate) fn copy(&self, name: &str) {
        let dump = self.folder.path().join("dump");
        let port = self.port.to_string();
        let at = ["-h", "127.0.0.1", "-p", &port, "-U", "twinbuild"];
        for (program, arguments) in [
            ("pg_dump", vec!["--format=custom", "--dbname", "postgres", "--file", dump.to_str().unwrap()]),
            ("createdb", vec![name]),
            ("pg_restore", vec!["--dbname", name, dump.to_str().unwrap()]),
        ] {
            let ran = Command::new(self.programs.join(program)).args(at).args(arguments).output().unwrap();
            assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }

    /// Stops it at once, as a machine does that is switched off, or in order; every connection is lost.
    pub(crate) fn stop(&mut self, is_at_once: bool) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let signal = if is_at_once { rustix::process::Signal::QUIT } else { rustix::process::Signal::INT };
        rustix::process::kill_process(pid, signal).unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Server::stop`].
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.programs, &self.folder.path().join("data"), self.port);
        self.wait();
    }

    fn wait(&self) {
        let begun = Instant::now();
        loop {
            let asked = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .unwrap();
            if asked.success() {
                return;
            }
            assert!(begun.elapsed() < START, "PostgreSQL does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::QUIT);
        let _ = self.child.wait();
    }
}

fn spawn(programs: &Path, data: &Path, port: u16) -> Child {
    as_other(&programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", "", "-c", "logging_collector=off"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        installed.map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").is_file()).collect();
    found.sort();
    found.pop().expect("these tests need PostgreSQL: apt-get install postgresql")
}

fn as_other(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let uid = uid().to_string();
    command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups"]).arg(program);
    command
}

/// Nobody's.
fn uid() -> u32 {
    65534
}
