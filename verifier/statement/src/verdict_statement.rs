//! The statement on a published file: the whole verdict.

use serde_json::Value;
use twinbuild_record::{installed_digest, installed_files};
use twinbuild_subject::{MemberPath, Sha256};
use twinbuild_verdict::RecordedVerdict;

use crate::error::{cited, file};
use crate::{Members, ResourceDescriptor, Statement, StatementError};

/// The `predicateType` of a verdict, version 1. Its JSON Schema is `docs/verdict.schema.json`.
pub const VERDICT_TYPE: &str = "https://twinbuild.dev/verdict/v1";

/// The annotation of the published file that tells how many members it has.
const MEMBERS: &str = "members";

impl Statement {
    /// The statement that has `verdict` as its predicate, as it was read or written, for any outcome. It is about the published
    /// file, and then names `members`; the annotation `members` of the published file tells how many there are, named or not,
    /// and is absent where there are none.
    ///
    /// # Errors
    /// [`StatementError::NoDigest`] where the file was not received, and what [`Self::verdict`] would refuse.
    pub fn of_verdict(verdict: &RecordedVerdict, members: &Members) -> Result<Self, StatementError> {
        let file_name = &verdict.subject.file_name;
        let digests =
            verdict.subject.digests.ok_or_else(|| StatementError::NoDigest { file_name: cited(file_name) })?;
        let mut published = ResourceDescriptor::named(file_name, digests.sha256);
        if !members.is_empty() {
            published = published.with(MEMBERS, members.len());
        }
        let subject: Vec<_> = std::iter::once(published).chain(members.named(file_name)).collect();
        let predicate = verdict.document().as_object().cloned().unwrap_or_default();
        let statement = Self::new(&subject, VERDICT_TYPE, predicate)?;
        statement.verdict()?;
        Ok(statement)
    }

    /// The digest by which the files are looked up that the published wheel leaves where it is installed; `None` of what is no wheel, of one that could
    /// not be read, and where the statement does not name all of its members.
    #[must_use]
    pub fn installed(&self) -> Option<Sha256> {
        let (published, members) = self.subject().split_first()?;
        let is_wheel = published.name.as_ref().is_some_and(|name| name.ends_with(".whl"));
        let count = published.annotations.get(MEMBERS).and_then(Value::as_u64);
        if !is_wheel || count != Some(members.len() as u64) {
            return None;
        }
        let members = members.iter().map(|one| Some((MemberPath::from(one.name.as_deref()?), one.digest.sha256()?)));
        let members: Vec<(MemberPath, Sha256)> = members.collect::<Option<_>>()?;
        Some(installed_digest(&installed_files(members.iter().map(|(path, sha256)| (path, sha256)))?))
    }

    /// The verdict. That it is unchanged and in keeping with itself says nothing of who made it: the signature does.
    ///
    /// # Errors
    /// [`StatementError`], where the statement is another one than of [`VERDICT_TYPE`], where the verdict is not of the digest
    /// that it claims, says what no decision gives ([`RecordedVerdict::check`]), or is about another file than the first subject.
    pub fn verdict(&self) -> Result<RecordedVerdict, StatementError> {
        if self.predicate_type() != VERDICT_TYPE {
            let found = cited(self.predicate_type());
            return Err(StatementError::PredicateType { found, expected: VERDICT_TYPE });
        }
        let verdict = RecordedVerdict::of_document(Value::Object(self.predicate().clone()))?;
        verdict.check()?;
        let file_name = verdict.subject.file_name.as_str();
        let digests =
            verdict.subject.digests.ok_or_else(|| StatementError::NoDigest { file_name: cited(file_name) })?;
        let published = self.subject().first();
        let states = (published.and_then(|one| one.name.as_deref()), published.and_then(|one| one.digest.sha256()));
        let judges = (Some(file_name), Some(digests.sha256));
        if states != judges {
            let (states, judges) = (file(states.0, states.1), file(judges.0, judges.1));
            return Err(StatementError::OtherSubject { states, judges });
        }
        Ok(verdict)
    }
}
