//! Provenance of the rebuilt files.

use serde_json::json;
use twinbuild_statement::{BUILD_TYPE, Members, PROVENANCE_TYPE, Statement, StatementError};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{GitSubmodule, InputRecord, Outcome, Trust, Verdict};

use crate::samples::{FILE_NAME, OUTCOMES, of_commit, sealed, statement, verdict};

const BUILDER: &str = "https://rebuilds.example/builders/1";

fn provenance(verdict: Verdict) -> Option<Statement> {
    let statement = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap();
    statement.provenance(BUILDER).unwrap()
}

#[test]
fn a_small_provenance_is_this_one() {
    let provenance = statement(Outcome::Reproduced).provenance(BUILDER).unwrap().unwrap();
    let pretty = serde_json::from_slice::<serde_json::Value>(provenance.as_bytes()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&pretty).unwrap());
}

#[test]
fn it_is_about_what_was_rebuilt_and_never_about_what_was_published() {
    let provenance = provenance(verdict(Outcome::NotReproduced)).unwrap();
    assert_eq!(provenance.predicate_type(), PROVENANCE_TYPE);
    let subject: Vec<_> = provenance.subject().iter().map(|one| (one.name.clone(), one.digest.sha256())).collect();
    let expected =
        ["first", "second"].map(|twin| (Some(format!("{twin}/{FILE_NAME}")), Some(Sha256::of(twin.as_bytes()))));
    assert_eq!(subject, expected);
    assert!(!String::from_utf8_lossy(provenance.as_bytes()).contains(&Sha256::of(b"published").to_string()));
}

#[test]
fn there_is_one_where_something_was_built() {
    for outcome in OUTCOMES {
        let is_built = matches!(outcome, Outcome::Reproduced | Outcome::NotReproduced | Outcome::Nondeterministic);
        assert_eq!(provenance(verdict(outcome)).is_some(), is_built, "{outcome:?}");
    }
    // One twin is built, and the other is not.
    let mut half = verdict(Outcome::Unbuildable);
    half.rebuilds[0].artifact = verdict(Outcome::Reproduced).rebuilds[0].artifact.clone();
    half.run.artifacts.remove("second");
    let subject = provenance(half).unwrap().subject().to_vec();
    assert_eq!((subject.len(), subject[0].digest.sha256()), (1, Some(Sha256::of(b"first"))));
}

#[test]
fn each_input_that_the_verdict_names_is_a_dependency() {
    let mut verdict = verdict(Outcome::Reproduced);
    let own = InputRecord { kind: "debian-package".to_owned(), name: "gcc 12".to_owned(), sha256: Sha256::of(b"gcc") };
    verdict.rebuilds[1].inputs.push(own);
    verdict.rebuilds[1].environment.layers = vec![Sha256::of(b"layer"), Sha256::of(b"other layer")];
    let mut source = of_commit(verdict.source.unwrap(), Trust::Repository);
    let git = source.git.as_mut().unwrap();
    let commit = git.commit.clone();
    git.submodules = vec![GitSubmodule { path: "vendor/x".to_owned(), commit: "ef".repeat(20).parse().unwrap() }];
    verdict.source = Some(source);
    let inputs: Vec<Sha256> = verdict.shared_inputs.iter().map(|input| input.sha256).collect();
    let provenance = provenance(verdict).unwrap();
    let dependencies = provenance.predicate()["buildDefinition"]["resolvedDependencies"].as_array().unwrap().clone();
    let of_kind = |kind: &str| -> Vec<_> {
        dependencies.iter().filter(|one| one["annotations"]["kind"] == kind).map(|one| one["digest"].clone()).collect()
    };
    let sha256 = |bytes: &[u8]| json!({ "sha256": Sha256::of(bytes) });
    assert_eq!(of_kind("source"), [json!({ "sha256": Sha256::of(b"sdist"), "gitCommit": commit.to_string() })]);
    assert_eq!(of_kind("submodule"), [json!({ "gitCommit": "ef".repeat(20) })]);
    assert_eq!(of_kind("layer"), [sha256(b"layer"), sha256(b"other layer")]);
    assert_eq!(of_kind("debian-package"), [sha256(b"gcc")]);
    for input in inputs {
        let named = dependencies.iter().filter(|one| one["digest"]["sha256"] == input.to_string().as_str()).count();
        assert_eq!(named, 1, "{input}");
    }
    let requirement = dependencies.iter().find(|one| one["annotations"]["kind"] == "requirement").unwrap();
    assert_eq!(requirement["uri"], "pkg:pypi/setuptools@57.1.0?file_name=setuptools-57.1.0-py3-none-any.whl");
    let twin = dependencies.iter().find(|one| one["annotations"]["kind"] == "debian-package").unwrap();
    assert_eq!(twin["annotations"]["twin"], "second");
}

#[test]
fn the_builder_is_who_the_operator_says_and_nobody_else() {
    let verdict_statement = statement(Outcome::Reproduced);
    let provenance = verdict_statement.provenance(BUILDER).unwrap().unwrap();
    assert_eq!(provenance.predicate()["runDetails"]["builder"]["id"], BUILDER);
    assert_eq!(provenance.predicate()["buildDefinition"]["buildType"], BUILD_TYPE);
    let error = verdict_statement.provenance("builder").unwrap_err();
    assert!(matches!(error, StatementError::NotAUri { .. }), "{error}");
    let error = provenance.provenance(BUILDER).unwrap_err();
    assert!(matches!(error, StatementError::PredicateType { .. }), "{error}");
}

#[test]
fn rebuilds_have_the_names_of_twins() {
    for names in [["first", "first"], ["second", "first"], ["first", "third"]] {
        let mut verdict = verdict(Outcome::NotReproduced);
        verdict.rebuilds.iter_mut().zip(names).for_each(|(rebuild, name)| rebuild.name = name.into());
        verdict.run.artifacts.clear();
        let statement = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap();
        let error = statement.provenance(BUILDER).unwrap_err();
        assert!(matches!(error, StatementError::Rebuild { .. }), "{names:?}: {error}");
    }
}
