//! TOML and JSON: which values changed, by their path.

use serde_json::{Map, Value};

use super::content::{Explanation, Names};
use super::excerpt::{Excerpt, quoted, quoted_change, shown};
use super::fields::{form_only, named};
use super::text::hunks;

/// Of this many changed values the paths and values are shown; the lines of the text follow.
const SHOWN_VALUES: usize = 20;
/// The key under which the TOML reader gives a date to those who expect other values.
const TOML_DATE: &str = "$__toml_private_datetime";

/// Explains two TOML files by the paths of values; `None` where one is none.
pub(crate) fn toml(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let parse = |content: &[u8]| -> Option<Value> { toml::from_str(std::str::from_utf8(content).ok()?).ok() };
    explain(&parse(old)?, &parse(new)?, old, new, names)
}

/// Explains two JSON files by the paths of values; `None` where one is none.
pub(crate) fn json(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let parse = |content: &[u8]| -> Option<Value> { serde_json::from_slice(content).ok() };
    explain(&parse(old)?, &parse(new)?, old, new, names)
}

fn explain(was: &Value, is: &Value, old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let mut changes = Changes::default();
    changes.compare(was, is);
    let Changes { mut excerpt, paths, count, .. } = changes;
    if count == 0 {
        return form_only(old, new, names);
    }
    excerpt.leave_out(count - paths.len() as u64);
    // A key that stands twice, a comment and the digits of a number are in the text alone.
    hunks(old, new, names, usize::MAX, &mut excerpt);
    Some(Explanation { place: format!("in {}", named(&paths, count, "value")), excerpt })
}

#[derive(Default)]
struct Changes {
    excerpt: Excerpt,
    /// The keys that lead to what is being compared.
    path: Vec<String>,
    /// Where the first changes are.
    paths: Vec<String>,
    count: u64,
}

impl Changes {
    fn compare(&mut self, was: &Value, is: &Value) {
        match (was, is) {
            (was, is) if was == is => {}
            (Value::Object(was), Value::Object(is)) if !is_date(was) && !is_date(is) => self.objects(was, is),
            (Value::Array(was), Value::Array(is)) => self.arrays(was, is),
            (Value::String(was), Value::String(is)) => self.note(|| format!("changed {}", quoted_change(was, is))),
            (was, is) => self.note(|| format!("changed {} to {}", written(was), written(is))),
        }
    }

    fn objects(&mut self, was: &Map<String, Value>, is: &Map<String, Value>) {
        for (key, value) in was {
            self.path.push(as_key(key));
            match is.get(key) {
                Some(other) => self.compare(value, other),
                None => self.note(|| format!("removed {}", written(value))),
            }
            self.path.pop();
        }
        for (key, value) in is.iter().filter(|(key, _)| !was.contains_key(*key)) {
            self.path.push(as_key(key));
            self.note(|| format!("added {}", written(value)));
            self.path.pop();
        }
    }

    /// What is common at both ends is passed over, so that one value more does not change the place of all that follow it.
    fn arrays(&mut self, was: &[Value], is: &[Value]) {
        let head = was.iter().zip(is).take_while(|(a, b)| a == b).count();
        let tail = was[head..].iter().rev().zip(is[head..].iter().rev()).take_while(|(a, b)| a == b).count();
        let (was, is) = (&was[head..was.len() - tail], &is[head..is.len() - tail]);
        for index in 0..was.len().max(is.len()) {
            self.path.push(format!("[{}]", head + index));
            match (was.get(index), is.get(index)) {
                (Some(was), Some(is)) => self.compare(was, is),
                (Some(was), None) => self.note(|| format!("removed {}", written(was))),
                (None, Some(is)) => self.note(|| format!("added {}", written(is))),
                (None, None) => {}
            }
            self.path.pop();
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.paths.len() < SHOWN_VALUES {
            let path = if self.path.is_empty() { "the value itself".to_owned() } else { joined(&self.path) };
            self.excerpt.push(format!("{path}: {}", what()));
            self.paths.push(path);
        }
    }
}

/// A key as a step of a path; what could be taken for more than one step stands in quotes.
fn as_key(key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_$@/".contains(c));
    if is_plain { shown(key.as_bytes()) } else { quoted(key) }
}

fn joined(steps: &[String]) -> String {
    let mut path = String::new();
    for step in steps {
        if !(path.is_empty() || step.starts_with('[')) {
            path.push('.');
        }
        path.push_str(step);
    }
    path
}

fn is_date(object: &Map<String, Value>) -> bool {
    object.len() == 1 && object.get(TOML_DATE).is_some_and(Value::is_string)
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Object(object) if is_date(object) => object.values().filter_map(Value::as_str).map(quoted).collect(),
        Value::Array(_) | Value::Object(_) => shown(value.to_string().as_bytes()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::content::PUBLISHED;

    fn lines(explanation: Option<Explanation>) -> (String, Vec<String>) {
        let Explanation { place, excerpt } = explanation.unwrap();
        (place, excerpt.finish())
    }

    #[test]
    fn an_install_script_is_named_by_its_path() {
        let old = br#"{"name": "demo", "scripts": {"test": "x"}, "files": ["a", "b"]}"#;
        let new =
            br#"{"name": "demo", "scripts": {"test": "y", "postinstall": "node evil.js"}, "files": ["a", "c", "b"]}"#;
        let (place, shown) = lines(json(old, new, PUBLISHED));
        assert_eq!(place, "in files[1], scripts.test, scripts.postinstall");
        assert_eq!(
            shown[..3],
            [
                "files[1]: added \"c\"",
                "scripts.test: changed \"x\" to \"y\"",
                "scripts.postinstall: added \"node evil.js\"",
            ]
        );
        assert_eq!(shown[3..5], ["--- rebuilt", "+++ published"]);
    }

    #[test]
    fn toml_values_have_paths_too() {
        let old = b"[package]\nversion = \"1\"\ndate = 2020-01-01\n[package.\"a.b\"]\nx = [1, 2]\n";
        let new = b"[package]\nversion = \"2\"\ndate = 2020-01-02\n[package.\"a.b\"]\nx = [1]\n";
        let (place, shown) = lines(toml(old, new, PUBLISHED));
        assert_eq!(place, "in package.\"a.b\".x[1], package.date, package.version");
        assert_eq!(shown[1], "package.date: changed \"2020-01-01\" to \"2020-01-02\"");
    }

    #[test]
    fn what_the_values_do_not_say_is_in_the_lines() {
        let (place, shown) = lines(json(br#"{"a": 1}"#, br#"{"a": 2, "a": 1}"#, PUBLISHED));
        assert!(place.starts_with("in how it is written, and in no value"), "{place}");
        assert!(shown.iter().any(|line| line == r#"+{"a": 2, "a": 1}"#), "{shown:?}");
        let (_, shown) = lines(toml(b"a = 1\nb = 1 # x\n", b"a = 2\nb = 1 # y\n", PUBLISHED));
        assert!(shown.iter().any(|line| line == "+b = 1 # y"), "{shown:?}");
    }

    #[test]
    fn broken_and_deep_texts_are_left_to_the_lines() {
        assert_eq!(json(b"{", b"{}", PUBLISHED), None);
        let deep = "[".repeat(100_000);
        assert_eq!(json(deep.as_bytes(), b"{}", PUBLISHED), None);
        assert_eq!(toml(format!("a = {deep}").as_bytes(), b"", PUBLISHED), None);
    }
}
