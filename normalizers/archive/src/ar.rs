//! Unix `ar`: eight bytes of magic, then members with a header of 60 bytes, at even offsets. Static libraries with the long
//! names of GNU and of BSD, and what deb(5) uses of it.

use std::collections::HashSet;

use twinbuild_subject::{MemberPath, Sha256};

use crate::Visitor;
use crate::archive::{Anomaly, Archive, Container, Fields, Format, Member, MemberKind, Modified, Tile, TileKind};
use crate::contents::{Contents, Produce};
use crate::error::{ReadError, Unsupported};
use crate::limits::{Budget, Limits};
use crate::names::{NameFault, NameKind, NameRules, Names};
use crate::source::{Source, length};
use crate::stream::{Plain, Stream as _};

const MAGIC: [u8; 8] = *b"!<arch>\n";
const HEADER_BYTES: u64 = 60;
/// What a header that is kept costs in memory.
const HEADER_COST_BYTES: u64 = 256;
/// The name that the symbol table of GNU gets, which has none that a file could have.
const SYMBOL_TABLE: &str = "symbol-table";
/// The same with 64-bit offsets.
const SYMBOL_TABLE_64: &str = "symbol-table-64";

/// What makes an ar file malformed or ambiguous. Offsets count from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArFault {
    /// Something other than a header where one should be.
    #[error("the ar header at offset {offset} {detail}")]
    Header {
        /// Of the header.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// A long name that is not where the header says, or a second table of names.
    #[error("the long name of the ar member at offset {offset} {detail}")]
    LongName {
        /// Of the header.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
}

impl ArFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header { .. } => "ar-header",
            Self::LongName { .. } => "ar-long-name",
        }
    }
}

/// One member of an ar file, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArMember {
    /// Without trailing spaces and the slash that GNU ar appends; a long name in full.
    pub name: Vec<u8>,
    /// The name field, with its spaces.
    pub stored_name: [u8; 16],
    /// Unix seconds.
    pub modified: u64,
    /// User id.
    pub uid: u64,
    /// Group id.
    pub gid: u64,
    /// Mode, type bits included.
    pub mode: u32,
    /// Of the header, in bytes from the start of the file.
    pub offset: u64,
    /// Of the contents.
    pub data_offset: u64,
    /// Of the contents, in bytes.
    pub size_bytes: u64,
}

impl ArMember {
    /// Where the contents end, without the padding byte.
    pub(crate) fn data_end(&self) -> u64 {
        self.data_offset + self.size_bytes
    }

    /// As a member; its name may be that of the symbol table, which is given another.
    fn member(&self) -> Member {
        let path = match self.name.as_slice() {
            b"/" => MemberPath::new(SYMBOL_TABLE),
            b"/SYM64/" => MemberPath::new(SYMBOL_TABLE_64),
            name => MemberPath::new(name),
        };
        let seconds = i64::try_from(self.modified).unwrap_or(i64::MAX);
        Member {
            path,
            kind: MemberKind::File,
            mode: Some(self.mode & 0o7777),
            type_bits: Some(self.mode & 0o170_000).filter(|bits| *bits != 0),
            size_bytes: self.size_bytes,
            sha256: None,
            modified: Modified::Unix { seconds, nanoseconds: 0 },
            fields: Fields::Ar(Box::new(self.clone())),
        }
    }
}

/// What an ar file holds beside its members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArFields {
    /// The table of long names of GNU, where there is one.
    pub names: Option<ArMember>,
}

/// Reads an ar file. Members lie in it as they are.
pub(crate) fn read(source: Source<'_>, limits: &Limits, visitor: &mut Visitor<'_>) -> Result<Archive, ReadError> {
    let fault = |offset, detail| ReadError::from(ArFault::Header { offset, detail });
    let mut reader = Reader {
        source,
        budget: Budget::new(limits),
        tiles: Vec::new(),
        anomalies: Vec::new(),
        names: Names::new(NameRules::Portable),
        table: None,
        members: Vec::new(),
    };
    let mut position = begin(&source, &mut reader.tiles, &fault)?;
    while let Some(raw) = raw_header(&source, position, &fault)? {
        position = reader.next(&raw, visitor)?;
        reader.budget.anomalies(&reader.anomalies)?;
    }
    reader.check_table()?;
    Ok(Archive {
        format: Format::Ar,
        size_bytes: source.size,
        members: reader.members,
        anomalies: reader.anomalies,
        tiles: reader.tiles,
        container: Container::Ar(ArFields { names: reader.table.map(|table| table.member) }),
        limits: *limits,
    })
}

