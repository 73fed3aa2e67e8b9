//! What is read from addresses and paths.

/// The last part of an address' path, or of a path with either separator, with percent-encoded bytes decoded; without query
/// and fragment. `None` where it is empty, or not UTF-8.
pub(crate) fn file_name(address: &str) -> Option<String> {
    let path = if is_address(address) { address.split(['?', '#']).next().unwrap_or_default() } else { address };
    let last = path.rsplit(['/', '\\']).next().filter(|last| !last.is_empty())?;
    if is_address(address) { percent_decoded(last) } else { Some(last.to_owned()) }
}

/// Whether text is an address rather than a path: a scheme of two letters or more (RFC 3986 section 3.1) and a colon.
pub(crate) fn is_address(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// An address without its fragment, and the fragment's `key=value` pairs.
pub(crate) fn fragment(address: &str) -> (&str, Vec<(&str, &str)>) {
    let (address, fragment) = address.split_once('#').unwrap_or((address, ""));
    (address, fragment.split('&').filter_map(|pair| pair.split_once('=')).collect())
}

/// The address of a git repository, and the revision behind an `@` of its path.
pub(crate) fn revision(address: &str) -> (&str, Option<&str>) {
    let path = address.find("://").and_then(|at| Some(at + 3 + address.get(at + 3..)?.find('/')?)).unwrap_or(0);
    match address.rfind('@').filter(|at| *at > path) {
        Some(at) => (&address[..at], Some(&address[at + 1..])),
        None => (address, None),
    }
}

/// RFC 3986 section 2.1. An escape that is none stays as it is.
fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let decoded = match rest {
            [b'%', high, low, ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        rest = if decoded.is_some() { rest.get(3..).unwrap_or_default() } else { after };
        bytes.push(decoded.unwrap_or(*first));
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_end_addresses_and_paths() {
        for (address, name) in [
            (
                "https://files.example/a/six-1.0%2Bcu118-py3-none-any.whl?x=/y#sha256=1",
                Some("six-1.0+cu118-py3-none-any.whl"),
            ),
            ("wheels/six-1.0.tar.gz", Some("six-1.0.tar.gz")),
            (r"C:\wheels\six-1.0%2B.zip", Some("six-1.0%2B.zip")),
            ("https://files.example/", None),
            ("https://files.example/%ff", None),
            ("https://files.example/100%", Some("100%")),
            ("", None),
        ] {
            assert_eq!(file_name(address).as_deref(), name, "{address}");
        }
    }

    #[test]
    fn a_revision_stands_behind_the_path() {
        assert_eq!(revision("https://git@git.example/a"), ("https://git@git.example/a", None));
        assert_eq!(revision("ssh://git@git.example/a@v1"), ("ssh://git@git.example/a", Some("v1")));
        assert_eq!(revision("a"), ("a", None));
    }

    #[test]
    fn fragments_are_pairs() {
        assert_eq!(fragment("u#egg=a&subdirectory=b&c"), ("u", vec![("egg", "a"), ("subdirectory", "b")]));
        assert_eq!(fragment("u"), ("u", vec![]));
    }
}
