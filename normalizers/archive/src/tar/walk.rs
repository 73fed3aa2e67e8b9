//! The walk over the blocks of a tar.

use std::io::Read;

use twinbuild_subject::{MemberPath, Sha256Hasher};

use crate::Visitor;
use crate::archive::{Anomaly, Fields, Member, MemberKind, Modified, Tile, TileKind};
use crate::contents::{Contents, Produce};
use crate::error::{ReadError, Unsupported};
use crate::limits::{Budget, LimitError, LimitKind};
use crate::names::{NameKind, NameRules, Names};
use crate::source::{CHUNK_BYTES, length};
use crate::stream::Stream;
use crate::tar::fault::TarFault;
use crate::tar::header::{self, TarDialect, TarHeader};
use crate::tar::pax::{self, PaxValues};
use crate::tar::{BLOCK_BYTES, TarExtension, TarExtensionBody, TarFields, TarStream, Walked};

/// The largest number that eleven octal digits hold: beyond it a header leaves the size to its PAX record.
const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;
/// What is counted for a header that is kept: its block and what is parsed from it.
const HEADER_COST_BYTES: u64 = 1024;
/// A block of zeros, as a whole: tars may end in many of them.
const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
/// The longest extension body, in bytes: it is held in memory, and real ones are names and times.
const EXTENSION_BYTES: u64 = 1 << 20;

