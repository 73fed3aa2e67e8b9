//! Sdists against the commits that they were made from, and wheels against both.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::fixtures::sdist;
use crate::published::{BACKENDS, Release, SDIST, poison, release, wheel_of};
use crate::support::{finding, folder, rebuild, run, text, twinbuild};

/// Requirements are those of now, as the publisher's were.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap().to_string()
}

fn from_commit(subject: &Path, of: &Release) -> (i32, Value) {
    rebuild(&[text(subject), "--source", &of.commit(), "--as-of", &now()])
}

/// What a verdict comes to, in a line.
fn gist(verdict: &Value) -> String {
    let codes: Vec<_> = verdict["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    format!("{} {} {} {codes:?}", verdict["outcome"], verdict["mismatch"], verdict["reason"])
}

/// The paths of the findings of this code.
fn paths<'a>(verdict: &'a Value, code: &str) -> Vec<&'a str> {
    let findings = verdict["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["code"] == code).filter_map(|finding| finding["path"].as_str()).collect()
}

#[test]
fn what_was_published_comes_out_of_the_commit_and_one_more_file_does_not() {
    for backend in &BACKENDS {
        let folder = folder();
        let release = release(folder.path(), backend);
        let (code, verdict) = from_commit(&release.sdist, &release);
        assert_eq!((code, &verdict["outcome"]), (0, &"reproduced".into()), "{}: {}", backend.name, gist(&verdict));
        let (code, verdict) = from_commit(&release.wheel, &release);
        assert_eq!(
            (code, &verdict["outcome"]),
            (0, &"reproduced".into()),
            "{} wheel: {}",
            backend.name,
            gist(&verdict)
        );

        poison(&release.sdist, "demo/evil.py", b"import os\n");
        let (code, verdict) = from_commit(&release.sdist, &release);
        assert_eq!(code, 1, "{}: {}", backend.name, gist(&verdict));
        assert_eq!((&verdict["outcome"], &verdict["mismatch"]), (&"not-reproduced".into(), &"unsourced".into()));
        let unsourced = finding(&verdict, "unsourced-member");
        assert_eq!((&unsourced["path"], &unsourced["severity"]), (&"demo-1.0/demo/evil.py".into(), &"alert".into()));
    }
}

#[test]
fn a_poisoned_sdist_with_an_honest_commit_is_named_for_what_it_is() {
    let folder = folder();
    let release = release(folder.path(), &BACKENDS[2]);
    let honest = |subject: &Path, sdist: &Path| {
        let arguments = [text(subject), "--source", text(sdist), "--commit", &release.commit(), "--as-of", &now()];
        rebuild(&arguments)
    };
    let (code, verdict) = honest(&release.wheel, &release.sdist);
    assert_eq!((code, &verdict["outcome"]), (0, &"reproduced".into()), "{}", gist(&verdict));
    assert_eq!(verdict["chain"]["outcome"], "reproduced");
    assert_eq!(verdict["source"]["trust"], verdict["chain"]["source"]["trust"]);

    // What its author would see is the repository, and what users install comes from the sdist.
    let poisoned = folder.path().join("poisoned");
    fs::create_dir(&poisoned).unwrap();
    let sdist = poisoned.join(SDIST);
    fs::copy(&release.sdist, &sdist).unwrap();
    poison(&sdist, "demo/evil.py", b"import os\n");
    poison(&sdist, "NEWS.md", b"Nothing.\n");
    let wheel = wheel_of(&sdist, &poisoned);

    let (code, verdict) = rebuild(&[text(&wheel), "--source", text(&sdist), "--as-of", &now()]);
    assert_eq!((code, &verdict["outcome"]), (0, &"reproduced".into()), "{}", gist(&verdict));
    assert!(verdict["chain"].is_null());

    let (code, verdict) = honest(&wheel, &sdist);
    assert_eq!((code, &verdict["outcome"]), (1, &"reproduced".into()), "{}", gist(&verdict));
    let broken = finding(&verdict, "source-chain-broken");
    assert_eq!(broken["severity"], "alert");
    let detail = broken["detail"].as_str().unwrap();
    assert!(detail.contains("demo-1.0/NEWS.md, demo-1.0/demo/evil.py"), "{detail}");
    assert_eq!((&verdict["source"]["trust"], &verdict["chain"]["mismatch"]), (&"user".into(), &"unsourced".into()));
    assert_eq!(paths(&verdict["chain"], "unsourced-member"), ["demo-1.0/demo/evil.py", "demo-1.0/NEWS.md"]);

    let (code, verdict) = from_commit(&wheel, &release);
    assert_eq!(code, 1, "{}", gist(&verdict));
    assert_eq!(paths(&verdict, "unsourced-member"), ["demo/evil.py"], "{}", gist(&verdict));
}

