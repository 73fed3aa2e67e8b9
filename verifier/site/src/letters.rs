//! Finding a package without a script: a page for each first letter.

use std::collections::BTreeMap;

use maud::{Markup, html};
use twinbuild_report::{counted, grouped, on_one_line};

use crate::address::{self, LETTERS, PackageKey, link};
use crate::front::count;
use crate::layout::{Page, name, package};
use crate::ledger::Ledger;

/// The letters, each linked to its page where there is a package.
pub(crate) fn list(from: &str, ledger: &Ledger<'_>) -> Markup {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for key in ledger.packages.keys() {
        *counts.entry(key.letter()).or_default() += 1;
    }
    html! {
        ul.letters { @for letter in LETTERS {
            li {
                @match counts.get(letter) {
                    Some(count) => a href=(link(from, &address::letter(letter))) { (letter) " " span.tag { "(" (grouped(*count)) ")" } },
                    None => span.tag { (letter) },
                }
            }
        } }
    }
}

/// All letters.
pub(crate) fn overview(ledger: &Ledger<'_>) -> (String, String) {
    let path = "letters/index.html".to_owned();
    let total = counted(count(ledger.packages.len()), "package", "packages");
    let main = html! {
        h1 { "Packages" }
        p { (total) ", by the first letters of their names." }
        (list(&path, ledger))
    };
    Page { path, title: "Packages".to_owned(), main, footer: None }.file(ledger)
}

/// All packages of a letter, by their first two characters.
pub(crate) fn file(ledger: &Ledger<'_>, letter: &'static str) -> (String, String) {
    let path = address::letter(letter);
    let mut by_beginning: BTreeMap<String, Vec<&PackageKey>> = BTreeMap::new();
    for key in ledger.packages.keys().filter(|key| key.letter() == letter) {
        by_beginning.entry(key.own_name().to_lowercase().chars().take(2).collect()).or_default().push(key);
    }
    let title = format!("Packages: {letter}");
    let main = html! {
        h1 { (title) }
        (list(&path, ledger))
        @if by_beginning.is_empty() { p { "None." } }
        @if by_beginning.len() > 1 {
            nav aria-label="Beginnings" { ul { @for (index, beginning) in by_beginning.keys().enumerate() {
                li { a href=(format!("#b{index}")) { (name(beginning)) } }
            } } }
        }
        @for (index, (beginning, keys)) in by_beginning.iter().enumerate() {
            section {
                h2 #(format!("b{index}")) { bdi { (on_one_line(beginning)) } }
                ul.names-list { @for key in keys { li { (package(&path, key)) " " span.tag { (name(&key.kind)) } } } }
            }
        }
    };
    Page { path, title, main, footer: None }.file(ledger)
}
