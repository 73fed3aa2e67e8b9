//! How others read a page.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What a Markdown reader makes of a page: its structure, and all text that is not code.
pub(crate) fn structure(page: &str) -> Vec<String> {
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
            Event::Start(Tag::Image { dest_url, .. }) => {
                assert!(dest_url.ends_with(".svg") && !dest_url.contains(['/', ':', ' ']), "{dest_url}");
                events.push("image".to_owned());
            }
            other => events.push(format!("{other:?}")),
        }
    }
    events
}
