//! The parameters of one member of a tar, as a published file has them.

use twinbuild_archive::{Fields, Member, MemberKind, TarDialect, TarExtension, TarExtensionBody, TarFields, TarHeader};

use crate::error::Reason;
use crate::header::type_bits;
use crate::tar::form::{
    Dialect, ExtensionKind, ExtensionName, NameForm, NumberForm, NumberForms, OwnerName, PaxField, PaxTime,
    TarExtensionForm, TarHeaderForm, TarMode, TarOwner,
};
use crate::tar::header::{self, OCTAL_SIZE_MAX, checksum, header_size, overrules, shortened, target};

/// The largest number that seven octal digits hold.
const OCTAL_OWNER_MAX: u32 = 0o7_777_777;
/// Names up to this size need no extension, in bytes: GNU tar's oldest form leaves room for a NUL.
const SHORT_NAME_BYTES: usize = 99;

/// The parameters of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarValues {
    pub(crate) form: TarHeaderForm,
    pub(crate) mode: Option<TarMode>,
    pub(crate) modified: Option<i64>,
    pub(crate) owner: TarOwner,
    pub(crate) extensions: Vec<TarExtensionForm>,
}

/// Why the tar headers of a published member are not explained by container parameters and the rebuilt member of its name;
/// `None` where they are, and where one of them is of no tar.
#[must_use]
pub fn explain_header(published: &Member, rebuilt: &Member) -> Option<Reason> {
    match (&published.fields, &rebuilt.fields) {
        (Fields::Tar(fields), Fields::Tar(built)) => values(published, fields, built).err(),
        _ => None,
    }
}

/// The parameters of a published member; `built` are the headers of the rebuilt one, from which only names are taken that
/// no reader takes.
pub(crate) fn values(member: &Member, fields: &TarFields, built: &TarFields) -> Result<TarValues, Reason> {
    let extensions = fields.extensions.iter().enumerate();
    let extensions = extensions
        .map(|(index, extension)| extension_form(member, extension, built.extensions.get(index)))
        .collect::<Result<Vec<_>, _>>()?;
    let own = &fields.header;
    for (is_link, name) in [(false, member.path.as_bytes()), (true, target(member))] {
        if overrules(&extensions, is_link) && name.len() <= SHORT_NAME_BYTES && name.is_ascii() {
            let field =
                if is_link { "an extension for its short link target" } else { "an extension for its short name" };
            return Err(of(field, name));
        }
    }
    let size = header_size(member.size_bytes, &extensions);
    let has_old_type = match (&member.kind, own.type_flag) {
        (MemberKind::File, b'0') | (MemberKind::Directory, b'5') => false,
        (MemberKind::Hardlink { .. }, b'1') | (MemberKind::Symlink { .. }, b'2') => false,
        (MemberKind::File | MemberKind::Directory, 0) => true,
        _ => return Err(of("a type", &[own.type_flag])),
    };
    let values = TarValues {
        form: TarHeaderForm {
            dialect: dialect(own)?,
            has_old_type,
            name: name_form(member, own, &built.header, &extensions)?,
            link: link_form(member, own, &built.header, &extensions)?,
            numbers: numbers(own, size)?,
        },
        mode: own.mode.map(|mode| mode_of(mode, &member.kind)).transpose()?,
        modified: own.mtime,
        owner: owner(own)?,
        extensions,
    };
    check_times(&values)?;
    for field in header::pax_fields(&values.extensions) {
        // The header has nothing then, so that there are no two owners.
        let is_alone = match field {
            PaxField::Uid(_) => values.owner.uid == Some(0),
            PaxField::Gid(_) => values.owner.gid == Some(0),
            _ => true,
        };
        if !is_alone {
            return Err(of("an owner beside that of its PAX header", b""));
        }
    }
    let written = header::own(member, built, &values).ok();
    if written.as_deref() != Some(own.block.as_slice()) {
        return Err(of("a header", b""));
    }
    Ok(values)
}

/// A value that is no container parameter.
fn of(field: &'static str, found: &[u8]) -> Reason {
    Reason::TarField { field, found: found.get(..found.len().min(64)).unwrap_or_default().escape_ascii().to_string() }
}

