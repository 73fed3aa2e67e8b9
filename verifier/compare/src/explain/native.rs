//! Programs and libraries (ELF, PE, Mach-O): in which section and symbol their bytes differ.
//!
//! What explains a difference, such as a build id or a path of the build, is named. It never makes a difference a pass.

mod traits;

use std::collections::HashMap;
use std::ops::Range;

use object::{File, Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind};

use super::binary::{Run, SHOWN_RUNS, Scanner, Tally, ends, run_line};
use super::content::{Explanation, Names, sizes};
use super::excerpt::{Excerpt, counted, quoted, shown};
use super::fields::named;

/// Sections and symbols beyond these are not looked at: no linker writes as many.
const MOST_SECTIONS: usize = 100_000;
const MOST_SYMBOLS: usize = 2_000_000;
/// All names of sections together; after these the sections have none. A name ends where a NUL is found, so each of many
/// could otherwise have the length of the file.
const NAME_BYTES: usize = 1 << 20;
/// So many sections are shown.
const SHOWN_SECTIONS: usize = 12;
/// A string around a difference is shown up to this length in either direction, in bytes.
const STRING_BYTES: usize = 60;

/// So many of the first bytes tell whether a file is a program or library; linkers begin the header proper of PE files within
/// them.
pub(crate) const NATIVE_HEAD_BYTES: u64 = 1024;

/// Whether a file begins as a program or library does, whatever follows.
pub(crate) fn begins_like_native(head: &[u8]) -> bool {
    match head {
        [0x7f, b'E', b'L', b'F', ..] | [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => {
            true
        }
        [b'M', b'Z', ..] => {
            // Where the header proper is ("PE Format", "MS-DOS Stub (Image Only)").
            let offset = head.get(0x3c..0x40).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(u32::from_le_bytes);
            let header = offset.and_then(|offset| usize::try_from(offset).ok()).and_then(|offset| head.get(offset..));
            header.is_some_and(|header| header.starts_with(b"PE\0\0"))
        }
        _ => false,
    }
}

/// Whether a content is a program or library that can be read.
pub(crate) fn is_native(content: &[u8]) -> bool {
    begins_like_native(content) && File::parse(content).is_ok()
}

/// Explains two programs or libraries: what they tell of their making, then section by section; `None` where their sections
/// cannot be read.
pub(crate) fn explain(old: &[u8], new: &[u8], names: Names) -> Option<Explanation> {
    let (was, is) = (File::parse(old).ok()?, File::parse(new).ok()?);
    let (old_sections, new_sections) = (sections(&was, old), sections(&is, new));
    let Explanation { mut place, excerpt: by_bytes } = if old.len() == new.len() && old_sections == new_sections {
        in_place(&is, &new_sections, old, new, names)
    } else {
        by_section(&is, &old_sections, &new_sections, old, new, names)
    };
    let traits = traits::differences((&was, &old_sections, old), (&is, &new_sections, new), names);
    let mut excerpt = Excerpt::default();
    if !traits.is_empty() {
        let list: Vec<&str> = traits.iter().map(|one| one.name).collect();
        place.push_str(&format!("; they differ in {}", list.join(", ")));
        traits.into_iter().for_each(|one| excerpt.push(one.line));
    }
    excerpt.append("", by_bytes);
    Some(Explanation { place, excerpt })
}

/// A section that has bytes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: String,
    range: Range<u64>,
    address: u64,
}

impl Section {
    /// Its bytes.
    fn of<'a>(&self, content: &'a [u8]) -> &'a [u8] {
        Run { start: self.range.start, end: self.range.end, differing: 0 }.of(content)
    }

    fn address_of(&self, offset: u64) -> u64 {
        self.address.saturating_add(offset.saturating_sub(self.range.start))
    }

    /// What a difference in it is likely to be.
    fn explains(&self) -> Option<&'static str> {
        let name = self.name.as_str();
        match name {
            ".note.gnu.build-id" => Some("the build id"),
            ".comment" => Some("the name of the compiler"),
            ".gnu_debuglink" => Some("the name and checksum of the debug file"),
            ".gnu_debugdata" => Some("debug symbols"),
            _ if [".debug_", ".zdebug_", "__debug_"].iter().any(|prefix| name.starts_with(prefix)) => {
                Some("debug information")
            }
            _ => None,
        }
    }
}

