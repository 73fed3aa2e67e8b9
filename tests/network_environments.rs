//! Environments as documents and layers: `twinbuild env`, and builds on each suite.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::fixtures::{RECIPE, project};
use crate::support::{Said, folder, rebuild, run, shared_cache, text, twinbuild};

/// What a build runs that needs both compilers, make, and the headers of the interpreter.
const COMPILES: &str = r##"import subprocess, tempfile
    assert "%d.%d" % sys.version_info[:2] == "PYTHON", sys.version
    place = tempfile.mkdtemp()
    for compiler, name, code in [
        ("cc", "a.c", "#include <Python.h>\nint f(void) { return PY_MAJOR_VERSION; }"),
        ("c++", "b.cc", "#include <vector>\nint g() { return std::vector<int>(1).size(); }"),
    ]:
        source = os.path.join(place, name)
        with open(source, "w") as file:
            file.write(code)
        command = [compiler, "-shared", "-fPIC", "-I/usr/include/pythonPYTHON", source, "-o", source + ".so"]
        subprocess.run(command, check=True)
    subprocess.run(["make", "--version"], check=True)"##;

fn env(arguments: &[&str]) -> Said {
    run(twinbuild().args(["--format", "json", "env"]).args(arguments))
}

fn env_in(cache: &Path, arguments: &[&str]) -> Said {
    run(twinbuild().env("TWINBUILD_CACHE_DIR", cache).args(["--format", "json", "--offline", "env"]).args(arguments))
}

