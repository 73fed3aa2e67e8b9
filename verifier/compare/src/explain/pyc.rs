//! `.pyc` files: their header (PEP 552), and whether the code differs too.

use twinbuild_rules::{Applied, Equality, equal_after_rules};
use twinbuild_subject::MemberPath;

use super::binary;
use super::content::{Explanation, Names};
use super::excerpt::Excerpt;

/// Of the header, in bytes.
const HEADER_BYTES: usize = 16;

/// Explains two `.pyc` files; `None` where one is too short or has no magic number.
pub(crate) fn explain(path: &MemberPath, old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (was, is) = (Header::of(old)?, Header::of(new)?);
    let mut excerpt = Excerpt::default();
    let mut changed = Vec::new();
    for ((name, before), (_, after)) in was.fields().into_iter().zip(is.fields()) {
        if before != after {
            excerpt.push(format!("{name}: {before} {}, {after} {}", names.old, names.new));
            changed.push(name);
        }
    }
    let header = format!("in the header ({})", changed.join(", "));
    let (old_code, new_code) = (&old[HEADER_BYTES..], &new[HEADER_BYTES..]);
    let place = if old_code == new_code {
        let noise = match equal_after_rules(path, old, new) {
            Equality::Explained { a, b } => {
                let rules: Vec<&str> = [a, b].concat().into_iter().map(|Applied { name, .. }| name).collect();
                rules.first().map_or_else(String::new, |rule| format!(": the known noise {rule}, which is no pass"))
            }
            Equality::Identical | Equality::Equal { .. } | Equality::Different | Equality::RuleFailed(_) => {
                String::new()
            }
        };
        format!("only {header}{noise}")
    } else {
        let code = binary::explain(old_code, new_code, names);
        excerpt.append("", code.excerpt);
        let code = format!("in the code behind the header, {}", code.place);
        if changed.is_empty() { code } else { format!("{header} and {code}") }
    };
    Some(Explanation { place, excerpt })
}

/// The four numbers of a header.
struct Header {
    magic: u16,
    flags: u32,
    words: [u32; 2],
}

impl Header {
    fn of(content: &[u8]) -> Option<Self> {
        let [m0, m1, b'\r', b'\n', f0, f1, f2, f3, a0, a1, a2, a3, b0, b1, b2, b3] =
            *content.first_chunk::<HEADER_BYTES>()?
        else {
            return None;
        };
        let word = u32::from_le_bytes;
        Some(Self {
            magic: u16::from_le_bytes([m0, m1]),
            flags: word([f0, f1, f2, f3]),
            words: [word([a0, a1, a2, a3]), word([b0, b1, b2, b3])],
        })
    }

    /// Names and values, as many for every header.
    fn fields(&self) -> [(&'static str, String); 4] {
        const HASH_BASED: u32 = 1;
        let [time, size] = self.words;
        let flags = match self.flags {
            0 => "0 (by time and size)".to_owned(),
            HASH_BASED => "1 (by hash, unchecked)".to_owned(),
            3 => "3 (by hash, checked)".to_owned(),
            other => format!("{other:#x}"),
        };
        let (third, fourth) = if self.flags & HASH_BASED == 0 {
            (format!("{time} seconds"), format!("{size} bytes"))
        } else {
            let hash: String =
                [time, size].iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("{byte:02x}")).collect();
            (format!("hash {hash}"), "of the hash".to_owned())
        };
        [("magic number", self.magic.to_string()), ("flags", flags), ("source time", third), ("source size", fourth)]
    }
}
