//! Finding the subject and its source.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use twinbuild_compare::{Finding, Severity};
use twinbuild_registry::{Platform, Project, ProjectFile, ProjectStatus, RegistryError, Release};
use twinbuild_store::{Blob, FetchError, Url};
use twinbuild_subject::{DistributionFileName, Origin, PackageName, Request, SdistFileName, Subject};
use twinbuild_verdict::{Outcome, Reason, Source, SourceKind, Trust, Verdict};

use crate::JudgeError;
use crate::judge::{Judge, Target};
use crate::replay::Replayed;
use crate::repository::{FOLDER_BY_FILES, GitChoice, OTHER_REPOSITORY};
use crate::walk::{OTHER_SOURCE, chain};

/// The class of a source that is not what the index promised.
const SOURCE_DIGEST_MISMATCH: &str = "source-digest-mismatch";
/// The stage of a verdict whose files could not be had.
pub(crate) const DOWNLOAD: &str = "download";
/// The codes of findings that come from what an index or another source says, or because it could not be asked.
pub(crate) const INDEX_FINDINGS: [&str; 10] = [
    "project-quarantined",
    "project-archived",
    "project-deprecated",
    "yanked",
    "source-yanked",
    "source-uploaded-later",
    "index-not-asked",
    OTHER_REPOSITORY,
    FOLDER_BY_FILES,
    OTHER_SOURCE,
];
/// Files of one upload arrive within this time of each other.
const SAME_UPLOAD: SignedDuration = SignedDuration::from_hours(24);
/// The largest local file, in bytes: what an index serves at most.
const FILE_LIMIT_BYTES: u64 = 2 << 30;

/// A subject at hand, and its source.
pub(crate) struct Prepared {
    pub(crate) subject: Subject,
    pub(crate) name: DistributionFileName,
    pub(crate) blob: Blob,
    /// The sdist, unless the subject is built from a commit.
    pub(crate) source: Option<PreparedSource>,
    /// Where a verdict is replayed that has a chain, the source as a subject.
    pub(crate) link: Option<Box<Prepared>>,
    /// When the index says that the file was uploaded, if it lists it.
    pub(crate) uploaded: Option<Timestamp>,
    /// Requirements are older than this. `None` where only the file itself can tell.
    pub(crate) first_upload: Option<Timestamp>,
    /// Where the index offers what the publisher attests of it.
    pub(crate) provenance: Option<Url>,
    pub(crate) findings: Vec<Finding>,
    /// Where a verdict is replayed, what it says of the build.
    pub(crate) replayed: Option<Replayed>,
}

/// A source at hand.
pub(crate) struct PreparedSource {
    pub(crate) record: Source,
    pub(crate) form: SourceForm,
    pub(crate) blob: Blob,
    /// Where the index offers what the publisher attests of it, where it is a file.
    pub(crate) provenance: Option<Url>,
}

/// What the file of a source is.
pub(crate) enum SourceForm {
    Sdist(SdistFileName),
    /// The snapshot of a commit, which is laid out in a folder of this name.
    Commit {
        top: PackageName,
    },
}

/// A subject at hand, or a verdict because it could not be had.
pub(crate) enum Preparation {
    Ready(Box<Prepared>),
    Stopped(Box<Verdict>),
}

impl Judge {
    /// Fetches the subject and its source, each verified against what the index promises.
    pub(crate) fn prepare(&self, target: &Target) -> Result<Preparation, JudgeError> {
        let preparation = match target {
            Target::Release(request) => self.prepare_release(request),
            Target::Local { path, source } => self.prepare_local(path, source.as_deref()),
        }?;
        if let Preparation::Ready(prepared) = &preparation
            && self.options.chain != GitChoice::None
            && (matches!(prepared.name, DistributionFileName::Sdist(_)) || !self.options.git.choice.is_sdist_first())
        {
            let message = "--chain and --commit are for a wheel that is built from an sdist: what an sdist, or a wheel that is \
                           built from a commit, comes from is its --source";
            return Err(JudgeError::Usage { message: message.to_owned() });
        }
        Ok(preparation)
    }

