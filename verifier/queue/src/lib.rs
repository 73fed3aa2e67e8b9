//! Jobs that any number of workers take, and the verdicts that came of them, in a database: SQLite, in process and with nothing to
//! install, or PostgreSQL, for many machines. Both by one interface, [`Queue`].
//!
//! A job is about one subject. Whoever [claims](Queue::claim) it holds a [`Lease`]: until a time, which is the database's, and with a fence, a number that grows with each claim. A worker
//! that was thought dead and comes back has an older fence, and nothing that it says is taken ([`QueueError::Stale`]). A verdict and the end of its job
//! are written in one transaction ([`Queue::complete`]), so that neither is ever there without the other; of one subject there is one job at a time.
//!
//! A worker that is not of this process [returns](Queue::give_back) what it found, and the coordinator [accepts](Queue::accept) or [refuses](Queue::refuse) it: what is
//! returned is no verdict yet. Here nothing is verified; what a result says is known to this crate as text.
//!
//! Calls wait, and may be made from any thread. Where the database is away (it is restarted, the network is gone) they try again for as long as
//! [`Patience`] says; each is such that doing it twice is doing it once.
#![forbid(unsafe_code)]

mod address;
mod claim;
mod counts;
mod error;
mod finish;
mod job;
mod night;
mod queue;
mod result;
mod rights;
mod schema;
mod verdict;
mod worker;

pub use address::{QueueAddress, QueueAddressError};
pub use counts::Counts;
pub use error::QueueError;
pub use job::{Capabilities, Job, JobFilter, JobState, Lease, Needs, NewJob, Retry};
pub use night::Night;
pub use queue::{Patience, Queue};
pub use result::Returned;
pub use verdict::{NewVerdict, VerdictRow};
pub use worker::{WorkerRow, WorkerState};
