//! What is built.

use std::path::Path;

use crate::Stage;

/// What a build makes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// A wheel: the hook `build_wheel` of PEP 517, or `setup.py bdist_wheel`.
    Wheel,
    /// An sdist: the hook `build_sdist` of PEP 517, which always gives a `.tar.gz`, or `setup.py sdist`.
    Sdist(SdistArchive),
}

/// In which archive `setup.py sdist` puts an sdist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SdistArchive {
    /// `.tar.gz`
    TarGz,
    /// `.zip`
    Zip,
}

impl Product {
    /// What it is called, in requests and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wheel => "wheel",
            Self::Sdist(_) => "sdist",
        }
    }

    /// The archive, as `--formats` of `setup.py sdist` names it.
    pub(crate) fn archive(self) -> &'static str {
        match self {
            Self::Wheel | Self::Sdist(SdistArchive::Zip) => "zip",
            Self::Sdist(SdistArchive::TarGz) => "gztar",
        }
    }

    /// The stage at which building it fails.
    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::Wheel => Stage::Wheel,
            Self::Sdist(_) => Stage::Sdist,
        }
    }

    /// Whether a file of the output is one, by its name.
    pub(crate) fn is_named(self, path: &Path) -> bool {
        let endings: &[&str] = match self {
            Self::Wheel => &[".whl"],
            Self::Sdist(_) => &[".tar.gz", ".zip"],
        };
        path.to_str().is_some_and(|name| endings.iter().any(|ending| name.ends_with(ending)))
    }

    /// The class of a build that left none, or several.
    pub(crate) fn none(self) -> &'static str {
        match self {
            Self::Wheel => "no-wheel",
            Self::Sdist(_) => "no-sdist",
        }
    }
}
