//! Having git list and fetch, in sandboxes.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_sandbox::{
    Cancel, Collect, Copy, End, Error as SandboxError, Limit, Limits, Network, Run, SkeletonFile, Spec, run,
};
use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId};

use super::contents::Contents;
use super::local::OwnFolder;
use super::object::Mode;
use super::objects::Objects;
use super::snapshot::MissingSubmodule;
use super::submodules::{Declared, declared};
use super::{AddressError, CheckoutError, GitAddress, GitRewrites, Refs, Revision, Snapshot, Tag};

/// The program that runs inside; see its own documentation.
const DRIVER: &str = include_str!("driver.py");
const DRIVER_PATH: &str = "/usr/lib/twinbuild/git.py";
const OUTPUT: &str = "/output";
const ORIGIN: &str = "/work/origin";
/// Where the files of a repository's own folder stand inside, before the driver puts them in their places.
const FILES: &str = "/usr/lib/twinbuild/git";
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where systems keep the certificates that they trust, all in one file.
const HOST_CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// The variables that say which proxy is asked.
const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy"];
/// The largest list of branches and tags, in bytes.
const LISTING_LIMIT_BYTES: u64 = 64 << 20;
/// How long git may take.
const WALL: Duration = Duration::from_secs(1800);
/// What git may print, in bytes.
const LOG_LIMIT_BYTES: u64 = 4 << 20;
/// The most that is collected: the objects of one commit, in bytes.
const OBJECTS_LIMIT_BYTES: u64 = 2 << 30;
/// How much of what git printed is shown.
const LOG_TAIL_BYTES: usize = 600;
/// How many submodules a repository may have, at any depth.
const MOST_SUBMODULES: usize = 50;

/// Settings of git: what is fetched is checked, nothing of a repository is run, and nothing else is asked.
const SETTINGS: [(&str, &str); 22] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.pager", "cat"),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("fetch.fsckObjects", "true"),
    ("transfer.fsckObjects", "true"),
    ("transfer.bundleURI", "false"),
    ("fetch.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.sslCAInfo", CERTIFICATES),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
    ("safe.directory", "*"),
    // Old histories have these, which harm nobody.
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.missingEmail", "ignore"),
];

/// A root file system with git.
#[derive(Debug, Clone)]
pub struct GitRoot {
    /// Its layers, topmost first.
    pub layers: Vec<PathBuf>,
    /// Its own interpreter.
    pub python: String,
}

/// What of this host a program needs to reach repositories elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitNetwork {
    files: Vec<(&'static str, Vec<u8>)>,
    proxies: Vec<(String, String)>,
}

/// Has git list and fetch, each time in a fresh sandbox.
pub struct GitClient<'a> {
    root: GitRoot,
    /// `None` where nothing elsewhere may be asked.
    network: Option<GitNetwork>,
    rewrites: &'a GitRewrites,
    limits: Limits,
    cancel: &'a Cancel,
}

