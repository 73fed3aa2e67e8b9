//! Headers of a tar from values and what is known of a member.

use twinbuild_archive::{Member, MemberKind, TarExtension, TarFields};

use crate::header::type_bits;
use crate::tar::form::{
    Dialect, ExtensionKind, ExtensionName, NameForm, NumberForm, NumberForms, PaxField, TarExtensionForm, TarOwner,
};
use crate::tar::values::TarValues;

/// The unit of a tar.
pub(crate) const BLOCK_BYTES: usize = 512;
/// The largest number that eleven octal digits hold: beyond it a header leaves the size to its PAX record.
pub(crate) const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 155;

/// Values that this member cannot be written with.
#[derive(Debug)]
pub(crate) struct Impossible;

/// One header block before its checksum is known.
struct Block<'a> {
    name: &'a [u8],
    prefix: &'a [u8],
    mode: Option<u32>,
    owner: &'a TarOwner,
    size: u64,
    modified: Option<i64>,
    type_flag: u8,
    link: &'a [u8],
    dialect: Dialect,
    numbers: &'a NumberForms,
}

impl Block<'_> {
    fn write(&self) -> Result<Box<[u8; BLOCK_BYTES]>, Impossible> {
        let mut block = Box::new([0; BLOCK_BYTES]);
        let mut put = |from: usize, to: usize, bytes: &[u8]| {
            let field = block.get_mut(from..to).and_then(|field| field.get_mut(..bytes.len())).ok_or(Impossible)?;
            field.copy_from_slice(bytes);
            Ok(())
        };
        let size = i64::try_from(self.size).map_err(|_| Impossible)?;
        let Self { numbers, owner, .. } = self;
        put(0, 100, self.name)?;
        put(157, 257, self.link)?;
        put(
            257,
            265,
            match self.dialect {
                Dialect::Ustar => b"ustar\x0000",
                Dialect::Gnu => b"ustar  \0",
                Dialect::V7 => &[0; 8],
            },
        )?;
        put(265, 297, owner.user.as_str().as_bytes())?;
        put(297, 329, owner.group.as_str().as_bytes())?;
        put(345, 500, self.prefix)?;
        put(156, 157, &[self.type_flag])?;
        // Of spaces readers make different numbers; those of devices are read by none.
        let number = |form: NumberForm, value: Option<i64>, width| {
            if form == NumberForm::BlankSpaces { None } else { form.encode(value, width) }
        };
        let no_device = |form: NumberForm| form.encode(Some(0), 8).or_else(|| form.encode(None, 8));
        for (from, to, bytes) in [
            (100, 108, number(numbers.mode, self.mode.map(i64::from), 8)),
            (108, 116, number(numbers.uid, owner.uid.map(i64::from), 8)),
            (116, 124, number(numbers.gid, owner.gid.map(i64::from), 8)),
            (124, 136, number(numbers.size, Some(size), 12)),
            (136, 148, number(numbers.modified, self.modified, 12)),
            (329, 337, no_device(numbers.device_major)),
            (337, 345, no_device(numbers.device_minor)),
        ] {
            put(from, to, &bytes.ok_or(Impossible)?)?;
        }
        let sum = checksum(&block);
        let field = numbers.checksum.encode(Some(sum), 8).ok_or(Impossible)?;
        block.get_mut(148..156).ok_or(Impossible)?.copy_from_slice(&field);
        Ok(block)
    }
}

/// The sum of the bytes with the checksum's own taken as spaces.
pub(crate) fn checksum(block: &[u8; BLOCK_BYTES]) -> i64 {
    let bytes = block.iter().enumerate();
    bytes.map(|(at, byte)| if (148..156).contains(&at) { i64::from(b' ') } else { i64::from(*byte) }).sum()
}