/// A cache that has of the shared one only what these folders hold.
fn cache_with(folder: &Path, parts: &[&str]) {
    for part in parts {
        for entry in walk(&shared_cache().join(part)) {
            let target = folder.join(entry.strip_prefix(shared_cache()).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            // What another test's run replaces meanwhile is of no use here.
            let _ = fs::hard_link(&entry, &target);
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

fn layers(said: &Said) -> Vec<(String, String)> {
    let layers = said.json()["layers"].as_array().unwrap().clone();
    let text = |layer: &Value, key: &str| layer[key].as_str().unwrap().to_owned();
    layers.iter().map(|layer| (text(layer, "name"), text(layer, "digest"))).collect()
}

#[test]
fn a_lock_and_its_files_give_the_same_layers_anywhere_without_a_network() {
    let fetched = env(&["fetch", "bookworm"]);
    assert_eq!(fetched.code, 0, "{fetched}");
    let known = layers(&fetched);
    assert_eq!(known.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["root", "derived"]);
    let folder = folder();
    let lock = folder.path().join("lock.json");
    fs::write(&lock, run(twinbuild().args(["env", "resolve", "bookworm"])).out).unwrap();
    let cache = folder.path().join("cache");
    cache_with(&cache, &["blobs"]);
    let made = env_in(&cache, &["fetch", "--lock", text(&lock)]);
    assert_eq!(made.code, 0, "{made}");
    assert_eq!(layers(&made), known);
    assert_eq!(made.json()["lock"], fetched.json()["lock"]);

    let verified = env_in(&cache, &["verify"]);
    assert_eq!(verified.code, 0, "{verified}");
    let root = cache.join("layers").join(&known[0].1);
    fs::write(root.join("etc/debian_version"), "13\n").unwrap();
    let verified = env_in(&cache, &["verify"]);
    assert_eq!(verified.code, 1, "{verified}");
    let of = |digest: &str| {
        let layers = verified.json()["layers"].as_array().unwrap().clone();
        layers.into_iter().find(|layer| layer["layer"] == digest).unwrap()
    };
    assert_eq!((&of(&known[0].1)["condition"], &of(&known[1].1)["condition"]), (&"changed".into(), &"whole".into()));
    assert_eq!(layers(&env_in(&cache, &["fetch", "--lock", text(&lock)])), known);
    assert_eq!(env_in(&cache, &["verify"]).code, 0);

    let kept = env_in(&cache, &["gc"]);
    assert_eq!((kept.code, kept.json()["removed"].as_array().map(Vec::len)), (0, Some(0)), "{kept}");
    let rehearsed = env_in(&cache, &["gc", "--unused-for", "0", "--dry-run"]);
    assert!(rehearsed.out.contains(&known[0].1) && root.exists(), "{rehearsed}");
    assert_eq!(env_in(&cache, &["gc", "--unused-for", "0"]).code, 0);
    assert!(!root.exists() && walk(&cache.join("blobs")).is_empty());
    let missing = env_in(&cache, &["fetch", "--lock", text(&lock)]);
    assert_eq!(missing.code, 2, "{missing}");
    assert!(missing.err.contains("not in the cache"), "{missing}");
}

#[test]
fn the_layer_of_build_requirements_is_the_same_in_every_cache() {
    let (_, first) = rebuild(&["pypi:six@1.16.0"]);
    let folder = folder();
    cache_with(folder.path(), &["blobs", "documents", "records/lock", "records/wheel", "records/debian-resolution"]);
    let said = run(twinbuild().env("TWINBUILD_CACHE_DIR", folder.path()).args([
        "--format",
        "json",
        "--offline",
        "rebuild",
        "pypi:six@1.16.0",
    ]));
    assert_eq!(said.code, 0, "{said}");
    let second = said.json();
    assert_eq!(second["rebuilds"][0]["environment"], first["rebuilds"][0]["environment"]);
    assert_eq!(second["verdictDigest"], first["verdictDigest"]);
}

#[test]
fn every_suite_builds_and_its_toolchain_compiles() {
    for (suite, python) in [("bullseye", "3.9"), ("bookworm", "3.11"), ("trixie", "3.13")] {
        let folder = folder();
        let project = project(folder.path(), &COMPILES.replace("PYTHON", python));
        let recipe = RECIPE.replace("\"3.11\"", &format!("\"{python}\""));
        let arguments = ["--source", text(&project.sdist), "--recipe", text(&project.recipe), text(&project.wheel)];
        fs::write(&project.recipe, &recipe).unwrap();
        let (_, verdict) = rebuild(&arguments);
        assert_eq!(verdict["outcome"], "unbuildable", "{suite} has a compiler that nobody asked for: {verdict:#}");
        fs::write(&project.recipe, recipe.replacen("[build]", "[environment]\ntoolchain = true\n[build]", 1)).unwrap();
        let (code, verdict) = rebuild(&arguments);
        assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{suite}: {verdict:#}");
        let variations = verdict["rebuilds"][0]["variations"].as_array().unwrap();
        assert!(variations.iter().all(|variation| variation["effective"] == true), "{suite}: {variations:#?}");
    }
}

#[test]
fn a_bill_of_materials_has_every_file_of_the_lock() {
    let lock = env(&["resolve", "trixie", "--toolchain"]).json();
    let document = env(&["export", "trixie", "--toolchain"]).json();
    assert_eq!((document["bomFormat"].as_str(), document["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    let digests = |values: &Value, pointer: &str| -> BTreeSet<String> {
        let values = values.as_array().unwrap().iter();
        values.map(|value| value.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(digests(&document["components"], "/hashes/0/content"), digests(&lock["files"], "/sha256"));
    let purls = digests(&document["components"], "/purl");
    assert!(purls.iter().any(|purl| purl.starts_with("pkg:deb/debian/g%2B%2B@")), "{purls:?}");
}

#[test]
fn packages_are_a_layer_that_holds_only_what_is_not_below() {
    let lock = env(&["resolve", "bullseye", "--toolchain", "--package", "git", "--package", "tcl"]).json();
    let layers = lock["layers"].as_array().unwrap();
    let names: Vec<&str> = layers.iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["root", "derived", "toolchain", "packages"]);
    let mut seen = BTreeSet::new();
    for digest in layers.iter().flat_map(|layer| layer["files"].as_array().unwrap()) {
        assert!(seen.insert(digest.as_str().unwrap()), "{digest} is in two layers");
    }
    let has = |name: &str| lock["files"].as_array().unwrap().iter().any(|file| file["name"] == name);
    assert!(has("git") && has("perl-base") && has("tcl8.6") && has("gcc") && !has("dpkg"));
}

#[test]
fn what_cannot_be_had_is_said() {
    let said = env(&["resolve", "sid"]);
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("bookworm, bullseye, trixie"), "{said}");
    let said = env(&["resolve", "bookworm", "--package", "no-such-package"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.err.contains("no-such-package"), "{said}");
    let folder = folder();
    let lock = folder.path().join("lock.json");
    let json = run(twinbuild().args(["env", "resolve"])).out;
    let fix_ups = json.split("\"fixUps\": \"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(&lock, json.replace(fix_ups, &"0".repeat(64))).unwrap();
    let said = env_in(&folder.path().join("cache"), &["fetch", "--lock", text(&lock)]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.err.contains("another version of twinbuild"), "{said}");
    assert_eq!(env(&["show", "abc"]).code, 64);
    assert_eq!(env(&["verify", "0123456789"]).code, 64);
}
