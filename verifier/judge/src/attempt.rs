//! One recipe, carried out: from an inferred or given recipe to the decision on what the twins built by it.

use std::cell::Cell;
use std::time::Instant;

use twinbuild_archive::{Archive, ArchiveFile, Format, Limits, ReadError, read};
use twinbuild_compare::{
    Finding, Mismatch, Normalizing, Severity, Side, SourceIndex, TWINS_DIFFER, ThreeWay, compare, sort_findings,
};
use twinbuild_environment::Environment;
use twinbuild_rebuild::{Artifact, Ended, Job, RebuildError, Twin, Variation, rebuild};
use twinbuild_recipe::{BuiltWheel, Inference, TrialEnd};
use twinbuild_source::Repository;
use twinbuild_subject::{DistributionFileName, MemberPath, WheelFileName};
use twinbuild_verdict::{Container, Decision, InputRecord, Outcome, Reason, Verdict, decide};

use crate::JudgeError;
use crate::artifact::record_contents;
use crate::cause::{Reference, find_and_name};
use crate::cross_check::Reproduced;
use crate::diverse::shared;
use crate::embedded::Searcher;
use crate::judge::Judge;
use crate::keep::Keep;
use crate::prebuilt;
use crate::record::record_twin;
use crate::requirement::Building;
use crate::sdist::{self, Kind};
use crate::subject::{Prepared, PreparedSource};
use crate::walk::{LaidOut, Step, chain, end, millis, open_file, rebuild_error, tail};

/// What is judged, and all that is at hand for it, whatever the recipe.
pub(crate) struct Case<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) kind: Kind,
    pub(crate) published: Side<'a>,
    pub(crate) source: &'a PreparedSource,
    pub(crate) laid_out: &'a LaidOut,
    /// The files of the source by content.
    pub(crate) index: &'a SourceIndex,
    pub(crate) keep: &'a Keep,
}

/// What came of one recipe.
pub(crate) struct Attempt {
    /// The verdict by this recipe, not sealed yet.
    pub(crate) verdict: Verdict,
    /// Where a search for another recipe begins; `None` where none is called for.
    pub(crate) end: Option<TrialEnd>,
}

/// Continues with what a step gives, or ends the attempt by it.
macro_rules! step {
    ($verdict:ident, $step:expr) => {
        match $step {
            Step::Next(value) => value,
            Step::End(outcome, reason) => {
                let end = trial_end_of(outcome, &reason);
                $verdict.outcome = outcome;
                $verdict.reason = Some(reason);
                return Ok(Attempt { verdict: $verdict, end });
            }
        }
    };
}

