//! Writes the seeds of every fuzz target below a folder: `write-fuzz-seeds DIR`.
//!
//! DIR gets a folder for each target, with one file a seed, as libFuzzer takes a corpus.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use twinbuild_properties::PROPERTIES;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: write-fuzz-seeds DIR");
        return ExitCode::from(64);
    };
    match write(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing the seeds below {} failed: {error}", Path::new(folder).display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    for property in &PROPERTIES {
        let folder = folder.join(property.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in (property.seeds)() {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
