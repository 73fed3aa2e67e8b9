//! `twinbuild env`

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde::Serialize;
use twinbuild_environment::{
    EnvironmentError, EnvironmentLock, FileKind, HeldLayer, KnownLock, Layer, LayerCondition, LayerEntry,
    Specification, Suite, Supply, cyclonedx, known_locks, sweep, verify_layers,
};
use twinbuild_judge::JudgeError;
use twinbuild_registry::{DebianArchive, Platform, Pypi};
use twinbuild_sandbox::Error as SandboxError;
use twinbuild_store::{Store, SweptThing};
use twinbuild_subject::{Sha256, did_you_mean};

use super::print;
use crate::arguments::{Env, EnvGc, EnvShow, EnvVerify, Global, PlainFormat, Specified};
use crate::failure::Failure;
use crate::given;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

/// How many digits of a digest are enough to ask for it.
const LEAST_DIGITS: usize = 6;

pub(crate) fn run(global: &Global, command: &Env) -> Result<u8, Failure> {
    let session = Session::open(global)?;
    match command {
        Env::List => session.list(),
        Env::Resolve(specified) => session.resolve(specified),
        Env::Fetch(specified) => session.fetch(specified),
        Env::Show(EnvShow { what }) => session.show(what),
        Env::Verify(EnvVerify { layers }) => session.verify(layers),
        Env::Export(specified) => session.export(specified),
        Env::Gc(gc) => session.gc(gc),
    }
}

/// What all of these commands need.
struct Session {
    format: PlainFormat,
    supply: Supply,
}

/// An environment, and what of it is there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    specification: Specification,
    /// Of what was never fetched here, the lock is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
    /// Whether all of its layers are there.
    is_realized: bool,
    /// Those that are there, lowest first.
    layers: Vec<HeldLayer>,
}

/// What became of a layer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    layer: Sha256,
    condition: &'static str,
    /// The digest of what is there instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Sha256>,
}

impl Session {
    fn open(global: &Global) -> Result<Self, Failure> {
        let format = global.plain_format()?;
        let settings = Settings::load(global)?;
        let store = settings.store()?;
        let debian = DebianArchive::new(store.clone(), settings.mirror);
        Ok(Self { format, supply: Supply::new(Pypi::new(store, settings.index), debian) })
    }

    fn store(&self) -> &Store {
        self.supply.store()
    }

    fn list(&self) -> Result<u8, Failure> {
        let mut listed = Vec::new();
        for known in known_locks(self.store()).map_err(failure)? {
            listed.push(self.listed(known)?);
        }
        if let Some(platform) = Platform::host() {
            let plain = Suite::ALL.map(|suite| Specification::of_suite(suite, platform));
            let with_toolchain = plain.clone().map(|plain| Specification { toolchain: true, ..plain });
            for specification in plain.into_iter().chain(with_toolchain) {
                if !listed.iter().any(|listed| listed.specification == specification) {
                    let (lock, last_used, layers) = (None, None, Vec::new());
                    listed.push(Listed { specification, lock, last_used, is_realized: false, layers });
                }
            }
        }
        match self.format {
            PlainFormat::Json => print_json(&serde_json::json!({ "environments": listed }))?,
            PlainFormat::Text => {
                let mut text = String::new();
                for Listed { specification, lock, is_realized, layers, .. } in &listed {
                    let state = match (is_realized, layers.is_empty()) {
                        (true, _) => megabytes(size_of(layers)),
                        (false, true) => "not there".to_owned(),
                        (false, false) => "in part".to_owned(),
                    };
                    let lock = lock.map_or_else(|| "-".repeat(12), |lock| shortened(&lock));
                    line(&mut text, &format!("{lock}  {state:>10}  {specification}"));
                }
                print(&text)?;
            }
        }
        Ok(0)
    }

