//! The commit that the publisher of a subject attests.
//!
//! An index may offer an attestation beside a file (PEP 740), which says on which commit the publisher's workflow ran. Where this program was
//! built with the feature `sigstore` it is verified, and that commit is asked for first. One that does not hold counts for nothing.

use twinbuild_compare::{Finding, Severity};
use twinbuild_source::git::GitRequest;
use twinbuild_verdict::AttestationRecord;

use crate::release_commit::Wanted;

/// The codes of findings about attestations. A replay takes them over, as it does what an index said.
pub(crate) const ATTESTATION_FINDINGS: [&str; 6] =
    [INVALID, NOT_CHECKED, NOT_HAD, WITHOUT_COMMIT, NOT_NAMED, REPOSITORY_MISSING];
const INVALID: &str = "attestation-invalid";
const NOT_CHECKED: &str = "attestation-not-checked";
const NOT_HAD: &str = "attestation-not-had";
const WITHOUT_COMMIT: &str = "attestation-without-commit";
pub(crate) const NOT_NAMED: &str = "attested-repository-not-named";
const REPOSITORY_MISSING: &str = "attested-repository-missing";

/// A commit that a verified attestation names.
pub(crate) struct Attested {
    /// The commit in its repository.
    pub(crate) request: GitRequest,
    /// What the attestation says.
    pub(crate) record: AttestationRecord,
}

impl Attested {
    /// That the folder which is asked in the place of the repository is not there, and so another is looked for.
    pub(crate) fn missing(&self) -> Finding {
        let detail = format!(
            "the publisher attests the commit {} of {}, and no such repository is where it is to be asked",
            self.record.commit, self.request.address
        );
        Finding::whole(REPOSITORY_MISSING, Severity::Warning, detail)
    }
}

#[cfg(not(feature = "sigstore"))]
pub(crate) use ignoring::check_again;
#[cfg(feature = "sigstore")]
pub(crate) use verifying::check_again;

#[cfg(not(feature = "sigstore"))]
mod ignoring {
    //! What a build without the feature does: it leaves attestations alone, and says so to whoever asks for a commit.

    use twinbuild_store::Blob;
    use twinbuild_subject::{DistributionFileName, Sha256};
    use twinbuild_verdict::Source;

    use super::{Attested, Finding, GitRequest, NOT_CHECKED, Severity, Wanted};
    use crate::JudgeError;
    use crate::judge::Judge;

    impl Judge {
        /// No commit.
        pub(crate) fn attested(
            &self,
            wanted: &Wanted<'_>,
            _named: &[GitRequest],
            findings: &mut Vec<Finding>,
        ) -> Result<Option<Attested>, JudgeError> {
            if wanted.subject.provenance.is_some() && self.options.git.choice.is_found() {
                let detail = "the index offers the publisher's attestation, which names a commit, and this program was built without the \
                              feature that verifies it (sigstore)";
                findings.push(Finding::whole(NOT_CHECKED, Severity::Note, detail.to_owned()));
            }
            Ok(None)
        }
    }

    /// Why it cannot be held against anything.
    pub(crate) fn check_again(_: &Source, _: &DistributionFileName, _: &Sha256, _: &Blob) -> Result<(), String> {
        Err("it names an attestation, and this program was built without the feature that verifies it".to_owned())
    }
}

#[cfg(feature = "sigstore")]
mod verifying {
    //! What a build with the feature does.

    use twinbuild_attestation::{AttestationError, Claim, PROVENANCE_LIMIT_BYTES, Provenance};
    use twinbuild_source::git::{GitAddress, repositories_of};
    use twinbuild_store::{Blob, StoreError};
    use twinbuild_subject::{DistributionFileName, MemberPath, Sha256};
    use twinbuild_verdict::Source;

    use super::{
        AttestationRecord, Attested, Finding, GitRequest, INVALID, NOT_HAD, NOT_NAMED, Severity, WITHOUT_COMMIT, Wanted,
    };
    use crate::JudgeError;
    use crate::judge::Judge;
    use crate::walk::chain;

