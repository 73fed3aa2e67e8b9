//! Made-up reports on lists.

use std::collections::BTreeMap;

use twinbuild_compare::Mismatch;
use twinbuild_report::{AboutRun, CorpusReport, GivenRecipe, ResultFinding, ResultReason, SubjectResult};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Level, Outcome, Trust};

/// A report on a list, compared with an older run.
pub(crate) fn list() -> CorpusReport {
    let (before, now) = (results(false), results(true));
    let about = AboutRun {
        list: "list.jsonl".to_owned(),
        command: "twinbuild corpus run list.jsonl".to_owned(),
        processors: 2,
        tool_version: "0.1.0".to_owned(),
        file_stem: "report".to_owned(),
    };
    CorpusReport::new(about, now, Some(&before))
}

/// The same report where all foreign text is `foreign`.
pub(crate) fn list_with_text(foreign: &str) -> CorpusReport {
    let text = || foreign.to_owned();
    let mut results = [results(false), results(true)];
    for result in results.iter_mut().flatten() {
        // Each has one of its own, so that as many stand on a page.
        result.subject = format!("{}{foreign}", result.subject);
        result.generator = Some(text());
        result.ground = Some(text());
        result.recipe_origin = Some(text());
        if let Some(reason) = &mut result.reason {
            (reason.class, reason.detail) = (text(), text());
        }
        for finding in &mut result.findings {
            (finding.code, finding.path, finding.detail) = (text(), Some(text()), text());
        }
        if let Some(given) = &mut result.given {
            (given.file, given.reason) = (text(), text());
        }
        result.error = result.error.as_ref().map(|_| text());
        result.durations_ms = BTreeMap::from([(text(), 1)]);
    }
    let [before, now] = results;
    let about = AboutRun { list: text(), command: text(), processors: 2, tool_version: text(), file_stem: text() };
    CorpusReport::new(about, now, Some(&before))
}

/// What became of a few subjects, before and now.
fn results(is_now: bool) -> Vec<SubjectResult> {
    let built = |name: &str, year, generator: &str| SubjectResult {
        subject: format!("pkg:pypi/{name}@1.0?file_name={name}-1.0-py3-none-any.whl"),
        trust: Some(Trust::SameUpload),
        generator: Some(generator.to_owned()),
        ground: Some("CPython 3.11 of Debian".to_owned()),
        year: Some(year),
        trials: 1,
        recipe_origin: Some("inferred".to_owned()),
        durations_ms: BTreeMap::from([("build".to_owned(), 480), ("prepare".to_owned(), 12)]),
        build_processor_ms: Some(800),
        run_processor_ms: Some(1000),
        run_wall_ms: Some(600),
        verdict_digest: Some(Sha256::of(name.as_bytes())),
        ..SubjectResult::default()
    };
    let reproduced = |result, level| SubjectResult { outcome: Some(Outcome::Reproduced), level: Some(level), ..result };
    let missed = |result, mismatch, code: &str, path: &str, detail: &str| SubjectResult {
        outcome: Some(Outcome::NotReproduced),
        mismatch: Some(mismatch),
        findings: vec![ResultFinding { code: code.to_owned(), path: Some(path.to_owned()), detail: detail.to_owned() }],
        more_findings: 2,
        trials: 5,
        ..result
    };
    let changed = "line 12 differs: the rebuild has \"Licence: MIT\"";
    let alpha = built("alpha", 2021, "wheel 0.36");
    let delta = built("delta", 2023, "flit-core 3.x");
    let given = GivenRecipe { file: "pypi/delta/flit.toml".to_owned(), reason: "the log says so".to_owned() };
    vec![
        if is_now {
            reproduced(alpha, Level::Repacked)
        } else {
            missed(alpha, Mismatch::Packaging, "metadata-changed", "alpha-1.0.dist-info/METADATA", changed)
        },
        reproduced(built("beta", 2021, "wheel 0.36"), if is_now { Level::BitForBit } else { Level::Normalized }),
        missed(
            built("gamma", 2022, "hatchling 1.x"),
            Mismatch::Unsourced,
            if is_now { "unsourced-member" } else { "path-file-added" },
            "gamma/data.json",
            "the published file has it, and neither the rebuild nor the source has",
        ),
        if is_now {
            let class = "requirements-unresolvable".to_owned();
            let reason = ResultReason { class, detail: "no wheels meet the requirements".to_owned() };
            SubjectResult { outcome: Some(Outcome::Unbuildable), reason: Some(reason), trials: 0, ..delta }
        } else {
            reproduced(SubjectResult { given: Some(given.clone()), ..delta }, Level::Repacked)
        },
        reproduced(SubjectResult { given: Some(given), ..built("epsilon", 2023, "flit-core 3.x") }, Level::Repacked),
        SubjectResult::without_verdict("pkg:pypi/zeta@1.0", "the index could not be asked"),
    ]
}
