//! What is read as a statement, and what is refused.

use serde_json::{Map, Value, json};
use twinbuild_statement::{
    DEPTH_LIMIT, ResourceDescriptor, STATEMENT_LIMIT_BYTES, Statement, StatementError, VALUES_LIMIT,
};
use twinbuild_subject::Sha256;

const TYPE: &str = "\"_type\":\"https://in-toto.io/Statement/v1\"";

/// The text of a statement with this predicate.
fn text(predicate: &str) -> String {
    let sha256 = Sha256::of(b"a");
    format!(
        "{{{TYPE},\"subject\":[{{\"name\":\"a\",\"digest\":{{\"sha256\":\"{sha256}\"}}}}],\
         \"predicateType\":\"https://example.org/x/v1\",\"predicate\":{predicate}}}"
    )
}

fn refused(text: impl AsRef<[u8]>) -> StatementError {
    match Statement::parse(text.as_ref()) {
        Ok(_) => panic!("{} was read", String::from_utf8_lossy(text.as_ref())),
        Err(error) => error,
    }
}

#[test]
fn a_statement_keeps_the_bytes_that_it_was_read_from() {
    let spaced = format!("  {}\n", text("{\"b\": 1, \"a\":\t[true, null, -7, \"\\u00e4\"]}"));
    let read = Statement::parse(spaced.as_bytes()).unwrap();
    assert_eq!(read.as_bytes(), spaced.as_bytes());
    assert_eq!(read.sha256(), Sha256::of(spaced.as_bytes()));
    assert_eq!(read.predicate_type(), "https://example.org/x/v1");
    assert_eq!(Value::from(read.predicate().clone()), json!({ "b": 1, "a": [true, null, -7, "\u{e4}"] }));
    assert_eq!(read.subject(), [ResourceDescriptor::named("a", Sha256::of(b"a"))]);
}

#[test]
fn the_form_that_is_written_is_sorted_and_has_no_white_space() {
    let mut predicate = Map::new();
    predicate.insert("z".to_owned(), json!([1, { "b": u64::MAX, "a": i64::MIN }]));
    predicate.insert("a".to_owned(), "\u{e4}\u{7f}\u{1}\n\"\\/".into());
    let subject = ResourceDescriptor::named("a", Sha256::of(b"a")).with("note", "x");
    let statement = Statement::new(&[subject], "https://example.org/x/v1", predicate).unwrap();
    let expected = format!(
        "{{{TYPE},\"predicate\":{{\"a\":\"\u{e4}\u{7f}\\u0001\\n\\\"\\\\/\",\"z\":[1,{{\"a\":-9223372036854775808,\
         \"b\":18446744073709551615}}]}},\"predicateType\":\"https://example.org/x/v1\",\"subject\":[{{\
         \"annotations\":{{\"note\":\"x\"}},\"digest\":{{\"sha256\":\"{}\"}},\"name\":\"a\"}}]}}",
        Sha256::of(b"a")
    );
    assert_eq!(String::from_utf8_lossy(statement.as_bytes()), expected);
    assert_eq!(Statement::parse(statement.as_bytes()).unwrap(), statement);
}

#[test]
fn unknown_fields_and_a_missing_predicate_are_as_the_framework_wants_them() {
    let more = text("{}").replacen('{', "{\"https://example.org/more\":1,", 1);
    assert!(Statement::parse(more.as_bytes()).unwrap().predicate().is_empty());
    let less = text("{}").replace(",\"predicate\":{}", "");
    assert!(Statement::parse(less.as_bytes()).unwrap().predicate().is_empty());
    let digests = format!("\"digest\":{{\"frob\":\"?\",\"gitCommit\":\"{}\",", "0".repeat(40));
    let read = Statement::parse(text("{}").replace("\"digest\":{", &digests).as_bytes()).unwrap();
    let algorithms: Vec<&str> = read.subject()[0].digest.iter().map(|(algorithm, _)| algorithm).collect();
    assert_eq!(algorithms, ["frob", "gitCommit", "sha256"]);
}

