//! Wheels with native code: real ones, which other compilers built, and one that was built in the same environment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::fixtures::{RECIPE, SDIST, sdist, url_safe_base64};
use crate::support::{finding, folder, rebuild, shared_cache, text};

/// The wheel of the small project.
const WHEEL: &str = "demo-1.0-cp311-cp311-linux_x86_64.whl";
/// Its library.
const LIBRARY: &str = "demo/_speed.cpython-311-x86_64-linux-gnu.so";
const RECORD: &str = "demo-1.0.dist-info/RECORD";

/// The number stands in the machine code as it is.
const C_SOURCE: &str = "#include <Python.h>\n\
    int demo_answer(void) { return 0x5eed1234; }\n\
    static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, \"_speed\", __FILE__, -1, NULL };\n\
    PyMODINIT_FUNC PyInit__speed(void) { return PyModule_Create(&module); }\n";
const MACHINE_CODE: [u8; 4] = 0x5eed_1234_u32.to_le_bytes();

/// A backend that calls the compiler as setuptools does, with debug information.
const BACKEND: &str = r#"
import base64, hashlib, os, subprocess, sysconfig, zipfile

def build_wheel(directory, config=None, metadata=None):
    library = "demo/_speed" + sysconfig.get_config_var("EXT_SUFFIX")
    source = os.path.abspath("speed.c")
    flags = ["-g", "-O2", "-fPIC", "-shared", "-I" + sysconfig.get_path("include"), *os.environ["CFLAGS"].split()]
    subprocess.run(["gcc", *flags, source, "-o", "speed.so"], check=True)
    files = {
        library: open("speed.so", "rb").read(),
        "demo-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        "demo-1.0.dist-info/WHEEL":
            b"Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n",
    }
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files["demo-1.0.dist-info/RECORD"] = (record + "demo-1.0.dist-info/RECORD,,\n").encode()
    name = "demo-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, content in files.items():
            info = zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0))
            info.external_attr = (0o100755 if member.endswith(".so") else 0o100644) << 16
            wheel.writestr(info, content)
    return name
"#;

type Members = BTreeMap<String, Vec<u8>>;

/// The project in a folder: its sdist and a recipe with compilers.
struct Project {
    sdist: PathBuf,
    recipe: PathBuf,
}

fn project(folder: &Path, c_source: &str) -> Project {
    let pyproject = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let files = [("pyproject.toml", pyproject), ("backend.py", BACKEND), ("speed.c", c_source)];
    let project = Project { sdist: folder.join(SDIST), recipe: folder.join("recipe.toml") };
    fs::write(&project.sdist, sdist(&files)).unwrap();
    fs::write(&project.recipe, RECIPE.replace("[build]", "[environment]\ntoolchain = true\n[build]")).unwrap();
    project
}

impl Project {
    /// Judges these bytes as the project's wheel; what the twins built is kept in `kept`, where that is given.
    fn judge(&self, wheel: &[u8], kept: Option<&Path>) -> (i32, Value) {
        let folder = folder();
        let path = folder.path().join(WHEEL);
        fs::write(&path, wheel).unwrap();
        let mut arguments = vec![text(&path), "--source", text(&self.sdist), "--recipe", text(&self.recipe)];
        arguments.extend(kept.iter().flat_map(|kept| ["--keep", text(kept)]));
        rebuild(&arguments)
    }

    /// What the project builds.
    fn build(&self, folder: &Path) -> Vec<u8> {
        let kept = folder.join("kept");
        let wheel_file = b"Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: false\nTag: x\n".to_vec();
        let nothing = Members::from([("demo-1.0.dist-info/WHEEL".to_owned(), wheel_file)]);
        let (_, verdict) = self.judge(&wheel(nothing), Some(&kept));
        let built = fs::read(kept.join("first").join(WHEEL));
        built.unwrap_or_else(|error| panic!("{error}: {verdict:#}"))
    }
}

/// The project, and the wheel that was built of it in the same environment beforehand.
fn built() -> &'static (PathBuf, Vec<u8>) {
    static BUILT: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = shared_cache().with_file_name("native-project");
        let _ = fs::remove_dir_all(&folder); // of an earlier run, if there was one
        fs::create_dir_all(&folder).unwrap();
        let wheel = project(&folder, C_SOURCE).build(&folder);
        (folder, wheel)
    })
}

