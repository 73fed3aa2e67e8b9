//! Looking for the subject inside of what it is built from: a build that merely copies it proves nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use memchr::memmem;
use ruzstd::decoding::StreamingDecoder;
use twinbuild_archive::{Format, Limits, Member, ReadError, visit};
use twinbuild_store::Blob;
use twinbuild_subject::{MemberPath, Sha256};

use crate::prebuilt::{MOST_PREBUILT, Prebuilt, compiled};

/// Archives inside of archives are followed this deep.
const DEPTH: u32 = 6;
/// A file inside of an archive is held in memory up to this size, in bytes.
const HELD_BYTES: u64 = 256 << 20;

/// What a decoder may use, in KiB.
const DECODER_LIMIT_KIB: u32 = 128 << 10;
/// So much of the subject's beginning is looked for first.
const HEAD_BYTES: u64 = 64;
/// So many places of one content that begin like the subject are looked at.
const CANDIDATES: usize = 1000;

/// Where the subject was found, or what could not be looked into.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The first place that holds the subject.
    pub(crate) found: Option<String>,
    /// Why the search is not complete: a limit was reached there.
    pub(crate) unfinished: Option<String>,
    /// Archives that are no archives to our readers, of which there are many in tests of packages.
    pub(crate) unread: Vec<MemberPath>,
    /// Compiled code that was come by.
    pub(crate) prebuilt: Vec<Prebuilt>,
}

/// Searches files for the subject: as a file, at any offset inside of one, and inside of zip, tar, gzip, xz, LZMA, bzip2 and zstd at
/// any depth.
pub(crate) struct Searcher {
    wanted: Sha256,
    size_bytes: u64,
    /// How it begins, by which it is found.
    head: Vec<u8>,
    search: Search,
}

impl Searcher {
    /// A search for this file.
    pub(crate) fn new(subject: &Blob) -> io::Result<Self> {
        Self::of(subject.reader(), subject.sha256(), subject.size_bytes())
    }

    /// The same for a file that is not in the store.
    pub(crate) fn of(subject: impl Read, wanted: Sha256, size_bytes: u64) -> io::Result<Self> {
        let mut head = Vec::new();
        subject.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self { wanted, size_bytes, head, search: Search::default() })
    }

    /// Searches all regular files below `root`.
    pub(crate) fn tree(&mut self, root: &Path) -> io::Result<()> {
        for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() && self.search.found.is_none() {
                let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
                let name = MemberPath::new(std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str()));
                self.file(entry.path(), &name)?;
            }
        }
        Ok(())
    }

    /// What was found.
    pub(crate) fn finish(self) -> Search {
        self.search
    }

    fn file(&mut self, path: &Path, name: &MemberPath) -> io::Result<()> {
        let file = File::open(path)?;
        if file.metadata()?.len() > HELD_BYTES {
            self.limit(name, "it is too large to be looked into");
            return Ok(());
        }
        let mut content = Vec::new();
        file.take(HELD_BYTES).read_to_end(&mut content)?;
        self.bytes(&content, name, &name.to_string(), 0);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], name: &MemberPath, place: &str, depth: u32) {
        self.look(bytes, name, place);
        if let Some(what) = compiled(bytes).filter(|_| self.search.prebuilt.len() < MOST_PREBUILT) {
            self.search.prebuilt.push(Prebuilt { file: name.clone(), place: place.to_owned(), what });
        }
        let Some(kind) = kind(bytes) else { return };
        if depth == DEPTH {
            self.limit(name, "archives are nested too deeply in it");
            return;
        }
        match kind {
            Kind::Archive(format) => self.members(bytes, format, name, place, depth),
            Kind::Compressed(compression) => self.compressed(bytes, compression, name, place, depth),
        }
    }

    fn members(&mut self, bytes: &[u8], format: Format, name: &MemberPath, place: &str, depth: u32) {
        let mut nested = Vec::new();
        let mut take = |member: &Member, content: &mut dyn Read| {
            if !member.is_file() {
                return Ok(());
            }
            let mut held = Vec::new();
            content.take(HELD_BYTES + 1).read_to_end(&mut held)?;
            if held.len() as u64 > HELD_BYTES {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a member is too large to be looked into"));
            }
            nested.push((member.path.clone(), held));
            Ok(())
        };
        let limits = Limits { total_bytes: HELD_BYTES * 2, ..Limits::default() };
        match visit(bytes, format, &limits, &mut take) {
            Ok(_) => {}
            Err(ReadError::Limit(_) | ReadError::Visitor { .. } | ReadError::Io { .. }) => {
                self.limit(name, "a limit was reached inside of it");
            }
            Err(_) => self.search.unread.push(name.clone()),
        }
        // What was handed out before an archive turned out to be none counts too: others may read that far.
        for (path, held) in nested {
            self.bytes(&held, name, &format!("{place} / {path}"), depth + 1);
        }
    }

    /// What one compressed file holds, a tar or anything else; as far as it can be expanded, as others may read that far.
    fn compressed(&mut self, bytes: &[u8], compression: Compression, name: &MemberPath, place: &str, depth: u32) {
        let mut held = Vec::new();
        let (called, outcome) = match compression {
            Compression::Gzip => ("gzip", expand(MultiGzDecoder::new(bytes), &mut held)),
            Compression::Bzip2 => ("bzip2", expand(MultiBzDecoder::new(bytes), &mut held)),
            Compression::Xz => ("xz", expand(XzReader::new_mem_limit(bytes, true, DECODER_LIMIT_KIB), &mut held)),
            Compression::Zstd => {
                let decoder = StreamingDecoder::new(bytes).map_err(io::Error::other);
                ("zstd", decoder.and_then(|decoder| expand(decoder, &mut held)))
            }
            Compression::Lzma => {
                let decoder = LzmaReader::new_mem_limit(bytes, DECODER_LIMIT_KIB, None);
                ("lzma", decoder.and_then(|decoder| expand(decoder, &mut held)))
            }
        };
        if held.len() as u64 > HELD_BYTES {
            self.limit(name, "it is too large to be looked into");
            return;
        }
        // LZMA has no signature to speak of.
        if outcome.is_err() && compression != Compression::Lzma {
            self.search.unread.push(name.clone());
        }
        if !held.is_empty() {
            self.bytes(&held, name, &format!("{place} / {called}"), depth + 1);
        }
    }

    /// Looks for the subject's bytes at any offset.
    fn look(&mut self, bytes: &[u8], name: &MemberPath, place: &str) {
        let Ok(size) = usize::try_from(self.size_bytes) else { return };
        for (tried, start) in memmem::find_iter(bytes, &self.head).enumerate() {
            let Some(found) = start.checked_add(size).and_then(|end| bytes.get(start..end)) else { return };
            if tried == CANDIDATES {
                self.limit(name, "it has the beginning of the published file too often");
                return;
            }
            if Sha256::of(found) == self.wanted {
                let at = if start == 0 { String::new() } else { format!(" at offset {start}") };
                self.search.found.get_or_insert_with(|| format!("{place}{at}"));
                return;
            }
        }
    }

    fn limit(&mut self, name: &MemberPath, why: &str) {
        self.search.unfinished.get_or_insert_with(|| format!("{name}: {why}"));
    }
}

