//! `twinbuild publish`

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use jiff::{SignedDuration, Timestamp};
use twinbuild_ledger::{
    CheckError, Folder, Found, Keys, Kind, LedgerPolicy, Logged, SignedStatement, View, Writer, alerts, append,
};
use twinbuild_sandbox::Cancel;
use twinbuild_signature::{
    Bundle, Envelope, KeyName, PayloadType, PrivateKey, PublicKey, Role, Sign as _, VerifierKey,
};
use twinbuild_statement::{Policy, Statement, Verification};
use twinbuild_subject::{Origin, Sha256};
use twinbuild_verdict::Outcome;

use super::print;
use super::recheck::{Apart, recheck_apart};
use super::site::Pages;
use crate::arguments::{Global, Publish, Publishing};
use crate::failure::Failure;
use crate::ledgers::why;
use crate::seen::Seen;
use crate::settings::Settings;
use crate::signals::cancel_on_signal;
use crate::upload::{Sent, Target};
use crate::{given, keys};

/// What a file has to fulfil to pass a verification summary.
const POLICY: &str = "https://twinbuild.dev/policy/v1";

pub(crate) fn run(global: &Global, arguments: &Publish) -> Result<u8, Failure> {
    global.plain_format()?;
    Settings::load(global)?;
    let cancel = cancel_on_signal()?;
    // All is derived again before any key is near.
    let mut all = Vec::new();
    for path in &arguments.verdicts {
        given::file(path)?;
        tracing::info!("deriving {} again", path.display());
        all.push(derive(path, arguments, &cancel)?);
    }
    let mut keys = BTreeSet::new();
    for Derived { logged, .. } in all.iter().filter_map(|published| published.statements.first()) {
        // What a wheel leaves where it is installed counts as the file itself: the last of two would speak for both.
        if !logged.keys().all(|key| keys.insert(key)) {
            let message = "two verdicts are about it, or about wheels that leave the same where they are installed: publish them one after the other";
            return Err(Failure::usage(anyhow!("sha256:{}: {message}", logged.subject)));
        }
    }
    let mut lines = String::new();
    let mut due = Vec::new();
    for published in all {
        match published.held_until(arguments.hold)? {
            Some(time) => lines.push_str(&published.held(time)),
            None => due.push(published),
        }
    }
    if due.is_empty() && !arguments.refresh {
        print(&lines)?;
        return Ok(0);
    }
    let signer = Signer::open(&arguments.to)?;
    let writer = signer.writer()?;
    let mut signed = Vec::new();
    for Published { started, statements } in &due {
        for statement in statements {
            if !arguments.supersede {
                signer.check_newest(&statement.logged, *started)?;
            }
            signed.push(signer.sign(statement)?);
        }
    }
    let entries = signer.append(&writer, &signed)?;
    for (statement, entry) in signed.iter().zip(entries) {
        let Logged { kind, subject, outcome, .. } = &statement.logged;
        lines.push_str(&format!("entry {entry}  {} ({outcome})  sha256:{subject}\n", kind.name()));
    }
    print(&lines)?;
    signer.send(&writer)?;
    Ok(0)
}

/// What is published of one verdict.
struct Published {
    /// When it was come to, where it says so.
    started: Option<Timestamp>,
    /// The verdict's own first.
    statements: Vec<Derived>,
}

impl Published {
    /// Until when a verdict with an alert is kept back, where it is not over.
    fn held_until(&self, hold: Option<SignedDuration>) -> Result<Option<Timestamp>, Failure> {
        let has_alert = self.statements.iter().any(|statement| statement.logged.alerts > 0);
        let Some(hold) = hold.filter(|_| has_alert) else { return Ok(None) };
        let started = self.started.ok_or_else(|| {
            Failure::usage(anyhow!(
                "a verdict with an alert does not say when it was come to, so --hold has no beginning"
            ))
        })?;
        let until = started.checked_add(hold).context("--hold is too long").map_err(Failure::usage)?;
        Ok((until > Timestamp::now()).then_some(until))
    }

    fn held(&self, until: Timestamp) -> String {
        let logged = self.statements.first().map(|statement| &statement.logged);
        let told = logged.map(|Logged { outcome, subject, .. }| format!("verdict ({outcome})  sha256:{subject}"));
        format!("held until {}  {}\n", until.strftime("%FT%TZ"), told.unwrap_or_default())
    }
}

