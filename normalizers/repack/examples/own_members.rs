//! For maintainers: infers the parameters of each zip file, `.tar` and `.tar.gz` given and writes it again from its own members. Says for each
//! whether the bytes came out and why not, and the rate at the end. Paths of files from the arguments.
//!
//! `cargo run --release -p twinbuild-repack --example own_members -- *.whl`

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use twinbuild_archive::{ArchiveFile, Format, Limits, read};
use twinbuild_repack::{Exactness, FREE_BYTES_ALLOWED, InferError, infer, writes_exactly};

fn main() {
    let (mut exact, mut all) = (0, 0);
    for path in std::env::args().skip(1) {
        all += 1;
        match examine(&path) {
            Ok((is_exact, text)) => {
                exact += u32::from(is_exact);
                println!("{path}: {text}");
            }
            Err(error) => println!("{path}: not read: {error}"),
        }
    }
    println!("{exact} of {all} exact");
}

fn examine(path: &str) -> Result<(bool, String), Box<dyn Error>> {
    let bytes = ArchiveFile::new(File::open(path)?)?;
    let format = match path {
        path if path.ends_with(".tar.gz") || path.ends_with(".crate") => Format::TarGz,
        path if path.ends_with(".tar") => Format::Tar,
        _ => Format::Zip,
    };
    let archive = read(&bytes, format, &Limits::default())?;
    let started = Instant::now();
    let exactness = match infer(&archive, &bytes) {
        Ok(parameters) => writes_exactly(parameters, &bytes, &archive, &bytes)?,
        Err(InferError::NotRepackable(reason)) => Exactness::NotRepackable(reason),
        Err(InferError::Failed(failure)) => return Err(failure.into()),
    };
    let (millis, members) = (started.elapsed().as_millis(), archive.members.len());
    Ok(match exactness {
        Exactness::Exact(parameters) => {
            let free = parameters.free_bytes_of_all().into_iter().max().unwrap_or(0);
            let json = serde_json::to_string(&*parameters)?;
            let channel = if free > FREE_BYTES_ALLOWED { ", parameter-channel" } else { "" };
            let text = format!(
                "exact in {millis} ms; {members} members, {} bytes of parameters, at most {free} free a member{channel}; {:?}",
                json.len(),
                parameters.zip().map(|zip| &zip.compressed)
            );
            (true, text)
        }
        Exactness::Different { offset, .. } => (false, format!("DIFFERENT at offset {offset}")),
        Exactness::NotRepackable(reason) => (false, reason.to_string()),
        Exactness::Unfit(unfit) => (false, unfit.to_string()),
    })
}
