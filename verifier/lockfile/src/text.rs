//! From bytes to text, and the lines of it.

use std::path::Path;

use crate::LockfileError;

/// The largest lock file that is read, with all that it includes, in bytes: 64 MiB.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// The text of a lock file: UTF-8, with or without the mark in front that some editors write, and without NUL.
pub(crate) fn decode<'b>(path: &Path, bytes: &'b [u8]) -> Result<&'b str, LockfileError> {
    if bytes.len() > MOST_BYTES {
        let (size_bytes, limit_bytes) = (bytes.len() as u64, MOST_BYTES as u64);
        return Err(LockfileError::TooLarge { path: path.to_owned(), size_bytes, limit_bytes });
    }
    let refused = |at: usize, found: &str| LockfileError::NotText {
        path: path.to_owned(),
        line: line_at(bytes, at),
        found: found.to_owned(),
    };
    let rest = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(refused(0, "text in UTF-16 or UTF-32")),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        bytes => bytes,
    };
    let before = bytes.len() - rest.len();
    if let Some(at) = rest.iter().position(|byte| *byte == 0) {
        return Err(refused(before + at, "a NUL byte"));
    }
    std::str::from_utf8(rest).map_err(|error| refused(before + error.valid_up_to(), "a byte that is not UTF-8"))
}

/// The line, from 1, of an offset.
fn line_at(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// Where lines begin, to tell the line of an offset.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line, from 1, of an offset in bytes.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
