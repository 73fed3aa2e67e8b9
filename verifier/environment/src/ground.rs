//! The part of environments that does not depend on a recipe's requirements, and what is made on it.

use std::path::PathBuf;

use jiff::Timestamp;
use twinbuild_recipe::{Interpreter, LockedRequirement, Offer, Provider};
use twinbuild_registry::tools;
use twinbuild_sandbox::Cancel;
use twinbuild_subject::Sha256;

use crate::environment_lock::{EnvironmentLock, FileKind, LockedFile, Origin, Step};
use crate::lock::LockedWheel;
use crate::realize::{INSTALL, NamedLayer};
use crate::{
    BuiltRequirement, Environment, EnvironmentError, HostInterpreter, HostPlaces, Specification, Suite, Supply,
    host_layer,
};

/// A root file system with its interpreter, and the tools to make environments on it.
#[derive(Debug, Clone)]
pub struct Ground {
    pub(crate) supply: Supply,
    pub(crate) lock: EnvironmentLock,
    /// Lowest first.
    pub(crate) layers: Vec<NamedLayer>,
    /// Where the interpreter of builds is, inside.
    pub(crate) python: String,
}

impl Ground {
    /// The interpreters that builds can have, the one that is taken where nothing speaks for another first: those of Debian,
    /// then those of this host.
    #[must_use]
    pub fn offer(hosts: &HostPlaces) -> Offer {
        let of = |suite: Suite| Interpreter { version: suite.python().to_owned(), provider: Provider::Debian };
        let of_host = |host: HostInterpreter| Interpreter { version: host.minor_version(), provider: Provider::Host };
        let hosts = hosts.interpreters().into_iter().map(of_host);
        Offer { interpreters: Suite::ALL.map(of).into_iter().chain(hosts).collect() }
    }

    /// What the specification comes to now, or at the moment that it is pinned to: made, or opened if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn prepare(supply: &Supply, specification: &Specification, cancel: &Cancel) -> Result<Self, EnvironmentError> {
        let lock = specification.resolve(supply, Timestamp::now())?;
        Self::from_lock(supply, lock, cancel)
    }

    /// What a lock says, made from the lock alone, or opened if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn from_lock(supply: &Supply, lock: EnvironmentLock, cancel: &Cancel) -> Result<Self, EnvironmentError> {
        let layers = lock.realize(supply, cancel)?;
        let Interpreter { version, provider } = &lock.specification.interpreter;
        let python = match provider {
            Provider::Debian if *version == lock.specification.suite.python() => lock.specification.suite.python_path(),
            Provider::Debian => {
                return Err(EnvironmentError::Interpreter { version: version.clone(), is_host: false });
            }
            Provider::Host => {
                let missing = || EnvironmentError::Interpreter { version: version.clone(), is_host: true };
                let interpreter = HostInterpreter::locked(lock.host_interpreter().ok_or_else(missing)?)?;
                interpreter.program().to_string_lossy().into_owned()
            }
        };
        Ok(Self { supply: supply.clone(), lock, layers, python })
    }

    /// The lock that it was made by.
    #[must_use]
    pub fn environment_lock(&self) -> &EnvironmentLock {
        &self.lock
    }

    /// Where its layers are, topmost first.
    #[must_use]
    pub fn layer_paths(&self) -> Vec<PathBuf> {
        self.layers.iter().rev().map(|layer| layer.layer.path.clone()).collect()
    }

    /// The interpreter of the root file system, inside.
    #[must_use]
    pub fn root_python(&self) -> String {
        self.lock.specification.suite.python_path()
    }

    /// The layers that requirements are installed on, topmost first: those that an interpreter needs, so neither compilers
    /// nor further packages.
    pub(crate) fn base(&self) -> Vec<&NamedLayer> {
        self.layers.iter().rev().filter(|layer| BASE.contains(&layer.name.as_str())).collect()
    }

    /// Installs the locked wheels as a layer above the others, or opens it if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn realize(&self, locked: &[LockedRequirement], cancel: &Cancel) -> Result<Environment, EnvironmentError> {
        let (installer, step) = self.installer()?;
        let mut files = vec![installer];
        for requirement in locked {
            files.push(self.requirement(requirement)?);
        }
        let mut lock = self.lock.clone();
        let on: Vec<&str> = self.base().into_iter().map(|layer| layer.name.as_str()).collect();
        lock.add(REQUIREMENTS, &on, step, files);
        let plan = lock.layers.last().ok_or_else(|| EnvironmentError::NoLock { reason: "it is empty".to_owned() })?;
        let layer = lock.realize_layer(plan, &self.layers, &self.supply, cancel)?;
        let mut layers = self.layers.clone();
        layers.push(NamedLayer { name: REQUIREMENTS.to_owned(), layer });
        Ok(Environment::new(lock, layers))
    }

    /// Installs the locked wheels, of which some were built before, and names what these were built from and on.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn realize_with(
        &self,
        locked: &[LockedRequirement],
        built: &[BuiltRequirement],
        cancel: &Cancel,
    ) -> Result<Environment, EnvironmentError> {
        let mut environment = self.realize(locked, cancel)?;
        for built in built.iter().filter(|built| locked.contains(&built.requirement)) {
            environment.add_origins(built.origins.clone());
        }
        Ok(environment)
    }

    /// What installs wheels, and how: the resolver, which knows Python 3.8 and newer, else a program of our own. What is on
    /// Debian is always known to it.
    fn installer(&self) -> Result<(LockedFile, Step), EnvironmentError> {
        if let Some(interpreter) = self.lock.host_interpreter() {
            let python = self.lock.specification.suite.python_path();
            let script = Sha256::of(host_layer::INSTALL.as_bytes());
            return Ok((interpreter.clone(), Step::InstallFor { python, script }));
        }
        let uv = tools::uv_wheel()?;
        let file = LockedFile {
            kind: FileKind::Tool,
            name: uv.project.to_string(),
            version: tools::UV_VERSION.to_owned(),
            architecture: None,
            size_bytes: Some(uv.size_bytes),
            sha256: uv.sha256,
            origin: Origin::PythonIndex { project: uv.project, file_name: uv.file_name.to_owned() },
        };
        Ok((file, Step::Install { python: self.python.clone(), script: Sha256::of(INSTALL.as_bytes()) }))
    }

    fn requirement(&self, requirement: &LockedRequirement) -> Result<LockedFile, EnvironmentError> {
        let resolved = self.supply.store().record::<LockedWheel>("wheel", &requirement.sha256)?;
        let origin = match requirement.sdist_sha256 {
            Some(sdist) => Origin::Built { file_name: requirement.file_name.clone(), sdist },
            None => Origin::PythonIndex { project: requirement.name.clone(), file_name: requirement.file_name.clone() },
        };
        let is_built = requirement.sdist_sha256.is_some();
        Ok(LockedFile {
            kind: if is_built { FileKind::RequirementBuilt } else { FileKind::Requirement },
            name: requirement.name.to_string(),
            version: requirement.version.clone(),
            architecture: None,
            size_bytes: resolved.and_then(|wheel| wheel.size_bytes),
            sha256: requirement.sha256,
            origin,
        })
    }
}

/// The name of the layer of build requirements, the topmost.
pub(crate) const REQUIREMENTS: &str = "requirements";
/// The names of the layers that an interpreter needs.
const BASE: [&str; 5] = ["root", "derived", "libraries", "interpreter", "bytecode"];
