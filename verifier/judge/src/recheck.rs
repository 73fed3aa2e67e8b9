//! Deriving again, from files at hand and without building anything, what a verdict says of a comparison.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use twinbuild_archive::{Archive, ArchiveFile};
use twinbuild_compare::{Finding, Normalizing, Severity, Side};
use twinbuild_rebuild::Artifact;
use twinbuild_source::git::Snapshot;
use twinbuild_source::{SourceTree, lay_out};
use twinbuild_subject::{DistributionFileName, MemberPath, PackageName, Sha256};
use twinbuild_verdict::{Container, Difference, Outcome, Reason, RecordedVerdict, Source, SourceKind, differences};

use crate::JudgeError;
use crate::artifact::members_digest;
use crate::attempt::{Against, Held, read_built};
use crate::embedded::Searcher;
use crate::evidence::{NoEvidence, wheel_evidence};
use crate::inputs::digest;
use crate::prebuilt;
use crate::repository::is_of_record;
use crate::sdist::{self, index_of};
use crate::walk::{NO_EVIDENCE, Step, chain, kind_of, open_file, read_published};

/// The files that a verdict is about.
#[derive(Debug, Clone)]
pub struct KeptFiles {
    /// The published file.
    pub published: PathBuf,
    /// What it is claimed to be built from, where the verdict names one.
    pub source: Option<PathBuf>,
    /// What the twins built, where both did.
    pub twins: Option<[PathBuf; 2]>,
}

/// What the published file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rechecked {
    /// Its files, each with the digest of its content, in their order. None where it cannot be read.
    pub members: Vec<(MemberPath, Sha256)>,
}

/// Why a verdict is not one that these files give.
#[derive(Debug, thiserror::Error)]
pub enum RecheckError {
    /// A file is another one than the verdict names.
    #[error("{} is not the file that the verdict names: its SHA-256 is {is}, and the verdict says {says}", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its digest.
        is: Sha256,
        /// That in the verdict.
        says: Sha256,
    },
    /// The verdict says that a file was read or built, and it is not at hand.
    #[error("the verdict is {outcome}, and {what} is not at hand")]
    Missing {
        /// The outcome.
        outcome: &'static str,
        /// Which file.
        what: &'static str,
    },
    /// The verdict names no file, or none of a name that can be read.
    #[error("the verdict cannot be checked: {what}")]
    Unchecked {
        /// Why.
        what: String,
    },
    /// From these files another verdict follows.
    #[error(
        "from these files follows another verdict: {}",
        differences.iter().map(described).collect::<Vec<_>>().join("; ")
    )]
    Differs {
        /// Where they differ.
        differences: Vec<Difference>,
    },
    /// A finding that follows from these files is not in the verdict.
    #[error("the verdict lacks a finding that follows from these files: {code}{}", path.as_ref().map(|path| format!(" in {path}")).unwrap_or_default())]
    FindingLeftOut {
        /// Its code.
        code: String,
        /// Of which member.
        path: Option<MemberPath>,
    },
    /// A file could not be read.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

fn described(difference: &Difference) -> String {
    let or_nothing = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!(
        "{} is {}, and the verdict says {}",
        difference.path,
        or_nothing(&difference.replayed),
        or_nothing(&difference.recorded)
    )
}

/// What of a verdict follows from the files alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Derived {
    outcome: Value,
    level: Value,
    mismatch: Value,
    matches: Value,
    comparison: Value,
    normalizers_applied: Value,
    container: Value,
    members: [Value; 2],
}

