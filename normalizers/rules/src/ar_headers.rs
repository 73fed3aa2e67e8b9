//! The member headers of static libraries (`ar`; there is no standard, this is the layout of `ar(5)` in FreeBSD and of GNU
//! binutils): time, user and group become 0, and the mode loses the read and write bits of group and others.
//!
//! A linker reads names, sizes and contents, which stay with their padding; the rewritten fields only matter to `ar x` and
//! `make`. The bits that make a member a program, or one with another's rights, stay, and so do those of the owner and the
//! type. The time of a BSD symbol table, `__.SYMDEF`, stays: Apple's linker compares it with that of the file to see
//! whether the table is stale. Blank fields, as GNU `ar` has them in its table of long names, stay blank.
//!
//! No library code is touched: a static library is native code, and only its headers are rewritten. Thin archives, which
//! have no contents, stay as they are.

use std::ops::Range;

use crate::error::Fault;
use crate::paths::is_data;
use crate::rule::{Effect, Rewrite, Rule, Stage, always};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;
const TIME: Range<usize> = 16..28;
const USER: Range<usize> = 28..34;
const GROUP: Range<usize> = 34..40;
const MODE: Range<usize> = 40..48;
const SIZE: Range<usize> = 48..58;
/// Read and write, for group and others.
const SHARED_BITS: u64 = 0o066;
const SYMBOLS: &[u8] = b"__.SYMDEF";

pub(crate) const RULE: Rule = Rule {
    name: "ar-headers",
    version: 1,
    stage: Stage::Value,
    effect: Effect::Passes,
    files: "`*.a`",
    what: "In each member header, time, user and group become 0 and the mode loses the read and write bits of group and \
           others; names, sizes, contents, and the time of `__.SYMDEF` stay.",
    concerns: |path| is_data(path, &[".a"]),
    rewrite,
    agree: always,
};

/// What makes an ar archive malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArFault {
    /// The file ends within a header or a member.
    #[error("the ar member at offset {offset} needs {needed} bytes, and {available} are left")]
    Truncated {
        /// Of the header.
        offset: usize,
        /// Header and contents, in bytes.
        needed: u64,
        /// The bytes left.
        available: usize,
    },
    /// A header does not end in a grave accent and a line feed.
    #[error("the ar header at offset {offset} ends in {found:02x?} and not in 60 0a")]
    End {
        /// Of the header.
        offset: usize,
        /// Its last two bytes.
        found: [u8; 2],
    },
    /// A field is no number.
    #[error("the ar header at offset {offset} has `{found}` as {field}, where digits and then blanks are expected")]
    Number {
        /// Of the header.
        offset: usize,
        /// What the field is.
        field: &'static str,
        /// The field, escaped.
        found: String,
    },
    /// The byte after a member of odd size is no line feed.
    #[error("the padding after an ar member at offset {offset} is {found:02x} and not 0a")]
    Padding {
        /// Of the byte.
        offset: usize,
        /// The byte.
        found: u8,
    },
}

fn rewrite(content: &[u8]) -> Result<Option<Rewrite>, Fault> {
    if !content.starts_with(MAGIC) {
        return Ok(None);
    }
    let mut written = content.to_vec();
    let mut offset = MAGIC.len();
    while offset < content.len() {
        let member = Member::at(content, offset)?;
        let mut put = |field: Range<usize>, text: String| {
            written[offset + field.start..offset + field.end].fill(b' ');
            written[offset + field.start..][..text.len()].copy_from_slice(text.as_bytes());
        };
        for (field, value) in [(TIME, member.time), (USER, member.user), (GROUP, member.group)] {
            let stays = value.is_none() || (field == TIME && member.is_symbol_table());
            if !stays {
                put(field, "0".to_owned());
            }
        }
        if let Some(mode) = member.mode {
            put(MODE, format!("{:o}", mode & !SHARED_BITS));
        }
        offset = member.end;
    }
    let changed = written.iter().zip(content).filter(|(after, before)| after != before).count();
    let bytes = u64::try_from(changed).unwrap_or(u64::MAX);
    Ok((bytes > 0).then_some(Rewrite { content: written, bytes }))
}

/// The fields that are rewritten; `None` where they are blank.
struct Member<'a> {
    name: &'a [u8],
    time: Option<u64>,
    user: Option<u64>,
    group: Option<u64>,
    mode: Option<u64>,
    data: &'a [u8],
    /// Where the next header begins.
    end: usize,
}

