//! The static pages of a ledger of verdicts: files for any web server.
//!
//! [`pages`] gives each file of a [`Site`] as its path and its bytes, and writes none of them. There is a front page, a page for each
//! package, statement and first letter of names, lists of regressions and alerts, feeds, and the keys. The same site gives the same
//! bytes: nothing here has a clock.
//!
//! The newest entry of a subject counts. A verdict that was retracted stays on its page with the reason, and counts no more.
//!
//! Names, findings and reasons are hostile: they are escaped as [`twinbuild_report`] does it, and a name becomes a path or a part of a
//! command only where it can neither leave its folder nor say more than a name. No page has a script or loads anything, and a content
//! security policy holds it to that. All links are relative, so a site can lie in any folder.
//!
//! ```
//! use twinbuild_site::{Site, pages};
//!
//! let site = Site {
//!     title: "Rebuilds of an example".to_owned(),
//!     operator: None,
//!     security: None,
//!     base_url: None,
//!     log_key: "rebuilds.example+00000000+AQ==".to_owned(),
//!     verdict_keys: Vec::new(),
//!     entries: Vec::new(),
//! };
//! let paths: Vec<String> = pages(&site).map(|(path, _)| path).collect();
//! assert!(paths.contains(&"index.html".to_owned()) && paths.contains(&"verdicts.atom".to_owned()));
//! ```
#![forbid(unsafe_code)]

mod address;
mod check;
mod feed;
mod front;
mod keys;
mod layout;
mod ledger;
mod letters;
mod news;
mod package;
mod security;
mod site;
mod statement;
mod three_ways;

pub use address::is_safe_path;
pub use site::{Entry, Files, Kind, Operator, Security, Site, Summary};

use std::rc::Rc;

use ledger::Ledger;

/// All files of a site: where each stands below its root, with `/` between folders, and what it has.
///
/// Paths are of ASCII and stay below the root whatever names a site has. No two files have the same path.
pub fn pages(site: &Site) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    let ledger = Rc::new(Ledger::of(site));
    let text = |(path, text): (String, String)| (path, text.into_bytes());
    let singles = [
        front::file,
        news::regressions,
        news::alerts,
        letters::overview,
        keys::page,
        feed::verdicts,
        feed::regressions,
    ];
    let of_ledger = {
        let ledger = ledger.clone();
        singles.into_iter().map(move |file| file(&ledger))
    };
    let letters = {
        let ledger = ledger.clone();
        address::LETTERS.into_iter().map(move |letter| letters::file(&ledger, letter))
    };
    let packages = {
        let ledger = ledger.clone();
        let keys: Vec<_> = ledger.packages.keys().cloned().collect();
        keys.into_iter().filter_map(move |key| Some(package::file(&ledger, &key, ledger.packages.get(&key)?)))
    };
    let statements = ledger.statements();
    let statements = statements.into_iter().map(move |entry| statement::file(&ledger, entry));
    of_ledger
        .chain(letters)
        .chain(packages)
        .chain(statements)
        .chain(keys::files(site))
        .chain(security::file(site))
        .map(text)
}
