//! Whether rebuilt members with the published container's parameters are the published file.

use std::collections::HashSet;

use twinbuild_archive::{Archive, ReadAt};
use twinbuild_subject::MemberPath;

use crate::against::Against;
use crate::error::{Failure, InferError, NotRepackable, RepackError, Unfit};
use crate::infer::infer_for;
use crate::parameters::Parameters;
use crate::repack::repack;
use crate::shared::Shared;

/// What came of writing a published file again from rebuilt members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exactness {
    /// The published file, byte for byte: the level `repacked`, with these parameters.
    Exact(Box<Parameters>),
    /// Another file.
    Different {
        /// The first byte of the published file that differs; its size if only more is written.
        offset: u64,
        /// What was written with.
        parameters: Box<Parameters>,
    },
    /// The published file has something that is no container parameter.
    NotRepackable(NotRepackable),
    /// The rebuilt members may not be written with the published parameters.
    Unfit(Unfit),
}

/// Infers the parameters of the published file, writes it again from the rebuilt archive's members, and holds each byte
/// against the published one. Nothing is kept: memory is bounded as in [`infer_for`] and [`repack`].
///
/// # Errors
/// When one of the files cannot be read again, or zlib fails.
pub fn is_exact(
    published: &Archive,
    published_bytes: &dyn ReadAt,
    rebuilt: &Archive,
    rebuilt_bytes: &dyn ReadAt,
) -> Result<Exactness, Failure> {
    if let Some(unfit) = differing_names(published, rebuilt) {
        return Ok(Exactness::Unfit(unfit));
    }
    let shared = Shared::find(published, published_bytes, rebuilt, rebuilt_bytes)?;
    match infer_for(published, published_bytes, &shared) {
        Ok(parameters) => writes_exactly(parameters, published_bytes, rebuilt, rebuilt_bytes),
        Err(InferError::NotRepackable(reason)) => Ok(Exactness::NotRepackable(reason)),
        Err(InferError::Failed(failure)) => Err(failure),
    }
}

/// The second half of [`is_exact`], for parameters that were inferred already.
///
/// # Errors
/// As [`is_exact`].
pub fn writes_exactly(
    parameters: Parameters,
    published_bytes: &dyn ReadAt,
    rebuilt: &Archive,
    rebuilt_bytes: &dyn ReadAt,
) -> Result<Exactness, Failure> {
    let parameters = Box::new(parameters);
    let mut against = Against::new(published_bytes, 0, published_bytes.size());
    let outcome = repack(&parameters, rebuilt, rebuilt_bytes, &mut against);
    match outcome {
        Err(RepackError::Unfit(unfit)) => return Ok(Exactness::Unfit(unfit)),
        Err(RepackError::Failed(failure)) if !against.has_stopped() => return Err(failure),
        Err(RepackError::Failed(_)) | Ok(()) => {}
    }
    let read = |error| Failure::read(&MemberPath::new(*b""), error);
    Ok(match against.finish().map_err(read)? {
        None => Exactness::Exact(parameters),
        Some(offset) => Exactness::Different { offset, parameters },
    })
}

/// The first member that only one of the archives has.
fn differing_names(published: &Archive, rebuilt: &Archive) -> Option<Unfit> {
    let only_in = |archive: &Archive, other: &Archive| {
        let names: HashSet<&[u8]> = other.members.iter().map(|member| member.path.as_bytes()).collect();
        archive.members.iter().map(|member| &member.path).find(|path| !names.contains(path.as_bytes())).cloned()
    };
    only_in(published, rebuilt)
        .map(|path| Unfit::Missing { path })
        .or_else(|| only_in(rebuilt, published).map(|path| Unfit::Unexpected { path }))
}
