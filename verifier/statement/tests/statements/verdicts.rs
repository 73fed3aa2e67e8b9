//! Verdict statements.

use serde_json::{Map, Value, json};
use twinbuild_statement::{
    MEMBER_NAMES_LIMIT_BYTES, MEMBERS_LIMIT, Members, ResourceDescriptor, STATEMENT_LIMIT_BYTES, Statement,
    StatementError, VERDICT_TYPE,
};
use twinbuild_subject::{MemberPath, Sha256};
use twinbuild_verdict::{Outcome, ReadVerdictError, RecordedVerdict};

use crate::samples::{FILE_NAME, OUTCOMES, alert, members, sealed, statement, verdict};

#[test]
fn a_verdict_of_any_outcome_is_stated_and_given_back() {
    for outcome in OUTCOMES {
        let recorded = sealed(verdict(outcome));
        let statement = Statement::of_verdict(&recorded, &members()).unwrap();
        let read = Statement::parse(statement.as_bytes()).unwrap();
        assert_eq!(read, statement);
        let given_back = read.verdict().unwrap();
        assert_eq!(given_back.outcome, outcome);
        assert_eq!(given_back.document(), recorded.document());
        assert_eq!(given_back.verdict_digest, recorded.verdict_digest);
    }
}

#[test]
fn a_small_statement_is_this_one() {
    let statement = statement(Outcome::SourceMissing);
    insta::assert_snapshot!(String::from_utf8_lossy(statement.as_bytes()));
}

#[test]
fn the_published_file_is_first_then_the_list_of_its_files_then_they() {
    let statement = statement(Outcome::Reproduced);
    let names: Vec<_> = statement.subject().iter().map(|one| one.name.as_deref().unwrap()).collect();
    let expected = [FILE_NAME, "example-1.0.dist-info/RECORD", "example-1.0.dist-info/METADATA", "example/__init__.py"];
    assert_eq!(names, expected);
    assert_eq!(statement.subject()[0].digest.sha256(), Some(Sha256::of(b"published")));
    assert_eq!(statement.subject()[0].annotations, *json!({ "members": 3 }).as_object().unwrap());
    assert_eq!(statement.subject()[1].digest.sha256(), Some(Sha256::of(b"example-1.0.dist-info/RECORD")));
    let unread = Statement::of_verdict(&sealed(verdict(Outcome::Rejected)), &Members::default()).unwrap();
    assert_eq!(unread.subject(), [ResourceDescriptor::named(FILE_NAME, Sha256::of(b"published"))]);
}

fn named(members: impl IntoIterator<Item = MemberPath>) -> Vec<String> {
    let members: Members = members.into_iter().map(|path| (path, Sha256::of(b""))).collect();
    let statement = Statement::of_verdict(&sealed(verdict(Outcome::Rejected)), &members).unwrap();
    assert_eq!(statement.subject()[0].annotations["members"], members.len());
    statement.subject().iter().skip(1).map(|one| one.name.clone().unwrap()).collect()
}

#[test]
fn members_that_cannot_be_named_are_counted_only() {
    let paths =
        [&b"a\xff.py"[..], b"b\n\"\\.py", FILE_NAME.as_bytes(), b"x/y.dist-info/RECORD", b"y.dist-info/RECORD.p7s"];
    let expected = ["b\n\"\\.py", "x/y.dist-info/RECORD", "y.dist-info/RECORD.p7s"];
    assert_eq!(named(paths.map(MemberPath::new)), expected);
}

#[test]
fn so_many_members_are_named_and_no_more() {
    let path = |index: usize| MemberPath::from(format!("{index:06}").as_str());
    let record = MemberPath::from("z.dist-info/RECORD");
    let named_of_many = named((0..MEMBERS_LIMIT + 7).map(path).chain([record]));
    assert_eq!(named_of_many.len(), MEMBERS_LIMIT);
    assert_eq!([&named_of_many[0], &named_of_many[MEMBERS_LIMIT - 1]], ["z.dist-info/RECORD", "019998"]);
    let long = |index: usize| MemberPath::from(format!("{index:06}{}", "x".repeat(65_530)).as_str());
    assert_eq!(named((0..100).map(long)).len(), MEMBER_NAMES_LIMIT_BYTES / 65_536);
}

#[test]
fn a_file_that_was_not_received_is_no_subject() {
    let mut verdict = verdict(Outcome::Inconclusive);
    verdict.subject.digests = None;
    let error = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap_err();
    assert!(matches!(error, StatementError::NoDigest { .. }), "{error}");
}