    fn prepare_release(&self, request: &Request) -> Result<Preparation, JudgeError> {
        tracing::info!("looking up {request}");
        let project = self.pypi.project_or_near(&request.name).map_err(registry_error)?;
        let release = project.release(&request.version).map_err(registry_error)?;
        let asked = match (&self.options.artifact, &request.file_name) {
            (Some(artifact), Some(file_name)) if artifact != file_name.text() => {
                let message = format!("--artifact names {artifact}, and the package URL names {}", file_name.text());
                return Err(JudgeError::Usage { message });
            }
            (Some(artifact), _) => Some(artifact.as_str()),
            (None, file_name) => file_name.as_ref().map(DistributionFileName::text),
        };
        let platform = Platform::host().ok_or_else(|| JudgeError::Usage {
            message: "this program builds on Linux on x86-64 and 64-bit ARM only".to_owned(),
        })?;
        let file = release.choose(asked, platform).map_err(registry_error)?;
        let mut subject = Subject {
            origin: Origin::Index,
            purl: Some(Subject::purl_of(&file.file_name)),
            file_name: file.file_name.text().to_owned(),
            size: None,
            digests: None,
            upload_time: file.upload_time,
        };
        let blob = match self.pypi.download(file) {
            Ok(blob) => blob,
            Err(RegistryError::Fetch(FetchError::DigestMismatch(mismatch))) => {
                subject.size = Some(mismatch.received.size_bytes());
                subject.digests = Some(mismatch.received.sha256().into());
                let detail = format!(
                    "the index promised sha256:{} for {}, and what was received is sha256:{}",
                    mismatch.expected,
                    subject.file_name,
                    mismatch.received.sha256()
                );
                return Ok(stopped(subject, "digest-mismatch", detail, Severity::Alert));
            }
            Err(error) => return Ok(stopped(subject, "download-failed", chain(&error), Severity::Warning)),
        };
        subject.size = Some(blob.size_bytes());
        subject.digests = Some(blob.sha256().into());
        let mut findings = index_findings(&project, file);
        if self.options.git.choice.is_sdist_first() && matches!(file.file_name, DistributionFileName::Wheel(_)) {
            findings.extend(source_findings(&release, file));
        }
        let source = match self.sdist_of(&release, file) {
            Ok(source) => source,
            Err((class, detail)) => return Ok(stopped_at_source(subject, class, detail)),
        };
        let first_upload = first_upload(&release, file).map_err(registry_error)?;
        let first_upload = self.as_of(Some(first_upload))?.unwrap_or(first_upload);
        let (name, uploaded) = (file.file_name.clone(), file.upload_time);
        let first_upload = Some(first_upload);
        Ok(Preparation::Ready(Box::new(Prepared {
            subject,
            name,
            blob,
            source,
            link: None,
            uploaded,
            first_upload,
            provenance: file.provenance.clone(),
            findings,
            replayed: None,
        })))
    }

    fn prepare_local(&self, path: &Path, source: Option<&Path>) -> Result<Preparation, JudgeError> {
        if self.options.artifact.is_some() {
            let message = "--artifact names a file of a release, and the subject is a local file".to_owned();
            return Err(JudgeError::Usage { message });
        }
        let text = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name: DistributionFileName =
            text.parse().map_err(|error| JudgeError::Usage { message: format!("{}: {error}", path.display()) })?;
        let blob = self.take_in(path)?;
        let mut findings = Vec::new();
        let listed = match self.listed(&name, &blob) {
            Ok(listed) => listed,
            Err(error) => {
                let detail = format!("what the index says of the project is not known: {}", chain(&error));
                let detail = twinbuild_subject::MemberPath::from(detail.as_str()).to_string();
                findings.push(Finding::whole("index-not-asked", Severity::Warning, detail));
                None
            }
        };
        let mut purl = None;
        let mut first_upload = self.options.as_of;
        let (mut listed_release, mut uploaded, mut provenance) = (None, None, None);
        if let Some((project, release, file)) = listed {
            findings.extend(index_findings(&project, &file));
            purl = Some(Subject::purl_of(&file.file_name));
            first_upload = self.as_of(self::first_upload(&release, &file).ok())?;
            uploaded = file.upload_time;
            provenance.clone_from(&file.provenance);
            listed_release = Some((release, file));
        }
        let subject = Subject {
            origin: Origin::Local,
            purl,
            file_name: text.to_owned(),
            size: Some(blob.size_bytes()),
            digests: Some(blob.sha256().into()),
            upload_time: None,
        };
        let source = match (source, listed_release) {
            (Some(path), _) => Some(self.local_source(path)?),
            (None, _)
                if !self.options.git.choice.is_sdist_first() || matches!(name, DistributionFileName::Sdist(_)) =>
            {
                None
            }
            (None, Some((release, file))) => match self.sdist_of(&release, &file) {
                Ok(source) => source,
                Err((class, detail)) => return Ok(stopped_at_source(subject, class, detail)),
            },
            (None, None) => {
                let message = format!(
                    "{} is a local file that the index does not list: say with --source what it was built from",
                    path.display()
                );
                return Err(JudgeError::Usage { message });
            }
        };
        Ok(Preparation::Ready(Box::new(Prepared {
            subject,
            name,
            blob,
            source,
            link: None,
            uploaded,
            first_upload,
            provenance,
            findings,
            replayed: None,
        })))
    }

