//! Searching for the recipe of a wheel that the inferred one does not give.
//!
//! A [`Search`] is a plain state machine without a clock: it proposes [`Candidate`]s, is told what came of each, and goes on from the
//! one that came closest. What still differs says what is tried next, and it ends after a number of trials, so that it is the same
//! wherever it runs. A candidate never edits the source or leaves out a file of it, and no project is known by its name.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;
use pep440_rs::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::{Sha256, WheelFileName};

use crate::moves::Moves;
use crate::{Inference, Offer, Reason, Recipe, Release, SourceEvidence, WheelEvidence};

/// How many trials are proposed at once.
const BATCH: usize = 2;
/// A search ends when this many trials in a row came no closer.
const PATIENCE: usize = 10;
/// The same where the published wheel has what no source has: few recipes bring that about.
const PATIENCE_WITHOUT_SOURCE: usize = 4;
/// How far a wheel is from the published one: less is closer, compared from the first number on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Closeness {
    /// Members of the published wheel that neither it nor the source has.
    pub unsourced: u64,
    /// Other members that only one of the two has.
    pub missing: u64,
    /// Members that differ, and 1 where the file names do.
    pub differing: u64,
    /// The bytes of lines that only one of the two has, in the members that differ.
    pub bytes: u64,
}

impl Closeness {
    /// There is no difference.
    pub const SAME: Self = Self { unsourced: 0, missing: 0, differing: 0, bytes: 0 };
}

/// What came of one trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialEnd {
    /// There is no environment for it.
    NoEnvironment,
    /// It built no wheel.
    NotBuilt,
    /// It built a wheel.
    Built(Box<BuiltWheel>),
}

/// The wheel of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltWheel {
    /// Its name.
    pub name: WheelFileName,
    /// What it says of its making; `None` where it cannot be read.
    pub evidence: Option<WheelEvidence>,
    /// How far it is from the published one.
    pub closeness: Closeness,
    /// Whether what differs lies in the metadata folder only.
    pub is_metadata_only: bool,
    /// Whether what is built by this recipe depends on the hash seed, and on nothing else that twins vary.
    pub follows_hash_seed: bool,
}

/// A recipe to be tried, its requirements not locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The recipe.
    pub recipe: Recipe,
    /// In what it departs from the inferred recipe, and why.
    pub changes: Vec<Reason>,
}

/// What a search starts from.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The release.
    pub release: &'a Release,
    /// What the published wheel says.
    pub published: &'a WheelEvidence,
    /// What the source says.
    pub source: &'a SourceEvidence,
    /// The interpreters that there are to build with.
    pub offer: &'a Offer,
    /// The releases of setuptools, and when they were uploaded.
    pub setuptools: &'a [(Version, Timestamp)],
}

/// A search for a recipe.
#[derive(Debug)]
pub struct Search<'a> {
    known: Known<'a>,
    best: Candidate,
    best_end: TrialEnd,
    seen: HashSet<Sha256>,
    planned: VecDeque<Candidate>,
    trials: u32,
    most_trials: u32,
    since_closer: usize,
}

impl<'a> Search<'a> {
    /// A search that starts at the inferred recipe, which was tried already, and may take that many trials.
    #[must_use]
    pub fn new(known: Known<'a>, inference: &Inference, end: TrialEnd, most_trials: u32) -> Self {
        let recipe = unlocked(&inference.recipe);
        let mut search = Self {
            known,
            seen: HashSet::from([recipe.digest()]),
            best: Candidate { recipe, changes: Vec::new() },
            best_end: end,
            planned: VecDeque::new(),
            trials: 0,
            most_trials,
            since_closer: 0,
        };
        search.plan();
        search
    }

