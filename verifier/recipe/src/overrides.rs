//! What is known of how a project's files were built, and cannot be inferred.

use std::str::FromStr as _;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::VersionOrUrl;
use serde::Deserialize;
use toml::{Table, Value};
use twinbuild_subject::PackageName;

use crate::source::check_requirement;
use crate::{Generator, Inference, Reason, Recipe, RecipeError};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;
/// A recipe that any override can be tried on.
const ANY: &str = "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\nbackend = \"a.b\"\n\
                   [requirements]\ncutoff = \"2020-02-02T00:00:00Z\"\ndirect = []\n";

/// Keys of a recipe for some versions of a project, and why these cannot be inferred.
///
/// It has the recipe's own form, so that it cannot say more than a recipe: `format`, `versions` (a version specifier, PEP 440),
/// `reason`, and any of the tables `interpreter` and `build`, whose keys replace those of the inferred recipe, and
/// `requirements.direct`, whose entries each replace what the inferred recipe has for the same project, or are added.
/// A cut-off or a lock cannot be given: the laws that hold for an inferred recipe hold for what becomes of it.
///
/// ```
/// use twinbuild_recipe::RecipeOverride;
///
/// let known = RecipeOverride::from_toml(
///     r#"
///     format = 1
///     versions = ">=1.2,<1.4"
///     reason = "released on another machine, with Python 3.9"
///     [interpreter]
///     version = "3.9"
///     "#,
/// )?;
/// assert!(known.is_for(&"1.3.5".parse().unwrap()) && !known.is_for(&"1.4".parse().unwrap()));
/// # Ok::<(), twinbuild_recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RecipeOverride {
    versions: VersionSpecifiers,
    reason: String,
    interpreter: Table,
    build: Table,
    direct: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: i64,
    versions: String,
    reason: String,
    #[serde(default)]
    interpreter: Table,
    #[serde(default)]
    build: Table,
    #[serde(default)]
    requirements: RequirementsTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequirementsTable {
    direct: Vec<String>,
}

impl RecipeOverride {
    /// Reads the TOML form.
    ///
    /// # Errors
    /// When `text` is not TOML, has a key that it may not have, or a value that no recipe can have.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let document: Document = toml::from_str(text).map_err(|error| not_toml(&error))?;
        let Document { format, versions, reason, interpreter, build, requirements } = document;
        if format != 1 {
            return Err(RecipeError::Format { found: format });
        }
        let value = |key, found: &str, expected: &str| RecipeError::Value {
            key,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let versions = VersionSpecifiers::from_str(&versions).map_err(|_| {
            value("versions", &versions, "a version specifier (PEP 440) is expected, such as >=1.2,<1.4")
        })?;
        let is_one_line =
            !reason.contains(char::is_control) && (1..=MAX_REASON).contains(&reason.trim().chars().count());
        if !is_one_line {
            return Err(value("reason", &reason, "one line of up to 500 characters is expected"));
        }
        if interpreter.is_empty() && build.is_empty() && requirements.direct.is_empty() {
            return Err(value("interpreter", "", "some key of interpreter, build or requirements is expected"));
        }
        let reason = reason.trim().to_owned();
        let this = Self { versions, reason, interpreter, build, direct: requirements.direct };
        this.recipe(&Recipe::from_toml(ANY)?)?;
        Ok(this)
    }

    /// Why it is needed.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether it is for this version.
    #[must_use]
    pub fn is_for(&self, version: &Version) -> bool {
        self.versions.contains(version)
    }

    /// The tool that wrote the file, where one is pinned that is known to write wheels: it stands for a generator that is not known.
    #[must_use]
    pub fn generator(&self) -> Option<Generator> {
        self.direct.iter().find_map(|text| {
            let requirement = check_requirement("the override", text).ok()?;
            let Some(VersionOrUrl::VersionSpecifier(range)) = requirement.version_or_url else { return None };
            let [one] = &range[..] else { return None };
            let name = match requirement.name.to_string() {
                name if name == "wheel" => "bdist_wheel".to_owned(),
                name => name,
            };
            (*one.operator() == Operator::Equal).then(|| Generator::parse(&format!("{name} {}", one.version())))?
        })
    }

    /// What becomes of an inferred recipe.
    ///
    /// # Errors
    /// [`RecipeError`] where that is no recipe.
    pub fn apply(&self, inference: Inference) -> Result<Inference, RecipeError> {
        let recipe = self.recipe(&inference.recipe)?;
        let keys = |table: &str, keys: &Table| keys.keys().map(|key| format!("{table}.{key}")).collect::<Vec<_>>();
        let mut given = keys("interpreter", &self.interpreter);
        given.extend(keys("build", &self.build));
        let mut reasons = inference.reasons;
        // A reason for what stands there no longer is none.
        reasons.retain(|reason| !given.contains(&reason.key));
        if !self.direct.is_empty() {
            given.push("requirements.direct".to_owned());
        }
        reasons.extend(given.into_iter().map(|key| Reason { key, because: format!("given: {}", self.reason) }));
        Ok(Inference { recipe, reasons })
    }

