//! Interpreters of this host, and requirements that are published as sdists only.
//!
//! The machine that runs these tests has CPython 2.7, 3.6, 3.8 and 3.12 where pyenv or uv puts them. One that has not fails
//! them, and is told what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::fixtures::{self, Project, WHEEL, add_to_sdist};
use crate::local_index::{File, Index};
use crate::support::{folder, rebuild, run, text, twinbuild};

/// What `doctor` says of the interpreters of this host.
fn listed() -> Vec<Value> {
    let said = run(twinbuild().args(["--format", "json", "doctor"]));
    said.json()["hostInterpreters"].as_array().unwrap().clone()
}

/// The name of the interpreter of that version, such as `CPython 3.6.15`.
fn needed(version: &str) -> String {
    let is_it = |name: &&str| name.starts_with(&format!("CPython {version}."));
    let listed = listed();
    let usable = listed.iter().filter(|found| found["ok"] == true);
    let name = usable.filter_map(|found| found["name"].as_str()).find(is_it);
    name.map(str::to_owned).unwrap_or_else(|| {
        panic!("this test needs CPython {version} below ~/.pyenv/versions or of uv; doctor lists: {listed:#?}")
    })
}

/// A recipe for an interpreter of this host.
fn recipe(folder: &Path, version: &str, build: &str, requirements: &str) -> PathBuf {
    let path = folder.join(format!("host-{version}.toml"));
    let content = format!(
        "format = 1\n[interpreter]\nversion = \"{version}\"\nprovider = \"host\"\n[build]\n{build}\n[requirements]\n{requirements}\n"
    );
    std::fs::write(&path, content).unwrap();
    path
}

/// The recipe that is inferred of a release, but on an interpreter of this host.
fn inferred(folder: &Path, release: &str, version: &str) -> PathBuf {
    let said = run(twinbuild().args(["infer", release]));
    let path = folder.join("inferred.toml");
    let changed = said.out.replace("version = \"3.11\"", &format!("version = \"{version}\"\nprovider = \"host\""));
    std::fs::write(&path, changed).unwrap();
    path
}

fn inputs(verdict: &Value, kind: &str) -> Vec<String> {
    let inputs = verdict["sharedInputs"].as_array().unwrap().iter();
    inputs.filter(|input| input["kind"] == kind).map(|input| input["name"].as_str().unwrap().to_owned()).collect()
}

fn reproduced(arguments: &[&str]) -> Value {
    let (code, verdict) = rebuild(arguments);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    verdict
}

#[test]
fn a_wheel_is_rebuilt_on_interpreters_old_and_new_and_the_verdict_says_from_where_they_are() {
    let folder = folder();
    let requirements = "cutoff = \"2021-05-05T14:18:17Z\"\ndirect = [\"setuptools\", \"wheel==0.36.2\"]";
    let build = "front-end = \"setup-py\"\nsource-date-epoch = 1620223200";
    for version in ["2.7", "3.6", "3.8"] {
        let name = needed(version);
        let path = recipe(folder.path(), version, build, requirements);
        let verdict = reproduced(&["pypi:six@1.16.0", "--recipe", text(&path)]);
        assert_eq!(inputs(&verdict, "host-interpreter"), [format!("{name} from this host")]);
        assert_eq!(verdict["recipe"]["interpreter"]["provider"], "host");
    }
    let name = needed("3.12");
    let Project { wheel, sdist, .. } = fixtures::project(folder.path(), "");
    let build = "front-end = \"pep517\"\nbackend = \"backend\"\nbackend-path = [\".\"]\nsource-date-epoch = 1580601600";
    let path = recipe(folder.path(), "3.12", build, "cutoff = \"2020-02-02T00:00:00Z\"\ndirect = []\nlocked = []");
    let verdict = reproduced(&[text(&wheel), "--source", text(&sdist), "--recipe", text(&path)]);
    assert_eq!(inputs(&verdict, "host-interpreter"), [format!("{name} from this host")]);
    let again = reproduced(&[text(&wheel), "--source", text(&sdist), "--recipe", text(&path)]);
    assert_eq!(again["verdictDigest"], verdict["verdictDigest"]);
}