    impl Judge {
        /// The commit that the publisher attests, where the index offers an attestation and it holds. `named` are the repositories that
        /// the published file names.
        pub(crate) fn attested(
            &self,
            wanted: &Wanted<'_>,
            named: &[GitRequest],
            findings: &mut Vec<Finding>,
        ) -> Result<Option<Attested>, JudgeError> {
            let Some(url) = &wanted.subject.provenance else { return Ok(None) };
            let file_name = wanted.subject.name.text();
            tracing::info!("asking for the publisher's attestation of {file_name}");
            let blob = match self.pypi.provenance(url, file_name) {
                Ok(blob) => blob,
                Err(error) => {
                    let why = MemberPath::from(chain(&error).as_str());
                    let detail =
                        format!("the index offers the publisher's attestation, and it could not be had: {why}");
                    findings.push(Finding::whole(NOT_HAD, Severity::Warning, detail));
                    return Ok(None);
                }
            };
            let found = verify(&blob, &wanted.subject.name, &wanted.subject.blob.sha256())?;
            let attested = found.and_then(|claim| attested(claim, &blob));
            match attested {
                Ok(attested) => {
                    findings.extend(not_named(&attested, named));
                    Ok(Some(attested))
                }
                Err(error) => {
                    let (code, severity, what) = match error.is_without_commit() {
                        true => (WITHOUT_COMMIT, Severity::Note, "names no commit"),
                        false => (INVALID, Severity::Alert, "does not hold, and counts for nothing"),
                    };
                    let detail = format!(
                        "the publisher's attestation that the index offers (sha256:{}) {what}: {}",
                        blob.sha256(),
                        MemberPath::from(error.to_string().as_str())
                    );
                    findings.push(Finding::whole(code, severity, detail));
                    Ok(None)
                }
            }
        }
    }

    fn verify(
        blob: &Blob,
        file_name: &DistributionFileName,
        sha256: &Sha256,
    ) -> Result<Result<Claim, AttestationError>, StoreError> {
        let bytes = blob.read_all(PROVENANCE_LIMIT_BYTES)?;
        Ok(Provenance::read(&bytes).and_then(|provenance| provenance.verify(file_name, sha256)))
    }

    fn attested(claim: Claim, blob: &Blob) -> Result<Attested, AttestationError> {
        let Claim { repository, commit, reference, workflow, issuer } = claim;
        // As the addresses are written that files name.
        let address = repositories_of([("Source", repository.as_str())]).into_iter().next().map_or_else(
            || repository.parse().map_err(|error| AttestationError::Form { reason: format!("{error}") }),
            Ok,
        )?;
        let request = GitRequest { address, revision: Some(commit.to_string()), subdirectory: String::new() };
        let record = AttestationRecord { repository, commit, reference, workflow, issuer, sha256: blob.sha256() };
        Ok(Attested { request, record })
    }

    /// That the repository is another than the published file says. Whoever publishes writes both, at other times.
    fn not_named(attested: &Attested, named: &[GitRequest]) -> Option<Finding> {
        // The hosts of publishers take a name in any case.
        let own = attested.request.address.to_string();
        let is_own = |address: &GitAddress| address.to_string().eq_ignore_ascii_case(&own);
        if named.iter().any(|request| is_own(&request.address)) {
            return None;
        }
        let detail = format!(
            "the publisher attests a commit of {own}, and the published file's metadata names no such repository"
        );
        Some(Finding::whole(NOT_NAMED, Severity::Warning, detail))
    }

