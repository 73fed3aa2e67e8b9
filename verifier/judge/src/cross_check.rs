//! Whether what the build decided follows from the source, or from the releases that it was built with.
//!
//! Twins on one environment cannot tell: a backend that adds code adds it to both. So the same source is built with other
//! releases of each build requirement, and what is run, and what decides what is installed, has to come out the same. Nothing
//! of it is needed where all that is installed is a file of the source in its place, and the metadata says what the
//! source declares.
//!
//! What else is installed beside a release is that release's to say. A hijacked one could require, or ask for at build time,
//! another project of the same hands; so where anything but what the source itself asks for is in the environment, what
//! other releases require is resolved anew, and what they do not require is not there.

use std::cell::Cell;
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
use twinbuild_recipe::{Decisive, Inference, LockedRequirement, Recipe, SourceEvidence, check_requirement};
use twinbuild_sandbox::Limit;
use twinbuild_source::SourceTree;
use twinbuild_subject::{MemberPath, Sha256, WheelFileName};
use twinbuild_verdict::{CrossBuild, CrossChecks, CrossEnd, Exchange, Outcome, Reason, Resolution, Verdict};

use crate::JudgeError;
use crate::embedded::Searcher;
use crate::judge::Judge;
use crate::requirement::Building;
use crate::subject::Prepared;
use crate::walk::{
    LaidOut, Readied, Step, chain, end, environment_error, open_file, own_release, read_built, rebuild_error,
};

/// How many builds one check may take.
const MOST_BUILDS: usize = 10;
/// So many members are named of one build.
const MOST_NAMED: usize = 100;
const STAGE: Option<&str> = Some("cross-check");
/// Tools that recipes pin by what a wheel says of its making, so that a source need not ask for them.
const TOOLS: [&str; 9] =
    ["setuptools", "wheel", "flit", "flit-core", "hatchling", "poetry", "poetry-core", "pdm-backend", "pdm-pep517"];

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
    /// Whether the source itself asks for the project, and not only what is built with.
    is_of_source: bool,
}

/// Wheels that a build has, by name.
type Wheels = Vec<LockedRequirement>;

/// What a check asks for. `None` ends it.
trait Builder {
    /// Builds once with these wheels.
    fn build(&mut self, wheels: &Wheels) -> Result<Option<Built>, JudgeError>;

