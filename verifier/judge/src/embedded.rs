//! Looking for the subject inside of what it is built from: a build that merely copies it proves nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use twinbuild_archive::{Format, Limits, Member, ReadError, visit};
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

/// Archives inside of archives are followed this deep.
const DEPTH: u32 = 6;
/// A file inside of an archive is held in memory up to this size, in bytes.
const HELD_BYTES: u64 = 256 << 20;

/// Where the subject was found, or what could not be looked into.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The first place that holds the subject.
    pub(crate) found: Option<String>,
    /// Why the search is not complete: a limit was reached there.
    pub(crate) unfinished: Option<String>,
    /// Archives that are no archives to our readers, of which there are many in tests of packages.
    pub(crate) unread: Vec<MemberPath>,
}

/// Searches files for one with the digest of the subject, at any depth of zip, tar, gzip and xz.
pub(crate) struct Searcher {
    wanted: Sha256,
    size_bytes: u64,
    search: Search,
}

impl Searcher {
    /// A search for files with this digest and size.
    pub(crate) fn new(wanted: Sha256, size_bytes: u64) -> Self {
        Self { wanted, size_bytes, search: Search::default() }
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
        let mut file = File::open(path)?;
        let mut head = [0; 512];
        let length = fill(&mut file, &mut head)?;
        if kind(&head[..length]).is_none() {
            if file.metadata()?.len() != self.size_bytes {
                return Ok(());
            }
            let mut hasher = Sha256Hasher::new();
            hasher.update(&head[..length]);
            io::copy(&mut file, &mut hasher)?;
            self.check(hasher.finish(), &name.to_string());
            return Ok(());
        }
        if file.metadata()?.len() > HELD_BYTES {
            self.limit(name, "it is too large to be looked into");
            return Ok(());
        }
        self.bytes(&std::fs::read(path)?, name, &name.to_string(), 0);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], name: &MemberPath, place: &str, depth: u32) {
        self.check(Sha256::of(bytes), place);
        let Some(kind) = kind(bytes) else { return };
        if depth == DEPTH {
            self.limit(name, "archives are nested too deeply in it");
            return;
        }
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
        let outcome = match kind {
            Kind::Archive(format) => visit(bytes, format, &limits, &mut take).map(drop),
            // A gzip or xz of something else than a tar is looked into as it is.
            Kind::Gzip => match visit(bytes, Format::TarGz, &limits, &mut take) {
                Ok(_) => Ok(()),
                Err(ReadError::Limit(limit)) => Err(ReadError::Limit(limit)),
                Err(_) => return self.plain_gzip(bytes, name, place, depth),
            },
        };
        match outcome {
            Ok(()) => {}
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

    fn plain_gzip(&mut self, bytes: &[u8], name: &MemberPath, place: &str, depth: u32) {
        let mut held = Vec::new();
        match MultiGzDecoder::new(bytes).take(HELD_BYTES + 1).read_to_end(&mut held) {
            Ok(_) if held.len() as u64 > HELD_BYTES => self.limit(name, "it is too large to be looked into"),
            Ok(_) => self.bytes(&held, name, &format!("{place} / gzip"), depth + 1),
            Err(_) => self.search.unread.push(name.clone()),
        }
    }

    fn check(&mut self, found: Sha256, place: &str) {
        if self.wanted == found {
            self.search.found.get_or_insert_with(|| place.to_owned());
        }
    }

    fn limit(&mut self, name: &MemberPath, why: &str) {
        self.search.unfinished.get_or_insert_with(|| format!("{name}: {why}"));
    }
}

enum Kind {
    Archive(Format),
    Gzip,
}

/// What the first bytes of a file say that it is.
fn kind(head: &[u8]) -> Option<Kind> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some(Kind::Archive(Format::Zip)),
        [0x1f, 0x8b, ..] => Some(Kind::Gzip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Archive(Format::TarXz)),
        _ if head.get(257..262) == Some(b"ustar") => Some(Kind::Archive(Format::Tar)),
        _ => None,
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

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

    fn search(content: &[u8], wanted: &[u8]) -> Search {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/file"), content).unwrap();
        let mut searcher = Searcher::new(Sha256::of(wanted), wanted.len() as u64);
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
        ] {
            assert!(search(&hidden, &wheel).found.is_some_and(|place| place.starts_with("a/file")));
        }
        let other = search(&zipped("y.py", b"x"), &wheel);
        assert!(other.found.is_none() && other.unfinished.is_none() && other.unread.is_empty());
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
