//! The statement of an attestation (in-toto "Attestation framework", "Statement layer", v1).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use twinbuild_subject::{DistributionFileName, Sha256, WheelFileName};

use crate::AttestationError;
use crate::error::quoted;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// The kind "publish": PyPI "Publish attestation", v1.
const PUBLISH: &str = "https://docs.pypi.org/attestations/publish/v1";

/// What was signed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Debug, Clone, Deserialize)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

impl Statement {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AttestationError> {
        serde_json::from_slice(bytes).map_err(|error| refused(format!("it is no in-toto statement: {error}")))
    }

    pub(crate) fn is_publish(&self) -> bool {
        self.predicate_type == PUBLISH
    }

    /// Whether it is about this one file, and says of it that it was published, and nothing else.
    pub(crate) fn check(&self, file_name: &DistributionFileName, sha256: &Sha256) -> Result<(), AttestationError> {
        if self.kind != STATEMENT {
            return Err(refused(format!("it is of the type {:?}, and {STATEMENT} is expected", quoted(&self.kind))));
        }
        if !self.is_publish() {
            let found = quoted(&self.predicate_type);
            return Err(refused(format!("it is of the kind {found:?}, and {PUBLISH} is expected")));
        }
        let is_empty = match &self.predicate {
            Value::Null => true,
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if !is_empty {
            return Err(refused("it has a predicate, and one of its kind has none".to_owned()));
        }
        let [subject] = self.subject.as_slice() else {
            return Err(refused(format!("it is about {} files, and one is expected", self.subject.len())));
        };
        let is_it = subject.name.parse().is_ok_and(|attested| means_the_same(&attested, file_name));
        if !is_it {
            let (attested, wanted) = (quoted(&subject.name), file_name.text().to_owned());
            return Err(AttestationError::OtherFile { attested, wanted });
        }
        let attested = subject.digest.get("sha256").map(|text| text.parse::<Sha256>());
        match attested {
            Some(Ok(attested)) if attested == *sha256 => Ok(()),
            Some(Ok(attested)) => Err(AttestationError::OtherDigest { attested, wanted: *sha256 }),
            Some(Err(error)) => Err(refused(format!("its digest is none: {error}"))),
            None => Err(refused("it has no SHA-256 of the file".to_owned())),
        }
    }
}

fn refused(reason: String) -> AttestationError {
    AttestationError::Statement { reason }
}

/// Whether two names are spellings of one: PEP 740 compares them parsed.
fn means_the_same(one: &DistributionFileName, other: &DistributionFileName) -> bool {
    let is_alike = match (one, other) {
        (DistributionFileName::Wheel(one), DistributionFileName::Wheel(other)) => {
            one.build_tag == other.build_tag && tags(one) == tags(other)
        }
        (DistributionFileName::Sdist(one), DistributionFileName::Sdist(other)) => one.format == other.format,
        (DistributionFileName::Wheel(_), DistributionFileName::Sdist(_))
        | (DistributionFileName::Sdist(_), DistributionFileName::Wheel(_)) => false,
    };
    is_alike && one.name() == other.name() && one.version() == other.version()
}

/// The tags of a wheel, each kind in one order.
fn tags(name: &WheelFileName) -> [Vec<&str>; 3] {
    [&name.python_tags, &name.abi_tags, &name.platform_tags].map(|tags| {
        let mut tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: &str = "demo_pkg-1.0-py2.py3-none-any.whl";

    fn statement() -> Value {
        let digest = Sha256::of(b"x").to_string();
        json!({ "_type": STATEMENT, "subject": [{ "name": NAME, "digest": { "sha256": digest, "sha512": "00" } }],
                "predicateType": PUBLISH, "predicate": null })
    }

    fn check(statement: &Value, name: &str) -> Result<(), AttestationError> {
        let statement = Statement::read(statement.to_string().as_bytes())?;
        statement.check(&name.parse().unwrap(), &Sha256::of(b"x"))
    }

    /// The statement with one value in another's place.
    fn with(pointer: &str, value: Value) -> Value {
        let mut statement = statement();
        *statement.pointer_mut(pointer).unwrap() = value;
        statement
    }

    #[test]
    fn a_name_is_compared_by_what_it_means() {
        let same = ["Demo.Pkg-1.0-py2.py3-none-any.whl", "demo_pkg-1.0.0-py3.py2-none-any.whl"];
        for name in same.into_iter().chain([NAME]) {
            assert_eq!(check(&statement(), name), Ok(()), "{name}");
        }
        let others = [
            "demo_pkg-1.1-py2.py3-none-any.whl",
            "demo_pkg-1.0-py3-none-any.whl",
            "demo_pkg-1.0-1-py2.py3-none-any.whl",
            "demo_pkg-1.0.tar.gz",
            "demo_pkgs-1.0-py2.py3-none-any.whl",
        ];
        for name in others {
            assert!(matches!(check(&statement(), name), Err(AttestationError::OtherFile { .. })), "{name}");
        }
        let sdist = |name: &str, other: &str| means_the_same(&name.parse().unwrap(), &other.parse().unwrap());
        assert!(sdist("demo-pkg-1.0.tar.gz", "demo_pkg-1.0.tar.gz"));
        assert!(!sdist("demo-pkg-1.0.tar.gz", "demo-pkg-1.0.zip"));
    }

    #[test]
    fn a_predicate_is_empty_or_not_there() {
        assert_eq!(check(&with("/predicate", json!({})), NAME), Ok(()));
        let mut absent = statement();
        absent.as_object_mut().unwrap().remove("predicate");
        assert_eq!(check(&absent, NAME), Ok(()));
        for predicate in [json!({ "a": 1 }), json!([]), json!(""), json!(false)] {
            let error = check(&with("/predicate", predicate), NAME);
            assert!(matches!(error, Err(AttestationError::Statement { .. })), "{error:?}");
        }
    }

    #[test]
    fn whatever_else_it_may_say_is_refused() {
        let two = json!([statement()["subject"][0], statement()["subject"][0]]);
        for (pointer, value) in [
            ("/_type", json!("https://in-toto.io/Statement/v0.1")),
            ("/predicateType", json!("https://slsa.dev/provenance/v1")),
            ("/subject", two),
            ("/subject", json!([])),
            ("/subject/0/digest", json!({ "sha512": "00" })),
            ("/subject/0/digest/sha256", json!("00")),
            ("/subject/0/digest", json!([])),
        ] {
            let error = check(&with(pointer, value), NAME);
            assert!(matches!(error, Err(AttestationError::Statement { .. })), "{pointer}: {error:?}");
        }
        let other = check(&with("/subject/0/digest/sha256", json!(Sha256::of(b"y").to_string())), NAME);
        assert!(matches!(other, Err(AttestationError::OtherDigest { .. })), "{other:?}");
        let no_name = check(&with("/subject/0/name", json!("\u{1b}[2J")), NAME).unwrap_err();
        assert!(!no_name.to_string().contains('\u{1b}'), "{no_name}");
    }
}
