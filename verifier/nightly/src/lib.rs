//! Runs over lists of subjects.
//!
//! [`read_list`] reads a list, JSON lines of `name`, `version` and `fileName`. [`run`] judges what has no result yet, some subjects
//! at once, and appends a line to the [`Results`] after each: the run can be interrupted at any moment, by whatever means, and
//! the next one goes on where it stopped. [`ReportFiles`] writes what became of all of them, and [`read_older`] reads what
//! became of them before.
#![forbid(unsafe_code)]

mod files;
mod results;
mod run;

pub use files::ReportFiles;
pub use results::{ResultLine, Results, ResultsError, Took, read_older};
pub use run::{Event, RunError, run};
pub use twinbuild_watch::{ListError, read_list};
