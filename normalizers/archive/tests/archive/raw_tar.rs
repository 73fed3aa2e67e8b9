//! Writes tars that say what the test wants, true or not.

/// The fields of a header block, as CPython's tarfile fills them.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: Vec<u8>,
    pub(crate) uid: Vec<u8>,
    pub(crate) size: Vec<u8>,
    pub(crate) mtime: Vec<u8>,
    pub(crate) checksum: Option<Vec<u8>>,
    pub(crate) type_flag: u8,
    pub(crate) link: Vec<u8>,
    pub(crate) magic: Vec<u8>,
    pub(crate) prefix: Vec<u8>,
    /// Bytes put anywhere before the checksum is made.
    pub(crate) patches: Vec<(usize, Vec<u8>)>,
}

impl Block {
    pub(crate) fn new(name: impl Into<Vec<u8>>, type_flag: u8, size: u64) -> Self {
        Self {
            name: name.into(),
            mode: b"0000644\0".to_vec(),
            uid: b"0001750\0".to_vec(),
            size: format!("{size:011o}\0").into_bytes(),
            mtime: b"14524770400\0".to_vec(),
            checksum: None,
            type_flag,
            link: vec![],
            magic: b"ustar\x0000".to_vec(),
            prefix: vec![],
            patches: vec![],
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut block = vec![0; 512];
        for (at, field) in [
            (0, &self.name),
            (100, &self.mode),
            (108, &self.uid),
            (116, &self.uid),
            (124, &self.size),
            (136, &self.mtime),
            (156, &vec![self.type_flag]),
            (157, &self.link),
            (257, &self.magic),
            (345, &self.prefix),
        ] {
            block[at..at + field.len()].copy_from_slice(field);
        }
        for (at, patch) in &self.patches {
            block[*at..*at + patch.len()].copy_from_slice(patch);
        }
        match &self.checksum {
            Some(checksum) => block[148..156].copy_from_slice(checksum),
            None => seal(&mut block),
        }
        block
    }
}

/// Puts the right checksum into a header block.
pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A member: its header, its contents, its padding.
pub(crate) fn member(block: &Block, contents: &[u8]) -> Vec<u8> {
    let mut bytes = block.bytes();
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(name: &str, contents: &[u8]) -> Vec<u8> {
    member(&Block::new(name, b'0', contents.len() as u64), contents)
}

pub(crate) fn directory(name: &str) -> Vec<u8> {
    Block { mode: b"0000755\0".to_vec(), ..Block::new(name, b'5', 0) }.bytes()
}

pub(crate) fn link(name: &str, type_flag: u8, target: &str) -> Vec<u8> {
    Block { link: target.into(), ..Block::new(name, type_flag, 0) }.bytes()
}

/// One PAX record with its own length in front.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..5).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length).unwrap();
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

/// An extended header: `x` for the next member, `g` for all.
pub(crate) fn pax(type_flag: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let body: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
    member(&Block::new("PaxHeaders/x", type_flag, body.len() as u64), &body)
}

/// A GNU long name (`L`) or long link (`K`).
pub(crate) fn gnu_long(type_flag: u8, text: &[u8]) -> Vec<u8> {
    let body = [text, b"\0"].concat();
    let block = Block { magic: b"ustar  \0".to_vec(), ..Block::new("././@LongLink", type_flag, body.len() as u64) };
    member(&block, &body)
}

/// The members with two blocks of zeros after them.
pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}
