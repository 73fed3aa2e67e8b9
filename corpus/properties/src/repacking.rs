//! Container parameters.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use twinbuild_archive::{Archive, Format, Limits, read};
use twinbuild_repack::{FREE_BYTES_ALLOWED, InferError, Parameters, RepackError, infer, repack};

use crate::archives::LIMITS;
use crate::choices::Choices;
use crate::comparison::{check_same_members, is_record, same_lines};
use crate::sums;
use crate::wheel::Wheel;

/// What reading a tar may cost here: each encoder is tried on all of it.
const TAR_LIMITS: Limits = Limits { total_bytes: 1 << 18, ..LIMITS };

/// Whatever a zip file is: if it reads, inferring its container parameters names what is none, or gives parameters that
/// write the very same bytes from its members, also after they were JSON.
///
/// Bytes that do not begin like a zip file choose the members and values of one.
pub fn repack_zip(bytes: &[u8]) {
    if bytes.starts_with(b"PK") {
        check_repacked(bytes, Format::Zip, &LIMITS);
        let sealed = sums::seal_zip(bytes);
        if sealed != bytes {
            check_repacked(&sealed, Format::Zip, &LIMITS);
        }
    } else {
        check_repacked(&Wheel::of_any_shape(&mut Choices::new(bytes)).write(), Format::Zip, &LIMITS);
    }
}

/// The same of a tar, with true checksums and without, and of that tar in gzip; bytes that begin like a gzip file are one.
pub fn repack_tar(bytes: &[u8]) {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        check_repacked(bytes, Format::TarGz, &TAR_LIMITS);
        check_repacked(&sums::seal_gzip(bytes), Format::TarGz, &TAR_LIMITS);
        return;
    }
    let sealed = sums::seal_tar(bytes);
    if sealed != bytes {
        check_repacked(bytes, Format::Tar, &TAR_LIMITS);
    }
    check_repacked(&sealed, Format::Tar, &TAR_LIMITS);
    check_repacked(&in_deflated_gzip(&sealed), Format::TarGz, &TAR_LIMITS);
}

fn in_deflated_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().mtime(1_700_000_000).write(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

fn check_repacked(published: &[u8], format: Format, limits: &Limits) {
    let Ok(archive) = read(published, format, limits) else { return };
    let parameters = match infer(&archive, &published) {
        Ok(parameters) => parameters,
        Err(InferError::NotRepackable(reason)) => {
            assert!(!reason.to_string().contains(char::is_control), "{reason:?}");
            return;
        }
        Err(InferError::Failed(failure)) => panic!("{failure:?}"),
    };
    assert_eq!(written(&parameters, &archive, published).unwrap(), published, "{parameters:?}");
    let json = serde_json::to_vec(&parameters).unwrap();
    let again: Parameters = serde_json::from_slice(&json).unwrap();
    assert_eq!(again, parameters);
    assert_eq!(parameters.validate(), Ok(()));
    let free = parameters.free_bytes_of_all();
    assert_eq!(free.len(), archive.members.len());
    // The names of owners in a tar are as long as they are.
    assert!(format != Format::Zip || free.iter().all(|bytes| *bytes < 32 * FREE_BYTES_ALLOWED), "{free:?}");
}

/// Whatever JSON is, reading it as container parameters fails, or gives parameters that are JSON again and, used on the
/// members of an honest wheel, are refused or write these members and no others, which run as they did.
pub fn container_parameters(bytes: &[u8]) {
    let Ok(parameters) = serde_json::from_slice::<Parameters>(bytes) else { return };
    let json = serde_json::to_vec(&parameters).unwrap();
    assert_eq!(serde_json::from_slice::<Parameters>(&json).unwrap(), parameters);
    let rebuilt = parametrized_wheel();
    let archive = read(&rebuilt, Format::Zip, &Limits::default()).unwrap();
    let written = match written(&parameters, &archive, &rebuilt) {
        Ok(written) => written,
        Err(RepackError::Unfit(unfit)) => {
            assert!(!unfit.to_string().contains(char::is_control), "{unfit:?}");
            return;
        }
        Err(RepackError::Failed(failure)) => panic!("{failure:?}"),
    };
    assert_eq!(parameters.validate(), Ok(()), "what is not valid was used");
    check_same_members([&written, &rebuilt], |path, a, b| {
        assert!(is_record(path) && same_lines(a, b), "{path} has another content: {parameters:?}");
    });
    assert_eq!(parameters.free_bytes_of_all().len(), archive.members.len());
}

/// The wheel whose members [`container_parameters`] writes.
pub(crate) fn parametrized_wheel() -> Vec<u8> {
    Wheel::chosen(&mut Choices::new(&[])).write()
}

fn written(parameters: &Parameters, archive: &Archive, bytes: &[u8]) -> Result<Vec<u8>, RepackError> {
    let mut written = Vec::new();
    repack(parameters, archive, &bytes, &mut written)?;
    Ok(written)
}
