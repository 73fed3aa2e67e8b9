//! Verdicts that are come to again, from the inputs that they name.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixtures::project;
use crate::local_index::hex;
use crate::support::{Said, finding, folder, rebuild, run, text, twinbuild};

/// Rebuilds with all inputs kept below `place`; gives the verdict, and the file that it is kept in.
fn keep(place: &Path, arguments: &[&str]) -> (Value, PathBuf) {
    let (_, verdict) = rebuild(&[arguments, &["--keep-inputs", text(place)]].concat());
    let digest = verdict["verdictDigest"].as_str().unwrap_or_else(|| panic!("{verdict:#}")).to_owned();
    (verdict, place.join(format!("verdicts/{digest}.json")))
}

/// Rebuilds the demo project whose backend runs `before`, with all inputs kept below `place`.
fn keep_demo(place: &Path, before: &str, more: &[&str]) -> (Value, PathBuf) {
    let folder = folder();
    let project = project(folder.path(), before);
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    keep(place, &[&arguments, more].concat())
}

/// Replays in the shared cache.
fn replay(verdict: &Path, more: &[&str]) -> Said {
    run(twinbuild().args(["--format", "json", "replay", text(verdict)]).args(more))
}

/// Replays in a cache of its own, without a network.
fn replay_apart(verdict: &Path, inputs: &Path) -> Said {
    let cache = folder();
    run(twinbuild().env("TWINBUILD_CACHE_DIR", cache.path()).args([
        "--format",
        "json",
        "--offline",
        "replay",
        text(verdict),
        "--inputs",
        text(inputs),
    ]))
}

