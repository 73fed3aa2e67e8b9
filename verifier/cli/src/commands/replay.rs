//! `twinbuild replay`

use std::fs::File;

use anyhow::Context as _;
use serde::Serialize;
use twinbuild_compare::Normalizing;
use twinbuild_judge::{GitChoice, Judge, MissingInput, Options, Overrides, Replay as Replayed, ReplayEnd};
use twinbuild_report::{Style, escape, headline};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Difference, ReadVerdictError, RecordedVerdict, Verdict};

use super::{limits, print};
use crate::arguments::{Global, PlainFormat, Replay};
use crate::failure::Failure;
use crate::given;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

/// The JSON form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replaying<'a> {
    /// `same`, `differs`, `missing` or `unable`.
    replay: &'static str,
    verdict_digest: Sha256,
    /// The version that wrote the verdict, where it is another one than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<&'a [Difference]>,
    /// The verdict that was come to, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<&'a Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a [MissingInput]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(crate) fn run(global: &Global, arguments: &Replay) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    given::file(&arguments.verdict)?;
    if let Some(inputs) = &arguments.inputs {
        given::folder(inputs)?;
    }
    let recorded = read(arguments)?;
    let settings = Settings::load(global)?;
    // The verdict says what else there was to choose.
    let options = Options {
        artifact: None,
        as_of: None,
        chain: GitChoice::None,
        recipe: None,
        overrides: Overrides::default(),
        hosts: settings.hosts.clone(),
        keep: arguments.keep.clone(),
        variations: twinbuild_rebuild::VariationSet::new(),
        limits: limits(&settings, &arguments.limits)?,
        most_trials: 0,
        normalizing: Normalizing::Yes,
        git: settings.git(),
    };
    let store = settings.store()?;
    let judge = Judge::new(store, settings.index, settings.mirror, options, cancel_on_signal()?);
    let replay = judge.replay(&recorded, arguments.inputs.as_deref())?;
    let text = match format {
        PlainFormat::Json => json(&recorded, &replay)?,
        PlainFormat::Text => text(&recorded, &replay),
    };
    print(&text)?;
    Ok(match replay.end {
        ReplayEnd::Same => 0,
        ReplayEnd::Differs { .. } => 1,
        ReplayEnd::Missing(_) | ReplayEnd::Unable { .. } => 2,
    })
}

fn read(arguments: &Replay) -> Result<RecordedVerdict, Failure> {
    let path = arguments.verdict.display();
    let file = File::open(&arguments.verdict).with_context(|| format!("opening {path}")).map_err(Failure::usage)?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(Failure::usage(anyhow::anyhow!("{path} is not a file: name one")));
    }
    RecordedVerdict::read(file).map_err(|error| match error {
        error @ ReadVerdictError::Io { .. } => {
            Failure::inconclusive(anyhow::Error::new(error).context(path.to_string()))
        }
        error => Failure::usage(anyhow::Error::new(error).context(path.to_string())),
    })
}

fn json(recorded: &RecordedVerdict, replay: &Replayed) -> Result<String, Failure> {
    let mut replaying = Replaying {
        replay: "same",
        verdict_digest: recorded.verdict_digest,
        other_version: replay.other_version.as_deref(),
        differences: None,
        replayed: None,
        missing: None,
        reason: None,
    };
    match &replay.end {
        ReplayEnd::Same => {}
        ReplayEnd::Differs { verdict, differences } => {
            replaying.replay = "differs";
            replaying.differences = Some(differences);
            replaying.replayed = Some(verdict);
        }
        ReplayEnd::Missing(missing) => {
            replaying.replay = "missing";
            replaying.missing = Some(missing);
        }
        ReplayEnd::Unable { reason } => {
            replaying.replay = "unable";
            replaying.reason = Some(reason);
        }
    }
    Ok(serde_json::to_string(&replaying).map_err(Failure::internal)? + "\n")
}

fn text(recorded: &RecordedVerdict, replay: &Replayed) -> String {
    let mut lines = Vec::new();
    let digest = recorded.verdict_digest;
    match &replay.end {
        ReplayEnd::Same => {
            lines.push(format!("replayed: the same verdict (sha256:{digest})"));
            lines.push(format!("  about {}", recorded.subject.file_name));
            let taken = "what the index said then, and that the environment's files are those of their archives";
            lines.push(format!("  taken from it: {taken}"));
        }
        ReplayEnd::Differs { verdict, differences } => {
            let now = verdict.verdict_digest.map(|digest| format!(", sha256:{digest}")).unwrap_or_default();
            lines.push(format!("replayed: another verdict{now}, where sha256:{digest} is recorded"));
            let same =
                if verdict.outcome == recorded.outcome { "the outcome is the same" } else { "the outcome is another" };
            lines.push(format!("  {same}: {}", headline(verdict, Style::Plain).trim_end()));
            for Difference { path, recorded, replayed } in differences {
                let or_nothing = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
                lines.push(format!("  {path}: {}, and {} is recorded", or_nothing(replayed), or_nothing(recorded)));
            }
        }
        ReplayEnd::Missing(missing) => {
            lines.push(format!("not replayed: {} of its inputs can no longer be had", missing.len()));
            lines.extend(missing.iter().map(|input| format!("  {input}")));
        }
        ReplayEnd::Unable { reason } => lines.push(format!("not replayed: {reason}")),
    }
    if let Some(version) = &replay.other_version {
        let this = env!("CARGO_PKG_VERSION");
        lines.push(format!(
            "  the verdict was written by twinbuild {version}, and this is {this}, which may make layers or judge otherwise"
        ));
    }
    lines.iter().map(|line| escape(&line.replace('\n', " ")) + "\n").collect()
}
