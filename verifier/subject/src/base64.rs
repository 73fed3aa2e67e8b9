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

/// The 32 bytes that Section 5 without padding writes as `text`; `None` for any other text, and for one that a writer would
/// not have written, as its unused bits are set.
pub(crate) fn url_safe_32(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 43 {
        return None;
    }
    let (mut bytes, mut written, mut word, mut bits) = ([0; 32], 0, 0_u32, 0);
    for digit in text {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        // At most six bits are left over from the digit before.
        word = word << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            *bytes.get_mut(written)? = u8::try_from(word >> bits).ok()?;
            word &= (1 << bits) - 1;
            written += 1;
        }
    }
    (word == 0).then_some(bytes)
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
            assert_eq!(url_safe(bytes.as_bytes()), text.trim_end_matches('='));
        }
        assert_eq!(standard(&[0xfb, 0xff]), "+/8=");
        assert_eq!(url_safe(&[0xfb, 0xff]), "-_8");
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
