//! Runs over lists, and recipes that are given in part.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{folder, rebuild, run, text, twinbuild};

fn line(name: &str, version: &str) -> String {
    format!("{{\"name\":\"{name}\",\"version\":\"{version}\"}}\n")
}

/// The subjects of the results that have a verdict, as often as they have one.
fn judged(results: &Path) -> Vec<String> {
    let lines = fs::read_to_string(results).unwrap();
    let mut subjects: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["verdict"].is_object())
        .map(|line| line["subject"].as_str().unwrap().to_owned())
        .collect();
    subjects.sort();
    subjects
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    let folder = folder();
    let list = folder.path().join("list.jsonl");
    fs::write(&list, line("six", "1.16.0") + &line("idna", "3.4") + &line("tomli", "2.0.1")).unwrap();
    let results = folder.path().join("results.jsonl");
    let arguments = ["corpus", "run", text(&list), "-o", text(&results)];
    let mut first = twinbuild().args(arguments).spawn().unwrap();
    let started = Instant::now();
    // As soon as the first result is there, whatever is being done then.
    while !fs::read(&results).is_ok_and(|text| text.contains(&b'\n')) {
        assert!(started.elapsed() < Duration::from_secs(600), "no result");
        std::thread::sleep(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let before = judged(&results);
    assert!((1..3).contains(&before.len()), "{before:?}");
    // And in the middle of a line.
    let mut torn = fs::read(&results).unwrap();
    torn.extend(b"{\"subject\":\"pkg:pypi/tomli@2.0.1\",\"verdict\":{\"outc");
    fs::write(&results, torn).unwrap();
    let said = run(twinbuild().args(arguments));
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(judged(&results), ["pkg:pypi/idna@3.4", "pkg:pypi/six@1.16.0", "pkg:pypi/tomli@2.0.1"], "{said}");
    let said = said.out;
    assert!(said.contains("3 100.0 %  reproduced\n") && said.contains("processor time: "), "{said}");
}

#[test]
fn a_run_reports_on_its_list_and_on_what_changed() {
    let folder = folder();
    let list = folder.path().join("list.jsonl");
    fs::write(&list, line("six", "1.16.0") + &line("typer", "0.9.0")).unwrap();
    let results = folder.path().join("list.jsonl.results.jsonl");
    let arguments = ["--format", "json", "corpus", "run", "--jobs", "2", text(&list)];
    let said = run(twinbuild().args(arguments));
    assert_eq!(judged(&results).len(), 2, "{said}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("list.jsonl.report.json")).unwrap();
    assert_eq!((&report["results"]["total"], &report["cost"]["measured"]), (&2.into(), &2.into()));
    let cost = |key: &str| report["cost"][key].as_u64().unwrap();
    assert!(cost("buildProcessorMs") > 0 && cost("buildProcessorMs") < cost("processorMs"), "{}", report["cost"]);
    assert!(read("list.jsonl.report.html").contains("default-src"));
    assert!(read("list.jsonl.report.md").contains("](list.jsonl.report-years.svg)"));
    assert!(read("list.jsonl.report-years.svg").contains("<svg"));
    // The same list, where it is known how typer was built.
    let known = folder.path().join("known.jsonl");
    let recipes = folder.path().join("recipes");
    fs::create_dir_all(recipes.join("pypi/typer")).unwrap();
    let given = "format = 1\nversions = \"==0.9.0\"\nreason = \"as this test has it\"\n[requirements]\ndirect = [\"flit-core==3.8.0\"]\n";
    fs::write(recipes.join("pypi/typer/flit-3.toml"), given).unwrap();
    let older = folder.path().join("list.jsonl.report.json");
    let arguments = ["corpus", "run", text(&list), "-o", text(&known), "--recipes", text(&recipes)];
    let said = run(twinbuild().args(arguments).args(["--compare", text(&older)]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.contains("of the 2 that the older run has"), "{said}");
    assert!(read("known.jsonl.report.md").contains("pypi/typer/flit-3.toml"));
}

#[test]
fn a_verdict_says_what_was_given_of_its_recipe_and_is_replayed() {
    let folder = folder();
    let recipes = folder.path().join("recipes");
    let known = recipes.join("pypi/six");
    fs::create_dir_all(&known).unwrap();
    let head = "format = 1\nversions = \"<2\"\nreason = \"as this test has it\"\n";
    fs::write(known.join("wheel.toml"), format!("{head}[requirements]\ndirect = [\"wheel==0.36.1\"]\n")).unwrap();
    let kept = folder.path().join("kept");
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipes", text(&recipes), "--keep", text(&kept)]);
    assert_eq!((code, &verdict["level"]), (0, &"normalized".into()), "{}", verdict["findings"]);
    let recipe = &verdict["recipe"];
    assert_eq!((&recipe["origin"], &recipe["override"]["reason"]), (&"override".into(), &"as this test has it".into()));
    assert_eq!(recipe["override"]["file"], "pypi/six/wheel.toml");
    assert!(recipe["requirements"]["direct"].to_string().contains("wheel==0.36.1"));
    assert!(!recipe["requirements"]["direct"].to_string().contains("wheel==0.36.2"));
    assert!(fs::read_to_string(kept.join("recipe.toml")).unwrap().contains("# given: as this test has it\n"));
    let said = run(twinbuild().args(["replay", text(&kept.join("verdict.json"))]));
    assert_eq!(said.code, 0, "{said}");
    // No requirement from after the upload comes in, whatever is given.
    fs::write(known.join("wheel.toml"), format!("{head}[requirements]\ndirect = [\"wheel==0.40.0\"]\n")).unwrap();
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipes", text(&recipes)]);
    assert_eq!((code, &verdict["reason"]["class"]), (2, &"requirements-unresolvable".into()), "{}", verdict["reason"]);
    // Nor does the release itself.
    fs::write(known.join("wheel.toml"), format!("{head}[requirements]\ndirect = [\"six==1.16.0\"]\n")).unwrap();
    let (code, verdict) = rebuild(&["pypi:six@1.16.0", "--recipes", text(&recipes)]);
    assert_eq!(code, 2, "{}", verdict["reason"]);
    fs::write(known.join("wheel.toml"), format!("{head}[source]\nexclude = [\"*.py\"]\n")).unwrap();
    let said = run(twinbuild().args(["rebuild", "pypi:six@1.16.0", "--recipes", text(&recipes)]));
    assert_eq!(said.code, 64, "{said}");
}

#[test]
fn a_recipe_that_is_no_longer_needed_is_named() {
    let folder = folder();
    let known = folder.path().join("pypi/six");
    fs::create_dir_all(&known).unwrap();
    let given = "format = 1\nversions = \"==1.16.0\"\nreason = \"it was needed\"\n[interpreter]\nversion = \"3.11\"\n";
    fs::write(known.join("python.toml"), given).unwrap();
    let said = run(twinbuild().args(["--format", "json", "corpus", "check-recipes", text(folder.path())]));
    assert_eq!((said.code, &said.json()["need"]), (1, &"caught-up".into()), "{said}");
    let given = given.replace("==1.16.0", "==99.0");
    fs::write(known.join("python.toml"), given).unwrap();
    let said = run(twinbuild().args(["--format", "json", "corpus", "check-recipes", text(folder.path())]));
    assert_eq!((said.code, &said.json()["need"]), (2, &"unknown".into()), "{said}");
}
