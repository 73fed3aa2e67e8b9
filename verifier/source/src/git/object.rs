//! Git objects: their names, and what commits, tags and trees say.

use jiff::Timestamp;
use sha1_checked::Digest as _;
use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId, Sha256Hasher};

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Blob,
    Tree,
    Commit,
    Tag,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Blob, Self::Tree, Self::Commit, Self::Tag].into_iter().find(|kind| kind.name() == name)
    }
}

/// Hashes one object as git does, and notices contents that were made for two of them to have one SHA-1.
pub(super) enum NameHasher {
    Sha1(Box<sha1_checked::Sha1>),
    Sha256(Sha256Hasher),
}

impl NameHasher {
    pub(super) fn new(format: ObjectFormat, kind: Kind, size_bytes: u64) -> Self {
        let mut hasher = match format {
            ObjectFormat::Sha1 => Self::Sha1(Box::new(sha1_checked::Sha1::new())),
            ObjectFormat::Sha256 => Self::Sha256(Sha256Hasher::new()),
        };
        hasher.update(format!("{} {size_bytes}\0", kind.name()).as_bytes());
        hasher
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The name; `None` where a collision was attempted.
    pub(super) fn finish(self) -> Option<ObjectId> {
        match self {
            Self::Sha1(hasher) => {
                let result = hasher.try_finalize();
                if result.has_collision() { None } else { ObjectId::from_bytes(result.hash()) }
            }
            Self::Sha256(hasher) => ObjectId::from_bytes(hasher.finish().as_bytes()),
        }
    }
}

/// The name of an object that is at hand.
#[cfg(test)]
pub(super) fn name_of(format: ObjectFormat, kind: Kind, content: &[u8]) -> ObjectId {
    let mut hasher = NameHasher::new(format, kind, content.len() as u64);
    hasher.update(content);
    hasher.finish().unwrap()
}

/// What a commit says, as far as it is needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) tree: ObjectId,
    pub(super) has_parents: bool,
    /// The committer's date.
    pub(super) committed: Timestamp,
}

impl Commit {
    /// Reads a commit; `Err` says what is wrong with it.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        let mut lines = header(content);
        let tree = lines.next().and_then(|line| field(line, b"tree ")).and_then(id);
        let tree = tree.ok_or_else(|| "it does not begin with its tree".to_owned())?;
        let (mut has_parents, mut committer) = (false, None);
        for line in lines {
            has_parents |= line.starts_with(b"parent ");
            committer = committer.or_else(|| field(line, b"committer "));
        }
        let committer = committer.ok_or_else(|| "it has no committer".to_owned())?;
        // NAME <ADDRESS> SECONDS ZONE, and the name may have anything in it but a line's end.
        let seconds = committer.rsplit(|byte| *byte == b' ').nth(1);
        let seconds =
            seconds.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
        let committed = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let committed = committed.ok_or_else(|| "its committer has no date".to_owned())?;
        Ok(Self { tree, has_parents, committed })
    }
}

/// What an annotated tag names.
pub(super) fn tagged(content: &[u8]) -> Result<(ObjectId, Kind), String> {
    let mut lines = header(content);
    let object = lines.next().and_then(|line| field(line, b"object ")).and_then(id);
    let kind = lines.next().and_then(|line| field(line, b"type "));
    let kind = kind.and_then(|name| Kind::of_name(std::str::from_utf8(name).ok()?));
    object.zip(kind).ok_or_else(|| "it does not begin with an object and its type".to_owned())
}

/// The lines in front of the message.
fn header(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty())
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(name)
}

fn id(digits: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    File,
    Executable,
    Symlink,
    Folder,
    Submodule,
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub(super) mode: Mode,
    pub(super) name: Vec<u8>,
    pub(super) id: ObjectId,
}

