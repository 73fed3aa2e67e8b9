//! Where two verdicts differ.

use serde::Serialize;
use serde_json::Value;

use crate::document::{CHAIN, UNCOVERED};

/// At most this many differences are listed.
const MAX_DIFFERENCES: usize = 50;
/// How much of a value is shown, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// One place where two verdicts differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The place, such as `rebuilds[0].artifact.digests.sha256`.
    pub path: String,
    /// What the one has there, as JSON that may be cut; absent where it has nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What the other has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<String>,
}

/// The places where two documents differ in what `verdictDigest` covers, in the order of the keys, the first 50.
#[must_use]
pub fn differences(recorded: &Value, replayed: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(recorded), Some(replayed), &mut found);
    found
}

fn compare(path: &str, recorded: Option<&Value>, replayed: Option<&Value>, found: &mut Vec<Difference>) {
    if recorded == replayed || found.len() == MAX_DIFFERENCES {
        return;
    }
    match (recorded, replayed) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let is_document = path.split('.').all(|part| part.is_empty() || part == CHAIN);
            for key in keys.into_iter().filter(|key| !is_document || !UNCOVERED.contains(&key.as_str())) {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&inner, a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                compare(&format!("{path}[{index}]"), a.get(index), b.get(index), found);
            }
        }
        _ => found.push(Difference { path: path.to_owned(), recorded: shown(recorded), replayed: shown(replayed) }),
    }
}

fn shown(value: Option<&Value>) -> Option<String> {
    let text = value?.to_string();
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => Some(format!("{}...", &text[..end])),
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_named_and_what_is_not_covered_is_left_out() {
        let a = json!({ "run": 1, "verdictDigest": "x", "level": "repacked", "rebuilds": [{ "run": 1 }, 7] });
        let b = json!({ "run": 2, "verdictDigest": "y", "rebuilds": [{ "run": 2 }] });
        let found = differences(&a, &b);
        let paths: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["level", "rebuilds[0].run", "rebuilds[1]"]);
        assert_eq!((found[0].recorded.as_deref(), &found[0].replayed), (Some("\"repacked\""), &None));
        assert_eq!(differences(&a, &a), []);
    }

    #[test]
    fn a_list_of_differences_and_a_value_are_bounded() {
        let found = differences(&json!({ "a": vec![0; 500] }), &json!({ "a": vec![1; 500] }));
        assert_eq!(found.len(), 50);
        let found = differences(&json!({ "a": "\u{e4}".repeat(500) }), &json!({}));
        assert_eq!(found[0].recorded.as_ref().map(|text| text.chars().count()), Some(203));
    }
}
