//! The pages of what got worse, and of alerts.

use maud::{Markup, html};

use crate::layout::{Page, entries, name, outcome, time, wide};
use crate::ledger::{Ledger, Regression, RegressionKind};

/// What regressions are.
pub(crate) const REGRESSIONS: &str = "Files whose newest verdict is worse than one before, and files of a package's newest version that are not reproduced \
     while one of their kind of an earlier version is.";
/// What alerts are.
pub(crate) const ALERTS: &str = "Files whose verdict has a finding about what runs or what is installed.";

pub(crate) fn regressions(ledger: &Ledger<'_>) -> (String, String) {
    let path = "regressions/index.html".to_owned();
    let main = html! {
        h1 { "Regressions" }
        p { (REGRESSIONS) }
        @if ledger.regressions.is_empty() { p { "None." } } @else { (table(&path, ledger, &ledger.regressions)) }
    };
    Page { path, title: "Regressions".to_owned(), main, footer: None }.file(ledger)
}

pub(crate) fn alerts(ledger: &Ledger<'_>) -> (String, String) {
    let path = "alerts/index.html".to_owned();
    let alerts = ledger.alerts();
    let main = html! {
        h1 { "Alerts" }
        p { (ALERTS) }
        @if alerts.is_empty() { p { "None." } } @else { (entries(&path, ledger, "Alerts", &alerts)) }
    };
    Page { path, title: "Alerts".to_owned(), main, footer: None }.file(ledger)
}

/// Regressions, one a row.
pub(crate) fn table(from: &str, ledger: &Ledger<'_>, regressions: &[Regression<'_>]) -> Markup {
    wide(
        "Regressions",
        &html! {
            table {
                thead { tr {
                    th scope="col" { "file" } th scope="col" { "is now" } th scope="col" { "while before" } th scope="col" { "time" }
                } }
                tbody { @for Regression { worse, better, kind } in regressions { tr {
                    th scope="row" { (name(&worse.verdict.subject.file_name)) }
                    td { (outcome(from, ledger, worse)) }
                    td {
                        (outcome(from, ledger, better))
                        @match kind {
                            RegressionKind::File => {},
                            RegressionKind::Version => { ": " (name(&better.verdict.subject.file_name)) },
                        }
                    }
                    td { (time(worse.time)) }
                } } }
            }
        },
    )
}
