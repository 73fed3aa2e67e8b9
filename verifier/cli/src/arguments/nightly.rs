//! What the command line says of nights, workers and jobs.

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::SignedDuration;
use twinbuild_queue::JobState;

use super::{LimitFlags, Recipes, SourceFrom};

/// Where jobs and their results are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Places {
    /// The queue: sqlite:PATH, or postgres://USER@HOST/DATABASE [default: a file in $XDG_STATE_HOME/twinbuild]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) queue: Option<String>,
    /// Where artifacts, logs and verdicts stand: a folder that all machines share, or s3://BUCKET/PREFIX [default: a folder in
    /// $XDG_STATE_HOME/twinbuild]
    #[arg(long, value_name = "PLACE")]
    pub(crate) depot: Option<String>,
}

/// `nightly`
#[derive(Debug, Args)]
pub(crate) struct Nightly {
    #[command(flatten)]
    pub(crate) places: Places,
    /// Where the report is written: report.html, .md, .json, .txt, .junit.xml and .sarif [default: reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// Judge so many files at once in this process, each of which builds two twins at once; 0 leaves all to workers [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) jobs: Option<usize>,
    /// End after so long, such as 6h; what is left is done the next time
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration)]
    pub(crate) max_duration: Option<SignedDuration>,
    /// Judge at most so many files
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_jobs: Option<u64>,
    /// Give a file up after so long, such as 20min [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration)]
    pub(crate) budget: Option<SignedDuration>,
    /// Build files from the release's sdist, from the tag of the release in the repository that it names, or from the first of the two that gives
    /// it [default: sdist]
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) from: Option<SourceFrom>,
    /// Judge a file again when its verdict is so old [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration)]
    pub(crate) max_age: Option<SignedDuration>,
    /// Build each file on two hosts, which have to come to the same verdict
    #[arg(long)]
    pub(crate) spread: bool,
    /// Only say what would be judged, and why
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not publish, whatever twinbuild.toml says
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// Try at most so many other recipes for one file [default: 24]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) trials: Option<u32>,
    /// Take a job from a worker that was not heard of for so long [default: 1min]
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration)]
    pub(crate) lease: Option<SignedDuration>,
    /// Write metrics for Prometheus to this file, as the textfile collector of its node exporter reads it
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipes: Recipes,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// `worker`
#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    pub(crate) places: Places,
    /// The name by which it is enrolled, of which there is one worker at a time [default: the host's name]
    #[arg(long, value_name = "NAME", env = "TWINBUILD_WORKER_NAME")]
    pub(crate) name: Option<String>,
    /// The host by which it is enrolled: a second verdict is never asked of the host that came to the first [default: the host's name]
    #[arg(long, value_name = "NAME", env = "TWINBUILD_WORKER_HOST")]
    pub(crate) host: Option<String>,
    /// The key that signs what it returns (`twinbuild key generate --role worker`); its passphrase is asked for, or taken from
    /// TWINBUILD_KEY_PASSPHRASE
    #[arg(long, value_name = "FILE", env = "TWINBUILD_WORKER_KEY")]
    pub(crate) key: PathBuf,
    /// Judge so many files at once, each of which builds two twins at once
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) jobs: NonZero<usize>,
    /// A job is taken from it after so long without being heard of
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration, default_value = "1min")]
    pub(crate) lease: SignedDuration,
    /// End when the queue was empty for so long, such as 5min
    #[arg(long, value_name = "DURATION", value_parser = twinbuild_nightly::duration)]
    pub(crate) idle_exit: Option<SignedDuration>,
    /// Write metrics for Prometheus to this file, as the textfile collector of its node exporter reads it
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) recipes: Recipes,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
}

/// `jobs`
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(subcommand)]
    pub(crate) command: JobsCommand,
}

/// What is done with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs, the newest first
    List {
        /// Only those in these states: queued, leased, returned, done, dead (given up, with the reason), cancelled
        #[arg(long = "state", value_name = "STATES", value_delimiter = ',')]
        states: Vec<JobState>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        most: u32,
    },
    /// Say all of one job
    Show {
        /// Its number
        #[arg(value_name = "ID")]
        id: i64,
    },
    /// Put jobs that were given up or cancelled back into the queue
    Retry {
        /// Their numbers
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
    /// Cancel jobs; whoever is at work on one stops
    Cancel {
        /// Their numbers
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
}

/// `status`
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) places: Places,
}

/// `history`
#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) places: Places,
    /// The project: pypi:NAME
    #[arg(value_name = "PROJECT")]
    pub(crate) project: String,
}

/// `gc`
#[derive(Debug, Args)]
pub(crate) struct Gc {
    #[command(flatten)]
    pub(crate) places: Places,
    /// Keep at most so much of the depot, such as 20GB, the newest first; what is not published yet is always kept
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Remove from the cache what was not used within so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) unused_for: u32,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A size in bytes: 20GB, 512MiB; without a unit, bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor: Option<u64> = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" | "k" => Some(1_000),
        "mb" | "m" => Some(1_000_000),
        "gb" | "g" => Some(1_000_000_000),
        "tb" | "t" => Some(1_000_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        "tib" => Some(1 << 40),
        _ => None,
    };
    let bytes = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    bytes.ok_or_else(|| format!("{text:?} is no size such as 20GB or 512MiB"))
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("20GB"), Ok(20_000_000_000));
        assert_eq!(size("512 MiB"), Ok(512 << 20));
        assert_eq!(size("7"), Ok(7));
        for text in ["", "GB", "1.5GB", "-1", "99999999999TB", "1 parsec"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
