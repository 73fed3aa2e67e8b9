//! Runs over lists of subjects.
//!
//! [`read_list`] reads a list, JSON lines of `name`, `version` and `fileName`. [`run`] judges what has no result yet, some subjects
//! at once, and appends a line to the [`Results`] after each: the run can be interrupted at any moment, by whatever means, and
//! the next one goes on where it stopped. [`ReportFiles`] writes what became of all of them, and [`read_older`] reads what
//! became of them before.
#![forbid(unsafe_code)]

mod asked;
mod coordinator;
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
pub use worker::{Delivery, VERDICT_FILE, Worker, WorkerError, WorkerEvent};
