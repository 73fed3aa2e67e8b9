//! Whether what the build decided follows from the source, or from the releases that it was built with.
//!
//! Twins on one environment cannot tell: a backend that adds code adds it to both. So the same source is built with other
//! releases of each build requirement, and what is run, and what decides what is installed, has to come out the same. Nothing
//! of it is needed where all that is installed is a file of the source in its place, and the metadata says what the
//! source declares.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use pep440_rs::{Operator, VersionSpecifiers};
use pep508_rs::VersionOrUrl;
use twinbuild_archive::Archive;
use twinbuild_compare::{
    DETERMINED_CODE, Finding, Severity, Side, SourceIndex, TracedMember, Tracing, decisive, departures, trace,
};
use twinbuild_environment::EnvironmentError;
use twinbuild_rebuild::{Artifact, Ended, Job, RebuildError, VariationSet, build_once};
use twinbuild_recipe::{Decisive, LockedRequirement, Recipe, check_requirement};
use twinbuild_sandbox::Limit;
use twinbuild_source::SourceTree;
use twinbuild_subject::{MemberPath, Sha256, WheelFileName};
use twinbuild_verdict::{CrossBuild, CrossChecks, CrossEnd, Exchange, Outcome, Reason, Verdict};

use crate::JudgeError;
use crate::embedded::Searcher;
use crate::judge::Judge;
use crate::subject::Prepared;
use crate::walk::{
    LaidOut, Readied, Step, chain, end, environment_error, open_file, own_release, read_built, rebuild_error,
};

/// How many builds one check may take.
const MOST_BUILDS: usize = 8;
/// So many members are named of one build.
const MOST_NAMED: usize = 100;
const STAGE: Option<&str> = Some("cross-check");

/// A file that was reproduced, and how.
pub(crate) struct Reproduced<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) name: &'a WheelFileName,
    pub(crate) readied: &'a Readied,
    pub(crate) laid_out: &'a LaidOut,
    /// The published file.
    pub(crate) published: Side<'a>,
    /// The first rebuild.
    pub(crate) built: Side<'a>,
    /// The files of the source.
    pub(crate) index: &'a SourceIndex,
    /// A folder to build in.
    pub(crate) staging: &'a Path,
}

/// A requirement of the build, and the releases that could be in its place, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    own: LockedRequirement,
    others: Vec<LockedRequirement>,
}

/// A release, and the one in its place.
type Pair<'a> = (&'a LockedRequirement, &'a LockedRequirement);

/// What came of a build with other releases.
enum Built {
    /// How what was reproduced departs from it.
    Compared(Vec<Finding>),
    /// There is nothing to compare with.
    Failed(String),
    /// It reached a limit.
    AtLimit(Limit),
}

/// What a check found.
#[derive(Debug, Default)]
struct Found {
    builds: Vec<CrossBuild>,
    findings: Vec<Finding>,
    /// The guilty releases, by name and version.
    determined_by: Vec<String>,
    /// The releases that a build did without.
    covered: BTreeSet<Sha256>,
    /// A limit that a build reached.
    limit: Option<Limit>,
}

impl Judge {
    /// Traces the members of a file, and, where it was reproduced, checks what its build decided. Findings, and what was
    /// built, are written into the verdict; a check that fails for a reason of this machine or the index leaves it `inconclusive`.
    pub(crate) fn cross_check(&self, of: &Reproduced<'_>, verdict: &mut Verdict) -> Result<(), JudgeError> {
        let traced = trace(&of.published, of.index);
        verdict.tracing = Some(Tracing::of(&traced));
        if verdict.outcome != Outcome::Reproduced {
            return Ok(());
        }
        let started = Instant::now();
        if let Step::End(outcome, reason) = self.check_reproduced(of, &traced, verdict)? {
            (verdict.outcome, verdict.level, verdict.reason) = (outcome, None, Some(reason));
        }
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        verdict.run.durations_ms.insert("cross-check".to_owned(), took);
        Ok(())
    }

