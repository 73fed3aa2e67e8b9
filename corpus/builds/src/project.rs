//! The small project that every case is, and what is published of it.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The wheel's file name.
pub const WHEEL: &str = "demo-1.0-py3-none-any.whl";
/// The sdist's file name.
pub const SDIST: &str = "demo-1.0.tar.gz";
/// A recipe that needs no other package.
pub const RECIPE: &str = r#"format = 1
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

const MODULE: &str = include_str!("project/demo.py");
const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
const WHEEL_FILE: &str = "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const PYPROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
const BACKEND: &str = include_str!("project/backend.py");
const HOSTILE: &str = include_str!("project/hostile.py");

/// What an attack knows of the host that it is built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Files that no build may read or write. What they hold is not told.
    pub secret_files: Vec<PathBuf>,
    /// Homes and temporary folders.
    pub folders: Vec<PathBuf>,
    /// The verifier's cache.
    pub cache: PathBuf,
    /// The published file.
    pub published: PathBuf,
    /// Processes: the verifier's, or who started it.
    pub processes: Vec<u32>,
    /// An abstract socket that something listens to, without the leading zero.
    pub abstract_socket: String,
    /// A socket that something listens to.
    pub socket: PathBuf,
    /// A port of 127.0.0.1 that something listens to.
    pub port: u16,
    /// A variable of the verifier's environment.
    pub variable: String,
    /// At most 15 letters, digits and hyphens, by which what an attack leaves is known: processes have it for a name.
    pub mark: String,
}

impl Host {
    /// A host of which nothing is known but what all have.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            secret_files: vec!["/root/.ssh/id_ed25519".into()],
            folders: vec!["/root".into(), "/var/tmp".into()],
            cache: "/root/.cache/twinbuild".into(),
            published: format!("/root/{WHEEL}").into(),
            processes: vec![1_000_000],
            abstract_socket: "twinbuild-hostile-builds".to_owned(),
            socket: "/run/docker.sock".into(),
            port: 22,
            variable: "AWS_SECRET_ACCESS_KEY".to_owned(),
            mark: "hostile-build".to_owned(),
        }
    }

    fn to_json(&self) -> String {
        let wheel = published_wheel();
        let paths = |paths: &[PathBuf]| paths.iter().map(|path| text(path)).collect::<Vec<_>>();
        let digest: String = Sha256::digest(&wheel).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "secretFiles": paths(&self.secret_files),
            "folders": paths(&self.folders),
            "cache": text(&self.cache),
            "published": text(&self.published),
            "publishedSha256": digest,
            "publishedSize": wheel.len(),
            "processes": self.processes,
            "abstractSocket": self.abstract_socket,
            "socket": text(&self.socket),
            "port": self.port,
            "variable": self.variable,
            "mark": self.mark,
        })
        .to_string()
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The sdist whose backend runs this module when it builds: Python that defines `attack(directory, files)`, where `files` are
/// the wheel's members to change, and maybe `after(wheel)`.
#[must_use]
pub fn sdist_of(attack: &str, host: &Host) -> Vec<u8> {
    let files = [
        ("pyproject.toml", PYPROJECT),
        ("backend.py", BACKEND),
        ("attack.py", attack),
        ("hostile.py", HOSTILE),
        ("host.json", &host.to_json()),
        ("demo.py", MODULE),
        ("METADATA", METADATA),
        ("WHEEL", WHEEL_FILE),
    ];
    tar_gz("demo-1.0", &files)
}

/// A tar.gz with these files below a folder.
#[must_use]
pub fn tar_gz(top: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_580_601_600);
        tar.append_data(&mut header, format!("{top}/{name}"), content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// The wheel as it was published: what an honest build gives, but written by another program.
#[must_use]
pub fn published_wheel() -> Vec<u8> {
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

/// The base64 of `RECORD`: RFC 4648 section 5, without padding.
#[must_use]
pub fn url_safe_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_usize, |word, (i, byte)| word | usize::from(*byte) << (16 - 8 * i));
        (0..=chunk.len()).for_each(|i| text.push(char::from(ALPHABET[word >> (18 - 6 * i) & 63])));
    }
    text
}
