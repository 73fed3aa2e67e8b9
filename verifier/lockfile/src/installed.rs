//! A folder of installed distributions, such as `site-packages`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use twinbuild_subject::MemberPath;
use walkdir::WalkDir;

use crate::distribution::{self, BrokenDistribution, InstalledDistribution};

/// More files and folders than this are not walked, in number.
const MOST_ENTRIES: usize = 4_000_000;

/// What is installed in a folder. All paths are relative to it, with `/` between their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The folder.
    pub folder: PathBuf,
    /// Each `*.dist-info` that says of which project and version it is, by its name.
    pub distributions: Vec<InstalledDistribution>,
    /// Each `*.dist-info` that does not, or whose `RECORD` is missing or cannot be read.
    pub broken: Vec<BrokenDistribution>,
    /// What is in the folder and in no `RECORD`, sorted.
    pub unlisted: Vec<Unlisted>,
}

/// A file that no `RECORD` names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unlisted {
    /// The file.
    pub path: MemberPath,
    /// What it is.
    pub kind: UnlistedKind,
}

/// What a file is that no `RECORD` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnlistedKind {
    /// Runs whenever Python starts: a `.pth` at the top, or a module `sitecustomize` or `usercustomize` (Python documentation,
    /// `site`).
    RunsAtStart,
    /// Another file at the top: a module that any program may import.
    TopLevel,
    /// Bytecode in `__pycache__` of a listed source, as Python writes it when it imports that. It is not checked, and Python
    /// believes it where the source's time and size are those in its header.
    Bytecode,
    /// A symbolic link, which is not followed.
    Link,
    /// Any other file.
    File,
}

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// The file system refuses.
    #[error("the installed files in {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds more than any such folder.
    #[error("{} has more than {limit} files and folders, the most that are read", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The most that is read.
        limit: usize,
    },
}

/// What an entry below the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    File,
    Link,
    Folder,
    /// A device, a pipe or a socket.
    Special,
}

/// All entries below a folder, by path.
pub(crate) type Entries = BTreeMap<MemberPath, Entry>;

/// Reads what is installed in `site_packages`: each `*.dist-info`, with the digest of each file that its `RECORD` lists and
/// that the wheel had. Every file is read once and none is run. Symbolic links are not followed, but `site_packages` itself
/// may be one; no name in a `RECORD` leads out of the folder. What somebody else changes in the meantime may be seen or not.
///
/// # Errors
/// [`InstalledError`], where a folder or file that is there cannot be read, or there are more than 4 000 000 of them.
pub fn installed(site_packages: &Path) -> Result<Installed, InstalledError> {
    let entries = walk(site_packages)?;
    let mut listed = HashSet::new();
    let (mut distributions, mut broken) = (Vec::new(), Vec::new());
    let is_dist_info = |path: &MemberPath| path.ends_with(".dist-info") && !path.as_bytes().contains(&b'/');
    for (path, _) in entries.iter().filter(|(path, entry)| **entry == Entry::Folder && is_dist_info(path)) {
        match distribution::read(site_packages, &entries, path, &mut listed)? {
            Ok(distribution) => distributions.push(distribution),
            Err(reason) => broken.push(BrokenDistribution { dist_info: path.clone(), reason }),
        }
    }
    let is_unlisted = |path: &MemberPath, entry: &Entry| *entry != Entry::Folder && !listed.contains(path);
    let unlisted = entries.iter().filter(|(path, entry)| is_unlisted(path, entry));
    let unlisted =
        unlisted.map(|(path, entry)| Unlisted { path: path.clone(), kind: kind(path, *entry, &listed) }).collect();
    Ok(Installed { folder: site_packages.to_owned(), distributions, broken, unlisted })
}

fn walk(folder: &Path) -> Result<Entries, InstalledError> {
    let mut entries = Entries::new();
    for entry in WalkDir::new(folder).min_depth(1) {
        let entry = entry.map_err(|error| InstalledError::Unreadable {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        if entries.len() == MOST_ENTRIES {
            return Err(InstalledError::TooMany { path: folder.to_owned(), limit: MOST_ENTRIES });
        }
        let kind = entry.file_type();
        let kind = match () {
            () if kind.is_symlink() => Entry::Link,
            () if kind.is_dir() => Entry::Folder,
            () if kind.is_file() => Entry::File,
            () => Entry::Special,
        };
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        entries.insert(MemberPath::new(path.as_os_str().as_encoded_bytes()), kind);
    }
    Ok(entries)
}

fn kind(path: &MemberPath, entry: Entry, listed: &HashSet<MemberPath>) -> UnlistedKind {
    let bytes = path.as_bytes();
    let is_top = !bytes.contains(&b'/');
    let runs_at_start = |top: &[u8]| {
        let module = top.split(|byte| *byte == b'.').next().unwrap_or(top);
        (is_top && path.ends_with(".pth")) || matches!(module, b"sitecustomize" | b"usercustomize")
    };
    if runs_at_start(bytes.split(|byte| *byte == b'/').next().unwrap_or(bytes)) {
        UnlistedKind::RunsAtStart
    } else if entry == Entry::Link {
        UnlistedKind::Link
    } else if is_top {
        UnlistedKind::TopLevel
    } else if distribution::source_of(path).is_some_and(|source| listed.contains(&source)) {
        UnlistedKind::Bytecode
    } else {
        UnlistedKind::File
    }
}
