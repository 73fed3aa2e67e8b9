//! What programs and libraries tell of their making: the compiler and its flags, the build id, paths, what was stripped, and
//! what they ask of others and offer to them. Only as far as their sections say so.

use std::collections::BTreeSet;

use object::{File, Object, ObjectSymbol, Symbol};

use super::super::content::Names;
use super::super::excerpt::quoted;
use super::{MOST_SYMBOLS, Section};

/// All values of one trait; one with more is not compared. A symbol's name ends where a NUL is found, so each of many could
/// otherwise have the length of the file.
const TRAIT_BYTES: usize = 4 << 20;
/// What stands in front of a build id: three numbers and `GNU` (ELF, "Note Section").
const NOTE_HEAD_BYTES: usize = 16;
/// So many values of one trait are shown, for either file.
const SHOWN_VALUES: usize = 4;
/// What compilers write about themselves and their flags begins so (DWARF 5, section 3.1.1, `DW_AT_producer`).
const PRODUCERS: [&[u8]; 6] =
    [b"GNU C", b"GNU AS ", b"GNU Fortran", b"clang version ", b"Debian clang ", b"rustc version "];

/// One trait in which two files differ.
pub(super) struct Trait {
    /// Its name.
    pub(super) name: &'static str,
    /// What either file has of it.
    pub(super) line: String,
}

/// A file with its sections, which do not overlap.
pub(super) type Read<'a> = (&'a File<'a>, &'a [Section], &'a [u8]);

/// The traits in which two files differ.
pub(super) fn differences(old: Read<'_>, new: Read<'_>, names: Names) -> Vec<Trait> {
    let (was, is) = (Traits::of(old.0, old.1, old.2), Traits::of(new.0, new.1, new.2));
    let mut differences: Vec<Trait> = Vec::new();
    let mut add = |name: &'static str, line: Option<String>| {
        differences.extend(line.map(|line| Trait { name, line: format!("{name}: {line}") }));
    };
    add("compiler", either(&was.compilers, &is.compilers, names));
    // Without debug information there are no flags to be seen, and that is said below.
    let are_known = [&was.flags, &is.flags].iter().all(|flags| flags.as_ref().is_some_and(|flags| !flags.is_empty()));
    add("compiler flags", if are_known { either(&was.flags, &is.flags, names) } else { None });
    add("build id", either(&was.build_id, &is.build_id, names));
    add("paths", either(&was.folders, &is.folders, names));
    add("libraries", either(&was.libraries, &is.libraries, names));
    add("exported symbols", either(&was.exports, &is.exports, names));
    add("debug information", only_one(was.has_debug_information, is.has_debug_information, names));
    add("symbol table", only_one(was.has_symbol_table, is.has_symbol_table, names));
    differences
}

/// Values by their bytes; `None` where there are too many.
type Values = Option<BTreeSet<Vec<u8>>>;

struct Traits {
    compilers: Values,
    flags: Values,
    build_id: Values,
    folders: Values,
    libraries: Values,
    exports: Values,
    has_debug_information: bool,
    has_symbol_table: bool,
}