/// The file of an input, of which there is no other copy: what is kept may be a link to what the cache has.
fn kept_file(inputs: &Path, sha256: &Value) -> PathBuf {
    let path = inputs.join("sha256").join(sha256.as_str().unwrap());
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// Another verdict, with its digest made anew.
fn forge(verdict: &Value, into: &Path, change: impl FnOnce(&mut Value)) {
    let mut forged = verdict.clone();
    change(&mut forged);
    let mut covered = forged.clone();
    let object = covered.as_object_mut().unwrap();
    object.remove("run");
    object.remove("verdictDigest");
    forged["verdictDigest"] = hex(&Sha256::digest(covered.to_string())).into();
    fs::write(into, forged.to_string()).unwrap();
}

#[test]
fn real_verdicts_are_come_to_again_online_and_offline() {
    let kept = folder();
    for release in ["six@1.16.0", "idna@3.4", "iniconfig@2.0.0"] {
        let (verdict, path) = keep(kept.path(), &[&format!("pypi:{release}")]);
        assert_eq!(verdict["outcome"], "reproduced", "{verdict:#}");
        let said = replay_apart(&path, kept.path());
        assert_eq!((said.code, said.json()["replay"].as_str()), (0, Some("same")), "{release}: {said}");
        assert_eq!(said.json()["verdictDigest"], verdict["verdictDigest"]);
    }
    let verdicts: Vec<_> = fs::read_dir(kept.path().join("verdicts")).unwrap().collect();
    assert_eq!(verdicts.len(), 3);
    let path = verdicts[0].as_ref().unwrap().path();
    let cache = folder();
    let said = run(twinbuild().env("TWINBUILD_CACHE_DIR", cache.path()).args(["replay", text(&path)]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.starts_with("replayed: the same verdict (sha256:"), "{said}");
}

#[test]
fn a_missing_input_and_a_changed_one_are_named() {
    let kept = folder();
    let (verdict, path) = keep_demo(kept.path(), "", &[]);
    let source = kept_file(kept.path(), &verdict["source"]["digests"]["sha256"]);
    let bytes = fs::read(&source).unwrap();
    fs::remove_file(&source).unwrap();
    let said = replay_apart(&path, kept.path());
    assert_eq!((said.code, said.json()["replay"].as_str()), (2, Some("missing")), "{said}");
    let missing = &said.json()["missing"];
    assert_eq!(missing.as_array().unwrap().len(), 1, "{said}");
    assert_eq!(missing[0]["sha256"], verdict["source"]["digests"]["sha256"]);
    assert_eq!((missing[0]["kind"].as_str(), missing[0]["name"].as_str()), (Some("source"), Some("demo-1.0.tar.gz")));
    fs::write(&source, [bytes.as_slice(), b"more"].concat()).unwrap();
    let said = replay_apart(&path, kept.path());
    assert_eq!(said.code, 2, "{said}");
    assert!(said.json()["missing"][0]["lookedFor"].to_string().contains("was changed"), "{said}");
    fs::write(&source, bytes).unwrap();
    assert_eq!(replay_apart(&path, kept.path()).code, 0);
}

#[test]
fn a_verdict_that_was_edited_is_refused_and_a_forged_one_differs() {
    let kept = folder();
    let (verdict, path) = keep_demo(kept.path(), "files['demo.py'] += b'# more'", &[]);
    assert_eq!(verdict["outcome"], "not-reproduced", "{verdict:#}");
    let edited = kept.path().join("edited.json");
    fs::write(&edited, fs::read_to_string(&path).unwrap().replace("not-reproduced", "reproduced")).unwrap();
    let said = replay(&edited, &[]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("was changed after it was written"), "{said}");
    forge(&verdict, &edited, |verdict| {
        verdict["outcome"] = "reproduced".into();
        verdict.as_object_mut().unwrap().remove("mismatch");
    });
    let said = replay(&edited, &[]);
    assert_eq!((said.code, said.json()["replay"].as_str()), (1, Some("differs")), "{said}");
    let paths: Vec<String> = said.json()["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(paths, ["mismatch", "outcome"]);
    let said = run(twinbuild().args(["replay", text(&edited)]));
    assert!(said.out.contains("the outcome is another: not-reproduced"), "{said}");
}

#[test]
fn a_verdict_that_breaks_a_law_is_not_followed() {
    let kept = folder();
    let (verdict, _) = keep_demo(kept.path(), "", &[]);
    let forged = kept.path().join("forged.json");
    forge(&verdict, &forged, |verdict| verdict["subject"]["uploadTime"] = "2019-01-01T00:00:00Z".into());
    let said = replay(&forged, &[]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("before its subject's upload"), "{said}");
    // A requirement that the recipe does not lock.
    let (wheel, digest) = ("other-1-py3-none-any.whl", verdict["subject"]["digests"]["sha256"].clone());
    forge(&verdict, &forged, |verdict| {
        let origin = json!({ "kind": "python-index", "project": "other", "fileName": wheel });
        let file =
            json!({ "kind": "requirement", "name": "other", "version": "1", "sha256": digest, "origin": origin });
        verdict["environment"]["files"].as_array_mut().unwrap().push(file);
    });
    let said = replay(&forged, &[]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("not those that the recipe locks"), "{said}");
}

#[test]
fn negative_verdicts_are_come_to_again() {
    let kept = folder();
    for (before, outcome) in [
        ("files['demo.py'] += os.getcwd().encode()", "nondeterministic"),
        ("raise SystemExit('no')", "unbuildable"),
        ("files['demo.py'] += b'# more'", "not-reproduced"),
    ] {
        let (verdict, path) = keep_demo(kept.path(), before, &["--no-vary", "clock"]);
        assert_eq!(verdict["outcome"], outcome, "{verdict:#}");
        let said = replay_apart(&path, kept.path());
        assert_eq!(said.code, 0, "{outcome}: {said}");
    }
}

#[test]
fn chance_differs_in_what_it_made_and_not_in_the_outcome() {
    let kept = folder();
    let (verdict, path) = keep_demo(kept.path(), "files['demo.py'] += os.urandom(4).hex().encode()", &[]);
    assert_eq!(verdict["outcome"], "nondeterministic", "{verdict:#}");
    let said = replay(&path, &[]);
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(said.json()["replayed"]["outcome"], "nondeterministic");
    let paths: Vec<Value> =
        said.json()["differences"].as_array().unwrap().iter().map(|one| one["path"].clone()).collect();
    assert!(paths.contains(&"rebuilds[0].artifact.members".into()), "{paths:?}");
    assert!(!paths.contains(&"nondeterminism.cause".into()), "{paths:?}");
}

#[test]
fn times_of_the_build_are_no_part_of_a_verdicts_digest() {
    let kept = folder();
    // The members get the time of the build in place of that of the epoch.
    let before = "import zipfile\n    Plain = zipfile.ZipInfo\n    late = lambda self, name, date: Plain.__init__(self, name, __import__('time').localtime()[:6])\n    zipfile.ZipInfo = type('Late', (Plain,), {'__init__': late})";
    let (verdict, path) = keep_demo(kept.path(), before, &[]);
    assert_eq!(verdict["outcome"], "reproduced", "{verdict:#}");
    for (index, twin) in ["first", "second"].into_iter().enumerate() {
        let artifact = &verdict["rebuilds"][index]["artifact"];
        assert!(artifact["members"].is_string() && artifact["digests"].is_null(), "{artifact}");
        assert!(verdict["run"]["artifacts"][twin]["sha256"].is_string(), "{}", verdict["run"]["artifacts"]);
    }
    std::thread::sleep(std::time::Duration::from_secs(3));
    let said = replay(&path, &[]);
    assert_eq!(said.code, 0, "{said}");
}

#[test]
fn what_an_index_said_is_taken_from_the_verdict() {
    let kept = folder();
    let (verdict, path) = keep(kept.path(), &["pypi:six@1.16.0", "--strict", "--no-vary", "locale"]);
    assert_eq!(verdict["choices"]["isStrict"], true);
    assert_eq!(verdict["choices"]["variations"].as_array().unwrap().len(), 21);
    assert!(finding(&verdict, "variation-not-effective")["detail"].as_str().unwrap().contains("by request"));
    let said = replay(&path, &[]);
    assert_eq!(said.code, 0, "{said}");
    // As if the file had been withdrawn then.
    let yanked = kept.path().join("yanked.json");
    forge(&verdict, &yanked, |verdict| {
        let findings = verdict["findings"].as_array_mut().unwrap();
        let detail = "the publisher withdrew the file";
        findings.insert(0, json!({ "code": "yanked", "severity": "warning", "detail": detail }));
    });
    let said = replay(&yanked, &[]);
    assert_eq!(said.code, 0, "{said}");
}

#[test]
fn another_version_is_said() {
    let kept = folder();
    let (verdict, _) = keep_demo(kept.path(), "", &[]);
    let other = kept.path().join("other.json");
    forge(&verdict, &other, |verdict| verdict["tool"]["version"] = "0.0.1".into());
    let said = replay(&other, &[]);
    assert_eq!((said.code, said.json()["otherVersion"].as_str()), (1, Some("0.0.1")), "{said}");
    assert_eq!(said.json()["differences"].as_array().unwrap().len(), 1);
    forge(&verdict, &other, |verdict| {
        verdict["environment"]["layers"][0]["step"]["fixUps"] = hex(&Sha256::digest("other")).into();
    });
    let said = replay(&other, &[]);
    assert_eq!((said.code, said.json()["replay"].as_str()), (2, Some("unable")), "{said}");
    assert!(said.json()["reason"].as_str().unwrap().contains("another version of twinbuild"), "{said}");
}

#[test]
fn what_is_no_verdict_is_a_usage_error() {
    let folder = folder();
    let path = folder.path().join("verdict.json");
    for (content, expected) in [("", "JSON"), ("{}", "no schemaVersion"), ("[1]", "one JSON object")] {
        fs::write(&path, content).unwrap();
        let said = replay(&path, &[]);
        assert_eq!(said.code, 64, "{said}");
        assert!(said.err.contains(expected), "{said}");
    }
    assert_eq!(replay(folder.path(), &[]).code, 64);
    assert_eq!(replay(&folder.path().join("none.json"), &[]).code, 64);
}
