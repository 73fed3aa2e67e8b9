//! A page as Markdown.
//!
//! Foreign text stands only in code spans on one line and in fenced blocks, where CommonMark reads nothing (sections 4.5
//! and 6.1), behind more backticks than it has itself. In a table a `|` would end the cell even there, so it is written out.

use maud::html;
use twinbuild_compare::{ByteCounts, Finding, Severity};

use crate::escape::{escape, on_one_line};
use crate::meaning;
use crate::page::{
    Block, ByteKind, Entry, Group, Inline, Page, Table, byte_kinds, count_of, counted, grouped, grouped_findings, share,
};

/// At most this many findings of one severity, or rows of a table, are shown; HTML and JSON have all.
const SHOWN: usize = 50;

/// The page as a file; what its pictures are called begins with `file_stem`.
pub(crate) fn render(page: &Page<'_>, file_stem: &str) -> String {
    let mut out = format!("# {}", own(&page.word));
    if !page.qualities.is_empty() {
        out.push_str(&own(&format!(" ({})", page.qualities.join("; "))));
    }
    let about: Vec<String> = page.about.iter().map(|name| span(name)).collect();
    out.push_str(&format!(": {}\n\n", about.join(", ")));
    for sentence in &page.meaning {
        out.push_str(&format!("{}\n\n", own(sentence)));
    }
    for section in &page.sections {
        out.push_str(&format!("## {}\n\n", own(section.title)));
        for block in &section.blocks {
            self::block(&mut out, block, file_stem);
        }
    }
    out.push_str(&format!("---\n\n{}\n", line(&page.footer)));
    escape(&out)
}

fn block(out: &mut String, block: &Block<'_>, file_stem: &str) {
    match block {
        Block::Paragraph(parts) => out.push_str(&format!("{}\n\n", line(parts))),
        Block::Facts(facts) => {
            for (name, value) in facts {
                out.push_str(&format!("- {}: {}\n", own(name), line(value)));
            }
            out.push('\n');
        }
        Block::Table(table) => self::table(out, table),
        Block::Findings(findings) => self::findings(out, findings),
        Block::Foreign(text) => {
            let lines: Vec<&str> = text.lines().collect();
            fenced(out, "", "", lines.iter().copied());
        }
        Block::Bytes(bytes) => self::bytes(out, bytes),
        Block::Picture(picture) => {
            let target = address(&format!("{file_stem}-{}.svg", picture.name));
            out.push_str(&format!("![{}]({target})\n\n", own(picture.title)));
        }
        Block::Entries(entries) => {
            for Entry { head, lines, .. } in entries {
                out.push_str(&format!("- {}\n", line(head)));
                for parts in lines {
                    out.push_str(&format!("  - {}\n", line(parts)));
                }
            }
            out.push('\n');
        }
        Block::Folded { summary, blocks } => {
            out.push_str(&format!("<details>\n{}\n\n", html! { summary { (summary) } }.into_string()));
            for block in blocks {
                self::block(out, block, file_stem);
            }
            out.push_str("</details>\n\n");
        }
    }
}

fn table(out: &mut String, table: &Table) {
    let head: Vec<String> = table.head.iter().map(|name| own(name)).collect();
    row(out, &head);
    row(out, &vec!["---".to_owned(); table.head.len()]);
    for cells in table.rows.iter().take(SHOWN) {
        let cells: Vec<String> = cells.iter().map(|cell| line(cell)).collect();
        row(out, &cells);
    }
    out.push('\n');
    more(out, table.rows.len());
}

fn bytes(out: &mut String, bytes: &ByteCounts) {
    row(out, &["bytes", "count", "share", "meaning"].map(own));
    row(out, &["---", "---:", "---:", "---"].map(str::to_owned));
    for ByteKind { name, count, meaning } in byte_kinds(bytes) {
        row(out, &[own(name), grouped(count), own(&share(count, bytes.total)), own(meaning)]);
    }
    out.push('\n');
}

fn row(out: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\u{7c}")).collect();
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn findings(out: &mut String, findings: &[Finding]) {
    for severity in [Severity::Alert, Severity::Warning, Severity::Note] {
        let of_severity: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == severity).collect();
        if of_severity.is_empty() {
            continue;
        }
        let word = meaning::severity(severity);
        out.push_str(&format!("### {}\n\n", counted(count_of(&of_severity), word, &format!("{word}s"))));
        out.push_str(&format!("{}\n\n", own(meaning::of_severity(severity))));
        let groups = grouped_findings(&of_severity);
        for Group { finding, paths } in groups.iter().take(SHOWN) {
            let place = match paths.as_slice() {
                [] => String::new(),
                [path] => format!(" in {}", span(&path.to_string())),
                paths => format!(" in {}", counted(count_of(paths), "member", "members")),
            };
            out.push_str(&format!("- {}{place}: {}\n", span(&finding.code), span(&finding.detail)));
            if paths.len() > 1 {
                for path in paths.iter().take(SHOWN) {
                    out.push_str(&format!("  - {}\n", span(&path.to_string())));
                }
                if paths.len() > SHOWN {
                    out.push_str(&format!("  - {} more\n", grouped(count_of(&paths[SHOWN..]))));
                }
            }
            if !finding.excerpt.is_empty() {
                out.push('\n');
                fenced(out, "  ", "diff", finding.excerpt.iter().map(String::as_str));
            }
        }
        out.push('\n');
        more(out, groups.len());
    }
}

/// Says how many are not shown.
fn more(out: &mut String, count: usize) {
    if count > SHOWN {
        out.push_str(&format!("{} more: see `--format html` or `--format json`.\n\n", count - SHOWN));
    }
}

fn line(parts: &[Inline]) -> String {
    let parts = parts.iter().map(|part| match part {
        Inline::Words(words) => own(words),
        Inline::Name(text) | Inline::Sentence(text) => span(text),
    });
    parts.collect()
}

/// Words of ours, in which nothing is to be read as Markdown.
fn own(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for c in words.chars() {
        if "\\`*_[]<>&#".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// The address of a file beside the page.
fn address(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Foreign text as a code span on one line.
fn span(text: &str) -> String {
    let text = on_one_line(text).replace('\t', "\\t");
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space on each side is dropped by readers, unless there is nothing else.
    let is_blank = text.chars().all(|c| c == ' ');
    let pad = if !is_blank && (text.starts_with(['`', ' ']) || text.ends_with(['`', ' '])) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Foreign lines as a fenced block, each line behind `indent`.
fn fenced<'a>(out: &mut String, indent: &str, language: &str, lines: impl Iterator<Item = &'a str>) {
    let lines: Vec<_> = lines.map(on_one_line).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("{indent}{fence}{language}\n"));
    for line in lines {
        out.push_str(&format!("{indent}{line}\n"));
    }
    out.push_str(&format!("{indent}{fence}\n\n"));
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
