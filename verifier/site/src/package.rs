//! The page of a package.

use maud::html;
use twinbuild_report::{counted, on_one_line};

use crate::Entry;
use crate::address::{self, PackageKey, VersionKey, link};
use crate::front::count;
use crate::layout::{Page, entries, name, outcome, time, wide};
use crate::ledger::{Ledger, Package};
use crate::news;

pub(crate) fn file(ledger: &Ledger<'_>, key: &PackageKey, package: &Package<'_>) -> (String, String) {
    let path = key.path();
    let files: Vec<(&VersionKey, &Entry)> = package
        .versions
        .iter()
        .rev()
        .flat_map(|(version, files)| files.iter().map(move |entry| (version, *entry)))
        .collect();
    let mut history: Vec<&Entry> = files.iter().flat_map(|(_, entry)| ledger.history(entry).iter().copied()).collect();
    history.sort_by_key(|entry| std::cmp::Reverse(entry.index));
    let fallen: Vec<usize> = (0..ledger.regressions.len())
        .filter(|index| files.iter().any(|(_, entry)| entry.index == ledger.regressions[*index].worse.index))
        .collect();
    let main = html! {
        h1 { bdi { (on_one_line(&key.name)) } }
        p {
            "A package of the type " (name(&key.kind)) ": " (counted(count(files.len()), "file", "files")) " of "
            (counted(count(package.versions.len()), "version", "versions")) ". "
            a href=(link(&path, &address::letter(key.letter()))) { "Other names with this letter" }
        }
        @if !fallen.is_empty() {
            section {
                h2 { "Regressions" }
                @for index in fallen { (news::table(&path, ledger, &ledger.regressions[index..=index])) }
            }
        }
        section {
            h2 { "Versions and files" }
            p.soft { "The newest version first, and of each file the newest verdict." }
            (wide("Versions and files", &html! {
                table {
                    thead { tr { th scope="col" { "file" } th scope="col" { "version" } th scope="col" { "outcome" } th scope="col" { "time" } } }
                    tbody { @for (version, entry) in &files { tr {
                        th scope="row" { (name(&entry.verdict.subject.file_name)) }
                        td { @if !version.text.is_empty() { (name(&version.text)) } }
                        td { (outcome(&path, ledger, entry)) }
                        td { (time(entry.time)) }
                    } } }
                }
            }))
        }
        section {
            h2 { "History" }
            p.soft { "All entries of the log about these files, the newest first." }
            (entries(&path, ledger, "History", &history))
        }
    };
    Page { path, title: key.name.clone(), main, footer: None }.file(ledger)
}
