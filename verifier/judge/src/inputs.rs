//! The inputs that a verdict names: fetching each by its digest, and keeping them all.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use twinbuild_environment::{EnvironmentLock, FileKind, LockedFile};
use twinbuild_store::{Blob, StoreError};
use twinbuild_subject::{MemberPath, Request, Sha256, Sha256Hasher};
use twinbuild_verdict::{InputRecord, RecordedVerdict, Source, Verdict};

use crate::judge::Judge;
use crate::walk::chain;
use crate::{JudgeError, replay};

/// How many inputs are fetched at once.
const FETCHES: usize = 4;
/// The largest input, in bytes: what an index serves at most.
const INPUT_LIMIT_BYTES: u64 = 2 << 30;
/// Where inputs and verdicts are in a folder that they are kept in.
const BLOBS: &str = "sha256";
const VERDICTS: &str = "verdicts";

/// An input that can no longer be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingInput {
    /// What it is, and its digest.
    #[serde(flatten)]
    pub input: InputRecord,
    /// Where it was looked for, and why it was not taken from there.
    pub looked_for: Vec<String>,
}

impl fmt::Display for MissingInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input: InputRecord { kind, name, sha256 }, looked_for } = self;
        write!(f, "{kind} {} (sha256:{sha256}): {}", MemberPath::from(name.as_str()), looked_for.join("; "))
    }
}

/// An input, and where it came from.
pub(crate) struct Input {
    record: InputRecord,
    origin: Origin,
}

enum Origin {
    /// A release's file, by its package URL.
    Release(String),
    /// A file of a lock.
    Locked(Box<LockedFile>),
    /// What the index offers beside a release's file, by the file's package URL and digest.
    Provenance(String, Sha256),
    /// A commit.
    Commit(Box<Source>),
    /// Someone's file.
    Local,
}

/// All the inputs of a verdict, by digest.
pub(crate) fn inputs_of(recorded: &RecordedVerdict, lock: Option<&EnvironmentLock>) -> Vec<Input> {
    let of_purl = |purl: &Option<String>| purl.clone().map_or(Origin::Local, Origin::Release);
    let mut inputs = Vec::new();
    let subject = &recorded.subject;
    if let Some(digests) = &subject.digests {
        let record =
            InputRecord { kind: "subject".to_owned(), name: subject.file_name.clone(), sha256: digests.sha256 };
        inputs.push(Input { record, origin: of_purl(&subject.purl) });
    }
    if let Some(source) = &recorded.source {
        let (kind, name, sha256) = ("source".to_owned(), source.file_name.clone(), source.digests.sha256);
        let of_commit = || Origin::Commit(Box::new(source.clone()));
        let origin = if source.git.is_some() { of_commit() } else { of_purl(&source.uri) };
        inputs.push(Input { record: InputRecord { kind, name, sha256 }, origin });
        if let (Some(attestation), Some(digests)) = (&source.attestation, &subject.digests) {
            let (kind, name) = ("provenance".to_owned(), subject.file_name.clone());
            let record = InputRecord { kind, name, sha256: attestation.sha256 };
            let offered = |purl| Origin::Provenance(purl, digests.sha256);
            inputs.push(Input { record, origin: subject.purl.clone().map_or(Origin::Local, offered) });
        }
    }
    // An interpreter of the host is no file: it is copied again, and is to come out with the same digest.
    let is_file = |file: &&LockedFile| file.kind != FileKind::HostInterpreter;
    for file in lock.into_iter().flat_map(|lock| &lock.files).filter(is_file) {
        inputs.push(Input { record: file.input(), origin: Origin::Locked(Box::new(file.clone())) });
    }
    let builds = recorded.cross_checks.iter().flat_map(|checks| &checks.builds);
    let others = builds.flat_map(|build| &build.exchanged).filter_map(|exchange| exchange.to.as_ref());
    for other in others.map(LockedFile::of_requirement) {
        if !inputs.iter().any(|input| input.record.sha256 == other.sha256) {
            inputs.push(Input { record: other.input(), origin: Origin::Locked(Box::new(other)) });
        }
    }
    inputs
}