    /// The next candidates, which may be tried at the same time; none where the search has ended.
    pub fn batch(&mut self) -> Vec<Candidate> {
        let is_found = matches!(
            &self.best_end,
            TrialEnd::Built(built) if built.closeness == Closeness::SAME && !built.follows_hash_seed
        );
        let is_unsourced = matches!(&self.best_end, TrialEnd::Built(built) if built.closeness.unsourced > 0);
        let patience = if is_unsourced { PATIENCE_WITHOUT_SOURCE } else { PATIENCE };
        if is_found || self.since_closer >= patience {
            return Vec::new();
        }
        let left = usize::try_from(self.most_trials - self.trials).unwrap_or(usize::MAX);
        let batch: Vec<Candidate> = (0..BATCH.min(left)).map_while(|_| self.planned.pop_front()).collect();
        self.seen.extend(batch.iter().map(|candidate| candidate.recipe.digest()));
        self.trials += u32::try_from(batch.len()).unwrap_or(u32::MAX);
        batch
    }

    /// Takes in what came of a candidate.
    pub fn learn(&mut self, candidate: Candidate, end: TrialEnd) {
        if order(&end) < order(&self.best_end) {
            self.best = candidate;
            self.best_end = end;
            self.since_closer = 0;
            self.plan();
        } else {
            self.since_closer += 1;
        }
    }

    /// The candidate that came closest, and what came of it. It has no changes where that is the inferred recipe.
    #[must_use]
    pub fn closest(self) -> (Candidate, TrialEnd) {
        (self.best, self.best_end)
    }

    /// Plans anew, from the best candidate so far.
    fn plan(&mut self) {
        let mut moves = Moves { known: self.known, from: &self.best, to: Vec::new() };
        match &self.best_end {
            TrialEnd::NoEnvironment => {
                moves.interpreters();
                moves.names_only();
                moves.cutoffs();
            }
            TrialEnd::NotBuilt => {
                moves.front_ends();
                moves.without_extensions();
                moves.interpreters();
                moves.through_sdist();
                moves.releases(false);
                moves.cutoffs();
            }
            TrialEnd::Built(built) if built.follows_hash_seed => {
                moves.hash_seeds([0]);
                moves.python_2();
            }
            TrialEnd::Built(built) => moves.toward(built),
        }
        let mut planned = HashSet::new();
        let seen = &self.seen;
        let mut is_new = |candidate: &Candidate| {
            let digest = candidate.recipe.digest();
            !seen.contains(&digest) && planned.insert(digest)
        };
        self.planned = moves.to.into_iter().filter(|candidate| is_new(candidate)).collect();
    }
}

/// The closest end is the least. What comes out in the same way each time is closer than what happens to.
fn order(end: &TrialEnd) -> (u8, bool, Option<Closeness>) {
    match end {
        TrialEnd::Built(built) => (0, built.follows_hash_seed, Some(built.closeness)),
        TrialEnd::NotBuilt => (1, false, None),
        TrialEnd::NoEnvironment => (2, false, None),
    }
}