/// Checks that a verdict is what follows from the files that it names. Where the twins were compared, they are compared again: outcome, level, counts,
/// container and normalizers must come out as the verdict has them, and no finding may be left out. A `rejected` file must be rejected for the same
/// reason. Of the other outcomes, which no file can show, the digests are checked. What only a build shows (variations, cross-checks,
/// the search) is the builder's word. `staging` is an empty folder.
///
/// # Errors
/// [`RecheckError`]
pub fn recheck(verdict: &RecordedVerdict, files: &KeptFiles, staging: &Path) -> Result<Rechecked, RecheckError> {
    let subject = &verdict.subject;
    let unchecked = |what: String| RecheckError::Unchecked { what };
    let says = subject.digests.as_ref().ok_or_else(|| unchecked("it names no file that was received".to_owned()))?;
    let published_sha256 = check_file(&files.published, says.sha256)?;
    let name: DistributionFileName =
        subject.file_name.parse().map_err(|error| unchecked(format!("of its file's name, {error}")))?;
    let kind = match kind_of(&name) {
        Step::Next(kind) => kind,
        Step::End(..) if verdict.outcome == Outcome::Unsupported => return Ok(Rechecked { members: Vec::new() }),
        Step::End(_, reason) => return Err(unchecked(reason.detail)),
    };
    let bytes = open_archive(&files.published)?;
    let mut findings = Vec::new();
    let published = match read_published(kind, &bytes, &mut findings)? {
        Step::Next(archive) => archive,
        Step::End(outcome, reason) => {
            check_end(verdict, outcome, &reason)?;
            check_findings(verdict, &findings)?;
            return Ok(Rechecked { members: Vec::new() });
        }
    };
    if verdict.outcome == Outcome::Rejected {
        let evidence = match &name {
            DistributionFileName::Wheel(name) => wheel_evidence(name, &published, &bytes).err(),
            DistributionFileName::Sdist(_) => None,
        };
        let Some(NoEvidence::Evidence(error)) = evidence else {
            let difference = Difference {
                path: "outcome".to_owned(),
                recorded: Some(verdict.outcome.name().to_owned()),
                replayed: Some("another: the file can be read".to_owned()),
            };
            return Err(RecheckError::Differs { differences: vec![difference] });
        };
        let reason = Reason { class: NO_EVIDENCE.to_owned(), stage: None, detail: error.to_string() };
        check_end(verdict, Outcome::Rejected, &reason)?;
    }
    let is_compared =
        matches!(verdict.outcome, Outcome::Reproduced | Outcome::NotReproduced | Outcome::Nondeterministic);
    if let (Some(source), Some(path)) = (&verdict.source, &files.source) {
        check_file(path, source.digests.sha256)?;
    }
    if is_compared {
        let side = Side { archive: &published, bytes: &bytes, sha256: published_sha256 };
        compare_again(verdict, files, (&name, &side), kind.container, staging)?;
    }
    let members = published.members.iter().filter_map(|member| Some((member.path.clone(), member.sha256?))).collect();
    Ok(Rechecked { members })
}