pub(super) struct Walk<'a> {
    input: Input<'a>,
    names: Names,
    members: Vec<Member>,
    anomalies: Vec<Anomaly>,
    tiles: Vec<Tile>,
    globals: Vec<TarExtension>,
    /// The extensions of the next member.
    pending: Vec<TarExtension>,
    /// What is read through where the visitor leaves contents unread.
    buffer: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(stream: &'a mut dyn Stream, budget: &'a mut Budget, rules: NameRules) -> Self {
        Self {
            input: Input { stream, budget, position: 0 },
            names: Names::new(rules),
            members: Vec::new(),
            anomalies: Vec::new(),
            tiles: Vec::new(),
            globals: Vec::new(),
            pending: Vec::new(),
            buffer: Vec::new(),
        }
    }

    pub(super) fn run(mut self, visitor: &mut Visitor<'_>) -> Result<Walked, ReadError> {
        let end_offset = loop {
            let offset = self.input.position;
            let Some(block) = self.input.block()? else {
                self.check_dangling()?;
                if offset == 0 {
                    return Err(TarFault::Empty.into());
                }
                self.note("tar-no-end", offset, 0, None, "the tar has no blocks of zeros at its end".to_owned());
                break offset;
            };
            if is_zero(&block) {
                self.check_dangling()?;
                self.end(offset)?;
                break offset;
            }
            self.input.budget.headers(HEADER_COST_BYTES)?;
            let header = TarHeader::parse(block, offset, &mut self.anomalies)?;
            self.input.budget.anomalies(&self.anomalies)?;
            match header.type_flag {
                b'x' | b'g' | b'L' | b'K' => self.extension(header, offset)?,
                _ => self.member(header, offset, visitor)?,
            }
        };
        let stream = TarStream { globals: self.globals, end_offset, size_bytes: self.input.position };
        Ok(Walked { members: self.members, anomalies: self.anomalies, tiles: self.tiles, stream })
    }

    /// Reads a PAX or GNU header with its body.
    fn extension(&mut self, header: TarHeader, offset: u64) -> Result<(), ReadError> {
        let second = name_of(header.type_flag);
        // GNU tar writes a long link and a long name in front of one member; all else overrules what stands in front.
        let is_gnu = |flag: u8| matches!(flag, b'L' | b'K');
        let rival = self
            .pending
            .iter()
            .map(|other| other.header.type_flag)
            .find(|first| *first == header.type_flag || !is_gnu(*first) || !is_gnu(header.type_flag));
        if let Some(first) = rival {
            return Err(TarFault::StackedExtensions { offset, first: name_of(first), second }.into());
        }
        if !matches!(header.dialect, TarDialect::Ustar | TarDialect::Gnu) {
            let magic = header.block[257..265].escape_ascii().to_string();
            return Err(TarFault::ExtensionDialect { offset, what: second, magic }.into());
        }
        let size = header.size;
        let is_pax = matches!(header.type_flag, b'x' | b'g');
        if !is_pax {
            self.input.budget.name(size.saturating_sub(1))?;
        }
        self.input.budget.headers(size)?;
        if size > EXTENSION_BYTES {
            let (kind, allowed) = (LimitKind::HeaderBytes, EXTENSION_BYTES);
            return Err(LimitError { kind, allowed, found: size, path: None }.into());
        }
        let body = self.input.body(size, offset, second)?;
        let body_end = self.input.position;
        if !self.input.rest_of_block()?.iter().all(|byte| *byte == 0) {
            return Err(TarFault::ExtensionPadding { offset, what: second, padding: body_end }.into());
        }
        let body = match header.type_flag {
            b'L' => TarExtensionBody::GnuName(self.text(&body, offset)),
            b'K' => TarExtensionBody::GnuLink(self.text(&body, offset)),
            _ => TarExtensionBody::Pax(pax::parse(&body, offset)?),
        };
        let is_global = header.type_flag == b'g';
        if is_global && let TarExtensionBody::Pax(records) = &body {
            pax::check_global(records, offset, &mut self.anomalies)?;
        }
        let extension = TarExtension { header, offset, body };
        if is_global {
            if !self.globals.is_empty() || !self.members.is_empty() {
                let detail = "a global PAX header stands elsewhere than in front of all members".to_owned();
                self.note("pax-global-position", offset, 0, None, detail);
            }
            self.tile(offset, TileKind::GlobalHeader);
            self.globals.push(extension);
        } else {
            self.pending.push(extension);
        }
        Ok(())
    }

    fn member(&mut self, header: TarHeader, offset: u64, visitor: &mut Visitor<'_>) -> Result<(), ReadError> {
        let extensions = std::mem::take(&mut self.pending);
        let start = extensions.first().map_or(offset, |extension| extension.offset);
        let index = self.members.len();
        self.input.budget.members(1)?;
        let names = self.resolve(&header, &extensions, offset)?;
        let kind = self.kind(&header, &names, offset)?;
        let size = size(&header, &names, &kind, offset)?;
        let name_kind = match &kind {
            MemberKind::Directory => NameKind::Directory,
            MemberKind::File | MemberKind::Hardlink { .. } => NameKind::File,
            MemberKind::Symlink { .. } => NameKind::Link,
        };
        self.anomalies.extend(self.names.add(&names.path, name_kind, offset)?);
        if names.path.as_str().is_none() {
            let detail = "the name is not UTF-8".to_owned();
            self.note("tar-name-encoding", offset, 0, Some(&names.path), detail);
        }
        self.input.budget.declared(&names.path, size)?;
        let mode = header.mode.and_then(|mode| u32::try_from(mode & 0o177_777).ok());
        let (seconds, nanoseconds) = names.modified.unwrap_or((header.mtime.unwrap_or(0), 0));
        let mut member = Member {
            path: names.path,
            kind,
            mode: mode.map(|mode| mode & 0o7777),
            type_bits: mode.map(|mode| mode & 0o170_000).filter(|bits| *bits != 0),
            size_bytes: size,
            sha256: None,
            modified: Modified::Unix { seconds, nanoseconds },
            fields: Fields::Tar(Box::new(TarFields {
                header,
                extensions,
                offset: start,
                data_offset: self.input.position,
            })),
        };
        self.tile(start, TileKind::Header { member: index });
        let data = self.input.position;
        let mut contents = Data { input: &mut self.input, path: &member.path, start: data };
        let take = |contents: &mut dyn Read| visitor(&member, contents);
        let sums = Contents::new(&mut contents, size).hand(&member.path, &mut self.buffer, take)?;
        self.tile(data, TileKind::Data { member: index });
        if member.is_file() {
            member.sha256 = Some(sums.sha256);
        }
        self.padding(&member.path)?;
        self.members.push(member);
        Ok(())
    }

    /// The name and all else that an extension may overrule.
    fn resolve(&mut self, header: &TarHeader, extensions: &[TarExtension], offset: u64) -> Result<Resolved, ReadError> {
        let mut values = PaxValues::default();
        let (mut path, mut link) = (None, None);
        let mut sparse = None;
        for extension in extensions {
            match &extension.body {
                TarExtensionBody::Pax(records) => {
                    values = pax::values(records, extension.offset, &mut self.anomalies)?;
                    sparse = pax::sparse(records);
                }
                TarExtensionBody::GnuName(name) => path = Some(name.clone()),
                TarExtensionBody::GnuLink(name) => link = Some(name.clone()),
            }
        }
        let is_overruled = path.is_some() || values.path.is_some();
        let path = values.path.or(path).unwrap_or_else(|| header.path());
        let link = values.link_path.or(link).unwrap_or_else(|| header.link_name.clone());
        self.input.budget.name(length(&path))?;
        self.input.budget.name(length(&link))?;
        self.input.budget.headers(length(&path) + length(&link))?;
        let path = MemberPath::new(path);
        if let Some(detail) = sparse {
            return Err(Unsupported::TarSparse { path, offset, detail }.into());
        }
        // CPython decides by the header's name alone that an old-style entry is a directory, GNU tar by the final name.
        if header.type_flag == 0 && is_overruled && header.name.ends_with(b"/") != path.ends_with("/") {
            let detail = "is a directory by one of its names, and a file by the other";
            return Err(TarFault::Kind { path, offset, detail }.into());
        }
        Ok(Resolved { path, link, size: values.size, modified: values.modified })
    }

    fn kind(&mut self, header: &TarHeader, names: &Resolved, offset: u64) -> Result<MemberKind, ReadError> {
        let path = || names.path.clone();
        let has_slash = names.path.ends_with("/");
        let device = |what| Err(TarFault::Device { path: path(), offset, what }.into());
        let kind = match header.type_flag {
            b'5' => return Ok(MemberKind::Directory),
            0 if has_slash && header.dialect == TarDialect::Ustar => {
                let detail = "is of an old type, ends in a slash, and has a ustar header";
                return Err(TarFault::Kind { path: path(), offset, detail }.into());
            }
            0 if has_slash => return Ok(MemberKind::Directory),
            0 | b'0' => MemberKind::File,
            b'7' => {
                let detail = "a contiguous file, which readers take for an ordinary one".to_owned();
                self.note("tar-contiguous", offset, 0, Some(&names.path), detail);
                MemberKind::File
            }
            b'1' => {
                let target = MemberPath::new(names.link.as_slice());
                if !self.names.has_file(&target) {
                    return Err(TarFault::HardlinkTarget { path: path(), offset, target }.into());
                }
                MemberKind::Hardlink { target }
            }
            b'2' => {
                let detail = if names.link.is_empty() {
                    Some("without a target")
                } else {
                    names.link.contains(&0).then_some("with a NUL in its target")
                };
                if let Some(detail) = detail {
                    return Err(TarFault::LinkTarget { path: path(), offset, detail }.into());
                }
                MemberKind::Symlink { target: names.link.clone() }
            }
            b'3' => return device("character device"),
            b'4' => return device("block device"),
            b'6' => return device("fifo"),
            b'S' => return Err(Unsupported::TarSparse { path: path(), offset, detail: "type flag S" }.into()),
            other => {
                let found = [other].escape_ascii().to_string();
                return Err(TarFault::TypeFlag { path: path(), offset, found }.into());
            }
        };
        if has_slash {
            let detail = "is no directory, yet its name ends in a slash";
            return Err(TarFault::Kind { path: path(), offset, detail }.into());
        }
        Ok(kind)
    }

    /// Passes what fills the last block.
    fn padding(&mut self, path: &MemberPath) -> Result<(), ReadError> {
        let start = self.input.position;
        let padding = self.input.rest_of_block()?;
        if padding.iter().any(|byte| *byte != 0) {
            let detail = format!("the padding of the last block is not zero but `{}`", header::shown(&padding));
            self.note("tar-padding", start, length(&padding), Some(path), detail);
        }
        self.tile(start, TileKind::Padding);
        Ok(())
    }

    /// Passes all that follows the first block of zeros.
    fn end(&mut self, offset: u64) -> Result<(), ReadError> {
        let second = self.input.position;
        match self.input.block()? {
            None => {
                self.note(
                    "tar-one-end-block",
                    offset,
                    512,
                    None,
                    "one block of zeros ends the tar, not two".to_owned(),
                );
            }
            Some(block) if is_zero(&block) => {}
            Some(_) => return Err(TarFault::LoneZeroBlock { offset }.into()),
        }
        let mut trailer = None;
        let mut hasher = Sha256Hasher::new();
        // Many blocks at a time: an end may be as long as the rest of the limits.
        self.buffer.resize(CHUNK_BYTES, 0);
        loop {
            let at = self.input.position;
            let count = self.input.fill(&mut self.buffer)?;
            for (at, block) in (at..).step_by(BLOCK_BYTES).zip(self.buffer[..count].chunks(BLOCK_BYTES)) {
                if !is_zero(block) {
                    if <&[u8; BLOCK_BYTES]>::try_from(block).is_ok_and(header::is_header) {
                        return Err(TarFault::HiddenEntry { offset: at, end: second }.into());
                    }
                    trailer.get_or_insert(at);
                }
                if block.len() < BLOCK_BYTES {
                    trailer.get_or_insert(at);
                }
                if trailer.is_some() {
                    hasher.update(block);
                }
            }
            if count < CHUNK_BYTES {
                break;
            }
        }
        let end = trailer.unwrap_or(self.input.position);
        self.tiles.push(Tile { offset, length: end - offset, kind: TileKind::End });
        if let Some(trailer) = trailer {
            self.tile(trailer, TileKind::Trailer);
            let length = self.input.position - trailer;
            let detail = format!("bytes that are no blocks of zeros follow the end, SHA-256 {}", hasher.finish());
            self.note("tar-trailer", trailer, length, None, detail);
        }
        Ok(())
    }

    fn check_dangling(&self) -> Result<(), ReadError> {
        match self.pending.last() {
            None => Ok(()),
            Some(TarExtension { header, offset, .. }) => {
                Err(TarFault::DanglingExtension { offset: *offset, what: name_of(header.type_flag) }.into())
            }
        }
    }

    /// The text of a GNU long name up to its NUL.
    fn text(&mut self, body: &[u8], offset: u64) -> Vec<u8> {
        let (text, tail) = header::cut(body);
        if !tail.is_empty() {
            let detail = format!("`{}` follows the end of a GNU long name", header::shown(tail));
            self.note("tar-field-tail", offset, length(tail), None, detail);
        }
        text.to_vec()
    }

    /// Adds a tile from `start` to where the walk is.
    fn tile(&mut self, start: u64, kind: TileKind) {
        let length = self.input.position - start;
        if length > 0 {
            self.tiles.push(Tile { offset: start, length, kind });
        }
    }

    fn note(&mut self, code: &'static str, offset: u64, length: u64, path: Option<&MemberPath>, detail: String) {
        self.anomalies.push(Anomaly { code, offset, length, path: path.cloned(), detail });
    }
}

