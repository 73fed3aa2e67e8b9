//! The rows of `RECORD` for members that were rewritten.

use std::collections::HashMap;

use twinbuild_archive::{Archive, Member};
use twinbuild_record::row_path;
use twinbuild_subject::{MemberPath, Sha256};

/// A member's contents after the normalizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewContent {
    pub(crate) size_bytes: u64,
    pub(crate) sha256: Sha256,
}

/// `text` with the rows of rewritten members, given by index, brought up to date. Only a row that was true of the old content
/// is replaced: what lied goes on lying.
pub(crate) fn follow<'a>(
    text: &[u8],
    archive: &Archive,
    rewritten: impl Iterator<Item = (usize, &'a NewContent)>,
) -> Vec<u8> {
    let rows: HashMap<&MemberPath, (Vec<u8>, Vec<u8>)> = rewritten
        .filter_map(|(index, new)| {
            let Member { path, sha256, size_bytes, .. } = archive.members.get(index)?;
            let ends = (ending(&(*sha256)?, *size_bytes), ending(&new.sha256, new.size_bytes));
            Some((path, ends))
        })
        .collect();
    let mut followed = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let body = line.trim_ascii_end();
        let row = rows.get(&row_path(line)).and_then(|(old, new)| Some((body.strip_suffix(old.as_slice())?, new)));
        match row {
            Some((stem, new)) => {
                followed.extend(stem);
                followed.extend(new);
                followed.extend(&line[body.len()..]);
            }
            None => followed.extend(line),
        }
    }
    followed
}

/// What a row has after the path.
fn ending(sha256: &Sha256, size_bytes: u64) -> Vec<u8> {
    format!(",sha256={},{size_bytes}", sha256.to_url_safe_base64()).into_bytes()
}
