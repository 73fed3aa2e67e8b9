//! The page about a night.

use std::collections::HashMap;

use super::{News, NewsKind, NightEnd, NightPoint, NightReport, NightSubject, NightWorker};
use crate::corpus::{self, duration};
use crate::history::day;
use crate::page::{Block, Entry, Inline, Page, Section, Table, Tone, count_of, counted, grouped, name, share, words};
use crate::picture::{Form, Line};
use crate::{Picture, ResultKind, SubjectResult, meaning};
use twinbuild_compare::Severity;

/// So many pieces of news stand open; the others are folded away.
const OPEN_NEWS: usize = 20;
/// So many files of one kind are named, and so many nights; the JSON form has all.
const NAMED: usize = 50;

pub(crate) fn page(report: &NightReport) -> Page<'_> {
    let mut sections = vec![news(report), corpus::results(&report.results)];
    sections.extend(nights(report));
    sections.extend(corpus::groups("By list", "list", &report.by_list, Some(by_list(report))));
    sections.push(night(report));
    sections.extend(workers(report));
    sections.extend(rest(report));
    let first = report.news.first();
    Page {
        word: first.map_or_else(|| without_news(report), News::words).into(),
        tone: tone(report),
        qualities: qualities(report).into_iter().map(Into::into).collect(),
        about: first.map_or_else(|| vec![format!("night {}", report.about.night)], News::names),
        meaning: vec![
            "What is another than before stands first. What was known is counted, and folded away.",
            match report.about.end {
                NightEnd::Complete => "All that was due was judged.",
                NightEnd::TimeIsUp => {
                    "The night had no more time; what is left stands at the beginning of the next one."
                }
                NightEnd::MostJobs => "The night did as many jobs as it was to do; what is left is for the next one.",
                NightEnd::Interrupted => "The night was interrupted; what is left is for the next one.",
                NightEnd::Host => "The night ended early: this machine cannot build. Run twinbuild doctor to see why.",
            },
        ],
        sections,
        footer: vec![words("Written by twinbuild "), name(&report.about.tool_version), words(".")],
    }
}

pub(super) fn pictures(report: &NightReport) -> Vec<Picture> {
    vec![report.results.picture(), over_nights(report), by_list(report)]
}

/// What is said first where there is no news.
pub(super) fn without_news(report: &NightReport) -> String {
    let results = &report.results;
    format!("no news: {} of {} reproduced", grouped(results.reproduced()), counted(results.total, "file", "files"))
}

/// What is said beside what is said first.
pub(super) fn qualities(report: &NightReport) -> Vec<String> {
    let mut qualities = Vec::new();
    if let Some((first, others)) = report.news.split_first() {
        let is_unsaid = matches!(first.kind, NewsKind::Regression | NewsKind::NoLongerReproduced);
        qualities.extend(first.result.filter(|_| is_unsaid).map(|result| result.name().to_owned()));
        if !others.is_empty() {
            qualities.push(counted(count_of(others), "more piece of news", "more pieces of news"));
        }
    }
    if report.about.left > 0 {
        let left = report.about.left;
        qualities.push(counted(left, "file that is due was not judged", "files that are due were not judged"));
    }
    qualities
}

/// Good only where all is well: that nothing is news does not make what was known good.
fn tone(report: &NightReport) -> Tone {
    match report.news.iter().map(|news| news.severity).max() {
        Some(Severity::Alert) => Tone::Bad,
        Some(Severity::Warning) => Tone::Undecided,
        Some(Severity::Note) | None => {
            let is_done = report.about.left == 0 && report.about.end == NightEnd::Complete;
            let is_good = is_done && report.subjects.iter().all(NightSubject::is_good);
            if is_good && !report.subjects.is_empty() { Tone::Good } else { Tone::Undecided }
        }
    }
}

fn news(report: &NightReport) -> Section<'_> {
    let results: HashMap<&str, &SubjectResult> =
        report.subjects.iter().map(|subject| (subject.result.subject.as_str(), &subject.result)).collect();
    let entry = |news: &News| {
        let mut head = vec![words(meaning::severity(news.severity)), words(": ")];
        head.extend(news.parts());
        let mut lines = corpus::findings(&news.findings, news.more_findings);
        if let Some(reason) = news.reason.as_ref().filter(|_| !news.has_reason_in_line()) {
            lines.push(vec![name(&reason.class), words(": "), Inline::Sentence(reason.detail.clone())]);
        }
        if news.subject.is_some() && !news.lists.is_empty() {
            lines.push(vec![words("watched in "), name(&news.lists.join(", "))]);
        }
        lines.extend(news.next.as_ref().map(|next| vec![words("next: "), Inline::Sentence(next.clone())]));
        let result = news.subject.as_deref().and_then(|subject| results.get(subject));
        lines.extend(result.and_then(|result| result.command()).map(|command| vec![name(&command)]));
        Entry { severity: Some(news.severity), head, lines }
    };
    let (open, folded) = report.news.split_at(report.news.len().min(OPEN_NEWS));
    let mut blocks = Vec::new();
    if open.is_empty() {
        blocks.push(Block::Paragraph(vec![words("Nothing is another than before.")]));
    } else {
        blocks.push(Block::Entries(open.iter().map(entry).collect()));
    }
    if !folded.is_empty() {
        let summary = counted(count_of(folded), "more piece of news", "more pieces of news");
        blocks.push(Block::Folded { summary, blocks: vec![Block::Entries(folded.iter().map(entry).collect())] });
    }
    Section { title: "News", blocks }
}

