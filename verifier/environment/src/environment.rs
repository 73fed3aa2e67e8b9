//! A realized environment.

use std::path::{Path, PathBuf};

use twinbuild_recipe::LockedRequirement;
use twinbuild_sandbox::Cancel;
use twinbuild_subject::Sha256;
use twinbuild_verdict::{EnvironmentRecord, InputRecord};

use crate::ground::REQUIREMENTS;
use crate::realize::NamedLayer;
use crate::{EnvironmentError, EnvironmentLock, LockedFile, Supply};

/// What a build runs on.
#[derive(Debug, Clone)]
pub struct Environment {
    lock: EnvironmentLock,
    /// Lowest first.
    layers: Vec<NamedLayer>,
}

impl Environment {
    pub(crate) fn new(lock: EnvironmentLock, layers: Vec<NamedLayer>) -> Self {
        Self { lock, layers }
    }

    /// What a whole lock says, requirements included, made from the lock alone, or opened if the store has it.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn from_lock(supply: &Supply, lock: EnvironmentLock, cancel: &Cancel) -> Result<Self, EnvironmentError> {
        let layers = lock.realize(supply, cancel)?;
        Ok(Self { lock, layers })
    }

    /// The lock that it was made by: all its files, and what was made of them.
    #[must_use]
    pub fn lock(&self) -> &EnvironmentLock {
        &self.lock
    }

    /// The same environment with these requirements instead: made, or opened if the store has it. Whether they go together is not
    /// asked. What was built before can be among them only if it is in this one, too.
    ///
    /// # Errors
    /// [`EnvironmentError`]; [`EnvironmentError::Step`] where they cannot be installed.
    pub fn with_requirements(
        &self,
        supply: &Supply,
        requirements: &[LockedRequirement],
        cancel: &Cancel,
    ) -> Result<Self, EnvironmentError> {
        let file = |requirement: &LockedRequirement| {
            self.lock.file(&requirement.sha256).cloned().unwrap_or_else(|| LockedFile::of_requirement(requirement))
        };
        let mut lock = self.lock.clone();
        lock.replace_requirements(REQUIREMENTS, requirements.iter().map(file).collect());
        let mut layers: Vec<NamedLayer> = Vec::new();
        for (plan, layer) in lock.layers.iter().zip(&self.layers) {
            let layer = match plan.name == REQUIREMENTS {
                true => lock.realize_layer(plan, &layers, supply, cancel)?,
                false => layer.layer.clone(),
            };
            layers.push(NamedLayer { name: plan.name.clone(), layer });
        }
        Ok(Self { lock, layers })
    }

    /// Adds what requirements were built from and on.
    pub(crate) fn add_origins(&mut self, files: Vec<LockedFile>) {
        self.lock.add_origins(files);
    }

    /// The layers under their names, lowest first.
    #[must_use]
    pub fn layers(&self) -> &[NamedLayer] {
        &self.layers
    }

    /// Where the layers are, topmost first.
    #[must_use]
    pub fn layer_paths(&self) -> Vec<PathBuf> {
        self.layers.iter().rev().map(|layer| layer.layer.path.clone()).collect()
    }

    /// Where the requirements are, the only layer that holds something of an index of packages.
    #[must_use]
    pub fn requirements_path(&self) -> Option<&Path> {
        self.layers.iter().find(|layer| layer.name == REQUIREMENTS).map(|layer| layer.layer.path.as_path())
    }

    /// The interpreter of the root file system, inside: one on which no requirement can have left code.
    #[must_use]
    pub fn root_python(&self) -> String {
        self.lock.specification.suite.python_path()
    }

    /// The files that went into the layers, each with its digest.
    #[must_use]
    pub fn inputs(&self) -> Vec<InputRecord> {
        self.lock.inputs()
    }

    /// Its digests, for a verdict: that of the whole is the SHA-256 over those of the layers as text, one a line.
    #[must_use]
    pub fn record(&self) -> EnvironmentRecord {
        let layers: Vec<Sha256> = self.layers.iter().rev().map(|layer| layer.layer.digest).collect();
        let text: String = layers.iter().map(|digest| format!("{digest}\n")).collect();
        EnvironmentRecord { digest: Sha256::of(text.as_bytes()), layers }
    }
}
