//! Local headers and data descriptors (APPNOTE 4.3.7, 4.3.9), each held against its central header.

use twinbuild_subject::MemberPath;

use crate::archive::Anomaly;
use crate::error::ReadError;
use crate::limits::Budget;
use crate::source::{Source, length};
use crate::zip::bytes::{le16, le32, le64};
use crate::zip::directory::{Central, ZipHeader};
use crate::zip::extra::{self, Narrow, Place, Wide};
use crate::zip::fault::ZipFault;
use crate::zip::method::ZipMethod;
use crate::zip::{FLAG_DESCRIPTOR, FLAG_LZMA_END, FLAG_UTF8};

pub(super) const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: u64 = 30;
const DESCRIPTOR_SIGNATURE: [u8; 4] = *b"PK\x07\x08";
/// Bits that decide what is read: encryption, descriptor, patch, strong encryption, UTF-8, masked headers.
const FLAGS_DECISIVE: u16 = 1 | FLAG_DESCRIPTOR | 1 << 5 | 1 << 6 | FLAG_UTF8 | 1 << 13;

/// What follows the contents of a member whose flag bit 3 is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataDescriptor {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// It begins with the optional signature.
    pub is_signed: bool,
    /// Its sizes have 64 bits.
    pub is_wide: bool,
}

impl DataDescriptor {
    /// In bytes: 12, 16, 20 or 24.
    #[must_use]
    pub fn length(&self) -> u64 {
        let sizes = if self.is_wide { 16 } else { 8 };
        sizes + if self.is_signed { 8 } else { 4 }
    }
}

/// A local header and where what belongs to it lies.
pub(super) struct Local {
    pub(super) header: ZipHeader,
    pub(super) data_offset: u64,
    pub(super) descriptor: Option<DataDescriptor>,
}

/// Reads the local header of a member and holds it against the central one.
pub(super) fn read(
    source: &Source<'_>,
    central: &Central,
    directory: u64,
    budget: &mut Budget,
    anomalies: &mut Vec<Anomaly>,
) -> Result<Local, ReadError> {
    let path = &central.path;
    let offset = central.wide.local_offset;
    let fault = |found: String| ReadError::from(ZipFault::LocalHeader { path: path.clone(), offset, found });
    let fixed_end = offset.checked_add(LOCAL_BYTES).filter(|end| *end <= directory);
    let Some(fixed_end) = fixed_end else {
        return Err(fault(format!("the directory at offset {directory}")));
    };
    let Some(fixed) = source.array::<30>(offset)? else { return Err(fault("the end of the file".to_owned())) };
    if fixed[..4] != LOCAL_SIGNATURE {
        return Err(fault(format!("signature {:08x}", le32(&fixed, 0))));
    }
    let [name_length, extra_length] = [26, 28].map(|at| le16(&fixed, at));
    let name_end = fixed_end + u64::from(name_length);
    let data_offset = name_end + u64::from(extra_length);
    if data_offset > directory {
        return Err(fault(format!("the directory at offset {directory} within its name or extra fields")));
    }
    budget.headers(extra_length.into())?;
    let name = source.bytes(fixed_end, name_length.into())?;
    if name != path.as_bytes() {
        return Err(ZipFault::LocalName { path: path.clone(), local: MemberPath::new(name), offset }.into());
    }
    let mut header = ZipHeader::parse(&fixed[4..]);
    let extra = source.bytes(name_end, extra_length.into())?;
    header.extra = extra::parse(&extra, &Place { path, offset: name_end }, anomalies)?;
    let mut local = Local { header, data_offset, descriptor: None };
    let compressed = central.wide.compressed_size;
    let data_end = data_offset.checked_add(compressed).filter(|end| *end <= directory);
    let Some(data_end) = data_end else {
        let (path, length) = (path.clone(), compressed);
        return Err(ZipFault::DataRange { path, offset: data_offset, length, end: directory }.into());
    };
    compare(&local.header, central, anomalies)?;
    if central.header.flags & FLAG_DESCRIPTOR != 0 {
        local.descriptor = Some(descriptor(source, central, &local.header, data_end, directory)?);
    }
    Ok(local)
}

