//! The lock of an environment as a bill of materials (CycloneDX 1.6, ECMA-424).

use packageurl::PackageUrl;
use serde_json::{Value, json};
use twinbuild_subject::Sha256;

use crate::{EnvironmentError, EnvironmentLock, FileKind, LayerPlan, LockedFile, Origin};

/// The bill of materials: each file of the lock as a component, with its digest, and the layers that it goes into as
/// properties. The same lock gives the same document: there is no time in it, and its serial number comes from the digest.
///
/// # Errors
/// [`EnvironmentError::NoLock`] where a name cannot stand in a package URL.
pub fn cyclonedx(lock: &EnvironmentLock) -> Result<Value, EnvironmentError> {
    let digest = lock.digest()?;
    let specification = &lock.specification;
    let suite = specification.suite.code_name();
    let components: Vec<Value> = lock.files.iter().map(|file| component(lock, file)).collect::<Result<_, _>>()?;
    let mut properties = vec![
        property("twinbuild:lock", &digest.to_string()),
        property("twinbuild:specification", &specification.to_string()),
        property("twinbuild:package-index", &lock.release.index.to_string()),
    ];
    properties.extend(lock.release.date.map(|date| property("twinbuild:release-date", &date.to_string())));
    if lock.release.is_expiry_waived {
        properties.push(property("twinbuild:expiry-waived", "true"));
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&digest),
        "version": 1,
        "metadata": {
            "tools": { "components": [
                { "type": "application", "name": "twinbuild", "version": env!("CARGO_PKG_VERSION") },
            ] },
            "component": {
                "type": "operating-system",
                "bom-ref": "environment",
                "name": "debian",
                "version": suite,
                "description": specification.to_string(),
            },
            "properties": properties,
        },
        "components": components,
    }))
}

fn component(lock: &EnvironmentLock, file: &LockedFile) -> Result<Value, EnvironmentError> {
    let purl = purl(lock, file)?;
    let is_in = |plan: &&LayerPlan| plan.files.contains(&file.sha256);
    let layers = lock.layers.iter().filter(is_in).map(|plan| property("twinbuild:layer", &plan.name));
    let kind = match file.kind {
        FileKind::Tool | FileKind::HostInterpreter => "application",
        FileKind::RequirementRecipe => "file",
        FileKind::DebianPackage | FileKind::Requirement | FileKind::RequirementBuilt | FileKind::RequirementSdist => {
            "library"
        }
    };
    let place = match &file.origin {
        Origin::DebianArchive { path } => path.clone(),
        Origin::PythonIndex { file_name, .. } | Origin::Built { file_name, .. } => file_name.clone(),
        Origin::Host { prefix } => prefix.display().to_string(),
    };
    let mut properties: Vec<Value> = layers.collect();
    properties.push(property("twinbuild:file", &place));
    properties.extend(file.size_bytes.map(|size| property("twinbuild:size-bytes", &size.to_string())));
    Ok(json!({
        "type": kind,
        // A package URL need not be unique: an environment may hold a tool that it also requires.
        "bom-ref": file.sha256,
        "name": file.name,
        "version": file.version,
        "purl": purl,
        "hashes": [{ "alg": "SHA-256", "content": file.sha256 }],
        "properties": properties,
    }))
}

fn purl(lock: &EnvironmentLock, file: &LockedFile) -> Result<String, EnvironmentError> {
    let refuse = |error: packageurl::Error| EnvironmentError::NoLock {
        reason: format!("{:?} {:?} has no package URL: {error}", file.name, file.version),
    };
    let kind = match &file.origin {
        Origin::DebianArchive { .. } => "deb",
        Origin::PythonIndex { .. } | Origin::Built { .. } => "pypi",
        Origin::Host { .. } => "generic",
    };
    let mut purl = PackageUrl::new(kind, file.name.as_str()).map_err(refuse)?;
    purl.with_version(file.version.as_str()).map_err(refuse)?;
    match &file.origin {
        Origin::DebianArchive { .. } => {
            purl.with_namespace("debian").map_err(refuse)?;
            purl.add_qualifier("distro", lock.specification.suite.code_name()).map_err(refuse)?;
            if let Some(architecture) = &file.architecture {
                purl.add_qualifier("arch", architecture.as_str()).map_err(refuse)?;
            }
        }
        Origin::Host { .. } => {}
        Origin::PythonIndex { file_name, .. } | Origin::Built { file_name, .. } => {
            purl.add_qualifier("file_name", file_name.as_str()).map_err(refuse)?;
        }
    }
    Ok(purl.to_string())
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

/// A UUID of version 8 (RFC 9562, 5.8): the first bytes of a digest, but for the bits that name version and variant.
fn serial_number(digest: &Sha256) -> String {
    let mut bytes: Vec<u8> = digest.as_bytes().iter().take(16).copied().collect();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    format!("urn:uuid:{}", parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment_lock::tests::lock;

    #[test]
    fn each_file_is_a_component_with_its_digest_and_where_it_goes() {
        let lock = lock();
        let document = cyclonedx(&lock).unwrap();
        assert_eq!(document, cyclonedx(&lock).unwrap());
        let bash = &document["components"][0];
        assert_eq!(bash["purl"], "pkg:deb/debian/bash@1-2?arch=amd64&distro=bookworm");
        assert_eq!(bash["hashes"][0]["content"], Sha256::of(b"bash").to_string());
        let layers: Vec<&Value> = bash["properties"].as_array().unwrap().iter().take(2).map(|p| &p["value"]).collect();
        assert_eq!(layers, ["root", "toolchain"]);
        assert_eq!(document["components"].as_array().unwrap().len(), lock.files.len());
    }

    #[test]
    fn the_serial_number_is_a_uuid() {
        let number = serial_number(&Sha256::of(b""));
        assert_eq!(number, "urn:uuid:e3b0c442-98fc-8c14-9afb-f4c8996fb924");
    }
}
