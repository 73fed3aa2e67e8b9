//! A commit with all that a checkout of it has, as one file.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write};

use jiff::Timestamp;
use twinbuild_subject::{MemberPath, ObjectId, Sha256, Sha256Hasher};

use super::object::{Commit, Kind, Mode, tagged, tree_entries};
use super::objects::Objects;
use super::{CheckoutError, MOST_DEPTH, MOST_OBJECTS, PATH_LIMIT_BYTES};

/// The first line of a snapshot.
const FIRST_LINE: &str = "twinbuild git source 1";
/// The first line of what [`Snapshot::tree_sha256`] is the digest of.
const TREE_FIRST_LINE: &str = "twinbuild git tree 1";
/// How many tags may name one another.
const MOST_TAGS: usize = 8;
/// The most bytes of a snapshot's header.
const HEADER_LIMIT_BYTES: u64 = 4096;

/// A commit, the tag by which it was chosen, its tree, and those of its submodules: every object, verified by its name, so the name of the
/// commit pins the whole.
///
/// As a file it is a line `twinbuild git source 1`, a line `commit NAME`, where there is a tag a line `tag NAME TAG`, and an empty line.
/// Then each object as a line `NAME KIND SIZE`, its content and a line's end: the tag and the tags that it names, the commit, and
/// its trees and blobs, parents before children in the order of their trees, each once; the commit of a submodule where it stands
/// in a tree, and then its own. So one commit and one tag have one file, and one digest.
pub struct Snapshot {
    objects: Objects,
    commit: ObjectId,
    tag: Option<Tag>,
}

/// A tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The tag object, or the commit where the tag is no object of its own.
    pub object: ObjectId,
}

/// A submodule whose commit is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MissingSubmodule {
    pub(super) path: Vec<u8>,
    /// The path of the submodule that it is a submodule of; empty for the repository itself.
    pub(super) parent: Vec<u8>,
    pub(super) commit: ObjectId,
}

/// A file, symbolic link or submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) mode: Mode,
    pub(super) id: ObjectId,
    /// How many submodules it lies in.
    pub(super) depth_in_submodules: usize,
}

/// A tree that was come to.
struct Place<'a> {
    path: &'a [u8],
    submodule: &'a [u8],
    depth: usize,
    depth_in_submodules: usize,
}

/// What a walk through the trees came upon.
#[derive(Default)]
struct Walked {
    entries: Vec<Entry>,
    /// Each object that a snapshot has, in its order.
    order: Vec<(ObjectId, Kind)>,
    seen: HashSet<ObjectId>,
    /// How many trees were come to, each as often as it was: a few can stand for very many.
    trees: usize,
    missing: BTreeSet<MissingSubmodule>,
}

impl Snapshot {
    /// A snapshot of a commit of which these are the objects.
    pub(super) fn new(objects: Objects, commit: ObjectId, tag: Option<Tag>) -> Result<Self, CheckoutError> {
        let snapshot = Self { objects, commit, tag };
        snapshot.tags()?;
        snapshot.read_commit()?;
        Ok(snapshot)
    }

