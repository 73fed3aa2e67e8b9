//! A commit of a git repository as the source of a subject.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_archive::{Archive, Member, ReadAt, contents};
use twinbuild_compare::{Finding, Severity};
use twinbuild_environment::{Ground, Specification, Suite};
use twinbuild_rebuild::Product;
use twinbuild_recipe::{Inference, VersionControl, declared_name, parse_headers};
use twinbuild_registry::Platform;
use twinbuild_source::SourceTree;
use twinbuild_source::git::{
    CheckoutError, Contents, GitAddress, GitClient, GitError, GitNetwork, GitRequest, GitRewrites, GitRoot, Refs,
    Revision, Snapshot, TagChoice, choose_tag, repositories_of, stored_text,
};
use twinbuild_store::{Blob, Staging};
use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId, PackageName, Sha256};
use twinbuild_verdict::{GitSource, GitSubmodule, GitTag, Outcome, Reason, Source, SourceKind, Trust};

use crate::JudgeError;
use crate::judge::Judge;
use crate::sdist::Kind;
use crate::subject::{Prepared, PreparedSource, SourceForm};
use crate::walk::{Published, Step, chain, end, environment_error};

/// The largest snapshot of a commit, in bytes.
const SNAPSHOT_LIMIT_BYTES: u64 = 2 << 30;
/// The largest `METADATA` that is searched for addresses, in bytes.
const METADATA_LIMIT_BYTES: u64 = 8 << 20;
/// Texts of the published file that are compared with the commit are at most this large, in bytes.
const TEXT_LIMIT_BYTES: u64 = 64 << 10;
/// How many digits of a commit's name tools write at least.
const NAMING_DIGITS: usize = 7;
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
const STAGE: Option<&str> = Some("source");
/// The stage of what another run may come to have.
const DOWNLOAD: Option<&str> = Some(crate::subject::DOWNLOAD);

/// Whether a subject is built from a commit, and from which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GitChoice {
    /// It is built from an sdist.
    #[default]
    None,
    /// From a commit that the user names, or the one of the release's tag in a repository that the user names.
    Given(GitRequest),
    /// From the commit of the release's tag in the repository that the published file names.
    Found,
    /// From the release's sdist, and where that does not give the published file, from the commit as for [`GitChoice::Found`].
    Either,
}

impl GitChoice {
    /// Whether the release's sdist is the source, or the first that is tried.
    pub(crate) fn is_sdist_first(&self) -> bool {
        matches!(self, Self::None | Self::Either)
    }

    /// Whether a commit is asked for, and which one is to be found out.
    #[cfg(not(feature = "sigstore"))]
    pub(crate) fn is_found(&self) -> bool {
        matches!(self, Self::Found | Self::Either)
    }
}

