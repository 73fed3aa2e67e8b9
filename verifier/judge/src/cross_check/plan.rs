//! In which order builds with other releases are made, and what follows from them.

use std::collections::BTreeSet;

use twinbuild_compare::{DETERMINED_CODE, Finding, Severity};
use twinbuild_recipe::LockedRequirement;
use twinbuild_sandbox::Limit;
use twinbuild_subject::Sha256;
use twinbuild_verdict::{CrossBuild, CrossEnd, Exchange, Resolution};

use crate::JudgeError;

/// How many builds one check may take.
const MOST_BUILDS: usize = 10;
/// So many members are named of one build.
const MOST_NAMED: usize = 100;

/// A requirement of the build, and the releases that could be in its place, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) own: LockedRequirement,
    pub(super) others: Vec<LockedRequirement>,
    /// Whether the source itself asks for the project, and not only what is built with.
    pub(super) is_of_source: bool,
}

/// Wheels that a build has, by name.
pub(super) type Wheels = Vec<LockedRequirement>;

/// What a check asks for. `None` ends it.
pub(super) trait Builder {
    /// Builds once with these wheels.
    fn build(&mut self, wheels: &Wheels) -> Result<Option<Built>, JudgeError>;

    /// The wheels that releases of that rank in place of those that the source asks for come to.
    fn resolve(&mut self, rank: usize) -> Result<Option<Resolution>, JudgeError>;
}

/// What came of a build with other releases.
pub(super) enum Built {
    /// How what was reproduced departs from it.
    Compared(Vec<Finding>),
    /// There is nothing to compare with.
    Failed(String),
    /// It reached a limit.
    AtLimit(Limit),
}

/// What a check found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) resolved: Vec<Resolution>,
    pub(super) builds: Vec<CrossBuild>,
    pub(super) findings: Vec<Finding>,
    /// The guilty releases, by name and version.
    pub(super) determined_by: Vec<String>,
    /// The releases that a build did without.
    pub(super) covered: BTreeSet<Sha256>,
    /// A limit that a build reached.
    pub(super) limit: Option<Limit>,
}

/// Builds with other releases of all requirements at once, until one of these builds succeeds; else of one after the other. Where
/// code departs, the guilty ones are found by exchanging them one by one.
pub(super) fn check(requirements: &[Requirement], builder: &mut impl Builder) -> Result<Found, JudgeError> {
    let mut found = Found::default();
    let own: Wheels = requirements.iter().map(|requirement| requirement.own.clone()).collect();
    if requirements.iter().all(|requirement| requirement.others.is_empty()) {
        return Ok(found);
    }
    let mut tried: Vec<Wheels> = vec![own.clone()];
    for rank in 0..2 {
        for attempt in [Attempt::Exchanged, Attempt::ResolvedAndExchanged, Attempt::Resolved] {
            let wheels = match attempt {
                // Whatever is there is there for the source, and not for a release that is exchanged.
                Attempt::Exchanged => {
                    requirements.iter().map(|one| one.at(rank).filter(|_| one.is_of_source).cloned()).collect()
                }
                Attempt::ResolvedAndExchanged => {
                    let Some(resolution) = builder.resolve(rank)? else { return Ok(found) };
                    found.resolved.push(resolution);
                    found.last_resolved().map(|wheels| exchanged(wheels, requirements, rank))
                }
                Attempt::Resolved => found.last_resolved().cloned(),
            };
            let Some(wheels) = wheels.filter(|wheels| !tried.contains(wheels)) else { continue };
            if found.builds.len() == MOST_BUILDS {
                return Ok(found);
            }
            let Some(built) = builder.build(&wheels)? else { return Ok(found) };
            if let Some(findings) = found.record(requirements, &wheels, built) {
                return found.conclude(requirements, &wheels, findings, builder);
            }
            tried.push(wheels);
        }
    }
    for requirement in requirements {
        for other in &requirement.others {
            let wheels = with_one(&own, &requirement.own, Some(other));
            if tried.contains(&wheels) {
                continue;
            }
            if found.builds.len() == MOST_BUILDS {
                return Ok(found);
            }
            let Some(built) = builder.build(&wheels)? else { return Ok(found) };
            tried.push(wheels.clone());
            if let Some(findings) = found.record(requirements, &wheels, built) {
                // Beside what only another release requires, one that is exchanged proves little.
                if requirements.iter().all(|one| one.is_of_source) {
                    found.covered.insert(requirement.own.sha256);
                }
                if is_code(&findings) {
                    found.blame(findings, &[&requirement.own]);
                } else {
                    found.findings.extend(findings);
                }
                break;
            }
        }
    }
    Ok(found)
}

