//! From a lock to its layers.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde::{Deserialize, Serialize};
use twinbuild_registry::{Platform, tools};
use twinbuild_sandbox::{
    Bind, Cancel, Collect, Collected, CollectedKind, End, Error as SandboxError, Limits, Processors, SkeletonFile,
    Spec, run,
};
use twinbuild_store::{Blob, Staging, Store};
use twinbuild_subject::Sha256;

use crate::debian::Root;
use crate::environment_lock::{EnvironmentLock, LayerPlan, LockedFile, Step};
use crate::{EnvironmentError, HostInterpreter, Layer, Supply, fix_ups, host_layer, inventory};

/// Changes whenever what this program makes of the same plan changes, so that layers of an older one are not taken for it.
const REVISION: u32 = 2;
/// Where uv stands in a sandbox that installs wheels.
const UV_PATH: &str = "/usr/lib/twinbuild/uv";
/// The programs that run in sandboxes to make layers; see their own documentation.
pub(crate) const DERIVE: &str = include_str!("derive.py");
pub(crate) const INSTALL: &str = include_str!("install.py");

/// A layer of an environment, under its name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLayer {
    /// The name, see [`LayerPlan::name`].
    pub name: String,
    /// The layer.
    pub layer: Layer,
}

/// A layer of an environment that the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldLayer {
    /// The name, see [`LayerPlan::name`].
    pub name: String,
    /// Its digest.
    pub digest: Sha256,
    /// What it takes on disk, in bytes.
    pub size_bytes: u64,
}

/// What the store remembers of what was made by a plan.
#[derive(Serialize, Deserialize)]
struct Made {
    layer: Sha256,
}

impl EnvironmentLock {
    /// The layers of this lock, lowest first: opened where the store has them, else made from the lock alone. What files
    /// the store does not hold are fetched.
    ///
    /// # Errors
    /// [`EnvironmentError::OtherVersion`] where another version of twinbuild would make it otherwise; else as each
    /// variant says.
    pub fn realize(&self, supply: &Supply, cancel: &Cancel) -> Result<Vec<NamedLayer>, EnvironmentError> {
        inventory::remember(supply.store(), self)?;
        let mut layers: Vec<NamedLayer> = Vec::new();
        for plan in &self.layers {
            let layer = self.realize_layer(plan, &layers, supply, cancel)?;
            layers.push(NamedLayer { name: plan.name.clone(), layer });
        }
        Ok(layers)
    }

    /// One layer, made on those of `layers` that its plan names.
    pub(crate) fn realize_layer(
        &self,
        plan: &LayerPlan,
        layers: &[NamedLayer],
        supply: &Supply,
        cancel: &Cancel,
    ) -> Result<Layer, EnvironmentError> {
        let below = self.below(plan, layers)?;
        let store = supply.store();
        if plan.step == Step::Copy {
            return self.copied(plan, supply);
        }
        let key = key(plan, &below.iter().map(|layer| layer.digest).collect::<Vec<_>>());
        if let Some(layer) = opened(store, &key)? {
            return Ok(layer);
        }
        let _only_one = store.lock(&format!("layer-{key}"))?;
        if let Some(layer) = opened(store, &key)? {
            return Ok(layer);
        }
        let maker = Maker { lock: self, plan, below: &below, supply, cancel };
        let layer = Layer::publish(store, maker.make()?)?;
        store.put_record(MADE, &key, &Made { layer: layer.digest })?;
        Ok(layer)
    }

