//! The values of `POT-Creation-Date` and `PO-Revision-Date` in compiled gettext catalogues (GNU gettext manual, "The Format
//! of GNU MO Files" and "Filling in the Header Entry"), in both byte orders.
//!
//! They stand in the translation of the empty string, beside `Content-Type` and `Plural-Forms`, which decide how every
//! text is read and stay. A value is rewritten only if it is a date of the form `2024-02-29 12:30+0100`, and by one of the
//! same length, so nothing in the file moves; msgcat leaves several headers in one message, and each may have its dates. No
//! library decides by them. The tables of a catalogue may point anywhere, so a
//! catalogue whose header message shares a byte with a table or another string is a fault: there a date could be part of a
//! text. Catalogues of the minor revision 1 have further tables, and stay as they are.

use std::ops::Range;

use crate::dates::is_date;
use crate::error::Fault;
use crate::paths::is_data;
use crate::rule::{Effect, Rewrite, Rule, Stage, always, length};

const MAGIC: u32 = 0x9504_12de;
const KEYS: [&[u8]; 2] = [b"POT-Creation-Date", b"PO-Revision-Date"];
const FIXED: &[u8; 21] = b"1970-01-01 00:00+0000";
const HEADER_BYTES: u64 = 28;

pub(crate) const RULE: Rule = Rule {
    name: "gettext-dates",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Passes,
    files: "`*.mo`, `*.gmo`",
    what: "The dates `POT-Creation-Date` and `PO-Revision-Date` of the header message become `1970-01-01 00:00+0000`, which \
           has the same length.",
    concerns: |path| is_data(path, &[".mo", ".gmo"]),
    rewrite,
    agree: always,
};

/// What makes a compiled gettext catalogue malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogFault {
    /// The file ends within its header, a table or a string.
    #[error("the catalogue needs bytes {start} to {end}, and it has {size}")]
    Truncated {
        /// The first byte needed.
        start: u64,
        /// The byte after the last one needed.
        end: u64,
        /// The size of the file.
        size: usize,
    },
    /// A string is not followed by a NUL byte.
    #[error("the string of the catalogue that ends at offset {offset} is not followed by a NUL byte")]
    NotTerminated {
        /// Where the string ends.
        offset: usize,
    },
    /// The empty string is there twice, or is not the first.
    #[error("string {index} of the catalogue is empty, and only string 0, the key of the header message, may be")]
    EmptyString {
        /// Its index, from 0.
        index: usize,
    },
    /// The header message shares bytes with something else.
    #[error("the header message of the catalogue at offset {offset} shares bytes with a table or another string")]
    Overlap {
        /// Of the header message.
        offset: usize,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    let Some(catalog) = Catalog::of(content) else { return Ok(None) };
    let Some(message) = catalog.header_message()? else { return Ok(None) };
    let mut written = content.to_vec();
    let (mut offset, mut bytes) = (message.start, 0);
    for line in content[message].split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let value = KEYS.iter().find_map(|key| text.strip_prefix(*key)?.strip_prefix(b": "));
        if let Some(date) = value.filter(|value| is_dated(value) && *value != FIXED) {
            let start = offset + text.len() - date.len();
            written[start..start + date.len()].copy_from_slice(FIXED);
            bytes += length(date);
        }
        offset += line.len();
    }
    Ok((bytes > 0).then_some(Rewrite { content: written, bytes }))
}

/// Whether this is a date as xgettext and msgfmt write it: `YYYY-MM-DD HH:MM+ZZZZ`.
fn is_dated(value: &[u8]) -> bool {
    let Ok(value) = <&[u8; 21]>::try_from(value) else { return false };
    let has_form = value.iter().zip(FIXED).all(|(byte, like)| match like {
        b'0'..=b'9' => byte.is_ascii_digit(),
        b'+' => matches!(byte, b'+' | b'-'),
        other => byte == other,
    });
    // The form makes sure that all of these are digits.
    let two = |at: usize| value[at].wrapping_sub(b'0').wrapping_mul(10).wrapping_add(value[at + 1].wrapping_sub(b'0'));
    has_form && is_date(two(5), two(8), two(11), two(14), 0) && two(17) <= 14 && two(19) <= 59
}

struct Catalog<'a> {
    content: &'a [u8],
    is_big_endian: bool,
}

impl<'a> Catalog<'a> {
    /// `None` if the content does not begin like a catalogue of the revision 0.0 or 1.0.
    fn of(content: &'a [u8]) -> Option<Self> {
        let (magic, rest) = content.split_first_chunk::<4>()?;
        let is_big_endian = match *magic {
            magic if magic == MAGIC.to_le_bytes() => false,
            magic if magic == MAGIC.to_be_bytes() => true,
            _ => return None,
        };
        let catalog = Self { content, is_big_endian };
        // A file that ends here is a fault of the header, and not of another revision.
        let is_known = rest.len() < 4 || matches!(catalog.word(4), Ok(0 | 0x1_0000));
        is_known.then_some(catalog)
    }

