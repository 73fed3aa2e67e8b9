//! What the entries of a log come to: which counts for each subject, what got worse, and which packages there are.

use std::collections::BTreeMap;

use twinbuild_compare::Severity;
use twinbuild_report::{ResultKind, Tally};
use twinbuild_subject::Sha256;

use crate::address::{PackageKey, VersionKey};
use crate::{Entry, Kind, Site};

/// A site's entries, sorted out.
pub(crate) struct Ledger<'a> {
    pub(crate) site: &'a Site,
    /// All entries of each subject, in the order of the log.
    subjects: BTreeMap<Sha256, Vec<&'a Entry>>,
    /// The packages, by type and name.
    pub(crate) packages: BTreeMap<PackageKey, Package<'a>>,
    /// What got worse, the newest first.
    pub(crate) regressions: Vec<Regression<'a>>,
}

/// The files of a package by version, the oldest first: of each file the entry that counts.
#[derive(Default)]
pub(crate) struct Package<'a> {
    pub(crate) versions: BTreeMap<VersionKey, Vec<&'a Entry>>,
}

/// What got worse.
pub(crate) struct Regression<'a> {
    /// The entry that is worse.
    pub(crate) worse: &'a Entry,
    /// One that was better.
    pub(crate) better: &'a Entry,
    pub(crate) kind: RegressionKind,
}

/// Ways to get worse.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegressionKind {
    /// Another verdict about the same file was better.
    File,
    /// A file of the same kind of an earlier version was reproduced.
    Version,
}

impl<'a> Ledger<'a> {
    pub(crate) fn of(site: &'a Site) -> Self {
        let mut subjects: BTreeMap<Sha256, Vec<&Entry>> = BTreeMap::new();
        for entry in &site.entries {
            subjects.entry(entry.subject).or_default().push(entry);
        }
        let mut packages: BTreeMap<PackageKey, Package<'_>> = BTreeMap::new();
        for entry in subjects.values().filter_map(|entries| entries.last()) {
            let (package, version) = PackageKey::of(&entry.verdict.subject);
            packages.entry(package).or_default().versions.entry(version).or_default().push(entry);
        }
        for entries in packages.values_mut().flat_map(|package| package.versions.values_mut()) {
            entries.sort_by_key(|entry| (&entry.verdict.subject.file_name, entry.index));
        }
        let of_files = subjects.values().filter_map(|entries| got_worse(entries));
        let mut regressions: Vec<_> = of_files.chain(packages.values().flat_map(Package::regressions)).collect();
        regressions.sort_by_key(|regression| {
            (std::cmp::Reverse(regression.worse.index), regression.kind == RegressionKind::Version)
        });
        // A file that got worse itself needs not be told of twice.
        regressions.dedup_by_key(|regression| regression.worse.index);
        Self { site, subjects, packages, regressions }
    }

    /// All entries about the subject of this one, in the order of the log.
    pub(crate) fn history(&self, entry: &Entry) -> &[&'a Entry] {
        self.subjects.get(&entry.subject).map_or(&[], Vec::as_slice)
    }

    /// The entry that counts for the subject of this one.
    pub(crate) fn newest<'b>(&'b self, entry: &'b Entry) -> &'b Entry {
        self.history(entry).last().copied().unwrap_or(entry)
    }

    /// The entries that count, the newest first.
    pub(crate) fn current(&self) -> Vec<&'a Entry> {
        let mut current: Vec<&Entry> = self.subjects.values().filter_map(|entries| entries.last().copied()).collect();
        current.sort_by_key(|entry| std::cmp::Reverse(entry.index));
        current
    }

    /// Of each payload the newest entry, in the order of the log.
    pub(crate) fn statements(&self) -> Vec<&'a Entry> {
        let newest: BTreeMap<Sha256, &Entry> = self.site.entries.iter().map(|entry| (entry.payload, entry)).collect();
        let mut statements: Vec<&Entry> = newest.into_values().collect();
        statements.sort_by_key(|entry| entry.index);
        statements
    }

    /// What became of the files whose verdicts were not retracted.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.current().into_iter().filter(|entry| entry.is_standing()).for_each(|entry| tally.add(entry.result()));
        tally
    }

    /// Verdicts that count and have an alert, the newest first.
    pub(crate) fn alerts(&self) -> Vec<&'a Entry> {
        self.current().into_iter().filter(|entry| entry.is_standing() && entry.alerts() > 0).collect()
    }
}

/// The newest of a subject's entries, where a verdict before it was better.
fn got_worse<'a>(entries: &[&'a Entry]) -> Option<Regression<'a>> {
    let (worse, before) = entries.split_last()?;
    let rank = worse.rank()?;
    let better = before.iter().rev().find(|entry| entry.rank().is_some_and(|other| other < rank))?;
    Some(Regression { worse, better, kind: RegressionKind::File })
}

impl<'a> Package<'a> {
    /// Files of the newest version that are not reproduced, where one of their kind was of an earlier version.
    fn regressions(&self) -> Vec<Regression<'a>> {
        let Some((version, files)) =
            self.versions.iter().rev().find(|(_, files)| files.iter().any(|entry| entry.rank().is_some()))
        else {
            return Vec::new();
        };
        let kind_of = |entry: &Entry| entry.verdict.subject.file_name.rsplit_once('.').map(|(_, kind)| kind.to_owned());
        let earlier: Vec<&Entry> =
            self.versions.range(..version).rev().flat_map(|(_, files)| files.iter().copied()).collect();
        let reproduced = |entry: &&&'a Entry| entry.rank().is_some() && entry.result().is_reproduced();
        let fallen = files.iter().filter(|entry| entry.rank().is_some() && !entry.result().is_reproduced());
        fallen
            .filter_map(|worse| {
                let better = earlier.iter().filter(reproduced).find(|entry| kind_of(entry) == kind_of(worse))?;
                Some(Regression { worse, better, kind: RegressionKind::Version })
            })
            .collect()
    }
}

impl Entry {
    /// Whether its verdict can be relied on.
    pub(crate) fn is_standing(&self) -> bool {
        !matches!(self.kind, Kind::Retracted { .. })
    }

    /// What its verdict says, in a word.
    pub(crate) fn result(&self) -> ResultKind {
        ResultKind::of(self.verdict.outcome, self.verdict.level, self.verdict.mismatch)
    }

    /// How many alerts its verdict has, the one on the source included.
    pub(crate) fn alerts(&self) -> u64 {
        let chain = self.verdict.chain.as_ref().map_or(&[][..], |chain| &chain.findings);
        let findings = self.verdict.findings.iter().chain(chain);
        u64::try_from(findings.filter(|finding| finding.severity == Severity::Alert).count()).unwrap_or(u64::MAX)
    }

    /// How bad its verdict is, from 0; none where it decides nothing or was retracted. That a later attempt decided nothing, or that
    /// a verdict was withdrawn, says nothing worse of a file.
    fn rank(&self) -> Option<u8> {
        let rank = match self.result() {
            ResultKind::BitForBit => 0,
            ResultKind::Repacked => 1,
            ResultKind::Normalized => 2,
            ResultKind::Packaging | ResultKind::Nondeterministic => 4,
            ResultKind::Unbuildable | ResultKind::SourceMissing => 5,
            ResultKind::Code => 6,
            ResultKind::Unsourced => 7,
            ResultKind::Rejected => 8,
            ResultKind::Inconclusive | ResultKind::Unsupported | ResultKind::NoVerdict => return None,
        };
        let rank = if rank < 3 && self.alerts() > 0 { 3 } else { rank };
        self.is_standing().then_some(rank)
    }
}
