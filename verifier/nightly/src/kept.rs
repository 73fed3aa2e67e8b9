//! What is kept of a verdict.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde_json::Value;
use twinbuild_depot::{ResultName, ResultNameError};
use twinbuild_queue::{Lease, NewVerdict};
use twinbuild_report::SubjectResult;
use twinbuild_subject::{DistributionFileName, Request, Sha256};

use crate::asked::Asked;
use crate::due::MadeWith;

/// Where the artifacts of a verdict stand in a depot, and the digest of their manifest: as `NAME sha256:DIGEST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name of the result.
    pub name: ResultName,
    /// The digest of its manifest.
    pub manifest: Sha256,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sha256:{}", self.name, self.manifest)
    }
}

impl FromStr for Stored {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once(" sha256:").and_then(|(name, manifest)| Some((name.parse().ok()?, manifest.parse().ok()?)));
        let (name, manifest) =
            parts.ok_or_else(|| format!("{text:?} is no place in a depot: NAME sha256:DIGEST is expected"))?;
        Ok(Self { name, manifest })
    }
}

/// What a result is called in a depot: by job and claim, and when the job was put into the queue, so that none is ever that of another, of another queue either.
pub(crate) fn result_name(lease: &Lease) -> Result<ResultName, ResultNameError> {
    let queued = lease.job.queued.as_millisecond().unsigned_abs();
    format!("job-{}-{}-{queued:x}", lease.job.id, lease.fence()).parse()
}

/// What is kept of a verdict beside its document.
pub(crate) fn new_verdict(
    (subject, asked): (&str, &Asked),
    document: &Value,
    workers: &[String],
    stored: Option<&Stored>,
) -> Result<NewVerdict, serde_json::Error> {
    let result = SubjectResult::of_document(subject, document)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(NewVerdict {
        project: project(subject),
        outcome: text(&document["outcome"]),
        digest: text(&document["verdictDigest"]),
        result: serde_json::to_string(&result)?,
        made_with: serde_json::to_string(&MadeWith { question: asked.question(), ..MadeWith::of_document(document) })?,
        workers: serde_json::to_string(workers)?,
        stored: stored.map(ToString::to_string).unwrap_or_default(),
        document: document.to_string(),
    })
}

/// The project of a subject, by its package URL or file name; else the subject itself.
fn project(subject: &str) -> String {
    if let Ok(request) = subject.parse::<Request>() {
        return request.name.to_string();
    }
    let name = Path::new(subject).file_name().and_then(|name| name.to_str()).unwrap_or(subject);
    name.parse::<DistributionFileName>().map_or_else(|_| subject.to_owned(), |name| name.name().to_string())
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