/// Why a repository or commit could not be had.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// It is no repository that can be asked.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It is no repository of this machine that can be read.
    #[error("{} cannot be read as a git repository: {reason}", path.display())]
    NoRepository {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing but the cache may be used.
    #[error("{address} is to be asked, and nothing but the cache may be used")]
    Offline {
        /// The repository.
        address: String,
    },
    /// It has no such revision.
    #[error("{address} has no such revision: {reason}")]
    Revision {
        /// The repository.
        address: String,
        /// What was looked for, and what was found.
        reason: String,
    },
    /// The commit is there, and no branch or tag of the repository contains it.
    #[error(
        "{address} hands out the commit {commit}, and none of its branches and tags contains it: anyone could have made it"
    )]
    Impostor {
        /// The repository.
        address: String,
        /// The commit.
        commit: String,
    },
    /// Git refused what it was given.
    #[error("git refuses the objects of {address} as malformed: {said}")]
    Refused {
        /// The repository.
        address: String,
        /// The end of what git printed.
        said: String,
    },
    /// Nothing could be fetched.
    #[error("{address} could not be fetched from: {said}")]
    Failed {
        /// The repository.
        address: String,
        /// The end of what git printed.
        said: String,
    },
    /// A limit was reached.
    #[error("fetching from {address} reached the limit of {limit}")]
    Limit {
        /// The repository.
        address: String,
        /// Which.
        limit: String,
    },
    /// What was fetched cannot be laid out.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// It was stopped.
    #[error("stopped")]
    Cancelled,
    /// A file could not be read or written.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// What the driver reads on its standard input.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    action: &'static str,
    url: &'a str,
    is_local: bool,
    /// Files of a copied repository's own folder, by where they stand inside.
    files: serde_json::Map<String, serde_json::Value>,
    format: &'static str,
    output: &'static str,
    commit: &'a str,
    /// The reference that names the commit; all where there is none.
    references: &'a [String],
    /// The tag object to give along.
    tag: Option<String>,
    /// Whether the commit is the repository's own, as another commit names it.
    is_pinned: bool,
    /// The contents that a commit is searched for, by their names as blobs.
    contents: &'a [ObjectId],
    /// The newest time of a commit, in seconds since 1970.
    before: Option<i64>,
}

/// What the driver reports.
#[derive(Deserialize)]
struct Report {
    status: Status,
    commit: Option<String>,
    /// How many of the wanted contents the commit has.
    #[serde(default)]
    held: usize,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Done,
    Failed,
    Refused,
    Unknown,
    Impostor,
}

/// What of a repository is fetched or searched for.
#[derive(Default)]
struct Wanted<'a> {
    /// SHA-1 where it is not known.
    format: Option<ObjectFormat>,
    commit: &'a str,
    references: &'a [String],
    tag: Option<&'a Tag>,
    is_pinned: bool,
    contents: &'a [ObjectId],
    before: Option<Timestamp>,
}

impl GitNetwork {
    /// How this host reaches others: its name servers, the certificates that it trusts, and the proxies that `variable` names.
    #[must_use]
    pub fn of_this_host(variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut files = Vec::new();
        for path in ["/etc/resolv.conf", "/etc/hosts"] {
            files.extend(fs::read(path).ok().map(|content| (path, content)));
        }
        let named = variable("SSL_CERT_FILE").map(PathBuf::from);
        let usual = HOST_CERTIFICATES.map(PathBuf::from);
        let certificates = named.into_iter().chain(usual).find_map(|path| fs::read(path).ok());
        files.extend(certificates.map(|content| (CERTIFICATES, content)));
        let proxies = PROXIES.into_iter().filter_map(|name| Some((name.to_owned(), variable(name)?))).collect();
        Self { files, proxies }
    }
}

impl<'a> GitClient<'a> {
    /// A client that asks nothing elsewhere unless it is given a network.
    #[must_use]
    pub fn new(root: GitRoot, network: Option<GitNetwork>, rewrites: &'a GitRewrites, cancel: &'a Cancel) -> Self {
        let limits = Limits {
            wall: WALL,
            log_bytes: LOG_LIMIT_BYTES,
            collect_bytes: OBJECTS_LIMIT_BYTES,
            ..Limits::of_this_host()
        };
        Self { root, network, rewrites, limits, cancel }
    }