    fn word(&self, offset: usize) -> Result<u32, CatalogFault> {
        let range = self.range(u64::try_from(offset).unwrap_or(u64::MAX), 4)?;
        let mut word = [0; 4];
        word.copy_from_slice(&self.content[range]);
        Ok(if self.is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    /// The bytes from `start` on, if the file has them.
    fn range(&self, start: u64, size: u64) -> Result<Range<usize>, CatalogFault> {
        let end = start.saturating_add(size);
        match (usize::try_from(start), usize::try_from(end)) {
            (Ok(from), Ok(to)) if to <= self.content.len() => Ok(from..to),
            _ => Err(CatalogFault::Truncated { start, end, size: self.content.len() }),
        }
    }

    /// Where the string is that entry `index` of a table describes; a NUL byte must follow it.
    fn string(&self, table: &Range<usize>, index: usize) -> Result<Range<usize>, CatalogFault> {
        let entry = table.start + index * 8;
        let (size, start) = (self.word(entry)?, self.word(entry + 4)?);
        let with_nul = self.range(u64::from(start), u64::from(size) + 1)?;
        let end = with_nul.end - 1;
        if self.content[end] == 0 { Ok(with_nul.start..end) } else { Err(CatalogFault::NotTerminated { offset: end }) }
    }

    /// Where the translation of the empty string is, if there is one. All tables and strings are checked.
    fn header_message(&self) -> Result<Option<Range<usize>>, CatalogFault> {
        let head = self.range(0, HEADER_BYTES)?;
        let count = self.word(8)?;
        let table = |offset: usize| self.range(u64::from(self.word(offset)?), u64::from(count) * 8);
        let (originals, translations) = (table(12)?, table(16)?);
        let hashes = self.range(u64::from(self.word(24)?), u64::from(self.word(20)?) * 4)?;
        let mut message = None;
        for index in 0..originals.len() / 8 {
            let is_empty = self.string(&originals, index)?.is_empty();
            let translation = self.string(&translations, index)?;
            match (is_empty, index) {
                (true, 0) => message = Some(translation),
                (true, _) => return Err(CatalogFault::EmptyString { index }),
                (false, _) => {}
            }
        }
        let Some(message) = message else { return Ok(None) };
        let overlap = CatalogFault::Overlap { offset: message.start };
        let overlaps = |other: &Range<usize>| other.start <= message.end && message.start < other.end;
        if [&head, &originals, &translations, &hashes].into_iter().any(overlaps) {
            return Err(overlap);
        }
        for index in 0..originals.len() / 8 {
            let original = self.string(&originals, index)?;
            let translation = self.string(&translations, index)?;
            // With its NUL byte, so that an empty string within the message counts too.
            let is_shared = |string: &Range<usize>| overlaps(&(string.start..string.end + 1));
            if is_shared(&original) || (index > 0 && is_shared(&translation)) {
                return Err(overlap);
            }
        }
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    const HEADER: &str = "Project-Id-Version: demo\nPOT-Creation-Date: 2024-02-29 12:30+0100\n\
        PO-Revision-Date: 2023-11-05 08:00-0500\nPlural-Forms: nplurals=2; plural=n != 1;\n";

    /// A catalogue as msgfmt lays it out, without a hash table.
    fn mo(is_big_endian: bool, messages: &[(&str, &str)]) -> Vec<u8> {
        let word = |value: usize| {
            let value = u32::try_from(value).unwrap();
            if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let count = messages.len();
        let (mut tables, mut strings) = ([Vec::new(), Vec::new()], Vec::new());
        let start = 28 + 16 * count;
        for (table, pick) in tables.iter_mut().zip([0, 1]) {
            for message in messages {
                let text = if pick == 0 { message.0 } else { message.1 };
                table.extend(word(text.len()));
                table.extend(word(start + strings.len()));
                strings.extend(text.bytes());
                strings.push(0);
            }
        }
        let head = [MAGIC as usize, 0, count, 28, 28 + 8 * count, 0, 28].map(word).concat();
        [head, tables.concat(), strings].concat()
    }

    fn catalog(header: &str) -> Vec<u8> {
        mo(false, &[("", header), ("yes", "ja")])
    }

    fn compare(a: &[u8], b: &[u8]) -> Equality {
        equal_after_rules(&"demo/locale/de/LC_MESSAGES/demo.mo".into(), a, b)
    }

    #[test]
    fn dates_are_replaced_in_both_byte_orders() {
        let fixed = HEADER.replace("2024-02-29 12:30+0100", "1970-01-01 00:00+0000");
        let fixed = fixed.replace("2023-11-05 08:00-0500", "1970-01-01 00:00+0000");
        for is_big_endian in [false, true] {
            let rewrite = rewrite(&mo(is_big_endian, &[("", HEADER), ("yes", "ja")])).unwrap().unwrap();
            assert_eq!(rewrite.content, mo(is_big_endian, &[("", &fixed), ("yes", "ja")]));
            assert_eq!(rewrite.bytes, 42);
            assert_eq!(super::rewrite(&rewrite.content).unwrap(), None);
        }
    }

    #[test]
    fn a_message_of_several_headers_has_several_dates() {
        let twice = catalog(&format!("{HEADER}#-#-#-#-#  de.po  #-#-#-#-#\n{HEADER}"));
        assert_eq!(rewrite(&twice).unwrap().unwrap().bytes, 84);
        assert_eq!(compare(&twice, &catalog(HEADER)), Equality::Different);
    }

    #[test]
    fn what_is_no_date_stays() {
        for value in [
            "YEAR-MO-DA HO:MI+ZONE",
            "2024-02-29 12:30",
            "2024-02-29 12:30+01000",
            "2024-13-29 12:30+0100",
            "2024-02-29 25:30+0100",
            "2024-02-29 12:30+9900",
            " 2024-02-29 12:30+0100",
            "",
        ] {
            assert_eq!(rewrite(&catalog(&format!("PO-Revision-Date: {value}\n"))).unwrap(), None, "{value}");
        }
        let date = "2024-02-29 12:30+0100";
        for header in
            [format!("X-Date: {date}\n"), format!("PO-Revision-Date:{date}\n"), format!("x PO-Revision-Date: {date}\n")]
        {
            assert_eq!(rewrite(&catalog(&header)).unwrap(), None, "{header}");
        }
        assert_eq!(rewrite(&mo(false, &[("yes", "PO-Revision-Date: 2024-02-29 12:30+0100\n")])).unwrap(), None);
        assert_eq!(rewrite(&mo(false, &[])).unwrap(), None);
        for content in [b"".as_slice(), b"\xde\x12", b"msgid"] {
            assert_eq!(rewrite(content).unwrap(), None);
        }
        let mut sysdep = catalog(HEADER);
        sysdep[4] = 1;
        assert_eq!(rewrite(&sysdep).unwrap(), None);
    }

    #[test]
    fn any_other_byte_still_differs() {
        let original = catalog(HEADER);
        let at = |text: &str| original.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
        let dates = [at("2024-02-29"), at("2023-11-05")].map(|start| start..start + 21);
        for at in 0..original.len() {
            for bit in 0..8 {
                let mut other = original.clone();
                other[at] ^= 1 << bit;
                let is_equal = compare(&original, &other).is_equal();
                assert!(!is_equal || dates.iter().any(|date| date.contains(&at)), "byte {at}, bit {bit}");
            }
        }
        let later = catalog(&HEADER.replace("2024-02-29", "2025-03-01"));
        assert!(compare(&original, &later).is_equal());
        let other_plural = HEADER.replace("2024-02-29", "2025-03-01").replace("n != 1", "n != 2");
        assert_eq!(compare(&original, &catalog(&other_plural)), Equality::Different);
        assert_eq!(compare(&original, &mo(true, &[("", HEADER), ("yes", "ja")])), Equality::Different);
    }

    #[test]
    fn a_malformed_catalogue_is_a_fault() {
        let original = catalog(HEADER);
        for cut in 4..original.len() {
            assert!(matches!(rewrite(&original[..cut]), Err(Fault::Catalog(_))), "{cut} bytes");
        }
        let empty_later = mo(false, &[("", "x"), ("", "y")]);
        assert!(matches!(rewrite(&empty_later), Err(Fault::Catalog(CatalogFault::EmptyString { index: 1 }))));
        let mut huge = original.clone();
        huge[8..12].fill(0xff);
        assert!(matches!(rewrite(&huge), Err(Fault::Catalog(CatalogFault::Truncated { .. }))));
        let mut open = original;
        *open.last_mut().unwrap() = b'x';
        assert!(matches!(rewrite(&open), Err(Fault::Catalog(CatalogFault::NotTerminated { .. }))));
    }

    #[test]
    fn a_header_message_that_is_also_another_text_is_a_fault() {
        let mut shared = catalog(HEADER);
        // The translation of `yes` becomes the last line of the header and its date the text: length and offset.
        let message = u32::from_le_bytes(shared[48..52].try_into().unwrap());
        shared[56..60].copy_from_slice(&(message + 20).to_le_bytes());
        shared[52..56].copy_from_slice(&u32::try_from(HEADER.len() - 20).unwrap().to_le_bytes());
        assert!(matches!(rewrite(&shared), Err(Fault::Catalog(CatalogFault::Overlap { .. }))));
        let mut hashed = catalog(HEADER);
        hashed[20] = 1;
        hashed[24..28].copy_from_slice(&(message + 40).to_le_bytes());
        assert!(matches!(rewrite(&hashed), Err(Fault::Catalog(CatalogFault::Overlap { .. }))));
    }
}
