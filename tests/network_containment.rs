//! The hostile builds of `corpus/builds` through the binary, as root and as an unprivileged user: each is contained, has the
//! outcome that it must have, changes nothing on the host, and leaves nothing behind.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::{Builder, NamedTempFile, TempDir};
use twinbuild_hostile_builds::{
    Case, ESCAPED, Expected, Host, RECIPE, SDIST, TRIED, WHEEL, cases, published_wheel, sdist_of,
};
use twinbuild_sandbox::HOST_IDS;

use crate::support::{Said, run, shared_cache, text, twinbuild};

const NOBODY: u32 = 65_534;
/// The variable by which the verifier's environment holds a secret.
const VARIABLE: &str = "CANARY_TOKEN";
/// How long sandboxes of others, at work at the same time, may take to be gone.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_hostile_build_is_contained() {
    let mut users = vec![User::caller()];
    // The others' caches are copies of this one, so it is to be warm.
    users[0].judge_honest_build();
    if rustix::process::geteuid().is_root() {
        users.push(User::nobody());
    }
    let before = HostState::now();
    let wrong: Vec<String> = scope(|scope| {
        let runs: Vec<_> = users.iter().map(|user| scope.spawn(|| user.judge_all())).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(HostState::now(), before, "the host has changed");
}

#[test]
fn an_attack_that_went_through_would_be_seen() {
    let user = User::caller();
    let attack = "from hostile import escaped\n\n\ndef attack(directory, files):\n    escaped('once')\n";
    let ended = user.build("control", &sdist_of(attack, &user.host()), &[]);
    assert_eq!((ended.said.code, ended.verdict["mismatch"].as_str()), (1, Some("code")), "{}", ended.said);
    assert!(ended.judge_escapes().unwrap_err().starts_with("ESCAPED: once"));
}

/// Who runs the binary, and what belongs to it.
struct User {
    name: &'static str,
    /// Its id, where it is not that of the tests.
    id: Option<u32>,
    binary: Option<PathBuf>,
    cache: PathBuf,
    folder: TempDir,
    traps: Traps,
}

/// How one build ended.
struct Ended {
    said: Said,
    verdict: Value,
    kept: PathBuf,
}

impl User {
    /// The user of the tests, with the cache that all tests share.
    fn caller() -> Self {
        let folder = crate::support::folder();
        let traps = Traps::lay(folder.path(), None);
        Self { name: "caller", id: None, binary: None, cache: shared_cache(), folder, traps }
    }

    /// A user without any privilege, with a copy of the warm cache, so that nothing is downloaded for it.
    fn nobody() -> Self {
        // Out of folders that only root may enter.
        let folder = Builder::new().prefix("twinbuild-nobody-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        lchown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        let binary = folder.path().join("twinbuild");
        fs::copy(env!("CARGO_BIN_EXE_twinbuild"), &binary).unwrap();
        let cache = folder.path().join("cache");
        copy_tree(&shared_cache(), &cache, NOBODY).unwrap();
        let traps = Traps::lay(folder.path(), Some(NOBODY));
        Self { name: "nobody", id: Some(NOBODY), binary: Some(binary), cache, folder, traps }
    }

    /// What an attack is told of this host.
    fn host(&self) -> Host {
        Host {
            secret_files: self.traps.canaries.iter().map(|canary| canary.path().to_owned()).collect(),
            folders: self.traps.canaries.iter().map(|canary| canary.path().parent().unwrap().to_owned()).collect(),
            cache: self.cache.clone(),
            published: self.folder.path().join(WHEEL),
            processes: vec![std::process::id()],
            abstract_socket: self.traps.abstract_name.clone(),
            socket: self.traps.socket_path.clone(),
            port: self.traps.tcp.local_addr().unwrap().port(),
            variable: VARIABLE.to_owned(),
            mark: self.traps.mark.clone(),
        }
    }

    fn command(&self) -> Command {
        let mut command = twinbuild();
        if let Some(binary) = &self.binary {
            let mut copy = Command::new(binary);
            copy.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = copy;
        }
        if let Some(id) = self.id {
            // Gives up the supplementary groups too.
            command.uid(id).gid(id);
        }
        command.current_dir(self.folder.path()).env("TWINBUILD_CACHE_DIR", &self.cache);
        command.env("HOME", &self.traps.home).env(VARIABLE, &self.traps.secret);
        command
    }

    /// Rebuilds what was published from this sdist.
    fn build(&self, name: &str, sdist: &[u8], more: &[String]) -> Ended {
        let folder = self.folder.path().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let (wheel, recipe) = (self.folder.path().join(WHEEL), self.folder.path().join("recipe.toml"));
        let (sdist_path, kept) = (folder.join(SDIST), folder.join("kept"));
        for (path, content) in [(&wheel, &*published_wheel()), (&recipe, RECIPE.as_bytes()), (&sdist_path, sdist)] {
            fs::write(path, content).unwrap();
        }
        lchown(&folder, self.id, self.id).unwrap();
        let mut command = self.command();
        command.args(["--format", "json", "rebuild", text(&wheel), "--source", text(&sdist_path)]);
        command.args(["--recipe", text(&recipe), "--keep", text(&kept)]).args(more);
        let said = run(&mut command);
        let verdict = serde_json::from_str(&said.out).unwrap_or_default();
        Ended { said, verdict, kept }
    }

    /// Gives the names of the variations that show.
    fn judge_honest_build(&self) -> Vec<String> {
        let attack = "def attack(directory, files):\n    pass\n";
        let ended = self.build("honest", &sdist_of(attack, &self.host()), &[]);
        assert_eq!((ended.said.code, ended.verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", ended.said);
        ended.variations_that_show()
    }

    /// Builds every case; gives what is wrong, a line each.
    fn judge_all(&self) -> Vec<String> {
        let variations = self.judge_honest_build();
        let mut wrong = Vec::new();
        for case in cases() {
            let sdist = case.sdist(&self.host());
            let mut more = vec!["--offline".to_owned(), "--timeout".to_owned(), case.timeout_secs.to_string()];
            more.extend(case.limits.iter().flat_map(|(name, limit)| ["--limit".to_owned(), format!("{name}={limit}")]));
            // What the first leaves must not be there for the second.
            let times = if case.name == "leaves-traces-for-the-next-build" { 2 } else { 1 };
            for _ in 0..times {
                let ended = self.build(case.name, &sdist, &more);
                let judged = ended.judge(&case, &variations).and_then(|()| ended.judge_traces(self));
                wrong.extend(judged.err().map(|why| format!("{} as {}: {why}", case.name, self.name)));
            }
        }
        wrong.extend(self.traps.sprung());
        wrong.extend(self.left_behind());
        wrong
    }

    /// Processes and staging folders that do not go away.
    fn left_behind(&self) -> Option<String> {
        let staging = self.cache.join("tmp");
        let folders = || fs::read_dir(&staging).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut folders: BTreeSet<PathBuf> = folders().collect();
        let mut processes: BTreeSet<Process> = processes_of_builds(&self.traps.mark).collect();
        let started = Instant::now();
        while !folders.is_empty() || !processes.is_empty() {
            if started.elapsed() > PATIENCE {
                return Some(format!("left behind by {}: {folders:?} {processes:?}", self.name));
            }
            sleep(Duration::from_millis(50));
            folders.retain(|folder| folder.exists());
            let living: BTreeSet<Process> = processes_of_builds(&self.traps.mark).collect();
            processes.retain(|process| living.contains(process));
        }
        None
    }
}

impl Ended {
    fn variations_that_show(&self) -> Vec<String> {
        let all = self.verdict["rebuilds"][0]["variations"].as_array().into_iter().flatten();
        all.filter(|variation| variation["effective"] == true).map(|variation| variation["name"].to_string()).collect()
    }

    /// Holds what came out against what must come out.
    fn judge(&self, case: &Case, variations: &[String]) -> Result<(), String> {
        self.judge_escapes()?;
        let class = self.verdict["reason"]["class"].as_str();
        let mismatch = self.verdict["mismatch"].as_str();
        let found = (self.said.code, self.verdict["outcome"].as_str().unwrap_or("no verdict"));
        let is_right = match case.expected {
            Expected::Reproduced => found == (0, "reproduced"),
            Expected::Limit => found == (2, "inconclusive") && class == Some("limit"),
            Expected::Unbuildable { class: expected } => found == (2, "unbuildable") && class == Some(expected),
            Expected::NotReproduced { mismatch: expected } => {
                found == (1, "not-reproduced") && mismatch == Some(expected)
            }
            Expected::Nondeterministic => found == (1, "nondeterministic"),
            Expected::Race => {
                [(0, "reproduced"), (1, "not-reproduced"), (1, "nondeterministic"), (2, "unbuildable")].contains(&found)
            }
        };
        if !is_right {
            return Err(format!("{:?} expected, found {found:?} {class:?} {mismatch:?}: {}", case.expected, self.said));
        }
        if case.expected == Expected::Reproduced {
            let has_tried =
                |log: &String| log.lines().any(|line| line.starts_with(TRIED) && !line.starts_with("TRIED 0"));
            if self.logs().len() != 2 || !self.logs().iter().all(has_tried) {
                return Err(format!("the attack was not made: {:?}", self.logs()));
            }
            if self.variations_that_show() != variations {
                return Err(format!("other variations show than {variations:?}: {:?}", self.variations_that_show()));
            }
        }
        Ok(())
    }

    /// Looks for words of attacks that went through.
    fn judge_escapes(&self) -> Result<(), String> {
        for log in self.logs().iter().map(String::as_str).chain([&*self.said.out, &self.said.err]) {
            if let Some(at) = log.find(ESCAPED) {
                return Err(log[at..].chars().take(200).collect());
            }
        }
        Ok(())
    }

    /// Looks for what no build may bring out.
    fn judge_traces(&self, user: &User) -> Result<(), String> {
        let is_raw = |c: char| c.is_control() && c != '\n';
        if self.said.out.contains(is_raw) || self.said.err.contains(is_raw) {
            return Err("it prints control characters of the build as they are".to_owned());
        }
        let secret = user.traps.secret.as_bytes();
        let holds_secret = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        if holds_secret(self.said.out.as_bytes()) || holds_secret(self.said.err.as_bytes()) {
            return Err("it prints a secret of the host".to_owned());
        }
        for path in files_below(&self.kept) {
            let found = fs::symlink_metadata(&path).unwrap();
            if !found.is_file() || found.mode() & 0o6000 != 0 {
                return Err(format!("{} was kept with mode {:o}", path.display(), found.mode()));
            }
            if holds_secret(&fs::read(&path).unwrap()) {
                return Err(format!("{} holds a secret of the host", path.display()));
            }
        }
        Ok(())
    }

    /// What the twins printed, where they came to their end.
    fn logs(&self) -> Vec<String> {
        let logs = ["first.log", "second.log"].map(|name| fs::read(self.kept.join(name)));
        logs.into_iter().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }
}

/// What lies on the host for attacks to find: files to read and write, sockets to reach, a secret to bring out.
struct Traps {
    mark: String,
    secret: String,
    home: PathBuf,
    canaries: Vec<NamedTempFile>,
    /// Times of the canaries as they were laid: of access, of change of content, and of change.
    times: Vec<[i64; 6]>,
    abstract_name: String,
    abstract_socket: UnixListener,
    socket_path: PathBuf,
    socket: UnixListener,
    tcp: TcpListener,
}

impl Traps {
    /// Lays them in the true home, in one that is made for the purpose, and in a temporary folder.
    fn lay(folder: &Path, owner: Option<u32>) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let mark: String = name.chars().rev().filter(char::is_ascii_alphanumeric).take(6).collect();
        let mark = format!("build-{mark}");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let secret = format!("canary-{}-{}", std::process::id(), now.as_nanos());
        let home = folder.join("home");
        let temporary = folder.join("temporary");
        let mut folders = vec![home.clone(), temporary];
        for made in &folders {
            fs::create_dir(made).unwrap();
            lchown(made, owner, owner).unwrap();
        }
        folders.extend(std::env::home_dir().filter(|home| home.is_dir()));
        let mut canaries = Vec::new();
        for folder in folders {
            // A home may be read-only.
            let Ok(canary) = Builder::new().prefix(".twinbuild-canary-").tempfile_in(&folder) else { continue };
            fs::write(&canary, &secret).unwrap();
            lchown(canary.path(), owner, owner).unwrap();
            // Where the time of access is kept at all, it is renewed if it is not newer than that of the content.
            canary.as_file().set_times(fs::FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH)).unwrap();
            canaries.push(canary);
        }
        let times = canaries.iter().map(|canary| times(canary.path())).collect();
        let abstract_name = format!("{mark}-host");
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let socket_path = folder.join("socket");
        let traps = Self {
            abstract_socket: UnixListener::bind_addr(&address).unwrap(),
            socket: UnixListener::bind(&socket_path).unwrap(),
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            mark,
            secret,
            home,
            canaries,
            times,
            abstract_name,
            socket_path,
        };
        fs::set_permissions(&traps.socket_path, Permissions::from_mode(0o777)).unwrap();
        traps.abstract_socket.set_nonblocking(true).unwrap();
        traps.socket.set_nonblocking(true).unwrap();
        traps.tcp.set_nonblocking(true).unwrap();
        traps
    }

    /// The traps that something went into.
    fn sprung(&self) -> Vec<String> {
        let mut sprung = Vec::new();
        for (canary, laid) in self.canaries.iter().zip(&self.times) {
            let found = times(canary.path());
            if found != *laid || fs::read_to_string(canary).unwrap() != self.secret {
                sprung.push(format!("{:?} was read or changed: {laid:?}, {found:?}", canary.path()));
            }
        }
        let callers = [
            ("the abstract socket", self.abstract_socket.accept().map(drop)),
            ("the socket", self.socket.accept().map(drop)),
            ("the port", self.tcp.accept().map(drop)),
        ];
        for (what, caller) in callers {
            if !caller.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                sprung.push(format!("{what} was reached"));
            }
        }
        sprung
    }
}

fn times(path: &Path) -> [i64; 6] {
    let found = fs::symlink_metadata(path).unwrap();
    [found.atime(), found.atime_nsec(), found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()]
}

/// What of the host a build might change, as far as it does not change by itself.
#[derive(Debug, PartialEq, Eq)]
struct HostState {
    settings: Vec<(&'static str, String)>,
    mounts: BTreeSet<String>,
    shared: BTreeSet<String>,
    /// The real-time clock, in minutes before or after what the time since boot makes of it.
    minutes: u64,
}

impl HostState {
    fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let settings = ["hostname", "domainname", "core_pattern", "modprobe", "shmall", "randomize_va_space", "printk"];
        let lines = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let keys =
            |path: &str| lines(read(path)).into_iter().map(|line| line.split_ascii_whitespace().take(4).collect());
        let shared = ["/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg"].into_iter().flat_map(keys);
        let uptime = read("/proc/uptime");
        let uptime: f64 = uptime.split_ascii_whitespace().next().unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Self {
            settings: settings.map(|name| (name, read(&format!("/proc/sys/kernel/{name}")))).into(),
            mounts: lines(read("/proc/self/mountinfo")),
            shared: shared.collect(),
            minutes: now.saturating_sub(Duration::from_secs_f64(uptime)).as_secs().saturating_add(30) / 60,
        }
    }
}

/// A process of the host, with the time of its start, as numbers are used again.
type Process = (u32, String);

/// Living processes that come of builds: by the name that attacks give themselves, by the ids that builds have when root
/// runs them, and by a user namespace of their own.
fn processes_of_builds(mark: &str) -> impl Iterator<Item = Process> {
    let mark = mark.to_owned();
    let namespace = |process: &Path| fs::read_link(process.join("ns/user")).ok();
    let own = namespace(Path::new("/proc/self"));
    let is_build = move |process: &Path, status: &str| {
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.split_ascii_whitespace().next()).unwrap_or_default().to_owned()
        };
        let uid: u32 = field("Uid:").parse().unwrap_or(0);
        let is_in_sandbox = uid == NOBODY && namespace(process).is_some_and(|found| Some(found) != own);
        field("State:") != "Z" && (field("Name:") == mark || HOST_IDS.contains(&uid) || is_in_sandbox)
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(move |entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The twenty-second field, counted from behind the name, which may hold anything.
        let start = stat.rsplit(')').next()?.split_ascii_whitespace().nth(19)?.to_owned();
        is_build(&entry.path(), &status).then_some((id, start))
    })
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Copies a tree with modes and links for another owner, but not what others are at work on.
fn copy_tree(from: &Path, to: &Path, owner: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if found.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if from != shared_cache() || name != "tmp" {
                copy_tree(&from.join(&name), &to.join(&name), owner)?;
            }
        }
        fs::set_permissions(to, found.permissions())?;
    } else {
        fs::copy(from, to)?;
    }
    lchown(to, Some(owner), Some(owner))
}