    /// Reads the file of a snapshot.
    ///
    /// # Errors
    /// [`CheckoutError`], where it is none.
    pub fn read(mut file: File) -> Result<Self, CheckoutError> {
        let doing = "reading the snapshot of a repository";
        let no_snapshot = |line: &[u8]| {
            CheckoutError::malformed(format!(
                "it is no snapshot of a commit: {} stands in its header",
                MemberPath::new(line)
            ))
        };
        file.rewind().map_err(CheckoutError::io(doing))?;
        let own = file.try_clone().map_err(CheckoutError::io(doing))?;
        let mut reader = BufReader::new(own.take(HEADER_LIMIT_BYTES));
        let mut header = Vec::new();
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line: &Vec<u8>| !line.is_empty()) {
            let mut line = Vec::new();
            let count = reader.read_until(b'\n', &mut line).map_err(CheckoutError::io(doing))?;
            header.extend_from_slice(&line);
            if line.pop() != Some(b'\n') || count == 0 {
                return Err(no_snapshot(&line));
            }
            lines.push(line);
        }
        let text = String::from_utf8(header).map_err(|error| no_snapshot(error.as_bytes()))?;
        let mut lines = text.lines();
        let expect = |line: Option<&str>, what: &str| {
            let found = line.and_then(|line| line.strip_prefix(what)).map(str::to_owned);
            found.ok_or_else(|| no_snapshot(line.unwrap_or_default().as_bytes()))
        };
        expect(lines.next(), FIRST_LINE)?;
        let commit = expect(lines.next(), "commit ")?;
        let commit: ObjectId = commit.parse().map_err(|_| no_snapshot(commit.as_bytes()))?;
        let tag = match lines.next().filter(|line| !line.is_empty()) {
            None => None,
            Some(line) => {
                let both = expect(Some(line), "tag ")?;
                let (object, name) = both.split_once(' ').ok_or_else(|| no_snapshot(line.as_bytes()))?;
                let object = object.parse().map_err(|_| no_snapshot(line.as_bytes()))?;
                Some(Tag { name: name.to_owned(), object })
            }
        };
        let start = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let format = commit.format();
        Self::new(Objects::read(file, start, format)?, commit, tag)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`CheckoutError`]: what is not whole cannot be written.
    pub fn write(&self, into: &mut dyn Write) -> Result<(), CheckoutError> {
        let doing = "writing the snapshot of a repository";
        let walked = self.walk()?;
        if let Some(missing) = walked.missing.first() {
            return Err(missing.error("it was not fetched"));
        }
        let mut header = format!("{FIRST_LINE}\ncommit {}\n", self.commit);
        if let Some(tag) = &self.tag {
            header.push_str(&format!("tag {} {}\n", tag.object, tag.name));
        }
        header.push('\n');
        into.write_all(header.as_bytes()).map_err(CheckoutError::io(doing))?;
        let tags = self.tags()?.into_iter().map(|tag| (tag, Kind::Tag));
        for (id, kind) in tags.chain(walked.order) {
            self.objects.copy_whole(&id, kind, into)?;
        }
        Ok(())
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> &ObjectId {
        &self.commit
    }

    /// The tag by which it was chosen.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The name of its tree.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn tree(&self) -> Result<ObjectId, CheckoutError> {
        Ok(self.read_commit()?.tree)
    }

    /// The committer's date: when the commit was made, as the committer's clock had it.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn committed(&self) -> Result<Timestamp, CheckoutError> {
        Ok(self.read_commit()?.committed)
    }

    /// The SHA-256 of the tree, which says what a checkout holds without git's own names for it: that of a line `twinbuild git tree 1`, and
    /// a line for each entry in the order of the paths' bytes, `MODE LENGTH:PATH DIGEST`. MODE is 100644, 100755, 120000 or
    /// 160000; LENGTH the bytes of PATH; DIGEST the SHA-256 of the file's content, of the link's target, or of the name of the
    /// submodule's commit. The entries of a submodule stand below its path.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn tree_sha256(&self) -> Result<Sha256, CheckoutError> {
        let mut hasher = Sha256Hasher::new();
        hasher.update(format!("{TREE_FIRST_LINE}\n").as_bytes());
        for entry in self.entries()? {
            let (mode, digest) = match entry.mode {
                Mode::File => ("100644", self.content_sha256(&entry.id)?),
                Mode::Executable => ("100755", self.content_sha256(&entry.id)?),
                Mode::Symlink => ("120000", self.content_sha256(&entry.id)?),
                Mode::Submodule => ("160000", Sha256::of(entry.id.to_string().as_bytes())),
                Mode::Folder => continue,
            };
            hasher.update(format!("{mode} {}:", entry.path.len()).as_bytes());
            hasher.update(&entry.path);
            hasher.update(format!(" {digest}\n").as_bytes());
        }
        Ok(hasher.finish())
    }

    /// Its submodules, each by its path and commit.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn submodules(&self) -> Result<Vec<(MemberPath, ObjectId)>, CheckoutError> {
        let entries = self.entries()?.into_iter().filter(|entry| entry.mode == Mode::Submodule);
        Ok(entries.map(|entry| (MemberPath::new(entry.path), entry.id)).collect())
    }

    /// Files, links and submodules, in the order of their paths' bytes.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, CheckoutError> {
        let mut entries = self.walk()?.entries;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// The submodules whose commits are not among the objects.
    pub(super) fn missing_submodules(&self) -> Result<BTreeSet<MissingSubmodule>, CheckoutError> {
        Ok(self.walk()?.missing)
    }

    /// The objects of the repository itself, without those of submodules: its commit, trees and blobs.
    pub(super) fn own_objects(&self) -> Result<Vec<(ObjectId, Kind)>, CheckoutError> {
        let mut walked = Walked::default();
        self.walk_commit(&self.commit, &Place::root(), false, &mut walked)?;
        Ok(walked.order)
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(super) fn read_commit(&self) -> Result<Commit, CheckoutError> {
        self.commit_of(&self.commit)
    }

    /// The tag object, and those that it names before it comes to the commit.
    pub(super) fn tags(&self) -> Result<Vec<ObjectId>, CheckoutError> {
        let mut tags = Vec::new();
        let Some(tag) = &self.tag else { return Ok(tags) };
        let is_plain =
            tag.name.len() < 1000 && !tag.name.is_empty() && tag.name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain {
            return Err(CheckoutError::malformed("the name of its tag is not one of visible ASCII characters"));
        }
        let mut named = tag.object.clone();
        while named != self.commit {
            if tags.len() == MOST_TAGS {
                return Err(CheckoutError::malformed(format!("its tag names another, and that {MOST_TAGS} times")));
            }
            let content = self.objects.text(&named, Kind::Tag)?;
            let (next, kind) = tagged(&content)
                .map_err(|why| CheckoutError::malformed(format!("its tag {named} cannot be read: {why}")))?;
            tags.push(named);
            match kind {
                Kind::Commit if next == self.commit => return Ok(tags),
                Kind::Tag => named = next,
                Kind::Commit | Kind::Blob | Kind::Tree => {
                    let what = format!("its tag {} is of {next}, and not of the commit {}", tag.name, self.commit);
                    return Err(CheckoutError::malformed(what));
                }
            }
        }
        Ok(tags)
    }

    fn content_sha256(&self, id: &ObjectId) -> Result<Sha256, CheckoutError> {
        let mut hasher = Sha256Hasher::new();
        self.objects.copy(id, Kind::Blob, &mut hasher)?;
        Ok(hasher.finish())
    }

    fn commit_of(&self, id: &ObjectId) -> Result<Commit, CheckoutError> {
        let content = self.objects.text(id, Kind::Commit)?;
        Commit::parse(&content)
            .map_err(|why| CheckoutError::malformed(format!("its commit {id} cannot be read: {why}")))
    }

    fn walk(&self) -> Result<Walked, CheckoutError> {
        let mut walked = Walked::default();
        self.walk_commit(&self.commit, &Place::root(), true, &mut walked)?;
        Ok(walked)
    }

    fn walk_commit(
        &self,
        id: &ObjectId,
        place: &Place<'_>,
        into_submodules: bool,
        walked: &mut Walked,
    ) -> Result<(), CheckoutError> {
        let commit = self.commit_of(id)?;
        walked.note(id, Kind::Commit);
        self.walk_tree(&commit.tree, place, into_submodules, walked)
    }

    fn walk_tree(
        &self,
        id: &ObjectId,
        place: &Place<'_>,
        into_submodules: bool,
        walked: &mut Walked,
    ) -> Result<(), CheckoutError> {
        if place.depth > MOST_DEPTH {
            return Err(CheckoutError::limit(format!("it has folders {MOST_DEPTH} deep")));
        }
        walked.trees += 1;
        if walked.trees > MOST_OBJECTS {
            return Err(CheckoutError::limit(format!("it has more than {MOST_OBJECTS} folders")));
        }
        walked.note(id, Kind::Tree);
        let content = self.objects.text(id, Kind::Tree)?;
        let entries = tree_entries(&content, self.objects.format())
            .map_err(|why| CheckoutError::malformed(format!("its tree {id} cannot be checked out: {why}")))?;
        for entry in entries {
            let mut path = place.path.to_vec();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&entry.name);
            if path.len() > PATH_LIMIT_BYTES {
                return Err(CheckoutError::limit(format!("it has a path of {} bytes", path.len())));
            }
            let mut inner = Place { path: &path, depth: place.depth + 1, ..*place };
            match entry.mode {
                Mode::Folder => {
                    self.walk_tree(&entry.id, &inner, into_submodules, walked)?;
                    continue;
                }
                Mode::File | Mode::Executable | Mode::Symlink => walked.note(&entry.id, Kind::Blob),
                Mode::Submodule => {}
            }
            let depth_in_submodules = place.depth_in_submodules;
            let (mode, id) = (entry.mode, entry.id);
            walked.entries.push(Entry { path: path.clone(), mode, id: id.clone(), depth_in_submodules });
            if walked.entries.len() > MOST_OBJECTS {
                return Err(CheckoutError::limit(format!("it has more than {MOST_OBJECTS} files")));
            }
            if mode != Mode::Submodule || !into_submodules {
                continue;
            }
            if self.objects.has(&id) {
                inner.submodule = &path;
                inner.depth_in_submodules += 1;
                self.walk_commit(&id, &inner, into_submodules, walked)?;
            } else {
                let parent = place.submodule.to_vec();
                walked.missing.insert(MissingSubmodule { path: path.clone(), parent, commit: id });
            }
        }
        Ok(())
    }
}

impl Place<'_> {
    fn root() -> Self {
        Self { path: b"", submodule: b"", depth: 0, depth_in_submodules: 0 }
    }
}

impl Walked {
    fn note(&mut self, id: &ObjectId, kind: Kind) {
        if self.seen.insert(id.clone()) {
            self.order.push((id.clone(), kind));
        }
    }
}

impl MissingSubmodule {
    pub(super) fn error(&self, why: impl Into<String>) -> CheckoutError {
        let Self { path, commit, .. } = self;
        CheckoutError::Submodule { path: MemberPath::new(path.as_slice()), commit: commit.clone(), reason: why.into() }
    }
}
