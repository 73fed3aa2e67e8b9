//! The pages of a ledger, written anew when something was published.

use std::collections::BTreeMap;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use twinbuild_ledger::{Found, Keys, Kind, View, Writer, statement_path, verdict_of_notice};
use twinbuild_signature::{KeyName, PrivateKey, Sign as _, VerifierKey};
use twinbuild_site::{Entry, Files, Security, Site, Summary, pages};
use twinbuild_statement::Statement;
use twinbuild_subject::Sha256;
use twinbuild_verdict::Verdict;

use crate::arguments::Publishing;
use crate::failure::Failure;

/// How long the address of a security contact is said to hold.
const CONTACT_HOLDS: SignedDuration = SignedDuration::from_hours(24 * 180);

/// What the pages of a ledger say beside its entries.
pub(crate) struct Pages {
    title: String,
    base_url: Option<String>,
    contact: Option<String>,
    log_key: String,
    verdict_keys: Vec<String>,
}

impl Pages {
    pub(crate) fn of(
        to: &Publishing,
        verdict_keys: &[String],
        log_key: &PrivateKey,
        origin: &KeyName,
    ) -> Result<Self, Failure> {
        let log_key = VerifierKey::new(origin.clone(), log_key.public_key()).map_err(Failure::usage)?;
        Ok(Self {
            title: to.title.clone(),
            base_url: to.site_url.clone(),
            contact: to.security_contact.clone(),
            log_key: log_key.to_string(),
            verdict_keys: verdict_keys.to_vec(),
        })
    }

    /// Writes all pages. They say no more than the log, so what a crash leaves of them is written again by the next publication.
    pub(crate) fn write(&self, writer: &Writer, keys: &Keys) -> Result<(), Failure> {
        let now = Timestamp::now();
        let view = View::open(writer.folder(), keys, None);
        let mut view = view.map_err(Failure::inconclusive)?;
        let expires = now.checked_add(CONTACT_HOLDS).map_err(Failure::internal)?;
        let site = Site {
            title: self.title.clone(),
            operator: None,
            security: self.contact.clone().map(|contact| Security { contact, expires }),
            base_url: self.base_url.clone(),
            log_key: self.log_key.clone(),
            verdict_keys: self.verdict_keys.clone(),
            entries: entries(&mut view)?,
        };
        for (path, content) in pages(&site) {
            writer.write(&path, &content).map_err(Failure::inconclusive)?;
        }
        writer.sync().map_err(Failure::inconclusive)
    }
}

/// What the log has of verdicts.
fn entries(view: &mut View<'_>) -> Result<Vec<Entry>, Failure> {
    let mut verdicts: BTreeMap<Sha256, Verdict> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    for index in 0..view.head().size {
        let Some(found) = view.statement(index).map_err(Failure::inconclusive)? else { continue };
        let statement = Statement::parse(&found.payload).map_err(Failure::inconclusive)?;
        let text = |name: &str| statement.predicate().get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let Found { time, logged, .. } = &found;
        let path = statement_path(index, &logged.payload);
        let (kind, verdict) = match logged.kind {
            Kind::Verdict => {
                let document = Value::Object(statement.predicate().clone());
                let verdict: Verdict = serde_json::from_value(document).map_err(Failure::inconclusive)?;
                verdicts.insert(logged.payload, verdict.clone());
                (twinbuild_site::Kind::Verdict, verdict)
            }
            Kind::Retracted | Kind::Disputed => {
                let verdict = verdict_of_notice(&statement).and_then(|of| verdicts.get(&of)).cloned();
                let verdict = verdict.ok_or_else(|| {
                    Failure::inconclusive(anyhow!("entry {index} is about a verdict that is not there"))
                })?;
                let reason = text("reason");
                let kind = match logged.kind {
                    Kind::Disputed => twinbuild_site::Kind::Disputed { reason },
                    _ => twinbuild_site::Kind::Retracted { reason },
                };
                (kind, verdict)
            }
            Kind::Summary => {
                let of_it = entries.iter_mut().rev().find(|entry| entry.subject == logged.subject);
                if let Some(entry) = of_it {
                    entry.files.summary = summary(&statement, &path);
                }
                continue;
            }
            Kind::Provenance => continue,
        };
        entries.push(Entry {
            index,
            time: *time,
            kind,
            subject: logged.subject,
            payload: logged.payload,
            predicate_type: logged.predicate_type.clone(),
            verdict,
            files: Files {
                dsse: format!("{path}.dsse.json"),
                sigstore: format!("{path}.sigstore.json"),
                proof: None,
                summary: None,
            },
        });
    }
    Ok(entries)
}

fn summary(statement: &Statement, path: &str) -> Option<Summary> {
    let predicate = Value::Object(statement.predicate().clone());
    let text = |place: &str| predicate.pointer(place).and_then(Value::as_str).map(str::to_owned);
    Some(Summary {
        dsse: format!("{path}.dsse.json"),
        verifier_id: text("/verifier/id")?,
        level: text("/verifiedLevels/0")?,
    })
}
