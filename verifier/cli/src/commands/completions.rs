//! `twinbuild completions`

use clap::{Command, CommandFactory as _};
use clap_complete::generate;

use super::print;
use crate::arguments::{Arguments, Completions, Global};
use crate::failure::Failure;

pub(crate) fn run(global: &Global, Completions { shell }: &Completions) -> Result<u8, Failure> {
    global.plain_format()?;
    let mut script = Vec::new();
    generate(*shell, &mut shown(), "twinbuild", &mut script);
    print(&String::from_utf8(script).map_err(Failure::internal)?)?;
    Ok(0)
}

/// The command line without the commands that are hidden, as what is generated offers these too.
fn shown() -> Command {
    let whole = Arguments::command();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("twinbuild")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(whole.get_arguments().cloned())
        .subcommands(shown.cloned())
}
