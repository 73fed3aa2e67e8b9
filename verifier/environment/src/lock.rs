//! Resolving requirements to wheels with digests, by the pinned uv.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::{LockedRequirement, Provider, Recipe};
use twinbuild_registry::tools;
use twinbuild_store::{Network, Url};
use twinbuild_subject::{PackageName, Sha256, WheelFileName};

use crate::interpreter::{Order, VARIABLE, tool};
use crate::target::Target;
use crate::{BuiltRequirement, EnvironmentError, Ground, SdistRequirement, sdist_requirement};

/// Why requirements have no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// No set of wheels meets the requirements.
    #[error("no wheels from before {cutoff} meet the requirements: {reason}")]
    Unresolvable {
        /// The cut-off.
        cutoff: Timestamp,
        /// What the resolver said, escaped.
        reason: String,
    },
    /// A requirement has no wheel for this platform.
    #[error("{name} {version} has no wheel for {target}")]
    NoWheel {
        /// The project.
        name: PackageName,
        /// The version.
        version: String,
        /// The interpreter and platform.
        target: String,
    },
    /// A requirement is published as an sdist only: it has to be built first.
    #[error("{} {} is published as an sdist only ({})", sdist.name, sdist.version, sdist.file_name.text)]
    SdistOnly {
        /// The sdist.
        sdist: Box<SdistRequirement>,
    },
    /// A wheel of a given lock may not be used.
    #[error("the recipe's {} (sha256:{}) cannot be used: {reason}", requirement.file_name, requirement.sha256)]
    Refused {
        /// The wheel.
        requirement: Box<LockedRequirement>,
        /// Why.
        reason: String,
    },
    /// The resolver failed for another reason, such as the network.
    #[error("resolving the requirements failed: {reason}")]
    Resolver {
        /// What the resolver said, escaped.
        reason: String,
    },
    /// The requirements are not in the cache, and the network is not to be used.
    #[error("the requirements {requirements:?} as of {cutoff} are not in the cache: run once without --offline")]
    Offline {
        /// What is asked for.
        requirements: Vec<String>,
        /// The cut-off.
        cutoff: Timestamp,
    },
    /// The ground failed.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

/// The kind of records that say which sdist a lock waits for.
const SDIST_ONLY: &str = "lock-sdist-only";

/// What the store keeps of a lock: enough to fetch the wheels again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LockedWheel {
    pub(crate) requirement: LockedRequirement,
    pub(crate) url: String,
    pub(crate) size_bytes: Option<u64>,
}

/// The parts of a lock file (PEP 751) that are read.
#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    packages: Vec<LockedPackage>,
}

#[derive(Deserialize)]
struct LockedPackage {
    name: PackageName,
    version: String,
    #[serde(default)]
    wheels: Vec<Wheel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wheel {
    url: Url,
    name: Option<String>,
    upload_time: Option<toml::value::Datetime>,
    size: Option<u64>,
    hashes: Hashes,
}

#[derive(Deserialize)]
struct Hashes {
    sha256: Sha256,
}

impl Ground {
    /// Resolves the recipe's direct requirements, as of its cut-off, to wheels: sorted by name. `built` are those that were
    /// built already, as there is no wheel of them on the index.
    ///
    /// # Errors
    /// [`LockError`]; [`LockError::SdistOnly`] for the next requirement that has to be built.
    pub fn lock(&self, recipe: &Recipe, built: &[BuiltRequirement]) -> Result<Vec<LockedRequirement>, LockError> {
        let requirements = &recipe.requirements;
        let base: Vec<Sha256> = self.base().into_iter().map(|layer| layer.layer.digest).collect();
        let key = serde_json::json!([
            "lock 4",
            requirements.direct,
            requirements.cutoff,
            base,
            self.python,
            self.supply.pypi.index().url().as_str(),
            tools::uv_digest().map_err(EnvironmentError::from)?,
            built.iter().map(|built| &built.requirement).collect::<Vec<_>>(),
        ]);
        let key = Sha256::of(key.to_string().as_bytes());
        let store = self.supply.store();
        let held = store.record::<Vec<LockedWheel>>("lock", &key).map_err(EnvironmentError::from)?;
        let wheels = match held {
            Some(wheels) => wheels,
            None => {
                if let Some(sdist) = self.held_sdist(&key, requirements.cutoff)? {
                    return Err(LockError::SdistOnly { sdist: Box::new(sdist) });
                }
                if store.network() == Network::Offline {
                    let (requirements, cutoff) = (requirements.direct.clone(), requirements.cutoff);
                    return Err(LockError::Offline { requirements, cutoff });
                }
                let resolved = self.resolve(&requirements.direct, requirements.cutoff, built);
                if let Err(LockError::SdistOnly { sdist }) = &resolved {
                    let held = (&sdist.name, sdist.file.sha256);
                    store.put_record(SDIST_ONLY, &key, &held).map_err(EnvironmentError::from)?;
                }
                let wheels = resolved?;
                store.put_record("lock", &key, &wheels).map_err(EnvironmentError::from)?;
                wheels
            }
        };
        for wheel in wheels.iter().filter(|wheel| wheel.requirement.sdist_sha256.is_none()) {
            // Where to fetch it from is looked up by digest, so that a recipe need not hold addresses.
            store.put_record("wheel", &wheel.requirement.sha256, wheel).map_err(EnvironmentError::from)?;
        }
        Ok(wheels.into_iter().map(|wheel| wheel.requirement).collect())
    }