/// The sections by offset. Where one overlaps the one before it, only what follows that is kept.
fn sections(file: &File<'_>, content: &[u8]) -> Vec<Section> {
    let size = content.len() as u64;
    let mut sections: Vec<Section> = Vec::new();
    let mut name_bytes_left = NAME_BYTES;
    for section in file.sections().take(MOST_SECTIONS) {
        let Some((offset, length)) = section.file_range() else { continue };
        let range = offset.min(size)..offset.saturating_add(length).min(size);
        if range.is_empty() {
            continue;
        }
        let name = if name_bytes_left > 0 { section.name_bytes().ok() } else { None };
        name_bytes_left = name.map_or(0, |name| name_bytes_left.saturating_sub(name.len() + 1));
        let name = name.map_or_else(|| "a section without a name".to_owned(), shown_name);
        sections.push(Section { name, range, address: section.address() });
    }
    sections.sort_by_key(|section| (section.range.start, section.range.end));
    let mut end = 0;
    for section in &mut sections {
        let start = section.range.start.max(end).min(section.range.end);
        section.address = section.address_of(start);
        section.range.start = start;
        end = end.max(section.range.end);
    }
    sections.retain(|section| !section.range.is_empty());
    sections
}

/// Two files of the same size with the same sections: run by run.
fn in_place(file: &File<'_>, sections: &[Section], old: &[u8], new: &[u8], names: Names) -> Explanation {
    let mut total = Tally::default();
    // One more for what is in no section.
    let mut tallies = vec![Tally::default(); sections.len() + 1];
    let mut runs = Vec::new();
    // Each by itself: a run that begins in one section and ends in the next would speak for the first alone.
    for (index, range) in pieces(sections, new.len() as u64) {
        let section = index.map(|index| &sections[index]);
        let mut scanner = Scanner::at(range.start, |run: Run| {
            tallies[index.unwrap_or(sections.len())].count(run);
            if total.runs < SHOWN_RUNS {
                runs.push((run, section));
            }
            total.count(run);
        });
        let whole = Run { start: range.start, end: range.end, differing: 0 };
        scanner.feed(whole.of(old), whole.of(new));
        scanner.finish();
    }
    let addresses: Vec<u64> =
        runs.iter().map(|(run, section)| section.map_or(0, |section| section.address_of(run.start))).collect();
    let symbols = symbols_at(file, &addresses);

    let mut touched: Vec<(Option<&Section>, Tally)> =
        sections.iter().map(Some).chain([None]).zip(tallies).filter(|(_, tally)| tally.runs > 0).collect();
    touched.sort_by_key(|(_, tally)| tally.first);
    let place = match (touched.as_slice(), runs.first()) {
        ([(section, _)], Some((run, _))) => {
            format!("{}, in {}", total.sentence(), place(*section, run.start, symbols.first()))
        }
        _ => {
            let list: Vec<String> = touched.iter().map(|(section, _)| name_of(*section)).collect();
            format!("{}, in {}", total.sentence(), named(&list, list.len() as u64, "section"))
        }
    };
    let mut excerpt = Excerpt::default();
    if touched.len() > 1 {
        for (section, tally) in touched.iter().take(SHOWN_SECTIONS) {
            excerpt.push(format!("{}{}: {}", name_of(*section), reason(*section), tally.sentence()));
        }
        excerpt.leave_out(touched.len().saturating_sub(SHOWN_SECTIONS) as u64);
    }
    for ((run, section), symbol) in runs.iter().zip(&symbols) {
        let where_it_is = format!(", in {}", self::place(*section, run.start, Some(symbol)));
        excerpt.push(run_line(*run, &where_it_is, old, new, names));
        strings(run.start, run.start, old, new, &mut excerpt);
    }
    excerpt.leave_out(total.runs - runs.len() as u64);
    let known = known(touched.iter().map(|(section, _)| *section));
    Explanation { place: place + &known, excerpt }
}

/// All of a file's bytes: its sections by their index, and what lies before, between and after them.
fn pieces(sections: &[Section], size: u64) -> Vec<(Option<usize>, Range<u64>)> {
    let mut pieces = Vec::with_capacity(sections.len() * 2 + 1);
    let mut end = 0;
    for (index, section) in sections.iter().enumerate() {
        pieces.push((None, end..section.range.start));
        pieces.push((Some(index), section.range.clone()));
        end = section.range.end;
    }
    pieces.push((None, end..size));
    pieces
}

