//! A page as one HTML file.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use twinbuild_compare::{ByteCounts, Finding, Severity};
use twinbuild_subject::Sha256;

use crate::escape::{escape, on_one_line};
use crate::meaning;
use crate::page::{
    Block, ByteKind, Group, Inline, LineKind, Page, Section, Table, Tone, byte_kinds, count_of, counted, grouped,
    grouped_findings, share,
};

/// The only style: nothing else may style the page, as its policy names the digest of this.
const STYLE: &str = include_str!("page.css");
/// The style of a page with pictures.
pub(crate) const STYLE_WITH_PICTURES: &str = concat!(include_str!("page.css"), include_str!("picture.css"));

/// So many findings of one severity stand open, and the others are folded away.
const OPEN_FINDINGS: usize = 20;

/// So many members of one kind of finding stand open.
const OPEN_PATHS: usize = 10;

/// An excerpt of up to this many lines stands open.
const OPEN_LINES: usize = 12;

/// The page as a file.
pub(crate) fn render(page: &Page<'_>) -> String {
    let style = if page.has_picture() { STYLE_WITH_PICTURES } else { STYLE };
    let digest = Sha256::of(style.as_bytes()).to_base64();
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let about = page.about.iter().map(|name| on_one_line(name)).collect::<Vec<_>>().join(", ");
    let Parts { header, sections, footer } = parts(page);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.word) ": " (about) }
                // The one text that is not escaped: a constant of this file.
                style { (PreEscaped(style)) }
            }
            body {
                main {
                    (header)
                    (sections)
                }
                footer { p { (footer) } }
            }
        }
    };
    // Markup has none of the characters that this writes out, so no foreign text can keep one.
    escape(&markup.into_string()) + "\n"
}

/// What stands in a page, by its parts. Words of ours and foreign text are told apart and escaped as markup; what holds them still
/// has to pass through [`escape`], as a whole page does.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The `<header>`: an `<h1>` with the outcome and what it is about, and what it means.
    pub header: Markup,
    /// Each with an `<h2>`, the news first.
    pub sections: Markup,
    /// What wrote it: a line.
    pub footer: Markup,
}

/// The parts of a page.
pub(crate) fn parts(page: &Page<'_>) -> Parts {
    Parts {
        header: header(page),
        sections: html! { @for section in &page.sections { (self::section(section)) } },
        footer: line(&page.footer),
    }
}

fn header(page: &Page<'_>) -> Markup {
    let tone = match page.tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Undecided => "open",
    };
    html! {
        header class=(tone) {
            h1 {
                (page.word)
                @if !page.qualities.is_empty() { " (" (page.qualities.join("; ")) ")" }
                @for name in &page.about { " " code { (on_one_line(name)) } }
            }
            @for sentence in &page.meaning { p { (sentence) } }
        }
    }
}

fn section(section: &Section<'_>) -> Markup {
    html! {
        section {
            h2 { (section.title) }
            @for block in &section.blocks { (self::block(block)) }
        }
    }
}

fn block(block: &Block<'_>) -> Markup {
    match block {
        Block::Paragraph(parts) => html! { p { (line(parts)) } },
        Block::Facts(facts) => html! {
            table.facts {
                @for (name, value) in facts { tr { th scope="row" { (name) } td { (line(value)) } } }
            }
        },
        Block::Table(table) => self::table(table),
        Block::Findings(findings) => self::findings(findings),
        Block::Foreign(text) => html! { pre { (text) } },
        Block::Bytes(bytes) => self::bytes(bytes),
        Block::Picture(picture) => picture.markup(),
        Block::Entries(entries) => html! {
            ul { @for entry in entries { li class=[entry.severity.map(meaning::severity)] {
                (line(&entry.head))
                @for parts in &entry.lines { p { (line(parts)) } }
            } } }
        },
        Block::Folded { summary, blocks } => html! {
            details {
                summary { (summary) }
                @for block in blocks { (self::block(block)) }
            }
        },
    }
}

fn table(table: &Table) -> Markup {
    let cell = |parts: &[Inline]| match parts {
        [Inline::Name(name)] if table.is_of_names => html! { (on_one_line(name)) },
        parts => line(parts),
    };
    let label = table.head.iter().copied().filter(|head| !head.is_empty()).collect::<Vec<_>>().join(", ");
    let rows = html! {
        table class=[table.is_of_names.then_some("names")] {
            thead { tr { @for head in &table.head {
                @if head.is_empty() { td {} } @else { th scope="col" { (head) } }
            } } }
            tbody { @for row in &table.rows { tr {
                @for (index, parts) in row.iter().enumerate() {
                    @if index == 0 { th scope="row" { (cell(parts)) } } @else { td { (cell(parts)) } }
                }
            } } }
        }
    };
    in_a_box(&label, &rows)
}

