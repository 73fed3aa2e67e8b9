//! The search for a recipe, for a reader.

use twinbuild_recipe::Closeness;
use twinbuild_verdict::{Search, Trial, Verdict};

use crate::page::{Block, Section, Table, count_of, counted, grouped, name, words};

/// What a search came to, as one sentence: which departure from the inferred recipe came closest, and after how many trials.
pub(crate) fn summary(verdict: &Verdict) -> Option<String> {
    let search = verdict.search.as_ref().filter(|search| !search.trials.is_empty())?;
    let trials = counted(count_of(&search.trials), "trial", "trials");
    let taken = closest(search).filter(|_| verdict.recipe.as_ref().is_some_and(|recipe| recipe.origin == "searched"));
    Some(match taken {
        Some(trial) => {
            let because: Vec<&str> = trial.changes.iter().map(|change| change.because.as_str()).collect();
            format!("found in {trials}: {}", because.join("; "))
        }
        None => format!("{trials} of other recipes came no closer"),
    })
}

/// The first of the trials that came closest.
fn closest(search: &Search) -> Option<&Trial> {
    let built = search.trials.iter().filter_map(|trial| Some((trial.score?, trial)));
    built.min_by_key(|(score, _)| *score).map(|(_, trial)| trial)
}

/// All trials.
pub(crate) fn section(search: &Search) -> Section<'_> {
    let differs = |score: Option<Closeness>, failure: Option<&String>| match (score, failure) {
        (Some(Closeness::SAME), _) => vec![words("nothing")],
        (Some(Closeness { unsourced, missing, differing, bytes }), _) => {
            let parts = [
                (unsourced, "without a source"),
                (missing, "missing"),
                (differing, "differing"),
                (bytes, "bytes of lines"),
            ];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            vec![words(parts.map(|(count, what)| format!("{} {what}", grouped(*count))).collect::<Vec<_>>().join(", "))]
        }
        (None, Some(class)) => vec![words("no wheel: "), name(class)],
        (None, None) => vec![words("no wheel")],
    };
    let inferred = vec![vec![words("the inferred recipe")], differs(search.inferred, None)];
    let trials = search.trials.iter().map(|trial| {
        let mut changes = Vec::new();
        for change in &trial.changes {
            if !changes.is_empty() {
                changes.push(words("; "));
            }
            changes.push(name(&change.because));
        }
        vec![changes, differs(trial.score, trial.failure.as_ref())]
    });
    let rows = std::iter::once(inferred).chain(trials);
    let table = Block::Table(Table::new(vec!["recipe", "differs in"], rows));
    let summary = format!("{}, at most {}", counted(count_of(&search.trials), "trial", "trials"), search.most_trials);
    Section { title: "Search", blocks: vec![Block::Folded { summary, blocks: vec![table] }] }
}
