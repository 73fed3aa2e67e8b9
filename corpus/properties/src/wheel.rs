//! Wheels that choices describe: honest ones with some values of the container, and others made from them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use twinbuild_archive::{Format, Limits, TileKind, read};
use twinbuild_repack::{Column, Compressed, ContainerParameters, Encoder, ZlibSettings, infer, repack};
use twinbuild_subject::Sha256;

use crate::choices::Choices;
use crate::sums::{crc32, stored_deflate};

pub(crate) const RECORD: &str = "demo-1.0.dist-info/RECORD";
const NAMES: [&str; 12] = [
    "demo/__init__.py",
    "demo-1.0.dist-info/METADATA",
    "demo-1.0.dist-info/WHEEL",
    "demo/demo.png",
    "demo/demo.mo",
    "demo-1.0.dist-info/entry_points.txt",
    "demo-1.0.data/scripts/demo",
    "demo.pth",
    "demo/",
    "demo/__init__.pyc",
    "a,\"b\".py",
    "demo/na\u{ef}ve.py",
];
const MODES: [u16; 12] = [
    0o100_644, 0o100_664, 0o100_755, 0o100_666, 0o644, 0o755, 0, 0o104_755, 0o120_777, 0o040_755, 0o100_600, 0o100_777,
];
const FLAGS: [u16; 9] = [0, 2, 4, 6, 0x800, 8, 0x808, 0xa, 1];

/// How contents are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Stored,
    /// zlib-rs at a level.
    ZlibRs(u32),
    /// Stock zlib at a level, with `memLevel`.
    Zlib(u8, u8),
    /// Stored deflate blocks, which no known encoder makes of a text.
    Blocks,
}

/// One member with everything that a zip file says of it. The local header has what the central one has.
#[derive(Debug, Clone)]
struct Member {
    name: Vec<u8>,
    content: Vec<u8>,
    mode: u16,
    dos_attributes: u16,
    internal_attributes: u16,
    form: Form,
    flags: u16,
    needed: u16,
    /// Version and system.
    creator: [u8; 2],
    /// Time and date.
    modified: [u16; 2],
    extra: Vec<u8>,
    local_extra: Vec<u8>,
    comment: Vec<u8>,
    has_signed_descriptor: bool,
    /// In front of the local header.
    gap: Vec<u8>,
}

impl Member {
    fn new(name: &[u8], content: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            content: content.to_vec(),
            mode: if name.ends_with(b"/") { 0o040_755 } else { 0o100_644 },
            dos_attributes: if name.ends_with(b"/") { 0x10 } else { 0 },
            internal_attributes: 0,
            form: Form::Stored,
            flags: 0,
            needed: 20,
            creator: [20, 3],
            modified: [0x6ca3, 0x585d],
            extra: Vec::new(),
            local_extra: Vec::new(),
            comment: Vec::new(),
            has_signed_descriptor: true,
            gap: Vec::new(),
        }
    }

    fn data(&self) -> Vec<u8> {
        match self.form {
            Form::Stored => self.content.clone(),
            Form::ZlibRs(level) => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(&self.content).unwrap();
                encoder.finish().unwrap()
            }
            Form::Zlib(level, mem_level) => by_zlib(&self.content, level, mem_level),
            Form::Blocks => stored_deflate(&self.content),
        }
    }

    fn common(&self, is_local: bool, compressed_size: usize) -> Vec<u8> {
        let method = if self.form == Form::Stored { 0 } else { 8 };
        let words = [self.needed, self.flags, method, self.modified[0], self.modified[1]];
        let mut out: Vec<u8> = words.iter().flat_map(|value| value.to_le_bytes()).collect();
        let sums = [crc32(&self.content), wide(compressed_size), wide(self.content.len())];
        let is_left_to_descriptor = is_local && self.flags & 8 != 0;
        let sums = if is_left_to_descriptor { [0; 3] } else { sums };
        out.extend(sums.iter().flat_map(|value| value.to_le_bytes()));
        let extra = if is_local { &self.local_extra } else { &self.extra };
        out.extend([narrow(self.name.len()), narrow(extra.len())].iter().flat_map(|value| value.to_le_bytes()));
        out
    }
}

/// A zip file.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    members: Vec<Member>,
    /// Between the last member and the directory.
    gap: Vec<u8>,
    comment: Vec<u8>,
    has_zip64_end: bool,
}

impl Wheel {
    /// An honest wheel of a few members, their contents edited as chosen, with a true `RECORD` at its end.
    pub(crate) fn chosen(choices: &mut Choices<'_>) -> Self {
        let count = 3 + choices.below(4);
        let mut members = Vec::new();
        for name in NAMES.iter().take(count) {
            let mut member = Member::new(name.as_bytes(), &content(name));
            choices.edit(&mut member.content, 2);
            members.push(member);
        }
        let mut wheel = Self { members, gap: Vec::new(), comment: Vec::new(), has_zip64_end: false };
        wheel.record();
        // Finding out an encoder takes a hundred times as long as all else, so few wheels are compressed.
        if choices.seldom() {
            wheel.members.iter_mut().for_each(|member| member.form = Form::ZlibRs(6));
        }
        wheel
    }