    /// The sdist that was found to be needed for the question `key` before.
    fn held_sdist(&self, key: &Sha256, cutoff: Timestamp) -> Result<Option<SdistRequirement>, EnvironmentError> {
        let Some((name, sha256)) = self.supply.store().record::<(PackageName, Sha256)>(SDIST_ONLY, key)? else {
            return Ok(None);
        };
        let project = self.supply.pypi.project(&name)?;
        Ok(sdist_requirement::of_digest(&project, &sha256, cutoff))
    }

    /// Checks a lock that was given instead of resolved: each wheel must be on the index, from before the cut-off. Where it is,
    /// and its size, are remembered as those of a lock that was resolved.
    ///
    /// # Errors
    /// [`LockError::Refused`] for the first wheel that is not, [`LockError::Environment`] where the index cannot be asked.
    pub fn check_lock(&self, locked: &[LockedRequirement], cutoff: Timestamp) -> Result<(), LockError> {
        for requirement in locked {
            if requirement.sdist_sha256.is_some() {
                self.locked_sdist(requirement, cutoff)?;
                continue;
            }
            let project = self.supply.pypi.project(&requirement.name).map_err(EnvironmentError::from)?;
            let refused = |reason: String| LockError::Refused { requirement: Box::new(requirement.clone()), reason };
            let file = project
                .find_by_digest(&requirement.sha256)
                .filter(|file| file.file_name.text() == requirement.file_name)
                .ok_or_else(|| refused("the index has no such file with that digest".to_owned()))?;
            match file.upload_time {
                Some(time) if time < cutoff => {}
                Some(time) => return Err(refused(format!("it was uploaded at {time}, and the cut-off is {cutoff}"))),
                None => return Err(refused("the index does not say when it was uploaded".to_owned())),
            }
            let (requirement, url) = (requirement.clone(), file.url.to_string());
            let wheel = LockedWheel { requirement, url, size_bytes: file.size_bytes };
            let store = self.supply.store();
            store.put_record("wheel", &wheel.requirement.sha256, &wheel).map_err(EnvironmentError::from)?;
        }
        Ok(())
    }

    /// The sdist of a wheel of a given lock: it must be on the index, be of that release, and be from before the cut-off.
    ///
    /// # Errors
    /// [`LockError::Refused`], [`LockError::Environment`].
    pub fn locked_sdist(
        &self,
        requirement: &LockedRequirement,
        cutoff: Timestamp,
    ) -> Result<SdistRequirement, LockError> {
        let refused =
            |reason: &str| LockError::Refused { requirement: Box::new(requirement.clone()), reason: reason.to_owned() };
        let digest = requirement.sdist_sha256.ok_or_else(|| refused("it names no sdist that it was built from"))?;
        let project = self.supply.pypi.project(&requirement.name).map_err(EnvironmentError::from)?;
        let sdist = sdist_requirement::of_digest(&project, &digest, cutoff);
        let is_of_release = |sdist: &SdistRequirement| requirement.is_release(&sdist.name, &sdist.version);
        sdist
            .filter(is_of_release)
            .ok_or_else(|| refused("the index has no sdist of that release and digest from before the cut-off"))
    }

    /// The next sdist to be built, where the resolver found no solution.
    fn find_sdist(
        &self,
        direct: &[String],
        cutoff: Timestamp,
        built: &[BuiltRequirement],
    ) -> Result<Option<SdistRequirement>, EnvironmentError> {
        let target = self.target()?;
        let fits = |wheel: &WheelFileName| target.fitness(wheel).is_some();
        let wanted = sdist_requirement::Target { version: self.python_version(), fits: &fits, cutoff };
        sdist_requirement::find(&self.supply.pypi, direct, &wanted, built)
    }

