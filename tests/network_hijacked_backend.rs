//! A release of a build requirement that was hijacked for an hour: the wheels that it built meanwhile are rebuilt with it, byte for
//! byte, and are no clean pass all the same.

use std::fs;
use std::io::{Cursor, Write as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::fixtures::{SDIST, WHEEL, sdist, url_safe_base64};
use crate::local_index::{File, Index};
use crate::support::{finding, folder, rebuild, text};

const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
const WHEEL_FILE: &str = "Wheel-Version: 1.0\nGenerator: hookbuild 1.1\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const MODULE: &str = "VALUE = 1\n";
const PAYLOAD: &str = "import os\n";
/// Before and within the hour; the subject is uploaded at its end.
const HONEST: &str = "2020-01-01T00:00:00Z";
const HIJACKED: &str = "2020-02-01T11:00:00Z";
const RECIPE: &str = r#"format = 1
[interpreter]
version = "3.11"
[build]
front-end = "pep517"
backend = "hookbuild"
source-date-epoch = 1580601600
[requirements]
cutoff = "2020-02-01T12:00:00Z"
direct = ["hookbuild", "hookplugin"]
"#;

/// A backend that puts the source's module into a wheel, with what its own `ADDED` and that of its plugin say.
const BACKEND: &str = r#"
import base64
import hashlib
import json
import os
import zipfile

import hookplugin

try:
    import hookhelper
except ImportError:
    hookhelper = None


def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "demo-1.0-py3-none-any.whl"
    files = {}
    for member, source in (("demo.py", "demo.py"), ("demo-1.0.dist-info/METADATA", "METADATA"), ("demo-1.0.dist-info/WHEEL", "WHEEL")):
        with open(source, "rb") as file:
            files[member] = file.read()
    for added in (ADDED, hookplugin.ADDED, hookhelper.ADDED if hookhelper else "{}"):
        files.update((member, content.encode()) for member, content in json.loads(added).items())
    record = ""
    for member, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "{},sha256={},{}\n".format(member, digest, len(content))
    files["demo-1.0.dist-info/RECORD"] = (record + "demo-1.0.dist-info/RECORD,,\n").encode()
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, content in files.items():
            info = zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            wheel.writestr(info, content)
    return name
"#;

/// Members by name.
type Members = Vec<(String, String)>;

fn members(list: &[(&str, &str)]) -> Members {
    list.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

/// A wheel of these members and a RECORD.
fn wheel(dist_info: &str, members: &Members) -> Vec<u8> {
    let row = |(name, content): &(String, String)| {
        format!("{name},sha256={},{}\n", url_safe_base64(&Sha256::digest(content.as_bytes())), content.len())
    };
    let record = format!("{}{dist_info}/RECORD,,\n", members.iter().map(row).collect::<String>());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::from_date_and_time(2020, 2, 2, 0, 0, 0).unwrap())
        .unix_permissions(0o644);
    for (name, content) in members.iter().chain([&(format!("{dist_info}/RECORD"), record)]) {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A release of a project with one module, which requires another project or none.
fn release(name: &str, version: &str, uploaded: &str, module: &str, requires: &str) -> File {
    let dist_info = format!("{name}-{version}.dist-info");
    let requires = if requires.is_empty() { String::new() } else { format!("Requires-Dist: {requires}\n") };
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
    let bytes = wheel(
        &dist_info,
        &members(&[
            (&format!("{name}.py"), module),
            (&format!("{dist_info}/METADATA"), &metadata),
            (&format!("{dist_info}/WHEEL"), "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ]),
    );
    (format!("{name}-{version}-py3-none-any.whl"), bytes, json!({ "upload-time": uploaded }))
}

/// What each release adds to the wheels that it builds.
#[derive(Default)]
struct Added {
    backend: [Members; 2],
    plugin: [Members; 2],
    /// All releases of a project that only the newest one of the backend requires.
    helper: Members,
}

impl Added {
    /// The releases before the hijacked ones add nothing.
    fn by_backend(added: Members) -> Self {
        Self { backend: [Vec::new(), added], ..Self::default() }
    }
}

/// Rebuilds the wheel that the newest releases of these build.
fn judge(added: &Added) -> (i32, Value) {
    rebuild(&["pypi:six@1.16.0"]); // The root file system and the resolver come from the public registries first.
    let json = |members: &Members| {
        let map: serde_json::Map<String, Value> =
            members.iter().map(|(name, content)| (name.clone(), Value::from(content.as_str()))).collect();
        format!("ADDED = {:?}\n", Value::Object(map).to_string())
    };
    let releases = |name: &str, added: [&Members; 2], code: &str, requires: &str| -> Vec<File> {
        let of = |version, uploaded, added, requires| {
            release(name, version, uploaded, &format!("{}{code}", json(added)), requires)
        };
        vec![of("1.0", HONEST, added[0], ""), of("1.1", HIJACKED, added[1], requires)]
    };
    let requires = if added.helper.is_empty() { "" } else { "hookhelper" };
    let index = Index::of_all(&[
        ("hookbuild", releases("hookbuild", added.backend.each_ref(), BACKEND, requires)),
        ("hookplugin", releases("hookplugin", added.plugin.each_ref(), "", "")),
        ("hookhelper", releases("hookhelper", [&added.helper; 2], "", "")),
    ]);
    let folder = folder();
    let mut published = members(&[
        ("demo.py", MODULE),
        ("demo-1.0.dist-info/METADATA", METADATA),
        ("demo-1.0.dist-info/WHEEL", WHEEL_FILE),
    ]);
    for (name, content) in added.backend[1].iter().chain(&added.plugin[1]).chain(&added.helper) {
        match published.iter_mut().find(|(known, _)| known == name) {
            Some(member) => member.1.clone_from(content),
            None => published.push((name.clone(), content.clone())),
        }
    }
    let paths = [WHEEL, SDIST, "recipe.toml"].map(|name| folder.path().join(name));
    fs::write(&paths[0], wheel("demo-1.0.dist-info", &published)).unwrap();
    let pyproject = "[build-system]\nrequires = [\"hookbuild\", \"hookplugin\"]\nbuild-backend = \"hookbuild\"\n";
    let files = [
        ("pyproject.toml", pyproject),
        ("demo.py", MODULE),
        ("METADATA", METADATA),
        ("WHEEL", WHEEL_FILE),
        ("tests/payload.py", PAYLOAD),
    ];
    fs::write(&paths[1], sdist(&files)).unwrap();
    fs::write(&paths[2], RECIPE).unwrap();
    let index_url = format!("{}/simple/", index.address);
    let [wheel, sdist, recipe] = paths.each_ref().map(|path| text(path));
    rebuild(&[wheel, "--source", sdist, "--recipe", recipe, "--index-url", &index_url])
}

/// The wheel is reproduced, which is no success: the alert names this release, and the member or what of the metadata.
fn is_blamed(added: &Added, release: &str, named: &str) {
    let (code, verdict) = judge(added);
    let short = format!("{named}: {} {} {}", verdict["outcome"], verdict["reason"], verdict["crossChecks"]);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("reproduced")), "{short}");
    assert_eq!(verdict["crossChecks"]["determinedBy"], json!([release]), "{short}");
    let finding = finding(&verdict, "environment-determined-code");
    assert_eq!(finding["severity"], "alert");
    let said = format!("{} {}", finding["path"], finding["detail"]);
    assert!(said.contains(named) && said.contains(&format!("it follows from {release}")), "{said}");
}

#[test]
fn what_a_hijacked_backend_adds_is_blamed_on_it() {
    let metadata = format!("{METADATA}Requires-Dist: evil\n");
    let poisoned = format!("{MODULE}{PAYLOAD}");
    for (name, content, named) in [
        ("demo.py", poisoned.as_str(), "demo.py"),
        ("demo_extra.py", PAYLOAD, "demo_extra.py"),
        ("demo.pth", "import os; os.getpid()\n", "demo.pth"),
        ("demo-1.0.data/scripts/demo", "#!python\nimport os\n", "scripts/demo"),
        ("demo/native.so", "no text that anybody reads\n", "demo/native.so"),
        ("demo-1.0.dist-info/entry_points.txt", "[console_scripts]\ndemo = os:abort\n", "demo = os:abort"),
        ("demo-1.0.dist-info/METADATA", &metadata, "the requirement evil"),
        // A file of the source, where it runs at every start.
        ("sitecustomize.py", PAYLOAD, "sitecustomize.py"),
    ] {
        is_blamed(&Added::by_backend(members(&[(name, content)])), "hookbuild 1.1", named);
    }
}

#[test]
fn what_a_hijacked_requirement_of_the_backend_adds_is_blamed_on_it() {
    let plugin = [Vec::new(), members(&[("demo_extra.py", PAYLOAD)])];
    is_blamed(&Added { plugin, ..Added::default() }, "hookplugin 1.1", "demo_extra.py");
}

#[test]
fn what_a_hijacked_backend_brings_a_helper_for_is_blamed_on_the_helper() {
    // It has been there for long, and all of its releases do the same.
    let helper = members(&[("demo_extra.py", PAYLOAD)]);
    is_blamed(&Added { helper, ..Added::default() }, "hookhelper 1.1", "demo_extra.py");
}

#[test]
fn code_that_every_release_makes_is_no_matter() {
    let generated = members(&[("demo_version.py", "VERSION = '1.0'\n")]);
    let (code, verdict) = judge(&Added { backend: [generated.clone(), generated], ..Added::default() });
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["findings"]);
    let checks = &verdict["crossChecks"];
    assert_eq!((checks["members"].as_u64(), checks["builds"][0]["result"].as_str()), (Some(1), Some("same")));
    let exchanged: Vec<&Value> =
        checks["builds"][0]["exchanged"].as_array().unwrap().iter().map(|one| &one["to"]["version"]).collect();
    assert_eq!(exchanged, ["1.0", "1.0"]);
    let traced = verdict["tracing"]["generated"].as_array().unwrap();
    assert!(traced.contains(&json!({ "path": "demo_version.py", "kind": "code" })), "{traced:?}");
    assert_eq!(verdict["tracing"]["inPlace"], 1);
}

#[test]
fn other_comments_are_a_warning() {
    let by = |version: &str| members(&[("demo_version.py", &format!("# by hookbuild {version}\nVERSION = '1.0'\n"))]);
    let (code, verdict) = judge(&Added { backend: [by("1.0"), by("1.1")], ..Added::default() });
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["findings"]);
    assert_eq!(finding(&verdict, "environment-determined-comments")["severity"], "warning");
}

#[test]
fn a_wheel_of_the_source_alone_needs_no_other_build() {
    let (code, verdict) = judge(&Added::by_backend(Vec::new()));
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["findings"]);
    assert!(verdict.get("crossChecks").is_none(), "{}", verdict["crossChecks"]);
}
