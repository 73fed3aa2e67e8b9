//! What all pages have: the head with its policy, the way around, and the parts that pages share.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use twinbuild_report::{escape, on_one_line};
use twinbuild_subject::Sha256;

use crate::address::{self, PackageKey, is_safe_path, link};
use crate::ledger::Ledger;
use crate::{Entry, Kind, Operator};

/// The style of all pages: that of what `twinbuild_report` writes, and ours.
const OURS: &str = include_str!("site.css");

/// A page: its path, its title, what is in `<main>`, and what wrote it.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) main: Markup,
    /// A line in the footer, before the operator's.
    pub(crate) footer: Option<Markup>,
}

impl Page {
    /// The page as a file.
    pub(crate) fn file(self, ledger: &Ledger<'_>) -> (String, String) {
        let Self { path, title, main, footer } = self;
        let style = [twinbuild_report::STYLE, OURS].concat();
        let digest = Sha256::of(style.as_bytes()).to_base64();
        let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
        let site = ledger.site;
        let around = [
            ("index.html", "Ledger"),
            ("letters/index.html", "Packages"),
            ("regressions/index.html", "Regressions"),
            ("alerts/index.html", "Alerts"),
            ("keys/index.html", "Keys"),
        ];
        let feeds = [("verdicts.atom", "Verdicts"), ("regressions.atom", "Regressions")];
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="referrer" content="no-referrer";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (on_one_line(&title)) @if path != "index.html" { " \u{2013} " (on_one_line(&site.title)) } }
                    @for (feed, title) in feeds {
                        link rel="alternate" type="application/atom+xml" title=(title) href=(link(&path, feed));
                    }
                    // The one text that is not escaped: constants of this crate and of `twinbuild_report`.
                    style { (PreEscaped(&style)) }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    nav aria-label="Site" { ul { @for (to, words) in around {
                        li { a href=(link(&path, to)) aria-current=[(to == path).then_some("page")] { (words) } }
                    } } }
                    main #main tabindex="-1" { (main) }
                    footer {
                        @if let Some(line) = footer { p { (line) } }
                        p {
                            @match &site.operator { Some(operator) => { "Run by " (self::operator(operator)) ". " }, None => {} }
                            "Feeds: "
                            @for (index, (feed, title)) in feeds.into_iter().enumerate() {
                                @if index > 0 { ", " }
                                a href=(link(&path, feed)) { (title) }
                            }
                            ". What is not reproduced is no accusation: most such files are honest builds under conditions that were \
                             guessed wrong."
                        }
                    }
                }
            }
        };
        // Markup has none of the characters that this writes out, so no foreign text can keep one.
        (path, escape(&markup.into_string()) + "\n")
    }
}

fn operator(operator: &Operator) -> Markup {
    let name = html! { bdi { (on_one_line(&operator.name)) } };
    match operator.uri.as_deref().filter(|uri| uri.starts_with("https://")) {
        Some(uri) => html! { a href=(uri) rel="nofollow noopener" { (name) } },
        None => name,
    }
}

/// A table that scrolls in a box of its own where it is wider than the page; `label` says what is in it.
pub(crate) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// A foreign name.
pub(crate) fn name(text: &str) -> Markup {
    html! { code { (on_one_line(text)) } }
}

/// A time, to the second, UTC.
pub(crate) fn time(time: Timestamp) -> Markup {
    let text = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let shown = time.strftime("%Y-%m-%d %H:%M").to_string();
    html! { time datetime=(text) { (shown) } }
}

/// A package, linked from the page at `from`.
pub(crate) fn package(from: &str, key: &PackageKey) -> Markup {
    html! { a href=(link(from, &key.path())) { (name(&key.name)) } }
}

/// What an entry says, linked to its page: the outcome in words, and what became of the entry.
pub(crate) fn outcome(from: &str, ledger: &Ledger<'_>, entry: &Entry) -> Markup {
    let result = entry.result();
    html! {
        i class=(result.name()) {}
        a href=(link(from, &address::statement(&entry.payload))) { (result.words()) }
        @match &entry.kind {
            Kind::Verdict => {},
            Kind::Retracted { .. } => { " " strong { "retracted" } },
            Kind::Disputed { .. } => { " " strong { "disputed" } },
        }
        @if entry.alerts() > 0 { " " strong.bad { "alert" } }
        @if ledger.newest(entry).index != entry.index { " " span.tag { "superseded" } }
    }
}

/// Entries, one a row.
pub(crate) fn entries(from: &str, ledger: &Ledger<'_>, label: &str, entries: &[&Entry]) -> Markup {
    wide(
        label,
        &html! {
            table {
                thead { tr {
                    th scope="col" { "file" } th scope="col" { "outcome" } th scope="col" { "package" }
                    th scope="col" { "time" } th.num scope="col" { "entry" }
                } }
                tbody { @for entry in entries {
                    @let (key, version) = PackageKey::of(&entry.verdict.subject);
                    tr {
                        th scope="row" { (name(&entry.verdict.subject.file_name)) }
                        td { (outcome(from, ledger, entry)) }
                        td { (package(from, &key)) " " (name_or_nothing(&version.text)) }
                        td { (time(entry.time)) }
                        td.num { (entry.index) }
                    }
                } }
            }
        },
    )
}

fn name_or_nothing(text: &str) -> Markup {
    if text.is_empty() {
        html! {}
    } else {
        name(text)
    }
}

/// A file of the ledger, linked where that is safe.
pub(crate) fn published(from: &str, path: &str, words: &str) -> Markup {
    if is_safe_path(path) {
        html! { a href=(link(from, path)) { (words) } }
    } else {
        html! { (words) " (at " (name(path)) ")" }
    }
}