/// The rates over the nights.
fn over_nights(report: &NightReport) -> Picture {
    let shares = |of: &dyn Fn(&NightPoint) -> u64| {
        let share = |night: &NightPoint| of(night).saturating_mul(1000).checked_div(night.results.total).unwrap_or(0);
        report.nights.iter().map(share).collect()
    };
    let lines = vec![
        Line { name: "reproduced", class: "reproduced", shares: shares(&|night| night.results.reproduced()) },
        Line { name: "byte for byte", class: "exact", shares: shares(&|night| night.results.exact()) },
    ];
    let when = |night: Option<&NightPoint>| night.map(|night| day(night.ended)).unwrap_or_default();
    let form = Form::Lines { lines, from: when(report.nights.first()), to: when(report.nights.last()) };
    Picture { name: "nights", title: "How much is reproduced, over the nights", form }
}

fn by_list(report: &NightReport) -> Picture {
    corpus::shares("lists", "Results by list", &report.by_list)
}

fn nights(report: &NightReport) -> Option<Section<'_>> {
    if report.nights.is_empty() {
        return None;
    }
    let row = |NightPoint { night, ended, judged, results }: &NightPoint| {
        let [reproduced, exact] = [results.reproduced(), results.exact()].map(|count| share(count, results.total));
        let cells = [day(*ended), grouped(*judged), grouped(results.total), reproduced, exact];
        std::iter::once(grouped(*night)).chain(cells).map(|cell| vec![words(cell)]).collect()
    };
    let head = vec!["night", "ended", "judged", "files", "reproduced", "byte for byte"];
    let table = Table::new(head, report.nights.iter().rev().take(NAMED).map(row));
    let count = count_of(&table.rows);
    let summary = format!("the last {}", counted(count, "night", "nights"));
    let blocks =
        vec![Block::Picture(over_nights(report)), Block::Folded { summary, blocks: vec![Block::Table(table)] }];
    Some(Section { title: "Over the nights", blocks })
}

fn night(report: &NightReport) -> Section<'_> {
    let facts = facts(report).into_iter().map(|(of, text)| (of, vec![words(text)]));
    let command = ("command", vec![name(&report.about.command)]);
    Section { title: "The night", blocks: vec![Block::Facts(facts.chain([command]).collect())] }
}

/// What the night did, in words of ours.
pub(super) fn facts(report: &NightReport) -> Vec<(&'static str, String)> {
    let about = &report.about;
    let tonight = &report.of_tonight;
    let millis = about.ended.as_millisecond().saturating_sub(about.started.as_millisecond());
    let took = duration(u64::try_from(millis).unwrap_or(0));
    let files = counted(tonight.total, "file", "files");
    vec![
        ("night", grouped(about.night)),
        ("began", format!("{}, took {took}", about.started.strftime("%Y-%m-%d %H:%M UTC"))),
        ("ended", about.end.words().to_owned()),
        ("judged", format!("{files}, of which {} reproduced", grouped(tonight.reproduced()))),
        ("left", format!("{} due and not judged", counted(about.left, "file", "files"))),
    ]
}

fn workers(report: &NightReport) -> Option<Section<'_>> {
    let row = |NightWorker { name: worker, jobs, busy_ms, refused, .. }: &NightWorker| {
        vec![
            vec![name(worker)],
            vec![words(grouped(*jobs))],
            vec![words(duration(*busy_ms))],
            vec![words(grouped(*refused))],
        ]
    };
    let table = Table::new(vec!["worker", "jobs", "busy", "refused"], report.workers.iter().map(row));
    (!report.workers.is_empty()).then(|| Section { title: "Workers", blocks: vec![Block::Table(table)] })
}

/// What is not reproduced, or has an alert, whether it is news or not.
fn rest(report: &NightReport) -> Option<Section<'_>> {
    let mut blocks = Vec::new();
    let mut fold = |what: String, subjects: Vec<&NightSubject>| {
        if subjects.is_empty() {
            return;
        }
        let count = count_of(&subjects);
        let head = vec!["file", "most severe finding, or reason", "judged", "lists"];
        let table = Table::new(head, subjects.iter().take(NAMED).map(|subject| row(subject)));
        let mut folded = vec![Block::Table(table)];
        if let Some(more) = subjects.get(NAMED..).filter(|more| !more.is_empty()) {
            folded.push(Block::Paragraph(vec![words(format!("{} more: see the JSON form.", grouped(count_of(more))))]));
        }
        blocks.push(Block::Folded { summary: format!("{what}: {}", counted(count, "file", "files")), blocks: folded });
    };
    let with_alert = report.subjects.iter().filter(|subject| subject.kind().is_reproduced() && !subject.is_good());
    fold("reproduced, with an alert".to_owned(), with_alert.collect());
    for kind in ResultKind::ALL.into_iter().filter(|kind| !kind.is_reproduced()) {
        let of_kind = report.subjects.iter().filter(|subject| subject.kind() == kind);
        fold(kind.words().to_owned(), of_kind.collect());
    }
    (!blocks.is_empty()).then_some(Section { title: "What is not reproduced", blocks })
}

fn row(subject: &NightSubject) -> Vec<Vec<Inline>> {
    let cause = super::cause(&subject.result);
    vec![
        vec![name(&subject.shown())],
        cause.map(|cause| name(&cause)).into_iter().collect(),
        subject.judged.map(|time| words(day(time))).into_iter().collect(),
        vec![name(&subject.lists.join(", "))],
    ]
}