/// The table of long names, and which of them were taken.
struct Table {
    member: ArMember,
    bytes: Vec<u8>,
    taken: HashSet<usize>,
}

struct Reader<'a> {
    source: Source<'a>,
    budget: Budget,
    tiles: Vec<Tile>,
    anomalies: Vec<Anomaly>,
    names: Names,
    table: Option<Table>,
    members: Vec<Member>,
}

impl Reader<'_> {
    /// Reads one member and returns where the next one begins.
    fn next(&mut self, raw: &RawHeader, visitor: &mut Visitor<'_>) -> Result<u64, ReadError> {
        self.budget.headers(HEADER_COST_BYTES)?;
        let mut stored = raw.member(&|offset, detail| ArFault::Header { offset, detail }.into())?;
        if stored.name == b"//" {
            self.take_table(&stored)?;
            return padding(&self.source, &stored, &mut self.tiles, &mut self.anomalies);
        }
        self.budget.members(1)?;
        self.resolve(&mut stored)?;
        if !matches!(stored.mode & 0o170_000, 0 | 0o100_000) {
            let detail = format!("has the mode {:o}, which is no file's", stored.mode);
            return Err(ArFault::Header { offset: stored.offset, detail }.into());
        }
        let mut member = stored.member();
        let is_symbol_table = stored.name.starts_with(b"/");
        match self.names.add(&member.path, NameKind::File, stored.offset) {
            Ok(collision) => self.anomalies.extend(collision),
            Err(NameFault::Duplicate { path, .. }) if !is_symbol_table => {
                return Err(Unsupported::ArDuplicate { member: path, offset: stored.offset }.into());
            }
            Err(fault) => return Err(fault.into()),
        }
        self.budget.declared(&member.path, stored.size_bytes)?;
        let index = self.members.len();
        self.tile(stored.offset, stored.data_offset, TileKind::Header { member: index });
        self.tile(stored.data_offset, stored.data_end(), TileKind::Data { member: index });
        let mut data = Data::new(self.source, &stored, &mut self.budget);
        let contents = Contents::new(&mut data, stored.size_bytes);
        let sums = contents.hand(&member.path, &mut Vec::new(), |contents| visitor(&member, contents))?;
        member.sha256 = Some(sums.sha256);
        self.members.push(member);
        padding(&self.source, &stored, &mut self.tiles, &mut self.anomalies)
    }

    fn tile(&mut self, offset: u64, end: u64, kind: TileKind) {
        if end > offset {
            self.tiles.push(Tile { offset, length: end - offset, kind });
        }
    }

    fn take_table(&mut self, member: &ArMember) -> Result<(), ReadError> {
        let fault = |detail: &str| ArFault::LongName { offset: member.offset, detail: detail.to_owned() };
        if self.table.is_some() {
            return Err(fault("is in a second table of names").into());
        }
        self.budget.headers(member.size_bytes)?;
        let size = usize::try_from(member.size_bytes).map_err(|_| fault("is in a table beyond all memory"))?;
        let bytes = self.source.bytes(member.data_offset, size)?;
        self.tile(member.offset, member.data_offset, TileKind::ArHeader);
        self.tile(member.data_offset, member.data_end(), TileKind::ArNames);
        self.table = Some(Table { member: member.clone(), bytes, taken: HashSet::new() });
        Ok(())
    }

    /// Puts a long name in the place of the reference to it.
    fn resolve(&mut self, member: &mut ArMember) -> Result<(), ReadError> {
        let fault = |detail: String| ReadError::from(ArFault::LongName { offset: member.offset, detail });
        let number = |digits: &[u8]| {
            let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            text.and_then(|text| text.parse::<u64>().ok())
        };
        if let Some(digits) = member.name.strip_prefix(b"#1/") {
            let size = number(digits).ok_or_else(|| fault("has no length".to_owned()))?;
            self.budget.name(size)?;
            if size == 0 || size > member.size_bytes {
                return Err(fault(format!("has {size} bytes of the {} that the member has", member.size_bytes)));
            }
            let name = self.source.bytes(member.data_offset, usize::try_from(size).unwrap_or(0))?;
            let padded = name.iter().rev().take_while(|byte| **byte == 0).count();
            let name = &name[..name.len() - padded];
            if name.is_empty() || name.contains(&0) {
                return Err(fault(format!("is `{}`", name.escape_ascii())));
            }
            member.name = name.to_vec();
            member.data_offset += size;
            member.size_bytes -= size;
        } else if let Some(digits) =
            member.name.strip_prefix(b"/").filter(|rest| !rest.is_empty() && *rest != b"SYM64/")
        {
            let at = number(digits).and_then(|at| usize::try_from(at).ok());
            let at = at.ok_or_else(|| fault("has no offset".to_owned()))?;
            let Some(table) = &mut self.table else {
                return Err(fault("is in a table that does not stand in front".to_owned()));
            };
            let is_start = at == 0 || at.checked_sub(1).and_then(|before| table.bytes.get(before)) == Some(&b'\n');
            let rest = table.bytes.get(at..).filter(|rest| !rest.is_empty() && is_start);
            let rest = rest.ok_or_else(|| fault(format!("begins at {at}, where no name of the table begins")))?;
            let end = rest.windows(2).position(|pair| pair == b"/\n").filter(|end| *end > 0);
            let name = end.and_then(|end| rest.get(..end)).filter(|name| !name.contains(&b'\n'));
            let name = name.ok_or_else(|| fault(format!("begins at {at} and does not end")))?;
            self.budget.name(length(name))?;
            member.name = name.to_vec();
            table.taken.insert(at);
        }
        Ok(())
    }

    /// Names that no member takes, and bytes that are no names.
    fn check_table(&mut self) -> Result<(), ReadError> {
        let Some(table) = &self.table else { return Ok(()) };
        let mut at = 0;
        let mut is_taken = true;
        for line in table.bytes.split_inclusive(|byte| *byte == b'\n') {
            // A line alone pads the table to an even size.
            let is_padding = line == b"\n" && at + 1 == table.bytes.len();
            is_taken &= is_padding || table.taken.contains(&at);
            at += line.len();
        }
        if !is_taken {
            let (code, offset, length) = ("ar-name-table", table.member.data_offset, table.member.size_bytes);
            let digest = Sha256::of(&table.bytes);
            let detail = format!("the table of long names has some that no member takes, SHA-256 {digest}");
            self.anomalies.push(Anomaly { code, offset, length, path: None, detail });
        }
        self.budget.anomalies(&self.anomalies)?;
        Ok(())
    }
}

