//! What a private key is encrypted with.

use std::fmt;

use zeroize::Zeroizing;

use crate::KeyError;

/// OpenSSL's prompt takes no more (`PEM_BUFSIZE`).
const LIMIT_BYTES: usize = 1024;

/// A passphrase: 1 to 1024 bytes, overwritten in memory when it is dropped.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The passphrase as it is, without cutting off anything: whoever read it from a line removes the end of the line.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`], [`KeyError::LongPassphrase`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0 => Err(KeyError::EmptyPassphrase),
            length if length > LIMIT_BYTES => Err(KeyError::LongPassphrase { bytes: length, limit: LIMIT_BYTES }),
            _ => Ok(Self(bytes)),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
