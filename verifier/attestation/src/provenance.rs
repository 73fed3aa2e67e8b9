//! The provenance object (PEP 740, PyPA "Index hosted attestations", "Provenance objects").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use twinbuild_subject::{DistributionFileName, Sha256};

use crate::error::form;
use crate::statement::Statement;
use crate::{AttestationError, Publisher};

/// The largest provenance object, in bytes. An attestation has about ten KiB, of the kind "slsa" up to a few hundred.
pub const PROVENANCE_LIMIT_BYTES: u64 = 4 << 20;
/// The media type of Sigstore's bundles (Sigstore "Bundle format", version 0.3).
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of what DSSE envelopes of attestations hold (in-toto "Attestation bundle", "Envelope layer").
const PAYLOAD: &str = "application/vnd.in-toto+json";

/// What an index offers beside a file, read and not verified: the attestation of the kind "publish", and whose it is to be.
#[derive(Debug, Clone)]
pub struct Provenance {
    publisher: Publisher,
    attestation: Attestation,
    statement: Statement,
}

#[derive(Deserialize)]
struct Object {
    version: u32,
    attestation_bundles: Vec<Bundle>,
}

#[derive(Deserialize)]
struct Bundle {
    publisher: Value,
    attestations: Vec<Attestation>,
}

#[derive(Debug, Clone, Deserialize)]
struct Attestation {
    version: u32,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Debug, Clone, Deserialize)]
struct Material {
    certificate: String,
    transparency_entries: Vec<Value>,
    /// Times of RFC 3161, which objects have whose log gives none.
    #[serde(default)]
    timestamps: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Envelope {
    statement: String,
    signature: String,
}

impl Provenance {
    /// Reads a provenance object. Attestations of other kinds, such as "slsa", are left alone.
    ///
    /// # Errors
    /// [`AttestationError::Form`], [`AttestationError::Number`] and [`AttestationError::Statement`].
    pub fn read(bytes: &[u8]) -> Result<Self, AttestationError> {
        if bytes.len() as u64 > PROVENANCE_LIMIT_BYTES {
            return Err(form(format!(
                "it has {} bytes, and {PROVENANCE_LIMIT_BYTES} at most are expected",
                bytes.len()
            )));
        }
        let object: Object = serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        is_version(object.version)?;
        let mut found = Vec::new();
        for Bundle { publisher, attestations } in object.attestation_bundles {
            for attestation in attestations {
                is_version(attestation.version)?;
                let statement = attestation.statement()?;
                if statement.is_publish() {
                    found.push((publisher.clone(), attestation, statement));
                }
            }
        }
        let number = found.len();
        match found.pop() {
            Some((publisher, attestation, statement)) if number == 1 => {
                Ok(Self { publisher: Publisher::read(publisher)?, attestation, statement })
            }
            _ => Err(AttestationError::Number { found: number }),
        }
    }

    /// Whom the index names as the publisher.
    #[must_use]
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Whether the statement is about the file of this name and with this digest, and of the kind "publish". That says nothing of
    /// who made it. Names are compared as PEP 740 has it, by what they mean: project, version, build tag and the set of tags.
    ///
    /// # Errors
    /// [`AttestationError::Statement`], [`AttestationError::OtherFile`] and [`AttestationError::OtherDigest`].
    pub fn check_subject(&self, file_name: &DistributionFileName, sha256: &Sha256) -> Result<(), AttestationError> {
        self.statement.check(file_name, sha256)
    }

    /// The attestation as a bundle of Sigstore, version 0.3, by which other tools verify it.
    #[must_use]
    pub fn sigstore_bundle(&self) -> Value {
        let Attestation { verification_material, envelope, .. } = &self.attestation;
        let Material { certificate, transparency_entries, timestamps } = verification_material;
        let timestamps: Vec<Value> = timestamps.iter().map(|time| json!({ "signedTimestamp": time })).collect();
        json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": { "rawBytes": certificate },
                "tlogEntries": transparency_entries,
                "timestampVerificationData": { "rfc3161Timestamps": timestamps },
            },
            "dsseEnvelope": {
                "payload": envelope.statement,
                "payloadType": PAYLOAD,
                "signatures": [{ "sig": envelope.signature }],
            },
        })
    }
}

