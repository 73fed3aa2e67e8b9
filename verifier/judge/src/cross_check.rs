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

mod plan;

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use pep440_rs::{Operator, VersionSpecifiers};
use pep508_rs::VersionOrUrl;
use twinbuild_archive::Archive;
use twinbuild_compare::{Finding, Severity, Side, SourceIndex, TracedMember, Tracing, decisive, departures, trace};
use twinbuild_environment::EnvironmentError;
use twinbuild_rebuild::{Artifact, Ended, Job, Product, RebuildError, VariationSet, build_once};
use twinbuild_recipe::{Decisive, Inference, LockedRequirement, Recipe, SourceEvidence, check_requirement};
use twinbuild_source::SourceTree;
use twinbuild_subject::{MemberPath, Sha256, WheelFileName};
use twinbuild_verdict::{CrossChecks, CrossEnd, Outcome, Reason, Resolution, Verdict};

use self::plan::{Builder, Built, Found, Requirement, Wheels, check, exchanges};
use crate::JudgeError;
use crate::attempt::read_built;
use crate::embedded::Searcher;
use crate::judge::Judge;
use crate::requirement::Building;
use crate::subject::Prepared;
use crate::walk::{LaidOut, Readied, Step, chain, end, environment_error, open_file, own_release, rebuild_error};

/// The code of what a build made, where no other releases of its requirements were asked to make it.
pub(crate) const UNCHECKED: &str = "generated-code-unchecked";
const STAGE: Option<&str> = Some("cross-check");
/// Tools that recipes pin by what a wheel says of its making, so that a source need not ask for them.
const TOOLS: [&str; 9] =
    ["setuptools", "wheel", "flit", "flit-core", "hatchling", "poetry", "poetry-core", "pdm-backend", "pdm-pep517"];

/// A file that was reproduced, and how.
pub(crate) struct Reproduced<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) name: &'a WheelFileName,
    /// The digest of what it is built from.
    pub(crate) source: Sha256,
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
        // Whatever it is, it says nothing of the subject.
        if let Step::End(_, reason) = self.check_reproduced(of, &traced, verdict)? {
            (verdict.outcome, verdict.level, verdict.reason) = (Outcome::Inconclusive, None, Some(reason));
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
        let is_metadata_of_build = decided.is_none_or(|decided| !is_declared(&decided, &of.laid_out.tree));
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
            verdict.findings.push(Finding::whole(UNCHECKED, severity, detail));
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
            let source = of.source;
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
        if own_release(of.prepared, of.source, wheels).is_some() {
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
            product: Product::Wheel,
            variations: &none,
            limits: &self.options.limits,
            cancel: &self.cancel,
            meter: &self.meter,
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
        let building = Building::of_subject(of.prepared, of.source, tree, &ground, &count);
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

/// Whether a build gave a wheel of the subject's release.
fn is_same_release(artifact: &Artifact, name: &WheelFileName) -> bool {
    let parsed = MemberPath::from(artifact.file_name.as_str()).as_str().map(str::parse::<WheelFileName>);
    parsed.is_some_and(|built| built.is_ok_and(|built| built.name == name.name && built.version == name.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn locked(name: &str, version: &str) -> LockedRequirement {
        LockedRequirement {
            name: name.parse().unwrap(),
            version: version.to_owned(),
            file_name: format!("{name}-{version}-py3-none-any.whl"),
            sha256: Sha256::of(format!("{name} {version}").as_bytes()),
            sdist_sha256: None,
        }
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
