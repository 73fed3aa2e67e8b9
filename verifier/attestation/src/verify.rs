//! Verification against Sigstore's roots of trust.

use sigstore_verify::crypto::FulcioCiClaims;
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::{Bundle, Sha256Hash};
use sigstore_verify::{Error, VerificationPolicy, Verifier};
use twinbuild_subject::{DistributionFileName, Sha256};

use crate::error::{form, quoted};
use crate::{AttestationError, Claim, Provenance, Publisher};

impl Provenance {
    /// What the publisher attests of the file of this name and with this digest, where all of it holds.
    ///
    /// # Errors
    /// [`AttestationError`]: the first that does not hold.
    pub fn verify(&self, file_name: &DistributionFileName, sha256: &Sha256) -> Result<Claim, AttestationError> {
        self.check_subject(file_name, sha256)?;
        let bundle = Bundle::from_json(&self.sigstore_bundle().to_string()).map_err(|error| form(error.to_string()))?;
        let digest = Sha256Hash::from_hex(&sha256.to_string()).map_err(|error| form(error.to_string()))?;
        let root =
            TrustedRoot::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT).map_err(|error| of_library(&error.into()))?;
        let verifier = Verifier::new(&root).map_err(|error| of_library(&error))?;
        // Whose it is, is said by the publisher: one of the library's policies has a workflow at one reference only.
        let verified = verifier
            .verify(digest, &bundle, &VerificationPolicy::any_identity())
            .map_err(|error| of_library(&error))?;
        let holds = verified.certificate_verified() && verified.sct_verified() && verified.tlog_verified();
        if !holds || verified.verified_timestamps().is_empty() {
            let reason = "the library skipped a check".to_owned();
            return Err(AttestationError::Unverified { reason });
        }
        if let Publisher::Other { kind } = self.publisher() {
            return Err(AttestationError::Publisher { kind: kind.clone() });
        }
        let claims = verified.certificate().map(|certificate| &certificate.ci_claims);
        let claim = claim(claims.unwrap_or(&FulcioCiClaims::default()), verified.issuer())?;
        self.publisher().check(&claim)?;
        Ok(claim)
    }
}

/// What the extensions of a certificate say (Sigstore "Fulcio", "OID information").
fn claim(claims: &FulcioCiClaims, issuer: Option<&str>) -> Result<Claim, AttestationError> {
    let needed =
        |value: Option<&str>, what, oid| value.map(str::to_owned).ok_or(AttestationError::Extension { what, oid });
    let (commit, commit_oid) = ("commit of the repository", "1.3.6.1.4.1.57264.1.13");
    let name = needed(claims.source_repository_digest.as_deref(), commit, commit_oid)?;
    Ok(Claim {
        repository: needed(claims.source_repository_uri.as_deref(), "repository", "1.3.6.1.4.1.57264.1.12")?,
        commit: name.parse().map_err(|_| AttestationError::Extension { what: commit, oid: commit_oid })?,
        reference: claims.source_repository_ref.clone(),
        workflow: needed(claims.build_config_uri.as_deref(), "workflow", "1.3.6.1.4.1.57264.1.18")?,
        issuer: needed(issuer, "issuer", "1.3.6.1.4.1.57264.1.8")?,
    })
}

/// By what part of the attestation does not hold.
fn of_library(error: &Error) -> AttestationError {
    let reason = quoted(&error.to_string());
    match error {
        Error::Certificate(_) => AttestationError::Certificate { reason },
        Error::TransparencyLog(_) => AttestationError::Log { reason },
        Error::Timestamp(_) => AttestationError::Time { reason },
        Error::SignatureInvalid(_) => AttestationError::Signature { reason },
        Error::Bundle(_) | Error::InvalidBundle(_) | Error::Types(_) => AttestationError::Form { reason },
        // The list is open.
        _ => AttestationError::Unverified { reason },
    }
}

#[cfg(test)]
mod tests {
    //! The objects are those that PyPI serves for these files, and attestations that their publishers' tools made.

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    const SDIST: &str = "pypi_attestations-0.0.19.tar.gz";
    const SHA256: &str = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
    const ATTESTATION: &str = "/attestation_bundles/0/attestations/0";
    const MATERIAL: &str = "/attestation_bundles/0/attestations/0/verification_material";

    fn github() -> Value {
        serde_json::from_str(include_str!("../fixtures/github.json")).unwrap()
    }

    /// An attestation alone, as that of a publisher.
    fn of(publisher: &Value, attestation: &str) -> Value {
        let attestation: Value = serde_json::from_str(attestation).unwrap();
        json!({ "version": 1, "attestation_bundles": [{ "publisher": publisher, "attestations": [attestation] }] })
    }

