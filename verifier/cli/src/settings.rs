//! Where the settings come from: flags, then variables, then `twinbuild.toml` of the project, then that of the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde::Deserialize;
use twinbuild_environment::HostPlaces;
use twinbuild_judge::{GitOptions, Overrides};
use twinbuild_registry::{AddressOrigin, DebianMirror, PypiIndex};
use twinbuild_sandbox::{Choice, Chosen, choose};
use twinbuild_source::git::{GitNetwork, GitRewrite, GitRewrites};
use twinbuild_store::{Network, PlainHttp, Store, Transport};
use twinbuild_watch::WatchTable;

use crate::arguments::{Global, Recipes};
use crate::configuration;
use crate::failure::Failure;
use crate::fleet::{Fleet, NightlyTable, WorkerTable};
use crate::given;
use crate::limits::{ChosenLimits, named_limit};

/// The keys of `twinbuild.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    cache_dir: Option<PathBuf>,
    index_url: Option<String>,
    debian_mirror: Option<String>,
    debian_snapshot: Option<String>,
    offline: Option<bool>,
    timeout_secs: Option<u64>,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    interpreters: Option<Vec<PathBuf>>,
    #[serde(default)]
    git: GitTable,
    recipes: Option<PathBuf>,
    sandbox: Option<String>,
    queue: Option<String>,
    depot: Option<String>,
    #[serde(default)]
    watch: Vec<WatchTable>,
    #[serde(default)]
    worker: Vec<WorkerTable>,
    #[serde(default)]
    nightly: NightlyTable,
}

/// The table `git`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct GitTable {
    /// By what is asked: the addresses, by their beginnings, that it is asked for.
    #[serde(default)]
    instead_of: BTreeMap<String, Vec<String>>,
}

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) cache_dir: PathBuf,
    pub(crate) index: PypiIndex,
    pub(crate) mirror: DebianMirror,
    pub(crate) network: Network,
    pub(crate) limits: ChosenLimits,
    pub(crate) hosts: HostPlaces,
    pub(crate) rewrites: GitRewrites,
    recipes: Option<PathBuf>,
    pub(crate) sandbox: Chosen,
    pub(crate) fleet: Fleet,
}

impl Settings {
    /// Merges all sources.
    pub(crate) fn load(global: &Global) -> Result<Self, Failure> {
        let mut project: File = configuration::read(Path::new("twinbuild.toml"))?;
        let user_config = user_folder("XDG_CONFIG_HOME", ".config").unwrap_or_default();
        let mut user = match user_config.as_os_str().is_empty() {
            false => configuration::read(&user_config.join("twinbuild.toml"))?,
            true => File::default(),
        };
        let fleet = project.fleet(Path::new("")).or(user.fleet(&user_config));
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut limits = user.limits()?;
        limits.extend(&project.limits()?);
        limits.extend(&limits_of_variables(variable)?);
        let cache_dir = global
            .cache_dir
            .clone()
            .or_else(|| variable("TWINBUILD_CACHE_DIR").map(PathBuf::from))
            .or(project.cache_dir)
            .or(user.cache_dir)
            .or_else(|| user_folder("XDG_CACHE_HOME", ".cache").map(|folder| folder.join("twinbuild")))
            .ok_or_else(|| {
                Failure::usage(anyhow!(
                    "neither HOME nor XDG_CACHE_HOME is set: say with --cache-dir where to keep downloads"
                ))
            })?;
        let index_url = global
            .index_url
            .clone()
            .or_else(|| variable("TWINBUILD_INDEX_URL"))
            .or(project.index_url)
            .or(user.index_url);
        let mirror = global
            .debian_mirror
            .clone()
            .or_else(|| variable("TWINBUILD_DEBIAN_MIRROR"))
            .or(project.debian_mirror)
            .or(user.debian_mirror);
        let snapshot = global
            .debian_snapshot
            .clone()
            .or_else(|| variable("TWINBUILD_DEBIAN_SNAPSHOT"))
            .or(project.debian_snapshot)
            .or(user.debian_snapshot);
        let is_offline = match variable("TWINBUILD_OFFLINE").as_deref() {
            _ if global.offline => true,
            Some("1" | "true") => true,
            Some("0" | "false") => false,
            Some(other) => {
                return Err(Failure::usage(anyhow!("TWINBUILD_OFFLINE is {other:?}, and true or false is expected")));
            }
            None => project.offline.or(user.offline).unwrap_or(false),
        };
        let interpreters = match variable("TWINBUILD_INTERPRETERS") {
            Some(list) => std::env::split_paths(&list).collect(),
            None => project.interpreters.or(user.interpreters).unwrap_or_default(),
        };
        let recipes = variable("TWINBUILD_RECIPES").map(PathBuf::from).or(project.recipes).or(user.recipes);
        let sandbox = match global.sandbox {
            Some(choice) => choice,
            None => match variable("TWINBUILD_SANDBOX").or(project.sandbox).or(user.sandbox) {
                Some(name) => name.parse().map_err(|reason: String| {
                    Failure::usage(anyhow!("TWINBUILD_SANDBOX or the key `sandbox`: {reason}"))
                })?,
                None => Choice::Auto,
            },
        };
        let sandbox = Chosen::new(sandbox, cache_dir.join("roots"));
        // Before the first build, whatever command it is of.
        choose(sandbox.clone());
        Ok(Self {
            cache_dir,
            sandbox,
            index: PypiIndex::discover(index_url.as_deref(), variable).map_err(Failure::usage)?,
            mirror: DebianMirror::discover(mirror.as_deref(), snapshot.as_deref()).map_err(Failure::usage)?,
            network: if is_offline { Network::Offline } else { Network::Online },
            limits,
            hosts: HostPlaces::discover(&interpreters, variable),
            rewrites: GitRewrites::new(match variable("TWINBUILD_GIT_INSTEAD_OF") {
                Some(text) => rewrites_of(&text)?,
                None => project.git.rewrites().chain(user.git.rewrites()).collect(),
            }),
            recipes,
            fleet,
        })
    }

