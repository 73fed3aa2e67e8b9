//! `twinbuild publish`

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use twinbuild_judge::kept_beside;
use twinbuild_ledger::{Folder, Keys, Kind, LedgerPolicy, Logged, SignedStatement, alerts, append};
use twinbuild_sandbox::Cancel;
use twinbuild_signature::{
    Bundle, Envelope, KeyName, PayloadType, PrivateKey, PublicKey, Role, Sign as _, VerifierKey,
};
use twinbuild_statement::{PROVENANCE_TYPE, SUMMARY_TYPE, Statement};
use twinbuild_subject::Origin;

use super::print;
use super::recheck::{STATEMENTS, VERDICT, WANTED, Wanted};
use super::site::Pages;
use crate::arguments::{Global, Publish, Publishing};
use crate::confined::run_confined;
use crate::failure::Failure;
use crate::keys;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;

/// The largest statement that is signed, in bytes.
const STATEMENT_LIMIT_BYTES: u64 = 16 << 20;

pub(crate) fn run(global: &Global, arguments: &Publish) -> Result<u8, Failure> {
    global.plain_format()?;
    Settings::load(global)?;
    let cancel = cancel_on_signal()?;
    // All is derived again before any key is near.
    let mut statements = Vec::new();
    for path in &arguments.verdicts {
        tracing::info!("deriving {} again", path.display());
        statements.push(derive(path, arguments, &cancel)?);
    }
    let signer = Signer::open(&arguments.to)?;
    let mut signed = Vec::new();
    for statement in statements.iter().flatten() {
        signed.push(signer.sign(statement)?);
    }
    let entries = signer.append(&signed)?;
    let mut lines = String::new();
    for (statement, entry) in signed.iter().zip(entries) {
        let Logged { kind, subject, outcome, .. } = &statement.logged;
        lines.push_str(&format!("entry {entry}  {} ({outcome})  sha256:{subject}\n", kind.name()));
    }
    print(&lines)?;
    Ok(0)
}

