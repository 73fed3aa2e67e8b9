//! `twinbuild retract`

use twinbuild_ledger::{Found, Kind, Logged, NOTICE_TYPE, notice, verdict_of_notice};
use twinbuild_statement::Statement;

use anyhow::anyhow;

use super::print;
use super::publish::{Derived, Signer};
use crate::arguments::{Global, Retract};
use crate::failure::Failure;

pub(crate) fn run(global: &Global, arguments: &Retract) -> Result<u8, Failure> {
    global.plain_format()?;
    let Retract { to, dispute, reason, subject } = arguments;
    let signer = Signer::open(to)?;
    let writer = signer.writer()?;
    let Some(Found { entry, logged, payload, .. }) = signer.newest(subject)? else {
        return Err(Failure::usage(anyhow!(
            "the ledger has no verdict about sha256:{subject}: check the digest, and --ledger"
        )));
    };
    let found = Statement::parse(&payload).map_err(Failure::inconclusive)?;
    // What was disputed can be retracted, and is still that verdict.
    let verdict = match logged.kind {
        Kind::Verdict => Some(logged.payload),
        _ => verdict_of_notice(&found),
    };
    let verdict = verdict
        .ok_or_else(|| Failure::inconclusive(anyhow!("entry {entry} does not say which verdict it is about")))?;
    let file_name = found.subject().first().and_then(|subject| subject.name.clone()).unwrap_or_default();
    let kind = if *dispute { Kind::Disputed } else { Kind::Retracted };
    let statement = notice(kind, (&file_name, *subject), verdict, reason).map_err(Failure::usage)?;
    let logged = Logged { kind, payload: statement.sha256(), predicate_type: NOTICE_TYPE.to_owned(), ..logged };
    let entries = signer.append(&writer, &[signer.sign(&Derived { statement, logged })?])?;
    let entry = entries.first().copied().unwrap_or_default();
    print(&format!("entry {entry}  {}  sha256:{subject}\n", kind.name()))?;
    signer.send(&writer)?;
    Ok(0)
}
