//! Binary packages of Debian, deb(5): an ar file of `debian-binary`, a control archive and a data archive.

use std::io::Read as _;

use twinbuild_subject::MemberPath;

use crate::Visitor;
use crate::ar::{self, ArMember};
use crate::archive::{Anomaly, Archive, Container, Format, Member, Tile, TileKind};
use crate::error::{ReadError, Unsupported};
use crate::gzip::{Gunzip, GzipFields};
use crate::limits::{Budget, Limits};
use crate::names::NameRules;
use crate::source::{Source, length};
use crate::stream::Plain;
use crate::tar::{self, TarStream, Walked};
use crate::xz::{Unxz, XzFields};
use crate::zstd::{ZstdFields, ZstdFile};

/// What makes a `.deb` malformed or ambiguous. Offsets count from the start of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DebFault {
    /// Something other than an ar header where one should be.
    #[error("the ar header at offset {offset} {detail}")]
    ArHeader {
        /// Of the header.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// A member that dpkg does not look for there, or that other readers find by its name.
    #[error("the ar member `{found}` at offset {offset} stands where {expected} was expected")]
    ArMember {
        /// Of its header.
        offset: u64,
        /// Its name.
        found: MemberPath,
        /// What deb(5) has there.
        expected: &'static str,
    },
    /// The file ends before its data archive.
    #[error("the Debian archive ends at offset {offset}, and {expected} was expected")]
    Ends {
        /// The end of the file.
        offset: u64,
        /// What is missing.
        expected: &'static str,
    },
    /// `debian-binary` holds no version.
    #[error("`debian-binary` at offset {offset} holds `{found}` and no version")]
    Version {
        /// Of its contents.
        offset: u64,
        /// The contents, escaped.
        found: String,
    },
    /// The control archive has no file `control` in UTF-8.
    #[error("the control archive at offset {offset} {detail}")]
    Control {
        /// Of its ar header.
        offset: u64,
        /// What is wrong.
        detail: &'static str,
    },
}

impl DebFault {
    /// A stable kebab-case name of the variant.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ArHeader { .. } => "deb-ar-header",
            Self::ArMember { .. } => "deb-ar-member",
            Self::Ends { .. } => "deb-ends",
            Self::Version { .. } => "deb-version",
            Self::Control { .. } => "deb-control",
        }
    }
}

/// What a `.deb` holds beside the members of its data archive.
#[derive(Debug, Clone, PartialEq)]
pub struct DebFields {
    /// The text of the file `control`: RFC 822 style fields, UTF-8.
    pub control: String,
    /// The members of the control archive.
    pub control_members: Vec<Member>,
    /// The control archive.
    pub control_archive: DebPart,
    /// The data archive.
    pub data_archive: DebPart,
    /// All members of the ar file.
    pub ar_members: Vec<ArMember>,
}

/// A tar within a `.deb`.
#[derive(Debug, Clone, PartialEq)]
pub struct DebPart {
    /// How it is compressed.
    pub compression: DebCompression,
    /// The tar.
    pub tar: TarStream,
}

/// How a tar within a `.deb` is compressed.
#[derive(Debug, Clone, PartialEq)]
pub enum DebCompression {
    /// Not at all.
    Plain,
    /// `.gz`.
    Gzip(GzipFields),
    /// `.xz`.
    Xz(XzFields),
    /// `.zst`.
    Zstd(ZstdFields),
}

const EXPECT_VERSION: &str = "`debian-binary`";
const EXPECT_CONTROL: &str = "`control.tar`, plain, .gz, .xz or .zst,";
const EXPECT_DATA: &str = "`data.tar`, plain, .gz, .xz or .zst,";

