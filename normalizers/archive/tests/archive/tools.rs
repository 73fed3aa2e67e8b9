//! What other crates write and read: archives of theirs are ordinary, and what is read here they read alike.

use std::io::{Cursor, Read as _, Write as _};

use sha2::Digest as _;
use twinbuild_archive::{Archive, Format, MemberKind};
use zip::write::SimpleFileOptions;

use crate::ok;

/// A zip file by the `zip` crate.
pub(crate) fn by_zip(files: &[(String, Vec<u8>)], is_stored: bool) -> Vec<u8> {
    let method = if is_stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
    let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o644);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip file by the `zip` crate, as it streams it: with data descriptors.
pub(crate) fn by_zip_streaming(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    for (name, contents) in files {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A tar by the `tar` crate.
pub(crate) fn by_tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, name, contents.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The `zip` and `rawzip` crates must find the same members with the same contents.
pub(crate) fn assert_zip_crates_agree(bytes: &[u8], archive: &Archive) {
    let mut theirs = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(theirs.len(), archive.members.len());
    let rawzip = rawzip::ZipArchive::from_slice(bytes).unwrap();
    let mut entries = rawzip.entries();
    for (index, member) in archive.members.iter().enumerate() {
        let entry = entries.next_entry().unwrap().unwrap();
        assert_eq!(entry.file_path().as_bytes(), member.path.as_bytes());
        assert_eq!(entry.uncompressed_size_hint(), member.size_bytes);
        let mut file = theirs.by_index(index).unwrap();
        assert_eq!(file.name_raw(), member.path.as_bytes());
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).unwrap();
        assert_contents(&contents, archive, index);
    }
    assert!(entries.next_entry().unwrap().is_none());
}

/// The `tar` crate must find the same members with the same contents.
pub(crate) fn assert_tar_crate_agrees(bytes: &[u8], archive: &Archive) {
    let mut theirs = tar::Archive::new(bytes);
    let mut count = 0;
    for (index, entry) in theirs.entries().unwrap().enumerate() {
        let mut entry = entry.unwrap();
        assert_eq!(&*entry.path_bytes(), archive.members[index].path.as_bytes());
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        assert_contents(&contents, archive, index);
        count += 1;
    }
    assert_eq!(count, archive.members.len());
}

fn assert_contents(contents: &[u8], archive: &Archive, index: usize) {
    let member = &archive.members[index];
    assert_eq!(contents.len() as u64, member.size_bytes);
    if member.kind == MemberKind::File {
        let digest: [u8; 32] = sha2::Sha256::digest(contents).into();
        assert_eq!(member.sha256.map(|sha256| *sha256.as_bytes()), Some(digest));
    }
}

fn files() -> Vec<(String, Vec<u8>)> {
    let long = "d/".repeat(90) + "naïve.py";
    vec![("a.py".to_owned(), b"twin".to_vec()), ("empty".to_owned(), vec![]), (long, b"x".repeat(100_000))]
}

#[test]
fn zip_files_of_the_zip_crate_are_ordinary() {
    for bytes in [by_zip(&files(), true), by_zip(&files(), false), by_zip_streaming(&files())] {
        let archive = ok(&bytes, Format::Zip);
        assert_eq!(archive.anomalies, []);
        assert_zip_crates_agree(&bytes, &archive);
    }
}

#[test]
fn tars_of_the_tar_crate_are_ordinary() {
    let bytes = by_tar(&files());
    let archive = ok(&bytes, Format::Tar);
    assert_eq!(archive.anomalies, []);
    assert_tar_crate_agrees(&bytes, &archive);
}