impl Judge {
    /// Saves all inputs of a verdict in a folder, each as `sha256/DIGEST`, and the verdict as `verdicts/DIGEST.json`, so that
    /// [`Judge::replay`] needs no network. What is there already stays.
    ///
    /// # Errors
    /// [`JudgeError::Inputs`] where one cannot be had any more; [`JudgeError::Io`].
    pub fn keep_inputs(&self, verdict: &Verdict, folder: &Path) -> Result<(), JudgeError> {
        let internal = |what: String| JudgeError::Internal { what };
        let recorded = RecordedVerdict::of(verdict).map_err(|error| internal(error.to_string()))?;
        let mut blobs = Vec::new();
        for recorded in std::iter::once(&recorded).chain(recorded.chain.as_deref()) {
            let lock = replay::lock_of(recorded).map_err(|error| internal(chain(&error)))?;
            let held = self.gather(&inputs_of(recorded, lock.as_ref()), lock.as_ref(), None)?;
            blobs.extend(held.map_err(|missing| JudgeError::Inputs { missing })?);
        }
        for kind in [BLOBS, VERDICTS] {
            let folder = folder.join(kind);
            fs::create_dir_all(&folder).map_err(JudgeError::io(format!("making the folder {}", folder.display())))?;
        }
        for blob in &blobs {
            let target = folder.join(BLOBS).join(blob.sha256().to_string());
            keep(blob, &target).map_err(JudgeError::io(format!("keeping {}", target.display())))?;
        }
        let target = folder.join(VERDICTS).join(format!("{}.json", recorded.verdict_digest));
        let text = serde_json::to_string_pretty(verdict).map_err(|error| internal(error.to_string()))? + "\n";
        place(&target, |partial| fs::write(partial, text))
            .map_err(JudgeError::io(format!("keeping {}", target.display())))
    }

