//! Where a search goes from a recipe: by what still differs, what is tried next.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use pep440_rs::Version;
use twinbuild_subject::PackageName;

use crate::infer::{LEGACY_BACKEND, is_writer, setuptools_bounds, switches_of};
use crate::python::{first_release, runs_on};
use crate::search::{BuiltWheel, Candidate, Closeness, Known};
use crate::source::check_requirement;
use crate::{Bound, FrontEnd, Interpreter, Reason, Recipe, Release, Switches, Tool, WheelOptions};

/// How many days before the upload requirements are taken from, where other cut-offs are tried.
const CUTOFF_DAYS: [i64; 4] = [60, 180, 365, 730];
/// The seeds of hashes that are tried where lines stand in another order: each may bring about the order of a small set.
const HASH_SEEDS: RangeInclusive<u32> = 1..=8;
/// So many other interpreters are tried from one recipe.
const MOST_INTERPRETERS: usize = 5;
/// Releases of setuptools at which something changed that shows in a wheel: of those between two of them the newest is tried.
const SETUPTOOLS_CHANGES: [&str; 25] = [
    "20.0", "30.3", "36.4", "38.6", "40.0", "41.1", "42.0", "46.2", "50.0", "51.0", "54.0", "56.1", "57.0", "58.0",
    "59.0", "60.0", "60.6", "60.9", "61.0", "62.2", "64.0", "66.0", "67.3", "69.0", "70.1",
];

/// The candidates one step away from another.
pub(crate) struct Moves<'a> {
    pub(crate) known: Known<'a>,
    pub(crate) from: &'a Candidate,
    pub(crate) to: Vec<Candidate>,
}