    fn check_reproduced(
        &self,
        of: &Reproduced<'_>,
        traced: &[TracedMember],
        verdict: &mut Verdict,
    ) -> Result<Step<()>, JudgeError> {
        let locked = of.readied.recipe.requirements.locked.as_deref().unwrap_or_default();
        let members = traced.iter().filter(|member| member.is_of_build()).count();
        let decided = decisive(&of.built).map_err(|error| JudgeError::Internal { what: chain(&error) })?;
        let is_metadata_of_build = !is_declared(&decided, &of.laid_out.tree);
        if locked.is_empty() || (members == 0 && !is_metadata_of_build) {
            return Ok(Step::Next(()));
        }
        let requirements = match self.requirements(of, locked)? {
            Step::Next(requirements) => requirements,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        let mut ended = None;
        let mut count = 0;
        let found = check(&requirements, |exchanged| -> Result<_, JudgeError> {
            count += 1;
            match self.build_with(of, exchanged, &of.staging.join(format!("cross-check-{count}")))? {
                Step::Next(built) => Ok(Some(built)),
                Step::End(_, reason) => {
                    ended = Some(reason);
                    Ok(None)
                }
            }
        })?;
        // Nothing of it is the subject's fault.
        if let Some(Reason { class, stage, detail }) = ended {
            let detail = format!("what the build decided could not be checked with other releases: {detail}");
            return Ok(Step::End(Outcome::Inconclusive, Reason { class, stage, detail }));
        }
        let Found { builds, findings, determined_by, covered, limit } = found;
        let shown = |requirement: &LockedRequirement| format!("{} {}", requirement.name, requirement.version);
        let unchecked: Vec<String> = locked.iter().filter(|own| !covered.contains(&own.sha256)).map(shown).collect();
        if let (Some(limit), true) = (limit, covered.is_empty()) {
            return Ok(end(Outcome::Inconclusive, "limit", STAGE, RebuildError::Limit { limit }.to_string()));
        }
        if !unchecked.is_empty() {
            let why = if builds.iter().any(|build| matches!(build.end, CrossEnd::Failed { .. })) {
                "builds with others failed"
            } else {
                "there is no other that could be taken"
            };
            let detail = format!(
                "the build decided on {}, and nothing is known of what {} had to do with it: {why}",
                what(members, is_metadata_of_build),
                unchecked.join(", ")
            );
            verdict.findings.push(Finding::whole("generated-code-unchecked", Severity::Note, detail));
        }
        verdict.findings.extend(findings);
        verdict.cross_checks = Some(CrossChecks {
            members: u64::try_from(members).unwrap_or(u64::MAX),
            is_metadata_of_build,
            others: requirements.into_iter().flat_map(|requirement| requirement.others).collect(),
            builds,
            determined_by,
            unchecked,
        });
        Ok(Step::Next(()))
    }

    /// The requirements, with what could be in their place: as the index has it, or as it is recorded.
    fn requirements(
        &self,
        of: &Reproduced<'_>,
        locked: &[LockedRequirement],
    ) -> Result<Step<Vec<Requirement>>, JudgeError> {
        let recipe = &of.readied.recipe;
        let mut requirements = Vec::new();
        for own in locked {
            let others = match &of.prepared.replayed {
                Some(replayed) => replayed.others(own),
                // What was built here is not published in other releases that could be built like it.
                None if own.sdist_sha256.is_some() => Vec::new(),
                None => {
                    let cutoff = recipe.requirements.cutoff;
                    let ranges = ranges(recipe, own);
                    match of.readied.environment.other_releases(&self.supply(), own, &ranges, cutoff) {
                        Ok(others) => others,
                        Err(error) => return environment_error(error),
                    }
                }
            };
            // A file of the subject's own release is no ground to build it on.
            let source = of.prepared.source.as_ref().map_or_else(|| of.prepared.blob.sha256(), |one| one.blob.sha256());
            let is_usable = |other: &LockedRequirement| {
                own_release(of.prepared, source, std::slice::from_ref(other)).is_none() && other.name == own.name
            };
            let others = others.into_iter().filter(is_usable).collect();
            requirements.push(Requirement { own: own.clone(), others });
        }
        Ok(Step::Next(requirements))
    }

    /// Builds once with other releases, and compares.
    fn build_with(&self, of: &Reproduced<'_>, exchanged: &[Pair<'_>], into: &Path) -> Result<Step<Built>, JudgeError> {
        let names: Vec<String> =
            exchanged.iter().map(|(_, other)| format!("{} {}", other.name, other.version)).collect();
        tracing::info!("building once with {}", names.join(", "));
        let wheels: Vec<(Sha256, LockedRequirement)> =
            exchanged.iter().map(|(own, other)| (own.sha256, (*other).clone())).collect();
        let failed = |why: &str| Ok(Step::Next(Built::Failed(why.to_owned())));
        let environment = match of.readied.environment.with_other_releases(&self.supply(), &wheels, &self.cancel) {
            Ok(environment) => environment,
            Err(EnvironmentError::Step { .. }) => return failed("they cannot be installed"),
            Err(error) => return environment_error(error),
        };
        if let Some(path) = environment.requirements_path() {
            let doing = "searching other releases of the build requirements";
            let mut searcher = Searcher::new(&of.prepared.blob).map_err(JudgeError::io(doing))?;
            searcher.tree(path).map_err(JudgeError::io(doing))?;
            let search = searcher.finish();
            if search.found.is_some() {
                return failed("one of them holds the published file itself");
            }
            if search.unfinished.is_some() {
                return failed("whether one of them holds the published file itself cannot be told");
            }
        }
        let mut recipe = of.readied.recipe.clone();
        for own in recipe.requirements.locked.iter_mut().flatten() {
            if let Some((_, other)) = exchanged.iter().find(|(one, _)| one.sha256 == own.sha256) {
                *own = (*other).clone();
            }
        }
        let none = VariationSet::new();
        let job = Job {
            recipe: &recipe,
            environment: &environment,
            other: None,
            source: &of.laid_out.tree,
            variations: &none,
            limits: &self.options.limits,
            cancel: &self.cancel,
        };
        let artifact = match build_once(&job, into) {
            Ok(twin) => match twin.ended {
                Ended::Built(artifact) => artifact,
                Ended::AtLimit(limit) => return Ok(Step::Next(Built::AtLimit(limit))),
                Ended::Failed(failure) => return failed(failure.class),
            },
            Err(RebuildError::Limit { limit }) => return Ok(Step::Next(Built::AtLimit(limit))),
            Err(error) => return rebuild_error(error),
        };
        if !is_same_release(&artifact, of.name) {
            return failed("another release than the subject's comes out");
        }
        self.departures_from(of, &artifact)
    }

