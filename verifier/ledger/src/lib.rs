//! The ledger.
#![forbid(unsafe_code)]

mod append;
mod audit;
mod entry;
mod files;
mod folder;
mod policy;
mod standing;
mod view;

pub use append::{AppendFailure, Appended, CHECKPOINT, SignedStatement, append, entry_hash, statement_path};
pub use audit::{Audit, AuditError, audit};
pub use entry::{Body, Entry, EntryError, Kind, Logged};
pub use files::{Files, FilesError, PagesError};
pub use folder::{Folder, FolderError, Writer};
pub use policy::{LedgerPolicy, Policy, PolicyError, TrustName};
pub use standing::{NOTICE_TYPE, Says, SaysError, Standing, alerts, notice, says, standing, verdict_of_notice};
pub use view::{CheckError, Found, Keys, KeysError, OfflineProof, ProvenStatement, View};
