//! A small project whose source brings its own build backend, so that building it needs nothing but Python.

use std::fs;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use twinbuild_hostile_builds::{Host, published_wheel, sdist_of};
pub(crate) use twinbuild_hostile_builds::{RECIPE, SDIST, WHEEL, tar_gz, url_safe_base64};

/// The project's files in a folder.
pub(crate) struct Project {
    pub(crate) wheel: PathBuf,
    pub(crate) sdist: PathBuf,
    pub(crate) recipe: PathBuf,
}

/// Writes the wheel as published, the sdist whose backend runs `before` when it builds, and the recipe. `before` is Python,
/// indented by four blanks after the first line, that knows `directory`, where it builds, and `files`, the wheel's members.
pub(crate) fn project(folder: &Path, before: &str) -> Project {
    let before = if before.is_empty() { "pass" } else { before };
    let attack = format!("import os\nimport sys\n\n\ndef attack(directory, files):\n    {before}\n");
    let project = Project { wheel: folder.join(WHEEL), sdist: folder.join(SDIST), recipe: folder.join("recipe.toml") };
    fs::write(&project.sdist, sdist_of(&attack, &Host::unknown())).unwrap();
    fs::write(&project.wheel, published_wheel()).unwrap();
    fs::write(&project.recipe, RECIPE).unwrap();
    project
}

/// An sdist with these files.
pub(crate) fn sdist(files: &[(&str, &str)]) -> Vec<u8> {
    tar_gz("demo-1.0", files)
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