impl Traits {
    fn of(file: &File<'_>, sections: &[Section], content: &[u8]) -> Self {
        let (mut compilers, mut flags, mut folders) = (Collected::new(), Collected::new(), Collected::new());
        let mut build_id = Collected::new();
        let (mut has_debug_information, mut has_symbol_table) = (false, false);
        for section in sections {
            let data = section.of(content);
            match section.name.as_str() {
                ".comment" => strings(data).for_each(|text| compilers.add(text)),
                // Written for `-frecord-gcc-switches`.
                ".GCC.command.line" => strings(data).for_each(|text| flags.add_words(text)),
                ".note.gnu.build-id" => {
                    let id: String = data.iter().skip(NOTE_HEAD_BYTES).map(|byte| format!("{byte:02x}")).collect();
                    build_id.add(id.as_bytes());
                }
                ".symtab" => has_symbol_table = true,
                ".debug_str" | ".debug_line_str" | ".debug_line" | ".debug_info" | ".rodata" | "__cstring" => {
                    has_debug_information |= section.name == ".debug_info";
                    for text in strings(data) {
                        if PRODUCERS.iter().any(|producer| text.starts_with(producer)) {
                            flags.add_words(text);
                        } else if let Some(folder) = folder_of(text) {
                            folders.add(folder);
                        }
                    }
                }
                _ => {}
            }
        }
        let (mut libraries, mut exports) = (Collected::new(), Collected::new());
        for library in file.import_libraries().into_iter().flatten().flatten() {
            libraries.add(library.name());
            if libraries.is_full() {
                break;
            }
        }
        let is_export = |symbol: &Symbol<'_, '_>| symbol.is_global() && !symbol.is_undefined();
        for symbol in file.dynamic_symbols().take(MOST_SYMBOLS).filter(is_export) {
            exports.add(symbol.name_bytes().unwrap_or_default());
            if exports.is_full() {
                break;
            }
        }
        Self {
            compilers: compilers.finish(),
            flags: flags.finish(),
            build_id: build_id.finish(),
            folders: folders.finish(),
            libraries: libraries.finish(),
            exports: exports.finish(),
            has_debug_information,
            has_symbol_table,
        }
    }
}

/// Values in the making.
struct Collected {
    values: BTreeSet<Vec<u8>>,
    bytes_left: Option<usize>,
}

impl Collected {
    fn new() -> Self {
        Self { values: BTreeSet::new(), bytes_left: Some(TRAIT_BYTES) }
    }

    fn add(&mut self, value: &[u8]) {
        // One that is there already was read all the same.
        self.bytes_left = self.bytes_left.and_then(|left| left.checked_sub(value.len() + 1));
        if self.bytes_left.is_some() && !value.is_empty() && !self.values.contains(value) {
            self.values.insert(value.to_vec());
        }
    }

    /// Adds what begins with a dash: flags, and not what they are for.
    fn add_words(&mut self, text: &[u8]) {
        text.split(u8::is_ascii_whitespace).filter(|word| word.starts_with(b"-")).for_each(|word| self.add(word));
    }

    fn is_full(&self) -> bool {
        self.bytes_left.is_none()
    }

    fn finish(self) -> Values {
        self.bytes_left.is_some().then_some(self.values)
    }
}

/// Text between NULs.
fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    data.split(|byte| *byte == 0).filter(move |text| !text.is_empty() && text.iter().all(is_printable))
}

/// The folder of what looks like the absolute path of a file or folder.
fn folder_of(text: &[u8]) -> Option<&[u8]> {
    const LONGEST_BYTES: usize = 4096;
    let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+~@".contains(byte);
    if !text.starts_with(b"/") || text.starts_with(b"//") || text.len() > LONGEST_BYTES || !text.iter().all(is_path) {
        return None;
    }
    let name = text.iter().rposition(|byte| *byte == b'/').filter(|at| *at > 0)?;
    // A last part with an ending is a file.
    Some(if text[name..].contains(&b'.') { &text[..name] } else { text })
}

/// What only one of two files has of a trait; `None` where there is nothing, or where it cannot be told.
fn either(was: &Values, is: &Values, names: Names) -> Option<String> {
    let (Some(was), Some(is)) = (was, is) else { return None };
    let list = |own: &BTreeSet<Vec<u8>>, other: &BTreeSet<Vec<u8>>, name: &str| {
        let only: Vec<&Vec<u8>> = own.difference(other).collect();
        let shown: Vec<String> = only.iter().take(SHOWN_VALUES).map(quoted).collect();
        let left_out = only.len().saturating_sub(SHOWN_VALUES) as u64;
        let more = if left_out > 0 { format!(" and {left_out} more") } else { String::new() };
        (!only.is_empty()).then(|| format!("only {name} {}{more}", shown.join(", ")))
    };
    let parts: Vec<String> = [list(is, was, names.new), list(was, is, names.old)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn only_one(was: bool, is: bool, names: Names) -> Option<String> {
    match (was, is) {
        (true, false) => Some(format!("only {}", names.old)),
        (false, true) => Some(format!("only {}", names.new)),
        _ => None,
    }
}
