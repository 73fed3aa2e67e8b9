//! Base64 (RFC 4648), in the two alphabets that names and digests are written in, and in the one spelling that each text has.

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};

/// Section 4, with padding.
pub(crate) fn standard(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// Section 5, without padding.
pub(crate) fn url_safe(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The bytes of section 4's form, with its padding; nothing for any other text, one with left-over bits among them.
pub(crate) fn of_standard(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// The 32 bytes that section 5 without padding writes as `text`; `None` for any other text, and for one that a writer would not have written, as its
/// unused bits are set.
pub(crate) fn url_safe_32(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    Base64UrlUnpadded::decode(text, &mut bytes).ok().filter(|read| read.len() == 32)?;
    Some(bytes)
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
