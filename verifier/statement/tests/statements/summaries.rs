//! Verification summaries.

use serde_json::{Value, json};
use twinbuild_statement::{Members, Policy, SUMMARY_TYPE, Statement, StatementError, Verification};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Level, Outcome, Source, Trust, Verdict};

use crate::samples::{FILE_NAME, OUTCOMES, alert, of_commit, sealed, statement, verdict};

fn by() -> Verification {
    Verification {
        verifier_id: "https://rebuilds.example/".to_owned(),
        time: "2026-11-25T10:00:00Z".parse().unwrap(),
        policy: Policy { uri: "https://rebuilds.example/policy".to_owned(), sha256: Some(Sha256::of(b"policy")) },
        verdict_uri: Some("https://rebuilds.example/verdict.json".to_owned()),
    }
}

fn summary(verdict: Verdict) -> Option<Statement> {
    let statement = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap();
    statement.verification_summary(&by()).unwrap()
}

#[test]
fn a_file_that_was_reproduced_passes() {
    let statement = statement(Outcome::Reproduced);
    let summary = statement.verification_summary(&by()).unwrap().unwrap();
    assert_eq!(summary.predicate_type(), SUMMARY_TYPE);
    let subject = summary.subject();
    assert_eq!((subject.len(), subject[0].name.as_deref()), (1, Some(FILE_NAME)), "the published file only");
    assert_eq!(subject[0].digest.sha256(), Some(Sha256::of(b"published")));
    let expected = json!({
        "verifier": { "id": "https://rebuilds.example/", "version": { "twinbuild": "0.1.0" } },
        "timeVerified": "2026-11-25T10:00:00Z",
        "resourceUri": "pkg:pypi/example@1.0?file_name=example-1.0-py3-none-any.whl",
        "policy": { "uri": "https://rebuilds.example/policy", "digest": { "sha256": Sha256::of(b"policy") } },
        "inputAttestations": [{
            "uri": "https://rebuilds.example/verdict.json",
            "digest": { "sha256": Sha256::of(statement.as_bytes()) },
        }],
        "verificationResult": "PASSED",
        "verifiedLevels": ["REBUILD_REPACKED", "SOURCE_SAME_UPLOAD"],
        "slsaVersion": "1.1",
    });
    assert_eq!(Value::from(summary.predicate().clone()), expected);
}

#[test]
fn each_outcome_passes_fails_or_neither() {
    for outcome in OUTCOMES {
        for has_alert in [false, true] {
            let mut verdict = verdict(outcome);
            verdict.findings.extend(has_alert.then(alert));
            let expected = match (outcome, has_alert) {
                (Outcome::Reproduced, false) => Some("PASSED"),
                (Outcome::Rejected, _) | (Outcome::NotReproduced, true) => Some("FAILED"),
                _ => None,
            };
            let result = summary(verdict).map(|summary| summary.predicate()["verificationResult"].clone());
            assert_eq!(result, expected.map(Value::from), "{outcome:?} {has_alert}");
        }
    }
}

#[test]
fn what_failed_has_no_other_level() {
    let failed = summary(verdict(Outcome::Rejected)).unwrap();
    assert_eq!(failed.predicate()["verifiedLevels"], json!(["FAILED"]));
}

#[test]
fn levels_say_how_exactly_and_from_what_and_nothing_of_slsa() {
    let levels = |level, trust| {
        let mut verdict = verdict(Outcome::Reproduced);
        verdict.level = Some(level);
        verdict.source = verdict.source.map(|source| match trust {
            Trust::AttestedCommit | Trust::Repository => of_commit(source, trust),
            Trust::SameUpload | Trust::User => Source { trust, ..source },
        });
        let comparison = verdict.comparison.as_mut().unwrap();
        comparison.repacked_first = level != Level::Normalized;
        if level == Level::BitForBit {
            comparison.first = twinbuild_compare::Relation::Identical;
            let published = verdict.subject.digests;
            verdict.rebuilds[0].artifact.as_mut().unwrap().digests = published;
            verdict.run.artifacts.insert("first".to_owned(), published.unwrap());
        }
        summary(verdict).unwrap().predicate()["verifiedLevels"].clone()
    };
    for (level, level_name) in [
        (Level::BitForBit, "REBUILD_BIT_FOR_BIT"),
        (Level::Repacked, "REBUILD_REPACKED"),
        (Level::Normalized, "REBUILD_NORMALIZED"),
    ] {
        for (trust, trust_name) in [
            (Trust::SameUpload, "SOURCE_SAME_UPLOAD"),
            (Trust::AttestedCommit, "SOURCE_ATTESTED_COMMIT"),
            (Trust::Repository, "SOURCE_REPOSITORY"),
            (Trust::User, "SOURCE_USER"),
        ] {
            assert!(![level_name, trust_name].iter().any(|name| name.starts_with("SLSA_")));
            assert_eq!(levels(level, trust), json!([level_name, trust_name]));
        }
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let statement = statement(Outcome::Rejected);
    let mut by = by();
    (by.policy.sha256, by.verdict_uri) = (None, None);
    let summary = statement.verification_summary(&by).unwrap().unwrap();
    assert_eq!(summary.predicate()["policy"], json!({ "uri": "https://rebuilds.example/policy" }));
    assert_eq!(summary.predicate()["inputAttestations"], json!([{ "digest": { "sha256": statement.sha256() } }]));
}

#[test]
fn a_local_file_is_no_resource() {
    let mut verdict = verdict(Outcome::Reproduced);
    verdict.subject.purl = None;
    assert_eq!(summary(verdict), None);
}

#[test]
fn a_summary_of_one_file_is_not_that_of_another() {
    for purl in [
        "pkg:pypi/other@1.0?file_name=other-1.0-py3-none-any.whl",
        "pkg:pypi/other@1.0?file_name=example-1.0-py3-none-any.whl",
        "pkg:pypi/example@2.0?file_name=example-1.0-py3-none-any.whl",
        "pkg:pypi/example@1.0",
        "https://rebuilds.example/",
    ] {
        let mut verdict = verdict(Outcome::Reproduced);
        verdict.subject.purl = Some(purl.to_owned());
        let statement = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap();
        let error = statement.verification_summary(&by()).unwrap_err();
        assert!(matches!(error, StatementError::OtherResource { .. }), "{purl}: {error}");
    }
}

#[test]
fn only_a_verdict_statement_is_summed_up() {
    let summary = statement(Outcome::Reproduced).verification_summary(&by()).unwrap().unwrap();
    let error = summary.verification_summary(&by()).unwrap_err();
    assert!(matches!(error, StatementError::PredicateType { .. }), "{error}");
}

#[test]
fn who_verified_and_by_what_are_uris() {
    let edits: [fn(&mut Verification); 4] = [
        |by| by.verifier_id = "me".to_owned(),
        |by| by.verifier_id = "https://a b".to_owned(),
        |by| by.policy.uri = String::new(),
        |by| by.verdict_uri = Some("verdict.json".to_owned()),
    ];
    for edit in edits {
        let mut by = by();
        edit(&mut by);
        let error = statement(Outcome::Reproduced).verification_summary(&by).unwrap_err();
        assert!(matches!(error, StatementError::NotAUri { .. }), "{error}");
    }
}