/// The header blocks of a member, with the extensions in front of its own.
pub(crate) fn headers(member: &Member, fields: &TarFields, values: &TarValues) -> Result<Vec<u8>, Impossible> {
    let mut bytes = Vec::new();
    for (index, form) in values.extensions.iter().enumerate() {
        let body = body(member, form)?;
        bytes.extend(extension(member, fields.extensions.get(index), form, body.len())?);
        bytes.extend(&body);
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    bytes.extend(own(member, fields, values)?);
    Ok(bytes)
}

/// The header of an extension, without its body.
pub(crate) fn extension(
    member: &Member,
    built: Option<&TarExtension>,
    form: &TarExtensionForm,
    body_bytes: usize,
) -> Result<Vec<u8>, Impossible> {
    let path = member.path.as_bytes();
    let type_flag = type_flag(&form.kind);
    let (name, prefix): (Vec<u8>, &[u8]) = match form.name {
        ExtensionName::AtPaxHeader => (b"././@PaxHeader".to_vec(), b""),
        ExtensionName::AtLongLink => (b"././@LongLink".to_vec(), b""),
        ExtensionName::PaxHeaders => (pax_headers_name(path), b""),
        ExtensionName::AsBuilt => {
            let built = built.filter(|built| built.header.type_flag == type_flag).ok_or(Impossible)?;
            (built.header.name.clone(), &built.header.prefix)
        }
    };
    let block = Block {
        name: &name,
        prefix,
        mode: form.mode.map(u32::from),
        owner: &form.owner,
        size: body_bytes as u64,
        modified: form.modified,
        type_flag,
        link: b"",
        dialect: form.dialect,
        numbers: &form.numbers,
    };
    Ok(block.write()?.to_vec())
}

/// The member's own header.
pub(crate) fn own(member: &Member, fields: &TarFields, values: &TarValues) -> Result<Vec<u8>, Impossible> {
    let path = member.path.as_bytes();
    let target = target(member);
    let (has_name, has_link) = (overrules(&values.extensions, false), overrules(&values.extensions, true));
    let (name, prefix) = match values.form.name {
        NameForm::Whole if !has_name => (path.to_vec(), Vec::new()),
        NameForm::Split { prefix_bytes } if !has_name => {
            let at = usize::from(prefix_bytes);
            let (prefix, rest) = path.split_at_checked(at).ok_or(Impossible)?;
            let name = rest.strip_prefix(b"/").ok_or(Impossible)?;
            if prefix.is_empty() || prefix.len() > PREFIX_BYTES || values.form.dialect != Dialect::Ustar {
                return Err(Impossible);
            }
            (name.to_vec(), prefix.to_vec())
        }
        NameForm::AsBuilt if has_name => (fields.header.name.clone(), fields.header.prefix.clone()),
        form if has_name => (shortened(path, form)?, Vec::new()),
        _ => return Err(Impossible),
    };
    let link = match values.form.link {
        NameForm::Whole if !has_link => target.to_vec(),
        NameForm::AsBuilt if has_link => fields.header.link_name.clone(),
        form if has_link => shortened(target, form)?,
        _ => return Err(Impossible),
    };
    let type_flag = match &member.kind {
        MemberKind::File if values.form.has_old_type => 0,
        MemberKind::Directory
            if values.form.has_old_type && values.form.dialect != Dialect::Ustar && path.ends_with(b"/") =>
        {
            0
        }
        _ if values.form.has_old_type => return Err(Impossible),
        MemberKind::File => b'0',
        MemberKind::Hardlink { .. } => b'1',
        MemberKind::Symlink { .. } => b'2',
        MemberKind::Directory => b'5',
    };
    let mode =
        values.mode.map(|mode| u32::from(mode.permissions) | if mode.has_type { type_bits(&member.kind) } else { 0 });
    let block = Block {
        name: &name,
        prefix: &prefix,
        mode,
        owner: &values.owner,
        size: header_size(member.size_bytes, &values.extensions),
        modified: values.modified,
        type_flag,
        link: &link,
        dialect: values.form.dialect,
        numbers: &values.form.numbers,
    };
    Ok(block.write()?.to_vec())
}

/// The size as the member's own header has it.
pub(crate) fn header_size(size: u64, extensions: &[TarExtensionForm]) -> u64 {
    let has_record = pax_fields(extensions).any(|field| *field == PaxField::Size);
    if has_record && size > OCTAL_SIZE_MAX { 0 } else { size }
}

/// The records of all PAX headers.
pub(crate) fn pax_fields(extensions: &[TarExtensionForm]) -> impl Iterator<Item = &PaxField> {
    extensions.iter().flat_map(|extension| match &extension.kind {
        ExtensionKind::Pax(fields) => fields.as_slice(),
        ExtensionKind::GnuName | ExtensionKind::GnuLink => &[],
    })
}

/// Whether an extension has the member's name, or the target of the link.
pub(crate) fn overrules(extensions: &[TarExtensionForm], link: bool) -> bool {
    extensions.iter().any(|extension| match &extension.kind {
        ExtensionKind::Pax(fields) => fields.contains(if link { &PaxField::LinkPath } else { &PaxField::Path }),
        ExtensionKind::GnuName => !link,
        ExtensionKind::GnuLink => link,
    })
}

/// Where a link leads; nothing for other members.
pub(crate) fn target(member: &Member) -> &[u8] {
    match &member.kind {
        MemberKind::Symlink { target } => target,
        MemberKind::Hardlink { target } => target.as_bytes(),
        MemberKind::File | MemberKind::Directory => b"",
    }
}

/// What an extension has behind its header, padding aside.
pub(crate) fn body(member: &Member, form: &TarExtensionForm) -> Result<Vec<u8>, Impossible> {
    let text = |bytes: &[u8]| [bytes, b"\0"].concat();
    let fields = match &form.kind {
        ExtensionKind::GnuName => return Ok(text(member.path.as_bytes())),
        ExtensionKind::GnuLink => return Ok(text(target(member))),
        ExtensionKind::Pax(fields) => fields,
    };
    let mut body = Vec::new();
    for field in fields {
        let (key, value): (&str, Vec<u8>) = match field {
            PaxField::Path => ("path", member.path.as_bytes().to_vec()),
            PaxField::LinkPath => ("linkpath", target(member).to_vec()),
            PaxField::Size => ("size", member.size_bytes.to_string().into_bytes()),
            PaxField::Modified(time) => ("mtime", time.text().into_bytes()),
            PaxField::Accessed(time) => ("atime", time.text().into_bytes()),
            PaxField::Changed(time) => ("ctime", time.text().into_bytes()),
            PaxField::Uid(number) => ("uid", number.to_string().into_bytes()),
            PaxField::Gid(number) => ("gid", number.to_string().into_bytes()),
        };
        // The length counts itself: the fewest digits that do.
        let rest = key.len() + value.len() + 3;
        let length = (1..=20).map(|digits| rest + digits).find(|length| rest + length.to_string().len() == *length);
        body.extend(format!("{} {key}=", length.ok_or(Impossible)?).into_bytes());
        body.extend(value);
        body.push(b'\n');
    }
    Ok(body)
}

pub(crate) fn type_flag(kind: &ExtensionKind) -> u8 {
    match kind {
        ExtensionKind::Pax(_) => b'x',
        ExtensionKind::GnuName => b'L',
        ExtensionKind::GnuLink => b'K',
    }
}

/// A name that is too long for its field, or not ASCII, as it stands there all the same.
pub(crate) fn shortened(name: &[u8], form: NameForm) -> Result<Vec<u8>, Impossible> {
    let first = |name: &[u8], length: usize| name.get(..length.min(name.len())).unwrap_or_default().to_vec();
    match form {
        NameForm::Truncated { length: length @ (99 | 100) } => Ok(first(name, length.into())),
        NameForm::Replaced => {
            // CPython decodes what is no UTF-8 byte for byte, and replaces each character.
            let mut replaced = Vec::new();
            for chunk in name.utf8_chunks() {
                replaced
                    .extend(chunk.valid().chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')));
                replaced.extend(chunk.invalid().iter().map(|_| b'?'));
            }
            Ok(first(&replaced, NAME_BYTES))
        }
        _ => Err(Impossible),
    }
}

/// GNU tar's name for the PAX header of a member, `%d/PaxHeaders/%f`.
fn pax_headers_name(path: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let (folder, file) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b".".as_slice(), path),
    };
    let mut name = [folder, b"/PaxHeaders/", file].concat();
    name.truncate(NAME_BYTES);
    name
}
