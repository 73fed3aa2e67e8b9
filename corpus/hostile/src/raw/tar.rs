//! Tars: ustar headers, PAX and GNU extensions, blocks of zeros.

const BLOCK: usize = 512;

/// A header block before its checksum is known.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    pub(crate) owner_name: &'static [u8],
    /// The twelve bytes of the field.
    pub(crate) size: Vec<u8>,
    pub(crate) modified: u32,
    pub(crate) type_flag: u8,
    pub(crate) link: Vec<u8>,
    pub(crate) magic: &'static [u8; 8],
    pub(crate) prefix: Vec<u8>,
    /// Added to the true sum.
    pub(crate) checksum_error: u32,
}

impl Header {
    pub(crate) fn new(name: impl Into<Vec<u8>>, type_flag: u8, size: usize) -> Self {
        Self {
            name: name.into(),
            mode: if type_flag == b'5' { 0o755 } else { 0o644 },
            owner: 0,
            owner_name: b"",
            size: octal(size),
            modified: 1_580_653_096,
            type_flag,
            link: Vec::new(),
            magic: b"ustar\x0000",
            prefix: Vec::new(),
            checksum_error: 0,
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, format!("{:07o}", self.owner).as_bytes());
        put(116, format!("{:07o}", self.owner).as_bytes());
        put(124, &self.size);
        put(136, format!("{:011o}", self.modified).as_bytes());
        put(148, b"        ");
        put(156, &[self.type_flag]);
        put(157, &self.link);
        put(257, self.magic);
        put(265, self.owner_name);
        put(297, self.owner_name);
        put(345, &self.prefix);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{:06o}\0", sum + self.checksum_error).as_bytes());
        block
    }
}

/// A size as eleven octal digits.
pub(crate) fn octal(size: usize) -> Vec<u8> {
    format!("{size:011o}\0").into_bytes()
}

/// Fills the last block with zeros.
pub(crate) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(BLOCK), 0);
    out
}

/// A header and what belongs to it.
pub(crate) fn entry(header: &Header, contents: &[u8]) -> Vec<u8> {
    [header.write(), padded(contents)].concat()
}

pub(crate) fn file(name: impl Into<Vec<u8>>, contents: &[u8]) -> Vec<u8> {
    entry(&Header::new(name, b'0', contents.len()), contents)
}

pub(crate) fn directory(name: &str) -> Vec<u8> {
    entry(&Header::new(name, b'5', 0), b"")
}

/// A link, device or anything else that has no contents.
pub(crate) fn special(name: &str, type_flag: u8, link: &str) -> Vec<u8> {
    let mut header = Header::new(name, type_flag, 0);
    header.link = link.into();
    header.write()
}

/// An extension with a body: `x`, `g`, `L` or `K`.
pub(crate) fn extension(type_flag: u8, body: &[u8]) -> Vec<u8> {
    let name: &[u8] = if matches!(type_flag, b'L' | b'K') { b"././@LongLink" } else { b"PaxHeaders/0" };
    entry(&Header::new(name, type_flag, body.len()), body)
}

/// A PAX record with its true length.
pub(crate) fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| *length == rest + length.to_string().len()).unwrap_or(rest);
    format!("{length} {key}={value}\n").into_bytes()
}

/// Two blocks of zeros.
pub(crate) fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}
