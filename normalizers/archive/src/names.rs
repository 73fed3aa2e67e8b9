//! The names of an archive's members together: which of them no file system could hold as two real readers agree.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use twinbuild_subject::{MemberPath, UnsafePath};
use unicode_normalization::UnicodeNormalization as _;

use crate::archive::Anomaly;

/// A member's name that is unsafe, or that another member's name contradicts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// The name leaves the tree, or is read as different names on different systems.
    #[error("the name `{path}` at offset {offset} is unsafe: {reason}")]
    Unsafe {
        /// The name.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// Why.
        reason: UnsafePath,
    },
    /// Two members have the same bytes as name; readers keep the first, the last, or both.
    #[error("`{path}` stands twice, at offset {first} and at offset {second}")]
    Duplicate {
        /// The name of both.
        path: MemberPath,
        /// Of the first header.
        first: u64,
        /// Of the second header.
        second: u64,
    },
    /// Two names differ by a leading `./` or a trailing `/` only and are one file once laid out.
    #[error("`{path}` at offset {offset} and `{other}` at offset {other_offset} are the same file once laid out")]
    SameFile {
        /// The later name.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// The earlier name.
        other: MemberPath,
        /// Of its header.
        other_offset: u64,
    },
    /// A member that is no directory is a parent of another one. A link there redirects what is written below it.
    #[error("`{parent}` at offset {parent_offset} is no directory, yet `{path}` at offset {offset} lies below it")]
    ParentIsNoDirectory {
        /// The child.
        path: MemberPath,
        /// Of its header.
        offset: u64,
        /// The parent.
        parent: MemberPath,
        /// Of its header.
        parent_offset: u64,
    },
}

impl NameFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsafe { .. } => "name-unsafe",
            Self::Duplicate { .. } => "name-duplicate",
            Self::SameFile { .. } => "name-same-file",
            Self::ParentIsNoDirectory { .. } => "name-parent-is-no-directory",
        }
    }

    /// The member that is concerned.
    #[must_use]
    pub fn path(&self) -> &MemberPath {
        match self {
            Self::Unsafe { path, .. }
            | Self::Duplicate { path, .. }
            | Self::SameFile { path, .. }
            | Self::ParentIsNoDirectory { path, .. } => path,
        }
    }
}

/// Which names beyond the safe ones a format's home allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRules {
    /// [`MemberPath::components`], nothing else.
    Portable,
    /// The root itself as a directory (`./`), as tars made from `.` have it.
    PortableOrRoot,
    /// As on the Unix systems that a `.deb` is for: also backslashes, which systemd's unit names have.
    Unix,
}

/// What a name names, as far as other names depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    /// A directory, which others may lie below.
    Directory,
    /// A file, which hard links may name.
    File,
    /// A symbolic link.
    Link,
}

/// The names seen so far. No file among them has descendants, so an ancestor that is a file is the direct predecessor.
#[derive(Debug)]
pub(crate) struct Names {
    rules: NameRules,
    /// By [`key`].
    seen: BTreeMap<Vec<u8>, Seen>,
    folded: HashMap<Vec<u8>, MemberPath>,
}

#[derive(Debug)]
struct Seen {
    path: MemberPath,
    offset: u64,
    kind: NameKind,
}

impl Names {
    pub(crate) fn new(rules: NameRules) -> Self {
        Self { rules, seen: BTreeMap::new(), folded: HashMap::new() }
    }

    /// Adds the name of the member whose header is at `offset`.
    pub(crate) fn add(&mut self, path: &MemberPath, kind: NameKind, offset: u64) -> Result<Option<Anomaly>, NameFault> {
        self.check(path, kind, offset)?;
        let key = key(path);
        if let Some(other) = self.seen.get(&key) {
            return Err(if other.path == *path {
                NameFault::Duplicate { path: path.clone(), first: other.offset, second: offset }
            } else {
                NameFault::SameFile {
                    path: path.clone(),
                    offset,
                    other: other.path.clone(),
                    other_offset: other.offset,
                }
            });
        }
        if let Some((above, parent)) =
            self.seen.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(&*key))).next_back()
            && parent.kind != NameKind::Directory
            && is_below(&key, above)
        {
            return Err(NameFault::ParentIsNoDirectory {
                path: path.clone(),
                offset,
                parent: parent.path.clone(),
                parent_offset: parent.offset,
            });
        }
        if kind != NameKind::Directory
            && let Some((below, child)) = self.seen.range::<[u8], _>((Bound::Excluded(&*key), Bound::Unbounded)).next()
            && is_below(below, &key)
        {
            return Err(NameFault::ParentIsNoDirectory {
                path: child.path.clone(),
                offset: child.offset,
                parent: path.clone(),
                parent_offset: offset,
            });
        }
        let collision = self.folded.insert(fold(&key), path.clone()).map(|other| Anomaly {
            code: "name-case-collision",
            offset,
            length: 0,
            path: Some(path.clone()),
            detail: format!("`{path}` and `{other}` are one file where case does not count"),
        });
        self.seen.insert(key, Seen { path: path.clone(), offset, kind });
        Ok(collision)
    }

    /// Whether an earlier file has this name once laid out.
    pub(crate) fn has_file(&self, path: &MemberPath) -> bool {
        self.seen.get(&key(path)).is_some_and(|seen| seen.kind == NameKind::File)
    }

    fn check(&self, path: &MemberPath, kind: NameKind, offset: u64) -> Result<(), NameFault> {
        let reason = match path.components() {
            Ok(_) => return Ok(()),
            Err(reason) => reason,
        };
        let is_root = matches!(path.as_bytes(), b"." | b"./");
        let reason = match (self.rules, reason) {
            (NameRules::PortableOrRoot | NameRules::Unix, UnsafePath::Empty)
                if is_root && kind == NameKind::Directory =>
            {
                return Ok(());
            }
            (NameRules::Unix, UnsafePath::Backslash) => {
                let without: Vec<u8> =
                    path.as_bytes().iter().map(|byte| if *byte == b'\\' { b'_' } else { *byte }).collect();
                match MemberPath::new(without).components() {
                    Ok(_) => return Ok(()),
                    Err(reason) => reason,
                }
            }
            (_, reason) => reason,
        };
        Err(NameFault::Unsafe { path: path.clone(), offset, reason })
    }
}

