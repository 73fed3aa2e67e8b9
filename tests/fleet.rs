//! A folder with a `twinbuild.toml`, and an index on loopback whose releases build in a second.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Said, folder, rebuild, run, twinbuild};

/// The passphrase of all keys.
pub(crate) const PASSPHRASE: &str = "a passphrase for tests";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
const QUEUE: &str = "queue.sqlite";

/// One who watches an index of their own, with nothing of anybody else's but the cache.
pub(crate) struct Fleet {
    folder: TempDir,
    index: SmallIndex,
    queue: String,
}

impl Fleet {
    /// With a queue in a file.
    pub(crate) fn new() -> Self {
        Self::with_queue(&format!("sqlite:{QUEUE}"))
    }

    pub(crate) fn with_queue(queue: &str) -> Self {
        // What builds need is at PyPI, and not in the index on loopback: it has to be in the cache before.
        static WARM: Once = Once::new();
        WARM.call_once(|| assert_eq!(rebuild(&["pypi:six@1.16.0"]).0, 0));
        Self { folder: folder(), index: SmallIndex::start(), queue: queue.to_owned() }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.at(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes `twinbuild.toml`: these tables, behind where the index, the queue and the depot are.
    pub(crate) fn configure(&self, tables: &str) {
        let places =
            format!("index-url = \"{}/simple/\"\nqueue = \"{}\"\ndepot = \"depot\"\n", self.index.url, self.queue);
        self.write("twinbuild.toml", &(places + tables));
    }

    /// Publishes releases, `name==version`.
    pub(crate) fn release(&mut self, releases: &[&str]) {
        for release in releases {
            self.release_with(release, &json!({}));
        }
    }

    /// Publishes one whose build sleeps for `wait` seconds, or whose wheel alone has the files of `onlyWheel`.
    pub(crate) fn release_with(&mut self, release: &str, more: &Value) {
        let (name, version) = release.split_once("==").unwrap();
        let mut line = json!({ "name": name, "version": version });
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        self.index.publish(&line);
    }

    /// What the index was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        serde_json::from_slice(&self.index.get("/asked")).unwrap()
    }

    /// A file that the index serves.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        self.index.get(&format!("/files/{name}"))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = twinbuild();
        let home = self.folder.path();
        command.current_dir(home).env("HOME", home);
        for (name, below) in [("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")] {
            command.env(name, home.join(below));
        }
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// Starts a command that is stopped with this value at the latest. What it says on standard error goes into the file `LOG.err`.
    pub(crate) fn start(&self, log: &str, command: &mut Command) -> Running {
        let path = self.at(&format!("{log}.err"));
        let errors = File::options().create(true).append(true).open(&path).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Running { child, errors: path }
    }

    pub(crate) fn start_night(&self, arguments: &[&str]) -> Running {
        self.start("nightly", &mut self.command(&[&["nightly"], arguments].concat()))
    }

    /// Starts a night that leaves all jobs to workers, and waits until there are some.
    pub(crate) fn start_coordinator(&self, more: &[&str]) -> Running {
        let mut night = self.start_night(&[&["--jobs", "0"], more].concat());
        wait("jobs", || !self.jobs().is_empty() || !night.is_running());
        assert!(night.is_running(), "{}", night.said());
        night
    }

    /// Makes a worker's key, and gives the table that enrolls it.
    pub(crate) fn enroll(&self, name: &str, host: &str) -> String {
        let key = format!("{name}.key");
        self.make_key("worker", &key);
        format!("[[worker]]\nname = \"{name}\"\nhost = \"{host}\"\nkey = \"{key}.pub\"\n")
    }

    pub(crate) fn make_key(&self, role: &str, name: &str) {
        let arguments = ["key", "generate", "--role", role, "--out", name];
        let made = run(self.command(&arguments).env("TWINBUILD_KEY_PASSPHRASE", PASSPHRASE));
        assert_eq!(made.code, 0, "{made}");
    }

    /// A worker that says it is of this host.
    pub(crate) fn worker(&self, name: &str, host: &str, key: &str, more: &[&str]) -> Command {
        let own = ["worker", "--name", name, "--host", host, "--key", key, "--lease", "4s"];
        let mut command = self.command(&[&own, more].concat());
        command.env("TWINBUILD_KEY_PASSPHRASE", PASSPHRASE);
        command
    }

    /// Starts an enrolled worker with its own key.
    pub(crate) fn start_worker(&self, name: &str, host: &str) -> Running {
        self.start(name, &mut self.worker(name, host, &format!("{name}.key"), &[]))
    }

    /// Rows of the queue that is a file, as text; what changes it is committed.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let script = "import json, sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=30) as database:\n    \
                      print(json.dumps([[str(value) for value in row] for row in database.execute(sys.argv[2])]))\n";
        let asked = Command::new("python3").args(["-c", script]).arg(self.at(QUEUE)).arg(sql).output().unwrap();
        assert!(asked.status.success(), "{sql}: {}", String::from_utf8_lossy(&asked.stderr));
        serde_json::from_slice(&asked.stdout).unwrap()
    }

