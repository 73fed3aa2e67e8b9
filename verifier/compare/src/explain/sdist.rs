//! What a difference means where the files are sdists.

use std::collections::BTreeSet;

use twinbuild_archive::{Member, MemberKind};
use twinbuild_subject::MemberPath;

use super::draft::Draft;
use super::meaning::{Explained, Role, content_changed};
use crate::comparison::Mismatch;
use crate::finding::{Finding, Severity};
use crate::pair::Change;
use crate::side::{CompareError, Side};
use crate::trace::SourceIndex;

/// An sdist: all of it stands in one folder, and right below that is its `PKG-INFO`.
pub(crate) struct Sdist<'a> {
    /// The folder with a slash behind, as bytes.
    top: &'a [u8],
}

/// What a member of an sdist is to those who build from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `PKG-INFO`, which resolvers read instead of building.
    Metadata,
    /// `setup.cfg`, into which setuptools writes a section of its own.
    SetupCfg,
    /// A file of `*.egg-info` that setuptools writes anew whenever it builds.
    EggInfo,
    /// A text for people, by its name.
    Document,
    /// What is built, run or read by a build, or may be.
    Content,
}

/// What setuptools writes into `*.egg-info`, in lower case.
const EGG_INFO_FILES: [&[u8]; 12] = [
    b"pkg-info",
    b"sources.txt",
    b"dependency_links.txt",
    b"depends.txt",
    b"eager_resources.txt",
    b"entry_points.txt",
    b"namespace_packages.txt",
    b"not-zip-safe",
    b"pbr.json",
    b"requires.txt",
    b"top_level.txt",
    b"zip-safe",
];
/// How the names of texts for people begin, in lower case.
const DOCUMENTS: [&[u8]; 10] = [
    b"readme",
    b"change",
    b"history",
    b"news",
    b"authors",
    b"contributing",
    b"license",
    b"licence",
    b"copying",
    b"notice",
];
/// How they end; `.txt` alone says little, as in `requirements.txt`.
const DOCUMENT_ENDINGS: [&[u8]; 3] = [b".md", b".rst", b".txt"];

impl Part {
    /// Of a member by its path below the top folder.
    fn of(path: &[u8]) -> Self {
        let path = path.to_ascii_lowercase();
        let mut components = path.rsplit(|byte| *byte == b'/');
        let name = components.next().unwrap_or_default();
        let is_egg_info = components.next().is_some_and(|folder| folder.ends_with(b".egg-info"));
        let stem = DOCUMENT_ENDINGS.iter().find_map(|ending| name.strip_suffix(*ending));
        let is_text = stem.is_some() || !name.contains(&b'.');
        match path.as_slice() {
            b"pkg-info" => Self::Metadata,
            b"setup.cfg" => Self::SetupCfg,
            _ if is_egg_info && EGG_INFO_FILES.contains(&name) => Self::EggInfo,
            _ if is_text && DOCUMENTS.iter().any(|document| name.starts_with(document)) => Self::Document,
            _ if name.ends_with(b".md") || name.ends_with(b".rst") => Self::Document,
            _ => Self::Content,
        }
    }
}