impl<'a> Member<'a> {
    fn at(content: &'a [u8], offset: usize) -> Result<Self, ArFault> {
        let rest = &content[offset..];
        let truncated = |needed: u64| ArFault::Truncated { offset, needed, available: rest.len() };
        let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() else { return Err(truncated(60)) };
        if header[58..] != *b"`\n" {
            return Err(ArFault::End { offset, found: [header[58], header[59]] });
        }
        let number = |field: Range<usize>, radix: u32, name: &'static str| {
            let fault =
                || ArFault::Number { offset, field: name, found: header[field.clone()].escape_ascii().to_string() };
            let digits = header[field.clone()].trim_ascii_end();
            let is_number = digits.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(digits).ok().filter(|_| is_number).ok_or_else(fault)?;
            if text.is_empty() {
                // Blank means spaces, and nothing else that trims away.
                return if header[field.clone()].iter().all(|byte| *byte == b' ') { Ok(None) } else { Err(fault()) };
            }
            u64::from_str_radix(text, radix).map(Some).map_err(|_| fault())
        };
        let size = number(SIZE, 10, "size")?.ok_or_else(|| ArFault::Number {
            offset,
            field: "size",
            found: " ".repeat(10),
        })?;
        // Ten digits at most.
        let needed = truncated(size + 60);
        let Some((data, after)) = usize::try_from(size).ok().and_then(|size| after.split_at_checked(size)) else {
            return Err(needed);
        };
        let mut end = content.len() - after.len();
        // The last member may go without padding.
        if !data.len().is_multiple_of(2)
            && let Some(byte) = after.first()
        {
            if *byte != b'\n' {
                return Err(ArFault::Padding { offset: end, found: *byte });
            }
            end += 1;
        }
        Ok(Self {
            name: &content[offset..offset + TIME.start],
            time: number(TIME, 10, "time")?,
            user: number(USER, 10, "user id")?,
            group: number(GROUP, 10, "group id")?,
            mode: number(MODE, 8, "mode")?,
            data,
            end,
        })
    }

    /// Whether it is a BSD symbol table; its name may stand before its contents (`#1/` and the name's length).
    fn is_symbol_table(&self) -> bool {
        let name = if self.name.starts_with(b"#1/") { self.data } else { self.name };
        name.starts_with(SYMBOLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Equality, equal_after_rules};

    fn member(name: &str, time: &str, user: &str, group: &str, mode: &str, data: &str) -> String {
        let padding = if data.len() % 2 == 1 { "\n" } else { "" };
        format!("{name:<16}{time:<12}{user:<6}{group:<6}{mode:<8}{:<10}`\n{data}{padding}", data.len())
    }

    fn library(members: &[String]) -> Vec<u8> {
        [MAGIC, members.concat().as_bytes()].concat()
    }

    fn object(time: &str, user: &str, group: &str, mode: &str) -> Vec<u8> {
        library(&[
            member("/", time, "0", "0", "0", "symbols!"),
            member("//", "", "", "", "", "a_long_object_name.o/\n"),
            member("a.o/", time, user, group, mode, "\x7fELF"),
            member("/0", time, user, group, mode, "\x7fELF2"),
        ])
    }

    fn compare(a: &[u8], b: &[u8]) -> Equality {
        equal_after_rules(&"demo/lib/libdemo.a".into(), a, b)
    }

    #[test]
    fn times_owners_and_shared_bits_are_rewritten() {
        let noisy = object("1700000000", "1000", "100", "100664");
        let rewrite = rewrite(&noisy).unwrap().unwrap();
        assert_eq!(rewrite.content, object("0", "0", "0", "100600"));
        // The first digit of the mode stays, as do two of its zeros.
        assert_eq!(rewrite.bytes, 3 * 10 + 2 * (4 + 3 + 2));
        assert_eq!(super::rewrite(&rewrite.content).unwrap(), None);
        assert!(compare(&noisy, &object("0", "0", "0", "100644")).is_equal());
    }

    #[test]
    fn other_mode_bits_still_differ() {
        for mode in ["100744", "100654", "100645", "104644", "102644", "120644", "100444"] {
            assert_eq!(
                compare(&object("1", "0", "0", "100644"), &object("2", "0", "0", mode)),
                Equality::Different,
                "{mode}"
            );
        }
    }

    #[test]
    fn the_time_of_a_bsd_symbol_table_stays() {
        for (name, data) in [("__.SYMDEF", "symbols"), ("#1/20", "__.SYMDEF SORTED\0\0\0\0symbols")] {
            let table = |time: &str, user: &str| library(&[member(name, time, user, "0", "0", data)]);
            assert_eq!(compare(&table("1", "0"), &table("2", "0")), Equality::Different);
            assert!(compare(&table("1", "0"), &table("1", "5")).is_equal());
        }
    }

    #[test]
    fn any_other_byte_still_differs() {
        let original = object("1700000000", "1000", "100", "100664");
        let mut free = Vec::new();
        let mut offset = 8;
        while offset < original.len() {
            free.push(offset + 16..offset + 48);
            offset = Member::at(&original, offset).unwrap().end;
        }
        for at in 0..original.len() {
            for bit in 0..8 {
                let mut other = original.clone();
                other[at] ^= 1 << bit;
                let is_equal = compare(&original, &other).is_equal();
                assert!(!is_equal || free.iter().any(|fields| fields.contains(&at)), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_malformed_archive_is_a_fault_and_another_format_is_none() {
        let original = object("1", "0", "0", "100644");
        let mut whole = vec![original.len() - 1];
        let mut offset = 8;
        while offset < original.len() {
            whole.push(offset);
            offset = Member::at(&original, offset).unwrap().end;
        }
        for cut in 8..original.len() {
            let is_fault = matches!(rewrite(&original[..cut]), Err(Fault::Ar(_)));
            assert!(is_fault != whole.contains(&cut), "{cut} bytes");
        }
        for broken in [
            member("a.o/", "-1", "0", "0", "644", ""),
            member("a.o/", "1 2", "0", "0", "644", ""),
            member("a.o/", "\t", "0", "0", "644", ""),
            member("a.o/", "0", "+0", "0", "644", ""),
            member("a.o/", "0", "0", "0", "648", ""),
            member("a.o/", "0", "0", "0", "644", "").replace("0         `", "          `"),
            member("a.o/", "0", "0", "0", "644", "").replace("0         `", "9999999999`"),
            member("a.o/", "0", "0", "0", "644", "").replace('`', "'"),
            member("a.o/", "0", "0", "0", "644", "x").replace("x\n", "xy"),
        ] {
            assert!(matches!(rewrite(&library(std::slice::from_ref(&broken))), Err(Fault::Ar(_))), "{broken:?}");
        }
        assert_eq!(rewrite(MAGIC).unwrap(), None);
        assert_eq!(rewrite(b"").unwrap(), None);
        assert_eq!(rewrite(b"!<thin>\nwhatever").unwrap(), None);
    }
}
