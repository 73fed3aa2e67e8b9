//! What is signed: in-toto statements about published files and about what was built to check them.
//!
//! A [`Statement`] is a JSON document that says something (its predicate) of files by digest (its subjects). There are three, and
//! the latter two are made of the first, so that they cannot say anything else than it does:
//!
//! - the **verdict statement** ([`Statement::of_verdict`]): the whole verdict on a published file, whatever its outcome.
//!   [`Statement::verdict`] gives the verdict back, unless it was edited by hand;
//! - the **verification summary** ([`Statement::verification_summary`]) of SLSA, for those who only ask whether the file passed;
//! - the **provenance** ([`Statement::provenance`]) of SLSA, of the rebuilt files.
//!
//! `docs/statements.md` has their fields. A statement keeps the bytes that it was read from: they are what is signed, hashed and
//! stored, and nothing is ever written again to be checked. Reading is strict, so that two readers cannot take different things
//! from the same signed bytes.
//!
//! The crate does no I/O and has no clock; it knows nothing of keys and signatures.
//!
//! ```
//! use twinbuild_statement::{Members, Statement};
//! use twinbuild_subject::{MemberPath, Origin, Sha256, Subject};
//! use twinbuild_verdict::{Outcome, Reason, RecordedVerdict, Verdict};
//!
//! let subject = Subject {
//!     origin: Origin::Local,
//!     purl: None,
//!     file_name: "a-1-py3-none-any.whl".to_owned(),
//!     size: Some(4),
//!     digests: Some(Sha256::of(b"file").into()),
//!     upload_time: None,
//! };
//! let mut verdict = Verdict::about(subject, "0.1.0");
//! verdict.outcome = Outcome::SourceMissing;
//! verdict.reason = Some(Reason { class: "no-sdist".to_owned(), stage: None, detail: "there is none".to_owned() });
//! verdict.seal()?;
//!
//! let members: Members = [(MemberPath::from("a/__init__.py"), Sha256::of(b""))].into_iter().collect();
//! let statement = Statement::of_verdict(&RecordedVerdict::of(&verdict)?, &members)?;
//! let read = Statement::parse(statement.as_bytes())?;
//! assert_eq!(read.verdict()?.outcome, Outcome::SourceMissing);
//! assert_eq!(read.subject()[1].name.as_deref(), Some("a/__init__.py"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod descriptor;
mod error;
mod json;
mod members;
mod provenance;
mod statement;
mod verdict_statement;
mod verification_summary;

pub use descriptor::{DigestSet, ResourceDescriptor};
pub use error::StatementError;
pub use json::{DEPTH_LIMIT, VALUES_LIMIT};
pub use members::{MEMBER_NAMES_LIMIT_BYTES, MEMBERS_LIMIT, Members};
pub use provenance::{BUILD_TYPE, PROVENANCE_TYPE};
pub use statement::{STATEMENT_LIMIT_BYTES, STATEMENT_TYPE, Statement};
pub use verdict_statement::VERDICT_TYPE;
pub use verification_summary::{Policy, SUMMARY_TYPE, Verification};
