//! `twinbuild corpus check-recipes`

use serde::Serialize;
use twinbuild_judge::{GitChoice, Judge, JudgeError, MOST_TRIALS, Options, OverrideFile, Overrides, Target};
use twinbuild_rebuild::Variation;
use twinbuild_report::escape;
use twinbuild_verdict::{Level, Outcome, Verdict};

use super::{limits, print_above};
use crate::arguments::{CheckRecipes, Global, PlainFormat};
use crate::failure::Failure;
use crate::given;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

/// Whether what was given of a recipe is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Need {
    /// With it the file is reproduced, or better than without.
    Needed,
    /// Without it the file is reproduced as well: inference has caught up.
    CaughtUp,
    /// With it the file is not reproduced either.
    NoHelp,
    /// Nothing can be said: there is no release to rebuild, or one of the two could not be judged here.
    Unknown,
}

/// What came of one file, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    file: String,
    need: Need,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(global: &Global, arguments: &CheckRecipes) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let settings = Settings::load(global)?;
    given::folder(&arguments.folder)?;
    let overrides = Overrides::read(&arguments.folder).map_err(Failure::usage)?;
    let files: Vec<OverrideFile> = overrides.files().cloned().collect();
    let options = Options {
        artifact: None,
        as_of: None,
        chain: GitChoice::None,
        recipe: None,
        overrides,
        hosts: settings.hosts.clone(),
        keep: None,
        variations: Variation::usual(),
        limits: limits(&settings, &arguments.limits)?,
        most_trials: MOST_TRIALS,
        git: settings.git(),
        normalizing: global.normalizing(),
    };
    let store = settings.store()?;
    let judge = Judge::new(store, settings.index, settings.mirror, options, cancel_on_signal()?);
    let inferring = judge.without_overrides();
    let mut needs = Vec::new();
    for file in &files {
        let checked = check(&judge, &inferring, file)?;
        needs.push(checked.need);
        print_above(&match format {
            PlainFormat::Text => text(&checked),
            PlainFormat::Json => serde_json::to_string(&checked).map_err(Failure::internal)? + "\n",
        })?;
    }
    Ok(if needs.iter().any(|need| matches!(need, Need::CaughtUp | Need::NoHelp)) {
        1
    } else if needs.contains(&Need::Unknown) {
        2
    } else {
        0
    })
}

/// Rebuilds the newest release that a file is for, with it and without.
fn check(judge: &Judge, inferring: &Judge, file: &OverrideFile) -> Result<Checked, Failure> {
    let mut checked =
        Checked { file: file.file.clone(), need: Need::Unknown, subject: None, with: None, without: None, error: None };
    let outcome = (|| {
        let Some(request) = judge.newest_for(file)? else {
            checked.error = Some("no release of these versions has a wheel for this machine and an sdist".to_owned());
            return Ok(None);
        };
        checked.subject = Some(request.to_string());
        let target = Target::Release(request);
        Ok(Some((judge.judge(&target)?, inferring.judge(&target)?)))
    })();
    match outcome {
        Ok(Some((with, without))) => {
            checked.need = need(&with, &without);
            (checked.with, checked.without) = (Some(words(&with)), Some(words(&without)));
        }
        Ok(None) => {}
        // The next would fare no better.
        Err(error @ (JudgeError::Host(_) | JudgeError::Cancelled)) => return Err(error.into()),
        Err(error) => checked.error = Some(Failure::from(error).on_one_line()),
    }
    Ok(checked)
}

fn need(with: &Verdict, without: &Verdict) -> Need {
    need_of((with.outcome, with.level), (without.outcome, without.level))
}

fn need_of(with: (Outcome, Option<Level>), without: (Outcome, Option<Level>)) -> Need {
    match (with.0, without.0) {
        (Outcome::Inconclusive, _) | (_, Outcome::Inconclusive) => Need::Unknown,
        (Outcome::Reproduced, Outcome::Reproduced) if with.1 > without.1 => Need::Needed,
        (_, Outcome::Reproduced) => Need::CaughtUp,
        (Outcome::Reproduced, _) => Need::Needed,
        _ => Need::NoHelp,
    }
}

/// The outcome and what qualifies it, as the headline of a verdict has them.
fn words(verdict: &Verdict) -> String {
    let headline = twinbuild_report::headline(verdict, twinbuild_report::Style::Plain);
    headline.trim_end().trim_end_matches(&verdict.subject.file_name).trim_end().to_owned()
}

fn text(checked: &Checked) -> String {
    let Checked { file, need, subject, with, without, error } = checked;
    let said = match need {
        Need::Needed => "needed",
        Need::CaughtUp => "no longer needed",
        Need::NoHelp => "no help",
        Need::Unknown => "unknown",
    };
    let mut text = format!("{said}  {file}\n");
    let lines = [("subject", subject), ("with it", with), ("without", without), ("because", error)];
    for (name, value) in lines {
        if let Some(value) = value {
            text.push_str(&format!("  {name:<8} {value}\n"));
        }
    }
    escape(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_good_without_it_is_no_longer_needed() {
        let (repacked, normalized) =
            ((Outcome::Reproduced, Some(Level::Repacked)), (Outcome::Reproduced, Some(Level::Normalized)));
        let missed = (Outcome::NotReproduced, None);
        assert_eq!(need_of(repacked, missed), Need::Needed);
        assert_eq!(need_of(repacked, normalized), Need::Needed);
        assert_eq!(need_of(repacked, repacked), Need::CaughtUp);
        assert_eq!(need_of(missed, repacked), Need::CaughtUp);
        assert_eq!(need_of(missed, (Outcome::Unbuildable, None)), Need::NoHelp);
        assert_eq!(need_of((Outcome::Inconclusive, None), repacked), Need::Unknown);
    }
}
