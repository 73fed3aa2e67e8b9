//! `twinbuild rebuild`

use std::time::Duration;

use anyhow::Context as _;
use twinbuild_recipe::Recipe;

use super::{judge, print_verdict};
use crate::arguments::{Global, Rebuild};
use crate::failure::Failure;

/// How long a build may take where nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(900);

pub(crate) fn run(global: &Global, arguments: &Rebuild) -> Result<u8, Failure> {
    let recipe = match &arguments.recipe {
        Some(path) => {
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
        options.keep.clone_from(&arguments.keep);
        let from_flag = arguments.timeout.map(Duration::from_secs);
        options.limits.wall = from_flag.or(settings.timeout).unwrap_or(DEFAULT_TIMEOUT);
        Ok(())
    })?;
    let verdict = judge.judge(&target)?;
    print_verdict(global, &verdict)
}
