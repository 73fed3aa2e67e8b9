//! Entry bundles: the entries of a tile, one after the other, each behind its length in two big-endian bytes (C2SP tlog-tiles,
//! "Log entries").

use crate::tile::MAX_ENTRY_BYTES;

/// An entry that no bundle can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry has {bytes} bytes, and a log holds entries of at most {MAX_ENTRY_BYTES}")]
pub struct EntryTooLong {
    /// How many it has.
    pub bytes: usize,
}

/// Why bytes are not the entry bundle that they are held to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The last entry, or its length, is cut off.
    #[error("entry {position} of the bundle is cut off at offset {offset}")]
    Truncated {
        /// Which entry of the bundle, from 0 on.
        position: usize,
        /// Where it begins, in bytes.
        offset: usize,
    },
    /// More bytes than the entries that are to be there.
    #[error("{bytes} bytes follow the {expected} entries of the bundle")]
    Trailing {
        /// How many.
        bytes: usize,
        /// The entries that are to be there.
        expected: usize,
    },
}

/// Writes `entry` behind those that `bundle` holds.
///
/// # Errors
/// [`EntryTooLong`]; then nothing is written.
pub(crate) fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong { bytes: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle that has exactly `width` of them and nothing else.
///
/// # Errors
/// [`BundleError`].
pub(crate) fn entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bundle;
    for position in 0..usize::from(width) {
        let entry = rest
            .split_first_chunk()
            .and_then(|(length, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let Some((entry, after)) = entry else {
            return Err(BundleError::Truncated { position, offset: bundle.len() - rest.len() });
        };
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() {
        Ok(entries)
    } else {
        Err(BundleError::Trailing { bytes: rest.len(), expected: entries.len() })
    }
}

/// The first `width` entries of a bundle that has more, as bytes.
pub(crate) fn prefix(bundle: &[u8], width: u16) -> &[u8] {
    let mut end = 0;
    for _ in 0..width {
        let Some(length) = bundle.get(end..).and_then(<[u8]>::first_chunk) else { return bundle };
        end += 2 + usize::from(u16::from_be_bytes(*length));
    }
    bundle.get(..end).unwrap_or(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_lengths_and_entries() {
        let mut bundle = Vec::new();
        for entry in [&b"twin"[..], b"", b"build"] {
            push(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle, b"\0\x04twin\0\0\0\x05build");
        assert_eq!(entries(&bundle, 3), Ok(vec![&b"twin"[..], b"", b"build"]));
        assert_eq!(prefix(&bundle, 2), b"\0\x04twin\0\0");
        assert_eq!(prefix(&bundle, 4), bundle);
    }

    #[test]
    fn an_entry_has_at_most_65_535_bytes() {
        let mut bundle = Vec::new();
        push(&mut bundle, &[7; 65_535]).unwrap();
        assert_eq!(&bundle[..3], [0xff, 0xff, 7]);
        assert_eq!(push(&mut bundle, &[7; 65_536]), Err(EntryTooLong { bytes: 65_536 }));
        assert_eq!(bundle.len(), 65_537);
        assert_eq!(entries(&bundle, 1), Ok(vec![&[7; 65_535][..]]));
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        let bundle = b"\0\x04twin\0\x05build";
        assert_eq!(entries(bundle, 3), Err(BundleError::Truncated { position: 2, offset: 13 }));
        assert_eq!(entries(&bundle[..12], 2), Err(BundleError::Truncated { position: 1, offset: 6 }));
        assert_eq!(entries(&bundle[..7], 2), Err(BundleError::Truncated { position: 1, offset: 6 }));
        assert_eq!(entries(bundle, 1), Err(BundleError::Trailing { bytes: 7, expected: 1 }));
        assert_eq!(entries(b"\0", 0), Err(BundleError::Trailing { bytes: 1, expected: 0 }));
    }
}
