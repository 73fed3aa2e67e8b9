//! What an environment is asked to be, before it is known which files that takes.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_recipe::{Interpreter, Provider, Recipe, VersionControl};
use twinbuild_registry::Platform;

use crate::Suite;

/// The suite below interpreters of the host.
const HOST_SUITE: Suite = Suite::Bookworm;

/// What an environment is asked to be, but for the build requirements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Specification {
    /// The release of Debian below everything.
    pub suite: Suite,
    /// The architecture as Debian names it.
    pub architecture: String,
    /// The moment as of which the archive is taken; `None` for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What runs builds.
    pub interpreter: Interpreter,
    /// Whether there are compilers.
    pub toolchain: bool,
    /// Further packages of the archive, such as `git`, `perl` or `tcl`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packages: BTreeSet<String>,
}

impl Specification {
    /// A suite with its own interpreter and nothing further.
    #[must_use]
    pub fn of_suite(suite: Suite, platform: Platform) -> Self {
        Self {
            suite,
            architecture: platform.debian_architecture().to_owned(),
            at: None,
            interpreter: Interpreter { version: suite.python().to_owned(), provider: Provider::Debian },
            toolchain: false,
            packages: BTreeSet::new(),
        }
    }

    /// What a recipe asks for; `None` where no suite has its interpreter.
    #[must_use]
    pub fn of_recipe(recipe: &Recipe, platform: Platform) -> Option<Self> {
        let suite = match recipe.interpreter.provider {
            Provider::Debian => Suite::by_python(&recipe.interpreter.version)?,
            Provider::Host => HOST_SUITE,
        };
        let (toolchain, interpreter) = (recipe.environment.toolchain, recipe.interpreter.clone());
        let packages = recipe.version_control.iter().map(|_| VersionControl::PACKAGE.to_owned()).collect();
        Some(Self { toolchain, interpreter, packages, ..Self::of_suite(suite, platform) })
    }
}

/// Such as `bookworm/amd64 with Python 3.11, toolchain, git, as of 2026-01-31T00:00:00Z`.
impl fmt::Display for Specification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} with Python {}", self.suite.code_name(), self.architecture, self.interpreter.version)?;
        if self.interpreter.provider == Provider::Host {
            f.write_str(" of this host")?;
        }
        if self.toolchain {
            f.write_str(", toolchain")?;
        }
        for package in &self.packages {
            write!(f, ", {package}")?;
        }
        match self.at {
            Some(at) => write!(f, ", as of {at}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_gets_the_suite_that_has_its_interpreter() {
        let recipe = |version: &str, more: &str| {
            let text = format!(
                "format = 1\n[interpreter]\nversion = \"{version}\"\n{more}[build]\nfront-end = \"setup-py\"\n\
                 [requirements]\ncutoff = \"2021-05-05T14:18:17Z\"\ndirect = []\n"
            );
            Specification::of_recipe(&Recipe::from_toml(&text).unwrap(), Platform::LinuxX86_64)
        };
        assert_eq!(recipe("3.11", ""), Some(Specification::of_suite(Suite::Bookworm, Platform::LinuxX86_64)));
        let with_toolchain = recipe("3.9", "[environment]\ntoolchain = true\n").unwrap();
        assert_eq!(with_toolchain.to_string(), "bullseye/amd64 with Python 3.9, toolchain");
        assert_eq!(recipe("3.10", ""), None);
        let of_commit = recipe("3.11", "[version-control]\nrepository = true\n").unwrap();
        assert_eq!(of_commit.to_string(), "bookworm/amd64 with Python 3.11, git");
        let of_host = recipe("2.7", "provider = \"host\"\n").unwrap();
        assert_eq!(of_host.to_string(), "bookworm/amd64 with Python 2.7 of this host");
    }

    #[test]
    fn a_specification_survives_its_json_form() {
        let mut specification = Specification::of_suite(Suite::Trixie, Platform::LinuxAarch64);
        specification.at = Some("2026-01-31T00:00:00Z".parse().unwrap());
        specification.packages = ["git".to_owned(), "tcl".to_owned()].into();
        assert_eq!(specification.to_string(), "trixie/arm64 with Python 3.13, git, tcl, as of 2026-01-31T00:00:00Z");
        let json = serde_json::to_string(&specification).unwrap();
        assert_eq!(serde_json::from_str::<Specification>(&json).unwrap(), specification);
    }
}
