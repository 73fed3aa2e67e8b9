//! The part of environments that does not depend on a recipe, and what is made on it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::{Interpreter, LockedRequirement, Offer};
use twinbuild_registry::{DebianArchive, DebianPackage, PackageIndex, Platform, Pypi, tools};
use twinbuild_sandbox::{Bind, Cancel, Collect, Collected, CollectedKind, End, Limits, SkeletonFile, Spec, run};
use twinbuild_store::{Blob, Fetch, Staging, Store, Url};
use twinbuild_subject::Sha256;
use twinbuild_verdict::InputRecord;

use crate::debian::Root;
use crate::interpreter::PYTHON;
use crate::lock::LockedWheel;
use crate::{Environment, EnvironmentError, Layer};

/// Changes whenever what is made from the same inputs changes, so that layers of an older program are not taken for it.
const REVISION: u32 = 1;
/// Debian 12.
const SUITE: &str = "bookworm";
/// What the root file system is resolved from.
const PACKAGES: [&str; 21] = [
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "diffutils",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "libfaketime",
    "locales",
    "mawk",
    "netbase",
    "python3-distutils",
    "python3-lib2to3",
    "python3.11",
    "sed",
    "tar",
    "tzdata",
];
/// What only maintainer scripts and package management would need, of which there is none here.
const EXCLUDED: [&str; 4] = ["debconf", "debconf-2.0", "dpkg", "readline-common"];
/// The largest wheel that is taken as a requirement, in bytes.
const WHEEL_LIMIT_BYTES: u64 = 512 << 20;
/// Where uv stands in a sandbox that installs wheels.
const UV_PATH: &str = "/usr/lib/twinbuild/uv";
const DERIVE: &str = include_str!("derive.py");
const INSTALL: &str = include_str!("install.py");

/// A root file system with its interpreter, and the tools to make environments on it.
#[derive(Debug, Clone)]
pub struct Ground {
    pub(crate) store: Store,
    pub(crate) pypi: Pypi,
    pub(crate) uv_digest: Sha256,
    pub(crate) root: Layer,
    pub(crate) derived: Layer,
    inputs: Vec<InputRecord>,
}

/// The name under which the store remembers which layer was made from which inputs.
#[derive(Serialize, Deserialize)]
struct Made {
    layer: Sha256,
}

impl Ground {
    /// The interpreters that builds can have on this ground.
    #[must_use]
    pub fn offer() -> Offer {
        Offer { interpreters: vec![Interpreter { version: "3.11".to_owned() }] }
    }

