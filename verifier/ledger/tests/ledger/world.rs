//! A ledger, its keys, and statements for it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;
use twinbuild_ledger::{
    Appended, CheckError, Folder, Found, Keys, Kind, LedgerPolicy, Logged, SignedStatement, View, append,
};
use twinbuild_log::TreeHead;
use twinbuild_signature::{
    Bundle, Envelope, KeyKind, KeyName, Note, PayloadType, PrivateKey, Role, Sign as _, VerifierKey,
};
use twinbuild_statement::Statement;
use twinbuild_subject::Sha256;

pub(crate) const ORIGIN: &str = "verdicts.example/log";

pub(crate) struct World {
    pub(crate) temporary: TempDir,
    pub(crate) log: PrivateKey,
    pub(crate) verdict: PrivateKey,
    pub(crate) witness: PrivateKey,
}

pub(crate) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(crate) fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

/// A statement, of which the log says that it is about a file of this content.
pub(crate) fn payload(subject: &str, text: &str) -> Vec<u8> {
    format!("{{\"about\":\"{}\",\"says\":\"{text}\"}}", Sha256::of(subject.as_bytes())).into_bytes()
}

impl World {
    pub(crate) fn new() -> Self {
        let key = |role| PrivateKey::generate(KeyKind::Ed25519, role).unwrap();
        Self {
            temporary: TempDir::new().unwrap(),
            log: key(Role::Log),
            verdict: key(Role::Verdict),
            witness: key(Role::Witness),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.temporary.path().join("ledger")
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::new(&self.path())
    }

    pub(crate) fn policy(&self) -> LedgerPolicy {
        LedgerPolicy {
            at: self.path().display().to_string(),
            log_key: VerifierKey::new(name(ORIGIN), self.log.public_key()).unwrap().to_string(),
            verdict_keys: vec![self.verdict.public_key().to_pem().unwrap()],
            witness_keys: vec![
                VerifierKey::new(name("witness.example"), self.witness.public_key()).unwrap().to_string(),
            ],
            witnesses: 0,
        }
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::of(&self.policy()).unwrap()
    }

    pub(crate) fn signed(&self, kind: Kind, subject: &str, text: &str) -> SignedStatement {
        self.signed_by(&self.verdict, kind, subject, text)
    }

    pub(crate) fn signed_by(&self, key: &PrivateKey, kind: Kind, subject: &str, text: &str) -> SignedStatement {
        let payload = payload(subject, text);
        let logged = Logged {
            kind,
            subject: Sha256::of(subject.as_bytes()),
            installed: None,
            payload: Sha256::of(&payload),
            predicate_type: "https://example.org/verdict/v1".to_owned(),
            outcome: "reproduced".to_owned(),
            alerts: 0,
        };
        sealed(key, logged, payload)
    }

    /// A statement on a wheel that names its members, and the digest of what it leaves where it is installed.
    pub(crate) fn of_wheel(&self) -> (SignedStatement, Sha256) {
        let wheel = Sha256::of(b"wheel");
        let members =
            ["a-1.dist-info/RECORD", "a-1.data/purelib/b.py", "a-1.data/scripts/c", "a-1.dist-info/METADATA", "a.py"];
        let subject = |name: &str, sha256: Sha256| serde_json::json!({ "name": name, "digest": { "sha256": sha256 } });
        let mut subjects = vec![subject("a-1-py3-none-any.whl", wheel)];
        subjects[0]["annotations"] = serde_json::json!({ "members": members.len() });
        subjects.extend(members.map(|member| subject(member, Sha256::of(member.as_bytes()))));
        let document = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": "https://example.org/verdict/v1",
            "predicate": {},
        });
        let payload = document.to_string().into_bytes();
        let installed = Statement::parse(&payload).unwrap().installed().unwrap();
        let logged = Logged {
            kind: Kind::Verdict,
            subject: wheel,
            installed: Some(installed),
            payload: Sha256::of(&payload),
            predicate_type: "https://example.org/verdict/v1".to_owned(),
            outcome: "reproduced".to_owned(),
            alerts: 0,
        };
        (sealed(&self.verdict, logged, payload), installed)
    }

    pub(crate) fn publish(&self, statements: &[SignedStatement]) -> Appended {
        append(&self.folder().writer().unwrap(), &name(ORIGIN), &self.log, statements, now()).unwrap()
    }

    /// Publishes one verdict about each of these files.
    pub(crate) fn publish_about(&self, subjects: &[&str]) -> Appended {
        let statements: Vec<_> = subjects.iter().map(|subject| self.signed(Kind::Verdict, subject, "fine")).collect();
        self.publish(&statements)
    }

    pub(crate) fn find(&self, subject: &str, seen: Option<&TreeHead>) -> Result<Option<Found>, CheckError> {
        self.find_with(&self.keys(), subject, seen)
    }

    pub(crate) fn find_with(
        &self,
        keys: &Keys,
        subject: &str,
        seen: Option<&TreeHead>,
    ) -> Result<Option<Found>, CheckError> {
        let folder = self.folder();
        View::open(&folder, keys, seen)?.find(&Sha256::of(subject.as_bytes()))
    }

    pub(crate) fn head(&self) -> TreeHead {
        let (folder, keys) = (self.folder(), self.keys());
        *View::open(&folder, &keys, None).unwrap().head()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// That of a statement, whichever entry it has.
    pub(crate) fn envelope_of(&self, subject: &str, text: &str) -> PathBuf {
        let end = format!("-{}.dsse.json", Sha256::of(&payload(subject, text)));
        let files = files_below(&self.file("statements"));
        files.into_iter().find(|path| path.to_str().unwrap().ends_with(&end)).unwrap()
    }

    /// The checkpoint, cosigned.
    pub(crate) fn cosign(&self) {
        let mut note = Note::parse(&fs::read(self.file("checkpoint")).unwrap()).unwrap();
        note.cosign(name("witness.example"), &self.witness, 1_763_640_000).unwrap();
        fs::write(self.file("checkpoint"), note.to_string()).unwrap();
    }
}

fn sealed(key: &PrivateKey, logged: Logged, payload: Vec<u8>) -> SignedStatement {
    let envelope = Envelope::sign(PayloadType::Statement, payload, &[key]).unwrap();
    let bundle = Bundle::new(envelope.clone(), key.public_key()).unwrap().to_json().into_bytes();
    SignedStatement { logged, envelope: envelope.to_json().into_bytes(), bundle: Some(bundle) }
}

/// A copy of a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").args(["-a", "--"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// All files in a folder and those below it.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
