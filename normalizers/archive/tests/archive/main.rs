//! What is read, what is found, and what is refused: each archive is built in the test, byte by byte where it lies.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod ar;
mod compress;
mod compressed;
mod deb;
mod gzip;
mod oracles;
mod properties;
mod raw_tar;
mod raw_zip;
mod reading;
mod tar;
mod tar_lies;
mod tools;
mod zip;
mod zip_headers;
mod zip_lies;
mod zip_methods;

use twinbuild_archive::{Archive, Format, Limits, Malformation, ReadError, read};

/// Reads what must be readable, and checks that the tiles hold every byte once.
fn ok(bytes: &[u8], format: Format) -> Archive {
    let archive = read(bytes, format, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_tiled(&archive, bytes.len());
    archive
}

fn assert_tiled(archive: &Archive, size: usize) {
    let mut position = 0;
    for tile in &archive.tiles {
        assert_eq!(tile.offset, position, "{tile:?}");
        assert!(tile.length > 0, "{tile:?}");
        position += tile.length;
    }
    assert_eq!((position, archive.size_bytes), (size as u64, size as u64));
}

/// Reads what must be readable and returns the codes of its anomalies.
fn anomalies(bytes: &[u8], format: Format) -> Vec<&'static str> {
    ok(bytes, format).anomalies.iter().map(|anomaly| anomaly.code).collect()
}

/// Reads what must be refused.
fn lie(bytes: &[u8], format: Format) -> Malformation {
    match read(bytes, format, &Limits::default()) {
        Err(ReadError::Malformed(lie)) => lie,
        other => panic!("not refused: {other:?}"),
    }
}

/// Reads what must be refused and returns the code of the lie.
fn code(bytes: &[u8], format: Format) -> &'static str {
    lie(bytes, format).code()
}
