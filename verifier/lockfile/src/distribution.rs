//! One installed distribution: its `*.dist-info`, and its files held against its `RECORD` (PyPA "Recording installed
//! projects").

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use pep440_rs::Version;
use rustix::fs::{Mode, OFlags};
use twinbuild_record::{Row, installed_digest, is_added_by_installers, is_record_or_signature};
use twinbuild_subject::{MemberPath, PackageName, Sha256, Sha256Hasher, UnsafePath};

use crate::InstalledError;
use crate::dist_info::{self, DirectUrl};
use crate::installed::{Entries, Entry};

/// The largest file of a `*.dist-info` that is read whole, in bytes: 64 MiB.
const MOST_BYTES: u64 = 64 << 20;

/// A distribution, and how its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledDistribution {
    /// The project, by `METADATA`.
    pub name: PackageName,
    /// Its version, by `METADATA`.
    pub version: Version,
    /// The name of its `*.dist-info` folder.
    pub dist_info: MemberPath,
    /// The digest of `RECORD` as it is on disk. Installers rewrite it: it is not that of the wheel's.
    pub record: Sha256,
    /// Where it was installed from, where that is no index.
    pub direct_url: Option<DirectUrl>,
    members: BTreeMap<MemberPath, Sha256>,
    /// Rows whose name leads out of the folder, or is not safe to follow, with the reason. Scripts stand so, below
    /// `../../../bin`. Nothing is opened by such a name, and they are no members.
    pub outside: Vec<OutsideRow>,
    /// How many rows are of bytecode that the installer made, and so have no digest.
    pub compiled: usize,
    /// What differs, in the order of the rows.
    pub faults: Vec<Fault>,
}

/// A row of `RECORD` that is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideRow {
    /// The name as it is written.
    pub path: MemberPath,
    /// Why it is not followed.
    pub reason: UnsafePath,
    /// The digest that `RECORD` has, where it is a SHA-256; it is not checked. That of a program which the installer did not
    /// rewrite is that of the wheel's member below `*.data/scripts/`.
    pub sha256: Option<Sha256>,
}

/// A `*.dist-info` of which not even the release is known, or whose files no `RECORD` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenDistribution {
    /// The name of the folder.
    pub dist_info: MemberPath,
    /// What is wrong with it, as a sentence.
    pub reason: String,
}

/// One way in which files are not as `RECORD` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: MemberPath,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What is wrong with a file or a row of `RECORD`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Its content is another.
    #[error("RECORD says {expected}, and the file is {found}")]
    Differs {
        /// The digest that `RECORD` has.
        expected: Sha256,
        /// The file's.
        found: Sha256,
    },
    /// Its content is as listed and its listed size is not.
    #[error("RECORD says {listed:?} bytes, and the file has {found}")]
    Size {
        /// The field.
        listed: String,
        /// The file's size in bytes.
        found: u64,
    },
    /// It is not there.
    #[error("it is not there")]
    Missing,
    /// It is a symbolic link, a folder or a device, or stands below a link, and is not read.
    #[error("it is no regular file")]
    NotAFile,
    /// The row has no digest, though installers make no such file.
    #[error("RECORD has no digest of it")]
    NoDigest,
    /// The row has a digest that is no SHA-256.
    #[error("RECORD has {found:?} where a SHA-256 is expected")]
    OtherDigest {
        /// The field, at most 200 characters of it.
        found: String,
    },
    /// A row before had another digest.
    #[error("RECORD lists it twice, with two digests")]
    ListedTwice,
    /// The row is none.
    #[error("{detail}")]
    Row {
        /// What is wrong with it, as a sentence.
        detail: String,
    },
}

impl InstalledDistribution {
    /// The files that came out of the wheel, each by its path in the wheel, with the digest that `RECORD` has. A distribution
    /// without [`faults`](Self::faults) has these contents on disk.
    ///
    /// Not among them are what the installer made (`INSTALLER`, `REQUESTED`, `direct_url.json`, bytecode), `RECORD` itself and
    /// its signatures, and what is outside of the folder. So they are all members of the wheel but `RECORD` and those below
    /// `*.data/`; of the latter, `purelib` and `platlib` are here without this beginning.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<MemberPath, Sha256> {
        &self.members
    }

    /// The digest of these, by which a ledger has what was found out about the wheel.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        installed_digest(&self.members)
    }
}

