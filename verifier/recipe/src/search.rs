//! Searching for the recipe of a wheel that the inferred one does not give.
//!
//! A [`Search`] is a plain state machine without a clock: it proposes [`Candidate`]s, is told what came of each, and goes on from the
//! one that came closest. What still differs says what is tried next, and it ends after a number of trials, so that it is the same
//! wherever it runs. A candidate never edits the source or leaves out a file of it, and no project is known by its name.

use std::cmp::Reverse;
use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use pep440_rs::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_subject::{PackageName, Sha256, WheelFileName};

use crate::infer::{LEGACY_BACKEND, is_writer, setuptools_bounds};
use crate::python::first_release;
use crate::source::check_requirement;
use crate::{
    Bound, FrontEnd, Inference, Interpreter, Machine, Offer, Reason, Recipe, Release, SourceEvidence, Switches, Tool,
    WheelEvidence, WheelOptions,
};

/// How many trials are proposed at once.
const BATCH: usize = 2;
/// A search ends when this many trials in a row came no closer.
const PATIENCE: usize = 10;
/// How many days before the upload requirements are taken from, where other cut-offs are tried.
const CUTOFF_DAYS: [i64; 4] = [60, 180, 365, 730];
/// Releases of setuptools at which something changed that shows in a wheel: of those between two of them the newest is tried.
const SETUPTOOLS_CHANGES: [&str; 22] = [
    "38.6", "40.0", "41.1", "42.0", "46.2", "50.0", "51.0", "54.0", "56.1", "57.0", "58.0", "59.0", "60.0", "60.6",
    "60.9", "61.0", "62.2", "64.0", "66.0", "67.3", "69.0", "70.1",
];

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
        let is_found = matches!(&self.best_end, TrialEnd::Built(built) if built.closeness == Closeness::SAME);
        if is_found || self.since_closer >= PATIENCE {
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
                moves.interpreters();
                moves.front_ends();
                moves.releases(false);
                moves.cutoffs();
                moves.without_extensions();
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

/// The closest end is the least.
fn order(end: &TrialEnd) -> (u8, Option<Closeness>) {
    match end {
        TrialEnd::Built(built) => (0, Some(built.closeness)),
        TrialEnd::NotBuilt => (1, None),
        TrialEnd::NoEnvironment => (2, None),
    }
}

fn unlocked(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    recipe.requirements.locked = None;
    recipe
}

/// The candidates one step away from another.
struct Moves<'a> {
    known: Known<'a>,
    from: &'a Candidate,
    to: Vec<Candidate>,
}

