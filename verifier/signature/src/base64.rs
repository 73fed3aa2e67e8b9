//! Base64 (RFC 4648), always with its padding, and without bits that say nothing.

use base64ct::{Base64, Base64Url, Encoding as _};

/// In the standard alphabet (section 4).
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// From the standard alphabet.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// From the standard or the URL-safe alphabet (section 5), never a mixture.
pub(crate) fn decode_either(text: &str) -> Option<Vec<u8>> {
    decode(text).or_else(|| Base64Url::decode_vec(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn text_with_a_second_reading_is_refused() {
        assert_eq!(decode_either("-_8="), decode_either("+/8="));
        for text in ["Zg", "Zg=", "Zh==", "Zg==\n", " Zg==", "Zg==Zg==", "-/8=", "Z", "====", "Zg===", "é"] {
            assert_eq!(decode_either(text), None, "{text}");
        }
    }
}