impl Attestation {
    fn statement(&self) -> Result<Statement, AttestationError> {
        let bytes = STANDARD.decode(&self.envelope.statement);
        Statement::read(&bytes.map_err(|error| form(format!("its statement is not in base64: {error}")))?)
    }
}

fn is_version(version: u32) -> Result<(), AttestationError> {
    match version {
        1 => Ok(()),
        other => Err(form(format!("it is of version {other}, and version 1 is read here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &[u8] = include_bytes!("../fixtures/github.json");
    const SLSA: &str = include_str!("../fixtures/slsa.json");

    fn object() -> Value {
        serde_json::from_slice(GITHUB).unwrap()
    }

    fn read(object: &Value) -> Result<Provenance, AttestationError> {
        Provenance::read(object.to_string().as_bytes())
    }

    #[test]
    fn an_object_of_the_index_is_read() {
        let provenance = Provenance::read(GITHUB).unwrap();
        let Publisher::GitHub { repository, workflow } = provenance.publisher() else { panic!() };
        assert_eq!((repository.as_str(), workflow.as_str()), ("trailofbits/pypi-attestations", "release.yml"));
        assert_eq!(provenance.sigstore_bundle()["dsseEnvelope"]["payloadType"], PAYLOAD);
    }

    #[test]
    fn other_kinds_of_attestations_are_left_alone() {
        let slsa: Value = serde_json::from_str(SLSA).unwrap();
        let mut both = object();
        both["attestation_bundles"][0]["attestations"].as_array_mut().unwrap().insert(0, slsa.clone());
        read(&both).unwrap();
        both["attestation_bundles"][0]["attestations"] = json!([slsa]);
        assert_eq!(read(&both).unwrap_err(), AttestationError::Number { found: 0 });
    }

    #[test]
    fn two_that_could_contradict_each_other_are_refused() {
        let mut two = object();
        let bundle = two["attestation_bundles"][0].clone();
        two["attestation_bundles"].as_array_mut().unwrap().push(bundle);
        assert_eq!(read(&two).unwrap_err(), AttestationError::Number { found: 2 });
    }

    #[test]
    fn what_is_no_provenance_object_is_refused() {
        let mut of_two = object();
        of_two["version"] = json!(2);
        let mut inner = object();
        inner["attestation_bundles"][0]["attestations"][0]["version"] = json!(2);
        let mut bare = object();
        bare["attestation_bundles"][0]["attestations"][0]["envelope"]["statement"] = json!("e30");
        let mut nobody = object();
        nobody["attestation_bundles"][0]["publisher"] = json!({ "repository": "a/b" });
        for object in [of_two, inner, bare, nobody, json!({}), json!([]), json!({ "version": 1 })] {
            assert!(matches!(read(&object), Err(AttestationError::Form { .. })), "{object}");
        }
        let large = vec![b' '; usize::try_from(PROVENANCE_LIMIT_BYTES).unwrap() + 1];
        assert!(matches!(Provenance::read(&large), Err(AttestationError::Form { .. })));
        let twice = String::from_utf8(GITHUB.to_vec()).unwrap().replacen('{', "{\"version\":1,", 1);
        assert!(matches!(Provenance::read(twice.as_bytes()), Err(AttestationError::Form { .. })));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), at in 0..GITHUB.len()) {
            let mut spliced = GITHUB.to_vec();
            let end = (at + bytes.len()).min(spliced.len());
            spliced[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = Provenance::read(&bytes);
            let _ = Provenance::read(&spliced);
        }
    }
}