#[test]
fn a_wheel_that_only_an_old_interpreter_can_build_is_reproduced_on_it() {
    needed("3.6");
    for release in ["pypi:webencodings@0.5.1", "pypi:mccabe@0.6.1"] {
        let verdict = reproduced(&[release]);
        let expected = serde_json::json!({ "version": "3.6", "provider": "host" });
        assert_eq!(verdict["recipe"]["interpreter"], expected);
    }
}

#[test]
fn a_wheel_for_python_2_is_reproduced_without_a_word() {
    let name = needed("2.7");
    let verdict = reproduced(&["pypi:docutils@0.15.2", "--artifact", "docutils-0.15.2-py2-none-any.whl"]);
    assert_eq!(inputs(&verdict, "host-interpreter"), [format!("{name} from this host")]);
}

#[test]
fn an_interpreter_that_the_host_has_not_is_unsupported() {
    let folder = folder();
    let path =
        recipe(folder.path(), "3.4", "front-end = \"setup-py\"", "cutoff = \"2020-01-01T00:00:00Z\"\ndirect = []");
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipe", text(&path)]);
    assert_eq!((code, verdict["reason"]["class"].as_str()), (2, Some("interpreter")), "{verdict:#}");
}

#[test]
fn a_broken_prefix_is_named_with_what_it_lacks() {
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let prefix = folder.path().join("3.8.1");
    std::fs::create_dir_all(prefix.join("include/python3.8")).unwrap();
    let header = "#define PY_MAJOR_VERSION 3\n#define PY_MINOR_VERSION 8\n#define PY_MICRO_VERSION 1\n";
    std::fs::write(prefix.join("include/python3.8/patchlevel.h"), header).unwrap();
    let said = run(twinbuild().env("TWINBUILD_INTERPRETERS", &prefix).args(["--format", "json", "doctor"]));
    let found = &said.json()["hostInterpreters"][0];
    assert_eq!((found["ok"].as_bool(), found["origin"].as_str()), (Some(false), Some("configured")), "{found:#}");
    assert!(found["found"].as_str().unwrap().contains("bin/python3.8"), "{found:#}");
}

#[test]
fn a_published_requirement_that_is_an_sdist_only_is_built_first() {
    needed("3.6");
    let folder = folder();
    // Of vcversioner there is a wheel for Python 2 only; the setup.py of jsonschema asks for it.
    let release = "pypi:jsonschema@2.6.0";
    let path = inferred(folder.path(), release, "3.6");
    let kept = folder.path().join("kept");
    let verdict = reproduced(&[release, "--recipe", text(&path), "--keep", text(&kept)]);
    for kind in ["requirement-built", "requirement-sdist", "requirement-recipe"] {
        assert_eq!(inputs(&verdict, kind), ["vcversioner 2.16.0.0"], "{verdict:#}");
    }
    // The lock says what it was built from, and gives the same again; another wheel is not taken for it.
    let locked = kept.join("recipe.toml");
    let content = std::fs::read_to_string(&locked).unwrap();
    let again = reproduced(&[release, "--recipe", text(&locked)]);
    assert_eq!(inputs(&again, "requirement-built"), ["vcversioner 2.16.0.0"]);
    let built = verdict["sharedInputs"].as_array().unwrap().iter().find(|input| input["kind"] == "requirement-built");
    let digest = built.unwrap()["sha256"].as_str().unwrap();
    assert!(content.contains("sdist-sha256") && content.contains(digest), "{content}");
    reproduced(&[release, "--recipe", text(&path), "--offline"]);
    std::fs::write(&locked, content.replace(digest, &"0".repeat(64))).unwrap();
    let (_, verdict) = rebuild(&[release, "--recipe", text(&locked)]);
    assert_eq!(verdict["outcome"], "inconclusive", "{verdict:#}");
    assert_eq!(verdict["reason"]["class"], "requirement-differs");
}

