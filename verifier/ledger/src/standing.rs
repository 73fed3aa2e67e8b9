//! What a policy makes of what ledgers have of a file.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use twinbuild_compare::Severity;
use twinbuild_statement::{DigestSet, ResourceDescriptor, Statement, StatementError, VERDICT_TYPE};
use twinbuild_subject::Sha256;
use twinbuild_verdict::{Level, Outcome, RecordedVerdict, Trust};

use crate::{Found, Kind, Policy};

/// The predicate of a statement that a verdict is retracted or disputed.
pub const NOTICE_TYPE: &str = "https://twinbuild.dev/notice/v1";

/// What one ledger says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// It was reproduced, and well enough for the policy.
    Trusted {
        /// How exactly.
        level: Level,
        /// Why its source is taken to be that.
        trust: Trust,
        /// The source, for a reader.
        source: String,
    },
    /// Something else, which speaks against it or for nothing.
    NotTrusted {
        /// Why, for a reader.
        why: String,
        /// Whether it speaks against the file, whatever other ledgers say.
        is_negative: bool,
        /// Whether its owner takes a verdict back, or says that it is disputed: then none of the owner's ledgers counts.
        is_withdrawn: bool,
    },
    /// The ledger has nothing of it, as it proves.
    Unknown,
}

/// What all ledgers together make of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Enough ledgers say that it is as the policy demands.
    Trusted,
    /// It does not meet the policy, or a ledger speaks against it.
    Refused,
    /// No ledger has anything of it.
    Unknown,
}

/// A statement that says something else than the log does of it, or that is none.
#[derive(Debug, thiserror::Error)]
pub enum SaysError {
    /// It is no statement, or not one of a verdict.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Log and statement contradict each other.
    #[error("the log says of the statement that {what} is {logged}, and the statement says {stated}")]
    Contradiction {
        /// What.
        what: &'static str,
        /// What the log says.
        logged: String,
        /// What the statement says.
        stated: String,
    },
}

/// What a statement that was found says under a policy.
///
/// # Errors
/// [`SaysError`]: then the ledger is not to be relied on.
pub fn says(found: Option<&Found>, policy: &Policy) -> Result<Says, SaysError> {
    let Some(found) = found else { return Ok(Says::Unknown) };
    let statement = Statement::parse(&found.payload)?;
    check("predicate type", &found.logged.predicate_type, statement.predicate_type())?;
    if found.logged.kind != Kind::Verdict {
        check("predicate type", NOTICE_TYPE, statement.predicate_type())?;
        let subject = statement.subject().first().and_then(|subject| subject.digest.sha256()).map(|of| of.to_string());
        check("subject", &found.logged.subject.to_string(), &subject.unwrap_or_default())?;
        let text = |name: &str| statement.predicate().get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        check("kind", found.logged.kind.name(), &text("action"))?;
        let why = format!("its verdict is {}: {}", found.logged.kind.name(), text("reason"));
        return Ok(Says::NotTrusted { why, is_negative: false, is_withdrawn: true });
    }
    check("predicate type", VERDICT_TYPE, statement.predicate_type())?;
    let verdict = statement.verdict()?;
    let of_file = verdict.subject.digests.as_ref().map(|digests| digests.sha256.to_string());
    check("subject", &found.logged.subject.to_string(), &of_file.unwrap_or_default())?;
    // One that the log does not give is only not found by it.
    if let Some(installed) = found.logged.installed {
        let stated = statement.installed().map(|installed| installed.to_string());
        check("digest of the installed files", &installed.to_string(), &stated.unwrap_or_default())?;
    }
    check("outcome", &found.logged.outcome, verdict.outcome.name())?;
    let alerts = alerts(&verdict);
    check("number of alerts", &found.logged.alerts.to_string(), &alerts.to_string())?;
    Ok(of_verdict(&verdict, alerts, policy))
}

fn check(what: &'static str, logged: &str, stated: &str) -> Result<(), SaysError> {
    if logged == stated {
        return Ok(());
    }
    Err(SaysError::Contradiction { what, logged: logged.to_owned(), stated: stated.to_owned() })
}

/// How many alerts a verdict has.
#[must_use]
pub fn alerts(verdict: &RecordedVerdict) -> u64 {
    verdict.findings.iter().filter(|finding| finding.severity == Severity::Alert).count() as u64
}

fn of_verdict(verdict: &RecordedVerdict, alerts: u64, policy: &Policy) -> Says {
    let not = |why: String, is_negative| Says::NotTrusted { why, is_negative, is_withdrawn: false };
    if verdict.outcome != Outcome::Reproduced {
        let is_negative = verdict.outcome == Outcome::Rejected || alerts > 0;
        let alert = if alerts > 0 { ", with an alert" } else { "" };
        return not(format!("it is {}{alert}", verdict.outcome.name()), is_negative);
    }
    if alerts > 0 {
        let first = verdict.findings.iter().find(|finding| finding.severity == Severity::Alert);
        return not(format!("it is reproduced, with the alert {}", first.map_or("", |one| one.code.as_str())), true);
    }
    let (Some(level), Some(source)) = (verdict.level, &verdict.source) else {
        return not("it is reproduced, and without level or source".to_owned(), false);
    };
    if level < policy.level {
        return not(format!("its level is {}, and {} is demanded", level.name(), policy.level.name()), false);
    }
    if !policy.trust.contains(&source.trust.into()) {
        return not(format!("its source is trusted as {}, and that is not enough", source.trust.name()), false);
    }
    let shown = source.uri.clone().unwrap_or_else(|| source.file_name.clone());
    Says::Trusted { level, trust: source.trust, source: format!("{shown} (sha256:{})", source.digests.sha256) }
}

