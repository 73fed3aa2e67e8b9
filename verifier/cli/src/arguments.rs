//! What the command line says.

mod ledgers;
mod manual;
mod nightly;

use std::num::NonZero;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use twinbuild_compare::Normalizing;
use twinbuild_judge::{GitChoice, MOST_TRIALS, Options};
use twinbuild_rebuild::{Variation, VariationSet};
use twinbuild_source::git::GitRequest;

pub(crate) use self::ledgers::{
    Audit, GenerateKey, Key, KeyAlgorithm, KeyRole, Publish, Publishing, Retract, RotateKey, ShowKey, Verify, Witness,
    WitnessAdd, WitnessSign,
};
pub(crate) use self::manual::{Completions, Help, Man};
pub(crate) use self::nightly::{Gc, History, Jobs, JobsCommand, Nightly, Places, Status, Worker, size};
use crate::failure::Failure;
use crate::limits::{ChosenLimits, named_limit};
use crate::topics;

/// Verifies that published packages were built from their source.
#[derive(Debug, Parser)]
#[command(name = "twinbuild", version, disable_help_subcommand = true, after_help = topics::list(EXIT_CODES))]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 reproduced; 1 not reproduced, nondeterministic, rejected, or an alert; 2 no verdict could be reached; \
64 usage; 69 this host cannot run sandboxes; 70 internal error; 130 interrupted";

impl Arguments {
    /// What the command line says, and the words of the command.
    pub(crate) fn read() -> Result<(Self, Vec<String>), clap::Error> {
        let matches = Self::command().try_get_matches()?;
        let arguments = Self::from_arg_matches(&matches).map_err(|error| error.format(&mut Self::command()))?;
        let (mut words, mut inner) = (Vec::new(), &matches);
        while let Some((word, matches)) = inner.subcommand() {
            words.push(word.to_owned());
            inner = matches;
        }
        Ok((arguments, words))
    }
}

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
    /// What builds run in: `own`, `bubblewrap`, or that only where the host forbids the former [default: auto]
    #[arg(long, global = true, value_name = "auto|own|bubblewrap")]
    pub(crate) sandbox: Option<twinbuild_sandbox::Choice>,
    /// Compare contents as they are, without any normalizer
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Say more of what is done
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// How what is done is told, on standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "TWINBUILD_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// The commands whose results have pages.
const PAGES: &str = "rebuild and compare";
/// The command whose results other programs take.
const VERIFYING: &str = "verify";

impl Global {
    /// Whether normalizers are used.
    pub(crate) fn normalizing(&self) -> Normalizing {
        if self.strict { Normalizing::No } else { Normalizing::Yes }
    }

    /// The format, for a command whose results have no page.
    pub(crate) fn plain_format(&self) -> Result<PlainFormat, Failure> {
        let (name, whose) = match self.format {
            Format::Text => return Ok(PlainFormat::Text),
            Format::Json => return Ok(PlainFormat::Json),
            Format::Markdown => ("markdown", PAGES),
            Format::Html => ("html", PAGES),
            Format::Sarif => ("sarif", VERIFYING),
            Format::Github => ("github", VERIFYING),
        };
        Err(Failure::usage(anyhow!("--format {name} is for {whose}: this command prints text or json")))
    }

    /// The format, for a command whose results have pages.
    pub(crate) fn page_format(&self) -> Result<PageFormat, Failure> {
        let name = match self.format {
            Format::Text => return Ok(PageFormat::Text),
            Format::Json => return Ok(PageFormat::Json),
            Format::Markdown => return Ok(PageFormat::Markdown),
            Format::Html => return Ok(PageFormat::Html),
            Format::Sarif => "sarif",
            Format::Github => "github",
        };
        let message = format!("--format {name} is for {VERIFYING}: this command prints text, json, markdown or html");
        Err(Failure::usage(anyhow!(message)))
    }

    /// The format, for `verify`.
    pub(crate) fn verify_format(&self) -> Result<VerifyFormat, Failure> {
        let name = match self.format {
            Format::Text => return Ok(VerifyFormat::Text),
            Format::Json => return Ok(VerifyFormat::Json),
            Format::Sarif => return Ok(VerifyFormat::Sarif),
            Format::Github => return Ok(VerifyFormat::Github),
            Format::Markdown => "markdown",
            Format::Html => "html",
        };
        let message = format!("--format {name} is for {PAGES}: this command prints text, json, sarif or github");
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
    /// For code scanning, SARIF 2.1.0 (`verify`)
    Sarif,
    /// For a workflow of GitHub Actions, as its commands (`verify`)
    Github,
}

/// How what is done is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: a line that changes on a terminal, plain lines elsewhere
    Text,
    /// For machines: one JSON object an event, one a line
    Json,
}

/// How results are printed that have pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageFormat {
    Text,
    Json,
    Markdown,
    Html,
}

