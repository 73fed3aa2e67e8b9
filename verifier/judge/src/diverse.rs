//! Other ground for the second twin.

use twinbuild_environment::{Environment, Ground};
use twinbuild_rebuild::Variation;
use twinbuild_recipe::{Inference, Interpreter, Offer, Recipe};
use twinbuild_verdict::{InputRecord, Outcome};

use crate::JudgeError;
use crate::judge::Judge;
use crate::requirement::Building;
use crate::walk::{Readied, Step, end};

impl Judge {
    /// The environment of the second twin, if the ground is to be varied: what the recipe asks for, with another
    /// interpreter. Requirements are resolved anew for it, as of the same cut-off.
    pub(crate) fn other_environment(
        &self,
        building: &Building<'_>,
        readied: &Readied,
        origin: &'static str,
    ) -> Result<Step<Option<Environment>>, JudgeError> {
        if !self.options.variations.contains(&Variation::Ground) {
            return Ok(Step::Next(None));
        }
        let own = &readied.recipe.interpreter;
        let Some(interpreter) = other_interpreter(own, &Ground::offer(&self.options.hosts)) else {
            let detail = format!("there is no other interpreter than CPython {} to build on", own.version);
            return Ok(end(Outcome::Inconclusive, "no-other-ground", Some("environment"), detail));
        };
        tracing::info!("preparing other ground for the second twin: CPython {}", interpreter.version);
        let mut recipe = Recipe { interpreter, ..readied.recipe.clone() };
        recipe.requirements.locked = None;
        let ground = match self.ground(&recipe)? {
            Step::Next(ground) => ground,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        let inference = Inference { recipe, reasons: Vec::new() };
        Ok(match self.ready(&building.on(&ground), (inference, origin), None)? {
            Step::Next(other) => Step::Next(Some(other.environment)),
            Step::End(outcome, reason) => Step::End(outcome, reason),
        })
    }
}

/// Another build of the same version where there is one, else another version: the first on offer.
fn other_interpreter(own: &Interpreter, offer: &Offer) -> Option<Interpreter> {
    let others = || offer.interpreters.iter().filter(|interpreter| *interpreter != own);
    others().find(|interpreter| interpreter.version == own.version).or_else(|| others().next()).cloned()
}

/// What went into this environment and not into the other.
pub(crate) fn unshared(own: &Environment, other: &Environment) -> Vec<InputRecord> {
    let others = other.inputs();
    own.inputs().into_iter().filter(|input| !others.contains(input)).collect()
}

/// What went into both environments.
pub(crate) fn shared(own: &Environment, other: Option<&Environment>) -> Vec<InputRecord> {
    let mut inputs = own.inputs();
    if let Some(other) = other {
        let others = other.inputs();
        inputs.retain(|input| others.contains(input));
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_recipe::Provider;

    #[test]
    fn the_same_version_of_another_make_is_preferred() {
        let interpreter = |version: &str, provider| Interpreter { version: version.to_owned(), provider };
        let own = interpreter("3.11", Provider::Debian);
        let offer = |interpreters: &[Interpreter]| Offer { interpreters: interpreters.to_vec() };
        let (older, host) = (interpreter("3.9", Provider::Debian), interpreter("3.11", Provider::Host));
        assert_eq!(other_interpreter(&own, &offer(&[own.clone(), older.clone(), host.clone()])), Some(host));
        assert_eq!(other_interpreter(&own, &offer(&[own.clone(), older.clone()])), Some(older));
        assert_eq!(other_interpreter(&own, &offer(std::slice::from_ref(&own))), None);
    }
}
