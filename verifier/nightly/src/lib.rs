//! Runs over lists of subjects.
//!
//! [`read_list`] reads a list, JSON lines of `name`, `version` and `fileName`. [`run`] judges what has no result yet, one
//! subject after the other, and appends a line to the results after each: the run can be interrupted at any moment, and
//! the next one goes on where it stopped. [`Summary`] counts the results.
#![forbid(unsafe_code)]

mod list;
mod results;
mod run;

pub use list::{ListError, read_list};
pub use results::{ResultLine, Results, ResultsError, Summary};
pub use run::{Event, RunError, run};