/// The name as it is once laid out, with NUL for `/` so that all below a directory follows it directly in order.
fn key(path: &MemberPath) -> Vec<u8> {
    let bytes = path.as_bytes();
    let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    let bytes = if bytes == b"." { b"" } else { bytes };
    bytes.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

fn is_below(key: &[u8], above: &[u8]) -> bool {
    key.strip_prefix(above).is_some_and(|rest| above.is_empty() || rest.first() == Some(&0))
}

fn fold(key: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(key) {
        Ok(text) => text.nfc().collect::<String>().to_uppercase().to_lowercase().nfc().collect::<String>().into_bytes(),
        Err(_) => key.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_all(rules: NameRules, names: &[(&str, bool)]) -> Result<Vec<Anomaly>, NameFault> {
        let mut all = Names::new(rules);
        let added = names.iter().enumerate().map(|(i, (name, is_directory))| {
            let kind = if *is_directory { NameKind::Directory } else { NameKind::File };
            all.add(&(*name).into(), kind, i as u64)
        });
        Ok(added.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    #[test]
    fn ordinary_trees_have_no_faults() {
        let tree = [("a/", true), ("a/b", false), ("a-b", false), ("a.py", false), ("c/d/e", false), ("c/d/", true)];
        assert_eq!(add_all(NameRules::Portable, &tree), Ok(vec![]));
    }

    #[test]
    fn a_file_above_another_is_refused_in_either_order() {
        for names in [[("a", false), ("a/b/c", false)], [("a/b/c", false), ("a", false)]] {
            let fault = add_all(NameRules::Portable, &names).unwrap_err();
            assert_eq!((fault.code(), fault.path()), ("name-parent-is-no-directory", &"a/b/c".into()));
        }
        let apart = [("a", false), ("a-b", false), ("a/b", false)];
        assert_eq!(add_all(NameRules::Portable, &apart).unwrap_err().code(), "name-parent-is-no-directory");
    }

    #[test]
    fn the_same_file_by_another_spelling_is_refused() {
        let code = |names: &[(&str, bool)]| add_all(NameRules::Portable, names).unwrap_err().code();
        assert_eq!(code(&[("a", false), ("a", false)]), "name-duplicate");
        assert_eq!(code(&[("a", false), ("./a", false)]), "name-same-file");
        assert_eq!(code(&[("a", false), ("a/", true)]), "name-same-file");
    }

    #[test]
    fn names_that_differ_in_case_only_are_an_anomaly() {
        let anomalies = add_all(NameRules::Portable, &[("A.py", false), ("a.py", false)]).unwrap();
        assert_eq!(anomalies.iter().map(|a| a.code).collect::<Vec<_>>(), ["name-case-collision"]);
        assert_eq!(add_all(NameRules::Portable, &[("straße", false), ("STRASSE", false)]).unwrap().len(), 1);
    }

    #[test]
    fn the_root_and_backslashes_are_allowed_where_their_home_has_them() {
        assert_eq!(add_all(NameRules::PortableOrRoot, &[("./", true), ("./a", false)]), Ok(vec![]));
        assert!(add_all(NameRules::PortableOrRoot, &[("./", false)]).is_err());
        assert!(add_all(NameRules::Portable, &[("./", true)]).is_err());
        assert_eq!(add_all(NameRules::Unix, &[("a\\x2d.slice", false)]), Ok(vec![]));
        assert!(add_all(NameRules::Unix, &[("a\\/../b", false)]).is_err());
        assert!(add_all(NameRules::PortableOrRoot, &[("a\\b", false)]).is_err());
    }
}