/// The statements that follow from a verdict and the files beside it, derived in a sandbox by a process that has neither.
fn derive(path: &Path, arguments: &Publish, cancel: &Cancel) -> Result<Vec<Derived>, Failure> {
    let usage = |error: anyhow::Error| Failure::usage(error.context(path.display().to_string()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let kept = kept_beside(folder).map_err(|error| usage(error.into()))?;
    let staging = tempfile::tempdir().context("making a temporary folder").map_err(Failure::inconclusive)?;
    let inputs = staging.path().join("inputs");
    let copy = |from: &Path, into: &str| {
        let name = from.file_name().unwrap_or_default();
        let into = inputs.join(into);
        fs::create_dir_all(&into)
            .and_then(|()| fs::copy(from, into.join(name)))
            .with_context(|| format!("copying {}", from.display()))
            .map_err(usage)
    };
    copy(&kept.published, "published")?;
    if let Some(source) = &kept.source {
        copy(source, "source")?;
    }
    for (twin, name) in kept.twins.iter().flatten().zip(["first", "second"]) {
        copy(twin, name)?;
    }
    let wanted = Wanted { verifier_id: arguments.verifier_id.clone(), builder_id: arguments.builder_id.clone() };
    fs::copy(path, inputs.join(VERDICT)).with_context(|| "reading it".to_owned()).map_err(usage)?;
    let wanted = serde_json::to_vec(&wanted).map_err(Failure::internal)?;
    fs::write(inputs.join(WANTED), wanted).context("writing what is wanted").map_err(Failure::inconclusive)?;
    let output = run_confined("recheck-confined", &inputs, &staging.path().join("run"), cancel)
        .map_err(|failure| failure.context(&format!("{} is not published", path.display())))?;
    let mut derived = Vec::new();
    for name in STATEMENTS {
        let path = output.join(name);
        if !path.exists() {
            continue;
        }
        let size = fs::metadata(&path).map(|metadata| metadata.len()).unwrap_or(u64::MAX);
        if size > STATEMENT_LIMIT_BYTES {
            return Err(Failure::internal(anyhow!("{name} has {size} bytes")));
        }
        let bytes = fs::read(&path).with_context(|| format!("reading {name}")).map_err(Failure::internal)?;
        derived.push(Statement::parse(&bytes).map_err(Failure::internal)?);
    }
    let [verdict, ..] = derived.as_slice() else {
        return Err(Failure::internal(anyhow!("no statement was derived")));
    };
    let recorded = verdict.verdict().map_err(Failure::rejected)?;
    if recorded.subject.origin == Origin::Local && !arguments.allow_local {
        return Err(usage(anyhow!("it is about a file of this machine, which is published with --allow-local only")));
    }
    let subject = recorded.subject.digests.as_ref().map(|digests| digests.sha256);
    let subject = subject.ok_or_else(|| Failure::internal(anyhow!("the statement is about no file")))?;
    let (outcome, alerts) = (recorded.outcome.name().to_owned(), alerts(&recorded));
    Ok(derived
        .into_iter()
        .map(|statement| {
            let kind = match statement.predicate_type() {
                SUMMARY_TYPE => Kind::Summary,
                PROVENANCE_TYPE => Kind::Provenance,
                _ => Kind::Verdict,
            };
            let logged = Logged {
                kind,
                subject,
                payload: statement.sha256(),
                predicate_type: statement.predicate_type().to_owned(),
                outcome: outcome.clone(),
                alerts,
            };
            Derived { statement, logged }
        })
        .collect())
}

/// A statement, and what the log is to say of it.
pub(crate) struct Derived {
    pub(crate) statement: Statement,
    pub(crate) logged: Logged,
}

/// The keys and the ledger of a publisher.
pub(crate) struct Signer {
    key: PrivateKey,
    log_key: PrivateKey,
    origin: KeyName,
    folder: Folder,
    pages: Option<Pages>,
}

impl Signer {
    pub(crate) fn open(to: &Publishing) -> Result<Self, Failure> {
        let origin = to.origin.parse().map_err(Failure::usage)?;
        let (key, log_key) = (keys::read(&to.key, Role::Verdict)?, keys::read(&to.log_key, Role::Log)?);
        PublicKey::require_one_role_each([key.public_key(), log_key.public_key()]).map_err(Failure::usage)?;
        let pages = (!to.no_site).then(|| Pages::of(to, &key, &log_key, &origin)).transpose()?;
        Ok(Self { key, log_key, origin, folder: Folder::new(&to.ledger), pages })
    }

    pub(crate) fn sign(&self, Derived { statement, logged }: &Derived) -> Result<SignedStatement, Failure> {
        let envelope = Envelope::sign(PayloadType::Statement, statement.as_bytes().to_vec(), &[&self.key]);
        let envelope = envelope.map_err(Failure::usage)?;
        let bundle = Bundle::new(envelope.clone(), self.key.public_key()).map_err(Failure::internal)?;
        Ok(SignedStatement {
            logged: logged.clone(),
            envelope: envelope.to_json().into_bytes(),
            bundle: Some(bundle.to_json().into_bytes()),
        })
    }

    /// Appends, and gives each statement's entry.
    pub(crate) fn append(&self, signed: &[SignedStatement]) -> Result<Vec<u64>, Failure> {
        let writer = self.folder.writer().map_err(Failure::inconclusive)?;
        let public = self.key.public_key().to_pem().map_err(Failure::internal)?;
        writer
            .write(&format!("keys/{}.pub", self.key.public_key().id()), public.as_bytes())
            .map_err(Failure::inconclusive)?;
        let appended = append(&writer, &self.origin, &self.log_key, signed, Timestamp::now());
        let entries = appended.map_err(Failure::inconclusive)?.entries;
        if let Some(pages) = &self.pages {
            pages.write(&writer, &self.keys()?)?;
        }
        Ok(entries)
    }

    /// The keys by which the ledger is known.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        let log_key = VerifierKey::new(self.origin.clone(), self.log_key.public_key()).map_err(Failure::usage)?;
        let policy = LedgerPolicy {
            at: self.folder.path().display().to_string(),
            log_key: log_key.to_string(),
            verdict_keys: vec![self.key.public_key().to_pem().map_err(Failure::internal)?],
            witness_keys: Vec::new(),
            witnesses: 0,
        };
        Keys::of(&policy).map_err(Failure::internal)
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }
}