/// Reads the distribution of `dist_info`, and adds what its `RECORD` names to `listed`. The inner error says why it is broken.
pub(crate) fn read(
    folder: &Path,
    entries: &Entries,
    dist_info: &MemberPath,
    listed: &mut HashSet<MemberPath>,
) -> Result<Result<InstalledDistribution, String>, InstalledError> {
    let text = |name: &str| -> Result<Result<Vec<u8>, String>, InstalledError> {
        let path = below(dist_info, name.as_bytes());
        match entries.get(&path) {
            Some(Entry::File) => {}
            None => return Ok(Err(format!("it has no {name}"))),
            Some(_) => return Ok(Err(format!("its {name} is no regular file"))),
        }
        let mut bytes = Vec::new();
        let read = open(folder, &path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|source| unreadable(folder, &path, source))?;
        let fits = bytes.len() as u64 <= MOST_BYTES;
        Ok(if fits { Ok(bytes) } else { Err(format!("its {name} has more than {MOST_BYTES} bytes")) })
    };
    let release = match text("METADATA")? {
        Ok(metadata) => dist_info::release(&metadata),
        Err(reason) => Err(reason),
    };
    let record = match text("RECORD")? {
        Ok(record) => record,
        Err(reason) => return Ok(Err(reason)),
    };
    let direct_url = match (entries.get(&below(dist_info, b"direct_url.json")), text("direct_url.json")?) {
        (None, _) => Ok(None),
        (Some(_), Ok(json)) => dist_info::direct_url(&json).map(Some),
        (Some(_), Err(reason)) => Err(reason),
    };
    let mut files = Files { folder, entries, dist_info, listed, seen: BTreeMap::new(), found: Found::default() };
    for row in twinbuild_record::rows(&record) {
        match row {
            Ok(row) => files.row(&row)?,
            Err(fault) => files.found.fault(&fault.path, FaultKind::Row { detail: fault.detail }),
        }
    }
    let Found { members, outside, compiled, faults } = files.found;
    let record = Sha256::of(&record);
    let dist_info = dist_info.clone();
    Ok(match (release, direct_url) {
        (Ok((name, version)), Ok(direct_url)) => Ok(InstalledDistribution {
            name,
            version,
            dist_info,
            record,
            direct_url,
            members,
            outside,
            compiled,
            faults,
        }),
        (Err(reason), _) | (_, Err(reason)) => Err(reason),
    })
}

#[derive(Default)]
struct Found {
    members: BTreeMap<MemberPath, Sha256>,
    outside: Vec<OutsideRow>,
    compiled: usize,
    faults: Vec<Fault>,
}

impl Found {
    fn fault(&mut self, path: &MemberPath, kind: FaultKind) {
        self.faults.push(Fault { path: path.clone(), kind });
    }
}

struct Files<'f> {
    folder: &'f Path,
    entries: &'f Entries,
    dist_info: &'f MemberPath,
    listed: &'f mut HashSet<MemberPath>,
    /// What rows before said of a file.
    seen: BTreeMap<MemberPath, Vec<u8>>,
    found: Found,
}

