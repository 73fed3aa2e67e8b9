//! Base64 (RFC 4648), in the two alphabets that names and digests are written in.

/// Section 4, with padding.
pub(crate) fn standard(bytes: &[u8]) -> String {
    let mut text = encode(bytes, b"+/");
    text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
    text
}

/// Section 5, without padding.
pub(crate) fn url_safe(bytes: &[u8]) -> String {
    encode(bytes, b"-_")
}

/// The bytes of section 4's form, with its padding; nothing for any other text, one with left-over bits among them.
pub(crate) fn of_standard(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.as_bytes().chunks(4) {
        let word = chunk.iter().try_fold(0_u32, |word, digit| Some(word << 6 | u32::from(value(*digit)?)))?;
        let [_, first, second, third] = (word << (24 - 6 * u32::try_from(chunk.len()).ok()?)).to_be_bytes();
        bytes.extend([first, second, third].get(..chunk.len() * 3 / 4)?);
    }
    (standard(&bytes) == text).then_some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

fn encode(bytes: &[u8], last_two: &[u8; 2]) -> String {
    const FIRST: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_usize, |word, (i, byte)| word | usize::from(*byte) << (16 - 8 * i));
        for i in 0..=chunk.len() {
            let digit = word >> (18 - 6 * i) & 63;
            text.push(char::from(FIRST.get(digit).copied().unwrap_or_else(|| last_two[digit & 1])));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(standard(bytes.as_bytes()), text);
            assert_eq!(of_standard(text).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(url_safe(bytes.as_bytes()), text.trim_end_matches('='));
        }
        assert_eq!(standard(&[0xfb, 0xff]), "+/8=");
        assert_eq!(url_safe(&[0xfb, 0xff]), "-_8");
        assert_eq!(of_standard("+/8=").as_deref(), Some([0xfb, 0xff].as_slice()));
    }

    #[test]
    fn one_text_stands_for_some_bytes() {
        for text in ["Zg", "Zg=", "Zg===", "Zh==", "Z", "Z===", "Zm9=", "Zm9v\n", "-_8=", "Zg==Zg==", "="] {
            assert_eq!(of_standard(text), None, "{text:?}");
        }
    }
}