/// How commits are had.
#[derive(Debug, Clone, Default)]
pub struct GitOptions {
    /// Whether they are wanted.
    pub choice: GitChoice,
    /// Addresses that are asked in place of others.
    pub rewrites: GitRewrites,
    /// How repositories elsewhere are reached; `None` where they are not to be.
    pub network: Option<GitNetwork>,
}

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
    fn of(
        prepared: &'a Prepared,
        kind: Kind,
        (published, bytes): (&'a Archive, &'a dyn ReadAt),
        metadata: &'a str,
    ) -> Self {
        let (name, version) = (prepared.name.name(), prepared.name.version());
        Self { name, version, metadata, kind, published, bytes, uploaded: prepared.uploaded, subject: prepared }
    }

    /// The contents of its files, as a repository names them.
    fn contents(&self, format: ObjectFormat) -> Contents {
        let mut found = Contents::new(format);
        for (index, member) in self.published.members.iter().enumerate() {
            let path = member.path.as_bytes();
            let path = match self.kind.product {
                Product::Wheel => path,
                Product::Sdist(_) => path.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default(),
            };
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
struct Repository<'a> {
    client: &'a GitClient<'a>,
    address: &'a GitAddress,
    refs: Refs,
    /// Those of the published file.
    contents: Contents,
}

/// A commit, and the folder that it stands in.
struct Fetched {
    snapshot: Snapshot,
    staging: Staging,
}

impl Judge {
    /// The commit that a subject is to be built from, fetched and verified; `None` where it is built from a file. An sdist is
    /// always built from a commit, unless another source is given.
    pub(crate) fn commit_of(
        &self,
        prepared: &Prepared,
        kind: Kind,
        (published, bytes): (&Archive, &dyn ReadAt),
        findings: &mut Vec<Finding>,
    ) -> Result<Step<Option<PreparedSource>>, JudgeError> {
        if prepared.source.is_some() || prepared.replayed.is_some() {
            return Ok(Step::Next(None));
        }
        let choice = match (&self.options.git.choice, kind.product) {
            (GitChoice::None | GitChoice::Either, Product::Sdist(_)) => &GitChoice::Found,
            (choice, _) => choice,
        };
        let metadata = choice.evidence(kind, published, bytes);
        let wanted = Wanted::of(prepared, kind, (published, bytes), &metadata);
        self.git_source(choice, &wanted, findings)
    }

    fn git_source(
        &self,
        choice: &GitChoice,
        wanted: &Wanted<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<Option<PreparedSource>>, JudgeError> {
        let asked = match choice {
            GitChoice::None | GitChoice::Either => return Ok(Step::Next(None)),
            GitChoice::Given(request) => self.first_of(std::slice::from_ref(request), Trust::User, wanted, findings)?,
            GitChoice::Found => self.found_commit(wanted, findings)?,
        };
        Ok(match asked {
            Step::Next(source) => Step::Next(Some(source)),
            Step::End(outcome, reason) => Step::End(outcome, reason),
        })
    }

    /// The commit of the release's tag in the repository that the published file names.
    pub(crate) fn repository_of(
        &self,
        subject: &Published<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<PreparedSource>, JudgeError> {
        let metadata = GitChoice::Found.evidence(subject.kind, subject.archive, subject.bytes);
        let wanted = Wanted::of(subject.prepared, subject.kind, (subject.archive, subject.bytes), &metadata);
        self.found_commit(&wanted, findings)
    }

    /// The commit that the publisher attests; where there is no such attestation, or not its repository, that of the release's tag in the
    /// repository that the published file names.
    fn found_commit(
        &self,
        wanted: &Wanted<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<PreparedSource>, JudgeError> {
        let named = found(wanted.metadata);
        if let Some(attested) = self.attested(wanted, &named, findings)? {
            let requests = std::slice::from_ref(&attested.request);
            match self.first_of(requests, Trust::AttestedCommit, wanted, findings)? {
                Step::Next(mut source) => {
                    let commit = source.record.git.as_ref().map(|git| &git.commit);
                    if commit != Some(&attested.record.commit) {
                        let what = format!("another commit was had than the attested one, {}", attested.record.commit);
                        return Err(JudgeError::Internal { what });
                    }
                    source.record.attestation = Some(attested.record);
                    return Ok(Step::Next(source));
                }
                Step::End(Outcome::SourceMissing, reason) if reason.class == NO_TAG => {
                    findings.push(attested.missing());
                }
                Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
            }
        }
        self.first_of(&named, Trust::Repository, wanted, findings)
    }

    /// The commit in the first of some repositories that has the release's tag.
    fn first_of(
        &self,
        requests: &[GitRequest],
        trust: Trust,
        wanted: &Wanted<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<PreparedSource>, JudgeError> {
        if requests.is_empty() {
            let detail = "the published file's metadata names no repository on a host that is known here";
            return Ok(end(Outcome::SourceMissing, "no-repository", DOWNLOAD, detail));
        }
        let root = match self.git_root()? {
            Step::Next(root) => root,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        let GitOptions { rewrites, network, .. } = &self.options.git;
        let client = GitClient::new(root, network.clone(), rewrites, &self.cancel);
        let mut last = None;
        for (index, request) in requests.iter().enumerate() {
            match self.git_source_of(&client, request, wanted, trust, findings)? {
                Step::Next(source) => {
                    if index > 0 {
                        // Whoever uploads names them all.
                        let detail = format!(
                            "the first repository that the published file names has no tag of the release, and {} has: \
                             whether it is the project's is not known",
                            request.address
                        );
                        findings.push(Finding::whole(OTHER_REPOSITORY, Severity::Warning, detail));
                    }
                    return Ok(Step::Next(source));
                }
                // Of several that were found the next may be the one; what is wrong with one that has the tag is said.
                Step::End(Outcome::SourceMissing, reason) if reason.class == NO_TAG => last = Some(reason),
                // A replay cannot ask for what was not had.
                Step::End(outcome, reason) => {
                    let stage = DOWNLOAD.map(str::to_owned);
                    return Ok(Step::End(outcome, Reason { stage, ..reason }));
                }
            }
        }
        let reason = last.ok_or_else(|| JudgeError::Internal { what: "no repository was asked".to_owned() })?;
        Ok(Step::End(Outcome::SourceMissing, reason))
    }

    fn git_source_of(
        &self,
        client: &GitClient<'_>,
        request: &GitRequest,
        wanted: &Wanted<'_>,
        trust: Trust,
        findings: &mut Vec<Finding>,
    ) -> Result<Step<PreparedSource>, JudgeError> {
        let GitRequest { address, revision, subdirectory } = request;
        tracing::info!("asking {address} for its branches and tags");
        let staging = self.store.staging()?;
        let refs = match client.list(address, staging.path()) {
            Ok(refs) => refs,
            // What a published file names need not be there.
            Err(error @ GitError::NoRepository { .. }) if trust != Trust::User => {
                let detail = MemberPath::from(chain(&error).as_str()).to_string();
                return Ok(end(Outcome::SourceMissing, NO_TAG, STAGE, detail));
            }
            Err(error) => return git_error(error, findings),
        };
        let contents = wanted.contents(refs.format());
        let repository = Repository { client, address, refs, contents };
        let fetched = match revision {
            // The commit itself, whatever else may have its name; and its tag, where it is the release's.
            Some(commit) if trust == Trust::AttestedCommit => {
                let revision = match tag_of_release(&repository.refs, wanted, address) {
                    Step::Next(Revision::Tag { tag, commit: of_tag }) if of_tag.to_string() == *commit => {
                        Revision::Tag { tag, commit: of_tag }
                    }
                    Step::Next(_) | Step::End(..) => Revision::Commit(commit.clone()),
                };
                self.fetch_commit(&repository, &revision, findings)?
            }
            Some(revision) => match repository.refs.find(revision) {
                Ok(revision) => self.fetch_commit(&repository, &revision, findings)?,
                Err(reason) => {
                    let detail = format!("{}: {reason}", address.shown());
                    return Ok(end(Outcome::SourceMissing, "no-revision", STAGE, detail));
                }
            },
            None => self.commit_of_release(&repository, wanted, findings)?,
        };
        let Fetched { snapshot, staging } = match fetched {
            Step::Next(fetched) => fetched,
            Step::End(outcome, reason) => return Ok(Step::End(outcome, reason)),
        };
        let blob = match self.keep_snapshot(&snapshot, staging.path())? {
            Ok(blob) => blob,
            Err(error) => return checkout_error(&error, findings),
        };
        let folder = match subdirectory.as_str() {
            "" => project_folder(&snapshot, wanted.name, &repository.contents),
            given => Ok(given.to_owned()),
        };
        let git = match folder.and_then(|folder| record(&snapshot, &folder)) {
            Ok(git) => git,
            Err(error) => return checkout_error(&error, findings),
        };
        let uri = address.uri().map(|uri| format!("{uri}@{}", git.commit));
        let file_name = format!("{}@{}", wanted.name, git.commit);
        let digests = blob.sha256().into();
        let record =
            Source { kind: SourceKind::Git, trust, uri, file_name, digests, git: Some(git), attestation: None };
        let form = SourceForm::Commit { top: wanted.name.to_string() };
        Ok(Step::Next(PreparedSource { record, form, blob, provenance: None }))
    }

    /// The commit of the release's tag; where there is none, or another commit is more like the published file, the one that is most.
    fn commit_of_release(
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
            (Ok(None) | Err(_), Ok((fetched, _))) => Ok(Step::Next(fetched)),
            (Ok(None), Err(reason)) => {
                let detail = format!("{}, and no commit has most of the published file's files", reason.detail);
                Ok(Step::End(Outcome::SourceMissing, Reason { detail, ..reason }))
            }
            (Err(error), Err(_)) => git_error(error, findings),
        }
    }

    fn fetch_commit(
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

    /// The snapshot that a verdict names, made again from the repository, or why it cannot be.
    pub(crate) fn commit_again(&self, source: &Source) -> Result<Blob, String> {
        let Source { uri, git, .. } = source;
        let address = uri.as_deref().and_then(|uri| uri.strip_prefix("git+")?.rsplit_once('@'));
        let (Some((address, _)), Some(git)) = (address, git) else {
            return Err("it was a commit of the machine that judged it, so it is nowhere else".to_owned());
        };
        let address: GitAddress = address.parse().map_err(|error| format!("{error}"))?;
        let root = match self.git_root().map_err(|error| chain(&error))? {
            Step::Next(root) => root,
            Step::End(_, reason) => return Err(reason.detail),
        };
        let GitOptions { rewrites, network, .. } = &self.options.git;
        let client = GitClient::new(root, network.clone(), rewrites, &self.cancel);
        let staging = self.store.staging().map_err(|error| chain(&error))?;
        let refs = client.list(&address, staging.path()).map_err(|error| chain(&error))?;
        let commit = git.commit.to_string();
        let revision = refs.find(git.tag.as_ref().map_or(commit.as_str(), |tag| &tag.name))?;
        let snapshot = client.fetch(&address, &refs, &revision, staging.path()).map_err(|error| chain(&error))?;
        let kept = self.keep_snapshot(&snapshot, staging.path()).map_err(|error| chain(&error))?;
        kept.map_err(|error| chain(&error))
    }

    /// The root file system that git runs on.
    fn git_root(&self) -> Result<Step<GitRoot>, JudgeError> {
        let platform = Platform::host().ok_or_else(|| JudgeError::Usage {
            message: "this program runs git on Linux on x86-64 and 64-bit ARM only".to_owned(),
        })?;
        let mut specification = Specification::of_suite(Suite::Bookworm, platform);
        specification.packages.insert(VersionControl::PACKAGE.to_owned());
        match Ground::prepare(&self.supply(), &specification, &self.cancel) {
            Ok(ground) => Ok(Step::Next(GitRoot { layers: ground.layer_paths(), python: ground.root_python() })),
            Err(error) => environment_error(error),
        }
    }

    /// The snapshot as a file in the store.
    fn keep_snapshot(&self, snapshot: &Snapshot, staging: &Path) -> Result<Result<Blob, CheckoutError>, JudgeError> {
        let path = staging.join("snapshot");
        let doing = || format!("writing {}", path.display());
        let mut file = std::io::BufWriter::new(File::create_new(&path).map_err(JudgeError::io(doing()))?);
        if let Err(error) = snapshot.write(&mut file) {
            return Ok(Err(error));
        }
        file.into_inner().map_err(|error| JudgeError::io(doing())(error.into_error()))?;
        let file = File::open(&path).map_err(JudgeError::io(doing()))?;
        Ok(Ok(self.store.put(file, SNAPSHOT_LIMIT_BYTES)?))
    }
}

/// The code of the finding that a repository is not the first that is named.
pub(crate) const OTHER_REPOSITORY: &str = "repository-not-first";
/// The class of a repository that has no tag of the release.
const NO_TAG: &str = "no-tag";

/// The commit of the tag that stands for the release.
fn tag_of_release(refs: &Refs, wanted: &Wanted<'_>, address: &GitAddress) -> Step<Revision> {
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
    let folder = project_folder(snapshot, wanted.name, contents).ok().filter(|folder| !folder.is_empty())?;
    let version = wanted.version.to_string();
    let is_inside =
        |place: &str| place.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let files = snapshot.files_named(&VERSION_FILES, TEXT_LIMIT_BYTES).ok()?;
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

/// The repositories that the published file names.
fn found(metadata: &str) -> Vec<GitRequest> {
    let (headers, _) = parse_headers(metadata);
    let addresses = headers.iter().filter_map(|header| {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("project-url") {
            let (label, address) = header.value.split_once(',')?;
            return Some((label.trim(), address.trim()));
        }
        (is("home-page") || is("download-url")).then_some((header.name.as_str(), header.value.as_str()))
    });
    let request = |address| GitRequest { address, revision: None, subdirectory: String::new() };
    repositories_of(addresses).into_iter().map(request).collect()
}

/// The folder of the project: the only one whose `pyproject.toml` says so, where the root's does not; else that of the published file's
/// files; else the root.
fn project_folder(snapshot: &Snapshot, name: &PackageName, contents: &Contents) -> Result<String, CheckoutError> {
    let files = snapshot.files_named(&["pyproject.toml"], PYPROJECT_LIMIT_BYTES)?;
    let mut folders: Vec<String> = files
        .into_iter()
        .filter(|(_, content)| declared_name(content).as_ref() == Some(name))
        .map(|(folder, _)| folder)
        .collect();
    folders.sort_by_key(String::len);
    let is_sole = folders.len() == 1 || folders.first().is_some_and(String::is_empty);
    match folders.into_iter().next().filter(|_| is_sole) {
        Some(folder) => Ok(folder),
        None => Ok(contents.folder_in(snapshot)?.unwrap_or_default()),
    }
}

/// What a verdict says of a snapshot.
fn record(snapshot: &Snapshot, subdirectory: &str) -> Result<GitSource, CheckoutError> {
    let submodule = |(path, commit): (MemberPath, ObjectId)| GitSubmodule { path: path.to_string(), commit };
    Ok(GitSource {
        commit: snapshot.commit().clone(),
        tree: snapshot.tree()?,
        tree_sha256: snapshot.tree_sha256()?,
        committed: snapshot.committed()?,
        tag: snapshot.tag().map(|tag| GitTag { name: tag.name.clone(), object: tag.object.clone() }),
        subdirectory: (!subdirectory.is_empty()).then(|| subdirectory.to_owned()),
        submodules: snapshot.submodules()?.into_iter().map(submodule).collect(),
    })
}

/// Ends the walk where the commit is younger than the file that is to come from it. The committer's clock says so, which whoever
/// makes a commit may set: this finds mistakes, and no attacks.
pub(crate) fn check_age(source: &Source, uploaded: Option<Timestamp>, findings: &mut Vec<Finding>) -> Step<()> {
    let (Some(git), Some(uploaded)) = (&source.git, uploaded) else { return Step::Next(()) };
    if git.committed <= uploaded {
        return Step::Next(());
    }
    let detail = format!(
        "the commit {} is of {}, and the file was uploaded before, at {uploaded}: it cannot have been built from it",
        git.commit, git.committed
    );
    // Whoever uploads before he commits has done nothing wrong, and what he uploaded comes from no commit of then.
    findings.push(Finding::whole("commit-after-upload", Severity::Warning, detail.clone()));
    end(Outcome::SourceMissing, "commit-after-upload", STAGE, detail)
}

/// That no tag says which version a commit is, where it is none that does.
pub(crate) fn version_note(source: &Source, name: &PackageName, version: &Version) -> Option<Finding> {
    let git = source.git.as_ref()?;
    let says_version = |tag: &GitTag| choose_tag([tag.name.as_str()], name, version) != TagChoice::None;
    if git.tag.as_ref().is_some_and(says_version) {
        return None;
    }
    let detail = format!(
        "no tag was asked for that says that the commit is {version}: a tool that takes the version from git was told so"
    );
    Some(Finding::whole("version-not-tagged", Severity::Warning, detail))
}

/// Whether a snapshot is the commit that a source says it is.
pub(crate) fn is_of_record(snapshot: &Snapshot, source: &Source) -> Result<bool, CheckoutError> {
    let Some(git) = &source.git else { return Ok(false) };
    let own = record(snapshot, git.subdirectory.as_deref().unwrap_or_default())?;
    let says_commit = source.uri.as_ref().is_none_or(|uri| uri.ends_with(&format!("@{}", own.commit)));
    Ok(own == *git && says_commit && source.file_name.ends_with(&format!("@{}", own.commit)))
}

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

impl GitChoice {
    /// What of a published file a repository is found by: the `METADATA` of a wheel, or the `PKG-INFO` of an sdist, as far as it can be
    /// read. What is wrong with it is said elsewhere.
    fn evidence(&self, kind: Kind, published: &Archive, bytes: &dyn ReadAt) -> String {
        if *self != Self::Found {
            return String::new();
        }
        let ending = match kind.product {
            Product::Wheel => ".dist-info/METADATA",
            Product::Sdist(_) => "/PKG-INFO",
        };
        let is_it = |path: &MemberPath| {
            path.ends_with(ending) && path.as_bytes().iter().filter(|byte| **byte == b'/').count() == 1
        };
        let index = published.members.iter().position(|member| is_it(&member.path));
        let content = index.and_then(|index| contents(bytes, published, index, METADATA_LIMIT_BYTES).ok());
        content.map_or_else(String::new, |content| String::from_utf8_lossy(&content).into_owned())
    }
}

/// What follows where a repository could not be asked, or its commit not be had.
fn git_error<T>(error: GitError, findings: &mut Vec<Finding>) -> Result<Step<T>, JudgeError> {
    let detail = MemberPath::from(chain(&error).as_str()).to_string();
    let step = match error {
        GitError::Address(_) | GitError::NoRepository { .. } => return Err(JudgeError::Usage { message: detail }),
        GitError::Cancelled => return Err(JudgeError::Cancelled),
        GitError::Checkout(error) => return checkout_error(&error, findings),
        GitError::Sandbox(error @ twinbuild_sandbox::Error::HostUnsupported { .. }) => {
            return Err(JudgeError::Host(error));
        }
        GitError::Offline { .. } => end(Outcome::Inconclusive, "offline", DOWNLOAD, detail),
        GitError::Failed { .. } => end(Outcome::Inconclusive, "source-fetch-failed", DOWNLOAD, detail),
        GitError::Limit { .. } => end(Outcome::Inconclusive, "limit", DOWNLOAD, detail),
        GitError::Sandbox(_) | GitError::Io { .. } => end(Outcome::Inconclusive, "sandbox-failed", DOWNLOAD, detail),
        GitError::Revision { .. } => end(Outcome::SourceMissing, "no-revision", STAGE, detail),
        GitError::Impostor { .. } => {
            findings.push(Finding::whole("impostor-commit", Severity::Alert, detail.clone()));
            end(Outcome::SourceMissing, "impostor-commit", STAGE, detail)
        }
        GitError::Refused { .. } => malformed(detail, findings),
    };
    Ok(step)
}

/// What follows where a commit was had and cannot be laid out.
pub(crate) fn checkout_error<T>(error: &CheckoutError, findings: &mut Vec<Finding>) -> Result<Step<T>, JudgeError> {
    let detail = MemberPath::from(chain(error).as_str()).to_string();
    Ok(match error {
        CheckoutError::Malformed { .. } => malformed(detail, findings),
        CheckoutError::Limit { .. } => end(Outcome::Inconclusive, "limit", STAGE, detail),
        CheckoutError::Lfs { .. } => end(Outcome::Unbuildable, "source-lfs", STAGE, detail),
        CheckoutError::Submodule { .. } => end(Outcome::Unbuildable, "source-submodule", STAGE, detail),
        CheckoutError::Subdirectory { .. } => return Err(JudgeError::Usage { message: detail }),
        CheckoutError::Io { .. } => end(Outcome::Inconclusive, "source-unreadable", STAGE, detail),
    })
}

fn malformed<T>(detail: String, findings: &mut Vec<Finding>) -> Step<T> {
    findings.push(Finding::whole("source-malformed", Severity::Alert, detail.clone()));
    end(Outcome::Unbuildable, "source-malformed", STAGE, detail)
}