    fn listed(&self, KnownLock { digest, last_used, lock }: KnownLock) -> Result<Listed, Failure> {
        let layers = lock.held(self.store()).map_err(failure)?;
        let is_realized = layers.len() == lock.layers.len();
        let (specification, lock, last_used) = (lock.specification, Some(digest), Some(last_used));
        Ok(Listed { specification, lock, last_used, is_realized, layers })
    }

    fn resolve(&self, specified: &Specified) -> Result<u8, Failure> {
        let lock = self.lock(specified)?;
        match self.format {
            PlainFormat::Json => print_json(&lock)?,
            // A lock is JSON; this is the form whose digest names it.
            PlainFormat::Text => print(&lock.to_json().map_err(failure)?)?,
        }
        Ok(0)
    }

    fn fetch(&self, specified: &Specified) -> Result<u8, Failure> {
        let lock = self.lock(specified)?;
        let cancel = cancel_on_signal()?;
        lock.realize(&self.supply, &cancel).map_err(failure)?;
        let digest = lock.digest().map_err(failure)?;
        let layers = lock.held(self.store()).map_err(failure)?;
        match self.format {
            PlainFormat::Json => {
                let specification = &lock.specification;
                print_json(&serde_json::json!({ "specification": specification, "lock": digest, "layers": layers }))?;
            }
            PlainFormat::Text => {
                let mut text = String::new();
                line(&mut text, &format!("{}  {}", lock.specification, megabytes(size_of(&layers))));
                line(&mut text, &format!("  lock          {digest}"));
                for HeldLayer { name, digest, size_bytes } in &layers {
                    line(&mut text, &format!("  {name:<12}  {digest}  {}", megabytes(*size_bytes)));
                }
                print(&text)?;
            }
        }
        Ok(0)
    }

    fn show(&self, what: &str) -> Result<u8, Failure> {
        if what.contains(['/', '.']) {
            return self.show_lock(&read_lock(Path::new(what))?);
        }
        let known = known_locks(self.store()).map_err(failure)?;
        let layers = self.store().layers().map_err(Failure::inconclusive)?;
        let locks = known.iter().map(|known| known.digest.to_string());
        match find(what, locks.chain(layers))? {
            Found::One(name) => match known.iter().find(|known| known.digest.to_string() == name) {
                Some(known) => self.show_lock(&known.lock),
                None => self.show_layer(name.parse().map_err(Failure::usage)?),
            },
            Found::None => Err(unknown(what)),
        }
    }

    fn show_lock(&self, lock: &EnvironmentLock) -> Result<u8, Failure> {
        if self.format == PlainFormat::Json {
            print_json(lock)?;
            return Ok(0);
        }
        let held = lock.held(self.store()).map_err(failure)?;
        let mut text = String::new();
        line(&mut text, &lock.specification.to_string());
        line(&mut text, &format!("  lock     {}", lock.digest().map_err(failure)?));
        let release = &lock.release;
        let date = release.date.map(|date| format!(", of {date}")).unwrap_or_default();
        let waived =
            if release.is_expiry_waived { " (expired since, which the date that was asked for waives)" } else { "" };
        line(&mut text, &format!("  archive  {}{date}{waived}", release.suite));
        line(&mut text, &format!("           index sha256:{}", release.index));
        for plan in &lock.layers {
            let state = match held.iter().find(|layer| layer.name == plan.name) {
                Some(layer) => format!("{}, {}", shortened(&layer.digest), megabytes(layer.size_bytes)),
                None => "not there".to_owned(),
            };
            line(&mut text, &format!("\n  layer {} ({state})", plan.name));
            for file in lock.files.iter().filter(|file| plan.files.contains(&file.sha256)) {
                let size = file.size_bytes.map_or_else(|| "?".to_owned(), |size| size.to_string());
                let kind = match file.kind {
                    FileKind::DebianPackage => "",
                    FileKind::Requirement => " (wheel)",
                    FileKind::RequirementBuilt => " (wheel, built before)",
                    FileKind::RequirementSdist => " (what that wheel was built from)",
                    FileKind::RequirementRecipe => " (how that wheel was built)",
                    FileKind::HostInterpreter => " (from this host)",
                    FileKind::Tool => " (makes the layer)",
                };
                line(&mut text, &format!("    {} {size:>9}  {} {}{kind}", file.sha256, file.name, file.version));
            }
        }
        print(&text)?;
        Ok(0)
    }

