//! What the command line says of itself, and to whom it says what.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Said, folder, run, text, twinbuild};

/// Zip files that differ, as `compare` tells in colours.
fn pair(folder: &Path) -> [String; 2] {
    ["a", "b"].map(|content| {
        let path = folder.join(format!("{content}.zip"));
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        zip.start_file("member", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, content.as_bytes()).unwrap();
        zip.finish().unwrap();
        text(&path).to_owned()
    })
}

/// What a command prints on a pseudo terminal; its standard error goes to a file, or stands there too.
fn on_terminal(command: &str, variables: &[(&str, &str)], err: Option<&Path>) -> Said {
    let program = env!("CARGO_BIN_EXE_twinbuild");
    let redirect = err.map(|path| format!(" 2>'{}'", path.display())).unwrap_or_default();
    let mut script = Command::new("script");
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        script.env_remove(variable);
    }
    script.env("TERM", "xterm").envs(variables.iter().copied());
    run(script.args(["--quiet", "--return", "--command", &format!("{program} {command}{redirect}"), "/dev/null"]))
}

#[test]
fn completions_are_there_for_each_shell_and_name_no_hidden_command() {
    for (shell, checker) in [
        ("bash", Some(["bash", "-n"])),
        ("zsh", Some(["zsh", "-n"])),
        ("fish", Some(["fish", "--no-execute"])),
        ("elvish", None),
        ("powershell", None),
    ] {
        let said = run(twinbuild().args(["completions", shell]));
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said}");
        for word in ["rebuild", "check-recipes", "completions", "index-url"] {
            assert!(said.out.contains(word), "{shell}: {word}");
        }
        assert!(!said.out.contains("recheck-confined"), "{shell}");
        let folder = folder();
        let path = folder.path().join("script");
        fs::write(&path, &said.out).unwrap();
        // Where a shell is installed, it reads its script.
        if let Some([program, flag]) = checker
            && let Ok(checked) = Command::new(program).arg(flag).arg(&path).output()
        {
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    let script = run(twinbuild().args(["completions", "bash"])).out;
    // As bash calls it: with the command, the word that is completed, and the one before it.
    let complete = |words: &[&str]| {
        let (at, all) = (words.len() - 1, words.join(" "));
        let arguments = format!("twinbuild '{}' '{}'", words[at], words[at - 1]);
        let asking =
            format!("COMP_WORDS=({all} ''); COMP_CWORD={at}; _twinbuild {arguments}; echo \"${{COMPREPLY[@]}}\"");
        run(Command::new("bash").args(["--norc", "-c", &format!("{script}\n{asking}")])).out
    };
    assert_eq!(complete(&["twinbuild", "reb"]), "rebuild\n");
    assert_eq!(complete(&["twinbuild", "key", "gen"]), "generate\n");
    assert_eq!(complete(&["twinbuild", "rebuild", "--from", ""]), "sdist git either\n");
    let said = run(twinbuild().args(["completions", "bsh"]));
    assert!(said.code == 64 && said.err.contains("'bash'"), "{said}");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = folder();
    let out = folder.path().join("share/man1");
    let said = run(twinbuild().args(["man", "--out", text(&out)]));
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said}");
    let mut names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in ["twinbuild.1", "twinbuild-rebuild.1", "twinbuild-key-generate.1", "twinbuild-help.1"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("recheck") || name.contains("-key-help")), "{names:?}");
    for name in &names {
        let page = fs::read_to_string(out.join(name)).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && !page.contains("recheck-confined"), "{name}");
        let man = ["--warnings", "--encoding=UTF-8", "--local-file"];
        let checked =
            Command::new("man").args(man).arg(out.join(name)).env("MANROFFSEQ", "").env("LC_ALL", "C.UTF-8").output();
        if let Ok(checked) = checked
            && checked.status.success()
        {
            assert_eq!(String::from_utf8_lossy(&checked.stderr), "", "{name}");
        }
    }
}

