//! `twinbuild verify`

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twinbuild_ledger::{
    CheckError, Found, Keys, OfflineProof, Policy, ProvenStatement, Says, Standing, says, standing,
};
use twinbuild_lockfile::{LockedFile, Lockfile, Source};
use twinbuild_report::escape;
use twinbuild_subject::Sha256;

use super::{print, sha256_of};
use crate::arguments::{Global, PlainFormat, Verify};
use crate::failure::Failure;
use crate::ledgers::{Ledger, policy};
use crate::seen::Seen;
use crate::settings::Settings;

/// The largest file with a proof, in bytes.
const BUNDLE_LIMIT_BYTES: u64 = 64 << 20;
/// What such a file says that it is.
const MEDIA_TYPE: &str = "application/vnd.twinbuild.ledger-proof.v1+json";

/// What is found out about a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    file: String,
    /// `None` of a package of which no file is pinned by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    standing: Standing,
    ledgers: Vec<OfLedger>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfLedger {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    /// What it says, or why it is not to be relied on.
    says: String,
    #[serde(skip)]
    what: Says,
    #[serde(skip)]
    owner: BTreeSet<String>,
}

pub(crate) fn run(global: &Global, arguments: &Verify) -> Result<u8, Failure> {
    let format = global.plain_format()?;
    let policy = policy(&arguments.policy, arguments.ledger.as_deref())?;
    let mut wanted = Vec::new();
    for path in &arguments.files {
        let name = path.display().to_string();
        wanted.push(Wanted { package: name.clone(), files: vec![(name, sha256_of(path)?)] });
    }
    for path in &arguments.requirements {
        wanted.extend(pinned(path)?);
    }
    let files: Vec<(String, Sha256)> = wanted.iter().flat_map(|one| one.files.iter().cloned()).collect();
    let mut each = match &arguments.bundle {
        Some(bundle) => by_bundle(bundle, &files, &policy)?,
        None => by_ledgers(global, arguments, &files, &policy)?,
    }
    .into_iter();
    let checked: Vec<Checked> =
        wanted.into_iter().map(|one| worst(one.package, each.by_ref().take(one.files.len()))).collect();
    let mut text = String::new();
    for one in &checked {
        match format {
            PlainFormat::Json => text.push_str(&(serde_json::to_string(one).map_err(Failure::internal)? + "\n")),
            PlainFormat::Text => text.push_str(&lines(one)),
        }
    }
    print(&text)?;
    let has = |standing| checked.iter().any(|one| one.standing == standing);
    Ok(match (has(Standing::Refused), has(Standing::Unknown)) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    })
}

/// A package, and the files of it that may be installed.
struct Wanted {
    package: String,
    files: Vec<(String, Sha256)>,
}

/// What a lock file pins.
fn pinned(path: &Path) -> Result<Vec<Wanted>, Failure> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display())).map_err(Failure::usage)?;
    let lock = Lockfile::read(path, &bytes).map_err(Failure::usage)?;
    if let Some(unpinned) = lock.unpinned.first() {
        // What is not pinned cannot be checked, and must not go by unseen.
        let more = match lock.unpinned.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let error = anyhow!("{unpinned}{more}");
        return Err(Failure::usage(error.context("not all of it is pinned by digest")));
    }
    if lock.locked.is_empty() {
        return Err(Failure::usage(anyhow!("{} pins nothing, so nothing of it can be checked", path.display())));
    }
    let wanted = lock.locked.into_iter().map(|locked| {
        let package = format!("{} {}", locked.name, locked.version);
        let named = |file: LockedFile| Some((file.file_name.unwrap_or_else(|| package.clone()), file.sha256?));
        // One that only another digest pins cannot be looked up, and may be the one that is installed. A commit is built by whoever
        // installs it, whatever files are named beside it.
        let is_commit = matches!(locked.source, Source::Git { .. });
        let files: Option<Vec<_>> = locked.files.into_iter().filter(|_| !is_commit).map(named).collect();
        Wanted { files: files.unwrap_or_default(), package }
    });
    Ok(wanted.collect())
}

/// What is known of a package, by its files. As it is not known here which of them will be installed, each has to be trusted: what is said is
/// the worst of it.
fn worst(package: String, files: impl Iterator<Item = Checked>) -> Checked {
    let order = |checked: &Checked| match checked.standing {
        Standing::Refused => 0,
        Standing::Unknown => 1,
        Standing::Trusted => 2,
    };
    // A package of which no file is pinned is one that nothing is known of.
    let none = Checked { file: package.clone(), sha256: None, standing: Standing::Unknown, ledgers: Vec::new() };
    let worst = files.min_by_key(order).unwrap_or(none);
    let file = if worst.file == package { package } else { format!("{package}, {}", worst.file) };
    Checked { file, ..worst }
}

fn lines(checked: &Checked) -> String {
    let word = match checked.standing {
        Standing::Trusted => "trusted",
        Standing::Refused => "refused",
        Standing::Unknown => "not known",
    };
    let each = checked.ledgers.iter().map(|ledger| format!("{} ({})", ledger.says, ledger.at));
    escape(&format!("{word}  {}: {}", checked.file, each.collect::<Vec<_>>().join("; ")).replace('\n', " ")) + "\n"
}