    fn show_layer(&self, digest: Sha256) -> Result<u8, Failure> {
        let entries = Layer::entries(self.store(), digest).map_err(failure)?;
        let entries = entries.ok_or_else(|| unknown(&digest.to_string()))?;
        match self.format {
            PlainFormat::Json => print_json(&serde_json::json!({ "layer": digest, "entries": entries }))?,
            PlainFormat::Text => {
                let mut text = String::new();
                for LayerEntry { path, kind, mode, size_bytes, target } in &entries {
                    let size = size_bytes.map(|size| size.to_string()).unwrap_or_default();
                    let target = target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
                    line(&mut text, &format!("{mode:04o} {kind:<9} {size:>10}  {path}{target}"));
                }
                print(&text)?;
            }
        }
        Ok(0)
    }

    fn verify(&self, names: &[String]) -> Result<u8, Failure> {
        let layers = self.store().layers().map_err(Failure::inconclusive)?;
        let mut wanted = Vec::new();
        for name in names {
            match find(name, layers.iter().cloned())? {
                Found::One(name) => wanted.push(name.parse().map_err(Failure::usage)?),
                Found::None => return Err(unknown(name)),
            }
        }
        let verified = verify_layers(self.store(), &wanted).map_err(failure)?.into_iter().map(|(layer, condition)| {
            let (condition, found) = match condition {
                LayerCondition::Whole => ("whole", None),
                LayerCondition::Changed { found } => ("changed", Some(found)),
                LayerCondition::Absent => ("absent", None),
            };
            Verified { layer, condition, found }
        });
        let verified: Vec<Verified> = verified.collect();
        match self.format {
            PlainFormat::Json => print_json(&serde_json::json!({ "layers": verified }))?,
            PlainFormat::Text => {
                let mut text = String::new();
                for Verified { layer, condition, found } in &verified {
                    let found = found.map(|found| format!(": what is there is {found}")).unwrap_or_default();
                    line(&mut text, &format!("{condition:<7}  {layer}{found}"));
                }
                print(&text)?;
            }
        }
        Ok(u8::from(verified.iter().any(|verified| verified.condition != "whole")))
    }

    fn export(&self, specified: &Specified) -> Result<u8, Failure> {
        let document = cyclonedx(&self.lock(specified)?).map_err(failure)?;
        match self.format {
            PlainFormat::Json => print_json(&document)?,
            PlainFormat::Text => print(&(serde_json::to_string_pretty(&document).map_err(Failure::internal)? + "\n"))?,
        }
        Ok(0)
    }

    fn gc(&self, EnvGc { unused_for, dry_run }: &EnvGc) -> Result<u8, Failure> {
        let unused_for = Duration::from_secs(u64::from(*unused_for) * 24 * 60 * 60);
        let removed = sweep(self.store(), unused_for, *dry_run).map_err(failure)?;
        if !dry_run {
            // Whoever uses bubblewrap would do so too: they are none of what the store keeps.
            twinbuild_sandbox::sweep_roots();
        }
        let total = removed.iter().map(|thing| thing.size_bytes).sum::<u64>();
        match self.format {
            PlainFormat::Json => {
                print_json(&serde_json::json!({ "isDryRun": dry_run, "removed": removed, "sizeBytes": total }))?;
            }
            PlainFormat::Text => {
                let mut text = String::new();
                for SweptThing { kind, name, size_bytes } in &removed {
                    let kind = format!("{kind:?}").to_lowercase();
                    line(&mut text, &format!("{kind:<8}  {:>10}  {name}", megabytes(*size_bytes)));
                }
                let said = if *dry_run { "would be removed" } else { "removed" };
                line(&mut text, &format!("{} things {said}, {}", removed.len(), megabytes(total)));
                print(&text)?;
            }
        }
        Ok(0)
    }