    /// The branches and tags of a repository. `staging` is a folder to work in, which is left empty or of no use.
    ///
    /// # Errors
    /// [`GitError`]
    pub fn list(&self, address: &GitAddress, staging: &Path) -> Result<Refs, GitError> {
        let asked = self.rewrites.apply(address)?;
        let output = make(staging, "list")?;
        let (report, said) = self.start(&asked, "list", &Wanted::default(), &output, None)?;
        if report.status != Status::Done {
            return Err(GitError::Failed { address: asked.shown().to_owned(), said });
        }
        let path = output.join("references");
        let doing = || format!("reading {}", path.display());
        let mut listing = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(LISTING_LIMIT_BYTES + 1).read_to_end(&mut listing))
            .map_err(|source| GitError::Io { doing: doing(), source })?;
        if listing.len() as u64 > LISTING_LIMIT_BYTES {
            let limit = format!("the list of branches and tags, {LISTING_LIMIT_BYTES} bytes");
            return Err(GitError::Limit { address: asked.shown().to_owned(), limit });
        }
        Refs::parse(&listing).map_err(|reason| GitError::Failed { address: asked.shown().to_owned(), said: reason })
    }

    /// Fetches a revision with all that a checkout of it has, submodules too. `staging` is a folder to work in; the snapshot
    /// stands on a file in it.
    ///
    /// # Errors
    /// [`GitError`]; in particular [`GitError::Impostor`] where no branch or tag contains the commit.
    pub fn fetch(
        &self,
        address: &GitAddress,
        refs: &Refs,
        revision: &Revision,
        staging: &Path,
    ) -> Result<Snapshot, GitError> {
        let asked = self.rewrites.apply(address)?;
        let (commit, tag) = match revision {
            Revision::Tag { tag, commit } => (commit.to_string(), Some(tag)),
            Revision::Branch { commit, .. } => (commit.to_string(), None),
            Revision::Commit(name) => (name.clone(), None),
        };
        let naming = match revision {
            Revision::Tag { tag, .. } => Some(format!("refs/tags/{}", tag.name)),
            Revision::Branch { name, .. } => Some(format!("refs/heads/{name}")),
            Revision::Commit(name) => name.parse().ok().and_then(|commit| refs.naming(&commit)),
        };
        let references: Vec<String> = naming.into_iter().collect();
        let format = Some(refs.format());
        let wanted = Wanted { format, commit: &commit, references: &references, tag, ..Wanted::default() };
        let output = make(staging, "fetch")?;
        let (report, said) = self.start(&asked, "fetch", &wanted, &output, None)?;
        let commit = fetched(&asked, &commit, report, said)?;
        let path = output.join("objects");
        self.with_submodules(address, &path, &commit, tag, staging)
    }

    /// The commit of a branch or tag, at most as old as `before`, whose files have the most of these contents; the newest of several. `None`
    /// where it would have less than half of them.
    ///
    /// # Errors
    /// [`GitError`]
    pub fn most_like(
        &self,
        address: &GitAddress,
        contents: &Contents,
        before: Option<Timestamp>,
        staging: &Path,
    ) -> Result<Option<(ObjectId, usize)>, GitError> {
        let asked = self.rewrites.apply(address)?;
        let names: Vec<ObjectId> = contents.names().cloned().collect();
        let format = Some(contents.format());
        let wanted = Wanted { format, contents: &names, before, ..Wanted::default() };
        let output = make(staging, "search")?;
        let (report, said) = self.start(&asked, "search", &wanted, &output, None)?;
        if report.status != Status::Done {
            return Err(GitError::Failed { address: asked.shown().to_owned(), said });
        }
        let commit = report.commit.and_then(|commit| commit.parse().ok());
        Ok(commit.map(|commit| (commit, report.held)).filter(|(_, held)| contents.is_most(*held)))
    }

    /// Adds what the submodules have to a file of objects, until nothing is missing.
    fn with_submodules(
        &self,
        address: &GitAddress,
        path: &Path,
        commit: &ObjectId,
        tag: Option<&Tag>,
        staging: &Path,
    ) -> Result<Snapshot, GitError> {
        let read = || -> Result<Snapshot, GitError> {
            let doing = || format!("reading {}", path.display());
            let file = File::open(path).map_err(|source| GitError::Io { doing: doing(), source })?;
            Ok(Snapshot::new(Objects::read(file, 0, commit.format())?, commit.clone(), tag.cloned())?)
        };
        let mut snapshot = read()?;
        // Where each submodule that was fetched is, and the folder of git's own that it is kept in, for one of this machine.
        let mut places: Vec<(Vec<u8>, Place)> = vec![(Vec::new(), Place::of(address))];
        loop {
            let missing = snapshot.missing_submodules()?;
            if missing.is_empty() {
                return Ok(snapshot);
            }
            for submodule in missing {
                if places.len() > MOST_SUBMODULES {
                    return Err(submodule.error(format!("there are more than {MOST_SUBMODULES}")).into());
                }
                let output = make(staging, &format!("submodule-{}", places.len()))?;
                let place = self.fetch_submodule(&snapshot, &submodule, &places, &output)?;
                append(&output.join("objects"), path)?;
                places.push((submodule.path, place));
            }
            snapshot = read()?;
        }
    }

    /// Fetches one submodule, from where its repository says that it is.
    fn fetch_submodule(
        &self,
        snapshot: &Snapshot,
        submodule: &MissingSubmodule,
        places: &[(Vec<u8>, Place)],
        output: &Path,
    ) -> Result<Place, GitError> {
        let refuse = |why: &str| GitError::from(submodule.error(why));
        let parent = places.iter().find(|(path, _)| *path == submodule.parent).map(|(_, place)| place);
        let parent = parent.ok_or_else(|| refuse("the submodule that it is in was not fetched"))?;
        let declared =
            declaration(snapshot, submodule)?.ok_or_else(|| refuse(".gitmodules does not say where it is"))?;
        let kept = parent.modules.as_ref().filter(|_| declared.has_plain_name());
        let kept = kept.map(|modules| modules.join(&declared.name)).filter(|path| path.join("objects").is_dir());
        let address = parent.address.join(&declared.url);
        let (address, asked, git) = match (kept, address) {
            (Some(git), address) => {
                let address = address.unwrap_or_else(|| GitAddress::Local(git.clone()));
                (address, GitAddress::Local(git.clone()), Some(git))
            }
            (None, Some(address)) => {
                let asked = self.rewrites.apply(&address)?;
                (address, asked, None)
            }
            (None, None) => {
                return Err(refuse("its address is no public one, and the repository does not keep it beside its own"));
            }
        };
        let commit = submodule.commit.to_string();
        let format = Some(submodule.commit.format());
        let wanted = Wanted { format, commit: &commit, is_pinned: true, ..Wanted::default() };
        let started = self.start(&asked, "fetch", &wanted, output, git.as_deref());
        let (report, said) = match started {
            Ok(started) => started,
            Err(error @ GitError::NoRepository { .. }) => {
                return Err(submodule.error(error.to_string()).into());
            }
            Err(error) => return Err(error),
        };
        match fetched(&asked, &commit, report, said) {
            Ok(_) => Ok(Place { modules: git.map(|git| git.join("modules")), ..Place::of(&address) }),
            // What cannot be had of a submodule is said of it.
            Err(error @ GitError::Revision { .. }) => Err(submodule.error(error.to_string()).into()),
            Err(error) => Err(error),
        }
    }

    /// Runs the driver; gives its report, and the end of what git printed. `git` is the folder of git's own, where it is known.
    fn start(
        &self,
        asked: &GitAddress,
        action: &'static str,
        wanted: &Wanted<'_>,
        output: &Path,
        git: Option<&Path>,
    ) -> Result<(Report, String), GitError> {
        let address = || asked.shown().to_owned();
        let (mut spec, url, own) = match asked {
            GitAddress::Remote(url) => (self.remote_spec(asked)?, url.as_str(), None),
            GitAddress::Local(path) => {
                let own = match git {
                    Some(git) => OwnFolder::at(git)?,
                    None => OwnFolder::of(path)?,
                };
                (self.local_spec(&own), ORIGIN, Some(own))
            }
        };
        let files = own.iter().flat_map(|own| &own.files);
        let files = files.map(|(name, _)| ((*name).to_owned(), format!("{FILES}/{name}").into())).collect();
        let format = own.as_ref().map(|own| own.format).or(wanted.format).unwrap_or(ObjectFormat::Sha1);
        let request = Request {
            action,
            url,
            is_local: own.is_some(),
            files,
            format: format.name(),
            output: OUTPUT,
            commit: wanted.commit,
            references: wanted.references,
            tag: wanted.tag.map(|tag| tag.object.to_string()),
            is_pinned: wanted.is_pinned,
            contents: wanted.contents,
            before: wanted.before.map(Timestamp::as_second),
        };
        spec.stdin = serde_json::to_vec(&request)
            .map_err(|error| GitError::Io { doing: "writing a request".to_owned(), source: error.into() })?;
        spec.collect = vec![Collect { directory: OUTPUT.into(), into: output.to_owned(), symlinks: false }];
        let ran = run(&spec, self.cancel)?;
        let said = tail(&ran);
        match ran.end {
            End::Cancelled => return Err(GitError::Cancelled),
            End::LimitHit(limit) => return Err(at_limit(address(), limit)),
            // A failure after a limit was met says nothing of the repository.
            _ if !ran.limits_met.is_empty() => {
                let limit = ran.limits_met.first().copied().unwrap_or(Limit::Memory);
                return Err(at_limit(address(), limit));
            }
            End::Exited(_) | End::Signalled(_) => {}
        }
        if let (Some(refused), true) = (&ran.refused, ran.end == End::Exited(0)) {
            return Err(GitError::Limit {
                address: address(),
                limit: format!("what is collected ({})", refused.reason),
            });
        }
        let report = serde_json::from_slice(&ran.message);
        let no_report = |_| GitError::Failed { address: address(), said: said.clone() };
        Ok((report.map_err(no_report)?, said))
    }

    /// The sandbox in which git asks a repository elsewhere: it has the host's network, and nothing else of it.
    fn remote_spec(&self, asked: &GitAddress) -> Result<Spec, GitError> {
        let offline = || GitError::Offline { address: asked.shown().to_owned() };
        let GitNetwork { files, proxies } = self.network.as_ref().ok_or_else(offline)?;
        let mut spec = self.spec(asked.scheme().unwrap_or("https"));
        spec.network = Network::Host;
        let file = |(path, content): &(&str, Vec<u8>)| SkeletonFile {
            path: path.into(),
            content: content.clone(),
            mode: 0o644,
        };
        spec.files.extend(files.iter().map(file));
        spec.env.extend(proxies.iter().cloned());
        Ok(spec)
    }

    /// The sandbox in which git reads a copy of a repository of this machine.
    fn local_spec(&self, own: &OwnFolder) -> Spec {
        let mut spec = self.spec("file");
        for folder in ["objects", "refs"] {
            let target = PathBuf::from(ORIGIN).join(folder);
            spec.copies.push(Copy { source: own.path.join(folder), target, order: Default::default() });
        }
        let file = |(name, content): &(&str, Vec<u8>)| SkeletonFile {
            path: format!("{FILES}/{name}").into(),
            content: content.clone(),
            mode: 0o644,
        };
        spec.files.extend(own.files.iter().map(file));
        spec
    }

    fn spec(&self, scheme: &str) -> Spec {
        let variable = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut env: Vec<(String, String)> = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/work"),
            ("LC_ALL", "C.UTF-8"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "/bin/false"),
            ("SSH_ASKPASS", "/bin/false"),
            ("GIT_SSH_COMMAND", "/bin/false"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            // Nothing else, wherever a server sends it.
            ("GIT_ALLOW_PROTOCOL", if scheme == "http" { "http:https" } else { scheme }),
        ]
        .map(variable)
        .to_vec();
        env.push(("GIT_CONFIG_COUNT".to_owned(), SETTINGS.len().to_string()));
        for (number, (key, value)) in SETTINGS.into_iter().enumerate() {
            env.push((format!("GIT_CONFIG_KEY_{number}"), key.to_owned()));
            env.push((format!("GIT_CONFIG_VALUE_{number}"), value.to_owned()));
        }
        let file = |path: &str, content: &str| SkeletonFile { path: path.into(), content: content.into(), mode: 0o644 };
        Spec {
            layers: self.root.layers.clone(),
            files: vec![
                file(DRIVER_PATH, DRIVER),
                file("/etc/passwd", "git:x:1000:1000::/work:/bin/false\n"),
                file("/etc/group", "git:x:1000:\n"),
            ],
            scratch: vec!["/work".into(), OUTPUT.into()],
            argv: [self.root.python.as_str(), "-I", "-S", "-B", DRIVER_PATH].map(str::to_owned).to_vec(),
            env,
            cwd: "/work".into(),
            limits: self.limits.clone(),
            ..Spec::default()
        }
    }
}