    /// The one number that is asked for.
    pub(crate) fn count(&self, sql: &str) -> u64 {
        self.ask(&format!("SELECT COUNT(*) FROM {sql}"))[0][0].parse().unwrap()
    }

    /// Puts jobs into the queue, which nobody does.
    pub(crate) fn plan(&self, more: &[&str]) {
        let mut night = self.start_coordinator(more);
        night.signal(Signal::INT);
        assert_eq!(night.end(), 130, "{}", night.said());
    }

    /// The jobs of any queue, the newest first.
    pub(crate) fn jobs(&self) -> Vec<Value> {
        let said = self.run(&["--format", "json", "jobs", "list"]);
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.read("reports/report.json")).unwrap()
    }

    /// What the report says of the subject whose file has this name.
    pub(crate) fn reported(&self, file: &str) -> Value {
        let report = self.report();
        let subjects = report["subjects"].as_array().unwrap();
        let is_it =
            |subject: &&Value| subject["result"]["subject"].as_str().is_some_and(|subject| subject.ends_with(file));
        subjects.iter().find(is_it).unwrap_or_else(|| panic!("no {file}: {report:#}")).clone()
    }
}

/// The wheel of a release.
pub(crate) fn wheel(name: &str, version: &str) -> String {
    format!("{name}-{version}-py3-none-any.whl")
}

/// The table of a list of packages.
pub(crate) fn packages(names: &[&str], more: &str) -> String {
    format!("[[watch]]\nname = \"packages\"\nkind = \"packages\"\npackages = {names:?}\n{more}\n")
}

/// A process that ends with this value.
pub(crate) struct Running {
    child: Child,
    errors: PathBuf,
}

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// As power fails.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn end(&mut self) -> i32 {
        let mut code = None;
        wait("the end of a process", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code()).unwrap_or(-1)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has said on standard error, and those before it of the same log.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The index that `scripts/local_index.py` is. It ends with this value.
struct SmallIndex {
    /// The address of its server.
    url: String,
    program: Child,
    lines: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl SmallIndex {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/local_index.py");
        let mut program =
            Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = program.stdin.take().unwrap();
        let mut answers = BufReader::new(program.stdout.take().unwrap());
        let mut url = String::new();
        answers.read_line(&mut url).unwrap();
        let url = url.trim().strip_suffix("/simple/").unwrap().to_owned();
        Self { url, program, lines, answers }
    }

    fn publish(&mut self, release: &Value) {
        writeln!(self.lines, "{release}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the index did not publish {release}");
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer[..end]));
        answer.split_off(end + 4)
    }
}

impl Drop for SmallIndex {
    fn drop(&mut self) {
        let _ = self.program.kill(); // it may have ended by itself
        let _ = self.program.wait();
    }
}