#[test]
fn a_chain_is_replayed_from_its_inputs() {
    let folder = folder();
    let release = release(folder.path(), &BACKENDS[4]);
    let kept = folder.path().join("kept");
    let verdict = folder.path().join("verdict.json");
    let said = run(twinbuild()
        .args(["--format", "json", "rebuild", text(&release.wheel), "--source", text(&release.sdist)])
        .args(["--commit", &release.commit(), "--as-of", &now(), "--keep-inputs", text(&kept)]));
    assert_eq!(said.code, 0, "{}", said.err);
    fs::write(&verdict, &said.out).unwrap();
    let said = run(twinbuild().args(["--offline", "replay", text(&verdict), "--inputs", text(&kept)]));
    assert_eq!(said.code, 0, "{said}");
}

#[test]
fn an_sdist_is_no_source_of_itself() {
    let folder = folder();
    let release = release(folder.path(), &BACKENDS[4]);
    let (code, verdict) = rebuild(&[text(&release.sdist), "--source", text(&release.sdist), "--as-of", &now()]);
    assert_eq!((code, &verdict["outcome"]), (1, &"not-reproduced".into()), "{}", gist(&verdict));
    assert_eq!(finding(&verdict, "source-embeds-artifact")["severity"], "alert");
}

#[test]
fn an_sdist_that_names_no_repository_has_no_source() {
    let folder = folder();
    let path = folder.path().join(SDIST);
    fs::write(&path, sdist(&[("PKG-INFO", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")])).unwrap();
    let (code, verdict) = rebuild(&[text(&path), "--as-of", "2026-01-02T00:00:00Z"]);
    assert_eq!((code, &verdict["outcome"]), (2, &"source-missing".into()), "{}", gist(&verdict));
    assert_eq!(verdict["reason"]["class"], "no-repository");
    let said = run(twinbuild().args(["rebuild", text(&path), "--chain"]));
    assert!(said.code == 64 && said.err.contains("--source"), "{said}");
}

#[test]
fn an_sdist_of_an_old_python_comes_out_of_setup_py() {
    let folder = folder();
    let said = run(twinbuild().args(["--format", "json", "doctor"])).json();
    let setup_py = "from distutils.core import setup\nsetup(name='demo', version='1.0', py_modules=['demo'])\n";
    let source = folder.path().join(SDIST);
    fs::write(&source, sdist(&[("setup.py", setup_py), ("demo.py", "VALUE = 42\n"), ("README", "A demo.\n")])).unwrap();
    for (version, format, name) in [("2.7", "gztar", SDIST), ("3.6", "zip", "demo-1.0.zip")] {
        let found =
            said["hostInterpreters"].as_array().unwrap().iter().find(|found| {
                found["name"].as_str().is_some_and(|name| name.starts_with(&format!("CPython {version}.")))
            });
        let prefix = found.and_then(|found| found["prefix"].as_str());
        let prefix =
            prefix.unwrap_or_else(|| panic!("this test needs CPython {version} below ~/.pyenv/versions or of uv"));
        let tree = folder.path().join(version);
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("setup.py"), setup_py).unwrap();
        fs::write(tree.join("demo.py"), "VALUE = 42\n").unwrap();
        fs::write(tree.join("README"), "A demo.\n").unwrap();
        let python = Path::new(prefix).join(format!("bin/python{version}"));
        let built =
            Command::new(python).current_dir(&tree).args(["setup.py", "-q", "sdist", "--formats", format]).output();
        assert!(built.is_ok_and(|output| output.status.success()), "{version}");
        let recipe = folder.path().join(format!("{version}.toml"));
        let text_of_recipe = format!(
            "format = 1\n[interpreter]\nversion = \"{version}\"\nprovider = \"host\"\n[build]\nfront-end = \"setup-py\"\n\
             [requirements]\ncutoff = \"2020-01-01T00:00:00Z\"\ndirect = []\nlocked = []\n"
        );
        fs::write(&recipe, text_of_recipe).unwrap();
        let subject = tree.join("dist").join(name);
        let arguments = [text(&subject), "--source", text(&source), "--recipe", text(&recipe), "--as-of", &now()];
        let (code, verdict) = rebuild(&arguments);
        assert_eq!((code, &verdict["outcome"]), (0, &"reproduced".into()), "{version}: {}", gist(&verdict));
    }
}