fn extension_form(
    member: &Member,
    extension: &TarExtension,
    built: Option<&TarExtension>,
) -> Result<TarExtensionForm, Reason> {
    let own = &extension.header;
    let kind = match &extension.body {
        TarExtensionBody::GnuName(_) => ExtensionKind::GnuName,
        TarExtensionBody::GnuLink(_) => ExtensionKind::GnuLink,
        TarExtensionBody::Pax(records) if records.is_empty() => return Err(of("a PAX header without records", b"")),
        TarExtensionBody::Pax(records) => ExtensionKind::Pax(
            records.iter().map(|record| pax_field(member, &record.key, &record.value)).collect::<Result<_, _>>()?,
        ),
    };
    let mode = own.mode.map(u16::try_from).transpose().ok().filter(|mode| mode.is_none_or(|mode| mode <= 0o7777));
    let mut form = TarExtensionForm {
        kind,
        name: ExtensionName::AtPaxHeader,
        dialect: dialect(own)?,
        numbers: numbers(own, own.size)?,
        mode: mode.ok_or_else(|| of("a mode of an extension", b""))?,
        modified: own.mtime,
        owner: owner(own)?,
    };
    let body = header::body(member, &form).map_err(|_| of("an extension", b""))?;
    let names =
        [ExtensionName::AtPaxHeader, ExtensionName::AtLongLink, ExtensionName::PaxHeaders, ExtensionName::AsBuilt];
    for name in names {
        form.name = name;
        let written = header::extension(member, built, &form, body.len()).ok();
        if written.as_deref() == Some(own.block.as_slice()) {
            return Ok(form);
        }
    }
    Err(of("a header of an extension", &own.name))
}

fn pax_field(member: &Member, key: &[u8], value: &[u8]) -> Result<PaxField, Reason> {
    let time = || PaxTime::parse(value);
    let owner = || {
        let number = std::str::from_utf8(value).ok()?.parse::<u32>().ok()?;
        (number > OCTAL_OWNER_MAX && number.to_string().as_bytes() == value).then_some(number)
    };
    let field = match key {
        b"path" => (value == member.path.as_bytes()).then_some(PaxField::Path),
        b"linkpath" => (value == target(member)).then_some(PaxField::LinkPath),
        b"size" => (member.size_bytes > OCTAL_SIZE_MAX && value == member.size_bytes.to_string().as_bytes())
            .then_some(PaxField::Size),
        b"mtime" => time().map(PaxField::Modified),
        b"atime" => time().map(PaxField::Accessed),
        b"ctime" => time().map(PaxField::Changed),
        b"uid" => owner().map(PaxField::Uid),
        b"gid" => owner().map(PaxField::Gid),
        _ => None,
    };
    field.ok_or_else(|| of("a PAX record", &[key, b"=", value].concat()))
}

/// A PAX time is the header's, as far as that has room for it.
fn check_times(values: &TarValues) -> Result<(), Reason> {
    const OCTAL_TIME_MAX: i64 = 0o77_777_777_777;
    for field in header::pax_fields(&values.extensions) {
        let PaxField::Modified(time) = field else { continue };
        // CPython rounded the header's time until 3.7, and cuts it since then.
        let (header, next) = (values.modified, time.seconds.checked_add(1));
        let is_same = header == Some(time.seconds) || (time.fraction.is_some() && header.is_some() && header == next);
        let is_left_out = header == Some(0) && !(0..=OCTAL_TIME_MAX).contains(&time.seconds);
        if !is_same && !is_left_out {
            return Err(of("a time in its PAX header", time.text().as_bytes()));
        }
    }
    Ok(())
}

fn dialect(header: &TarHeader) -> Result<Dialect, Reason> {
    match header.dialect {
        TarDialect::Ustar => Ok(Dialect::Ustar),
        TarDialect::Gnu => Ok(Dialect::Gnu),
        TarDialect::V7 => Ok(Dialect::V7),
        TarDialect::Other => Err(of("a magic", &header.block[257..265])),
    }
}

