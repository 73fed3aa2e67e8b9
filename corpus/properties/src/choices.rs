//! Bytes that choose: how an input of bytes becomes something with a structure.

use twinbuild_subject::MemberPath;

/// What edits put in: what begins structures, and what begins lines.
const TOKENS: [&[u8]; 28] = [
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b" ",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x07\x08",
    b"ustar\x0000",
    b"ustar  \0",
    b"\x1f\x8b\x08\0",
    b"Requires-Dist: evil\n",
    b"requires-dist: evil\n",
    b"Generator: other 2\n",
    b"Tag: py2-none-any\n",
    b"Summary: other\n",
    b" continued\n",
    b"\xe2\x80\xa8",
    b"tIME",
    b"`\n",
    b"\"name\": 1, ",
    b"\\u0061",
    b"{",
    b"]",
];

/// Takes decisions from bytes, one after the other. When the bytes are used up, every decision is the first one, which
/// is the plain one wherever there is such a thing.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A number below `count`, which is 1 to 256.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    pub(crate) fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// True one time in four.
    pub(crate) fn seldom(&mut self) -> bool {
        self.byte() % 4 == 3
    }

    /// A position in something of this length, its end among them.
    pub(crate) fn position(&mut self, length: usize) -> usize {
        usize::from(self.word()) % (length + 1)
    }

    /// At most 255 bytes.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Edits `bytes` as many times as chosen, at most `most` times.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>, most: usize) {
        for _ in 0..self.below(most + 1) {
            self.edit_once(bytes);
        }
    }

    pub(crate) fn edit_once(&mut self, bytes: &mut Vec<u8>) {
        let at = self.position(bytes.len());
        match self.below(7) {
            0 => {
                let by = self.byte();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = by;
                }
            }
            1 => drop(bytes.splice(at..at, self.one_of(&TOKENS).iter().copied())),
            2 => drop(bytes.drain(at..(at + 1 + self.below(8)).min(bytes.len()))),
            3 => {
                let token = self.one_of(&TOKENS);
                let end = (at + token.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&token[..end - at]);
            }
            4 => {
                let from = self.position(bytes.len());
                let end = (from + self.below(64)).min(bytes.len());
                let piece = bytes[from..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            5 => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    let (a, b) = (self.below(256) % lines.len(), self.below(256) % lines.len());
                    lines.swap(a, b);
                }
                *bytes = lines.concat();
            }
            _ => drop(bytes.splice(at..at, self.bytes().iter().copied())),
        }
    }

    /// The name of a member: one that a rule is for, one that none is for, or an arbitrary one.
    pub(crate) fn path(&mut self) -> MemberPath {
        let at = self.below(PATHS.len() + 1);
        PATHS.get(at).map_or_else(|| MemberPath::new(self.bytes()), |path| MemberPath::from(*path))
    }
}

/// One for each rule, and some that no rule is for.
pub(crate) const PATHS: [&str; 19] = [
    "demo-1.0.dist-info/METADATA",
    "demo-1.0.dist-info/WHEEL",
    "demo-1.0.dist-info/metadata.json",
    "demo-1.0.dist-info/pydist.json",
    "demo/__pycache__/demo.cpython-311.pyc",
    "demo/demo.png",
    "demo/demo.mo",
    "demo/demo.gmo",
    "demo/demo.csv.gz",
    "demo/libdemo.a",
    "demo/__init__.py",
    "demo-1.0.dist-info/RECORD",
    "demo-1.0.dist-info/entry_points.txt",
    "demo/metadata.json",
    "demo.pth",
    "demo/native.so",
    "demo-1.0.data/scripts/run.gz",
    "demo-1.0.data/SCRIPTS/logo.png",
    "vendor/demo-1.0.dist-info/METADATA",
];
