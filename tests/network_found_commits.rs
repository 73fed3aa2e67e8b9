//! Wheels of commits that no tag tells, and of checkouts that were not built as they are.

use std::path::Path;

use serde_json::Value;

use crate::repositories::Repository;
use crate::support::{finding, folder, rebuild, text};

/// Requirements are those of this time.
const AS_OF: &str = "2026-10-01T00:00:00Z";
const BUILD_SYSTEM: &str = "[build-system]\nrequires = [\"setuptools==69.5.1\", \"wheel==0.43.0\"]\nbuild-backend = \"setuptools.build_meta\"\n";
/// Enough text to be told by.
const MODULE: &str = "\"\"\"A demo.\"\"\"\n\nX = 1\n";

/// `setup.py` of a project of one package.
fn setup(name: &str, version: &str, package: &str) -> String {
    format!("from setuptools import setup\nsetup(name='{name}', version='{version}', packages=['{package}'])\n")
}

fn judge(wheel: &Path, repository: &Repository) -> Value {
    rebuild(&[text(wheel), "--source", text(&repository.path), "--as-of", AS_OF]).1
}

#[track_caller]
fn reproduced(verdict: &Value) {
    let said = (&verdict["reason"], &verdict["findings"], &verdict["search"], &verdict["run"]["logTail"]);
    assert_eq!(verdict["outcome"], "reproduced", "{said:#?}");
}

#[test]
fn without_a_tag_it_is_the_commit_that_is_most_like_the_wheel() {
    let folder = folder();
    let files = [("setup.py", setup("demo-pkg", "1.0", "demo_pkg")), ("pyproject.toml", BUILD_SYSTEM.to_owned())];
    let mut files: Vec<(&str, &str)> = files.iter().map(|(path, content)| (*path, content.as_str())).collect();
    files.extend([("demo_pkg/__init__.py", MODULE), ("demo_pkg/more.py", "Y = 1\n")]);
    let repository = Repository::new(&folder.path().join("demo"), &files);
    let published = repository.commit(&[("demo_pkg/more.py", "Y = 2\n"), ("demo_pkg/last.py", "Z = 1\n")]);
    repository.tag("nightly");
    repository.commit(&[("demo_pkg/more.py", "Y = 3\n")]);
    let wheel = repository.wheel("nightly", folder.path());
    let verdict = judge(&wheel, &repository);
    reproduced(&verdict);
    assert_eq!(verdict["source"]["git"]["commit"], published.as_str());
    finding(&verdict, "version-not-tagged");
    // With one file more than any commit, the nearest is taken, and the file is found.
    let planted = [("demo_pkg/more.py", "Y = 2\n"), ("demo_pkg/planted.py", "import os\n")];
    let other = Repository::new(&folder.path().join("other"), &[files.as_slice(), &planted].concat());
    other.tag("v1.0");
    let wheel = other.wheel("v1.0", &folder.path().join("of-other"));
    let verdict = judge(&wheel, &repository);
    assert_eq!((&verdict["outcome"], &verdict["mismatch"]), (&"not-reproduced".into(), &"unsourced".into()));
    // Of what is unlike all of it there is no commit.
    let strange = [("setup.py", files[0].1), ("pyproject.toml", BUILD_SYSTEM), ("demo_pkg/__init__.py", "S = 1\n")];
    let strange = Repository::new(&folder.path().join("strange"), &strange);
    strange.tag("v1.0");
    let wheel = strange.wheel("v1.0", &folder.path().join("of-strange"));
    assert_eq!(judge(&wheel, &repository)["reason"]["class"], "no-tag");
}

#[test]
fn the_tag_of_one_project_is_not_that_of_another_in_the_same_repository() {
    let folder = folder();
    let first = setup("first-pkg", "1.0", "first_pkg");
    let files = [
        ("pyproject.toml", BUILD_SYSTEM),
        ("setup.py", first.as_str()),
        ("first_pkg/__init__.py", MODULE),
        ("more/demo/setup.py", &setup("demo-pkg", "0.9", "demo_pkg")),
        ("more/demo/pyproject.toml", BUILD_SYSTEM),
        ("more/demo/demo_pkg/__init__.py", "\"\"\"Another.\"\"\"\n"),
    ];
    let repository = Repository::new(&folder.path().join("demo"), &files);
    repository.tag("v1.0");
    let published = repository.commit(&[("more/demo/setup.py", &setup("demo-pkg", "1.0", "demo_pkg"))]);
    let wheel = Repository::wheel_of(&repository.path.join("more/demo"), &folder.path().join("published"), &[]);
    repository.git(&["clean", "--quiet", "-dfx"]);
    let verdict = judge(&wheel, &repository);
    reproduced(&verdict);
    let git = &verdict["source"]["git"];
    assert_eq!((&git["commit"], &git["subdirectory"]), (&published.as_str().into(), &"more/demo".into()));
    // And the other one's is its own.
    let first = Repository::wheel_of(&repository.clone_with(&[], "v1.0", folder.path()), &folder.path().join("f"), &[]);
    let verdict = judge(&first, &repository);
    reproduced(&verdict);
    assert_eq!(verdict["source"]["git"]["tag"]["name"], "v1.0");
}