fn compare_again(
    verdict: &RecordedVerdict,
    files: &KeptFiles,
    (name, published): (&DistributionFileName, &Side<'_>),
    container: &str,
    staging: &Path,
) -> Result<(), RecheckError> {
    let missing = |what| RecheckError::Missing { outcome: verdict.outcome.name(), what };
    let source = verdict.source.as_ref().ok_or_else(|| missing("its source"))?;
    let source_path = files.source.as_ref().ok_or_else(|| missing("its source"))?;
    let twins = files.twins.as_ref().ok_or_else(|| missing("what its twins built"))?;
    let tree = lay_out_again(source, name.name(), source_path, staging)?;
    let index = index_of(&tree);
    let artifacts = twins.each_ref().map(|path| artifact(path));
    let [first, second] = artifacts;
    let artifacts = [first?, second?];
    let built = [open_file(&artifacts[0])?, open_file(&artifacts[1])?];
    let archives = [read_again(&built[0], &artifacts[0])?, read_again(&built[1], &artifacts[1])?];
    let sides =
        [0, 1].map(|at: usize| Side { archive: &archives[at], bytes: &built[at], sha256: artifacts[at].sha256 });
    let normalizing = if verdict.choices.is_strict { Normalizing::No } else { Normalizing::Yes };
    let against = Against { published, name, index: &index, normalizing };
    let (embeds, of_source) = searched(&tree, source.digests.sha256, published, &files.published)?;
    let names = [&artifacts[0], &artifacts[1]].map(|artifact| artifact.file_name.as_str());
    let Held { three_way, decision } = against.hold(&sides, names, embeds)?;
    let value = |value: Result<Value, serde_json::Error>| {
        value.map_err(|error| JudgeError::Internal { what: format!("what was derived cannot be written: {error}") })
    };
    let container =
        Container { kind: container.to_owned(), differences: three_way.container, parameters: three_way.parameters };
    let derived = Derived {
        outcome: value(serde_json::to_value(decision.outcome))?,
        level: value(serde_json::to_value(decision.level))?,
        mismatch: value(serde_json::to_value(decision.mismatch))?,
        matches: value(serde_json::to_value(decision.matches))?,
        comparison: value(serde_json::to_value(&three_way.comparison))?,
        normalizers_applied: value(serde_json::to_value(&three_way.normalizations))?,
        container: value(serde_json::to_value(&container))?,
        members: [0, 1].map(|at: usize| members_digest(&archives[at]).to_string().into()),
    };
    let mut found = differences(&recorded(verdict.document()), &value(serde_json::to_value(&derived))?);
    found.extend(other_artifacts(verdict.document(), &artifacts));
    if !found.is_empty() {
        return Err(RecheckError::Differs { differences: found });
    }
    check_findings(verdict, &of_source)?;
    check_findings(verdict, &three_way.findings)?;
    if let (Outcome::Reproduced, DistributionFileName::Sdist(_)) = (decision.outcome, name) {
        check_findings(verdict, sdist::unchecked(&sides[0], &index, &tree)?.as_slice())?;
    }
    Ok(())
}

/// The same parts of a verdict's document.
fn recorded(document: &Value) -> Value {
    let of = |name: &str| document.get(name).cloned().unwrap_or(Value::Null);
    let members =
        |at: usize| document.pointer(&format!("/rebuilds/{at}/artifact/members")).cloned().unwrap_or(Value::Null);
    serde_json::json!({
        "outcome": of("outcome"),
        "level": of("level"),
        "mismatch": of("mismatch"),
        "matches": of("matches"),
        "comparison": of("comparison"),
        "normalizersApplied": of("normalizersApplied"),
        "container": of("container"),
        "members": [members(0), members(1)],
    })
}

fn check_end(verdict: &RecordedVerdict, outcome: Outcome, reason: &Reason) -> Result<(), RecheckError> {
    let class = verdict.reason.as_ref().map(|reason| reason.class.as_str());
    if (verdict.outcome, class) == (outcome, Some(reason.class.as_str())) {
        return Ok(());
    }
    let shown = |outcome: Outcome, class: &str| Some(format!("{} ({class})", outcome.name()));
    let difference = Difference {
        path: "outcome".to_owned(),
        recorded: shown(verdict.outcome, class.unwrap_or("no reason")),
        replayed: shown(outcome, &reason.class),
    };
    Err(RecheckError::Differs { differences: vec![difference] })
}

/// Alerts and warnings that follow from the files must be in the verdict.
fn check_findings(verdict: &RecordedVerdict, derived: &[Finding]) -> Result<(), RecheckError> {
    let findings = verdict.document().get("findings").and_then(Value::as_array);
    // A path that is not UTF-8 has another name in the document.
    let parts = |finding: &Value| ["code", "severity", "path", "pathBase64"].map(|name| finding.get(name).cloned());
    let has = |finding: &Finding| {
        let derived = serde_json::to_value(finding).ok().map(|derived| parts(&derived));
        findings.into_iter().flatten().any(|recorded| Some(parts(recorded)) == derived)
    };
    match derived.iter().find(|finding| finding.severity > Severity::Note && !has(finding)) {
        None => Ok(()),
        Some(finding) => {
            Err(RecheckError::FindingLeftOut { code: finding.code.to_string(), path: finding.path.clone() })
        }
    }
}

fn lay_out_again(source: &Source, name: &PackageName, path: &Path, staging: &Path) -> Result<SourceTree, RecheckError> {
    let unchecked = |what: String| RecheckError::Unchecked { what: format!("of its source, {what}") };
    match (source.kind, &source.git) {
        (SourceKind::Git, Some(git)) => {
            let file = File::open(path).map_err(JudgeError::io(format!("reading {}", path.display())))?;
            let snapshot = Snapshot::read(file).map_err(|error| unchecked(chain(&error)))?;
            if !is_of_record(&snapshot, source, name).map_err(|error| unchecked(chain(&error)))? {
                return Err(unchecked("the snapshot is not the commit that it names".to_owned()));
            }
            let subdirectory = git.subdirectory.as_deref().unwrap_or_default();
            snapshot.lay_out(name, subdirectory, staging).map_err(|error| unchecked(chain(&error)))
        }
        (SourceKind::Git, None) => Err(unchecked("the commit is not named".to_owned())),
        (SourceKind::Sdist, _) => {
            let name: DistributionFileName = source.file_name.parse().map_err(|error| unchecked(format!("{error}")))?;
            let DistributionFileName::Sdist(sdist) = name else { return Err(unchecked("it is no sdist".to_owned())) };
            lay_out(&sdist, &open_archive(path)?, staging).map_err(|error| unchecked(chain(&error)))
        }
    }
}

/// What is in the source: whether it holds the published file, at any depth, and what is said of the compiled code in it.
fn searched(
    tree: &SourceTree,
    source: Sha256,
    published: &Side<'_>,
    path: &Path,
) -> Result<(bool, Vec<Finding>), RecheckError> {
    let doing = || "searching the source".to_owned();
    let file = File::open(path).map_err(JudgeError::io(doing()))?;
    let size = file.metadata().map_err(JudgeError::io(doing()))?.len();
    let mut searcher = Searcher::of(file, published.sha256, size).map_err(JudgeError::io(doing()))?;
    let texts = tree.repository().map(twinbuild_source::Repository::texts);
    for folder in std::iter::once(tree.folder()).chain(texts) {
        searcher.tree(folder).map_err(JudgeError::io(doing()))?;
    }
    let search = searcher.finish();
    let is_held = search.found.is_some() || source == published.sha256;
    match search.unfinished {
        // What could not be looked into may hold it.
        Some(why) if !is_held => Err(RecheckError::Unchecked {
            what: format!("whether its source holds the published file itself cannot be told: {why}"),
        }),
        _ => Ok((is_held, prebuilt::findings(&search.prebuilt, tree, published.archive))),
    }
}

/// What the twins built must have the names and digests that the verdict says, those among them that differ at each run.
fn other_artifacts(document: &Value, artifacts: &[Artifact; 2]) -> Vec<Difference> {
    let mut found = Vec::new();
    for (at, (artifact, twin)) in artifacts.iter().zip(["first", "second"]).enumerate() {
        let places = [
            (format!("/rebuilds/{at}/artifact/fileName"), artifact.file_name.clone(), true),
            (format!("/rebuilds/{at}/artifact/digests/sha256"), artifact.sha256.to_string(), false),
            (format!("/run/artifacts/{twin}/sha256"), artifact.sha256.to_string(), true),
        ];
        for (place, derived, is_needed) in places {
            let recorded = document.pointer(&place).map(|value| value.as_str().unwrap_or_default().to_owned());
            if recorded.as_ref() != Some(&derived) && (is_needed || recorded.is_some()) {
                let path = place.trim_start_matches('/').replace('/', ".");
                found.push(Difference { path, recorded, replayed: Some(derived) });
            }
        }
    }
    found
}

fn artifact(path: &Path) -> Result<Artifact, RecheckError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| RecheckError::Unchecked { what: format!("{} has no name", path.display()) })?;
    Ok(Artifact { file_name: name.to_owned(), path: path.to_owned(), sha256: sha256_of(path)? })
}

