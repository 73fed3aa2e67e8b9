//! `.well-known/security.txt` (RFC 9116).

use crate::{Security, Site};

/// The file, where there is a contact that it can name. Lines end in a carriage return and a line feed, as section 2.2 prefers.
pub(crate) fn file(site: &Site) -> Option<(String, String)> {
    let Security { contact, expires } = site.security.as_ref()?;
    let mut text = format!("Contact: {}\r\n", uri(contact)?);
    text.push_str(&format!("Expires: {}\r\nPreferred-Languages: en\r\n", expires.strftime("%Y-%m-%dT%H:%M:%SZ")));
    let path = ".well-known/security.txt";
    if let Some(base) = site.base_url.as_deref().filter(|base| base.starts_with("https://") && is_line(base)) {
        text.push_str(&format!("Canonical: {}/{path}\r\n", base.trim_end_matches('/')));
    }
    Some((path.to_owned(), text))
}

/// The contact as a URI (section 2.5.3); none where it is no URI that is allowed there.
fn uri(contact: &str) -> Option<String> {
    if !is_line(contact) {
        return None;
    }
    let is_uri = ["https://", "mailto:", "tel:"].iter().any(|scheme| contact.starts_with(scheme));
    match contact.split_once('@') {
        _ if is_uri => Some(contact.to_owned()),
        Some((user, host)) if !user.is_empty() && !host.is_empty() && !contact.contains(':') => {
            Some(format!("mailto:{contact}"))
        }
        _ => None,
    }
}

/// Whether a text is of visible ASCII, as URIs are.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_a_uri() {
        assert_eq!(uri("security@rebuilds.example").as_deref(), Some("mailto:security@rebuilds.example"));
        assert_eq!(uri("https://rebuilds.example/s").as_deref(), Some("https://rebuilds.example/s"));
        for contact in ["", "http://rebuilds.example", "a@b\r\nExpires: 2099", "javascript:a@b", "@", "somebody"] {
            assert_eq!(uri(contact), None, "{contact:?}");
        }
    }
}