/// How the results of `verify` are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifyFormat {
    Text,
    Json,
    Sarif,
    Github,
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
    /// Come to a verdict again, from the inputs that it names by their digests
    Replay(Replay),
    /// Print the recipe by which a file would be rebuilt, as TOML with the reason for each choice
    Infer(Subject),
    /// Compare two files as a published file is compared with a rebuild
    Compare(Compare),
    /// Write a published file again from a rebuild's members and the recorded container parameters
    Repack(Repack),
    /// Write a file again without build noise: normalized contents in a canonical container
    Normalize(Normalize),
    /// Sign verdicts and append them to a ledger, each derived again before
    Publish(Publish),
    /// Say of a published verdict that it is not to be relied on, or that somebody objects to it
    Retract(Retract),
    /// Check files against what ledgers have of them, under a policy
    Verify(Verify),
    /// Read a ledger from its first entry to its last
    Audit(Audit),
    /// Make and show the keys that sign
    #[command(subcommand)]
    Key(Key),
    /// Sign checkpoints of others' logs, as a witness
    #[command(subcommand)]
    Witness(Witness),
    /// Derive a verdict again from files: what `publish` starts in a sandbox
    #[command(hide = true)]
    RecheckConfined,
    /// Work on lists of subjects
    #[command(subcommand)]
    Corpus(Corpus),
    /// Judge what is new or due of the watch lists in twinbuild.toml, and report
    Nightly(Nightly),
    /// Do jobs of a queue for a nightly run on another machine
    Worker(Worker),
    /// List, show, retry and cancel jobs
    Jobs(Jobs),
    /// Say how the queue, its workers and the last nights are
    Status(Status),
    /// All verdicts on a project, the newest version first
    History(History),
    /// Remove what is no longer needed: artifacts that are published, and what the cache did not use lately
    Gc(Gc),
    /// Make, show, check and remove what builds run on
    #[command(subcommand)]
    Env(Env),
    /// Say what this host supports
    Doctor,
    /// Print what lets a shell complete the command line
    Completions(Completions),
    /// Write the manual: a page for each command
    Man(Man),
    /// Explain a command or a topic
    Help(Help),
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
    /// What it was built from: an sdist (of a local file), git+URL@REVISION, or a repository of this machine, PATH@REVISION; without a
    /// revision the tag of the release [default: the sdist of its release]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Build it from the release's sdist, from the tag of the release in the repository that it names, or from the first of the two that
    /// gives the published file [default: sdist]
    #[arg(long, value_name = "KIND", value_enum, conflicts_with = "source")]
    pub(crate) from: Option<SourceFrom>,
    /// Take build requirements from before this time, as in 2023-10-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<String>,
    #[command(flatten)]
    pub(crate) recipes: Recipes,
}

/// What is given of recipes.
#[derive(Debug, Args)]
pub(crate) struct Recipes {
    /// Take what inference cannot know of a recipe from pypi/NAME/*.toml in this folder
    #[arg(long = "recipes", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// Where a source is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceFrom {
    /// The index: the release's sdist
    Sdist,
    /// The repository that the published file names
    Git,
    /// The index, and where that does not give the published file, the repository
    Either,
}

impl SourceFrom {
    /// What it asks of the judge.
    pub(crate) fn choice(self) -> GitChoice {
        match self {
            Self::Sdist => GitChoice::None,
            Self::Git => GitChoice::Found,
            Self::Either => GitChoice::Either,
        }
    }
}

impl Subject {
    /// Chooses a commit as the source, if one is asked for, or gives the path of the sdist that is.
    pub(crate) fn choose_source(&self, options: &mut Options) -> Result<Option<PathBuf>, anyhow::Error> {
        match (&self.source, self.from) {
            (Some(source), _) if GitRequest::is_meant(source) => {
                options.git.choice = GitChoice::Given(GitRequest::parse(source)?);
                Ok(None)
            }
            (Some(source), _) => Ok(Some(source.into())),
            (None, Some(from)) => {
                options.git.choice = from.choice();
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }
}

/// `rebuild`
#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    pub(crate) subject: Subject,
    /// Of a wheel that its sdist reproduces, rebuild the sdist too, from the tag of the release in the repository that it names
    #[arg(long)]
    pub(crate) chain: bool,
    /// The same, from git+URL@REVISION, or from a repository of this machine, PATH@REVISION
    #[arg(long, value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
    /// Build by this recipe (TOML, as `infer` prints it)
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Keep artifacts, logs, recipe and verdict in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Save all inputs and the verdict in this folder, so that `replay` needs no network; what is there already stays
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_inputs: Option<PathBuf>,
    /// Let the twins differ in these variations only, and not in all
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "no_vary")]
    pub(crate) vary: Option<Vec<Variation>>,
    /// Let the twins differ in all but these variations
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) no_vary: Vec<Variation>,
    /// Build the twins on different ground: another build or version of the interpreter, another suite
    #[arg(long)]
    pub(crate) diverse: bool,
    #[command(flatten)]
    pub(crate) search: SearchFlags,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// How far recipes are searched for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SearchFlags {
    /// Try at most this many other recipes where the inferred one does not give the published file
    #[arg(long, value_name = "NUMBER", default_value_t = MOST_TRIALS)]
    pub(crate) trials: u32,
}

/// What a build may use up.
#[derive(Debug, Args)]
pub(crate) struct LimitFlags {
    /// Stop each build after this many seconds [default: 900]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Give each build a limit of its own, as in memory-bytes=1073741824; may be given several times
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = named_limit)]
    limits: Vec<(String, u64)>,
}