    /// A wheel of any shape.
    pub(crate) fn of_any_shape(choices: &mut Choices<'_>) -> Self {
        let mut wheel = Self::chosen(choices);
        for _ in 0..choices.below(8) {
            wheel.change(choices);
        }
        if !choices.seldom() {
            wheel.record();
        }
        wheel
    }

    /// Writes a true `RECORD`, at the place of the one that there is.
    pub(crate) fn record(&mut self) {
        let at = self.members.iter().position(|member| member.name == RECORD.as_bytes());
        let text = self.rows().concat();
        match at {
            Some(at) => self.members[at].content = text,
            None => self.members.push(Member::new(RECORD.as_bytes(), &text)),
        }
    }

    /// The true rows of `RECORD` for all members but folders.
    pub(crate) fn rows(&self) -> Vec<Vec<u8>> {
        let is_file = |member: &&Member| !member.name.ends_with(b"/") && member.name != RECORD.as_bytes();
        let mut rows: Vec<Vec<u8>> = self
            .members
            .iter()
            .filter(is_file)
            .map(|member| {
                let digest = Sha256::of(&member.content).to_url_safe_base64();
                [quoted(&member.name), format!(",sha256={digest},{}\n", member.content.len()).into_bytes()].concat()
            })
            .collect();
        rows.push(format!("{RECORD},,\n").into_bytes());
        rows
    }

    /// Changes one thing, of the members or of the container.
    pub(crate) fn change(&mut self, choices: &mut Choices<'_>) {
        let what = choices.below(28);
        let at = choices.below(self.members.len().max(1));
        let Some(member) = self.members.get_mut(at) else { return };
        match what {
            0..3 => choices.edit_once(&mut member.content),
            3 => member.name = choices.one_of(&NAMES).as_bytes().to_vec(),
            4 => choices.edit_once(&mut member.name),
            5 => drop(self.members.remove(at)),
            6 => {
                let name = choices.one_of(&NAMES);
                self.members.insert(at, Member::new(name.as_bytes(), choices.bytes()));
            }
            7 | 8 => member.mode = choices.one_of(&MODES),
            9 => {
                let mode = choices.one_of(&MODES);
                self.members.iter_mut().for_each(|member| member.mode = mode);
            }
            10 => member.modified = [choices.word(), choices.word()],
            11 => {
                let to = choices.below(self.members.len());
                self.members.swap(at, to);
            }
            12 | 13 => member.form = form(choices),
            14 => {
                let form = form(choices);
                self.members.iter_mut().for_each(|member| member.form = form);
            }
            15 => member.flags = choices.one_of(&FLAGS),
            16 => member.creator = [choices.one_of(&[20, 63, 45, 64]), choices.one_of(&[3, 0, 19, 10, 7])],
            17 => member.needed = choices.one_of(&[20, 10, 45, 21, 51]),
            18 => member.extra = extra(choices),
            19 => member.local_extra = extra(choices),
            20 => member.comment = choices.bytes().to_vec(),
            21 => member.dos_attributes = choices.one_of(&[0, 0x10, 0x20, 1]),
            22 => member.internal_attributes = choices.one_of(&[0, 1, 2]),
            23 => (member.flags, member.has_signed_descriptor) = (8, choices.seldom()),
            24 => self.has_zip64_end = !self.has_zip64_end,
            25 => member.gap = choices.bytes().to_vec(),
            26 => self.gap = choices.bytes().to_vec(),
            _ => self.comment = choices.bytes().to_vec(),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for member in &self.members {
            out.extend(&member.gap);
            let offset = wide(out.len());
            let data = member.data();
            out.extend(b"PK\x03\x04");
            out.extend(member.common(true, data.len()));
            out.extend([member.name.as_slice(), &member.local_extra, &data].concat());
            if member.flags & 8 != 0 {
                if member.has_signed_descriptor {
                    out.extend(b"PK\x07\x08");
                }
                let sums = [crc32(&member.content), wide(data.len()), wide(member.content.len())];
                out.extend(sums.iter().flat_map(|value| value.to_le_bytes()));
            }
            directory.extend(b"PK\x01\x02");
            directory.extend(member.creator);
            directory.extend(member.common(false, data.len()));
            let words = [narrow(member.comment.len()), 0, member.internal_attributes];
            directory.extend(words.iter().flat_map(|value| value.to_le_bytes()));
            directory.extend([member.dos_attributes, member.mode].iter().flat_map(|value| value.to_le_bytes()));
            directory.extend(offset.to_le_bytes());
            directory.extend([member.name.as_slice(), &member.extra, &member.comment].concat());
        }
        out.extend(&self.gap);
        let (offset, size) = (wide(out.len()), wide(directory.len()));
        let count = narrow(self.members.len());
        out.extend(directory);
        if self.has_zip64_end {
            let end = u64::from(wide(out.len()));
            out.extend([b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]].concat());
            let values = [u64::from(count), u64::from(count), u64::from(size), u64::from(offset)];
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            out.extend([b"PK\x06\x07\0\0\0\0".as_slice(), &end.to_le_bytes(), &1_u32.to_le_bytes()].concat());
        }
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count, count].iter().flat_map(|value| value.to_le_bytes()));
        out.extend(size.to_le_bytes());
        out.extend(if self.has_zip64_end { u32::MAX } else { offset }.to_le_bytes());
        out.extend(narrow(self.comment.len()).to_le_bytes());
        out.extend(&self.comment);
        out
    }
}

