//! Tars as tools write them: header by header, and by CPython's tarfile and GNU tar where these are installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use flate2::{Compression, Crc};
use twinbuild_archive::{Archive, Format, Limits, read};

pub(crate) fn tar_archive(bytes: &Vec<u8>) -> Archive {
    read(bytes, Format::Tar, &Limits::default()).unwrap()
}

pub(crate) fn gz_archive(bytes: &Vec<u8>) -> Archive {
    read(bytes, Format::TarGz, &Limits::default()).unwrap()
}

/// A header block before its checksum is known, as CPython's tarfile writes it.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) bytes: [u8; 512],
}

impl Block {
    pub(crate) fn new(name: &str, type_flag: u8, size: usize) -> Self {
        let block = Self { bytes: [0; 512] };
        let mode: &[u8] = if type_flag == b'5' { b"0000755\0" } else { b"0000644\0" };
        block
            .put(0, name.as_bytes())
            .put(100, mode)
            .put(108, b"0000000\0")
            .put(116, b"0000000\0")
            .put(124, format!("{size:011o}\0").as_bytes())
            .put(136, format!("{:011o}\0", 1_700_000_000).as_bytes())
            .put(156, &[type_flag])
            .put(257, b"ustar\x0000")
    }

    pub(crate) fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(crate) fn time(self, seconds: u64) -> Self {
        self.put(136, format!("{seconds:011o}\0").as_bytes())
    }

    pub(crate) fn owner(self, id: u32, name: &str) -> Self {
        let digits = format!("{id:07o}\0");
        self.put(108, digits.as_bytes()).put(116, digits.as_bytes()).put(265, name.as_bytes()).put(297, name.as_bytes())
    }

    /// With its checksum, contents and padding.
    pub(crate) fn with(self, contents: &[u8]) -> Vec<u8> {
        let sum: u32 = self.put(148, &[b' '; 8]).bytes.iter().map(|byte| u32::from(*byte)).sum();
        let mut out = self.put(148, format!("{sum:06o}\0").as_bytes()).bytes.to_vec();
        out[155] = b' ';
        out.extend(contents);
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }
}

pub(crate) fn file(name: &str, contents: &str) -> Vec<u8> {
    Block::new(name, b'0', contents.len()).with(contents.as_bytes())
}

/// A PAX header as CPython writes it.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (rest..).find(|length| *length == rest + length.to_string().len()).unwrap();
        body.extend(format!("{length} {key}={value}\n").into_bytes());
    }
    Block::new("././@PaxHeader", b'x', body.len()).put(100, b"0000000\0").time(0).with(&body)
}

/// Members and the end, two blocks of zeros.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// A gzip member as CPython writes it, with zlib-rs at a level.
pub(crate) fn gzip(header: &[u8], tar: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(tar).unwrap();
    let (mut crc, deflated) = (Crc::new(), encoder.finish().unwrap());
    crc.update(tar);
    [header, &deflated, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

/// The header of a gzip member without a name.
pub(crate) const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];

/// What a program writes, given text; `None` where it is not installed.
pub(crate) fn output_of(program: &str, arguments: &[&str], input: &str) -> Option<Vec<u8>> {
    let command = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = command.ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    Some(output.stdout)
}