/// How the wheels of a build with other releases of all requirements are had.
#[derive(Clone, Copy)]
enum Attempt {
    /// Each requirement is exchanged, and nothing else is there.
    Exchanged,
    /// What other releases require is resolved, and of that what is the same as before is exchanged.
    ResolvedAndExchanged,
    /// What other releases require is resolved.
    Resolved,
}

/// These wheels with other releases of those that are as before, where the source does not ask for them.
fn exchanged(wheels: &Wheels, requirements: &[Requirement], rank: usize) -> Wheels {
    let other = |wheel: &LockedRequirement| {
        let own = requirements.iter().find(|one| one.own.sha256 == wheel.sha256 && !one.is_of_source);
        own.and_then(|one| one.at(rank)).unwrap_or(wheel).clone()
    };
    wheels.iter().map(other).collect()
}

/// These wheels with another one in place of `own`, or with none.
fn with_one(wheels: &Wheels, own: &LockedRequirement, other: Option<&LockedRequirement>) -> Wheels {
    let exchange = |wheel: &LockedRequirement| if wheel == own { other.cloned() } else { Some(wheel.clone()) };
    wheels.iter().filter_map(exchange).collect()
}

/// In what these wheels are others than those that the recipe locks.
pub(super) fn exchanges(requirements: &[Requirement], wheels: &Wheels) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for Requirement { own, .. } in requirements {
        let to = wheels.iter().find(|wheel| wheel.name == own.name);
        if to != Some(own) {
            let from = Some(own.version.clone());
            exchanges.push(Exchange { name: own.name.clone(), from, to: to.cloned() });
        }
    }
    for wheel in wheels.iter().filter(|wheel| !requirements.iter().any(|one| one.own.name == wheel.name)) {
        exchanges.push(Exchange { name: wheel.name.clone(), from: None, to: Some(wheel.clone()) });
    }
    exchanges.sort_by(|a, b| a.name.cmp(&b.name));
    exchanges
}

impl Requirement {
    /// The release of that rank in place of this, or the last one.
    pub(super) fn at(&self, rank: usize) -> Option<&LockedRequirement> {
        self.others.get(rank).or(self.others.last())
    }
}

impl Found {
    /// The wheels that the resolver gave last.
    fn last_resolved(&self) -> Option<&Wheels> {
        match self.resolved.last()? {
            Resolution::Wheels { requirements } => Some(requirements),
            Resolution::Failed { .. } => None,
        }
    }

    /// Writes a build down, and gives how what was reproduced departs from it.
    fn record(&mut self, requirements: &[Requirement], wheels: &Wheels, built: Built) -> Option<Vec<Finding>> {
        let (end, findings) = match built {
            Built::Compared(findings) if is_code(&findings) => {
                let alerts = findings.iter().filter(|finding| finding.severity == Severity::Alert);
                let members = alerts.filter_map(|finding| finding.path.clone()).take(MOST_NAMED).collect();
                (CrossEnd::Differs { members }, Some(findings))
            }
            Built::Compared(findings) => (CrossEnd::Same, Some(findings)),
            Built::Failed(reason) => (CrossEnd::Failed { reason }, None),
            Built::AtLimit(limit) => {
                self.limit.get_or_insert(limit);
                (CrossEnd::Failed { reason: "limit".to_owned() }, None)
            }
        };
        self.builds.push(CrossBuild { exchanged: exchanges(requirements, wheels), end });
        findings
    }

