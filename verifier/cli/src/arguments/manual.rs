//! What the command line says of itself: completions, pages of a manual, help.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::Shell;

/// `twinbuild completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

/// `twinbuild man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder of the pages, which is made where it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
}

/// `twinbuild help`
#[derive(Debug, Args)]
pub(crate) struct Help {
    /// A command, as in `key generate`, or a topic [default: the list of both]
    #[arg(value_name = "COMMAND|TOPIC", value_hint = ValueHint::Other)]
    pub(crate) words: Vec<String>,
}
