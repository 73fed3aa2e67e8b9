//! Nights over watch lists, and runs over a list.
//!
//! [`plan`] says of what the watch lists mean today which files are due, and why: a function of the newest verdict on each and of what verdicts are made with now ([`Terms`]).
//! [`NightRun`] runs a night over a queue: a [`Worker`] of this process takes jobs, judges and keeps verdicts, and a [`Coordinator`] decides on what workers elsewhere
//! return. Nothing is taken on their word that can be looked at: what they signed, for which claim, the files by their digests, what was asked, and whether the verdict follows from the
//! files. Whatever is killed, no verdict is lost and none doubled: a verdict and the end of its job are one transaction. [`night_report`] is what it came to, and [`history`] what is known of a project.
//!
//! [`run`] judges a list without a queue: JSON lines of `name`, `version` and `fileName` ([`read_list`]). It appends a line to the [`Results`] after each, can be interrupted at any moment, and the
//! next one goes on where it stopped. [`ReportFiles`] writes the files of either's report.
#![forbid(unsafe_code)]

mod asked;
mod coordinator;
mod delivery;
mod due;
mod files;
mod history;
mod kept;
mod night;
mod night_report;
mod passing;
mod plan;
mod results;
mod returned;
mod run;
mod stop;
mod worker;

pub use asked::{Asked, SourceChoice};
pub use coordinator::{CheckAgain, CheckFailure, Coordinator, CoordinatorError, Decision, Enrolled, IsListed};
pub use delivery::Delivery;
pub use due::{MadeWith, Terms, due};
pub use files::ReportFiles;
pub use history::history;
pub use kept::Stored;
pub use night::{NightRun, NightRunError, RIGHT, take_right};
pub use night_report::{NightAbout, NightReportError, night_report};
pub use passing::{FailureClass, passing};
pub use plan::{Known, Plan, PlannedSubject, Wishes, duration, key, plan};
pub use results::{ResultLine, Results, ResultsError, Took, read_older};
pub use returned::SignResultError;
pub use run::{Event, RunError, run};
pub use stop::Stop;
pub use twinbuild_watch::{ListError, read_list};
pub use worker::{VERDICT_FILE, Worker, WorkerError, WorkerEvent};
