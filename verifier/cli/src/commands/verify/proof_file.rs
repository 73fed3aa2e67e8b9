//! What a ledger has of a file, with all proofs, as one file.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::{Deserialize, Serialize};
use twinbuild_ledger::{OfflineProof, ProvenStatement};

use crate::failure::Failure;

/// The largest file with a proof, in bytes.
const BUNDLE_LIMIT_BYTES: u64 = 64 << 20;
/// What such a file says that it is.
const MEDIA_TYPE: &str = "application/vnd.twinbuild.ledger-proof.v1+json";

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

pub(super) fn save(proof: &OfflineProof, into: &Path) -> Result<(), Failure> {
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

pub(super) fn load(path: &Path) -> Result<OfflineProof, Failure> {
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