    /// What follows from a build with all of `wheels`; where code departs, of which of them.
    fn conclude(
        mut self,
        requirements: &[Requirement],
        wheels: &Wheels,
        findings: Vec<Finding>,
        builder: &mut impl Builder,
    ) -> Result<Self, JudgeError> {
        let own: Wheels = requirements.iter().map(|requirement| requirement.own.clone()).collect();
        let without: Vec<&LockedRequirement> = own.iter().filter(|own| !wheels.contains(own)).collect();
        self.covered = without.iter().map(|own| own.sha256).collect();
        if !is_code(&findings) {
            self.findings = findings;
            return Ok(self);
        }
        let mut guilty = Vec::new();
        for suspect in without.iter().filter(|_| without.len() > 1) {
            if self.builds.len() == MOST_BUILDS {
                break;
            }
            let other = wheels.iter().find(|wheel| wheel.name == suspect.name);
            let mut alone = with_one(&own, suspect, other);
            // It may require them.
            alone.extend(wheels.iter().filter(|wheel| !own.iter().any(|one| one.name == wheel.name)).cloned());
            alone.sort_by(|a, b| a.name.cmp(&b.name));
            let Some(built) = builder.build(&alone)? else { return Ok(self) };
            if self.record(requirements, &alone, built).is_some_and(|findings| is_code(&findings)) {
                guilty.push(*suspect);
            }
        }
        self.blame(findings, if guilty.is_empty() { &without } else { &guilty });
        Ok(self)
    }

    /// Takes findings over, with the releases that they follow from.
    fn blame(&mut self, findings: Vec<Finding>, guilty: &[&LockedRequirement]) {
        let names: Vec<String> = guilty.iter().map(|own| format!("{} {}", own.name, own.version)).collect();
        let shown = names.join(" or ");
        self.findings.extend(findings.into_iter().map(|mut finding| {
            if finding.severity == Severity::Alert {
                finding.detail = format!("it follows from {shown}, and not from the source: {}", finding.detail);
            }
            finding
        }));
        for name in names {
            if !self.determined_by.contains(&name) {
                self.determined_by.push(name);
            }
        }
    }
}