    /// The version of the interpreter; of one of Debian the last number is not known before it runs, and taken as the
    /// highest.
    fn python_version(&self) -> (u32, u32, u32) {
        let text = match self.lock.host_interpreter() {
            Some(file) => file.version.clone(),
            None => format!("{}.99", self.lock.specification.interpreter.version),
        };
        let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        (next(), next(), next())
    }

    /// What wheels must fit.
    fn target(&self) -> Result<Target, EnvironmentError> {
        let specification = &self.lock.specification;
        let version = &specification.interpreter.version;
        Target::new(version, specification.suite.glibc_minor()).ok_or_else(|| EnvironmentError::Interpreter {
            version: version.clone(),
            is_host: specification.interpreter.provider == Provider::Host,
        })
    }

    fn resolve(
        &self,
        direct: &[String],
        cutoff: Timestamp,
        built: &[BuiltRequirement],
    ) -> Result<Vec<LockedWheel>, LockError> {
        let staging = self.supply.store().staging().map_err(EnvironmentError::from)?;
        let io_error = |doing: &str| {
            let doing = doing.to_owned();
            move |source: io::Error| LockError::from(EnvironmentError::Io { doing, source })
        };
        let input = staging.path().join("requirements.in");
        let output = staging.path().join("pylock.toml");
        fs::write(&input, direct.join("\n")).map_err(io_error("writing the requirements"))?;
        let links = staging.path().join("built");
        fs::create_dir(&links).map_err(io_error("making a folder for built wheels"))?;
        for BuiltRequirement { requirement, .. } in built {
            let blob = self.supply.store().blob(&requirement.sha256).map_err(EnvironmentError::from)?;
            let unknown = || EnvironmentError::UnknownWheel {
                name: format!("{} {}", requirement.name, requirement.version),
                sha256: requirement.sha256,
            };
            let blob = blob.ok_or_else(unknown)?;
            fs::copy(blob.path(), links.join(&requirement.file_name)).map_err(io_error("laying out a built wheel"))?;
        }
        match self.run_uv(staging.path(), &input, &output, cutoff)? {
            None => {}
            Some(unresolvable @ LockError::Unresolvable { .. }) => {
                return Err(match self.find_sdist(direct, cutoff, built)? {
                    Some(sdist) => LockError::SdistOnly { sdist: Box::new(sdist) },
                    None => unresolvable,
                });
            }
            Some(reason) => return Err(reason),
        }
        let text = fs::read_to_string(&output).map_err(io_error("reading the resolver's lock file"))?;
        let file: LockFile = toml::from_str(&text)
            .map_err(|error| LockError::Resolver { reason: format!("its lock file cannot be read: {error}") })?;
        let target = self.target()?;
        let mut wheels = Vec::new();
        for package in file.packages {
            let own = built.iter().map(|built| &built.requirement).find(|own| own.name == package.name);
            if let Some(own) = own.filter(|own| is_version(own, &package.version)) {
                wheels.push(LockedWheel { requirement: own.clone(), url: String::new(), size_bytes: None });
                continue;
            }
            wheels.push(match choose(package, &target, cutoff) {
                Err(LockError::NoWheel { name, version, target }) => {
                    let release = self.sdist_of(&name, &version, cutoff)?;
                    let sdist = release.ok_or(LockError::NoWheel { name, version, target })?;
                    return Err(LockError::SdistOnly { sdist: Box::new(sdist) });
                }
                chosen => chosen?,
            });
        }
        wheels.sort_by(|a, b| a.requirement.name.cmp(&b.requirement.name));
        Ok(wheels)
    }

    /// The sdist of a release that has no wheel that fits.
    fn sdist_of(
        &self,
        name: &PackageName,
        version: &str,
        cutoff: Timestamp,
    ) -> Result<Option<SdistRequirement>, EnvironmentError> {
        let project = self.supply.pypi.project(name)?;
        let version = version.parse().ok();
        Ok(version.and_then(|version| sdist_requirement::of_release(&project, &version, cutoff)))
    }

