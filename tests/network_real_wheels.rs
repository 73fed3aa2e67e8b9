//! Real wheels of PyPI.

use serde_json::Value;

use crate::support::{finding, folder, rebuild, run, text, twinbuild};

/// Rebuilds a release, and checks what every `reproduced` has.
fn reproduced(release: &str) -> Value {
    let (code, verdict) = rebuild(&[&format!("pypi:{release}")]);
    assert_eq!(verdict["outcome"], "reproduced", "{verdict:#}");
    assert_eq!(code, 0, "{verdict:#}");
    assert_eq!(verdict["source"]["trust"], "same-upload");
    let files = &verdict["comparison"]["files"];
    let count = |key: &str| files[key].as_u64().unwrap();
    assert_eq!(count("identical") + count("normalized"), count("total"));
    let bytes = &verdict["comparison"]["bytes"];
    assert_eq!(bytes["differing"], 0);
    verdict
}

fn level(verdict: &Value) -> &str {
    verdict["level"].as_str().unwrap()
}

#[test]
fn six_is_reproduced_and_the_verdict_is_of_the_published_form() {
    let verdict = reproduced("six@1.16.0");
    assert_eq!(level(&verdict), "repacked");
    let schema: Value = serde_json::from_str(include_str!("../docs/verdict.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&verdict).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
    assert!(verdict["sharedInputs"].as_array().unwrap().len() > 20);
    // The same inputs give the same digest.
    assert_eq!(reproduced("six@1.16.0")["verdictDigest"], verdict["verdictDigest"]);
}

#[test]
fn the_published_schema_is_the_one_of_the_program() {
    let published: Value = serde_json::from_str(include_str!("../docs/verdict.schema.json")).unwrap();
    let current = twinbuild_verdict::Verdict::schema();
    assert_eq!(
        published, current,
        "write it again: cargo run --example schema -p twinbuild-verdict > docs/verdict.schema.json"
    );
}

#[test]
fn every_variation_shows_inside() {
    let verdict = reproduced("six@1.16.0");
    let processors = std::thread::available_parallelism().unwrap().get();
    for rebuild in verdict["rebuilds"].as_array().unwrap() {
        let variations = rebuild["variations"].as_array().unwrap();
        assert_eq!(variations.len(), 22);
        for variation in variations {
            let is_possible = variation["name"] != "processors" || processors > 1;
            assert_eq!(variation["effective"], is_possible, "{variation}");
        }
        assert_eq!(rebuild["networkAttempts"], 0);
    }
}

#[test]
fn wheels_of_each_backend_are_reproduced() {
    // hatchling and poetry-core write fixed times, flit those of its source; setuptools asks its own requirements.
    let releases = [
        ("iniconfig@2.0.0", "bit-for-bit"),
        ("backoff@2.2.1", "bit-for-bit"),
        ("idna@3.4", "repacked"),
        ("python-dateutil@2.8.2", "repacked"),
    ];
    for (release, expected) in releases {
        assert_eq!(level(&reproduced(release)), expected, "{release}");
    }
}

#[test]
fn the_published_file_is_written_again_from_a_rebuild() {
    let folder = folder();
    let kept = folder.path().join("kept");
    let (_, verdict) = rebuild(&["pypi:six@1.16.0", "--keep", text(&kept)]);
    let (name, published) = ("six-1.16.0-py2.py3-none-any.whl", &verdict["subject"]["digests"]["sha256"]);
    let (parameters, output) = (kept.join("verdict.json"), folder.path().join(name));
    for twin in ["first", "second"] {
        let members = kept.join(twin).join(name);
        let arguments = ["--parameters", text(&parameters), "--members", text(&members), "-o", text(&output)];
        let said = run(twinbuild().args(["--format", "json", "repack"]).args(arguments));
        assert_eq!(said.code, 0, "{said}");
        assert_eq!(&said.json()["sha256"], published);
        assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(kept.join("published").join(name)).unwrap());
    }
    // Members of another release do not fit, and nothing is left of the attempt.
    let other = folder.path().join("other");
    rebuild(&["pypi:idna@3.4", "--keep", text(&other)]);
    let members = other.join("first/idna-3.4-py3-none-any.whl");
    let target = folder.path().join("none.whl");
    let arguments = ["--parameters", text(&parameters), "--members", text(&members), "-o", text(&target)];
    let said = run(twinbuild().arg("repack").args(arguments));
    assert_eq!(said.code, 1, "{said}");
    assert!(std::fs::read_dir(folder.path()).unwrap().count() == 3, "kept, other and the file that was written");
}

#[test]
fn a_list_is_judged_once_and_then_only_counted() {
    let folder = folder();
    let list = folder.path().join("list.jsonl");
    std::fs::write(&list, "{\"name\":\"six\",\"version\":\"1.16.0\"}\n{\"name\":\"idna\",\"version\":\"3.4\"}\n")
        .unwrap();
    let said = run(twinbuild().args(["corpus", "run", text(&list)]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.contains("2 100.0 %  reproduced"), "{said}");
    let results = folder.path().join("list.jsonl.results.jsonl");
    let before = std::fs::read(&results).unwrap();
    let said = run(twinbuild().args(["corpus", "run", "--offline", "--format", "json", text(&list)]));
    assert_eq!((said.code, said.json()["outcomes"]["reproduced"].as_u64()), (0, Some(2)), "{said}");
    assert_eq!(std::fs::read(&results).unwrap(), before);
}

#[test]
fn a_recipe_is_inferred_printed_and_used() {
    let folder = folder();
    let said = run(twinbuild().args(["infer", "pypi:six@1.16.0"]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.contains("wheel==0.36.2") && said.out.contains("# "), "{said}");
    let path = folder.path().join("recipe.toml");
    std::fs::write(&path, &said.out).unwrap();
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipe", text(&path)]);
    assert_eq!((code, verdict["recipe"]["origin"].as_str()), (0, Some("given")), "{verdict:#}");
    // Another version of the tool that writes WHEEL is normalized, and shows when nothing is.
    std::fs::write(&path, said.out.replace("wheel==0.36.2", "wheel==0.36.1")).unwrap();
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipe", text(&path)]);
    assert_eq!((code, verdict["level"].as_str()), (0, Some("normalized")), "{verdict:#}");
    assert_eq!(verdict["normalizersApplied"][0]["name"], "wheel-file-generator");
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--strict", "--recipe", text(&path)]);
    assert_eq!((code, verdict["mismatch"].as_str()), (1, Some("packaging")), "{verdict:#}");
    assert_eq!(finding(&verdict, "metadata-changed")["path"], "six-1.16.0.dist-info/WHEEL");
    // Requirements from after the upload are refused.
    std::fs::write(&path, said.out.replace("2021-05-05T", "2022-05-05T")).unwrap();
    let said = run(twinbuild().args(["rebuild", "pypi:six@1.16.0", "--recipe", text(&path)]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("requirements.cutoff"), "{said}");
}

#[test]
fn what_was_fetched_once_is_judged_offline() {
    reproduced("six@1.16.0");
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--offline"]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")));
    let said = run(twinbuild().args(["rebuild", "pypi:surely-not-fetched@1.0", "--offline"]));
    assert_eq!(said.code, 2, "{said}");
    assert!(said.err.contains("--offline"), "{said}");
}

#[test]
fn names_that_do_not_exist_are_usage_errors_that_say_what_does() {
    let said = run(twinbuild().args(["rebuild", "pypi:six@99.0"]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("1.16.0") || said.err.contains("1.17.0"), "{said}");
    let said = run(twinbuild().args(["rebuild", "pypi:six@1.16.0", "--artifact", "six.whl"]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("six-1.16.0-py2.py3-none-any.whl"), "{said}");
}

#[test]
fn an_sdist_whose_repository_is_not_there_has_no_source() {
    let mut command = twinbuild();
    command.env("TWINBUILD_GIT_INSTEAD_OF", "https://=/nowhere/ http://=/nowhere/");
    let said = run(command.args(["--format", "json", "rebuild", "pypi:six@1.16.0", "--artifact", "six-1.16.0.tar.gz"]));
    let verdict = said.json();
    let seen = (said.code, verdict["outcome"].as_str());
    assert_eq!(seen, (2, Some("source-missing")), "{}", verdict["reason"]);
}
