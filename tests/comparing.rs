//! `twinbuild compare`, and the command line itself.

use std::fs;

use crate::fixtures::project;
use crate::support::{folder, run, text, twinbuild};

#[test]
fn equal_files_are_identical_and_others_are_explained() {
    let (one, other) = (folder(), folder());
    let (left, right) = (project(one.path(), ""), project(other.path(), ""));
    let said = run(twinbuild().args(["compare", text(&left.wheel), text(&right.wheel)]));
    assert_eq!((said.code, said.out.as_str()), (0, "identical\n"), "{said}");
    let mut bytes = fs::read(&right.wheel).unwrap();
    let comment = b"comment";
    let end = bytes.len() - 2;
    bytes[end] = u8::try_from(comment.len()).unwrap();
    bytes.extend(comment);
    fs::write(&right.wheel, bytes).unwrap();
    let said = run(twinbuild().args(["compare", text(&left.wheel), text(&right.wheel), "--format", "json"]));
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(said.json()["relation"], "different");
    assert_eq!(said.json()["findings"][0]["code"], "zip-comment");
}

#[test]
fn a_comparison_is_a_page_where_one_is_asked_for() {
    let folder = folder();
    let wheel = project(folder.path(), "").wheel;
    let said = run(twinbuild().args(["compare", text(&wheel), text(&wheel), "--format", "html"]));
    assert_eq!(said.code, 0, "{said}");
    assert!(
        said.out.starts_with("<!DOCTYPE html>") && said.out.contains("The two files are the same bytes."),
        "{said}"
    );
    let said = run(twinbuild().args(["--format", "markdown", "compare", text(&wheel), text(&wheel)]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.starts_with("# identical: `"), "{said}");
    let broken = folder.path().join("a-1-py3-none-any.whl");
    fs::write(&broken, "not a zip").unwrap();
    let said = run(twinbuild().args(["compare", text(&broken), text(&wheel), "--format", "markdown"]));
    assert_eq!(said.code, 1, "{said}");
    assert!(said.out.starts_with("# rejected: `"), "{said}");
}

#[test]
fn a_command_without_pages_says_so_before_it_does_anything() {
    for command in [&["doctor"][..], &["infer", "pypi:six@1.16.0"], &["corpus", "run", "/nonexistent"]] {
        for format in ["html", "markdown"] {
            let said = run(twinbuild().args(command).args(["--format", format]));
            assert_eq!(said.code, 64, "{command:?}: {said}");
            assert!(said.out.is_empty() && said.err.contains(format), "{said}");
        }
    }
}

#[test]
fn what_is_no_archive_is_said() {
    let folder = folder();
    let path = folder.path().join("a-1-py3-none-any.whl");
    fs::write(&path, "not a zip").unwrap();
    let said = run(twinbuild().args(["compare", text(&path), text(&path)]));
    assert_eq!(said.code, 1, "{said}");
    let said = run(twinbuild().args(["compare", "/nonexistent.whl", text(&path)]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("/nonexistent.whl"), "{said}");
}

#[test]
fn the_command_line_is_checked() {
    for arguments in
        [&["rebuild"][..], &["rebuild", "six"], &["rebuild", "pypi:six"], &["rebuild", "npm:six@1"], &["nonsense"]]
    {
        let said = run(twinbuild().args(arguments));
        assert_eq!(said.code, 64, "{arguments:?}: {said}");
        assert!(said.out.is_empty(), "{said}");
    }
    let said = run(twinbuild().arg("--help"));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.out.contains("Exit codes"), "{said}");
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("twinbuild.toml"), "index = \"x\"\n").unwrap();
    let said = run(twinbuild().current_dir(folder.path()).args(["rebuild", "pypi:six@1.16.0"]));
    assert_eq!(said.code, 64, "{said}");
    assert!(said.err.contains("twinbuild.toml") && said.err.contains("index"), "{said}");
}

#[test]
fn an_unknown_sandbox_is_a_usage_error_wherever_it_is_named() {
    let by_flag = run(twinbuild().args(["doctor", "--sandbox", "podman"]));
    let by_variable = run(twinbuild().arg("doctor").env("TWINBUILD_SANDBOX", "podman"));
    for said in [by_flag, by_variable] {
        assert_eq!(said.code, 64, "{said}");
        assert!(said.err.contains("podman") && said.err.contains("auto, own or bubblewrap"), "{said}");
    }
}

#[test]
fn the_doctor_says_what_this_host_supports() {
    let said = run(twinbuild().args(["doctor", "--format", "json"]));
    assert_eq!(said.code, 0, "{said}");
    let checks = said.json();
    let checks = checks["checks"].as_array().unwrap();
    assert!(checks.len() >= 5, "{said}");
    assert!(checks.iter().all(|check| check["ok"] == true), "{said}");
    let bubblewrap = checks.iter().find(|check| check["name"] == "bubblewrap").unwrap();
    assert!(bubblewrap["found"].as_str().unwrap().ends_with("it is not needed"), "{said}");
}