fn judge(wheel: &[u8]) -> (i32, Value) {
    project(folder().path(), C_SOURCE).judge(wheel, None)
}

fn members(wheel: &[u8]) -> Members {
    let mut archive = ZipArchive::new(Cursor::new(wheel)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

/// A wheel of these members, with a RECORD that tells the truth.
fn wheel(mut members: Members) -> Vec<u8> {
    members.remove(RECORD);
    let row = |(name, content): (&String, &Vec<u8>)| {
        format!("{name},sha256={},{}\n", url_safe_base64(&Sha256::digest(content)), content.len())
    };
    let record: String = members.iter().map(row).collect();
    members.insert(RECORD.to_owned(), (record + RECORD + ",,\n").into_bytes());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in &members {
        let mode = if name.ends_with(".so") { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(mode);
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What the verdict says of one member.
fn member<'a>(verdict: &'a Value, path: &str) -> &'a Value {
    let members = verdict["comparison"]["members"].as_array().unwrap();
    members.iter().find(|member| member["path"] == path).unwrap_or_else(|| panic!("no {path}: {verdict:#}"))
}

/// A finding as one text.
fn said(finding: &Value) -> String {
    format!("{} {} {}", finding["path"], finding["detail"], finding["excerpt"])
}

#[test]
fn what_was_built_in_the_same_environment_is_reproduced() {
    let (_, wheel) = built();
    let (code, verdict) = judge(wheel);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    assert_eq!(verdict["level"], "bit-for-bit", "{verdict:#}");
    let library = member(&verdict, LIBRARY);
    assert_eq!((library["result"].as_str(), library["origin"].as_str()), (Some("identical"), Some("generated")));
    assert_eq!(library["isNative"], true);
    // Its debug information names where it was built, in either twin by the same name.
    let library = &members(wheel)[LIBRARY];
    let has = |wanted: &[u8]| library.windows(wanted.len()).any(|window| window == wanted);
    assert!(has(b"/build/demo-1.0/speed.c") && !has(b"another/place"));
}

#[test]
fn a_changed_byte_of_machine_code_is_found() {
    let (_, built) = built();
    let mut members = members(built);
    let library = members.get_mut(LIBRARY).unwrap();
    let at = library.windows(4).position(|window| window == MACHINE_CODE).unwrap();
    library[at] ^= 1;
    let (code, verdict) = judge(&wheel(members));
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{verdict:#}");
    assert_eq!(verdict["mismatch"], "code");
    let said = said(finding(&verdict, "content-changed"));
    assert!(["1 byte differs", LIBRARY, ".text", "demo_answer"].iter().all(|part| said.contains(part)), "{said}");
    assert_eq!(member(&verdict, LIBRARY)["result"], "differing");
}

#[test]
fn another_exported_symbol_is_found() {
    let folder = folder();
    let other = format!("{C_SOURCE}int demo_evil(void) {{ return demo_answer() + 1; }}\n");
    let wheel = project(folder.path(), &other).build(folder.path());
    let (code, verdict) = judge(&wheel);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{verdict:#}");
    let said = said(finding(&verdict, "content-changed"));
    let symbol = "exported symbols: only published \\\"demo_evil\\\"";
    assert!([LIBRARY, ".dynsym", symbol].iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn an_added_library_is_found() {
    const ADDED: &str = "demo/_more.so";
    let (_, built) = built();
    let mut members = members(built);
    let library = [&members[LIBRARY][..], b"\0"].concat();
    members.insert(ADDED.to_owned(), library);
    let (code, verdict) = judge(&wheel(members));
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{verdict:#}");
    assert_eq!(verdict["mismatch"], "unsourced");
    assert_eq!(finding(&verdict, "unsourced-member")["path"], ADDED);
    let added = member(&verdict, ADDED);
    assert_eq!((added["result"].as_str(), added["isNative"].as_bool()), (Some("only-published"), Some(true)));
    assert_eq!(member(&verdict, LIBRARY)["result"], "identical");
}

/// Rebuilds the wheel of a release for CPython 3.11, which a repair tool gave these platform tags.
fn published(name: &str, version: &str, platform: &str) -> Value {
    let file = format!("{name}-{version}-cp311-cp311-{platform}.whl");
    let release = format!("pypi:{}@{version}", name.to_lowercase().replace('_', "-"));
    let (code, verdict) = rebuild(&[&release, "--artifact", &file]);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{verdict:#}");
    assert_eq!(verdict["comparison"]["twins"], "equivalent", "{verdict:#}");
    assert!(said(finding(&verdict, "file-name-differs")).contains(platform), "{verdict:#}");
    for result in verdict["comparison"]["members"].as_array().unwrap() {
        assert!(result["result"] != "normalized" || result.get("isNative").is_none(), "{result}");
    }
    verdict
}

/// The library differs, and the finding says by what it was built.
fn differs_by_its_compiler(verdict: &Value, library: &str) {
    let found = member(verdict, library);
    assert_eq!((found["result"].as_str(), found["isNative"].as_bool()), (Some("differing"), Some(true)));
    let said = said(finding(verdict, "content-changed"));
    for part in
        [library, "GCC: (GNU) 10.2.1", "GCC: (Debian 12.2.0", "build id: only published", "paths: ", "libraries: "]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

const MANYLINUX_2014: &str = "manylinux_2_17_x86_64.manylinux2014_x86_64";

#[test]
fn an_extension_in_c_says_by_what_it_was_built() {
    let verdict = published("MarkupSafe", "2.1.5", MANYLINUX_2014);
    let library = "markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so";
    differs_by_its_compiler(&verdict, library);
    assert!(said(finding(&verdict, "content-changed")).contains("compiler flags: only published \\\"-O3\\\""));
    // All that was not compiled is as published, but for what the repair tool writes.
    let members = verdict["comparison"]["members"].as_array().unwrap();
    let differing: Vec<&Value> = members.iter().filter(|member| member["result"] == "differing").collect();
    assert_eq!(differing.len(), 3, "the library, WHEEL and RECORD: {members:#?}");
}

#[test]
fn extensions_in_cython_say_by_what_they_were_built() {
    let cymem = published("cymem", "2.0.8", MANYLINUX_2014);
    differs_by_its_compiler(&cymem, "cymem/cymem.cpython-311-x86_64-linux-gnu.so");
    // Of what the source requires the wheel is taken that brings no native code, where there is one.
    let locked = cymem["recipe"]["requirements"]["locked"].as_array().unwrap();
    let cython = locked.iter().find(|requirement| requirement["name"] == "cython").unwrap();
    assert!(cython["fileName"].as_str().unwrap().ends_with("-none-any.whl"), "{cython}");
    let platform = format!("manylinux_2_5_x86_64.manylinux1_x86_64.{MANYLINUX_2014}");
    let murmurhash = published("murmurhash", "1.0.10", &platform);
    differs_by_its_compiler(&murmurhash, "murmurhash/mrmr.cpython-311-x86_64-linux-gnu.so");
}

#[test]
fn extensions_that_are_optional_are_not_in_the_rebuild() {
    // One needs a library that the environment has not, the other a variable that its publisher set.
    for (name, version, library) in [
        ("PyYAML", "6.0.1", "yaml/_yaml.cpython-311-x86_64-linux-gnu.so"),
        ("charset_normalizer", "3.3.2", "charset_normalizer/md.cpython-311-x86_64-linux-gnu.so"),
    ] {
        let verdict = published(name, version, MANYLINUX_2014);
        let found = member(&verdict, library);
        assert_eq!((found["result"].as_str(), found["isNative"].as_bool()), (Some("only-published"), Some(true)));
        assert_eq!(verdict["mismatch"], "unsourced");
    }
}

#[test]
fn wheels_for_another_c_library_are_unsupported() {
    let file = "MarkupSafe-2.1.5-cp311-cp311-musllinux_1_1_x86_64.whl";
    let (code, verdict) = rebuild(&["pypi:markupsafe@2.1.5", "--artifact", file]);
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unsupported")), "{verdict:#}");
    assert_eq!(verdict["reason"]["class"], "platform");
}
