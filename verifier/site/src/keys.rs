//! The keys of a ledger: a page for readers, and files for commands.

use maud::html;

use crate::Site;
use crate::address::link;
use crate::layout::Page;
use crate::ledger::Ledger;

/// Where the log's key stands.
const LOG_KEY: &str = "keys/log.vkey";

/// Where the key of verdicts of this index stands.
pub(crate) fn verdict_key(index: usize) -> String {
    match index {
        0 => "keys/verdict.pub".to_owned(),
        index => format!("keys/verdict-{}.pub", index + 1),
    }
}

/// The file name that commands use.
pub(crate) const KEY_FILE: &str = "verdict.pub";

pub(crate) fn page(ledger: &Ledger<'_>) -> (String, String) {
    let path = "keys/index.html".to_owned();
    let site = ledger.site;
    let main = html! {
        h1 { "Keys" }
        p { "Whoever controls these pages controls what they say the keys are. Get them by another way as well, and compare." }
        section {
            h2 { "The log" }
            p { "Signs checkpoints (C2SP signed-note): " a href=(link(&path, LOG_KEY)) { "log.vkey" } }
            pre { (site.log_key) }
        }
        section {
            h2 { "Verdicts" }
            @if site.verdict_keys.is_empty() { p { "None." } }
            @for (index, key) in site.verdict_keys.iter().enumerate() {
                @let file = verdict_key(index);
                p {
                    (if index == 0 { "In use: " } else { "Earlier: " })
                    a href=(link(&path, &file)) { (file.trim_start_matches("keys/")) }
                }
                pre { (key) }
            }
        }
    };
    Page { path, title: "Keys".to_owned(), main, footer: None }.file(ledger)
}

/// The keys as files, as they were given, each with a line end.
pub(crate) fn files(site: &Site) -> impl Iterator<Item = (String, String)> + '_ {
    let line = |text: &str| text.trim_end().to_owned() + "\n";
    let verdicts = site.verdict_keys.iter().enumerate().map(move |(index, key)| (verdict_key(index), line(key)));
    std::iter::once((LOG_KEY.to_owned(), line(&site.log_key))).chain(verdicts)
}