impl Judge {
    /// Makes the environment of a recipe, builds the twins in it, and compares three ways. `base` is the verdict as far as it does
    /// not depend on the recipe.
    pub(crate) fn attempt(
        &self,
        case: &Case<'_>,
        base: &Verdict,
        inferred: (Inference, &'static str),
    ) -> Result<Attempt, JudgeError> {
        let Case { prepared, kind, ref published, source, laid_out, index, keep } = *case;
        let name = prepared.name.text();
        let mut verdict = base.clone();
        let environment_started = Instant::now();
        let (readied, other) = match &prepared.replayed {
            None => {
                let origin = inferred.1;
                let ground = step!(verdict, self.ground(&inferred.0.recipe)?);
                let count = Cell::new(0);
                let building = Building::of_subject(prepared, source.blob.sha256(), &laid_out.tree, &ground, &count);
                let readied = step!(verdict, self.ready(&building, inferred, Some(&mut verdict))?);
                let other = step!(verdict, self.other_environment(&building, &readied, origin)?);
                (readied, other)
            }
            Some(replayed) => {
                (step!(verdict, self.ready_again(replayed, prepared, source, laid_out, inferred, &mut verdict)?), None)
            }
        };
        verdict.run.durations_ms.insert("environment".to_owned(), millis(environment_started));
        keep.recipe(&readied.recipe, &readied.reasons)?;
        let own = InputRecord {
            kind: "source".to_owned(),
            name: source.record.file_name.clone(),
            sha256: source.blob.sha256(),
        };
        verdict.shared_inputs = std::iter::once(own).chain(shared(&readied.environment, other.as_ref())).collect();

        let environments: Vec<&Environment> = std::iter::once(&readied.environment).chain(&other).collect();
        let embeds_subject = step!(
            verdict,
            self.search_for_subject(
                prepared,
                source,
                laid_out,
                published.archive,
                &environments,
                &mut verdict.findings
            )?
        );
        tracing::info!("building {name} twice");
        let build_started = Instant::now();
        let staging = self.store.staging()?;
        let job = Job {
            recipe: &readied.recipe,
            environment: &readied.environment,
            other: other.as_ref(),
            source: &laid_out.tree,
            product: kind.product,
            variations: &self.options.variations,
            limits: &self.options.limits,
            cancel: &self.cancel,
            meter: &self.meter,
        };
        let twins = match rebuild(&job, staging.path()) {
            Ok(twins) => twins,
            Err(error) => step!(verdict, rebuild_error(error)?),
        };
        verdict.run.durations_ms.insert("build".to_owned(), millis(build_started));
        let grounds = [&readied.environment, other.as_ref().unwrap_or(&readied.environment)];
        for (index, twin) in twins.iter().enumerate() {
            record_twin(&mut verdict, twin, grounds[index], grounds[1 - index]);
            keep.twin(twin)?;
        }
        let excuse = excuse(&twins);
        let [first, second] = match excused(artifacts(&mut verdict, &twins), excuse.as_ref()) {
            Step::Next(artifacts) => artifacts,
            Step::End(outcome, reason) => {
                let is_built = |ended: &Ended| matches!(ended, Ended::Built(_));
                let [first, second] = twins.each_ref().map(|twin| is_built(&twin.ended));
                if outcome == Outcome::Unbuildable && first != second {
                    find_and_name(&mut verdict, &job, staging.path(), |ended| Ok(is_built(ended) == first))?;
                }
                (verdict.outcome, verdict.reason) = (outcome, Some(reason));
                let is_not_built = outcome == Outcome::Unbuildable && !first && !second;
                return Ok(Attempt { end: is_not_built.then_some(TrialEnd::NotBuilt), verdict });
            }
        };

        tracing::info!("comparing {name} three ways");
        let compare_started = Instant::now();
        let built = [open_file(first)?, open_file(second)?];
        let archives = [
            step!(verdict, excused(read_built(&built[0], first), excuse.as_ref())),
            step!(verdict, excused(read_built(&built[1], second), excuse.as_ref())),
        ];
        record_contents(&mut verdict, &archives, [first, second], &laid_out.tree)?;
        let sides = [
            Side { archive: &archives[0], bytes: &built[0], sha256: first.sha256 },
            Side { archive: &archives[1], bytes: &built[1], sha256: second.sha256 },
        ];
        let names = [first, second].map(|artifact| artifact.file_name.as_str());
        let held = Against { published, name: &prepared.name, index, normalizing: self.options.normalizing };
        let Held { mut three_way, decision } = held.hold(&sides, names, embeds_subject)?;
        match excuse {
            Some(reason) if decision.outcome != Outcome::Reproduced => {
                verdict.outcome = Outcome::Inconclusive;
                verdict.reason = Some(reason);
                for finding in &mut three_way.findings {
                    // Whatever was built, that holds.
                    if finding.code != "source-embeds-artifact" {
                        finding.severity = finding.severity.min(Severity::Warning);
                    }
                }
            }
            _ => verdict.set_decision(decision),
        }
        if verdict.outcome == Outcome::Nondeterministic {
            let reference = Reference { side: &sides[0], normalizing: self.options.normalizing };
            find_and_name(&mut verdict, &job, staging.path(), |ended| reference.is_same(ended))?;
        }
        verdict.comparison = Some(three_way.comparison);
        verdict.findings.append(&mut three_way.findings);
        verdict.findings.dedup();
        for variation in verdict.rebuilds.first().iter().flat_map(|rebuild| &rebuild.variations) {
            if !variation.effective {
                let named = variation.name.parse::<Variation>();
                let is_asked = named.is_ok_and(|named| !self.options.variations.contains(&named));
                let why = if is_asked { "by request, " } else { "" };
                let detail = format!(
                    "{why}both twins saw the same {}, so nothing is known of what depends on it",
                    variation.name
                );
                verdict.findings.push(Finding::whole("variation-not-effective", Severity::Note, detail));
            }
        }
        if let Some(seed) = readied.recipe.switches.hash_seed {
            let detail = format!(
                "its recipe gives both twins the hash seed {seed}, so nothing is known of what would be built under another"
            );
            verdict.findings.push(Finding::whole("hash-seed-pinned", Severity::Warning, detail));
        }
        verdict.normalizers_applied = three_way.normalizations;
        verdict.container = Some(Container {
            kind: kind.container.to_owned(),
            differences: three_way.container,
            parameters: three_way.parameters,
        });
        verdict.run.durations_ms.insert("compare".to_owned(), millis(compare_started));
        if let DistributionFileName::Wheel(name) = &prepared.name {
            let (readied, built, published, staging) = (&readied, sides[0], *published, staging.path());
            let source = source.blob.sha256();
            let reproduced = Reproduced { prepared, name, source, readied, laid_out, published, built, index, staging };
            self.cross_check(&reproduced, &mut verdict)?;
        } else if verdict.outcome == Outcome::Reproduced {
            verdict.findings.extend(sdist::unchecked(&sides[0], index, &laid_out.tree)?);
        }
        sort_findings(&mut verdict.findings);
        let end = match (verdict.outcome, &prepared.name) {
            (Outcome::NotReproduced, DistributionFileName::Wheel(name)) => {
                Some(self.trial_end(case, name, first, &sides[0])?)
            }
            (Outcome::Nondeterministic, DistributionFileName::Wheel(name)) if follows_hash_seed(&verdict) => {
                match self.trial_end(case, name, first, &sides[0])? {
                    TrialEnd::Built(built) => {
                        Some(TrialEnd::Built(Box::new(BuiltWheel { follows_hash_seed: true, ..*built })))
                    }
                    other => Some(other),
                }
            }
            _ => None,
        };
        Ok(Attempt { verdict, end })
    }

    /// Looks for the published file inside of the source and of the build requirements, at any depth. In the source it
    /// makes `reproduced` impossible; among the requirements it ends the walk, as nothing may bring it into a build.
    fn search_for_subject(
        &self,
        prepared: &Prepared,
        source: &PreparedSource,
        laid_out: &LaidOut,
        published: &Archive,
        environments: &[&Environment],
        findings: &mut Vec<Finding>,
    ) -> Result<Step<bool>, JudgeError> {
        let mut searcher = Searcher::new(&prepared.blob).map_err(JudgeError::io("reading the published file"))?;
        let texts = laid_out.tree.repository().map(Repository::texts);
        for folder in std::iter::once(laid_out.tree.folder()).chain(texts) {
            searcher.tree(folder).map_err(JudgeError::io("searching the source"))?;
        }
        let mut in_source = searcher.finish();
        if source.blob.sha256() == prepared.blob.sha256() {
            in_source.found = Some("it is the source".to_owned());
        }
        findings.extend(prebuilt::findings(&in_source.prebuilt, &laid_out.tree, published));
        let mut searcher = Searcher::new(&prepared.blob).map_err(JudgeError::io("reading the published file"))?;
        for path in environments.iter().filter_map(|environment| environment.requirements_path()) {
            searcher.tree(path).map_err(JudgeError::io("searching the build requirements"))?;
        }
        let in_requirements = searcher.finish();
        if let Some(place) = in_requirements.found {
            let detail = format!("a build requirement holds the published file itself: {place}");
            findings.push(Finding::whole("requirement-embeds-artifact", Severity::Alert, detail.clone()));
            return Ok(end(Outcome::Unbuildable, "requirement-embeds-artifact", Some("requirements"), detail));
        }
        if let Some(place) = &in_source.found {
            let detail =
                format!("the source holds the published file itself, so nothing needs to have been built: {place}");
            findings.push(Finding::whole("source-embeds-artifact", Severity::Alert, detail));
        } else if let Some(why) = in_source.unfinished.or(in_requirements.unfinished) {
            let detail = format!("whether what it is built from holds the published file itself cannot be told: {why}");
            return Ok(end(Outcome::Inconclusive, "limit", Some("source"), detail));
        }
        for path in in_source.unread.into_iter().chain(in_requirements.unread) {
            let detail =
                "it begins like an archive and cannot be read as one, so what it holds was not looked into".to_owned();
            findings.push(Finding::of("nested-archive-unread", Severity::Note, &path, detail));
        }
        Ok(Step::Next(in_source.found.is_some()))
    }
}

/// What rebuilds are held against.
pub(crate) struct Against<'a> {
    pub(crate) published: &'a Side<'a>,
    pub(crate) name: &'a DistributionFileName,
    pub(crate) index: &'a SourceIndex,
    pub(crate) normalizing: Normalizing,
}