    fn verify(object: &Value, file_name: &str, sha256: &str) -> Result<Claim, AttestationError> {
        let provenance = Provenance::read(object.to_string().as_bytes())?;
        provenance.verify(&file_name.parse().unwrap(), &sha256.parse().unwrap())
    }

    /// Why the object is refused once a value of it is another.
    #[track_caller]
    fn refused(pointer: &str, change: impl FnOnce(&mut Value)) -> AttestationError {
        let mut object = github();
        change(object.pointer_mut(pointer).unwrap());
        assert_ne!(object, github());
        verify(&object, SDIST, SHA256).unwrap_err()
    }

    /// Bytes in base64 with one bit of one byte flipped.
    fn flip(at: usize) -> impl FnOnce(&mut Value) {
        move |value| {
            let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= 1;
            *value = json!(STANDARD.encode(bytes));
        }
    }

    #[test]
    fn an_attestation_of_a_github_workflow_holds() {
        let claim = verify(&github(), SDIST, SHA256).unwrap();
        assert_eq!(claim.repository, "https://github.com/trailofbits/pypi-attestations");
        assert_eq!(claim.commit.to_string(), "08802efe1f8e5fec4ad842d6b8ce97656092ee72");
        assert_eq!(claim.reference.as_deref(), Some("refs/tags/v0.0.19"));
        assert_eq!(claim.workflow, format!("{}/.github/workflows/release.yml@refs/tags/v0.0.19", claim.repository));
        assert_eq!(claim.issuer, "https://token.actions.githubusercontent.com");
    }

    #[test]
    fn an_attestation_of_a_gitlab_pipeline_holds() {
        let publisher = json!({ "kind": "GitLab", "repository": "facutuesca/gitlab-oidc-project", "workflow_filepath": ".gitlab-ci.yml" });
        let object = of(&publisher, include_str!("../fixtures/gitlab.json"));
        let sha256 = "c1ca9b0d85df1606451098233018534497bf584362e10e4a8c21dfaea92c02a8";
        let claim = verify(&object, "gitlab_oidc_project-0.0.3.tar.gz", sha256).unwrap();
        assert_eq!(claim.repository, "https://gitlab.com/facutuesca/gitlab-oidc-project");
        assert_eq!(claim.commit.to_string(), "72f7c63b75eb55ea80864962f0e645c93414da34");
    }

    #[test]
    fn one_that_holds_and_names_no_commit_is_told_apart() {
        let (file, sha256) = (
            "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
            "8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f",
        );
        let mut object: Value = serde_json::from_str(include_str!("../fixtures/circleci.json")).unwrap();
        let error = verify(&object, file, sha256).unwrap_err();
        assert_eq!(error, AttestationError::Publisher { kind: "CircleCI".to_owned() });
        // Nor may it pass for another's.
        object["attestation_bundles"][0]["publisher"] =
            json!({ "kind": "GitHub", "repository": "CircleCI-Public/sign-and-publish-examples", "workflow": "a.yml" });
        let error = verify(&object, file, sha256).unwrap_err();
        assert!(matches!(error, AttestationError::Extension { oid: "1.3.6.1.4.1.57264.1.13", .. }), "{error}");
        assert!(error.is_without_commit());
        // What doesn't hold is that, whosever it is.
        let signature = object.pointer_mut(&format!("{ATTESTATION}/envelope/signature")).unwrap();
        flip(40)(signature);
        assert!(!verify(&object, file, sha256).unwrap_err().is_without_commit());
    }

    #[test]
    fn an_attestation_of_another_file_is_refused() {
        let name = verify(&github(), "pypi_attestations-0.0.20.tar.gz", SHA256).unwrap_err();
        assert!(matches!(name, AttestationError::OtherFile { .. }), "{name}");
        let digest = verify(&github(), SDIST, &SHA256.replace('9', "8")).unwrap_err();
        assert!(matches!(digest, AttestationError::OtherDigest { .. }), "{digest}");
    }

    #[test]
    fn a_bit_of_the_statement_or_the_signature_is_noticed() {
        let statement = format!("{ATTESTATION}/envelope/statement");
        let length = STANDARD.decode(github().pointer(&statement).unwrap().as_str().unwrap()).unwrap().len();
        for at in 0..length {
            refused(&statement, flip(at));
        }
        // One that reads the same is another all the same.
        let spaced = |value: &mut Value| {
            let text = STANDARD.decode(value.as_str().unwrap()).unwrap();
            *value = json!(STANDARD.encode([text.as_slice(), b" "].concat()));
        };
        let error = refused(&statement, spaced);
        assert!(matches!(error, AttestationError::Signature { .. }), "{error}");
        for at in [0, 10, 40, 69] {
            let error = refused(&format!("{ATTESTATION}/envelope/signature"), flip(at));
            let is_named = matches!(error, AttestationError::Signature { .. } | AttestationError::Log { .. });
            assert!(is_named, "{error}");
        }
    }

