//! What was found out, for people and for other programs.

use serde_json::Value;
use twinbuild_ledger::Standing;
use twinbuild_report::{SarifLevel, SarifResult, escape, sarif_log};

use super::Checked;
use crate::arguments::VerifyFormat;
use crate::failure::Failure;

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
            Standing::Refused => ("refused", SarifLevel::Error),
            Standing::Unknown => ("not-known", SarifLevel::Warning),
        };
        let text = format!("{} is {}: {}", one.file, word(one.standing), why(one));
        Some(SarifResult { rule, level, text, path: one.path.clone(), about: None, is_new: None })
    });
    let rules = [
        ("refused", "A ledger speaks against it, or it does not meet the policy."),
        ("not-known", "No ledger has anything about it."),
    ];
    sarif_log(env!("CARGO_PKG_VERSION"), &rules, results)
}
