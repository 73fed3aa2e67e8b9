//! Publishing what a night came to: by a command of its own, with an environment of its own. No key is ever near this process.

use std::collections::HashSet;
use std::fs;
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
/// How many single verdicts may be refused one after the other before all is taken to be wrong with the command.
const MOST_REFUSED: usize = 3;
/// What a line begins with that tells of a verdict that is held back.
const HELD: &str = "held until ";
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
    let mut publication = Publication { table, folder: &fleet.folder, queue, depot, stop, refused: Refused::default() };
    for some in due.chunks(AT_ONCE) {
        publication.publish(some)?;
    }
    match publication.refused.all.first() {
        None => Ok(()),
        Some((subject, why)) => {
            let more = match publication.refused.all.len() - 1 {
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
    refused: Refused,
}

/// What was refused to be published.
#[derive(Default)]
struct Refused {
    /// The subjects, and why.
    all: Vec<(String, String)>,
    /// How many since the last one that was published.
    in_a_row: usize,
}

impl Publication<'_> {
    /// Publishes some at once; where that is refused, each half of them, so that one that cannot be published holds up no other.
    fn publish(&mut self, rows: &[VerdictRow]) -> Result<(), Failure> {
        if rows.is_empty() || self.stop.is_stopped() || self.refused.in_a_row >= MOST_REFUSED {
            return Ok(());
        }
        match self.run(rows)? {
            Ok(held) => {
                // What is held back is not published yet, and needs its artifacts until it is.
                let done: Vec<&VerdictRow> = rows.iter().filter(|row| !held.contains(&row.id)).collect();
                let ids: Vec<i64> = done.iter().map(|row| row.id).collect();
                self.queue.set_published(&ids).map_err(Failure::inconclusive)?;
                self.refused.in_a_row = 0;
                done.into_iter().try_for_each(|row| self.forget(row))
            }
            Err(why) => match rows {
                [row] => {
                    self.queue.set_refused(row.id).map_err(Failure::inconclusive)?;
                    self.refused.all.push((row.subject.clone(), why));
                    self.refused.in_a_row += 1;
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

    /// Runs the command, and gives the numbers of those that it held back; or why it refused.
    fn run(&self, rows: &[VerdictRow]) -> Result<Result<HashSet<i64>, String>, Failure> {
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
        if !ran.status.success() {
            return Ok(Err(format!("{}: {last}", ran.status)));
        }
        // As `twinbuild publish --hold` says it.
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let held = told.lines().filter(|line| line.starts_with(HELD)).filter_map(|line| line.rsplit_once("sha256:"));
        let held: HashSet<&str> = held.map(|(_, digest)| digest.trim()).collect();
        let is_held = |path: &&PathBuf| subject_digest(path).is_some_and(|digest| held.contains(digest.as_str()));
        let ids = rows.iter().zip(&paths).filter(|(_, path)| is_held(path)).map(|(row, _)| row.id);
        Ok(Ok(ids.collect()))
    }
}

/// The digest of the published file that a verdict is about.
fn subject_digest(path: &Path) -> Option<String> {
    let verdict: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    verdict["subject"]["digests"]["sha256"].as_str().map(str::to_owned)
}