impl<'a> Sdist<'a> {
    /// The sdist that a rebuild is; `None` where it is something else. The rebuild tells, as the published file could pretend.
    pub(crate) fn find(rebuilt: &Side<'a>) -> Option<Self> {
        let members = &rebuilt.archive.members;
        let top_of = |member: &'a Member| {
            let folder = member.path.as_bytes().strip_suffix(b"PKG-INFO")?;
            let is_top = folder.len() > 1 && folder.iter().position(|byte| *byte == b'/') == Some(folder.len() - 1);
            (is_top && member.is_file() && !folder.ends_with(b".dist-info/")).then_some(folder)
        };
        let top = members.iter().find_map(top_of)?;
        let is_within = |member: &Member| {
            let path = member.path.as_bytes();
            path.starts_with(top) || top.strip_suffix(b"/") == Some(path)
        };
        members.iter().all(is_within).then_some(Self { top })
    }

    /// A path below the top folder, as the source has it; `None` of what stands elsewhere.
    fn below<'b>(&self, path: &'b MemberPath) -> Option<&'b [u8]> {
        path.as_bytes().strip_prefix(self.top)
    }

    fn part(&self, path: &MemberPath) -> Part {
        self.below(path).map_or(Part::Content, Part::of)
    }

    /// Whether a member is the same bytes as the file of the source in its place.
    pub(crate) fn is_in_place(&self, member: &Member, source: &SourceIndex) -> bool {
        let below = self.below(&member.path).map(MemberPath::new);
        below.zip(member.sha256).is_some_and(|(path, sha256)| source.has(&path, &sha256))
    }

    /// What a change means; `None` where it means what it does in any file.
    pub(crate) fn explain<'b>(
        &self,
        change: &Change,
        published: &Side<'b>,
        rebuilt: &Side<'b>,
        source: &SourceIndex,
    ) -> Result<Option<Explained<'b>>, CompareError> {
        match change {
            Change::OnlyLeft(index) => self.only_published(published, *index, source).map(Some),
            Change::OnlyRight(index) => self.only_rebuilt(rebuilt, *index).map(Some),
            Change::Content(left, right) => {
                self.content_changed((published, *left), (rebuilt, *right), source).map(Some)
            }
            Change::Kind(..)
            | Change::ImpliedRecord(..)
            | Change::Data(..)
            | Change::Mode(..)
            | Change::Owner(..)
            | Change::Header(..)
            | Change::Container(..)
            | Change::AnomalyLeft(_)
            | Change::AnomalyRight(_) => Ok(None),
        }
    }

    /// A member that the published file alone has.
    fn only_published<'b>(
        &self,
        published: &Side<'_>,
        index: usize,
        source: &SourceIndex,
    ) -> Result<Explained<'b>, CompareError> {
        use Mismatch::{Code, Packaging, Unsourced};
        use Severity::{Alert, Warning};
        let member = published.member(index);
        let (code, severity, detail, mismatch) = if member.kind == MemberKind::Directory {
            let detail = "the published file has an entry for this directory, and the rebuild has not".to_owned();
            ("only-published", Warning, detail, Packaging)
        } else if self.is_in_place(member, source) {
            let detail = "the published file has it, as the source has, and the rebuild leaves it out".to_owned();
            ("only-published", Warning, detail, Packaging)
        } else {
            let nowhere = "the published file has it, and neither the source has nor the build makes it";
            match self.part(&member.path) {
                Part::Metadata | Part::EggInfo => ("only-published", Warning, nowhere.to_owned(), Packaging),
                Part::SetupCfg if is_of_setuptools(published, index)? => {
                    let detail =
                        "the published file has it, with nothing but what setuptools writes into it".to_owned();
                    ("only-published", Warning, detail, Packaging)
                }
                Part::Document => ("unsourced-member", Warning, nowhere.to_owned(), Unsourced),
                Part::SetupCfg | Part::Content => match verbatim(member, source) {
                    // Where a file stands decides what it does.
                    Some(origin) => {
                        let detail = format!(
                            "the published file has it, with the content of {origin} of the source, and the rebuild has not"
                        );
                        ("only-published", Alert, detail, Code)
                    }
                    None => ("unsourced-member", Alert, nowhere.to_owned(), Unsourced),
                },
            }
        };
        Ok((Finding::of(code, severity, &member.path, detail).into(), mismatch))
    }

    /// A member that the rebuild alone has.
    fn only_rebuilt<'b>(&self, rebuilt: &Side<'_>, index: usize) -> Result<Explained<'b>, CompareError> {
        let member = rebuilt.member(index);
        let mismatch = match self.part(&member.path) {
            _ if member.kind == MemberKind::Directory => Mismatch::Packaging,
            Part::Metadata | Part::EggInfo | Part::Document => Mismatch::Packaging,
            Part::SetupCfg if is_of_setuptools(rebuilt, index)? => Mismatch::Packaging,
            Part::SetupCfg | Part::Content => Mismatch::Code,
        };
        let detail = "the rebuild has it, and the published file has not".to_owned();
        Ok((Finding::of("not-published", Severity::Warning, &member.path, detail).into(), mismatch))
    }

    /// A member whose content is another in each.
    fn content_changed<'b>(
        &self,
        (published, left): (&Side<'b>, usize),
        (rebuilt, right): (&Side<'b>, usize),
        source: &SourceIndex,
    ) -> Result<Explained<'b>, CompareError> {
        use Mismatch::{Code, Packaging};
        use Severity::{Alert, Warning};
        let member = published.member(left);
        let (code, severity, mismatch) = match self.part(&member.path) {
            Part::Metadata => return content_changed(Role::Metadata, published, left, rebuilt, right),
            Part::EggInfo => ("metadata-changed", Warning, Packaging),
            Part::SetupCfg if have_same_settings(published, left, rebuilt, right)? => {
                ("metadata-changed", Warning, Packaging)
            }
            Part::Document => ("content-changed", Warning, Packaging),
            // The build makes something else of it, and who publishes it as it is adds nothing.
            Part::SetupCfg | Part::Content if self.is_in_place(member, source) => ("content-changed", Warning, Code),
            Part::SetupCfg | Part::Content => ("content-changed", Alert, Code),
        };
        Ok((Draft::of_published(code, severity, *published, left, *rebuilt, right), mismatch))
    }
}

