//! Prints how many bytes of each kind of tile the named archives have in all, and fails for the first one whose tiles do not
//! cover every byte exactly once: `cargo run -p twinbuild-archive --example byte_map FILE...`. The first bytes tell the format.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::collections::BTreeMap;
use std::fs::File;
use std::process::ExitCode;

use twinbuild_archive::{Archive, ArchiveFile, Format, Limits, ReadAt as _, read};

fn main() -> ExitCode {
    let mut bytes_by_kind: BTreeMap<String, u64> = BTreeMap::new();
    let mut files = 0;
    for path in std::env::args().skip(1) {
        match mapped(&path) {
            Ok(archive) => {
                files += 1;
                for tile in &archive.tiles {
                    let kind = format!("{:?}", tile.kind);
                    let kind = kind.split_whitespace().next().unwrap_or_default();
                    *bytes_by_kind.entry(kind.to_owned()).or_default() += tile.length;
                }
            }
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    for (kind, bytes) in &bytes_by_kind {
        println!("{bytes:>14} {kind}");
    }
    println!("{:>14} bytes in {files} files", bytes_by_kind.values().sum::<u64>());
    ExitCode::SUCCESS
}

/// Reads an archive and checks its map.
fn mapped(path: &str) -> Result<Archive, Box<dyn std::error::Error>> {
    let bytes = ArchiveFile::new(File::open(path)?)?;
    let mut magic = [0; 6];
    bytes.read_at(&mut magic, 0)?;
    let format = match magic {
        [0x1f, 0x8b, ..] => Format::TarGz,
        [0xfd, b'7', b'z', ..] => Format::TarXz,
        _ if magic.starts_with(b"!<arch") => Format::Deb,
        _ => Format::Zip,
    };
    let archive = read(&bytes, format, &Limits::default())?;
    let mut position = 0;
    for tile in &archive.tiles {
        if tile.offset != position || tile.length == 0 {
            return Err(
                format!("a tile of {} bytes at {}, and one at {position} is next", tile.length, tile.offset).into()
            );
        }
        position += tile.length;
    }
    if position != bytes.size() {
        return Err(format!("the tiles end at {position}, and the file at {}", bytes.size()).into());
    }
    Ok(archive)
}
