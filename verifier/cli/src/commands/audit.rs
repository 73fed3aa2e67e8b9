//! `twinbuild audit`

use std::collections::BTreeMap;

use twinbuild_ledger::{Body, audit};

use super::print;
use crate::arguments::{Audit, Global};
use crate::failure::Failure;
use crate::ledgers::{Ledger, policy};
use crate::settings::Settings;

pub(crate) fn run(global: &Global, arguments: &Audit) -> Result<u8, Failure> {
    global.plain_format()?;
    let policy = policy(&arguments.policy, arguments.ledger.as_deref())?;
    let settings = Settings::load(global)?;
    let mut text = String::new();
    for ledger in Ledger::all(&policy, &settings)? {
        let context = |error: anyhow::Error| Failure::rejected(error.context(ledger.at.clone()));
        let mut view = ledger.view(&policy)?.map_err(|error| context(error.into()))?;
        let found = audit(&mut view).map_err(|error| context(error.into()))?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for entry in &found.entries {
            let name = match &entry.body {
                Body::Statement(logged) => logged.kind.name(),
                Body::Index { .. } => "index",
            };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        text.push_str(&format!("{}: {} entries about {} files\n", ledger.at, found.entries.len(), found.subjects));
        text.extend(counts.iter().map(|(name, count)| format!("  {count} {name}\n")));
    }
    print(&text)?;
    Ok(0)
}
