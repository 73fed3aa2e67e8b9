//! A report of a night for continuous integration.

use std::collections::HashMap;

use super::{News, NewsKind, NightReport, NightSubject, text};
use crate::ResultKind;
use crate::escape::on_one_line;

/// What stands in no watch list is in a suite of this name.
const OF_THE_NIGHT: &str = "the night";

/// A suite of cases.
struct Suite<'a> {
    name: &'a str,
    cases: Vec<Case>,
}

/// A case.
struct Case {
    class: String,
    name: String,
    millis: u64,
    end: End,
}

/// How a case ended.
enum End {
    Passed,
    /// Not judged in this night; what is known.
    Skipped(String),
    /// What speaks against it; a line, and lines about it.
    Failure(String, Vec<String>),
    /// Why nothing was decided.
    Error(String, Vec<String>),
}

/// A report of a night as the XML that continuous integration reads (`junit-10.xsd` of Jenkins' xUnit plugin): a suite a watch list,
/// and a case a subject. Of those of this night a case fails where `twinbuild rebuild` would exit with 1, and has an error where it would exit
/// with 2. Of the others, what is reproduced passes, and the rest is skipped. What is news and about no subject is an error of its list,
/// or of the suite `the night`. The name of all is what is said first.
#[must_use]
pub fn junit(report: &NightReport) -> String {
    let suites = suites(report);
    let all = suites.iter().flat_map(|suite| &suite.cases);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = attribute(&text::first(report));
    out.push_str(&format!("<testsuites name=\"{name}\" {}>\n", counts(all)));
    for Suite { name, cases } in &suites {
        let skipped = cases.iter().filter(|case| matches!(case.end, End::Skipped(_))).count();
        // ISO 8601 without a zone, as the schema has it.
        let timestamp = report.about.started.strftime("%Y-%m-%dT%H:%M:%S");
        let name = attribute(name);
        let counts = counts(cases.iter());
        out.push_str(&format!(
            "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" timestamp=\"{timestamp}\">\n"
        ));
        cases.iter().for_each(|case| write_case(&mut out, case));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn suites(report: &NightReport) -> Vec<Suite<'_>> {
    let mut suites: Vec<Suite<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut add = |name, case| {
        let place = *places.entry(name).or_insert(suites.len());
        if place == suites.len() {
            suites.push(Suite { name, cases: Vec::new() });
        }
        suites[place].cases.extend(case);
    };
    // A list without subjects is a suite all the same.
    report.about.lists.iter().for_each(|list| add(&list.name, None));
    let news: HashMap<&str, &News> =
        report.news.iter().rev().filter_map(|news| Some((news.subject.as_deref()?, news))).collect();
    for subject in &report.subjects {
        let case = || case(subject, news.get(subject.result.subject.as_str()).copied());
        subject.lists.iter().for_each(|list| add(list, Some(case())));
        if subject.lists.is_empty() {
            add(OF_THE_NIGHT, Some(case()));
        }
    }
    let known: HashMap<&str, &NightSubject> =
        report.subjects.iter().map(|subject| (subject.result.subject.as_str(), subject)).collect();
    for news in &report.news {
        if news.subject.as_deref().is_some_and(|subject| known.contains_key(subject)) {
            continue;
        }
        let suite = news.lists.first().filter(|_| news.kind == NewsKind::ListUnreadable);
        let case = Case {
            class: "twinbuild".to_owned(),
            name: format!("{}: {}", news.kind.name(), news.about),
            millis: 0,
            end: End::Error(news.line.clone(), news.next.iter().cloned().collect()),
        };
        add(suite.map_or(OF_THE_NIGHT, |list| list), Some(case));
    }
    suites
}

fn case(subject: &NightSubject, news: Option<&News>) -> Case {
    let result = &subject.result;
    let line = super::subject_line(subject, crate::Style::Plain).trim_end().to_owned();
    let line = news.filter(|news| news.kind != NewsKind::NewlyReproduced).map_or(line, |news| news.line.clone());
    let mut lines: Vec<String> =
        result.findings.iter().map(|finding| format!("{}: {}", finding.place(), finding.detail)).collect();
    lines.extend(result.reason.as_ref().map(|reason| format!("{}: {}", reason.class, reason.detail)));
    lines.extend(result.error.clone());
    lines.extend(result.command());
    let end = match subject.kind() {
        _ if subject.is_good() => End::Passed,
        _ if !subject.is_of_this_night => End::Skipped(format!("not judged in this night; {line}")),
        ResultKind::BitForBit
        | ResultKind::Repacked
        | ResultKind::Normalized
        | ResultKind::Packaging
        | ResultKind::Code
        | ResultKind::Unsourced
        | ResultKind::Nondeterministic
        | ResultKind::Rejected => End::Failure(line, lines),
        ResultKind::Unbuildable
        | ResultKind::Inconclusive
        | ResultKind::Unsupported
        | ResultKind::SourceMissing
        | ResultKind::NoVerdict => End::Error(line, lines),
    };
    let millis = result.run_wall_ms.unwrap_or_else(|| result.durations_ms.values().sum());
    Case {
        class: format!("pypi.{}", subject.project),
        name: subject.shown(),
        millis: if subject.is_of_this_night { millis } else { 0 },
        end,
    }
}

fn write_case(out: &mut String, Case { class, name, millis, end }: &Case) {
    let (class, name, time) = (attribute(class), attribute(name), seconds(*millis));
    out.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"{time}\""));
    let (element, line, lines) = match end {
        End::Passed => return out.push_str("/>\n"),
        End::Skipped(line) => {
            return out.push_str(&format!("><skipped message=\"{}\"/></testcase>\n", attribute(line)));
        }
        End::Failure(line, lines) => ("failure", line, lines),
        End::Error(line, lines) => ("error", line, lines),
    };
    out.push_str(&format!("><{element} type=\"twinbuild\" message=\"{}\">", attribute(line)));
    for line in lines {
        out.push_str(&format!("{}\n", attribute(line)));
    }
    out.push_str(&format!("</{element}></testcase>\n"));
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let (mut tests, mut failures, mut errors, mut millis) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in cases {
        tests += 1;
        millis = millis.saturating_add(case.millis);
        match case.end {
            End::Passed | End::Skipped(_) => {}
            End::Failure(..) => failures += 1,
            End::Error(..) => errors += 1,
        }
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{}\"", seconds(millis))
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Foreign text on one line, as it can stand in an attribute and between tags. XML 1.0 (section 2.2) has no control characters, which are
/// written out already, and neither U+FFFE nor U+FFFF.
fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in on_one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
