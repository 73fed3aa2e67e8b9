//! `twinbuild rebuild`

use anyhow::Context as _;
use twinbuild_recipe::Recipe;

use super::{judge, limits, print_verdict};
use crate::arguments::{Global, Rebuild};
use crate::failure::Failure;
use crate::given;

pub(crate) fn run(global: &Global, arguments: &Rebuild) -> Result<u8, Failure> {
    // Before anything is built for it.
    global.page_format()?;
    let recipe = match &arguments.recipe {
        Some(path) => {
            given::file(path)?;
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading the recipe {}", path.display()))
                .map_err(Failure::usage)?;
            let recipe =
                Recipe::from_toml(&text).with_context(|| path.display().to_string()).map_err(Failure::usage)?;
            Some(recipe)
        }
        None => None,
    };
    let (judge, target) = judge(global, &arguments.subject, |settings, options| {
        options.recipe = recipe;
        options.chain = arguments.chain().map_err(Failure::usage)?;
        options.keep.clone_from(&arguments.keep);
        options.variations = arguments.variations();
        options.most_trials = arguments.search.trials;
        options.limits = limits(settings, &arguments.limits)?;
        Ok(())
    })?;
    let verdict = judge.judge(&target)?;
    let code = print_verdict(global, &verdict)?;
    if let Some(folder) = &arguments.keep_inputs {
        judge.keep_inputs(&verdict, folder)?;
    }
    Ok(code)
}