fn unlocked(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    recipe.requirements.locked = None;
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moves::{by_halves, marks};
    use crate::{
        FrontEnd, Generator, Interpreter, Machine, MemberTimes, Needs, Provider, Requirements, Switches, WheelOptions,
    };

    fn interpreter(version: &str) -> Interpreter {
        Interpreter { version: version.to_owned(), provider: Provider::Debian }
    }

    fn published(dialect: Option<crate::Dialect>) -> WheelEvidence {
        WheelEvidence {
            generator: Ok(Generator::parse("bdist_wheel (0.37.0)").unwrap()),
            times: MemberTimes::None,
            dialect,
            named_python: None,
            machine: Machine::Usual,
        }
    }

    struct World {
        release: Release,
        published: WheelEvidence,
        source: SourceEvidence,
        offer: Offer,
        setuptools: Vec<(Version, Timestamp)>,
    }

    fn world(file_name: &str) -> World {
        let setuptools =
            ["40.6.3", "44.1.1", "53.0", "56.0.0", "57.0.0", "57.5.0", "60.5.0", "62.1.0", "62.2.0", "65.0.0"];
        let released = "2022-01-01T00:00:00Z".parse().unwrap();
        World {
            release: Release {
                wheel: file_name.parse().unwrap(),
                first_upload: "2023-05-05T14:18:18Z".parse().unwrap(),
            },
            published: published(None),
            source: SourceEvidence { has_setup_py: true, ..SourceEvidence::default() },
            offer: Offer { interpreters: ["3.11", "3.9", "3.13", "2.7"].map(interpreter).to_vec() },
            setuptools: setuptools.iter().map(|version| (version.parse().unwrap(), released)).collect(),
        }
    }

    impl World {
        fn known(&self) -> Known<'_> {
            let Self { release, published, source, offer, setuptools } = self;
            Known { release, published, source, offer, setuptools }
        }
    }

    fn inference() -> Inference {
        let recipe = Recipe {
            interpreter: interpreter("3.11"),
            environment: Needs::default(),
            front_end: FrontEnd::Pep517 { backend: "setuptools.build_meta".to_owned(), backend_path: Vec::new() },
            switches: Switches::default(),
            source_date_epoch: Some(0),
            version_control: None,
            requirements: Requirements {
                cutoff: "2023-05-05T14:18:17Z".parse().unwrap(),
                direct: vec!["setuptools>=40".to_owned(), "wheel==0.37.0".to_owned()],
                locked: None,
            },
        };
        Inference { recipe, reasons: Vec::new() }
    }

    fn built(name: &str, closeness: Closeness) -> TrialEnd {
        TrialEnd::Built(Box::new(BuiltWheel {
            name: name.parse().unwrap(),
            evidence: Some(published(None)),
            closeness,
            is_metadata_only: true,
            follows_hash_seed: false,
        }))
    }

    fn differing(differing: u64) -> Closeness {
        Closeness { differing, ..Closeness::SAME }
    }

    /// Runs a search to its end, and gives what was tried.
    fn run(mut search: Search<'_>, end: impl Fn(&Recipe) -> TrialEnd) -> (Vec<Recipe>, Candidate, TrialEnd) {
        let mut tried = Vec::new();
        loop {
            let batch = search.batch();
            if batch.is_empty() {
                let (closest, end) = search.closest();
                return (tried, closest, end);
            }
            for candidate in batch {
                tried.push(candidate.recipe.clone());
                let end = end(&candidate.recipe);
                search.learn(candidate, end);
            }
        }
    }

    #[test]
    fn differences_are_removed_one_after_the_other() {
        const NAME: &str = "x-1-py2.py3-none-any.whl";
        let world = world(NAME);
        let end = |recipe: &Recipe| {
            let is_universal = matches!(&recipe.front_end, FrontEnd::SetupPy { options, .. } if options.universal);
            let is_old = recipe.requirements.direct.contains(&"setuptools==56.0.0".to_owned());
            let name = if is_universal { NAME } else { "x-1-py3-none-any.whl" };
            built(name, differing(u64::from(!is_universal) + u64::from(!is_old)))
        };
        let inference = inference();
        let search = Search::new(world.known(), &inference, end(&inference.recipe), 24);
        let (tried, closest, found) = run(search, end);
        assert!(matches!(found, TrialEnd::Built(built) if built.closeness == Closeness::SAME));
        assert!(tried.len() <= 12, "{}", tried.len());
        let keys: Vec<&str> = closest.changes.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["build.front-end", "requirements.direct"]);
        assert_eq!(closest.recipe.requirements.direct, ["wheel==0.37.0", "setuptools==56.0.0"]);
    }

    #[test]
    fn a_search_ends_by_its_number_of_trials_and_tries_nothing_twice() {
        let world = world("x-1-py3-none-any.whl");
        let inference = inference();
        for (most, expected) in [(0, 0), (3, 3), (100, PATIENCE)] {
            let start = built("x-1-py3-none-any.whl", differing(2));
            let search = Search::new(world.known(), &inference, start, most);
            let (tried, closest, _) = run(search, |_| built("x-1-py3-none-any.whl", differing(2)));
            assert_eq!(tried.len(), expected);
            assert!(closest.changes.is_empty());
            let distinct: HashSet<_> = tried.iter().map(Recipe::digest).collect();
            assert_eq!(distinct.len(), tried.len());
            assert!(!distinct.contains(&inference.recipe.digest()));
        }
    }

    #[test]
    fn what_fails_is_tried_on_other_interpreters_first() {
        let world = world("x-1-py2.py3-none-any.whl");
        let inference = inference();
        let search = Search::new(world.known(), &inference, TrialEnd::NotBuilt, 24);
        let (tried, closest, _) = run(search, |recipe| match recipe.interpreter.version.as_str() {
            "2.7" => built("x-1-py2.py3-none-any.whl", Closeness::SAME),
            _ => TrialEnd::NotBuilt,
        });
        assert!(tried.len() <= 4);
        assert_eq!(closest.recipe.interpreter, interpreter("2.7"));
    }

    #[test]
    fn what_follows_the_hash_seed_is_built_with_one() {
        const NAME: &str = "x-1-py2.py3-none-any.whl";
        let world = world(NAME);
        let inference = inference();
        let start = |closeness| match built(NAME, closeness) {
            TrialEnd::Built(wheel) => TrialEnd::Built(Box::new(BuiltWheel { follows_hash_seed: true, ..*wheel })),
            other => other,
        };
        // As the first twin came out is no proof: the second came out otherwise.
        let search = Search::new(world.known(), &inference, start(Closeness::SAME), 24);
        let (tried, closest, _) = run(search, |_| built(NAME, Closeness::SAME));
        assert_eq!((tried.len(), closest.recipe.switches.hash_seed), (2, Some(0)));
        let search = Search::new(world.known(), &inference, start(differing(1)), 24);
        let (tried, closest, _) = run(search, |recipe| {
            built(NAME, if recipe.switches.hash_seed == Some(6) { Closeness::SAME } else { differing(1) })
        });
        assert!(tried.len() <= 9, "{}", tried.len());
        assert_eq!(closest.recipe.switches.hash_seed, Some(6));
        assert!(tried.iter().all(|recipe| recipe.switches.hash_seed.is_some()));
    }

    #[test]
    fn what_a_name_says_beyond_tags_goes_into_no_build() {
        for name in [
            "x-1-py3.x696d706f7274-none-any.whl",
            "x-1-py3.py4.py5.py6.py7-none-any.whl",
            "x-1-1000000000-py3-none-any.whl",
            "x-1-1abcdefgh-py3-none-any.whl",
        ] {
            let world = world(name);
            let inference = inference();
            let start = built("x-1-py2.py3-none-any.whl", differing(2));
            let search = Search::new(world.known(), &inference, start, 24);
            let (tried, ..) = run(search, |_| built("x-1-py2.py3-none-any.whl", differing(2)));
            let has_options = |recipe: &Recipe| matches!(&recipe.front_end, FrontEnd::SetupPy { options, .. } if *options != WheelOptions::default());
            assert!(!tried.iter().any(has_options), "{name}");
        }
    }

    #[test]
    fn missing_licences_are_not_searched_for() {
        let world = world("x-1-py3-none-any.whl");
        let missing = Closeness { unsourced: 1, ..Closeness::SAME };
        let inference = inference();
        let mut search = Search::new(world.known(), &inference, built("x-1-py3-none-any.whl", missing), 24);
        assert!(search.batch().is_empty());
    }

    #[test]
    fn one_release_stands_for_those_that_write_alike() {
        let setuptools = world("x-1-py3-none-any.whl").setuptools;
        let shown = |cutoff: &str| {
            let marks = marks(&setuptools, cutoff.parse().unwrap());
            marks.into_iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let expected = ["40.6.3", "44.1.1", "53.0", "56.0.0", "57.5.0", "60.5.0", "62.1.0", "62.2.0", "65.0.0"];
        assert_eq!(shown("2023-01-01T00:00:00Z"), expected);
        assert_eq!(shown("2021-01-01T00:00:00Z"), [""; 0]);
        assert_eq!(by_halves(5), [4, 0, 2, 3, 1]);
        assert_eq!((by_halves(0).len(), by_halves(1), by_halves(2)), (0, vec![0], vec![1, 0]));
    }
}
