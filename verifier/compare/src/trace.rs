//! Tracing members back to the files of a source.

use std::collections::HashMap;

use twinbuild_subject::{MemberPath, Sha256};

/// The files of a source tree by their content.
#[derive(Debug, Clone, Default)]
pub struct SourceIndex {
    by_content: HashMap<Sha256, Vec<MemberPath>>,
}

impl SourceIndex {
    /// An index of files, given as path and digest.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = (MemberPath, Sha256)>) -> Self {
        let mut by_content: HashMap<Sha256, Vec<MemberPath>> = HashMap::new();
        for (path, sha256) in files {
            by_content.entry(sha256).or_default().push(path);
        }
        for paths in by_content.values_mut() {
            paths.sort();
        }
        Self { by_content }
    }

    /// The file of the source that has this content, if there is one; of several the one whose name is most like
    /// `member`'s. Empty content says nothing about where it came from, so it must have the same file name too.
    #[must_use]
    pub fn verbatim(&self, member: &MemberPath, sha256: &Sha256) -> Option<&MemberPath> {
        let paths = self.by_content.get(sha256)?;
        let shared = |path: &&MemberPath| {
            path.as_bytes().iter().rev().zip(member.as_bytes().iter().rev()).take_while(|(a, b)| a == b).count()
        };
        let best = paths.iter().rev().max_by_key(shared)?;
        let is_empty = *sha256 == Sha256::of(b"");
        (!is_empty || best.file_name() == member.file_name()).then_some(best)
    }

    /// Whether the file `path` of the source has this content.
    #[must_use]
    pub fn has(&self, path: &MemberPath, sha256: &Sha256) -> bool {
        self.by_content.get(sha256).is_some_and(|paths| paths.contains(path))
    }

    /// Whether a file of the source has this digest.
    #[must_use]
    pub fn contains(&self, sha256: &Sha256) -> bool {
        self.by_content.contains_key(sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_name_is_named() {
        let same = Sha256::of(b"x");
        let index = SourceIndex::new([("b/y.py".into(), same), ("src/a/x.py".into(), same), ("x.txt".into(), same)]);
        assert_eq!(index.verbatim(&"a/x.py".into(), &same), Some(&"src/a/x.py".into()));
        assert_eq!(index.verbatim(&"a/x.py".into(), &Sha256::of(b"y")), None);
    }

    #[test]
    fn empty_files_are_traced_by_name_only() {
        let empty = Sha256::of(b"");
        let index = SourceIndex::new([("src/a/__init__.py".into(), empty)]);
        assert!(index.verbatim(&"a/__init__.py".into(), &empty).is_some());
        assert!(index.verbatim(&"a/py.typed".into(), &empty).is_none());
    }
}