/// The sdist of a project whose own backend builds it, and requires `requires`.
fn helper(name: &str, requires: &str) -> Vec<u8> {
    let pyproject =
        format!("[build-system]\nrequires = [{requires}]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n");
    let backend = format!(
        r#"
import os, zipfile

def build_wheel(directory, config=None, metadata=None):
    name = "{name}-1.0-py3-none-any.whl"
    folder = "{name}-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, content in (
            ("{name}.py", "VALUE = 1\n"),
            (folder + "METADATA", "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
            (folder + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (folder + "RECORD", ""),
        ):
            wheel.writestr(zipfile.ZipInfo(member, (2019, 1, 1, 0, 0, 0)), content)
    return name
"#
    );
    fixtures::tar_gz(&format!("{name}-1.0"), &[("pyproject.toml", &pyproject), ("backend.py", &backend)])
}

/// Judges the demo project, whose backend imports `helper`, with an index that has these sdists.
fn judge_with(sdists: &[(&str, Vec<u8>)], direct: &str) -> Value {
    let folder = folder();
    let project = fixtures::project(folder.path(), "import helper");
    let old = json!({ "upload-time": "2019-01-01T00:00:00Z" });
    let projects: Vec<(&str, Vec<File>)> = sdists
        .iter()
        .map(|(name, bytes)| (*name, vec![(format!("{name}-1.0.tar.gz"), bytes.clone(), old.clone())]))
        .collect();
    let index = Index::of_all(&projects);
    let path = folder.path().join("with-helper.toml");
    let unlocked = fixtures::RECIPE.replace("direct = []\nlocked = []", &format!("direct = [{direct}]"));
    std::fs::write(&path, unlocked).unwrap();
    let address = format!("{}/simple/", index.address);
    let mut command: Command = twinbuild();
    command.args(["--format", "json", "--index-url", &address, "rebuild", text(&project.wheel)]);
    run(command.args(["--source", text(&project.sdist), "--recipe", text(&path)])).json()
}

#[test]
fn requirements_that_are_sdists_only_are_built_one_for_the_other() {
    // The root file system and the resolver come from the public registries first.
    reproduced(&["pypi:six@1.16.0"]);
    let sdists = [("helper", helper("helper", "\"deeper\"")), ("deeper", helper("deeper", ""))];
    let verdict = judge_with(&sdists, "\"helper\"");
    assert_eq!(verdict["outcome"], "reproduced", "{verdict:#}");
    assert_eq!(inputs(&verdict, "requirement-built"), ["deeper 1.0", "helper 1.0"]);
    assert_eq!(inputs(&verdict, "requirement-sdist"), ["deeper 1.0", "helper 1.0"]);
}

#[test]
fn a_requirement_that_cannot_be_built_is_unbuildable_and_says_why() {
    reproduced(&["pypi:six@1.16.0"]);
    let chain: Vec<(String, Vec<u8>)> = (0..5)
        .map(|at| (format!("nested{at}"), helper(&format!("nested{at}"), &format!("\"nested{}\"", at + 1))))
        .collect();
    let chain: Vec<(&str, Vec<u8>)> = chain.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let broken = fixtures::tar_gz(
        "helper-1.0",
        &[("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = \"none\"\n")],
    );
    for (sdists, direct, expected) in [
        (vec![("helper", helper("helper", "\"helper\""))], "\"helper\"", "requires itself"),
        (chain, "\"nested0\"", "3 times"),
        (vec![("helper", broken)], "\"helper\"", "none"),
    ] {
        let verdict = judge_with(&sdists, direct);
        assert_eq!(verdict["outcome"], "unbuildable", "{verdict:#}");
        let detail = verdict["reason"]["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn a_requirement_that_brings_the_published_file_ends_the_walk() {
    reproduced(&["pypi:six@1.16.0"]);
    let place = folder();
    let Project { wheel, .. } = fixtures::project(place.path(), "import helper");
    let published = std::fs::read(wheel).unwrap();
    let path = place.path().join("helper.tar.gz");
    std::fs::write(&path, helper("helper", "")).unwrap();
    add_to_sdist(&path, WHEEL, &published);
    let verdict = judge_with(&[("helper", std::fs::read(&path).unwrap())], "\"helper\"");
    let class = verdict["reason"]["class"].as_str();
    assert_eq!((verdict["outcome"].as_str(), class), (Some("unbuildable"), Some("requirement-embeds-artifact")));
    // And the subject's own release is no requirement of itself.
    let own = fixtures::tar_gz("demo-1.0", &[("pyproject.toml", "[build-system]\nrequires = []\n")]);
    let verdict = judge_with(&[("demo", own)], "\"demo\"");
    assert_eq!(verdict["reason"]["class"], "self-hosted", "{verdict:#}");
}