/// Expands up to a byte more than is held.
fn expand(decoder: impl Read, held: &mut Vec<u8>) -> io::Result<()> {
    decoder.take(HELD_BYTES + 1).read_to_end(held).map(drop)
}

enum Kind {
    Archive(Format),
    Compressed(Compression),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Lzma,
}

/// What the first bytes of a file say that it is.
fn kind(head: &[u8]) -> Option<Kind> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some(Kind::Archive(Format::Zip)),
        [0x1f, 0x8b, ..] => Some(Kind::Compressed(Compression::Gzip)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Compressed(Compression::Xz)),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Kind::Compressed(Compression::Bzip2)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Kind::Compressed(Compression::Zstd)),
        // The usual properties, and a dictionary of a power of two of at least 64 KiB.
        [0x5d, 0, 0, _, _, ..] => Some(Kind::Compressed(Compression::Lzma)),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => Some(Kind::Archive(Format::Ar)),
        _ if head.get(257..262) == Some(b"ustar") => Some(Kind::Archive(Format::Tar)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use twinbuild_store::{Network, Store};

    use super::*;

    fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn gzipped(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(content: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(content: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn search(content: &[u8], wanted: &[u8]) -> Search {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/file"), content).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let store = Store::open(cache.path(), Network::Offline).unwrap();
        let mut searcher = Searcher::new(&store.put(wanted, 1 << 20).unwrap()).unwrap();
        searcher.tree(folder.path()).unwrap();
        searcher.finish()
    }

    #[test]
    fn the_subject_is_found_at_any_depth() {
        let wheel = zipped("x.py", b"x");
        for hidden in [
            wheel.clone(),
            zipped("x.whl", &wheel),
            gzipped(&wheel),
            zipped("a.zip", &zipped("b.zip", &gzipped(&wheel))),
            [b"before ", &*wheel, b" after"].concat(),
            xz(&wheel),
            xz(&[&[0; 100], &*wheel].concat()),
            bzip2(&wheel),
            zipped("x.tar.bz2", &bzip2(&[b"x", &*wheel].concat())),
        ] {
            assert!(search(&hidden, &wheel).found.is_some_and(|place| place.starts_with("a/file")));
        }
        let other = search(&zipped("y.py", b"x"), &wheel);
        assert!(other.found.is_none() && other.unfinished.is_none() && other.unread.is_empty());
    }

    #[test]
    fn compiled_code_is_found_on_the_way() {
        let hidden = zipped("x.jar", &zipped("a/B.class", b"\xca\xfe\xba\xbe\0\0\0\x34"));
        let found = search(&hidden, b"wanted").prebuilt;
        assert_eq!((found.len(), found[0].what), (1, "a Java class"));
        assert_eq!(
            (found[0].file.to_string(), found[0].place.as_str()),
            ("a/file".to_owned(), "a/file / x.jar / a/B.class")
        );
    }

    #[test]
    fn what_cannot_be_looked_into_is_said() {
        assert_eq!(search(b"PK\x03\x04 no zip", b"x").unread.len(), 1);
        let mut nested = b"core".to_vec();
        for _ in 0..10 {
            nested = zipped("n.zip", &nested);
        }
        assert!(search(&nested, b"core").unfinished.is_some());
    }
}