/// Reads a `.deb`; the visitor gets the members of the data archive.
pub(crate) fn read(source: Source<'_>, limits: &Limits, visitor: &mut Visitor<'_>) -> Result<Archive, ReadError> {
    let mut deb = Deb {
        source,
        budget: Budget::new(limits),
        tiles: Vec::new(),
        anomalies: Vec::new(),
        ar_members: Vec::new(),
        position: 0,
    };
    deb.position = ar::begin(&source, &mut deb.tiles, &header_fault)?;
    deb.version()?;
    let control_member = deb.part(b"control.tar", EXPECT_CONTROL)?;
    let mut control = None;
    let max_bytes = limits.header_bytes;
    let (control_archive, control_walked) = deb.tar(&control_member, &mut |member, contents| {
        if member.components() == [b"control"] && member.is_file() {
            let mut text = Vec::new();
            contents.take(max_bytes).read_to_end(&mut text)?;
            control = Some(text).filter(|text| length(text) == member.size_bytes);
        }
        Ok(())
    })?;
    let offset = control_member.offset;
    let Some(control) = control else {
        return Err(DebFault::Control { offset, detail: "has no file `control`" }.into());
    };
    let Ok(control) = String::from_utf8(control) else {
        return Err(DebFault::Control { offset, detail: "has a file `control` that is not UTF-8" }.into());
    };
    let data_member = deb.part(b"data.tar", EXPECT_DATA)?;
    let (data_archive, data_walked) = deb.tar(&data_member, visitor)?;
    deb.rest()?;
    let control_members = control_walked.members;
    let fields = DebFields { control, control_members, control_archive, data_archive, ar_members: deb.ar_members };
    Ok(Archive {
        format: Format::Deb,
        size_bytes: source.size,
        members: data_walked.members,
        anomalies: deb.anomalies,
        tiles: deb.tiles,
        container: Container::Deb(Box::new(fields)),
        limits: *limits,
    })
}

struct Deb<'a> {
    source: Source<'a>,
    budget: Budget,
    tiles: Vec<Tile>,
    anomalies: Vec<Anomaly>,
    ar_members: Vec<ArMember>,
    /// Of the next ar header.
    position: u64,
}

