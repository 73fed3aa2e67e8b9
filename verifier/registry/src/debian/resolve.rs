//! The closure of dependencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use twinbuild_subject::Sha256;

use super::index::{Entry, Packages};
use super::relation::{self, Alternative};
use super::{Deb822Error, DebianError, DebianPackage, PackageIndex};

/// Part of the key under which resolutions are recorded: to be raised when the same index would be resolved otherwise.
const ALGORITHM: u32 = 1;

/// What a set of packages needs. It depends on nothing but the index, the names and the exclusions, and not on their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The packages, by name.
    pub packages: Vec<DebianPackage>,
    /// The exclusions that something depends on, by name: the packages above run without them at the caller's word.
    pub excluded: Vec<String>,
    /// The digest of the package index.
    pub index: Sha256,
}

impl Resolution {
    /// The size of all files, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.packages.iter().map(|package| package.size_bytes).sum()
    }
}

impl PackageIndex {
    /// The packages that `roots` need: the closure over `Pre-Depends` and `Depends`. Of alternatives, one that is already
    /// needed is taken, else the first that exists, else the first by name of those that provide it. Packages in `exclude`
    /// and all that only they need are left out. Recommendations, conflicts and the mark `Essential` are not looked at.
    ///
    /// The result is recorded in the store, so that the index need not be read again for the same question.
    ///
    /// # Errors
    /// [`DebianError::UnknownPackage`], [`DebianError::Unsatisfied`], [`DebianError::Malformed`],
    /// [`DebianError::Compression`], [`DebianError::Fetch`].
    pub fn resolve(&self, roots: &[&str], exclude: &[&str]) -> Result<Resolution, DebianError> {
        let roots: BTreeSet<&str> = roots.iter().copied().collect();
        let exclude: BTreeSet<&str> = exclude.iter().copied().collect();
        let question = serde_json::json!([ALGORITHM, self.sha256(), self.architecture, roots, exclude]);
        let key = Sha256::of(question.to_string().as_bytes());
        let store = &self.archive.store;
        if let Some(resolution) = store.record("debian-resolution", &key)? {
            tracing::debug!(suite = self.suite, "cache hit: resolved before");
            return Ok(resolution);
        }
        let closure = Closure { index: self, packages: self.packages()?, exclude, chosen: BTreeMap::new() };
        let resolution = closure.of(&roots)?;
        store.put_record("debian-resolution", &key, &resolution)?;
        Ok(resolution)
    }
}

struct Closure<'a> {
    index: &'a PackageIndex,
    packages: &'a Packages,
    exclude: BTreeSet<&'a str>,
    chosen: BTreeMap<&'a str, &'a Entry>,
}

/// What satisfies a relation.
enum Answer<'a> {
    Chosen,
    Excluded(&'a str),
    New(&'a Entry),
}

impl<'a> Closure<'a> {
    fn of(mut self, roots: &BTreeSet<&str>) -> Result<Resolution, DebianError> {
        let (mut waiting, mut excluded) = (VecDeque::new(), BTreeSet::new());
        for root in roots {
            let entry = self.packages.by_name.get(*root).and_then(|versions| versions.first());
            let entry = entry.ok_or_else(|| DebianError::UnknownPackage {
                suite: self.index.suite.clone(),
                architecture: self.index.architecture.clone(),
                name: (*root).to_owned(),
            })?;
            self.chosen.insert(&entry.package.name, entry);
            waiting.push_back(entry);
        }
        while let Some(entry) = waiting.pop_front() {
            for field in &entry.depends {
                let relations = relation::parse(field).map_err(|fault| DebianError::Malformed {
                    file: format!("the package index of {}", self.index.suite),
                    source: Deb822Error {
                        line: 0,
                        fault: format!("in what {} depends on, {fault}", entry.package.name),
                    },
                })?;
                for relation in relations {
                    match self.answer(&relation.alternatives) {
                        Some(Answer::Chosen) => {}
                        Some(Answer::Excluded(name)) => {
                            excluded.insert(name.to_owned());
                        }
                        Some(Answer::New(new)) => {
                            self.chosen.insert(&new.package.name, new);
                            waiting.push_back(new);
                        }
                        None => {
                            return Err(DebianError::Unsatisfied {
                                suite: self.index.suite.clone(),
                                package: entry.package.name.clone(),
                                relation: relation.text.to_owned(),
                            });
                        }
                    }
                }
            }
        }
        let packages = self.chosen.values().map(|entry| entry.package.clone()).collect();
        Ok(Resolution { packages, excluded: excluded.into_iter().collect(), index: self.index.sha256() })
    }

    fn answer(&self, alternatives: &[Alternative<'_>]) -> Option<Answer<'a>> {
        let fitting: Vec<_> = alternatives.iter().filter(|alternative| self.fits(alternative)).collect();
        if fitting.iter().any(|alternative| self.is_chosen(alternative)) {
            return Some(Answer::Chosen);
        }
        fitting.iter().find_map(|alternative| {
            let real = self.real(alternative).map(|entry| entry.package.name.as_str());
            let name = real.or_else(|| self.providers(alternative).next())?;
            let excluded = self.exclude.get(alternative.name).or_else(|| self.exclude.get(name));
            Some(match excluded {
                Some(name) => Answer::Excluded(name),
                None => Answer::New(self.packages.by_name.get(name)?.first()?),
            })
        })
    }

    fn fits(&self, alternative: &Alternative<'_>) -> bool {
        alternative.architecture.is_none_or(|of| of == "any" || of == self.index.architecture)
    }

    fn is_chosen(&self, alternative: &Alternative<'_>) -> bool {
        let is_real = self.real(alternative).is_some() && self.chosen.contains_key(alternative.name);
        is_real || self.providers(alternative).any(|name| self.chosen.contains_key(name))
    }

    /// The package of that name itself, in its newest version, if that one will do.
    fn real(&self, alternative: &Alternative<'_>) -> Option<&'a Entry> {
        let entry = self.packages.by_name.get(alternative.name)?.first()?;
        let will_do = |constraint: &relation::Constraint| constraint.holds_for(&entry.package.version);
        alternative.constraint.as_ref().is_none_or(will_do).then_some(entry)
    }

    /// Who provides it, by name. What is provided without a version satisfies no constraint (Policy 7.5).
    fn providers(&self, alternative: &Alternative<'_>) -> impl Iterator<Item = &'a str> {
        let providers = self.packages.providers.get(alternative.name).map(Vec::as_slice).unwrap_or_default();
        let constraint = alternative.constraint.clone();
        providers.iter().filter_map(move |(name, version)| {
            let will_do = constraint
                .as_ref()
                .is_none_or(|constraint| version.as_ref().is_some_and(|version| constraint.holds_for(version)));
            will_do.then_some(name.as_str())
        })
    }
}
