//! A file of git objects, each verified against its name.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use twinbuild_subject::{MemberPath, ObjectFormat, ObjectId};

use super::object::{Kind, NameHasher};
use super::{CheckoutError, MOST_OBJECTS, TEXT_LIMIT_BYTES};

/// The longest line in front of an object, in bytes.
const LINE_LIMIT_BYTES: u64 = 128;

/// Objects in a file, in the form of `git cat-file --batch`: a line `NAME KIND SIZE`, the content, a line's end. Each was hashed, so it is
/// what its name says, whoever wrote the file.
pub(super) struct Objects {
    file: File,
    format: ObjectFormat,
    places: HashMap<ObjectId, Place>,
}

/// Where an object's content is.
#[derive(Debug, Clone, Copy)]
struct Place {
    kind: Kind,
    offset: u64,
    size_bytes: u64,
}

impl Objects {
    /// Reads a file from `start` to its end.
    pub(super) fn read(mut file: File, start: u64, format: ObjectFormat) -> Result<Self, CheckoutError> {
        let doing = "reading objects of the repository";
        file.seek(SeekFrom::Start(start)).map_err(CheckoutError::io(doing))?;
        let own = file.try_clone().map_err(CheckoutError::io(doing))?;
        let mut reader = BufReader::with_capacity(1 << 16, own);
        let mut places = HashMap::new();
        let mut at = start;
        loop {
            let mut line = Vec::new();
            let count = (&mut reader).take(LINE_LIMIT_BYTES).read_until(b'\n', &mut line);
            let count = count.map_err(CheckoutError::io(doing))?;
            if count == 0 {
                return Ok(Self { file, format, places });
            }
            let (name, kind, size_bytes) = head(&line)?;
            if name.format() != format {
                return Err(CheckoutError::malformed(format!(
                    "the object {name} is of another format than its commit"
                )));
            }
            let offset = at + count as u64;
            verify(&mut reader, &name, kind, size_bytes, format)?;
            at = offset + size_bytes + 1;
            places.insert(name, Place { kind, offset, size_bytes });
            if places.len() > MOST_OBJECTS {
                return Err(CheckoutError::limit(format!("it has more than {MOST_OBJECTS} objects")));
            }
        }
    }

    pub(super) fn format(&self) -> ObjectFormat {
        self.format
    }

    pub(super) fn has(&self, id: &ObjectId) -> bool {
        self.places.contains_key(id)
    }

    /// The content of a commit, tag or tree.
    pub(super) fn text(&self, id: &ObjectId, kind: Kind) -> Result<Vec<u8>, CheckoutError> {
        let Place { size_bytes, .. } = self.place(id, kind)?;
        if size_bytes > TEXT_LIMIT_BYTES {
            return Err(CheckoutError::limit(format!(
                "its {} {id} has {size_bytes} bytes, and {TEXT_LIMIT_BYTES} are taken",
                kind.name()
            )));
        }
        let mut content = Vec::new();
        self.copy(id, kind, &mut content)?;
        Ok(content)
    }

    /// The size of an object's content, in bytes.
    pub(super) fn size_bytes(&self, id: &ObjectId, kind: Kind) -> Result<u64, CheckoutError> {
        self.place(id, kind).map(|place| place.size_bytes)
    }

    /// Writes the content of an object.
    pub(super) fn copy(&self, id: &ObjectId, kind: Kind, into: &mut dyn Write) -> Result<(), CheckoutError> {
        let doing = "copying an object of the repository";
        let Place { mut offset, size_bytes, .. } = self.place(id, kind)?;
        let mut left = size_bytes;
        let mut buffer = vec![0; 1 << 16];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            self.file.read_exact_at(&mut buffer[..wanted], offset).map_err(CheckoutError::io(doing))?;
            into.write_all(&buffer[..wanted]).map_err(CheckoutError::io(doing))?;
            offset += wanted as u64;
            left -= wanted as u64;
        }
        Ok(())
    }

    /// Writes an object in the form in which it was read.
    pub(super) fn copy_whole(&self, id: &ObjectId, kind: Kind, into: &mut dyn Write) -> Result<(), CheckoutError> {
        let doing = "writing an object of the repository";
        let size_bytes = self.size_bytes(id, kind)?;
        writeln!(into, "{id} {} {size_bytes}", kind.name()).map_err(CheckoutError::io(doing))?;
        self.copy(id, kind, into)?;
        into.write_all(b"\n").map_err(CheckoutError::io(doing))
    }

    fn place(&self, id: &ObjectId, kind: Kind) -> Result<Place, CheckoutError> {
        let place = self.places.get(id);
        let missing = || CheckoutError::malformed(format!("it has no object {id}, which is to be a {}", kind.name()));
        let place = place.ok_or_else(missing)?;
        if place.kind != kind {
            let found = place.kind.name();
            return Err(CheckoutError::malformed(format!(
                "its object {id} is a {found}, where a {} is named",
                kind.name()
            )));
        }
        Ok(*place)
    }
}

/// The line in front of an object.
fn head(line: &[u8]) -> Result<(ObjectId, Kind, u64), CheckoutError> {
    let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
    let mut parts = text.unwrap_or_default().split(' ');
    let (name, kind, size) = (parts.next(), parts.next(), parts.next());
    let name = name.and_then(|name| name.parse().ok());
    let kind = kind.and_then(Kind::of_name);
    let size = size.and_then(|size| size.parse().ok());
    let (Some(name), Some(kind), Some(size), None) = (name, kind, size, parts.next()) else {
        let shown = MemberPath::new(line);
        return Err(CheckoutError::malformed(format!("a name, kind and size of an object are expected, not {shown}")));
    };
    Ok((name, kind, size))
}

/// Hashes the content of an object and the line's end behind it.
fn verify(
    reader: &mut impl Read,
    name: &ObjectId,
    kind: Kind,
    size_bytes: u64,
    format: ObjectFormat,
) -> Result<(), CheckoutError> {
    let cut_off = || CheckoutError::malformed(format!("its object {name} is cut off"));
    let mut hasher = NameHasher::new(format, kind, size_bytes);
    let mut buffer = vec![0; 1 << 16];
    let mut left = size_bytes;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let count = match reader.read(&mut buffer[..wanted]) {
            Ok(0) => return Err(cut_off()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CheckoutError::io("reading objects of the repository")(error)),
        };
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    let mut end = [0];
    if reader.read_exact(&mut end).is_err() || end != *b"\n" {
        return Err(cut_off());
    }
    match hasher.finish() {
        Some(found) if found == *name => Ok(()),
        Some(found) => {
            Err(CheckoutError::malformed(format!("its object {name} has another content, of the name {found}")))
        }
        None => {
            let what = format!("its object {name} was made to share its name with another content (a SHA-1 collision)");
            Err(CheckoutError::malformed(what))
        }
    }
}