    /// The time that requirements must be older than: the given one, which may not be after the first upload.
    fn as_of(&self, first_upload: Option<Timestamp>) -> Result<Option<Timestamp>, JudgeError> {
        match (self.options.as_of, first_upload) {
            (Some(as_of), Some(upload)) if as_of > upload => {
                let message =
                    format!("--as-of is {as_of}, and the release's first file was uploaded before, at {upload}");
                Err(JudgeError::Usage { message })
            }
            (given, upload) => Ok(given.or(upload)),
        }
    }

    /// The release and the file on the index that have the digest of a local file, where the index can be asked.
    fn listed(
        &self,
        name: &DistributionFileName,
        blob: &Blob,
    ) -> Result<Option<(Project, Release, ProjectFile)>, RegistryError> {
        let project = match self.pypi.project(name.name()) {
            Ok(project) => project,
            Err(RegistryError::UnknownProject { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(file) = project.find_by_digest(&blob.sha256()).cloned() else { return Ok(None) };
        let release = project.release(file.file_name.version())?;
        Ok(Some((project, release, file)))
    }

    fn local_source(&self, path: &Path) -> Result<PreparedSource, JudgeError> {
        let text = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name: SdistFileName = text
            .parse()
            .map_err(|error| JudgeError::Usage { message: format!("--source {}: {error}", path.display()) })?;
        let blob = self.take_in(path)?;
        let record = Source {
            kind: SourceKind::Sdist,
            trust: Trust::User,
            uri: None,
            file_name: name.text.clone(),
            digests: blob.sha256().into(),
            git: None,
            attestation: None,
        };
        Ok(PreparedSource { record, form: SourceForm::Sdist(name), blob, provenance: None })
    }

    /// A copy of a local file in the store, so that it cannot change any more.
    fn take_in(&self, path: &Path) -> Result<Blob, JudgeError> {
        let file = File::open(path)
            .map_err(|error| JudgeError::Usage { message: format!("{} cannot be opened: {error}", path.display()) })?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(JudgeError::Usage { message: format!("{} is not a file", path.display()) });
        }
        Ok(self.store.put(file, FILE_LIMIT_BYTES)?)
    }

    /// The release's sdist, as the source of `subject`; none where that is built from a commit, as sdists are.
    fn sdist_of(
        &self,
        release: &Release,
        subject: &ProjectFile,
    ) -> Result<Option<PreparedSource>, (&'static str, String)> {
        let is_sdist = matches!(subject.file_name, DistributionFileName::Sdist(_));
        if is_sdist || !self.options.git.choice.is_sdist_first() {
            return Ok(None);
        }
        let Some(file) = release.sdist() else { return Ok(None) };
        let DistributionFileName::Sdist(name) = &file.file_name else { return Ok(None) };
        let blob = self.pypi.download(file).map_err(|error| match &error {
            RegistryError::Fetch(FetchError::DigestMismatch(_)) => (SOURCE_DIGEST_MISMATCH, chain(&error)),
            _ => ("source-download-failed", chain(&error)),
        })?;
        let record = Source {
            kind: SourceKind::Sdist,
            trust: Trust::SameUpload,
            uri: Some(Subject::purl_of(&file.file_name)),
            file_name: name.text.clone(),
            digests: blob.sha256().into(),
            git: None,
            attestation: None,
        };
        let (form, provenance) = (SourceForm::Sdist(name.clone()), file.provenance.clone());
        Ok(Some(PreparedSource { record, form, blob, provenance }))
    }
}

/// When the upload began that a file is of: the first file of its release, unless that is of another upload.
fn first_upload(release: &Release, file: &ProjectFile) -> Result<Timestamp, RegistryError> {
    let own = file.uploaded()?;
    let mut first = own;
    for other in release.files() {
        first = first.min(other.uploaded()?);
    }
    Ok(if own.duration_since(first) > SAME_UPLOAD { own } else { first })
}

/// What the index itself says against a file.
fn index_findings(project: &Project, file: &ProjectFile) -> Vec<Finding> {
    let because = |reason: &Option<String>| match reason {
        Some(reason) if !reason.is_empty() => format!(": {}", twinbuild_subject::MemberPath::from(reason.as_str())),
        _ => String::new(),
    };
    let mut findings = Vec::new();
    match &project.status {
        ProjectStatus::Quarantined { reason } => {
            let detail = format!("the index holds the project in quarantine{}", because(reason));
            findings.push(Finding::whole("project-quarantined", Severity::Alert, detail));
        }
        ProjectStatus::Archived { reason } => {
            let detail = format!("the project is archived{}", because(reason));
            findings.push(Finding::whole("project-archived", Severity::Note, detail));
        }
        ProjectStatus::Deprecated { reason } => {
            let detail = format!("the project is deprecated{}", because(reason));
            findings.push(Finding::whole("project-deprecated", Severity::Note, detail));
        }
        ProjectStatus::Active => {}
    }
    if let Some(yanked) = &file.yanked {
        let detail = format!("the publisher withdrew the file{}", because(&yanked.reason));
        findings.push(Finding::whole("yanked", Severity::Warning, detail));
    }
    findings
}

/// What the index says against the sdist as the source of a file. That it is of the same upload is what it is trusted for.
fn source_findings(release: &Release, file: &ProjectFile) -> Vec<Finding> {
    let Some(sdist) = release.sdist() else { return Vec::new() };
    let mut findings = Vec::new();
    if sdist.yanked.is_some() && file.yanked.is_none() {
        let detail = format!("the publisher withdrew the sdist, {}", sdist.file_name);
        findings.push(Finding::whole("source-yanked", Severity::Warning, detail));
    }
    if let (Some(source), Some(subject)) = (sdist.upload_time, file.upload_time)
        && source.duration_since(subject) > SAME_UPLOAD
    {
        let detail = format!("the sdist was uploaded at {source}, long after the file, at {subject}");
        findings.push(Finding::whole("source-uploaded-later", Severity::Warning, detail));
    }
    findings
}

/// Whether an index said no, or said nothing.
pub(crate) fn registry_error(error: RegistryError) -> JudgeError {
    match error {
        RegistryError::UnknownProject { .. }
        | RegistryError::UnknownVersion { .. }
        | RegistryError::NoFiles { .. }
        | RegistryError::UnknownArtifact { .. }
        | RegistryError::NothingForPlatform { .. } => JudgeError::NotThere(error),
        other => JudgeError::Unreachable(other),
    }
}

/// The source could not be had. One that is not what the index promised is an alert of its own.
fn stopped_at_source(subject: Subject, class: &'static str, detail: String) -> Preparation {
    let severity = if class == SOURCE_DIGEST_MISMATCH { Severity::Alert } else { Severity::Warning };
    stopped(subject, class, detail, severity)
}

fn stopped(subject: Subject, class: &'static str, detail: String, severity: Severity) -> Preparation {
    let mut verdict = Verdict::about(subject, env!("CARGO_PKG_VERSION"));
    verdict.outcome = Outcome::Inconclusive;
    if severity == Severity::Alert {
        verdict.findings.push(Finding::whole(class, severity, detail.clone()));
    }
    verdict.reason = Some(Reason { class: class.to_owned(), stage: Some(DOWNLOAD.to_owned()), detail });
    Preparation::Stopped(Box::new(verdict))
}

/// Whether a target names a file rather than a release.
pub(crate) fn is_path(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let looks_like_one =
        text.contains('/') || text.ends_with(".whl") || text.ends_with(".tar.gz") || text.ends_with(".zip");
    let is_release = text.starts_with("pypi:") || text.starts_with("pkg:");
    (!is_release && looks_like_one).then(|| path.to_owned())
}