    fn departures_from(&self, of: &Reproduced<'_>, artifact: &Artifact) -> Result<Step<Built>, JudgeError> {
        let bytes = open_file(artifact)?;
        let archive: Archive = match read_built(&bytes, artifact) {
            Step::Next(archive) => archive,
            Step::End(..) => return Ok(Step::Next(Built::Failed("what comes out cannot be read".to_owned()))),
        };
        let other = Side { archive: &archive, bytes: &bytes, sha256: artifact.sha256 };
        let findings = departures(&of.built, &other, of.index, self.options.normalizing)
            .map_err(|error| JudgeError::Internal { what: chain(&error) })?;
        Ok(Step::Next(Built::Compared(findings)))
    }
}

/// Builds with other releases of all requirements at once, until one of these builds succeeds; else of one after the other. Where
/// code departs, the guilty ones are found by exchanging them one by one. `build` gives `None` to end the check.
fn check<E>(
    requirements: &[Requirement],
    mut build: impl FnMut(&[Pair<'_>]) -> Result<Option<Built>, E>,
) -> Result<Found, E> {
    let mut found = Found::default();
    let exchangeable: Vec<&Requirement> =
        requirements.iter().filter(|requirement| !requirement.others.is_empty()).collect();
    let mut tried: Vec<Vec<Pair<'_>>> = Vec::new();
    for rank in 0..2 {
        let all: Vec<Pair<'_>> = exchangeable.iter().filter_map(|one| one.at(rank)).collect();
        if all.is_empty() || tried.contains(&all) {
            continue;
        }
        let Some(built) = build(&all)? else { return Ok(found) };
        if let Some(findings) = found.record(&all, built) {
            found.covered = all.iter().map(|(own, _)| own.sha256).collect();
            if !is_code(&findings) {
                found.findings = findings;
                return Ok(found);
            }
            let mut guilty = Vec::new();
            for pair in all.iter().filter(|_| all.len() > 1) {
                if found.builds.len() == MOST_BUILDS {
                    break;
                }
                let Some(built) = build(&[*pair])? else { return Ok(found) };
                let alone = found.record(&[*pair], built);
                if alone.is_some_and(|findings| is_code(&findings)) {
                    guilty.push(*pair);
                }
            }
            found.blame(findings, if guilty.is_empty() { &all } else { &guilty });
            return Ok(found);
        }
        tried.push(all);
    }
    if exchangeable.len() < 2 {
        return Ok(found);
    }
    for requirement in exchangeable {
        for pair in (0..requirement.others.len()).filter_map(|rank| requirement.at(rank)) {
            if found.builds.len() == MOST_BUILDS {
                return Ok(found);
            }
            let Some(built) = build(&[pair])? else { return Ok(found) };
            if let Some(findings) = found.record(&[pair], built) {
                found.covered.insert(requirement.own.sha256);
                if is_code(&findings) {
                    found.blame(findings, &[pair]);
                } else {
                    found.findings.extend(findings);
                }
                break;
            }
        }
    }
    Ok(found)
}

impl Requirement {
    /// The release of that rank in place of this, or the last one.
    fn at(&self, rank: usize) -> Option<Pair<'_>> {
        self.others.get(rank).or(self.others.last()).map(|other| (&self.own, other))
    }
}

impl Found {
    /// Writes a build down, and gives how what was reproduced departs from it.
    fn record(&mut self, exchanged: &[Pair<'_>], built: Built) -> Option<Vec<Finding>> {
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
        let exchange = |(own, other): &Pair<'_>| Exchange { from: own.version.clone(), to: (*other).clone() };
        self.builds.push(CrossBuild { exchanged: exchanged.iter().map(exchange).collect(), end });
        findings
    }

    /// Takes findings over, with the releases that they follow from.
    fn blame(&mut self, findings: Vec<Finding>, guilty: &[Pair<'_>]) {
        let names: Vec<String> = guilty.iter().map(|(own, _)| format!("{} {}", own.name, own.version)).collect();
        let others: Vec<String> = guilty.iter().map(|(_, other)| format!("{} {}", other.name, other.version)).collect();
        let (names_text, others_text) = (names.join(" or "), others.join(" and "));
        self.findings.extend(findings.into_iter().map(|mut finding| {
            finding.detail =
                format!("it follows from {names_text}, as with {others_text} it is not so: {}", finding.detail);
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

/// What the build decided, in words.
fn what(members: usize, is_metadata_of_build: bool) -> String {
    let files = match members {
        0 => String::new(),
        1 => "one file".to_owned(),
        more => format!("{more} files"),
    };
    let metadata = if is_metadata_of_build { "what the metadata says is required and run" } else { "" };
    [files.as_str(), metadata].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(" and ")
}

/// Whether a file of the source declares all that a wheel's metadata decides, or there is nothing to declare.
fn is_declared(decided: &Decisive, source: &SourceTree) -> bool {
    // A file that is too large to be read declares nothing.
    let read = |name: &str| source.root_file(name).ok().flatten();
    let pyproject = read("pyproject.toml").and_then(|content| Decisive::of_pyproject(&content));
    let setup_cfg = read("setup.cfg").map(|content| Decisive::of_setup_cfg(&content));
    let declared = [pyproject, setup_cfg, Some(Decisive::default())];
    declared.iter().flatten().any(|declared| decided.is_declared(declared))
}

/// The ranges that the recipe has of a requirement. A pin to one version says which release it was built with, and not which ones
/// it could be built with.
fn ranges(recipe: &Recipe, own: &LockedRequirement) -> Vec<VersionSpecifiers> {
    let parsed = recipe.requirements.direct.iter().filter_map(|text| check_requirement("the recipe", text).ok());
    let own_ranges = parsed.filter(|requirement| requirement.name.to_string() == own.name.as_str());
    let ranges = own_ranges.filter_map(|requirement| match requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(ranges)) => Some(ranges),
        Some(VersionOrUrl::Url(_)) | None => None,
    });
    let is_pin = |ranges: &VersionSpecifiers| {
        ranges.iter().any(|range| matches!(range.operator(), Operator::Equal | Operator::ExactEqual))
    };
    ranges.filter(|ranges| !is_pin(ranges)).collect()
}

/// Whether a build gave a wheel of the subject's release.
fn is_same_release(artifact: &Artifact, name: &WheelFileName) -> bool {
    let parsed = MemberPath::from(artifact.file_name.as_str()).as_str().map(str::parse::<WheelFileName>);
    parsed.is_some_and(|built| built.is_ok_and(|built| built.name == name.name && built.version == name.version))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn locked(name: &str, version: &str) -> LockedRequirement {
        LockedRequirement {
            name: name.parse().unwrap(),
            version: version.to_owned(),
            file_name: format!("{name}-{version}-py3-none-any.whl"),
            sha256: Sha256::of(format!("{name} {version}").as_bytes()),
            sdist_sha256: None,
        }
    }

    fn requirement(name: &str, own: &str, others: &[&str]) -> Requirement {
        Requirement { own: locked(name, own), others: others.iter().map(|version| locked(name, version)).collect() }
    }

    fn alert() -> Vec<Finding> {
        vec![Finding::of(DETERMINED_CODE, Severity::Alert, &"a.py".into(), "other".to_owned())]
    }

    /// A check of builds that this function answers for, given the releases in place of others, and how many it took.
    fn checked(requirements: &[Requirement], answer: impl Fn(&[String]) -> Built) -> (Found, Vec<Vec<String>>) {
        let mut asked = Vec::new();
        let found = check(requirements, |pairs| -> Result<_, Infallible> {
            let names: Vec<String> =
                pairs.iter().map(|(_, other)| format!("{}-{}", other.name, other.version)).collect();
            asked.push(names.clone());
            Ok(Some(answer(&names)))
        });
        let Ok(found) = found;
        (found, asked)
    }

    #[test]
    fn one_build_is_enough_where_all_is_the_same() {
        let requirements =
            [requirement("a", "2", &["1", "3"]), requirement("b", "5", &["4"]), requirement("c", "1", &[])];
        let (found, asked) = checked(&requirements, |_| Built::Compared(Vec::new()));
        assert_eq!(asked, [["a-1", "b-4"]]);
        assert!(found.findings.is_empty() && found.determined_by.is_empty());
        assert_eq!(found.covered.len(), 2);
    }

    #[test]
    fn the_guilty_one_is_found_by_itself() {
        let requirements =
            [requirement("a", "2", &["1"]), requirement("evil", "2", &["1"]), requirement("c", "2", &["1"])];
        let is_guilty = |names: &[String]| names.iter().any(|name| name.starts_with("evil"));
        let (found, asked) =
            checked(&requirements, |names| Built::Compared(if is_guilty(names) { alert() } else { Vec::new() }));
        assert_eq!((asked.len(), found.determined_by), (4, vec!["evil 2".to_owned()]));
        assert!(found.findings[0].detail.contains("it follows from evil 2, as with evil 1 it is not so"));
    }

    #[test]
    fn what_only_several_do_together_is_blamed_on_all_of_them() {
        let requirements = [requirement("a", "2", &["1"]), requirement("b", "2", &["1"])];
        let (found, _) =
            checked(&requirements, |names| Built::Compared(if names.len() == 2 { alert() } else { Vec::new() }));
        assert_eq!(found.determined_by, ["a 2", "b 2"]);
    }

    #[test]
    fn builds_that_fail_are_tried_with_others_and_one_by_one() {
        let requirements = [requirement("a", "2", &["1", "3"]), requirement("b", "5", &["4"])];
        let (found, asked) = checked(&requirements, |names| match names {
            [_, _] => Built::Failed("x".to_owned()),
            [one] if one == "a-1" => Built::Failed("x".to_owned()),
            _ => Built::Compared(Vec::new()),
        });
        assert_eq!(asked, [vec!["a-1", "b-4"], vec!["a-3", "b-4"], vec!["a-1"], vec!["a-3"], vec!["b-4"]]);
        assert_eq!(found.covered.len(), 2);
        let (found, asked) = checked(&requirements, |_| Built::Failed("x".to_owned()));
        assert!(found.covered.is_empty() && asked.len() <= MOST_BUILDS);
    }

    #[test]
    fn a_pin_is_no_range() {
        let recipe = Recipe::from_toml(
            "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"setup-py\"\n[requirements]\n\
             cutoff = \"2021-05-05T14:18:17Z\"\ndirect = [\"A>=2,<4\", \"a==3\", \"b>=7\"]\n",
        )
        .unwrap();
        let shown: Vec<String> = ranges(&recipe, &locked("a", "3")).iter().map(ToString::to_string).collect();
        assert_eq!(shown, [">=2, <4"]);
    }
}