/// A member's names with its extensions applied.
struct Resolved {
    path: MemberPath,
    link: Vec<u8>,
    size: Option<u64>,
    modified: Option<(i64, u32)>,
}

fn size(header: &TarHeader, names: &Resolved, kind: &MemberKind, offset: u64) -> Result<u64, ReadError> {
    let size = match (names.size, header.size) {
        (Some(pax), 0) if pax > OCTAL_SIZE_MAX => pax,
        (Some(pax), header) if header != pax => {
            return Err(TarFault::Size { path: names.path.clone(), offset, header, pax }.into());
        }
        (_, size) => size,
    };
    let what = match kind {
        MemberKind::File => return Ok(size),
        MemberKind::Directory => "directory",
        MemberKind::Symlink { .. } => "symbolic link",
        MemberKind::Hardlink { .. } => "hard link",
    };
    if size != 0 {
        return Err(TarFault::SizeWithoutContents { path: names.path.clone(), offset, what, size }.into());
    }
    Ok(0)
}

fn name_of(type_flag: u8) -> &'static str {
    match type_flag {
        b'g' => "global PAX",
        b'L' => "GNU long name",
        b'K' => "GNU long link",
        _ => "PAX",
    }
}

fn is_zero(block: &[u8]) -> bool {
    ZEROS.starts_with(block)
}

