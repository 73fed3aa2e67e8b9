//! What the command line says.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Parser, Subcommand, ValueEnum};
use twinbuild_compare::Normalizing;

use crate::failure::Failure;

/// Verifies that published packages were built from their source.
#[derive(Debug, Parser)]
#[command(name = "twinbuild", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 reproduced; 1 not reproduced, nondeterministic, rejected, or an alert; 2 no verdict could be reached; \
64 usage; 69 this host cannot run sandboxes; 70 internal error; 130 interrupted";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, env = "TWINBUILD_FORMAT")]
    pub(crate) format: Format,
    /// Use nothing but the cache
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Where downloads and environments are kept [default: $XDG_CACHE_HOME/twinbuild]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// The Python package index [default: that of uv or pip, else PyPI]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) index_url: Option<String>,
    /// The Debian archive
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) debian_mirror: Option<String>,
    /// The Debian archive as it was at {date}, for environments that are pinned to a date
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) debian_snapshot: Option<String>,
    /// Compare contents as they are, without any normalizer
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Say more of what is done
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

impl Global {
    /// Whether normalizers are used.
    pub(crate) fn normalizing(&self) -> Normalizing {
        if self.strict { Normalizing::No } else { Normalizing::Yes }
    }

    /// The format, for a command whose results have no page.
    pub(crate) fn plain_format(&self) -> Result<PlainFormat, Failure> {
        let name = match self.format {
            Format::Text => return Ok(PlainFormat::Text),
            Format::Json => return Ok(PlainFormat::Json),
            Format::Markdown => "markdown",
            Format::Html => "html",
        };
        let message = format!("--format {name} is for rebuild and compare: this command prints text or json");
        Err(Failure::usage(anyhow!(message)))
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, on a terminal
    Text,
    /// One JSON object a subject, one a line
    Json,
    /// For people, in an issue or a review (`rebuild` and `compare`)
    Markdown,
    /// For people, in a browser: one file that loads nothing (`rebuild` and `compare`)
    Html,
}

/// How results are printed that have no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainFormat {
    Text,
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rebuild a published file twice from its source, and compare three ways
    Rebuild(Rebuild),
    /// Print the recipe by which a file would be rebuilt, as TOML with the reason for each choice
    Infer(Subject),
    /// Compare two files as a published file is compared with a rebuild
    Compare(Compare),
    /// Write a published file again from a rebuild's members and the recorded container parameters
    Repack(Repack),
    /// Write a file again without build noise: normalized contents in a canonical container
    Normalize(Normalize),
    /// Work on lists of subjects
    #[command(subcommand)]
    Corpus(Corpus),
    /// Say what this host supports
    Doctor,
}

/// What is judged.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// pypi:NAME@VERSION, a package URL, or the path of a wheel
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    /// The file of the release [default: the pure wheel, else the one for this platform, else the sdist]
    #[arg(long, value_name = "FILE")]
    pub(crate) artifact: Option<String>,
    /// The sdist that a local file was built from [default: looked up on the index by digest]
    #[arg(long, value_name = "PATH")]
    pub(crate) source: Option<PathBuf>,
    /// Take build requirements from before this time, as in 2023-10-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
}

/// `rebuild`
#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Build by this recipe (TOML, as `infer` prints it)
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Keep artifacts, logs, recipe and verdict in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Stop each build after this many seconds [default: 900]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

/// `repack`
#[derive(Debug, Args)]
pub(crate) struct Repack {
    /// Container parameters (JSON), or a verdict that has them
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: PathBuf,
    /// The rebuilt file whose members are written
    #[arg(long, value_name = "WHEEL")]
    pub(crate) members: PathBuf,
    /// Where the file is written
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// `normalize`
#[derive(Debug, Args)]
pub(crate) struct Normalize {
    /// A zip file or wheel, or a file of a kind that a normalizer is for
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where it is written
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// `corpus`
#[derive(Debug, Subcommand)]
pub(crate) enum Corpus {
    /// Rebuild each file of a list; a run that was interrupted goes on where it stopped
    Run(CorpusRun),
}

/// `corpus run`
#[derive(Debug, Args)]
pub(crate) struct CorpusRun {
    /// JSON lines with name, version and fileName
    #[arg(value_name = "LIST")]
    pub(crate) list: PathBuf,
    /// Where verdicts are appended, one a line [default: LIST with .results.jsonl behind]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Stop each build after this many seconds [default: 900]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

/// `compare`
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The file that stands for the published one
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// The file that stands for the rebuild
    #[arg(value_name = "B")]
    pub(crate) right: PathBuf,
}
