//! What is asked of whoever judges a subject.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinbuild_judge::{GitChoice, JudgeError, Target};
use twinbuild_subject::Sha256;

/// What is asked, as it stands in the queue: everything on which the verdict may depend that is not this worker's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asked {
    /// A package URL, or the path of a file of this machine.
    pub subject: String,
    /// The sdist of a file of this machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<PathBuf>,
    /// The digest that the file has to have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub promised: Option<Sha256>,
    /// The index that has it, without credentials, where it is another one than the worker's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index_url: Option<String>,
    /// From what it is built.
    pub from: SourceChoice,
    /// How many recipes may be tried where the inferred one does not give it.
    pub most_trials: u32,
    /// How long it may take, in seconds.
    pub budget_secs: u64,
    /// Whether no normalizer is used.
    pub is_strict: bool,
    /// On how many hosts it is built, each of which has to come to the same verdict: 1 or 2.
    pub hosts: u32,
}

#[cfg(test)]
impl Asked {
    /// What tests ask of a subject: from its sdist, with a promised digest, that of `a`.
    pub(crate) fn of(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            source: None,
            promised: Some(Sha256::of(b"a")),
            index_url: None,
            from: SourceChoice::Sdist,
            most_trials: 24,
            budget_secs: 60,
            is_strict: false,
            hosts: 1,
        }
    }
}

/// From what a subject is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceChoice {
    /// The release's sdist.
    Sdist,
    /// The repository that the published file names.
    Git,
    /// The sdist, and where that does not give it, the repository.
    Either,
}

impl SourceChoice {
    /// The choice that is written so.
    ///
    /// # Errors
    /// What is expected.
    pub fn named(text: &str) -> Result<Self, String> {
        match text {
            "sdist" => Ok(Self::Sdist),
            "git" => Ok(Self::Git),
            "either" => Ok(Self::Either),
            other => Err(format!("{other:?} is no source: sdist, git or either is expected")),
        }
    }

    pub(crate) fn choice(self) -> GitChoice {
        match self {
            Self::Sdist => GitChoice::None,
            Self::Git => GitChoice::Found,
            Self::Either => GitChoice::Either,
        }
    }
}

impl Asked {
    /// As it stands in the queue.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// What stands in the queue.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The digest of what is asked but for the file's own digest and how long it may take: where it is another one, an older verdict is no answer.
    #[must_use]
    pub fn question(&self) -> String {
        let Self { subject, source, promised: _, index_url, from, most_trials, budget_secs: _, is_strict, hosts } =
            self;
        let question = serde_json::json!([subject, source, index_url, from, most_trials, is_strict, hosts]);
        Sha256::of(question.to_string().as_bytes()).to_string()
    }

    /// The digest of what is asked, as it stands in the queue.
    #[must_use]
    pub fn digest(text: &str) -> Sha256 {
        Sha256::of(text.as_bytes())
    }

    pub(crate) fn target(&self) -> Result<Target, JudgeError> {
        Target::parse(&self.subject, self.source.clone())
    }

    pub(crate) fn budget(&self) -> Duration {
        Duration::from_secs(self.budget_secs)
    }
}
