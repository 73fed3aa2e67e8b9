//! Whose an attestation is: the publisher that the index names, and the certificate that is to be his.

use serde::Deserialize;
use serde_json::Value;
use twinbuild_subject::ObjectId;

use crate::AttestationError;
use crate::error::{form, quoted};

/// A publisher that an index trusts to upload files of a project (PyPA "Index hosted attestations", "Provenance objects"; PyPI
/// "Trusted publishers").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publisher {
    /// A workflow of GitHub Actions.
    GitHub {
        /// `OWNER/NAME`
        repository: String,
        /// The file of the workflow in `.github/workflows`.
        workflow: String,
    },
    /// A pipeline of gitlab.com.
    GitLab {
        /// `GROUP/../NAME`
        repository: String,
        /// The path of the pipeline's file.
        workflow: String,
    },
    /// One of another kind, which certifies no commit, or not in a way that is known here.
    Other {
        /// The kind, as the index has it.
        kind: String,
    },
}

/// What a verified attestation says of where a file was published from. The repository's host certified it when the workflow ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The address of the repository: `https://HOST/PATH`.
    pub repository: String,
    /// The commit that the workflow ran on.
    pub commit: ObjectId,
    /// The branch or tag that it ran for, such as `refs/tags/v1.0`, where the certificate says it.
    pub reference: Option<String>,
    /// The workflow: `https://HOST/PATH/FILE@REF`.
    pub workflow: String,
    /// Who said so to Sigstore's authority: the address of the host's issuer of identities.
    pub issuer: String,
}

#[derive(Deserialize)]
struct Form {
    kind: String,
    repository: Option<String>,
    workflow: Option<String>,
    workflow_filepath: Option<String>,
}

impl Publisher {
    pub(crate) fn read(publisher: Value) -> Result<Self, AttestationError> {
        let error = |reason: String| form(format!("of its publisher: {reason}"));
        let Form { kind, repository, workflow, workflow_filepath } =
            serde_json::from_value(publisher).map_err(|cause| error(cause.to_string()))?;
        let needed = |value: Option<String>, what: &str| value.ok_or_else(|| error(format!("it has no {what}")));
        match kind.as_str() {
            "GitHub" => Ok(Self::GitHub {
                repository: needed(repository, "repository")?,
                workflow: needed(workflow, "workflow")?,
            }),
            "GitLab" => Ok(Self::GitLab {
                repository: needed(repository, "repository")?,
                workflow: needed(workflow_filepath, "workflow_filepath")?,
            }),
            other => Ok(Self::Other { kind: quoted(other) }),
        }
    }

    /// Whether a claim, whose certificate is verified already, is one of this publisher: of the issuer of its host, of its
    /// repository and of its workflow, at the commit or the reference that the claim names.
    ///
    /// # Errors
    /// [`AttestationError::Identity`], and [`AttestationError::Publisher`] of another kind.
    pub fn check(&self, claim: &Claim) -> Result<(), AttestationError> {
        let (issuer, host, repository, file) = match self {
            Self::GitHub { repository, workflow } => (
                "https://token.actions.githubusercontent.com",
                "https://github.com/",
                repository,
                format!("/.github/workflows/{workflow}"),
            ),
            Self::GitLab { repository, workflow } => {
                ("https://gitlab.com", "https://gitlab.com/", repository, format!("//{workflow}"))
            }
            Self::Other { kind } => return Err(AttestationError::Publisher { kind: kind.clone() }),
        };
        let other = |what, found: &str, expected: &str| {
            Err(AttestationError::Identity { what, found: quoted(found), expected: quoted(expected) })
        };
        if claim.issuer != issuer {
            return other("issuer", &claim.issuer, issuer);
        }
        let expected = format!("{host}{repository}");
        // Both hosts take a name in any case, and give it as it was registered.
        if !claim.repository.eq_ignore_ascii_case(&expected) {
            return other("repository", &claim.repository, &expected);
        }
        let expected = format!("{}{file}@", claim.repository);
        let at = claim.workflow.strip_prefix(expected.as_str());
        let is_it = |at: &str| at == claim.commit.to_string() || Some(at) == claim.reference.as_deref();
        if !at.is_some_and(is_it) {
            return other("workflow", &claim.workflow, &expected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COMMIT: &str = "0123456789012345678901234567890123456789";

    fn claim() -> Claim {
        Claim {
            repository: "https://github.com/Owner/demo".to_owned(),
            commit: COMMIT.parse().unwrap(),
            reference: Some("refs/tags/v1".to_owned()),
            workflow: "https://github.com/Owner/demo/.github/workflows/release.yml@refs/tags/v1".to_owned(),
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
        }
    }

    fn github(repository: &str, workflow: &str) -> Publisher {
        Publisher::read(json!({ "kind": "GitHub", "repository": repository, "workflow": workflow })).unwrap()
    }

    fn what(publisher: &Publisher, claim: &Claim) -> &'static str {
        match publisher.check(claim) {
            Err(AttestationError::Identity { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_claim_of_the_publisher_is_taken() {
        assert_eq!(github("owner/demo", "release.yml").check(&claim()), Ok(()));
        let at_commit = format!("https://github.com/Owner/demo/.github/workflows/release.yml@{COMMIT}");
        assert_eq!(github("owner/demo", "release.yml").check(&Claim { workflow: at_commit, ..claim() }), Ok(()));
        let gitlab = json!({ "kind": "GitLab", "repository": "a/b/c", "workflow_filepath": "ci/release.yml" });
        let claim = Claim {
            repository: "https://gitlab.com/a/b/c".to_owned(),
            workflow: "https://gitlab.com/a/b/c//ci/release.yml@refs/tags/v1".to_owned(),
            issuer: "https://gitlab.com".to_owned(),
            ..claim()
        };
        assert_eq!(Publisher::read(gitlab).unwrap().check(&claim), Ok(()));
    }

    #[test]
    fn a_claim_of_somebody_else_is_refused() {
        let own = github("owner/demo", "release.yml");
        assert_eq!(what(&github("owner/other", "release.yml"), &claim()), "repository");
        assert_eq!(what(&github("owner/demo/x", "release.yml"), &claim()), "repository");
        assert_eq!(what(&github("owner/demo", "test.yml"), &claim()), "workflow");
        assert_eq!(what(&own, &Claim { issuer: "https://gitlab.com".to_owned(), ..claim() }), "issuer");
        let elsewhere = claim().workflow.replace("v1", "v2");
        assert_eq!(what(&own, &Claim { workflow: elsewhere, ..claim() }), "workflow");
        let without = Claim { reference: None, ..claim() };
        assert_eq!(what(&own, &without), "workflow");
    }

    #[test]
    fn a_publisher_of_another_kind_names_no_commit() {
        let google = Publisher::read(json!({ "kind": "Google", "email": "a@example.org" })).unwrap();
        let error = google.check(&claim()).unwrap_err();
        assert!(error.is_without_commit(), "{error}");
        for publisher in [json!({ "kind": "GitHub", "repository": "a/b" }), json!({ "kind": 1 }), json!(null)] {
            assert!(matches!(Publisher::read(publisher), Err(AttestationError::Form { .. })));
        }
    }
}