    /// The wheels that releases of that rank in place of those that the source asks for come to.
    fn resolve(&mut self, rank: usize) -> Result<Option<Resolution>, JudgeError>;
}

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
    resolved: Vec<Resolution>,
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
        let mut builder =
            OfJudge { judge: self, of, requirements: &requirements, builds: 0, resolutions: 0, ended: None };
        let found = check(&requirements, &mut builder)?;
        // Nothing of it is the subject's fault.
        if let Some(Reason { class, stage, detail }) = builder.ended {
            let detail = format!("what the build decided could not be checked with other releases: {detail}");
            return Ok(Step::End(Outcome::Inconclusive, Reason { class, stage, detail }));
        }
        let Found { resolved, builds, findings, determined_by, covered, limit } = found;
        let shown = |requirement: &LockedRequirement| format!("{} {}", requirement.name, requirement.version);
        let unchecked: Vec<String> = locked.iter().filter(|own| !covered.contains(&own.sha256)).map(shown).collect();
        if let (Some(limit), true) = (limit, covered.is_empty()) {
            return Ok(end(Outcome::Inconclusive, "limit", STAGE, RebuildError::Limit { limit }.to_string()));
        }
        if !unchecked.is_empty() {
            let has_failed = builds.iter().any(|build| matches!(build.end, CrossEnd::Failed { .. }));
            let (severity, why) = if has_failed {
                (Severity::Warning, "builds with others failed")
            } else {
                (Severity::Note, "there is no other that could be taken")
            };
            let detail = format!(
                "the build decided on {}, and nothing is known of what {} had to do with it: {why}",
                what(members, is_metadata_of_build),
                unchecked.join(", ")
            );
            verdict.findings.push(Finding::whole("generated-code-unchecked", severity, detail));
        }
        verdict.findings.extend(findings);
        verdict.cross_checks = Some(CrossChecks {
            members: u64::try_from(members).unwrap_or(u64::MAX),
            is_metadata_of_build,
            others: requirements.into_iter().flat_map(|requirement| requirement.others).collect(),
            resolved,
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
            let source = source_digest(of.prepared);
            let is_usable = |other: &LockedRequirement| {
                own_release(of.prepared, source, std::slice::from_ref(other)).is_none() && other.name == own.name
            };
            let others = others.into_iter().filter(is_usable).collect();
            let is_of_source = is_of_source(&of.laid_out.evidence, own);
            requirements.push(Requirement { own: own.clone(), others, is_of_source });
        }
        Ok(Step::Next(requirements))
    }

    /// Builds once with other wheels, and compares.
    fn build_with(&self, of: &Reproduced<'_>, wheels: &Wheels, into: &Path) -> Result<Step<Built>, JudgeError> {
        let failed = |why: &str| Ok(Step::Next(Built::Failed(why.to_owned())));
        if own_release(of.prepared, source_digest(of.prepared), wheels).is_some() {
            return failed("one of them is of the subject's own release");
        }
        let environment = match of.readied.environment.with_requirements(&self.supply(), wheels, &self.cancel) {
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
        recipe.requirements.locked = Some(wheels.clone());
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

    /// The wheels that these pins come to, with what the backend then asks for.
    fn resolve_with(&self, of: &Reproduced<'_>, pins: &[&LockedRequirement]) -> Result<Step<Resolution>, JudgeError> {
        let failed = |reason: &str| Ok(Step::Next(Resolution::Failed { reason: reason.to_owned() }));
        let mut recipe = of.readied.recipe.clone();
        recipe.requirements.direct = pinned(&recipe, &of.laid_out.evidence, pins);
        recipe.requirements.locked = None;
        let ground = match self.ground(&recipe)? {
            Step::Next(ground) => ground,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        let count = Cell::new(0);
        let tree = &of.laid_out.tree;
        let building = Building::of_subject(of.prepared, source_digest(of.prepared), tree, &ground, &count);
        match self.ready(&building, (Inference { recipe, reasons: Vec::new() }, "inferred"), None)? {
            Step::Next(readied) => {
                let requirements = readied.recipe.requirements.locked.unwrap_or_default();
                let own = of.readied.recipe.requirements.locked.as_deref().unwrap_or_default();
                if requirements.iter().any(|one| one.sdist_sha256.is_some() && !own.contains(one)) {
                    return failed("requirement-sdist-only");
                }
                Ok(Step::Next(Resolution::Wheels { requirements }))
            }
            Step::End(Outcome::Unbuildable, reason) => failed(&reason.class),
            Step::End(outcome, reason) => Ok(Step::End(outcome, reason)),
        }
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

/// Builds and resolves for one subject.
struct OfJudge<'a> {
    judge: &'a Judge,
    of: &'a Reproduced<'a>,
    requirements: &'a [Requirement],
    builds: usize,
    resolutions: usize,
    /// Why the check ended, where it did for no reason of the subject's.
    ended: Option<Reason>,
}

impl OfJudge<'_> {
    fn take<T>(&mut self, step: Step<T>) -> Option<T> {
        match step {
            Step::Next(value) => Some(value),
            Step::End(_, reason) => {
                self.ended = Some(reason);
                None
            }
        }
    }
}

impl Builder for OfJudge<'_> {
    fn build(&mut self, wheels: &Wheels) -> Result<Option<Built>, JudgeError> {
        self.builds += 1;
        let shown: Vec<String> = exchanges(self.requirements, wheels).iter().map(ToString::to_string).collect();
        tracing::info!("building once with {}", shown.join(", "));
        let into = self.of.staging.join(format!("cross-check-{}", self.builds));
        let step = self.judge.build_with(self.of, wheels, &into)?;
        Ok(self.take(step))
    }

    fn resolve(&mut self, rank: usize) -> Result<Option<Resolution>, JudgeError> {
        let number = self.resolutions;
        self.resolutions += 1;
        if let Some(replayed) = &self.of.prepared.replayed {
            let unknown = || Resolution::Failed { reason: "not-recorded".to_owned() };
            return Ok(Some(replayed.resolution(number).unwrap_or_else(unknown)));
        }
        let of_source = self.requirements.iter().filter(|requirement| requirement.is_of_source);
        let pins: Vec<&LockedRequirement> = of_source.filter_map(|requirement| requirement.at(rank)).collect();
        let step = self.judge.resolve_with(self.of, &pins)?;
        Ok(self.take(step))
    }
}

/// Builds with other releases of all requirements at once, until one of these builds succeeds; else of one after the other. Where
/// code departs, the guilty ones are found by exchanging them one by one.
fn check(requirements: &[Requirement], builder: &mut impl Builder) -> Result<Found, JudgeError> {
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
fn exchanges(requirements: &[Requirement], wheels: &Wheels) -> Vec<Exchange> {
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
    fn at(&self, rank: usize) -> Option<&LockedRequirement> {
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

/// Whether the source asks for a project, in a file that says what its build requires, or need not, as it is a tool that recipes pin.
fn is_of_source(evidence: &SourceEvidence, own: &LockedRequirement) -> bool {
    let asked = evidence.build_system.iter().flat_map(|system| &system.requires).chain(&evidence.setup_requires);
    let names = asked.filter_map(|text| check_requirement("the source", text).ok()).map(|one| one.name.to_string());
    let name = own.name.as_str();
    TOOLS.contains(&name) || names.into_iter().any(|asked| asked == name)
}

/// What the source asks for of the recipe's direct requirements, with these releases.
fn pinned(recipe: &Recipe, evidence: &SourceEvidence, pins: &[&LockedRequirement]) -> Vec<String> {
    let locked = recipe.requirements.locked.as_deref().unwrap_or_default();
    let mut direct: Vec<String> = Vec::new();
    for text in &recipe.requirements.direct {
        let Ok(requirement) = check_requirement("the recipe", text) else { continue };
        let name = requirement.name.to_string();
        let own = locked.iter().find(|own| own.name.as_str() == name);
        // Of what a marker leaves out nothing is locked, and nothing will be.
        if own.is_some_and(|own| !is_of_source(evidence, own)) {
            continue;
        }
        let text = match pins.iter().find(|pin| pin.name.as_str() == name) {
            Some(pin) => {
                let extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
                let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
                let marker =
                    requirement.marker.try_to_string().map(|marker| format!(" ; {marker}")).unwrap_or_default();
                format!("{name}{extras}=={}{marker}", pin.version)
            }
            None => text.clone(),
        };
        if !direct.contains(&text) {
            direct.push(text);
        }
    }
    direct
}

/// The digest of the subject's source.
fn source_digest(prepared: &Prepared) -> Sha256 {
    prepared.source.as_ref().map_or_else(|| prepared.blob.sha256(), |source| source.blob.sha256())
}

/// Whether a build gave a wheel of the subject's release.
fn is_same_release(artifact: &Artifact, name: &WheelFileName) -> bool {
    let parsed = MemberPath::from(artifact.file_name.as_str()).as_str().map(str::parse::<WheelFileName>);
    parsed.is_some_and(|built| built.is_ok_and(|built| built.name == name.name && built.version == name.version))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_pin_is_no_range() {
        let recipe = Recipe::from_toml(
            "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"setup-py\"\n[requirements]\n\
             cutoff = \"2021-05-05T14:18:17Z\"\ndirect = [\"A[x]>=2,<4; os_name == 'posix'\", \"a==3\", \"wheel>=7\"]\n",
        )
        .unwrap();
        let shown: Vec<String> = ranges(&recipe, &locked("a", "3")).iter().map(ToString::to_string).collect();
        assert_eq!(shown, [">=2, <4"]);
        let pins = pinned(&recipe, &SourceEvidence::default(), &[&locked("a", "2")]);
        assert_eq!(pins, ["a[x]==2 ; os_name == 'posix'", "a==2", "wheel>=7"]);
    }
}