/// What two rebuilds come to.
pub(crate) struct Held {
    pub(crate) three_way: ThreeWay,
    pub(crate) decision: Decision,
}

impl Against<'_> {
    /// Compares three ways and decides. `embeds_subject` says that the source holds the published file.
    pub(crate) fn hold(
        &self,
        sides: &[Side<'_>; 2],
        names: [&str; 2],
        embeds_subject: bool,
    ) -> Result<Held, JudgeError> {
        let mut three_way = compare(self.published, &sides[0], &sides[1], self.index, self.normalizing)
            .map_err(|error| JudgeError::Internal { what: chain(&error) })?;
        for other in names.into_iter().filter(|other| *other != self.name.text()) {
            let detail = other_name(other, self.name);
            three_way.findings.insert(0, Finding::whole("file-name-differs", Severity::Warning, detail));
            three_way.mismatch = three_way.mismatch.max(Some(Mismatch::Packaging));
        }
        let embeds_subject = three_way.source_embeds_subject || embeds_subject;
        let decision = decide(&three_way.comparison, three_way.mismatch, embeds_subject);
        Ok(Held { three_way, decision })
    }
}

/// Whether it is the hash seed, and nothing else, that the twins differ by, and in the metadata alone: code that follows it may be made to do
/// something else under the one seed than under any other.
fn follows_hash_seed(verdict: &Verdict) -> bool {
    let found = verdict.nondeterminism.as_ref();
    let is_metadata = |finding: &Finding| {
        let path = finding.path.as_ref().and_then(|path| path.as_bytes().split(|byte| *byte == b'/').next());
        path.is_some_and(|folder| folder.ends_with(b".dist-info"))
    };
    found.is_some_and(|found| found.varies_with == [[Variation::HashSeed.name().to_owned()]])
        && verdict.findings.iter().filter(|finding| finding.code == TWINS_DIFFER).all(is_metadata)
}

