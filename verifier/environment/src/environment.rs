//! A realized environment.

use std::path::{Path, PathBuf};

use twinbuild_subject::Sha256;
use twinbuild_verdict::{EnvironmentRecord, InputRecord};

use crate::Layer;

/// What a build runs on.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The layers, topmost first.
    pub(crate) layers: Vec<Layer>,
    /// What went into them.
    pub(crate) inputs: Vec<InputRecord>,
}

impl Environment {
    /// Where the layers are, topmost first.
    #[must_use]
    pub fn layer_paths(&self) -> Vec<PathBuf> {
        self.layers.iter().map(|layer| layer.path.clone()).collect()
    }

    /// Where the requirements are, the only layer that holds something of an index of packages.
    #[must_use]
    pub fn requirements_path(&self) -> Option<&Path> {
        self.layers.first().map(|layer| layer.path.as_path())
    }

    /// The files that went into the layers, each with its digest.
    #[must_use]
    pub fn inputs(&self) -> &[InputRecord] {
        &self.inputs
    }

    /// Its digests, for a verdict: that of the whole is the SHA-256 over those of the layers as text, one a line.
    #[must_use]
    pub fn record(&self) -> EnvironmentRecord {
        let layers: Vec<Sha256> = self.layers.iter().map(|layer| layer.digest).collect();
        let text: String = layers.iter().map(|digest| format!("{digest}\n")).collect();
        EnvironmentRecord { digest: Sha256::of(text.as_bytes()), layers }
    }
}
