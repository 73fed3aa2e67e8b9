//! A small project whose source brings its own build backend, so that building it needs nothing but Python.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The wheel's file name.
pub(crate) const WHEEL: &str = "demo-1.0-py3-none-any.whl";
/// The sdist's file name.
pub(crate) const SDIST: &str = "demo-1.0.tar.gz";
const MODULE: &str = "VALUE = 1\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
const WHEEL_FILE: &str = "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n";

/// The backend: `BEFORE` runs when the wheel is built, with `files`, the wheel's members, to change.
const BACKEND: &str = r#"
import base64, hashlib, os, sys, zipfile

def build_wheel(directory, config=None, metadata=None):
    files = {
        "demo.py": open("demo.py", "rb").read(),
        "demo-1.0.dist-info/METADATA": b"METADATA_TEXT",
        "demo-1.0.dist-info/WHEEL": b"WHEEL_TEXT",
    }
    BEFORE
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files["demo-1.0.dist-info/RECORD"] = (record + "demo-1.0.dist-info/RECORD,,\n").encode()
    name = "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for member, content in files.items():
            info = zipfile.ZipInfo(member, (2020, 2, 2, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_STORED
            wheel.writestr(info, content)
    return name
"#;

/// A recipe that needs no other package.
pub(crate) const RECIPE: &str = r#"
format = 1
[interpreter]
version = "3.11"
[build]
front-end = "pep517"
backend = "backend"
backend-path = ["."]
source-date-epoch = 1580601600
[requirements]
cutoff = "2020-02-02T00:00:00Z"
direct = []
locked = []
"#;

/// The project's files in a folder.
pub(crate) struct Project {
    pub(crate) wheel: PathBuf,
    pub(crate) sdist: PathBuf,
    pub(crate) recipe: PathBuf,
}

/// Writes the wheel as published, the sdist whose backend runs `before` (Python, indented by four blanks after the first
/// line) when it builds, and the recipe.
pub(crate) fn project(folder: &Path, before: &str) -> Project {
    let backend = BACKEND
        .replace("METADATA_TEXT", &METADATA.replace('\n', "\\n"))
        .replace("WHEEL_TEXT", &WHEEL_FILE.replace('\n', "\\n"))
        .replace("BEFORE", if before.is_empty() { "pass" } else { before });
    let pyproject = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let files = [("pyproject.toml", pyproject), ("backend.py", backend.as_str()), ("demo.py", MODULE)];
    let project = Project { wheel: folder.join(WHEEL), sdist: folder.join(SDIST), recipe: folder.join("recipe.toml") };
    fs::write(&project.sdist, sdist(&files)).unwrap();
    fs::write(&project.wheel, wheel()).unwrap();
    fs::write(&project.recipe, RECIPE).unwrap();
    project
}

/// A tar.gz with these files below `demo-1.0/`.
pub(crate) fn sdist(files: &[(&str, &str)]) -> Vec<u8> {
    sdist_of("demo-1.0", files)
}

/// A tar.gz with these files below `top`.
pub(crate) fn sdist_of(top: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_580_601_600);
        header.set_cksum();
        tar.append_data(&mut header, format!("{top}/{name}"), content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Adds a file to a tar.gz, below its top folder.
pub(crate) fn add_to_sdist(path: &Path, name: &str, content: &[u8]) {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    let mut add = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_580_601_600);
        tar.append_data(&mut header, name, content).unwrap();
    };
    let mut top = String::new();
    let mut old = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(path).unwrap()));
    for entry in old.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut held = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut held).unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        top = path.split('/').next().unwrap_or_default().to_owned();
        add(&path, &held);
    }
    add(&format!("{top}/{name}"), content);
    fs::write(path, tar.into_inner().unwrap().finish().unwrap()).unwrap();
}

/// The wheel that an honest build gives, but written by another program.
fn wheel() -> Vec<u8> {
    let mut files = vec![
        ("demo.py", MODULE.to_owned()),
        ("demo-1.0.dist-info/METADATA", METADATA.to_owned()),
        ("demo-1.0.dist-info/WHEEL", WHEEL_FILE.to_owned()),
    ];
    let row = |(name, content): &(&str, String)| {
        let digest = url_safe_base64(&Sha256::digest(content.as_bytes()));
        format!("{name},sha256={digest},{}\n", content.len())
    };
    let record = files.iter().map(row).collect::<String>() + "demo-1.0.dist-info/RECORD,,\n";
    files.push(("demo-1.0.dist-info/RECORD", record));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let time = DateTime::from_date_and_time(2021, 3, 4, 5, 6, 8).unwrap();
    for (name, content) in &files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(time)
            .unix_permissions(0o664);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// RFC 4648 section 5, without padding.
pub(crate) fn url_safe_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_usize, |word, (i, byte)| word | usize::from(*byte) << (16 - 8 * i));
        (0..=chunk.len()).for_each(|i| text.push(char::from(ALPHABET[word >> (18 - 6 * i) & 63])));
    }
    text
}