fn compare(local: &ZipHeader, central: &Central, anomalies: &mut Vec<Anomaly>) -> Result<(), ReadError> {
    let offset = central.wide.local_offset;
    let header = &central.header;
    let differs = |field, local: u64, central_value: u64| {
        let path = central.path.clone();
        ReadError::from(ZipFault::LocalDiffers { path, offset, field, local, central: central_value })
    };
    let method = ZipMethod::of(header.method);
    let decisive = if central.path.as_bytes().is_ascii() { FLAGS_DECISIVE & !FLAG_UTF8 } else { FLAGS_DECISIVE };
    let decisive = if method == Some(ZipMethod::Lzma) { decisive | FLAG_LZMA_END } else { decisive };
    if (local.flags ^ header.flags) & decisive != 0 {
        return Err(differs("flags", local.flags.into(), header.flags.into()));
    }
    if local.method != header.method {
        return Err(differs("method", local.method.into(), header.method.into()));
    }
    let narrow = Narrow { size: local.size, compressed_size: local.compressed_size, local_offset: None };
    let wide = extra::widen(&local.extra, &narrow).map_err(|detail| ZipFault::Zip64Extra {
        path: central.path.clone(),
        offset,
        detail,
    })?;
    let sums = [
        ("CRC-32", u64::from(local.crc32), u64::from(header.crc32)),
        ("compressed size", wide.compressed_size, central.wide.compressed_size),
        ("size", wide.size, central.wide.size),
    ];
    let is_left_to_descriptor = local.flags & FLAG_DESCRIPTOR != 0 && sums.iter().all(|(_, local, _)| *local == 0);
    let size = central.wide.size;
    if local.flags & FLAG_DESCRIPTOR != 0 && method == Some(ZipMethod::Stored) && size != 0 {
        return Err(ZipFault::StoredDescriptor { path: central.path.clone(), offset, size }.into());
    }
    let different = sums.into_iter().find(|(_, local, central)| local != central);
    if let Some((field, local, central)) = different.filter(|_| !is_left_to_descriptor) {
        return Err(differs(field, local, central));
    }
    let Wide { is_needless, .. } = wide;
    if is_needless && local.flags & FLAG_DESCRIPTOR == 0 && central.wide.size < u64::from(u32::MAX) {
        note(anomalies, central, "zip-zip64-needless", "a zip64 extra field repeats the local header".to_owned());
    }
    if (local.time, local.date) != (header.time, header.date) {
        let [ours, theirs] = [local, header].map(|header| format!("{:04x}/{:04x}", header.date, header.time));
        let detail = format!("the DOS time is {ours} in the local header and {theirs} in the directory");
        note(anomalies, central, "zip-time-differs", detail);
    }
    if local.version_needed != header.version_needed {
        let (ours, theirs) = (local.version_needed, header.version_needed);
        let detail = format!("version {ours} is needed by the local header and {theirs} by the directory");
        note(anomalies, central, "zip-version-differs", detail);
    }
    if local.flags != header.flags {
        let detail = format!(
            "the flags are {:#06x} in the local header and {:#06x} in the directory",
            local.flags, header.flags
        );
        note(anomalies, central, "zip-flags-differ", detail);
    }
    Ok(())
}

fn note(anomalies: &mut Vec<Anomaly>, central: &Central, code: &'static str, detail: String) {
    let (offset, path) = (central.wide.local_offset, Some(central.path.clone()));
    anomalies.push(Anomaly { code, offset, length: LOCAL_BYTES, path, detail });
}

/// Finds the descriptor after the contents. APPNOTE lets the signature be absent; the sizes have 64 bits where the local
/// header has a zip64 field or a size needs it. A reader that streams knows no other sign, so another width is a fault.
fn descriptor(
    source: &Source<'_>,
    central: &Central,
    local: &ZipHeader,
    offset: u64,
    directory: u64,
) -> Result<DataDescriptor, ReadError> {
    let available = usize::try_from(directory - offset).map_or(24, |left| left.min(24));
    let bytes = source.bytes(offset, available)?;
    let Wide { size, compressed_size, .. } = central.wide;
    let needs_width = size.max(compressed_size) > u64::from(u32::MAX);
    let is_wide = needs_width || local.extra.has_zip64();
    let holds = |is_signed: bool, is_wide: bool| {
        let descriptor = DataDescriptor { offset, is_signed, is_wide };
        let at = if is_signed { 4 } else { 0 };
        let sizes = if is_wide {
            (le64(&bytes, at + 4), le64(&bytes, at + 12))
        } else {
            (le32(&bytes, at + 4).into(), le32(&bytes, at + 8).into())
        };
        let is_true = length(&bytes) >= descriptor.length()
            && (!is_signed || bytes.starts_with(&DESCRIPTOR_SIGNATURE))
            && le32(&bytes, at) == central.header.crc32
            && sizes == (compressed_size, size);
        is_true.then_some(descriptor)
    };
    if let Some(descriptor) = holds(true, is_wide).or_else(|| holds(false, is_wide)) {
        return Ok(descriptor);
    }
    let detail = if holds(true, !is_wide).or_else(|| holds(false, !is_wide)).is_some() {
        let [found, expected] = if is_wide { [32, 64] } else { [64, 32] };
        format!("has sizes of {found} bits where {expected} were expected")
    } else {
        let crc = central.header.crc32;
        format!("does not hold the CRC-32 {crc:08x}, the compressed size {compressed_size} and the size {size}")
    };
    Err(ZipFault::Descriptor { path: central.path.clone(), offset, detail }.into())
}
