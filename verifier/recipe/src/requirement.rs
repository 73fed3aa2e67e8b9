//! The recipe of a build requirement that is published as an sdist only.

use jiff::Timestamp;

use crate::infer::{Reasons, choose_front_end, source_requirements};
use crate::{Inference, Recipe, Requirements, SourceEvidence};

/// The recipe by which the sdist `source` becomes a wheel for a build by `recipe`: on the same interpreter, with requirements
/// from before the same cut-off. `uploaded` is when the sdist was uploaded, for `SOURCE_DATE_EPOCH`.
///
/// There is no published file whose generator would pin a backend: the newest from before the cut-off is taken.
#[must_use]
pub fn infer_requirement(source: &SourceEvidence, recipe: &Recipe, uploaded: Timestamp) -> Inference {
    let mut reasons = Reasons::default();
    let front_end = choose_front_end(source, &mut reasons);
    let direct = source_requirements(source, &mut reasons);
    let cutoff = recipe.requirements.cutoff;
    reasons.add("requirements.cutoff", "that of the build that requires it".to_owned());
    reasons.add("build.source-date-epoch", "when the sdist was uploaded".to_owned());
    let requirements = Requirements { cutoff, direct, locked: None };
    let source_date_epoch = Some(uploaded.as_second().max(0));
    let recipe = Recipe { front_end, source_date_epoch, requirements, version_control: None, ..recipe.clone() };
    Inference { recipe, reasons: reasons.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrontEnd;

    #[test]
    fn a_requirement_is_built_like_what_requires_it() {
        let outer = Recipe::from_toml(
            "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\nbackend = \"a.b\"\n\
             [requirements]\ncutoff = \"2021-05-05T14:18:17Z\"\ndirect = [\"docopt\"]\nlocked = []\n",
        )
        .unwrap();
        let source = SourceEvidence { has_setup_py: true, ..SourceEvidence::default() };
        let inner = infer_requirement(&source, &outer, "2014-06-16T11:00:00Z".parse().unwrap()).recipe;
        let setup_py = FrontEnd::setup_py();
        assert_eq!((&inner.interpreter, &inner.front_end), (&outer.interpreter, &setup_py));
        assert_eq!(inner.requirements.cutoff, outer.requirements.cutoff);
        assert_eq!(inner.requirements.direct, ["setuptools", "wheel"]);
        assert_eq!((inner.source_date_epoch, inner.requirements.locked), (Some(1_402_916_400), None));
    }
}
