//! Watch lists: what a team writes down once, and which published files that means today.
//!
//! A [`WatchTable`] is one `[[watch]]` table of `twinbuild.toml`: a lock file, a list of packages, a ranked list, a folder, a
//! private index or an SBOM. [`read`] takes all of them and gives a [`List`] each, with its subjects ([`Watched`]) in the order of
//! what was written down, each once, and its [`Problem`]s: what is asked for and cannot be watched, with list, file, line and
//! what to do. A list that cannot be read is a problem of that list, and the others go on.
//!
//! Pages of an index come through [`Asking`], some at once; [`Indexes`] is the one that asks. What was found is kept in a
//! [`WatchState`], so that a lock file which did not change asks nothing, and a page which did not change is not read again.
//!
//! ```
//! use std::path::Path;
//! use twinbuild_registry::PypiIndex;
//! use twinbuild_store::{Network, Store};
//! use twinbuild_watch::{Indexes, WatchState, WatchTable, read};
//!
//! #[derive(serde::Deserialize)]
//! struct File {
//!     watch: Vec<WatchTable>,
//! }
//!
//! let folder = tempfile::tempdir()?;
//! let line = r#"{"name":"six","version":"1.16.0","fileName":"six-1.16.0-py2.py3-none-any.whl"}"#;
//! std::fs::write(folder.path().join("top.jsonl"), line)?;
//! let file: File = toml::from_str("[[watch]]\nkind = \"ranked\"\npath = \"top.jsonl\"\n")?;
//!
//! let store = Store::open(&folder.path().join("cache"), Network::Offline)?;
//! let indexes = Indexes::new(store, PypiIndex::discover(None, |_| None)?);
//! let reading = read(&file.watch, folder.path(), &indexes, &mut WatchState::default())?;
//! assert_eq!(reading.lists[0].name, "ranked:top.jsonl");
//! let subject = reading.lists[0].subjects[0].to_string();
//! assert_eq!(subject, "pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod asking;
mod choice;
mod directory;
mod draft;
mod index;
mod keys;
mod lock;
mod near;
mod packages;
mod platform;
mod problem;
mod ranked;
mod read;
mod sbom;
mod settle;
mod state;
mod table;
#[cfg(test)]
mod test_asking;
mod want;

pub use asking::{Asking, Indexes};
pub use choice::{FileChoice, Files};
pub use platform::{ParsePlatformError, ParsePythonError, Python, WatchPlatform};
pub use problem::{Problem, Trouble};
pub use ranked::{ListError, read_list};
pub use read::{List, Pages, Reading, WatchTarget, Watched, read};
pub use state::{WatchState, WatchStateError};
pub use table::{Newest, TableError, WatchSource, WatchTable, WatchedPackage, list_names};
