//! The page of a statement: the verdict, what became of it, and how to check it.

use maud::{Markup, html};
use twinbuild_report::on_one_line;

use crate::address::{self, PackageKey, link};
use crate::layout::{Page, entries, name, package, published, time};
use crate::ledger::Ledger;
use crate::three_ways;
use crate::{Entry, Files, Kind, check, keys};

pub(crate) fn file(ledger: &Ledger<'_>, entry: &Entry) -> (String, String) {
    let path = address::statement(&entry.payload);
    let twinbuild_report::Parts { header, sections, footer } = twinbuild_report::parts(&entry.verdict);
    let mut history = ledger.history(entry).to_vec();
    history.reverse();
    let main = html! {
        (header)
        (notice(&path, ledger, entry))
        section {
            h2 { "Entry" }
            (facts(&path, ledger, entry))
            @if let Some(comparison) = &entry.verdict.comparison { (three_ways::picture(comparison)) }
        }
        section {
            h2 { "Check it" }
            p { "The commands take the files above from the folder that they run in, and the published file as its index gives it." }
            (check::ways(ledger.site, entry))
        }
        section {
            h2 { "Run it again" }
            (check::again(entry))
        }
        (sections)
        @if history.len() > 1 {
            section {
                h2 { "All entries about this file" }
                (entries(&path, ledger, "All entries about this file", &history))
            }
        }
    };
    let verdict = &entry.verdict;
    let title = format!("{}: {}", verdict.outcome.name(), verdict.subject.file_name);
    Page { path, title, main, footer: Some(footer) }.file(ledger)
}

/// What a reader has to know before anything else: that the verdict was taken back, is objected to, or is not the newest.
fn notice(path: &str, ledger: &Ledger<'_>, entry: &Entry) -> Markup {
    let newest = ledger.newest(entry);
    html! {
        @match &entry.kind {
            Kind::Verdict => {},
            Kind::Retracted { reason } => div.notice.bad {
                p { strong { "Retracted." } " This verdict is not to be relied on: " bdi { (on_one_line(reason)) } }
            },
            Kind::Disputed { reason } => div.notice.open {
                p { strong { "Disputed." } " Somebody objects to this verdict, which stands all the same: " bdi { (on_one_line(reason)) } }
            },
        }
        @if newest.index != entry.index {
            div.notice.open { p {
                strong { "Superseded." } " There is a newer entry about this file, which counts: "
                a href=(link(path, &address::statement(&newest.payload))) { "entry " (newest.index) }
                @match newest.kind {
                    Kind::Verdict => ".",
                    Kind::Retracted { .. } => ", a retraction.",
                    Kind::Disputed { .. } => ", an objection.",
                }
            } }
        }
    }
}

fn facts(path: &str, ledger: &Ledger<'_>, entry: &Entry) -> Markup {
    let Files { dsse, sigstore, proof, summary } = &entry.files;
    let (key, version) = PackageKey::of(&entry.verdict.subject);
    html! {
        table.facts {
            tr { th scope="row" { "entry" } td { "number " (entry.index) " of the log, appended " (time(entry.time)) " UTC" } }
            tr { th scope="row" { "package" } td { (package(path, &key)) @if !version.text.is_empty() { " " (name(&version.text)) } } }
            tr { th scope="row" { "file" } td { (name(&format!("sha256:{}", entry.subject))) } }
            tr { th scope="row" { "statement" } td { (name(&format!("sha256:{}", entry.payload))) } }
            tr { th scope="row" { "files" } td {
                (published(path, dsse, "DSSE envelope")) ", " (published(path, sigstore, "Sigstore bundle"))
                @if let Some(proof) = proof { ", " (published(path, proof, "proof that the log has it")) }
                @if let Some(summary) = summary { ", " (published(path, &summary.dsse, "verification summary")) }
                @if !ledger.site.verdict_keys.is_empty() { ", " (published(path, &keys::verdict_key(0), "the key")) }
            } }
        }
    }
}