#[test]
fn what_was_checked_out_on_windows_is_checked_out_so_again() {
    let folder = folder();
    let setup =
        setup("demo-pkg", "1.0", "demo_pkg").replace(")\n", ", package_data={'demo_pkg': ['*.txt', '*.bin']})\n");
    let files = [
        ("pyproject.toml", BUILD_SYSTEM),
        ("setup.py", setup.as_str()),
        (".gitattributes", "kept.txt -text\n"),
        ("demo_pkg/__init__.py", MODULE),
        ("demo_pkg/kept.txt", "kept\nas it is\n"),
        ("demo_pkg/data.bin", "\0\n\n"),
    ];
    let repository = Repository::new(&folder.path().join("demo"), &files);
    repository.tag("v1.0");
    let clone = repository.clone_with(&["core.autocrlf=true"], "v1.0", folder.path());
    let wheel = Repository::wheel_of(&clone, &folder.path().join("published"), &[]);
    let verdict = judge(&wheel, &repository);
    reproduced(&verdict);
    assert_eq!(verdict["recipe"]["versionControl"]["crlf"], true);
    let plain = repository.clone_with(&[], "v1.0", &folder.path().join("plain"));
    let wheel = Repository::wheel_of(&plain, &folder.path().join("published-plain"), &[]);
    let verdict = judge(&wheel, &repository);
    reproduced(&verdict);
    assert!(verdict["recipe"]["versionControl"]["crlf"].is_null(), "{}", verdict["recipe"]["versionControl"]);
}

#[test]
fn a_wheel_that_was_built_from_its_sdist_is_built_so_again() {
    let folder = folder();
    let pyproject = "[build-system]\nrequires = [\"hatchling==1.25.0\"]\nbuild-backend = \"hatchling.build\"\n[project]\nname = \"demo-pkg\"\n\
                     version = \"1.0\"\n[tool.hatch.build.targets.sdist]\nexclude = [\"demo_pkg/internal.py\"]\n";
    let files = [("pyproject.toml", pyproject), ("demo_pkg/__init__.py", MODULE), ("demo_pkg/internal.py", "I = 1\n")];
    let repository = Repository::new(&folder.path().join("demo"), &files);
    repository.tag("v1.0");
    let wheel = repository.wheel_from_sdist("v1.0", folder.path());
    let verdict = judge(&wheel, &repository);
    reproduced(&verdict);
    assert_eq!(verdict["recipe"]["switches"]["throughSdist"], true);
    assert_eq!(verdict["recipe"]["origin"], "searched");
}

#[test]
fn what_follows_the_hash_seed_is_built_with_one_that_gives_it() {
    let folder = folder();
    let setup = "from setuptools import setup\nsetup(name='demo-pkg', version='1.0', packages=['demo_pkg'], \
                 install_requires=list({'one', 'two', 'three'}))\n";
    let files = [("pyproject.toml", BUILD_SYSTEM), ("setup.py", setup), ("demo_pkg/__init__.py", MODULE)];
    let repository = Repository::new(&folder.path().join("demo"), &files);
    repository.tag("v1.0");
    let published = |seed: u32| {
        let clone = repository.clone_with(&[], "v1.0", &folder.path().join(format!("clone-{seed}")));
        let into = folder.path().join(format!("published-{seed}"));
        Repository::wheel_of(&clone, &into, &[("PYTHONHASHSEED", &seed.to_string())])
    };
    let verdict = judge(&published(3), &repository);
    reproduced(&verdict);
    let recipe = &verdict["recipe"];
    assert_eq!(recipe["origin"], "searched");
    assert!(recipe["switches"]["hashSeed"].is_u64(), "{recipe}");
    let note = finding(&verdict, "variation-not-effective")["detail"].as_str().unwrap();
    assert!(note.contains("hash-seed"), "{note}");
}