/// A section that differs, or that one file does not have.
struct Difference<'a> {
    section: &'a Section,
    what: String,
    /// Of the first difference, from the start of each file.
    first: Option<(u64, u64)>,
}

/// Two files that are laid out otherwise: section by section, by name.
fn by_section(file: &File<'_>, was: &[Section], is: &[Section], old: &[u8], new: &[u8], names: Names) -> Explanation {
    let mut by_name: HashMap<&str, Vec<&Section>> = HashMap::new();
    for section in was.iter().rev() {
        by_name.entry(&section.name).or_default().push(section);
    }
    let mut differing: Vec<Difference<'_>> = Vec::new();
    for section in is {
        let Some(other) = by_name.get_mut(section.name.as_str()).and_then(Vec::pop) else {
            let what = format!("only {}, {}", names.new, counted(section.of(new).len() as u64, "byte"));
            differing.push(Difference { section, what, first: None });
            continue;
        };
        let (a, b) = (other.of(old), section.of(new));
        if a == b {
            continue;
        }
        let (left, right) = ends(a, b);
        let what = if a.len() == b.len() {
            let mut tally = Tally::default();
            let mut scanner = Scanner::new(|run| tally.count(run));
            scanner.feed(a, b);
            scanner.finish();
            format!("{} in {}", counted(tally.bytes, "byte"), counted(tally.runs, "run"))
        } else {
            sizes(a.len() as u64, b.len() as u64, names)
        };
        let first = Some((other.range.start + left.start as u64, section.range.start + right.start as u64));
        differing.push(Difference { section, what, first });
    }
    let mut gone: Vec<&Section> = by_name.into_values().flatten().collect();
    gone.sort_by_key(|section| section.range.start);

    let shown_sections = &differing[..differing.len().min(SHOWN_SECTIONS)];
    let addresses: Vec<u64> = shown_sections
        .iter()
        .map(|Difference { section, first, .. }| first.map_or(0, |(_, offset)| section.address_of(offset)))
        .collect();
    let symbols = symbols_at(file, &addresses);
    let mut excerpt = Excerpt::default();
    let mut first_place = None;
    for (Difference { section, what, first }, symbol) in shown_sections.iter().zip(&symbols) {
        let name = format!("{}{}", section.name, reason(Some(section)));
        match first {
            None => excerpt.push(format!("{name}: {what}")),
            Some((before, after)) => {
                let place = format!("first at offset {after:#x}, in {}", place(Some(section), *after, Some(symbol)));
                excerpt.push(format!("{name}: {what}, {place}"));
                first_place.get_or_insert(place);
                strings(*before, *after, old, new, &mut excerpt);
            }
        }
    }
    excerpt.leave_out((differing.len() - shown_sections.len()) as u64);
    for section in &gone {
        excerpt.push(format!("{}{}: only {}", section.name, reason(Some(section)), names.old));
    }
    let mut list: Vec<String> =
        differing.iter().map(|difference| difference.section).chain(gone).map(|section| section.name.clone()).collect();
    if outside(was, old) != outside(is, new) {
        excerpt.push(format!("{} too", name_of(None)));
        list.push(name_of(None));
    }
    let first = first_place.map(|place| format!("; {place}")).unwrap_or_default();
    Explanation { place: format!("in {}{first}", named(&list, list.len() as u64, "section")), excerpt }
}

/// The bytes that are in no section.
fn outside(sections: &[Section], content: &[u8]) -> Vec<u8> {
    let of = |(_, range): (Option<usize>, Range<u64>)| {
        Run { start: range.start, end: range.end, differing: 0 }.of(content).to_vec()
    };
    let pieces = pieces(sections, content.len() as u64);
    pieces.into_iter().filter(|(index, _)| index.is_none()).flat_map(of).collect()
}