    /// The lock that is given, or that the archive gives.
    fn lock(&self, specified: &Specified) -> Result<EnvironmentLock, Failure> {
        match &specified.lock {
            Some(path) => read_lock(path),
            None => specification(specified)?.resolve(&self.supply, Timestamp::now()).map_err(failure),
        }
    }
}

fn specification(specified: &Specified) -> Result<Specification, Failure> {
    let Specified { suite: name, toolchain, packages, at, architecture, .. } = specified;
    let suite = Suite::by_code_name(name).ok_or_else(|| {
        let known = Suite::ALL.map(Suite::code_name);
        let near = match did_you_mean(name, known) {
            near if near.is_empty() => format!(": the suites are {}", known.join(", ")),
            near => near,
        };
        Failure::usage(anyhow!("there are no environments on {name:?}{near}"))
    })?;
    let at = at.as_deref().map(|text| {
        text.parse::<Timestamp>()
            .with_context(|| format!("--at is {text:?}, and a time is expected, such as 2026-10-01T12:00:00Z"))
            .map_err(Failure::usage)
    });
    let platform = Platform::host().ok_or_else(|| failure(EnvironmentError::Platform))?;
    let mut specification = Specification::of_suite(suite, platform);
    specification.toolchain = *toolchain;
    specification.packages = packages.iter().cloned().collect();
    specification.at = at.transpose()?;
    if let Some(architecture) = architecture {
        specification.architecture.clone_from(architecture);
    }
    Ok(specification)
}

fn read_lock(path: &Path) -> Result<EnvironmentLock, Failure> {
    given::file(path)?;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
    EnvironmentLock::from_json(&text).with_context(|| path.display().to_string()).map_err(Failure::usage)
}

/// What a beginning of a digest stands for.
enum Found {
    One(String),
    None,
}

fn find(beginning: &str, names: impl Iterator<Item = String>) -> Result<Found, Failure> {
    if beginning.len() < LEAST_DIGITS {
        return Err(Failure::usage(anyhow!("{beginning:?} is too short: at least {LEAST_DIGITS} digits are expected")));
    }
    let mut found: Vec<String> = names.filter(|name| name.starts_with(beginning)).collect();
    found.sort();
    found.dedup();
    match found.len() {
        0 => Ok(Found::None),
        1 => Ok(found.pop().map_or(Found::None, Found::One)),
        count => Err(Failure::usage(anyhow!("{count} digests begin with {beginning}: give more digits"))),
    }
}

fn unknown(what: &str) -> Failure {
    Failure::usage(anyhow!(
        "the cache has no lock or layer {what:?}: `twinbuild env list --format json` names those it has"
    ))
}

fn failure(error: EnvironmentError) -> Failure {
    match error {
        EnvironmentError::Cancelled { .. } => JudgeError::Cancelled.into(),
        EnvironmentError::Sandbox(error @ SandboxError::HostUnsupported { .. }) => JudgeError::Host(error).into(),
        error => Failure::inconclusive(error),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&(serde_json::to_string(value).map_err(Failure::internal)? + "\n"))
}

/// Adds a line; names of files and packages in it are foreign.
fn line(text: &mut String, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", twinbuild_report::escape(content));
}

fn shortened(digest: &Sha256) -> String {
    digest.to_string().chars().take(12).collect()
}

fn size_of(layers: &[HeldLayer]) -> u64 {
    layers.iter().map(|layer| layer.size_bytes).sum()
}

/// A size for people, in units of 1024 by 1024 bytes.
fn megabytes(bytes: u64) -> String {
    const TENTH: u64 = (1 << 20) / 10;
    let tenths = bytes.div_ceil(TENTH);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
