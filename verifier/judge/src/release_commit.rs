//! Which commit of a repository a release was made from: that of its tag, or the one that is most like the published file.

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_archive::{Archive, ReadAt, contents};
use twinbuild_compare::Finding;
use twinbuild_rebuild::Product;
use twinbuild_recipe::declared_name;
use twinbuild_source::git::{
    CheckoutError, Contents, GitAddress, GitClient, GitError, NamedFiles, Refs, Revision, Snapshot, TagChoice,
    choose_tag,
};
use twinbuild_store::Staging;
use twinbuild_subject::{MemberPath, ObjectFormat, PackageName};
use twinbuild_verdict::{Outcome, Reason};

use crate::JudgeError;
use crate::judge::Judge;
use crate::repository::{DOWNLOAD, checkout_error, git_error};
use crate::sdist::Kind;
use crate::subject::Prepared;
use crate::walk::{Step, end};

/// The largest file by which a commit is found, in bytes.
const CONTENT_LIMIT_BYTES: u64 = 16 << 20;
/// The largest `pyproject.toml` that is searched for the project's name, in bytes.
const PYPROJECT_LIMIT_BYTES: u64 = 1 << 20;
/// The files in which projects state their version.
const VERSION_FILES: [&str; 10] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "__init__.py",
    "__about__.py",
    "__version__.py",
    "_version.py",
    "version.py",
    "VERSION",
    "version.txt",
];
/// The largest of these, in bytes.
const VERSION_FILE_LIMIT_BYTES: u64 = 64 << 10;
/// The class of a repository that has no tag of the release.
pub(crate) const NO_TAG: &str = "no-tag";

/// The release that a commit is looked for.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a PackageName,
    pub(crate) version: &'a Version,
    /// The published file's own metadata, in which addresses are looked for.
    pub(crate) metadata: &'a str,
    /// The published file, of which a commit is to have the files.
    pub(crate) kind: Kind,
    pub(crate) published: &'a Archive,
    pub(crate) bytes: &'a dyn ReadAt,
    pub(crate) uploaded: Option<Timestamp>,
    /// What an attestation is to be about.
    pub(crate) subject: &'a Prepared,
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(
        prepared: &'a Prepared,
        kind: Kind,
        (published, bytes): (&'a Archive, &'a dyn ReadAt),
        metadata: &'a str,
    ) -> Self {
        let (name, version) = (prepared.name.name(), prepared.name.version());
        Self { name, version, metadata, kind, published, bytes, uploaded: prepared.uploaded, subject: prepared }
    }

    /// The contents of its files, as a repository names them.
    pub(crate) fn contents(&self, format: ObjectFormat) -> Contents {
        let mut found = Contents::new(format);
        for (index, member) in self.published.members.iter().enumerate() {
            let path = member.path.as_bytes();
            let path = match self.kind.product {
                Product::Wheel => path,
                Product::Sdist(_) => path.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default(),
            };
            if found.is_full() {
                break;
            }
            // One that cannot be read here is looked at elsewhere.
            if !is_made_by_tools(path)
                && let Ok(content) = contents(self.bytes, self.published, index, CONTENT_LIMIT_BYTES)
            {
                found.add(path, &content);
            }
        }
        found
    }
}

/// Whether a file is one that the tools write which put archives together, and no repository has.
fn is_made_by_tools(path: &[u8]) -> bool {
    let path = String::from_utf8_lossy(path);
    let is_folder = |part: &str| part.ends_with(".dist-info") || part.ends_with(".egg-info");
    path == "PKG-INFO" || path.split('/').any(is_folder)
}

/// A repository that was asked for its branches and tags.
pub(crate) struct Repository<'a> {
    pub(crate) client: &'a GitClient<'a>,
    pub(crate) address: &'a GitAddress,
    pub(crate) refs: Refs,
    /// Those of the published file.
    pub(crate) contents: Contents,
}

/// A commit, and the folder that it stands in.
pub(crate) struct Fetched {
    pub(crate) snapshot: Snapshot,
    pub(crate) staging: Staging,
}

