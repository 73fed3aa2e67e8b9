//! Commits that publishers attest. The file and its attestation are PyPI's own; the index that offers them and the repositories are on
//! loopback.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::local_index::Index;
use crate::repositories::{Repository, Server};
use crate::support::{Said, finding, folder, run, shared_cache, text, twinbuild};

const PROJECT: &str = "pypi-attestations";
const RELEASE: &str = "pypi:pypi-attestations@0.0.19";
const SDIST: &str = "pypi_attestations-0.0.19.tar.gz";
const SHA256: &str = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
const REPOSITORY: &str = "trailofbits/pypi-attestations";
const COMMIT: &str = "08802efe1f8e5fec4ad842d6b8ce97656092ee72";
const PROVENANCE: &str = include_str!("../verifier/attestation/fixtures/github.json");

/// The sdist, as PyPI has it.
fn sdist() -> Vec<u8> {
    static SDIST_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let fetched = || {
        let kept = folder();
        let server = Server::start(kept.path());
        let said =
            judge(&server.address, &["rebuild", RELEASE, "--artifact", SDIST, "--keep-inputs", text(kept.path())]);
        fs::read(kept.path().join("sha256").join(SHA256)).unwrap_or_else(|error| panic!("{error}: {said}"))
    };
    SDIST_BYTES.get_or_init(fetched).clone()
}

/// With the repositories of a server, or a folder, in the place of GitHub's.
fn judge(server: &str, arguments: &[&str]) -> Said {
    let rewrites = format!("https://github.com/={server}/");
    let mut command = twinbuild();
    command.env("TWINBUILD_GIT_INSTEAD_OF", rewrites).env("TWINBUILD_CACHE_DIR", shared_cache());
    run(command.args(["--format", "json"]).args(arguments))
}

/// The verdict on the sdist, of an index that offers this attestation of it, with the repositories below a folder.
fn judged(provenance: Option<&str>, repositories: &Path) -> Value {
    let server = Server::start(repositories);
    judged_with(provenance, &server.address)
}

fn judged_with(provenance: Option<&str>, server: &str) -> Value {
    let address = json!({ "provenance": "../../files/provenance.json", "upload-time": "2024-12-04T23:14:04Z" });
    let mut files = vec![(SDIST, sdist(), address)];
    files.extend(provenance.map(|text| ("provenance.json", text.as_bytes().to_vec(), json!({}))));
    let index = Index::of(PROJECT, &files, &json!({ "versions": ["0.0.19"] }));
    let simple = format!("{}/simple/", index.address);
    judge(server, &["--index-url", &simple, "rebuild", RELEASE, "--artifact", SDIST]).json()
}

/// A repository of the attested address, with a tag of the release and without the attested commit.
fn repository(folder: &Path) -> Repository {
    let pyproject =
        "[build-system]\nrequires = []\nbuild-backend = \"none\"\n[project]\nname = \"pypi-attestations\"\n";
    let repository = Repository::new(&folder.join(REPOSITORY), &[("pyproject.toml", pyproject)]);
    repository.tag("v0.0.19");
    repository
}

fn codes(verdict: &Value) -> Vec<&str> {
    verdict["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn the_attested_commit_is_asked_for_and_no_other() {
    let folder = folder();
    repository(folder.path());
    let verdict = judged(Some(PROVENANCE), folder.path());
    assert_eq!(verdict["outcome"], "source-missing", "{verdict:#}");
    assert!(verdict["reason"]["detail"].as_str().unwrap().contains(COMMIT), "{}", verdict["reason"]);
    assert!(verdict.get("source").is_none(), "{}", verdict["source"]);
    assert!(!codes(&verdict).contains(&"attestation-invalid"), "{}", verdict["findings"]);
}

#[test]
fn an_attestation_that_does_not_hold_counts_for_nothing() {
    let folder = folder();
    let repository = repository(folder.path());
    let mut object: Value = serde_json::from_str(PROVENANCE).unwrap();
    object["attestation_bundles"][0]["publisher"]["repository"] = json!("somebody/else");
    let verdict = judged(Some(&object.to_string()), folder.path());
    let alert = finding(&verdict, "attestation-invalid");
    assert_eq!(alert["severity"], "alert");
    assert!(alert["detail"].as_str().unwrap().contains("somebody/else"), "{alert}");
    let source = &verdict["source"];
    assert_eq!((source["trust"].as_str(), source.get("attestation")), (Some("repository"), None), "{verdict:#}");
    assert_eq!(source["git"]["commit"], repository.git(&["rev-parse", "HEAD"]).as_str());
}

#[test]
fn one_that_cannot_be_had_or_whose_repository_is_not_there_is_told_of() {
    let with_tag = folder();
    repository(with_tag.path());
    let verdict = judged(None, with_tag.path());
    assert_eq!(finding(&verdict, "attestation-not-had")["severity"], "warning");
    assert_eq!(verdict["source"]["trust"], "repository", "{verdict:#}");
    let empty = folder();
    let verdict = judged_with(Some(PROVENANCE), text(empty.path()));
    assert_eq!(finding(&verdict, "attested-repository-missing")["severity"], "warning");
    assert_eq!(verdict["outcome"], "source-missing", "{verdict:#}");
}