/// What a difference in a section is likely to be, in parentheses.
fn reason(section: Option<&Section>) -> String {
    section.and_then(Section::explains).map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// The nearest symbol at or below each address, and how far below.
fn symbols_at(file: &File<'_>, addresses: &[u64]) -> Vec<Option<(String, u64)>> {
    // Names are read of the nearest ones only: one can have the length of the file.
    let mut best: Vec<Option<(u64, bool, SymbolIndex)>> = vec![None; addresses.len()];
    let of_linker = file.symbols().map(|symbol| (symbol, false));
    let of_loader = file.dynamic_symbols().map(|symbol| (symbol, true));
    for (symbol, is_dynamic) in of_linker.chain(of_loader).take(MOST_SYMBOLS) {
        let is_of_code = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Data | SymbolKind::Unknown);
        let at = symbol.address();
        if !is_of_code || at == 0 || symbol.is_undefined() {
            continue;
        }
        for (address, found) in addresses.iter().zip(&mut best) {
            if at <= *address && found.is_none_or(|(other, ..)| other < at) {
                *found = Some((at, is_dynamic, symbol.index()));
            }
        }
    }
    let name_of = |is_dynamic, index| {
        let table = if is_dynamic { file.dynamic_symbol_table() } else { file.symbol_table() }?;
        let symbol = table.symbol_by_index(index).ok()?;
        symbol.name_bytes().ok().filter(|name| !name.is_empty()).map(shown_name)
    };
    let found = |(found, address): (Option<(u64, bool, SymbolIndex)>, &u64)| {
        let (at, is_dynamic, index) = found?;
        Some((name_of(is_dynamic, index)?, address - at))
    };
    best.into_iter().zip(addresses).map(found).collect()
}

/// `.text at 0x1000, symbol main+0x12`
fn place(section: Option<&Section>, offset: u64, symbol: Option<&Option<(String, u64)>>) -> String {
    let Some(section) = section else { return name_of(None) };
    let address = section.address_of(offset);
    let mut place = section.name.clone();
    if section.address > 0 {
        place.push_str(&format!(" at {address:#x}"));
    }
    // A symbol of another section says nothing.
    if let Some(Some((name, distance))) = symbol
        && section.address > 0
        && *distance <= address - section.address
    {
        place.push_str(&format!(", symbol {name}"));
        if *distance > 0 {
            place.push_str(&format!("+{distance:#x}"));
        }
    }
    place
}

fn name_of(section: Option<&Section>) -> String {
    section.map_or_else(|| "the headers, or between sections".to_owned(), |section| section.name.clone())
}

fn shown_name(name: &[u8]) -> String {
    const SHOWN_BYTES: usize = 100;
    let kept = &name[..name.len().min(SHOWN_BYTES)];
    shown(kept) + if kept.len() < name.len() { "…" } else { "" }
}

/// What the differences are likely to be, where that is known of all of them.
fn known<'a>(sections: impl Iterator<Item = Option<&'a Section>>) -> String {
    let reasons: Option<Vec<&str>> = sections.map(|section| section.and_then(Section::explains)).collect();
    let Some(mut reasons) = reasons else { return String::new() };
    reasons.sort_unstable();
    reasons.dedup();
    if reasons.is_empty() { String::new() } else { format!(": only {}", reasons.join(" and ")) }
}

/// Adds the strings around a difference, where both files have one.
fn strings(before: u64, after: u64, old: &[u8], new: &[u8], excerpt: &mut Excerpt) {
    const SHORTEST_BYTES: usize = 6;
    let (Some(was), Some(is)) = (string_at(old, before), string_at(new, after)) else { return };
    if was.len().min(is.len()) < SHORTEST_BYTES || was == is {
        return;
    }
    let looks_like_path = |text: &[u8]| text.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count() > 1;
    let what = if looks_like_path(was) && looks_like_path(is) { "a string that looks like a path" } else { "a string" };
    excerpt.push(format!("  {what}: {} became {}", quoted(was), quoted(is)));
}

/// The printable text around an offset.
fn string_at(content: &[u8], offset: u64) -> Option<&[u8]> {
    let at = usize::try_from(offset).ok().filter(|at| *at < content.len())?;
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    let start = at - content[..at].iter().rev().take(STRING_BYTES).take_while(|byte| is_printable(byte)).count();
    let length = content[at..].iter().take(STRING_BYTES).take_while(|byte| is_printable(byte)).count();
    (length > 0).then(|| &content[start..at + length])
}