impl Judge {
    /// The commit of the release's tag; where there is none, or another commit is more like the published file, the one that is most.
    pub(crate) fn commit_of_release(
        &self,
        repository: &Repository<'_>,
        wanted: &Wanted<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<Fetched>, JudgeError> {
        let Repository { client, address, refs, contents, .. } = repository;
        let tagged = match tag_of_release(refs, wanted, address) {
            Step::Next(revision) => {
                let fetched = match self.fetch_commit(repository, &revision, findings)? {
                    Step::Next(fetched) => fetched,
                    Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
                };
                let held = match contents.held_by(&fetched.snapshot) {
                    Ok(held) => held,
                    Err(error) => return checkout_error(&error, findings),
                };
                match contents.is_most(held) {
                    true if says_version(&fetched.snapshot, wanted, contents) != Some(false) => {
                        return Ok(Step::Next(fetched));
                    }
                    _ => Ok((fetched, held)),
                }
            }
            Step::End(_, reason) if reason.class == NO_TAG => Err(reason),
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        tracing::info!("searching {address} for the commit that is most like the published file");
        let staging = self.store.staging()?;
        let most_like = client.most_like(address, contents, wanted.uploaded, staging.path());
        match (most_like, tagged) {
            (Ok(Some((_, held))), Ok((fetched, of_tag))) if held < of_tag => Ok(Step::Next(fetched)),
            (Ok(Some((commit, held))), tagged) => {
                let other = self.fetch_commit(repository, &Revision::Commit(commit.to_string()), findings)?;
                match (other, tagged) {
                    // As alike as the tag's, it is the one only if it says what that should.
                    (Step::Next(other), Ok((fetched, of_tag)))
                        if held == of_tag && says_version(&other.snapshot, wanted, contents) != Some(true) =>
                    {
                        Ok(Step::Next(fetched))
                    }
                    (other, _) => Ok(other),
                }
            }
            // What could not be searched for its size cannot be tomorrow.
            (Ok(None) | Err(GitError::Limit { .. }), Ok((fetched, _))) => Ok(Step::Next(fetched)),
            (Ok(None), Err(reason)) => {
                let detail = format!("{}, and no commit has most of the published file's files", reason.detail);
                Ok(Step::End(Outcome::SourceMissing, Reason { detail, ..reason }))
            }
            (Err(error), _) => git_error(error, findings),
        }
    }

    pub(crate) fn fetch_commit(
        &self,
        repository: &Repository<'_>,
        revision: &Revision,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<Fetched>, JudgeError> {
        let Repository { client, address, refs, .. } = repository;
        tracing::info!("fetching {} of {address}", shown(revision));
        let staging = self.store.staging()?;
        match client.fetch(address, refs, revision, staging.path()) {
            Ok(snapshot) => Ok(Step::Next(Fetched { snapshot, staging })),
            Err(error) => git_error(error, findings),
        }
    }
}

/// The commit of the tag that stands for the release.
pub(crate) fn tag_of_release(refs: &Refs, wanted: &Wanted<'_>, address: &GitAddress) -> Step<Revision> {
    let (Wanted { name, version, .. }, address) = (wanted, address.shown());
    let missing = |class: &str, detail: String| end(Outcome::SourceMissing, class, DOWNLOAD, detail);
    let named = match choose_tag(refs.tag_names(), name, version) {
        TagChoice::None => {
            return missing(NO_TAG, format!("no tag of {address} is that of {name} {version}"));
        }
        TagChoice::One(tag) => vec![tag],
        TagChoice::Ambiguous(tags) => tags,
    };
    let mut tags: Vec<_> = named.iter().filter_map(|name| refs.tag(name)).collect();
    let is_one_commit = tags.windows(2).all(|pair| pair[0].1 == pair[1].1);
    if !is_one_commit {
        let each = tags.iter().map(|(tag, commit)| format!("{} ({})", tag.name, commit.short()));
        let each = each.collect::<Vec<_>>().join(", ");
        let detail =
            format!("several tags of {address} may be that of {name} {version}, and name other commits: {each}");
        return missing("tag-ambiguous", detail);
    }
    tags.truncate(1);
    match tags.pop() {
        Some((tag, commit)) => Step::Next(Revision::Tag { tag, commit }),
        None => missing(NO_TAG, format!("no tag of {address} is that of {name} {version}")),
    }
}

/// Whether the files in which a project states its version have this one. `None` where the project is the whole repository, whose tags are its
/// own: in one of several projects a tag that is a version alone may be that of another.
fn says_version(snapshot: &Snapshot, wanted: &Wanted<'_>, contents: &Contents) -> Option<bool> {
    let folder = project_folder(snapshot, wanted.name, contents).ok()?.path;
    if folder.is_empty() {
        return None;
    }
    let version = wanted.version.to_string();
    let is_inside =
        |place: &str| place.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let files = snapshot.files_named(&VERSION_FILES, VERSION_FILE_LIMIT_BYTES).ok()?.files;
    let mut texts = files.iter().filter(|(place, _)| is_inside(place)).map(|(_, content)| content);
    Some(texts.any(|content| content.windows(version.len()).any(|part| part == version.as_bytes())))
}

fn shown(revision: &Revision) -> String {
    match revision {
        Revision::Tag { tag, commit } => {
            format!("the tag {} ({})", MemberPath::from(tag.name.as_str()), commit.short())
        }
        Revision::Branch { name, commit } => {
            format!("the branch {} ({})", MemberPath::from(name.as_str()), commit.short())
        }
        Revision::Commit(name) => format!("the commit {name}"),
    }
}

/// Where in a repository a project stands.
pub(crate) struct ProjectFolder {
    /// Its path; empty for the root.
    pub(crate) path: String,
    /// Whether it is the published file's files that tell, and no `pyproject.toml`.
    pub(crate) is_by_files: bool,
}

/// The folder of the project: the only one whose `pyproject.toml` says so, where the root's does not; else that of the published file's
/// files; else the root.
pub(crate) fn project_folder(
    snapshot: &Snapshot,
    name: &PackageName,
    contents: &Contents,
) -> Result<ProjectFolder, CheckoutError> {
    let NamedFiles { files, is_whole } = snapshot.files_named(&["pyproject.toml"], PYPROJECT_LIMIT_BYTES)?;
    let mut folders: Vec<String> = files
        .into_iter()
        .filter(|(_, content)| declared_name(content).as_ref() == Some(name))
        .map(|(folder, _)| folder)
        .collect();
    folders.sort_by_key(String::len);
    let is_sole = (folders.len() == 1 && is_whole) || folders.first().is_some_and(String::is_empty);
    match folders.into_iter().next().filter(|_| is_sole) {
        Some(path) => Ok(ProjectFolder { path, is_by_files: false }),
        None => Ok(ProjectFolder { path: contents.folder_in(snapshot)?.unwrap_or_default(), is_by_files: true }),
    }
}