/// What ledgers together make of a file. Each is given by what tells its owner: ledgers with a key in common are one.
#[must_use]
pub fn standing<'a>(ledgers: impl IntoIterator<Item = (BTreeSet<String>, &'a Says)>, quorum: usize) -> Standing {
    let mut owners: Vec<Owner> = Vec::new();
    let (mut is_known, mut is_negative) = (false, false);
    for (keys, says) in ledgers {
        is_known |= *says != Says::Unknown;
        is_negative |= matches!(says, Says::NotTrusted { is_negative: true, .. });
        let own = Owner {
            keys,
            trusts: matches!(says, Says::Trusted { .. }),
            withdraws: matches!(says, Says::NotTrusted { is_withdrawn: true, .. }),
        };
        let (of_same, mut others): (Vec<_>, Vec<_>) =
            owners.into_iter().partition(|owner| !owner.keys.is_disjoint(&own.keys));
        others.push(of_same.into_iter().fold(own, Owner::with));
        owners = others;
    }
    let trusting = owners.iter().filter(|owner| owner.trusts && !owner.withdraws).count();
    match (is_negative, trusting >= quorum) {
        (false, true) => Standing::Trusted,
        _ if is_known => Standing::Refused,
        _ => Standing::Unknown,
    }
}

/// Whoever has these keys, in however many ledgers.
struct Owner {
    keys: BTreeSet<String>,
    trusts: bool,
    withdraws: bool,
}

impl Owner {
    fn with(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        Self { keys: self.keys, trusts: self.trusts || other.trusts, withdraws: self.withdraws || other.withdraws }
    }
}

/// The bytes of a statement that a verdict about a file is retracted or disputed.
///
/// # Errors
/// [`StatementError`]
pub fn notice(
    kind: Kind,
    (file_name, subject): (&str, Sha256),
    verdict: Sha256,
    reason: &str,
) -> Result<Statement, StatementError> {
    let digest = |sha256: &Sha256| DigestSet::default().with("sha256", sha256);
    let predicate = [
        ("action".to_owned(), kind.name().into()),
        ("reason".to_owned(), reason.into()),
        ("verdict".to_owned(), serde_json::json!({ "digest": digest(&verdict).to_value() })),
    ];
    let subject = ResourceDescriptor::named(file_name, digest(&subject));
    Statement::new(&[subject], NOTICE_TYPE, predicate.into_iter().collect())
}

/// The verdict that a notice is about, by the digest of its statement.
#[must_use]
pub fn verdict_of_notice(notice: &Statement) -> Option<Sha256> {
    notice.predicate().get("verdict")?.pointer("/digest/sha256")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> Says {
        Says::Trusted { level: Level::Repacked, trust: Trust::SameUpload, source: String::new() }
    }

    fn not(is_negative: bool) -> Says {
        Says::NotTrusted { why: String::new(), is_negative, is_withdrawn: false }
    }

    fn of(ledgers: &[(&[&str], Says)], quorum: usize) -> Standing {
        let owner = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        standing(ledgers.iter().map(|(keys, says)| (owner(keys), says)), quorum)
    }

    #[test]
    fn ledgers_count_by_their_keys() {
        assert_eq!(of(&[(&["a"], trusted())], 1), Standing::Trusted);
        assert_eq!(of(&[(&["a"], trusted()), (&["b"], trusted())], 2), Standing::Trusted);
        // Two ledgers of one owner, and three that are one through the second.
        assert_eq!(of(&[(&["a", "x"], trusted()), (&["b", "x"], trusted())], 2), Standing::Refused);
        let chained: [(&[&str], Says); 3] =
            [(&["a", "x"], trusted()), (&["b", "y"], trusted()), (&["x", "y"], trusted())];
        assert_eq!(of(&chained, 2), Standing::Refused);
        // So they are whatever the third says, and one that takes a verdict back does so for all of its ledgers.
        let chained: [(&[&str], Says); 3] =
            [(&["a", "x"], trusted()), (&["b", "y"], trusted()), (&["x", "y"], Says::Unknown)];
        assert_eq!((of(&chained, 2), of(&chained, 1)), (Standing::Refused, Standing::Trusted));
        let withdrawn = Says::NotTrusted { why: String::new(), is_negative: false, is_withdrawn: true };
        assert_eq!(of(&[(&["a"], trusted()), (&["a", "b"], withdrawn.clone())], 1), Standing::Refused);
        assert_eq!(of(&[(&["a"], trusted()), (&["b"], withdrawn)], 1), Standing::Trusted);
        assert_eq!(of(&[(&["a"], trusted()), (&["b"], Says::Unknown)], 2), Standing::Refused);
        assert_eq!(of(&[(&["a"], Says::Unknown), (&["b"], Says::Unknown)], 1), Standing::Unknown);
    }

    #[test]
    fn what_speaks_against_a_file_is_not_outvoted() {
        assert_eq!(of(&[(&["a"], trusted()), (&["b"], not(false))], 1), Standing::Trusted);
        assert_eq!(of(&[(&["a"], trusted()), (&["b"], not(true))], 1), Standing::Refused);
        assert_eq!(of(&[(&["a"], not(false))], 1), Standing::Refused);
    }
}