/// The expanded bytes, counted.
struct Input<'a> {
    stream: &'a mut dyn Stream,
    budget: &'a mut Budget,
    position: u64,
}

impl Input<'_> {
    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.stream.read(buffer)?;
        self.position += count as u64;
        self.budget.expanded(count as u64, self.position, self.stream.compressed())?;
        Ok(count)
    }

    /// Fills the buffer, as far as there are bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.some(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// The next block; `None` at the end.
    fn block(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>, ReadError> {
        let offset = self.position;
        let mut block = [0; BLOCK_BYTES];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK_BYTES => Ok(Some(block)),
            _ => Err(TarFault::Truncated { offset, what: "a block", end: self.position, path: None }.into()),
        }
    }

    /// What is left of the block in which the last contents ended.
    fn rest_of_block(&mut self) -> Result<Vec<u8>, ReadError> {
        let (block, start) = (BLOCK_BYTES as u64, self.position);
        self.body((block - start % block) % block, start, "padding")
    }

    /// That many bytes; memory grows with what is there, not with what is declared.
    fn body(&mut self, size: u64, offset: u64, what: &'static str) -> Result<Vec<u8>, ReadError> {
        let mut body = Vec::new();
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            let start = body.len();
            body.resize(start + wanted, 0);
            if self.fill(&mut body[start..])? < wanted {
                return Err(TarFault::Truncated { offset, what, end: self.position, path: None }.into());
            }
            left -= wanted as u64;
        }
        Ok(body)
    }
}

/// The contents of one member.
struct Data<'a, 'b> {
    input: &'a mut Input<'b>,
    path: &'a MemberPath,
    start: u64,
}

impl Produce for Data<'_, '_> {
    fn produce(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self.input.some(buffer)? {
            0 => {
                let (offset, end) = (self.start, self.input.position);
                Err(TarFault::Truncated { offset, what: "contents", end, path: Some(self.path.clone()) }.into())
            }
            count => Ok(count),
        }
    }
}
