//! What a run took.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SubjectResult;

/// What a run took, over all its parts where it was interrupted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// From beginning to end, in milliseconds; of the results that say it.
    pub wall_ms: u64,
    /// Processor time of the program and of all that it started, in milliseconds; of the results that say it.
    pub processor_ms: u64,
    /// How much of that was spent in the sandboxes of builds.
    pub build_processor_ms: u64,
    /// How many results say it.
    pub measured: u64,
    /// How many recipes were tried.
    pub trials: Trials,
    /// How long each step took for one subject.
    pub steps: BTreeMap<String, Spread>,
}

/// How many recipes were tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trials {
    /// For all misses together.
    pub of_misses: u64,
    /// How many subjects the first recipe did not reproduce, whether or not a later one did.
    pub misses: u64,
    /// How many subjects took each number of trials.
    pub distribution: BTreeMap<u64, u64>,
}

/// How durations are spread, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub total_ms: u64,
    /// Half of them are no longer than this.
    pub median_ms: u64,
    /// Nine of ten are no longer than this.
    pub ninth_decile_ms: u64,
    /// The longest.
    pub longest_ms: u64,
}

impl Cost {
    pub(super) fn of(subjects: &[SubjectResult]) -> Self {
        let mut cost = Self::default();
        let mut steps: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for result in subjects {
            if let (Some(wall), Some(processor)) = (result.run_wall_ms, result.run_processor_ms) {
                cost.measured += 1;
                cost.wall_ms += wall;
                cost.processor_ms += processor;
                cost.build_processor_ms += result.build_processor_ms.unwrap_or(0);
            }
            if result.outcome.is_some() {
                *cost.trials.distribution.entry(result.trials).or_default() += 1;
            }
            let is_reproduced = result.kind().is_reproduced();
            // Without any trial, as where there is no source, there was nothing to miss.
            if result.trials > 1 || (result.trials == 1 && !is_reproduced) {
                cost.trials.misses += 1;
                cost.trials.of_misses += result.trials;
            }
            for (step, millis) in &result.durations_ms {
                steps.entry(step.clone()).or_default().push(*millis);
            }
        }
        cost.steps = steps.into_iter().map(|(step, durations)| (step, Spread::of(durations))).collect();
        cost
    }

    /// The processor time that was not spent in builds, in milliseconds.
    #[must_use]
    pub fn outside_builds_ms(&self) -> u64 {
        self.processor_ms.saturating_sub(self.build_processor_ms)
    }
}

impl Trials {
    /// The mean over the misses, in hundredths, rounded up.
    #[must_use]
    pub fn mean_of_misses_in_hundredths(&self) -> u64 {
        self.of_misses.saturating_mul(100).div_ceil(self.misses.max(1))
    }
}

impl Spread {
    fn of(mut durations: Vec<u64>) -> Self {
        durations.sort_unstable();
        let at = |tenths: usize| {
            let index = (durations.len() * tenths).div_ceil(10).saturating_sub(1);
            durations.get(index).copied().unwrap_or(0)
        };
        Self {
            count: crate::page::count_of(&durations),
            total_ms: durations.iter().sum(),
            median_ms: at(5),
            ninth_decile_ms: at(9),
            longest_ms: at(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_its_quantiles() {
        let spread = Spread::of((1..=10).rev().collect());
        let quantiles = (spread.median_ms, spread.ninth_decile_ms, spread.longest_ms);
        assert_eq!((spread.count, spread.total_ms, quantiles), (10, 55, (5, 9, 10)));
        assert_eq!(Spread::of(vec![7]).median_ms, 7);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn a_miss_is_what_the_first_recipe_did_not_reproduce() {
        let result = |trials, outcome| SubjectResult { trials, outcome, ..SubjectResult::default() };
        let reproduced = Some(twinbuild_verdict::Outcome::Reproduced);
        let missed = Some(twinbuild_verdict::Outcome::NotReproduced);
        let results =
            [result(1, reproduced), result(4, reproduced), result(24, missed), result(0, missed), result(0, None)];
        let trials = Cost::of(&results).trials;
        assert_eq!((trials.misses, trials.of_misses), (2, 28));
        assert_eq!(trials.distribution, BTreeMap::from([(0, 1), (1, 1), (4, 1), (24, 1)]));
    }

    #[test]
    fn a_mean_is_never_better_than_it_is() {
        let trials = Trials { of_misses: 10, misses: 3, ..Trials::default() };
        assert_eq!(trials.mean_of_misses_in_hundredths(), 334);
        assert_eq!(Trials::default().mean_of_misses_in_hundredths(), 0);
    }
}