/// A table in a box of its own, in which it is moved with the keyboard as well where it is wider than the page.
fn in_a_box(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="group" aria-label=(label) tabindex="0" { (table) } }
}

fn line(parts: &[Inline]) -> Markup {
    html! {
        @for part in parts {
            @match part {
                Inline::Words(words) => (words),
                Inline::Name(name) => code { (on_one_line(name)) },
                Inline::Sentence(sentence) => bdi { (on_one_line(sentence)) },
            }
        }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    html! {
        @for severity in [Severity::Alert, Severity::Warning, Severity::Note] {
            @let of_severity: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
            @if !of_severity.is_empty() {
                @let word = meaning::severity(severity);
                @let groups = grouped_findings(&of_severity);
                @let (open, folded) = groups.split_at(groups.len().min(OPEN_FINDINGS));
                section class=(word) {
                    h3 { (counted(count_of(&of_severity), word, &format!("{word}s"))) }
                    p.soft { (meaning::of_severity(severity)) }
                    ul { @for group in open { (self::group(group)) } }
                    @if !folded.is_empty() {
                        details {
                            summary { (grouped(count_of(folded))) " more" }
                            ul { @for group in folded { (self::group(group)) } }
                        }
                    }
                }
            }
        }
    }
}

fn group(group: &Group<'_>) -> Markup {
    let Group { finding, paths } = group;
    let (open, folded) = paths.split_at(paths.len().min(OPEN_PATHS));
    html! {
        li {
            code { (on_one_line(&finding.code)) }
            @match paths.as_slice() {
                [] => {},
                [path] => { " in " code { (path) } },
                paths => { " in " (counted(count_of(paths), "member", "members")) },
            }
            p { bdi { (on_one_line(&finding.detail)) } }
            @if paths.len() > 1 {
                ol { @for path in open { li { code { (path) } } } }
                @if !folded.is_empty() {
                    details {
                        summary { (grouped(count_of(folded))) " more" }
                        ol { @for path in folded { li { code { (path) } } } }
                    }
                }
            }
            @if !finding.excerpt.is_empty() {
                details open[finding.excerpt.len() <= OPEN_LINES] {
                    summary { (counted(count_of(&finding.excerpt), "line", "lines")) " of what differs" }
                    pre { @for line in &finding.excerpt { (excerpt_line(line)) } }
                }
            }
        }
    }
}

fn excerpt_line(line: &str) -> Markup {
    let text = on_one_line(line);
    match LineKind::of(line) {
        LineKind::Added => html! { span.add { (text) } },
        LineKind::Removed => html! { span.del { (text) } },
        LineKind::Other => html! { span { (text) } },
    }
}

/// A bar, which is decoration, and the table that says the same.
fn bytes(bytes: &ByteCounts) -> Markup {
    /// The bar's length; each kind that occurs has at least 4 of it.
    const LENGTH: u64 = 1000;
    let mut at = 0;
    let mut segments = Vec::new();
    let kinds = byte_kinds(bytes);
    for ByteKind { name, count, .. } in kinds.iter().filter(|kind| kind.count > 0) {
        let exact = u128::from(*count) * u128::from(LENGTH) / u128::from(bytes.total.max(1));
        let width = u64::try_from(exact).unwrap_or(LENGTH).clamp(4, LENGTH);
        segments.push((name, at, width.saturating_sub(1)));
        at += width;
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { "bytes" } th.num scope="col" { "count" } th.num scope="col" { "share" } th scope="col" { "meaning" } } }
            tbody { @for ByteKind { name, count, meaning } in &kinds { tr {
                th scope="row" { i class=(name) {} (name) }
                td.num { (grouped(*count)) }
                td.num { (share(*count, bytes.total)) }
                td { (meaning) }
            } } }
        }
    };
    html! {
        svg viewBox=(format!("0 0 {} 10", at.max(1))) preserveAspectRatio="none" aria-hidden="true" {
            @for (name, x, width) in segments { rect class=(name) x=(x) width=(width) height="10" {} }
        }
        (in_a_box("bytes", &table))
    }
}
