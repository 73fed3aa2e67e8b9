//! `twinbuild verify`

mod output;
mod proof_file;
mod wanted;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use jiff::Timestamp;
use serde::Serialize;
use twinbuild_ledger::{Found, Keys, Policy, Says, Standing, View, says, standing};
use twinbuild_statement::Statement;
use twinbuild_subject::Sha256;

use self::proof_file::{load, save};
use self::wanted::{Asked, Key, Known, Wanted};
use super::print;
use crate::arguments::{Global, Verify};
use crate::failure::Failure;
use crate::given;
use crate::ledgers::{Ledger, chain, policy, why};
use crate::seen::Seen;
use crate::settings::Settings;

/// What is found out about a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    file: String,
    /// The file itself, the lock file that pins it, or the folder where it is installed.
    path: String,
    /// `None` of a package of which no file is pinned by it, and of what is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    /// The digest of the files that are installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<Sha256>,
    standing: Standing,
    /// What is known of it without any ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
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
    let format = global.verify_format()?;
    let policy = policy(&arguments.policy, arguments.ledger.as_deref())?;
    let mut wanted = Vec::new();
    for path in &arguments.files {
        given::file(path)?;
        wanted.push(wanted::file(path)?);
    }
    for path in &arguments.requirements {
        given::file(path)?;
        wanted.extend(wanted::pinned(path)?);
    }
    for folder in &arguments.installed {
        given::folder(folder)?;
        wanted.extend(wanted::installed_in(folder)?);
    }
    if arguments.save_bundle.is_some() && (arguments.files.len() != 1 || policy.ledgers.len() != 1) {
        return Err(Failure::usage(anyhow!(
            "--save-bundle writes what one ledger has of one file: name one file, and a policy of one ledger"
        )));
    }
    let asked: Vec<&Asked> = wanted.iter().flat_map(|one| &one.asked).collect();
    let each = match &arguments.bundle {
        Some(bundle) => given::file(bundle).and_then(|()| by_bundle(bundle, &asked, &policy))?,
        None => by_ledgers(global, arguments, &asked, &policy)?,
    };
    let mut each = each.into_iter();
    let of_one = |one: &Wanted| worst(one, each.by_ref().take(one.asked.len()));
    let checked: Vec<Checked> = wanted.iter().map(of_one).collect();
    print(&output::written(&checked, format)?)?;
    let has = |standing| checked.iter().any(|one| one.standing == standing);
    Ok(match (has(Standing::Refused), has(Standing::Unknown)) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    })
}

/// Which comes first of what is said.
fn severity(standing: Standing) -> u8 {
    match standing {
        Standing::Refused => 0,
        Standing::Unknown => 1,
        Standing::Trusted => 2,
    }
}

/// What is known of something, by the files that it may be. As it is not known here which of them is installed, each has to be trusted: what is said is
/// the worst of it.
fn worst(wanted: &Wanted, files: impl Iterator<Item = Checked>) -> Checked {
    // Of what no file is pinned nothing is known.
    let path = wanted.path.display().to_string();
    let none = Checked {
        file: wanted.name.clone(),
        path: path.clone(),
        sha256: None,
        installed: None,
        standing: Standing::Unknown,
        why: None,
        ledgers: Vec::new(),
    };
    let mut worst = Checked { path, ..files.min_by_key(|checked| severity(checked.standing)).unwrap_or(none) };
    if worst.file != wanted.name {
        worst.file = format!("{}, {}", wanted.name, worst.file);
    }
    if let Some(Known { standing, why }) = &wanted.known {
        worst.standing = [worst.standing, *standing].into_iter().min_by_key(|one| severity(*one)).unwrap_or(*standing);
        worst.why = Some(why.clone());
    }
    worst
}

fn by_ledgers(global: &Global, arguments: &Verify, asked: &[&Asked], policy: &Policy) -> Result<Vec<Checked>, Failure> {
    let settings = Settings::load(global)?;
    let ledgers = Ledger::all(policy, &settings)?;
    let mut views = Vec::new();
    for ledger in &ledgers {
        views.push(ledger.view(policy)?);
    }
    let mut checked = Vec::new();
    for asked in asked {
        let mut of_ledgers = Vec::new();
        for (ledger, view) in ledgers.iter().zip(&mut views) {
            let found = match view {
                Ok(view) => find(view, &asked.key),
                Err(error) => Err(ledger.why(error)?),
            };
            if let (Some(into), Key::File(sha256), Ok(found), Ok(view)) =
                (&arguments.save_bundle, &asked.key, &found, view)
            {
                let proof = view.prove(sha256, found.as_ref()).map_err(Failure::inconclusive)?;
                save(&proof, into)?;
            }
            of_ledgers.push(of_ledger((&ledger.at, &ledger.keys), &asked.key, found, policy));
        }
        checked.push(together(asked, of_ledgers, policy));
    }
    Ok(checked)
}