/// Hands out the contents of a member that [`read`] has found, and returns their digest.
pub(crate) fn stream(
    source: Source<'_>,
    limits: &Limits,
    member: &Member,
    stored: &ArMember,
    take: impl FnOnce(&mut dyn std::io::Read) -> std::io::Result<()>,
) -> Result<Sha256, ReadError> {
    let mut budget = Budget::new(limits);
    let mut data = Data::new(source, stored, &mut budget);
    Ok(Contents::new(&mut data, stored.size_bytes).hand(&member.path, &mut Vec::new(), take)?.sha256)
}

/// The contents of one member.
struct Data<'a> {
    plain: Plain<'a>,
    budget: &'a mut Budget,
    done: u64,
}

impl<'a> Data<'a> {
    fn new(source: Source<'a>, member: &ArMember, budget: &'a mut Budget) -> Self {
        Self { plain: Plain::new(source, member.data_offset, member.data_end()), budget, done: 0 }
    }
}

impl Produce for Data<'_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.plain.read(buffer)?;
        self.done += count as u64;
        self.budget.expanded(count as u64, self.done, self.done)?;
        Ok(count)
    }
}

/// What a fault in a header is to the format that the ar file is.
type Fault<'a> = dyn Fn(u64, String) -> ReadError + 'a;

/// Checks the magic and returns where the first member begins.
pub(crate) fn begin(source: &Source<'_>, tiles: &mut Vec<Tile>, fault: &Fault<'_>) -> Result<u64, ReadError> {
    if source.array::<8>(0)? != Some(MAGIC) {
        return Err(fault(0, "begins without the magic `!<arch>`".to_owned()));
    }
    tiles.push(Tile { offset: 0, length: 8, kind: TileKind::ArMagic });
    Ok(8)
}

