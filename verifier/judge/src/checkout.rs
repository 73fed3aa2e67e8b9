//! What the published file says of the checkout that it was built from.

use std::collections::HashSet;

use pep440_rs::Version;
use twinbuild_archive::{Archive, Member, ReadAt, contents};
use twinbuild_recipe::Inference;
use twinbuild_source::SourceTree;
use twinbuild_source::git::stored_text;
use twinbuild_subject::Sha256;
use twinbuild_verdict::GitSource;

use crate::subject::{Prepared, PreparedSource};

/// Texts of the published file that are compared with the commit are at most this large, in bytes.
const TEXT_LIMIT_BYTES: u64 = 64 << 10;
/// How many digits of a commit's name tools write at least.
const NAMING_DIGITS: usize = 7;

/// The same recipe, and where the source is a commit what the build has of its repository.
pub(crate) fn of_commit(
    inference: Inference,
    prepared: &Prepared,
    (published, bytes): (&Archive, &dyn ReadAt),
    source: &PreparedSource,
    tree: &SourceTree,
) -> Inference {
    let Some(git) = &source.record.git else { return inference };
    let version = prepared.name.version();
    let of_commit: HashSet<Sha256> = tree.files().iter().map(|(_, sha256)| *sha256).collect();
    let others = Others { published, bytes, of_commit };
    inference.from_commit(version, others.name_commit(git, version), others.have_crlf())
}

/// The files of the published archive that no file of the commit is the same as.
struct Others<'a> {
    published: &'a Archive,
    bytes: &'a dyn ReadAt,
    of_commit: HashSet<Sha256>,
}

impl Others<'_> {
    /// Those that are texts by their names, and not too large.
    fn texts(&self) -> impl Iterator<Item = Vec<u8>> {
        const ENDINGS: [&str; 5] = [".py", ".json", ".txt", ".toml", ".cfg"];
        let Self { published, bytes, of_commit } = self;
        let is_one = |member: &Member| {
            ENDINGS.iter().any(|end| member.path.ends_with(end))
                && !member.sha256.is_some_and(|sha256| of_commit.contains(&sha256))
        };
        let ones = published.members.iter().enumerate().filter(move |(_, member)| is_one(member));
        ones.filter_map(|(index, _)| contents(*bytes, published, index, TEXT_LIMIT_BYTES).ok())
    }

    /// Whether one of them names the commit, as tools write who could ask git. No file of the commit does: its name depends on them.
    /// What names it in its version has to be told the version, as what is here of the history does not give it.
    fn name_commit(&self, git: &GitSource, version: &Version) -> bool {
        let name = git.commit.to_string();
        let digits = &name[..NAMING_DIGITS];
        let names = |content: Vec<u8>| content.windows(digits.len()).any(|part| part == digits.as_bytes());
        !version.to_string().contains(digits) && self.texts().any(names)
    }

    /// Whether one of them is a file of the commit but for the line ends of Windows.
    fn have_crlf(&self) -> bool {
        self.texts().any(|content| {
            let stored = stored_text(&content);
            stored.len() != content.len() && self.of_commit.contains(&Sha256::of(&stored))
        })
    }
}