    /// The root of Debian 12 (bookworm) as the archive has it at the moment `at`, made now, or opened if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn prepare(
        pypi: &Pypi,
        debian: &DebianArchive,
        platform: Platform,
        at: Timestamp,
        cancel: &Cancel,
    ) -> Result<Self, EnvironmentError> {
        let store = pypi.store();
        let uv_digest = tools::uv_digest()?;
        let index = debian.suite(SUITE, platform.debian_architecture(), at)?;
        let packages = index.resolve(&PACKAGES, &EXCLUDED)?.packages;
        let mut inputs: Vec<InputRecord> = packages
            .iter()
            .map(|package| InputRecord {
                kind: "debian-package".to_owned(),
                name: format!("{} {} {}", package.name, package.version, package.architecture),
                sha256: package.sha256,
            })
            .collect();
        let digests: Vec<Sha256> = packages.iter().map(|package| package.sha256).collect();
        let key = key(&serde_json::json!(["root", REVISION, digests]));
        let root = made(store, "root", key, || {
            tracing::info!("unpacking {} Debian packages", packages.len());
            let staging = store.staging()?;
            unpack(&packages, &index, staging.path())?;
            Ok(staging)
        })?;
        let key = self::key(&serde_json::json!(["derived", REVISION, root.digest, Sha256::of(DERIVE.as_bytes())]));
        let derived = made(store, "derived", key, || derive(store, &root, cancel))?;
        inputs.push(InputRecord {
            kind: "tool".to_owned(),
            name: format!("uv {}", tools::UV_VERSION),
            sha256: uv_digest,
        });
        Ok(Self { store: store.clone(), pypi: pypi.clone(), uv_digest, root, derived, inputs })
    }

    /// Installs the locked wheels as a layer above the root, or opens it if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn realize(&self, locked: &[LockedRequirement], cancel: &Cancel) -> Result<Environment, EnvironmentError> {
        let digests: Vec<(&str, Sha256)> =
            locked.iter().map(|requirement| (requirement.file_name.as_str(), requirement.sha256)).collect();
        let script = Sha256::of(INSTALL.as_bytes());
        let key = key(&serde_json::json!([
            "python",
            REVISION,
            self.root.digest,
            self.derived.digest,
            self.uv_digest,
            script,
            digests
        ]));
        let python = made(&self.store, "python", key, || {
            tracing::info!("installing {} build requirements", locked.len());
            self.install(locked, cancel)
        })?;
        let mut inputs = self.inputs.clone();
        inputs.extend(locked.iter().map(|requirement| InputRecord {
            kind: "requirement".to_owned(),
            name: format!("{} {}", requirement.name, requirement.version),
            sha256: requirement.sha256,
        }));
        inputs.sort();
        Ok(Environment { layers: vec![python, self.derived.clone(), self.root.clone()], inputs })
    }

    fn install(&self, locked: &[LockedRequirement], cancel: &Cancel) -> Result<Staging, EnvironmentError> {
        let io_error = |doing: &str, source| EnvironmentError::Io { doing: doing.to_owned(), source };
        let wheels = self.store.staging()?;
        let mut listed = String::new();
        for requirement in locked {
            let blob = self.wheel(requirement)?;
            let path = wheels.path().join(&requirement.file_name);
            fs::hard_link(blob.path(), &path)
                .or_else(|_| fs::copy(blob.path(), &path).map(drop))
                .map_err(|source| io_error("laying out a wheel", source))?;
            let (name, version, sha256) = (&requirement.name, &requirement.version, &requirement.sha256);
            listed.push_str(&format!("{name}=={version} --hash=sha256:{sha256}\n"));
        }
        fs::write(wheels.path().join("requirements.txt"), listed)
            .map_err(|source| io_error("listing the wheels", source))?;
        let staging = self.store.staging()?;
        let env = staging.path().join("env");
        fs::create_dir(&env).map_err(|source| io_error("making the environment's folder", source))?;
        let uv = tools::uv(&self.store, &self.pypi)?;
        let bind = |source: &Path, target: &str| Bind { source: source.to_owned(), target: target.into() };
        let spec = Spec {
            layers: vec![self.derived.path.clone(), self.root.path.clone()],
            binds: vec![bind(wheels.path(), "/wheels"), bind(&uv, UV_PATH)],
            scratch: vec!["/env".into()],
            ..step(INSTALL, "/env", &env)
        };
        let collected = run_step("installing the build requirements", &spec, cancel)?;
        link_collected(&env, &collected).map_err(|source| io_error("linking the environment's files", source))?;
        Ok(staging)
    }
}

impl Ground {
    /// The wheel of a locked requirement: from the store, from where it was resolved to, or from where the index has it.
    fn wheel(&self, requirement: &LockedRequirement) -> Result<Blob, EnvironmentError> {
        if let Some(blob) = self.store.blob(&requirement.sha256)? {
            return Ok(blob);
        }
        let resolved = self.store.record::<LockedWheel>("wheel", &requirement.sha256)?;
        if let Some((url, wheel)) = resolved.and_then(|wheel| Some((Url::parse(&wheel.url).ok()?, wheel))) {
            return Ok(self.store.fetch(&Fetch {
                url: &url,
                sha256: requirement.sha256,
                size_bytes: wheel.size_bytes,
                limit_bytes: WHEEL_LIMIT_BYTES,
                what: &format!("the build requirement {}", requirement.file_name),
            })?);
        }
        let project = self.pypi.project(&requirement.name)?;
        match project.find_by_digest(&requirement.sha256) {
            Some(file) => Ok(self.pypi.download(file)?),
            None => Err(EnvironmentError::UnknownWheel { requirement: requirement.clone() }),
        }
    }
}