fn mode_of(mode: u64, kind: &MemberKind) -> Result<TarMode, Reason> {
    let refused = || of("a mode", format!("{mode:o}").as_bytes());
    let permissions = u16::try_from(mode & 0o7777).map_err(|_| refused())?;
    match mode & !0o7777 {
        0 => Ok(TarMode { permissions, has_type: false }),
        bits if bits == u64::from(type_bits(kind)) => Ok(TarMode { permissions, has_type: true }),
        _ => Err(refused()),
    }
}

fn owner(header: &TarHeader) -> Result<TarOwner, Reason> {
    let number = |value: Option<i64>, field: &'static str| {
        let number = value.map(u32::try_from).transpose();
        number.map_err(|_| of(field, value.map(|value| value.to_string()).unwrap_or_default().as_bytes()))
    };
    let name = |name: &[u8], field| OwnerName::of(name).ok_or_else(|| of(field, name));
    Ok(TarOwner {
        uid: number(header.uid, "a user id")?,
        gid: number(header.gid, "a group id")?,
        user: name(&header.user_name, "a user name")?,
        group: name(&header.group_name, "a group name")?,
    })
}

fn numbers(header: &TarHeader, size: u64) -> Result<NumberForms, Reason> {
    let block = &header.block;
    let form = |from: usize, to: usize, value: Option<i64>, field| {
        let bytes = &block[from..to];
        NumberForm::of(bytes, value).ok_or_else(|| of(field, bytes))
    };
    let natural = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
    let device = |from: usize, to: usize| {
        let bytes = &block[from..to];
        let form = NumberForm::of(bytes, Some(0)).or_else(|| NumberForm::of(bytes, None));
        form.ok_or_else(|| of("a device number", bytes))
    };
    Ok(NumberForms {
        mode: form(100, 108, natural(header.mode), "a form of its mode")?,
        uid: form(108, 116, header.uid, "a form of its user id")?,
        gid: form(116, 124, header.gid, "a form of its group id")?,
        size: form(124, 136, natural(Some(size)), "a form of its size")?,
        modified: form(136, 148, header.mtime, "a form of its time")?,
        checksum: form(148, 156, Some(checksum(block)), "a form of its checksum")?,
        device_major: device(329, 337)?,
        device_minor: device(337, 345)?,
    })
}

fn name_form(
    member: &Member,
    own: &TarHeader,
    built: &TarHeader,
    extensions: &[TarExtensionForm],
) -> Result<NameForm, Reason> {
    let path = member.path.as_bytes();
    if !overrules(extensions, false) {
        let split = u8::try_from(own.prefix.len()).map(|prefix_bytes| NameForm::Split { prefix_bytes });
        return if own.prefix.is_empty() {
            Ok(NameForm::Whole)
        } else {
            split.map_err(|_| of("a prefix of its name", &own.prefix))
        };
    }
    let is_built = (&own.name, &own.prefix) == (&built.name, &built.prefix);
    let short = if own.prefix.is_empty() { short_form(path, &own.name) } else { None };
    short.or(is_built.then_some(NameForm::AsBuilt)).ok_or_else(|| of("a name in its header", &own.name))
}

fn link_form(
    member: &Member,
    own: &TarHeader,
    built: &TarHeader,
    extensions: &[TarExtensionForm],
) -> Result<NameForm, Reason> {
    if !overrules(extensions, true) {
        let is_whole = own.link_name == target(member);
        return if is_whole { Ok(NameForm::Whole) } else { Err(of("a link target", &own.link_name)) };
    }
    let is_built = own.link_name == built.link_name;
    let short = short_form(target(member), &own.link_name);
    short.or(is_built.then_some(NameForm::AsBuilt)).ok_or_else(|| of("a link target in its header", &own.link_name))
}

fn short_form(name: &[u8], field: &[u8]) -> Option<NameForm> {
    let forms = [NameForm::Truncated { length: 100 }, NameForm::Truncated { length: 99 }, NameForm::Replaced];
    forms.into_iter().find(|form| shortened(name, *form).is_ok_and(|short| short == field))
}
