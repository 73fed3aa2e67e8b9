//! Which variation makes the twins differ.

use std::path::Path;
use std::time::Instant;

use crate::twin::build;
use crate::{Conditions, Ended, Job, RebuildError, Variation, VariationSet};

/// How many builds the search may take. One guilty variation of 22 takes 9, a pair that is guilty only together about 15.
const MAX_TRIALS: u32 = 40;

/// A search of slow builds ends after this many times the time that one build may take, so that no build can hold it up for hours.
const MAX_WALLS: u32 = 3;

/// Why the twins differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Because of these variations. Each entry makes a difference by itself; one that has several makes it only where all
    /// of these are varied.
    Variations(Vec<VariationSet>),
    /// Whatever is varied: two builds under the same conditions differ already, or the difference comes and goes.
    EveryRun,
    /// It was not found in the builds that a search may take. The entries are what was found of it.
    Unfinished(Vec<VariationSet>),
}

/// Builds again under some of the job's variations, until it is known which of them make the second twin differ from the
/// first. `is_same` tells whether a trial came out as the first twin did. Gives the cause and how many builds that took.
///
/// Trials are built one after the other below `into`, in folders that are removed again where they can be.
///
/// # Errors
/// [`RebuildError`] when a trial could not be run or reached a limit, as an `E`; whatever `is_same` returns.
pub fn find_cause<E: From<RebuildError>>(
    job: &Job<'_>,
    into: &Path,
    mut is_same: impl FnMut(&Ended) -> Result<bool, E>,
) -> Result<(Cause, u32), E> {
    let mut trials = 0;
    let started = Instant::now();
    let cause = search(job.variations, |varied| -> Result<Option<bool>, E> {
        if trials == MAX_TRIALS || started.elapsed() > job.limits.wall.saturating_mul(MAX_WALLS) {
            return Ok(None);
        }
        trials += 1;
        let folder = into.join(format!("trial-{trials}"));
        let (twin, _) = build(job, "trial", &Conditions::with(varied), &folder)?;
        if let Some(limit) = twin.limit() {
            return Err(RebuildError::Limit { limit }.into());
        }
        let differs = !is_same(&twin.ended)?;
        // What is closed to its owner stays until all of `into` goes.
        let _ = std::fs::remove_dir_all(&folder);
        Ok(Some(differs))
    })?;
    Ok((cause, trials))
}

/// The search itself. `differs` tells whether a build under these variations differs from one under none, or `None` where
/// no more builds may be made. That one under all of `varied` differed is known.
fn search<E>(
    varied: &VariationSet,
    mut differs: impl FnMut(&VariationSet) -> Result<Option<bool>, E>,
) -> Result<Cause, E> {
    let mut found: Vec<VariationSet> = Vec::new();
    // What differs without any variation, or not again with all, is not for a variation to explain.
    for (set, expected) in [(&VariationSet::new(), false), (varied, true)] {
        match differs(set)? {
            Some(answer) if answer == expected => {}
            Some(_) => return Ok(Cause::EveryRun),
            None => return Ok(Cause::Unfinished(found)),
        }
    }
    let mut left: Vec<Variation> = varied.iter().copied().collect();
    loop {
        // All that is left makes a difference: the shortest beginning that does, with what is known to belong to it, ends
        // with another that belongs to it.
        let mut group = VariationSet::new();
        let mut among = left.clone();
        loop {
            let with = |count: usize| group.iter().chain(&among[..count]).copied().collect::<VariationSet>();
            let (mut without, mut enough) = (0, among.len());
            while without + 1 < enough {
                let middle = usize::midpoint(without, enough);
                match differs(&with(middle))? {
                    Some(true) => enough = middle,
                    Some(false) => without = middle,
                    None => return Ok(Cause::Unfinished(found)),
                }
            }
            let Some(guilty) = enough.checked_sub(1).and_then(|last| among.get(last)).copied() else { break };
            group.insert(guilty);
            among.truncate(enough - 1);
            match differs(&group)? {
                Some(true) => break,
                // The beginning differed with these, and no longer does: it comes and goes.
                Some(false) if among.is_empty() => return Ok(Cause::EveryRun),
                Some(false) => {}
                None => return Ok(Cause::Unfinished(found)),
            }
        }
        left.retain(|variation| !group.contains(variation));
        found.push(group);
        if left.is_empty() {
            return Ok(Cause::Variations(found));
        }
        match differs(&left.iter().copied().collect())? {
            Some(false) => return Ok(Cause::Variations(found)),
            Some(true) => {}
            None => return Ok(Cause::Unfinished(found)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Searches where a build differs if all of one group are varied; gives the number of builds, too.
    fn found(groups: &[&[Variation]]) -> (Cause, u32) {
        let mut trials = 0;
        let cause = search::<Infallible>(&Variation::usual(), |varied| {
            trials += 1;
            Ok((trials <= MAX_TRIALS)
                .then(|| groups.iter().any(|group| group.iter().all(|variation| varied.contains(variation)))))
        });
        let Ok(cause) = cause;
        (cause, trials)
    }

    fn sets(groups: &[&[Variation]]) -> Vec<VariationSet> {
        groups.iter().map(|group| group.iter().copied().collect()).collect()
    }

    #[test]
    fn each_variation_is_found_alone() {
        for variation in Variation::usual() {
            let (cause, trials) = found(&[&[variation]]);
            assert_eq!(cause, Cause::Variations(sets(&[&[variation]])));
            assert!(trials <= 9, "{variation}: {trials} trials");
        }
    }

    #[test]
    fn two_that_are_each_enough_are_both_found() {
        let (cause, _) = found(&[&[Variation::Umask], &[Variation::Home]]);
        assert_eq!(cause, Cause::Variations(sets(&[&[Variation::Umask], &[Variation::Home]])));
    }

    #[test]
    fn two_that_are_only_enough_together_are_one_entry() {
        for (a, b) in [(Variation::Umask, Variation::Home), (Variation::BuildPath, Variation::ScratchFileSystem)] {
            let (cause, trials) = found(&[&[a, b]]);
            assert_eq!(cause, Cause::Variations(sets(&[&[a, b]])));
            assert!(trials <= 16, "{trials} trials");
        }
    }

    #[test]
    fn what_differs_without_a_variation_is_no_variations_fault() {
        assert_eq!(found(&[&[]]), (Cause::EveryRun, 1));
    }

    #[test]
    fn a_difference_that_comes_and_goes_is_no_variations_fault() {
        // Only the twins differed.
        assert_eq!(found(&[]), (Cause::EveryRun, 2));
    }

    #[test]
    fn a_search_without_end_is_not_a_result() {
        let groups: Vec<[Variation; 1]> = Variation::usual().into_iter().map(|variation| [variation]).collect();
        let groups: Vec<&[Variation]> = groups.iter().map(<[Variation; 1]>::as_slice).collect();
        assert!(matches!(found(&groups), (Cause::Unfinished(some), _) if !some.is_empty()));
    }
}