    #[test]
    fn a_bit_of_the_certificate_is_noticed() {
        let certificate = format!("{MATERIAL}/certificate");
        let length = STANDARD.decode(github().pointer(&certificate).unwrap().as_str().unwrap()).unwrap().len();
        for at in (0..length).step_by(23) {
            let error = refused(&certificate, flip(at));
            assert!(!error.is_without_commit(), "{at}: {error}");
        }
    }

    #[test]
    fn a_bit_of_the_log_s_entry_is_noticed() {
        let entry = format!("{MATERIAL}/transparency_entries/0");
        for (field, at) in [
            ("canonicalizedBody", 20),
            ("canonicalizedBody", 120),
            ("canonicalizedBody", 500),
            ("inclusionPromise/signedEntryTimestamp", 30),
            ("inclusionProof/hashes/0", 0),
            ("inclusionProof/rootHash", 0),
            ("logId/keyId", 0),
        ] {
            let error = refused(&format!("{entry}/{field}"), flip(at));
            let is_named = matches!(error, AttestationError::Log { .. } | AttestationError::Form { .. });
            assert!(is_named, "{field}: {error}");
        }
        for field in ["logIndex", "integratedTime", "inclusionProof/logIndex", "inclusionProof/treeSize"] {
            let error = refused(&format!("{entry}/{field}"), |value| {
                let number: u64 = value.as_str().unwrap().parse().unwrap();
                *value = json!((number - 1).to_string());
            });
            let is_named = matches!(error, AttestationError::Log { .. } | AttestationError::Form { .. });
            assert!(is_named, "{field}: {error}");
        }
        let error = refused(&format!("{entry}/inclusionProof/checkpoint/envelope"), |value| {
            *value = json!(value.as_str().unwrap().replacen("rekor", "rekos", 1));
        });
        assert!(matches!(error, AttestationError::Log { .. }), "{error}");
    }

    #[test]
    fn without_its_log_s_entry_nothing_tells_the_time() {
        let entries = format!("{MATERIAL}/transparency_entries");
        let error = refused(&entries, |value| *value = json!([]));
        assert!(matches!(error, AttestationError::Form { .. } | AttestationError::Time { .. }), "{error}");
        for field in ["inclusionPromise", "integratedTime", "inclusionProof"] {
            let error = refused(&format!("{entries}/0"), |value| {
                value.as_object_mut().unwrap().remove(field).unwrap();
            });
            assert!(!error.is_without_commit(), "{field}: {error}");
        }
    }

    #[test]
    fn a_time_at_which_the_certificate_was_not_valid_is_refused() {
        for seconds in [1_733_354_041 - 3600, 1_733_354_041 + 3600] {
            let error = refused(&format!("{MATERIAL}/transparency_entries/0/integratedTime"), |value| {
                *value = json!(i64::to_string(&seconds));
            });
            let is_named = matches!(error, AttestationError::Log { .. } | AttestationError::Certificate { .. });
            assert!(is_named, "{error}");
        }
    }

    #[test]
    fn another_certificate_is_refused() {
        let other: Value = serde_json::from_str(include_str!("../fixtures/gitlab.json")).unwrap();
        let other = &other["verification_material"];
        let error = refused(&format!("{MATERIAL}/certificate"), |value| *value = other["certificate"].clone());
        assert!(matches!(error, AttestationError::Certificate { .. }), "{error}");
        // Nor with the entry that is its own.
        let error = refused(MATERIAL, |value| *value = other.clone());
        assert!(matches!(error, AttestationError::Signature { .. }), "{error}");
    }

    #[test]
    fn a_certificate_of_another_authority_is_refused() {
        let publisher = json!({ "kind": "GitHub", "repository": "a/b", "workflow": "c" });
        let object = of(&publisher, include_str!("../fixtures/staging.json"));
        let sha256 = "c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";
        let error = verify(&object, "rfc8785-0.1.2-py3-none-any.whl", sha256).unwrap_err();
        let is_named = matches!(error, AttestationError::Certificate { .. } | AttestationError::Log { .. });
        assert!(is_named, "{error}");
    }

    #[test]
    fn a_publisher_that_the_certificate_is_not_of_is_refused() {
        let publisher = "/attestation_bundles/0/publisher";
        for (field, value, expected) in
            [("repository", "trailofbits/other", "repository"), ("workflow", "test.yml", "workflow")]
        {
            let error = refused(&format!("{publisher}/{field}"), |found| *found = json!(value));
            assert!(matches!(error, AttestationError::Identity { what, .. } if what == expected), "{error}");
        }
        let error = refused(publisher, |found| {
            *found = json!({ "kind": "GitLab", "repository": "trailofbits/pypi-attestations", "workflow_filepath": "release.yml" });
        });
        assert!(matches!(error, AttestationError::Identity { what: "issuer", .. }), "{error}");
    }
}
