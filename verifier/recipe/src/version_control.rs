//! What a build from a commit has of its repository.

use pep440_rs::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Inference, Reason};

/// What a build from a commit has of its repository: beside its files a `.git` of this one commit and the tag by which it was chosen, without
/// hooks and settings, and the program git to ask it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionControl {
    /// The version that tools are told which would ask git for it, in the normal form of PEP 440. `None` lets them ask.
    pub version: Option<String>,
    /// Whether its texts are checked out with the line ends of Windows, as `core.autocrlf` has it there. Attributes of the commit hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crlf: bool,
}

/// The variables by which tools are told a version: setuptools-scm (and hatch-vcs and flit-scm, which call it), pbr, pdm-backend,
/// poetry-dynamic-versioning, uv-dynamic-versioning.
const VARIABLES: [&str; 5] = [
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "PBR_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "UV_DYNAMIC_VERSIONING_BYPASS",
];

impl VersionControl {
    /// The package of Debian that has git.
    pub const PACKAGE: &'static str = "git";

    /// The variables of the build, each with its value.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.version.iter().flat_map(|version| VARIABLES.map(|name| (name, version.as_str())))
    }

    /// Whether the version is one, in its normal form.
    pub(crate) fn is_valid(&self) -> bool {
        self.version
            .as_ref()
            .is_none_or(|text| text.parse::<Version>().is_ok_and(|version| version.to_string() == *text))
    }
}

impl Inference {
    /// The same, for a source that is a commit. The version is that of the published file's name, unless the file names the commit
    /// (`names_commit`): then it was built where git could be asked, and is so again. `has_crlf` says that the file has texts of the commit with
    /// the line ends of Windows.
    #[must_use]
    pub fn from_commit(mut self, version: &Version, names_commit: bool, has_crlf: bool) -> Self {
        const KEY: &str = "version-control.version";
        let (version, because) = if names_commit {
            (None, "none, as the published file names the commit: whatever built it asked git".to_owned())
        } else if version.is_local() {
            // A local version is text of whoever named the file.
            (None, "none, as the version in the published file's name is a local one, which is free text".to_owned())
        } else {
            let because = "the version in the published file's name, for tools that would ask git: what is here of its history is one commit";
            (Some(version.to_string()), because.to_owned())
        };
        let repository = "the source is a commit, and a build from a checkout has its repository".to_owned();
        self.reasons.push(Reason { key: "version-control.repository".to_owned(), because: repository });
        self.reasons.push(Reason { key: KEY.to_owned(), because });
        if has_crlf {
            let because = "the published file has texts of the commit with the line ends of Windows".to_owned();
            self.reasons.push(Reason { key: "version-control.crlf".to_owned(), because });
        }
        self.recipe.version_control = Some(VersionControl { version, crlf: has_crlf });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_in_its_normal_form() {
        let of = |version: &str| VersionControl { version: Some(version.to_owned()), crlf: false };
        assert!(of("1.0.dev3+g1a2b3c").is_valid() && VersionControl::default().is_valid());
        for version in ["", "v1.0", "1.0-1", "1.0\nX=1", "latest"] {
            assert!(!of(version).is_valid(), "{version:?}");
        }
        assert_eq!(VersionControl::default().variables().count(), 0);
        let variables: Vec<_> = of("1.0").variables().map(|(name, value)| format!("{name}={value}")).collect();
        assert!(variables.contains(&"SETUPTOOLS_SCM_PRETEND_VERSION=1.0".to_owned()), "{variables:?}");
    }
}