pub(crate) fn read_built(bytes: &ArchiveFile, artifact: &Artifact) -> Step<Archive> {
    let format = if artifact.file_name.ends_with(".tar.gz") { Format::TarGz } else { Format::Zip };
    match read(bytes, format, &Limits::default()) {
        Ok(archive) => Step::Next(archive),
        Err(ReadError::Limit(limit)) => end(Outcome::Inconclusive, "limit", Some("output"), limit.to_string()),
        Err(error) => {
            let name = MemberPath::from(artifact.file_name.as_str());
            let detail = format!("what was built, {name}, cannot be read: {}", chain(&error));
            end(Outcome::Unbuildable, "output-malformed", Some("output"), detail)
        }
    }
}

/// That a rebuild has another name than the published file, and where it is only in the platform tags.
fn other_name(rebuilt: &str, published: &DistributionFileName) -> String {
    let shown = MemberPath::from(rebuilt);
    let detail = format!("the rebuild's name is {shown}, and the published file's is {}", published.text());
    let DistributionFileName::Wheel(published) = published else { return detail };
    let other = rebuilt.parse::<WheelFileName>().ok().filter(|other| other.platform_tags != published.platform_tags);
    let Some(other) = other else { return detail };
    let (was, is) = (other.platform_tags.join("."), published.platform_tags.join("."));
    let is_only_platform =
        WheelFileName { text: published.text.clone(), platform_tags: published.platform_tags.clone(), ..other }
            == *published;
    let only =
        if is_only_platform { "they differ in the platform tags only" } else { "their platform tags differ too" };
    let was = MemberPath::from(was.as_str());
    let repaired = if is.contains("manylinux") && is_only_platform {
        ", as where a repair tool wrote the published ones after the build"
    } else {
        ""
    };
    format!("{detail}: {only}, {was} in the rebuild and {is} in the published file{repaired}")
}