#[test]
fn help_explains_commands_and_topics() {
    let said = run(twinbuild().arg("help"));
    assert_eq!(said.code, 0, "{said}");
    let (_, topics) = said.out.split_once("Topics, for `twinbuild help TOPIC`:").unwrap();
    for topic in ["outcomes", "levels", "trust", "exit-codes", "configuration", "environment", "policy", "nightly"] {
        assert!(topics.contains(topic), "{topic}");
        let explained = run(twinbuild().args(["help", topic]));
        assert!(explained.code == 0 && explained.out.lines().count() > 3, "{explained}");
    }
    assert!(!said.out.contains("recheck-confined"), "{said}");
    for words in [&["rebuild"][..], &["key", "generate"], &["corpus"]] {
        let help = run(twinbuild().arg("help").args(words));
        let flag = run(twinbuild().args(words).arg("--help"));
        assert_eq!((help.code, &help.out), (0, &flag.out), "{words:?}");
    }
    for (words, expected) in [
        (&["rebiuld"][..], "did you mean `rebuild`?"),
        (&["outcome"], "did you mean `outcomes`?"),
        (&["key", "genrate"], "did you mean `generate`?"),
        (&["nothing"], "these are known: rebuild, "),
        (&["rebuild", "x"], "`twinbuild rebuild` has none below it"),
        (&["recheck-confined"], "is not a command or topic"),
    ] {
        let said = run(twinbuild().arg("help").args(words));
        assert!(said.code == 64 && said.err.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = folder();
    let [a, b] = pair(folder.path());
    let comparing = format!("compare {a} {b}");
    let err = folder.path().join("err");
    let is_coloured =
        |variables: &[(&str, &str)]| on_terminal(&comparing, variables, Some(&err)).out.contains('\u{1b}');
    assert!(is_coloured(&[]));
    assert!(!is_coloured(&[("NO_COLOR", "1")]));
    assert!(!is_coloured(&[("TERM", "dumb")]));
    assert!(!is_coloured(&[("CLICOLOR", "0")]));
    assert!(!is_coloured(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    // The logs of continuous integration show colours, and its terminals are often called dumb.
    assert!(is_coloured(&[("TERM", "dumb"), ("CI", "true")]));
    assert!(!is_coloured(&[("CI", "true"), ("NO_COLOR", "1")]));

    // Standard output is looked at by itself, whatever standard error is, and the other way round.
    let piped = |variables: &[(&str, &str)]| {
        let mut command = twinbuild();
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("TERM", "xterm");
        run(command.envs(variables.iter().copied()).args(["compare", &a, &b]))
    };
    assert!(!piped(&[]).out.contains('\u{1b}'));
    assert!(piped(&[("CLICOLOR_FORCE", "1")]).out.contains('\u{1b}'));
    let failing = |variables: &[(&str, &str)], err: Option<&Path>| {
        let said = on_terminal("help nothing", variables, err);
        assert_eq!(said.code, 64, "{said}");
        err.map_or(said.out, |path| fs::read_to_string(path).unwrap())
    };
    let red = "\u{1b}[1m\u{1b}[31merror";
    assert!(failing(&[], None).contains(red));
    // What moves a line is no colour.
    let said = failing(&[("NO_COLOR", "1")], None);
    assert!(said.contains("error: ") && !said.contains("\u{1b}[1m"), "{said:?}");
    for (variables, err) in [(&[("TERM", "dumb")][..], None), (&[], Some(&*err))] {
        let said = failing(variables, err);
        assert!(said.contains("error: ") && !said.contains('\u{1b}'), "{said:?}");
    }
}

#[test]
fn only_results_go_to_standard_output() {
    let folder = folder();
    let [a, _] = pair(folder.path());
    let output = folder.path().join("out.zip");
    let said = run(twinbuild().args(["--verbose", "normalize", &a, "-o", text(&output)]));
    assert_eq!((said.code, said.out.lines().count()), (0, 1), "{said}");
    let said = run(twinbuild().args(["compare", &a, "nothing.zip"]));
    assert!(said.code == 64 && said.out.is_empty() && said.err.starts_with("error: "), "{said}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder();
    let [a, b] = pair(folder.path());
    for (arguments, code) in [
        (&["help", "configuration"][..], 0),
        (&["--help"], 0),
        (&["completions", "zsh"], 0),
        (&["--format", "json", "env", "list"], 0),
        (&["compare", &a, &b], 1),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = twinbuild().args(arguments).stdout(writer).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), err.as_str()), (Some(code), ""), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = twinbuild().args(["help", "outcomes"]).stdout(full).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("writing to the standard output") && err.contains("next: free some space"), "{err}");
}

#[test]
fn a_terminal_that_is_dumb_gets_lines_and_nothing_that_moves() {
    let folder = folder();
    let [a, b] = pair(folder.path());
    // As much as it takes for the line to be drawn.
    let said = on_terminal(&format!("compare {a} {b}"), &[("TERM", "dumb")], None);
    assert!(said.code == 1 && !said.out.contains('\u{1b}'), "{said:?}", said = said.out);
}

/// The lines of standard error, each of which is a JSON object.
fn json_lines(said: &Said) -> Vec<Value> {
    said.err.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn logs_for_machines_are_json_to_the_last_line() {
    let cache = folder();
    let mut command = twinbuild();
    command.env("TWINBUILD_CACHE_DIR", cache.path()).args(["--log-format", "json", "--verbose"]);
    // Nobody listens there; a port of one digit is nobody's.
    command.args(["--index-url", "http://127.0.0.1:9/simple", "rebuild", "pypi:demo@1.0"]);
    let said = run(&mut command);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said}");
    let lines = json_lines(&said);
    for line in &lines {
        let time: &str = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("twinbuild") && line["message"].is_string(), "{line}");
        assert!(line["fields"].is_object() && line["spans"].is_array(), "{line}");
    }
    let again = lines.iter().find(|line| line["message"] == "trying again").unwrap();
    assert_eq!(again["fields"]["attempts"], 1, "{again}");
    assert_eq!(again["spans"][0]["name"], "download", "{again}");
    assert_eq!(again["spans"][0]["fields"]["what"], "the index page of demo", "{again}");
    let last = lines.last().unwrap();
    assert_eq!((last["level"].as_str(), last["fields"]["exitCode"].as_u64()), (Some("ERROR"), Some(2)), "{last}");
    assert!(last["fields"]["next"].as_str().unwrap().contains("check the network"), "{last}");
}

#[test]
fn a_command_line_that_cannot_be_read_is_told_as_json_where_that_is_asked_for() {
    for (words, variable, is_json) in [
        (&["--log-format", "json", "rebiuld"][..], "text", true),
        (&["rebiuld", "--log-format=json"], "", true),
        (&["rebiuld"], "json", true),
        (&["--log-format", "text", "rebiuld"], "json", false),
    ] {
        let said = run(twinbuild().env("TWINBUILD_LOG_FORMAT", variable).args(words));
        assert!(said.code == 64 && said.out.is_empty() && said.err.contains("'rebuild'"), "{said}");
        assert_eq!(said.err.starts_with('{') && json_lines(&said)[0]["fields"]["exitCode"] == 64, is_json, "{said}");
    }
}

#[test]
fn hostile_text_cannot_leave_a_line_of_the_log() {
    let mut command = twinbuild();
    command.env("TWINBUILD_LOG_FORMAT", "json").args(["help", "\u{1b}[2J\n{\"level\":\"INFO\"}\u{202e}\u{9b}"]);
    let said = run(&mut command);
    assert_eq!((said.code, said.err.lines().count()), (64, 1), "{said}");
    assert!(!said.err.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{said}");
    let message = json_lines(&said)[0]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("\u{1b}[2J\n{\"level\":\"INFO\"}\u{202e}\u{9b}"),
        "a reader of JSON gets it as it was: {message:?}"
    );
}

#[test]
fn the_index_is_that_of_the_clients_and_is_told_with_who_named_it() {
    let folder = folder();
    let path = folder.path().join("uv.toml");
    fs::write(&path, "[[index]]\nurl = 'https://user:secret@uv.example/simple'\ndefault = true\n").unwrap();
    let mut command = twinbuild();
    for variable in ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NO_CONFIG", "UV_CONFIG_FILE"] {
        command.env_remove(variable);
    }
    let said = run(command.current_dir(folder.path()).arg("doctor"));
    let expected = format!("index: https://uv.example/simple/ ({})", text(&fs::canonicalize(&path).unwrap()));
    assert!(said.out.contains(&expected) && !said.out.contains("secret"), "{said}");
    fs::write(&path, "index-url = 1\n").unwrap();
    let said = run(twinbuild().current_dir(folder.path()).arg("doctor"));
    assert!(said.code == 64 && said.err.contains("uv.toml") && said.err.contains("--index-url"), "{said}");
}

#[test]
fn indexes_that_are_not_asked_are_told() {
    let mut command = twinbuild();
    command.env("PIP_EXTRA_INDEX_URL", "https://user:secret@extra.example/simple").env("UV_NO_CONFIG", "1");
    let said = run(command.args(["env", "list"]));
    assert_eq!(said.code, 0, "{said}");
    assert!(said.err.contains("the variable PIP_EXTRA_INDEX_URL names another index, which is not asked"), "{said}");
    assert!(!said.err.contains("secret"), "{said}");
}
