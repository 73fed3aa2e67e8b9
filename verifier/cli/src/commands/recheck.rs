//! Deriving a verdict again from its files: in a sandbox, by a process of this program that has no key.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use twinbuild_judge::{KeptFiles, RecheckError, Rechecked, kept_beside, recheck};
use twinbuild_sandbox::Cancel;
use twinbuild_statement::Members;
use twinbuild_subject::{MemberPath, Sha256};
use twinbuild_verdict::RecordedVerdict;

use super::sha256_of;
use crate::confined::{INPUTS, OUTPUT, WORK, run_confined};
use crate::failure::Failure;

/// The verdict, among what it is given.
const VERDICT: &str = "verdict.json";
/// What it makes: the members of the published file, a line each of the SHA-256 and of the path in hexadecimal digits.
const MEMBERS: &str = "members";

/// The most that the names and digests of members take, in bytes.
const MEMBERS_LIMIT_BYTES: u64 = 1 << 30;
/// The largest file of a verdict, in bytes.
const KEPT_LIMIT_BYTES: u64 = 8 << 30;

/// A verdict that follows from its files.
pub(crate) struct Apart {
    pub(crate) given: RecordedVerdict,
    /// The members of the published file. Of what the process in the sandbox says, that is all that is taken over.
    pub(crate) members: Members,
    /// The digest of the published file.
    pub(crate) published: Sha256,
    /// Where the copies stand.
    _staging: tempfile::TempDir,
}

/// Copies a verdict and the files beside it, and derives it again from the copies in a sandbox.
pub(crate) fn recheck_apart(path: &Path, cancel: &Cancel) -> Result<Apart, Failure> {
    // What cannot be read here says nothing of the verdict, but that a file of it is missing.
    let usage = |error: anyhow::Error| {
        let is_ours = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        let is_ours = is_ours.into_iter().any(|error| error.kind() != io::ErrorKind::NotFound);
        let error = error.context(path.display().to_string());
        if is_ours { Failure::inconclusive(error) } else { Failure::usage(error) }
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kept = kept_beside(folder).map_err(|error| usage(error.into()))?;
    let staging = tempfile::tempdir().context("making a temporary folder").map_err(Failure::inconclusive)?;
    let inputs = staging.path().join("inputs");
    fs::create_dir(&inputs).context("making a temporary folder").map_err(Failure::inconclusive)?;
    copy(path, &inputs.join(VERDICT)).map_err(usage)?;
    let named = [(Some(&kept.published), "published"), (kept.source.as_ref(), "source")].into_iter();
    let twins = kept.twins.iter().flatten().map(Some).zip(["first", "second"]);
    for (from, into) in named.chain(twins) {
        let Some(from) = from else { continue };
        let into = inputs.join(into);
        fs::create_dir(&into).context("making a temporary folder").map_err(Failure::inconclusive)?;
        copy(from, &into.join(from.file_name().unwrap_or_default())).map_err(usage)?;
    }
    let file = File::open(inputs.join(VERDICT)).context("reading the verdict").map_err(Failure::inconclusive)?;
    let given = RecordedVerdict::read(file).map_err(|error| usage(error.into()))?;
    let output = run_confined("recheck-confined", &inputs, &staging.path().join("run"), cancel)?;
    let members = read_members(&output.join(MEMBERS))?;
    let published = sha256_of(&kept_beside(&inputs).map_err(Failure::internal)?.published)?;
    Ok(Apart { given, members, published, _staging: staging })
}

/// Copies a file of a verdict, which is no link and no device.
fn copy(from: &Path, into: &Path) -> anyhow::Result<()> {
    let doing = || format!("copying {}", from.display());
    if !fs::symlink_metadata(from).with_context(doing)?.is_file() {
        return Err(anyhow!("{} is not a file", from.display()));
    }
    let file = File::open(from).with_context(doing)?;
    let bytes = io::copy(&mut file.take(KEPT_LIMIT_BYTES + 1), &mut File::create(into).with_context(doing)?);
    if bytes.with_context(doing)? > KEPT_LIMIT_BYTES {
        return Err(anyhow!("{} has more than {KEPT_LIMIT_BYTES} bytes", from.display()));
    }
    Ok(())
}

fn read_members(path: &Path) -> Result<Members, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MEMBERS_LIMIT_BYTES + 1).read_to_end(&mut bytes));
    read.context("reading the members").map_err(Failure::internal)?;
    if bytes.len() as u64 > MEMBERS_LIMIT_BYTES {
        return Err(Failure::internal(anyhow!("the names of the members have more than {MEMBERS_LIMIT_BYTES} bytes")));
    }
    members_of(&bytes).ok_or_else(|| Failure::internal(anyhow!("what came out of the sandbox are no members")))
}

pub(crate) fn run() -> Result<u8, Failure> {
    let inputs = Path::new(INPUTS);
    let file = File::open(inputs.join(VERDICT)).context("reading the verdict").map_err(Failure::internal)?;
    let verdict = RecordedVerdict::read(file).map_err(Failure::rejected)?;
    let files: KeptFiles = kept_beside(inputs).map_err(refused)?;
    let Rechecked { members } = recheck(&verdict, &files, Path::new(WORK)).map_err(refused)?;
    let mut text = String::new();
    for (path, sha256) in &members {
        text.push_str(&format!("{sha256} "));
        path.as_bytes().iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
        text.push('\n');
    }
    fs::write(Path::new(OUTPUT).join(MEMBERS), text).context("writing the members").map_err(Failure::internal)?;
    Ok(0)
}

/// The members that were written so; `None` where it is something else.
fn members_of(bytes: &[u8]) -> Option<Members> {
    let line = |line: &str| -> Option<(MemberPath, Sha256)> {
        let (sha256, path) = line.split_once(' ')?;
        let path: Option<Vec<u8>> =
            (0..path.len()).step_by(2).map(|at| u8::from_str_radix(path.get(at..at + 2)?, 16).ok()).collect();
        Some((MemberPath::new(path?), sha256.parse().ok()?))
    };
    std::str::from_utf8(bytes).ok()?.lines().map(line).collect()
}

/// A verdict that does not follow is refused; what could not be read is no one's fault.
fn refused(error: RecheckError) -> Failure {
    match error {
        RecheckError::Judge(error) => error.into(),
        error => Failure::rejected(error),
    }
}
