//! All container parameters of one tar.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twinbuild_archive::{Archive, Container, Fields, Member, ReadAt, TarFields, TarStream};
use twinbuild_subject::{MemberPath, Sha256, Sha256Hasher};

use crate::against::Against;
use crate::column::Column;
use crate::error::{Failure, InferError, NotRepackable, Reason, RepackError, Unfit};
use crate::permutation::Permutation;
use crate::shared::Shared;
use crate::tar::expanded::Expanded;
use crate::tar::form::{Dialect, ExtensionKind, PaxField, TarExtensionForm, TarHeaderForm, TarMode, TarOwner};
use crate::tar::header::BLOCK_BYTES;
use crate::tar::stream::{Plan, tar_member};
use crate::tar::values::{TarValues, values};

/// What ends a tar at most, in blocks: the largest blocking factor of GNU tar that is in use is far smaller.
const END_BLOCKS_MAX: u32 = 1 << 13;

/// The container parameters of one tar: all that its bytes have beyond its members (law 7). Names, kinds, contents, sizes
/// and link targets are the members' own and do not occur; global PAX headers are the rebuild's own.
///
/// Columns are in the order in which the members lie in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TarParameters {
    /// How many members there are.
    pub members: u32,
    /// The SHA-256 of the members' names in sorted order, each preceded by its length as 64 bits, least significant byte
    /// first. Nothing is written from it: it says for which members the parameters are.
    pub names: Sha256,
    /// The members, sorted by the bytes of their names, in the order of the file.
    pub order: Permutation,
    /// How many global PAX headers stand in front of all members.
    pub globals: u32,
    /// All that is enumerated in the members' headers.
    pub form: Column<TarHeaderForm>,
    /// Modes.
    pub mode: Column<Option<TarMode>>,
    /// Times, in Unix seconds.
    pub modified: Column<Option<i64>>,
    /// Owners.
    pub owner: Column<TarOwner>,
    /// The headers in front of the members' own.
    pub extensions: Column<Vec<TarExtensionForm>>,
    /// How many blocks of zeros end the tar, 2 to 8192: the blocking factor fills them up.
    #[schemars(range(min = 2, max = 8192))]
    pub end_blocks: u32,
}

impl TarParameters {
    /// The parameters of the members one by one; [`Self::members`] of them if [`Self::validate`] holds.
    pub(crate) fn values(&self) -> impl Iterator<Item = TarValues> {
        let mut form = self.form.iter();
        let mut mode = self.mode.iter();
        let mut modified = self.modified.iter();
        let mut owner = self.owner.iter();
        let mut extensions = self.extensions.iter();
        (0..self.members).map_while(move |_| {
            Some(TarValues {
                form: *form.next()?,
                mode: *mode.next()?,
                modified: *modified.next()?,
                owner: owner.next()?.clone(),
                extensions: extensions.next()?.clone(),
            })
        })
    }

    /// Checks what the types alone do not; what does not go with a member shows when it is written.
    ///
    /// # Errors
    /// [`Unfit::Invalid`], which names the first value that is out of its range.
    pub fn validate(&self) -> Result<(), Unfit> {
        let count = self.members;
        let is_possible = |extensions: &Vec<TarExtensionForm>| {
            let has_twice = |at: usize| {
                let kind = |extension: &TarExtensionForm| std::mem::discriminant(&extension.kind);
                extensions.iter().skip(at + 1).any(|other| kind(other) == kind(&extensions[at]))
            };
            let has_pax = extensions.iter().any(|extension| matches!(extension.kind, ExtensionKind::Pax(_)));
            !(has_pax && extensions.len() > 1)
                && (0..extensions.len()).all(|at| !has_twice(at))
                && extensions.iter().all(is_valid)
        };
        for (what, is_valid) in [
            ("form", self.form.covers(count)),
            ("mode", self.mode.covers(count)),
            ("mode", self.mode.distinct().flatten().all(|mode| mode.permissions <= 0o7777)),
            ("modified", self.modified.covers(count)),
            ("owner", self.owner.covers(count)),
            ("extensions", self.extensions.covers(count)),
            ("extensions", self.extensions.distinct().all(is_possible)),
            ("endBlocks", (2..=END_BLOCKS_MAX).contains(&self.end_blocks)),
        ] {
            if !is_valid {
                return Err(Unfit::Invalid { what });
            }
        }
        Ok(())
    }
}

/// Whether an extension is lawful by itself: of a dialect that has extensions, each record once, times that are times.
fn is_valid(extension: &TarExtensionForm) -> bool {
    if extension.dialect == Dialect::V7 {
        return false;
    }
    let ExtensionKind::Pax(fields) = &extension.kind else { return true };
    let times = fields.iter().all(|field| match field {
        PaxField::Modified(time) | PaxField::Accessed(time) | PaxField::Changed(time) => time.is_valid(),
        PaxField::Path | PaxField::LinkPath | PaxField::Size | PaxField::Uid(_) | PaxField::Gid(_) => true,
    });
    let has_twice = fields.iter().enumerate().any(|(at, field)| {
        fields[..at].iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(field))
    });
    times && !has_twice && extension.mode.is_none_or(|mode| mode <= 0o7777)
}

/// The indices of the members in the order of the bytes of their names.
pub(crate) fn sorted(archive: &Archive) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..archive.members.len()).collect();
    sorted.sort_by_key(|index| archive.members.get(*index).map(|member| member.path.as_bytes()));
    sorted
}

