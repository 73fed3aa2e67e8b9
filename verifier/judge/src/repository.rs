//! A commit of a git repository as the source of a subject.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_archive::{Archive, ReadAt, contents};
use twinbuild_compare::{Finding, Severity};
use twinbuild_environment::{Ground, Specification, Suite};
use twinbuild_rebuild::Product;
use twinbuild_recipe::{VersionControl, parse_headers};
use twinbuild_registry::Platform;
use twinbuild_source::git::{
    CheckoutError, GitAddress, GitClient, GitError, GitNetwork, GitRequest, GitRewrites, GitRoot, Revision, Snapshot,
    TagChoice, choose_tag, repositories_of,
};
use twinbuild_store::Blob;
use twinbuild_subject::{MemberPath, ObjectId, PackageName};
use twinbuild_verdict::{GitSource, GitSubmodule, GitTag, Outcome, Reason, Source, SourceKind, Trust};

use crate::JudgeError;
use crate::judge::Judge;
use crate::release_commit::{Fetched, NO_TAG, ProjectFolder, Repository, Wanted, project_folder, tag_of_release};
use crate::sdist::Kind;
use crate::subject::{Prepared, PreparedSource, SourceForm};
use crate::walk::{Published, Step, chain, end, environment_error};

/// The largest snapshot of a commit, in bytes.
const SNAPSHOT_LIMIT_BYTES: u64 = 2 << 30;
/// The largest `METADATA` that is searched for addresses, in bytes.
const METADATA_LIMIT_BYTES: u64 = 8 << 20;
const STAGE: Option<&str> = Some("source");
/// The stage of what another run may come to have.
pub(crate) const DOWNLOAD: Option<&str> = Some(crate::subject::DOWNLOAD);

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
            given => Ok(ProjectFolder { path: given.to_owned(), is_by_files: false }),
        };
        let recorded = folder.and_then(|folder| Ok((record(&snapshot, &folder.path)?, folder)));
        let (git, folder) = match recorded {
            Ok(recorded) => recorded,
            Err(error) => return checkout_error(&error, findings),
        };
        if folder.is_by_files && !folder.path.is_empty() {
            let detail = format!(
                "no pyproject.toml of {address} says which folder is {}, and {} is where the published file's files stand",
                wanted.name,
                MemberPath::from(folder.path.as_str())
            );
            findings.push(Finding::whole(FOLDER_BY_FILES, Severity::Warning, detail));
        }
        let uri = address.uri().map(|uri| format!("{uri}@{}", git.commit));
        let file_name = format!("{}@{}", wanted.name, git.commit);
        let digests = blob.sha256().into();
        let record =
            Source { kind: SourceKind::Git, trust, uri, file_name, digests, git: Some(git), attestation: None };
        let form = SourceForm::Commit { top: wanted.name.clone() };
        Ok(Step::Next(PreparedSource { record, form, blob, provenance: None }))
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
/// The code of the finding that the project's folder was told by the published file's files.
pub(crate) const FOLDER_BY_FILES: &str = "project-folder-by-files";
/// The code of the finding that no tag says which version a commit is.
pub(crate) const NOT_TAGGED: &str = "version-not-tagged";

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
    Some(Finding::whole(NOT_TAGGED, Severity::Warning, detail))
}

/// Whether a snapshot is the commit that a source of a package says it is.
pub(crate) fn is_of_record(snapshot: &Snapshot, source: &Source, name: &PackageName) -> Result<bool, CheckoutError> {
    let Some(git) = &source.git else { return Ok(false) };
    let own = record(snapshot, git.subdirectory.as_deref().unwrap_or_default())?;
    let says_commit = source.uri.as_ref().is_none_or(|uri| uri.ends_with(&format!("@{}", own.commit)));
    Ok(own == *git && says_commit && source.file_name == format!("{name}@{}", own.commit))
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
pub(crate) fn git_error<T>(error: GitError, findings: &mut Vec<Finding>) -> Result<Step<T>, JudgeError> {
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