    /// Runs the resolver; gives why it failed, if it did.
    fn run_uv(
        &self,
        folder: &Path,
        input: &Path,
        output: &Path,
        cutoff: Timestamp,
    ) -> Result<Option<LockError>, LockError> {
        let io_error = |doing: &str, source| LockError::from(EnvironmentError::Io { doing: doing.to_owned(), source });
        let store = self.supply.store();
        let cache = store.directory().join("uv");
        fs::create_dir_all(&cache).map_err(|source| io_error("making the resolver's cache", source))?;
        let layers = self.base().into_iter().map(|layer| layer.layer.path.clone()).collect();
        // It is told of an interpreter of the host by its version, as it cannot ask old ones. They answer like the root's.
        let root_python = self.lock.specification.suite.python_path();
        let sandbox = twinbuild_sandbox::chosen();
        let order = Order { layers, python: root_python.clone(), cache: cache.clone(), sandbox };
        let order = serde_json::to_string(&order)
            .map_err(|error| io_error("naming the interpreter", io::Error::other(error)))?;
        let python = interpreter_link(store.directory(), Sha256::of(order.as_bytes()), &root_python)
            .map_err(|source| io_error("linking the interpreter", source))?;
        let uv = tools::uv(store, &self.supply.pypi).map_err(EnvironmentError::from)?;
        let mut command = tool(&uv);
        command
            .args(["pip", "compile", "--no-config", "--no-python-downloads", "--no-progress", "--quiet"])
            .args(["--only-binary", ":all:", "--generate-hashes", "--format", "pylock.toml", "--no-header"])
            .args(["--exclude-newer", &cutoff.to_string()])
            .args(["--default-index", self.supply.pypi.index().url().as_str()])
            .arg("--cache-dir")
            .arg(&cache)
            .arg("--python")
            .arg(python)
            .args(self.lock.host_interpreter().into_iter().flat_map(|file| ["--python-version", &file.version]))
            .args(["--find-links", "built"])
            .arg("--output-file")
            .arg(output)
            .arg(input)
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env(VARIABLE, order);
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let said = command.output().map_err(|source| io_error("starting the resolver", source))?;
        let reason = || {
            let text = String::from_utf8_lossy(&said.stderr);
            text.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .chars()
                .filter(|c| !c.is_control())
                .take(1000)
                .collect()
        };
        // uv's exit codes: 1 when there is no solution, 2 when it could not do its work.
        Ok(match said.status.code() {
            Some(0) => None,
            Some(1) => Some(LockError::Unresolvable { cutoff, reason: reason() }),
            _ => Some(LockError::Resolver { reason: reason() }),
        })
    }
}

/// Whether a wheel is of that version, in whatever form.
fn is_version(own: &LockedRequirement, version: &str) -> bool {
    version.parse().is_ok_and(|version| own.is_release(&own.name, &version))
}

/// A link by the name of the interpreter to this program, in a place that stays the same for the same `order`: the
/// resolver remembers what it was told under the link's path.
fn interpreter_link(cache: &Path, order: Sha256, python: &str) -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = cache.join("interpreter").join(order.to_string());
    fs::create_dir_all(&folder)?;
    let link = folder.join(Path::new(python).file_name().unwrap_or(python.as_ref()));
    if fs::read_link(&link).ok().as_deref() != Some(program.as_path()) {
        // Several threads may come to it at the same time.
        static LINKS: AtomicU64 = AtomicU64::new(0);
        let number = LINKS.fetch_add(1, Ordering::Relaxed);
        let fresh = folder.join(format!(".{}-{number}", std::process::id()));
        std::os::unix::fs::symlink(&program, &fresh)?;
        fs::rename(&fresh, &link)?;
    }
    Ok(link)
}

/// The wheel of a package that fits: a pure one, else one for this interpreter and platform.
fn choose(package: LockedPackage, target: &Target, cutoff: Timestamp) -> Result<LockedWheel, LockError> {
    let LockedPackage { name, version, wheels } = package;
    let mut fitting = Vec::new();
    for wheel in wheels {
        let from_url = wheel.url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let text = wheel.name.clone().unwrap_or_else(|| from_url.to_owned());
        let Ok(file_name) = text.parse::<WheelFileName>() else { continue };
        let uploaded = wheel.upload_time.as_ref().and_then(|time| time.to_string().parse::<Timestamp>().ok());
        if uploaded.is_none_or(|uploaded| uploaded >= cutoff) {
            return Err(LockError::Resolver {
                reason: format!("it chose {text}, which is not known to have been uploaded before {cutoff}"),
            });
        }
        fitting.extend(target.fitness(&file_name).map(|fitness| (fitness, text, wheel)));
    }
    // The same wheel every time: the fittest, and of these the first by name.
    fitting.sort_by(|(a, a_name, _), (b, b_name, _)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    let Some((_, file_name, wheel)) = fitting.into_iter().next() else {
        return Err(LockError::NoWheel { name, version, target: target.to_string() });
    };
    let requirement = LockedRequirement { name, version, file_name, sha256: wheel.hashes.sha256, sdist_sha256: None };
    requirement.check().map_err(|expected| LockError::Resolver { reason: format!("in its lock file: {expected}") })?;
    Ok(LockedWheel { requirement, url: wheel.url.into(), size_bytes: wheel.size })
}
