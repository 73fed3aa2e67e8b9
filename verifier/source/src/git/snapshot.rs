//! A commit with all that a checkout of it has, as one file.

use std::collections::{BTreeSet, HashMap, HashSet};
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

/// Files of some names, each by the path of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFiles {
    /// The folder, and the content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether these are all: very many, or very large ones, are not read to the end.
    pub is_whole: bool,
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
        let first = lines.next().unwrap_or_default();
        if first != FIRST_LINE {
            return Err(no_snapshot(first.as_bytes()));
        }
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
        let entries = self.entries()?;
        self.check_size(&entries)?;
        // A blob may have many names.
        let mut known: HashMap<ObjectId, Sha256> = HashMap::new();
        let mut content = |id: &ObjectId| -> Result<Sha256, CheckoutError> {
            if let Some(digest) = known.get(id) {
                return Ok(*digest);
            }
            let digest = self.content_sha256(id)?;
            known.insert(id.clone(), digest);
            Ok(digest)
        };
        for entry in entries {
            let (mode, digest) = match entry.mode {
                Mode::File => ("100644", content(&entry.id)?),
                Mode::Executable => ("100755", content(&entry.id)?),
                Mode::Symlink => ("120000", content(&entry.id)?),
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

    /// Each file of one of these names with its content, in any folder that is no submodule's: the folder, empty for the root, and the
    /// content. The first thousand of at most `limit_bytes` each, in the order of their paths' bytes.
    ///
    /// # Errors
    /// [`CheckoutError`]
    pub fn files_named(&self, names: &[&str], limit_bytes: u64) -> Result<NamedFiles, CheckoutError> {
        const MOST: usize = 1000;
        const MOST_BYTES: usize = 16 << 20;
        let mut bytes = 0;
        let mut files = Vec::new();
        for entry in self.entries()? {
            let Some(path) = std::str::from_utf8(&entry.path).ok() else { continue };
            let (folder, own) = path.rsplit_once('/').unwrap_or(("", path));
            let is_file = matches!(entry.mode, Mode::File | Mode::Executable) && entry.depth_in_submodules == 0;
            if !names.contains(&own) || !is_file || self.objects.size_bytes(&entry.id, Kind::Blob)? > limit_bytes {
                continue;
            }
            let mut content = Vec::new();
            self.objects.copy(&entry.id, Kind::Blob, &mut content)?;
            bytes += content.len();
            files.push((folder.to_owned(), content));
            if files.len() == MOST || bytes > MOST_BYTES {
                return Ok(NamedFiles { files, is_whole: false });
            }
        }
        Ok(NamedFiles { files, is_whole: true })
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

#[cfg(test)]
mod tests {
    use std::io::Seek as _;

    use twinbuild_subject::ObjectFormat;

    use super::super::object::name_of;
    use super::*;

    const FORMAT: ObjectFormat = ObjectFormat::Sha1;

    /// Objects as git gives them.
    #[derive(Default, Clone)]
    struct Stream(Vec<u8>);

    impl Stream {
        fn add(&mut self, kind: Kind, content: &[u8]) -> ObjectId {
            let id = name_of(FORMAT, kind, content);
            self.0.extend(format!("{id} {} {}\n", kind.name(), content.len()).bytes());
            self.0.extend(content);
            self.0.push(b'\n');
            id
        }

        fn tree(&mut self, entries: &[(&str, &str, &ObjectId)]) -> ObjectId {
            let entry = |(mode, name, id): &(&str, &str, &ObjectId)| {
                [format!("{mode} {name}\0").as_bytes(), id.as_bytes()].concat()
            };
            self.add(Kind::Tree, &entries.iter().flat_map(entry).collect::<Vec<u8>>())
        }

        fn commit(&mut self, tree: &ObjectId) -> ObjectId {
            self.add(
                Kind::Commit,
                format!("tree {tree}\nauthor A <a> 1 +0000\ncommitter A <a> 1700000000 +0000\n\nx\n").as_bytes(),
            )
        }

        fn objects(&self) -> Result<Objects, CheckoutError> {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&self.0).unwrap();
            Objects::read(file, 0, FORMAT)
        }

        fn snapshot(&self, commit: &ObjectId) -> Result<Snapshot, CheckoutError> {
            Snapshot::new(self.objects()?, commit.clone(), None)
        }
    }

    /// A commit of two files, a link and a folder.
    fn project() -> (Stream, ObjectId) {
        let mut stream = Stream::default();
        let (file, link) = (stream.add(Kind::Blob, b"content\n"), stream.add(Kind::Blob, b"b/run"));
        let below = stream.tree(&[("100755", "run", &file)]);
        let tree = stream.tree(&[("100644", "a.py", &file), ("40000", "b", &below), ("120000", "link", &link)]);
        let commit = stream.commit(&tree);
        (stream, commit)
    }

    fn written(snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        snapshot.write(&mut bytes).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Snapshot, CheckoutError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Snapshot::read(file)
    }

    #[test]
    fn a_snapshot_has_one_form_whatever_the_order_it_was_had_in() {
        let (stream, commit) = project();
        let bytes = written(&stream.snapshot(&commit).unwrap());
        let again = read(&bytes).unwrap();
        assert_eq!((written(&again), again.commit()), (bytes.clone(), &commit));
        // With an object that nothing names, and the same objects twice.
        let mut other = stream.clone();
        other.add(Kind::Blob, b"unrelated");
        other.0.extend(stream.0);
        assert_eq!(written(&other.snapshot(&commit).unwrap()), bytes);
        assert_eq!(again.committed().unwrap().as_second(), 1_700_000_000);
    }

    #[test]
    fn the_digest_of_the_tree_is_that_of_its_documented_form() {
        let (stream, commit) = project();
        let (file, link) = (Sha256::of(b"content\n"), Sha256::of(b"b/run"));
        let form = format!("twinbuild git tree 1\n100644 4:a.py {file}\n100755 5:b/run {file}\n120000 4:link {link}\n");
        assert_eq!(stream.snapshot(&commit).unwrap().tree_sha256().unwrap(), Sha256::of(form.as_bytes()));
    }

    #[test]
    fn a_checkout_has_the_files_with_their_modes_times_and_links() {
        use std::os::unix::fs::MetadataExt as _;
        let (stream, commit) = project();
        let folder = tempfile::tempdir().unwrap();
        let tree = stream.snapshot(&commit).unwrap().lay_out(&"demo".parse().unwrap(), "b", folder.path()).unwrap();
        assert_eq!((tree.top(), tree.project().as_str()), ("demo", "demo/b"));
        assert_eq!(tree.root_file("run").unwrap().as_deref(), Some(&b"content\n"[..]));
        assert_eq!(tree.root_file("a.py").unwrap(), None);
        let paths: Vec<String> = tree.files().iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["a.py", "b/run"]);
        let metadata = |name: &str| std::fs::symlink_metadata(tree.folder().join("demo").join(name)).unwrap();
        assert_eq!((metadata("a.py").mode() & 0o777, metadata("b/run").mode() & 0o777), (0o644, 0o755));
        assert!(metadata("link").file_type().is_symlink());
        assert_eq!([metadata("a.py").mtime(), metadata("b").mtime(), metadata("").mtime()], [1_700_000_000; 3]);
        let repository = tree.repository().unwrap();
        let head = std::fs::read_to_string(repository.folder().join(".git/HEAD")).unwrap();
        assert_eq!(head.trim(), commit.to_string());
        assert!(repository.texts().join(commit.to_string()).is_file());
    }

    #[test]
    fn what_is_not_what_its_name_says_is_refused() {
        let (stream, commit) = project();
        let bytes = written(&stream.snapshot(&commit).unwrap());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // The name of a tag that is not there is all that nothing pins.
            assert!(read(&changed).and_then(|snapshot| snapshot.tree_sha256()).is_err(), "byte {at}");
        }
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).and_then(|snapshot| snapshot.tree_sha256()).is_err(), "{end} bytes");
        }
        let (stream, _) = project();
        assert!(stream.snapshot(&name_of(FORMAT, Kind::Commit, b"other")).is_err());
    }

    #[test]
    fn a_tag_is_followed_to_its_commit_and_to_no_other() {
        let (mut stream, commit) = project();
        let mut tag = |object: &ObjectId, kind: &str| {
            stream
                .add(Kind::Tag, format!("object {object}\ntype {kind}\ntag v1\ntagger A <a> 1 +0000\n\nx\n").as_bytes())
        };
        let inner = tag(&commit, "commit");
        let outer = tag(&inner, "tag");
        let blob = tag(&name_of(FORMAT, Kind::Blob, b"content\n"), "blob");
        let of = |object: &ObjectId, name: &str| {
            Snapshot::new(
                stream.objects().unwrap(),
                commit.clone(),
                Some(Tag { name: name.into(), object: object.clone() }),
            )
        };
        for object in [&inner, &outer, &commit] {
            let snapshot = of(object, "v1").unwrap();
            let again = read(&written(&snapshot)).unwrap();
            assert_eq!(again.tag(), snapshot.tag());
        }
        assert_ne!(written(&of(&inner, "v1").unwrap()), written(&of(&outer, "v1").unwrap()));
        assert!(of(&blob, "v1").is_err());
        for name in ["", "a b", "v\u{202e}1", "v1\n"] {
            assert!(of(&inner, name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_submodule_stands_below_its_path_or_is_missing() {
        let (mut stream, inner) = project();
        let outer_tree = stream.tree(&[("160000", "sub", &inner)]);
        let commit = stream.commit(&outer_tree);
        let snapshot = stream.snapshot(&commit).unwrap();
        assert!(snapshot.missing_submodules().unwrap().is_empty());
        let paths: Vec<Vec<u8>> = snapshot.entries().unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, [&b"sub"[..], b"sub/a.py", b"sub/b/run", b"sub/link"]);
        let mut alone = Stream::default();
        let tree = alone.tree(&[("160000", "sub", &inner)]);
        let commit = alone.commit(&tree);
        let snapshot = alone.snapshot(&commit).unwrap();
        assert_eq!(snapshot.missing_submodules().unwrap().len(), 1);
        assert!(matches!(snapshot.write(&mut Vec::new()), Err(CheckoutError::Submodule { .. })));
    }

    #[test]
    fn few_trees_that_stand_for_very_many_reach_a_limit() {
        let mut stream = Stream::default();
        let mut tree = stream.tree(&[]);
        for _ in 0..20 {
            let entries: Vec<String> = (0..10).map(|number| format!("f{number}")).collect();
            let entries: Vec<_> = entries.iter().map(|name| ("40000", name.as_str(), &tree)).collect();
            tree = stream.tree(&entries);
        }
        let commit = stream.commit(&tree);
        assert!(matches!(stream.snapshot(&commit).unwrap().tree_sha256(), Err(CheckoutError::Limit { .. })));
        let mut tree = stream.tree(&[]);
        for _ in 0..MOST_DEPTH + 2 {
            tree = stream.tree(&[("40000", "d", &tree)]);
        }
        let commit = stream.commit(&tree);
        assert!(matches!(stream.snapshot(&commit).unwrap().tree_sha256(), Err(CheckoutError::Limit { .. })));
    }
}
