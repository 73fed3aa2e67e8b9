//! `twinbuild infer`

use twinbuild_judge::Inferred;

use super::{judge, print, print_verdict};
use crate::arguments::{Global, PlainFormat, Subject};
use crate::failure::Failure;

pub(crate) fn run(global: &Global, subject: &Subject) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let (judge, target) = judge(global, subject, |_, _| Ok(()))?;
    match judge.infer(&target)? {
        Inferred::Recipe(inference) => {
            let text = match format {
                PlainFormat::Text => inference.recipe.to_toml(&inference.reasons),
                PlainFormat::Json => {
                    let value = serde_json::json!({ "recipe": inference.recipe, "reasons": inference.reasons });
                    value.to_string() + "\n"
                }
            };
            print(&text)?;
            Ok(0)
        }
        Inferred::None(verdict) => print_verdict(global, &verdict),
    }
}