fn by_ledgers(
    global: &Global,
    arguments: &Verify,
    files: &[(String, Sha256)],
    policy: &Policy,
) -> Result<Vec<Checked>, Failure> {
    let settings = Settings::load(global)?;
    let ledgers = Ledger::all(policy, &settings)?;
    let mut views = Vec::new();
    for ledger in &ledgers {
        views.push(ledger.view(policy)?);
    }
    let mut checked = Vec::new();
    for (name, sha256) in files {
        let mut of_ledgers = Vec::new();
        for (ledger, view) in ledgers.iter().zip(&mut views) {
            let found = match view {
                Ok(view) => view.find(sha256).map_err(|error| chain(&error)),
                Err(error) => Err(why(error, &ledger.seen)?),
            };
            if let (Some(into), Ok(found), Ok(view)) = (&arguments.save_bundle, &found, view) {
                let proof = view.prove(sha256, found.as_ref()).map_err(Failure::inconclusive)?;
                save(&proof, into)?;
            }
            of_ledgers.push(of_ledger(&ledger.at, &ledger.keys, found, policy));
        }
        checked.push(together(name, *sha256, of_ledgers, policy));
    }
    Ok(checked)
}

/// By a file that carries its proof, and the keys of the policy's only ledger.
fn by_bundle(bundle: &Path, files: &[(String, Sha256)], policy: &Policy) -> Result<Vec<Checked>, Failure> {
    let [ledger] = policy.ledgers.as_slice() else {
        return Err(Failure::usage(anyhow!("--bundle is for a policy of one ledger")));
    };
    let keys = Keys::of(ledger).map_err(Failure::usage)?;
    let proof = load(bundle)?;
    let seen = Seen::of(&ledger.log_key)?;
    let head = seen.head()?;
    let mut checked = Vec::new();
    for (name, sha256) in files {
        let found = match proof.check(sha256, &keys, head.as_ref(), (Timestamp::now(), policy.max_age)) {
            Ok(found) => Ok(found),
            Err(error) => Err(why(&error, &seen)?),
        };
        let of_ledger = of_ledger(&bundle.display().to_string(), &keys, found, policy);
        checked.push(together(name, *sha256, vec![of_ledger], policy));
    }
    Ok(checked)
}

/// Why a ledger is not to be relied on. What proves that it lies is kept, for whoever it concerns.
fn why(error: &CheckError, seen: &Seen) -> Result<String, Failure> {
    Ok(match error {
        CheckError::Forked { note, .. } => {
            format!("{} (both checkpoints are kept: {})", chain(error), seen.keep_fork(note)?.display())
        }
        error => chain(error),
    })
}

fn of_ledger(at: &str, keys: &Keys, found: Result<Option<Found>, String>, policy: &Policy) -> OfLedger {
    let owner = keys.owner().collect();
    let entry = found.as_ref().ok().and_then(|found| Some(found.as_ref()?.entry));
    let what = found.and_then(|found| says(found.as_ref(), policy).map_err(|error| chain(&error)));
    let what = what.unwrap_or_else(|why| Says::NotTrusted {
        why: format!("the ledger is not to be relied on: {why}"),
        is_negative: true,
        is_withdrawn: false,
    });
    let says = match &what {
        Says::Trusted { level, trust, source } => {
            let [level, trust] = [serde_json::to_value(level), serde_json::to_value(trust)]
                .map(|value| value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default());
            format!("reproduced ({level}; source: {trust}) from {source}, entry {}", entry.unwrap_or_default())
        }
        Says::NotTrusted { why, .. } => why.clone(),
        Says::Unknown => "it has nothing about it".to_owned(),
    };
    OfLedger { at: at.to_owned(), entry, says, what, owner }
}

fn together(name: &str, sha256: Sha256, ledgers: Vec<OfLedger>, policy: &Policy) -> Checked {
    let each = ledgers.iter().map(|ledger| (ledger.owner.clone(), &ledger.what));
    let standing = standing(each, policy.quorum);
    Checked { file: name.to_owned(), sha256: Some(sha256), standing, ledgers }
}

fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

/// A proof as a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProofFile {
    media_type: String,
    newest: String,
    newest_entry: String,
    index_proof: String,
    statement: Option<StatementFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatementFile {
    proof: String,
    entry: String,
    envelope: String,
}

fn save(proof: &OfflineProof, into: &Path) -> Result<(), Failure> {
    // Entries and envelopes are text.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let statement = proof.statement.as_ref().map(|statement| StatementFile {
        proof: statement.proof.clone(),
        entry: text(&statement.entry),
        envelope: text(&statement.envelope),
    });
    let file = ProofFile {
        media_type: MEDIA_TYPE.to_owned(),
        newest: proof.newest.clone(),
        newest_entry: text(&proof.newest_entry),
        index_proof: proof.index_proof.clone(),
        statement,
    };
    let json = serde_json::to_string_pretty(&file).map_err(Failure::internal)? + "\n";
    fs::write(into, json).with_context(|| format!("writing {}", into.display())).map_err(Failure::usage)
}

fn load(path: &Path) -> Result<OfflineProof, Failure> {
    let context = || format!("{} is no file that carries a proof", path.display());
    let file = File::open(path).with_context(|| format!("opening {}", path.display())).map_err(Failure::usage)?;
    let mut bytes = Vec::new();
    file.take(BUNDLE_LIMIT_BYTES).read_to_end(&mut bytes).with_context(context).map_err(Failure::usage)?;
    let file: ProofFile = serde_json::from_slice(&bytes).with_context(context).map_err(Failure::usage)?;
    if file.media_type != MEDIA_TYPE {
        let error = anyhow!("its mediaType is {:?}, and {MEDIA_TYPE} is read", file.media_type).context(context());
        return Err(Failure::usage(error));
    }
    let statement = file.statement.map(|statement| ProvenStatement {
        proof: statement.proof,
        entry: statement.entry.into_bytes(),
        envelope: statement.envelope.into_bytes(),
    });
    Ok(OfflineProof {
        newest: file.newest,
        newest_entry: file.newest_entry.into_bytes(),
        index_proof: file.index_proof,
        statement,
    })
}
