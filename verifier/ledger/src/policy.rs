//! What a consumer demands.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::Deserialize;
use twinbuild_verdict::{Level, Trust};

/// How old a ledger's newest entry may be where nobody says otherwise, in days.
const MAX_AGE_DAYS: u32 = 30;
/// The most ledgers and witnesses.
const MOST: usize = 64;

/// What a consumer demands of a file, and which ledgers it is asked of.
///
/// As TOML:
///
/// ```toml
/// level = "repacked"                             # or "bit-for-bit", "normalized"
/// trust = ["same-upload", "repository"]          # of the source; "user" is not among the defaults
/// quorum = 1                                     # how many ledgers must say so; all, where it is not said
/// max-age-days = 30                              # of a ledger's newest entry
///
/// [[ledger]]
/// at = "https://verdicts.example/"               # or a folder
/// log-key = "verdicts.example/log+…"             # as signed notes have it
/// verdict-keys = ["""-----BEGIN PUBLIC KEY-----…"""]
/// witness-keys = []                              # as signed notes have them
/// witnesses = 0                                  # how many of them must have cosigned
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The least level.
    pub level: Level,
    /// Which reasons to take a source for the source are enough.
    pub trust: BTreeSet<TrustName>,
    /// How many ledgers must say so.
    pub quorum: usize,
    /// How old a ledger's newest entry may be.
    pub max_age: SignedDuration,
    /// The ledgers that are asked.
    pub ledgers: Vec<LedgerPolicy>,
}

/// A ledger, and the keys that it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LedgerPolicy {
    /// Its address or folder.
    pub at: String,
    /// The key of its log.
    pub log_key: String,
    /// The keys by one of which its statements are signed, in PEM.
    pub verdict_keys: Vec<String>,
    /// The keys of witnesses.
    #[serde(default)]
    pub witness_keys: Vec<String>,
    /// How many of them must have cosigned.
    #[serde(default)]
    pub witnesses: usize,
}

/// A trust in a source, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustName {
    /// See [`Trust::AttestedCommit`].
    AttestedCommit,
    /// See [`Trust::Repository`].
    Repository,
    /// See [`Trust::SameUpload`].
    SameUpload,
    /// See [`Trust::User`].
    User,
}

impl From<Trust> for TrustName {
    fn from(trust: Trust) -> Self {
        match trust {
            Trust::AttestedCommit => Self::AttestedCommit,
            Trust::SameUpload => Self::SameUpload,
            Trust::Repository => Self::Repository,
            Trust::User => Self::User,
        }
    }
}

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML of that form.
    #[error("the policy cannot be read: {reason}")]
    Toml {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// It can never be met, or says nothing.
    #[error("the policy's {key} cannot be {found}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What is expected.
        expected: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Form {
    level: Option<Level>,
    trust: Option<BTreeSet<TrustName>>,
    quorum: Option<usize>,
    max_age_days: Option<u32>,
    #[serde(default)]
    ledger: Vec<LedgerPolicy>,
}

impl Policy {
    /// Reads the TOML form.
    ///
    /// # Errors
    /// [`PolicyError`]: an unknown key, or what no ledger can meet.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let form: Form = toml::from_str(text).map_err(|error| PolicyError::Toml { reason: error.to_string() })?;
        let Form { level, trust, quorum, max_age_days, ledger: ledgers } = form;
        let refuse =
            |key, found: String, expected: &str| Err(PolicyError::Value { key, found, expected: expected.to_owned() });
        if ledgers.is_empty() || ledgers.len() > MOST {
            return refuse("ledger", format!("{} tables", ledgers.len()), "1 to 64 tables [[ledger]] are expected");
        }
        let quorum = quorum.unwrap_or(ledgers.len());
        if !(1..=ledgers.len()).contains(&quorum) {
            let expected = format!("1 to {}, the number of ledgers, is expected", ledgers.len());
            return refuse("quorum", quorum.to_string(), &expected);
        }
        for LedgerPolicy { at, verdict_keys, witness_keys, witnesses, .. } in &ledgers {
            if verdict_keys.is_empty() || verdict_keys.len() > MOST {
                return refuse("verdict-keys", format!("{} keys", verdict_keys.len()), "1 to 64 keys are expected");
            }
            if *witnesses > witness_keys.len() || witness_keys.len() > MOST {
                let expected = format!("{at} has {} witness-keys", witness_keys.len());
                return refuse("witnesses", witnesses.to_string(), &expected);
            }
        }
        let trust =
            trust.unwrap_or_else(|| [TrustName::AttestedCommit, TrustName::Repository, TrustName::SameUpload].into());
        if trust.is_empty() {
            return refuse("trust", "empty".to_owned(), "at least one is expected, such as \"repository\"");
        }
        let days = max_age_days.unwrap_or(MAX_AGE_DAYS);
        let max_age = SignedDuration::from_hours(24 * i64::from(days));
        Ok(Self { level: level.unwrap_or(Level::Repacked), trust, quorum, max_age, ledgers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = "[[ledger]]\nat = \"/ledger\"\nlog-key = \"k\"\nverdict-keys = [\"p\"]\n";

    #[test]
    fn what_is_not_said_has_a_default() {
        let policy = Policy::from_toml(&LEDGER.repeat(2)).unwrap();
        assert_eq!((policy.level, policy.quorum, policy.ledgers.len()), (Level::Repacked, 2, 2));
        assert!(!policy.trust.contains(&TrustName::User) && policy.trust.contains(&TrustName::SameUpload));
        assert_eq!(policy.max_age, SignedDuration::from_hours(720));
        let policy =
            Policy::from_toml(&format!("level = \"bit-for-bit\"\ntrust = [\"user\"]\nquorum = 1\n{LEDGER}")).unwrap();
        assert_eq!((policy.level, policy.trust), (Level::BitForBit, [TrustName::User].into()));
    }

    #[test]
    fn what_is_unknown_or_cannot_be_met_is_refused() {
        let more = |text: &str| format!("{LEDGER}{text}");
        for (text, expected) in [
            (String::new(), "ledger cannot be 0 tables"),
            (format!("levle = \"repacked\"\n{LEDGER}"), "unknown field `levle`"),
            (format!("level = \"splendid\"\n{LEDGER}"), "splendid"),
            (format!("quorum = 2\n{LEDGER}"), "quorum cannot be 2"),
            (format!("quorum = 0\n{LEDGER}"), "quorum cannot be 0"),
            (format!("trust = []\n{LEDGER}"), "trust cannot be empty"),
            (format!("trust = [\"anybody\"]\n{LEDGER}"), "anybody"),
            (format!("max-age-days = -1\n{LEDGER}"), "max-age-days"),
            (more("witnesses = 1\n"), "witnesses cannot be 1"),
            (more("key = 1\n"), "unknown field `key`"),
            (LEDGER.replace("[\"p\"]", "[]"), "verdict-keys cannot be 0 keys"),
            (LEDGER.replace("log-key = \"k\"\n", ""), "missing field `log-key`"),
        ] {
            let error = Policy::from_toml(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