/// Opens what was made under `key`, or makes it; by one process at a time.
fn made(
    store: &Store,
    kind: &'static str,
    key: Sha256,
    make: impl FnOnce() -> Result<Staging, EnvironmentError>,
) -> Result<Layer, EnvironmentError> {
    let open = || -> Result<Option<Layer>, EnvironmentError> {
        let record = store.record::<Made>(kind, &key)?;
        record.map_or(Ok(None), |made| Layer::open(store, made.layer))
    };
    if let Some(layer) = open()? {
        return Ok(layer);
    }
    let _guard = store.lock(&format!("{kind}-{key}"))?;
    if let Some(layer) = open()? {
        return Ok(layer);
    }
    let layer = Layer::publish(store, make()?)?;
    store.put_record(kind, &key, &Made { layer: layer.digest })?;
    Ok(layer)
}

fn key(value: &serde_json::Value) -> Sha256 {
    Sha256::of(value.to_string().as_bytes())
}

/// Downloads the packages, four at a time, and unpacks them in their order.
fn unpack(packages: &[DebianPackage], index: &PackageIndex, folder: &Path) -> Result<(), EnvironmentError> {
    let next = AtomicUsize::new(0);
    let blobs = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((at, package)) = packages.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let blob = index.download(package);
                    if blob.is_err() {
                        // What is not begun yet need not be.
                        next.store(packages.len(), Ordering::Relaxed);
                    }
                    blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(at, blob);
                }
            });
        }
    });
    let blobs = blobs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let fetched: Vec<Blob> = blobs.into_values().collect::<Result<_, _>>()?;
    let mut root = Root::new(folder)?;
    for (package, blob) in packages.iter().zip(&fetched) {
        root.unpack(&format!("{} {}", package.name, package.version), blob)?;
    }
    root.link_alternatives()
}

fn derive(store: &Store, root: &Layer, cancel: &Cancel) -> Result<Staging, EnvironmentError> {
    tracing::info!("preparing the root file system's locale and bytecode");
    let staging = store.staging()?;
    let spec = Spec {
        layers: vec![root.path.clone()],
        scratch: vec!["/output".into()],
        ..step(DERIVE, "/output", staging.path())
    };
    let collected = run_step("preparing the root file system", &spec, cancel)?;
    link_collected(staging.path(), &collected)
        .map_err(|source| EnvironmentError::Io { doing: "linking the derived files".to_owned(), source })?;
    Ok(staging)
}

/// A sandbox that runs a script of ours by the root's interpreter, and collects one folder.
fn step(script: &str, directory: &str, into: &Path) -> Spec {
    let variables =
        [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("LC_ALL", "C.UTF-8"), ("PYTHONHASHSEED", "0"), ("TZ", "UTC0")];
    Spec {
        files: vec![SkeletonFile {
            path: "/usr/lib/twinbuild/step.py".into(),
            content: script.as_bytes().to_vec(),
            mode: 0o644,
        }],
        argv: [PYTHON, "-B", "/usr/lib/twinbuild/step.py"].map(str::to_owned).to_vec(),
        env: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        collect: vec![Collect { directory: directory.into(), into: into.to_owned(), symlinks: true }],
        limits: Limits { wall: std::time::Duration::from_secs(600), ..Limits::default() },
        ..Spec::default()
    }
}

fn run_step(doing: &'static str, spec: &Spec, cancel: &Cancel) -> Result<Vec<Collected>, EnvironmentError> {
    let run = run(spec, cancel)?;
    match run.end {
        End::Exited(0) => Ok(run.collected),
        End::Cancelled => Err(EnvironmentError::Cancelled { doing }),
        end => {
            let tail = &run.log.bytes[run.log.bytes.len().saturating_sub(2000)..];
            let log = String::from_utf8_lossy(tail).escape_debug().to_string();
            Err(EnvironmentError::Step { doing, end: format!("{end:?}"), log })
        }
    }
}

/// Makes the links that were collected; they are for the inside of a sandbox, and nothing here follows them.
fn link_collected(folder: &Path, collected: &[Collected]) -> io::Result<()> {
    for entry in collected {
        if let CollectedKind::Symlink { target } = &entry.kind {
            symlink(target, folder.join(&entry.path))?;
        }
    }
    Ok(())
}
