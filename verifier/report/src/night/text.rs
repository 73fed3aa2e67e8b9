//! A report of a night, for a terminal and for a mail.

use super::{News, NightPoint, NightReport, NightSubject, pages};
use crate::Style;
use crate::escape::on_one_line;
use crate::history::day;
use crate::page::{count_of, counted, grouped, share};
use crate::{corpus, meaning, rates};

/// So many pieces of news have a line.
const NEWS: usize = 40;
/// So many nights have one.
const NIGHTS: usize = 7;
/// The longest line of a mail, in bytes, is 998 (RFC 5322, section 2.1.1).
const MAIL_LINE_BYTES: usize = 900;
/// The longest subject of a mail, in characters.
const MAIL_SUBJECT: usize = 300;

/// The news first, then the rates, and what the night did.
pub(crate) fn text(report: &NightReport, style: Style) -> String {
    let mut out = String::new();
    for news in report.news.iter().take(NEWS) {
        crate::text::paint_severity(&mut out, style, news.severity);
        out.push_str(&format!(": {}\n", line(news)));
        if let Some(next) = &news.next {
            out.push_str(&format!("  next: {}\n", on_one_line(next)));
        }
    }
    if let Some(more) = report.news.get(NEWS..).filter(|more| !more.is_empty()) {
        out.push_str(&format!("{} more pieces of news: see the HTML or JSON form\n", grouped(count_of(more))));
    }
    if report.news.is_empty() {
        out.push_str(&first(report));
        out.push('\n');
    }
    out.push('\n');
    for (of, text) in pages::facts(report) {
        out.push_str(&format!("{of}: {text}\n"));
    }
    out.push('\n');
    out.push_str(&rates(&report.results));
    for (index, group) in report.by_list.iter().enumerate() {
        let (reproduced, total) = (grouped(group.results.reproduced()), grouped(group.results.total));
        let before = if index == 0 { "\nby list\n" } else { "" };
        out.push_str(&format!("{before}  {reproduced} of {total} reproduced: {}\n", on_one_line(&group.name)));
    }
    for (index, NightPoint { night, ended, judged, results }) in report.nights.iter().rev().take(NIGHTS).enumerate() {
        let before = if index == 0 { "\nover the nights\n" } else { "" };
        let rate = share(results.reproduced(), results.total);
        out.push_str(&format!(
            "{before}  night {night}, {}: {rate} of {} reproduced, {} judged\n",
            day(*ended),
            grouped(results.total),
            grouped(*judged)
        ));
    }
    for (index, worker) in report.workers.iter().enumerate() {
        let before = if index == 0 { "\nworkers\n" } else { "" };
        let busy = corpus::duration(worker.busy_ms);
        let jobs = counted(worker.jobs, "job", "jobs");
        let refused = counted(worker.refused, "result refused", "results refused");
        out.push_str(&format!("{before}  {jobs} in {busy}, {refused}: {}\n", on_one_line(&worker.name)));
    }
    out
}

/// A line of news.
fn line(news: &News) -> String {
    on_one_line(&super::news::plain(&news.parts())).into_owned()
}

/// What is said first, on one line.
pub(super) fn first(report: &NightReport) -> String {
    match report.news.first() {
        Some(news) => format!("{}: {}", meaning::severity(news.severity), line(news)),
        None => {
            std::iter::once(pages::without_news(report)).chain(pages::qualities(report)).collect::<Vec<_>>().join("; ")
        }
    }
}

/// A report of a night as a mail: its subject is what is said first, its text that of [`text`](crate::text). Who sends it adds to
/// whom. All lines end in a line feed, as `sendmail -t` takes them.
#[must_use]
pub fn mail(report: &NightReport) -> String {
    let plain = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_default().to_string() };
    // A header is ASCII (RFC 5322, section 2.2), and ends with its line, which no text of the first line has.
    let subject: String = first(report).replace('\t', " ").chars().map(plain).collect();
    let subject: String = subject.chars().take(MAIL_SUBJECT).collect();
    let mut out = format!(
        "Subject: twinbuild: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\
         Auto-Submitted: auto-generated\n\n"
    );
    for line in text(report, Style::Plain).lines() {
        let mut rest = line;
        while rest.len() > MAIL_LINE_BYTES {
            let (begin, end) = rest.split_at(rest.floor_char_boundary(MAIL_LINE_BYTES));
            out.push_str(&format!("{begin}\n    "));
            rest = end;
        }
        out.push_str(&format!("{rest}\n"));
    }
    out
}

/// What became of a subject, as one line: the outcome and its quality, the file, and what kept it or speaks against it.
#[must_use]
pub fn subject_line(subject: &NightSubject, style: Style) -> String {
    let mut out = String::new();
    crate::text::paint_kind(&mut out, style, subject.kind(), subject.is_good());
    out.push_str(&format!("  {}", on_one_line(&subject.shown())));
    if let Some(cause) = super::cause(&subject.result) {
        out.push_str(&format!(": {}", on_one_line(&cause)));
    }
    out.push('\n');
    out
}
