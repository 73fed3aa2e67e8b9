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
    decode(text.trim_end_matches('=').as_bytes(), b"+/").filter(|bytes| standard(bytes) == text)
}

/// The 32 bytes that section 5 without padding writes as `text`; `None` for any other text, and for one that a writer would not have written, as its
/// unused bits are set.
pub(crate) fn url_safe_32(text: &[u8]) -> Option<[u8; 32]> {
    let bytes = decode(text, b"-_").filter(|bytes| url_safe(bytes).as_bytes() == text)?;
    bytes.try_into().ok()
}

fn decode(digits: &[u8], last_two: &[u8; 2]) -> Option<Vec<u8>> {
    let value = |digit: u8| {
        Some(match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            _ => 62 + u8::try_from(last_two.iter().position(|last| *last == digit)?).ok()?,
        })
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.chunks(4) {
        let word = chunk.iter().try_fold(0_u32, |word, digit| Some(word << 6 | u32::from(value(*digit)?)))?;
        let [_, first, second, third] = (word << (24 - 6 * u32::try_from(chunk.len()).ok()?)).to_be_bytes();
        bytes.extend([first, second, third].get(..chunk.len() * 3 / 4)?);
    }
    Some(bytes)
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

    #[test]
    fn digests_are_read_back_and_other_text_is_not() {
        for byte in [0, 1, 0x5a, 0xfb, 0xff] {
            let bytes = [byte; 32];
            let text = url_safe(&bytes);
            assert_eq!(url_safe_32(text.as_bytes()), Some(bytes));
            assert_eq!(url_safe_32(format!("{text}=").as_bytes()), None);
            assert_eq!(url_safe_32(&text.as_bytes()[1..]), None);
        }
        let mut bytes = [0; 32];
        (0..32).for_each(|i| bytes[i] = u8::try_from(i * 7).unwrap());
        assert_eq!(url_safe_32(url_safe(&bytes).as_bytes()), Some(bytes));
        assert_eq!(url_safe_32("A".repeat(42).as_bytes()), None);
        let with_unused_bits = format!("{}B", "A".repeat(42));
        assert_eq!(url_safe_32(with_unused_bits.as_bytes()), None);
        assert_eq!(url_safe_32(format!("{}+", "A".repeat(42)).as_bytes()), None);
    }
}
