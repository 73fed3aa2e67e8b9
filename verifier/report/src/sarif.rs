//! Logs in the Static Analysis Results Interchange Format, SARIF 2.1.0 (OASIS), which code scanning services read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::escape::on_one_line;

/// What stands for itself in the path of an address (RFC 3986, section 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How much a result matters (SARIF 2.1.0, section 3.27.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SarifLevel {
    /// `note`
    Note,
    /// `warning`
    Warning,
    /// `error`
    Error,
}

/// A result of a log.
#[derive(Debug, Clone)]
pub struct SarifResult {
    /// The rule that it is of.
    pub rule: &'static str,
    /// How much it matters.
    pub level: SarifLevel,
    /// A sentence, which may hold foreign text.
    pub text: String,
    /// The file that it is shown at.
    pub path: String,
    /// What it is about where that is no file that is scanned: a package URL, which tells it from other results at the same file.
    pub about: Option<String>,
    /// Whether it is new; all or none of a log say it.
    pub is_new: Option<bool>,
}

/// A log of one run of this program. `rules` are names and what each means.
#[must_use]
pub fn sarif_log(
    tool_version: &str,
    rules: &[(&'static str, &'static str)],
    results: impl IntoIterator<Item = SarifResult>,
) -> Value {
    let rules: Vec<Value> =
        rules.iter().map(|(id, text)| json!({ "id": id, "shortDescription": { "text": text } })).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "twinbuild", "version": tool_version, "rules": rules } },
            "results": results.into_iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(result: SarifResult) -> Value {
    let SarifResult { rule, level, text, path, about, is_new } = result;
    let level = match level {
        SarifLevel::Note => "note",
        SarifLevel::Warning => "warning",
        SarifLevel::Error => "error",
    };
    let uri = utf8_percent_encode(&path, PATH).to_string();
    let mut location = json!({ "physicalLocation": { "artifactLocation": { "uri": uri } } });
    let mut object = json!({ "ruleId": rule, "level": level, "message": { "text": message(&text) } });
    if let Some(about) = about {
        let about = on_one_line(&about);
        location["logicalLocations"] = json!([{ "fullyQualifiedName": about, "kind": "package" }]);
        object["partialFingerprints"] = json!({ "subject/v1": about });
    }
    object["locations"] = json!([location]);
    if let Some(is_new) = is_new {
        object["baselineState"] = if is_new { "new" } else { "unchanged" }.into();
    }
    object
}

/// A plain text message, in which braces are doubled (section 3.11.5) and nothing is a link (section 3.11.6).
fn message(text: &str) -> String {
    on_one_line(text).replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_neither_a_placeholder_nor_a_link() {
        assert_eq!(message("{0} [x](1)\u{1b}\n"), "{{0}} [x] (1)\\u{{1b}}\\n");
    }

    #[test]
    fn a_path_is_an_address() {
        let result = SarifResult {
            rule: "refused",
            level: SarifLevel::Error,
            text: "x".to_owned(),
            path: "a b/%2e?#\u{e4}".to_owned(),
            about: None,
            is_new: None,
        };
        let log = sarif_log("1", &[("refused", "It is refused.")], [result]);
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b/%252e%3F%23%C3%A4");
        assert!(result.get("baselineState").is_none() && result.get("partialFingerprints").is_none());
    }
}