/// A header before its fields are believed.
pub(crate) struct RawHeader {
    bytes: [u8; 60],
    offset: u64,
    /// From the end of the header to the end of the file.
    available: u64,
}

/// The header at `offset`; `None` at the end of the file.
pub(crate) fn raw_header(source: &Source<'_>, offset: u64, fault: &Fault<'_>) -> Result<Option<RawHeader>, ReadError> {
    if offset == source.size {
        return Ok(None);
    }
    let Some(bytes) = source.array::<60>(offset)? else {
        return Err(fault(offset, format!("needs 60 bytes, and {} are left", source.size.saturating_sub(offset))));
    };
    if bytes[58..] != *b"`\n" {
        return Err(fault(offset, format!("ends in {:02x}{:02x} and not in 600a", bytes[58], bytes[59])));
    }
    Ok(Some(RawHeader { bytes, offset, available: source.size - offset - HEADER_BYTES }))
}

impl RawHeader {
    /// With its fields, which must be lawful. The name may be a reference to a long one.
    pub(crate) fn member(&self, fault: &Fault<'_>) -> Result<ArMember, ReadError> {
        let Self { bytes, offset, available } = self;
        let wrong = |detail: String| fault(*offset, detail);
        let field = without_spaces(&bytes[..16]);
        // The two tables of GNU, whose other fields may be blank.
        let is_table = matches!(field, b"/" | b"//" | b"/SYM64/");
        let number = |from: usize, to: usize, radix: u32, what: &str| {
            let digits = without_spaces(&bytes[from..to]);
            if digits.is_empty() && is_table && what != "size" {
                return Ok(0);
            }
            let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            text.and_then(|text| u64::from_str_radix(text, radix).ok())
                .ok_or_else(|| wrong(format!("has `{}` as {what}", digits.escape_ascii())))
        };
        let is_reference = is_table || field.starts_with(b"/") || field.starts_with(b"#1/");
        let name = if is_reference { field } else { field.strip_suffix(b"/").unwrap_or(field) };
        let is_plain = !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | 0x80..))
            && (is_reference || !name.contains(&b'/'))
            && name.first() != Some(&b' ')
            && name.last() != Some(&b' ');
        if !is_plain {
            return Err(wrong(format!("has `{}` as name", bytes[..16].escape_ascii())));
        }
        let mode = number(40, 48, 8, "mode")?;
        let member = ArMember {
            name: name.to_vec(),
            stored_name: bytes.first_chunk().copied().unwrap_or_default(),
            modified: number(16, 28, 10, "time")?,
            uid: number(28, 34, 10, "user id")?,
            gid: number(34, 40, 10, "group id")?,
            mode: u32::try_from(mode).map_err(|_| wrong("has a mode beyond 32 bits".to_owned()))?,
            offset: *offset,
            data_offset: offset + HEADER_BYTES,
            size_bytes: number(48, 58, 10, "size")?,
        };
        if member.size_bytes > *available {
            return Err(wrong(format!("declares {} bytes, and {available} are left", member.size_bytes)));
        }
        Ok(member)
    }
}

/// A field without the spaces that fill it.
fn without_spaces(field: &[u8]) -> &[u8] {
    let filled = field.iter().rev().take_while(|byte| **byte == b' ').count();
    &field[..field.len() - filled]
}

/// Passes the padding after a member of odd size and returns where the next one begins. dpkg does without it at the end.
pub(crate) fn padding(
    source: &Source<'_>,
    member: &ArMember,
    tiles: &mut Vec<Tile>,
    anomalies: &mut Vec<Anomaly>,
) -> Result<u64, ReadError> {
    let end = member.data_end();
    let mut note = |length, detail: String| {
        anomalies.push(Anomaly { code: "ar-padding", offset: end, length, path: None, detail });
    };
    if end.is_multiple_of(2) {
        return Ok(end);
    }
    let Some([byte]) = source.array::<1>(end)? else {
        note(0, "the last member has an odd size and no padding".to_owned());
        return Ok(end);
    };
    if byte != b'\n' {
        note(1, format!("the padding after a member is {byte:02x} and not 0a"));
    }
    tiles.push(Tile { offset: end, length: 1, kind: TileKind::Padding });
    Ok(end + 1)
}
