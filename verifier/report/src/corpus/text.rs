//! A report on a list, for a terminal.

use super::{CorpusReport, Tally, pages};
use crate::escape::on_one_line;
use crate::page::grouped;

/// Rates as lines of text: how many are reproduced, how many byte for byte, and each kind of result that occurs.
#[must_use]
pub fn rates(results: &Tally) -> String {
    let total = results.total;
    let mut out = format!("{total:>6}         subjects\n");
    // Tenths of a percent, rounded down, so that a rate is never said to be better than it is.
    let mut row = |count: u64, what: &str| {
        let tenths = count.saturating_mul(1000).checked_div(total).unwrap_or(0);
        out.push_str(&format!("{count:>6} {:>3}.{} %  {what}\n", tenths / 10, tenths % 10));
    };
    row(results.reproduced(), "reproduced");
    row(results.exact(), "reproduced byte for byte (bit-for-bit or repacked)");
    for (kind, count) in &results.kinds {
        row(*count, &format!("  {}", kind.words()));
    }
    out
}

/// The rates, what changed, and what it took.
pub(crate) fn text(report: &CorpusReport) -> String {
    let mut out = rates(&report.results);
    for result in report.alerts() {
        out.push_str(&format!("        with an alert: {}\n", on_one_line(&result.shown())));
    }
    if let Some(changes) = &report.changes {
        let before = &changes.before;
        let tenths = before.reproduced().saturating_mul(1000).checked_div(before.total).unwrap_or(0);
        out.push_str(&format!(
            "\nof the {} that the older run has, it reproduced {} ({}.{} %)\n",
            grouped(before.total),
            grouped(before.reproduced()),
            tenths / 10,
            tenths % 10
        ));
        for (what, changed) in pages::named(changes) {
            if !changed.is_empty() {
                out.push_str(&format!("{:>6}  {what}\n", changed.len()));
            }
            for change in changed {
                let line = format!("{}: {} before, now {}", change.shown, change.before, change.now);
                out.push_str(&format!("        {}\n", on_one_line(&line)));
            }
        }
    }
    out.push('\n');
    for (of, text) in pages::facts(&report.cost, report.results.total) {
        out.push_str(&format!("{of}: {text}\n"));
    }
    out
}
