//! What was found out, for people and for other programs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use twinbuild_ledger::Standing;
use twinbuild_report::escape;

use super::Checked;
use crate::arguments::VerifyFormat;
use crate::failure::Failure;

/// What stands for itself in the path of an address (RFC 3986, section 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All of it, in one format.
pub(super) fn written(checked: &[Checked], format: VerifyFormat) -> Result<String, Failure> {
    let json = |one: &Checked| Ok(serde_json::to_string(one).map_err(Failure::internal)? + "\n");
    match format {
        VerifyFormat::Text => Ok(checked.iter().map(|one| line(one) + "\n").collect()),
        VerifyFormat::Json => checked.iter().map(json).collect(),
        VerifyFormat::Github => Ok(checked.iter().map(|one| github(one) + "\n").collect()),
        VerifyFormat::Sarif => Ok(serde_json::to_string_pretty(&sarif(checked)).map_err(Failure::internal)? + "\n"),
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Trusted => "trusted",
        Standing::Refused => "refused",
        Standing::Unknown => "not known",
    }
}

fn why(checked: &Checked) -> String {
    let each = checked.ledgers.iter().map(|ledger| format!("{} ({})", ledger.says, ledger.at));
    let all: Vec<String> = each.chain(checked.why.clone()).collect();
    escape(&all.join("; ").replace('\n', " "))
}

fn line(checked: &Checked) -> String {
    format!("{}  {}: {}", word(checked.standing), escape(&checked.file), why(checked))
}

/// A workflow command of GitHub Actions ("Workflow commands", "Setting an error message"); what is trusted is a line of the log.
fn github(checked: &Checked) -> String {
    let command = match checked.standing {
        Standing::Trusted => return line(checked),
        Standing::Refused => "error",
        Standing::Unknown => "warning",
    };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let title = property(&format!("{} is {}", checked.file, word(checked.standing)));
    format!("::{command} file={},title={title}::{}", property(&checked.path), data(&why(checked)))
}

/// A log of SARIF 2.1.0 (OASIS), with a result for each that is not trusted.
fn sarif(checked: &[Checked]) -> Value {
    let results = checked.iter().filter_map(|one| {
        let (rule, level) = match one.standing {
            Standing::Trusted => return None,
            Standing::Refused => ("refused", "error"),
            Standing::Unknown => ("not-known", "warning"),
        };
        let uri = utf8_percent_encode(&one.path, PATH).to_string();
        Some(json!({
            "ruleId": rule,
            "level": level,
            "message": { "text": format!("{} is {}: {}", escape(&one.file), word(one.standing), why(one)) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri } } }],
        }))
    });
    let rule = |id: &str, text: &str| json!({ "id": id, "shortDescription": { "text": text } });
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "twinbuild",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [
                    rule("refused", "A ledger speaks against it, or it does not meet the policy."),
                    rule("not-known", "No ledger has anything about it."),
                ],
            } },
            "results": results.collect::<Vec<_>>(),
        }],
    })
}
