//! The parameters of one member, and of the end, as a published zip file has them.

use twinbuild_archive::{ExtraField, ExtraFields, ExtraKind, Member, ZipEnd, ZipFields};

use crate::error::Reason;
use crate::fields::{
    Compressed, Creator, Descriptor, DosTime, Effort, Encoder, Extra, Mode, VersionNeeded, Zip64EndForm, Zip64Form,
};
use crate::header::type_bits;
use crate::zip_parameters::{Values, are_valid};

/// General purpose bits 1, 2, 3 and 11.
const FLAGS: u16 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11;
const FLAG_UTF8: u16 = 1 << 11;
const ZIP64: u16 = 0x0001;

/// The parameters of one member. Of a deflated one the encoder is not known yet, and the first one stands for it.
pub(crate) fn values(member: &Member, fields: &ZipFields) -> Result<Values, Reason> {
    let (local, central) = (&fields.local, &fields.central);
    if !fields.comment.is_empty() {
        return Err(Reason::MemberComment { length: fields.comment.len() as u64 });
    }
    if fields.tail_bytes > 0 {
        return Err(Reason::DeflateTail { length: fields.tail_bytes });
    }
    if let Some(flags) = [central.flags, local.flags].into_iter().find(|flags| flags & !FLAGS != 0) {
        return Err(Reason::Flags { flags });
    }
    for (field, differs) in [
        ("flags", local.flags != central.flags),
        ("DOS time", (local.date, local.time) != (central.date, central.time)),
        ("version needed", local.version_needed != central.version_needed),
    ] {
        if differs {
            return Err(Reason::HeadersDiffer { field });
        }
    }
    let (system, version) = (fields.creator_system, fields.creator_version);
    let creator = Creator::of(system, version).ok_or(Reason::Creator { system, version })?;
    let version = central.version_needed;
    let version_needed = VersionNeeded::of(version).ok_or(Reason::VersionNeeded { version })?;
    if let Some(type_bits) = member.type_bits.filter(|bits| *bits != type_bits(&member.kind)) {
        return Err(Reason::TypeBits { type_bits });
    }
    let mode = match member.mode {
        None => None,
        Some(mode) => {
            let permissions = u16::try_from(mode).map_err(|_| Reason::TypeBits { type_bits: mode })?;
            Some(Mode { permissions, has_type: member.type_bits.is_some() })
        }
    };
    // Zeros, where a descriptor follows, are what was left to it; where nothing was compressed they are also true.
    let zip64_is_zero =
        local.extra.fields.iter().all(|field| field.id != ZIP64 || field.data.iter().all(|byte| *byte == 0));
    let is_zero = |size: u32| size == 0 || (size == u32::MAX && local.extra.has_zip64());
    let is_redundant = local.crc32 != 0 || !is_zero(local.size) || !is_zero(local.compressed_size) || !zip64_is_zero;
    Ok(Values {
        creator,
        version_needed,
        effort: Effort::of(central.flags),
        is_utf8: central.flags & FLAG_UTF8 != 0,
        descriptor: fields
            .descriptor
            .map(|descriptor| Descriptor { has_signature: descriptor.is_signed, is_redundant }),
        modified: DosTime { date: central.date, time: central.time },
        mode,
        compressed: Compressed::By(if central.method == 0 { Encoder::Stored } else { Encoder::DEFAULT }),
        local_extra: extra(
            &local.extra,
            &Header { size: local.size, compressed_size: local.compressed_size, local_offset: None },
        )?,
        central_extra: extra(
            &central.extra,
            &Header {
                size: central.size,
                compressed_size: central.compressed_size,
                local_offset: Some(fields.stored_local_offset),
            },
        )?,
    })
}

/// What a header has beside its extra fields.
struct Header {
    size: u32,
    compressed_size: u32,
    /// In the directory only.
    local_offset: Option<u32>,
}

fn extra(stored: &ExtraFields, header: &Header) -> Result<Vec<Extra>, Reason> {
    if !stored.remainder.is_empty() {
        return Err(Reason::ExtraRemainder { length: stored.remainder.len() as u64 });
    }
    let fields = stored.fields.iter().map(|field| one(field, header)).collect::<Result<Vec<_>, _>>()?;
    if are_valid(&fields, header.local_offset.is_none()) { Ok(fields) } else { Err(Reason::ExtraFields) }
}

fn one(field: &ExtraField, header: &Header) -> Result<Extra, Reason> {
    match field.kind() {
        ExtraKind::Zip64 => Ok(Extra::Zip64(zip64(field, header))),
        ExtraKind::Timestamp { flags, modified, accessed, created } => {
            Ok(Extra::Timestamp { flags, modified, accessed, created })
        }
        ExtraKind::Ntfs { modified, accessed, created } => Ok(Extra::Ntfs { modified, accessed, created }),
        ExtraKind::UnicodePath { .. } | ExtraKind::Other => {
            Err(Reason::ExtraField { id: field.id, length: field.data.len() as u64 })
        }
    }
}

fn zip64(field: &ExtraField, header: &Header) -> Zip64Form {
    let [size, compressed_size, local_offset] =
        [Some(header.size), Some(header.compressed_size), header.local_offset].map(|value| value == Some(u32::MAX));
    if size || compressed_size || local_offset {
        Zip64Form::Saturated { size, compressed_size, local_offset }
    } else {
        Zip64Form::Repeated { local_offset: field.data.len() > 16 }
    }
}

/// The form of the zip64 end record, where there is one.
pub(crate) fn zip64_end(end: &ZipEnd) -> Result<Option<Zip64EndForm>, Reason> {
    let Some(zip64) = end.zip64 else { return Ok(None) };
    let [version, system] = zip64.creator.to_le_bytes();
    let (members, size, offset) = end.classic;
    Ok(Some(Zip64EndForm {
        creator: Creator::of(system, version).ok_or(Reason::Creator { system, version })?,
        version_needed: VersionNeeded::of(zip64.version_needed)
            .ok_or(Reason::VersionNeeded { version: zip64.version_needed })?,
        saturated_members: members == u16::MAX,
        saturated_size: size == u32::MAX,
        saturated_offset: offset == u32::MAX,
    }))
}