impl Moves<'_> {
    fn add(&mut self, key: &str, because: String, change: impl FnOnce(&mut Recipe)) {
        let Candidate { mut recipe, mut changes } = self.from.clone();
        change(&mut recipe);
        changes.push(Reason { key: key.to_owned(), because });
        self.to.push(Candidate { recipe, changes });
    }

    /// Whatever may bring a wheel closer, the likeliest first.
    fn toward(&mut self, built: &BuiltWheel) {
        let Known { release: Release { wheel: name, .. }, published, .. } = self.known;
        if built.name.is_pure() != name.is_pure() && name.is_pure() {
            self.without_extensions();
        }
        if (&built.name.python_tags, &built.name.build_tag) != (&name.python_tags, &name.build_tag) {
            self.options();
        }
        let Some(evidence) = &built.evidence else { return };
        if evidence.machine != published.machine {
            self.machine();
        }
        if evidence.named_python != published.named_python {
            self.interpreters();
        }
        if evidence.dialect != published.dialect {
            self.releases(true);
        }
        if built.is_metadata_only || built.closeness.unsourced == 0 {
            self.releases(true);
            self.interpreters();
            self.front_ends();
            self.releases(false);
            self.cutoffs();
        }
    }

    /// Every other interpreter that writes such wheels: first those of the time.
    fn interpreters(&mut self) {
        let Known { release, offer, published, .. } = self.known;
        let own = &self.from.recipe.interpreter;
        let mut others: Vec<&Interpreter> =
            offer.interpreters.iter().filter(|one| *one != own && is_writer(one, &release.wheel)).collect();
        others.sort_by_key(|interpreter| {
            let is_named = published.named_python.is_some() && published.named_python == interpreter.numbers();
            let is_of_the_time = first_release(interpreter).is_some_and(|time| time < release.first_upload);
            (!is_named, !is_of_the_time, Reverse(interpreter.numbers()))
        });
        for interpreter in others {
            let because = format!("CPython {} writes such wheels too", interpreter.version);
            self.add("interpreter.version", because, |recipe| recipe.interpreter = interpreter.clone());
        }
    }

    /// `setup.py bdist_wheel` with the options that its name shows.
    fn options(&mut self) {
        if !self.known.source.has_setup_py {
            return;
        }
        let name = &self.known.release.wheel;
        let tags = name.python_tags.join(".");
        let build_number = name.build_tag.clone();
        let universal = WheelOptions { universal: tags == "py2.py3", build_number, ..WheelOptions::default() };
        let tagged = WheelOptions { universal: false, python_tag: Some(tags.clone()), ..universal.clone() };
        for options in [universal, tagged] {
            let because = format!("the wheel is named ..-{tags}-.., which setup.py bdist_wheel can be told");
            self.add("build.front-end", because, |recipe| recipe.front_end = FrontEnd::SetupPy { options });
        }
    }

    /// The other front end.
    fn front_ends(&mut self) {
        const KEY: &str = "build.front-end";
        match &self.from.recipe.front_end {
            FrontEnd::Pep517 { .. } if self.known.source.has_setup_py => {
                let because = "the source has a setup.py, which can be run without its build system".to_owned();
                let options = WheelOptions::default();
                self.add(KEY, because, |recipe| recipe.front_end = FrontEnd::SetupPy { options });
            }
            FrontEnd::SetupPy { .. } => {
                let because = "front ends of PEP 517 run a setup.py as part of setuptools".to_owned();
                let (backend, backend_path) = (LEGACY_BACKEND.to_owned(), Vec::new());
                self.add(KEY, because, |recipe| recipe.front_end = FrontEnd::Pep517 { backend, backend_path });
            }
            FrontEnd::Pep517 { .. } => {}
        }
    }

    fn machine(&mut self) {
        let switches = |umask, windows| Switches { umask, windows, ..self.from.recipe.switches };
        let (switches, because) = match self.known.published.machine {
            Machine::Usual => (switches(None, false), "its modes and line endings are usual"),
            Machine::NoUmask => (switches(Some(0), false), "its files may be written by anybody"),
            Machine::Windows => (switches(Some(0), true), "its modes or line endings are those of Windows"),
        };
        self.add("build.switches", because.to_owned(), |recipe| recipe.switches = switches);
    }

    fn without_extensions(&mut self) {
        if self.known.release.wheel.is_pure() {
            let because = "the wheel is for every platform, and extension modules are for one".to_owned();
            self.add("build.without-extensions", because, |recipe| recipe.switches.without_extensions = true);
        }
    }

    /// Other releases of setuptools, where that wrote the metadata: those that write its dialect, or the others.
    fn releases(&mut self, of_the_dialect: bool) {
        let Known { release, published, setuptools, .. } = self.known;
        let is_of_wheel = matches!(&published.generator, Ok(generator) if generator.tool == Tool::Wheel);
        if !is_of_wheel || release.wheel.name.as_str() == "setuptools" {
            return;
        }
        let bounds = published.dialect.as_ref().map(setuptools_bounds).unwrap_or_default();
        let fits =
            |version: &Version| bounds.iter().all(|Bound { release, is_older, .. }| (version < release) == *is_older);
        let cutoff = self.from.recipe.requirements.cutoff;
        let marks: Vec<&Version> =
            marks(setuptools, cutoff).into_iter().filter(|mark| fits(mark) == of_the_dialect).collect();
        for mark in by_halves(marks.len()).into_iter().map(|index| marks[index]) {
            let because = match of_the_dialect {
                true => format!("setuptools {mark} writes metadata in the way of the wheel's"),
                false => format!("setuptools {mark} is another release from before the upload"),
            };
            self.add("requirements.direct", because, |recipe| pin(recipe, "setuptools", mark));
        }
    }

    /// Requirements as of earlier.
    fn cutoffs(&mut self) {
        for days in CUTOFF_DAYS {
            let earlier = SignedDuration::from_hours(24 * days);
            let Ok(cutoff) = self.known.release.first_upload.checked_sub(earlier) else { continue };
            let because = format!("{days} days before the upload: an environment that was not up to date");
            self.add("requirements.cutoff", because, |recipe| recipe.requirements.cutoff = cutoff);
        }
    }

    /// Requirements by name, and without the versions that the source asks for.
    fn names_only(&mut self) {
        let because = "the versions that the source asks for cannot be had together".to_owned();
        self.add("requirements.direct", because, |recipe| {
            let pinned = |text: &String| text.contains("==");
            let (pins, others): (Vec<_>, Vec<_>) = recipe.requirements.direct.iter().cloned().partition(pinned);
            let names = others.iter().filter_map(|text| check_requirement("", text).ok());
            let mut direct: Vec<String> = names.map(|requirement| requirement.name.to_string()).collect();
            direct.extend(pins);
            recipe.requirements.direct = direct;
        });
    }
}

/// Asks for one version of a project, and not for what was asked for of it before.
fn pin(recipe: &mut Recipe, name: &str, version: &Version) {
    let is_of_it = |text: &String| {
        let name: Option<PackageName> = name.parse().ok();
        check_requirement("", text).is_ok_and(|requirement| requirement.name.to_string().parse().ok() == name)
    };
    recipe.requirements.direct.retain(|text| !is_of_it(text));
    recipe.requirements.direct.push(format!("{name}=={version}"));
}

/// Of the releases from before `cutoff`, the newest before each change, and the newest of all: from old to new.
fn marks(releases: &[(Version, Timestamp)], cutoff: Timestamp) -> Vec<&Version> {
    let mut known: Vec<&Version> = releases
        .iter()
        .filter(|(version, uploaded)| *uploaded < cutoff && !version.any_prerelease())
        .map(|(version, _)| version)
        .collect();
    known.sort();
    let changes: Vec<Version> = SETUPTOOLS_CHANGES.iter().filter_map(|text| text.parse().ok()).collect();
    let segment = |version: &Version| changes.iter().filter(|change| *change <= version).count();
    let mut marks: Vec<&Version> = Vec::new();
    for version in known {
        match marks.last_mut() {
            Some(last) if segment(last) == segment(version) => *last = version,
            _ => marks.push(version),
        }
    }
    marks
}

/// The numbers below `count`, the last first, then the first, then what halves what lies between those before.
fn by_halves(count: usize) -> Vec<usize> {
    let mut order = Vec::new();
    let mut spans = VecDeque::new();
    if let Some(last) = count.checked_sub(1) {
        order.push(last);
        if last > 0 {
            order.push(0);
            spans.push_back((0, last));
        }
    }
    while let Some((low, high)) = spans.pop_front() {
        let middle = usize::midpoint(low, high);
        if middle > low {
            order.push(middle);
            spans.extend([(middle, high), (low, middle)]);
        }
    }
    order
}