#[test]
fn a_verdict_that_does_not_fit_is_an_error() {
    let mut verdict = verdict(Outcome::SourceMissing);
    verdict.findings = vec![alert()];
    verdict.findings[0].detail = "x".repeat(STATEMENT_LIMIT_BYTES);
    let error = Statement::of_verdict(&sealed(verdict), &Members::default()).unwrap_err();
    assert!(matches!(error, StatementError::TooLarge { .. }), "{error}");
}

/// The statement with an edited predicate, whose digest was made to fit.
fn resealed(outcome: Outcome, edit: impl Fn(&mut Map<String, Value>)) -> Result<RecordedVerdict, StatementError> {
    let statement = statement(outcome);
    let mut predicate = statement.predicate().clone();
    edit(&mut predicate);
    let covered: Map<String, Value> =
        predicate.clone().into_iter().filter(|(name, _)| name != "run" && name != "verdictDigest").collect();
    let digest = Sha256::of(Value::Object(covered).to_string().as_bytes());
    predicate.insert("verdictDigest".to_owned(), digest.to_string().into());
    Statement::new(statement.subject(), VERDICT_TYPE, predicate).unwrap().verdict()
}

#[test]
fn a_verdict_that_was_edited_by_hand_is_refused_by_name() {
    let text = String::from_utf8(statement(Outcome::NotReproduced).as_bytes().to_vec()).unwrap();
    for (from, to) in [
        ("\"outcome\":\"not-reproduced\"", "\"outcome\":\"reproduced\""),
        ("\"mismatch\":\"packaging\"", "\"mismatch\":\"code\""),
        ("\"trust\":\"same-upload\"", "\"trust\":\"repository\""),
        ("\"findings\":[]", "\"findings\":[],\"more\":1"),
    ] {
        let edited = text.replace(from, to);
        assert_ne!(edited, text);
        let error = Statement::parse(edited.as_bytes()).unwrap().verdict().unwrap_err();
        assert!(matches!(error, StatementError::Verdict { source: ReadVerdictError::Digest { .. } }), "{to}: {error}");
        assert!(error.to_string().contains("was changed after it was written"), "{error}");
    }
}

#[test]
fn a_verdict_that_contradicts_itself_is_refused_though_its_digest_fits() {
    assert!(resealed(Outcome::Reproduced, |_| {}).is_ok());
    type Edit = fn(&mut Map<String, Value>);
    let edits: [(Outcome, Edit, &str); 5] = [
        (Outcome::NotReproduced, |v| drop(v.insert("outcome".to_owned(), "reproduced".into())), "reproduced"),
        (Outcome::Reproduced, |v| drop(v.insert("level".to_owned(), "bit-for-bit".into())), "bit-for-bit"),
        (Outcome::Reproduced, |v| drop(v.remove("level")), "repacked"),
        (Outcome::Rejected, |v| drop(v.insert("level".to_owned(), "repacked".into())), "no level"),
        (Outcome::Unbuildable, |v| drop(v.insert("outcome".to_owned(), "reproduced".into())), "reproduced"),
    ];
    for (outcome, edit, expected) in edits {
        let error = resealed(outcome, edit).unwrap_err();
        assert!(matches!(error, StatementError::Contradiction { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn another_version_or_kind_of_predicate_is_refused() {
    let statement = statement(Outcome::Reproduced);
    for other in
        ["https://twinbuild.dev/verdict/v2", "https://twinbuild.dev/verdict/v1/", "https://slsa.dev/provenance/v1"]
    {
        let other = Statement::new(statement.subject(), other, statement.predicate().clone()).unwrap();
        let error = other.verdict().unwrap_err();
        assert!(matches!(error, StatementError::PredicateType { .. }), "{error}");
    }
    let error = resealed(Outcome::Reproduced, |v| drop(v.insert("schemaVersion".to_owned(), 2.into()))).unwrap_err();
    assert!(matches!(error, StatementError::Verdict { source: ReadVerdictError::Version { .. } }), "{error}");
}

#[test]
fn a_verdict_stands_for_no_other_file() {
    let statement = statement(Outcome::Reproduced);
    let published = &statement.subject()[0];
    let another = ResourceDescriptor::named(FILE_NAME, Sha256::of(b"another"));
    let renamed = ResourceDescriptor::named("other-1.0-py3-none-any.whl", Sha256::of(b"published"));
    let nameless = ResourceDescriptor { name: None, ..published.clone() };
    for subject in [vec![another.clone()], vec![another, published.clone()], vec![renamed], vec![nameless]] {
        let other = Statement::new(&subject, VERDICT_TYPE, statement.predicate().clone()).unwrap();
        let error = other.verdict().unwrap_err();
        assert!(matches!(error, StatementError::OtherSubject { .. }), "{error}");
    }
}