impl Deb<'_> {
    fn next(&mut self) -> Result<Option<ArMember>, ReadError> {
        self.budget.headers(256)?;
        let Some(raw) = ar::raw_header(&self.source, self.position, &header_fault)? else { return Ok(None) };
        let member = raw.member(&header_fault)?;
        // Names as dpkg reads them: no long ones, no tables, no spaces.
        let is_plain = member.name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/');
        if !is_plain || member.name.starts_with(b"#1") {
            let detail = format!("has `{}` as name", member.stored_name.escape_ascii());
            return Err(header_fault(member.offset, detail));
        }
        let (offset, length) = (member.offset, member.data_offset - member.offset);
        self.tiles.push(Tile { offset, length, kind: TileKind::ArHeader });
        self.ar_members.push(member.clone());
        Ok(Some(member))
    }

    fn version(&mut self) -> Result<(), ReadError> {
        let Some(member) = self.next()? else {
            return Err(DebFault::Ends { offset: self.position, expected: EXPECT_VERSION }.into());
        };
        if member.name != b"debian-binary" {
            return Err(unexpected(&member, EXPECT_VERSION));
        }
        let (header, offset) = (member.offset, member.data_offset);
        let shown = usize::try_from(member.size_bytes).map_or(64, |size| size.min(64));
        let text = self.source.bytes(offset, shown)?;
        let major = text.iter().position(|byte| *byte == b'.').map(|dot| &text[..dot]);
        let has_minor = text.iter().skip_while(|byte| **byte != b'.').nth(1).is_some_and(u8::is_ascii_digit);
        match major {
            Some(b"2") if has_minor => {}
            Some(digits) if has_minor && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                let member = MemberPath::new(text.trim_ascii_end());
                return Err(Unsupported::Deb { member, offset: header, supported: "format 2 is" }.into());
            }
            _ => return Err(DebFault::Version { offset, found: text.escape_ascii().to_string() }.into()),
        }
        if text != b"2.0\n" {
            let detail = format!("`debian-binary` is `{}` and not `2.0`", text.escape_ascii());
            self.note("deb-version", &member, detail);
        }
        self.skip(&member)
    }

    /// The next ar member, which should be `stem` with a known suffix. Members with an underscore in front are skipped.
    fn part(&mut self, stem: &[u8], expected: &'static str) -> Result<ArMember, ReadError> {
        loop {
            let Some(member) = self.next()? else {
                return Err(DebFault::Ends { offset: self.position, expected }.into());
            };
            if member.name.starts_with(stem) {
                return Ok(member);
            }
            if !member.name.starts_with(b"_") {
                return Err(unexpected(&member, expected));
            }
            self.extra(&member)?;
        }
    }

    /// Members after the data archive: dpkg ignores them, and readers that go by names would take a second archive.
    fn rest(&mut self) -> Result<(), ReadError> {
        while let Some(member) = self.next()? {
            let stems: [&[u8]; 3] = [b"debian-binary", b"control.tar", b"data.tar"];
            if stems.iter().any(|stem| member.name.starts_with(stem)) {
                return Err(unexpected(&member, "the end"));
            }
            self.extra(&member)?;
        }
        Ok(())
    }

    fn extra(&mut self, member: &ArMember) -> Result<(), ReadError> {
        let detail = format!("the ar member `{}` is none of a Debian package", member.name.escape_ascii());
        self.note("deb-extra-member", member, detail);
        self.skip(member)
    }

    fn skip(&mut self, member: &ArMember) -> Result<(), ReadError> {
        if member.size_bytes > 0 {
            let (offset, length) = (member.data_offset, member.size_bytes);
            self.tiles.push(Tile { offset, length, kind: TileKind::ArData });
        }
        self.position = ar::padding(&self.source, member, &mut self.tiles, &mut self.anomalies)?;
        Ok(())
    }

    fn note(&mut self, code: &'static str, member: &ArMember, detail: String) {
        let length = member.data_end() - member.offset;
        self.anomalies.push(Anomaly { code, offset: member.offset, length, path: None, detail });
    }

    fn tar(&mut self, member: &ArMember, visitor: &mut Visitor<'_>) -> Result<(DebPart, Walked), ReadError> {
        let (start, end) = (member.data_offset, member.data_end());
        let suffix = member.name.splitn(2, |byte| *byte == b'.').nth(1).and_then(|rest| rest.strip_prefix(b"tar"));
        let budget = &mut self.budget;
        let (compression, mut walked) = match suffix {
            Some(b"") => {
                let mut stream = Plain::new(self.source, start, end);
                let walked = tar::walk(&mut stream, budget, NameRules::Unix, visitor)?;
                if end > start {
                    self.tiles.push(Tile { offset: start, length: end - start, kind: TileKind::ArTar });
                }
                (DebCompression::Plain, walked)
            }
            Some(b".gz") => {
                let mut stream = Gunzip::new(self.source, start, end, budget)?;
                let walked = tar::walk(&mut stream, budget, NameRules::Unix, visitor)?;
                (DebCompression::Gzip(stream.finish(&mut self.tiles, &mut self.anomalies)?), walked)
            }
            Some(b".xz") => {
                let mut stream = Unxz::new(self.source, start, end, &budget.limits);
                let walked = tar::walk(&mut stream, budget, NameRules::Unix, visitor)?;
                (DebCompression::Xz(stream.finish(&mut self.tiles, &mut self.anomalies)?), walked)
            }
            Some(b".zst") => {
                let mut stream = ZstdFile::new(self.source, start, end, &budget.limits);
                let walked = tar::walk(&mut stream, budget, NameRules::Unix, visitor)?;
                (DebCompression::Zstd(stream.finish(&mut self.tiles, &mut self.anomalies)?), walked)
            }
            _ => {
                let name = MemberPath::new(member.name.as_slice());
                let supported = "plain, .gz, .xz and .zst archives are";
                return Err(Unsupported::Deb { member: name, offset: member.offset, supported }.into());
            }
        };
        self.anomalies.append(&mut walked.anomalies);
        self.position = ar::padding(&self.source, member, &mut self.tiles, &mut self.anomalies)?;
        Ok((DebPart { compression, tar: walked.stream.clone() }, walked))
    }
}

fn header_fault(offset: u64, detail: String) -> ReadError {
    DebFault::ArHeader { offset, detail }.into()
}

fn unexpected(member: &ArMember, expected: &'static str) -> ReadError {
    let found = MemberPath::new(member.name.as_slice());
    DebFault::ArMember { offset: member.offset, found, expected }.into()
}