/// Reads a tree, and refuses what no checkout has: entries that lead out of their folder or into git's own, and two of one name.
pub(super) fn tree_entries(content: &[u8], format: ObjectFormat) -> Result<Vec<TreeEntry>, String> {
    let mut entries: Vec<TreeEntry> = Vec::new();
    let mut names = std::collections::HashSet::new();
    let mut rest = content;
    while !rest.is_empty() {
        let cut = |byte: u8| rest.iter().position(|other| *other == byte);
        let (Some(blank), Some(end)) = (cut(b' '), cut(0)) else { return Err("an entry is cut off".to_owned()) };
        let id_end = end + 1 + format.id_bytes();
        let (true, Some(id)) = (blank < end, rest.get(end + 1..id_end).and_then(ObjectId::from_bytes)) else {
            return Err("an entry is cut off".to_owned());
        };
        let name = &rest[blank + 1..end];
        let shown = || MemberPath::new(name);
        let mode = match &rest[..blank] {
            b"100644" | b"100664" => Mode::File,
            b"100755" => Mode::Executable,
            b"120000" => Mode::Symlink,
            b"40000" | b"040000" => Mode::Folder,
            b"160000" => Mode::Submodule,
            other => return Err(format!("its entry {} is of mode {}", shown(), MemberPath::new(other))),
        };
        if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || name.eq_ignore_ascii_case(b".git") {
            return Err(format!("it has an entry named {:?}", shown().to_string()));
        }
        if !names.insert(name) {
            return Err(format!("it has two entries named {}", shown()));
        }
        entries.push(TreeEntry { mode, name: name.to_vec(), id });
        rest = &rest[id_end..];
    }
    Ok(entries)
}

/// Whether the content of a file is a pointer to what is kept elsewhere (Git LFS, "The Pointer").
pub(super) fn is_lfs_pointer(content: &[u8]) -> bool {
    const FIRST: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
    content.len() < 1024 && content.starts_with(FIRST) && content.windows(12).any(|part| part == b"\noid sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_the_names_that_git_gives_them() {
        for (format, kind, content, name) in [
            (ObjectFormat::Sha1, Kind::Blob, &b""[..], "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            (ObjectFormat::Sha1, Kind::Tree, b"", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            (ObjectFormat::Sha1, Kind::Blob, b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
            (ObjectFormat::Sha256, Kind::Blob, b"", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"),
        ] {
            assert_eq!(name_of(format, kind, content).to_string(), name);
        }
    }

    #[test]
    fn a_commit_is_read_by_its_header_alone() {
        let tree = "a".repeat(40);
        let of = |more: &str| Commit::parse(format!("tree {tree}\n{more}").as_bytes());
        let commit = of(
            "parent 1\nauthor A <a> 1 +0000\ncommitter B <b> 1700000000 +0200\ngpgsig x\n y\n\ncommitter C <c> 5 +0000\n",
        );
        let commit = commit.unwrap();
        assert_eq!((commit.has_parents, commit.committed.as_second()), (true, 1_700_000_000));
        assert!(!of("committer > 1 <b> 5 +0000\n\nparent 1\n").unwrap().has_parents);
        for (more, expected) in [
            ("author A <a> 1 +0000\n\ncommitter B <b> 1 +0000\n", "no committer"),
            ("committer B\n", "no date"),
            ("committer B <b> 99999999999999999999 +0000\n", "no date"),
        ] {
            assert!(of(more).unwrap_err().contains(expected), "{more}");
        }
        assert!(Commit::parse(b"").is_err() && Commit::parse(b"parent x\ntree y\n").is_err());
    }

    #[test]
    fn trees_that_no_checkout_has_are_refused() {
        let entry = |mode: &str, name: &str| [format!("{mode} {name}\0").into_bytes(), vec![7; 20]].concat();
        let read = |content: &[u8]| tree_entries(content, ObjectFormat::Sha1);
        let good = [entry("100644", "a"), entry("40000", "b c"), entry("120000", "é")].concat();
        let modes: Vec<Mode> = read(&good).unwrap().into_iter().map(|entry| entry.mode).collect();
        assert_eq!(modes, [Mode::File, Mode::Folder, Mode::Symlink]);
        for name in ["..", ".", "", ".git", ".GIT", "a/b", "../x"] {
            assert!(read(&entry("100644", name)).unwrap_err().contains("named"), "{name}");
        }
        assert!(read(&[entry("100644", "a"), entry("40000", "a")].concat()).unwrap_err().contains("two entries"));
        assert!(read(&entry("100600", "a")).unwrap_err().contains("mode"));
        for end in 1..good.len() - 1 {
            // Whole entries are a shorter tree.
            let _ = read(&good[..end]);
        }
        assert!(read(&good[..10]).is_err() && read(b"100644 a").is_err() && read(b"\0").is_err());
    }

    #[test]
    fn pointers_are_told_from_files() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\n"));
        assert!(!is_lfs_pointer(&[pointer, vec![b'x'; 1024].as_slice()].concat()));
    }
}