/// The statements that follow from a verdict, once it was derived again from the files beside it, in a sandbox and by a process that has no key.
fn derive(path: &Path, arguments: &Publish, cancel: &Cancel) -> Result<Published, Failure> {
    let usage = |error: anyhow::Error| Failure::usage(error.context(path.display().to_string()));
    let Apart { given, members, published, .. } = recheck_apart(path, cancel)
        .map_err(|failure| failure.context(&format!("{} is not published", path.display())))?;
    let statement = Statement::of_verdict(&given, &members).map_err(Failure::rejected)?;
    let recorded = given;
    let subject = published;
    let says = recorded.subject.digests.as_ref().map(|digests| digests.sha256);
    if says != Some(subject) {
        return Err(Failure::rejected(anyhow!("{}: it is about another file than is kept beside it", path.display())));
    }
    if recorded.subject.origin == Origin::Local && !arguments.allow_local {
        return Err(usage(anyhow!("it is about a file of this machine, which is published with --allow-local only")));
    }
    let started = recorded.build().map_err(Failure::rejected)?.started;
    let summary = match &arguments.verifier_id {
        None => None,
        Some(verifier_id) => {
            let time = started.ok_or_else(|| usage(anyhow!("the verdict does not say when it was come to")))?;
            let policy = Policy { uri: POLICY.to_owned(), sha256: None };
            let by = Verification { verifier_id: verifier_id.clone(), time, policy, verdict_uri: None };
            statement.verification_summary(&by).map_err(Failure::rejected)?
        }
    };
    let provenance = match &arguments.builder_id {
        None => None,
        Some(builder_id) => statement.provenance(builder_id).map_err(Failure::rejected)?,
    };
    let alerts = alerts(&recorded);
    // What is rejected is another thing to whoever reads it otherwise.
    let installed = statement.installed().filter(|_| recorded.outcome != Outcome::Rejected);
    let derived = |(kind, statement): (Kind, Statement)| {
        let logged = Logged {
            kind,
            subject,
            installed,
            payload: statement.sha256(),
            predicate_type: statement.predicate_type().to_owned(),
            outcome: recorded.outcome.name().to_owned(),
            alerts,
        };
        Derived { statement, logged }
    };
    let more = [(Kind::Summary, summary), (Kind::Provenance, provenance)];
    let more = more.into_iter().filter_map(|(kind, statement)| Some((kind, statement?)));
    Ok(Published {
        started,
        statements: std::iter::once((Kind::Verdict, statement)).chain(more).map(derived).collect(),
    })
}

fn check_over(newest: &Found, started: Option<Timestamp>) -> Result<(), Failure> {
    if newest.logged.kind != Kind::Verdict {
        return refused(newest, &format!("says that its verdict is {}", newest.logged.kind.name()));
    }
    let verdict = Statement::parse(&newest.payload).and_then(|statement| statement.verdict());
    let build = verdict.and_then(|verdict| Ok(verdict.build()?)).map_err(Failure::inconclusive)?;
    match build.started {
        Some(time) if started.is_none_or(|started| started < time) => {
            refused(newest, &format!("is a verdict of {time}, which is newer"))
        }
        _ => Ok(()),
    }
}

fn refused(newest: &Found, why: &str) -> Result<(), Failure> {
    let (subject, entry) = (newest.logged.subject, newest.entry);
    Err(Failure::usage(anyhow!("entry {entry} about sha256:{subject} {why}: --supersede publishes over it")))
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
    /// The public keys that have signed verdicts, of which the first signs them now.
    verdict_keys: Vec<String>,
    folder: Folder,
    pages: Option<Pages>,
    store: Option<Target>,
    /// What was published before, as it was seen by whoever runs this.
    seen: Seen,
}