    /// The layers of this lock that the store holds, lowest first, up to the first that it does not hold. They are not
    /// looked into, and that is no use of them.
    ///
    /// # Errors
    /// [`EnvironmentError`] when the store cannot be read.
    pub fn held(&self, store: &Store) -> Result<Vec<HeldLayer>, EnvironmentError> {
        let mut layers: Vec<HeldLayer> = Vec::new();
        for plan in &self.layers {
            let find = |name: &String| layers.iter().find(|layer| layer.name == *name).map(|layer| layer.digest);
            let digest = match (&plan.step, plan.files.first()) {
                (Step::Copy, Some(digest)) => *digest,
                _ => {
                    let Some(below) = plan.on.iter().map(find).collect::<Option<Vec<_>>>() else { break };
                    let Some(Made { layer }) = store.record(MADE, &key(plan, &below))? else { break };
                    layer
                }
            };
            let Some(size_bytes) = store.layer_size_bytes(&digest.to_string())? else { break };
            layers.push(HeldLayer { name: plan.name.clone(), digest, size_bytes });
        }
        Ok(layers)
    }

    fn below(&self, plan: &LayerPlan, layers: &[NamedLayer]) -> Result<Vec<Layer>, EnvironmentError> {
        let find = |name: &String| {
            let found = layers.iter().find(|layer| layer.name == *name).map(|layer| layer.layer.clone());
            let missing = || format!("the layer {} stands on {name}, which does not come before it", plan.name);
            found.ok_or_else(|| EnvironmentError::NoLock { reason: missing() })
        };
        plan.on.iter().map(find).collect()
    }
}

impl EnvironmentLock {
    /// The layer of an interpreter of the host: the one that the store holds, else what this host has under that path, if it
    /// comes to the same.
    fn copied(&self, plan: &LayerPlan, supply: &Supply) -> Result<Layer, EnvironmentError> {
        let files = self.files_of(plan)?;
        let [file] = files.as_slice() else {
            return Err(EnvironmentError::NoLock { reason: "an interpreter of the host is to be one file".to_owned() });
        };
        if let Some(layer) = Layer::open(supply.store(), file.sha256)? {
            return Ok(layer);
        }
        let interpreter = HostInterpreter::locked(file)?;
        let layer = host_layer::copied(supply.store(), &interpreter)?;
        if layer.digest == file.sha256 {
            return Ok(layer);
        }
        let reason = format!("it is to have the digest {}, and this host's has {}", file.sha256, layer.digest);
        Err(EnvironmentError::NotAdmitted { interpreter: interpreter.to_string(), reason })
    }
}

/// The kind of records that say which layer was made by which plan.
const MADE: &str = "layer-made";

/// What a layer depends on, and nothing else: not its name, and not what other layers there are.
fn key(plan: &LayerPlan, below: &[Sha256]) -> Sha256 {
    Sha256::of(serde_json::json!([REVISION, plan.step, below, plan.files]).to_string().as_bytes())
}

fn opened(store: &Store, key: &Sha256) -> Result<Option<Layer>, EnvironmentError> {
    let made = store.record::<Made>(MADE, key)?;
    made.map_or(Ok(None), |made| Layer::open(store, made.layer))
}

/// Makes one layer.
struct Maker<'a> {
    lock: &'a EnvironmentLock,
    plan: &'a LayerPlan,
    /// Topmost first.
    below: &'a [Layer],
    supply: &'a Supply,
    cancel: &'a Cancel,
}

