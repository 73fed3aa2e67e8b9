//! `twinbuild man`

use std::fs;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};

use super::print;
use crate::arguments::{Arguments, Global, Man};
use crate::failure::Failure;

/// The section of the manual with the commands of users.
const SECTION: &str = "1";

pub(crate) fn run(global: &Global, Man { out }: &Man) -> Result<u8, Failure> {
    global.plain_format()?;
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display())).map_err(Failure::usage)?;
    let mut command = Arguments::command();
    // Gives each command its whole name, as in `twinbuild key generate`.
    command.build();
    let pages = pages(&command).context("writing a page").map_err(Failure::internal)?;
    for (name, page) in &pages {
        let path = out.join(name);
        fs::write(&path, page).with_context(|| format!("writing {}", path.display())).map_err(Failure::usage)?;
    }
    print(&format!("{} pages in {}\n", pages.len(), twinbuild_report::escape(&out.display().to_string())))?;
    Ok(0)
}

/// The pages of a command and of those below it, each by its file's name.
fn pages(command: &Command) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut waiting = vec![command];
    while let Some(command) = waiting.pop() {
        let page = clap_mangen::Man::new(command.clone().disable_help_subcommand(true)).section(SECTION);
        let mut text = Vec::new();
        page.render(&mut text)?;
        pages.push((page.get_filename(), text));
        // Below a command with commands of its own, clap's `help` stands for what `--help` says.
        let is_shown = |below: &&Command| {
            !below.is_hide_set() && (command.get_name() == "twinbuild" || below.get_name() != "help")
        };
        waiting.extend(command.get_subcommands().filter(is_shown));
    }
    pages.sort();
    Ok(pages)
}