fn read_again(bytes: &ArchiveFile, artifact: &Artifact) -> Result<Archive, RecheckError> {
    match read_built(bytes, artifact) {
        Step::Next(archive) => Ok(archive),
        Step::End(_, reason) => Err(RecheckError::Unchecked { what: reason.detail }),
    }
}

fn open_archive(path: &Path) -> Result<ArchiveFile, JudgeError> {
    let doing = || format!("reading {}", path.display());
    ArchiveFile::new(File::open(path).map_err(JudgeError::io(doing()))?).map_err(JudgeError::io(doing()))
}

fn check_file(path: &Path, says: Sha256) -> Result<Sha256, RecheckError> {
    let is = sha256_of(path)?;
    if is == says { Ok(is) } else { Err(RecheckError::OtherFile { path: path.to_owned(), is, says }) }
}

fn sha256_of(path: &Path) -> Result<Sha256, JudgeError> {
    let read = digest(path).and_then(|sha256| sha256.ok_or_else(|| io::ErrorKind::NotFound.into()));
    read.map_err(JudgeError::io(format!("reading {}", path.display())))
}

/// The files that `rebuild --keep` put beside a verdict.
///
/// # Errors
/// [`RecheckError::Unchecked`] where the folder has not the one published file.
pub fn kept_beside(folder: &Path) -> Result<KeptFiles, RecheckError> {
    let only = |name: &str| -> Result<Option<PathBuf>, RecheckError> {
        let folder = folder.join(name);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JudgeError::io(format!("reading {}", folder.display()))(error).into()),
        };
        let paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        match <[PathBuf; 1]>::try_from(paths) {
            Ok([path]) => Ok(Some(path)),
            Err(paths) => {
                let what = format!("one file is expected in {}, and {} are there", folder.display(), paths.len());
                Err(RecheckError::Unchecked { what })
            }
        }
    };
    let published = only("published")?.ok_or_else(|| RecheckError::Unchecked {
        what: format!("{} has no published file: it is written by twinbuild rebuild --keep", folder.display()),
    })?;
    let twins = only("first")?.zip(only("second")?).map(|(first, second)| [first, second]);
    Ok(KeptFiles { published, source: only("source")?, twins })
}