impl Maker<'_> {
    fn make(&self) -> Result<Staging, EnvironmentError> {
        let files = self.lock.files_of(self.plan)?;
        match &self.plan.step {
            Step::Unpack { fix_ups } => {
                self.check("its lists of fix-ups", *fix_ups == fix_ups::digest())?;
                self.unpack(&files)
            }
            Step::Derive { python, script } => {
                self.check("its program to derive it", *script == Sha256::of(DERIVE.as_bytes()))?;
                self.derive(python)
            }
            Step::Install { python, script } => {
                self.check("its program to install wheels", *script == Sha256::of(INSTALL.as_bytes()))?;
                self.install(python, &files)
            }
            // It has no plan's key, see `EnvironmentLock::copied`.
            Step::Copy => Err(EnvironmentError::NoLock { reason: "a copy is not made by a plan".to_owned() }),
            Step::Admit { script, .. } => {
                self.check("its program to try interpreters", *script == Sha256::of(host_layer::ADMIT.as_bytes()))?;
                host_layer::admit(self.supply.store(), &self.interpreter()?, self.below, self.cancel)
            }
            Step::InstallFor { python, script } => {
                self.check("its program to install wheels", *script == Sha256::of(host_layer::INSTALL.as_bytes()))?;
                self.install_for(python, &files)
            }
        }
    }

    /// The interpreter of the host that the lock names.
    fn interpreter(&self) -> Result<HostInterpreter, EnvironmentError> {
        let file = self.lock.host_interpreter();
        let missing = || EnvironmentError::NoLock { reason: "it has no interpreter of the host".to_owned() };
        file.ok_or_else(missing).and_then(HostInterpreter::locked)
    }

    fn install_for(&self, python: &str, files: &[&LockedFile]) -> Result<Staging, EnvironmentError> {
        let [_, wheels @ ..] = files else {
            return Err(EnvironmentError::NoLock { reason: "a layer of wheels has no interpreter".to_owned() });
        };
        tracing::info!("installing {} build requirements", wheels.len());
        let blobs = self.supply.fetch_all(self.lock, wheels)?;
        let named = wheels.iter().zip(blobs).map(|(wheel, blob)| Ok((wheel.wheel_name()?.to_owned(), blob)));
        let wheels: Vec<(String, Blob)> = named.collect::<Result<_, EnvironmentError>>()?;
        let store = self.supply.store();
        host_layer::install(store, &self.interpreter()?, python, self.below, &wheels, |doing, spec| {
            self.run(doing, spec)
        })
    }

    /// Refuses to make another layer than the lock means.
    fn check(&self, what: &'static str, is_same: bool) -> Result<(), EnvironmentError> {
        let layer = self.plan.name.clone();
        if is_same { Ok(()) } else { Err(EnvironmentError::OtherVersion { layer, what }) }
    }

    fn unpack(&self, files: &[&LockedFile]) -> Result<Staging, EnvironmentError> {
        tracing::info!("unpacking {} Debian packages as the layer {}", files.len(), self.plan.name);
        let blobs = self.supply.fetch_all(self.lock, files)?;
        let staging = self.supply.store().staging()?;
        let mut root = match self.below {
            [] => Root::new(staging.path())?,
            below => Root::above(below, staging.path()),
        };
        for (file, blob) in files.iter().zip(&blobs) {
            if self.cancel.is_cancelled() {
                return Err(EnvironmentError::Cancelled { doing: "unpacking Debian packages" });
            }
            root.unpack(&format!("{} {}", file.name, file.version), blob)?;
        }
        root.link_alternatives()?;
        Ok(staging)
    }

    fn derive(&self, python: &str) -> Result<Staging, EnvironmentError> {
        tracing::info!("preparing the root file system's locale and bytecode");
        let staging = self.supply.store().staging()?;
        let spec = Spec {
            layers: self.below.iter().map(|layer| layer.path.clone()).collect(),
            scratch: vec!["/output".into()],
            ..step(DERIVE, python, "/output", staging.path())
        };
        let collected = self.run("preparing the root file system", &spec)?;
        link_collected(staging.path(), &collected).map_err(io_error("linking the derived files"))?;
        Ok(staging)
    }

    fn install(&self, python: &str, files: &[&LockedFile]) -> Result<Staging, EnvironmentError> {
        let [tool, wheels @ ..] = files else {
            return Err(EnvironmentError::NoLock {
                reason: "a layer of wheels has no tool to install them".to_owned(),
            });
        };
        self.check("its resolver", tool.sha256 == tools::uv_wheel()?.sha256)?;
        tracing::info!("installing {} build requirements", wheels.len());
        let store = self.supply.store();
        let laid_out = store.staging()?;
        let mut listed = String::new();
        for (wheel, blob) in wheels.iter().zip(self.supply.fetch_all(self.lock, wheels)?) {
            let file_name = wheel.wheel_name()?;
            let path = laid_out.path().join(file_name);
            fs::hard_link(blob.path(), &path)
                .or_else(|_| fs::copy(blob.path(), &path).map(drop))
                .map_err(io_error("laying out a wheel"))?;
            let LockedFile { name, version, sha256, .. } = wheel;
            listed.push_str(&format!("{name}=={version} --hash=sha256:{sha256}\n"));
        }
        fs::write(laid_out.path().join("requirements.txt"), listed).map_err(io_error("listing the wheels"))?;
        let staging = store.staging()?;
        let env = staging.path().join("env");
        fs::create_dir(&env)
            .and_then(|()| fs::set_permissions(&env, fs::Permissions::from_mode(0o755)))
            .map_err(io_error("making the environment's folder"))?;
        let uv = tools::uv(store, &self.supply.pypi)?;
        let bind = |source: &Path, target: &str| Bind { source: source.to_owned(), target: target.into() };
        let spec = Spec {
            layers: self.below.iter().map(|layer| layer.path.clone()).collect(),
            binds: vec![bind(laid_out.path(), "/wheels"), bind(&uv, UV_PATH)],
            scratch: vec!["/env".into()],
            ..step(INSTALL, python, "/env", &env)
        };
        let collected = self.run("installing the build requirements", &spec)?;
        link_collected(&env, &collected).map_err(io_error("linking the environment's files"))?;
        Ok(staging)
    }

    fn run(&self, doing: &'static str, spec: &Spec) -> Result<Vec<Collected>, EnvironmentError> {
        let here = Platform::host().ok_or(EnvironmentError::Platform)?.debian_architecture();
        let asked = &self.lock.specification.architecture;
        if asked != here {
            return Err(EnvironmentError::Architecture { asked: asked.clone(), here });
        }
        let run = run(spec, self.cancel)?;
        if let Some(refused) = run.refused {
            return Err(SandboxError::Collect(refused).into());
        }
        match run.end {
            End::Exited(0) => Ok(run.collected),
            End::Cancelled => Err(EnvironmentError::Cancelled { doing }),
            end => Err(EnvironmentError::Step { doing, end: format!("{end:?}"), log: tail(&run.log.bytes) }),
        }
    }
}