    /// The inputs, each verified: those that the store holds, then those of the folder, then from where they came from. The
    /// inner error is those that cannot be had.
    pub(crate) fn gather(
        &self,
        inputs: &[Input],
        lock: Option<&EnvironmentLock>,
        folder: Option<&Path>,
    ) -> Result<Result<Vec<Blob>, Vec<MissingInput>>, JudgeError> {
        tracing::info!("fetching {} inputs by their digests", inputs.len());
        let next = AtomicUsize::new(0);
        let gathered = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..FETCHES.min(inputs.len()) {
                scope.spawn(|| {
                    while let Some((at, input)) = inputs.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
                        if self.cancel.is_cancelled() {
                            return;
                        }
                        let one = self.gather_one(input, lock, folder);
                        gathered.lock().unwrap_or_else(PoisonError::into_inner).insert(at, one);
                    }
                });
            }
        });
        if self.cancel.is_cancelled() {
            return Err(JudgeError::Cancelled);
        }
        let (mut blobs, mut missing) = (Vec::new(), Vec::new());
        for one in gathered.into_inner().unwrap_or_else(PoisonError::into_inner).into_values() {
            match one? {
                Ok(blob) => blobs.push(blob),
                Err(input) => missing.push(input),
            }
        }
        Ok(if missing.is_empty() { Ok(blobs) } else { Err(missing) })
    }

    fn gather_one(
        &self,
        input: &Input,
        lock: Option<&EnvironmentLock>,
        folder: Option<&Path>,
    ) -> Result<Result<Blob, MissingInput>, JudgeError> {
        let wanted = &input.record.sha256;
        let mut looked_for = Vec::new();
        match self.store.blob(wanted) {
            Ok(Some(blob)) => return Ok(Ok(blob)),
            Ok(None) => looked_for.push("it is not in the cache".to_owned()),
            Err(error @ StoreError::Corrupted { .. }) => looked_for.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        if let Some(folder) = folder {
            let path = folder.join(BLOBS).join(wanted.to_string());
            match self.take_kept(&path, wanted)? {
                Ok(blob) => return Ok(Ok(blob)),
                Err(why) => looked_for.push(why),
            }
        }
        match self.fetch_again(input, lock) {
            Ok(blob) if blob.sha256() == *wanted => return Ok(Ok(blob)),
            Ok(blob) => looked_for.push(format!("what was received is sha256:{}", blob.sha256())),
            Err(why) => looked_for.push(MemberPath::from(why.as_str()).to_string()),
        }
        Ok(Err(MissingInput { input: input.record.clone(), looked_for }))
    }

    /// A file of a folder of kept inputs, or why it is not what it is called.
    fn take_kept(&self, path: &Path, wanted: &Sha256) -> Result<Result<Blob, String>, JudgeError> {
        let place = path.display();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
        let file = match opened {
            Ok((true, file)) => file,
            Ok((false, _)) => return Ok(Err(format!("{place} is no file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(format!("there is no {place}"))),
            Err(error) => return Ok(Err(format!("{place} cannot be opened: {error}"))),
        };
        match self.store.put(file, INPUT_LIMIT_BYTES) {
            Ok(blob) if blob.sha256() == *wanted => Ok(Ok(blob)),
            Ok(blob) => Ok(Err(format!("{place} was changed: its SHA-256 is {}", blob.sha256()))),
            Err(error @ (StoreError::TooLarge { .. } | StoreError::Input { .. })) => {
                Ok(Err(format!("{place} cannot be taken: {error}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The input from where it came from, or why it is not there.
    fn fetch_again(&self, input: &Input, lock: Option<&EnvironmentLock>) -> Result<Blob, String> {
        match (&input.origin, lock) {
            (Origin::Locked(file), Some(lock)) => self.supply().fetch(lock, file).map_err(|error| chain(&error)),
            (Origin::Release(purl), _) => {
                let request: Request = purl.parse().map_err(|error| format!("{error}"))?;
                let project = self.pypi.project(&request.name).map_err(|error| chain(&error))?;
                let listed = project.find_by_digest(&input.record.sha256);
                let unlisted = || format!("the index lists no file of {} with that digest", request.name);
                self.pypi.download(listed.ok_or_else(unlisted)?).map_err(|error| chain(&error))
            }
            (Origin::Provenance(purl, subject), _) => {
                let request: Request = purl.parse().map_err(|error| format!("{error}"))?;
                let project = self.pypi.project(&request.name).map_err(|error| chain(&error))?;
                let offered = project.find_by_digest(subject).and_then(|file| file.provenance.as_ref());
                let url = offered.ok_or_else(|| "the index offers no attestation of the file any more".to_owned())?;
                self.pypi.provenance(url, &input.record.name).map_err(|error| chain(&error))
            }
            (Origin::Commit(source), _) => self.commit_again(source),
            (Origin::Local | Origin::Locked(_), _) => {
                Err("it was a file of the machine that judged it, so it is nowhere else".to_owned())
            }
        }
    }
}

/// Links or copies a blob to its place, unless it is there.
fn keep(blob: &Blob, target: &Path) -> io::Result<()> {
    if digest(target)? == Some(blob.sha256()) {
        return Ok(());
    }
    place(target, |partial| {
        fs::hard_link(blob.path(), partial).or_else(|_| {
            let copied = File::create_new(partial).and_then(|mut file| io::copy(&mut blob.reader(), &mut file));
            copied.map(drop)
        })
    })
}

/// Writes a file beside its place, and moves it there when it is whole.
fn place(target: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(name);
    let placed = write(&partial).and_then(|()| fs::rename(&partial, target));
    // To rename a link over another one of the same file leaves it; and what failed is of no use.
    let _ = fs::remove_file(&partial);
    placed
}

/// The digest of a file; `None` if there is none.
pub(crate) fn digest(path: &Path) -> io::Result<Option<Sha256>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut hasher = Sha256Hasher::new();
    io::copy(&mut file, &mut hasher)?;
    Ok(Some(hasher.finish()))
}
