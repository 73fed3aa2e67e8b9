//! `twinbuild help`

use anyhow::anyhow;
use clap::builder::StyledStr;
use clap::{Command, CommandFactory as _};
use twinbuild_subject::did_you_mean;

use super::print;
use crate::arguments::{Arguments, Help};
use crate::failure::Failure;
use crate::topics::{self, Topic};

pub(crate) fn run(Help { words }: &Help) -> Result<u8, Failure> {
    let mut command = Arguments::command();
    // Gives each command its whole name, as in `twinbuild key generate`.
    command.build();
    let topic = match words.as_slice() {
        [word] => topics::named(word),
        _ => None,
    };
    // What is both is explained as both.
    let help = match (help_of(&mut command, words), topic) {
        (Ok(help), None) => help.ansi().to_string(),
        (Ok(help), Some(Topic { text, .. })) => format!("{}\n{text}", help.ansi()),
        (Err(_), Some(Topic { text, .. })) => (*text).to_owned(),
        (Err(failure), None) => return Err(failure),
    };
    print(&help)?;
    Ok(0)
}

/// What clap says of the command of these words.
fn help_of(command: &mut Command, words: &[String]) -> Result<StyledStr, Failure> {
    let Some((word, rest)) = words.split_first() else { return Ok(command.render_long_help()) };
    let is_found = command.find_subcommand(word).is_some_and(|found| !found.is_hide_set());
    if let Some(found) = command.find_subcommand_mut(word).filter(|_| is_found) {
        return help_of(found, rest);
    }
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set()).map(Command::get_name);
    let is_top = command.get_name() == "twinbuild";
    let known: Vec<&str> = shown.chain(topics::ALL.iter().filter(|_| is_top).map(|topic| topic.name)).collect();
    let bin_name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let what = if is_top { "a command or topic" } else { "a command" };
    let near = match did_you_mean(word, known.iter().copied()) {
        near if !near.is_empty() => near,
        _ if known.is_empty() => format!(": `{bin_name}` has none below it"),
        _ => format!(": these are known: {}", known.join(", ")),
    };
    Err(Failure::usage(anyhow!("`{bin_name} {word}` is not {what}{near}")))
}
