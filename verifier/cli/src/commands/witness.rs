//! `twinbuild witness`

use std::fs;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use twinbuild_ledger::{CHECKPOINT, Folder};
use twinbuild_log::Checkpoint;
use twinbuild_signature::{KeyName, NOTE_LIMIT_BYTES, Note, NoteSignature, Role, VerifierKey};

use super::print;
use crate::arguments::{Global, Witness, WitnessAdd, WitnessSign};
use crate::failure::Failure;
use crate::ledgers::{Ledger, policy};
use crate::settings::Settings;
use crate::{given, keys};

pub(crate) fn run(global: &Global, command: &Witness) -> Result<u8, Failure> {
    global.plain_format()?;
    match command {
        Witness::Sign(arguments) => sign(global, arguments),
        Witness::Add(arguments) => add(arguments),
    }
}

/// A witness says one thing: that this checkpoint has all that it signed before.
fn sign(global: &Global, arguments: &WitnessSign) -> Result<u8, Failure> {
    let policy = policy(&arguments.policy, arguments.ledger.as_deref())?;
    let settings = Settings::load(global)?;
    let ledgers = Ledger::all(&policy, &settings)?;
    let [ledger] = ledgers.as_slice() else {
        return Err(Failure::usage(anyhow!(
            "a witness signs for one ledger, and the policy has several: give a policy of one"
        )));
    };
    let name: KeyName = arguments.name.parse().map_err(Failure::usage)?;
    let key = keys::read(&arguments.key, Role::Witness)?;
    // Who has forgotten what he signed would sign another history.
    if !arguments.first && ledger.seen.head()?.is_none() {
        let message = "nothing was seen of this log before: where that is so, --first begins; where it is not, what was kept of it is missing";
        return Err(Failure::usage(anyhow!(message)));
    }
    let view = match ledger.view(&policy)? {
        Ok(view) => view,
        Err(error) => return Err(Failure::rejected(anyhow!(ledger.why(&error)?))),
    };
    let mut note = Note::parse(view.note().as_bytes()).map_err(Failure::internal)?;
    let seconds = u64::try_from(Timestamp::now().as_second()).map_err(Failure::internal)?;
    let line = note.cosign(name, &key, seconds).map_err(Failure::usage)?.to_string();
    print(&(line.trim_end().to_owned() + "\n"))?;
    Ok(0)
}

/// Puts what a witness answered with below the checkpoint that it is of.
fn add(WitnessAdd { ledger, witness_key, cosignature }: &WitnessAdd) -> Result<u8, Failure> {
    given::folder(ledger)?;
    given::file(cosignature)?;
    let key: VerifierKey = witness_key.parse().map_err(Failure::usage)?;
    let line = fs::read_to_string(cosignature).with_context(|| format!("reading {}", cosignature.display()));
    let line = line.map_err(Failure::usage)?;
    let folder = Folder::new(ledger);
    let writer = folder.writer().map_err(Failure::inconclusive)?;
    let bytes = folder.read(CHECKPOINT, NOTE_LIMIT_BYTES as u64).map_err(Failure::inconclusive)?;
    let bytes = bytes.ok_or_else(|| {
        Failure::usage(anyhow!("{} has no checkpoint, so it is no ledger: name the folder of one", ledger.display()))
    })?;
    let note = Note::parse(&bytes).map_err(Failure::inconclusive)?;
    let checkpoint: Checkpoint = note.unverified_text().parse().map_err(Failure::inconclusive)?;
    // By itself, so that it is this line which holds, and in this text.
    let alone = format!("{}\n{}\n", note.unverified_text(), line.trim_end());
    let alone = Note::parse(alone.as_bytes()).with_context(|| format!("{} is no cosignature", cosignature.display()));
    let alone = alone.map_err(Failure::usage)?;
    let verified = alone.verify(std::slice::from_ref(&key)).with_context(|| {
        let size = checkpoint.head().size;
        format!("{} is not by that witness, or not of the checkpoint with {size} entries", cosignature.display())
    });
    verified.map_err(Failure::rejected)?;
    let [new] = alone.signatures() else {
        return Err(Failure::usage(anyhow!("{} has more than one line", cosignature.display())));
    };
    // A newer one of the same witness takes the place of the old one.
    let is_other = |old: &&NoteSignature| (old.name(), old.hash()) != (new.name(), new.hash());
    let kept = note.signatures().iter().filter(is_other).chain([new]);
    let lines: String = kept.map(|signature| signature.to_string().trim_end().to_owned() + "\n").collect();
    let cosigned = format!("{}\n{lines}", note.unverified_text());
    let cosigned = Note::parse(cosigned.as_bytes()).map_err(Failure::usage)?;
    writer.commit(CHECKPOINT, cosigned.to_string().as_bytes()).map_err(Failure::inconclusive)?;
    print(&format!("the checkpoint with {} entries is cosigned by {}\n", checkpoint.head().size, key.name()))?;
    Ok(0)
}