/// Where a repository is, and where a checkout of it keeps its submodules.
struct Place {
    address: GitAddress,
    modules: Option<PathBuf>,
}

impl Place {
    fn of(address: &GitAddress) -> Self {
        let modules = match address {
            GitAddress::Local(path) => OwnFolder::find(path).ok().map(|git| git.join("modules")),
            GitAddress::Remote(_) => None,
        };
        Self { address: address.clone(), modules }
    }
}

/// What `.gitmodules` of the repository that a submodule is in says of it.
fn declaration(snapshot: &Snapshot, submodule: &MissingSubmodule) -> Result<Option<Declared>, GitError> {
    let below = |name: &[u8]| {
        let parts = [submodule.parent.as_slice(), name];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/')
    };
    let path = below(b".gitmodules");
    let entries = snapshot.entries()?;
    let is_file = |mode: Mode| matches!(mode, Mode::File | Mode::Executable);
    let Some(entry) = entries.iter().find(|entry| entry.path == path && is_file(entry.mode)) else { return Ok(None) };
    let content = snapshot.objects().text(&entry.id, super::object::Kind::Blob)?;
    Ok(declared(&content).into_iter().find(|declared| below(declared.path.as_bytes()) == submodule.path))
}

/// The commit that was fetched, or why it was not.
fn fetched(asked: &GitAddress, wanted: &str, report: Report, said: String) -> Result<ObjectId, GitError> {
    let address = asked.shown().to_owned();
    match (report.status, report.commit.map(|commit| commit.parse())) {
        (Status::Done, Some(Ok(commit))) => Ok(commit),
        (Status::Done | Status::Failed, _) => Err(GitError::Failed { address, said }),
        (Status::Refused, _) => Err(GitError::Refused { address, said }),
        (Status::Unknown, _) => {
            let reason = format!("its branches and tags contain no commit {wanted}, or several that begin so");
            Err(GitError::Revision { address, reason })
        }
        (Status::Impostor, _) => Err(GitError::Impostor { address, commit: wanted.to_owned() }),
    }
}

fn at_limit(address: String, limit: Limit) -> GitError {
    GitError::Limit { address, limit: format!("{limit:?}") }
}

/// An empty folder below the staging one.
fn make(staging: &Path, name: &str) -> Result<PathBuf, GitError> {
    let path = staging.join(name);
    let made = fs::create_dir(&path);
    made.map_err(|source| GitError::Io { doing: format!("making the folder {}", path.display()), source })?;
    Ok(path)
}

fn append(from: &Path, to: &Path) -> Result<(), GitError> {
    let appended = File::open(from).and_then(|mut from| {
        let mut to = File::options().append(true).open(to)?;
        io::copy(&mut from, &mut to)?;
        to.flush()
    });
    appended.map_err(|source| GitError::Io { doing: format!("adding to {}", to.display()), source })
}

/// The end of what was printed, with everything written out that could steer a terminal.
fn tail(ran: &Run) -> String {
    let log = &ran.log.bytes;
    let text = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_TAIL_BYTES)..]).into_owned();
    let lines = text.lines().map(|line| MemberPath::from(line).to_string());
    lines.collect::<Vec<_>>().join("; ")
}
