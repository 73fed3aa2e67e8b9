//! The branches and tags of a repository.

use std::collections::BTreeMap;

use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId};

use super::Tag;

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
/// Behind the name of a tag object, in front of what it comes to.
const PEELED: &str = "^{}";

/// The branches and tags of a repository, as it lists them now. References whose names are not UTF-8 are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refs {
    /// By name, without `refs/heads/`.
    branches: BTreeMap<String, ObjectId>,
    /// By name, without `refs/tags/`: the object, and what it comes to.
    tags: BTreeMap<String, (ObjectId, ObjectId)>,
}

/// What a revision is, as far as the list of references tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// A tag, and the commit that it comes to.
    Tag {
        /// The tag.
        tag: Tag,
        /// The commit.
        commit: ObjectId,
    },
    /// The newest commit of a branch.
    Branch {
        /// Its name, without `refs/heads/`.
        name: String,
        /// The commit.
        commit: ObjectId,
    },
    /// The name of a commit, or at least seven digits of it, in lower case.
    Commit(String),
}

impl Refs {
    /// Reads what `git ls-remote` prints: a line `NAME TAB REFERENCE` for each.
    pub(super) fn parse(listing: &[u8]) -> Result<Self, String> {
        let mut refs = Self::default();
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(text) = std::str::from_utf8(line) else { continue };
            let parsed = text.split_once('\t').and_then(|(id, name)| Some((id.parse::<ObjectId>().ok()?, name)));
            let (id, name) = parsed
                .ok_or_else(|| format!("an object and a reference are expected, not {}", MemberPath::new(line)))?;
            if let Some(branch) = name.strip_prefix(BRANCHES) {
                refs.branches.insert(branch.to_owned(), id);
            } else if let Some(tag) = name.strip_prefix(TAGS) {
                match tag.strip_suffix(PEELED) {
                    Some(tag) => {
                        if let Some((_, commit)) = refs.tags.get_mut(tag) {
                            *commit = id;
                        }
                    }
                    None => drop(refs.tags.insert(tag.to_owned(), (id.clone(), id))),
                }
            }
        }
        Ok(refs)
    }

    /// Whether there is neither a branch nor a tag.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty() && self.tags.is_empty()
    }

    /// The names of its tags.
    pub fn tag_names(&self) -> impl Iterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }

    /// The tag of that name, and the commit that it comes to.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<(Tag, ObjectId)> {
        let (object, commit) = self.tags.get(name)?.clone();
        Some((Tag { name: name.to_owned(), object }, commit))
    }

    /// What a revision is: the tag or branch of that name (with or without `refs/tags/` or `refs/heads/`), else a commit by its name.
    ///
    /// # Errors
    /// Why it is none, or more than one, for a reader.
    pub fn find(&self, revision: &str) -> Result<Revision, String> {
        let tag = revision.strip_prefix(TAGS).or_else(|| (!revision.starts_with(BRANCHES)).then_some(revision));
        let branch = revision.strip_prefix(BRANCHES).or_else(|| (!revision.starts_with(TAGS)).then_some(revision));
        let tag = tag.and_then(|name| self.tag(name));
        let branch = branch.and_then(|name| Some((name.to_owned(), self.branches.get(name)?.clone())));
        match (tag, branch) {
            (Some((tag, commit)), Some((_, other))) if commit != other => Err(format!(
                "both a tag ({commit}) and a branch ({other}) have the name {}: say refs/tags/{0} or refs/heads/{0}",
                tag.name
            )),
            (Some((tag, commit)), _) => Ok(Revision::Tag { tag, commit }),
            (None, Some((name, commit))) => Ok(Revision::Branch { name, commit }),
            (None, None) => {
                let is_name =
                    (7..=64).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
                let is_none =
                    || format!("it has no branch, tag or commit {:?}", MemberPath::from(revision).to_string());
                is_name.then(|| Revision::Commit(revision.to_ascii_lowercase())).ok_or_else(is_none)
            }
        }
    }

    /// A reference that names this commit itself, tags first.
    #[must_use]
    pub fn naming(&self, commit: &ObjectId) -> Option<String> {
        let tag = self.tags.iter().find(|(_, (_, own))| own == commit).map(|(name, _)| format!("{TAGS}{name}"));
        let branch =
            || self.branches.iter().find(|(_, own)| *own == commit).map(|(name, _)| format!("{BRANCHES}{name}"));
        tag.or_else(branch)
    }

    /// What the names of its objects are made with; SHA-1 where it has none.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        let mut ids = self.branches.values().chain(self.tags.values().map(|(object, _)| object));
        ids.next().map_or(ObjectFormat::Sha1, ObjectId::format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> ObjectId {
        digit.repeat(40).parse().unwrap()
    }

    fn refs() -> Refs {
        let line = |digit: &str, name: &str| format!("{}\t{name}\n", id(digit));
        let listing = [
            line("a", "refs/heads/main"),
            line("b", "refs/heads/same"),
            line("9", "refs/heads/both"),
            line("c", "refs/tags/v1.0"),
            line("d", "refs/tags/v1.0^{}"),
            line("b", "refs/tags/same"),
            line("e", "refs/tags/both"),
            line("f", "refs/pull/1/head"),
        ];
        Refs::parse(listing.concat().as_bytes()).unwrap()
    }

    #[test]
    fn revisions_are_found_by_their_names() {
        let refs = refs();
        assert_eq!(refs.tag_names().collect::<Vec<_>>(), ["both", "same", "v1.0"]);
        let Ok(Revision::Tag { tag, commit }) = refs.find("v1.0") else { panic!("{:?}", refs.find("v1.0")) };
        assert_eq!((tag.object, commit), (id("c"), id("d")));
        assert_eq!(refs.find("main"), Ok(Revision::Branch { name: "main".to_owned(), commit: id("a") }));
        assert!(matches!(refs.find("same"), Ok(Revision::Tag { .. })));
        assert!(refs.find("both").unwrap_err().contains("refs/tags/both"));
        assert!(matches!(refs.find("refs/tags/both"), Ok(Revision::Tag { commit, .. }) if commit == id("e")));
        assert!(matches!(refs.find("refs/heads/both"), Ok(Revision::Branch { commit, .. }) if commit == id("9")));
        assert_eq!(refs.find("FFFFFFF"), Ok(Revision::Commit("fffffff".to_owned())));
        for none in ["", "v2", "ffffff", "refs/pull/1/head", "--upload-pack=x", "main~1"] {
            assert!(refs.find(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_commit_is_named_by_branches_and_tags_only() {
        let refs = refs();
        assert_eq!(refs.naming(&id("d")).as_deref(), Some("refs/tags/v1.0"));
        assert_eq!(refs.naming(&id("a")).as_deref(), Some("refs/heads/main"));
        assert_eq!(refs.naming(&id("f")), None);
        assert!(Refs::parse(b"").unwrap().is_empty());
        assert!(Refs::parse(b"x\trefs/heads/a\n").is_err() && Refs::parse(b"x\n").is_err());
    }
}