impl Signer {
    pub(crate) fn open(to: &Publishing) -> Result<Self, Failure> {
        let origin = to.origin.parse().map_err(Failure::usage)?;
        let (key, log_key) = (keys::read(&to.key, Role::Verdict)?, keys::read(&to.log_key, Role::Log)?);
        PublicKey::require_one_role_each([key.public_key(), log_key.public_key()]).map_err(Failure::usage)?;
        let mut verdict_keys = vec![key.public_key().to_pem().map_err(Failure::internal)?];
        for path in &to.former_keys {
            given::file(path)?;
            let former = PublicKey::read_file(path, Role::Verdict).map_err(Failure::usage)?;
            verdict_keys.push(former.to_pem().map_err(Failure::internal)?);
        }
        let pages = (!to.no_site).then(|| Pages::of(to, &verdict_keys, &log_key, &origin)).transpose()?;
        let store = to.store.as_deref().map(Target::open).transpose()?;
        let seen = VerifierKey::new(origin.clone(), log_key.public_key()).map_err(Failure::usage)?;
        let seen = Seen::of(&seen.to_string())?;
        Ok(Self { key, log_key, origin, verdict_keys, folder: Folder::new(&to.ledger), pages, store, seen })
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

    /// The right to write to the ledger.
    pub(crate) fn writer(&self) -> Result<Writer, Failure> {
        self.folder.writer().map_err(Failure::inconclusive)
    }

    /// The newest that the ledger has about a file.
    pub(crate) fn newest(&self, subject: &Sha256) -> Result<Option<Found>, Failure> {
        self.find(|view| view.find(subject))
    }

    fn find(
        &self,
        find: impl FnOnce(&mut View<'_>) -> Result<Option<Found>, CheckError>,
    ) -> Result<Option<Found>, Failure> {
        let keys = self.keys()?;
        let Some(mut view) = self.view(&keys)? else { return Ok(None) };
        find(&mut view).map_err(|error| match error {
            error @ CheckError::Statement { .. } => Failure::usage(
                anyhow::Error::new(error)
                    .context("the ledger has statements of another key: it is named by --former-key"),
            ),
            error => Failure::inconclusive(error),
        })
    }

    /// The ledger, which has all that was published before; `None` where there is none yet.
    fn view<'a>(&'a self, keys: &'a Keys) -> Result<Option<View<'a>>, Failure> {
        let seen = self.seen.head()?;
        match (View::open(&self.folder, keys, seen.as_ref()), seen) {
            (Ok(view), _) => Ok(Some(view)),
            (Err(CheckError::NoCheckpoint), None) => Ok(None),
            (Err(error), _) => {
                let why = why(&error, &self.seen)?;
                let next = "restore the newest copy of it, or begin another log, of another --origin";
                Err(Failure::usage(anyhow!(
                    "the ledger {} cannot be continued: {why}: {next}",
                    self.folder.path().display()
                )))
            }
        }
    }

    /// Checks that a verdict is not put in the place of one that is newer, or of a word that speaks against one.
    fn check_newest(&self, logged: &Logged, started: Option<Timestamp>) -> Result<(), Failure> {
        if logged.kind != Kind::Verdict {
            return Ok(());
        }
        let is_other = |newest: &Found| newest.logged.payload != logged.payload;
        if let Some(newest) = self.newest(&logged.subject)?.filter(is_other) {
            check_over(&newest, started)?;
        }
        let Some(installed) = logged.installed else { return Ok(()) };
        // What another wheel leaves where it is installed is the same, and what is said of that is said of both.
        let newest = self.find(|view| view.find_installed(&installed))?.filter(is_other);
        match newest.filter(|newest| newest.logged.subject != logged.subject) {
            Some(newest) if newest.logged.alerts > 0 || newest.logged.kind != Kind::Verdict => {
                refused(&newest, "speaks against a file that leaves the same where it is installed")
            }
            _ => Ok(()),
        }
    }

    /// Appends, and gives each statement's entry.
    pub(crate) fn append(&self, writer: &Writer, signed: &[SignedStatement]) -> Result<Vec<u64>, Failure> {
        let public = self.key.public_key().to_pem().map_err(Failure::internal)?;
        writer
            .write(&format!("keys/{}.pub", self.key.public_key().id()), public.as_bytes())
            .map_err(Failure::inconclusive)?;
        let keys = self.keys()?;
        self.view(&keys)?;
        let appended = append(writer, &self.origin, &self.log_key, signed, Timestamp::now());
        let entries = appended.map_err(Failure::inconclusive)?.entries;
        let before = self.seen.head()?;
        if let Some(view) = self.view(&keys)? {
            // Another publisher cannot be: this one writes.
            let _ = self.seen.keep(before.as_ref(), (view.head(), view.note()))?;
        }
        if let Some(pages) = &self.pages {
            pages.write(writer, &keys)?;
        }
        Ok(entries)
    }

    /// Sends what was written to the object store, where there is one. Nobody else writes meanwhile.
    pub(crate) fn send(&self, writer: &Writer) -> Result<(), Failure> {
        let Some(store) = &self.store else { return Ok(()) };
        let Sent { files, kept } = store.send(writer.folder().path())?;
        print(&format!("{files} files sent to {}, {kept} were there\n", store.name()))
    }

    /// The keys by which the ledger is known.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        let log_key = VerifierKey::new(self.origin.clone(), self.log_key.public_key()).map_err(Failure::usage)?;
        let policy = LedgerPolicy {
            at: self.folder.path().display().to_string(),
            log_key: log_key.to_string(),
            verdict_keys: self.verdict_keys.clone(),
            witness_keys: Vec::new(),
            witnesses: 0,
        };
        Keys::of(&policy).map_err(Failure::internal)
    }
}