/// What [`TarParameters::names`] is: the names in sorted order, each after its length.
pub(crate) fn names_digest(archive: &Archive, sorted: &[usize]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for member in sorted.iter().filter_map(|index| archive.members.get(*index)) {
        let name = member.path.as_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
    }
    hasher.finish()
}

/// Infers the parameters of a published tar for a rebuild, or for its own members, and holds every byte of the tar against
/// what they write.
pub(crate) fn infer(
    published: &Archive,
    bytes: &dyn ReadAt,
    tar: &TarStream,
    shared: Option<&Shared<'_>>,
) -> Result<TarParameters, InferError> {
    let whole = |reason| NotRepackable { path: None, reason };
    if let Some(anomaly) = published.anomalies.iter().find(|anomaly| !is_about_names(anomaly.code)) {
        let reason = Reason::Anomaly { code: anomaly.code, offset: anomaly.offset };
        return Err(NotRepackable { path: anomaly.path.clone(), reason }.into());
    }
    let rebuilt = shared.map_or(published, Shared::rebuilt);
    check_globals(tar, rebuilt).map_err(whole)?;
    let of_members = all_values(published, rebuilt)?;
    let sorted = sorted(published);
    let mut positions = vec![0; sorted.len()];
    for (position, index) in sorted.iter().enumerate() {
        positions[*index] = position;
    }
    let end_blocks = tar.size_bytes.saturating_sub(tar.end_offset) / BLOCK_BYTES as u64;
    let parameters = TarParameters {
        members: u32::try_from(published.members.len()).map_err(|_| whole(Reason::Count))?,
        names: names_digest(published, &sorted),
        order: Permutation::of(positions).ok_or_else(|| whole(Reason::Count))?,
        globals: u32::try_from(tar.globals.len()).map_err(|_| whole(Reason::Count))?,
        form: of_members.iter().map(|values| values.form).collect(),
        mode: of_members.iter().map(|values| values.mode).collect(),
        modified: of_members.iter().map(|values| values.modified).collect(),
        owner: of_members.iter().map(|values| values.owner.clone()).collect(),
        extensions: of_members.iter().map(|values| values.extensions.clone()).collect(),
        end_blocks: u32::try_from(end_blocks)
            .ok()
            .filter(|blocks| (2..=END_BLOCKS_MAX).contains(blocks))
            .ok_or_else(|| whole(Reason::EndBlocks { blocks: end_blocks }))?,
    };
    check_bytes(published, bytes, &parameters)?;
    Ok(parameters)
}

/// Anomalies of names are the members' own, which the rebuild has too.
fn is_about_names(code: &str) -> bool {
    code.starts_with("name-") || code == "tar-name-encoding"
}

/// Global headers say what they like, so the rebuild has to have the very same.
fn check_globals(tar: &TarStream, rebuilt: &Archive) -> Result<(), Reason> {
    let (Container::Tar(other) | Container::TarGz { tar: other, .. }) = &rebuilt.container else {
        return Err(Reason::Format);
    };
    let is_same = tar.globals.len() == other.globals.len()
        && tar.globals.iter().zip(&other.globals).all(|(ours, theirs)| {
            ours.header == theirs.header && ours.body == theirs.body && ours.offset == theirs.offset
        });
    if is_same { Ok(()) } else { Err(Reason::Globals) }
}

fn all_values(published: &Archive, rebuilt: &Archive) -> Result<Vec<TarValues>, InferError> {
    let theirs: HashMap<&[u8], &Member> =
        rebuilt.members.iter().map(|member| (member.path.as_bytes(), member)).collect();
    let mut all = Vec::with_capacity(published.members.len());
    for index in 0..published.members.len() {
        let Some((member, fields)) = tar_member(published, index) else {
            return Err(NotRepackable { path: None, reason: Reason::Format }.into());
        };
        let built: Option<&TarFields> = match theirs.get(member.path.as_bytes()).map(|member| &member.fields) {
            Some(Fields::Tar(fields)) => Some(fields),
            _ => None,
        };
        let found = values(member, fields, built.unwrap_or(fields));
        all.push(found.map_err(|reason| NotRepackable { path: Some(member.path.clone()), reason })?);
    }
    Ok(all)
}

/// Holds each byte of the tar against what its own members give. Names that are as built are its own as well, since they
/// are the same.
fn check_bytes(published: &Archive, bytes: &dyn ReadAt, parameters: &TarParameters) -> Result<(), InferError> {
    // One for each reader, as both read from front to back.
    let (Some(written), Some(expanded)) = (Expanded::new(published, bytes), Expanded::new(published, bytes)) else {
        return Err(NotRepackable { path: None, reason: Reason::Format }.into());
    };
    let unexplained = |offset: u64| {
        let starts = published.members.iter().rev().filter_map(|member| match &member.fields {
            Fields::Tar(fields) => Some((fields.offset, member)),
            Fields::Zip(_) | Fields::Ar(_) | Fields::None => None,
        });
        let path: Option<MemberPath> =
            starts.clone().find(|(start, _)| *start <= offset).map(|(_, member)| member.path.clone());
        InferError::from(NotRepackable { path, reason: Reason::Unexplained { offset } })
    };
    let plan = match Plan::new(parameters, published, &written) {
        Ok(plan) => plan,
        Err(_) => return Err(unexplained(0)),
    };
    let mut against = Against::new(&expanded, 0, expanded.size());
    match plan.write(&mut against) {
        Err(RepackError::Failed(failure)) if !against.has_stopped() => return Err(failure.into()),
        _ => {}
    }
    let read = |error| Failure::read(&MemberPath::new(*b""), error);
    against.finish().map_err(read)?.map_or(Ok(()), |offset| Err(unexplained(offset)))
}
