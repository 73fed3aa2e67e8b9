//! A strict reader of markup: of what HTML and XML have in common, with every attribute in quotes.

/// Elements of HTML that have no end.
const VOID: [&str; 2] = ["meta", "link"];

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All start tags of a document; or what is wrong with it and where.
pub(crate) fn read(text: &str, is_xml: bool) -> Result<Vec<Tag>, String> {
    let head = if is_xml { "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" } else { "<!DOCTYPE html>" };
    let mut rest = text.strip_prefix(head).ok_or("no proper beginning")?;
    let (mut open, mut tags): (Vec<String>, Vec<Tag>) = (Vec::new(), Vec::new());
    loop {
        let at = |what: &str, rest: &str| Err(format!("{what} at {:?}", rest.chars().take(60).collect::<String>()));
        let (before, after) = match rest.split_once('<') {
            Some(parts) => parts,
            None if open.is_empty() && rest.trim().is_empty() => return Ok(tags),
            None => return at("text outside, or no end", rest),
        };
        let is_style = open.last().is_some_and(|name| name == "style");
        if !is_style && (before.contains('>') || !references_are_known(before)) {
            return at("a bare character", before);
        }
        if open.is_empty() && !before.trim().is_empty() {
            return at("text outside", before);
        }
        let (tag, next) = after.split_once('>').ok_or("a tag without an end")?;
        rest = next;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return at("an end without a beginning", tag);
            }
            continue;
        }
        let is_empty = tag.ends_with('/');
        let tag = parse(tag.strip_suffix('/').unwrap_or(tag)).ok_or_else(|| format!("no tag: {tag:?}"))?;
        if !(is_empty && is_xml || !is_xml && VOID.contains(&tag.name.as_str())) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
}

fn parse(text: &str) -> Option<Tag> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:".contains(&b));
    let end = text.find(' ').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let attribute = rest.strip_prefix(' ')?;
        let end = attribute.find([' ', '=']).unwrap_or(attribute.len());
        let key = &attribute[..end];
        let is_new = !attributes.iter().any(|(other, _)| other == key);
        let value = match attribute[end..].strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                rest = after;
                value
            }
            None => {
                rest = &attribute[end..];
                ""
            }
        };
        if !is_name(key) || !is_new || !references_are_known(value) {
            return None;
        }
        attributes.push((key.to_owned(), value.replace("&amp;", "&")));
    }
    is_name(name).then(|| Tag { name: name.to_owned(), attributes })
}

fn references_are_known(text: &str) -> bool {
    let known = ["amp;", "lt;", "gt;", "quot;"];
    text.split('&').skip(1).all(|part| known.iter().any(|reference| part.starts_with(reference)))
}

#[test]
fn the_reader_is_strict() {
    let page = |body: &str| read(&format!("<!DOCTYPE html><p>{body}</p>"), false);
    assert_eq!(page("<a href=\"x&amp;y\">&lt;</a>").unwrap()[1].attribute("href"), Some("x&y"));
    for wrong in [
        "<b>",
        "</b>",
        "<b></i>",
        "&nbsp;",
        "a > b",
        "<a href=x></a>",
        "<a x=\"1\" x=\"2\"></a>",
        "<a x=\"<\"></a>x</p>",
    ] {
        assert!(page(wrong).is_err(), "{wrong}");
    }
}