fn find(view: &mut View<'_>, key: &Key) -> Result<Option<Found>, String> {
    let found = match key {
        Key::File(sha256) => view.find(sha256),
        Key::Installed(installed) => view.find_installed(&installed.digest),
    };
    found.map_err(|error| chain(&error))
}

/// What the files say that they are, where that is not the wheel that they came out of.
fn other_release(key: &Key, found: &Found) -> Option<Says> {
    let Key::Installed(installed) = key else { return None };
    let statement = Statement::parse(&found.payload).ok();
    let subject = statement.as_ref().and_then(|statement| statement.subject().first());
    let file_name = subject.and_then(|subject| subject.name.as_deref()).unwrap_or_default();
    let why = format!("its files are those of {file_name}, and its METADATA names another release");
    (!installed.is_of(file_name)).then_some(Says::NotTrusted { why, is_negative: true, is_withdrawn: false })
}

/// By a file that carries its proof, and the keys of the policy's only ledger.
fn by_bundle(bundle: &Path, asked: &[&Asked], policy: &Policy) -> Result<Vec<Checked>, Failure> {
    let [ledger] = policy.ledgers.as_slice() else {
        return Err(Failure::usage(anyhow!("--bundle is for a policy of one ledger: give one")));
    };
    let keys = Keys::of(ledger).map_err(Failure::usage)?;
    let proof = load(bundle)?;
    let seen = Seen::of(&ledger.log_key)?;
    let head = seen.head()?;
    let mut checked = Vec::new();
    for asked in asked {
        let Key::File(sha256) = &asked.key else {
            return Err(Failure::usage(anyhow!(
                "--bundle has the proof of one file, and says nothing of what is installed"
            )));
        };
        let found = match proof.check(sha256, &keys, head.as_ref(), (Timestamp::now(), policy.max_age)) {
            Ok(found) => Ok(found),
            Err(error) => Err(why(&error, &seen)?),
        };
        let of_ledger = of_ledger((&bundle.display().to_string(), &keys), &asked.key, found, policy);
        checked.push(together(asked, vec![of_ledger], policy));
    }
    Ok(checked)
}

fn of_ledger((at, keys): (&str, &Keys), key: &Key, found: Result<Option<Found>, String>, policy: &Policy) -> OfLedger {
    let owner = keys.owner().collect();
    let entry = found.as_ref().ok().and_then(|found| Some(found.as_ref()?.entry));
    let other = found.as_ref().ok().and_then(|found| other_release(key, found.as_ref()?));
    let what = found.and_then(|found| says(found.as_ref(), policy).map_err(|error| chain(&error)));
    let what = what.unwrap_or_else(|why| Says::NotTrusted {
        why: format!("the ledger is not to be relied on: {why}"),
        is_negative: true,
        is_withdrawn: false,
    });
    let what = other.unwrap_or(what);
    let says = match &what {
        Says::Trusted { level, trust, source } => {
            let (level, trust) = (level.name(), trust.name());
            format!("reproduced ({level}; source: {trust}) from {source}, entry {}", entry.unwrap_or_default())
        }
        Says::NotTrusted { why, .. } => why.clone(),
        Says::Unknown => "it has nothing about it".to_owned(),
    };
    OfLedger { at: at.to_owned(), entry, says, what, owner }
}

fn together(asked: &Asked, ledgers: Vec<OfLedger>, policy: &Policy) -> Checked {
    let each = ledgers.iter().map(|ledger| (ledger.owner.clone(), &ledger.what));
    let standing = standing(each, policy.quorum);
    let (sha256, installed) = match &asked.key {
        Key::File(sha256) => (Some(*sha256), None),
        Key::Installed(installed) => (None, Some(installed.digest)),
    };
    Checked { file: asked.name.clone(), path: String::new(), sha256, installed, standing, why: None, ledgers }
}