/// The end of what a step printed, escaped.
pub(crate) fn tail(log: &[u8]) -> String {
    String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).escape_debug().to_string()
}

pub(crate) fn io_error(doing: &'static str) -> impl Fn(io::Error) -> EnvironmentError {
    move |source| EnvironmentError::Io { doing: doing.to_owned(), source }
}

/// A sandbox that runs a script of ours by an interpreter of the layers, and collects one folder. Everything that the
/// result could depend on is fixed.
pub(crate) fn step(script: &str, python: &str, directory: &str, into: &Path) -> Spec {
    const PATH: &str = "/usr/lib/twinbuild/step.py";
    let variables =
        [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("LC_ALL", "C.UTF-8"), ("PYTHONHASHSEED", "0"), ("TZ", "UTC0")];
    Spec {
        files: vec![SkeletonFile { path: PATH.into(), content: script.as_bytes().to_vec(), mode: 0o644 }],
        argv: [python, "-B", PATH].map(str::to_owned).to_vec(),
        env: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        collect: vec![Collect { directory: directory.into(), into: into.to_owned(), symlinks: true }],
        processors: Processors::Count(1),
        randomize_addresses: false,
        limits: Limits { wall: std::time::Duration::from_secs(600), ..Limits::default() },
        ..Spec::default()
    }
}

/// Makes the links that were collected; they are for the inside of a sandbox, and nothing here follows them.
pub(crate) fn link_collected(folder: &Path, collected: &[Collected]) -> io::Result<()> {
    for entry in collected {
        if let CollectedKind::Symlink { target } = &entry.kind {
            symlink(target, folder.join(&entry.path))?;
        }
    }
    Ok(())
}