impl Files<'_> {
    fn row(&mut self, row: &Row) -> Result<(), InstalledError> {
        let path = match row.path.components() {
            Ok(components) => MemberPath::new(components.join(&b'/')),
            Err(reason) => {
                self.found.outside.push(OutsideRow { path: row.path.clone(), reason, sha256: row.sha256() });
                return Ok(());
            }
        };
        self.listed.insert(path.clone());
        match self.seen.insert(path.clone(), row.digest.clone()) {
            Some(before) if before == row.digest => return Ok(()),
            Some(_) => {
                self.found.fault(&path, FaultKind::ListedTwice);
                return Ok(());
            }
            None => {}
        }
        let own = path.strip_prefix(self.dist_info.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
        let is_own = |is_it: fn(&[u8]) -> bool| own.as_ref().is_some_and(|own| is_it(own.as_bytes()));
        let is_added = is_own(is_added_by_installers);
        if row.digest.is_empty() {
            if is_bytecode(&path) {
                self.found.compiled += 1;
            } else if !is_added && !is_own(is_record_or_signature) {
                self.found.fault(&path, FaultKind::NoDigest);
            }
            return Ok(());
        }
        let Some(expected) = row.sha256() else {
            let found = String::from_utf8_lossy(&row.digest).chars().take(200).collect();
            self.found.fault(&path, FaultKind::OtherDigest { found });
            return Ok(());
        };
        if !is_added {
            self.found.members.insert(path.clone(), expected);
        }
        self.check(&path, expected, &row.size)
    }

    fn check(&mut self, path: &MemberPath, expected: Sha256, size: &[u8]) -> Result<(), InstalledError> {
        match self.entries.get(path) {
            Some(Entry::File) => {}
            Some(_) => {
                self.found.fault(path, FaultKind::NotAFile);
                return Ok(());
            }
            None => {
                let kind = if self.is_below_link(path) { FaultKind::NotAFile } else { FaultKind::Missing };
                self.found.fault(path, kind);
                return Ok(());
            }
        }
        let mut hasher = Sha256Hasher::new();
        open(self.folder, path)
            .and_then(|mut file| io::copy(&mut file, &mut hasher))
            .map_err(|source| unreadable(self.folder, path, source))?;
        let size_bytes = hasher.size_bytes();
        let found = hasher.finish();
        if found != expected {
            self.found.fault(path, FaultKind::Differs { expected, found });
        } else if size != size_bytes.to_string().as_bytes() {
            let listed = String::from_utf8_lossy(size).chars().take(40).collect();
            self.found.fault(path, FaultKind::Size { listed, found: size_bytes });
        }
        Ok(())
    }

    /// Whether a part of the path is there and no folder.
    fn is_below_link(&self, path: &MemberPath) -> bool {
        let bytes = path.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut above = ends.filter_map(|end| self.entries.get(&MemberPath::new(&bytes[..end])));
        above.any(|entry| *entry != Entry::Folder)
    }
}

/// The source that bytecode in `__pycache__` is of: `a/b.py` for `a/__pycache__/b.cpython-311.opt-1.pyc` (PEP 3147, PEP 488).
pub(crate) fn source_of(path: &MemberPath) -> Option<MemberPath> {
    let bytes = path.as_bytes();
    let (folder, name) = bytes.split_at(bytes.iter().rposition(|byte| *byte == b'/')?);
    let folder = folder.strip_suffix(b"__pycache__")?;
    if !(folder.is_empty() || folder.ends_with(b"/")) {
        return None;
    }
    let name = name.strip_prefix(b"/")?.strip_suffix(b".pyc")?;
    let mut parts = name.rsplitn(3, |byte| *byte == b'.');
    let (last, before, first) = (parts.next()?, parts.next()?, parts.next());
    // A module's own name has no dots, so the tag is what stands behind the first of them.
    let module = if last.starts_with(b"opt-") {
        first?
    } else if first.is_none() {
        before
    } else {
        return None;
    };
    Some(MemberPath::new([folder, module, b".py"].concat()))
}

fn is_bytecode(path: &MemberPath) -> bool {
    path.ends_with(".pyc") && path.as_bytes().rsplit(|byte| *byte == b'/').nth(1) == Some(b"__pycache__")
}

fn below(folder: &MemberPath, name: &[u8]) -> MemberPath {
    MemberPath::new([folder.as_bytes(), b"/", name].concat())
}

/// Opens a file that was walked; the last part of its path is not followed if it is a link by now.
fn open(folder: &Path, path: &MemberPath) -> io::Result<File> {
    let path = folder.join(OsStr::from_bytes(path.as_bytes()));
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn unreadable(folder: &Path, path: &MemberPath, source: io::Error) -> InstalledError {
    InstalledError::Unreadable { path: folder.join(OsStr::from_bytes(path.as_bytes())), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_is_of_the_source_beside_it() {
        for (bytecode, source) in [
            ("a/__pycache__/b.cpython-311.pyc", Some("a/b.py")),
            ("__pycache__/b.cpython-313.opt-2.pyc", Some("b.py")),
            ("__pycache__/b.pypy39.pyc", Some("b.py")),
            ("a/b.cpython-311.pyc", None),
            ("__pycache__/b.pyc", None),
            ("x__pycache__/b.cpython-311.pyc", None),
            ("__pycache__/b.c.cpython-311.pyc", None),
            ("__pycache__/b.cpython-311.so", None),
        ] {
            assert_eq!(source_of(&bytecode.into()), source.map(MemberPath::from), "{bytecode}");
        }
    }
}
