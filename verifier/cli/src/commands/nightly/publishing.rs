//! Publishing what a night came to: by a command of its own, with an environment of its own. No key is ever near this process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use twinbuild_depot::Depot;
use twinbuild_nightly::{Stop, Stored, VERDICT_FILE};
use twinbuild_queue::{Queue, VerdictRow};

use super::terms::Choices;
use crate::failure::Failure;
use crate::fleet::{Fleet, PublishTable};

/// How many verdicts one command gets.
const AT_ONCE: usize = 64;
/// How many single verdicts may be refused before all is taken to be wrong with the command.
const MOST_REFUSED: usize = 3;
/// What of this process's environment the command gets; all else comes from its own file.
const PASSED_ON: [&str; 7] = ["PATH", "HOME", "LANG", "TZ", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"];
/// Reads the file of variables named first, and becomes the command behind it.
const WITH_FILE: &str = "set -a; . \"$0\"; set +a; exec \"$@\"";

/// Gives all verdicts with artifacts that were not published yet to the command that publishes, and forgets the artifacts of those that it took.
pub(super) fn publish(
    fleet: &Fleet,
    queue: &Queue,
    depot: &Depot,
    choices: &Choices,
    stop: &Stop,
) -> Result<(), Failure> {
    let Some(table) = fleet.nightly().publish.as_ref().filter(|_| choices.publishes) else { return Ok(()) };
    let due = queue.unpublished().map_err(Failure::inconclusive)?;
    let mut publication = Publication { table, folder: &fleet.folder, queue, depot, stop, refused: Vec::new() };
    for some in due.chunks(AT_ONCE) {
        publication.publish(some)?;
    }
    match publication.refused.first() {
        None => Ok(()),
        Some((subject, why)) => {
            let more = match publication.refused.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            Err(Failure::inconclusive(anyhow!("{subject} was not published: {why}{more}")))
        }
    }
}

struct Publication<'a> {
    table: &'a PublishTable,
    folder: &'a Path,
    queue: &'a Queue,
    depot: &'a Depot,
    stop: &'a Stop,
    refused: Vec<(String, String)>,
}

impl Publication<'_> {
    /// Publishes some at once; where that is refused, each half of them, so that one that cannot be published holds up no other.
    fn publish(&mut self, rows: &[VerdictRow]) -> Result<(), Failure> {
        if rows.is_empty() || self.stop.is_stopped() || self.refused.len() >= MOST_REFUSED {
            return Ok(());
        }
        match self.run(rows)? {
            Ok(()) => {
                let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
                self.queue.set_published(&ids).map_err(Failure::inconclusive)?;
                for row in rows {
                    self.forget(row)?;
                }
                Ok(())
            }
            Err(why) => match rows {
                [row] => {
                    self.refused.push((row.subject.clone(), why));
                    Ok(())
                }
                rows => {
                    let (first, second) = rows.split_at(rows.len() / 2);
                    self.publish(first)?;
                    self.publish(second)
                }
            },
        }
    }

    /// The artifacts have served. That they are gone is noted first: what is noted and still there is removed by `gc`.
    fn forget(&self, row: &VerdictRow) -> Result<(), Failure> {
        let Ok(Stored { name, .. }) = row.stored.parse() else { return Ok(()) };
        self.queue.set_removed(&row.stored).map_err(Failure::inconclusive)?;
        if let Err(error) = self.depot.remove(&name) {
            tracing::warn!("{name} stays in the depot: {error}");
        }
        Ok(())
    }

    fn run(&self, rows: &[VerdictRow]) -> Result<Result<(), String>, Failure> {
        let staging = tempfile::tempdir().context("making a temporary folder").map_err(Failure::inconclusive)?;
        let mut paths: Vec<PathBuf> = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let stored: Result<Stored, String> = row.stored.parse();
            let into = staging.path().join(number.to_string());
            let got = stored.map_err(anyhow::Error::msg).and_then(|Stored { name, manifest }| {
                self.depot.get(&name, manifest, &into).map_err(anyhow::Error::new)
            });
            if let Err(error) = got {
                return Ok(Err(format!("{error:#}")));
            }
            paths.push(into.join(VERDICT_FILE));
        }
        let [program, arguments @ ..] = self.table.command.as_slice() else {
            return Err(Failure::usage(anyhow!("the key `command` of [nightly.publish] is empty: name a command")));
        };
        let program = if program == "twinbuild" {
            std::env::current_exe().context("finding this program").map_err(Failure::internal)?
        } else {
            PathBuf::from(program)
        };
        let mut command = match &self.table.environment_file {
            None => Command::new(&program),
            Some(file) => {
                // A shell reads it, so that what stands in it never is in the memory of this process.
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(WITH_FILE).arg(std::path::absolute(self.folder.join(file)).unwrap_or_default());
                shell.arg(&program);
                shell
            }
        };
        command.args(arguments).args(&paths).env_clear().stdin(Stdio::null());
        if !self.folder.as_os_str().is_empty() {
            command.current_dir(self.folder);
        }
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        tracing::info!("publishing {} verdicts", rows.len());
        let ran = command.output().with_context(|| format!("running {}", program.display())).map_err(Failure::usage)?;
        let said = String::from_utf8_lossy(&ran.stderr);
        let last = said.lines().last().unwrap_or_default().trim().to_owned();
        Ok(if ran.status.success() { Ok(()) } else { Err(format!("{}: {last}", ran.status)) })
    }
}