    /// By the recipe's own form: so whatever a recipe may say can be given, and nothing else.
    fn recipe(&self, inferred: &Recipe) -> Result<Recipe, RecipeError> {
        let mut table: Table = toml::from_str(&inferred.to_toml(&[])).map_err(|error| not_toml(&error))?;
        if self.build.contains_key("front-end")
            && let Some(Value::Table(build)) = table.get_mut("build")
        {
            // They belong to the front end that is replaced.
            build.retain(|key, _| !["backend", "backend-path"].contains(&key));
        }
        for (name, given) in [("interpreter", &self.interpreter), ("build", &self.build)] {
            if let Some(Value::Table(inferred)) = table.get_mut(name) {
                inferred.extend(given.clone());
            }
        }
        let project = |text: &str| {
            let requirement = check_requirement("the override", text).ok()?;
            requirement.name.to_string().parse::<PackageName>().ok()
        };
        let given: Vec<_> = self.direct.iter().map(|text| project(text)).collect();
        let kept = inferred.requirements.direct.iter().filter(|text| !given.contains(&project(text)));
        let direct = kept.chain(&self.direct).map(|text| Value::String(text.clone())).collect();
        if let Some(Value::Table(requirements)) = table.get_mut("requirements") {
            requirements.insert("direct".to_owned(), Value::Array(direct));
        }
        Recipe::from_toml(&table.to_string())
    }
}

fn not_toml(error: &toml::de::Error) -> RecipeError {
    RecipeError::Toml { reason: error.to_string().trim_end().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrontEnd, Tool};

    const HEAD: &str = "format = 1\nversions = \"==1.*\"\nreason = \"as the log of the release says\"\n";

    fn inference() -> Inference {
        let recipe =
            Recipe::from_toml(&ANY.replace("[]", "[\"Flit_Core>=2,<3\", \"wheel\", \"flit-core==3.8.0\"]")).unwrap();
        let reason = |key: &str| Reason { key: key.to_owned(), because: "inferred".to_owned() };
        Inference { recipe, reasons: vec![reason("interpreter.version"), reason("requirements.direct")] }
    }

    fn applied(keys: &str) -> Inference {
        RecipeOverride::from_toml(&format!("{HEAD}{keys}")).unwrap().apply(inference()).unwrap()
    }

    #[test]
    fn a_requirement_replaces_those_of_its_project() {
        let known = applied("[requirements]\ndirect = [\"flit_core==3.8.0\", \"tomli\"]");
        assert_eq!(known.recipe.requirements.direct, ["wheel", "flit_core==3.8.0", "tomli"]);
        assert_eq!(known.recipe.requirements.cutoff, inference().recipe.requirements.cutoff);
        let because: Vec<_> = known.reasons.iter().map(|reason| reason.because.as_str()).collect();
        assert_eq!(because, ["inferred", "inferred", "given: as the log of the release says"]);
    }

    #[test]
    fn other_keys_replace_what_was_inferred_and_its_reason() {
        let known =
            applied("[interpreter]\nversion = \"3.9\"\n[build]\nfront-end = \"setup-py\"\nsource-date-epoch = 7");
        assert_eq!(known.recipe.interpreter.version, "3.9");
        let setup_py = FrontEnd::setup_py();
        assert_eq!((&known.recipe.front_end, known.recipe.source_date_epoch), (&setup_py, Some(7)));
        let keys: Vec<_> = known.reasons.iter().map(|reason| reason.key.as_str()).collect();
        let given = ["interpreter.version", "build.front-end", "build.source-date-epoch"];
        assert!(given.iter().all(|key| keys.iter().filter(|own| *own == key).count() == 1), "{keys:?}");
    }

    #[test]
    fn it_can_say_no_more_than_a_recipe_and_less_than_all_of_it() {
        for (keys, expected) in [
            ("", "some key"),
            ("[requirements]\ndirect = []\ncutoff = \"2030-01-01T00:00:00Z\"", "cutoff"),
            ("[requirements]\ndirect = []\nlocked = []", "locked"),
            ("[requirements]\ndirect = [\"a @ https://example.invalid/a.whl\"]", "requirements.direct"),
            ("[build]\nexclude = [\"*.py\"]", "exclude"),
            ("[build]\npatch = \"x\"", "patch"),
            ("[environment]\ntoolchain = true", "environment"),
            ("[interpreter]\nversion = \"3.11; x\"", "interpreter.version"),
            ("[interpreter]\nversion = \"3.11\"\n[source]\nedit = 1", "source"),
        ] {
            let error = RecipeOverride::from_toml(&format!("{HEAD}{keys}")).unwrap_err().to_string();
            assert!(error.contains(expected), "{keys}: {error}");
        }
        let keys = "[interpreter]\nversion = \"3.9\"";
        for (from, to, expected) in [
            ("format = 1", "format = 2", "format 2"),
            ("==1.*", "newest", "versions"),
            ("as the log of the release says", " ", "reason"),
            ("as the log", "as\\nthe log", "reason"),
        ] {
            let error = RecipeOverride::from_toml(&(HEAD.replace(from, to) + keys)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn a_pinned_tool_stands_for_a_generator() {
        let generator = |direct: &str| {
            let known = RecipeOverride::from_toml(&format!("{HEAD}[requirements]\ndirect = {direct}")).unwrap();
            known.generator().map(|generator| (generator.tool, generator.version.to_string()))
        };
        assert_eq!(generator("[\"tomli\", \"hatchling==0.22.0\"]"), Some((Tool::Hatchling, "0.22.0".to_owned())));
        assert_eq!(generator("[\"wheel==0.36.2\"]"), Some((Tool::Wheel, "0.36.2".to_owned())));
        assert_eq!(generator("[\"hatchling>=0.22.0\", \"tomli==1.0\"]"), None);
    }
}