    /// How commits of git repositories are had.
    pub(crate) fn git(&self) -> GitOptions {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let network = (self.network == Network::Online).then(|| GitNetwork::of_this_host(variable));
        GitOptions { rewrites: self.rewrites.clone(), network, ..GitOptions::default() }
    }

    /// What is given of recipes: in the folder that a flag names, else in that of the settings.
    pub(crate) fn overrides(&self, flag: &Recipes) -> Result<Overrides, Failure> {
        match flag.folder.as_ref().or(self.recipes.as_ref()) {
            Some(folder) => {
                given::folder(folder)?;
                Overrides::read(folder).map_err(Failure::usage)
            }
            None => Ok(Overrides::default()),
        }
    }

    /// Opens the cache. Plain http is used where an address that the user gave says so.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        let is_plain = |url: &twinbuild_store::Url, origin: &AddressOrigin| {
            url.scheme() == "http" && !matches!(origin, AddressOrigin::BuiltIn)
        };
        let snapshots = self.mirror.snapshot(Timestamp::UNIX_EPOCH).map_err(Failure::usage)?;
        let watched = self.fleet.watch().iter().flat_map(WatchTable::indexes);
        let is_any_plain =
            std::iter::once(&self.index).chain(watched).any(|index| is_plain(index.url(), index.origin()))
                || [&self.mirror, &snapshots].iter().any(|mirror| is_plain(mirror.url(), mirror.origin()));
        self.store_with(if is_any_plain { PlainHttp::Allowed } else { PlainHttp::Refused })
    }

    /// The same for what is verified by signatures, however it comes.
    pub(crate) fn store_with_plain_http(&self) -> Result<Store, Failure> {
        self.store_with(PlainHttp::Allowed)
    }

    fn store_with(&self, plain_http: PlainHttp) -> Result<Store, Failure> {
        let transport = Transport { plain_http, ..Transport::default() };
        Store::open_with(&self.cache_dir, self.network, transport).map_err(Failure::inconclusive)
    }
}

/// Addresses that are asked in place of others, as `BEGINNING=BASE BEGINNING=BASE`.
fn rewrites_of(text: &str) -> Result<Vec<GitRewrite>, Failure> {
    let one = |text: &str| {
        let (prefix, base) = text.split_once('=')?;
        Some(GitRewrite { prefix: prefix.to_owned(), base: base.to_owned() })
    };
    let refuse = || Failure::usage(anyhow!("TWINBUILD_GIT_INSTEAD_OF is {text:?}, and BEGINNING=BASE is expected"));
    text.split_whitespace().map(|text| one(text).ok_or_else(refuse)).collect()
}

impl GitTable {
    fn rewrites(&self) -> impl Iterator<Item = GitRewrite> {
        let each = |(base, prefixes): (&String, &Vec<String>)| {
            let base = base.clone();
            let rewrite = move |prefix: &String| GitRewrite { prefix: prefix.clone(), base: base.clone() };
            prefixes.iter().map(rewrite).collect::<Vec<_>>()
        };
        self.instead_of.iter().flat_map(each)
    }
}

/// The limits that variables choose: `TWINBUILD_TIMEOUT_SECS`, and `TWINBUILD_LIMITS`, as `NAME=NUMBER,NAME=NUMBER`.
fn limits_of_variables(variable: impl Fn(&str) -> Option<String>) -> Result<ChosenLimits, Failure> {
    let timeout_secs = match variable("TWINBUILD_TIMEOUT_SECS") {
        Some(text) => {
            Some(text.parse().with_context(|| format!("TWINBUILD_TIMEOUT_SECS is {text:?}")).map_err(Failure::usage)?)
        }
        None => None,
    };
    let mut limits = ChosenLimits::new(timeout_secs);
    for text in variable("TWINBUILD_LIMITS").iter().flat_map(|text| text.split(',')) {
        named_limit(text)
            .and_then(|(name, value)| limits.set(&name, value))
            .map_err(|reason| Failure::usage(anyhow!(reason).context("TWINBUILD_LIMITS cannot be read")))?;
    }
    Ok(limits)
}

impl File {
    /// What it says of nights and workers, of which paths begin at its folder.
    fn fleet(&mut self, folder: &Path) -> Fleet {
        Fleet::new(
            self.queue.take(),
            self.depot.take(),
            std::mem::take(&mut self.watch),
            std::mem::take(&mut self.worker),
            std::mem::take(&mut self.nightly),
            folder,
        )
    }

    /// The limits that it chooses.
    fn limits(&self) -> Result<ChosenLimits, Failure> {
        let mut limits = ChosenLimits::new(self.timeout_secs);
        for (name, value) in &self.limits {
            limits
                .set(name, *value)
                .map_err(|reason| Failure::usage(anyhow!("[limits] of twinbuild.toml: {reason}")))?;
        }
        Ok(limits)
    }
}

/// The keys of `twinbuild.toml`, those of its tables behind a dot.
#[cfg(test)]
pub(crate) fn keys() -> Vec<String> {
    configuration::Keys::of::<File>().names()
}

/// A folder of the user by the XDG rules: the variable if it is absolute, else below the home.
pub(crate) fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let from_variable = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    from_variable.or_else(|| home().map(|home| home.join(below_home)))
}
