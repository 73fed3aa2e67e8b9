//! The front page.

use maud::{Markup, html};
use twinbuild_report::{counted, grouped, on_one_line, share};

use crate::layout::{Page, entries, time, wide};
use crate::ledger::Ledger;
use crate::{address::link, letters, news};

/// So many entries of a kind stand on the front page.
const SHOWN: usize = 10;
/// So many of the newest verdicts do.
const NEWEST: usize = 50;

const PATH: &str = "index.html";

pub(crate) fn file(ledger: &Ledger<'_>) -> (String, String) {
    let current = ledger.current();
    let alerts = ledger.alerts();
    let main = html! {
        h1 { (on_one_line(&ledger.site.title)) }
        p {
            "Published package files, each rebuilt twice from its source and compared three ways. "
            (counted(count(current.len()), "file", "files")) " of " (counted(count(ledger.packages.len()), "package", "packages")) "."
            @if let Some(newest) = ledger.site.entries.last() {
                " The newest entry is number " (newest.index) ", of " (time(newest.time)) " UTC."
            }
        }
        section {
            h2 { "Find a package" }
            p { "By the first letter of its name; all names that begin with it are on one page." }
            (letters::list(PATH, ledger))
        }
        (rates(ledger))
        section {
            h2 { "Regressions" }
            p.soft { (news::REGRESSIONS) }
            (first(&news::table(PATH, ledger, &ledger.regressions[..ledger.regressions.len().min(SHOWN)]), ledger.regressions.len(), "regressions/index.html"))
        }
        section {
            h2 { "Alerts" }
            p.soft { (news::ALERTS) }
            (first(&entries(PATH, ledger, "Alerts", &alerts[..alerts.len().min(SHOWN)]), alerts.len(), "alerts/index.html"))
        }
        section {
            h2 { "Newest verdicts" }
            @if current.is_empty() { p { "None yet." } }
            @else { (entries(PATH, ledger, "Newest verdicts", &current[..current.len().min(NEWEST)])) }
        }
    };
    Page { path: PATH.to_owned(), title: ledger.site.title.clone(), main, footer: None }.file(ledger)
}

fn first(table: &Markup, all: usize, more: &str) -> Markup {
    match all {
        0 => html! { p { "None." } },
        _ => html! {
            (table)
            @if all > SHOWN { p { a href=(link(PATH, more)) { "All " (grouped(count(all))) } } }
        },
    }
}

fn rates(ledger: &Ledger<'_>) -> Markup {
    let tally = ledger.tally();
    let retracted = ledger.current().into_iter().filter(|entry| !entry.is_standing()).count();
    html! {
           section {
               h2 { "Outcomes" }
               p {
                   (grouped(tally.reproduced())) " of " (grouped(tally.total)) " reproduced (" (share(tally.reproduced(), tally.total))
                   "), " (grouped(tally.exact())) " of them byte for byte."
                   @if retracted > 0 { " " (counted(count(retracted), "verdict was", "verdicts were")) " retracted and "
                       (if retracted == 1 { "is" } else { "are" }) " not counted." }
               }
               (tally.picture().markup())
               details {
    summary { "The same as a table" }
               (wide("Outcomes", &html! {
                   table {
                       thead { tr { th scope="col" { "result" } th.num scope="col" { "files" } th.num scope="col" { "share" } } }
                       tbody { @for (kind, count) in &tally.kinds { tr {
                           th scope="row" { i class=(kind.name()) {} (kind.words()) }
                           td.num { (grouped(*count)) }
                           td.num { (share(*count, tally.total)) }
                       } } }
                   }
               }))
               }
           }
       }
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