impl Moves<'_> {
    fn add(&mut self, key: &str, because: String, change: impl FnOnce(&mut Recipe)) {
        let Candidate { mut recipe, mut changes } = self.from.clone();
        change(&mut recipe);
        changes.push(Reason { key: key.to_owned(), because });
        self.to.push(Candidate { recipe, changes });
    }

    /// Whatever may bring a wheel closer, the likeliest first.
    pub(crate) fn toward(&mut self, built: &BuiltWheel) {
        let Known { release: Release { wheel: name, .. }, published, .. } = self.known;
        if !built.is_metadata_only {
            self.through_sdist();
        }
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
        let is_reordered = built.closeness.differing > 0 && built.closeness.bytes == 0;
        if is_reordered && self.from.recipe.switches.hash_seed.is_some() {
            self.hash_seeds(HASH_SEEDS);
        }
        if is_reordered || evidence.named_python != published.named_python {
            self.debian_setuptools();
        }
        if evidence.named_python != published.named_python {
            self.interpreters();
        }
        if evidence.dialect != published.dialect {
            self.releases(true);
        }
        let Closeness { unsourced, missing, differing, .. } = built.closeness;
        if unsourced > 0 && missing == 0 && differing == 0 && built.is_metadata_only {
            // All of it is built, and files of licences are missing: they are copies.
            return;
        }
        if built.is_metadata_only || unsourced == 0 {
            self.releases(true);
            self.interpreters();
            self.front_ends();
            self.through_sdist();
            self.releases(false);
            self.cutoffs();
        }
    }

    /// Every other interpreter that writes such wheels: first those of the time.
    pub(crate) fn interpreters(&mut self) {
        let Known { release, offer, published, .. } = self.known;
        let own = &self.from.recipe.interpreter;
        let mut others: Vec<&Interpreter> = Vec::new();
        for one in &offer.interpreters {
            // Another make of a version that is tried writes nothing else.
            let is_known = own.version == one.version || others.iter().any(|other| other.version == one.version);
            if !is_known && is_writer(one, &release.wheel) {
                others.push(one);
            }
        }
        others.sort_by_key(|interpreter| {
            let order = interpreter.numbers().map_or(0, |(major, minor)| 100 * i64::from(major) + i64::from(minor));
            let is_named = published.named_python.is_some() && published.named_python == interpreter.numbers();
            let is_of_the_time = first_release(interpreter).is_some_and(|time| time < release.first_upload);
            // The newest of those that were there, then the oldest of the others.
            (!is_named, !is_of_the_time, if is_of_the_time { -order } else { order })
        });
        others.truncate(MOST_INTERPRETERS);
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
        // What a name says beyond that is text, which goes into no build.
        for options in [universal, tagged].into_iter().filter(|options| options.check().is_ok()) {
            let because = format!("the wheel is named ..-{tags}-.., which setup.py bdist_wheel can be told");
            self.add("build.front-end", because, |recipe| {
                recipe.front_end = FrontEnd::SetupPy { options, python_path: Vec::new() }
            });
        }
    }

    /// The other front end.
    pub(crate) fn front_ends(&mut self) {
        const KEY: &str = "build.front-end";
        match &self.from.recipe.front_end {
            FrontEnd::Pep517 { .. } if self.known.source.has_setup_py => {
                let because = "the source has a setup.py, which can be run without its build system".to_owned();
                let options = WheelOptions::default();
                self.add(KEY, because, |recipe| {
                    recipe.front_end = FrontEnd::SetupPy { options, python_path: Vec::new() }
                });
            }
            FrontEnd::SetupPy { .. } => {
                let because = "front ends of PEP 517 run a setup.py as part of setuptools".to_owned();
                let (backend, backend_path) = (LEGACY_BACKEND.to_owned(), Vec::new());
                self.add(KEY, because, |recipe| recipe.front_end = FrontEnd::Pep517 { backend, backend_path });
            }
            FrontEnd::Pep517 { .. } => {}
        }
    }

    /// The wheel from the sdist, where the source is a commit.
    pub(crate) fn through_sdist(&mut self) {
        if self.from.recipe.version_control.is_none() {
            return;
        }
        let because =
            "front ends build the sdist first, and the wheel from that, where nobody says otherwise".to_owned();
        self.add("build.through-sdist", because, |recipe| recipe.switches.through_sdist = true);
    }

    fn machine(&mut self) {
        let (Switches { umask, checkout_umask, windows, .. }, because) = switches_of(self.known.published.machine);
        let switches = Switches { umask, checkout_umask, windows, ..self.from.recipe.switches };
        self.add("build.switches", because.to_owned(), |recipe| recipe.switches = switches);
    }

    fn debian_setuptools(&mut self) {
        let because = "lines of its metadata stand in another order, or its path file names no interpreter, as with Debian's setuptools";
        self.add("build.debian-setuptools", because.to_owned(), |recipe| recipe.switches.debian_setuptools = true);
    }

    pub(crate) fn hash_seeds(&mut self, seeds: impl IntoIterator<Item = u32>) {
        for seed in seeds {
            let because = match seed {
                0 => "what is built depends on the hash seed, which CPython 2 leaves at 0".to_owned(),
                _ => format!("what is built depends on the hash seed, which may have been like {seed}"),
            };
            self.add("build.hash-seed", because, |recipe| recipe.switches.hash_seed = Some(seed));
        }
    }

    /// CPython 2, which does not vary the hash seed.
    pub(crate) fn python_2(&mut self) {
        let Known { offer, release, .. } = self.known;
        let is_it = |one: &&Interpreter| one.numbers() == Some((2, 7)) && is_writer(one, &release.wheel);
        let Some(interpreter) = offer.interpreters.iter().find(is_it) else { return };
        if *interpreter != self.from.recipe.interpreter {
            let because =
                "what is built depends on the hash seed, and CPython 2 has one as long as it is told no other";
            self.add("interpreter.version", because.to_owned(), |recipe| {
                recipe.interpreter = interpreter.clone();
                recipe.switches.hash_seed = Some(0);
            });
        }
    }

    pub(crate) fn without_extensions(&mut self) {
        if self.known.release.wheel.is_pure() {
            let because = "the wheel is for every platform, and extension modules are for one".to_owned();
            self.add("build.without-extensions", because, |recipe| recipe.switches.without_extensions = true);
        }
    }

    /// Other releases of setuptools, where that wrote the metadata: those that write its dialect, or the others.
    pub(crate) fn releases(&mut self, of_the_dialect: bool) {
        let Known { release, published, setuptools, offer, .. } = self.known;
        let is_of_wheel = matches!(&published.generator, Ok(generator) if generator.tool == Tool::Wheel);
        if !is_of_wheel || release.wheel.name.as_str() == "setuptools" {
            return;
        }
        let bounds = published.dialect.as_ref().map(setuptools_bounds).unwrap_or_default();
        let fits =
            |version: &Version| bounds.iter().all(|Bound { release, is_older, .. }| (version < release) == *is_older);
        let Recipe { requirements, interpreter, .. } = &self.from.recipe;
        let marks: Vec<&Version> =
            marks(setuptools, requirements.cutoff).into_iter().filter(|mark| fits(mark) == of_the_dialect).collect();
        for mark in by_halves(marks.len()).into_iter().map(|index| marks[index]) {
            // One that runs it, where the own does not: the newest.
            let runs = |one: &&Interpreter| is_writer(one, &release.wheel) && runs_on(mark, one);
            let other = match runs_on(mark, interpreter) {
                true => None,
                false => match offer.interpreters.iter().filter(runs).max_by_key(|one| one.numbers()) {
                    Some(other) => Some(other.clone()),
                    None => continue,
                },
            };
            let because = match of_the_dialect {
                true => format!("setuptools {mark} writes metadata in the way of the wheel's"),
                false => format!("setuptools {mark} is another release from before the upload"),
            };
            self.add("requirements.direct", because, |recipe| {
                pin(recipe, "setuptools", mark);
                if let Some(other) = other {
                    recipe.interpreter = other;
                }
            });
        }
    }

    /// Requirements as of earlier.
    pub(crate) fn cutoffs(&mut self) {
        for days in CUTOFF_DAYS {
            let earlier = SignedDuration::from_hours(24 * days);
            let Ok(cutoff) = self.known.release.first_upload.checked_sub(earlier) else { continue };
            let because = format!("{days} days before the upload: an environment that was not up to date");
            self.add("requirements.cutoff", because, |recipe| recipe.requirements.cutoff = cutoff);
        }
    }

    /// Requirements by name, and without the versions that the source asks for.
    pub(crate) fn names_only(&mut self) {
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
pub(crate) fn marks(releases: &[(Version, Timestamp)], cutoff: Timestamp) -> Vec<&Version> {
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
pub(crate) fn by_halves(count: usize) -> Vec<usize> {
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
