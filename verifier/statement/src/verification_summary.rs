//! The summary of a verdict for those who ask only whether a file passed: a SLSA Verification Summary Attestation.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use twinbuild_compare::Severity;
use twinbuild_subject::{DistributionFileName, Sha256, Subject};
use twinbuild_verdict::{Level, Outcome, RecordedVerdict, Trust};

use crate::descriptor::is_uri;
use crate::error::cited;
use crate::{DigestSet, ResourceDescriptor, Statement, StatementError};

/// The `predicateType` of a verification summary (SLSA 1.1, "Verification Summary Attestation").
pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The version of SLSA whose form it has.
const SLSA_VERSION: &str = "1.1";
const FAILED: &str = "FAILED";

/// Who verified, when, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// A URI for whoever is answerable for it. Consumers accept pairs of a key and this.
    pub verifier_id: String,
    /// When the verdict was come to.
    pub time: Timestamp,
    /// What a file has to fulfil to pass.
    pub policy: Policy,
    /// Where the signed verdict can be had, a URI.
    pub verdict_uri: Option<String>,
}

/// What a file has to fulfil to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A URI for it.
    pub uri: String,
    /// The SHA-256 of its text.
    pub sha256: Option<Sha256>,
}

impl Statement {
    /// The summary of this verdict statement, about the published file only. `None` where the verdict neither passes nor fails it,
    /// and for a file without package URL, as a summary is about a resource:
    ///
    /// | verdict | result | levels |
    /// | --- | --- | --- |
    /// | `reproduced`, no alert | `PASSED` | `REBUILD_` and the level, `SOURCE_` and the trust of the source |
    /// | `rejected`; `not-reproduced` with an alert | `FAILED` | `FAILED` |
    /// | any other | none | |
    ///
    /// No level is one of SLSA's: nothing was found out about how the publisher built.
    ///
    /// # Errors
    /// What [`Self::verdict`] gives; [`StatementError::OtherResource`], where the package URL is not that of the file;
    /// [`StatementError::NotAUri`].
    pub fn verification_summary(&self, by: &Verification) -> Result<Option<Self>, StatementError> {
        let Verification { verifier_id, time, policy, verdict_uri } = by;
        let uris = [("the id of the verifier", Some(verifier_id)), ("that of the policy", Some(&policy.uri))];
        for (what, uri) in uris.into_iter().chain([("that of the verdict", verdict_uri.as_ref())]) {
            if let Some(uri) = uri.filter(|uri| !is_uri(uri)) {
                return Err(StatementError::NotAUri { what, found: cited(uri) });
            }
        }
        let verdict = self.verdict()?;
        let Some(purl) = resource(&verdict)? else { return Ok(None) };
        let Some((result, levels)) = result(&verdict) else { return Ok(None) };
        let file_name = &verdict.subject.file_name;
        let digests =
            verdict.subject.digests.ok_or_else(|| StatementError::NoDigest { file_name: cited(file_name) })?;

        let policy = ResourceDescriptor {
            uri: Some(policy.uri.clone()),
            digest: policy.sha256.map(DigestSet::from).unwrap_or_default(),
            ..ResourceDescriptor::default()
        };
        let input = ResourceDescriptor {
            uri: verdict_uri.clone(),
            digest: self.sha256().into(),
            ..ResourceDescriptor::default()
        };
        let fields: [(&str, Value); 8] = [
            ("verifier", json!({ "id": verifier_id, "version": { verdict.tool.name: verdict.tool.version } })),
            ("timeVerified", time.to_string().into()),
            ("resourceUri", purl.into()),
            ("policy", policy.to_value()),
            ("inputAttestations", json!([input.to_value()])),
            ("verificationResult", result.into()),
            ("verifiedLevels", levels.into()),
            ("slsaVersion", SLSA_VERSION.into()),
        ];
        let predicate: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        Self::new(&[ResourceDescriptor::named(file_name, digests.sha256)], SUMMARY_TYPE, predicate).map(Some)
    }
}

/// The package URL of the published file, which is to name that file: else a summary of one could be shown for another.
fn resource(verdict: &RecordedVerdict) -> Result<Option<String>, StatementError> {
    let Some(purl) = &verdict.subject.purl else { return Ok(None) };
    let file_name = &verdict.subject.file_name;
    let named = file_name.parse::<DistributionFileName>();
    if named.is_ok_and(|named| Subject::purl_of(&named) == *purl) {
        return Ok(Some(purl.clone()));
    }
    Err(StatementError::OtherResource { file_name: cited(file_name), purl: cited(purl) })
}

/// Whether the file passed, and with which levels.
fn result(verdict: &RecordedVerdict) -> Option<(&'static str, Vec<&'static str>)> {
    let has_alert = verdict.findings.iter().any(|finding| finding.severity == Severity::Alert);
    match (verdict.outcome, has_alert) {
        (Outcome::Reproduced, false) => {
            let levels = vec![rebuild_level(verdict.level?), source_level(verdict.source.as_ref()?.trust)];
            Some(("PASSED", levels))
        }
        (Outcome::Rejected, _) | (Outcome::NotReproduced, true) => Some((FAILED, vec![FAILED])),
        (Outcome::Reproduced, true)
        | (Outcome::NotReproduced, false)
        | (
            Outcome::Nondeterministic
            | Outcome::Unsupported
            | Outcome::SourceMissing
            | Outcome::Inconclusive
            | Outcome::Unbuildable,
            _,
        ) => None,
    }
}

fn rebuild_level(level: Level) -> &'static str {
    match level {
        Level::BitForBit => "REBUILD_BIT_FOR_BIT",
        Level::Repacked => "REBUILD_REPACKED",
        Level::Normalized => "REBUILD_NORMALIZED",
    }
}

fn source_level(trust: Trust) -> &'static str {
    match trust {
        Trust::SameUpload => "SOURCE_SAME_UPLOAD",
        Trust::AttestedCommit => "SOURCE_ATTESTED_COMMIT",
        Trust::Repository => "SOURCE_REPOSITORY",
        Trust::User => "SOURCE_USER",
    }
}