impl LimitFlags {
    /// The limits that were chosen by flags.
    pub(crate) fn chosen(&self) -> Result<ChosenLimits, anyhow::Error> {
        let mut chosen = ChosenLimits::new(self.timeout);
        for (name, value) in &self.limits {
            chosen.set(name, *value).map_err(|reason| anyhow!(reason))?;
        }
        Ok(chosen)
    }
}

impl Rebuild {
    /// From which commit the sdist of a wheel was made.
    pub(crate) fn chain(&self) -> Result<GitChoice, anyhow::Error> {
        Ok(match &self.commit {
            Some(commit) => GitChoice::Given(GitRequest::parse(commit)?),
            None if self.chain => GitChoice::Found,
            None => GitChoice::None,
        })
    }

    /// In what the twins are to differ.
    pub(crate) fn variations(&self) -> VariationSet {
        let mut varied = match &self.vary {
            Some(only) => only.iter().copied().collect(),
            None => Variation::usual(),
        };
        varied.extend(self.diverse.then_some(Variation::Ground));
        varied.retain(|variation| !self.no_vary.contains(variation));
        varied
    }
}

/// `replay`
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A verdict (JSON, as `rebuild` prints or keeps it)
    #[arg(value_name = "VERDICT")]
    pub(crate) verdict: PathBuf,
    /// Take what the cache has not from this folder, which `rebuild --keep-inputs` made
    #[arg(long, value_name = "DIR")]
    pub(crate) inputs: Option<PathBuf>,
    /// Keep artifacts, logs, recipe and the new verdict in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
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
    /// Rebuild each file of a list, and report on all; a run that was interrupted goes on where it stopped
    Run(CorpusRun),
    /// Say which of the recipes that are given are still needed: rebuild a release with each, and without
    CheckRecipes(CheckRecipes),
}

/// `corpus check-recipes`
#[derive(Debug, Args)]
pub(crate) struct CheckRecipes {
    /// The folder with pypi/NAME/*.toml
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// `corpus run`
#[derive(Debug, Args)]
pub(crate) struct CorpusRun {
    /// JSON lines with name, version and fileName
    #[arg(value_name = "LIST")]
    pub(crate) list: PathBuf,
    /// Where verdicts are appended, one a line, and beside which the report is written; a file whose verdict is there is not judged again [default: LIST with .results.jsonl behind]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Build each file from its release's sdist, from the tag of the release in the repository that it names, or from the first of
    /// the two that gives it
    #[arg(long, value_name = "KIND", value_enum, default_value = "sdist")]
    pub(crate) from: SourceFrom,
    #[command(flatten)]
    pub(crate) search: SearchFlags,
    /// Judge so many files at once, each of which builds two twins at once
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) jobs: NonZero<usize>,
    /// Say what changed since an older run: its results, or its report in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipes: Recipes,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// `env`
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// List the environments that can be had, and which of them are there
    List,
    /// Print the lock of an environment: every file by its digest, and the layers to be made from them
    Resolve(Specified),
    /// Make the layers of an environment, or open them if they are there
    Fetch(Specified),
    /// Say what is in a lock or a layer
    Show(EnvShow),
    /// Hash layers again and say which were changed on disk (exit code 1)
    Verify(EnvVerify),
    /// Print a bill of materials (CycloneDX 1.6)
    Export(Specified),
    /// Remove what was not used lately and what no lock that was used lately names
    Gc(EnvGc),
}

/// An environment: by what it is asked to be, or by its lock.
#[derive(Debug, Args)]
pub(crate) struct Specified {
    /// The release of Debian: bullseye (Python 3.9), bookworm (3.11) or trixie (3.13)
    #[arg(value_name = "SUITE", default_value = "bookworm")]
    pub(crate) suite: String,
    /// With compilers for C and C++, and headers
    #[arg(long)]
    pub(crate) toolchain: bool,
    /// With this package of the suite, such as git; may be given several times
    #[arg(long = "package", value_name = "NAME")]
    pub(crate) packages: Vec<String>,
    /// As the archive was at this time, as in 2026-10-01T12:00:00Z, from its snapshots
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The architecture as Debian names it [default: this machine's]
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,
    /// Take this lock (JSON, as `resolve` prints it) instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["toolchain", "packages", "at", "architecture"])]
    pub(crate) lock: Option<PathBuf>,
}

/// `env show`
#[derive(Debug, Args)]
pub(crate) struct EnvShow {
    /// The path of a lock, with a slash or dot in it; or the digest of a layer, or of a lock that was fetched here: at least 6 digits of it
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
}

/// `env verify`
#[derive(Debug, Args)]
pub(crate) struct EnvVerify {
    /// Digests of layers [default: all that are there]
    #[arg(value_name = "LAYER")]
    pub(crate) layers: Vec<String>,
}

/// `env gc`
#[derive(Debug, Args)]
pub(crate) struct EnvGc {
    /// Keep what was used within this many days; 0 keeps only what a running twinbuild uses
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) unused_for: u32,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
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
