//! A depot by hand: `put PLACE NAME FOLDER`, `get PLACE NAME SHA256 INTO`, `list PLACE`, `remove PLACE NAME`, `sweep PLACE SECONDS`.
//!
//! `scripts/check-object-store` runs it against a server.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use twinbuild_depot::Depot;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        ["put", place, name, folder] => {
            let manifest = Depot::open(place)?.put(&name.parse()?, Path::new(folder))?;
            println!("{}", manifest.sha256());
        }
        ["get", place, name, sha256, into] => {
            let manifest = Depot::open(place)?.get(&name.parse()?, sha256.parse()?, Path::new(into))?;
            manifest.files().iter().for_each(|file| println!("{} {} {}", file.sha256, file.size, file.path));
        }
        ["list", place] => {
            Depot::open(place)?.list()?.iter().for_each(|listed| println!("{} {}", listed.name, listed.put));
        }
        ["remove", place, name] => Depot::open(place)?.remove(&name.parse()?)?,
        ["sweep", place, seconds] => {
            let swept = Depot::open(place)?.sweep_partial(Duration::from_secs(seconds.parse()?))?;
            swept.iter().for_each(|name| println!("{name}"));
        }
        _ => return Err("put PLACE NAME FOLDER, get PLACE NAME SHA256 INTO, list, remove, sweep".into()),
    }
    Ok(())
}