#[test]
fn a_name_that_stands_twice_is_refused_in_any_object() {
    for (text, name) in [
        (text("{\"a\":1,\"a\":1}"), "\"a\""),
        (text("{\"a\":1,\"\\u0061\":2}"), "\"a\""),
        (text("{\"x\":[[{\"y\":{\"b\":{},\"c\":0,\"b\":{}}}]]}"), "\"b\""),
        (text("{}").replacen('{', &format!("{{{TYPE},"), 1), "\"_type\""),
        (text("{}").replace("\"name\":\"a\"", "\"name\":\"a\",\"name\":\"a\""), "\"name\""),
        (text("{}").replace("\"digest\":{", "\"digest\":{\"sha256\":\"\","), "\"sha256\""),
        (text("{\"\\u202e\":1,\"\\u202e\":1}"), "\"\\u{202e}\""),
    ] {
        match refused(&text) {
            StatementError::DuplicateName { name: found, line: 1, .. } => assert_eq!(found, name),
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn numbers_that_readers_may_round_are_refused() {
    for number in ["1.5", "1.0", "1e3", "-0", "18446744073709551616", "-9223372036854775809"] {
        let error = refused(text(&format!("{{\"a\":[{number}]}}")));
        assert!(matches!(error, StatementError::NotAnInteger { .. }), "{number}: {error}");
    }
    let error = refused(text("{\"a\":01}"));
    assert!(matches!(error, StatementError::NotJson { .. }), "{error}");
}

#[test]
fn what_is_no_json_is_refused() {
    for text in
        ["", "[]", "null", "{", "{}x", "\u{feff}{}", "{\"a\":\"\\ud800\"}", "{'a':1}", "{\"a\":\"\n\"}", "{\"a\":1,}"]
    {
        let error = refused(text);
        assert!(matches!(error, StatementError::NotJson { .. }), "{text:?}: {error}");
    }
    let trailing = text("{}") + "{}";
    assert!(matches!(refused(trailing), StatementError::NotJson { .. }));
    let mut bytes = text("{\"a\":\"x\"}").into_bytes();
    let at = bytes.iter().rposition(|byte| *byte == b'x').unwrap();
    bytes[at] = 0xff;
    assert!(matches!(refused(bytes), StatementError::NotUtf8 { offset } if offset == at));
}

#[test]
fn another_type_is_refused() {
    for other in ["\"https://in-toto.io/Statement/v0.1\"", "\"https://in-toto.io/statement/v1\"", "7", "null"] {
        let error = refused(text("{}").replace("\"https://in-toto.io/Statement/v1\"", other));
        assert!(matches!(error, StatementError::Type { .. }), "{other}: {error}");
    }
    assert!(matches!(refused("{}"), StatementError::Type { .. }));
}

#[test]
fn a_field_that_is_not_what_it_is_to_be_is_named() {
    let sha256 = Sha256::of(b"a").to_string();
    let digest = format!("{{\"sha256\":\"{sha256}\"}}");
    let subject = format!("[{{\"name\":\"a\",\"digest\":{digest}}}]");
    let predicate_type = "\"https://example.org/x/v1\"";
    for (from, to, expected) in [
        (subject.as_str(), "[]", "subject"),
        (&subject, "{}", "subject"),
        (&subject, "[7]", "subject[0]"),
        (&subject, "[{\"name\":\"a\"}]", "subject[0].digest"),
        (&digest, "{}", "subject[0].digest"),
        (&digest, "{\"frob\":\"00\"}", "subject[0].digest"),
        (&digest, "{\"sha256\":7}", "subject[0].digest.sha256"),
        (&sha256, &sha256.to_uppercase(), "subject[0].digest.sha256"),
        (&sha256, &sha256[1..], "subject[0].digest.sha256"),
        (&sha256, &format!("{sha256}0"), "subject[0].digest.sha256"),
        (&sha256, &sha256.replace('a', "g"), "subject[0].digest.sha256"),
        (&digest, "{\"sha1\":\"00\"}", "subject[0].digest.sha1"),
        (&digest, &digest.replace('}', ",\"md5\":\"0\"}"), "subject[0].digest.md5"),
        ("\"name\":\"a\"", "\"name\":null", "subject[0].name"),
        ("\"name\":\"a\"", "\"annotations\":[]", "subject[0].annotations"),
        (predicate_type, "\"\"", "predicateType"),
        (predicate_type, "\"no uri\"", "predicateType"),
        (predicate_type, "\"x:with blank\"", "predicateType"),
        (predicate_type, "null", "predicateType"),
        ("\"predicate\":{}", "\"predicate\":[]", "predicate"),
    ] {
        let changed = text("{}").replace(from, to);
        assert_ne!(changed, text("{}"), "{to}");
        match refused(&changed) {
            StatementError::Field { place, .. } => assert_eq!(place, expected, "{to}"),
            other => panic!("{to}: {other}"),
        }
    }
}

#[test]
fn limits_hold() {
    // The predicate is the second level.
    let nested = |depth: usize| text(&format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth)));
    assert!(Statement::parse(nested(DEPTH_LIMIT - 3).as_bytes()).is_ok());
    assert!(matches!(refused(nested(DEPTH_LIMIT - 2)), StatementError::TooDeep));
    assert!(matches!(refused(nested(1_000_000)), StatementError::TooDeep));
    let many = |count: usize| text(&format!("{{\"a\":[{}1]}}", "1,".repeat(count - 1)));
    assert!(matches!(refused(many(VALUES_LIMIT)), StatementError::TooManyValues));
    let large = text(&format!("{{\"a\":\"{}\"}}", "x".repeat(STATEMENT_LIMIT_BYTES)));
    assert!(matches!(refused(large), StatementError::TooLarge { .. }));
}

#[test]
fn foreign_text_is_cut_and_escaped_in_errors() {
    let hostile = "\\u001b[2J\\u202e".repeat(100);
    for changed in [
        text("{}").replace("https://in-toto.io/Statement/v1", &hostile),
        text(&format!("{{\"{hostile}\":1,\"{hostile}\":1}}")),
        text("{}").replace("\"sha256\":\"", &format!("\"{hostile}\":7,\"sha256\":\"")),
    ] {
        let told = refused(changed).to_string();
        assert!(told.len() < 2000 && !told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
}