    /// Holds what a verdict says of an attestation of the file of this name and with this digest against the provenance object itself.
    ///
    /// # Errors
    /// What of it does not hold.
    pub(crate) fn check_again(
        source: &Source,
        file_name: &DistributionFileName,
        sha256: &Sha256,
        provenance: &Blob,
    ) -> Result<(), String> {
        let claim = verify(provenance, file_name, sha256).map_err(|error| error.to_string())?;
        let claim = claim.map_err(|error| format!("its attestation does not hold: {error}"))?;
        let Attested { request, record } = attested(claim, provenance).map_err(|error| error.to_string())?;
        let uri = request.address.uri().map(|uri| format!("{uri}@{}", record.commit));
        let is_commit = source.git.as_ref().is_some_and(|git| git.commit == record.commit);
        if source.attestation.as_ref() != Some(&record) || source.uri != uri || !is_commit {
            return Err("its source is not the commit that its attestation names".to_owned());
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use twinbuild_store::{Network, Store};
        use twinbuild_verdict::{GitSource, SourceKind, Trust};

        use super::*;

        const GITHUB: &[u8] = include_bytes!("../../attestation/fixtures/github.json");
        const SDIST: &str = "pypi_attestations-0.0.19.tar.gz";
        const SHA256: &str = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
        const ADDRESS: &str = "https://github.com/trailofbits/pypi-attestations";

        fn blob(folder: &tempfile::TempDir, bytes: &[u8]) -> Blob {
            Store::open(folder.path(), Network::Offline).unwrap().put(bytes, PROVENANCE_LIMIT_BYTES).unwrap()
        }

        fn held(blob: &Blob) -> Attested {
            let claim = verify(blob, &SDIST.parse().unwrap(), &SHA256.parse().unwrap()).unwrap().unwrap();
            attested(claim, blob).unwrap()
        }

        fn source(record: &AttestationRecord) -> Source {
            let git = GitSource {
                commit: record.commit.clone(),
                tree: record.commit.clone(),
                tree_sha256: Sha256::of(b""),
                committed: jiff::Timestamp::UNIX_EPOCH,
                tag: None,
                subdirectory: None,
                submodules: Vec::new(),
            };
            Source {
                kind: SourceKind::Git,
                trust: Trust::AttestedCommit,
                uri: Some(format!("git+{ADDRESS}@{}", record.commit)),
                file_name: String::new(),
                digests: Sha256::of(b"").into(),
                git: Some(git),
                attestation: Some(record.clone()),
            }
        }

        #[test]
        fn the_attested_commit_is_asked_for_in_its_repository() {
            let folder = tempfile::tempdir().unwrap();
            let Attested { request, record } = held(&blob(&folder, GITHUB));
            assert_eq!(request.address.to_string(), ADDRESS);
            assert_eq!(request.revision.as_deref(), Some("08802efe1f8e5fec4ad842d6b8ce97656092ee72"));
            assert_eq!(record.sha256, Sha256::of(GITHUB));
        }

        #[test]
        fn a_repository_that_the_file_does_not_name_is_a_warning() {
            let folder = tempfile::tempdir().unwrap();
            let attested = held(&blob(&folder, GITHUB));
            let named = |address: &str| {
                let address = address.parse().unwrap();
                not_named(&attested, &[GitRequest { address, revision: None, subdirectory: String::new() }])
            };
            assert_eq!(named("https://github.com/TrailOfBits/pypi-attestations"), None);
            let found = named("https://github.com/somebody/pypi-attestations").unwrap();
            assert_eq!((found.code.as_ref(), found.severity), (NOT_NAMED, Severity::Warning));
            assert!(not_named(&attested, &[]).is_some());
        }

        #[test]
        fn what_a_verdict_says_of_an_attestation_is_derived_again() {
            let folder = tempfile::tempdir().unwrap();
            let provenance = blob(&folder, GITHUB);
            let record = held(&provenance).record;
            let check = |source: &Source, provenance: &Blob| {
                check_again(source, &SDIST.parse().unwrap(), &SHA256.parse().unwrap(), provenance)
            };
            let own = source(&record);
            assert_eq!(check(&own, &provenance), Ok(()));
            let other = "0123456789012345678901234567890123456789".parse().unwrap();
            let forged = [
                Source { attestation: Some(AttestationRecord { commit: other, ..record.clone() }), ..own.clone() },
                Source {
                    attestation: Some(AttestationRecord { workflow: String::new(), ..record.clone() }),
                    ..own.clone()
                },
                Source { uri: Some(format!("git+https://github.com/a/b@{}", record.commit)), ..own.clone() },
                Source { git: None, ..own.clone() },
            ];
            for source in &forged {
                assert!(check(source, &provenance).unwrap_err().contains("not the commit"));
            }
            let changed = String::from_utf8(GITHUB.to_vec()).unwrap().replacen("MEYCIQC+", "MEYCIQD+", 1);
            let why = check(&own, &blob(&folder, changed.as_bytes())).unwrap_err();
            assert!(why.contains("does not hold"), "{why}");
        }
    }
}