/// Both twins' artifacts, or why there are not two.
fn artifacts<'a>(verdict: &mut Verdict, twins: &'a [Twin; 2]) -> Step<[&'a Artifact; 2]> {
    let failed = |twin: &'a Twin| match &twin.ended {
        Ended::Failed(failure) => Some((twin, failure)),
        Ended::Built(_) | Ended::AtLimit(_) => None,
    };
    // Before any failure: with more of it, the build might have come to another end.
    for twin in twins {
        if let Ended::AtLimit(limit) = twin.ended {
            verdict.run.log_tail = Some(tail(&twin.log.bytes));
            let error = RebuildError::Limit { limit };
            return end(Outcome::Inconclusive, "limit", Some("build"), error.to_string());
        }
    }
    if let [Twin { ended: Ended::Built(first), .. }, Twin { ended: Ended::Built(second), .. }] = twins {
        return Step::Next([first, second]);
    }
    let failures: Vec<_> = twins.iter().filter_map(failed).collect();
    let Some((twin, failure)) = failures.first() else {
        return end(Outcome::Inconclusive, "no-artifact", None, "a twin gave neither an artifact nor a failure");
    };
    verdict.run.log_tail = Some(tail(&twin.log.bytes));
    let which = if failures.len() == 2 { String::new() } else { format!(" in the {} twin only", twin.name) };
    end(Outcome::Unbuildable, failure.class, Some(failure.stage.name()), format!("{}{which}", failure.detail))
}

/// Why nothing can be held against a subject whose twins met a limit: with more of it, they might have built something else.
fn excuse(twins: &[Twin; 2]) -> Option<Reason> {
    let limit = twins.iter().find_map(Twin::limit)?;
    let detail = RebuildError::Limit { limit }.to_string();
    Some(Reason { class: "limit".to_owned(), stage: Some("build".to_owned()), detail })
}

/// A step at whose end what was built is to blame, unless there is an excuse for it.
fn excused<T>(step: Step<T>, excuse: Option<&Reason>) -> Step<T> {
    match (step, excuse) {
        (Step::End(Outcome::Unbuildable, _), Some(reason)) => Step::End(Outcome::Inconclusive, reason.clone()),
        (step, _) => step,
    }
}

/// Where a search begins after an attempt that came to no comparison: where its environment or its build failed, and nothing else did.
fn trial_end_of(outcome: Outcome, reason: &Reason) -> Option<TrialEnd> {
    const ELSEWHERE: [&str; 3] = ["self-hosted", "requirement-embeds-artifact", "requirement-refused"];
    if outcome != Outcome::Unbuildable || ELSEWHERE.contains(&reason.class.as_str()) {
        return None;
    }
    let is_of_requirements = matches!(reason.class.as_str(), "requirements-unresolvable" | "requirement-sdist-only");
    Some(if is_of_requirements { TrialEnd::NoEnvironment } else { TrialEnd::NotBuilt })
}