fn is_code(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.code == DETERMINED_CODE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_check::tests::locked;

    fn requirement(name: &str, own: &str, others: &[&str]) -> Requirement {
        let others = others.iter().map(|version| locked(name, version)).collect();
        Requirement { own: locked(name, own), others, is_of_source: true }
    }

    fn alert() -> Built {
        Built::Compared(vec![Finding::of(DETERMINED_CODE, Severity::Alert, &"a.py".into(), "other".to_owned())])
    }

    fn same() -> Built {
        Built::Compared(Vec::new())
    }

    fn failed() -> Built {
        Built::Failed("x".to_owned())
    }

    /// Answers by the names and versions of what a build has.
    struct Fake<F> {
        answer: F,
        resolved: Vec<Wheels>,
        asked: Vec<String>,
    }

    impl<F: Fn(&str) -> Built> Builder for Fake<F> {
        fn build(&mut self, wheels: &Wheels) -> Result<Option<Built>, JudgeError> {
            let names: Vec<String> = wheels.iter().map(|one| format!("{}-{}", one.name, one.version)).collect();
            self.asked.push(names.join(" "));
            Ok(Some((self.answer)(&names.join(" "))))
        }

        fn resolve(&mut self, rank: usize) -> Result<Option<Resolution>, JudgeError> {
            let failed = Resolution::Failed { reason: "x".to_owned() };
            let wheels = self.resolved.get(rank).cloned();
            Ok(Some(wheels.map_or(failed, |requirements| Resolution::Wheels { requirements })))
        }
    }

    /// A check, and what was built for it.
    fn checked(
        requirements: &[Requirement],
        resolved: Vec<Wheels>,
        answer: impl Fn(&str) -> Built,
    ) -> (Found, Vec<String>) {
        let mut fake = Fake { answer, resolved, asked: Vec::new() };
        let found = check(requirements, &mut fake).unwrap();
        (found, fake.asked)
    }

    #[test]
    fn one_build_is_enough_where_all_is_the_same() {
        let requirements = [requirement("a", "2", &["1", "3"]), requirement("b", "5", &["4"])];
        let (found, asked) = checked(&requirements, Vec::new(), |_| same());
        assert_eq!(asked, ["a-1 b-4"]);
        assert!(found.findings.is_empty() && found.determined_by.is_empty() && found.resolved.is_empty());
        assert_eq!(found.covered.len(), 2);
    }

    #[test]
    fn the_guilty_one_is_found_by_itself() {
        let requirements = ["a", "evil", "c"].map(|name| requirement(name, "2", &["1"]));
        let answer = |names: &str| if names.contains("evil-1") { alert() } else { same() };
        let (found, asked) = checked(&requirements, Vec::new(), answer);
        assert_eq!((asked.len(), found.determined_by), (4, vec!["evil 2".to_owned()]));
        assert!(found.findings[0].detail.contains("it follows from evil 2, and not from the source"));
    }

    #[test]
    fn what_only_several_do_together_is_blamed_on_all_of_them() {
        let requirements = [requirement("a", "2", &["1"]), requirement("b", "2", &["1"])];
        let (found, _) = checked(&requirements, Vec::new(), |names| if names == "a-1 b-1" { alert() } else { same() });
        assert_eq!(found.determined_by, ["a 2", "b 2"]);
    }

    #[test]
    fn what_only_the_exchanged_release_requires_is_not_kept() {
        // A hijacked release requires a helper of the same hands, which has been there for long.
        let helper = Requirement { is_of_source: false, ..requirement("helper", "2", &["1"]) };
        let requirements = [requirement("evil", "2", &["1"]), helper];
        let answer = |names: &str| if names.contains("helper") { same() } else { alert() };
        let (found, asked) = checked(&requirements, vec![vec![locked("evil", "1")]], answer);
        assert_eq!(asked, ["evil-1", "evil-1 helper-2", "evil-2"]);
        assert_eq!((found.determined_by, found.covered.len()), (vec!["helper 2".to_owned()], 2));
    }

    #[test]
    fn what_other_releases_require_too_is_exchanged() {
        let helper = Requirement { is_of_source: false, ..requirement("helper", "2", &["1"]) };
        let requirements = [requirement("a", "2", &["1"]), helper];
        let resolved = vec![vec![locked("a", "1"), locked("helper", "2"), locked("more", "7")]];
        let (found, asked) = checked(&requirements, resolved.clone(), |_| same());
        assert_eq!((asked, found.covered.len()), (vec!["a-1 helper-1 more-7".to_owned()], 2));
        let shown: Vec<String> = found.builds[0].exchanged.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a 1 in place of 2", "helper 1 in place of 2", "more 7"]);
        let answer = |names: &str| if names.contains("helper-1") { failed() } else { same() };
        let (found, asked) = checked(&requirements, resolved, answer);
        assert_eq!((asked.len(), found.covered.len()), (2, 1));
    }

    #[test]
    fn builds_that_fail_are_tried_with_others_and_one_by_one() {
        let requirements = [requirement("a", "2", &["1", "3"]), requirement("b", "5", &["4"])];
        let is_good = |names: &str| names == "a-3 b-5" || names == "a-2 b-4";
        let answer = |names: &str| if is_good(names) { same() } else { failed() };
        let (found, asked) = checked(&requirements, Vec::new(), answer);
        assert_eq!(asked, ["a-1 b-4", "a-3 b-4", "a-1 b-5", "a-3 b-5", "a-2 b-4"]);
        assert_eq!(found.covered.len(), 2);
        let (found, asked) = checked(&requirements, Vec::new(), |_| failed());
        assert!(found.covered.is_empty() && asked.len() <= MOST_BUILDS);
    }
}