/// What a member of this name has in an honest wheel; rules are for some of them.
fn content(name: &str) -> Vec<u8> {
    let text = match name {
        "demo-1.0.dist-info/METADATA" => {
            "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: A demo\nRequires-Dist: six\nRequires-Dist: attrs\n\
             License: MIT\n\nA demo.\n"
        }
        "demo-1.0.dist-info/WHEEL" => {
            "Wheel-Version: 1.0\nGenerator: demo 1\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        }
        "demo-1.0.dist-info/entry_points.txt" => "[console_scripts]\ndemo = demo:main\n",
        "demo/demo.png" => return crate::seeds::png(),
        "demo/demo.mo" => return crate::seeds::catalogue(),
        _ => "import sys\n\n\ndef main():\n    return len(sys.argv)\n",
    };
    text.as_bytes().to_vec()
}

fn form(choices: &mut Choices<'_>) -> Form {
    match choices.below(8) {
        0 | 1 => Form::Stored,
        2 | 3 => Form::ZlibRs(u32::from(choices.byte() % 10)),
        4..7 => Form::Zlib(1 + choices.byte() % 9, choices.one_of(&[8, 9])),
        _ => Form::Blocks,
    }
}

/// Extra fields: times, NTFS times, or others.
fn extra(choices: &mut Choices<'_>) -> Vec<u8> {
    let (id, data): (u16, Vec<u8>) = match choices.below(4) {
        0 => (
            0x5455,
            [vec![1], [choices.word(), choices.word()].iter().flat_map(|half| half.to_le_bytes()).collect()].concat(),
        ),
        1 => (0x000a, [[0, 0, 0, 0, 1, 0, 24, 0].repeat(2), vec![choices.byte(); 16]].concat()),
        2 => (choices.word(), choices.bytes().to_vec()),
        _ => return choices.bytes().to_vec(),
    };
    [id.to_le_bytes().as_slice(), &narrow(data.len()).to_le_bytes(), &data].concat()
}

/// The contents as stock zlib compresses them, which only the crate under test can do: it writes a stored member again.
fn by_zlib(content: &[u8], level: u8, mem_level: u8) -> Vec<u8> {
    let member = Member { form: Form::Stored, ..Member::new(b"a", content) };
    let stored = Wheel { members: vec![member], gap: Vec::new(), comment: Vec::new(), has_zip64_end: false }.write();
    let archive = read(&stored, Format::Zip, &Limits::default()).unwrap();
    let mut parameters = infer(&archive, &stored).unwrap();
    let ContainerParameters::Zip(zip) = &mut parameters.container else { panic!("a zip file has others") };
    zip.compressed = Column::All(Compressed::By(Encoder::Zlib(ZlibSettings { level, mem_level })));
    let mut written = Vec::new();
    repack(&parameters, &archive, &stored, &mut written).unwrap();
    let written_archive = read(&written, Format::Zip, &Limits::default()).unwrap();
    let tile = written_archive.tiles.iter().find(|tile| matches!(tile.kind, TileKind::Data { .. })).unwrap();
    let start = usize::try_from(tile.offset).unwrap();
    written[start..start + usize::try_from(tile.length).unwrap()].to_vec()
}

/// A field of a CSV row.
fn quoted(name: &[u8]) -> Vec<u8> {
    if !name.iter().any(|byte| b"\",\r\n".contains(byte)) {
        return name.to_vec();
    }
    let doubled = name.iter().flat_map(|byte| if *byte == b'"' { b"\"\"".to_vec() } else { vec![*byte] });
    b"\"".iter().copied().chain(doubled).chain(*b"\"").collect()
}

fn wide(value: usize) -> u32 {
    u32::try_from(value).unwrap()
}

/// Edits make nothing longer than 64 KiB.
fn narrow(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
