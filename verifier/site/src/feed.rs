//! Feeds (Atom, RFC 4287).

use jiff::Timestamp;
use twinbuild_report::on_one_line;
use twinbuild_subject::Sha256;

use crate::address::{self, PackageKey};
use crate::ledger::{Ledger, RegressionKind};
use crate::{Entry, Kind, Site};

/// So many entries of a feed are in it, the newest.
const MOST: usize = 100;

/// An entry of a feed.
struct Item<'a> {
    about: &'a Entry,
    title: String,
    summary: String,
}

/// All entries of the log, the newest first.
pub(crate) fn verdicts(ledger: &Ledger<'_>) -> (String, String) {
    let items = ledger.site.entries.iter().rev().take(MOST).map(|entry| {
        let title = format!("{}: {}", entry.result().words(), entry.verdict.subject.file_name);
        let (title, mut summary) = match &entry.kind {
            Kind::Verdict => (title, String::new()),
            Kind::Retracted { reason } => (format!("retracted: {title}"), format!("{reason}. ")),
            Kind::Disputed { reason } => (format!("disputed: {title}"), format!("{reason}. ")),
        };
        let (package, version) = PackageKey::of(&entry.verdict.subject);
        summary.push_str(format!("{} {} {}", package.kind, package.name, version.text).trim_end());
        let findings =
            entry.verdict.findings.iter().take(3).map(|finding| format!("; {}: {}", finding.code, finding.detail));
        summary.extend(findings);
        Item { about: entry, title, summary }
    });
    feed(ledger.site, "verdicts.atom", "verdicts", items)
}

/// What got worse, the newest first.
pub(crate) fn regressions(ledger: &Ledger<'_>) -> (String, String) {
    let items = ledger.regressions.iter().take(MOST).map(|regression| {
        let (worse, better) = (regression.worse, regression.better);
        let before = match regression.kind {
            RegressionKind::File => format!("Entry {} was {}.", better.index, better.result().words()),
            RegressionKind::Version => {
                format!("{} of an earlier version is {}.", better.verdict.subject.file_name, better.result().words())
            }
        };
        let title = format!("{}: {}", worse.result().words(), worse.verdict.subject.file_name);
        Item { about: worse, title, summary: before }
    });
    feed(ledger.site, "regressions.atom", "regressions", items)
}

fn feed<'a>(site: &Site, path: &str, what: &str, items: impl Iterator<Item = Item<'a>>) -> (String, String) {
    let base = site.base_url.as_deref().filter(|base| base.starts_with("https://") || base.starts_with("http://"));
    // Without a base, addresses are relative to that of the feed (RFC 3986, section 5.1.3).
    let address =
        |path: &str| base.map_or_else(|| path.to_owned(), |base| format!("{}/{path}", base.trim_end_matches('/')));
    let updated = site.entries.last().map_or(Timestamp::UNIX_EPOCH, |entry| entry.time);
    let author = site.operator.as_ref().map_or(&site.title, |operator| &operator.name);
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n",
    );
    element(&mut out, "", "title", &format!("{}: {what}", site.title));
    element(&mut out, "", "id", &id(site, what, None));
    element(&mut out, "", "updated", &time(updated));
    out.push_str("<author>");
    element(&mut out, "", "name", author);
    out.push_str("</author>\n");
    out.push_str(&format!("<link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n", xml(&address(path))));
    out.push_str(&format!("<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n", xml(&address("index.html"))));
    for Item { about, title, summary } in items {
        out.push_str("<entry>\n");
        element(&mut out, "", "title", &title);
        element(&mut out, "", "id", &id(site, what, Some(about)));
        element(&mut out, "", "updated", &time(about.time));
        let page = address(&address::statement(&about.payload));
        out.push_str(&format!("<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n", xml(&page)));
        element(&mut out, " type=\"text\"", "summary", &summary);
        out.push_str("</entry>\n");
    }
    out.push_str("</feed>\n");
    (path.to_owned(), out)
}

/// The name of a feed, or of an entry in it, which stays the same wherever the site is: by the log's key and the entry's index in the log.
fn id(site: &Site, what: &str, entry: Option<&Entry>) -> String {
    let entry = entry.map_or_else(String::new, |entry| format!("\n{}\n{}", entry.index, entry.payload));
    format!("urn:sha256:{}", Sha256::of(format!("{}\n{what}{entry}", site.log_key.trim_end()).as_bytes()))
}

/// A time (RFC 3339).
fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn element(out: &mut String, attributes: &str, name: &str, text: &str) {
    out.push_str(&format!("<{name}{attributes}>{}</{name}>\n", xml(text)));
}

/// Text as XML has it: escaped as on pages, and without the two characters that XML 1.0 has not (section 2.2).
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in on_one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(xml("a<b>&\"\u{202e}\u{1}\u{ffff}\n"), "a&lt;b&gt;&amp;&quot;\\u{202e}\\u{1}\\u{ffff}\\n");
    }
}