/// The files of a rebuilt sdist that its build made: neither files of the source in their place, nor metadata that is written anew
/// whenever something is built from it, nor a `setup.cfg` with the settings of the source's, which is empty where there is none, and
/// `None` where it is not known.
///
/// # Errors
/// When the sdist's bytes cannot be read again.
pub fn made_by_build(
    rebuilt: &Side<'_>,
    source: &SourceIndex,
    setup_cfg: Option<&[u8]>,
) -> Result<Vec<MemberPath>, CompareError> {
    let sdist = Sdist::find(rebuilt);
    let mut made = Vec::new();
    for (index, member) in rebuilt.archive.members.iter().enumerate() {
        let is_made = match &sdist {
            _ if member.kind == MemberKind::Directory => false,
            None => true,
            Some(sdist) if sdist.is_in_place(member, source) => false,
            Some(sdist) => match sdist.part(&member.path) {
                Part::Metadata | Part::EggInfo => false,
                Part::Document | Part::Content => true,
                Part::SetupCfg => {
                    let built = rebuilt.content(index)?.and_then(|content| settings(&content));
                    built.is_none() || built != setup_cfg.and_then(settings)
                }
            },
        };
        if is_made {
            made.push(member.path.clone());
        }
    }
    Ok(made)
}

/// The file of the source that has a member's content and file name.
fn verbatim<'a>(member: &Member, source: &'a SourceIndex) -> Option<&'a MemberPath> {
    let origin = source.verbatim(&member.path, member.sha256.as_ref()?)?;
    (origin.file_name() == member.path.file_name()).then_some(origin)
}

/// A setting of `setup.cfg`: its section, key and value.
type Setting = (String, String, String);

/// The settings of a `setup.cfg`, but for those that setuptools writes into an sdist: section `egg_info`, with tags that are
/// switched off. `None` where it is not of the form that configparser reads.
fn settings(content: &[u8]) -> Option<BTreeSet<Setting>> {
    const TAGS: [&str; 3] = ["tag_build", "tag_date", "tag_svn_revision"];
    let text = std::str::from_utf8(content).ok()?;
    let mut section = None;
    let mut settings: Vec<Setting> = Vec::new();
    let mut can_continue = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && can_continue {
            let (.., value) = settings.last_mut()?;
            value.push('\n');
            value.push_str(trimmed);
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.trim_end().strip_suffix(']')) {
            (section, can_continue) = (Some(name.to_owned()), false);
        } else {
            let (key, value) = trimmed.split_once(['=', ':'])?;
            settings.push((section.clone()?, key.trim().to_owned(), value.trim().to_owned()));
            can_continue = true;
        }
    }
    let is_tag = |(section, key, value): &Setting| {
        section == "egg_info" && TAGS.contains(&key.as_str()) && matches!(value.as_str(), "" | "0" | "false" | "False")
    };
    Some(settings.into_iter().filter(|setting| !is_tag(setting)).collect())
}

/// Whether a `setup.cfg` has nothing but what setuptools writes into it.
fn is_of_setuptools(side: &Side<'_>, index: usize) -> Result<bool, CompareError> {
    let content = side.content(index)?;
    Ok(content.and_then(|content| settings(&content)).is_some_and(|settings| settings.is_empty()))
}

/// Whether two `setup.cfg` have the same settings, but for what setuptools writes into them.
fn have_same_settings(
    published: &Side<'_>,
    left: usize,
    rebuilt: &Side<'_>,
    right: usize,
) -> Result<bool, CompareError> {
    let (Some(a), Some(b)) = (published.content(left)?, rebuilt.content(right)?) else { return Ok(false) };
    Ok(settings(&a).zip(settings(&b)).is_some_and(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        for (path, part) in [
            ("PKG-INFO", Part::Metadata),
            ("sub/PKG-INFO", Part::Content),
            ("setup.cfg", Part::SetupCfg),
            ("sub/setup.cfg", Part::Content),
            ("src/demo.egg-info/SOURCES.txt", Part::EggInfo),
            ("demo.egg-info/payload.py", Part::Content),
            ("demo.egg-info/sub/SOURCES.txt", Part::Content),
            ("README.md", Part::Document),
            ("docs/index.rst", Part::Document),
            ("LICENSE", Part::Document),
            ("ChangeLog", Part::Document),
            ("changes.py", Part::Content),
            ("history/x.sh", Part::Content),
            ("requirements.txt", Part::Content),
            ("m4/build-to-host.m4", Part::Content),
            ("setup.py", Part::Content),
        ] {
            assert_eq!(Part::of(path.as_bytes()), part, "{path}");
        }
    }

    #[test]
    fn only_the_tags_of_setuptools_are_no_settings() {
        let of = |text: &str| settings(text.as_bytes());
        assert_eq!(of("[egg_info]\ntag_build = \ntag_date = 0\n\n"), Some(BTreeSet::new()));
        assert_eq!(of("[a]\nx = 1\n  2\n# no\n"), of("[a]\nx=1\n\t2\n[egg_info]\ntag_svn_revision = 0\n"));
        assert_ne!(of("[a]\nx = 1\n"), of("[a]\nx = 2\n"));
        assert_eq!(of("[egg_info]\ntag_build = dev\n").map(|left| left.len()), Some(1));
        assert_eq!(of("[egg_info]\negg_base = x\n").map(|left| left.len()), Some(1));
        assert_eq!(of("x = 1\n"), None);
        assert_eq!(of("[a]\nnothing\n"), None);
    }
}
