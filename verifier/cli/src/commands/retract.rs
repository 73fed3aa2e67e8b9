//! `twinbuild retract`

use twinbuild_ledger::{Found, Kind, Logged, NOTICE_TYPE, View, notice};
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
    let keys = signer.keys()?;
    let found = {
        let mut view = View::open(signer.folder(), &keys, None).map_err(Failure::inconclusive)?;
        view.find(subject).map_err(Failure::inconclusive)?
    };
    let Some(Found { logged, payload, .. }) = found else {
        return Err(Failure::usage(anyhow!("the ledger has no verdict about sha256:{subject}")));
    };
    let statement = Statement::parse(&payload).map_err(Failure::inconclusive)?;
    let file_name = statement.subject().first().and_then(|subject| subject.name.clone()).unwrap_or_default();
    let kind = if *dispute { Kind::Disputed } else { Kind::Retracted };
    let statement = notice(kind, (&file_name, *subject), logged.payload, reason).map_err(Failure::usage)?;
    let logged = Logged { kind, payload: statement.sha256(), predicate_type: NOTICE_TYPE.to_owned(), ..logged };
    let entries = signer.append(&[signer.sign(&Derived { statement, logged })?])?;
    let entry = entries.first().copied().unwrap_or_default();
    print(&format!("entry {entry}  {}  sha256:{subject}\n", kind.name()))?;
    Ok(0)
}
