//! What the lines of checkpoints and proofs are made of, each in the one spelling that is allowed.

use base64ct::{Base64, Encoding as _};
use twinbuild_subject::Sha256;

/// A decimal number without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in base64.
pub(crate) fn hash(text: &str) -> Option<Sha256> {
    let bytes = from_base64(text)?;
    Some(Sha256::from_bytes(bytes.try_into().ok()?))
}

/// Base64 with padding (RFC 4648 section 4).
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes that [`to_base64`] writes as `text`: padding is there, and bits that stand for nothing are 0.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// Foreign text for an error message, cut off after 80 characters.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(to_base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "=", "====", "Zg==Zg==", "Z g=", "Zm9v\n", "-_8=", "Zm9vé"]
        {
            assert_eq!(from_base64(text), None, "{text}");
        }
        for text in ["", "01", "00", "+1", "-0", " 1", "1 ", "0x1", "1_0", "18446744073709551616"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!([decimal("0"), decimal("18446744073709551615")], [Some(0), Some(u64::MAX)]);
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }

        #[test]
        fn no_two_texts_are_the_same_bytes(text in "[A-Za-z0-9+/=\n]{0,12}") {
            if let Some(bytes) = from_base64(&text) {
                prop_assert_eq!(to_base64(&bytes), text);
            }
        }
    }
}
