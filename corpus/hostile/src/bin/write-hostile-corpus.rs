//! Writes the hostile corpus below a folder: `write-hostile-corpus DIR`.
//!
//! DIR gets every case under its name, `honest.whl` and `honest.tar.gz` to compare them with, and `expected.jsonl` with
//! one object a case: `name`, `outcome` (`rejected`, `limit`, `unsupported`, `finding`, `equivalent`) and `code`.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use serde_json::json;
use twinbuild_hostile_corpus::{cases, honest_sdist, honest_wheel};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: write-hostile-corpus DIR");
        return ExitCode::from(64);
    };
    match write(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing the corpus below {} failed: {error}", Path::new(folder).display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("honest.whl"), honest_wheel())?;
    fs::write(folder.join("honest.tar.gz"), honest_sdist())?;
    let mut lines = String::new();
    for case in cases() {
        fs::write(folder.join(&case.name), &case.bytes)?;
        let mut line = json!({"name": case.name});
        if let (Some(line), Some(expected)) = (line.as_object_mut(), case.expected.to_json().as_object()) {
            line.extend(expected.clone());
        }
        lines.push_str(&format!("{line}\n"));
    }
    fs::write(folder.join("expected.jsonl"), lines)
}
