//! Wheels of PyPI whose recipe is told by evidence, or found by search.

use serde_json::Value;

use crate::support::{finding, folder, rebuild, run, text, twinbuild};

/// Rebuilds a release; gives its verdict, of which only the few parts that are shown are printed where a test fails.
fn judged(release: &str, more: &[&str]) -> Value {
    rebuild(&[&[format!("pypi:{release}").as_str()], more].concat()).1
}

fn shown(verdict: &Value) -> String {
    let recipe = &verdict["recipe"];
    format!("{} {} {} {}", verdict["outcome"], verdict["reason"], recipe["origin"], recipe["requirements"]["direct"])
}

fn trials(verdict: &Value) -> &[Value] {
    verdict["search"]["trials"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn how_metadata_is_written_tells_which_setuptools_wrote_it() {
    for (release, requirement) in [("certifi@2023.7.22", "setuptools<62.2"), ("cycler@0.11.0", "setuptools<57")] {
        let verdict = judged(release, &["--trials", "0"]);
        assert_eq!(verdict["outcome"], "reproduced", "{release}: {}", shown(&verdict));
        let direct = verdict["recipe"]["requirements"]["direct"].as_array().unwrap();
        assert!(direct.iter().any(|text| text == requirement), "{release}: {}", shown(&verdict));
        assert!(verdict["search"].is_null());
    }
}

#[test]
fn wheels_that_were_built_on_windows_are_built_as_there() {
    let verdict = judged("uritemplate@3.0.1", &["--trials", "0"]);
    assert_eq!(verdict["outcome"], "reproduced", "{}", shown(&verdict));
    assert_eq!(verdict["recipe"]["switches"]["windows"], true);
    // Both twins have the mask of the publisher, so nothing is known of what depends on it.
    let path = finding(&verdict, "variation-not-effective")["detail"].as_str().unwrap();
    assert!(path.contains("umask"), "{path}");
}

#[test]
fn what_builds_itself_is_built_by_its_own_command() {
    let verdict = judged("wheel@0.38.4", &["--trials", "0"]);
    assert_eq!(verdict["outcome"], "reproduced", "{}", shown(&verdict));
    // setuptools asks for a wheel all the same, and gets an older one, which the own one hides.
    let locked = verdict["recipe"]["requirements"]["locked"].as_array().unwrap();
    let is_own = |requirement: &Value| requirement["name"] == "wheel" && requirement["version"] == "0.38.4";
    assert!(!locked.iter().any(is_own), "{}", shown(&verdict));
}

#[test]
fn a_recipe_is_found_and_can_be_used_and_replayed() {
    let inferred = judged("tzlocal@5.1", &["--trials", "0"]);
    assert_eq!(inferred["outcome"], "not-reproduced", "{}", shown(&inferred));
    let folder = folder();
    let kept = folder.path().join("kept");
    let inputs = folder.path().join("inputs");
    let verdict = judged("tzlocal@5.1", &["--keep", text(&kept), "--keep-inputs", text(&inputs)]);
    assert_eq!((&verdict["outcome"], &verdict["recipe"]["origin"]), (&"reproduced".into(), &"searched".into()));
    let trials = trials(&verdict);
    assert!((1..=24).contains(&trials.len()));
    let found = trials.iter().find(|trial| trial["score"]["differing"] == 0 && trial["score"]["missing"] == 0);
    assert!(found.is_some_and(|trial| !trial["changes"].as_array().unwrap().is_empty()));
    // What is kept is of the recipe that was found.
    let recipe = kept.join("recipe.toml");
    assert!(std::fs::read_to_string(&recipe).unwrap().contains("debian-setuptools = true"));
    assert_eq!(std::fs::read_dir(kept.join("first")).unwrap().count(), 1);
    let given = judged("tzlocal@5.1", &["--recipe", text(&recipe)]);
    assert_eq!((&given["outcome"], &given["recipe"]["origin"]), (&"reproduced".into(), &"given".into()));
    // The same search comes to the same verdict, and so does a replay, which does not search.
    let digest = verdict["verdictDigest"].as_str().unwrap();
    assert_eq!(judged("tzlocal@5.1", &[])["verdictDigest"], digest);
    let replayed = run(twinbuild().args(["replay", text(&inputs.join(format!("verdicts/{digest}.json")))]));
    assert_eq!(replayed.code, 0, "{replayed}");
}

#[test]
fn a_search_that_finds_nothing_says_what_was_tried() {
    // Its sdist has another config.py than its wheel.
    let verdict = judged("gunicorn@20.1.0", &["--trials", "3"]);
    assert_eq!((&verdict["outcome"], &verdict["mismatch"]), (&"not-reproduced".into(), &"code".into()));
    assert_eq!((trials(&verdict).len(), &verdict["recipe"]["origin"]), (3, &"inferred".into()));
    assert_eq!(verdict["search"]["mostTrials"], 3);
}
