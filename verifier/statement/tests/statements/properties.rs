//! What is true of every statement.

use proptest::prelude::*;
use serde_json::{Map, Value};
use twinbuild_statement::{ResourceDescriptor, Statement, StatementError};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Outcome, differences};

use crate::samples::{OUTCOMES, sealed, statement, verdict};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map(any::<String>(), values, 0..6).prop_map(|entries| entries.into_iter().collect())
}

fn subjects() -> impl Strategy<Value = Vec<ResourceDescriptor>> {
    let one = (prop::option::of(any::<String>()), any::<[u8; 32]>(), object(value())).prop_map(
        |(name, digest, annotations)| {
            let digest = Sha256::from_bytes(digest).into();
            ResourceDescriptor { name, annotations, digest, ..ResourceDescriptor::default() }
        },
    );
    prop::collection::vec(one, 1..4)
}

/// The text of a value with white space between all its parts, and each object's members turned round.
fn loosely(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[ {} ]", items.iter().map(loosely).collect::<Vec<_>>().join(" ,\n")),
        Value::Object(entries) => {
            let entry =
                |(name, value): (&String, &Value)| format!("{}\t: {}", Value::from(name.as_str()), loosely(value));
            format!("{{\r\n{} }}", entries.iter().rev().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// The texts of a value in each of which one object has one name twice.
fn with_a_name_twice(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => {
            let mut texts = Vec::new();
            for (index, item) in items.iter().enumerate() {
                for spoilt in with_a_name_twice(item) {
                    let parts = items.iter().enumerate();
                    let parts = parts.map(|(at, item)| if at == index { spoilt.clone() } else { item.to_string() });
                    texts.push(format!("[{}]", parts.collect::<Vec<_>>().join(",")));
                }
            }
            texts
        }
        Value::Object(entries) => {
            let entry = |name: &str, text: &str| format!("{}:{text}", Value::from(name));
            let mut texts = Vec::new();
            for (name, value) in entries {
                let own: Vec<String> = entries.iter().map(|(name, value)| entry(name, &value.to_string())).collect();
                texts.push(format!("{{{},{}}}", own.join(","), entry(name, "0")));
                for spoilt in with_a_name_twice(value) {
                    let others = entries.iter().filter(|(other, _)| *other != name);
                    let others = others.map(|(name, value)| entry(name, &value.to_string()));
                    texts.push(format!("{{{}}}", others.chain([entry(name, &spoilt)]).collect::<Vec<_>>().join(",")));
                }
            }
            texts
        }
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_is_written_is_read_as_the_same(subject in subjects(), predicate in object(value())) {
        let statement = Statement::new(&subject, "https://example.org/x/v1", predicate.clone()).unwrap();
        let read = Statement::parse(statement.as_bytes()).unwrap();
        prop_assert_eq!(&read, &statement);
        prop_assert_eq!(read.subject(), subject);
        prop_assert_eq!(read.predicate(), &predicate);
        // However it was written before, there is one form that is written.
        let document: Value = serde_json::from_slice(statement.as_bytes()).unwrap();
        let loose = Statement::parse(loosely(&document).as_bytes()).unwrap();
        let again = Statement::new(loose.subject(), loose.predicate_type(), loose.predicate().clone()).unwrap();
        prop_assert_eq!(again.as_bytes(), statement.as_bytes());
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_wherever_it_is(subject in subjects(), predicate in object(value())) {
        let statement = Statement::new(&subject, "https://example.org/x/v1", predicate).unwrap();
        let document: Value = serde_json::from_slice(statement.as_bytes()).unwrap();
        for text in with_a_name_twice(&document) {
            let error = Statement::parse(text.as_bytes()).unwrap_err();
            prop_assert!(matches!(error, StatementError::DuplicateName { .. }), "{}: {}", text, error);
        }
    }

    #[test]
    fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(statement) = Statement::parse(&bytes) {
            prop_assert_eq!(statement.as_bytes(), bytes);
        }
    }
}

/// The digest leaves out `run`, and there is nothing else that a byte could change without it.
#[test]
fn no_flipped_byte_makes_another_verdict_of_the_same_digest() {
    for outcome in [Outcome::SourceMissing, Outcome::Reproduced] {
        let original = sealed(verdict(outcome));
        let bytes = statement(outcome).as_bytes().to_vec();
        let (mut refused, mut read) = (0, 0);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let Ok(verdict) = Statement::parse(&flipped).and_then(|statement| statement.verdict()) else {
                    refused += 1;
                    continue;
                };
                read += 1;
                assert_eq!(verdict.verdict_digest, original.verdict_digest);
                assert_eq!(differences(original.document(), verdict.document()), [], "byte {at}, bit {bit}");
            }
        }
        // Names and digests of members, and the run, may be others; the signature covers them.
        assert!(refused > 4 * read, "{refused} refused, {read} read");
    }
}

#[test]
fn no_byte_less_is_a_statement() {
    for outcome in OUTCOMES {
        let bytes = statement(outcome).as_bytes().to_vec();
        for end in 0..bytes.len() {
            assert!(Statement::parse(&bytes[..end]).is_err(), "{end}");
        }
    }
}
